"""Maps of pictures that are computed once and kept on disk."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from torch import Tensor

from semclip.files import write_atomic
from semclip.types import Floats


@dataclass(frozen=True, slots=True)
class KeptMaps:
    """A folder with a file for each picture; all maps are of one network, which stands still."""

    folder: Path

    def of(self, digest: str, make: Callable[[], Tensor]) -> Floats:
        """(h, w, c) float16: what `make` gave for the picture of that digest when it was first asked for."""
        path = self.folder / f"{digest}.npy"
        if not path.exists():
            content = io.BytesIO()
            np.save(content, make().half().cpu().numpy())
            write_atomic(path, content.getvalue())
        found: Floats = np.load(path)
        return found
