"""Pictures with all that is known of them: what people annotated, and what teachers.py wrote of each.

A teacher's doubt is kept: what it half sees is neither evidence nor absent. Knows nothing of canvases.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recipes.embedded import questions
from recipes.embedded.colours import by_colour
from recipes.embedded.pictures import Asked, Fractions, Named, Wording, fractions, shrink, wording
from semclip.types import Pixels

Question = tuple[Wording, tuple[Fractions, ...]]
COCO = tuple(Path(__file__).with_name("coco.txt").read_text().splitlines())
"""Names of the detector's classes, in its order."""
SURE_THING, DOUBTFUL_THING = 0.4, 0.3
"""Scores of a detected thing: four of five boxes from the first are right (COCO's own, IoU of a half); a box between
the two spoils its name, since the boxes of such a name are more often incomplete."""
SURE_WORD = 0.6
"""Confidence of a recognised text."""
LEAST_SIDE = 0.01
"""Of the picture's: no smaller box is evidence."""
WHOLE = 3
"""How often a photo stands whole among its crops: it alone has the names that people gave."""
COLOURLESS = ("person", "horse", "zebra", "giraffe", "bear", "elephant")
"""Things that nobody tells apart by colour."""
NAMED = ("everyday", "scene_text", "plates")
"""Sets whose pictures are also asked about the detector's things."""
CROPPED = ("everyday", "scene_text")
"""Sets of whose pictures crops are pasted."""
READ = ("everyday", "plates", "chess")
"""Sets whose pictures are also asked about text; that of scene_text is annotated."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What the teachers say of one picture: windows with class scores, boxes of things and of words with scores."""

    crops: tuple[tuple[Fractions, tuple[tuple[str, float], ...]], ...] = ()
    things: tuple[tuple[Fractions, str, float], ...] = ()
    words: tuple[tuple[Fractions, str, float], ...] = ()

    def named(self) -> dict[str, tuple[Fractions, ...]]:
        """Evidence by name; a name with a doubtful box is left out."""
        groups: dict[str, list[Fractions]] = defaultdict(list)
        found = [thing for thing in self.things if thing[2] >= DOUBTFUL_THING]
        for box, name, _ in found:
            groups[name].append(box)
        doubtful = {name for box, name, score in found if score < SURE_THING or _tiny(box)}
        return {name: tuple(boxes) for name, boxes in groups.items() if name not in doubtful}

    def absent(self, told: str) -> tuple[str, ...]:
        """The COCO names that the detector finds in no box at all and of which no word stands in `told`."""
        suspected = {name for _, name, _ in self.things}
        text = told.lower()
        return tuple(name for name in COCO if name not in suspected and not any(w in text for w in name.split()))

    def text(self) -> tuple[Fractions, ...] | None:
        """Boxes of what can be read; empty where nothing looks like text, None in doubt."""
        sure = tuple(box for box, word, score in self.words if score >= SURE_WORD and _letters(word) >= 2)
        return sure or (None if self.words else ())


def _tiny(box: Fractions) -> bool:
    return min(box[2] - box[0], box[3] - box[1]) <= LEAST_SIDE


def _letters(word: str) -> int:
    return sum(letter.isalnum() for letter in word)


def read_seen(path: Path) -> dict[str, Seen]:
    """What teachers.py wrote, by picture."""
    return {
        key: Seen(
            tuple((_box(window), tuple((name, score) for name, score in scores)) for window, scores in found["crops"]),
            tuple((_box(box), name, score) for box, name, score in found["things"]),
            tuple((_box(box), word, score) for box, word, score in found["words"]),
        )
        for key, found in json.loads(path.read_text()).items()
    }


def _box(sides: list[float]) -> Fractions:
    left, top, right, bottom = sides
    return left, top, right, bottom


