"""Committing parcels, and what becomes of them when nothing can be written.

A request whose intent cannot be written is not sent, so its intent is dropped at once. What has
happened already is kept in memory and tried again in order. Knows neither threads nor time.
"""

from __future__ import annotations

import sqlite3
from asyncio import Future
from collections import Counter
from contextlib import suppress

from listener import logs
from listener.journal.encoding import Scribe, Written
from listener.journal.opening import Absent
from listener.journal.parcels import Backlog, Parcel, highest
from listener.journal.place import Lock
from listener.journal.rows import Event, Row
from listener.journal.table import Table

AT_ONCE = 500
"""Parcels of the backlog that are tried in one transaction."""

_ROW_FAULTS = (
    sqlite3.IntegrityError,
    sqlite3.DataError,
    sqlite3.ProgrammingError,
    sqlite3.InterfaceError,
)

_log = logs.get(__name__)


class Committer:
    """Writes parcels, or keeps them. `results`: what the first try of each gave.

    `safe`: events up to that number are written or given up. `trouble`: why nothing can be written.

    `table` is another one once a journal that could not be opened is.
    """

    def __init__(self, table: Table | Absent, scribe: Scribe, lock: Lock, backlog: Backlog) -> None:
        self.table = table
        self._scribe = scribe
        self._lock = lock
        self._backlog = backlog
        self._given_up = 0  # told to the loop, but not noted in the file
        self.results: list[tuple[Future[bool], bool]] = []
        self.safe = table.last
        self.trouble: str | None = None

    @property
    def waiting(self) -> int:
        """How many rows are kept because they could not be written."""
        return self._backlog.rows

    @property
    def dropped(self) -> Counter[str]:
        """How many rows of each kind were dropped because too many were kept."""
        return self._backlog.dropped

    def take(self, parcels: list[Parcel]) -> None:
        """Write parcels in one transaction; in trouble, keep them behind the others."""
        for parcel in parcels:
            self._write_down(parcel)
        if self.trouble is not None:
            self._keep(parcels)
        elif parcels:
            self._try(parcels)

    def retry(self) -> None:
        """Try to write what is kept; without any, whether something could be written."""
        table = self.table
        if isinstance(table, Absent):
            return
        try:
            with suppress(sqlite3.Error):  # the WAL may hold room that can be given back
                table.checkpoint()
            table.check_place()
            while waiting := self._backlog.first(AT_ONCE):
                done, error = self._write(waiting)
                self._backlog.done(done)
                if error is not None:
                    raise error
            table.write((), self._given_up)
            table.probe()
        except sqlite3.Error as error:
            self.trouble = str(error)
            return
        self._given_up = 0
        self._lock.mark(marked=False)
        self.trouble = None
        _log.warning("journal.recovered", dropped=dict(self.dropped))

    def look(self) -> None:
        """Make sure that what is written has a name: a file that was removed is trouble."""
        try:
            self._open_table().check_place()
        except sqlite3.Error as error:
            self._fail(error)

    @property
    def floor(self) -> int:
        """No event up to that number can be had."""
        return max(self.table.floor, self._given_up)

    # -- within -------------------------------------------------------------------------------

    def _write_down(self, parcel: Parcel) -> None:
        rows, parcel.rows = parcel.rows, ()
        for row in rows:
            written = self._written(row)
            parcel.written.append(written)
            parcel.refused = parcel.refused or (written.binding and not written.statements)
        if parcel.refused:
            parcel.written = [each for each in parcel.written if not each.binding]

    def _written(self, row: Row) -> Written:
        try:
            return self._scribe.write(row)
        except Exception:  # noqa: BLE001  whatever is wrong with a row harms that row alone
            _log.exception("journal.refused", kind=type(row).__name__)
            number = row.sequence if isinstance(row, Event) else 0
            return Written(type(row), (), 0, number, lost=number > 0)

    def _try(self, parcels: list[Parcel]) -> None:
        done, error = self._write(parcels)
        self._answer(parcels[:done], written=True)
        if error is not None:
            self._fail(error)
            self._keep(parcels[done:])

    def _fail(self, error: sqlite3.Error) -> None:
        self.trouble = str(error)
        _log.error("journal.trouble", why=self.trouble)

    def _open_table(self) -> Table:
        if isinstance(self.table, Absent):
            raise sqlite3.OperationalError(self.table.why)
        return self.table

    def _write(self, parcels: list[Parcel]) -> tuple[int, sqlite3.Error | None]:
        """Write in one transaction, or one by one when a row's own fault prevents it.

        Returns how many are written, and what prevents the others.
        """
        done = 0
        try:
            try:
                self._open_table().write(parcels, self._given_up)
                done = len(parcels)
            except _ROW_FAULTS:
                for parcel in parcels:
                    self._write_alone(parcel)
                    done += 1
        except sqlite3.Error as error:
            return done, error
        finally:
            self.safe = max(self.safe, highest(parcels[:done]))
        return done, None

    def _write_alone(self, parcel: Parcel) -> None:
        try:
            self._open_table().write((parcel,), self._given_up)
        except _ROW_FAULTS as fault:
            kinds = [each.kind.__name__ for each in parcel.written]
            _log.error("journal.refused", kind=kinds, why=str(fault))
            parcel.refused = True
            passed = Parcel(())
            passed.pass_over(parcel.sequence)
            self._open_table().write((passed,), self._given_up)

    def _answer(self, parcels: list[Parcel], *, written: bool) -> None:
        self.results += [
            (parcel.future, written and not parcel.refused)
            for parcel in parcels
            if parcel.future is not None
        ]

    def _keep(self, parcels: list[Parcel]) -> None:
        for parcel in parcels:
            self._backlog.keep(parcel)
        went = self._backlog.shed()
        if went:
            _log.error("journal.dropped", **went)
        if self._backlog.given_up > max(self._given_up, self.table.last):
            self._given_up = self._backlog.given_up
            self.safe = max(self.safe, self._given_up)
            self._lock.mark(marked=True)
        self._answer(parcels, written=False)
