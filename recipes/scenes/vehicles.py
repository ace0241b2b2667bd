"""A bus and cars."""

from __future__ import annotations

from recipes.scenes.area import Area
from recipes.scenes.canvas import Canvas, Lettering
from recipes.scenes.paint import Rgb, darker, lighter
from semclip import Box

_TYRE: Rgb = (28, 28, 30)
_AMBER: Rgb = (255, 190, 70)


def draw_bus(canvas: Canvas, bus: Area, paint: Rgb, number: str, stop: str) -> Box:
    """A bus seen from its side; gives the pixels of its number, on the blind above the front windows."""
    _draw_shadow(canvas, bus)
    canvas.gradient(bus.part(0, 0, 1, 0.9), lighter(paint, 0.16), darker(paint, 0.2), radius=13)
    canvas.rectangle(bus.part(0, 0.66, 1, 0.7), lighter(paint, 0.7))
    canvas.rectangle(bus.part(0.015, 0.83, 0.985, 0.9), darker(paint, 0.55), radius=4)
    for pane in bus.part(0.03, 0.25, 0.79, 0.6).cells(6, 1, gap=0.035):
        _draw_pane(canvas, pane)
    _draw_pane(canvas, bus.part(0.935, 0.25, 0.992, 0.66))
    for leaf in bus.part(0.805, 0.25, 0.925, 0.84).cells(2, 1, gap=0.05):
        _draw_pane(canvas, leaf)
    for across in (0.17, 0.7):
        _draw_wheel(canvas, bus.at(across, 0.9), 0.15 * bus.height)
    canvas.ellipse(bus.part(0.985, 0.72, 1.0, 0.79), (255, 244, 206))
    canvas.rectangle(bus.part(0.0, 0.7, 0.008, 0.8), (255, 70, 50))
    return _draw_blind(canvas, bus.part(0.66, 0.055, 0.97, 0.2), number, stop)


def _draw_blind(canvas: Canvas, blind: Area, number: str, stop: str) -> Box:
    canvas.rectangle(blind, (18, 18, 20), radius=2)
    canvas.words(blind.part(0.4, 0.2, 0.97, 0.8), stop, Lettering(_AMBER, even=True))
    return canvas.words(blind.part(0.03, 0.12, 0.34, 0.88), number, Lettering(_AMBER, bold=True))


def _draw_pane(canvas: Canvas, pane: Area) -> None:
    canvas.gradient(pane, (136, 160, 178), (44, 56, 68), radius=3)
    canvas.polygon([pane.at(0.1, 1), pane.at(0.55, 0), pane.at(0.8, 0), pane.at(0.35, 1)], (255, 255, 255, 30))
    canvas.ellipse(pane.part(0.3, 0.5, 0.52, 0.78), (30, 36, 44, 130))
    canvas.rectangle(pane.part(0.22, 0.76, 0.6, 1), (30, 36, 44, 130), radius=3)


def _draw_wheel(canvas: Canvas, hub: tuple[float, float], radius: float) -> None:
    tyre = Area(hub[0] - radius, hub[1] - radius, 2 * radius, 2 * radius)
    canvas.ellipse(tyre.grown(0.18 * radius), (16, 16, 18))
    canvas.ellipse(tyre, _TYRE)
    canvas.ellipse(tyre.grown(-0.38 * radius), (150, 152, 156))
    canvas.ellipse(tyre.grown(-0.72 * radius), (70, 72, 76))


def _draw_shadow(canvas: Canvas, body: Area) -> None:
    canvas.glow(body.part(-0.06, 0.86, 1.06, 1.16), (10, 10, 14), strength=0.75)


def draw_car_from_side(canvas: Canvas, car: Area, paint: Rgb) -> None:
    """A car that drives to the right."""
    _draw_shadow(canvas, car)
    roof = [(0.15, 0.45), (0.27, 0.06), (0.34, 0.0), (0.62, 0.0), (0.7, 0.06), (0.86, 0.45)]
    canvas.polygon([car.at(*point) for point in roof], darker(paint, 0.06))
    for window in (
        [(0.21, 0.42), (0.3, 0.1), (0.46, 0.08), (0.46, 0.42)],
        [(0.49, 0.42), (0.49, 0.08), (0.66, 0.1), (0.79, 0.42)],
    ):
        canvas.polygon([car.at(*point) for point in window], (66, 84, 100))
        canvas.polygon([car.at(x * 0.5 + 0.2, y) for x, y in window], (255, 255, 255, 20))
    canvas.gradient(car.part(0, 0.4, 1, 0.85), lighter(paint, 0.18), darker(paint, 0.25), radius=0.2 * car.height)
    canvas.rectangle(car.part(0.02, 0.6, 0.98, 0.62), darker(paint, 0.3))
    canvas.rectangle(car.part(0.52, 0.5, 0.57, 0.53), darker(paint, 0.5), radius=1)
    canvas.ellipse(car.part(0.95, 0.48, 1.0, 0.62), (255, 246, 214))
    canvas.rectangle(car.part(0.0, 0.48, 0.03, 0.6), (214, 40, 40), radius=1)
    for across in (0.2, 0.8):
        _draw_wheel(canvas, car.at(across, 0.84), 0.19 * car.height)


def draw_car_from_behind(canvas: Canvas, car: Area, paint: Rgb, plate: str) -> Box:
    """A car that drives away; gives the pixels of its number plate."""
    _draw_shadow(canvas, car)
    for wheel in (car.part(0.06, 0.78, 0.22, 1), car.part(0.78, 0.78, 0.94, 1)):
        canvas.rectangle(wheel, _TYRE, radius=4)
    cabin = [(0.12, 0.42), (0.22, 0.04), (0.3, 0.0), (0.7, 0.0), (0.78, 0.04), (0.88, 0.42)]
    canvas.polygon([car.at(*point) for point in cabin], darker(paint, 0.08))
    glass = [(0.19, 0.38), (0.27, 0.07), (0.73, 0.07), (0.81, 0.38)]
    canvas.polygon([car.at(*point) for point in glass], (52, 66, 80))
    canvas.polygon(
        [car.at(*point) for point in ((0.3, 0.38), (0.45, 0.07), (0.55, 0.07), (0.4, 0.38))], (255, 255, 255, 36)
    )
    canvas.gradient(car.part(0.03, 0.36, 0.97, 0.88), lighter(paint, 0.14), darker(paint, 0.3), radius=0.1 * car.height)
    canvas.rectangle(car.part(0.03, 0.76, 0.97, 0.9), darker(paint, 0.5), radius=4)
    for lamp in (car.part(0.05, 0.44, 0.2, 0.56), car.part(0.8, 0.44, 0.95, 0.56)):
        canvas.gradient(lamp, (236, 60, 50), (150, 20, 24), radius=3)
    board = car.part(0.335, 0.57, 0.665, 0.7)
    canvas.rectangle(board.grown(1), (30, 30, 34), radius=1.5)
    canvas.rectangle(board, (246, 246, 240), radius=1)
    return canvas.words(board.part(0.05, 0.14, 0.95, 0.86), plate, Lettering((20, 22, 30), bold=True))
