"""What a training starts from, by name: the shipped ψ, a CLIP of a library, or a ψ that was trained before."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from semclip.errors import ModelError
from semclip.relevance.checkpoint import read_config
from semclip.relevance.embedded import WEIGHTS
from semclip.training.learner import Learner

Tune = Literal["heads", "lora", "full"]
Architecture = Literal["dual", "joint"]
LIBRARIES = ("open_clip:", "hf:")


@dataclass(frozen=True, slots=True)
class Start:
    """What a training starts from, and what of it changes.

    `tune` is for `dual`, and so is `size_weight`: how much size counts against a box, as `relevance/dense.py` has it;
    None as the base has it. `joint` leaves the base as it is and trains a reader that reads the `rerank` boxes that the
    base finds best, all with None.
    """

    base: str = "embedded"
    architecture: Architecture = "dual"
    tune: Tune = "heads"
    rerank: int | None = 16
    size_weight: float | None = None


def open_base(start: Start, *, folder: Path, seed: int) -> Learner:
    """The learner; `folder` is where it may keep features.

    Raises: ModelError where the base cannot be loaded, or not be trained in that way.
    """
    where = base_folder(start.base)
    if start.architecture == "joint":
        if where is None:
            raise ModelError(f"a joint reader needs a dense psi as its base, got {start.base}")
        from semclip.training.joint import learner as joint

        return joint.load(where, kept=folder, rerank=start.rerank, seed=seed)
    if where is None or read_config(where).kind == "crops":
        if start.size_weight is not None:
            raise ModelError(f"a size weight needs a dense psi as its base, got {start.base}")
        from semclip.training.crops import learner as crops

        return crops.load(start.base, crops.CropsOptions(tune=start.tune, seed=seed, folder=folder))
    from semclip.training.dense import learner as dense

    return dense.load(where, start.tune, kept=folder, size_weight=start.size_weight, seed=seed)


def stamp(base: str) -> str:
    """What tells one state of a base from another: a folder's fingerprint; of a library, the name.

    Raises: ModelError where there is no such folder.
    """
    folder = base_folder(base)
    return base if folder is None else read_config(folder).fingerprint


def base_folder(base: str) -> Path | None:
    """Where the files of a base are; None of a library's.

    Raises: ModelError where there is no such folder.
    """
    if base.startswith(LIBRARIES):
        return None
    if base != "embedded" and not Path(base).is_dir():
        raise ModelError(f"training needs a base: embedded, open_clip:…, hf:… or the folder of a psi, got {base}")
    return WEIGHTS if base == "embedded" else Path(base)
