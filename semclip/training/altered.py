"""False variants of questions: the same asked of another color, number or thing. Knows English words and no picture."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from importlib import resources
from itertools import chain
from random import Random
from typing import NamedTuple

from semclip.mining.rewards import POSITIVE
from semclip.relevance.phrases import noun_phrase
from semclip.training.learner import Asked

_FILLING = re.compile(r"\b(?:the|an?)\b|[^\w\s]|_")
_NUMBER = r"(?<![\w.,:/-])[0-9]+(?![\w%]|[.,:/-]\w)"
_ARTICLE = re.compile(r"\b(a)n?( )$", re.IGNORECASE)
_TRIES = 8
"""How many fillers of a slot are tried: where the first few do not fit, the slot hardly says what is asked for."""


def gist(question: str) -> str:
    """The question without what does not change its meaning: case, punctuation and articles.

    >>> gist("Where is the cup?") == gist("where is a CUP")
    True
    """
    return " ".join(_FILLING.sub(" ", question.casefold()).split())


class _Word(NamedTuple):
    """A form of a word list's entry: what can replace it, and what is the same thing."""

    group: str
    entry: int
    plural: bool


@dataclass(frozen=True, slots=True)
class _Lexicon:
    words: Mapping[str, _Word]
    groups: Mapping[tuple[str, bool], Mapping[int, str]]
    """By group and number: the first form of each entry."""
    pattern: re.Pattern[str]


def alter(question: str, rng: Random, *, avoid: Collection[str] = ()) -> str | None:
    """The question with one known word replaced by another of its group, or a digit by another; None without any.

    Number and case stay, and a word inside another is none. The result has none of the gists in `avoid`.

    >>> alter("Where is the cup?", Random(0))
    'Where is the jar?'
    """
    return next(_new(_by_words(question, rng), {gist(question), *avoid}), None)


@dataclass(frozen=True, slots=True)
class Alterations:
    """False variants by the word lists and by a log, whose questions lend each other what they ask for."""

    fillers: Mapping[str, Sequence[str]]
    """By the question without what it asks for: all that is asked for so."""

    @classmethod
    def of(cls, questions: Iterable[str]) -> Alterations:
        """What the questions of a log lend each other; linear in them."""
        slots: dict[str, dict[str, None]] = {}
        for question in dict.fromkeys(questions):
            if slot := _slot(question):
                frame, filler = slot
                slots.setdefault(frame, {})[filler] = None
        return cls({frame: tuple(fillers) for frame, fillers in slots.items() if len(fillers) > 1})

    def alter(self, question: str, rng: Random, *, avoid: Collection[str] = ()) -> str | None:
        """A false variant with none of the gists in `avoid`, the same for the same state of `rng`; None without any."""
        sources = [_by_words(question, rng), self._by_slot(question, rng)]
        rng.shuffle(sources)
        return next(_new(chain(*sources), {gist(question), *avoid}), None)

    def _by_slot(self, question: str, rng: Random) -> Iterator[str]:
        frame, own = _slot(question) or ("", "")
        fillers = self.fillers.get(frame, ())
        words = set(gist(own).split())
        for filler in rng.sample(fillers, min(_TRIES, len(fillers))):
            others = set(gist(filler).split())
            # "the cup" and "the red cup" may be one thing.
            if not (others <= words or words <= others):
                yield frame.replace("\0", filler)


def altered_questions(asked: Sequence[Asked], alterations: Alterations, rng: Random) -> tuple[Asked, ...]:
    """The questions of one picture, each with a false variant that none with a positive box in common asks."""
    return tuple(
        replace(one, altered=alterations.alter(one.question, rng, avoid=_companions(one, asked))) for one in asked
    )


def _companions(one: Asked, asked: Sequence[Asked]) -> set[str]:
    return {gist(other.question) for other in asked if ((one.rewards >= POSITIVE) & (other.rewards >= POSITIVE)).any()}


def _new(variants: Iterable[str], known: Collection[str]) -> Iterator[str]:
    return (variant for variant in variants if gist(variant) not in known)


@lru_cache(maxsize=100_000)
def _slot(question: str) -> tuple[str, str] | None:
    """The question with NUL for the thing that it asks about, and the thing; None where that is not one part of it."""
    thing = noun_phrase(question)
    if thing == question or question.count(thing) != 1:
        return None
    return question.replace(thing, "\0"), thing


def _by_words(question: str, rng: Random) -> Iterator[str]:
    found = list(_lexicon().pattern.finditer(question))
    here = {_lexicon().words.get(match[0].lower()) for match in found}
    rng.shuffle(found)
    for match in found:
        other = _digit(match[0], rng) if match[0].isdecimal() else _other(match[0], here, rng)
        if other:
            yield _agreeing(question[: match.start()], other) + other + question[match.end() :]


def _digit(number: str, rng: Random) -> str:
    place = rng.randrange(len(number))
    return number[:place] + rng.choice([digit for digit in "123456789" if digit != number[place]]) + number[place + 1 :]


def _other(word: str, here: Collection[_Word | None], rng: Random) -> str | None:
    """Another word of the group, written as `word` is; none that is `here` already."""
    known = _lexicon().words[word.lower()]
    taken = {one.entry for one in here if one and one.group == known.group}
    choices = [form for entry, form in _lexicon().groups[known.group, known.plural].items() if entry not in taken]
    if not choices:
        return None
    other = rng.choice(choices)
    if word.isupper():
        return other.upper()
    return other[0].upper() + other[1:] if word[0].isupper() else other


def _agreeing(before: str, word: str) -> str:
    """`before` with an article at its end that suits `word`."""
    return _ARTICLE.sub(r"\1n\2" if word[0].lower() in "aeiou" else r"\1\2", before)


@cache
def _lexicon() -> _Lexicon:
    lists = tomllib.loads(resources.files(__package__).joinpath("altered.toml").read_text("utf-8"))
    words: dict[str, _Word] = {}
    groups: dict[tuple[str, bool], dict[int, str]] = {}
    for kind, tables in lists.items():
        for group, entries in tables.items():
            for entry, synonyms in enumerate(entries):
                for plural, form in _forms(synonyms, counted=kind == "counted"):
                    words[form] = _Word(group, entry, plural)
                    groups.setdefault((group, plural), {}).setdefault(entry, form)
    longest_first = "|".join(re.escape(form) for form in sorted(words, key=len, reverse=True))
    pattern = re.compile(rf"(?<![\w-])(?ai:{longest_first})(?![\w-])|{_NUMBER}")
    return _Lexicon(words, groups, pattern)


def _forms(synonyms: str, *, counted: bool) -> Iterator[tuple[bool, str]]:
    """Whether plural, and the form: of all synonyms of an entry."""
    for synonym in synonyms.split("|"):
        singular, irregular, plural = synonym.partition("/")
        if counted and not irregular:
            plural = _plural(singular)
        yield from ((number, form) for number, form in ((False, singular), (True, plural)) if form)


def _plural(singular: str) -> str:
    if re.search(r"(?:s|x|ch|sh)$", singular):
        return singular + "es"
    return re.sub(r"(?<=[^aeiou])y$", "ie", singular) + "s"
