"""The payloads of the notifications of late, as they came: bounded, in memory alone.

They are shown masked (`raw`), and are gone with the process. Knows no XML.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from itertools import takewhile

from listener.finesse import uris
from listener.finesse.model import Notification
from listener.ledger import now_utc

MOST = 20_000
"""Notifications that are kept."""
MOST_CHARACTERS = 32 * 1024 * 1024
"""Characters of all of them."""


@dataclass(frozen=True, slots=True)
class Heard:
    """One notification: when (seconds since 1970), whose node, and the text itself."""

    at: float
    agent: str | None
    node: str
    item_id: str | None
    payload: str

    def __repr__(self) -> str:
        return f"<Heard {self.node} {len(self.payload)} characters>"


class Payloads:
    """The newest payloads; the oldest go when there are too many."""

    def __init__(
        self,
        wall: Callable[[], datetime] = now_utc,
        *,
        most: int = MOST,
        characters: int = MOST_CHARACTERS,
    ) -> None:
        self._wall = wall
        self._most, self._characters = most, characters
        self._kept: deque[Heard] = deque()
        self._size = 0
        self.since = wall().timestamp()
        """From when on all are kept, in seconds since 1970."""

    def __repr__(self) -> str:
        return f"<Payloads {len(self._kept)}>"

    def __len__(self) -> int:
        return len(self._kept)

    def take(self, notification: Notification) -> None:
        """Keep what was heard now."""
        payload = notification.payload
        agent = uris.place(notification.node).user
        at = self._wall().timestamp()
        self._kept.append(Heard(at, agent, notification.node, notification.item_id, payload))
        self._size += len(payload)
        while len(self._kept) > self._most or self._size > self._characters:
            gone = self._kept.popleft()
            self._size -= len(gone.payload)
            self.since = self._kept[0].at if self._kept else at

    def between(self, since: float, until: float) -> list[Heard]:
        """Return those of a time (seconds since 1970), oldest first."""
        newest = takewhile(lambda each: each.at >= since, reversed(self._kept))
        return [each for each in newest if each.at <= until][::-1]

    def forget(self) -> int:
        """Drop all: something of it is to be erased."""
        count = len(self._kept)
        self._kept.clear()
        self._size = 0
        self.since = self._wall().timestamp()
        return count
