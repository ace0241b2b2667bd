"""The ψ that can be named on a command line. Python callers need no table: they pass objects."""

from __future__ import annotations

import os
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

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
    "hub:": Entry("semclip.relevance.hub:from_hub", "a trained ψ on the Hugging Face hub: hub:ORG/NAME"),
    "open_clip:": Entry("semclip.relevance.open_clip:load", "open_clip model, e.g. open_clip:ViT-B-32/openai"),
    "oracle": Entry("semclip.relevance.baselines:no_evidence", "upper bound: knows the evidence; `eval` only"),
    "phrases:": Entry("semclip.relevance.phrased:load", "another ψ, asked for the thing that the question names"),
    "random": Entry("semclip.relevance.baselines:Random", "baseline: chance, the same for the same image and question"),
    "tiles": Entry("semclip.relevance.baselines:Tiles", "baseline: the four 2x2 tiles, in reading order"),
    "vlm:": Entry("semclip.relevance.vlm:load", "a VLM's own attention, likelihood or embedding: vlm:attention:DIR"),
}
"""A name that ends in a colon takes what follows the colon as its argument."""

FOLDER = Entry("semclip.relevance.checkpoint:load", "a folder that semclip train wrote")
"""A name that is not in the table may be a folder's."""


def load_relevance(name: str) -> Relevance:
    """The ψ called `name`: one of `TABLE`, with an argument after the colon where its name ends in one; or a folder.

    Raises: InputError where no such name exists; MissingExtra or ModelError where it cannot be loaded.
    """
    head, colon, argument = name.partition(":")
    entry = TABLE.get(head + colon)
    if entry is None and _is_folder(name):
        return _make(FOLDER, name)
    if entry is None or (colon and not argument):
        raise InputError(f"psi needs one of {', '.join(TABLE)}, or a folder that semclip train wrote; got {name!r}")
    return _make(entry, *[argument] if colon else [])


def _is_folder(name: str) -> bool:
    """Whether a name means a folder: any where a path is given, else one that holds a configuration."""
    return Path(name).is_dir() if "/" in name or os.sep in name else bool(name) and Path(name, "config.json").is_file()


def _make(entry: Entry, *arguments: str) -> Relevance:
    module, function = entry.target.split(":")
    relevance: Relevance = getattr(import_module(module), function)(*arguments)
    return relevance
