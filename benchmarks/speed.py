"""How fast selection is, as ratios of one run on one machine.

    python -m benchmarks.speed            # everything; needs the extra [torch]
    python -m benchmarks.speed --core     # the shipped ψ alone

The picture is a rendered 12-megapixel JPEG. The naive loop is what everyone writes first: decode with PIL, then crop,
preprocess and encode 85 windows one by one in float32. Each figure is the median of a few turns, both sides in turn.
"""

from __future__ import annotations

import argparse
import io
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import astuple
from pathlib import Path
from typing import Any

from PIL import Image as pillow

from benchmarks.prepare import CROPS, PHOTO, photo, windows
from semclip import SemClip
from semclip.geometry import Box, Size
from semclip.images import Image, Limits, load
from semclip.protocols import Relevance
from semclip.relevance.checkpoint import DensePsi
from semclip.relevance.dense import input_size
from semclip.relevance.embedded import load as load_embedded

QUESTION = "What number is on the red bus?"
ENCODER = "ViT-B-32"
LARGE = Size(11_600, 8_700)
TURNS = 5


class Windows:
    """The benchmark's fixed 85 windows as a proposer."""

    name = "windows"

    def __call__(self, size: Size, /) -> tuple[Box, ...]:
        return tuple(windows(size, CROPS))


def main() -> None:
    """Print one line per figure: what is compared, both times, their ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--core", action="store_true", help="the shipped ψ alone, without torch")
    arguments = parser.parse_args()
    encoded = jpeg(photo(PHOTO))
    measure_embedded(encoded)
    if not arguments.core:
        measure_command_line(encoded)
        measure_open_clip(encoded)
        from benchmarks.prefill import measure_prefill  # it uses this module's clock

        measure_prefill(encoded)


def measure_embedded(encoded: bytes) -> None:
    """The shipped ψ, from JPEG bytes to boxes, against one plain decode of the same bytes."""
    relevance = load_embedded()
    ours = SemClip(relevance)
    ours.select(encoded, QUESTION)
    decode, whole = in_turn(lambda: decoded(encoded), lambda: SemClip(relevance).select(encoded, QUESTION))
    show("embedded selection / plain decode of 12 Mpx", whole, decode)
    again, first = in_turn(lambda: ours.select(encoded, QUESTION), lambda: SemClip(relevance).select(encoded, QUESTION))
    show("first question / a further one, embedded", first, again)
    show_memory("embedded selection of 12 Mpx, a process of its own", encoded)
    large = jpeg(photo(PHOTO).resize((LARGE.width, LARGE.height)))
    above, below = beyond_decoding(relevance, large), beyond_decoding(relevance, encoded)
    show("embedded selection of 100 Mpx / of 12 Mpx, both beyond decoding and shrinking", above, below)
    show_memory("embedded selection of 100 Mpx, a process of its own", large)


def beyond_decoding(relevance: DensePsi, encoded: bytes) -> float:
    """Seconds of a selection from JPEG bytes less those of what the network reads of them."""

    def opened() -> Image:
        return load(encoded, limits=Limits(pixels=LARGE.area))

    read = input_size(opened().size, relevance.settings.area_px)
    shrink, whole = in_turn(lambda: opened().resized(read), lambda: SemClip(relevance).select(opened(), QUESTION))
    return whole - shrink


def measure_command_line(encoded: bytes) -> None:
    """The whole command against importing torch."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "photo.jpg"
        path.write_bytes(encoded)
        command = [sys.executable, "-m", "semclip", "select", str(path), QUESTION, "--json"]
        ours, torch = in_turn(lambda: run(command), lambda: run([sys.executable, "-c", "import torch"]))
    show("`import torch` / `semclip select` with embedded", torch, ours)


