"""A training run, from mined folders to the folder of a ψ."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any, Protocol

import torch
from filelock import FileLock, Timeout
from torch import nn

from semclip.devices import fast_dtype
from semclip.errors import InputError, ModelError
from semclip.files import check_place, save_folder, write_atomic
from semclip.mining.rewards import POSITIVE
from semclip.mining.store import MinedRow, read_mined
from semclip.relevance.checkpoint import CONFIG, README, read_config, write_config
from semclip.relevance.table import load_relevance
from semclip.training.altered import Alterations
from semclip.training.bases import Start, base_folder, open_base, stamp
from semclip.training.card import Facts, Figure, model_card
from semclip.training.learner import Batch, Learner
from semclip.training.loop import Parts, Precision, Schedule, Watch, Work, fit, is_first, processes, take_device
from semclip.training.measure import Measured, judge, measure, spread
from semclip.training.objectives import Objective, contrastive
from semclip.training.rows import agreed, together
from semclip.training.sampling import Limits, Sampler, shots, whole

RUN, LOCK = "run.json", ".lock"
PATIENCE_S = 15.0
"""For the lock: where a run was killed, the processes that prepare its batches hold on to it some seconds longer."""

_RATES = {"joint": 1e-3, "heads": 1e-3, "lora": 1e-3, "full": 3e-4}
_DEV_PICTURES = 100


@dataclass(frozen=True, slots=True)
class TrainConfig:
    """What is trained from what, and how. A `rate` or `boxes` of None is one that suits what is trained.

    `pictures`: in a batch. `boxes`: of a picture in a batch, at most. `dev_share`: of the pictures, held out to measure
    on where no row of split dev has a positive. `agree`: whether a positive counts only as far as the question's other
    crops and the base bear it out.
    Raises: InputError for numbers that no run can have.
    """

    start: Start = field(default_factory=Start)
    objective: Objective = field(default_factory=Objective)
    epochs: int = 20
    rate: float | None = None
    pictures: int = 6
    boxes: int | None = None
    accumulate: int = 1
    precision: Precision = "no"
    patience: int | None = 8
    dev_share: float = 0.1
    agree: bool = False
    seed: int = 0
    workers: int = 0

    def __post_init__(self) -> None:
        self.schedule(1, 1)

    def schedule(self, batches_an_epoch: int, processes: int) -> Schedule:
        """The run's schedule, where so many batches show every picture once to one process."""
        an_epoch = max(1, round(batches_an_epoch / max(1, self.accumulate) / processes))
        suits = _RATES["joint" if self.start.architecture == "joint" else self.start.tune]
        return Schedule(
            steps=an_epoch * self.epochs,
            rate=suits if self.rate is None else self.rate,
            every=an_epoch,
            accumulate=self.accumulate,
            precision=self.precision,
            patience=self.patience,
            seed=self.seed,
            workers=self.workers,
        )


@dataclass(frozen=True, slots=True)
class Rows:
    """What a run learns from and is measured on, which readers judged it, and the hashes of all that was mined.

    `others`: how many rows are of splits that are neither.
    """

    train: Sequence[MinedRow]
    dev: Sequence[MinedRow]
    others: Mapping[str, int]
    readers: tuple[str, ...]
    hashes: tuple[str, ...]

    def __str__(self) -> str:
        """How many rows there are of each kind."""
        parts = [f"{len(self.train):,} rows to train on", f"{len(self.dev):,} to measure on"]
        return ", ".join([*parts, *(f"{count:,} of split {name!r} left out" for name, count in self.others.items())])


class Listener(Watch, Protocol):
    """A Watch that is also told what the run works on."""

    def begin(self, line: str, /) -> None:
        """Before something is computed that takes long."""
        ...

    def went_on(self, done: int, parts: int, /) -> None:
        """While that is computed."""
        ...


