"""Events for whoever listens: bounded queues, and a plain word to a reader that falls behind.

The session never waits for a reader.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TypeAlias

from listener.finesse.events import Event

MAX_WAITING = 1_000


@dataclass(frozen=True, slots=True)
class Lagged:
    """The reader fell behind by more than 1,000 events; this is the last thing it gets."""


FeedItem: TypeAlias = Event | Lagged


class Subscription:
    """One reader's queue, for one agent or for all."""

    def __init__(self, agent: str | None) -> None:
        self.agent = agent
        self._queue: deque[FeedItem] = deque()
        self._arrived = asyncio.Event()
        self._closed = False

    @property
    def closed(self) -> bool:
        """Whether nothing more will be put."""
        return self._closed

    def put(self, event: Event) -> None:
        """Hand over an event without waiting; a full queue ends the subscription."""
        if self._closed or self.agent not in {None, event.owner}:
            return
        if len(self._queue) >= MAX_WAITING:
            self._queue.append(Lagged())
            self._closed = True
        else:
            self._queue.append(event)
        self._arrived.set()

    def close(self) -> None:
        """End it; what is queued can still be read."""
        self._closed = True
        self._arrived.set()

    async def __aiter__(self) -> AsyncIterator[FeedItem]:
        while True:
            while self._queue:
                yield self._queue.popleft()
            if self._closed:
                return
            self._arrived.clear()
            await self._arrived.wait()


class Feed:
    """All readers."""

    def __init__(self) -> None:
        self._readers: set[Subscription] = set()

    def subscribe(self, agent: str | None) -> Subscription:
        """Begin to collect events of one agent's nodes (None: of all)."""
        subscription = Subscription(agent)
        self._readers.add(subscription)
        return subscription

    def unsubscribe(self, subscription: Subscription) -> None:
        """Stop collecting."""
        subscription.close()
        self._readers.discard(subscription)

    def put(self, event: Event) -> None:
        """Hand an event to every reader that wants it."""
        for reader in tuple(self._readers):
            reader.put(event)
            if reader.closed:
                self._readers.discard(reader)

    def close(self) -> None:
        """End all subscriptions."""
        for reader in tuple(self._readers):
            self.unsubscribe(reader)
