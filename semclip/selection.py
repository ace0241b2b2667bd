"""From scores to a selection: the best boxes that do not repeat each other, within a budget, and their exports."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from semclip import prompts
from semclip.errors import InputError, ModelError
from semclip.files import write_atomic
from semclip.geometry import Box, Size, intersection_area
from semclip.types import Floats, Maker, Picture, Pixels, Prompt, Scored

if TYPE_CHECKING:
    from PIL.Image import Image as PILImage

OVERVIEW_PX = 1024
"""Long side of the overview: about what VLMs look at when they are given a photo alone."""

MAX_OVERLAP = 0.3
"""Of two chosen boxes, where ψ does not tell what each adds; neighbours half a window from each other share more."""

GATE_VERSION = 1
GATE_STATISTIC = "peak"

CountTokens = Callable[[Sequence[Size]], int]
"""Visual tokens that a model spends on pictures of these sizes."""


def llava_tokens(sizes: Sequence[Size]) -> int:
    """Visual tokens of LLaVA-1.5: 576 a picture, whatever its size."""
    return 576 * len(sizes)


def peak(scored: Sequence[Scored]) -> float:
    """How far the best score stands out: (best - mean) / (best - worst), at least 0 and below 1.

    0 where all are alike, near 1 where one stands alone; free of the scale and the origin of scores, not of the set of
    boxes. -inf takes no part. Chosen among such statistics by measurement (docs/experiments.md).

    >>> peak([Scored(Box(0, 0, 1, 1), score) for score in (4.0, 0.0, 0.0, 0.0)])
    0.75
    """
    # Halves: the distance between two scores may be more than a float can hold.
    halves = [one.score / 2 for one in scored if one.score > -math.inf]
    best, worst = max(halves, default=0.0), min(halves, default=0.0)
    if best == worst:
        return 0.0
    return math.fsum((best - half) / (best - worst) for half in halves) / len(halves)


@dataclass(frozen=True, slots=True)
class Gate:
    """Shows crops only where the `peak` of the scores is at least `threshold`: 0 is always, 1 never.

    Calibrated for one ψ and one proposer: `psi` is the ψ's fingerprint, `proposer` the proposer's name.
    """

    threshold: float
    psi: str
    proposer: str

    def __post_init__(self) -> None:
        if not 0 <= self.threshold <= 1:
            raise InputError(f"a gate's threshold needs to be between 0 and 1, got {self.threshold}")

    def opens(self, considered: Sequence[Scored]) -> bool:
        """Whether crops are shown."""
        return peak(considered) >= self.threshold

    @staticmethod
    def read(path: str | os.PathLike[str]) -> Gate:
        """The gate in a file that `semclip calibrate` wrote.

        Raises: InputError where the file cannot be read, or holds something else.
        """
        try:
            fields = json.loads(Path(path).read_bytes())
            kind = (fields["version"], fields["statistic"])
            threshold, psi, proposer = fields["threshold"], fields["psi"]["fingerprint"], fields["proposer"]
            if kind != (GATE_VERSION, GATE_STATISTIC):
                raise ValueError(f"version and statistic are {kind}, not {(GATE_VERSION, GATE_STATISTIC)}")
            if type(threshold) not in (int, float) or not isinstance(psi, str) or not isinstance(proposer, str):
                raise ValueError("a number and two texts are needed as threshold, fingerprint and proposer")
            return Gate(threshold, psi, proposer)
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            cause = f"{type(error).__name__}: {error}"
            raise InputError(f"a gate needs a file that semclip calibrate wrote, got {path} ({cause})") from error


@dataclass(frozen=True, slots=True)
class Choice:
    """How many boxes to choose, and on what terms.

    `max_overlap`: the largest share of the smaller of two chosen boxes that the other may hold; by default what ψ says
    that each adds to the others decides, or `MAX_OVERLAP` where it does not say. `threshold`: scores below it are never
    chosen. `min_gain`: what a further box must add, as a share of what the first is worth, 0 to 1; needs a ψ that says
    what boxes add. `max_visual_tokens`: for overview and crops together, as `count_tokens` counts them. `gate`: chooses
    nothing where the scores say that the overview suffices.
    """

    k: int = 2
    max_overlap: float | None = None
    threshold: float | None = None
    min_gain: float = 0.0
    max_visual_tokens: int | None = None
    count_tokens: CountTokens = llava_tokens
    gate: Gate | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.k, int) or self.k < 0:
            raise InputError(f"k needs to be a whole number of at least 0, got {self.k!r}")
        if self.max_overlap is not None and not 0 <= self.max_overlap <= 1:
            raise InputError(f"max_overlap needs to be between 0 and 1, got {self.max_overlap}")
        if self.threshold is not None and math.isnan(self.threshold):
            raise InputError("a threshold needs to be a number, got nan")
        if not 0 <= self.min_gain <= 1:
            raise InputError(f"min_gain needs to be between 0 and 1, got {self.min_gain}")


def choose(scored: Sequence[Scored], choice: Choice, *, size: Size, worth: Floats | None = None) -> tuple[Scored, ...]:
    """What `choice` picks from `scored` in an image of `size`, best first; may be fewer than k, or none.

    `worth` is that of types.Weighed. Raises: InputError for a `min_gain` without it; ModelError as `top_k`.
    """
    if worth is None and choice.min_gain and scored:
        raise InputError("min_gain needs a psi that says what each box adds to others, as embedded does")
    if worth is None:
        limit = MAX_OVERLAP if choice.max_overlap is None else choice.max_overlap
        best = top_k(scored, choice.k, max_overlap=limit, threshold=choice.threshold)
    else:
        best = most_worth(scored, worth, choice)
    if choice.gate is not None and not choice.gate.opens(scored):
        return ()
    if choice.max_visual_tokens is None:
        return best
    return within_budget(best, choice.count_tokens, size=size, max_visual_tokens=choice.max_visual_tokens)


def top_k(
    scored: Sequence[Scored], k: int, *, max_overlap: float = MAX_OVERLAP, threshold: float | None = None
) -> tuple[Scored, ...]:
    """The k best that do not repeat each other, best first; ties keep the order given.

    A candidate is passed over where it and a better one share more than `max_overlap` of the smaller of the two. The
    smaller, not the union: IoU hardly sees a box nested in a larger one, and k crops of one target would hide a second
    target elsewhere.

    Raises: ModelError on a score of NaN or +inf; -inf is never chosen.
    """
    chosen: list[Scored] = []
    for candidate in sorted(scored, key=_descending):
        if len(chosen) == k or candidate.score == -math.inf or (threshold is not None and candidate.score < threshold):
            break
        if all(overlap(candidate.box, better.box) <= max_overlap for better in chosen):
            chosen.append(candidate)
    return tuple(chosen)


def most_worth(scored: Sequence[Scored], worth_MN: Floats, choice: Choice) -> tuple[Scored, ...]:
    """The k boxes that together are worth most: first the best, then each time what adds most to those before it.

    A box may lie in another where it is worth it: a close-up where the target probably is, and around it what surely
    holds it. Such a choice has at least 63 % of the worth of the best one (Nemhauser, Wolsey and Fisher 1978,
    doi:10.1007/BF01588971). It ends where nothing adds `min_gain` of what the first is worth. Raises as `top_k`.
    """
    least = -math.inf if choice.threshold is None else choice.threshold
    limit = 1.0 if choice.max_overlap is None else choice.max_overlap
    free_N = np.array([-_descending(one) >= least and one.score > -math.inf for one in scored], bool)
    had_M1 = np.zeros((len(worth_MN), 1))
    chosen: list[Scored] = []
    needed = 0.0
    while len(chosen) < choice.k and free_N.any():
        added_N = np.maximum(worth_MN - had_M1, 0).sum(0)
        best = int(np.where(free_N, added_N, -1.0).argmax())
        if added_N[best] < needed:
            break
        needed = needed or choice.min_gain * float(added_N[best])
        chosen.append(scored[best])
        had_M1 = np.maximum(had_M1, worth_MN[:, [best]])
        free_N &= [overlap(one.box, scored[best].box) <= limit for one in scored]
        free_N[best] = False
    return tuple(chosen)


def _descending(candidate: Scored) -> float:
    if math.isnan(candidate.score) or candidate.score == math.inf:
        raise ModelError(f"a score needs to be finite or -inf, got {candidate.score} for {candidate.box.to_list()}")
    return -candidate.score


def overlap(a: Box, b: Box) -> float:
    """The share of the smaller box that the other holds, 0 to 1; 1 where one lies in the other.

    >>> overlap(Box(0, 0, 10, 10), Box(2, 2, 4, 4))
    1.0
    """
    return intersection_area(a, b) / min(a.area, b.area)


def within_budget(
    chosen: Sequence[Scored], count_tokens: CountTokens, *, size: Size, max_visual_tokens: int
) -> tuple[Scored, ...]:
    """The longest beginning of `chosen` that fits, the overview of an image of `size` included.

    Raises: InputError where the overview alone is too much.
    """
    sizes = [size.fit(OVERVIEW_PX), *(one.box.size for one in chosen)]
    for n in range(len(sizes), 0, -1):
        if count_tokens(sizes[:n]) <= max_visual_tokens:
            return tuple(chosen[: n - 1])
    raise InputError(
        f"max_visual_tokens needs at least the overview's {count_tokens(sizes[:1])} tokens, got {max_visual_tokens}"
    )


@dataclass(frozen=True, eq=False)
class Selection:
    """The chosen boxes with their scores, in the order of choice, what was considered, and what made it.

    `image` names the picture in exports: its path, or the digest of pixels that have none. Boxes are in pixels of the
    EXIF-corrected image. `gate` is what decided whether there are any; None where none was asked.
    """

    image: str
    question: str
    picture: Picture
    chosen: tuple[Scored, ...]
    considered: tuple[Scored, ...]
    made_by: Maker
    gate: Gate | None = None

    @property
    def boxes(self) -> tuple[Box, ...]:
        return tuple(one.box for one in self.chosen)

    @property
    def scores(self) -> tuple[float, ...]:
        return tuple(one.score for one in self.chosen)

    @cached_property
    def crops(self) -> tuple[PILImage, ...]:
        """The original pixels of each box."""
        return tuple(_pil(self.picture.crop(box)) for box in self.boxes)

    @cached_property
    def overview(self) -> PILImage:
        """The whole image, its long side at most `OVERVIEW_PX`."""
        return _pil(self.picture.resized(self.picture.size.fit(OVERVIEW_PX)))

    def prompt(self, *, wording: prompts.Wording = prompts.ENGLISH) -> Prompt:
        """Overview, crops and question, as a VLM reads them."""
        places = [prompts.place(box, self.picture.size, wording=wording) for box in self.boxes]
        return prompts.compose(self.question, self.overview, self.crops, places=places, wording=wording)

    def to_openai_messages(self, *, picture_format: prompts.PictureFormat = "jpeg") -> list[dict[str, Any]]:
        """Messages for any OpenAI-compatible server."""
        return prompts.to_openai_messages(self.prompt(), picture_format=picture_format)

    def to_chat_messages(self) -> list[dict[str, Any]]:
        """Messages for Hugging Face `processor.apply_chat_template`."""
        return prompts.to_chat_messages(self.prompt())

    def to_qwen_messages(self, *, picture_format: prompts.PictureFormat = "jpeg") -> list[dict[str, Any]]:
        """Messages for `process_vision_info` of Qwen's qwen_vl_utils."""
        return prompts.to_qwen_messages(self.prompt(), picture_format=picture_format)

    def to_dict(self) -> dict[str, Any]:
        """What was chosen and what made it, ready for JSON; no pixels."""
        maker, size = self.made_by, self.picture.size
        return {
            "image": self.image,
            "question": self.question,
            "psi": {"name": maker.psi, "fingerprint": maker.fingerprint},
            "size": {"width": size.width, "height": size.height},
            "considered": len(self.considered),
            "chosen": [{"box": one.box.to_list(), "score": one.score} for one in self.chosen],
            "made_by": {
                "proposer": maker.proposer,
                "k": maker.k,
                "max_overlap": maker.max_overlap,
                "threshold": maker.threshold,
                "min_gain": maker.min_gain,
                "max_visual_tokens": maker.max_visual_tokens,
                "vlm_passes": maker.vlm_passes,
                "gate": self._gate(),
            },
        }

    def _gate(self) -> dict[str, Any] | None:
        if self.gate is None:
            return None
        value, opened = peak(self.considered), self.gate.opens(self.considered)
        return {"statistic": GATE_STATISTIC, "threshold": self.gate.threshold, "value": value, "open": opened}

    def save(self, folder: str | Path) -> None:
        """Writes overview.jpg, crop-1.png ... crop-k.png and, last, selection.json; makes the folder.

        Crops of an earlier selection in the same folder stay where this one has fewer.

        Raises: InputError where the folder cannot be made or written.
        """
        files = {f"crop-{number}.png": prompts.encode(crop, "png") for number, crop in enumerate(self.crops, start=1)}
        files["overview.jpg"] = prompts.encode(self.overview, "jpeg")
        files["selection.json"] = json.dumps(self.to_dict(), indent=2).encode()
        try:
            for name, data in files.items():
                write_atomic(Path(folder) / name, data)
        except OSError as error:
            raise InputError(f"save needs a folder that can be written, got {folder}: {error}") from error

    def __str__(self) -> str:
        """One line about the image, then one for each box: its number, edges, score and place."""
        size, maker = self.picture.size, self.made_by
        head = f"{self.image}  {size}  {len(self.considered)} boxes considered by {maker.psi}"
        rows = [
            f"{number}  {one.box.to_list()}  {one.score:.4g}  {prompts.place(one.box, size)}"
            for number, one in enumerate(self.chosen, start=1)
        ]
        if self.gate is not None and not self.gate.opens(self.considered):
            rows = [f"gate closed: a peak of {peak(self.considered):.3f} is below {self.gate.threshold:.3f}"]
        return "\n".join([head, *rows])


def _pil(pixels: Pixels) -> PILImage:
    from PIL import Image

    return Image.fromarray(pixels)
