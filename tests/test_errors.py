"""What other libraries raise, told in one line of ours."""

from __future__ import annotations

import pytest

from semclip.errors import InputError, ModelError, loading


def test_whatever_fails_while_loading_becomes_one_line_that_keeps_its_cause() -> None:
    cause = KeyError("first line\nsecond line")
    with pytest.raises(ModelError, match=r"^psi could not be loaded") as failure, loading("psi"):
        raise cause
    assert "\n" not in str(failure.value)
    assert failure.value.__cause__ is cause


def test_an_error_of_ours_passes_unchanged() -> None:
    cause = InputError("ours")
    with pytest.raises(InputError) as failure, loading("psi"):
        raise cause
    assert failure.value is cause
