"""Readers of the chronicle: each a place in the one order of events, and what it wants of them.

A reader pulls, so that a slow one costs nobody anything. Knows neither the journal nor HTTP.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from listener.offers import Told, Wanted

MAX_BEHIND = 1_000
AT_ONCE = 500
"""Events that became readable in one moment: nobody is behind for not having them yet."""
STALLED_FOR = 3.0  # seconds without a step after which a reader that leaves was cut off


class Source(Protocol):
    """Where readers pull from (`chronicle`). `epoch` is the first part of every id."""

    epoch: str

    @property
    def last(self) -> int:
        """The sequence of the last event that may be told."""
        ...

    async def page(self, place: int) -> Stretch:
        """Return the next events behind a place, wanted or not; at most a page."""
        ...

    def reset(self, place: int) -> tuple[int, Told]:
        """Return where a reader goes on whose place is lost, and what it is told of that."""
        ...

    def left(self, reader: ChronicleReader, *, cut: bool) -> None:
        """Hear that a reader left, or was cut off."""
        ...


@dataclass(slots=True)
class Entry:
    """One event in the ring."""

    sequence: int
    told: Told
    agent: str | None
    dialog_id: str | None
    key: str | None

    def fits(self, wanted: Wanted) -> bool:
        """Say whether a reader wants it; a request's own dialogs are found by their ids."""
        return (
            wanted.agent in {None, self.agent}
            and wanted.dialog_id in {None, self.dialog_id}
            and wanted.id in {None, self.key}
            and (wanted.kinds is None or self.told.name in wanted.kinds)
        )


@dataclass(frozen=True, slots=True)
class Stretch:
    """What comes behind a place: the events up to `to`, which is the place where there are none.

    `lost`: some of what came behind that place is not kept any more.
    """

    entries: Iterable[Entry]
    to: int
    lost: bool = False


class ChronicleReader:
    """One reader: a place in the order of events, and what it wants of them.

    It is cut off when it did not take more than 1,000 events that came one after the other: the
    last thing that it is told is `lagged`. What was there when it came, and what became readable
    all at once (a disk is writable again), it may fetch in its own time.
    """

    def __init__(self, chronicle: Source, wanted: Wanted, place: int, first: Told | None) -> None:
        self.wanted = wanted
        self.began = self.place = place
        self.arrived = asyncio.Event()
        self._chronicle = chronicle
        self._first = first
        self._page: deque[Entry] = deque()
        self._page_to = place
        self._handed_at = 0.0
        self._catching_up = True  # until it was at the end once
        self._ended = False

    def __repr__(self) -> str:
        return f"<ChronicleReader at {self.place}{' ended' if self._ended else ''}>"

    @property
    def position(self) -> str:
        """Behind which event it goes on: an id for `Last-Event-ID`."""
        return f"{self._chronicle.epoch}-{self.place}"

    def __aiter__(self) -> ChronicleReader:
        return self

    async def __anext__(self) -> Told:
        """Return the next event that is wanted; waits for it."""
        self._handed_at = 0.0
        if self._first is not None:
            first, self._first = self._first, None
            return first
        while not self._ended:
            if (entry := self._next()) is not None:
                self._handed_at = asyncio.get_running_loop().time()
                return entry.told
            if self._behind():
                behind = self._chronicle.last - self.place
                self._end(cut=True)
                return Told(None, "lagged", {"behind": behind})
            self.arrived.clear()
            found = await self._chronicle.page(self.place)
            if found.lost:
                self.place, told = self._chronicle.reset(self.place)
                self._page_to = self.place
                return told
            self._page.extend(found.entries)
            self._page_to = found.to
            if found.to <= self.place:
                self._catching_up = False
                await self.arrived.wait()
        raise StopAsyncIteration

    def _next(self) -> Entry | None:
        while self._page:
            entry = self._page.popleft()
            self.place = entry.sequence
            if entry.fits(self.wanted):
                return entry
        self.place = max(self.place, self._page_to)
        return None

    def _behind(self) -> bool:
        return not self._catching_up and self._chronicle.last - self.place > MAX_BEHIND

    def offer(self, count: int) -> None:
        """Hear that so many more events may be read now."""
        if count > AT_ONCE:
            self._catching_up = True
        self.arrived.set()

    def fetch_again(self) -> None:
        """Give up what was fetched and not handed over yet: something in it may be erased."""
        self._page.clear()
        self._page_to = self.place

    def close(self) -> None:
        """End it from the daemon's side: nothing more comes."""
        self._end(cut=False)

    async def aclose(self) -> None:
        """Leave; one that left while it did not take what was there was cut off for that."""
        waited = asyncio.get_running_loop().time() - self._handed_at if self._handed_at else 0.0
        self._end(cut=waited > STALLED_FOR)

    def _end(self, *, cut: bool) -> None:
        self._ended = True
        self._chronicle.left(self, cut=cut)
        self.arrived.set()
