"""What config.json of a ψ's folder holds, and the names of the files beside it.

Strict: an unknown, missing or misshapen entry is an error that names it. Knows nothing of weights and graphs.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from semclip.errors import ModelError, reason
from semclip.files import write_atomic

FORMAT, VERSION = "semclip psi", 2
CONFIG, WEIGHTS, TOKENIZER, README = "config.json", "model.safetensors", "tokenizer.json", "README.md"
IMAGE, TEXT, JOINT = "image.onnx", "text.onnx", "joint.onnx"
_MOST_TOKENS, _MOST_SIDE_PX, _MOST_AREA_PX = 4096, 4096, 64_000_000
_LARGEST = 1e38


@dataclass(frozen=True, slots=True)
class DenseSettings:
    """How a dense ψ reads a picture: its network's `stride` and `area_px` of input; the rest is dense.weigh's."""

    stride: int
    area_px: int
    sharpness: float
    size_weight: float

    def __post_init__(self) -> None:
        _require("stride", self.stride, _whole(self.stride, 1, 32) and 32 % self.stride == 0, "a divisor of 32")
        _require("area_px", self.area_px, _whole(self.area_px, 1024, _MOST_AREA_PX), "a whole number of at least 1024")
        for name, value in (("sharpness", self.sharpness), ("size_weight", self.size_weight)):
            _require(name, value, _finite(value) and value >= 0, "a finite number >= 0")


@dataclass(frozen=True, slots=True)
class CropSettings:
    """How a ψ that encodes crop by crop reads and scores them: the input's sides, and scale and bias of the cosine.

    `mean` and `std` of the channels in 0..1 are for the record: the graph normalises.
    """

    width: int
    height: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    logit_scale: float
    logit_bias: float

    def __post_init__(self) -> None:
        for name, side in (("width", self.width), ("height", self.height)):
            _require(name, side, _whole(side, 1, _MOST_SIDE_PX), f"a whole number in 1..{_MOST_SIDE_PX}")
        for name, values in (("mean", self.mean), ("std", self.std)):
            three = isinstance(values, tuple) and len(values) == 3 and all(map(_finite, values))
            _require(name, values, three, "three finite numbers")
        _require("logit_scale", self.logit_scale, _finite(self.logit_scale) and self.logit_scale > 0, "a number > 0")
        _require("logit_bias", self.logit_bias, _finite(self.logit_bias), "a finite number")


@dataclass(frozen=True, slots=True)
class TextSettings:
    """How a question becomes ids: at most `most_tokens`, padded with `pad_id` on the right up to `pad_to`.

    `lower`: in lower case. `marks`: with the tokenizer's own marks of start and end, which count as tokens and stay.
    """

    most_tokens: int
    pad_to: int | None
    pad_id: int
    lower: bool
    marks: bool

    def __post_init__(self) -> None:
        most, pad = self.most_tokens, self.pad_to
        _require("most_tokens", most, _whole(most, 1, _MOST_TOKENS), f"a whole number in 1..{_MOST_TOKENS}")
        _require("pad_to", pad, pad is None or _whole(pad, most, _MOST_TOKENS), "null or a whole number >= most_tokens")
        _require("pad_id", self.pad_id, _whole(self.pad_id, 0, 2**31 - 1), "a whole number >= 0")
        for name, value in (("lower", self.lower), ("marks", self.marks)):
            _require(name, value, type(value) is bool, "true or false")


@dataclass(frozen=True, slots=True)
class JointSettings:
    """Which boxes a joint reader reads: the towers' `rerank` best, null for all.

    Of two of them neither holds more than a share `overlap` of the smaller one.
    """

    rerank: int | None
    overlap: float

    def __post_init__(self) -> None:
        most, share = self.rerank, self.overlap
        _require("rerank", most, most is None or _whole(most, 1, 10_000), "null or a whole number >= 1")
        _require("overlap", share, _finite(share) and 0 <= share <= 1, "a number in 0..1")


@dataclass(frozen=True, slots=True)
class Config:
    """A ψ's configuration.

    `model` builds the torch module again: free JSON, read by training. `joint` is there where a joint reader is.
    `trained` is what the trainer tells of data, objective and figures. `files`: SHA-256 of each file beside.
    """

    encoder: DenseSettings | CropSettings
    text: TextSettings
    model: Mapping[str, Any] = field(default_factory=dict)
    joint: JointSettings | None = None
    trained: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """Of the encoder."""
        return "dense" if isinstance(self.encoder, DenseSettings) else "crops"

    @property
    def architecture(self) -> str:
        return "dual" if self.joint is None else "joint"

    @property
    def needed(self) -> tuple[str, ...]:
        """The names of the files that must be beside config.json."""
        return (WEIGHTS, IMAGE, TEXT, TOKENIZER) if self.joint is None else (WEIGHTS, IMAGE, TEXT, JOINT, TOKENIZER)

    @property
    def fingerprint(self) -> str:
        """Hex hash of all that decides features and scores: everything but `trained`."""
        decisive = {name: value for name, value in self.to_dict().items() if name != "trained"}
        return hashlib.blake2b(json.dumps(decisive, sort_keys=True).encode(), digest_size=16).hexdigest()

    def to_dict(self) -> dict[str, Any]:
        """As config.json holds it."""
        return {
            "format": FORMAT,
            "version": VERSION,
            "architecture": self.architecture,
            "encoder": self.kind,
            self.kind: asdict(self.encoder),
            "text": asdict(self.text),
            "model": dict(self.model),
            "joint": None if self.joint is None else asdict(self.joint),
            "trained": dict(self.trained),
            "files": dict(self.files),
        }


def read_config(folder: str | Path) -> Config:
    """The configuration in `folder`. Raises: ModelError for a missing or malformed one."""
    path = Path(folder) / CONFIG
    try:
        config = _config(json.loads(path.read_bytes(), object_pairs_hook=unique))
        json.dumps(config.to_dict(), allow_nan=False)  # json.loads takes NaN, and 1e999 for infinity
        return config
    # RecursionError: JSON nested without end.
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(f"a psi needs a readable {path}: {reason(error)}") from error
    except ModelError as error:
        raise ModelError(f"a psi needs a well-formed {path}: {error}") from error


def write_config(folder: Path, config: Config) -> None:
    """Nothing; config.json then holds `config` with the hashes of the files beside it, which must be there by now.

    Raises: ModelError for a missing file, and for values that are not plain and finite JSON.
    """
    files = {name: file_hash(folder / name) for name in config.needed}
    try:
        text = json.dumps(replace(config, files=files).to_dict(), indent=2, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ModelError(f"config.json needs plain and finite values: {reason(error)}") from error
    write_atomic(folder / CONFIG, f"{text}\n".encode())


def file_hash(path: Path) -> str:
    """The SHA-256 of a file in hex. Raises: ModelError where it cannot be read."""
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ModelError(f"a psi needs a readable {path.name} in {path.parent}: {reason(error)}") from error


def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The dictionary of a JSON object's entries; ValueError where one comes twice. For `json.loads`."""
    entries = dict(pairs)
    if len(entries) < len(pairs):
        raise ValueError("an entry comes twice")
    return entries


