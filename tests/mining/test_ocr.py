"""The reader of letters: what a crop is worth at a VLM's resolution, and what it costs to know."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont
from PIL.Image import Image as PILImage

from semclip.errors import InputError, ModelError
from semclip.geometry import Box, Size
from semclip.logs import Example
from semclip.mining.readers.matching import Word
from semclip.mining.readers.ocr import OcrReader, load
from semclip.mining.rewards import POSITIVE, Query, Rewards
from semclip.proposals import pyramid
from semclip.types import Pixels
from tests.fakes import ArrayPicture, spotted
from tests.mining.marks import needs_tesseract

SIZE = Size(800, 600)
RED = Box(100, 100, 160, 120)
PICTURE = ArrayPicture(spotted(SIZE, {RED: (255, 0, 0)}))
WHERE_RED = Box(80, 80, 240, 200)
ELSEWHERE = Box(400, 300, 560, 420)
WHOLE = SIZE.box


@dataclass(frozen=True)
class ReadsRed:
    """Reads `text` where something at least `legible_px` high is red; keeps the sizes of what it was shown."""

    text: str = "80.90"
    legible_px: int = 20
    shown: list[tuple[int, int]] = field(default_factory=list)
    fingerprint: str = "red 1"

    def __call__(self, pictures: Sequence[PILImage], /) -> list[list[Word]]:
        self.shown.extend(picture.size for picture in pictures)
        return [self._words(np.asarray(picture)) for picture in pictures]

    def _words(self, pixels: Pixels) -> list[Word]:
        rows, columns = np.nonzero((pixels[..., 0] > 200) & (pixels[..., 1] < 60))
        if not len(rows) or rows.max() - rows.min() < self.legible_px:
            return []
        edges = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
        return [Word("Total", (0, 0, 1, 1)), Word(self.text, (edges[0], edges[1], edges[2], edges[3]))]


def query(*boxes: Box, tries: Sequence[int] | None = None, answers: Sequence[str] = ("80.90",)) -> Query:
    example = Example("a", Path("a.png"), "What is the total?", answers=tuple(answers))
    return Query(example, boxes, tuple(range(len(boxes)) if tries is None else tries))


def rewards(reader: OcrReader, *queries: Query) -> list[Rewards]:
    found = []
    for one in reader(PICTURE, queries):
        assert isinstance(one, Rewards)
        found.append(one)
    return found


def test_a_crop_is_positive_where_the_answer_can_be_read_in_it() -> None:
    (one,) = rewards(OcrReader(ReadsRed()), query(WHERE_RED, ELSEWHERE))
    assert one.values.tolist() == [1, 0]
    assert one.passes == 2


def test_crops_are_shown_with_their_long_side_at_px_and_enlarged_for_the_program() -> None:
    text = ReadsRed()
    rewards(OcrReader(text, px=100), query(WHERE_RED, WHOLE))
    assert text.shown == [(200, 150), (200, 150)]


def test_what_is_too_small_at_the_resolution_is_not_read() -> None:
    # 20 px of red are 12 px of the whole picture at 480 px, 24 once enlarged, and 5 of it at 100 px.
    assert rewards(OcrReader(ReadsRed(), px=480), query(WHOLE))[0].values.tolist() == [1]
    assert rewards(OcrReader(ReadsRed(), px=100), query(WHOLE))[0].values.tolist() == [0]


def test_an_answer_read_in_one_crop_is_known_of_all_that_show_it_as_large() -> None:
    closer, larger, cut = Box(90, 90, 170, 130), Box(0, 0, 300, 300), Box(130, 80, 290, 200)
    (one,) = rewards(OcrReader(ReadsRed()), query(WHERE_RED, closer, larger, cut, ELSEWHERE, tries=[0]))
    np.testing.assert_allclose(one.values, [1, 1, np.nan, 0.2, 0], rtol=1e-6)
    assert one.passes == 1


def test_where_the_answer_was_not_found_boxes_not_tried_are_unknown() -> None:
    (one,) = rewards(OcrReader(ReadsRed()), query(WHERE_RED, ELSEWHERE, tries=[1]))
    np.testing.assert_array_equal(one.values, np.array([np.nan, 0], np.float32))


def test_questions_on_one_picture_share_what_was_read_and_each_is_as_if_it_were_alone() -> None:
    text = ReadsRed()
    asked = [query(WHERE_RED, ELSEWHERE), query(WHERE_RED, ELSEWHERE, WHOLE, answers=["total"]), query(WHOLE)]
    found = rewards(OcrReader(text), *asked)
    assert len(text.shown) == 3
    alone = [rewards(OcrReader(ReadsRed()), one)[0] for one in asked]
    for one, same in zip(found, alone, strict=True):
        np.testing.assert_array_equal(one.values, same.values)
        assert one.passes == same.passes


def test_of_several_answers_any_will_do_and_the_best_counts() -> None:
    reader = OcrReader(ReadsRed(text="enterprlse"))
    assert rewards(reader, query(WHERE_RED, answers=["Enterprise"]))[0].values[0] == pytest.approx(0.75)
    assert rewards(reader, query(WHERE_RED, answers=["shop", "Enterprise", "ENTERPRLSE"]))[0].values[0] == 1


@pytest.mark.parametrize("answers", [[], ["?"], [" "]])
def test_a_question_without_letters_or_digits_to_look_for_is_refused_and_costs_nothing(answers: list[str]) -> None:
    text = ReadsRed()
    refused, one = OcrReader(text)(PICTURE, [query(WHERE_RED, answers=answers), query(ELSEWHERE)])
    assert isinstance(refused, InputError)
    assert "letters or digits" in str(refused)
    assert isinstance(one, Rewards)
    assert len(text.shown) == one.passes == 1


def test_what_decides_the_rewards_tells_readers_apart() -> None:
    made = [OcrReader(ReadsRed()), OcrReader(ReadsRed(), px=448), OcrReader(ReadsRed(fingerprint="red 2"))]
    assert len({reader.fingerprint for reader in made}) == 3
    with pytest.raises(InputError, match="px to be a whole number of at least 1, got 0"):
        OcrReader(ReadsRed(), px=0)


def receipt() -> ArrayPicture:
    """A page of printed lines with 80.90 in the lower right."""
    page = Image.new("RGB", (900, 1200), "white")
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(size=22)
    for number, text in enumerate(["GOLDEN HARVEST BAKERY", "12 Mill Lane", "Date 25/12/2018", "Bread 4.50"]):
        draw.text((60, 80 + 150 * number), text, "black", font)
    draw.text((650, 1000), "Total 80.90", "black", font)
    return ArrayPicture(np.asarray(page))


@needs_tesseract
def test_tesseract_finds_printed_answers_where_they_stand() -> None:
    picture = receipt()
    boxes = pyramid(picture.size)
    tries = tuple(index for index, box in enumerate(boxes) if box.size == Size(450, 150))
    answers = {"80.90": Box(708, 1000, 766, 1020), "Golden Harvest Bakery": Box(60, 80, 345, 100)}
    asked = [query(*boxes, tries=tries, answers=[answer]) for answer in answers]
    found, positives = load()(picture, asked), list[int]()
    for one, place in zip(found, answers.values(), strict=True):
        assert isinstance(one, Rewards)
        indices = np.flatnonzero(one.values >= POSITIVE).tolist()
        assert set(indices) & set(tries)
        positives += indices
        positive = [boxes[index] for index in indices]
        assert all(box.left <= place.left + 9 and box.right >= place.right - 9 for box in positive)
        assert all(box.top <= place.top + 9 and box.bottom >= place.bottom - 9 for box in positive)
    assert set(positives) - set(tries)


@needs_tesseract
def test_a_page_reads_the_same_alone_and_among_others() -> None:
    picture = receipt()
    boxes = [Box(0, 0, 900, 300), Box(0, 900, 900, 1200), Box(0, 0, 3, 900), Box(600, 950, 900, 1050)]
    text = load().text
    pages = [Image.fromarray(picture.crop(box)) for box in boxes]
    together = text(pages)
    assert together == [text([page])[0] for page in pages]
    assert [bool(words) for words in together] == [True, True, False, True]
    assert text([]) == []


@needs_tesseract
def test_a_language_that_is_not_there_is_said_before_anything_is_read() -> None:
    with pytest.raises(ModelError, match="language xyz"):
        load(language="xyz")


def test_without_the_program_the_error_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ModelError, match="apt-get install tesseract-ocr"):
        load()
