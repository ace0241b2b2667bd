"""Opening a benchmark of any format from a local copy, and telling which it is."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from semclip.errors import InputError
from semclip.evaluation.datasets.annotations import read_docvqa, read_gqa, read_mme_realworld, read_textvqa
from semclip.evaluation.datasets.items import Dataset, GroupRule, Item, MatcherName
from semclip.evaluation.datasets.lines import read_own, read_pope
from semclip.evaluation.datasets.mmvp import TABLE, read_mmvp
from semclip.evaluation.datasets.vlmevalkit import read_hr_bench, read_vlmevalkit
from semclip.evaluation.datasets.vstar import is_vstar, question_files, read_vstar
from semclip.logs import BadLine
from semclip.logs.lines import unreadable

LOOKED_AT = 2**16
"""Bytes at the beginning of a file that say what its format is."""
HASHED = 2**26
"""Bytes at the beginning of a file that its digest holds."""


@dataclass(frozen=True, slots=True)
class Known:
    """A format: what reads it, what judges its answers, and how a file of it is told.

    `suffixes`: of its files, in lower case. `marks`: what stands at the beginning of each. `by_name`: another matcher
    for files whose name, in lower case, holds a word.
    """

    read: Callable[[Path, Path | None], Iterator[Item | BadLine]]
    matcher: MatcherName
    suffixes: tuple[str, ...] = ()
    marks: tuple[bytes, ...] = ()
    group_rule: GroupRule = "mean"
    by_name: Mapping[str, MatcherName] = field(default_factory=dict)

    def fits(self, suffix: str, beginning: bytes) -> bool:
        return suffix in self.suffixes and all(mark in beginning for mark in self.marks)

    def matcher_for(self, path: Path) -> MatcherName:
        words = (word for word in self.by_name if word in path.stem.lower())
        return next((self.by_name[word] for word in words), self.matcher)


_OPEN_TABLES: dict[str, MatcherName] = {
    "textvqa": "vqa",
    "docvqa": "anls",
    "infovqa": "anls",
    "pope": "yes_no",
    "hallusionbench": "yes_no",
}
"""Tables of VLMEvalKit whose answers are no letters."""

FORMATS: Mapping[str, Known] = {
    "vstar": Known(read_vstar, "choice"),
    "mmvp": Known(read_mmvp, "choice", (".csv",), (b"Options", b"Correct Answer"), "all"),
    "hr-bench": Known(read_hr_bench, "choice", (".tsv",), (b"index", b"cycle_category")),
    "vlmevalkit": Known(read_vlmevalkit, "choice", (".tsv",), (b"index", b"question"), by_name=_OPEN_TABLES),
    "mme-realworld": Known(read_mme_realworld, "choice", (".json",), (b'"Question_id"', b'"Answer choices"')),
    "textvqa": Known(read_textvqa, "vqa", (".json",), (b'"question_id"', b'"image_id"')),
    "docvqa": Known(read_docvqa, "anls", (".json",), (b'"questionId"',)),
    "gqa": Known(read_gqa, "exact", (".json",), (b'"imageId"',)),
    "pope": Known(read_pope, "yes_no", (".json", ".jsonl"), (b'"question_id"', b'"text"', b'"label"')),
    "jsonl": Known(read_own, "exact", (".jsonl", ".ndjson"), (b'"image"', b'"question"')),
}
"""Every format by name, in the order in which `auto` tries them."""


def open_dataset(path: Path, *, format: str = "auto", images: Path | None = None) -> Dataset:
    """The benchmark at `path`, a file or a folder; its rows are read when they are asked for.

    `format`: one of FORMATS, or "auto" to go by what is there. `images`: the folder to which pictures are relative;
    None for where the benchmark has them, beside its file. The name is that of file or folder, but of a file called
    "questions" that of its folder.

    Raises: InputError where `format` is none, "auto" cannot tell it, or nothing readable is there.
    """
    if format != "auto" and format not in FORMATS:
        raise InputError(f"a format needs to be auto, {', '.join(FORMATS)}, got {format!r}")
    try:
        named = _told(path) if format == "auto" else format
        digest = _digest(path, named)
    except OSError as error:
        raise unreadable(path, error) from error
    known = FORMATS[named]
    place = path.resolve()
    name = place.parent.name if place.stem.lower() == "questions" else place.stem
    return Dataset(name, named, known.matcher_for(path), digest, partial(known.read, path, images), known.group_rule)


def _told(path: Path) -> str:
    if path.is_dir():
        found = "mmvp" if (path / TABLE).is_file() else "vstar" if is_vstar(path) else None
    else:
        beginning, suffix = _beginning(path, LOOKED_AT), path.suffix.lower()
        found = next((name for name, known in FORMATS.items() if known.fits(suffix, beginning)), None)
    if found is None:
        raise InputError(f"cannot tell the format of {path}; name it: {', '.join(FORMATS)}")
    return found


def _digest(path: Path, format: str) -> str:
    """Hex hash of the format and of the names, sizes and beginnings of the files that hold the questions."""
    files = [path] if path.is_file() else [path / TABLE] if format == "mmvp" else question_files(path)
    whole = hashlib.sha256(format.encode())
    for file in files or [path]:
        name = file.relative_to(path).as_posix() if path.is_dir() else ""
        whole.update(f"\0{name}\0{file.stat().st_size}\0".encode(errors="surrogateescape"))
        whole.update(_beginning(file, HASHED))
    return whole.hexdigest()


def _beginning(path: Path, size: int) -> bytes:
    with path.open("rb") as file:
        return file.read(size)
