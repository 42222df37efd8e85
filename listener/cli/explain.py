"""`listener explain`: what an error code, constant or error type of Finesse means.

Knows the terminal; what is known about errors is known by `listener.finesse.catalogue`.
"""

from enum import StrEnum
from typing import Annotated

import typer

from listener.api.lookup import looked_up
from listener.cli import console, exits, words
from listener.cli.exits import Exit

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
    text: Annotated[
        str, typer.Argument(metavar="TEXT", help="A code, a constant or an error type.")
    ],
    deployment: Annotated[
        Deployment | None, typer.Option(help="Leave out what belongs to the other one.")
    ] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Say what an error of Finesse means and what to do about it."""
    told = looked_up(text, deployment.value if deployment else None)
    if as_json:
        console.out_json(told)
    else:
        if told["note"]:
            console.out_words(told["note"])
        for line in (line for entry in told["entries"] for line in words.of_entry(entry)):
            console.out_words(line)
    if not told["entries"]:
        near = told["suggestions"]
        similar = f"; similar: {', '.join(near)}" if near else ""
        console.errors().print(f"listener: nothing is known about {text!r}{similar}")
        raise typer.Exit(Exit.FAILED)
