"""What three public teachers see in the training pictures, computed once: classes of crops, boxes of things, words.

Run as `python -m recipes.embedded.teachers DATA TEACHERS OUT.json`; needs ai-edge-litert, ncnn and
rapidocr-onnxruntime. DATA holds the question sets and `photos/`. Only train pictures are read. The teachers' weights
are not kept, only what they say, in doubt too: what is evidence is decided where it is read (seen.py).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import ncnn
import numpy as np
from ai_edge_litert.interpreter import Interpreter
from PIL import Image
from rapidocr_onnxruntime import RapidOCR

from recipes.embedded import views
from recipes.embedded.seen import COCO
from semclip.cli.terminal import progress_bar
from semclip.files import write_atomic
from semclip.types import Floats

KEPT_CLASSES = 12
"""Class scores kept a crop, best first."""
LEAST_CLASS = 0.005
"""Score kept; the classifier counts in steps of 1/256."""
DETAILED_PX = 900
"""Long side from which more windows are drawn."""


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
        return [(self.names[index], round(float(scores[index]), 4)) for index in best if scores[index] > LEAST_CLASS]


class Detector:
    """Boxes of the 80 COCO things (NanoDet-m)."""

    def __init__(self, folder: Path, *, floor: float = 0.1) -> None:
        self.net = ncnn.Net()
        self.net.opt.num_threads = 2
        self.net.load_param(str(folder / "nanodet-m.param"))
        self.net.load_model(str(folder / "nanodet-m.bin"))
        self.floor = floor

    def __call__(self, picture: Image.Image) -> list[tuple[list[float], str, float]]:
        """Box as fractions of the picture, name and score, each thing once."""
        looks = views.looks(picture.size)
        found = [self._look(picture, look) for look in looks]
        boxes, scores = (np.concatenate(parts) for parts in zip(*found, strict=True))
        seen_by = np.repeat(np.arange(len(looks)), [len(rows) for rows, _ in found])
        things = []
        for name in np.flatnonzero((scores > self.floor).any(0)):
            rows = np.flatnonzero(scores[:, name] > self.floor)
            fused = views.fuse(boxes[rows], scores[rows, name], seen_by[rows], looks)
            things += [(_rounded(box), COCO[name], round(score, 3)) for box, score in fused]
        return things

    def _look(self, picture: Image.Image, look: views.Look) -> tuple[Floats, Floats]:
        """(N, 4) boxes as fractions of the picture and (N, 80) scores, of the network's cells that cut no thing."""
        seen = _cut(picture, look.part)
        seen = seen.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if look.mirrored else seen
        boxes, scores = self._cells(seen, look.side_px)
        lifted = look.lift(boxes)
        shown = look.shows(lifted) & (scores.max(1) > self.floor)
        return lifted[shown], scores[shown]

    def _cells(self, picture: Image.Image, side_px: int) -> tuple[Floats, Floats]:
        scale = side_px / max(picture.size)
        width, height = (max(32, round(side * scale / 32) * 32) for side in picture.size)
        pixels = np.asarray(picture.resize((width, height), Image.Resampling.BILINEAR))[:, :, ::-1].astype(np.float32)
        pixels = (pixels - (103.53, 116.28, 123.675)) * (0.017429, 0.017507, 0.017125)
        # ncnn.Mat borrows the array's memory: without a name it is freed before clone() copies it.
        planes = np.ascontiguousarray(pixels.transpose(2, 0, 1), np.float32)
        held = ncnn.Mat(planes).clone()
        extractor = self.net.create_extractor()
        extractor.set_light_mode(False)
        extractor.input("input.1", held)
        found = [self._level(extractor, stride, width) for stride in (8, 16, 32)]
        boxes, scores = (np.concatenate(parts) for parts in zip(*found, strict=True))
        return np.clip(boxes / (width, height, width, height), 0, 1), scores

    @staticmethod
    def _level(extractor: ncnn.Extractor, stride: int, width: int) -> tuple[Floats, Floats]:
        scores = np.array(extractor.extract(f"cls_pred_stride_{stride}")[1], copy=True)
        sides = np.array(extractor.extract(f"dis_pred_stride_{stride}")[1], copy=True).reshape(-1, 4, 8)
        shares = np.exp(sides - sides.max(-1, keepdims=True))
        far = (shares / shares.sum(-1, keepdims=True)) @ np.arange(8) * stride
        columns = -(-width // stride)
        index = np.arange(len(scores))
        x, y = (index % columns + 0.5) * stride, (index // columns + 0.5) * stride
        return np.stack([x - far[:, 0], y - far[:, 1], x + far[:, 2], y + far[:, 3]], 1), scores


class Reader:
    """Lines of text (PP-OCRv4, with the weights of rapidocr-onnxruntime)."""

    def __init__(self, *, least_px: int = 480, most_px: int = 1000) -> None:
        # The engine would enlarge every picture to 736 px: ten times slower, and finds hardly more.
        self.engine = RapidOCR(det_limit_side_len=32, det_limit_type="min", use_cls=False, intra_op_num_threads=2)
        self.least_px, self.most_px = least_px, most_px

    def __call__(self, picture: Image.Image) -> list[tuple[list[float], str, float]]:
        """Box as fractions of the picture, text and confidence; also of what hardly looks like text."""
        scale = min(self.most_px, max(self.least_px, *picture.size)) / max(picture.size)
        width, height = (max(1, round(side * scale)) for side in picture.size)
        pixels = np.asarray(picture.resize((width, height), Image.Resampling.BICUBIC))[:, :, ::-1]
        lines, _ = self.engine(np.ascontiguousarray(pixels), box_thresh=0.3, text_score=0.0)
        corners = [(np.array(line[0]) / (width, height), line[1], float(line[2])) for line in lines or ()]
        return [
            (_rounded(np.concatenate([at.min(0), at.max(0)]).clip(0, 1)), text, round(sure, 3))
            for at, text, sure in corners
        ]


def _rounded(box: Floats) -> list[float]:
    return [round(float(side), 4) for side in box]


def train_pictures(data: Path) -> Iterator[Path]:
    """Every picture of the photos and of the train splits, once."""
    for log in sorted(data.glob("*/*.jsonl")):
        rows = [json.loads(line) for line in log.read_text().splitlines()]
        yield from (log.parent / name for name in dict.fromkeys(r["image"] for r in rows if r.get("split") != "dev"))


def main(data: Path, teachers: Path, out: Path) -> None:
    """Writes {picture: {"crops": [[window, classes]...], "things": [[box, name, score]...], "words": ...}}."""
    classify = Classifier(teachers / "coral_mobilenet_v2_tflite")
    detect = Detector(teachers / "nanodet_m_ncnn")
    read = Reader()
    rng = np.random.default_rng(0)
    paths = [path for path in train_pictures(data) if path.parts[-3] != "receipts"]
    seen = {}
    with progress_bar("pictures", unit="pictures/s") as advance:
        for done, path in enumerate(paths, start=1):
            picture = Image.open(path).convert("RGB")
            parts = views.windows(rng, picture.size, 12 if max(picture.size) >= DETAILED_PX else 8)
            seen[str(path.relative_to(data))] = {
                "crops": [(part, classify(_cut(picture, part))) for part in parts],
                "things": detect(picture),
                "words": read(picture),
            }
            advance(done, len(paths))
    write_atomic(out, json.dumps(seen).encode())


def _cut(picture: Image.Image, window: Sequence[float]) -> Image.Image:
    width, height = picture.size
    return picture.crop((window[0] * width, window[1] * height, window[2] * width, window[3] * height))


if __name__ == "__main__":
    main(*(Path(argument) for argument in sys.argv[1:4]))
