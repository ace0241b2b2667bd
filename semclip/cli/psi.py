"""`semclip psi`: what can score crops."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from semclip.cli import options

app = typer.Typer(rich_markup_mode=None)

Repository = Annotated[str, typer.Argument(metavar="ORG/NAME", help="A repository of the Hugging Face hub.")]


@app.command("list")
def list_psi() -> None:
    """Print the names that --psi takes."""
    from semclip.relevance.table import FOLDER, TABLE

    for name, entry in {"DIR": FOLDER, **TABLE}.items():
        typer.echo(f"{name:<12}{entry.about}")


@app.command("show")
def show_psi(name: Annotated[str, typer.Argument(help="As for --psi.")], as_json: options.AsJson = False) -> None:
    """Load one ψ and print its name and fingerprint, and what its folder says of it."""
    from semclip.relevance.checkpoint import CropsPsi, DensePsi, JointPsi
    from semclip.relevance.checkpoint.summary import describe
    from semclip.relevance.table import load_relevance

    relevance = load_relevance(name)
    told: dict[str, Any] = {"name": relevance.name, "fingerprint": relevance.fingerprint}
    if isinstance(relevance, DensePsi | CropsPsi | JointPsi):
        told |= describe(relevance.runtime.folder)
    if as_json:
        typer.echo(json.dumps(told))
        return
    lines = dict(_lines(told))
    width = max(map(len, lines))
    for key, value in lines.items():
        typer.echo(f"{key:<{width}}  {value}")


@app.command("push")
def push_psi(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder that semclip train wrote.")],
    repository: Repository,
    private: Annotated[bool, typer.Option("--private", help="Make a new repository private.")] = False,
) -> None:
    """Put a trained ψ on the Hugging Face hub, and print its address."""
    from semclip.relevance.hub import push_to_hub

    typer.echo(push_to_hub(folder, repository, private=private))


def _lines(told: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Each value under its dotted name, strings as they are, the rest as JSON; without what is empty."""
    for name, value in told.items():
        if isinstance(value, Mapping):
            yield from _lines(value, f"{prefix}{name}.")
        elif value is not None:
            yield prefix + name, value if isinstance(value, str) else json.dumps(value)
