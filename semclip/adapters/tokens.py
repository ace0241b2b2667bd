"""Visual-token counters of known VLM families: sizes of pictures in, tokens out.

Knows the arithmetic of the families' image processors and nothing of pixels, models or processors; each function
returns a counter for one way of cutting pictures up. Counted are the placeholders that stand for picture features, not
the marks around them. Where two answers could be meant, each rounds as transformers does.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction

from semclip.errors import InputError
from semclip.geometry import Size
from semclip.selection import CountTokens

LLAVA_NEXT_GRIDS = (Size(672, 336), Size(336, 672), Size(672, 672), Size(336, 1008), Size(1008, 336))
"""What LLaVA-NeXT cuts into tiles, in the order of its checkpoints."""
ONEVISION_GRIDS = tuple(Size(384 * columns, 384 * rows) for rows in range(1, 7) for columns in range(1, 7))
"""The same for LLaVA-OneVision."""

_MAX_ASPECT_RATIO = 200


def fixed_tokens(per_picture: int) -> CountTokens:
    """A counter for families that resize every picture to one square: LLaVA-1.5 (576), Gemma 3 (256).

    >>> fixed_tokens(576)([Size(4000, 3000), Size(200, 200), Size(200, 100)])
    1728
    """
    if per_picture < 1:
        raise InputError(f"a picture costs at least 1 token, got {per_picture}")
    return lambda sizes: per_picture * len(sizes)


def patch_tokens(side_px: int, *, min_tokens: int | Fraction = 4, max_tokens: int | Fraction = 16_384) -> CountTokens:
    """A counter for families that keep the shape and cost one token per `side_px` square.

    Qwen2-VL and Qwen2.5-VL: 28; Qwen3-VL: 32 with `min_tokens=64`. Sides are rounded to whole squares and the picture
    is scaled into the two limits, as `smart_resize` of transformers does; these are fractions where a processor states
    them in pixels. The counter raises InputError for a picture more than 200 times as long as wide, which these
    processors refuse.

    >>> patch_tokens(28)([Size(280, 56), Size(56, 56)])
    24
    """
    if side_px < 1 or not 0 < min_tokens <= max_tokens:
        given = f"{side_px}, {min_tokens}, {max_tokens}"
        raise InputError(f"patch_tokens needs side_px >= 1 and 0 < min_tokens <= max_tokens, got {given}")
    return _each(lambda size: _patches(size, side_px, min_tokens, max_tokens))


def anyres_tokens(grids: Sequence[Size] = LLAVA_NEXT_GRIDS, *, tile_px: int = 336, patches: int = 24) -> CountTokens:
    """A counter for LLaVA-NeXT: a base view of `patches` squared, and the tiles of the best grid without its padding.

    Each row of the tiles costs one token more, its end.

    >>> anyres_tokens()([Size(200, 200)])
    1176
    """

    def tokens(size: Size) -> int:
        columns, rows = _unpadded(size, grids, tile_px, patches)
        return patches**2 + rows * (columns + 1)

    return _each(tokens)


def onevision_tokens(
    grids: Sequence[Size] = ONEVISION_GRIDS, *, tile_px: int = 384, patches: int = 27, max_tiles: int = 9
) -> CountTokens:
    """A counter for LLaVA-OneVision: as LLaVA-NeXT, its tiles shrunk to `max_tiles`, but only for a picture alone.

    Several pictures in one prompt are base views all, each with a token for its end.

    >>> onevision_tokens()([Size(1920, 1080)]), onevision_tokens()([Size(1920, 1080), Size(300, 300)])
    (7269, 1460)
    """

    def count(sizes: Sequence[Size]) -> int:
        if len(sizes) != 1:
            return (patches**2 + 1) * len(sizes)
        columns, rows = _unpadded(sizes[0], grids, tile_px, patches)
        shrink = math.sqrt(columns * rows / (max_tiles * patches**2))
        if shrink > 1.1:
            columns, rows = int(columns // shrink), int(rows // shrink)
        return patches**2 + rows * (columns + 1)

    return count


def tile_tokens(tile_px: int, *, per_tile: int, max_tiles: int, min_tiles: int = 1) -> CountTokens:
    """A counter for families that cut a picture into up to `max_tiles` squares and add a thumbnail when it is cut.

    InternVL: `tile_tokens(448, per_tile=256, max_tiles=12)`.

    >>> tile_tokens(448, per_tile=256, max_tiles=12)([Size(896, 448), Size(300, 300)])
    1024
    """
    if min(tile_px, per_tile, min_tiles) < 1 or max_tiles < min_tiles:
        given = f"{tile_px}, {per_tile}, {max_tiles}, {min_tiles}"
        raise InputError(f"tile_tokens needs tile_px, per_tile, min_tiles >= 1 and max_tiles >= min_tiles, got {given}")
    limits = range(1, max_tiles + 1)
    cells = [(columns, rows) for columns in limits for rows in limits if min_tiles <= columns * rows <= max_tiles]
    return _each(lambda size: per_tile * _with_thumbnail(_tiles(size, tile_px, cells)))


def split_tokens(long_px: int, *, tile_px: int, per_tile: int) -> CountTokens:
    """A counter for families that scale the long side to `long_px`, up or down, cut whole tiles and add a thumbnail.

    SmolVLM-500M: `split_tokens(2048, tile_px=512, per_tile=64)`.

    >>> split_tokens(2048, tile_px=512, per_tile=64)([Size(300, 300)])
    1088
    """
    if min(long_px, tile_px, per_tile) < 1:
        raise InputError(f"split_tokens needs positive numbers, got {long_px}, {tile_px}, {per_tile}")
    return _each(lambda size: per_tile * _with_thumbnail(_split(size, long_px, tile_px)))


def _each(tokens: Callable[[Size], int]) -> CountTokens:
    """The counter of a family that treats every picture as if it were alone."""
    return lambda sizes: sum(tokens(size) for size in sizes)


def _with_thumbnail(tiles: int) -> int:
    return tiles + (tiles > 1)


def _patches(size: Size, side_px: int, min_tokens: int | Fraction, max_tokens: int | Fraction) -> int:
    if max(size.width, size.height) / min(size.width, size.height) > _MAX_ASPECT_RATIO:
        refused = f"the processor refuses sides more than {_MAX_ASPECT_RATIO} to 1, got {size}"
        raise InputError(f"{refused}; pad or cut it, or ask with k of at least 1")
    tokens = round(size.height / side_px) * round(size.width / side_px)
    if tokens > max_tokens:
        shrink = math.sqrt(size.area / (max_tokens * side_px**2))
        return math.prod(max(1, math.floor(side / shrink / side_px)) for side in (size.height, size.width))
    if tokens < min_tokens:
        grow = math.sqrt(min_tokens * side_px**2 / size.area)
        return math.prod(math.ceil(side * grow / side_px) for side in (size.height, size.width))
    return tokens


def _unpadded(size: Size, grids: Sequence[Size], tile_px: int, patches: int) -> tuple[int, int]:
    """Columns and rows of patches of the best grid that the picture covers."""
    grid = max(grids, key=lambda grid: _fit(size, grid))
    columns, rows = grid.width // tile_px * patches, grid.height // tile_px * patches
    # The 7 digits and the halved padding are the processor's own: it strips equal padding from both ends.
    if size.width / size.height > columns / rows:
        rows -= (rows - int(round(size.height * (columns / size.width), 7))) // 2 * 2
    else:
        columns -= (columns - int(round(size.width * (rows / size.height), 7))) // 2 * 2
    return columns, rows


def _fit(size: Size, grid: Size) -> tuple[int, int]:
    """How many pixels of the picture a grid shows, then how few of its own it wastes."""
    scale = min(grid.width / size.width, grid.height / size.height)
    useful = min(int(size.width * scale) * int(size.height * scale), size.area)
    return useful, useful - grid.area


def _tiles(size: Size, tile_px: int, cells: Sequence[tuple[int, int]]) -> int:
    ratio = size.width / size.height
    nearest = min(abs(ratio - columns / rows) for columns, rows in cells)
    first, *larger = sorted(columns * rows for columns, rows in cells if abs(ratio - columns / rows) == nearest)
    return max([first, *(tiles for tiles in larger if size.area > 0.5 * tiles * tile_px**2)])


def _split(size: Size, long_px: int, tile_px: int) -> int:
    ratio = size.width / size.height
    if ratio >= 1:
        width, height = long_px, _even(long_px / ratio)
    else:
        width, height = _even(long_px * ratio), long_px
    ratio = width / height
    if ratio >= 1:
        columns = math.ceil(width / tile_px)
        return columns * math.ceil(int(columns * tile_px / ratio) / tile_px)
    rows = math.ceil(height / tile_px)
    return rows * math.ceil(int(rows * tile_px * ratio) / tile_px)


def _even(side_px: float) -> int:
    """Rounded down to a whole number and then up to an even one, at least 1."""
    return max(1, int(side_px) + int(side_px) % 2)
