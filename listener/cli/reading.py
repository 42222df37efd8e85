"""What a terminal shows while a long file is read: how far it is, and what could not be read.

Knows the screen; knows no kind of file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from listener.cli import console

STEP = 1 << 16
"""Bytes after which the bar moves; of a shorter file there is none."""


class Troubles:
    """Says what could not be read, up to `most` of it, and at the end how much more there was."""

    def __init__(self, say: Callable[[str], None], *, most: int) -> None:
        self._say = say
        self._most = most
        self._count = 0

    def add(self, words: object) -> None:
        """Say one, or count it."""
        self._count += 1
        if self._count <= self._most:
            self._say(str(words))

    def end(self) -> None:
        """Say how many were counted only."""
        if self._count > self._most:
            self._say(f"and {self._count - self._most:,} more such lines")


@contextmanager
def progress(word: str, total: int) -> Iterator[Callable[[int], None]]:
    """Yield what is told how many of `total` bytes were read; shown on a terminal alone."""
    screen = console.errors()
    if not screen.is_terminal or total < STEP:
        yield lambda _bytes: None
        return
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn  # noqa: PLC0415

    columns = (TextColumn(word), BarColumn(None), TaskProgressColumn())
    with Progress(*columns, console=screen, transient=True) as bar:
        task, shown = bar.add_task(word, total=total), 0

        def passed(count: int) -> None:
            nonlocal shown
            if count - shown >= STEP:
                shown = count
                bar.update(task, completed=count)

        yield passed
