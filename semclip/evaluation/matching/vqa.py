"""The accuracy of VQA and TextVQA: as many of ten people as agree with an answer.

The rules are those of the evaluation that came with VQA (Antol et al., VQA: Visual Question Answering, 2015), with both
sides always brought into one form, as that of TextVQA does; that of VQA does so only where the ten disagree.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

ENOUGH = 3
"""So many people with the same answer make it right."""

_NUMBERS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
_DIGITS = {"none": "0"} | {word: str(number) for number, word in enumerate(_NUMBERS)}
_ARTICLES = {"a", "an", "the"}
_PUNCTUATION = ';/[]"{}()=+\\_-><@`,?!'
_THOUSANDS = re.compile(r"\d,\d")
_FULL_STOP = re.compile(r"\.(?!\d)")

# Words like "its" and "well" are missing on purpose: they are words without an apostrophe, too.
_CONTRACTIONS = """
    ain't aren't can't couldn't didn't doesn't don't hadn't hasn't haven't isn't mightn't mustn't needn't oughtn't
    shan't shouldn't wasn't weren't won't wouldn't could've might've must've not've should've they've we've what've
    where've who've would've you've he'd how'd it'd someone'd something'd there'd they'd where'd who'd you'd how'll
    it'll somebody'll someone'll something'll they'll what'll who'll why'll you'll he's how's somebody's someone's
    that's there's what's when's where's who's why's there're they're what're why're you're ma'am o'clock 'twas y'all
    couldn't've hadn't've he'd've it'd've mightn't've she'd've shouldn't've somebody'd've someone'd've something'd've
    there'd've they'd've we'd've who'd've wouldn't've y'all'll y'all'd've you'd've
""".split()


def vqa_accuracy(text: str, answers: Sequence[str]) -> float:
    """The mean, over the people, of min(1, agreeing others / 3).

    With `answers` of fewer than four people no answer could reach 1: then it is 1 for any of them.

    >>> said = ["2 dogs"] * 3 + ["dogs"] * 7
    >>> round(vqa_accuracy("Two dogs", said), 3), vqa_accuracy("dogs", said)
    (0.9, 1.0)
    """
    said, others = in_one_form(text), [in_one_form(answer) for answer in answers]
    agreeing = others.count(said)
    if len(others) <= ENOUGH:
        return float(agreeing > 0)
    # Left out in turn: one of those who agree, or one of the others.
    among = agreeing * min(1.0, (agreeing - 1) / ENOUGH)
    apart = (len(others) - agreeing) * min(1.0, agreeing / ENOUGH)
    return (among + apart) / len(others)


def in_one_form(answer: str) -> str:
    """Lower case, numbers up to ten as digits, no articles or punctuation, contractions with their apostrophes.

    >>> in_one_form("The two dogs, dont bark!"), in_one_form("1,000 km/h"), in_one_form("3.50 a.m.")
    ("2 dogs don't bark", '1000 kmh', '3.50 am')
    """
    words = _without_punctuation(" ".join(answer.split())).lower().split()
    digits = (_DIGITS.get(word, word) for word in words)
    return " ".join(_FULL_WORDS.get(word, word) for word in digits if word not in _ARTICLES)


def _without_punctuation(answer: str) -> str:
    """A mark goes where one stands at a space, or there is a number like 1,000; else a space takes its place."""
    left = answer
    for mark in _PUNCTUATION:
        bare = f"{mark} " in answer or f" {mark}" in answer or _THOUSANDS.search(answer) is not None
        left = left.replace(mark, "" if bare else " ")
    return _FULL_STOP.sub("", left)


def _misspelt(word: str) -> Iterator[str]:
    """The word without one of its apostrophes, for each."""
    return (word[:place] + word[place + 1 :] for place, letter in enumerate(word) if letter == "'")


_FULL_WORDS = {wrong: word for word in _CONTRACTIONS for wrong in _misspelt(word)}
