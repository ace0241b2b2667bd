"""Maps are made once for each picture, and are the same however often they are read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from semclip.training.dense.kept import KeptMaps


def test_a_map_is_made_once_and_read_in_half_precision(tmp_path: Path) -> None:
    made, maps = [], torch.randn(3, 4, 5)

    def make() -> Tensor:
        made.append(1)
        return maps

    first, again = (KeptMaps(tmp_path / "maps").of("a", make) for _ in range(2))
    assert made == [1]
    assert first.dtype == np.float16
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(first, maps.half().numpy())
    other = KeptMaps(tmp_path / "maps").of("b", lambda: maps + 1)
    np.testing.assert_array_equal(other, (maps + 1).half().numpy())
