"""The questions that crops turned right or wrong, with pictures of what was shown."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image

from semclip.adapters.fusion import Showing
from semclip.evaluation.answers.findings import Findings
from semclip.evaluation.answers.flips import MOST
from semclip.types import Completion, Decoding, Mixture, Style
from tests.evaluation.answers.making import SIZE, Reader, dataset, found, item, seen, spots


def flips(out: Path, **changes: object) -> Findings:
    return found(out, names=["overview", "random", "color", "color/2"], **changes)  # type: ignore[arg-type]


def test_each_flip_shows_what_the_model_was_shown(tmp_path: Path) -> None:
    found_flips = flips(tmp_path).flips
    assert len(found_flips) == 6
    for flip in found_flips:
        assert (flip.set, flip.strategy, flip.won) == ("spots", "color", True)
        assert (flip.before, flip.after) == ("grey", flip.expected[0])
        assert (flip.width, flip.height) == (SIZE.width, SIZE.height)
        overview, crop = (Image.open(io.BytesIO(data)) for data in (flip.overview, *flip.crops))
        assert overview.size == (SIZE.width, SIZE.height)
        assert crop.size == (flip.boxes[0].size.width, flip.boxes[0].size.height)
        assert seen([crop]) == flip.after
    assert all("overview" not in flip for flip in flips(tmp_path).to_dict()["flips"])


def test_what_is_turned_wrong_is_shown_too_and_no_more_than_some(tmp_path: Path) -> None:
    class Contrary(Reader):
        def _completion(self, mixture: Mixture, decoding: Decoding) -> Completion:
            return Completion("red" if seen(mixture.prompts[0].pictures) == "grey" else "grey")

    turned = flips(tmp_path / "a", adapter=Contrary()).flips
    assert [flip.won for flip in turned] == [False, False]
    many = [flip for flip in found(tmp_path / "b", spots(30), names=["overview", "color"]).flips if flip.won]
    assert len(many) == MOST
    assert [flip.item for flip in many][-1] == "29"


def test_crops_are_shown_as_a_montage_or_a_budget_had_them(tmp_path: Path) -> None:
    for showing, style in ((Showing(fusion="montage"), Style()), (Showing(), Style(square=True, crop_px=(64, 64)))):
        shown = flips(tmp_path / str(style.square), adapter=Reader(style=style), showing=showing).flips
        assert all(len(flip.crops) == len(flip.boxes) == 1 for flip in shown)


def test_there_is_none_where_no_psi_was_asked_or_nothing_turned(tmp_path: Path) -> None:
    assert found(tmp_path, names=["overview", "oracle"]).flips == ()
    assert found(tmp_path, names=["color", "overview"]).flips == ()
    same = dataset([item(0, answers=("nothing",))])
    assert found(tmp_path, same, names=["overview", "color"]).flips == ()
