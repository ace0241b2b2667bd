"""The thing that a question asks about, for encoders that were trained on captions and not on questions.

Knows English question forms and no model. Each rule takes scaffolding away, and they are applied until none applies, so
that the phrase of a phrase is the phrase.
"""

from __future__ import annotations

import re

_MAX_LETTERS = 500
"""Text towers read no further; it also bounds the time that a hostile question takes."""

_BE = r"(?:is|are|was|were)"
_DO = r"(?:does|do|did)"
_ASK = r"(?:what|where|who|when|why|which|how)"
_DETERMINER = r"(?:the|an?|this|that|these|those|my|your|his|her|its|our|their)"
_PICTURE = r"(?:the|this|that) (?:whole )?(?:image|picture|photo|photograph|scene)"
_PLACE = (
    r"(?:to the (?:left|right) of|in front of|on top of|next to|close to|inside|under|behind|above|below|near|beside"
    r"|between|around|on|in|at|of|by|with)"
)
_WRITTEN = r"(?:written|printed|shown|displayed|depicted|visible|seen|located)"
_LOOK = r"(?:read|transcribe|describe|find|locate|count|identify|spot|list|see|look at|point (?:to|at)|zoom in on)"
_QUALITY = r"(?:colou?r|shape|size|material|time|position|location|condition)"
_SORT = r"(?:brand|make|model|kind|type|breed)s?"

_HEADS = (
    r"please",
    rf"(?:based on|according to|looking at|in|from) {_PICTURE}",
    r"(?:can|could|would|will) you|(?:where|how) can (?:i|we|you)",
    r"(?:i (?:want|need|would like) to know|do you (?:see|know)|let me know|tell me|show me|give me)(?: about)?",
    rf"{_LOOK}(?: out)?",
    rf"what does it say|what {_BE} there|{_BE} there|there {_BE}",
    rf"{_ASK}(?:'s| {_BE}) the (?:{_QUALITY}|{_SORT}) of",
    rf"(?:(?:at|in|of|on) )?(?:what|which) \w+ (?:{_BE}|{_DO})(?= {_DETERMINER} )",
    rf"how (?:many|much)(?: {_BE}| {_DO})?|how \w+ {_BE}",
    r"what (?:stands|sits|lies|hangs|comes)",
    rf"{_ASK}(?:'s| {_BE}| {_DO})?",
    rf"{_SORT} of",
    rf"whose|{_BE}|{_DO}|has|have|any|exactly",
    rf"{_WRITTEN}|{_PLACE}",
)
_TAILS = (
    rf"(?:{_WRITTEN} )?(?:in|on|of|from) {_PICTURE}",
    rf"{_BE} (?:there|here|this|that|it)",
    r"can (?:be|you) (?:read|see|seen|found)",
    r"still\b.*",
    r"says?|reads?|shows?|stands?|costs?|means?|looks? like|doing",
    rf"{_WRITTEN}|here|there|exactly|please",
)
_NOTHING = r"(?:\W|\b(?:it|its|this|that|these|those|they|them|he|she|you|i|we|one|the|an?|to|and|or)\b)*"

_REWRITES = (
    (re.compile(rf"^who(?:'s| {_BE}) (?=\w+ing\b)", re.IGNORECASE), "person "),
    *((re.compile(rf"(?:^|[\s,])(?:{tail})$", re.IGNORECASE), "") for tail in _TAILS),
    *((re.compile(rf"^(?:{head})(?:[\s,:]+|$)", re.IGNORECASE), "") for head in _HEADS),
    (re.compile(rf"^(\w+(?: \w+){{0,2}}) {_BE}(?: {_WRITTEN})?(?= {_PLACE} )", re.IGNORECASE), r"\1"),
)


def noun_phrase(question: str) -> str:
    """The thing asked about, as a caption would name it; the question itself where nothing is left of it.

    Never empty for a question that is not, and idempotent. More than 500 letters come back as they are.

    >>> noun_phrase("What is the colour of the woman's umbrella?")
    "the woman's umbrella"
    >>> noun_phrase("Where is it?")
    'Where is it?'
    """
    if len(question) > _MAX_LETTERS:
        return question
    phrase = question
    while (shorter := _shorten(phrase)) != phrase:
        phrase = shorter
    return question if re.fullmatch(_NOTHING, phrase, re.IGNORECASE) else phrase


def _shorten(phrase: str) -> str:
    phrase = " ".join(phrase.replace("\u2019", "'").split()).strip(" ?!.,:;")
    for pattern, replacement in _REWRITES:
        phrase = pattern.sub(replacement, phrase)
    return phrase
