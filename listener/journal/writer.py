"""The one thread that writes: commits at once when it is idle, together only what waits anyway.

In trouble it tries again every second; when nothing waits it keeps the file within its bounds.
Knows neither the loop nor the futures that it hands back.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from asyncio import Future
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from listener import logs
from listener.journal import store
from listener.journal.committing import Committer
from listener.journal.encoding import Scribe
from listener.journal.parcels import Backlog, Inbox, Job, Parcel
from listener.journal.place import Lock, folder_of, held
from listener.journal.rows import Options
from listener.journal.table import Figures, Table
from listener.journal.upkeep import Upkeep

MAX_TOGETHER = 500
"""Parcels in one transaction."""
LOCK_AGAIN = 0.02
"""Seconds between two tries to take the lock: nobody tells when it is let go."""

_log = logs.get(__name__)


class Paces(NamedTuple):
    """Seconds: between two tries, until an idle WAL is emptied, between two rounds of upkeep."""

    retry: float = 1.0
    idle: float = 1.0
    upkeep: float = 60.0


@dataclass(frozen=True, slots=True)
class Opened:
    """The first report: the journal is open, at its real path."""

    path: Path
    epoch: str
    set_aside: Path | None
    first: int
    last: int
    floor: int
    figures: Figures


@dataclass(frozen=True, slots=True)
class Failure:
    """The first and last report when the journal cannot be opened."""

    error: BaseException


@dataclass(frozen=True, slots=True)
class Progress:
    """What came of parcels and jobs. `safe`: events up to here are written, or given up.

    `results`: futures, with what each gets; an exception is raised to those who wait. `taken`: rows
    that left the inbox; `dropped`: all that were dropped so far because too many were kept.
    """

    results: tuple[tuple[Future[Any], Any], ...]
    first: int
    last: int
    floor: int
    safe: int
    trouble: str | None
    figures: Figures
    taken: int
    dropped: int


@dataclass(frozen=True, slots=True)
class Ended:
    """The last report; `lost`: rows that could not be written."""

    lost: int


Report: TypeAlias = Opened | Failure | Progress | Ended


class Writer:
    """Owns the connection that writes. All but `inbox` and `start` happens in its own thread."""

    def __init__(
        self,
        path: Path,
        options: Options,
        *,
        now: Callable[[], datetime],
        tell: Callable[[Report], None],
        within: float,
        connect: store.Connect,
        paces: Paces,
        backlog: Backlog,
    ) -> None:
        self.inbox = Inbox()
        self._path = path
        self._options = options
        self._scribe = Scribe(options)  # here, so that a key that is none is refused at once
        self._now = now
        self._within = within
        self._tell = tell
        self._connect = connect
        self._paces = paces
        self._backlog = backlog
        self._done: list[tuple[Future[Any], Any]] = []  # what came of jobs
        self._last_trouble: str | None = None
        self._told: tuple[int, int, int, int, str | None, Figures] | None = None
        self._retry_at = self._upkeep_at = self._idle_at = 0.0
        # A daemon: a disk that hangs must not keep the process from ending.
        self._thread = threading.Thread(target=self._main, name="journal-writer", daemon=True)

    def start(self) -> None:
        """Start the thread; its first report is Opened or Failure, its last Ended or Failure."""
        self._thread.start()

    # -- the thread ---------------------------------------------------------------------------

    def _main(self) -> None:
        try:
            self._hold()
        except BaseException as error:  # noqa: BLE001  whoever opens is told
            self._tell(Failure(error))
            return
        try:
            self._open()
        except BaseException as error:  # noqa: BLE001  as above
            self._lock.release()
            self._tell(Failure(error))
            return
        more = True
        while more:
            items, more = self.inbox.take(MAX_TOGETHER, self._patience())
            try:
                self._turn(items, last=not more)
            except Exception:  # noqa: BLE001  the thread must live on: others wait for its answers
                _log.exception("journal.failed")
            self._report(items)
        self._close()

    def _hold(self) -> None:
        """Take the lock; wait for another process to let go of it."""
        self._path = Path(os.path.realpath(self._path))
        folder_of(self._path)
        self._lock = Lock(self._path)
        until = time.monotonic() + self._within
        while not self._lock.take():
            left = until - time.monotonic()
            if left <= 0 or self.inbox.closed_within(min(left, LOCK_AGAIN)):
                raise held(self._path, self._lock)

    def _open(self) -> None:
        opened = store.open_to_write(self._path, now=self._now, connect=self._connect)
        epoch = opened.epoch
        try:
            if self._lock.marked:
                epoch = store.new_epoch(opened.connection)
                self._lock.mark(marked=False)
            self._table = Table(opened.connection, self._path)
        except (sqlite3.Error, OSError) as error:
            opened.connection.close()
            raise store.refused(self._path, error) from None
        self._upkeep = Upkeep(self._table, self._options, self._now)
        self._committer = Committer(self._table, self._scribe, self._lock, self._backlog)
        table = self._table
        events = (table.first, table.last, table.floor)
        self._tell(Opened(self._path, epoch, opened.set_aside, *events, table.figures))

    def _patience(self) -> float:
        """Return how many seconds there is nothing to do but wait for items."""
        if self._committer.trouble is not None:
            due = self._retry_at
        else:
            due = min(self._upkeep_at, self._idle_at if self._table.dirty else self._upkeep_at)
        return max(0.0, due - time.monotonic())

    def _turn(self, items: list[Parcel | Job], *, last: bool) -> None:
        committer, now = self._committer, time.monotonic()
        committer.take([item for item in items if isinstance(item, Parcel)])
        for item in items:
            if isinstance(item, Job):
                self._done.append((item.future, self._result(item)))
        if committer.trouble is not None:
            if self._last_trouble is None:
                self._retry_at = now + self._paces.retry
            if last or now >= self._retry_at:
                committer.retry()
                self._retry_at = time.monotonic() + self._paces.retry
        elif items:
            self._idle_at = now + self._paces.idle
        self._last_trouble = committer.trouble
        if committer.trouble is None and not last:
            self._between(now)

    def _result(self, job: Job) -> Any:
        try:
            return job.do(self._table)
        except Exception as error:  # noqa: BLE001  whoever asked is told
            return error

    def _between(self, now: float) -> None:
        """Keep the file in order while nothing waits; if that never is, in between all the same."""
        overdue = now >= self._upkeep_at + self._paces.upkeep
        try:
            if now >= self._upkeep_at and (self.inbox.empty or overdue):
                if not self._upkeep.slice():
                    self._upkeep_at = now + self._paces.upkeep
            elif self._table.dirty and now >= self._idle_at and self.inbox.empty:
                self._table.checkpoint()
        except sqlite3.Error as error:
            _log.warning("upkeep.failed", why=str(error))
            self._idle_at = self._upkeep_at = now + self._paces.upkeep

    def _report(self, items: list[Parcel | Job]) -> None:
        """Tell what came of items; one that has no result was met by a fault, and failed."""
        results = [*self._committer.results, *self._done]
        self._committer.results, self._done = [], []
        answered = {id(future) for future, _ in results}
        results += [
            (item.future, False)
            for item in items
            if item.future is not None and id(item.future) not in answered
        ]
        table, committer = self._table, self._committer
        events = (table.first, table.last, committer.floor, committer.safe)
        now = (*events, committer.trouble, table.figures)
        if items or now != self._told:
            self._told = now
            taken = sum(item.count for item in items if isinstance(item, Parcel))
            self._tell(Progress(tuple(results), *now, taken, self._committer.dropped.total()))

    def _close(self) -> None:
        try:
            self._table.checkpoint()
        except Exception as error:  # noqa: BLE001  what is committed stays in the WAL
            _log.warning("journal.failed", why=str(error))
        self._table.close()
        self._lock.release()
        self._tell(Ended(self._committer.waiting))
