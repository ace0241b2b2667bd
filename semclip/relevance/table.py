"""The ψ that can be named on a command line. Python callers need no table: they pass objects."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module

from semclip.errors import InputError
from semclip.protocols import Relevance


@dataclass(frozen=True, slots=True)
class Entry:
    """Where a ψ is made ("module:function", imported on use) and what it is, in one line."""

    target: str
    about: str


TABLE = {
    "center": Entry("semclip.relevance.baselines:Center", "baseline: the middle quarter of the image"),
    "embedded": Entry("semclip.relevance.embedded:load", "the ψ shipped with semclip; ONNX Runtime, no torch"),
    "hf:": Entry("semclip.relevance.hf:load", "CLIP, SigLIP or SigLIP 2 from a folder or a hub id, e.g. hf:DIR"),
    "open_clip:": Entry("semclip.relevance.open_clip:load", "open_clip model, e.g. open_clip:ViT-B-32/openai"),
    "oracle": Entry("semclip.relevance.baselines:no_evidence", "upper bound: knows the evidence; `eval` only"),
    "phrases:": Entry("semclip.relevance.phrased:load", "another ψ, asked for the thing that the question names"),
    "random": Entry("semclip.relevance.baselines:Random", "baseline: chance, the same for the same image and question"),
    "tiles": Entry("semclip.relevance.baselines:Tiles", "baseline: the four 2x2 tiles, in reading order"),
    "vlm:": Entry("semclip.relevance.vlm:load", "a VLM's own attention, likelihood or embedding: vlm:attention:DIR"),
}
"""A name that ends in a colon takes what follows the colon as its argument."""


def load_relevance(name: str) -> Relevance:
    """The ψ called `name`: one of `TABLE`, with an argument after the colon where the table's name ends in one.

    Raises: InputError where no such name exists; MissingExtra or ModelError where it cannot be loaded.
    """
    head, colon, argument = name.partition(":")
    entry = TABLE.get(head + colon)
    if entry is None or (colon and not argument):
        raise InputError(f"psi needs one of {', '.join(TABLE)}; got {name!r}")
    module, function = entry.target.split(":")
    make = getattr(import_module(module), function)
    relevance: Relevance = make(argument) if colon else make()
    return relevance
