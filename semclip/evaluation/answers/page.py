"""Findings as one HTML page that holds everything it shows and asks nothing of any network.

Every word that comes from outside is escaped. What the page says in one sentence is in outcome.py.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from html import escape
from importlib.resources import files
from typing import Any

from semclip.evaluation.answers.findings import Findings
from semclip.evaluation.answers.gallery import gallery
from semclip.evaluation.answers.outcome import headline, overall
from semclip.evaluation.answers.plots import accuracy_plot, tokens_plot
from semclip.evaluation.answers.rates import categories_table, rates_table
from semclip.evaluation.report import POOLED, Rejected, plain_data
from semclip.render.document import definitions, document, write_document
from semclip.render.wording import ABSENT, counted

_MOST_REJECTED = 200
_KEY = (
    "Dots: a ψ chose the crops; a line joins its numbers of crops. Squares: chosen without a look at the question. "
    "Hollow diamonds: chosen by one who knows the answer: what is within reach. Bars: 95 % intervals. Dashed: "
)
_TERMS = (
    "95 %: bootstrap interval over images. p: two-sided, the image as the unit, not corrected for the number of "
    "comparisons. Headroom: share of the way from the overview alone to the best that knows the answer. Hit: share of "
    "the questions for which a crop shows the evidence; if missed: points won where crops show something else (95 %). "
    "Also blind: share of the right answers that are right without the picture too."
)


def page(findings: Findings) -> str:
    """The page: one sentence, two plots, tables, the questions that were turned, and what made it all."""
    title = f"Answers of {_model(findings.protocol)}"
    body = f"""<header>
<h1>{escape(title)}, with and without close-ups</h1>
<p>{escape(_data(findings))}</p>
</header>
<main>
<p class="headline">{_unbroken(escape(headline(findings)))}</p>
{_plots(findings)}
{_tables(findings)}
{gallery(findings.flips)}
</main>
<footer>
{_rejected(findings.rejected)}
{_protocol(findings)}
</footer>"""
    return document(title, body, style=files(__package__).joinpath("page.css").read_text(encoding="utf-8"))


def write_page(path: str | os.PathLike[str], findings: Findings) -> None:
    """Nothing; `path` then holds the page as UTF-8.

    Raises:
        InputError: `path` cannot be written.
    """
    write_document(path, page(findings))


def _model(protocol: Mapping[str, Any]) -> str:
    """The model's name, which the protocol holds as text or under the name of `name`."""
    model = protocol.get("model")
    name = model.get("name") if isinstance(model, Mapping) else model
    return str(name) if name else "a frozen model"


def _unbroken(sentence: str) -> str:
    """The sentence with figures kept on one line with their units."""
    return re.sub(r"(?<=\d) (?=%|points)|(?<=\bk|\bp) (?==|&lt;)|(?<==|;) (?=\.?\d)", "\u00a0", sentence)


def _data(findings: Findings) -> str:
    """The sets, and how many questions and images they hold together."""
    sets = list(dict.fromkeys(one.set for one in findings.results if one.set != POOLED))
    rows = overall(findings)
    if not rows:
        return "No results"
    questions = counted(rows[0].questions, "question", "questions")
    return f"{', '.join(sets or [POOLED])} · {questions} on {counted(rows[0].images, 'image', 'images')}"


def _plots(findings: Findings) -> str:
    rows = overall(findings)
    first = findings.strategies[0] if findings.strategies else ABSENT
    return f"""<section aria-label="Plots">
<div class="plots">
{accuracy_plot(rows, first=first)}
{tokens_plot(rows)}
</div>
<p class="quiet">{_KEY}{escape(first)}.</p>
</section>"""


def _tables(findings: Findings) -> str:
    categories = categories_table(findings)
    by_category = f"<section>\n<h2>By category</h2>\n{categories}\n</section>" if categories else ""
    return f"""<section>
<h2>Every strategy</h2>
{rates_table(findings)}
<p class="quiet">{_TERMS}</p>
</section>
{by_category}"""


def _rejected(rejected: Sequence[Rejected]) -> str:
    """Why questions took no part, folded away."""
    if not rejected:
        return "<p>No question was rejected.</p>"
    shown = rejected[:_MOST_REJECTED]
    lines = "\n".join(
        f"<li><code>{escape(one.set)}</code> {escape(str(one.id))}: {escape(one.reason)}</li>" for one in shown
    )
    more = f"<p>And {len(rejected) - len(shown):,} more.</p>" if len(rejected) > len(shown) else ""
    heading = counted(len(rejected), "question was rejected and is", "questions were rejected and are")
    return f"<details>\n<summary>{heading} in no rate</summary>\n<ul>\n{lines}\n</ul>\n{more}</details>"


def _protocol(findings: Findings) -> str:
    rows = {"semclip": findings.version, "fingerprint": findings.fingerprint, **plain_data(findings.protocol)}
    return f'<section class="protocol">\n<h2>How it was asked</h2>\n{_meaning(rows)}\n</section>'


def _meaning(value: Any) -> str:
    """Plain data as markup: mappings as definition lists, lists as lists or, of short things, in one line."""
    if isinstance(value, Mapping) and value:
        return definitions((str(key), _meaning(item)) for key, item in value.items())
    if isinstance(value, (list, tuple)) and any(isinstance(item, (Mapping, list, tuple)) for item in value):
        return "<ol>\n" + "\n".join(f"<li>{_meaning(item)}</li>" for item in value) + "\n</ol>"
    if isinstance(value, (list, tuple)) and value:
        return escape(", ".join(map(str, value)))
    return escape(str(value)) if value or value in (0, False) else ABSENT
