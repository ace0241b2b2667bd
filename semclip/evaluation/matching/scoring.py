"""The score of an answer by the name of a matcher."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from semclip.errors import InputError
from semclip.evaluation.datasets.items import Item, MatcherName
from semclip.evaluation.matching.choices import choice
from semclip.evaluation.matching.texts import anls, exact
from semclip.evaluation.matching.vqa import vqa_accuracy
from semclip.evaluation.matching.yes_no import yes_no

_BY_TEXT: Mapping[MatcherName, Callable[[str, Sequence[str]], float]] = {
    "exact": exact,
    "vqa": vqa_accuracy,
    "anls": anls,
    "yes_no": yes_no,
    "choice": exact,
}
"""What compares with accepted texts; a question of a choice that has no options is compared as it stands."""


def score(matcher: MatcherName, text: str, item: Item, order: Sequence[int] | None = None) -> float:
    """How right `text` is as an answer to `item`, from 0 to 1.

    `order`: the places, as published, of the options in the order in which they were shown; None where as published.
    Raises: InputError where `order` is no order of the options, or where there are options and none is right.

    >>> item = Item("1", b"", "What colour?", ("red",), options=("red", "blue"), right=0)
    >>> score("choice", "B", item), score("choice", "B", item, order=[1, 0])
    (0.0, 1.0)
    """
    if matcher != "choice" or not item.options:
        return _BY_TEXT[matcher](text, item.answers)
    places = range(len(item.options)) if order is None else order
    if sorted(places) != list(range(len(item.options))):
        raise InputError(f"an order needs each of {len(item.options)} options once, got {list(places)}")
    if item.right is None or item.right not in places:
        raise InputError(f"a question with options needs the place of the right one, got {item.right}")
    return choice(text, [item.options[place] for place in places], list(places).index(item.right))
