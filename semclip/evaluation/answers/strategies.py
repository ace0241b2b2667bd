"""The ways of showing a model a picture that are set against each other, and the selections that each of them makes.

    NAME[/K[,GAIN]][@FUSION]    embedded   embedded/4   embedded/4,0.3   embedded@montage   best:16

Knows boxes and ψ, and nothing of prompts, answers or scores.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import compress
from typing import Literal, TypeVar, cast

from semclip.errors import InputError
from semclip.evaluation.answers.protocol import AnswerConfig, digest
from semclip.evaluation.datasets.items import Item
from semclip.evaluation.metrics import covering_mask
from semclip.geometry import Box, Size, iou
from semclip.images import Image
from semclip.protocols import Relevance
from semclip.relevance.baselines import Random, center_box, tile_boxes
from semclip.relevance.table import load_relevance
from semclip.selection import Selection
from semclip.types import Fusion, Maker, Scored
from semclip.vlm import VLM

Kind = Literal["overview", "native", "blind", "tiles", "center", "random", "oracle", "best", "psi"]

ABOUT: Mapping[Kind, str] = {
    "overview": "the overview alone, untiled, as a closed gate shows it",
    "native": "the model alone, with its own tiling or resolution (k = 0)",
    "blind": "the question without any picture",
    "tiles": "the overview and the four 2x2 tiles: what AnyRes feeds",
    "center": "the overview and the middle quarter",
    "random": "the overview and k candidates drawn by lot",
    "oracle": "the overview and the candidates that fit the evidence boxes best; the overview where there are none",
    "best": "right if the overview or any candidate beside it is; best:N tries N of them",
}
"""Every strategy but ψ, which is any name that `semclip psi list` tells."""

_NAME = re.compile(
    r"(?P<head>.+?)(?:/(?P<k>\d{1,6})(?:,(?P<gain>[01]?\.\d{1,6}))?)?(?:@(?P<fusion>append|montage|ensemble|pairs))?",
    re.DOTALL,
)
_CHOOSING = ("random", "oracle", "psi")
_WITHOUT_CROPS = ("overview", "native", "blind")

Thing = TypeVar("Thing")


@dataclass(frozen=True, slots=True)
class Spec:
    """What the name of a strategy says; `most` is the N of best:N, `psi` the ψ's own name, `gain` Choice.min_gain."""

    name: str
    kind: Kind
    psi: str = ""
    k: int | None = None
    fusion: Fusion | None = None
    most: int | None = None
    gain: float = 0.0


def parse(name: str) -> Spec:
    """The strategy that `name` means.

    A folder whose name is a number needs a number of crops behind it: `psi/4/2` is the folder `psi/4`.
    Raises: InputError for K, GAIN or FUSION where there is nothing to choose or to show.

    >>> parse("open_clip:ViT-B-32/openai/4,0.3@montage").gain, parse("best:16").most
    (0.3, 16)
    """
    match = _NAME.fullmatch(name)
    if match is None:
        raise InputError("a strategy needs a name, got an empty one")
    head, k = match["head"], int(match["k"]) if match["k"] else None
    word, colon, number = head.partition(":")
    kind = cast(Kind, head if head in ABOUT else "best" if word == "best" else "psi")
    if colon and kind == "best" and not (number.isdecimal() and int(number)):
        raise InputError(f"best:N needs a number of candidates of at least 1, got {name!r}")
    if k is not None and (kind not in _CHOOSING or k < 1):
        raise InputError(f"/K is a number of crops from 1 for {', '.join(_CHOOSING)}, got {name!r}")
    if match["fusion"] and kind in _WITHOUT_CROPS:
        raise InputError(f"@FUSION needs crops to show, {kind} has none; got {name!r}")
    if match["gain"] and kind != "psi":
        raise InputError(f",GAIN is for a psi, which says what crops add; got {name!r}")
    fusion, gain = cast(Fusion | None, match["fusion"]), float(match["gain"] or 0)
    most = int(number) if kind == "best" and colon else None
    return Spec(name, kind, head if kind == "psi" else "", k, fusion, most, gain)


def parse_all(names: Sequence[str]) -> tuple[Spec, ...]:
    """The strategies of these names. Raises: as `parse`; InputError where there is none, or one twice."""
    if not names or len(set(names)) < len(names):
        raise InputError(f"answers need one or more different strategies, got {', '.join(names) or 'none'}")
    return tuple(map(parse, names))


def load_psis(specs: Sequence[Spec]) -> dict[str, str | Relevance]:
    """Each ψ that they name, loaded once; those that look inside the asked model itself stay names."""
    names = dict.fromkeys(spec.psi for spec in specs if spec.kind == "psi")
    return {name: name if name.startswith("vlm:") else load_relevance(name) for name in names}


