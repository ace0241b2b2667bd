"""What pages make of the name of a strategy: which belong together, how many crops, how each is drawn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from semclip.errors import InputError
from semclip.evaluation.answers.strategies import Spec, parse

Look = Literal["psi", "plain", "knowing"]
"""A ψ chose the crops; they were chosen without a look at the question; by one who knew the answer."""

_KNOWING = ("oracle", "best")
_COLOURS = 4


def family(name: str) -> str:
    """The name without its number of crops.

    >>> family("embedded/2"), family("random/2@montage"), family("best:16"), family("embedded/4,0.50")
    ('embedded', 'random@montage', 'best:16', 'embedded with gain 0.5')
    """
    spec = _parsed(name)
    return _chooser(spec) + (f" with gain {spec.gain:g}" if spec.gain else "")


def _chooser(spec: Spec) -> str:
    """What chooses the crops, and how they are shown."""
    most = "" if spec.most is None else f":{spec.most}"
    return (spec.psi if spec.kind == "psi" else spec.kind) + most + (f"@{spec.fusion}" if spec.fusion else "")


def crops(name: str) -> int | None:
    """The number of crops that the name states.

    >>> crops("embedded/2"), crops("embedded/4@montage"), crops("tiles")
    (2, 4, None)
    """
    return _parsed(name).k


def look(name: str) -> Look:
    """How a strategy is drawn.

    >>> look("embedded/2"), look("vlm:attention"), look("tiles@montage"), look("best:12"), look("oracle/1")
    ('psi', 'psi', 'plain', 'knowing', 'knowing')
    """
    kind = _parsed(name).kind
    return "psi" if kind == "psi" else "knowing" if kind in _KNOWING else "plain"


def classes(names: Sequence[str]) -> dict[str, str]:
    """The CSS classes of each strategy: its look, and a colour for each ψ and way of showing crops.

    >>> classes(["overview", "embedded/1", "embedded/2,0.5", "joint/2"])
    {'overview': 'plain', 'embedded/1': 'psi colour0', 'embedded/2,0.5': 'psi colour0', 'joint/2': 'psi colour1'}
    """
    choosers = {name: _chooser(_parsed(name)) for name in names if look(name) == "psi"}
    places = {chooser: place for place, chooser in enumerate(dict.fromkeys(choosers.values()))}
    colours = {name: f" colour{places[chooser] % _COLOURS}" for name, chooser in choosers.items()}
    return {name: look(name) + colours.get(name, "") for name in names}


def _parsed(name: str) -> Spec:
    """What the name means; a ψ of just that name where no strategy can be called so any more."""
    try:
        return parse(name)
    except InputError:
        return Spec(name, "psi", psi=name)