def read_rows(mined: Sequence[Path], *, images: Path | None = None, dev_share: float = 0.1) -> Rows:
    """The rows of mined folders, by the splits of the log: `train` or none, and those of `dev` that have a positive.

    What several folders know of a question is put together. Without any of dev, a share of the pictures is held out in
    their stead.
    Raises: InputError for a folder that is not mined, and where nothing is left to learn from.
    """
    found = [read_mined(folder, images=images) for folder in mined]
    rows = together(row for one in found for row in one.rows)
    train = [row for row in rows if row.split in (None, "train")]
    dev = [row for row in rows if row.split == "dev" and row.positives]
    if not dev:
        dev = [row for row in train if _held_out(row.digest, dev_share) and row.positives]
        train = [row for row in train if not _held_out(row.digest, dev_share)]
    others = Counter(row.split for row in rows if row.split is not None and row.split not in ("train", "dev"))
    readers = tuple(dict.fromkeys(one.meta["job"]["reader"]["name"] for one in found))
    sorted_out = Rows(train, dev, others, readers, tuple(shard for one in found for shard in one.meta["shards"]))
    if not any(row.positives for row in train):
        raise InputError(f"training needs rows of split train with a positive box, got none: {sorted_out}")
    return sorted_out


def _held_out(digest: str, share: float) -> bool:
    return int(hashlib.sha256(digest.encode()).hexdigest()[:8], 16) < share * 16**8


def train(
    mined: Sequence[Path], out: Path, config: TrainConfig, *, images: Path | None = None, watch: Listener
) -> Facts | None:
    """What was made: the folder `out` is then a ψ. None in all processes of a shared run but the first.

    What the run needs to go on after a kill lies beside it, in `run_folder(out)`.
    Raises: InputError where there is nothing to learn from, or another run or process has that folder; ModelError where
    the base cannot be loaded or the run diverges.
    """
    rows = read_rows(mined, images=images, dev_share=config.dev_share)
    _check_place(out, config.start.base)
    with claimed(run_folder(out), _decisive(config, rows)):
        return _train(rows, out, config, watch)


def _train(rows: Rows, out: Path, config: TrainConfig, watch: Listener) -> Facts | None:
    folder, device = run_folder(out), take_device()
    if is_first():
        watch.begin(str(rows))
        if config.precision == "bf16" and fast_dtype(device) != torch.bfloat16:
            watch.begin(f"this {device.type} does not multiply bfloat16 in hardware: without --precision it is faster")
    if config.agree:
        rows = _agreed(rows, config.start.base, watch)
    learner = open_base(config.start, folder=folder / "features", seed=config.seed)
    config = _settled(config, learner)
    sampler = _sampler(learner, rows, config)
    dev = rows.dev if is_first() else ()
    learner.prepare(whole(sampler.shots) + whole(shots(dev)))
    rehearse(learner)
    before = measure(learner.psi(), dev)
    schedule = config.schedule(sampler.per_epoch, processes())
    fit(learner.module, _work(learner, sampler, rows, config), schedule, folder=folder, watch=watch)
    if not is_first():
        return None
    facts = _facts(config, rows, sampler, before=before, after=measure(learner.psi(), dev))
    return save(learner, out, facts)


def _agreed(rows: Rows, base: str, watch: Listener) -> Rows:
    """The same with rewards that bear each other out, and on `train` that the base finds likely."""
    doubted = [row for row in rows.train if row.positives]
    if is_first():
        watch.begin(f"asking {base} about the positives of {len(doubted):,} rows")
    sure = []
    for row, said in judge(load_relevance(base), doubted):
        sure.append(agreed(row, said.scores))
        if is_first():
            watch.went_on(len(sure), len(doubted))
    without = [row for row in rows.train if not row.positives]
    return replace(rows, train=[*sure, *without], dev=[agreed(row) for row in rows.dev])


def _check_place(out: Path, base: str) -> None:
    """Nothing where a ψ may be put: hours of training must not end in an error, nor in the place of something else."""
    own = base_folder(base)
    if own is not None and own.resolve() == out.resolve():
        raise InputError(f"a psi needs a folder of its own, got that of its base, {out}; name another folder")
    try:
        check_place(out)
        if (out / CONFIG).is_file():
            read_config(out)
    except (OSError, ModelError) as error:
        raise InputError(f"a psi needs a folder of its own, got {out}: {error}") from error


def _decisive(config: TrainConfig, rows: Rows) -> dict[str, Any]:
    """All that decides how a run ends."""
    chosen = {name: value for name, value in asdict(config).items() if name != "workers"}
    base = stamp(config.start.base)
    return {"mined": list(rows.hashes), "config": chosen, "base": base, "processes": processes()}


def _settled(config: TrainConfig, learner: Learner) -> TrainConfig:
    """The same, with what was chosen where nothing was given, and without what such a learner cannot do."""
    terms = config.objective
    if config.start.architecture == "joint":
        terms = replace(terms, across=0.0, text=0.0)
    return replace(
        config,
        objective=terms,
        rate=config.schedule(1, 1).rate,
        boxes=learner.most_boxes if config.boxes is None else config.boxes,
        workers=config.workers if learner.in_workers else 0,
    )


