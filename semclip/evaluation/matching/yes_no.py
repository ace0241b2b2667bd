"""Answers that are yes or no, and what POPE measures of many of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from semclip.errors import InputError

_WORD = re.compile(r"[a-z]+(?:['\u2019]t)?")
_SENTENCE_END = re.compile(r"[.!?\n]")


@dataclass(frozen=True, slots=True)
class YesNoMeasures:
    """Of answers to questions of yes or no, each from 0 to 1; yes is the positive class.

    `yes_ratio`: the share of answers that are yes. A precision without a yes, a recall without a right yes, and an F1
    without either are 0.
    """

    accuracy: float
    precision: float
    recall: float
    f1: float
    yes_ratio: float


def says_yes(text: str) -> bool | None:
    """Whether the first sentence says yes or no; None where it says neither or both.

    Stricter than POPE's own evaluation, to which everything without a no is a yes.

    >>> says_yes("Yes, there is."), says_yes("There is no dog."), says_yes("It isn't."), says_yes("A dog.")
    (True, False, False, None)
    """
    words: list[str] = _WORD.findall(_SENTENCE_END.split(text.strip(), maxsplit=1)[0].lower())
    if words[:1] in (["yes"], ["no"]):
        return words[0] == "yes"
    denies = any(word in ("no", "not") or word.endswith(("n't", "n\u2019t")) for word in words)
    return None if denies == ("yes" in words) else not denies


def yes_no(text: str, answers: Sequence[str]) -> float:
    """1 where `text` says yes or no as the first of `answers` does, else 0.

    >>> yes_no("No, I see none.", ["no"]), yes_no("Perhaps", ["no"])
    (1.0, 0.0)
    """
    said = says_yes(text)
    return float(said is not None and said == says_yes(answers[0])) if answers else 0.0


def yes_no_measures(texts: Sequence[str], labels: Sequence[bool]) -> YesNoMeasures:
    """What POPE reports of the answers `texts`, where `labels` say whether yes is right; an unclear answer is wrong.

    Raises: InputError unless there is an answer for each label, and one at least.

    >>> yes_no_measures(["Yes", "yes", "No", "Who knows?"], [True, False, False, True])
    YesNoMeasures(accuracy=0.5, precision=0.5, recall=0.5, f1=0.5, yes_ratio=0.5)
    """
    if len(texts) != len(labels) or not labels:
        raise InputError(f"measures need an answer for each label, got {len(texts)} for {len(labels)}")
    said = [says_yes(text) for text in texts]
    pairs = list(zip(said, labels, strict=True))
    right, found, yes = sum(a == b for a, b in pairs), pairs.count((True, True)), said.count(True)
    precision, recall = _share(found, yes), _share(found, sum(labels))
    f1 = _share(2 * precision * recall, precision + recall)
    return YesNoMeasures(right / len(pairs), precision, recall, f1, yes / len(pairs))


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0
