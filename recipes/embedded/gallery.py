"""Where a ψ looks in rendered scenes: `python -m recipes.embedded.gallery PSI docs/images`.

Prints hit@2 of each kind of scene, and writes hits.jpg and misses.jpg: one question a scene, kinds in turn, the chosen
crops bright and numbered, the evidence in a white frame. The scenes are of kinds, not of seeds, that the
recipe trains on.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, islice, zip_longest
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont, ImageOps

from recipes.scenes import KINDS, SceneQuestion, render_scene
from semclip import SemClip, load_relevance
from semclip.evaluation.metrics import hit_mask
from semclip.render import overlay
from semclip.selection import Selection

SEEDS = range(5)
TILES = 6
"""On a sheet."""
COLUMNS = 3
TILE_PX = (560, 420)
CAPTION_PX = 34


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """A question that was asked, and whether what was chosen for it holds the evidence."""

    asked: SceneQuestion
    selection: Selection
    hit: bool


def shown(semclip: SemClip, kind: str) -> Iterator[Shown]:
    """Every question about every scene of a kind."""
    for seed in SEEDS:
        scene = render_scene(kind, seed=seed)
        selections = semclip.select_many(np.asarray(scene.image), [asked.question for asked in scene.questions], k=2)
        for asked, selection in zip(scene.questions, selections, strict=True):
            hit = bool(hit_mask(selection.boxes, asked.evidence, selection.picture.size).any())
            yield Shown(asked, selection, hit)


def tile(one: Shown) -> Image.Image:
    """The overlay with the evidence in a white frame, and the question under it."""
    width, height = TILE_PX
    drawn = overlay(one.selection)
    scale = drawn.width / one.selection.picture.size.width
    pen = ImageDraw.Draw(drawn)
    for box in one.asked.evidence:
        edges = [round(side * scale) for side in box.to_list()]
        pen.rectangle((edges[0] - 6, edges[1] - 6, edges[2] + 6, edges[3] + 6), outline="white", width=5)
    sheet = Image.new("RGB", TILE_PX, "white")
    sheet.paste(ImageOps.pad(drawn, (width, height - CAPTION_PX), color="white"), (0, 0))
    font = ImageFont.load_default(17)
    ImageDraw.Draw(sheet).text((width / 2, height - CAPTION_PX / 2), one.asked.question, "black", font, anchor="mm")
    return sheet


def sheet(tiles: list[Image.Image]) -> Image.Image:
    """Tiles in rows of COLUMNS."""
    rows = -(-len(tiles) // COLUMNS)
    canvas = Image.new("RGB", (COLUMNS * TILE_PX[0], rows * TILE_PX[1]), "white")
    for place, one in enumerate(tiles):
        canvas.paste(one, (place % COLUMNS * TILE_PX[0], place // COLUMNS * TILE_PX[1]))
    return canvas


def main(weights: str, out: Path) -> None:
    """Prints the rates and writes both sheets."""
    semclip = SemClip(load_relevance(weights))
    found: dict[bool, list[list[Shown]]] = defaultdict(list)
    for kind in KINDS:
        all_shown = list(shown(semclip, kind))
        sys.stdout.write(f"{kind}: hit@2 {np.mean([one.hit for one in all_shown]):.2f} of {len(all_shown)}\n")
        for hit in (True, False):
            first = {one.selection.image: one for one in reversed(all_shown) if one.hit == hit}
            found[hit].append(list(first.values()))
    for hit, name in ((True, "hits.jpg"), (False, "misses.jpg")):
        in_turn = (one for one in chain.from_iterable(zip_longest(*found[hit])) if one is not None)
        sheet([tile(one) for one in islice(in_turn, TILES)]).save(out / name, quality=85)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("weights", help="embedded, or the folder of a ψ")
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    main(arguments.weights, arguments.out)
