"""The model card of a trained ψ: README.md with the hub's YAML front matter.

Every sentence is ours; what comes from outside (a folder, a reader's name) stands in code spans, on one line.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_FRONT = """---
library_name: semclip
license: other
pipeline_tag: visual-question-answering
tags:
- semclip
- visual-search
- cropping
---
"""


@dataclass(frozen=True, slots=True)
class Figure:
    """A rate on `questions` dev questions, with its 95 % interval; the base's, and the p-value of the difference."""

    name: str
    value: float
    questions: int
    interval: tuple[float, float] | None = None
    base: float | None = None
    p_value: float | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """What a run knows of the ψ that it made; `dataclasses.asdict` of it is `trained` in config.json.

    `base`: the ψ that training started from. `reader`: what said which crops are worth something. `rows`, `pictures`
    and `positives` count what was trained on: questions, pictures, and crops that hold an answer.
    """

    base: str
    reader: str
    rows: int
    pictures: int
    positives: int
    name: str = ""
    architecture: str = "dual"
    encoder: str = "dense"
    objective: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    figures: tuple[Figure, ...] = ()

    def __str__(self) -> str:
        """A line on the data, and one for each figure."""
        head = f"trained on {self.rows:,} questions about {self.pictures:,} pictures, {self.positives:,} positives"
        lines = [
            f"dev {one.name} {one.value:.3f} ({_interval(one)}), base {_base(one)}, {one.questions:,} questions"
            for one in self.figures
        ]
        return "\n".join([head, *lines])


def model_card(facts: Facts) -> str:
    """The text of README.md."""
    parts = (
        _FRONT,
        f"# {_code(facts.name)}, a ψ for semclip\n",
        _about(facts),
        _use(facts),
        _data(facts),
        f"## Trained\n\nObjective:\n\n{_table(facts.objective)}\nSettings:\n\n{_table(facts.settings)}",
        f"## How good it is\n\n{_figures(facts)}",
        _LIMITS,
    )
    return "\n".join(parts)


_LIMITS = """## Limits

- It knows the kinds of pictures and questions that it was trained on; of others, expect what the base gives, or less.
- It says where to look. It does not read, count or answer.
- Scores rank the crops of one picture. A threshold that fits one kind of picture may not fit another.
- What the reader got wrong, and whatever bias the log has, was learned too.
- The licence is for its maker to choose, by that of the pictures, the questions and the base.
"""


def _about(facts: Facts) -> str:
    ways = {"dense": "in one pass over the whole picture", "crops": "crop by crop"}
    seen = ways.get(facts.encoder, _code(facts.encoder))
    if facts.architecture == "joint":
        seen += ", then the best crops together with the question"
    return (
        "Given a question about a picture, it says which part of it a vision-language model should see closely.\n"
        f"It reads pictures {seen}. Training started from {_code(facts.base)}.\n"
    )


def _use(facts: Facts) -> str:
    return f"""## Use

```python
import semclip
psi = semclip.load_relevance("{_plain(facts.name)}")  # this folder, or hub:ORG/NAME
semclip.SemClip(psi).select("photo.jpg", "What does the sign say?")
```
"""


def _data(facts: Facts) -> str:
    return f"""## Data

| | |
| --- | --- |
| questions | {facts.rows:,} |
| pictures | {facts.pictures:,} |
| crops that hold an answer | {facts.positives:,} |
| as judged by | {_code(facts.reader)} |
"""


def _table(values: Mapping[str, Any]) -> str:
    lines = "".join(f"| {_code(name)} | {_code(_json(value))} |\n" for name, value in values.items())
    return f"| | |\n| --- | --- |\n{lines}"


def _figures(facts: Facts) -> str:
    if not facts.figures:
        return "Not measured: the log had no dev questions.\n"
    lines = "".join(
        f"| {_code(one.name)} | {one.value:.3f} | {_interval(one)} | {_base(one)} | {one.questions:,} |\n"
        for one in facts.figures
    )
    head = "| measure | value | 95 % interval | base | questions |\n| --- | --- | --- | --- | --- |\n"
    return f"On the dev questions of the same log, which training used only to know when to stop:\n\n{head}{lines}"


def _interval(figure: Figure) -> str:
    return "–" if figure.interval is None else "{:.3f} to {:.3f}".format(*figure.interval)


def _base(figure: Figure) -> str:
    if figure.base is None or figure.p_value is None:
        return "–"
    return f"{figure.base:.3f} (p {_p_value(figure.p_value)})"


def _p_value(value: float) -> str:
    return "< .001" if value < 0.001 else f"= {value:.3f}"


def _json(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _code(text: str) -> str:
    """A code span that `text` cannot end, on one line and within one cell of a table."""
    return f"`{_plain(text)}`"


def _plain(text: str) -> str:
    return " ".join("".join(mark if mark.isprintable() and mark not in '`|"\\' else " " for mark in text).split())
