"""A small log of rendered pictures, mined, and a ψ with few words to train on it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from semclip.files import save_folder
from semclip.geometry import Box, Size
from semclip.mining.job import MineConfig, mine
from semclip.mining.store import MinedRow, read_mined
from semclip.mining.work import Work
from semclip.relevance.checkpoint import Config, DenseSettings, TextSettings
from semclip.training.dense.model import STRIDE, Towers
from semclip.training.dense.saving import save_dense
from tests.cli.running import ROOT
from tests.fakes import spotted

COLORS = {"red": (230, 20, 20), "green": (20, 200, 20), "blue": (20, 20, 230), "white": (250, 250, 250)}
WORDS = ("[PAD]", "[UNK]", "where", "is", "the", "spot", "?", *COLORS)
AREA_PX = 12_288
SIZES = (Size(128, 96), Size(96, 128))


def make_log(folder: Path, count: int, *, dev: int = 3) -> Path:
    """A log of `count` pictures with two colored spots each, one question a spot; each `dev`-th picture is of dev."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for number in range(count):
        size = SIZES[number % 2]
        rng = np.random.default_rng(number)
        names = rng.permutation(list(COLORS))[:2].tolist()
        corners = (rng.integers(4, 30), rng.integers(4, 60)), (rng.integers(50, 76), rng.integers(4, 60))
        spots = [Box(int(x), int(y), int(x) + 16, int(y) + 16) for x, y in corners]
        colors = dict(zip(spots, (COLORS[name] for name in names), strict=True))
        Image.fromarray(spotted(size, colors)).save(folder / f"{number}.png")
        rows += [
            {
                "id": f"{number} {name}",
                "image": f"{number}.png",
                "question": f"where is the {name} spot?",
                "answers": [name],
                "evidence": [spot.to_list()],
                "split": "dev" if number % dev == dev - 1 else "train",
            }
            for name, spot in zip(names, spots, strict=True)
        ]
    log = folder / "questions.jsonl"
    log.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return log


def make_mined(folder: Path, count: int) -> Path:
    """What mining by evidence makes of such a log."""
    mine(make_log(folder / "log", count), folder / "mined", config=MineConfig(Work("boxes")))
    return folder / "mined"


def mined_rows(folder: Path) -> tuple[MinedRow, ...]:
    return read_mined(folder).rows


def make_base(folder: Path) -> Path:
    """A dense ψ with random weights that knows the words of these questions."""
    torch.manual_seed(0)
    towers = Towers(torch.randn(len(WORDS), 16))
    towers.image(torch.rand(2, 3, 64, 64) * 255)  # moves the norms' statistics from 0 and 1
    texts = TextSettings(32, None, 0, lower=False, marks=False)
    config = Config(DenseSettings(STRIDE, AREA_PX, 1.5, 0.15), texts)
    with save_folder(folder) as target:
        save_dense(towers, target, config=config, tokenizer=_tokenizer().to_str().encode())
    return folder


def _tokenizer() -> Tokenizer:
    tokenizer = Tokenizer(models.WordLevel({word: index for index, word in enumerate(WORDS)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    return tokenizer


_WITHOUT_TORCH = """
import json, sys
sys.modules["torch"] = None
from semclip import images
from semclip.geometry import Box
from semclip.relevance.checkpoint import load
psi, (_, _, image, question, boxes) = load(sys.argv[1]), sys.argv
regions = psi.embed(images.load(image), [Box(*edges) for edges in json.loads(boxes)])
print(json.dumps(psi.score(question, regions).tolist()))
"""


def scores_without_torch(folder: Path, image: Path, question: str, boxes: Sequence[Box]) -> list[float]:
    """What the ψ in `folder` says in a process that cannot import torch."""
    edges = json.dumps([box.to_list() for box in boxes])
    words: list[str | Path] = [sys.executable, "-c", _WITHOUT_TORCH, folder, image, question, edges]
    done = subprocess.run(words, cwd=ROOT, check=True, stdout=subprocess.PIPE)
    scores: list[float] = json.loads(done.stdout)
    return scores


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a folder by name."""
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
