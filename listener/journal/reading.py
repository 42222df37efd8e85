"""Questions to the journal, each answered by a few statements on a connection that only reads."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal, TypeVar

from listener.errors import NotKept
from listener.journal.decoding import Interpreter, RequestRow, StepRow
from listener.journal.rows import Event, Page, Stored

AT_ONCE = 500
"""Requests whose steps are read by one statement."""

_Reading = TypeVar("_Reading", bound="Reading")

_INSTRUCTIONS = 10_000  # of SQLite's machine, between two looks at the clock: about a millisecond
_COLUMNS = "id, key, request_id, asked_by, idempotency, fingerprint, submitted, settled"
_EVENTS = (
    "SELECT sequence, at, name, agent, dialog_id, key, data FROM events"
    " WHERE sequence > ? ORDER BY sequence LIMIT ?"
)
_NEWEST = (
    "SELECT sequence, at, name, agent, dialog_id, key, data FROM events"
    " WHERE sequence > ? AND sequence <= ? AND name IN ({}) ORDER BY sequence DESC LIMIT ?"
)
_FLOOR = "SELECT value FROM meta WHERE name = 'floor'"


class Reading:
    """Answers questions. Used by one thread."""

    def __init__(self, connection: sqlite3.Connection, interpreter: Interpreter) -> None:
        self.connection = connection
        self._interpreter = interpreter

    def used_as(self, kind: type[_Reading]) -> _Reading:
        """Return what answers other questions over the same connection."""
        return kind(self.connection, self._interpreter)

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """Let what is asked in this block take so long and no longer. Raises NotKept.

        For questions that may have to look at the whole file: others wait for the thread.
        """
        end = time.monotonic() + seconds
        self.connection.set_progress_handler(lambda: time.monotonic() > end, _INSTRUCTIONS)
        try:
            yield
        except sqlite3.OperationalError as error:
            if time.monotonic() <= end:
                raise
            raise NotKept(f"it was searched for {seconds:g} s and not to its end") from error
        finally:
            self.connection.set_progress_handler(None, _INSTRUCTIONS)
            if self.connection.in_transaction:
                self.connection.execute("ROLLBACK")

    def unsettled(self) -> list[Stored]:
        """Return all requests without an outcome, oldest first."""
        return self.stored("WHERE settled IS NULL ORDER BY id", ())

    def settled_since(self, since: int, limit: int) -> list[Stored]:
        """Return the newest that were settled since then, oldest first."""
        newest = self.stored(
            "WHERE settled >= ? ORDER BY settled DESC, id DESC LIMIT ?", (since, limit)
        )
        return newest[::-1]

    def request(self, key: str) -> Stored | None:
        """Return one request."""
        found = self.stored("WHERE key = ?", (key,))
        return found[0] if found else None

    def requests(
        self,
        state: Literal["open", "settled"] | None,
        agent: str | None,
        request_id: str | None,
        limit: int,
    ) -> list[Stored]:
        """Return requests, newest first."""
        conditions = {"open": ["settled IS NULL"], "settled": ["settled IS NOT NULL"], None: []}
        wanted, given = conditions[state], []
        for column, value in (("agent", agent), ("request_id", request_id)):
            if value is not None:
                wanted.append(f"{column} = ?")
                given.append(value)
        where = f"WHERE {' AND '.join(wanted)}" if wanted else ""
        return self.stored(f"{where} ORDER BY id DESC LIMIT ?", (*given, limit))

    def idempotency_keys(self, since: int) -> list[tuple[str | None, str, str, str]]:
        """Return caller, hashes of key and fingerprint, and the request's key, oldest first."""
        rows = self.connection.execute(
            "SELECT asked_by, idempotency, fingerprint, key FROM requests"
            " WHERE idempotency IS NOT NULL AND submitted >= ? ORDER BY id",
            (since,),
        ).fetchall()
        return [row for row in rows if _texts(row)]

    def events(self, after: int, limit: int, safe: int) -> Page:
        """Return the events behind a number; all up to `safe` were written, or given up, before."""
        # One transaction, so that nothing is removed between the floor and the rows.
        self.connection.execute("BEGIN")
        try:
            rows = self.connection.execute(_EVENTS, (after, limit)).fetchall()
            floor = self.connection.execute(_FLOOR).fetchone()
        finally:
            self.connection.execute("ROLLBACK")
        to = max(after, rows[-1][0] if rows else 0, safe if len(rows) < limit else 0)
        read = [event for row in rows if (event := self._interpreter.event(row)) is not None]
        return Page(read, floor[0] if floor is not None else 0, to)

    def newest_events(self, names: tuple[str, ...], after: int, to: int, limit: int) -> list[Event]:
        """Return the newest events of those names behind a number up to another, oldest first."""
        marks = ", ".join("?" * len(names))
        rows = self.connection.execute(_NEWEST.format(marks), (after, to, *names, limit)).fetchall()
        return [e for row in reversed(rows) if (e := self._interpreter.event(row)) is not None]

    def stored(self, where: str, parameters: tuple[str | int, ...]) -> list[Stored]:
        """Return the requests that the end of a statement chooses, in its order.

        A request that cannot be read is left out.
        """
        # One transaction, so that a request and its steps are of the same moment.
        self.connection.execute("BEGIN")
        try:
            sql = f"SELECT {_COLUMNS} FROM requests {where}"  # noqa: S608  ours, but for parameters
            rows = [RequestRow(*row) for row in self.connection.execute(sql, parameters)]
            steps = self._steps([row.id for row in rows])
        finally:
            self.connection.execute("ROLLBACK")
        read = (self._interpreter.stored(row, steps.get(row.id, [])) for row in rows)
        return [stored for stored in read if stored is not None]

    def _steps(self, ids: list[int]) -> dict[int, list[StepRow]]:
        found: dict[int, list[StepRow]] = {}
        for begin in range(0, len(ids), AT_ONCE):
            some = ids[begin : begin + AT_ONCE]
            marks = ", ".join("?" * len(some))
            sql = (
                f"SELECT request, kind, at, data FROM steps WHERE request IN ({marks}) ORDER BY id"  # noqa: S608
            )
            for id_, *step in self.connection.execute(sql, some):
                found.setdefault(id_, []).append(StepRow(*step))
        return found


def _texts(row: tuple[object, ...]) -> bool:
    """Say whether a row of keys can be read: who asked may be missing."""
    return all(isinstance(each, str) for each in row[1:]) and isinstance(row[0], str | None)
