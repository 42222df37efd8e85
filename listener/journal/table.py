"""The open file, as the writer uses it: transactions, and which events can be had.

Knows SQL and rows that are written down; knows neither threads nor what is done when it fails.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from listener.journal.parcels import Parcel

ROOM = 1 << 18
"""Bytes that must be free for the trouble to be over: with less, it would be back at once."""


class Figures(NamedTuple):
    """Transactions since the file was opened, safe and failed; bytes on disk, with the WAL."""

    commits: int = 0
    failures: int = 0
    bytes: int = 0


class Table:
    """Writes into an open journal. `first` and `last`: of the events that can be had.

    `floor`: no event up to that number can be had, because one of them was not kept.
    """

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self.connection = connection
        self.path = path
        # Opened once and closed last: closing any descriptor of a file takes away the locks that
        # SQLite holds on it in this process (https://www.sqlite.org/howtocorrupt.html, 2.2).
        self._file = os.open(path, os.O_RDONLY)
        self._wal = path.with_name(f"{path.name}-wal")  # which has no such locks
        # Reading makes the WAL, which then stays as long as the connection.
        self.floor = self._meta("floor")
        self._wal_id = _identity(self._wal)
        self.last = max(self._meta("last"), self.floor, self._edge("max"))
        self.first = self._edge("min")
        self.dirty = True  # something may be in the WAL alone
        self._commits = self._failures = 0

    @property
    def figures(self) -> Figures:
        """How much was written, and how large the journal is now; never raises."""
        size = 0
        with suppress(OSError):  # the WAL comes and goes, and a figure must not stop the writing
            size = os.fstat(self._file).st_size
            size += self._wal.stat().st_size
        return Figures(self._commits, self._failures, size)

    def write(self, parcels: Iterable[Parcel], given_up: int = 0) -> None:
        """Write parcels in one transaction, and that events up to `given_up` are lost.

        Raises what sqlite3 raises; then nothing of it is written.
        """
        floor, last, event = max(self.floor, given_up), max(self.last, given_up), False
        passed = 0
        with self.transaction() as connection:
            for parcel in parcels:
                for written in parcel.written:
                    for sql, parameters in written.statements:
                        connection.execute(sql, parameters)
                    if written.sequence:
                        last, event = max(last, written.sequence), True
                        if not written.statements:
                            passed = max(passed, written.sequence)
                        if written.lost:
                            floor = max(floor, written.sequence)
            if floor != self.floor:
                self._note("floor", floor)
            if passed and passed == last:  # no row keeps the number
                self._note("last", last)
        if floor != self.floor or (event and not self.first):
            self.floor = floor
            self.first = self._edge("min")
        self.last = last

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Commit what is done inside, or none of it."""
        self.dirty = True
        try:
            self.connection.execute("BEGIN IMMEDIATE")
            yield self.connection
            self.connection.execute("COMMIT")
        except BaseException:
            self._failures += 1
            if self.connection.in_transaction:
                self.connection.execute("ROLLBACK")
            raise
        self._commits += 1

    @contextmanager
    def removal(self, lost: int = 0) -> Iterator[sqlite3.Connection]:
        """Commit what is deleted inside; the highest number of an event stays known.

        `lost`: events up to that number go, and who asks for them is to know.
        """
        floor = max(self.floor, lost)
        with self.transaction() as connection:
            self._note("last", self.last)
            if floor != self.floor:
                self._note("floor", floor)
            yield connection
        self.floor = floor
        self.first = self._edge("min")

    def probe(self) -> None:
        """Try whether there is room for more than a row or two."""
        with self.transaction():
            self._note("probe", bytes(ROOM))
        with self.transaction():
            self._note("probe", 0)

    def check_place(self) -> None:
        """Raise sqlite3.OperationalError when another file, or none, has the name of this one."""
        file = os.fstat(self._file)
        for path, opened in ((self.path, (file.st_dev, file.st_ino)), (self._wal, self._wal_id)):
            if opened is not None and _identity(path) != opened:
                raise sqlite3.OperationalError(
                    f"{path} was removed or replaced while it is open, and what is written would be"
                    " lost: put it back, or start again with what is there"
                )

    def checkpoint(self) -> None:
        """Bring all into the file itself, and empty the WAL, unless somebody reads from it."""
        sql = "PRAGMA wal_checkpoint(TRUNCATE)"
        (busy, _, _) = self.connection.execute(sql).fetchone()
        self.dirty = bool(busy)

    def rewrite(self) -> None:
        """Write the whole file anew, so that nothing is in it but the rows; takes as much room."""
        self.connection.execute("PRAGMA temp_store=FILE")  # it may be larger than the memory
        try:
            self.connection.execute("VACUUM")
        finally:
            self.connection.execute("PRAGMA temp_store=MEMORY")
        self.checkpoint()

    def pieces(self, size: int) -> Iterator[bytes]:
        """Yield the bytes of the file, and then of the WAL."""
        place = 0
        while piece := os.pread(self._file, size, place):
            yield piece
            place += len(piece)
        if self._wal.exists():
            with self._wal.open("rb") as file:
                yield from iter(lambda: file.read(size), b"")

    def close(self) -> None:
        """Close the connection."""
        self.connection.close()
        os.close(self._file)

    def _note(self, name: str, value: int | bytes) -> None:
        self.connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, value))

    def _meta(self, name: str) -> int:
        row = self.connection.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        return row[0] if row is not None else 0

    def _edge(self, which: str) -> int:
        sql = f"SELECT {which}(sequence) FROM events WHERE sequence > ?"  # noqa: S608  min or max
        (found,) = self.connection.execute(sql, (self.floor,)).fetchone()
        return found or 0


def _identity(path: Path) -> tuple[int, int] | None:
    """Return which file has that name, None when none has it."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
