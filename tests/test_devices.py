"""The number format that is fast on the machine at hand."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from semclip.devices import fast_dtype

CPU = torch.device("cpu")


def test_bfloat16_is_chosen_where_the_processor_multiplies_it() -> None:
    flags = Path("/proc/cpuinfo")
    if not flags.exists():
        pytest.skip("needs /proc/cpuinfo to compare with")
    native = {"amx_bf16", "avx512_bf16"} & set(flags.read_text().split())
    assert fast_dtype(CPU) == (torch.bfloat16 if native else torch.float32)
