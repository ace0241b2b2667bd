"""The model card: front matter, figures, and nothing from outside that could be markup."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

from hypothesis import given
from hypothesis import strategies as st

from semclip.training.card import Facts, Figure, model_card

FACTS = Facts(
    name="psi",
    base="embedded",
    encoder="dense",
    reader="boxes",
    rows=12_345,
    pictures=410,
    positives=6789,
    objective={"kind": "infonce", "across": 0.5},
    settings={"tune": "heads", "steps": 300},
    figures=(Figure("hit@2", 0.9512, 328, (0.93, 0.97), base=0.5, p_value=0.0002), Figure("hit@1", 0.9, 328)),
)


def test_the_front_matter_is_the_hubs() -> None:
    _, front, _ = model_card(FACTS).split("---\n", 2)
    lines = front.splitlines()
    assert "library_name: semclip" in lines
    assert "license: other" in lines


def test_data_settings_and_figures_are_told() -> None:
    card = model_card(FACTS)
    for line in (
        "| questions | 12,345 |",
        "| as judged by | `boxes` |",
        "| `kind` | `infonce` |",
        "| `steps` | `300` |",
        "| `hit@2` | 0.951 | 0.930 to 0.970 | 0.500 (p < .001) | 328 |",
        "| `hit@1` | 0.900 | – | – | 328 |",
    ):
        assert line in card.splitlines()


def test_as_a_text_it_has_a_line_on_the_data_and_one_for_each_figure() -> None:
    assert str(FACTS).splitlines() == [
        "trained on 12,345 questions about 410 pictures, 6,789 positives",
        "dev hit@2 0.951 (0.930 to 0.970), base 0.500 (p < .001), 328 questions",
        "dev hit@1 0.900 (–), base –, 328 questions",
    ]


def test_without_dev_questions_it_says_so() -> None:
    assert "Not measured" in model_card(replace(FACTS, figures=()))


@given(st.text())
def test_a_name_from_outside_stays_one_code_span(name: str) -> None:
    """The same lines and the same marks as with a plain name: it cannot end its span, its cell or its line."""
    plain, odd = (model_card(replace(FACTS, name=text, reader=text)) for text in ("psi", name))
    assert [(line.count("`"), line.count("|"), line.count('"')) for line in odd.splitlines()] == [
        (line.count("`"), line.count("|"), line.count('"')) for line in plain.splitlines()
    ]


def test_the_facts_are_json() -> None:
    assert json.loads(json.dumps(asdict(FACTS)))["figures"][0]["interval"] == [0.93, 0.97]
