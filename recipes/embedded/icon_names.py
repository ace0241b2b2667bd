"""From the keys of icon sets to plain English names, equal across sets. Knows nothing of pixels and packages' files.

Emoji sets follow the short names of Unicode CLDR, each with its own exceptions; the reference is one set with its
aliases and code points. Other sets name things and signs of user interfaces alike: only things are kept.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Container, Iterable, Iterator, Mapping

SIGNS = "Symbols"
"""The category of the reference that holds arrows, letters, zodiac signs and buttons."""
KEPT_SIGNS = frozenset(
    "antenna-bars atom-symbol biohazard cinema fleur-de-lis infinity latin-cross litter-in-bin-sign menorah no-bicycles"
    " no-entry no-smoking peace-symbol radioactive recycling-symbol star-and-crescent star-of-david trident-emblem"
    " warning wheelchair-symbol yin-yang".split()
)
LEFT_OUT = re.compile(
    r"(^|-)(light|medium|dark|skin|oclock|thirty|button|facing|holding|pistol)(-|$)"
    r"|^(flag-for|family|kiss|couple|keycap|letter|globe-showing|japanese-symbol)(-|$)|arrow"
)
"""Skin tones, clock faces, countries, groups of people, letters, arrows; pistols, which sets draw as two things."""
GENDER = re.compile(r"^(man|woman|men|women)-")
VARIANT = re.compile(
    r"-(outline|outlined|rounded|sharp|fill|filled|solid|bold|thin|light|duotone|line|variant|alt|simple|classic|\d+)$"
)
FILLED = re.compile(r"-(fill|filled)$")
HYPHENED = ("e-mail", "jack-o-lantern", "t-shirt", "x-ray", "yo-yo")


def spoken(key: str) -> str:
    """The key as one would say it.

    >>> spoken("red-apple"), spoken("t-shirt"), spoken("womans-hat")
    ('red apple', 't-shirt', "woman's hat")
    """
    return key if key in HYPHENED else re.sub(r"\b(wo)?mans\b", r"\1man's", key.replace("-", " "))


def squashed(text: str) -> str:
    """Letters and digits only, since some sets write no hyphens.

    >>> squashed("Palm-tree")
    'palmtree'
    """
    return re.sub(r"[^a-z0-9]", "", text.lower())


def reference(
    categories: Mapping[str, Iterable[str]], aliases: Mapping[str, str], codes: Mapping[str, str]
) -> dict[str, str]:
    """The name of each squashed spelling of what can be seen, from an emoji set's keys by category.

    `aliases` are further keys, `codes` the keys by hexadecimal code points; both add spellings, Unicode's own names
    among them. Of men, women and persons who do the same, the person is kept.
    """
    keys = [key for name, group in categories.items() for key in group if name != SIGNS or key in KEPT_SIGNS]
    keys = [key for key in keys if not LEFT_OUT.search(key) and not _has_neutral(key, set(keys))]
    names = {squashed(key): spoken(key) for key in keys}
    for spelling, key in (*aliases.items(), *_unicode_names(codes)):
        if squashed(key) in names:
            names.setdefault(squashed(spelling), names[squashed(key)])
    return names


def _has_neutral(key: str, keys: Container[str]) -> bool:
    rest = GENDER.sub("", key)
    return rest != key and any(other in keys for other in (rest, f"person-{rest}", f"people-{rest}"))


def _unicode_names(codes: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for code, key in codes.items():
        name = "" if "-" in code else unicodedata.name(chr(int(code, 16)), "")
        if name:
            yield name, key


def emoji_keys(keys: Iterable[str], names: Mapping[str, str]) -> dict[str, str]:
    """The key of an emoji set by name, for every name of the reference that one of its keys spells.

    Of several, a key spelt as the name is; else the first.
    """
    found: dict[str, str] = {}
    for key in keys:
        plain = squashed(re.sub(r"-\d+$", "", key))
        name = names.get(squashed(key)) or names.get(plain)
        if name and (name not in found or squashed(key) == squashed(name)):
            found[name] = key
    return found


def thing_keys(keys: Iterable[str], things: Container[str], *, noun_last: bool = False) -> dict[str, str]:
    """The key of a set of mixed icons by name, where a key names one of `things` but for suffixes such as -outline.

    With `noun_last` the last word is enough ("broken shield" is a shield). Of several, a filled one; else the one
    without a suffix.
    """
    best: dict[str, tuple[int, str]] = {}
    for key in keys:
        name = "" if "off" in key.split("-") else _thing(key, things, noun_last)
        if name:
            rank = 0 if FILLED.search(key) else 1 if squashed(key) == squashed(name) else 2
            best[name] = min(best.get(name, (rank, key)), (rank, key))
    return {name: key for name, (_, key) in best.items()}


def _thing(key: str, things: Container[str], noun_last: bool) -> str:
    """The longest start of the key that names a thing, or nothing. A traffic-light is no light variant."""
    start, rest = key, ""
    while start != rest:
        name = spoken(start)
        if name in things:
            return name
        start, rest = VARIANT.sub("", start), start
    return spoken(start) if noun_last and start.split("-")[-1] in things else ""


def class_names(lines: Iterable[str]) -> set[str]:
    """All the names in a classifier's labels.

    >>> sorted(class_names(["tench, Tinca tinca", "ice-cream"]))
    ['ice cream', 'tench', 'tinca tinca']
    """
    return {name.strip().lower().replace("-", " ") for line in lines for name in line.split(",")} - {""}
