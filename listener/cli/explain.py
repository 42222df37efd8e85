"""`listener explain`: what an error code, constant or error type of Finesse means.

Knows the terminal; what is known about errors is known by `listener.finesse.catalogue`.
"""

from enum import StrEnum
from typing import Annotated, Any

import typer

from listener.cli import console, exits, words
from listener.cli.exits import Exit
from listener.finesse import catalogue

EXAMPLES = exits.lines(
    "Examples",
    (
        "listener explain 34",
        "listener explain CF_INVALID_OBJECT_STATE",
        'listener explain "Call Operation Failure" --deployment UCCX --json',
    ),
)


class Deployment(StrEnum):
    """The two kinds of contact centre."""

    UCCE = "UCCE"
    UCCX = "UCCX"


def explain(
    text: Annotated[str, typer.Argument(help="A code, a constant or an error type.")],
    deployment: Annotated[
        Deployment | None, typer.Option(help="Leave out what belongs to the other one.")
    ] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Say what an error of Finesse means and what to do about it."""
    found = catalogue.lookup(text, deployment=deployment.value if deployment else None)
    near = () if found else catalogue.suggest(text)
    note = _elsewhere(found, deployment)
    if as_json:
        entries = [_entry(entry) for entry in found]
        told = {"text": text, "entries": entries, "suggestions": list(near), "note": note}
        console.out_json(told)
    else:
        if note:
            console.out_words(note)
        for line in (line for entry in found for line in words.of_entry(entry)):
            console.out_words(line)
    if not found:
        similar = f"; similar: {', '.join(near)}" if near else ""
        console.errors().print(f"listener: nothing is known about {text!r}{similar}")
        raise typer.Exit(Exit.FAILED)


def _elsewhere(found: tuple[catalogue.Entry, ...], deployment: Deployment | None) -> str | None:
    """Say where the entries are from when none of them is of the deployment asked for."""
    where = {name for entry in found for name in entry.deployments}
    if deployment is None or not where or deployment.value in where:
        return None
    return f"nothing is known for {deployment.value}; on {' and '.join(sorted(where))}:"


def _entry(entry: catalogue.Entry) -> dict[str, Any]:
    return {
        "family": entry.family,
        "code": entry.code,
        "constant": entry.constant,
        "meaning": entry.meaning,
        "advice": entry.advice,
        "source": entry.source,
        "deployments": sorted(entry.deployments),
    }
