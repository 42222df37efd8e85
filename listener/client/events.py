"""The event stream as an asynchronous iterator that comes back after a loss where it was.

Knows how to resume and for how long to try; knows nothing of what the events mean.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack
from typing import Any, Self, cast

from listener.client.happenings import Event, StreamEvent
from listener.client.line import Call, Line
from listener.client.sse import Block, Parser
from listener.errors import DaemonUnreachable, ListenerError, Problem

PATIENCE = 300.0
"""Seconds without the daemon after which a reader gives up."""

_PATH = "/v1/events"


class Events:
    """One reader's events, in order, none lost and none twice inside the daemon's retention.

    After a loss it asks again for what follows the last event that it gave. Where that is not known
    any more, `reset` comes first; `lagged` says that the daemon had cut this reader off. Iterating
    raises Problem when the daemon refuses, DaemonUnreachable when the first connection fails or
    there was none for `patience` seconds. Close it, or use it with `async with`.
    """

    def __init__(
        self,
        line: Line,
        wanted: Mapping[str, str | list[str]],
        *,
        after: str | None,
        patience: float = PATIENCE,
        lost: Callable[[str], None] | None = None,
        opened: Callable[[], None] | None = None,
    ) -> None:
        self._line = line
        self._wanted = dict(wanted)
        self._patience = patience
        self._lost = lost
        self._opened = opened
        self._parser = Parser(after)
        self._ready: deque[Block] = deque()
        self._given = after
        self._open = AsyncExitStack()
        self._chunks: AsyncIterator[bytes] | None = None
        self._failures = 0
        self._lost_at: float | None = None
        self._begun = self._fresh = False
        self._closed = False

    @property
    def last_id(self) -> str | None:
        """Where to resume later (`after`): behind the last event that was given."""
        return self._given if self._ready else self._parser.last_id

    def __aiter__(self) -> Self:
        return self

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Leave; the daemon keeps nothing for this reader."""
        self._closed = True
        await self._hang_up()

    async def __anext__(self) -> Event:
        while not self._ready:
            if self._closed:
                raise StopAsyncIteration
            try:
                await self._more()
            except DaemonUnreachable as error:
                await self._again(error)
            except Problem as problem:
                if not (self._begun and problem.retryable):
                    await self.aclose()
                    raise
                await self._again(problem, problem.retry_after)
        block = self._ready.popleft()
        self._given = block.id or self._given
        return cast("Event", StreamEvent(block.id, block.name, _data(block)))

    async def _more(self) -> None:
        """Take in the next bytes, connecting first where there is no stream."""
        if self._chunks is None:
            headers = {"Accept": "text/event-stream"}
            if self._parser.last_id is not None:
                headers["Last-Event-ID"] = self._parser.last_id
            call = Call("GET", _PATH, params=self._wanted, headers=headers)
            self._chunks = await self._open.enter_async_context(self._line.stream(call))
            self._begun = self._fresh = True
        try:
            chunk = await anext(self._chunks)
            self._ready.extend(self._parser.feed(chunk))
        except StopAsyncIteration:
            raise DaemonUnreachable(f"{self._line.where} ended the event stream") from None
        if self._parser.broken:
            raise DaemonUnreachable(f"{self._line.where} sends an event that is too long")
        self._lost_at = None
        if self._fresh and self._opened is not None:
            self._opened()  # the place is known: what comes from here on is not missed
        self._fresh = False
        if self._ready:
            self._failures = 0

    async def _again(self, error: ListenerError, least: float | None = None) -> None:
        """Hang up and wait for the next attempt; raise when there is no use in one."""
        await self._hang_up()
        now = asyncio.get_running_loop().time()
        self._lost_at = now if self._lost_at is None else self._lost_at
        if not self._begun or now - self._lost_at > self._patience:
            self._closed = True
            raise error
        if self._lost is not None and self._failures == 0:
            self._lost(str(error))
        pace = self._line.pace
        await asyncio.sleep(pace.delay(self._failures, least or self._parser.retry))
        self._failures += 1

    async def _hang_up(self) -> None:
        """Drop the stream, and what of an event had come: it is asked for again."""
        self._chunks = None
        self._parser.restart()
        await self._open.aclose()


def _data(block: Block) -> dict[str, Any]:
    try:
        found = json.loads(block.data)
    except ValueError:
        found = None
    return found if isinstance(found, dict) else {"text": block.data}