def asked(data: Path, name: str, seen: Mapping[str, Seen], *, annotated: bool = True) -> list[Asked]:
    """The train pictures of one question set, asked also about what the teachers see in them.

    Not `annotated`: asked about nothing else; the set's own questions and boxes are not known.
    """
    rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for line in (data / name / "questions.jsonl").read_text().splitlines():
        row = json.loads(line)
        if row["split"] == "train":
            rows[row["image"]] += [row] if annotated else []
    pictures = []
    for image, group in rows.items():
        known: list[Question] = [
            (wording(name, row["question"], row["answers"][0]), fractions(row["evidence"], row)) for row in group
        ]
        found = seen.get(f"{name}/{image}")
        told = " ".join(text for r in group for text in (r["question"], *r["answers"]))
        pixels = shrink(data / name / image)
        if found and name in NAMED:
            things = {thing: boxes for thing, boxes in found.named().items() if thing not in told.lower()}
            known += [*_things(pixels, things), *_absences(found, told)]
        if found and (name in READ or not annotated):
            known += _texts(found)
        if any(boxes for _, boxes in known):
            pictures.append(Asked(pixels, tuple(known), name in ("everyday", "chess")))
    return pictures


def boxed_photos(data: Path, seen: Mapping[str, Seen]) -> list[Asked]:
    """Photos in which something is boxed: things by people, else by the detector, and text."""
    pictures = []
    for row in _photo_rows(data):
        groups: dict[str, list[list[float]]] = defaultdict(list)
        for box in row["boxes"]:
            groups[box["label"]].append(box["box"])
        things = {label: fractions(boxes, row) for label, boxes in groups.items()}
        found = seen.get(f"photos/{row['image']}", Seen())
        pixels = shrink(data / "photos" / row["image"])
        known = [*_things(pixels, things or found.named()), *_texts(found)]
        known += _absences(found, " ".join((*row["labels"], *row["captions"])))
        if any(boxes for _, boxes in known):
            pictures.append(Asked(pixels, tuple(known), True))
    return pictures


def _photo_rows(data: Path) -> Iterator[dict[str, Any]]:
    yield from map(json.loads, (data / "photos" / "photos.jsonl").read_text().splitlines())


def _things(pixels: Pixels, things: Mapping[str, tuple[Fractions, ...]]) -> Iterator[Question]:
    """Every thing by its name, and by its colour too where that tells it from others of its name, or it is alone."""
    for name, boxes in things.items():
        yield _thing(name), boxes
        if name not in COLOURLESS:
            yield from ((_thing(f"{colour} {name}"), some) for colour, some in by_colour(pixels, boxes).items())


def _texts(found: Seen) -> Iterable[Question]:
    boxes = found.text()
    return () if boxes is None else [(questions.ask_text, boxes)]


def _absences(found: Seen, told: str) -> Iterable[Question]:
    names = found.absent(told)
    return [(lambda rng: questions.ask_thing(rng.choice(names), rng), ())]


def _thing(name: str) -> Wording:
    return lambda rng: questions.ask_thing(name, rng)


def photos(data: Path, seen: Mapping[str, Seen]) -> list[Named]:
    """Every photo and its teacher's crops: names from labels and captions, class scores from the classifier."""
    pieces = []
    for row in _photo_rows(data):
        pixels = shrink(data / "photos" / row["image"], 100_000)
        names = tuple(row["labels"] if len(row["labels"]) == 1 else ()) + tuple(row["captions"])
        whole, *crops = (_piece(pixels, *crop) for crop in seen[f"photos/{row['image']}"].crops)
        pieces += [Named(whole.pixels, names or whole.names, whole.classes)] * WHOLE + crops
    return [piece for piece in pieces if piece.names or piece.classes]


def scene_crops(data: Path, seen: Mapping[str, Seen]) -> list[Named]:
    """Crops of the train pictures of CROPPED with the classifier's scores only."""
    pieces = []
    for key, found in seen.items():
        if key.split("/")[0] in CROPPED:
            pixels = shrink(data / key, 400_000)
            pieces += [Named(_cut(pixels, window), (), scores) for window, scores in found.crops[1:] if scores]
    return pieces


def _piece(pixels: NDArray[np.uint8], window: Fractions, scores: tuple[tuple[str, float], ...]) -> Named:
    """The window under the name of its class, if that is sure."""
    sure = tuple(name.split(",")[0] for name, score in scores[:1] if score > 0.6)
    return Named(_cut(pixels, window), sure, scores)


def _cut(pixels: NDArray[np.uint8], window: Fractions) -> NDArray[np.uint8]:
    height, width = pixels.shape[:2]
    left, top, right, bottom = (round(f * side) for f, side in zip(window, (width, height) * 2, strict=True))
    return pixels[top : max(bottom, top + 8), left : max(right, left + 8)]
