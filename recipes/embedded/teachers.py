"""What the two public teachers see in the training pictures, computed once: class scores of crops and boxes of things.

Run as `python -m recipes.embedded.teachers DATA TEACHERS OUT.json`; needs ai-edge-litert and ncnn. DATA holds the
question sets and `photos/`. Only train pictures are read. The teachers' weights are not kept, only what they say.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import ncnn
import numpy as np
from ai_edge_litert.interpreter import Interpreter
from PIL import Image

from semclip.types import Floats

COCO = Path(__file__).with_name("coco.txt").read_text().splitlines()
"""Names of the detector's classes, in its order."""
KEPT_CLASSES = 8
"""Class scores kept a crop, best first."""


class Classifier:
    """1,000 ImageNet classes of a crop (MobileNetV2, 224 px)."""

    def __init__(self, folder: Path) -> None:
        self.net = Interpreter(str(folder / "tf2_mobilenet_v2_1.0_224_ptq.tflite"), num_threads=2)
        self.net.allocate_tensors()
        self.input, self.output = self.net.get_input_details()[0], self.net.get_output_details()[0]
        self.names = (folder / "imagenet_labels.txt").read_text().splitlines()

    def __call__(self, picture: Image.Image) -> list[tuple[str, float]]:
        """The likeliest classes with their probabilities."""
        scale, zero = self.input["quantization"]
        pixels = np.asarray(picture.resize((224, 224), Image.Resampling.BICUBIC), np.float32) / 127.5 - 1
        quantised = np.clip(np.round(pixels / scale + zero), 0, 255).astype(self.input["dtype"])
        self.net.set_tensor(self.input["index"], quantised[None])
        self.net.invoke()
        scale, zero = self.output["quantization"]
        scores = (self.net.get_tensor(self.output["index"])[0].astype(np.float32) - zero) * scale
        best = np.argsort(-scores, kind="stable")[:KEPT_CLASSES]
        return [(self.names[index], round(float(scores[index]), 4)) for index in best if scores[index] > 0.01]


class Detector:
    """Boxes of the 80 COCO things (NanoDet-m)."""

    def __init__(self, folder: Path, *, side_px: int = 512, floor: float = 0.4) -> None:
        self.net = ncnn.Net()
        self.net.opt.num_threads = 2
        self.net.load_param(str(folder / "nanodet-m.param"))
        self.net.load_model(str(folder / "nanodet-m.bin"))
        self.side_px, self.floor = side_px, floor

    def __call__(self, picture: Image.Image) -> list[tuple[list[float], str, float]]:
        """Box as fractions of the picture, name and score, after class-wise non-maximum suppression."""
        scale = self.side_px / max(picture.size)
        width, height = (max(32, round(side * scale / 32) * 32) for side in picture.size)
        pixels = np.asarray(picture.resize((width, height), Image.Resampling.BILINEAR))[:, :, ::-1].astype(np.float32)
        pixels = (pixels - (103.53, 116.28, 123.675)) * (0.017429, 0.017507, 0.017125)
        # ncnn.Mat borrows the array's memory: without a name it is freed before clone() copies it.
        planes = np.ascontiguousarray(pixels.transpose(2, 0, 1), np.float32)
        held = ncnn.Mat(planes).clone()
        extractor = self.net.create_extractor()
        extractor.set_light_mode(False)
        extractor.input("input.1", held)
        found = [self._level(extractor, stride, width, height) for stride in (8, 16, 32)]
        boxes, scores = (np.concatenate(parts) for parts in zip(*found, strict=True))
        return _suppress(boxes / (width, height, width, height), scores, self.floor)

    @staticmethod
    def _level(extractor: ncnn.Extractor, stride: int, width: int, height: int) -> tuple[Floats, Floats]:
        scores = np.array(extractor.extract(f"cls_pred_stride_{stride}")[1], copy=True)
        sides = np.array(extractor.extract(f"dis_pred_stride_{stride}")[1], copy=True).reshape(-1, 4, 8)
        shares = np.exp(sides - sides.max(-1, keepdims=True))
        far = (shares / shares.sum(-1, keepdims=True)) @ np.arange(8) * stride
        columns = -(-width // stride)
        index = np.arange(len(scores))
        x, y = (index % columns + 0.5) * stride, (index // columns + 0.5) * stride
        return np.stack([x - far[:, 0], y - far[:, 1], x + far[:, 2], y + far[:, 3]], 1), scores


def _suppress(boxes: Floats, scores: Floats, floor: float) -> list[tuple[list[float], str, float]]:
    cells, classes = np.nonzero(scores > floor)
    order = np.argsort(-scores[cells, classes], kind="stable")
    kept: list[tuple[Floats, int, float]] = []
    for cell, name in zip(cells[order], classes[order], strict=True):
        box = np.clip(boxes[cell], 0, 1)
        if all(name != other or _iou(box, rival) < 0.5 for rival, other, _ in kept):
            kept.append((box, int(name), float(scores[cell, name])))
    return [([round(float(side), 4) for side in box], COCO[name], round(score, 3)) for box, name, score in kept]


def _iou(a: Floats, b: Floats) -> float:
    shared = np.prod(np.clip(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0, None))
    return float(shared / (np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2]) - shared + 1e-9))


def train_pictures(data: Path) -> Iterator[Path]:
    """Every picture of the photos and of the train splits, once."""
    for log in sorted(data.glob("*/*.jsonl")):
        rows = [json.loads(line) for line in log.read_text().splitlines()]
        yield from (log.parent / name for name in dict.fromkeys(r["image"] for r in rows if r.get("split") != "dev"))


def windows(rng: np.random.Generator, count: int) -> list[list[float]]:
    """The whole picture and random squares-ish of it, as fractions."""
    drawn = [[0.0, 0.0, 1.0, 1.0]]
    for _ in range(count):
        width, height = rng.uniform(0.3, 0.9) * rng.uniform(0.8, 1.2, 2).clip(0, 1.1)
        x, y = rng.uniform(0, 1 - width), rng.uniform(0, 1 - height)
        drawn.append([round(float(v), 4) for v in (x, y, x + width, y + height)])
    return drawn


def main(data: Path, teachers: Path, out: Path) -> None:
    """Writes {picture: {"crops": [[window, classes]...], "things": [[box, name, score]...]}}."""
    classify = Classifier(teachers / "coral_mobilenet_v2_tflite")
    detect = Detector(teachers / "nanodet_m_ncnn")
    rng = np.random.default_rng(0)
    seen = {}
    for path in train_pictures(data):
        document = path.parts[-3] == "receipts"
        stored = Image.open(path)
        stored.draft("RGB", (700, 700))
        picture = stored.convert("RGB")
        crops = [] if document else [(w, classify(_cut(picture, w))) for w in windows(rng, 3)]
        things = [] if document else detect(picture)
        seen[str(path.relative_to(data))] = {"crops": crops, "things": things}
    out.write_text(json.dumps(seen))


def _cut(picture: Image.Image, window: list[float]) -> Image.Image:
    width, height = picture.size
    return picture.crop((window[0] * width, window[1] * height, window[2] * width, window[3] * height))


if __name__ == "__main__":
    main(*(Path(argument) for argument in sys.argv[1:4]))
