"""Three questions about one large picture, and where a model should look closely to answer them.

Run it with `make demo`. It draws a street, asks, prints what it chose, and writes demo/report.html and
demo/overlay.png.
"""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.table import Table

from recipes.scenes import Scene, render_scene
from semclip import SemClip
from semclip.geometry import coverage
from semclip.render import write_overlay, write_report
from semclip.selection import Selection

QUESTIONS = (
    "What is the name of the street?",
    "What number is on the red bus?",
    "Where is the blue balloon?",
)


def main(folder: Path = Path("demo"), semclip: SemClip | None = None) -> None:
    """Nothing; `folder` then holds the scene, the report and the overlay."""
    folder.mkdir(parents=True, exist_ok=True)
    scene = render_scene("street", seed=37)
    photo = folder / "scene.jpg"
    scene.image.save(photo, quality=90)

    # These two lines are semclip. Further questions on the same picture cost next to nothing.
    semclip = semclip or SemClip()
    selections = [semclip.select(photo, question, k=2) for question in QUESTIONS]

    write_report(folder / "report.html", selections)
    write_overlay(folder / "overlay.png", selections[0])
    console = Console()
    for selection in selections:
        console.print(as_table(selection, scene))
    console.print(f"Open {folder / 'report.html'} to see where it looked.")


def as_table(selection: Selection, scene: Scene) -> Table:
    """The chosen boxes, and how much of the answer's own box each of them holds."""
    asked = next(asked for asked in scene.questions if asked.question == selection.question)
    table = Table("", "box", "score", "holds of the answer", title=f"{asked.question}  ({asked.answer})")
    for rank, scored in enumerate(selection.chosen, start=1):
        held = max(coverage(box, by=scored.box) for box in asked.evidence)
        table.add_row(str(rank), str(scored.box.to_list()), f"{scored.score:.3f}", f"{held:.0%}")
    return table


if __name__ == "__main__":
    main()
