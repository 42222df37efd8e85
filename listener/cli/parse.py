"""`listener parse`: payloads and stanzas from files -> what they say, as JSON or in words.

Knows files and standard input; what a payload means is known by `listener.finesse`.
"""

import sys
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import typer

from listener.cli import console, exits, words
from listener.cli.exits import Exit

LIMIT = 8 * 1024 * 1024
"""Bytes of one input. Finesse's own limit for a stanza is far below."""

EXAMPLES = exits.lines(
    "Examples",
    (
        "listener parse hold.xml",
        "listener parse --json *.xml | jq .updates",
        "listener parse - < captured.xml",
    ),
)


def parse(
    files: Annotated[
        list[str],
        typer.Argument(help="Files with a stanza, an Update or a REST body; - reads stdin."),
    ],
    *,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object per input and line.")
    ] = False,
) -> None:
    """Say what Finesse payloads mean. Exit code 1 when one of them was not understood."""
    understood = True
    for name in files:
        found = read(name)
        understood = understood and bool(found["ok"])
        if as_json:
            console.out_json(found)
        else:
            for line in words.of_parsed(found):
                console.out_words(line)
    raise typer.Exit(Exit.OK if understood else Exit.FAILED)


def read(name: str) -> dict[str, Any]:
    """Return what one input says, in the shape of `listener parse --json`.

    Raises StreamFailed when it is standard input, and there is none.
    """
    from listener.finesse.parsed import to_json  # noqa: PLC0415  lxml loads with the first use

    try:
        raw = _bytes(name)
    except OSError as error:
        return _unread(name, (error.strerror or str(error)).lower())
    except ValueError:  # a name with a NUL in it
        return _unread(name, "not a possible name of a file")
    if len(raw) > LIMIT:
        return _unread(name, f"longer than {LIMIT // 1024 // 1024} MiB; not read")
    return to_json(name, raw)


def _bytes(name: str) -> bytes:
    if name == "-":
        console.need_input()
        return _some(sys.stdin.buffer)
    with Path(name).open("rb") as file:
        return _some(file)


def _some(source: BinaryIO) -> bytes:
    return source.read(LIMIT + 1)


def _unread(name: str, problem: str) -> dict[str, Any]:
    return {"file": name, "ok": False, "problem": problem, "form": "unknown", "updates": []}
