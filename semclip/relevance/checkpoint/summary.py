"""What a ψ's folder says of itself, for people and programs."""

from __future__ import annotations

from math import prod
from pathlib import Path
from typing import Any

from semclip.relevance.checkpoint.config import CONFIG, README, WEIGHTS, read_config
from semclip.relevance.checkpoint.weights import read_header


def describe(folder: Path) -> dict[str, Any]:
    """Architecture, encoder, settings, bytes of each file, numbers in the weights, and what it was trained on."""
    config = read_config(folder)
    given = config.to_dict()
    files = (name for name in (CONFIG, *config.needed, README) if (folder / name).is_file())
    return {
        "architecture": config.architecture,
        "encoder": config.kind,
        "parameters": sum(prod(one.shape) for one in read_header(folder / WEIGHTS).values()),
        "settings": given[config.kind],
        "text": given["text"],
        "model": given["model"],
        "joint": given["joint"],
        "trained": given["trained"],
        "files": {name: (folder / name).stat().st_size for name in files},
    }
