"""Houses with lit windows and shops with signs, seen from across the street."""

from __future__ import annotations

import random

from recipes.scenes.area import Area
from recipes.scenes.canvas import Canvas, Lettering
from recipes.scenes.paint import Rgb, darker, lighter, mixed, readable_on
from semclip import Box

WALLS: tuple[Rgb, ...] = (
    (150, 82, 66), (176, 122, 92), (206, 184, 150), (222, 208, 182), (140, 146, 150), (172, 186, 194), (198, 160, 118),
    (120, 92, 84), (214, 196, 196), (158, 172, 156), (196, 142, 128), (226, 222, 212),
)  # fmt: skip
GLASS: Rgb = (58, 74, 92)
LIT: Rgb = (255, 214, 138)


def draw_facade(canvas: Canvas, house: Area, wall: Rgb, lit_share: float, rng: random.Random) -> None:
    """A wall with rows of windows, some of them lit, under a cornice."""
    canvas.gradient(house, lighter(wall, 0.06), darker(wall, 0.1))
    _draw_courses(canvas, house, wall)
    columns, rows = max(2, round(house.width / 52)), max(1, round((house.height - 40) / 78))
    for cell in house.part(0.05, 0.09, 0.95, 0.99).cells(columns, rows):
        _draw_window(canvas, cell.part(0.24, 0.16, 0.76, 0.86), wall, rng.random() < lit_share, rng)
    cornice = Area(house.left - 4, house.top - 6, house.width + 8, 16)
    canvas.gradient(cornice, lighter(wall, 0.4), lighter(wall, 0.1))
    canvas.rectangle(Area(house.left, cornice.bottom, house.width, 5), (0, 0, 0, 60))
    canvas.rectangle(Area(house.right - 3, house.top, 3, house.height), (0, 0, 0, 45))


def _draw_courses(canvas: Canvas, house: Area, wall: Rgb) -> None:
    """Faint joints between rows of bricks."""
    joint = (*darker(wall, 0.35), 38)
    step = 7.0
    for row in range(1, int(house.height / step)):
        canvas.rectangle(Area(house.left, house.top + row * step, house.width, 1), joint)


def _draw_window(canvas: Canvas, pane: Area, wall: Rgb, lit: bool, rng: random.Random) -> None:
    canvas.rectangle(pane.grown(3.5), lighter(wall, 0.45))
    if lit:
        light = mixed(LIT, (255, 236, 200), rng.random())
        canvas.gradient(pane, light, mixed(light, (196, 120, 60), 0.5))
    else:
        canvas.gradient(pane, mixed(GLASS, (170, 196, 220), rng.uniform(0.2, 0.5)), GLASS)
        canvas.polygon([pane.at(0, 0.55), pane.at(0.6, 0), pane.at(0.95, 0), pane.at(0, 0.9)], (255, 255, 255, 34))
    if rng.random() < 0.4:
        curtain = (*rng.choice(((236, 230, 220), (186, 92, 80), (120, 140, 160))), 190)
        canvas.rectangle(pane.part(0, 0, 0.24, 1), curtain)
        canvas.rectangle(pane.part(0.76, 0, 1, 1), curtain)
    bar = lighter(wall, 0.55)
    canvas.rectangle(pane.part(0.47, 0, 0.53, 1), bar)
    canvas.rectangle(pane.part(0, 0.46, 1, 0.5), bar)
    canvas.rectangle(Area(pane.left - 5, pane.bottom + 2, pane.width + 10, 4), lighter(wall, 0.55))
    canvas.rectangle(Area(pane.left - 4, pane.bottom + 6, pane.width + 8, 3), (0, 0, 0, 55))


def draw_shop(canvas: Canvas, shop: Area, name: str, awning: Rgb, rng: random.Random) -> Box:
    """A shop front with its sign above an awning; gives the pixels of the name."""
    canvas.gradient(shop, (62, 56, 54), (44, 40, 40))
    _draw_display(canvas, shop.part(0.05, 0.34, 0.66, 0.94), rng)
    _draw_door(canvas, shop.part(0.72, 0.34, 0.94, 1.0), awning)
    board = shop.part(0.03, 0.02, 0.97, 0.24)
    paint = rng.choice((darker(awning, 0.45), (34, 38, 44), (240, 234, 220), darker(awning, 0.1)))
    canvas.rectangle(board.grown(1.5), darker(paint, 0.4))
    canvas.gradient(board, lighter(paint, 0.08), paint)
    canvas.change_face()
    name_box = canvas.words(board.part(0.06, 0.2, 0.94, 0.8), name, Lettering(readable_on(paint), bold=True))
    _draw_awning(canvas, shop.part(0.0, 0.25, 1.0, 0.46), awning)
    return name_box


def _draw_display(canvas: Canvas, window: Area, rng: random.Random) -> None:
    canvas.rectangle(window.grown(2.5), (214, 206, 190))
    canvas.gradient(window, (255, 228, 172), (206, 150, 96))
    for shelf in (0.62, 0.97):
        for cell in window.part(0.03, shelf - 0.3, 0.97, shelf).cells(9, 1, gap=0.12):
            ware = rng.choice(WALLS)
            height = rng.uniform(0.3, 0.9)
            canvas.rectangle(cell.part(0, 1 - height, 1, 1), darker(ware, 0.15), radius=2)
        canvas.rectangle(window.part(0, shelf, 1, shelf + 0.03), (120, 84, 56))
    canvas.polygon([window.at(0.1, 1), window.at(0.4, 0), window.at(0.52, 0), window.at(0.22, 1)], (255, 255, 255, 30))


def _draw_door(canvas: Canvas, door: Area, paint: Rgb) -> None:
    canvas.gradient(door, darker(paint, 0.25), darker(paint, 0.5))
    canvas.gradient(door.part(0.16, 0.12, 0.84, 0.66), (226, 206, 160), (150, 128, 104))
    canvas.ellipse(Area(door.right - 8, door.top + 0.72 * door.height, 4, 4), (226, 196, 120))


def _draw_awning(canvas: Canvas, awning: Area, paint: Rgb) -> None:
    stripes = max(6, round(awning.width / 17))
    canvas.rectangle(Area(awning.left, awning.bottom, awning.width, 9), (0, 0, 0, 70))
    for number, stripe in enumerate(awning.cells(stripes, 1)):
        ink = paint if number % 2 == 0 else lighter(paint, 0.82)
        canvas.gradient(stripe, lighter(ink, 0.1), darker(ink, 0.14))
        canvas.ellipse(Area(stripe.left, stripe.bottom - 5, stripe.width, 10), darker(ink, 0.14))
