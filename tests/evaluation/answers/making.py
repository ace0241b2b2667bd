"""A model that reads colours where they are large enough, and sets of questions on pictures drawn here."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as PILImage
from PIL.Image import Image as PILPicture

from semclip.errors import TooManyPictures
from semclip.evaluation.answers.evaluation import Contest, evaluate
from semclip.evaluation.answers.findings import Findings, StrategyResult
from semclip.evaluation.answers.protocol import AnswerConfig
from semclip.evaluation.answers.strategies import parse_all
from semclip.evaluation.datasets.items import Dataset, GroupRule, Item, MatcherName
from semclip.geometry import Box, Size
from semclip.logs import BadLine
from semclip.pipeline import SemClip
from semclip.types import Completion, Decoding, Mixture
from semclip.vlm import VLM
from tests.fakes import ColorRelevance, ScriptedVLM, spotted

SIZE = Size(160, 120)
SPOT = Size(8, 6)
COLOURS = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255)}
NAMES = ("overview", "tiles", "random", "color", "oracle")
CONFIG = AnswerConfig(k=1, resamples=100, max_tokens=40)
LEGIBLE = 0.02
"""The share of a picture that a spot needs to be read: more than it has in the overview, less than in a close-up."""


def seen(pictures: Sequence[PILPicture]) -> str:
    """The colour that one of the pictures shows large enough; grey where none does."""
    for picture in pictures:
        step = 1 + max(picture.size) // 200  # every pixel of a large picture would take long
        pixels = np.asarray(picture)[::step, ::step]
        for name, colour in COLOURS.items():
            if (np.abs(pixels.astype(np.int16) - colour).max(-1) < 60).mean() >= LEGIBLE:
                return name
    return "grey"


@dataclass(frozen=True)
class Reader(ScriptedVLM):
    """Names the colour that it sees; of options it takes that one's letter, else the first. Fails once spent."""

    patience: int = 1_000_000

    def _completion(self, mixture: Mixture, decoding: Decoding) -> Completion | TooManyPictures:
        if len(self.asked) == self.patience:
            raise KeyboardInterrupt
        self.asked.append(mixture)
        colour = seen([picture for prompt in mixture.prompts for picture in prompt.pictures])
        lines = mixture.prompts[0].text.splitlines()
        options = {line[3:]: line[0] for line in lines if line[1:3] == ". "}
        return Completion(options.get(colour, "A") if options else colour)


def photo(number: int, colour: str) -> tuple[bytes, Box]:
    """A picture of its own for each number, and where its spot is."""
    left, top = (37 * number) % (SIZE.width - SPOT.width), (53 * number) % (SIZE.height - SPOT.height)
    box = Box(left, top, left + SPOT.width, top + SPOT.height)
    pixels = spotted(SIZE, {box: COLOURS[colour]})
    pixels[0, 0] = number % 100 + 100
    buffer = io.BytesIO()
    PILImage.fromarray(pixels).save(buffer, "png")
    return buffer.getvalue(), box


def item(number: int, *, choice: bool = False, **changes: Any) -> Item:
    colour = tuple(COLOURS)[number % 3]
    picture, box = photo(number, colour)
    made = Item(str(number), picture, f"What do you call the {colour} spot?", (colour,), evidence=(box,))
    if choice:
        made = replace(made, options=(colour, *(name for name in COLOURS if name != colour)), right=0)
    return replace(made, **changes)


def dataset(
    rows: Sequence[Item | BadLine], *, name: str = "spots", matcher: MatcherName = "exact", rule: GroupRule = "mean"
) -> Dataset:
    def read() -> Iterator[Item | BadLine]:
        return iter(rows)

    return Dataset(name, "made", matcher, "d1", read, rule)


def spots(count: int = 6, **changes: Any) -> Dataset:
    return dataset([item(number, **changes) for number in range(count)], matcher="choice" if changes else "exact")


def contest(adapter: ScriptedVLM, names: Sequence[str] = NAMES) -> Contest:
    vlm = VLM(adapter, SemClip(ColorRelevance()))
    return Contest(vlm, parse_all(names), {"color": ColorRelevance()})


def found(
    out: Path, *sets: Dataset, names: Sequence[str] = NAMES, adapter: ScriptedVLM | None = None, **changes: Any
) -> Findings:
    """What an evaluation of `sets` finds with CONFIG and `changes` of it."""
    config = replace(CONFIG, **changes)
    return evaluate(sets or (spots(),), contest(adapter or Reader(), names), out, config=config)


def by_name(findings: Findings, name: str | None = None) -> dict[str, StrategyResult]:
    """The results of one set, the first unless named, by strategy."""
    wanted = findings.results[0].set if name is None else name
    return {one.strategy: one for one in findings.results if one.set == wanted}


def accuracies(findings: Findings) -> dict[str, float]:
    return {name: one.accuracy.value for name, one in by_name(findings).items()}
