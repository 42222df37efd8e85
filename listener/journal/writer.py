"""The one thread that writes: commits at once when it is idle, together only what waits anyway.

In trouble it tries again every second, opening the file included; when nothing waits it keeps the
file within its bounds. Knows neither the loop nor the futures that it hands back.
"""

from __future__ import annotations

import secrets
import threading
import time
from asyncio import Future
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from listener import logs
from listener.errors import ConfigurationError, NotKept
from listener.journal.committing import Committer
from listener.journal.encoding import Scribe, micros
from listener.journal.opening import Absent, Numbering, Place, hold, open_table
from listener.journal.parcels import Backlog, Inbox, Job, Parcel
from listener.journal.place import Lock
from listener.journal.rows import Options
from listener.journal.table import Figures, Table
from listener.journal.upkeep import Upkeep

MAX_TOGETHER = 500
"""Parcels in one transaction."""

_log = logs.get(__name__)


class Paces(NamedTuple):
    """Seconds: between two tries, until an idle WAL is emptied, between two rounds of upkeep.

    `look`: between two looks whether the file is still in its place.
    """

    retry: float = 1.0
    idle: float = 1.0
    upkeep: float = 60.0
    look: float = 2.0


@dataclass(frozen=True, slots=True)
class Opened:
    """The journal is open, at its real path: the first report, or one after Waiting."""

    path: Path
    epoch: str
    set_aside: Path | None
    first: int
    last: int
    floor: int
    figures: Figures


@dataclass(frozen=True, slots=True)
class Waiting:
    """The first report of a journal that cannot be opened now, and may be later.

    Events are told in an epoch of their own, behind `last`.
    """

    epoch: str
    last: int
    why: str


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


Report: TypeAlias = Opened | Waiting | Failure | Progress | Ended


class Writer:
    """Owns the connection that writes. All but `inbox` and `start` happens in its own thread.

    `patient`: a journal that cannot be opened for want of room is waited for.
    """

    def __init__(
        self,
        place: Place,
        options: Options,
        *,
        tell: Callable[[Report], None],
        within: float,
        patient: bool,
        paces: Paces,
        backlog: Backlog,
    ) -> None:
        self.inbox = Inbox()
        self._place = place
        self._options = options
        self._scribe = Scribe(options)  # here, so that a key that is none is refused at once
        self._within = within
        self._patient = patient
        self._tell = tell
        self._paces = paces
        self._backlog = backlog
        self._numbering: Numbering | None = None  # until a journal that was waited for is open
        self._done: list[tuple[Future[Any], Any]] = []  # what came of jobs
        self._last_trouble: str | None = None
        self._told: tuple[int, int, int, int, str | None, Figures] | None = None
        self._table: Table | Absent
        self._retry_at = self._upkeep_at = self._idle_at = self._look_at = 0.0
        # A daemon: a disk that hangs must not keep the process from ending.
        self._thread = threading.Thread(target=self._main, name="journal-writer", daemon=True)

    def start(self) -> None:
        """Start the thread; its last report is Ended or Failure."""
        self._thread.start()

    # -- the thread ---------------------------------------------------------------------------

    def _main(self) -> None:
        try:
            self._lock = Lock(self._place.path)
            self._begin()
        except BaseException as error:  # noqa: BLE001  whoever opens is told
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

    def _begin(self) -> None:
        try:
            self._table = self._opened(self._within)
        except BaseException as error:
            self._lock.release()
            if not self._patient or not isinstance(error, NotKept):
                raise
            # An epoch of its own, and numbers that the file cannot have used.
            last = micros(self._place.now()) // 1000
            self._numbering = numbering = Numbering(secrets.token_hex(4), last)
            self._table = Absent(last, str(error))
            _log.error("journal.trouble", why=str(error))
            self._tell(Waiting(*numbering, str(error)))
        self._committer = Committer(self._table, self._scribe, self._lock, self._backlog)
        if isinstance(self._table, Absent):
            self._committer.trouble = self._last_trouble = self._table.why
            self._retry_at = time.monotonic() + self._paces.retry

    def _opened(self, within: float) -> Table:
        hold(self._place.path, self._lock, within, self.inbox.closed_within)
        table, epoch, aside = open_table(self._place, self._lock, self._numbering)
        self._upkeep = Upkeep(table, self._options, self._place.now)
        events = (table.first, table.last, table.floor)
        self._tell(Opened(table.path, epoch, aside, *events, table.figures))
        return table

    def _patience(self) -> float:
        """Return how many seconds there is nothing to do but wait for items."""
        if self._committer.trouble is not None:
            due = self._retry_at
        else:
            due = min(self._upkeep_at, self._look_at)
            if self._table.dirty:
                due = min(due, self._idle_at)
        return max(0.0, due - time.monotonic())

    def _turn(self, items: list[Parcel | Job], *, last: bool) -> None:
        committer, now = self._committer, time.monotonic()
        if committer.trouble is None and now >= self._look_at:
            committer.look()
            self._look_at = now + self._paces.look
        committer.take([item for item in items if isinstance(item, Parcel)])
        for item in items:
            if isinstance(item, Job):
                self._done.append((item.future, self._result(item)))
        if committer.trouble is not None:
            if self._last_trouble is None:
                self._retry_at = now + self._paces.retry
            if last or now >= self._retry_at:
                self._retry()
                self._retry_at = time.monotonic() + self._paces.retry
        elif items:
            self._idle_at = now + self._paces.idle
        self._last_trouble = committer.trouble
        if committer.trouble is None and not last:
            self._between(now)

    def _retry(self) -> None:
        if isinstance(self._table, Absent):
            try:
                self._table = self._committer.table = self._opened(0.0)
            except (ConfigurationError, NotKept) as error:
                self._lock.release()
                self._committer.trouble = str(error)
                return
            self._numbering = None
        self._committer.retry()

    def _result(self, job: Job) -> Any:
        try:
            return job.do(self._table)
        except Exception as error:  # noqa: BLE001  whoever asked is told
            return error

    def _between(self, now: float) -> None:
        """Keep the file in order while nothing waits; if that never is, in between all the same."""
        assert isinstance(self._table, Table)  # else there were trouble
        overdue = now >= self._upkeep_at + self._paces.upkeep
        try:
            if now >= self._upkeep_at and (self.inbox.empty or overdue):
                if not self._upkeep.slice():
                    self._upkeep_at = now + self._paces.upkeep
            elif self._table.dirty and now >= self._idle_at and self.inbox.empty:
                self._table.checkpoint()
        except Exception as error:  # noqa: BLE001  whatever it is, it must not come at each turn
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
            if isinstance(self._table, Table):
                self._table.checkpoint()
        except Exception as error:  # noqa: BLE001  what is committed stays in the WAL
            _log.warning("journal.failed", why=str(error))
        self._table.close()
        self._lock.release()
        self._tell(Ended(self._committer.waiting))
