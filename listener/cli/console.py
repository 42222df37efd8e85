"""What the commands print with: data to standard output, words to standard error.

Knows the terminal; knows nothing of Finesse.
"""

from __future__ import annotations

import json
import os
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, TextIO

from rich.console import Console

from listener import logs
from listener.cli.exits import StreamFailed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from listener.cli.screen import Bottom
    from listener.settings import Settings


def errors() -> Console:
    """Return the console for words; rich heeds NO_COLOR and leaves out colour where nobody sits."""
    return Console(stderr=True, highlight=False, soft_wrap=True, markup=False)


def out(text: str = "") -> None:
    """Print a line of data; characters that the terminal lacks are written as escapes.

    Raises StreamFailed, and BrokenPipeError when nobody reads any more.
    """
    need_output()
    encoding = sys.stdout.encoding or "utf-8"
    try:
        sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding) + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise unwritable(error) from None


def need_output() -> None:
    """Raise StreamFailed when there is no standard output (`>&-`)."""
    if sys.stdout is None:
        raise StreamFailed("standard output is closed")


def need_input() -> None:
    """Raise StreamFailed when there is no standard input (`<&-`)."""
    if sys.stdin is None:
        raise StreamFailed("standard input is closed")


def unwritable(error: OSError) -> StreamFailed:
    """Return what is said about standard output; what is still to be written to it is dropped."""
    # What stays in the buffer would be tried again, with a trace, when the interpreter ends.
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
    return StreamFailed(f"cannot write to standard output: {error.strerror or error}")


def output_failed() -> OSError | None:
    """Say what keeps standard output from taking a line (an empty one is tried), or None."""
    try:
        if sys.stdout is not None:
            sys.stdout.write("\n")
            sys.stdout.flush()
    except OSError as error:
        return error
    return None


def out_words(line: str) -> None:
    """Print a line for people; no control character reaches the terminal."""
    out("".join(c if c.isprintable() else repr(c)[1:-1] for c in line))


def out_table(heads: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print rows in columns under their heads; what is None is shown as a dash."""
    lines = [list(heads), *([("-" if cell is None else str(cell)) for cell in row] for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(heads))]
    for line in lines:
        cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        out_words("  ".join(cells).rstrip())


def out_json(value: Any) -> None:
    """Print one JSON object as one line; ASCII, so that no encoding can spoil it."""
    out(json.dumps(value, ensure_ascii=True, separators=(", ", ": ")))


def start_logs(settings: Settings, *, quiet: bool = False, stream: TextIO | None = None) -> None:
    """Begin to log as the settings say; `quiet` leaves out what the command itself will tell.

    `stream` is written to in place of standard error.
    """
    console = errors()
    if sys.stderr is None:  # it is closed
        logs.nowhere()
        return
    logs.configure(
        level="CRITICAL" if quiet else settings.logs.level,
        form=settings.logs.format,
        show_numbers=settings.logs.show_numbers,
        wire=settings.logs.wire and not quiet,
        stream=stream,
        colors=console.is_terminal and not console.no_color,
    )


def bottom(settings: Settings) -> Bottom | None:
    """Return the line for progress at the bottom of the terminal; None where it has no place."""
    console = Console(stderr=True, highlight=False, markup=False)
    if sys.stderr is None or not console.is_terminal or settings.logs.format == "json":
        return None
    from listener.cli.screen import Bottom  # noqa: PLC0415  more of rich loads with it

    return Bottom(console, sys.stderr)


@contextmanager
def waiting(words: str) -> Iterator[None]:
    """Show that something goes on, on a terminal; elsewhere nothing."""
    screen = errors()
    if screen.is_terminal:
        with screen.status(words):
            yield
    else:
        yield
