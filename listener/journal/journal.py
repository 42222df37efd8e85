"""The journal's door on the loop: rows in, futures out; nothing here waits for a disk."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, Self, TypeVar, assert_never

from listener import logs
from listener.errors import NotKept
from listener.journal import store
from listener.journal.asking import Asking
from listener.journal.keys import keyed_hash
from listener.journal.opening import Place
from listener.journal.outgoing import Outgoing
from listener.journal.parcels import MAX_ROWS, Backlog, Job, Parcel
from listener.journal.reader import Reader
from listener.journal.reading import Reading
from listener.journal.rows import Options, Page, Row
from listener.journal.sealing import Seals
from listener.journal.table import Figures, Table
from listener.journal.writer import (
    Ended,
    Failure,
    Opened,
    Paces,
    Progress,
    Report,
    Waiting,
    Writer,
)

CLOSES_WITHIN = 10.0
"""Seconds that `aclose` gives the disk."""

_Answer = TypeVar("_Answer")
_log = logs.get(__name__)


class Journal(Asking):
    """One journal, held by this process alone. Made by `open`, inside the running loop.

    `epoch`: made with the file. `first_sequence`, `last_sequence`: of the events that can be had;
    the first is 0 when there are none, the last never goes back. `floor`: the lowest sequence
    behind which nothing is lost (see `Page`). `trouble`: why nothing can be
    written now. `set_aside`: where a damaged file went. `dropped`: rows that were lost in trouble
    because too many were kept. `figures`: commits, failed tries and bytes on disk, as the thread
    that writes told them last. `on_written` is called on the loop after each commit with the
    highest sequence that is safe (or given up), `on_trouble` when the trouble changes.
    """

    def __init__(
        self,
        place: Place,
        options: Options,
        *,
        within: float,
        patient: bool,
        paces: Paces,
        backlog: Backlog,
        max_queued: int,
    ) -> None:
        self.path = place.given
        self.epoch = ""
        self.first_sequence = self.last_sequence = self.floor = 0
        self.trouble: str | None = None
        self.set_aside: Path | None = None
        self.dropped = 0
        self.figures = Figures()
        self.on_written: Callable[[int], None] | None = None
        self.on_trouble: Callable[[str | None], None] | None = None
        self._options = options
        self._loop = asyncio.get_running_loop()
        self._writer = Writer(
            place,
            options,
            tell=self._tell,
            within=within,
            patient=patient,
            paces=paces,
            backlog=backlog,
        )
        self._outgoing = Outgoing(self._writer.inbox, max_queued)
        self._begun: asyncio.Future[None] = self._loop.create_future()
        self._open: asyncio.Future[None] = self._loop.create_future()
        self._ended: asyncio.Future[None] = self._loop.create_future()
        self._safe = 0
        self._closing = False
        self._held_back: str | None = None
        self._reported: str | None = None  # the writer's trouble
        self._reader = Reader(options, place.connect)

    def __repr__(self) -> str:
        state = "closed" if self._closing else self.trouble or "open"
        return f"<Journal {self.path} {self.epoch}-{self.last_sequence} {state}>"

    @property
    def unreadable(self) -> int:
        """How many rows were met that could not be read, and were skipped."""
        return self._reader.unreadable

    @classmethod
    async def open(
        cls,
        path: Path,
        options: Options,
        *,
        now: Callable[[], datetime],
        within: float = 0.0,
        patient: bool = False,
        keep_key: bool = False,
        connect: store.Connect = store.connect,
        paces: Paces | None = None,
        backlog: Backlog | None = None,
        max_queued: int = MAX_ROWS,
    ) -> Self:
        """Open or make the journal; waits `within` seconds for another process to let go of it.

        Raises ConfigurationError where it can never work (held, no rights, a newer version), and
        NotKept where it may work later (no room, I/O error). `patient`: in that case it is in
        trouble instead, tries again, and holds back until `release` when it is open (see `opened`).
        `keep_key`: write the key to the file that `key_of_folder` reads. `connect`, `paces`,
        `backlog` and `max_queued` are for tests.
        """
        journal = cls(
            Place(path, options.key, now, connect, keep_key),
            options,
            within=within,
            patient=patient,
            paces=paces or Paces(),
            backlog=Backlog() if backlog is None else backlog,
            max_queued=max_queued,
        )
        journal._writer.start()
        try:
            await asyncio.shield(journal._begun)
        except BaseException:
            # When this was cancelled: what the thread has opened, or will, it closes again.
            journal._closing = True
            journal._writer.inbox.close()
            raise
        return journal

    @property
    def is_open(self) -> bool:
        """Whether the file is open; a patient one may still wait for room."""
        return self._open.done()

    async def opened(self) -> None:
        """Wait until the file is open, and can be read. Raises NotKept when it is closed first."""
        await asyncio.shield(self._open)

    def hold_back(self, why: str) -> None:
        """Be in trouble, also without any of the disk, until `release`."""
        self._held_back = why
        self._turn_to(self._reported)

    def release(self) -> None:
        """End `hold_back`: what the file knows of earlier requests is known now."""
        self._held_back = None
        self._turn_to(self._reported)

    # -- writing --------------------------------------------------------------------------------

    def put(self, *rows: Row) -> asyncio.Future[bool]:
        """Write rows in one transaction.

        True: committed. False: the first try failed. Intent and Going are then dropped, the others
        are tried again until there is room.
        """
        future: asyncio.Future[bool] = self._loop.create_future()
        if self._closing:
            future.set_result(False)
        elif self.trouble is None and not self._outgoing.is_full:
            self._outgoing.add(Parcel(rows, future))
        else:
            future.set_result(False)
            before = self._outgoing.dropped
            self._outgoing.keep(rows)
            self.dropped += self._outgoing.dropped - before
        return future

    def hash_of(self, text: str) -> str:
        """Return the keyed hash under which an Idempotency-Key or a fingerprint is kept."""
        return keyed_hash(self._options.key, text)

    # -- what the writer's thread tells ---------------------------------------------------------

    def _tell(self, report: Report) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(self._hear, report)

    def _hear(self, report: Report) -> None:
        match report:
            case Opened():
                self._hear_opened(report)
            case Waiting():
                self.epoch, self.floor = report.epoch, report.last
                self._safe = self.last_sequence = report.last
                self.trouble = self._reported = report.why
                self._held_back = "what it knows of earlier requests is not read yet"
                self._begun.set_result(None)
            case Failure(error=error):
                for future in (self._begun, self._open):
                    future.set_exception(error)
                    future.exception()  # looked at, also when nobody waits any more
                self._ended.set_result(None)
            case Progress():
                self._progress(report)
            case Ended(lost=lost):
                if lost:
                    _log.error("journal.dropped", rows=lost)
                self._ended.set_result(None)
            case never:
                assert_never(never)

    def _hear_opened(self, report: Opened) -> None:
        self.path, self.epoch, self.set_aside = report.path, report.epoch, report.set_aside
        self.first_sequence, self.last_sequence = report.first, report.last
        self.floor, self.figures = report.floor, report.figures
        _log.info("journal.opened", file=str(self.path), epoch=self.epoch)
        if not self._begun.done():
            self._safe = report.last
            self._begun.set_result(None)
        if not self._open.done():
            self._open.set_result(None)

    def _turn_to(self, reported: str | None) -> None:
        """Be in trouble, or no more."""
        self._reported, before = reported, self.trouble
        self.trouble = reported or self._held_back
        if before != self.trouble and self.on_trouble is not None:
            self.on_trouble(self.trouble)

    def _progress(self, report: Progress) -> None:
        self._outgoing.taken(report.taken)
        self.first_sequence, self.last_sequence = report.first, report.last
        self.floor, self.figures = report.floor, report.figures
        self.dropped = report.dropped + self._outgoing.dropped
        self._turn_to(report.trouble)
        for future, result in report.results:
            _settle(future, result)
        if report.safe > self._safe:
            self._safe = report.safe
            if self.on_written is not None:
                self.on_written(report.safe)
        if not self._closing:
            self._outgoing.tell_what_was_left_out()

    # -- reading --------------------------------------------------------------------------------

    async def _ask(self, question: Callable[[Reading], _Answer]) -> _Answer:
        if not self.is_open:
            raise NotKept(f"the journal {self.path} is not open: {self.trouble}")
        return await self._reader.ask(self.path, question)

    async def events(self, after: int, limit: int) -> Page:
        """Return the events behind the sequence `after`; says whether any of them are lost."""
        safe = self._safe
        page = await self._ask(lambda reading: reading.events(after, limit, safe))
        # What was given up in trouble is noted in the file only when there is room again.
        return replace(page, floor=max(page.floor, self.floor))

    # -- erasing and closing ----------------------------------------------------------------------

    def _form_of(self, text: str) -> str:
        return Seals(self._options).form_of(text)

    async def _do(self, work: Callable[[Table], None]) -> None:
        """Have the writer do something between two transactions. Raises NotKept."""
        if self._closing:
            raise NotKept("the journal is closed")
        future: asyncio.Future[None] = self._loop.create_future()
        self._writer.inbox.add(Job(work, future))
        try:
            await future
        except (sqlite3.Error, OSError) as error:
            raise NotKept(f"the journal {self.path} cannot be written: {error}") from None

    async def aclose(self) -> None:
        """Write what waits, bring all into the one file, and let go of it; once is enough.

        In trouble it tries once more. A disk that hangs is waited for at most 10 s.
        """
        if not self._closing:
            self._closing = True
            await self._reader.aclose()
            if not self._open.done():
                self._open.set_exception(
                    NotKept("the journal was closed before it could be opened")
                )
                self._open.exception()  # looked at, also when nobody waits
            self._writer.inbox.close()
        try:
            async with asyncio.timeout(CLOSES_WITHIN):
                await asyncio.shield(self._ended)
        except TimeoutError:
            _log.error("journal.failed", why=f"the disk of {self.path} does not answer")


def _settle(future: asyncio.Future[Any], result: Any) -> None:
    if future.done():
        return
    if isinstance(result, Exception):
        future.set_exception(result)
    else:
        future.set_result(result)