@dataclass(frozen=True)
class Strategy:
    """A way of showing a picture, ready to be used: `vlm` has its ψ, its k and its way of showing crops, by name."""

    spec: Spec
    vlm: VLM

    @property
    def name(self) -> str:
        return self.spec.name

    @property
    def k(self) -> int:
        return self.vlm.semclip.choice.k

    @cached_property
    def fingerprint(self) -> str:
        """Of all that decides which crops are shown, and how; equal where two names mean the same."""
        clip, kind = self.vlm.semclip, self.spec.kind
        if kind == "blind":
            return digest(kind)
        showing = replace(self.vlm.showing, fusion=None) if kind in _WITHOUT_CROPS else self.vlm.showing
        parts = [str(showing), str(self.vlm.adapter.style)]
        if kind in _CHOOSING:
            choice = clip.choice
            terms = (choice.k, choice.max_overlap, choice.threshold, choice.min_gain, choice.max_visual_tokens)
            parts += [clip.propose.name, str(terms)]
        if kind in ("psi", "random"):
            parts += [clip.relevance.fingerprint]
        if kind == "best":
            parts += [clip.propose.name, str(self.spec.most)]
        return digest("psi" if kind == "random" else kind, parts)

    def tries(self, picture: Image, item: Item) -> Iterator[Selection]:
        """What is shown for a question: one selection, or of `best` as many as need be tried, the overview first.

        Raises: InputError where evidence lies outside the picture, and as `SemClip.select` does.
        """
        clip, kind = self.vlm.semclip, self.spec.kind
        if kind in ("psi", "random"):
            yield clip.select(picture, item.question)
        elif kind == "best":
            boxes = clip.propose(picture.size)
            yield _given(picture, item, kind, ())
            for box in boxes if self.spec.most is None else evenly(boxes, self.spec.most):
                yield _given(picture, item, kind, (box,))
        else:
            yield _given(picture, item, kind, self._boxes(picture.size, item))

    def _boxes(self, size: Size, item: Item) -> tuple[Box, ...]:
        match self.spec.kind:
            case "tiles":
                return tile_boxes(size)
            case "center":
                return (center_box(size),)
            case "oracle":
                return closest(item.evidence, self.vlm.semclip.propose(size), size)[: self.k]
        return ()


def bind(spec: Spec, vlm: VLM, config: AnswerConfig, psis: Mapping[str, str | Relevance]) -> Strategy:
    """The strategy for one model; `psis` are those that `load_psis` loaded."""
    psi = Random(config.seed) if spec.kind == "random" else psis[spec.psi] if spec.kind == "psi" else None
    # By name: what the model's family prefers and the same way asked for are one.
    showing = replace(config.showing, fusion=spec.fusion or config.showing.fusion or vlm.adapter.style.fusion)
    choice = replace(vlm.semclip.choice, k=spec.k or config.k, min_gain=spec.gain, gate=None)
    ready = replace(vlm, semclip=replace(vlm.semclip, choice=choice))
    return Strategy(spec, ready.using(psi=psi, showing=showing))


def closest(evidence: Sequence[Box], candidates: Sequence[Box], size: Size) -> tuple[Box, ...]:
    """For each evidence box in turn the candidate with the best IoU of those that cover 90 % of it, each but once.

    Raises: InputError where evidence leaves the image of `size`.

    >>> closest([Box(1, 1, 3, 3)], [Box(0, 0, 9, 9), Box(0, 0, 4, 4), Box(2, 2, 4, 4)], Size(9, 9))
    (Box(left=0, top=0, right=4, bottom=4),)
    """
    found: dict[Box, None] = {}
    for target in evidence:
        if not target.within(size):
            raise InputError(f"an evidence box needs to lie inside the picture of {size}, got {target.to_list()}")
        covering = list(compress(candidates, covering_mask(candidates, [target])))
        if covering:
            found.setdefault(max(covering, key=lambda box: iou(box, target)))
    return tuple(found)


def evenly(things: Sequence[Thing], most: int) -> list[Thing]:
    """At most `most` of the things, spread evenly over them, in their order.

    >>> evenly("abcdefg", 3), evenly("ab", 3)
    (['a', 'd', 'g'], ['a', 'b'])
    """
    if len(things) <= most:
        return list(things)
    return [things[round(at * (len(things) - 1) / max(1, most - 1))] for at in range(most)]


def _given(picture: Image, item: Item, kind: Kind, boxes: Sequence[Box]) -> Selection:
    """A selection that no ψ made; all boxes count alike."""
    chosen = tuple(Scored(box, 0.0) for box in boxes)
    made_by = Maker(kind, "", kind, 0 if kind == "native" else max(1, len(boxes)), None)
    return Selection(picture.digest, item.question, picture, chosen, chosen, made_by)
