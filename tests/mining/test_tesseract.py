"""What running Tesseract leaves behind."""

from __future__ import annotations

import os
import threading

import pytest

from semclip.errors import ModelError
from semclip.mining.readers.tesseract import Tesseract


def test_the_limit_of_threads_ends_with_the_last_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the limit in their environment, libraries that count on two threads wait for the second one for ever."""
    monkeypatch.delenv("OMP_THREAD_LIMIT", raising=False)
    reader = Tesseract(language="none such")

    def ask() -> None:
        for _ in range(5):
            with pytest.raises(ModelError):
                _ = reader.fingerprint

    askers = [threading.Thread(target=ask) for _ in range(4)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()
    assert "OMP_THREAD_LIMIT" not in os.environ


def test_a_limit_of_threads_that_was_there_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_THREAD_LIMIT", "7")
    with pytest.raises(ModelError):
        _ = Tesseract(language="none such").fingerprint
    assert os.environ["OMP_THREAD_LIMIT"] == "7"
