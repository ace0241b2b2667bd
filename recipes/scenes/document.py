"""An invoice or a till receipt on a table."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import timedelta

from recipes.scenes import names
from recipes.scenes.area import Area
from recipes.scenes.canvas import Canvas, Lettering
from recipes.scenes.paint import NAMED, Rgb, darker, lighter
from recipes.scenes.scene import SceneQuestion
from semclip import Box

_INK: Rgb = (38, 38, 42)
_QUIET: Rgb = (104, 104, 110)
_TABLES: tuple[Rgb, ...] = ((134, 98, 68), (92, 66, 50), (176, 148, 116), (88, 94, 100), (64, 72, 82))
_CENTS = 100


@dataclass(frozen=True, slots=True)
class _Item:
    name: str
    count: int
    price_cents: int

    @property
    def sum_cents(self) -> int:
        return self.count * self.price_cents


@dataclass(frozen=True, slots=True)
class _Paper:
    """A sheet that is written line by line: a line is `line` units high."""

    canvas: Canvas
    sheet: Area
    line: float

    def row(self, number: float, left: float, right: float, *, height: float = 1.0) -> Area:
        top = self.sheet.top + number * self.line
        margin = 0.07 * self.sheet.width
        inner = self.sheet.width - 2 * margin
        return Area(self.sheet.left + margin + left * inner, top, (right - left) * inner, height * self.line * 0.74)

    def write(self, area: Area, text: str, *, align: float = 0.0, bold: bool = False, ink: Rgb = _INK) -> Box:
        return self.canvas.words(area, text, Lettering(ink, bold=bold, align=align, even=True))

    def rule(self, number: float, ink: Rgb = _QUIET, *, width: float = 1.0) -> None:
        row = self.row(number, 0, 1)
        self.canvas.line([row.at(0, 0), row.at(1, 0)], ink, width=width)


def draw_document(canvas: Canvas, rng: random.Random) -> tuple[SceneQuestion, ...]:
    """Draws a sheet and gives what can be read on it."""
    _draw_table(canvas, rng)
    goods = rng.sample(names.GOODS, rng.randint(5, 10))
    items = [_Item(name, rng.randint(1, 9), rng.randint(90, 9900)) for name in goods]
    draw = rng.choice((_draw_invoice, _draw_receipt))
    canvas.change_face()
    return tuple(draw(canvas, items, rng))


def _draw_table(canvas: Canvas, rng: random.Random) -> None:
    wood = rng.choice(_TABLES)
    canvas.gradient(canvas.area, lighter(wood, 0.12), darker(wood, 0.12))
    for _ in range(120):
        top, left = rng.uniform(0, 1000), rng.uniform(-200, canvas.area.width)
        grain = [(left, top), (left + 150, top + rng.uniform(-4, 4)), (left + 400, top + rng.uniform(-6, 6))]
        canvas.line(grain, (*darker(wood, rng.uniform(0.1, 0.4)), 70), width=rng.uniform(0.6, 2.2))


def _lay(canvas: Canvas, width: float, lines: float, rng: random.Random) -> _Paper:
    """A sheet of so many lines with its shadow and a fold."""
    inside = canvas.area.grown(-34)
    line = min(inside.height / lines, 30.0)
    width = min(width, inside.width)
    sheet = Area(canvas.area.left + (canvas.area.width - width) * rng.uniform(0.35, 0.65), 34, width, line * lines)
    canvas.glow(sheet.grown(60), (0, 0, 0), strength=0.75)
    canvas.rectangle(Area(sheet.left + 5, sheet.top + 7, sheet.width, sheet.height), (0, 0, 0, 90))
    canvas.gradient(sheet, (253, 252, 248), (240, 238, 231))
    canvas.glow(sheet.part(0, 0.46, 1, 0.54), (214, 210, 200), strength=0.35)
    return _Paper(canvas, sheet, line)


def _draw_invoice(canvas: Canvas, items: list[_Item], rng: random.Random) -> list[SceneQuestion]:
    paper = _lay(canvas, 650, 24.5 + len(items), rng)
    accent = darker(NAMED[rng.choice(("blue", "green", "purple", "red", "turquoise", "orange"))], 0.1)
    company, customer = rng.sample(names.COMPANIES, 2)
    logo = paper.row(1.5, 0.0, 0.0, height=2.4)
    logo = Area(logo.left, logo.top, logo.height, logo.height)
    canvas.ellipse(logo, accent)
    canvas.words(logo.part(0.25, 0.22, 0.75, 0.78), company[0], Lettering((255, 255, 255), bold=True))
    asked = [
        _read(
            "Which company issued the invoice?",
            company,
            paper.write(paper.row(1.5, 0.11, 0.62, height=1.7), company, bold=True),
        )
    ]
    street = f"{rng.randint(1, 99)} {rng.choice(names.STREETS)}"
    paper.write(paper.row(3.1, 0.11, 0.6, height=0.8), street, ink=_QUIET)
    paper.write(paper.row(1.6, 0.66, 1.0, height=2.0), "INVOICE", align=1.0, bold=True, ink=accent)
    issued, due = names.day(rng), timedelta(days=rng.choice((14, 30, 60)))
    facts = {"date": names.written(issued), "due date": names.written(issued + due)}
    for place, (what, value) in enumerate({"number": f"INV-{rng.randint(10_000, 99_999)}", **facts}.items()):
        paper.write(paper.row(5.5 + place, 0.55, 0.75), what.capitalize(), ink=_QUIET)
        shown = paper.write(paper.row(5.5 + place, 0.75, 1.0), value, align=1.0)
        asked.append(_read(f"What is the invoice {what}?", value, shown))
    paper.write(paper.row(5.5, 0.0, 0.3), "Bill to", ink=_QUIET)
    asked.append(
        _read("Who is the invoice addressed to?", customer, paper.write(paper.row(6.5, 0.0, 0.45), customer, bold=True))
    )
    paper.write(paper.row(7.5, 0.0, 0.4), f"Attn. {rng.choice(names.PEOPLE)}")
    asked += _write_table(paper, items, 10.5, accent)
    end = 12.5 + len(items)
    asked += _write_sums(paper, items, end + 1, rng)
    paper.rule(end + 7, accent, width=2)
    account = " ".join(str(rng.randint(1000, 9999)) for _ in range(4))
    paper.write(paper.row(end + 7.6, 0.0, 0.25), "Bank account", ink=_QUIET)
    asked.append(
        _read("What is the bank account number?", account, paper.write(paper.row(end + 7.6, 0.25, 0.7), account))
    )
    paper.write(paper.row(end + 9.2, 0.0, 1.0, height=0.85), "Thank you for your business.", ink=_QUIET)
    return asked


def _write_table(paper: _Paper, items: list[_Item], top: float, accent: Rgb) -> list[SceneQuestion]:
    head = paper.row(top, 0, 1, height=1.25)
    paper.canvas.rectangle(head.grown(2), accent, radius=2)
    columns = {
        "Item": (0.01, 0.45, 0.0),
        "Qty": (0.48, 0.58, 1.0),
        "Price": (0.62, 0.78, 1.0),
        "Amount": (0.8, 0.99, 1.0),
    }
    for title, (left, right, align) in columns.items():
        paper.write(paper.row(top + 0.15, left, right), title, align=align, bold=True, ink=(255, 255, 255))
    asked = []
    for place, item in enumerate(items):
        line = top + 1.6 + place
        if place % 2:
            paper.canvas.rectangle(paper.row(line - 0.12, 0, 1, height=1.34).grown(1.5), (0, 0, 0, 12))
        cells = (item.name, str(item.count), _money(item.price_cents), _money(item.sum_cents))
        for (left, right, align), text in zip(columns.values(), cells, strict=True):
            shown = paper.write(paper.row(line, left, right), text, align=align)
        asked.append(_read(f"What is the amount for {item.name}?", cells[-1], shown))
    return asked


def _write_sums(paper: _Paper, items: list[_Item], top: float, rng: random.Random) -> list[SceneQuestion]:
    net = sum(item.sum_cents for item in items)
    rate = rng.choice((5, 8, 10, 20, 25))
    tax = round(net * rate / 100)
    paper.rule(top - 0.3)
    asked = []
    lines = (
        ("subtotal", "Subtotal", net, False),
        ("tax", f"Tax {rate}%", tax, False),
        ("total", "TOTAL", net + tax, True),
    )
    for place, (what, title, cents, bold) in enumerate(lines):
        height = 1.35 if bold else 1.0
        row = top + place * 1.15
        paper.write(paper.row(row, 0.42, 0.68, height=height), title, bold=bold)
        shown = paper.write(paper.row(row, 0.7, 1.0, height=height), _money(cents), align=1.0, bold=bold)
        asked.append(_read(f"What is the {what}?", _money(cents), shown))
    return asked


def _draw_receipt(canvas: Canvas, items: list[_Item], rng: random.Random) -> list[SceneQuestion]:
    paper = _lay(canvas, 430, 22 + len(items), rng)
    company = rng.choice(names.COMPANIES)
    asked = [
        _read(
            "What is the name of the shop?",
            company,
            paper.write(paper.row(1.2, 0, 1, height=1.6), company, align=0.5, bold=True),
        )
    ]
    address = f"{rng.randint(1, 99)} {rng.choice(names.STREETS)}"
    asked.append(
        _read("What is the address of the shop?", address, paper.write(paper.row(3.0, 0, 1), address, align=0.5))
    )
    paper.write(paper.row(4.0, 0, 1), f"Tel. {rng.randint(100, 999)} {rng.randint(1000, 9999)}", align=0.5)
    paper.rule(5.4)
    day, time = names.written(names.day(rng)), f"{rng.randint(8, 20):02}:{rng.randint(0, 59):02}"
    asked.append(_read("What is the date?", day, paper.write(paper.row(5.8, 0, 0.55), day)))
    asked.append(_read("At what time was it paid?", time, paper.write(paper.row(5.8, 0.6, 1), time, align=1.0)))
    paper.write(paper.row(6.8, 0, 1), f"Served by {rng.choice(names.PEOPLE)}")
    paper.rule(8.1)
    for place, item in enumerate(items):
        paper.write(paper.row(8.5 + place, 0, 0.7), f"{item.count} x {item.name}")
        shown = paper.write(paper.row(8.5 + place, 0.72, 1), _money(item.sum_cents), align=1.0)
        asked.append(_read(f"What is the amount for {item.name}?", _money(item.sum_cents), shown))
    end = 9.4 + len(items)
    asked += _write_sums(paper, items, end, rng)
    paper.rule(end + 4.6)
    card = f"**** {rng.randint(1000, 9999)}"
    paper.write(paper.row(end + 5, 0, 0.5), "Card")
    asked.append(
        _read(
            "What are the last digits of the card?", card[5:], paper.write(paper.row(end + 5, 0.5, 1), card, align=1.0)
        )
    )
    _draw_barcode(canvas, paper.row(end + 6.8, 0.1, 0.9, height=3.4), rng)
    paper.write(paper.row(end + 10.6, 0, 1), "THANK YOU", align=0.5)
    return asked


def _draw_barcode(canvas: Canvas, place: Area, rng: random.Random) -> None:
    left = 0.0
    while left < 0.97:
        width = rng.choice((0.005, 0.005, 0.01, 0.018))
        canvas.rectangle(place.part(left, 0, left + width, 1), _INK)
        left += width + rng.choice((0.006, 0.006, 0.012))


def _money(cents: int) -> str:
    return f"{cents // _CENTS:,}.{cents % _CENTS:02}"


def _read(question: str, answer: str, shown: Box) -> SceneQuestion:
    return SceneQuestion(question, answer, (shown,))
