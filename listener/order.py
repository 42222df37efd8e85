"""The one order of events: numbers them, holds the recent ones, and lets readers follow.

Readers pull: each has a place in the one ring of recent events, so that a slow one costs nobody
anything; what is older than the ring comes from the journal. What an event says, and when it is
safe, is `chronicle`'s.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from collections import deque
from collections.abc import Callable, Container
from dataclasses import dataclass
from typing import Any

from listener.journal import Event, Journal, Mention
from listener.ledger import now_utc
from listener.offers import Told, Wanted
from listener.readers import ChronicleReader, Entry, Stretch
from listener.report import stamp
from listener.ring import PAGE, Ring

RING = 10_000
"""Events in memory without a journal; with one, a part of it is enough."""
RING_BESIDE_JOURNAL = 4_000
MAX_CUTS = 1_000
MAX_HEARING = 20_000
"""Events about sessions that stay in memory beside the others."""

_NUMBER = re.compile(r"[0-9]{1,18}")
_OF_SESSIONS = frozenset({"session", "gap"})
_HEARING = ("at", "id", "agent", "state", "live", "node", "from", "until", "cause", "lossless")


@dataclass(frozen=True, slots=True)
class Earlier:
    """The events that a process told, as far as it remembers them."""

    epoch: str
    sequence: int
    entries: tuple[Entry, ...]


class Order:
    """Fulfils `readers.Source`, over a journal or without one. Made inside a running loop.

    `lagged` is called for each reader that is cut off. `earlier`: what the process before this one
    told, where the journal does not keep all of it. `ring`: how many events are kept in memory.
    `last`: the sequence of the last event that may be told; `begun`: of the last one before this
    process, which began to tell at `started`.
    """

    def __init__(
        self,
        journal: Journal | None,
        *,
        lagged: Callable[[], None],
        earlier: Earlier | None,
        ring: int | None,
    ) -> None:
        self._journal = journal
        self.epoch = journal.epoch if journal is not None else secrets.token_hex(4)
        self.started = now_utc()
        self.begun = self.last = self._sequence = journal.last_sequence if journal else 0
        self._most = ring or (RING if journal is None else RING_BESIDE_JOURNAL)
        self._ring = Ring(self._most, self.last)
        self._erased = 0  # how often something was erased
        self._at_once = 0  # events that became readable in this turn of the loop
        self._readers: set[ChronicleReader] = set()
        self._cuts: deque[tuple[Wanted, int, int]] = deque(maxlen=MAX_CUTS)
        self._lagged = lagged
        self._closed = False
        self._loop = asyncio.get_running_loop()
        self.hearing: deque[dict[str, Any]] = deque(maxlen=MAX_HEARING)
        """How sessions came and went of late, oldest first: what the events said of it."""
        if earlier is not None:
            self._go_on(earlier)
        if journal is not None:
            journal.on_written = self._written

    def _go_on(self, earlier: Earlier) -> None:
        if self._journal is None:
            self.epoch, self._sequence = earlier.epoch, earlier.sequence
        elif (self.epoch, self._sequence) != (earlier.epoch, earlier.sequence):
            return  # it is another journal
        self.last = self._sequence
        first = earlier.entries[0].sequence if earlier.entries else self.last + 1
        self._ring = Ring(self._most, first - 1)
        for entry in earlier.entries:
            self._ring.keep(entry)

    @property
    def journal(self) -> Journal | None:
        """The journal that it keeps all in; another one after a hand-over that came to nothing."""
        return self._journal

    # -- told -----------------------------------------------------------------------------------

    def _tell(
        self,
        name: str,
        data: dict[str, Any],
        agent: str | None,
        dialog_id: str | None,
        key: str | None,
    ) -> list[Event]:
        """Give an event its number; return its row, or nothing where there is no journal."""
        self._sequence += 1
        at = now_utc()
        data = {"at": stamp(at), **data}
        told = Told(f"{self.epoch}-{self._sequence}", name, data)
        entry = Entry(self._sequence, told, agent, dialog_id, key)
        if name in _OF_SESSIONS:
            self.hearing.append({key: data[key] for key in _HEARING if key in data})
        if self._journal is None:
            self._ring.keep(entry)
            self._reached(self._sequence)
            return []
        self._ring.wait(entry)
        return [Event(self._sequence, at, name, agent, dialog_id, key, data)]

    def _written(self, sequence: int) -> None:
        """Let readers have what is safe now."""
        self._ring.release(sequence)
        self._reached(sequence)

    def _reached(self, sequence: int) -> None:
        """Let readers know how far they may read; never back, whatever was erased."""
        if not self._at_once:
            self._loop.call_soon(self._turned)
        self._at_once += max(0, sequence - self.last)
        self.last = max(self.last, sequence)
        for reader in self._readers:
            reader.offer(self._at_once)

    def _turned(self) -> None:
        self._at_once = 0

    # -- readers ----------------------------------------------------------------------------------

    @property
    def readers(self) -> int:
        """How many read now."""
        return len(self._readers)

    def read(self, wanted: Wanted, after: str | None) -> ChronicleReader:
        """Begin to read behind the id `after`, or (None) from now on."""
        place, first = self._place(wanted, after)
        reader = ChronicleReader(self, wanted, place, first)
        if self._closed:
            reader.close()
        else:
            self._readers.add(reader)
        return reader

    def _place(self, wanted: Wanted, after: str | None) -> tuple[int, Told | None]:
        if after is None:
            return self.last, None
        epoch, _, number = after.rpartition("-")
        sequence = int(number) if _NUMBER.fullmatch(number) else -1
        if epoch != self.epoch or not 0 <= sequence <= self.last:
            return self.last, _reset(after)
        for cut in self._cuts:
            if cut[0] == wanted and cut[1] <= sequence <= cut[2]:
                self._cuts.remove(cut)
                return sequence, Told(None, "lagged", {"behind": self.last - sequence})
        return sequence, None

    def reset(self, place: int) -> tuple[int, Told]:
        """Return where a reader goes on whose place is lost, and what it is told of that."""
        return self.last, _reset(f"{self.epoch}-{place}")

    def recent(self) -> tuple[Entry, ...]:
        """Return the events of late that are in memory and may be told, oldest first."""
        return self._ring.told()

    async def page(self, place: int) -> Stretch:
        """Return the next events behind a place, wanted or not; at most a page.

        Those that are not in the ring come from the journal, which says whether any are lost.
        """
        while place < self._ring.floor:
            if self._journal is None:
                return Stretch((), place, lost=True)
            erased, last = self._erased, self.last
            found = await self._journal.events(place, PAGE)
            if erased != self._erased:
                continue  # what was erased meanwhile may be in it
            to = min(found.looked_to, last)
            rows = [self._entry(row) for row in found.rows if row.sequence <= to]
            return Stretch(rows, to, lost=place < found.floor)
        return self._ring.behind(place, self.last)

    def _entry(self, row: Event) -> Entry:
        told = Told(f"{self.epoch}-{row.sequence}", row.name, row.data)
        return Entry(row.sequence, told, row.agent, row.dialog_id, row.key)

    def left(self, reader: ChronicleReader, *, cut: bool) -> None:
        """Forget a reader; one that was cut off finds `lagged` first when it comes back."""
        if reader in self._readers:
            self._readers.discard(reader)
            if cut:
                self._lagged()
                self._cuts.append((reader.wanted, reader.began, reader.place))

    async def forget(self, wanted: Mention, keys: Container[str | None] = ()) -> dict[str, int]:
        """Erase events from memory that mention a number or a dialog, or are about those requests.

        Also those that are not safe yet, or that a reader fetched and was not handed. Call it after
        the journal's own. Lets the loop turn meanwhile; returns how many there were.
        """
        recent = await self._ring.forget(wanted, keys, self._sequence)
        self._erased += 1
        for reader in self._readers:
            reader.fetch_again()
        return {"recent": recent}

    def close(self) -> None:
        """End all readers."""
        self._closed = True
        for reader in tuple(self._readers):
            reader.close()


def _reset(after: str) -> Told:
    data = {"reason": "that event is not kept; read the requests anew", "after": after}
    return Told(None, "reset", data)
