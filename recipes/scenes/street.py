"""A street: houses, shops, a bus, cars, signs and people, from the far side to the near one."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from recipes.scenes import names
from recipes.scenes.area import Area
from recipes.scenes.backdrop import DAYLIGHTS, Daylight, draw_lamp, draw_road, draw_sky, draw_skyline, draw_tree
from recipes.scenes.buildings import WALLS, draw_facade, draw_shop
from recipes.scenes.canvas import Canvas, Lettering
from recipes.scenes.paint import NAMED, Rgb, mixed, varied
from recipes.scenes.people import draw_balloon, draw_person, draw_umbrella
from recipes.scenes.scene import SceneQuestion, whereabouts
from recipes.scenes.vehicles import draw_bus, draw_car_from_behind, draw_car_from_side
from semclip import Box
from semclip.geometry import intersection_area

_GROUND = 640.0
_SHOP_HEIGHT = 136.0
_GREY: Rgb = (128, 130, 134)
_LEAVES: tuple[Rgb, ...] = ((74, 112, 58), (92, 128, 62), (58, 98, 62), (150, 130, 56))
_BUS_COLOURS = ("red", "red", "blue", "green", "orange", "purple")
_CAR_COLOURS = ("white", "black", "yellow", "blue", "green", "orange", "purple", "turquoise")
_CARRIED_COLOURS = ("red", "yellow", "blue", "green", "orange", "purple", "pink", "turquoise")


@dataclass
class _Street:
    """The street so far: what may still be asked, and what nothing may be drawn over."""

    canvas: Canvas
    rng: random.Random
    questions: list[SceneQuestion] = field(default_factory=list)
    kept_free: list[Box] = field(default_factory=list)

    def ask(self, question: str, answer: str, evidence: Box) -> None:
        self.questions.append(SceneQuestion(question, answer, (evidence,)))
        self.kept_free.append(evidence)

    def free_place(self, areas: Sequence[Area]) -> Area | None:
        """The first of the areas that hides no evidence and no other foreground thing."""
        return next((area for area in areas if self._is_free(self.canvas.box(area))), None)

    def _is_free(self, box: Box) -> bool:
        return not any(intersection_area(box, other) for other in self.kept_free)

    def across(self, margin: float) -> float:
        return self.rng.uniform(margin, self.canvas.area.width - margin)


def draw_street(canvas: Canvas, rng: random.Random) -> tuple[SceneQuestion, ...]:
    """Draws the street and gives what can be asked about it, the bus first."""
    street = _Street(canvas, rng)
    daylight = rng.choice(DAYLIGHTS)
    draw_sky(canvas, daylight, rng)
    draw_skyline(canvas, daylight, rng)
    _draw_houses(street, daylight)
    draw_road(canvas, _GROUND, rng)
    _draw_far_pavement(street)
    _draw_bus(street)
    _draw_near_cars(street)
    for draw in (_draw_street_name, _draw_speed_limit, _draw_stop):
        draw(street)
    _draw_near_people(street)
    return tuple(sorted(street.questions, key=lambda asked: "bus" not in asked.question))


def _draw_houses(street: _Street, daylight: Daylight) -> None:
    canvas, rng = street.canvas, street.rng
    awnings, shops = rng.sample(list(NAMED), len(NAMED)), rng.sample(names.SHOPS, len(names.SHOPS))
    left, wall = -rng.uniform(0, 60), rng.choice(WALLS)
    while left < canvas.area.width:
        house = Area(left, _GROUND - rng.uniform(330, 520), rng.uniform(170, 270), 0)
        storeys = Area(house.left, house.top, house.width, _GROUND - _SHOP_HEIGHT - house.top)
        wall = rng.choice([other for other in WALLS if other != wall])
        draw_facade(canvas, storeys, mixed(wall, daylight.above, daylight.dusk), daylight.lit_share, rng)
        shop = Area(left, _GROUND - _SHOP_HEIGHT, house.width, _SHOP_HEIGHT)
        # A very wide street has more shops than there are names for colours: the last ones are grey and not asked for.
        colour, name = (awnings.pop() if awnings else None), shops.pop()
        sign = draw_shop(canvas, shop, name, varied(NAMED[colour], rng) if colour else _GREY, rng)
        if colour and left >= 0 and shop.right <= canvas.area.width:
            street.ask(f"What does the sign above the {colour} awning say?", name, sign)
        left = shop.right


def _draw_far_pavement(street: _Street) -> None:
    canvas, rng = street.canvas, street.rng
    for _ in range(rng.randint(1, 3)):
        place = street.free_place([Area(street.across(80) - 80, _GROUND - 215, 160, 235) for _ in range(6)])
        if place:
            draw_tree(canvas, place.part(0.12, 0.06, 0.88, 1.0), rng.choice(_LEAVES), rng)
    for _ in range(rng.randint(5, 9)):
        draw_person(canvas, Area(street.across(30), _GROUND - 62 + rng.uniform(0, 14), 29, 82), rng)
    for _ in range(rng.randint(1, 3)):
        car = Area(street.across(120) - 85, 628, 172, 56)
        draw_car_from_side(canvas, car, varied(NAMED[rng.choice(_CAR_COLOURS)], rng))


def _draw_bus(street: _Street) -> None:
    rng = street.rng
    colour, number = rng.choice(_BUS_COLOURS), str(rng.randint(2, 199))
    bus = Area(rng.uniform(20, max(21, street.canvas.area.width - 460)), 606, 440, 150)
    street.canvas.change_face()
    shown = draw_bus(street.canvas, bus, varied(NAMED[colour], rng), number, rng.choice(names.STOPS))
    street.ask(f"What number is on the {colour} bus?", number, shown)


def _draw_near_cars(street: _Street) -> None:
    rng = street.rng
    lanes = 5
    colours = rng.sample(_CAR_COLOURS, lanes)
    for lane in rng.sample(range(lanes), rng.randint(2, 3)):
        left = (lane + rng.uniform(0.15, 0.45)) * street.canvas.area.width / lanes
        place = street.free_place([Area(left, 744 + rng.uniform(-6, 22), 168, 126)])
        if place:
            colour, plate = colours.pop(), names.plate(rng)
            shown = draw_car_from_behind(street.canvas, place, varied(NAMED[colour], rng), plate)
            street.ask(f"What is the number plate of the {colour} car?", plate, shown)


def _draw_post(street: _Street, height: float) -> Area | None:
    """A free place for a sign on a post on the near pavement; the post is drawn."""
    top = 918 - height
    place = street.free_place([Area(street.across(70) - 50, top, 100, height) for _ in range(30)])
    if place:
        street.kept_free.append(street.canvas.box(place))
        street.canvas.glow(place.part(0.2, 0.98, 1.3, 1.03), (0, 0, 0), strength=0.5)
        street.canvas.gradient(place.part(0.47, 0, 0.53, 1), (150, 154, 158), (84, 88, 92), radius=2)
    return place


def _draw_street_name(street: _Street) -> None:
    place = _draw_post(street, street.rng.uniform(300, 340))
    if place:
        name = street.rng.choice(names.STREETS)
        board = Area(place.left - 12, place.top + 6, 124, 26)
        paint = street.rng.choice(((28, 74, 140), (24, 96, 66), (242, 242, 238)))
        _draw_board(street.canvas, board, paint)
        ink = (20, 24, 30) if paint[0] > 200 else (250, 250, 250)
        shown = street.canvas.words(board.part(0.06, 0.18, 0.94, 0.82), name, Lettering(ink, bold=True, even=True))
        street.ask("What is the name of the street?", name, shown)


def _draw_speed_limit(street: _Street) -> None:
    place = _draw_post(street, street.rng.uniform(260, 300))
    if place:
        limit = str(street.rng.choice((20, 30, 40, 50, 60)))
        disc = Area(place.left + 26, place.top - 2, 48, 48)
        street.canvas.ellipse(disc.grown(1.5), (90, 92, 96))
        street.canvas.ellipse(disc, (204, 30, 36))
        street.canvas.ellipse(disc.grown(-6), (248, 248, 246))
        shown = street.canvas.words(disc.part(0.24, 0.3, 0.76, 0.7), limit, Lettering((20, 20, 24), bold=True))
        street.ask("What is the speed limit?", limit, shown)


def _draw_stop(street: _Street) -> None:
    place = _draw_post(street, street.rng.uniform(270, 310))
    if place:
        stop = street.rng.choice(names.STOPS)
        board = Area(place.left + 14, place.top, 72, 66)
        _draw_board(street.canvas, board, (246, 206, 60))
        street.canvas.words(board.part(0.1, 0.08, 0.9, 0.42), "H", Lettering((30, 90, 60), bold=True))
        shown = street.canvas.words(board.part(0.08, 0.52, 0.92, 0.9), stop, Lettering((24, 24, 26), even=True))
        street.ask("What is the name of the bus stop?", stop, shown)


def _draw_board(canvas: Canvas, board: Area, paint: Rgb) -> None:
    canvas.rectangle(board.grown(2), (228, 228, 226), radius=4)
    canvas.rectangle(board, paint, radius=3)


def _draw_near_people(street: _Street) -> None:
    rng = street.rng
    carried: dict[str, Callable[[Canvas, Area, Rgb], Area]] = {"umbrella": draw_umbrella, "balloon": draw_balloon}
    colours = {thing: rng.sample(_CARRIED_COLOURS, 3) for thing in carried}
    for _ in range(rng.randint(3, 6)):
        height = rng.uniform(160, 200)
        bodies = [Area(street.across(90), 968 - height + rng.uniform(-18, 8), 0.36 * height, height) for _ in range(12)]
        reach = {body.part(-0.6, -0.5, 1.6, 1.0): body for body in bodies}
        place = street.free_place(list(reach))
        if place:
            draw_person(street.canvas, reach[place], rng)
            thing = rng.choice(list(carried))
            colour = colours[thing].pop() if colours[thing] else None
            if colour:
                shown = carried[thing](street.canvas, reach[place], varied(NAMED[colour], rng))
                box = street.canvas.box(shown)
                street.ask(f"Where is the {colour} {thing}?", whereabouts(box, street.canvas.size), box)
            street.kept_free.append(street.canvas.box(place))
    lamp = street.free_place([Area(street.across(60), 330, 36, 590) for _ in range(10)])
    if lamp:
        draw_lamp(street.canvas, lamp)
