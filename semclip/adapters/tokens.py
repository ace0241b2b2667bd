"""Visual-token counters of known VLM families: sizes of pictures in, tokens out.

Knows the arithmetic of the families' image processors and nothing of pixels, models or processors; each function
returns a counter for one family. A running adapter counts what its processor really sends; these serve planning.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from semclip.errors import InputError
from semclip.geometry import Size
from semclip.selection import CountTokens

_MAX_ASPECT_RATIO = 200
_ANYRES_CELLS = ((2, 1), (1, 2), (2, 2), (1, 3), (3, 1))
_ANYRES_PATCHES = 24


def fixed_tokens(per_picture: int) -> CountTokens:
    """A counter for families that resize every picture to one square: LLaVA-1.5 (576), Gemma 3 (256).

    >>> fixed_tokens(576)([Size(4000, 3000), Size(200, 200), Size(200, 100)])
    1728
    """
    if per_picture < 1:
        raise InputError(f"a picture costs at least 1 token, got {per_picture}")
    return lambda sizes: per_picture * len(sizes)


def patch_tokens(side_px: int, *, min_tokens: int = 4, max_tokens: int = 16_384) -> CountTokens:
    """A counter for families that keep the shape and cost one token per `side_px` square.

    Qwen2-VL and Qwen2.5-VL: 28; Qwen3-VL: 32 with `min_tokens=64`. Sides are rounded to whole squares and the picture
    is scaled into the two limits, as `smart_resize` of transformers does. The counter raises InputError for a picture
    more than 200 times as long as wide, which these processors refuse.

    >>> patch_tokens(28)([Size(280, 56), Size(56, 56)])
    24
    """
    if side_px < 1 or not 1 <= min_tokens <= max_tokens:
        given = f"{side_px}, {min_tokens}, {max_tokens}"
        raise InputError(f"patch_tokens needs side_px >= 1 and 1 <= min_tokens <= max_tokens, got {given}")
    return lambda sizes: sum(_patches(size, side_px, min_tokens, max_tokens) for size in sizes)


def anyres_tokens() -> CountTokens:
    """A counter for LLaVA-NeXT: a 336 px base view, plus the best of five tile layouts without its padding.

    >>> anyres_tokens()([Size(200, 200)])
    1176
    """
    return lambda sizes: sum(_anyres(size) for size in sizes)


def tile_tokens(tile_px: int, *, per_tile: int, max_tiles: int, marks: int = 0) -> CountTokens:
    """A counter for families that cut a picture into up to `max_tiles` squares and add a thumbnail when it is cut.

    InternVL: `tile_tokens(448, per_tile=256, max_tiles=12, marks=2)`, `marks` being the tokens around each picture.

    >>> tile_tokens(448, per_tile=256, max_tiles=12, marks=2)([Size(896, 448), Size(300, 300)])
    1028
    """
    if min(tile_px, per_tile, max_tiles) < 1 or marks < 0:
        given = f"{tile_px}, {per_tile}, {max_tiles}, {marks}"
        raise InputError(f"tile_tokens needs tile_px, per_tile, max_tiles >= 1 and marks >= 0, got {given}")

    def count(sizes: Sequence[Size]) -> int:
        tiles = [_tiles(size, tile_px, max_tiles) for size in sizes]
        return sum(marks + per_tile * (n + (n > 1)) for n in tiles)

    return count


def _patches(size: Size, side_px: int, min_tokens: int, max_tokens: int) -> int:
    if max(size.width, size.height) / min(size.width, size.height) > _MAX_ASPECT_RATIO:
        raise InputError(f"the processor refuses sides more than {_MAX_ASPECT_RATIO} to 1, got {size}")
    tokens = round(size.height / side_px) * round(size.width / side_px)
    if tokens > max_tokens:
        shrink = math.sqrt(size.area / (max_tokens * side_px**2))
        return math.prod(max(1, math.floor(side / shrink / side_px)) for side in (size.height, size.width))
    if tokens < min_tokens:
        grow = math.sqrt(min_tokens * side_px**2 / size.area)
        return math.prod(math.ceil(side * grow / side_px) for side in (size.height, size.width))
    return tokens


def _anyres(size: Size) -> int:
    columns, rows = max(_ANYRES_CELLS, key=lambda cells: _anyres_fit(size, *cells))
    width, height = columns * _ANYRES_PATCHES, rows * _ANYRES_PATCHES
    # The 7 digits and the halved padding are the processor's own: it strips equal padding from both ends.
    if size.width / size.height > width / height:
        height -= (height - int(round(size.height * (width / size.width), 7))) // 2 * 2
    else:
        width -= (width - int(round(size.width * (height / size.height), 7))) // 2 * 2
    return _ANYRES_PATCHES**2 + height * (width + 1)


def _anyres_fit(size: Size, columns: int, rows: int) -> tuple[int, int]:
    width, height = columns * 336, rows * 336
    scale = min(width / size.width, height / size.height)
    useful = min(int(size.width * scale) * int(size.height * scale), size.area)
    return useful, useful - width * height


def _tiles(size: Size, tile_px: int, max_tiles: int) -> int:
    cells = [(c, r) for c in range(1, max_tiles + 1) for r in range(1, max_tiles + 1) if c * r <= max_tiles]
    ratio = size.width / size.height
    nearest = min(abs(ratio - c / r) for c, r in cells)
    first, *larger = sorted(c * r for c, r in cells if abs(ratio - c / r) == nearest)
    return max([first, *(tiles for tiles in larger if size.area > 0.5 * tiles * tile_px**2)])
