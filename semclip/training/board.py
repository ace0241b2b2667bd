"""What a run tells while it goes: curves for TensorBoard, and every step to whoever draws a progress bar."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Self, final

from semclip.errors import MissingExtra

try:
    from torch.utils.tensorboard import SummaryWriter
except ModuleNotFoundError as missing:
    raise MissingExtra(missing.name or "tensorboard", extra="train") from missing


@final
class Board:
    """A runs.Listener that writes event files to `folder`, none before the first step.

    `advance` gets (done, in all) after every step and every part of what comes before the first; `tell` a line at first
    and after every measurement. Leave it as a context manager, so that all is written.
    """

    def __init__(self, folder: Path, advance: Callable[[int, int], None], tell: Callable[[str], None]) -> None:
        self._folder, self._advance, self._tell = folder, advance, tell
        self._writer: SummaryWriter | None = None
        self._last = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._writer:
            self._writer.close()

    def begin(self, line: str, /) -> None:
        self._tell(line)

    def went_on(self, done: int, parts: int, /) -> None:
        self._advance(done, parts)

    def step(self, done: int, steps: int, values: Mapping[str, float], /) -> None:
        for name, value in values.items():
            self._write(name if name == "rate" else f"loss/{name}", value, done)
        self._last = f"step {done} of {steps}, loss {values['all']:.3f}"
        self._advance(done, steps)

    def measured(self, done: int, value: float, /) -> None:
        self._write("dev/hit@2", value, done)
        self._tell(f"{self._last}, dev hit@2 {value:.3f}")

    def _write(self, name: str, value: float, step: int) -> None:
        if self._writer is None:
            # A run that goes on does some steps again: what was said of them goes.
            self._writer = SummaryWriter(str(self._folder), purge_step=step, flush_secs=10)
        self._writer.add_scalar(name, value, step)
