"""What frozen towers say is computed once, and the same however it came to be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import cast

import numpy as np
import pytest

from semclip import images
from semclip.errors import CacheError
from semclip.geometry import Box
from semclip.relevance.towers import DualEncoder
from semclip.training.crops.features import Features
from semclip.training.learner import Sample
from semclip.types import Floats, Picture, Regions
from tests.training.crops.conftest import FIELDS


@dataclass
class Counted:
    """A color mean and a length as features, in place of towers."""

    fingerprint: str = "c0c0"
    embedded: list[int] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def embed(self, image: Picture, boxes: Sequence[Box]) -> Regions:
        self.embedded.append(len(boxes))
        means = np.array([image.crop(box).mean((0, 1)) for box in boxes], np.float32) / 256
        return Regions(image.size, tuple(boxes), means, self.fingerprint)

    def encode_question(self, question: str) -> Floats:
        self.asked.append(question)
        return np.array([len(question), 0, 0], np.float32)


def features(encoder: Counted, folder: Path | None = None) -> Features:
    return Features(cast(DualEncoder, encoder), folder)


def rows(kept: Features, sample: Sample) -> Floats:
    return kept.boxes(sample.digest, sample.boxes, lambda: images.load(sample.image))


def test_boxes_that_are_kept_are_encoded_once(samples: list[Sample]) -> None:
    encoder = Counted()
    kept = features(encoder)
    for one in (*samples, *samples):
        kept.keep_boxes(one)
    fewer = replace(samples[0], boxes=FIELDS[1:])
    np.testing.assert_array_equal(rows(kept, fewer), rows(kept, samples[0])[1:])
    assert encoder.embedded == [3, 3]


def test_only_what_is_new_is_encoded(samples: list[Sample]) -> None:
    encoder = Counted()
    kept = features(encoder)
    kept.keep_boxes(replace(samples[0], boxes=FIELDS[:1]))
    kept.keep_boxes(samples[0])
    assert encoder.embedded == [1, 2]


def test_boxes_that_are_not_kept_are_encoded_anew_each_time(samples: list[Sample]) -> None:
    encoder = Counted()
    kept = features(encoder)
    np.testing.assert_array_equal(rows(kept, samples[0]), rows(kept, samples[0]))
    assert encoder.embedded == [3, 3]


def test_a_box_of_one_picture_is_not_that_of_another(samples: list[Sample]) -> None:
    kept = features(Counted())
    for one in samples:
        kept.keep_boxes(one)
    assert np.abs(rows(kept, samples[0]) - rows(kept, samples[1])).max() > 0.1


def test_another_process_finds_the_boxes_on_disk(samples: list[Sample], tmp_path: Path) -> None:
    first, second = Counted(), Counted()
    kept, found = features(first, tmp_path), features(second, tmp_path)
    kept.keep_boxes(samples[0])
    found.keep_boxes(samples[0])
    assert second.embedded == []
    np.testing.assert_array_equal(rows(found, samples[0]), rows(kept, samples[0]))


def test_other_towers_find_nothing_on_disk(samples: list[Sample], tmp_path: Path) -> None:
    features(Counted(), tmp_path).keep_boxes(samples[0])
    other = Counted(fingerprint="d0d0")
    features(other, tmp_path).keep_boxes(samples[0])
    assert other.embedded == [3]


def test_a_damaged_file_is_encoded_anew(samples: list[Sample], tmp_path: Path) -> None:
    features(Counted(), tmp_path).keep_boxes(samples[0])
    (file,) = tmp_path.iterdir()
    file.write_bytes(file.read_bytes()[:-7])
    encoder = Counted()
    features(encoder, tmp_path).keep_boxes(samples[0])
    assert encoder.embedded == [3]


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CacheError, match="needs a folder"):
        features(Counted(), tmp_path / "file" / "folder")


def test_questions_are_encoded_once_if_they_are_kept() -> None:
    encoder = Counted()
    kept = features(encoder)
    kept.keep_questions(["red", "blue", "red"])
    kept.keep_questions(["red"])
    assert [float(kept.question(one)[0]) for one in ("red", "blue", "new", "new")] == [3, 4, 3, 3]
    assert encoder.asked == ["red", "blue", "new", "new"]
