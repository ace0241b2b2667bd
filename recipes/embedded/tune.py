"""Chooses how the shipped ψ reads an image and scores boxes: `python -m recipes.embedded.tune DATA WEIGHTS`.

Tries input areas, sharpness and size weight on the dev splits and writes the best to WEIGHTS/config.json. The measure
is the mean over the sets of hit@2 plus a quarter of tight@2: a close-up is better than a quarter of the image, but a
miss costs the answer.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np

from semclip import images
from semclip.evaluation.metrics import HIT_PARTS, TIGHT_PARTS, hit_mask
from semclip.logs import Example, read_log
from semclip.proposals import pyramid
from semclip.relevance import checkpoint
from semclip.relevance.checkpoint import DensePsi, read_config, write_config
from semclip.relevance.dense import weigh
from semclip.selection import Choice, choose
from semclip.types import Floats, Regions, Scored

AREAS_PX = (350_000, 500_000, 600_000)
SHARPNESS = (1.0, 1.2, 1.4)
SIZE_WEIGHTS = (0.3, 0.4, 0.5, 0.6, 0.7)
K = 2

Asked = tuple[str, Example, Floats, Regions]


def answers(psi: DensePsi, logs: list[Path]) -> Iterator[Asked]:
    """Set, question, what cells answer, and regions, of every dev question; one encoding an image."""
    for log in logs:
        by_image: dict[Path, list[Example]] = defaultdict(list)
        for example in read_log(log, split="dev"):
            by_image[example.image].append(example)
        for path, examples in by_image.items():
            image = images.load(path)
            regions = psi.embed(image, pyramid(image.size))
            yield from (
                (log.parent.name, example, psi.answers(example.question, regions), regions) for example in examples
            )


def rates(asked: list[Asked], sharpness: float, size_weight: float) -> dict[str, tuple[float, float]]:
    """(hit@2, tight@2) of every set."""
    outcomes: dict[str, list[tuple[bool, bool]]] = defaultdict(list)
    for name, example, seen, regions in asked:
        scores, worth = weigh(seen, regions.boxes, regions.size, sharpness=sharpness, size_weight=size_weight)
        scored = [Scored(*pair) for pair in zip(regions.boxes, scores.tolist(), strict=True)]
        boxes = [one.box for one in choose(scored, Choice(K), size=regions.size, worth=worth)]
        hit, tight = (
            bool(hit_mask(boxes, example.evidence, regions.size, parts=parts).any())
            for parts in (HIT_PARTS, TIGHT_PARTS)
        )
        outcomes[name].append((hit, tight))
    means = {name: np.mean(pairs, axis=0).round(3) for name, pairs in outcomes.items()}
    return {name: (float(hit), float(tight)) for name, (hit, tight) in means.items()}


def main(logs: list[Path], weights: Path) -> None:
    """Prints a line for each setting, best last, and writes the best."""
    shipped = checkpoint.load(weights)
    if not isinstance(shipped, DensePsi):
        raise SystemExit(f"{weights} holds no dense ψ")
    tried = []
    for area in AREAS_PX:
        asked = list(answers(replace(shipped, settings=replace(shipped.settings, area_px=area)), logs))
        for sharpness, size_weight in product(SHARPNESS, SIZE_WEIGHTS):
            found = rates(asked, sharpness, size_weight)
            value = float(np.mean([hit + tight / 4 for hit, tight in found.values()]))
            tried.append((value, area, sharpness, size_weight, found))
    # Of equals, the first that was tried: the smaller input.
    ranked = sorted(reversed(tried), key=lambda one: one[0])
    for line in ranked:
        sys.stdout.write(f"{line}\n")
    _, area, sharpness, size_weight, _ = ranked[-1]
    best = replace(shipped.settings, area_px=area, sharpness=sharpness, size_weight=size_weight)
    write_config(weights, replace(read_config(weights), encoder=best))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("data", type=Path)
    parser.add_argument("weights", type=Path)
    parser.add_argument("--also", type=Path, action="append", default=[], help="a further question set")
    arguments = parser.parse_args()
    main([*sorted(arguments.data.glob("*/questions.jsonl")), *arguments.also], arguments.weights)
