"""How far the sign-on of many agents is, as one line at the bottom of a terminal.

Knows the terminal; what there is to tell is `listener.progress`'s. Log lines go through here, so
that they stand above that line and do not break it.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, TextIO, cast

from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from rich.console import Console

    from listener.progress import Report

BAR = 24  # columns


class Bottom:
    """The line (`progress.Screen`); `above` is the stream that others write to meanwhile.

    `console` is that of the terminal, `stream` what it writes to.
    """

    def __init__(self, console: Console, stream: TextIO) -> None:
        self._console = console
        self._live: Live | None = None
        self.above = cast("TextIO", _Above(self, stream))  # as much of one as a log needs

    def show(self, report: Report) -> None:
        """Show a report in place of the one before."""
        if self._live is None:
            self._live = Live(
                console=self._console,
                auto_refresh=False,  # no thread: it is drawn when there is something new
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._live.start()
        self._live.update(_line(report), refresh=True)

    def clear(self) -> None:
        """Take the line away."""
        live, self._live = self._live, None
        if live is not None:
            live.stop()

    def put(self, text: str) -> bool:
        """Write whole lines above the line; False when there is none."""
        if self._live is None:
            return False
        self._console.print(Text.from_ansi(text.rstrip("\n")), soft_wrap=True)
        return True


class _Above(io.TextIOBase):
    """Writes above the line while it is shown, and straight to the stream otherwise."""

    def __init__(self, bottom: Bottom, stream: TextIO) -> None:
        self._bottom = bottom
        self._stream = stream

    def write(self, text: str, /) -> int:
        """Write whole lines, as a log does."""
        if not self._bottom.put(text):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Let it out."""
        self._stream.flush()

    def isatty(self) -> bool:
        """Say whether somebody sits there."""
        return self._stream.isatty()


def _line(report: Report) -> Table:
    standing = report.standing
    grid = Table.grid(padding=(0, 1))
    grid.add_column(width=BAR)
    grid.add_column(no_wrap=True, overflow="ellipsis")
    bar = ProgressBar(total=max(1, standing.up + standing.awaited), completed=standing.up)
    grid.add_row(bar, Text(words(report)))
    return grid


def words(report: Report) -> str:
    """Return the line's words."""
    standing = report.standing
    said = f"{standing.up:,} of {standing.held:,} agents up, {report.rate:.0f} per second"
    causes = ", ".join(
        f"{count:,} {cause.replace('_', ' ')}" for cause, count in standing.failures.items()
    )
    return f"{said}; {causes}" if causes else said
