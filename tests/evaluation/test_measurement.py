"""Measuring one image: through real pictures and the real pipeline, with small ψ."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from semclip.adapters.tokens import patch_tokens
from semclip.errors import ImageError, InputError
from semclip.evaluation.measurement import EvalConfig, Measured, Outcome, System, measure_image
from semclip.geometry import Box, Size
from semclip.logs import Example
from semclip.proposals import Grid
from semclip.relevance.baselines import Oracle
from semclip.selection import Choice
from semclip.types import Floats, Picture, Regions
from tests.fakes import ColorRelevance, spotted

RED, BLUE = Box(4, 4, 12, 12), Box(68, 36, 76, 44)
SIZE = Size(80, 48)
GRID = EvalConfig(ks=(1, 2), propose=Grid(4, 4))


def system(relevance: ColorRelevance) -> System:
    return System(relevance.name, relevance.fingerprint, lambda _: relevance)


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "spots.png"
    Image.fromarray(spotted(SIZE, {RED: (255, 0, 0), BLUE: (0, 0, 255)})).save(path)
    return path


def question(image: Path, color: str = "red", evidence: tuple[Box, ...] = (RED,)) -> Example:
    return Example(id=color, image=image, question=f"Where is the {color} spot?", evidence=evidence)


def measured(rows: list[Example], systems: list[System], config: EvalConfig = GRID) -> list[Measured]:
    results = measure_image(rows, systems, config)
    assert all(isinstance(one, Measured) for one in results)
    return [one for one in results if isinstance(one, Measured)]


def outcome(row: Example, config: EvalConfig = GRID) -> Outcome:
    [one] = measured([row], [system(ColorRelevance())], config)
    return one.outcomes[0]


def test_the_right_tile_is_a_tight_hit_at_once(picture: Path) -> None:
    right = outcome(question(picture))
    assert (right.hit, right.tight, right.rank) == (1, 1, 1)


def test_a_quarter_is_a_hit_and_not_tight(picture: Path) -> None:
    right = outcome(question(picture), replace(GRID, propose=Grid(2, 2)))
    assert (right.hit, right.tight, right.rank) == (1, math.inf, 1)


def test_what_is_not_chosen_still_has_a_rank(picture: Path) -> None:
    wrong = outcome(question(picture, "blue"))
    assert (wrong.hit, wrong.tight) == (math.inf, math.inf)
    assert wrong.rank == 16


def test_evidence_across_tiles_has_no_rank(picture: Path) -> None:
    across = outcome(question(picture, evidence=(Box(10, 10, 70, 40),)))
    assert (across.hit, across.rank) == (math.inf, math.inf)


def test_the_ruler_is_exact_chance_and_what_can_be_reached(picture: Path) -> None:
    rows = [question(picture), question(picture, evidence=(Box(10, 10, 70, 40),))]
    within, across = measured(rows, [system(ColorRelevance())])
    assert within.random == pytest.approx((1 / 16, 2 / 16))
    assert across.random == (0, 0)
    assert within.oracle
    assert not across.oracle


def test_visual_tokens_are_those_of_overview_and_crops(picture: Path) -> None:
    assert outcome(question(picture)).visual_tokens == (1152, 1728)
    counted = replace(GRID, choice=Choice(count_tokens=patch_tokens(4, min_tokens=1)))
    assert outcome(question(picture), counted).visual_tokens == (20 * 12 + 15, 20 * 12 + 30)


def test_many_questions_on_one_image_cost_one_encoding(picture: Path) -> None:
    color = ColorRelevance()
    red, blue = measured([question(picture), question(picture, "blue", (BLUE,))], [system(color)])
    assert red.outcomes[0].hit == blue.outcomes[0].hit == 1
    assert len(color.encoded) == 1


def test_an_oracle_is_made_for_each_question(picture: Path) -> None:
    def oracle(example: Example) -> Oracle:
        assert example.size == SIZE
        return Oracle(example.evidence, example.size)

    rows = [question(picture), question(picture, "blue", (BLUE,))]
    results = measured(rows, [System("oracle", "evidence", oracle)])
    assert [one.outcomes[0].tight for one in results] == [1, 1]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"size": Size(48, 80)}, r"that of spots.png, 80x48, got 48x80"),
        ({"evidence": ()}, "at least one evidence box"),
        ({"evidence": (Box(70, 40, 81, 48),)}, r"inside spots.png, 80x48, got \[70, 40, 81, 48\]"),
    ],
)
def test_a_row_that_does_not_fit_its_image_is_rejected_alone(
    picture: Path, change: dict[str, object], reason: str
) -> None:
    bad = replace(question(picture), **change)  # type: ignore[arg-type]
    first, second = measure_image([bad, question(picture)], [system(ColorRelevance())], GRID)
    assert isinstance(first, InputError)
    with pytest.raises(InputError, match=reason):
        raise first
    assert isinstance(second, Measured)


def test_an_unreadable_image_rejects_its_rows_for_every_psi(tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nno more")
    rows = [question(tmp_path / "broken.png"), question(tmp_path / "broken.png", "blue")]
    assert [type(one) for one in measure_image(rows, [system(ColorRelevance())], GRID)] == [ImageError] * 2


@dataclass(frozen=True)
class PickyRelevance:
    """Answers about red only, and refuses other questions."""

    name: str = "picky"
    fingerprint: str = "91c4"
    color: ColorRelevance = field(default_factory=ColorRelevance)

    def embed(self, image: Picture, boxes: Sequence[Box], /) -> Regions:
        return self.color.embed(image, boxes)

    def score(self, question: str, regions: Regions, /) -> Floats:
        if "red" not in question:
            raise InputError("only red is known")
        return np.zeros(len(regions))


def test_a_question_that_one_psi_refuses_takes_part_for_none(picture: Path) -> None:
    picky = System("picky", "91c4", lambda _: PickyRelevance())
    rows = [question(picture), question(picture, "blue", (BLUE,))]
    first, second = measure_image(rows, [system(ColorRelevance()), picky], GRID)
    assert isinstance(first, Measured)
    assert str(second) == "only red is known"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"ks": ()}, r"ks needs .* got \[\]"),
        ({"ks": (0, 1)}, r"got \[0, 1\]"),
        ({"ks": (2, 2)}, r"got \[2, 2\]"),
        ({"limit": 0}, "limit needs to be at least 1, got 0"),
        ({"resamples": 10}, "resamples needs to be at least 100"),
    ],
)
def test_impossible_terms_are_errors(change: dict[str, object], reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        replace(EvalConfig(), **change)  # type: ignore[arg-type]
