"""The colours of drawings: told apart with any colour vision, each readable under black text.

Boxes: six colours of Okabe and Ito, "Color Universal Design" (2008). Heat: nine steps of matplotlib's inferno, which
rises evenly in lightness, so it also reads in grey.
"""

from __future__ import annotations

import numpy as np

from semclip.types import Floats, Pixels

BOX_COLOURS = ("#E69F00", "#56B4E9", "#CC79A7", "#009E73", "#F0E442", "#D55E00")
HEAT_COLOURS = ("#000004", "#210C4A", "#57106E", "#8A226A", "#BC3754", "#E45A31", "#F98E09", "#F9CB35", "#FCFFA4")

_HEAT_RGB = np.array([[int(colour[i : i + 2], 16) for i in (1, 3, 5)] for colour in HEAT_COLOURS], dtype=np.float64)


def box_colour(rank: int) -> str:
    """The hex colour of the box at `rank` (0 is the best); the seventh box has the first one's again.

    >>> box_colour(0), box_colour(6) == box_colour(0)
    ('#E69F00', True)
    """
    return BOX_COLOURS[rank % len(BOX_COLOURS)]


def heat_colours(heat: Floats) -> Pixels:
    """The inferno colour of each value in 0..1: shape (..., 3).

    >>> heat_colours(np.array([0.0, 1.0])).tolist()
    [[0, 0, 4], [252, 255, 164]]
    """
    steps = np.linspace(0.0, 1.0, len(HEAT_COLOURS))
    channels = [np.interp(heat, steps, _HEAT_RGB[:, channel]) for channel in range(3)]
    return np.rint(np.stack(channels, axis=-1)).astype(np.uint8)
