"""Where the work is done: in this process, in several, or on a Ray cluster; the work and its order are the same."""

from __future__ import annotations

import logging
import os
import pickle
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from itertools import islice
from multiprocessing import get_context
from typing import Any

from semclip.errors import InputError, MissingExtra, ModelError, SemclipError, reason
from semclip.mining.readers import find_entry
from semclip.mining.work import Done, Task, Tools, Work, mine_task, open_tools

Runner = Callable[[Tools, Iterable[Task]], Iterator[Done]]
"""Yields what became of each task, in order; takes tasks as it goes, so that a log need not fit in memory."""

_AHEAD = 4
"""Tasks that wait for each process: enough that none idles while the oldest one is slow."""
_RAY_WAVE = 2048
"""Tasks that are handed to Ray at a time."""
_WATCH_S = 0.5


def serial(tools: Tools, tasks: Iterable[Task]) -> Iterator[Done]:
    """Yield what became of each task, done in this process."""
    return (mine_task(task, tools) for task in tasks)


@dataclass(frozen=True, slots=True)
class Processes:
    """Runs tasks in `many` processes of this machine, each with tools of its own."""

    many: int

    def __post_init__(self) -> None:
        if self.many < 1:
            raise InputError(f"processes need to be at least 1, got {self.many}")

    def __call__(self, tools: Tools, tasks: Iterable[Task]) -> Iterator[Done]:
        """Yield what became of each task. Raises: SemclipError for what failed there."""
        arguments = (_pickled(tools.work), os.getpid(), max(1, (os.cpu_count() or 1) // self.many))
        context = get_context("spawn")  # a fork would copy the threads' locks of whatever is loaded here
        pool = ProcessPoolExecutor(self.many, mp_context=context, initializer=_begin, initargs=arguments)
        left, waiting = iter(tasks), deque[Future[bytes]]()
        try:
            while True:
                waiting.extend(pool.submit(_run, task) for task in islice(left, self.many * _AHEAD - len(waiting)))
                if not waiting:
                    return
                yield _unpacked(waiting.popleft().result())
        except BrokenProcessPool as error:
            raise ModelError(f"a process that mines was ended from outside; did memory run out? ({error})") from error
        finally:
            pool.shutdown(cancel_futures=True)


def on_ray(tools: Tools, tasks: Iterable[Task]) -> Iterator[Done]:
    """Yield what became of each task, done by Ray Data on the cluster that RAY_ADDRESS names, else on this machine.

    The folder one stands in, pictures and cache have to be at the same place on all machines of the cluster, and
    semclip be installed there. A reader that is a model takes a GPU for each process, where the cluster has any.

    Raises: MissingExtra without Ray, SemclipError for what failed there.
    """
    try:
        import ray.data
    except ModuleNotFoundError as missing:
        raise MissingExtra(missing.name or "ray", extra="ray") from missing
    work, left = _pickled(tools.work), iter(tasks)
    ours = not ray.is_initialized()
    if ours:
        _start(ray)
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    context = ray.data.DataContext.get_current()
    context.execution_options.preserve_order = True
    context.enable_progress_bars = False
    try:
        while wave := list(islice(left, _RAY_WAVE)):
            for row in _ray_rows(ray, tools.work, work, wave):
                yield _unpacked(row["done"])
    finally:
        if ours:
            ray.shutdown()


def _start(ray: Any) -> None:
    try:
        ray.init(include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
    except Exception as error:  # Ray raises no narrower class
        raise ModelError(f"Ray could not be started or reached ({reason(error)}); check RAY_ADDRESS") from error


def _ray_rows(ray: Any, work: Work, pickled: bytes, wave: list[Task]) -> Iterator[dict[str, bytes]]:
    there = ray.cluster_resources()
    wants_gpu = isinstance(work.reader, str) and find_entry(work.reader).gpu and there.get("GPU", 0) >= 1
    most = int(there["GPU"] if wants_gpu else there.get("CPU", 1))
    tasks = ray.data.from_items([{"task": pickle.dumps(task)} for task in wave], override_num_blocks=len(wave))
    done = tasks.map(
        _Worker,
        fn_constructor_args=(pickled, os.getcwd()),
        compute=ray.data.ActorPoolStrategy(min_size=1, max_size=max(1, min(most, len(wave)))),
        num_gpus=1 if wants_gpu else None,
    )
    try:
        yield from done.iter_rows()
    except ray.exceptions.RayError as error:
        raise ModelError(f"Ray could not do the work ({reason(error)})") from error


class _Worker:
    """What an actor of Ray Data is: tools, and a row with a task -> a row with what became of it."""

    def __init__(self, work: bytes, folder: str) -> None:
        os.chdir(folder)  # to which paths of the command line are relative
        self._work = work

    def __call__(self, row: dict[str, bytes]) -> dict[str, bytes]:
        return {"done": _packed(self._work, pickle.loads(row["task"]))}


def _pickled(work: Work) -> bytes:
    try:
        return pickle.dumps(work)
    except Exception as error:  # pickle lets out whatever an object's own methods raise
        raise InputError(f"several processes need a reader and a psi that can be pickled ({reason(error)})") from error


_WORK: list[bytes] = []
"""The work of this process, where it is one of several."""


def _begin(work: bytes, parent: int, threads: int) -> None:
    """Readies a process of a pool: its work, its share of the processors, and an end with its parent's."""
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, str(threads))
    _WORK[:] = [work]
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    # A parent that is killed cannot stop its pool, whose processes would wait for work for ever.
    while os.getppid() == parent:
        time.sleep(_WATCH_S)
    os._exit(1)


def _run(task: Task) -> bytes:
    return _packed(_WORK[0], task)


@cache
def _tools(work: bytes) -> Tools:
    return open_tools(pickle.loads(work))


def _packed(work: bytes, task: Task) -> bytes:
    """What became of the task, or why the work failed, for another process to unpack."""
    try:
        return pickle.dumps(mine_task(task, _tools(work)))
    except SemclipError as error:
        return pickle.dumps(_failure(error))


def _failure(error: SemclipError) -> SemclipError:
    """The error as another process can read it: some are made of more than their message."""
    with suppress(TypeError):
        copy = type(error)(str(error))
        return copy
    return SemclipError(str(error))


def _unpacked(packed: bytes) -> Done:
    found = pickle.loads(packed)
    if isinstance(found, SemclipError):
        raise found
    done: Done = found
    return done
