"""Which model is asked, and on what terms, as a command line says it."""

from __future__ import annotations

from dataclasses import astuple, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from semclip.cli.terminal import UsageError

if TYPE_CHECKING:
    from semclip.protocols import Relevance
    from semclip.vlm import VLM

Vlm = Annotated[str | None, typer.Option(help="A Hugging Face model: a hub id or a folder.")]
BaseUrl = Annotated[str | None, typer.Option(help="Or an OpenAI-compatible server; its key is OPENAI_API_KEY.")]
Model = Annotated[str | None, typer.Option(help="The server's name for the model.")]
FamilyName = Literal[
    "llava-1.5",
    "llava-next",
    "llava-onevision",
    "qwen2-vl",
    "qwen2.5-vl",
    "qwen3-vl",
    "smolvlm",
    "smolvlm-500m",
    "idefics3",
    "internvl",
    "gemma3",
]
Family = Annotated[
    FamilyName | None, typer.Option(help="What the server's model is, for how it sees crops and at what cost.")
]
Timeout = Annotated[float | None, typer.Option(help="Seconds that the server may be silent.  [default: 300]")]
Device = Annotated[str | None, typer.Option(help="Where --vlm runs: cpu, cuda, auto.")]
Dtype = Annotated[
    str | None,
    typer.Option(
        help="What --vlm computes in: bfloat16, float32, auto.  [default: as stored, or float32 on a CPU slow in that]"
    ),
]
FusionName = Literal["append", "montage", "ensemble", "pairs"]
Fusion = Annotated[FusionName | None, typer.Option(help="How crops are shown.  [default: as suits the model]")]
MaxVisualTokens = Annotated[int | None, typer.Option(min=1, help="For overview and crops together.")]


@dataclass(frozen=True, slots=True)
class Source:
    """Where a model is: in a folder, on a hub, or behind a server."""

    vlm: str | None
    base_url: str | None
    model: str | None
    family: FamilyName | None
    timeout_s: float | None
    device: str | None
    dtype: str | None

    @property
    def named(self) -> bool:
        """Whether the command line says anything of a model."""
        return any(value is not None for value in astuple(self))

    def check(self) -> None:
        """Nothing; UsageError where the options do not name one model."""
        if "" in astuple(self):
            raise UsageError("an option that names a model needs a value, got an empty one")
        if (self.vlm is None) == (self.base_url is None):
            raise UsageError("exactly one of --vlm and --base-url is needed")
        if (self.model is None) != (self.base_url is None):
            raise UsageError("--base-url and --model go together")
        if self.base_url is not None and (self.device or self.dtype):
            raise UsageError("--device and --dtype are for --vlm")
        if self.vlm is not None and (self.family or self.timeout_s is not None):
            raise UsageError("--family and --timeout are for --base-url")

    def open(self) -> VLM:
        """The model, ready to be asked."""
        from semclip import vlm

        if self.vlm is not None:
            given = {"device_map": self.device, "dtype": self.dtype}
            return vlm.load(self.vlm, **{name: value for name, value in given.items() if value is not None})
        from semclip.adapters.server import ServerOptions

        options = ServerOptions(family=self.family)
        if self.timeout_s is not None:
            options = replace(options, timeout_s=self.timeout_s)
        return vlm.connect(self.base_url or "", model=self.model or "", options=options)


@dataclass(frozen=True, slots=True)
class Terms:
    """How crops are chosen and shown."""

    psi: str
    k: int
    fusion: FusionName | None = None
    max_visual_tokens: int | None = None
    gate: Path | None = None
    min_gain: float = 0

    def open(self, where: Source) -> VLM:
        """The model on these terms. What is quick to read, and may be wrong, is read before the model is loaded."""
        from semclip.adapters.fusion import Showing
        from semclip.relevance.table import load_relevance
        from semclip.selection import Choice, Gate

        gate = None if self.gate is None else Gate.read(self.gate)
        showing = Showing(fusion=self.fusion, max_visual_tokens=self.max_visual_tokens)
        choice = Choice(k=self.k, min_gain=self.min_gain, gate=gate)
        psi: str | Relevance | None = self.psi
        if self.psi == "embedded":
            psi = None  # every model comes with it
        elif not self.psi.startswith("vlm:"):
            psi = load_relevance(self.psi)
        return where.open().using(psi=psi, choice=choice, showing=showing)
