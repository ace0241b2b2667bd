"""The bare question in the prompt of a benchmark, which is all that ψ is asked; the model reads the whole prompt.

Knows how harnesses write English multiple choice and short answers, and no harness.
"""

from __future__ import annotations

import re

_MAX_LETTERS = 4000
"""Longer prompts are no question about a picture; it also bounds the time that a hostile one takes."""

_QUESTION = re.compile(r"^\s*(?:question|q)\s*:\s*", re.IGNORECASE | re.MULTILINE)
_BESIDE = re.compile(r"^\s*(?:hint|context|reference ocr tokens?)\s*:.*$", re.IGNORECASE | re.MULTILINE)
_HEADER = re.compile(r"^\s*(?:(?:answer )?(?:options|choices)|possible answers)\s*:", re.IGNORECASE | re.MULTILINE)
# A lone "A." may begin anything, so a "B." needs to follow.
_LETTERS = re.compile(r"(?:^|\s)(?:\(A\)|A[.):]\s)\s*\S.{0,1000}?\s(?:\(B\)|B[.):]\s)", re.DOTALL)
_INSTRUCTION = re.compile(
    r"(?:please\s+)?(?:try\s+to\s+)?"
    r"(?:answer|respond|reply|choose|select|pick|output|return|think step|let's think|your answer)\b"
    r"|the (?:best |correct )?answer is\b",
    re.IGNORECASE,
)
_SENTENCE_END = re.compile(r"(?<=[.?!])\s+|\n+")


def bare_question(prompt: str) -> str:
    r"""What `prompt` asks, on one line, without labels, hints, options and instructions how to answer.

    Where that leaves nothing, all that stands before the options comes back, or else the prompt itself; so does one of
    more than 4000 letters.

    >>> bare_question("Question: What is on the sign?\nOptions:\nA. a bus\nB. a car\nPlease select one.")
    'What is on the sign?'
    >>> bare_question("Who is left of the door? (A) a man (B) a dog\nAnswer with the option's letter directly.")
    'Who is left of the door?'
    """
    if len(prompt) > _MAX_LETTERS:
        return prompt
    asked = _BESIDE.sub("", _QUESTION.split(prompt)[-1])
    for options in (_HEADER, _LETTERS):
        asked = _before(options, asked)
    sentences = [_QUESTION.sub("", sentence.strip()) for sentence in _SENTENCE_END.split(asked)]
    kept = [sentence for sentence in sentences if sentence and not _INSTRUCTION.match(sentence)]
    return " ".join(kept or asked.split()) or prompt


def _before(options: re.Pattern[str], text: str) -> str:
    """`text` up to `options`, if these are in it and something stands before them."""
    found = options.search(text)
    head = text if found is None else text[: found.start()]
    return head if head.strip() else text