def _sampler(learner: Learner, rows: Rows, config: TrainConfig) -> Sampler:
    assert config.boxes is not None  # it is settled
    alterations = Alterations.of(row.question for row in rows.train)
    limits = Limits(config.boxes)
    return Sampler(shots(rows.train), config.pictures, config.seed, learner.kind, alterations, limits)


def run_folder(out: Path) -> Path:
    """Where the run that makes `out` keeps what it needs to go on."""
    place = out.resolve()
    return place.parent / f"{place.name}.run"


@contextmanager
def claimed(folder: Path, run: dict[str, Any]) -> Iterator[None]:
    """A block in which `folder` is this run's alone, new or begun, without the files that killed processes left half.

    Raises: InputError where it is another run's, another process is at work there, or it cannot be made.
    """
    text = json.dumps(run, indent=2, default=str, sort_keys=True) + "\n"
    path = folder / RUN
    with ExitStack() as held:
        try:
            if path.exists() and path.read_text() != text:
                raise InputError(
                    f"{folder} holds another run (other rows or options, see {RUN}); remove it, or choose another -o"
                )
            (folder / "features").mkdir(parents=True, exist_ok=True)
            if is_first():
                held.enter_context(FileLock(folder / LOCK).acquire(timeout=PATIENCE_S))
                for half in folder.glob(".*.tmp"):
                    half.unlink()
                write_atomic(path, text.encode())
        except Timeout as error:
            raise InputError(
                f"a run needs {folder} for itself, and another process is training there; let it end"
            ) from error
        except OSError as error:
            raise InputError(f"training needs a folder that can be written, got {folder}: {error}") from error
        yield


def _work(learner: Learner, sampler: Sampler, rows: Rows, config: TrainConfig) -> Work:
    dev = spread(rows.dev, _DEV_PICTURES, picture=lambda row: row.digest)

    def batch(number: int) -> Batch:
        return learner.collate(sampler(number), Random(f"canvas {config.seed} {number}"))

    def loss(module: nn.Module, batch: Batch) -> Parts:
        return contrastive(module(batch), batch, config.objective)

    return Work(batch, loss, (lambda: measure(learner.psi(), dev).rate(2)) if dev else None)


def rehearse(learner: Learner) -> None:
    """Nothing; saves the ψ as it stands and throws it away: what cannot be saved must fail before hours of training."""
    with TemporaryDirectory() as folder:
        learner.save(Path(folder))


def save(learner: Learner, out: Path, facts: Facts) -> Facts:
    """What the model card says; `out` is then the ψ, whole or not at all.

    Raises: InputError where the folder cannot be written.
    """
    try:
        with save_folder(out) as folder:
            learner.save(folder)
            config = read_config(folder)
            told = replace(facts, name=out.resolve().name, architecture=config.architecture, encoder=config.kind)
            write_config(folder, replace(config, trained=asdict(told)))
            write_atomic(folder / README, model_card(told).encode())
            return told
    except OSError as error:
        raise InputError(f"a psi needs a folder that can be written, got {out}: {error}") from error


def _facts(config: TrainConfig, rows: Rows, sampler: Sampler, *, before: Measured, after: Measured) -> Facts:
    return Facts(
        base=config.start.base,
        reader=", ".join(rows.readers),
        rows=sum(len(shot.questions) for shot in sampler.shots),
        pictures=len(sampler.shots),
        positives=sum(int((shot.rewards >= POSITIVE).sum()) for shot in sampler.shots),
        objective=asdict(config.objective),
        settings=_settings(config),
        figures=tuple(_figure(k, before, after) for k in (1, 2) if len(after.ranks)),
    )


def _settings(config: TrainConfig) -> dict[str, Any]:
    """Everything but the objective, flat, without what has no part in such a run."""
    idle = {"start", "objective", "tune" if config.start.architecture == "joint" else "rerank"}
    if config.start.size_weight is None:
        idle.add("size_weight")
    flat = asdict(config.start) | asdict(config)
    return {name: value for name, value in flat.items() if name not in idle}


def _figure(k: int, before: Measured, after: Measured) -> Figure:
    base, p_value = round(before.rate(k), 4), after.p_value(before, k)
    return Figure(f"hit@{k}", round(after.rate(k), 4), len(after.ranks), after.interval(k), base, p_value)
