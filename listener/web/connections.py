"""Who is connected to one server, counted apart, and what their connections may cost.

Knows limits and counts; knows neither HTTP nor sockets.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

REFUSALS = 64
"""Connections beyond the limit that are told so, at the same time; further ones are cut."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one server's connections may cost. Times in seconds.

    `header_seconds`: from the connection, or the first byte of a further request, to the end of the
    header; a TLS handshake has as long again. `body_seconds`: from there to the end of the body.
    `stalled_seconds`: how long what was written may lie unread. `idle_seconds`: between requests.
    """

    header_seconds: float = 10.0
    body_seconds: float = 30.0
    body_bytes: int = 262_144
    connections: int = 512
    event_readers: int = 2000
    stalled_seconds: float = 5.0
    idle_seconds: float = 75.0


class Kind(Enum):
    """As what a connection is counted."""

    ORDINARY = "ordinary"
    EVENT_READER = "event_reader"
    REFUSED = "refused"


class Held(Protocol):
    """An open connection."""

    def shutdown(self) -> None:
        """End it as soon as nothing is running on it."""

    def abort(self) -> None:
        """End it now."""


class Book:
    """The open connections of one server, each as one kind."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._kinds: dict[Held, Kind] = {}
        self._counts = dict.fromkeys(Kind, 0)
        self.empty = asyncio.Event()
        """Set while nothing is connected."""
        self.empty.set()

    def count(self, kind: Kind) -> int:
        """Return how many of that kind there are."""
        return self._counts[kind]

    def all(self) -> list[Held]:
        """Return all of them, as they are now."""
        return list(self._kinds)

    def enter(self, one: Held) -> Kind | None:
        """Count a new connection: ordinary, else to be refused; None: not even that."""
        kind = Kind.ORDINARY
        if self._counts[kind] >= self._limits.connections:
            kind = Kind.REFUSED
            if self._counts[kind] >= REFUSALS:
                return None
        self._kinds[one] = kind
        self._counts[kind] += 1
        self.empty.clear()
        return kind

    def leave(self, one: Held) -> None:
        """Count it no more."""
        kind = self._kinds.pop(one, None)
        if kind is not None:
            self._counts[kind] -= 1
        if not self._kinds:
            self.empty.set()

    def becomes_event_reader(self, one: Held) -> bool:
        """Count a connection as an event reader from now on; False when there are too many."""
        kind = self._kinds.get(one)
        if kind is not Kind.ORDINARY:
            return kind is Kind.EVENT_READER
        if self._counts[Kind.EVENT_READER] >= self._limits.event_readers:
            return False
        self._kinds[one] = Kind.EVENT_READER
        self._counts[Kind.ORDINARY] -= 1
        self._counts[Kind.EVENT_READER] += 1
        return True

    def reads_events(self, one: Held) -> bool:
        """Say whether it is counted as an event reader."""
        return self._kinds.get(one) is Kind.EVENT_READER


class Connection:
    """What an application may do with its connection: `scope["listener.connection"]`."""

    __slots__ = ("_abort", "_become")

    def __init__(self, become: Callable[[], bool], abort: Callable[[], None]) -> None:
        self._become = become
        self._abort = abort

    def become_event_reader(self) -> bool:
        """Stop counting against the ordinary connections, for an answer without an end.

        False when there are too many event readers; then nothing has changed, and the application
        answers 503. The connection is closed when that answer ends.
        """
        return self._become()

    def abort(self) -> None:
        """Cut the connection now, whatever was written and not read."""
        self._abort()
