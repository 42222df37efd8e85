"""The events of late, in memory: the part of the one order that readers follow without a journal.

Knows which of them there are; who reads them, and what came before, is `chronicle`'s.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Container, Iterator
from itertools import chain, islice, takewhile

from listener.journal import Mention
from listener.readers import Entry, Stretch

PAGE = 500
SLICE = 200
"""Events that are looked through while the loop stands still."""


class Ring:
    """At most `most` events in order, and those that may not be told yet (`pending`).

    `floor`: all that came behind that number, may be told and was not erased is here.
    """

    def __init__(self, most: int, floor: int) -> None:
        self.floor = floor
        self._most = most
        self._entries: deque[Entry] = deque()
        self._pending: deque[Entry] = deque()

    def __repr__(self) -> str:
        return f"<Ring {len(self._entries)} behind {self.floor}>"

    def __iter__(self) -> Iterator[Entry]:
        """Yield all, also what may not be told yet."""
        return chain(self._entries, self._pending)

    def told(self) -> tuple[Entry, ...]:
        """Return those that may be told, oldest first."""
        return tuple(self._entries)

    def __getitem__(self, place: int) -> Entry:
        return self._entries[place]

    def wait(self, entry: Entry) -> None:
        """Keep an event that may not be told yet."""
        self._pending.append(entry)

    def release(self, sequence: int) -> None:
        """Let all up to that number be told."""
        while self._pending and self._pending[0].sequence <= sequence:
            self.keep(self._pending.popleft())

    def keep(self, entry: Entry) -> None:
        """Keep an event that may be told; the oldest goes when there are too many."""
        self._entries.append(entry)
        if len(self._entries) > self._most:
            self.floor = self._entries.popleft().sequence

    def behind(self, place: int, last: int) -> Stretch:
        """Return the events behind a place that is not below `floor`; all of them end at `last`."""
        number = last - place
        if number <= 0:
            return Stretch((), place)
        if number <= PAGE:  # the usual: a few at the end
            newest = takewhile(lambda entry: entry.sequence > place, reversed(self._entries))
            return Stretch([*newest][::-1], last)
        found = [*islice((entry for entry in self._entries if entry.sequence > place), PAGE)]
        return Stretch(found, found[-1].sequence if len(found) == PAGE else last)

    async def forget(self, wanted: Mention, keys: Container[str | None], until: int) -> int:
        """Erase what mentions it, or is about those requests; looks at what came up to a number.

        Lets the loop turn meanwhile; returns how many there were.
        """
        erased: set[int] = set()
        place = 0
        while new := [*islice((e for e in self if place < e.sequence <= until), SLICE)]:
            erased |= {e.sequence for e in new if e.key in keys or _names(e, wanted)}
            place = new[-1].sequence
            await asyncio.sleep(0)
        self._entries = deque(e for e in self._entries if e.sequence not in erased)
        self._pending = deque(e for e in self._pending if e.sequence not in erased)
        return len(erased)


def _names(entry: Entry, wanted: Mention) -> bool:
    """Say whether an event mentions it, as the journal would."""
    data = json.dumps(entry.told.data, ensure_ascii=False)
    return wanted.is_id(entry.dialog_id) or wanted.made_in(data, entry.agent, entry.dialog_id)
