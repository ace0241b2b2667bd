"""The public set of broken, hostile and odd pictures, and traps of our own, each in a process that must survive it."""

from __future__ import annotations

import json
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as pillow

from semclip.errors import ImageError, ImageLimitError
from semclip.images import Limits, load
from tests.images.files import after_start, encoded, exif_segment, jpeg_segment, noise, picture, png, png_chunk

ROOT = Path(__file__).parents[2]
ARCHIVE = ROOT.parent / "shared" / "hostile" / "hostile.tgz"
MOST_S = 5.0
MOST_MB = 512.0
JPEG = encoded(picture(), "JPEG")


@dataclass(frozen=True)
class Server:
    process: subprocess.Popen[str]

    def ask(self, path: Path) -> dict[str, Any]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{path}\n")
        self.process.stdin.flush()
        answer: dict[str, Any] = json.loads(self.process.stdout.readline() or '{"result": "died"}')
        return answer


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    command = [sys.executable, "-W", "error", "-m", "tests.images.serving"]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield Server(process)
        assert process.stdin is not None
        process.stdin.close()


def names() -> list[str]:
    if not ARCHIVE.exists():
        return []
    with tarfile.open(ARCHIVE) as archive:
        return sorted(Path(member.name).name for member in archive if member.isfile())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("hostile")
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(target, filter="data")
    return target


@pytest.mark.skipif(not ARCHIVE.exists(), reason="the hostile set is not beside this clone")
@pytest.mark.parametrize("name", names())
def test_hostile_set(name: str, server: Server, folder: Path) -> None:
    before_mb = server.ask(folder / "valid_1x1.png")["peak_mb"]
    answer = server.ask(folder / name)
    assert (answer["result"] == "decoded") == name.startswith("valid_"), answer
    assert answer["served"]
    assert answer["s"] < MOST_S
    assert answer["peak_mb"] - before_mb < MOST_MB
    assert "\n" not in answer["result"]
    assert answer["result"] == "decoded" or name in answer["result"]


LOOP = bytes.fromhex("0100 6987 0400 01000000 08000000 00000000")
HUGE_COUNT = bytes.fromhex("0100 1201 0300 ffffffff 08000000 00000000")

BROKEN = {
    "empty": b"",
    "one byte": b"\xff",
    "text": b"<!doctype html>",
    "postscript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
    "icon": encoded(picture(), "ICO"),
    "jpeg of a header only": JPEG[:20],
    "jpeg cut short": JPEG[: len(JPEG) // 2],
    "png cut short": encoded(picture(), "PNG")[:60],
    "gif cut short": encoded(picture(), "GIF")[:10],
    "webp cut short": encoded(picture(), "WEBP")[:40],
    "tiff cut short": encoded(picture(), "TIFF")[:12],
    "tiff of a loop": b"II*\0\x08\0\0\0\0\0\x08\0\0\0",
    "bmp cut short": encoded(picture(), "BMP")[:60],
    "avif cut short": encoded(picture(), "AVIF")[:100],
    "exif of a loop": after_start(JPEG, exif_segment(LOOP)),
    "exif of a huge count": after_start(JPEG, exif_segment(HUGE_COUNT)),
    "zip as well": JPEG + b"PK\x05\x06" + bytes(18),
    "data after the last row": png(8, 8, spare=noise(300, 300).tobytes()),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_bytes(name: str) -> None:
    with pytest.raises(ImageError, match="given bytes") as caught:
        load(BROKEN[name]).to_pil()
    assert "\n" not in str(caught.value)


LARGE = {
    "pixels": (png(100, 101), Limits(pixels=10_000)),
    "side_px": (png(1, 1001), Limits(side_px=1000)),
    "encoded_bytes": (JPEG, Limits(encoded_bytes=100)),
    "metadata_bytes": (after_start(JPEG, jpeg_segment(0xFE, bytes(2000))), Limits(metadata_bytes=1000)),
    "metadata_items": (after_start(JPEG, jpeg_segment(0xE5, b"") * 101), Limits(metadata_items=100)),
    "scans": (encoded(picture(), "JPEG", progressive=True), Limits(scans=2)),
    "decode_s": (JPEG, Limits(decode_s=1e-9)),
}


@pytest.mark.parametrize("name", LARGE)
def test_each_limit_is_held_and_can_be_relaxed(name: str) -> None:
    data, limits = LARGE[name]
    with pytest.raises(ImageLimitError, match=name):
        load(data, limits)
    load(data).to_pil()


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF", "AVIF"])
def test_frames_are_limited_and_the_first_is_shown(kind: str) -> None:
    others = [pillow.new("RGB", (48, 32), color) for color in ("red", "blue")]
    data = encoded(picture(), kind, save_all=True, append_images=others)
    with pytest.raises(ImageLimitError, match="frames"):
        load(data, Limits(frames=2))
    first = load(data, Limits(frames=3)).to_pil()
    assert np.abs(np.asarray(first, int) - np.asarray(picture(), int)).mean() < 12


def test_pages_of_a_big_tiff_are_counted() -> None:
    data = encoded(picture(), "TIFF", big_tiff=True, save_all=True, append_images=[picture()] * 3)
    load(data).to_pil()
    with pytest.raises(ImageLimitError, match="frames"):
        load(data, Limits(frames=3))


def test_png_text_is_metadata() -> None:
    data = png(8, 8, *[png_chunk(b"tEXt", b"a\0b")] * 50)
    with pytest.raises(ImageLimitError, match="metadata_items"):
        load(data, Limits(metadata_items=40))


def test_tags_that_share_their_bytes_are_counted_each() -> None:
    # 40 tags over the same 60,000 bytes take 2.4 MB once read.
    count, size = 40, 60_000
    tags = b"".join(bytes([index, 0x90, 7, 0]) + size.to_bytes(4, "little") + bytes(4) for index in range(count))
    data = after_start(JPEG, exif_segment(count.to_bytes(2, "little") + tags + bytes(size)))
    with pytest.raises(ImageLimitError, match="metadata_bytes"):
        load(data, Limits(metadata_bytes=1 << 20))


def test_appended_data_is_not_taken_for_scans() -> None:
    load(JPEG + b"\xff\xda" * 1000).to_pil()


def test_a_time_limit_stops_a_decoder_in_the_middle() -> None:
    image = load(png(8000, 8000), Limits(decode_s=0.01))
    with pytest.raises(ImageLimitError, match="decode_s"):
        image.to_pil()
