"""What is done to the rows of one picture."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from semclip.errors import InputError, ModelError, ServerUnreachable
from semclip.geometry import Box, Size
from semclip.logs import BadLine, Example
from semclip.mining.rewards import Query, Reader, Rewards
from semclip.mining.shards import MinedRow
from semclip.mining.work import Done, Task, Work, mine_task, open_tools
from semclip.proposals import Grid, pyramid
from semclip.types import Picture
from tests.fakes import ColorRelevance
from tests.mining.making import SIZE, SPOT, make_picture

LOG = Path("log.jsonl")


@dataclass
class Scripted:
    """Gives `values` for the first boxes, with a pass for each box tried; keeps what it was asked."""

    values: tuple[float, ...] = ()
    passes: int | None = None
    name: str = "scripted"
    fingerprint: str = "5c"
    least_passes: int = 1
    asked: list[Query] = field(default_factory=list)

    def __call__(self, picture: Picture, queries: Sequence[Query], /) -> list[Rewards | InputError]:
        self.asked += queries
        return [self._read(query) for query in queries]

    def _read(self, query: Query) -> Rewards | InputError:
        if "refused" in query.example.question:
            return InputError("refused")
        values = np.full(len(query.boxes), np.nan, np.float32)
        values[list(query.tries)] = 0.25
        values[: len(self.values)] = self.values
        return Rewards(values, len(query.tries) if self.passes is None else self.passes)


@dataclass
class Interrupted:
    """Says of one question after the other that all is worthless; after `at` of them it fails, or just ends."""

    at: int
    ends: bool = False
    name: str = "interrupted"
    fingerprint: str = "1e"
    least_passes: int = 1
    asked: list[str] = field(default_factory=list)

    def __call__(self, picture: Picture, queries: Sequence[Query], /) -> Iterator[Rewards | InputError]:
        for query in queries:
            if len(self.asked) == self.at:
                if self.ends:
                    return
                raise ServerUnreachable("nobody there")
            self.asked.append(query.example.question)
            yield Rewards(np.zeros(len(query.boxes), np.float32), passes=1)


@pytest.fixture
def image(tmp_path: Path) -> Path:
    return make_picture(tmp_path / "a.png")


def example(image: Path, question: str = "where is the red spot?", *, evidence: tuple[Box, ...] = (SPOT,)) -> Example:
    return Example("a", image, question, ("here",), evidence, line=4)


def done(reader: Reader, *rows: Example, budget: int | None = 4, cache: Path | None = None) -> Done:
    work = Work(reader, psi=ColorRelevance(), budget=budget, propose=Grid(3, 3), cache=cache)
    return mine_task(Task(7, LOG, rows), open_tools(work))


def test_boxes_whose_reward_is_known_are_kept(image: Path) -> None:
    reader = Scripted((0.5, np.nan))
    [row] = done(reader, example(image), budget=None).results
    assert isinstance(row, MinedRow)
    assert row.boxes == (Grid(3, 3)(SIZE)[0], *Grid(3, 3)(SIZE)[2:])
    assert row.rewards.tolist() == [0.5] + 7 * [0.25]
    assert (row.id, row.size, row.passes, row.positives) == ("a", SIZE, 9, 1)


def test_at_most_the_budget_is_tried_first_what_the_psi_likes(image: Path) -> None:
    reader = Scripted()
    [row] = done(reader, example(image), budget=4).results
    [query] = reader.asked
    assert len(query.tries) == 4
    assert query.boxes[query.tries[0]] == Grid(3, 3)(SIZE)[0]
    assert isinstance(row, MinedRow)
    assert (len(row.boxes), row.passes) == (4, 4)


def test_without_a_budget_all_is_tried_and_no_psi_is_asked(image: Path) -> None:
    reader, psi = Scripted(), ColorRelevance()
    tools = open_tools(Work(reader, psi=psi, budget=None))
    mine_task(Task(0, LOG, (example(image),)), tools)
    assert reader.asked[0].tries == tuple(range(len(pyramid(SIZE))))
    assert psi.encoded == []
    assert open_tools(Work("boxes", psi="no such psi")).psi is None


def test_a_picture_is_encoded_once_for_all_its_rows(image: Path) -> None:
    psi = ColorRelevance()
    tools = open_tools(Work(Scripted(), psi=psi))
    mine_task(Task(0, LOG, (example(image), example(image, "green?"))), tools)
    assert len(psi.encoded) == 1


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ({"question": "refused"}, "refused"),
        ({"evidence": (Box(0, 0, 65, 9),)}, "inside a.png, 64x48"),
        ({"size": Size(48, 64)}, "that of a.png, 64x48, got 48x64"),
        ({"answers": ("\ud800",)}, "surrogate"),
    ],
)
def test_a_bad_row_is_rejected_alone_and_in_its_place(image: Path, bad: dict[str, object], reason: str) -> None:
    fields = {"id": "bad", "image": image, "question": "what?", "line": 9} | bad
    first, second, third = done(Scripted(), example(image), Example(**fields), example(image)).results  # type: ignore[arg-type]
    assert isinstance(first, MinedRow)
    assert isinstance(second, BadLine)
    assert (second.id, second.line, second.source) == ("bad", 9, LOG)
    assert reason in second.reason
    assert isinstance(third, MinedRow)


def test_a_row_of_which_nothing_is_known_is_rejected(image: Path) -> None:
    [row] = done(Scripted(9 * (np.nan,)), example(image)).results
    assert isinstance(row, BadLine)
    assert "knows of no box" in row.reason


def test_a_broken_picture_rejects_all_its_rows(image: Path) -> None:
    image.write_bytes(image.read_bytes()[:-40])
    results = done(Scripted(), example(image), example(image)).results
    assert all(isinstance(row, BadLine) and "a.png" in row.reason for row in results)
    assert len(results) == 2


@pytest.mark.parametrize("reader", [Scripted((1.5,)), Scripted(passes=5), Scripted(passes=-1)])
def test_a_reader_that_breaks_its_promise_ends_the_job(image: Path, reader: Scripted) -> None:
    with pytest.raises(ModelError, match="reader scripted needs 9 rewards from 0 to 1 or NaN and at most 4 passes"):
        done(reader, example(image))


def test_what_was_read_once_is_not_read_again(image: Path, tmp_path: Path) -> None:
    rows = example(image), example(image, "refused"), example(image, "green?")
    first = done(Scripted(), *rows, cache=tmp_path)
    reader = Scripted()
    again = done(reader, *rows, cache=tmp_path)
    assert [query.example.question for query in reader.asked] == ["refused"]  # the reason may have gone
    assert (first.spent, again.spent) == (8, 0)
    assert [getattr(row, "passes", None) for row in again.results] == [4, None, 4]
    assert [getattr(row, "reason", None) for row in again.results] == [None, "refused", None]


def test_a_job_that_is_stopped_has_kept_every_row_that_was_read(image: Path, tmp_path: Path) -> None:
    rows = [example(image, f"red {number}?") for number in range(12)]
    with pytest.raises(ServerUnreachable):
        done(Interrupted(at=9), *rows, cache=tmp_path)
    reader = Interrupted(at=99)
    again = done(reader, *reversed(rows), cache=tmp_path)
    assert reader.asked == ["red 11?", "red 10?", "red 9?"]
    assert again.spent == 3


def test_a_reader_that_says_too_little_ends_the_job(image: Path) -> None:
    with pytest.raises(ModelError, match="reader interrupted needs 2 values, gave 1"):
        done(Interrupted(at=1, ends=True), example(image), example(image))


def test_a_budget_that_is_too_low_for_the_reader_is_said_before_anything_is_read(tmp_path: Path) -> None:
    work = Work(Scripted(least_passes=4), psi=ColorRelevance(), budget=3, cache=tmp_path / "new")
    with pytest.raises(InputError, match="reader scripted needs a budget of at least 4, got 3"):
        open_tools(work)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("wrong", [{"budget": 0}, {"explore": 2.0}, {"explore": -1.0}])
def test_work_that_cannot_be_done_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(InputError):
        Work("boxes", **wrong)  # type: ignore[arg-type]
