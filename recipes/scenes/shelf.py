"""Shelves full of coloured, labelled things."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from recipes.scenes import names
from recipes.scenes.area import Area
from recipes.scenes.canvas import Canvas, Lettering
from recipes.scenes.paint import NAMED, Rgb, darker, lighter, readable_on, varied
from recipes.scenes.scene import SceneQuestion, whereabouts
from semclip import Box

_WALLS: tuple[Rgb, ...] = ((214, 206, 192), (184, 198, 200), (206, 190, 186), (120, 132, 128), (226, 222, 212))
_WOODS: tuple[Rgb, ...] = ((150, 108, 72), (110, 78, 54), (196, 164, 124), (226, 220, 208), (72, 62, 58))
_CREAM: Rgb = (248, 242, 226)


@dataclass(frozen=True, slots=True)
class _Thing:
    """A kind of thing: width and height in shares of the board's height, and how it is drawn and asked for."""

    width: float
    height: float
    draw: Callable[[Canvas, Area, Rgb, str], Box]
    words: Callable[[random.Random], str]
    question: str


def draw_shelf(canvas: Canvas, rng: random.Random) -> tuple[SceneQuestion, ...]:
    """Draws the shelves and gives what can be asked about things that are the only ones of their kind and colour."""
    wood, rows = rng.choice(_WOODS), rng.randint(4, 5)
    _draw_wall(canvas, rng)
    case = canvas.area.grown(-44)
    canvas.glow(case.grown(90), (0, 0, 0), strength=0.5)
    canvas.rectangle(case.grown(14), darker(wood, 0.15), radius=4)
    kinds = [(thing, colour) for thing in _THINGS for colour in NAMED]
    rng.shuffle(kinds)
    # Labels repeat on crowded shelves; kind and colour together never do, so every question has one answer.
    questions: list[SceneQuestion] = []
    for row in case.cells(1, rows):
        _draw_board(canvas, row, wood)
        questions += _fill(canvas, row.part(0.012, 0.1, 0.988, 0.93), kinds, rng)
    rng.shuffle(questions)
    return tuple(questions)


def _draw_wall(canvas: Canvas, rng: random.Random) -> None:
    wall = rng.choice(_WALLS)
    canvas.gradient(canvas.area, lighter(wall, 0.1), darker(wall, 0.12))


def _draw_board(canvas: Canvas, row: Area, wood: Rgb) -> None:
    inside = row.part(0, 0, 1, 0.93)
    canvas.gradient(inside, darker(wood, 0.62), darker(wood, 0.4))
    canvas.gradient(inside.part(0, 0, 1, 0.16), darker(wood, 0.8), darker(wood, 0.6))
    canvas.gradient(row.part(-0.006, 0.93, 1.006, 1.0), lighter(wood, 0.18), darker(wood, 0.1))


def _fill(canvas: Canvas, board: Area, kinds: list[tuple[_Thing, str]], rng: random.Random) -> list[SceneQuestion]:
    """Things side by side on the board; takes them from the end of `kinds`."""
    asked: list[SceneQuestion] = []
    left = board.left + rng.uniform(4, 20)
    while kinds:
        thing, colour = kinds[-1]
        size = rng.uniform(0.85, 1.0)
        width, height = thing.width * size * board.height, thing.height * size * board.height
        if left + width > board.right:
            return asked
        kinds.pop()
        place = Area(left, board.bottom - height, width, height)
        canvas.glow(place.part(-0.15, 0.93, 1.25, 1.06), (0, 0, 0), strength=0.7)
        canvas.change_face()
        words = thing.words(rng)
        shown = thing.draw(canvas, place, varied(NAMED[colour], rng), words)
        answer = words or whereabouts(shown, canvas.size)
        asked.append(SceneQuestion(thing.question.format(colour=colour), answer, (shown,)))
        left += width + rng.uniform(3, 16)
    return asked


def _draw_book(canvas: Canvas, place: Area, paint: Rgb, title: str) -> Box:
    canvas.gradient(place, lighter(paint, 0.1), darker(paint, 0.12), radius=2)
    canvas.rectangle(place.part(0, 0, 0.12, 1), (255, 255, 255, 36))
    canvas.rectangle(place.part(0.88, 0, 1, 1), (0, 0, 0, 56))
    for down in (0.06, 0.92):
        canvas.rectangle(place.part(0.08, down, 0.92, down + 0.015), (226, 196, 120))
    return canvas.words(
        place.part(0.24, 0.11, 0.76, 0.88), title, Lettering(readable_on(paint), turned=True, even=True)
    )


def _draw_jar(canvas: Canvas, place: Area, paint: Rgb, label: str) -> Box:
    canvas.gradient(place.part(0.0, 0.16, 1, 1), lighter(paint, 0.22), darker(paint, 0.15), radius=0.13 * place.width)
    canvas.rectangle(place.part(0.07, 0.22, 0.16, 0.92), (255, 255, 255, 80), radius=3)
    canvas.gradient(place.part(0.06, 0, 0.94, 0.17), (206, 204, 198), (140, 138, 132), radius=3)
    return _draw_label(canvas, place.part(0.1, 0.46, 0.9, 0.76), label)


def _draw_label(canvas: Canvas, label: Area, words: str) -> Box:
    canvas.rectangle(label.grown(0.6), (120, 100, 80), radius=2)
    canvas.rectangle(label, _CREAM, radius=2)
    return canvas.words(label.part(0.08, 0.2, 0.92, 0.8), words, Lettering((44, 34, 30), bold=True))


