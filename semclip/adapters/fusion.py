"""How an overview and crops become prompts: the plan, which is integer geometry, and the pixels that follow it.

Knows nothing of models: what pictures cost is a counter's business, what suits a family is in its Style.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar, get_args

import numpy as np

from semclip.adapters.budget import centred, crop_room, fitting, limited, overview_room, scaled
from semclip.adapters.montage import draw, layout
from semclip.errors import InputError
from semclip.geometry import Box, Size
from semclip.prompts import ENGLISH, Wording, compose, compose_montage, place
from semclip.selection import CountTokens, Selection
from semclip.types import Fusion, Mixture, Picture, Prompt, Style

if TYPE_CHECKING:
    from PIL.Image import Image as PILImage

Shown = TypeVar("Shown")
MaybeCount = Callable[[Sequence[Size]], int | None]
"""Visual tokens that a model spends on pictures of these sizes in one prompt; None where that cannot be known."""


@dataclass(frozen=True, slots=True)
class Showing:
    """How crops are shown: the way (the family's own unless given), the budgets in visual tokens, and the words.

    `overview_tokens` is for the overview, `crop_tokens` for each crop, both counted as if it were sent alone;
    `max_visual_tokens` is for all pictures of one question together.
    """

    fusion: Fusion | None = None
    overview_tokens: int | None = None
    crop_tokens: int | None = None
    max_visual_tokens: int | None = None
    wording: Wording = ENGLISH

    def __post_init__(self) -> None:
        for name in ("overview_tokens", "crop_tokens", "max_visual_tokens"):
            tokens = getattr(self, name)
            if tokens is not None and not (isinstance(tokens, int) and tokens >= 1):
                raise InputError(f"{name} needs to be a whole number of at least 1, or None, got {tokens!r}")
        if self.fusion is not None and self.fusion not in get_args(Fusion):
            raise InputError(f"fusion needs to be {', '.join(get_args(Fusion))} or None, got {self.fusion!r}")
        if not isinstance(self.wording, Wording):
            raise InputError(f"wording needs to be a Wording, got {self.wording!r}")


@dataclass(frozen=True, slots=True)
class Plan:
    """The sizes of overview and crops, best first: as sent, padding included, or as drawn on `canvas`.

    `visual_tokens` is what they cost together; None where that cannot be known.
    """

    fusion: Fusion
    overview: Size
    crops: tuple[Size, ...]
    canvas: Size | None = None
    visual_tokens: int | None = None


def plan(size: Size, boxes: Sequence[Box], *, style: Style, showing: Showing, count: MaybeCount) -> Plan:
    """How the crops of `boxes`, best first, are shown beside the overview of an image of `size`.

    - The overview's long side is at most `style.overview_px`. A crop's is enlarged to `style.crop_px[0]`, and a crop
      of more area than a square of `style.crop_px[1]` is shrunk to that. Where `style.square`, all are padded to
      squares; elsewhere pictures thinner than 200 to 1, which some processors refuse, are padded to that.
    - A picture is shrunk until it costs no more than `overview_tokens` or `crop_tokens`.
    - To keep `max_visual_tokens`, all are shrunk together, the overview's long side to no less than 336 px and a
      crop's to no less than 224 px or its own; where that is not enough, or size makes no difference, the worst crops
      are dropped. A larger one never shows fewer crops.
    - A montage takes the largest of `style.canvases` that fits, and of several that large the one that the pictures
      fill best. None of the rules above holds for it: it is one picture.

    Raises: InputError where a budget is below what the least pictures cost, is set while `count` knows nothing, or
    has no meaning.
    """
    fusion = showing.fusion or style.fusion
    if fusion == "montage":
        if showing.overview_tokens is not None or showing.crop_tokens is not None:
            raise InputError("a montage is one picture: give max_visual_tokens, not overview_tokens or crop_tokens")
        montage = _montage(size, boxes, style, showing.max_visual_tokens, count)
        if montage is not None:
            return montage
        boxes = ()
    total = _in_prompts(fusion, count)
    overview, *crops = _separate(size, boxes, style, showing, _known(total))
    return Plan(fusion, overview, tuple(crops), visual_tokens=total([overview, *crops]))


def fuse(selection: Selection, plan: Plan, *, wording: Wording = ENGLISH) -> Mixture:
    """The question of `selection` as `plan` shows it: the overview and as many of the best crops as it has sizes.

    `append`: one prompt of all pictures. `montage`: one prompt of one picture. `ensemble`: the overview and each crop
    in a prompt of its own that says nothing but the question, weighted by `mixing_weights`. `pairs`: the overview with
    each crop, as `append` shows one, weighted by `crop_weights`. Without crops all are the overview and the question.
    """
    picture, question, shown = selection.picture, selection.question, len(plan.crops)
    if shown > len(selection.chosen):
        raise InputError(f"a plan of {shown} crops needs as many chosen boxes, got {len(selection.chosen)}")
    boxes = selection.boxes[:shown]
    if plan.canvas is not None:
        return Mixture((_drawn(selection, boxes, plan.canvas, wording),))
    overview = framed_picture(picture, None, plan.overview)
    crops = [framed_picture(picture, box, size) for box, size in zip(boxes, plan.crops, strict=True)]
    scores = selection.scores[:shown], [one.score for one in selection.considered]
    if plan.fusion == "ensemble":
        prompts = tuple(Prompt((one, question), tiling=False) for one in (overview, *crops))
        return Mixture(prompts, mixing_weights(*scores))
    places = [place(box, picture.size, wording=wording) for box in boxes]
    placed = [(overview, ""), *zip(crops, places, strict=True)]
    prompts = tuple(
        compose(question, overview, [crop for crop, _ in group], places=[at for _, at in group], wording=wording)
        for _, *group in by_prompt(plan.fusion, placed)
    )
    return Mixture(prompts, crop_weights(*scores) if len(prompts) > 1 else (1.0,))


def plain(selection: Selection, *, showing: Showing, count: MaybeCount) -> Mixture:
    """The question of `selection` as the model alone is asked it: the full picture, then the question, nothing else.

    Where `showing` has budgets, the picture is shrunk to them by the rules of `plan`; `count` is that of pictures
    that may be tiled.
    Raises: InputError as `plan` does.
    """
    picture = selection.picture
    whole, sent = picture.size, picture.size
    if (showing.overview_tokens, showing.max_visual_tokens) != (None, None):
        room = overview_room(whole, max(whole.width, whole.height), square=False)
        room = limited(room, showing.overview_tokens, _known(count), named="overview_tokens")
        (sent,) = fitting([room], showing.max_visual_tokens, _known(count))
    shown = _pixels(picture, whole.box, whole) if sent == whole else framed_picture(picture, None, sent)
    return Mixture((Prompt((shown, selection.question)),))


def mixing_weights(shown: Sequence[float], considered: Sequence[float]) -> tuple[float, ...]:
    """The weights of the overview and then of crops with the scores `shown`, best first; they sum to 1.

    The overview has the share 1 / (k + 1): it is one voter among k + 1, and sees what no crop does. The crops divide
    the rest as `crop_weights` says. (Ensemble Decoding itself takes its weights from attention, which a psi need not
    have.)

    >>> mixing_weights([7.0], considered=[7.0, 1.0])
    (0.5, 0.5)
    """
    share = len(shown) / (len(shown) + 1)
    return (1 - share, *(share * weight for weight in crop_weights(shown, considered)))


def crop_weights(shown: Sequence[float], considered: Sequence[float]) -> tuple[float, ...]:
    """The weights of crops with the scores `shown`, best first; they sum to 1.

    The softmax of the scores, measured in standard deviations of all scores considered in the image: a psi's own scale
    and offset are unknown, and cancel. Equal scores give equal weights.

    >>> crop_weights([7.0, 7.0], considered=[7.0, 7.0, 1.0])
    (0.5, 0.5)
    """
    finite = [score for score in considered if math.isfinite(score)]
    spread = float(np.std(finite)) if finite else 0.0
    # A weight must not vanish: far below the best, scores count as 30 deviations below.
    powers = [math.exp(max(-30.0, (score - shown[0]) / spread)) if spread else 1.0 for score in shown]
    return tuple(power / sum(powers) for power in powers)


def by_prompt(fusion: Fusion, pictures: Sequence[Shown]) -> list[list[Shown]]:
    """An overview and crops, or whatever stands for them, by the prompt that shows them; a montage has one.

    >>> by_prompt("pairs", ["overview", "crop 1", "crop 2"])
    [['overview', 'crop 1'], ['overview', 'crop 2']]
    """
    overview, *crops = pictures
    if fusion == "ensemble":
        return [[picture] for picture in pictures]
    return [[overview, crop] for crop in crops] if fusion == "pairs" and crops else [[overview, *crops]]


def framed_picture(picture: Picture, box: Box | None, sent: Size) -> PILImage:
    """The pixels of `box`, or of the whole picture, in the middle of a picture of `sent` size."""
    content = scaled(picture.size if box is None else box.size, max(sent.width, sent.height))
    pixels = _pixels(picture, box, content)
    return pixels if content == sent else draw(sent, [centred(content, sent)], [pixels])


def _montage(size: Size, boxes: Sequence[Box], style: Style, tokens: int | None, count: MaybeCount) -> Plan | None:
    """The plan on the largest canvas within the budget; None without crops, or where no canvas fits."""
    if not boxes:
        return None
    pictures, known = [size, *(box.size for box in boxes)], _known(count)
    canvases = [canvas for canvas in style.canvases if tokens is None or known([canvas]) <= tokens]
    layouts = [(canvas, layout(canvas, pictures).boxes) for canvas in canvases]
    if not layouts:
        return None
    canvas, drawn = max(layouts, key=lambda one: (one[0].area, sum(box.area for box in one[1])))
    overview, *crops = (box.size for box in drawn)
    return Plan("montage", overview, tuple(crops), canvas, count([canvas]))


def _separate(size: Size, boxes: Sequence[Box], style: Style, showing: Showing, count: CountTokens) -> tuple[Size, ...]:
    """The sizes of overview and crops where each is a picture of its own."""
    overview = overview_room(size, style.overview_px, square=style.square)
    rooms = [limited(overview, showing.overview_tokens, count, named="overview_tokens")]
    for box in boxes:
        room = crop_room(box.size, style.crop_px, square=style.square)
        rooms.append(limited(room, showing.crop_tokens, count, named="crop_tokens"))
    return fitting(rooms, showing.max_visual_tokens, count)


def _in_prompts(fusion: Fusion, count: MaybeCount) -> MaybeCount:
    """What an overview and crops cost in the prompts that `fuse` makes of them: `count` knows one prompt."""

    def total(sizes: Sequence[Size]) -> int | None:
        costs = [count(prompt) for prompt in by_prompt(fusion, sizes)]
        known = [cost for cost in costs if cost is not None]
        return sum(known) if len(known) == len(costs) else None

    return total


def _known(count: MaybeCount) -> CountTokens:
    """The same counter where it must know."""

    def known(sizes: Sequence[Size]) -> int:
        tokens = count(sizes)
        if tokens is None:
            needed = "a budget in visual tokens needs to know what the model spends on pictures"
            raise InputError(f"{needed}: name its family, or leave the budget out")
        return tokens

    return known


def _drawn(selection: Selection, boxes: Sequence[Box], canvas: Size, wording: Wording) -> Prompt:
    """The prompt of one picture that shows the overview and `boxes`."""
    picture = selection.picture
    laid = layout(canvas, [picture.size, *(box.size for box in boxes)])
    pictures = [_pixels(picture, box, at.size) for box, at in zip((None, *boxes), laid.boxes, strict=True)]
    return compose_montage(
        selection.question,
        draw(canvas, laid.boxes, pictures),
        places=[place(box, picture.size, wording=wording) for box in boxes],
        arrangement=laid.arrangement,
        wording=wording,
    )


def _pixels(picture: Picture, box: Box | None, size: Size) -> PILImage:
    """The pixels of `box`, or of the whole picture, at `size`; not resampled where they have it."""
    from PIL import Image

    if box is None:
        return Image.fromarray(picture.resized(size))
    pixels = picture.crop(box) if box.size == size else picture.crops([box], size)[0]
    return Image.fromarray(np.ascontiguousarray(pixels))
