"""Which model is asked, and on what terms, as a command line says it."""

from __future__ import annotations

from dataclasses import astuple, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from semclip.cli.terminal import UsageError

if TYPE_CHECKING:
    from semclip.vlm import VLM

Vlm = Annotated[str | None, typer.Option(help="A Hugging Face model: a hub id or a folder.")]
BaseUrl = Annotated[str | None, typer.Option(help="Or an OpenAI-compatible server; its key is OPENAI_API_KEY.")]
Model = Annotated[str | None, typer.Option(help="The server's name for the model.")]
Family = Annotated[str | None, typer.Option(help="What the server's model is, to count its visual tokens.")]
Timeout = Annotated[float | None, typer.Option(help="Seconds that the server may be silent.  [default: 300]")]
Device = Annotated[str | None, typer.Option(help="Where --vlm runs: cpu, cuda, auto.")]
Dtype = Annotated[str | None, typer.Option(help="What --vlm computes in: bfloat16, float32, auto.")]
FusionName = Literal["append", "montage", "ensemble"]
Fusion = Annotated[FusionName | None, typer.Option(help="How crops are shown.  [default: as suits the model]")]
MaxVisualTokens = Annotated[int | None, typer.Option(min=1, help="For overview and crops together.")]


@dataclass(frozen=True, slots=True)
class Source:
    """Where a model is: in a folder, on a hub, or behind a server."""

    vlm: str | None
    base_url: str | None
    model: str | None
    family: str | None
    timeout_s: float | None
    device: str | None
    dtype: str | None

    @property
    def named(self) -> bool:
        """Whether the command line says anything of a model."""
        return any(value is not None for value in astuple(self))

    def open(self) -> VLM:
        """The model, ready to be asked."""
        self._check()
        from semclip import vlm

        if self.vlm is not None:
            given = {"device_map": self.device, "dtype": self.dtype}
            return vlm.load(self.vlm, **{name: value for name, value in given.items() if value is not None})
        from semclip.adapters.server import ServerOptions

        options = ServerOptions(family=self.family)
        if self.timeout_s is not None:
            options = replace(options, timeout_s=self.timeout_s)
        return vlm.connect(self.base_url or "", model=self.model or "", options=options)

    def _check(self) -> None:
        if (self.vlm is None) == (self.base_url is None):
            raise UsageError("exactly one of --vlm and --base-url is needed")
        if (self.model is None) != (self.base_url is None):
            raise UsageError("--base-url and --model go together")
        if self.base_url is not None and (self.device or self.dtype):
            raise UsageError("--device and --dtype are for --vlm")
        if self.vlm is not None and (self.family or self.timeout_s is not None):
            raise UsageError("--family and --timeout are for --base-url")


@dataclass(frozen=True, slots=True)
class Terms:
    """How crops are chosen and shown."""

    psi: str
    k: int
    fusion: FusionName | None = None
    max_visual_tokens: int | None = None
    gate: Path | None = None

    def apply(self, vlm: VLM) -> VLM:
        """The same model on these terms."""
        from semclip.adapters.fusion import Showing
        from semclip.selection import Choice, Gate

        gate = None if self.gate is None else Gate.read(self.gate)
        showing = Showing(fusion=self.fusion, max_visual_tokens=self.max_visual_tokens)
        return vlm.using(psi=self.psi, choice=Choice(k=self.k, gate=gate), showing=showing)