def _config(given: Any) -> Config:
    head = given if isinstance(given, dict) else {}
    _require("format", head.get("format"), head.get("format") == FORMAT, f"{FORMAT!r}")
    version = head.get("version")
    _require(
        "version",
        version,
        _whole(version, VERSION, VERSION),
        f"{VERSION} (train older ones again; a newer semclip reads newer ones)",
    )
    kinds: dict[str, type[DenseSettings | CropSettings]] = {"dense": DenseSettings, "crops": CropSettings}
    kind = str(head.get("encoder"))
    _require("encoder", kind, kind in kinds, "dense or crops")
    names = ("format", "version", "architecture", "encoder", kind, "text", "model", "joint", "trained", "files")
    _exactly("the file", head, names)
    config = Config(
        encoder=_record(kinds[kind], kind, head[kind]),
        text=_record(TextSettings, "text", head["text"]),
        model=_object("model", head["model"]),
        joint=None if head["joint"] is None else _record(JointSettings, "joint", head["joint"]),
        trained=_object("trained", head["trained"]),
        files=_object("files", head["files"]),
    )
    named = head["architecture"]
    _require("architecture", named, named == config.architecture, f"{config.architecture!r}, as `joint` says")
    _exactly("files", config.files, config.needed)
    _require("files", "another value", all(type(one) is str for one in config.files.values()), "a hash for each file")
    return config


def _record(kind: type[Any], name: str, given: Any) -> Any:
    entries = _object(name, given)
    _exactly(name, entries, [one.name for one in fields(kind)])
    return kind(**{key: tuple(value) if isinstance(value, list) else value for key, value in entries.items()})


def _object(name: str, given: Any) -> dict[str, Any]:
    _require(name, given, isinstance(given, dict), "an object")
    entries: dict[str, Any] = given
    return entries


def _exactly(name: str, given: Mapping[str, Any], wanted: Any) -> None:
    missing, unknown = sorted(set(wanted) - set(given)), sorted(set(given) - set(wanted))
    if missing or unknown:
        raise ModelError(
            f"{name} needs {', '.join(wanted)}; missing: {missing or 'none'}, unknown: {unknown or 'none'}"
        )


def _require(name: str, given: Any, right: bool, wanted: str) -> None:
    if not right:
        raise ModelError(f"{name} needs to be {wanted}, got {given!r:.100}")


def _whole(value: Any, least: int, most: int) -> bool:
    return type(value) is int and least <= value <= most


def _finite(value: Any) -> bool:
    """Whether it is a number that float32 holds."""
    return type(value) in (int, float) and abs(value) <= _LARGEST
