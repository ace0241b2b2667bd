"""Places on a canvas in floating-point units, before they become pixels."""

from __future__ import annotations

from dataclasses import dataclass

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Area:
    """A rectangle in canvas units: the canvas is 1000 units high and as wide as its aspect ratio makes it."""

    left: float
    top: float
    width: float
    height: float

    @property
    def right(self) -> float:
        return self.left + self.width

    @property
    def bottom(self) -> float:
        return self.top + self.height

    def at(self, across: float, down: float) -> Point:
        """The point at these shares of width and height."""
        return self.left + across * self.width, self.top + down * self.height

    def part(self, left: float, top: float, right: float, bottom: float) -> Area:
        """The part between these shares of width and height; shares outside 0..1 reach outside.

        >>> Area(10, 0, 100, 50).part(0.5, 0.0, 1.0, 0.2)
        Area(left=60.0, top=0.0, width=50.0, height=10.0)
        """
        x, y = self.at(left, top)
        return Area(x, y, (right - left) * self.width, (bottom - top) * self.height)

    def grown(self, margin: float) -> Area:
        """This area with `margin` units more on each side."""
        return Area(self.left - margin, self.top - margin, self.width + 2 * margin, self.height + 2 * margin)

    def cells(self, columns: int, rows: int, *, gap: float = 0.0) -> list[Area]:
        """The area cut into rows and columns, row by row; `gap` is the share of each cell left free on each side."""
        return [
            self.part(
                (column + gap) / columns, (row + gap) / rows, (column + 1 - gap) / columns, (row + 1 - gap) / rows
            )
            for row in range(rows)
            for column in range(columns)
        ]
