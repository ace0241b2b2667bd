"""What a street stands in: sky, skyline, road, trees and lamps."""

from __future__ import annotations

import random
from dataclasses import dataclass
from itertools import pairwise

from recipes.scenes.area import Area
from recipes.scenes.canvas import Canvas
from recipes.scenes.paint import Rgb, darker, lighter, mixed


@dataclass(frozen=True, slots=True)
class Daylight:
    """Colours of sky and clouds, the share of the sky's colour that lies on walls, and that of windows that are lit."""

    above: Rgb
    horizon: Rgb
    cloud: Rgb
    dusk: float
    lit_share: float


DAYLIGHTS = (
    Daylight((70, 130, 200), (206, 226, 240), (255, 255, 255), 0.0, 0.06),
    Daylight((110, 150, 190), (226, 228, 226), (240, 240, 242), 0.05, 0.15),
    Daylight((74, 92, 150), (250, 196, 150), (255, 214, 190), 0.16, 0.4),
    Daylight((34, 44, 86), (206, 132, 120), (150, 104, 130), 0.42, 0.65),
)


def draw_sky(canvas: Canvas, daylight: Daylight, rng: random.Random) -> None:
    """The sky down to the horizon, with clouds and a low sun."""
    sky = canvas.area.part(0, 0, 1, 0.66)
    canvas.gradient(sky, daylight.above, daylight.horizon)
    sun = Area(*sky.at(rng.uniform(0.1, 0.9), rng.uniform(0.2, 0.6)), 0, 0)
    canvas.glow(sun.grown(320), lighter(daylight.horizon, 0.5), strength=0.6)
    for _ in range(rng.randint(2, 5)):
        cloud = Area(*sky.at(rng.uniform(-0.1, 0.9), rng.uniform(0.02, 0.4)), rng.uniform(180, 380), 46)
        for _ in range(14):
            left, top = cloud.at(rng.uniform(-0.1, 0.8), rng.gauss(0.2, 0.35))
            puff = Area(left, top, rng.uniform(70, 170), rng.uniform(26, 60))
            canvas.glow(puff, daylight.cloud, strength=0.34)


def draw_skyline(canvas: Canvas, daylight: Daylight, rng: random.Random) -> None:
    """Pale far buildings."""
    for distance, base in ((0.72, 250), (0.5, 330)):
        paint = mixed(mixed((96, 104, 124), daylight.horizon, distance), daylight.above, daylight.dusk)
        left = -20.0
        while left < canvas.area.width:
            tower = Area(left, base - rng.uniform(0, 190), rng.uniform(46, 120), 500)
            canvas.gradient(tower, paint, mixed(paint, daylight.horizon, 0.4))
            for cell in tower.part(0.1, 0.03, 0.9, 0.9).cells(max(2, int(tower.width / 14)), 20, gap=0.3):
                canvas.rectangle(cell, (*lighter(paint, 0.25), 110))
            left = tower.right + rng.uniform(-6, 22)


def draw_road(canvas: Canvas, ground: float, rng: random.Random) -> None:
    """Pavement, road with its markings and the near pavement, downwards from `ground`."""
    wide = canvas.area.width
    canvas.gradient(Area(0, ground, wide, 40), (176, 172, 166), (150, 147, 142))
    canvas.rectangle(Area(0, ground, wide, 4), (0, 0, 0, 70))
    for joint in range(int(wide / 26) + 1):
        canvas.line([(joint * 26 + 8, ground), (joint * 26, ground + 34)], (0, 0, 0, 36), width=0.8)
    canvas.rectangle(Area(0, ground + 34, wide, 7), (128, 126, 122))
    canvas.gradient(Area(0, ground + 41, wide, 210), (82, 84, 88), (60, 61, 65))
    for _ in range(18):
        patch = Area(rng.uniform(-50, wide), rng.uniform(ground + 45, ground + 225), rng.uniform(60, 260), 26)
        canvas.glow(patch, (44, 45, 49), strength=0.25)
    for dash in range(int(wide / 110) + 1):
        left = dash * 110
        canvas.polygon([(left, 768), (left + 56, 768), (left + 52, 775), (left - 6, 775)], (222, 220, 210))
    canvas.rectangle(Area(0, 882, wide, 4), (206, 180, 84))
    canvas.gradient(Area(0, 891, wide, 109), (178, 172, 164), (142, 136, 130))
    canvas.gradient(Area(0, 889, wide, 9), (208, 204, 198), (150, 146, 140))
    _draw_slabs(canvas, Area(0, 898, wide, 102))


def _draw_slabs(canvas: Canvas, pavement: Area) -> None:
    tops = (0.0, 0.26, 0.58, 1.0)
    for row, (top, bottom) in enumerate(pairwise(tops)):
        step = 46 + 22 * row
        canvas.line([pavement.at(0, bottom), pavement.at(1, bottom)], (0, 0, 0, 46), width=1.2)
        for slab in range(int(pavement.width / step) + 2):
            x = pavement.left + (slab + 0.5 * (row % 2)) * step
            ends = [(x, pavement.at(0, top)[1]), (x - 10, pavement.at(0, bottom)[1])]
            canvas.line(ends, (0, 0, 0, 46), width=1.2)


def draw_tree(canvas: Canvas, place: Area, green: Rgb, rng: random.Random) -> None:
    """A tree whose trunk stands on the bottom of `place`."""
    canvas.glow(place.part(-0.1, 0.96, 1.1, 1.03), (0, 0, 0), strength=0.5)
    canvas.gradient(place.part(0.46, 0.5, 0.54, 1), (104, 80, 60), (66, 50, 40))
    clumps = [(rng.uniform(0.12, 0.72), rng.uniform(0.04, 0.42)) for _ in range(9)]
    for layer in range(4):
        leaves = mixed(darker(green, 0.5), lighter(green, 0.25), layer / 3)
        for across, down in clumps:
            for _ in range(26 - 5 * layer):
                at = rng.gauss(across - 0.02 * layer, 0.09), rng.gauss(down - 0.02 * layer, 0.055)
                radius = rng.uniform(5, 12) * (1 - 0.14 * layer)
                canvas.ellipse(Area(*place.at(*at), radius, radius * 0.85), leaves)


def draw_lamp(canvas: Canvas, place: Area) -> None:
    """A street lamp as high as `place`."""
    canvas.gradient(place.part(0.44, 0.04, 0.56, 1), (58, 62, 66), (34, 36, 40), radius=2)
    canvas.rectangle(place.part(0.34, 0.95, 0.66, 1.0), (40, 42, 46), radius=2)
    canvas.glow(place.part(-1.2, -0.07, 2.2, 0.13), (255, 226, 160), strength=0.4)
    canvas.polygon([place.at(0.2, 0.05), place.at(0.32, 0.0), place.at(0.68, 0.0), place.at(0.8, 0.05)], (44, 48, 52))
    canvas.rectangle(place.part(0.3, 0.05, 0.7, 0.065), (255, 240, 200), radius=2)
