"""`listener parse`: what people paste, from files -> what it says, as JSON or in words.

Knows files, standard input and the terminal's width; what a payload means is known by
`listener.finesse`.
"""

import shutil
import sys
import textwrap
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import typer

from listener.cli import console, exits, words
from listener.cli.exits import Exit

LIMIT = 8 * 1024 * 1024
"""Bytes of one input. Finesse's own limit for a stanza is far below."""

_NARROWEST = 20

EXAMPLES = exits.lines(
    "Examples",
    (
        "listener parse hold.xml",
        "listener parse --json *.xml | jq .updates",
        "listener parse - < captured.xml",
        "listener parse Webservices.log console.txt trace.har",
    ),
)


def parse(
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE", help="Stanzas, Updates, REST bodies, or logs with them; - reads stdin."
        ),
    ],
    *,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object per input and line.")
    ] = False,
) -> None:
    """Say what Finesse payloads mean, also in logs, consoles and traces with noise between them.

    Exit code 1 when something was not understood; the rest is told all the same.
    """
    understood = True
    for name in files:
        found = read(name)
        understood = understood and bool(found["ok"])
        if as_json:
            console.out_json(found)
        else:
            for line in words.of_parsed(found):
                for piece in folded(line, _width()):
                    console.out_words(piece)
    raise typer.Exit(Exit.OK if understood else Exit.FAILED)


def folded(line: str, width: int | None) -> list[str]:
    """Break a line at blanks so that it fits; what follows stands below its first word.

    No word is broken, so that numbers and paths can be copied; None leaves the line as it is.
    """
    if width is None or len(line) <= width:
        return [line]
    blanks = " " * (len(line) - len(line.lstrip(" ")) + 2)
    return textwrap.wrap(
        line,
        width,
        subsequent_indent=blanks,
        break_long_words=False,
        break_on_hyphens=False,
        drop_whitespace=True,
    )


def _width() -> int | None:
    """Return the columns of the terminal; None for a pipe or a file: programs want whole lines."""
    if sys.stdout is None or not sys.stdout.isatty():
        return None
    return max(_NARROWEST, shutil.get_terminal_size().columns)


def read(name: str) -> dict[str, Any]:
    """Return what one input says, in the shape of `listener parse --json`.

    Raises StreamFailed when it is standard input, and there is none.
    """
    from listener.finesse.parsed import to_json  # noqa: PLC0415  lxml loads with the first use

    try:
        raw = _bytes(name)
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        return _unread(name, f"The input could not be opened or read: {why}.")
    except ValueError:  # a name with a NUL in it
        return _unread(name, "The input cannot be a file: there is a NUL in its name.")
    if len(raw) > LIMIT:
        return _unread(
            name, f"The input is longer than {LIMIT // 1024 // 1024} MiB and was not read."
        )
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
