"""A journal in a test's folder, rows for it, and disks that fail on demand."""

from __future__ import annotations

import itertools
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from listener.correlation.outcome import Confirmed, Evidence
from listener.correlation.picture import Baseline
from listener.correlation.registration import Registration
from listener.correlation.steps import AnswerKind, Late, RestAnswer
from listener.finesse.actions import Hold, MakeCall
from listener.journal import (
    After,
    Answered,
    Event,
    Going,
    Intent,
    Journal,
    Left,
    Options,
    Settled,
    store,
)
from listener.journal.writer import Paces
from listener.ticket import Record
from tests.builders import a_dialog, a_user

KEY = bytes(range(32))
OPTIONS = Options(key=KEY)
START = datetime(2026, 11, 21, 8, 0, 0, 123456, tzinfo=UTC)
QUICK = Paces(retry=0.01, idle=60.0, upkeep=3600.0)
"""Tries again at once; leaves the file alone unless a test wants otherwise."""
CUSTOMER = "+12025550101"

_numbers = itertools.count(1)


@dataclass
class Clock:
    """The wall clock of a test."""

    moment: datetime = START

    def __call__(self) -> datetime:
        return self.moment

    def forward(self, **by: float) -> None:
        """Let time pass; negative: set it back."""
        self.moment += timedelta(**by)


@asynccontextmanager
async def journal_at(path: Path, options: Options = OPTIONS, **how: Any) -> AsyncIterator[Journal]:
    """Open a journal, and close it at the end."""
    journal = await opened(path, options, **how)
    try:
        yield journal
    finally:
        await journal.aclose()


async def opened(path: Path, options: Options = OPTIONS, **how: Any) -> Journal:
    """Open a journal that tries again at once."""
    how = {"now": Clock(), "paces": QUICK} | how
    return await Journal.open(path, options, **how)


def options(**changes: Any) -> Options:
    """Return options of which a test changes one."""
    return replace(OPTIONS, **changes)


def a_record(request: Any = None, **changes: Any) -> Record:
    """Return a request that was just taken."""
    key = f"01930000-0000-7000-8000-{next(_numbers):012}"
    how = {
        "key": key,
        "request_id": f"rq-{key[-4:]}",
        "request": request or Hold(agent="1001", dialog_id="100", target_media_address="1001"),
        "submitted": START,
        "submitted_at": 12.5,
    }
    return Record(**how | changes)


def a_call(to: str = CUSTOMER) -> MakeCall:
    """Return a request that carries a number."""
    return MakeCall(agent="1001", to_address=to, from_address="1001")


def registered(record: Record, **changes: Any) -> Registration:
    """Return what goes with a record."""
    how = {"key": record.key, "request_id": record.request_id, "own": "1001", "length": 20.0}
    return Registration(**how | changes)


def taken(record: Record, **changes: Any) -> Intent:
    """Return the intent of a record."""
    return Intent.of(record, registered(record, **changes))


def going(record: Record, *dialogs: Any, at: datetime = START) -> Going:
    """Return that it goes out, knowing these dialogs."""
    first, *others = dialogs or (a_dialog(),)
    return Going(record.key, at, Baseline(first, tuple(others), a_user()))


def left(record: Record, *dialogs: Any, at: datetime = START) -> Left:
    """Return that it leaves, knowing these dialogs."""
    first, *others = dialogs or (a_dialog(),)
    return Left(record.key, at, Baseline(first, tuple(others), a_user()))


def answered(
    record: Record, at: datetime = START, length: float = 20.0, sent: datetime | None = None
) -> Answered:
    """Return that Finesse accepted it."""
    return Answered(record.key, at, RestAnswer(AnswerKind.ACCEPTED, 202, date=1.0), length, sent)


def settled(record: Record, at: datetime = START, **outcome: Any) -> Settled:
    """Return that it was confirmed."""
    return Settled(record.key, at, Confirmed(evidence=Evidence.REQUEST_ID, status=202, **outcome))


def after(record: Record, at: datetime = START, detail: str = "it rings") -> After:
    """Return that something came late."""
    return After(record.key, at, Late(record.key, "event", 99.0, detail))


def an_event(sequence: int, name: str = "dialog", **changes: Any) -> Event:
    """Return an event of the stream."""
    how: dict[str, Any] = {
        "sequence": sequence,
        "at": START,
        "name": name,
        "agent": "1001",
        "dialog_id": "100",
        "key": None,
        "data": {"agent": "1001", "change": "changed", "dialog": {"id": "100"}},
    }
    return Event(**how | changes)


async def a_life(journal: Journal, record: Record | None = None, at: datetime = START) -> Record:
    """Write all there is of a request, from its intent to its outcome."""
    record = record or a_record()
    assert await journal.put(taken(record))
    assert await journal.put(going(record, at=at))
    assert await journal.put(left(record, at=at))
    assert await journal.put(answered(record, at))
    assert await journal.put(settled(record, at))
    return record


FULL = ("database or disk is full", sqlite3.SQLITE_FULL)
IO = ("disk I/O error", sqlite3.SQLITE_IOERR)


@dataclass
class Disk:
    """What a connection meets: `fails` at statements that begin with one of `at`.

    `gate` holds commits back until it is set; `arrived` is set when one is held back. `overwrites`
    False leaves deleted bytes where they are. `patience`: seconds for somebody else's lock.
    """

    fails: tuple[str, int] | None = None
    at: tuple[str, ...] = ("INSERT", "UPDATE", "DELETE", "COMMIT")
    only: Callable[[str], bool] = lambda _sql: True
    gate: threading.Event | None = None
    arrived: threading.Event = field(default_factory=threading.Event)
    commits: int = 0
    overwrites: bool = True
    patience: float = store.BUSY_SECONDS

    def connect(self, uri: str) -> sqlite3.Connection:
        """Open a database on this disk."""
        disk = self

        class Connection(sqlite3.Connection):
            def execute(self, sql: str, *given: Any) -> sqlite3.Cursor:
                disk.meet(sql)
                if not disk.overwrites:
                    sql = sql.replace("secure_delete=ON", "secure_delete=OFF")
                return super().execute(sql, *given)

            def executemany(self, sql: str, given: Any) -> sqlite3.Cursor:
                disk.meet(sql)
                return super().executemany(sql, given)

        return sqlite3.connect(
            uri,
            uri=True,
            isolation_level=None,
            timeout=disk.patience,
            factory=Connection,
        )

    def meet(self, sql: str) -> None:
        """Let a statement pass, or fail."""
        if self.fails is not None and sql.startswith(self.at) and self.only(sql):
            text, code = self.fails
            error = sqlite3.OperationalError(text)
            error.sqlite_errorcode = code
            raise error
        if sql == "COMMIT":
            if self.gate is not None:
                self.arrived.set()
                self.gate.wait(20)
            self.commits += 1
