"""Keeping the file within its age and size, in slices that hold nothing up for long.

Events go first, then settled requests, the oldest first; a request without an outcome never goes.
Age is judged along the order of writing: a row that a wrong clock dated into the future goes with
those that were written after it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from listener import logs
from listener.journal.encoding import micros
from listener.journal.rows import Options
from listener.journal.table import Table

SLICE = 200
"""Rows that go in one transaction."""
_PAGES = 256  # that are given back to the file system at once
_ENOUGH = 0.9  # of the size: there is some time until the next removal
_FREE_SHARE = 20  # one page of so many may stay free, to be used again

_log = logs.get(__name__)


REMOVE_EVENT = "DELETE FROM events WHERE sequence = ?"
REMOVE_REQUEST = ("DELETE FROM steps WHERE request = ?", "DELETE FROM requests WHERE id = ?")


class _Kind(NamedTuple):
    """What is removed: the oldest of a table, by its id; `at` is the time that counts."""

    name: str
    oldest: str
    remove: tuple[str, ...]


_EVENTS = _Kind(
    "events",
    "SELECT sequence AS id, CAST(at AS INTEGER) AS at FROM events",
    (REMOVE_EVENT,),
)
_REQUESTS = _Kind(
    "requests",
    "SELECT id, CAST(settled AS INTEGER) AS at FROM requests WHERE settled IS NOT NULL",
    REMOVE_REQUEST,
)


class Upkeep:
    """Removes what is too old or too much. Used by the writer's thread alone."""

    def __init__(self, table: Table, options: Options, now: Callable[[], datetime]) -> None:
        self._table = table
        self._options = options
        self._now = now
        self._shrinking = False
        self._removed = {_EVENTS.name: 0, _REQUESTS.name: 0}

    def slice(self) -> bool:
        """Do a bounded piece of work; return whether there is more to do now."""
        if self._by_age() or self._by_size() or self._give_back():
            return True
        if any(self._removed.values()):
            _log.info("journal.trimmed", **self._removed)
            self._removed = dict.fromkeys(self._removed, 0)
        return False

    def _by_age(self) -> bool:
        now = self._now()
        cutoff = micros(now - self._options.retention)
        for kind in (_EVENTS, _REQUESTS):
            if self._remove(kind, self._expired(kind, cutoff, micros(now))):
                return True
        return False

    def _expired(self, kind: _Kind, cutoff: int, now: int) -> list[int]:
        """Return the oldest ids up to the last that is too old, at most a slice."""
        oldest = self._rows(f"{kind.oldest} ORDER BY 1 LIMIT {SLICE}")
        old = [id_ for id_, at in oldest if at < cutoff]
        if not old and oldest and oldest[0][1] > now:  # look behind what is dated in the future
            at = f"SELECT * FROM ({kind.oldest}) WHERE at <= ? ORDER BY 1 LIMIT 1"  # noqa: S608  ours
            old = [id_ for id_, at in self._rows(at, now) if at < cutoff]
        return [id_ for id_, _ in oldest if old and id_ <= old[-1]]

    def _by_size(self) -> bool:
        most = self._options.max_bytes
        used = self._used()
        self._shrinking = used > (most * _ENOUGH if self._shrinking else most)
        if not self._shrinking:
            return False
        for kind in (_EVENTS, _REQUESTS):
            oldest = self._rows(f"{kind.oldest} ORDER BY 1 LIMIT {SLICE}")
            if self._remove(kind, [id_ for id_, _ in oldest]):
                return True
        self._shrinking = False  # what is left is still open
        return False

    def _remove(self, kind: _Kind, ids: list[int]) -> bool:
        if not ids:
            return False
        with self._table.removal(ids[-1] if kind is _EVENTS else 0) as connection:
            for sql in kind.remove:
                connection.executemany(sql, [(id_,) for id_ in ids])
        self._removed[kind.name] += len(ids)
        return True

    def _used(self) -> int:
        pages, free, size = (
            self._pragma(name) for name in ("page_count", "freelist_count", "page_size")
        )
        return (pages - free) * size

    def _give_back(self) -> bool:
        enough = max(_PAGES, self._pragma("page_count") // _FREE_SHARE)
        return self._pragma("freelist_count") > enough and give_back_some(self._table)

    def _pragma(self, name: str) -> int:
        (found,) = self._table.connection.execute(f"PRAGMA {name}").fetchone()
        return int(found)

    def _rows(self, sql: str, *parameters: int) -> list[tuple[int, int]]:
        return self._table.connection.execute(sql, parameters).fetchall()


def give_back_some(table: Table) -> bool:
    """Give some free pages at the file's end back to the file system; False: none went."""
    before, connection = _free(table), table.connection
    if before:
        connection.execute(f"PRAGMA incremental_vacuum({_PAGES})").fetchall()
        table.dirty = True
    return _free(table) < before  # none goes from a file that was not made for it


def _free(table: Table) -> int:
    (pages,) = table.connection.execute("PRAGMA freelist_count").fetchone()
    return int(pages)