def measure_open_clip(encoded: bytes) -> None:
    """Our batched encoding from shared sheets against the naive loop, same encoder, in float32 and in bfloat16."""
    import torch

    from semclip.relevance.open_clip import load as load_open_clip

    with tempfile.TemporaryDirectory() as folder:
        spec = save_random(ENCODER, Path(folder))
        naive = naive_loop(spec, encoded)
        float32 = load_open_clip(spec, dtype=torch.float32)
        bfloat16 = load_open_clip(spec, dtype=torch.bfloat16)
    slow, batched, halved = in_turn(naive, selecting(float32, encoded), selecting(bfloat16, encoded), turns=3)
    show(f"naive loop / ours, {ENCODER}, {CROPS} crops, float32", slow, batched)
    show(f"naive loop / ours, {ENCODER}, {CROPS} crops, bfloat16", slow, halved)
    ours = SemClip(float32, Windows())
    ours.select(encoded, QUESTION)
    image = load(encoded)
    first, again = in_turn(selecting(float32, encoded), lambda: ours.select(image, QUESTION), turns=3)
    show(f"first question / a further one, {ENCODER}", first, again)
    show(f"naive loop / a further question, {ENCODER}", slow, again)
    shipped = load_embedded()
    slow, whole = in_turn(naive, lambda: SemClip(shipped).select(encoded, QUESTION), turns=3)
    show(f"naive loop, {ENCODER}, {CROPS} crops / whole embedded selection", slow, whole)


def selecting(relevance: Relevance, encoded: bytes) -> Callable[[], object]:
    """A selection from bytes with nothing cached."""
    return lambda: SemClip(relevance, Windows()).select(encoded, QUESTION)


def save_random(model: str, folder: Path) -> str:
    """A `local-dir:` spec of an open_clip model with random weights: speed does not depend on their values."""
    import open_clip
    from safetensors.torch import save_file

    made = open_clip.create_model(model)
    config = {"model_cfg": open_clip.get_model_config(model), "preprocess_cfg": made.visual.preprocess_cfg}
    (folder / "open_clip_config.json").write_text(json.dumps(config))
    save_file(
        {name: value.contiguous() for name, value in made.state_dict().items()}, folder / "open_clip_model.safetensors"
    )
    return f"local-dir:{folder}"


def naive_loop(spec: str, encoded: bytes) -> Callable[[], object]:
    """Decode, then crop, preprocess and encode one by one."""
    import open_clip
    import torch

    model, preprocess = open_clip.create_model_from_pretrained(spec)
    model.eval()
    text = open_clip.get_tokenizer(spec)([QUESTION])

    def once() -> Any:
        picture = decoded(encoded)
        with torch.inference_mode():
            query = model.encode_text(text, normalize=True)
            rows = [
                model.encode_image(preprocess(picture.crop(astuple(box)))[None], normalize=True)
                for box in windows(Size(*picture.size), CROPS)
            ]
            return (torch.cat(rows) @ query.T).topk(3, dim=0)

    return once


def in_turn(*calls: Callable[[], object], turns: int = TURNS) -> list[float]:
    """Median seconds of each call; A B A B ..., so that a machine's drift meets all alike."""
    seconds: list[list[float]] = [[] for _ in calls]
    for _ in range(turns):
        for call, taken in zip(calls, seconds, strict=True):
            start = time.perf_counter()
            call()
            taken.append(time.perf_counter() - start)
    return [statistics.median(taken) for taken in seconds]


def show(what: str, above: float, below: float, *, digits: int = 1) -> None:
    """One line on stdout."""
    sys.stdout.write(f"{above / below:8.{digits}f} x  {what}  ({above * 1e3:.0f} ms / {below * 1e3:.1f} ms)\n")
    sys.stdout.flush()


def show_memory(what: str, encoded: bytes) -> None:
    """Peak resident memory of a fresh process that selects once (Linux).

    VmHWM and not ru_maxrss: the latter counts what the parent held when it started the process.
    """
    code = (
        "import sys; from semclip import SemClip; from semclip.images import Limits, load;"
        "SemClip().select(load(sys.stdin.buffer.read(), limits=Limits(pixels=200_000_000)), 'the bus');"
        "print(next(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')))"
    )
    done = subprocess.run([sys.executable, "-c", code], input=encoded, check=True, capture_output=True)
    sys.stdout.write(f"{int(done.stdout) / 1024:8.0f} MiB peak memory: {what}\n")


def jpeg(picture: pillow.Image) -> bytes:
    """The picture as a camera would store it."""
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def decoded(encoded: bytes) -> pillow.Image:
    """What PIL gives, fully decoded."""
    picture = pillow.open(io.BytesIO(encoded))
    picture.load()
    return picture


def run(command: list[str]) -> None:
    """A process to its end; its output is not wanted."""
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
