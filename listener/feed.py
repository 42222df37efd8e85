"""Events for whoever listens: bounded queues, and a plain word to a reader that falls behind.

The session never waits for a reader.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self, TypeAlias

from listener.finesse.events import Event

MAX_WAITING = 1_000


@dataclass(frozen=True, slots=True)
class Lagged:
    """The reader fell behind by more than 1,000 events; this is the last thing it gets."""


FeedItem: TypeAlias = Event | Lagged


class EventStream:
    """One reader's queue, for one agent or for all: `async for event in stream`.

    Giving up a wait loses nothing: the next one goes on where it was. After `aclose` what is queued
    can still be read.
    """

    def __init__(self, agent: str | None, left: Callable[[EventStream], None]) -> None:
        self.agent = agent
        self._left = left
        self._queue: deque[FeedItem] = deque()
        self._arrived = asyncio.Event()
        self._closed = False

    def __repr__(self) -> str:
        state = " closed" if self._closed else ""
        return f"<EventStream {self.agent or 'all'} waiting={len(self._queue)}{state}>"

    @property
    def closed(self) -> bool:
        """Whether nothing more will be put."""
        return self._closed

    def put(self, event: Event) -> None:
        """Hand over an event without waiting; a full queue ends the stream."""
        if self._closed or self.agent not in {None, event.owner}:
            return
        if len(self._queue) >= MAX_WAITING:
            self._queue.append(Lagged())
            self.close()
        else:
            self._queue.append(event)
            self._arrived.set()

    def close(self) -> None:
        """End it; what is queued can still be read."""
        self._closed = True
        self._arrived.set()
        self._left(self)

    async def aclose(self) -> None:
        """As `close`, for `contextlib.aclosing`."""
        self.close()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> FeedItem:
        while not self._queue:
            if self._closed:
                raise StopAsyncIteration
            self._arrived.clear()
            await self._arrived.wait()
        return self._queue.popleft()


class Feed:
    """All readers."""

    def __init__(self) -> None:
        self._readers: set[EventStream] = set()
        self._closed = False

    def __len__(self) -> int:
        return len(self._readers)

    def subscribe(self, agent: str | None) -> EventStream:
        """Begin to collect events of one agent's nodes (None: of all); nothing after `close`."""
        stream = EventStream(agent, self._readers.discard)
        self._readers.add(stream)
        if self._closed:
            stream.close()
        return stream

    def put(self, event: Event) -> None:
        """Hand an event to every reader that wants it."""
        for reader in tuple(self._readers):
            reader.put(event)

    def close(self) -> None:
        """End all streams."""
        self._closed = True
        for reader in tuple(self._readers):
            reader.close()
