"""A training run, from mined folders to the folder of a ψ."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

from torch import nn

from semclip.errors import InputError
from semclip.files import check_place, save_folder, write_atomic
from semclip.mining.store import MinedRow, read_mined
from semclip.relevance.checkpoint import README, read_config, write_config
from semclip.training.altered import Alterations
from semclip.training.bases import Start, open_base, stamp
from semclip.training.card import Facts, Figure, model_card
from semclip.training.learner import Batch, Learner
from semclip.training.loop import Parts, Precision, Schedule, Watch, Work, fit, is_first, processes
from semclip.training.measure import Measured, measure, spread
from semclip.training.objectives import Objective, contrastive
from semclip.training.sampling import Limits, Sampler, shots, whole

RUN = "run.json"
_EPOCHS = 20
_RATES = {"joint": 1e-3, "heads": 1e-3, "lora": 1e-3, "full": 3e-4}
_DEV_PICTURES = 100


@dataclass(frozen=True, slots=True)
class TrainConfig:
    """What is trained from what, and how. `epochs` and `rate` of None are those that suit it.

    `pictures`: in a batch. `boxes`: of a picture in a batch, at most; None for what suits the learner. `dev_share`: of
    the pictures, held out to measure on where no row is of split dev.
    """

    start: Start = field(default_factory=Start)
    objective: Objective = field(default_factory=Objective)
    epochs: int | None = None
    rate: float | None = None
    pictures: int = 6
    boxes: int | None = None
    accumulate: int = 1
    precision: Precision = "no"
    patience: int | None = 8
    dev_share: float = 0.1
    seed: int = 0
    workers: int = 0

    def schedule(self, batches_an_epoch: int, processes: int) -> Schedule:
        """The run's schedule, where so many batches show every picture once to one process."""
        an_epoch = max(1, round(batches_an_epoch / self.accumulate / processes))
        return Schedule(
            steps=an_epoch * (self.epochs or _EPOCHS),
            rate=self.rate or _RATES["joint" if self.start.architecture == "joint" else self.start.tune],
            every=an_epoch,
            accumulate=self.accumulate,
            precision=self.precision,
            patience=self.patience,
            seed=self.seed,
            workers=self.workers,
        )


@dataclass(frozen=True, slots=True)
class Rows:
    """What a run learns from and is measured on, which readers judged it, and the hashes of all that was mined."""

    train: Sequence[MinedRow]
    dev: Sequence[MinedRow]
    readers: tuple[str, ...]
    hashes: tuple[str, ...]


def read_rows(mined: Sequence[Path], *, images: Path | None = None, dev_share: float = 0.1) -> Rows:
    """The rows of mined folders: `train` and `dev` are splits of the log; without dev, a share of pictures is held out.

    Raises: InputError for a folder that is not mined, and where nothing is left to learn from.
    """
    found = [read_mined(folder, images=images) for folder in mined]
    rows = [row for one in found for row in one.rows]
    train, dev = ([row for row in rows if row.split in splits] for splits in ((None, "train"), ("dev",)))
    if not dev:
        dev = [row for row in train if _held_out(row.digest, dev_share)]
        train = [row for row in train if not _held_out(row.digest, dev_share)]
    if not any(row.positives for row in train):
        raise InputError(f"training needs rows with a positive box, got none of {len(train)} rows to train on")
    readers = tuple(dict.fromkeys(one.meta["job"]["reader"]["name"] for one in found))
    return Rows(train, dev, readers, tuple(shard for one in found for shard in one.meta["shards"]))


def _held_out(digest: str, share: float) -> bool:
    return int(hashlib.sha256(digest.encode()).hexdigest()[:8], 16) < share * 16**8


def train(
    mined: Sequence[Path], out: Path, config: TrainConfig, *, images: Path | None = None, watch: Watch
) -> Facts | None:
    """What was made: the folder `out` is then a ψ. None in all processes of a shared run but the first.

    What the run needs to go on after a kill lies beside it, in `run_folder(out)`.
    Raises: InputError where there is nothing to learn from, or another run has that folder; ModelError where the base
    cannot be loaded or the run diverges.
    """
    rows = read_rows(mined, images=images, dev_share=config.dev_share)
    folder = run_folder(out)
    _check_place(out)
    claim(folder, _decisive(config, rows))
    learner = open_base(config.start, folder=folder / "features", seed=config.seed)
    alterations = Alterations.of(row.question for row in rows.train)
    limits = Limits(config.boxes or learner.most_boxes)
    sampler = Sampler(shots(rows.train), config.pictures, config.seed, learner.kind, alterations, limits)
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


def _check_place(out: Path) -> None:
    """Nothing where a ψ may be put: hours of training must not end in an error."""
    try:
        check_place(out)
    except OSError as error:
        raise InputError(f"a psi needs a folder of its own, got {out}: {error}") from error


def _decisive(config: TrainConfig, rows: Rows) -> dict[str, Any]:
    """All that decides how a run ends."""
    chosen = {name: value for name, value in asdict(config).items() if name != "workers"}
    base = stamp(config.start.base)
    return {"mined": list(rows.hashes), "config": chosen, "base": base, "processes": processes()}


def run_folder(out: Path) -> Path:
    """Where the run that makes `out` keeps what it needs to go on."""
    place = out.resolve()
    return place.parent / f"{place.name}.run"


def claim(folder: Path, run: dict[str, Any]) -> None:
    """Nothing; `folder` is then that of this run, new or begun.

    Raises: InputError where it is another run's, or cannot be made.
    """
    text = json.dumps(run, indent=2, default=str, sort_keys=True) + "\n"
    path = folder / RUN
    try:
        if path.exists() and path.read_text() != text:
            raise InputError(
                f"{folder} holds another run (other rows or options, see {RUN}); remove it, or choose another -o"
            )
        (folder / "features").mkdir(parents=True, exist_ok=True)
        write_atomic(path, text.encode())
    except OSError as error:
        raise InputError(f"training needs a folder that can be written, got {folder}: {error}") from error


def _work(learner: Learner, sampler: Sampler, rows: Rows, config: TrainConfig) -> Work:
    dev = spread([row for row in rows.dev if row.positives], _DEV_PICTURES)

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
        positives=sum(row.positives for row in rows.train),
        objective=asdict(config.objective),
        settings=_settings(config),
        figures=tuple(_figure(k, before, after) for k in (1, 2) if len(after.ranks)),
    )


def _settings(config: TrainConfig) -> dict[str, Any]:
    """Everything but the objective, flat, with what was chosen where nothing was given."""
    schedule = config.schedule(1, 1)
    given = {name: value for name, value in asdict(config).items() if name not in ("objective", "start")}
    return asdict(config.start) | given | {"epochs": schedule.steps, "rate": schedule.rate}


def _figure(k: int, before: Measured, after: Measured) -> Figure:
    base, p_value = round(before.rate(k), 4), after.p_value(before, k)
    return Figure(f"hit@{k}", round(after.rate(k), 4), len(after.ranks), after.interval(k), base, p_value)
