"""Three questions about one large picture, and where a model should look closely to answer them.

Run it with `make demo`. It draws a street, asks, prints what it chose, and writes demo/report.html and
demo/overlay.png. With the extra [torch] it also asks a small frozen model a question that it gets wrong from the
overview alone.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from rich.console import Console
from rich.table import Table

from recipes.scenes import Scene, render_scene
from semclip import SemClip
from semclip.geometry import coverage
from semclip.render import Reply, write_overlay, write_report
from semclip.selection import Selection

QUESTIONS = (
    "What is the name of the street?",
    "What number is on the red bus?",
    "Where is the blue balloon?",
)


MODEL = Path(__file__).parents[1] / "benchmarks" / "miniature" / "weights" / "qwen"
MODEL_SEED, MODEL_QUESTION = 700_005, "What number is on the star?"


def main(folder: Path = Path("demo"), semclip: SemClip | None = None) -> None:
    """Nothing; `folder` then holds the scene, the report and the overlay."""
    folder.mkdir(parents=True, exist_ok=True)
    scene = render_scene("street", seed=37)
    photo = folder / "scene.jpg"
    scene.image.save(photo, quality=90)

    # These two lines are semclip. Further questions on the same picture cost next to nothing.
    semclip = semclip or SemClip()
    selections = [semclip.select(photo, question, k=2) for question in QUESTIONS]

    replies: list[Reply | None] = [None] * len(selections)
    if find_spec("torch") and find_spec("transformers"):
        selection, reply = ask_model(folder)
        selections, replies = [*selections, selection], [*replies, reply]

    write_report(folder / "report.html", selections, replies)
    write_overlay(folder / "overlay.png", selections[0])
    console = Console()
    for selection in selections[: len(QUESTIONS)]:
        console.print(as_table(selection, scene))
    for reply in filter(None, replies):
        console.print(f"{MODEL_QUESTION}  {reply.model}: {reply.alone} from the overview, {reply.aided} with crops")
    console.print(f"Open {folder / 'report.html'} to see where it looked.")


def ask_model(folder: Path) -> tuple[Selection, Reply]:
    """What a small frozen model is shown of another scene, and what it answers without crops and with them."""
    import semclip
    from benchmarks.miniature.drawing import render
    from benchmarks.miniature.views import SCENE
    from benchmarks.miniature.world import draw_scene

    photo = folder / "things.jpg"
    render(draw_scene(MODEL_SEED), SCENE).save(photo, quality=92)
    vlm = semclip.load(MODEL, dtype="float32")
    alone = vlm.ask(photo, MODEL_QUESTION, k=0, max_tokens=8)
    aided = vlm.ask(photo, MODEL_QUESTION, k=2, max_tokens=8)
    return aided.selection, Reply(MODEL.name, aided.text.strip(), alone.text.strip())


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