def _draw_box(canvas: Canvas, place: Area, paint: Rgb, number: str) -> Box:
    canvas.gradient(place.part(0, 0.1, 1, 1), lighter(paint, 0.05), darker(paint, 0.18))
    canvas.gradient(place.part(-0.02, 0, 1.02, 0.24), lighter(paint, 0.22), paint)
    canvas.rectangle(place.part(0.0, 0.24, 1, 0.27), (0, 0, 0, 70))
    return _draw_label(canvas, place.part(0.3, 0.46, 0.7, 0.78), number)


def _draw_mug(canvas: Canvas, place: Area, paint: Rgb, letter: str) -> Box:
    handle = place.part(0.66, 0.22, 1.0, 0.8)
    canvas.arc(handle, darker(paint, 0.2), start_degrees=-100, end_degrees=100, width=0.1 * place.width)
    canvas.gradient(place.part(0, 0.05, 0.8, 1), lighter(paint, 0.16), darker(paint, 0.14), radius=0.08 * place.width)
    canvas.ellipse(place.part(0, 0, 0.8, 0.12), darker(paint, 0.35))
    canvas.rectangle(place.part(0.07, 0.16, 0.15, 0.9), (255, 255, 255, 70), radius=3)
    return canvas.words(place.part(0.22, 0.32, 0.62, 0.76), letter, Lettering(readable_on(paint), bold=True))


def _draw_clock(canvas: Canvas, place: Area, paint: Rgb, number: str) -> Box:
    canvas.rectangle(place, darker(paint, 0.12), radius=0.14 * place.height)
    canvas.gradient(place.part(0.03, 0.04, 0.97, 0.8), lighter(paint, 0.2), paint, radius=0.12 * place.height)
    screen = place.part(0.12, 0.2, 0.88, 0.74)
    canvas.rectangle(screen, (18, 24, 22), radius=3)
    return canvas.words(screen.part(0.1, 0.2, 0.9, 0.8), number, Lettering((120, 255, 170), bold=True))


def _draw_ball(canvas: Canvas, place: Area, paint: Rgb, _: str) -> Box:
    canvas.ellipse(place, darker(paint, 0.25))
    canvas.ellipse(place.part(0.02, 0.0, 0.93, 0.92), paint)
    canvas.arc(place.part(0.2, -0.1, 1.1, 0.9), darker(paint, 0.3), start_degrees=80, end_degrees=200, width=2)
    canvas.glow(place.part(0.1, 0.06, 0.6, 0.52), (255, 255, 255), strength=0.65)
    return canvas.box(place)


def _draw_candle(canvas: Canvas, place: Area, paint: Rgb, _: str) -> Box:
    canvas.gradient(place.part(0, 0.32, 1, 1), lighter(paint, 0.28), darker(paint, 0.05), radius=3)
    canvas.ellipse(place.part(0, 0.29, 1, 0.37), lighter(paint, 0.4))
    canvas.rectangle(place.part(0.46, 0.22, 0.54, 0.34), (50, 40, 36))
    canvas.glow(place.part(-0.7, -0.2, 1.7, 0.5), (255, 200, 90), strength=0.5)
    canvas.ellipse(place.part(0.3, 0.0, 0.7, 0.25), (255, 196, 70))
    canvas.ellipse(place.part(0.4, 0.1, 0.6, 0.24), (255, 246, 210))
    return canvas.box(place)


def _draw_plant(canvas: Canvas, place: Area, paint: Rgb, _: str) -> Box:
    pot = [(0.14, 0.62), (0.86, 0.62), (0.74, 1.0), (0.26, 1.0)]
    for lean, green in (
        (-0.5, (52, 104, 58)),
        (0.5, (64, 120, 66)),
        (-0.26, (82, 140, 74)),
        (0.26, (72, 132, 70)),
        (0.0, (98, 158, 84)),
    ):
        tip, side = 0.5 + lean, 0.09
        leaf = [
            (0.5, 0.66),
            (0.5 + lean * 0.45 - side, 0.3),
            (tip, 0.02 + abs(lean) * 0.3),
            (0.5 + lean * 0.6 + side, 0.36),
        ]
        canvas.polygon([place.at(*point) for point in leaf], green)
    canvas.polygon([place.at(*point) for point in pot], paint)
    canvas.rectangle(place.part(0.1, 0.58, 0.9, 0.68), lighter(paint, 0.12), radius=2)
    return canvas.box(place)


def _pick(words: tuple[str, ...]) -> Callable[[random.Random], str]:
    return lambda rng: rng.choice(words)


_THINGS = (
    _Thing(0.21, 0.92, _draw_book, _pick(names.TITLES), "What is the title of the {colour} book?"),
    _Thing(0.46, 0.62, _draw_jar, _pick(names.LABELS), "What does the label on the {colour} jar say?"),
    _Thing(0.62, 0.5, _draw_box, lambda rng: str(rng.randint(10, 99)), "Which number is on the {colour} box?"),
    _Thing(0.42, 0.4, _draw_mug, _pick(tuple("ABCDEFGHJKLMNPRST")), "Which letter is on the {colour} mug?"),
    _Thing(
        0.56,
        0.34,
        _draw_clock,
        lambda rng: f"{rng.randint(0, 23):02}:{rng.randint(0, 59):02}",
        "What time does the {colour} clock show?",
    ),
    _Thing(0.34, 0.34, _draw_ball, lambda _: "", "Where is the {colour} ball?"),
    _Thing(0.16, 0.58, _draw_candle, lambda _: "", "Where is the {colour} candle?"),
    _Thing(0.44, 0.72, _draw_plant, lambda _: "", "Where is the plant in the {colour} pot?"),
)
