"""`semclip psi`: what can score crops."""

from __future__ import annotations

from typing import Annotated

import typer

app = typer.Typer(rich_markup_mode=None)


@app.command("list")
def list_psi() -> None:
    """Print the names that --psi takes."""
    from semclip.relevance.table import TABLE

    for name, entry in TABLE.items():
        typer.echo(f"{name:<12}{entry.about}")


@app.command("show")
def show_psi(name: Annotated[str, typer.Argument(help="As for --psi.")]) -> None:
    """Load one ψ and print its name and fingerprint."""
    from semclip.relevance.table import load_relevance

    relevance = load_relevance(name)
    typer.echo(f"name         {relevance.name}\nfingerprint  {relevance.fingerprint}")
