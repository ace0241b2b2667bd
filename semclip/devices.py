"""What number formats a device multiplies fast."""

from __future__ import annotations

from semclip.errors import MissingExtra

try:
    import torch
except ModuleNotFoundError as missing:
    raise MissingExtra(missing.name or "torch", extra="torch") from missing


def fast_dtype(device: torch.device) -> torch.dtype:
    """bfloat16 where the device multiplies it in hardware, else float16 on a GPU and float32 on a CPU.

    A CPU does so with AMX or AVX512-BF16; elsewhere bfloat16 is slower than float32, on one without AVX512 by far. The
    whole model is cast: autocast loses to its casts what it wins.
    """
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
    if device.type == "cpu" and _cpu_multiplies_bfloat16():
        return torch.bfloat16
    return torch.float32


def _cpu_multiplies_bfloat16() -> bool:
    capabilities = torch.cpu.get_capabilities()
    return any(capabilities.get(name, False) for name in ("amx_bf16", "avx512_bf16"))
