"""The shape of the package: sizes, names, annotations, public names, light import."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import semclip

ROOT = Path(__file__).parent.parent
SOURCES = sorted((ROOT / "semclip").rglob("*.py"))
FORBIDDEN_MODULES = {"utils", "util", "common", "helpers", "helper", "manager", "misc", "core", "base"}
HEAVY = ("torch", "transformers", "open_clip", "onnxruntime", "numpy", "PIL")

PUBLIC_NAMES = [
    "Adapter",
    "Answer",
    "AsyncStream",
    "Box",
    "CacheError",
    "Choice",
    "Completion",
    "Decoding",
    "DiskCache",
    "Gate",
    "GeometryError",
    "ImageError",
    "ImageLimitError",
    "InputError",
    "Limits",
    "LogError",
    "MalformedAnswer",
    "MemoryCache",
    "MissingExtra",
    "Mixture",
    "ModelError",
    "OutOfMemory",
    "Picture",
    "Prompt",
    "Proposer",
    "Regions",
    "Relevance",
    "Scored",
    "Selection",
    "SemClip",
    "SemclipError",
    "ServerError",
    "ServerOptions",
    "ServerRefusal",
    "ServerTimeout",
    "ServerUnreachable",
    "Showing",
    "Size",
    "Stream",
    "Style",
    "TooManyPictures",
    "UnknownModel",
    "Usage",
    "VLM",
    "Wording",
    "__version__",
    "connect",
    "grid",
    "load",
    "load_relevance",
    "pyramid",
    "wrap",
]

Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions(path: Path) -> Iterator[Function]:
    return (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, Function))


def too_long(function: Function) -> bool:
    return function.end_lineno is not None and function.end_lineno - function.lineno >= 50


def parameters(function: Function) -> list[ast.arg]:
    arguments = function.args
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    return [argument for argument in every if argument.arg not in ("self", "cls")]


def is_command(function: Function) -> bool:
    """A function that typer turns into a command: its parameters are the command line's, not a caller's."""
    return any(isinstance(mark, ast.Call) and "command" in ast.unparse(mark.func) for mark in function.decorator_list)


def loaded_by(statement: str) -> set[str]:
    """The heavy modules that a fresh process holds after `statement`."""
    script = f"import sys; {statement}; print(*[name for name in {HEAVY!r} if name in sys.modules])"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    return set(run.stdout.split())


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_keeps_its_size_and_its_functions_theirs(path: Path) -> None:
    assert path.stem not in FORBIDDEN_MODULES
    assert len(path.read_text().splitlines()) <= 400
    assert [function.name for function in functions(path) if too_long(function)] == []


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_function_takes_few_parameters_and_annotates_all(path: Path) -> None:
    plain = [function for function in functions(path) if not is_command(function)]
    assert [function.name for function in plain if len(parameters(function)) > 5] == []
    assert [function.name for function in functions(path) if function.returns is None] == []
    assert [
        argument.arg for function in plain for argument in parameters(function) if argument.annotation is None
    ] == []


def test_functions_are_short_by_habit() -> None:
    lengths = sorted((f.end_lineno or f.lineno) - f.lineno + 1 for path in SOURCES for f in functions(path))
    assert lengths[len(lengths) // 2] <= 8
    assert lengths[len(lengths) * 9 // 10] <= 25


def test_the_public_names_are_these() -> None:
    assert sorted(semclip.__all__) == PUBLIC_NAMES == dir(semclip)


@pytest.mark.parametrize("name", PUBLIC_NAMES)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(semclip, name) is not None


def test_no_other_name_is() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Nothing'"):
        semclip.Nothing  # noqa: B018


def test_the_import_is_light() -> None:
    assert loaded_by("import semclip") == set()


def test_the_command_line_starts_light() -> None:
    assert loaded_by("import semclip.cli") == set()


def test_the_light_import_test_can_fail() -> None:
    assert loaded_by("import semclip; semclip.Regions") == {"numpy"}
