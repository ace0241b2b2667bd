"""The pictures that a model with a tower of 336 px sees: whole, crops, and the tiles of AnyRes.

They come from the code that shows them to LLaVA-1.5, and end as its processor ends: scaled to 336 px, bicubic. They are
square before that, so that the processor's crop of the middle cuts nothing off.
"""

from __future__ import annotations

from functools import partial

from PIL import Image
from PIL.Image import Image as PILImage

from semclip.adapters.budget import centred
from semclip.adapters.families import PUBLISHED
from semclip.adapters.fusion import Showing, framed_picture, fuse, plan
from semclip.adapters.montage import contained, draw
from semclip.adapters.tokens import LLAVA_NEXT_GRIDS
from semclip.geometry import Size
from semclip.proposals import Grid
from semclip.selection import Selection
from semclip.types import Picture

SIDE_PX = 336
UNTILED, TILED = PUBLISHED["llava-1.5"], PUBLISHED["llava-next"]


def whole(picture: Picture) -> PILImage:
    """The overview alone."""
    terms = plan(picture.size, (), style=UNTILED.family.style, showing=Showing(), count=UNTILED.count)
    return seen(framed_picture(picture, None, terms.overview))


def shown(selection: Selection) -> list[PILImage]:
    """The overview, then the chosen crops, best first."""
    size, style = selection.picture.size, UNTILED.family.style
    terms = plan(size, selection.boxes, style=style, showing=Showing(), count=UNTILED.count)
    return [seen(picture) for prompt in fuse(selection, terms).prompts for picture in prompt.pictures]


def tiled(picture: Picture) -> list[PILImage]:
    """The tiles that LLaVA-NeXT cuts a picture into: those of the grid that shows most of its pixels."""
    canvas = max(LLAVA_NEXT_GRIDS, key=partial(_fit, picture.size))
    content = contained(picture.size, canvas)
    drawn = draw(canvas, [centred(content, canvas)], [Image.fromarray(picture.resized(content))])
    tiles = Grid(canvas.width // SIDE_PX, canvas.height // SIDE_PX)(canvas)
    return [drawn.crop((tile.left, tile.top, tile.right, tile.bottom)) for tile in tiles]


def seen(picture: PILImage) -> PILImage:
    """A square picture as the tower sees it."""
    return picture.resize((SIDE_PX, SIDE_PX), Image.Resampling.BICUBIC)


def _fit(size: Size, grid: Size) -> tuple[int, int]:
    """How many of its pixels a grid shows, then how little of its own it wastes."""
    return min(contained(size, grid).area, size.area), -grid.area
