"""Connections to the nodes that are kept for the next exchange, each alone in a transport.

httpx's own pool looks at every connection it has, twice in each exchange: with a hundred of them
that costs more than the exchange. Here a free one is taken from the end of a list.
Knows httpx's transports; knows nothing of limits on exchanges, of agents or of what is sent.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable


class Connections(httpx.AsyncBaseTransport):
    """One transport for all nodes; any number of exchanges may run at once.

    `make` makes a transport that is used for one exchange at a time. A connection that was not used
    for `keepalive` seconds is closed at the end of some later exchange.
    """

    def __init__(self, make: Callable[[], httpx.AsyncBaseTransport], *, keepalive: float) -> None:
        self._make = make
        self._keepalive = keepalive
        # With the loop's time of the last use; the one that was used last is at the right.
        self._free: dict[tuple[str, str, int | None], deque[_Free]] = {}
        self._all: set[httpx.AsyncBaseTransport] = set()
        self._old: set[httpx.AsyncBaseTransport] = set()  # made before `renew`

    def __repr__(self) -> str:
        return f"<Connections {sum(map(len, self._free.values()))} free of {len(self._all)}>"

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request over a free connection to its node, or over a new one."""
        free = self._free.setdefault(
            (request.url.scheme, request.url.host, request.url.port), deque()
        )
        transport = await self._taken(free)

        async def release() -> None:
            if transport in self._old:
                await self._drop(transport)
            elif transport in self._all:  # else all was closed meanwhile
                free.append((_clock(), transport))
            await self._drop_old()

        async def drop() -> None:
            # Its own pool loses a connection, and never closes it, when it is cancelled in the
            # moment that it gives one out or takes one back: what broke is not used again.
            await self._drop(transport)
            await self._drop_old()

        try:
            response = await transport.handle_async_request(request)
        except BaseException:
            await drop()
            raise
        assert isinstance(response.stream, httpx.AsyncByteStream)
        response.stream = _Releasing(response.stream, release, drop)
        return response

    def renew(self) -> None:
        """Use no connection for another exchange that was made before now."""
        self._old = set(self._all)

    async def _taken(self, free: deque[_Free]) -> httpx.AsyncBaseTransport:
        while free:
            transport = free.pop()[1]
            if transport not in self._old:
                return transport
            await self._drop(transport)
        transport = self._make()
        self._all.add(transport)
        return transport

    async def _drop(self, transport: httpx.AsyncBaseTransport) -> None:
        self._all.discard(transport)
        self._old.discard(transport)
        await transport.aclose()

    async def _drop_old(self) -> None:
        since = _clock() - self._keepalive
        for free in tuple(self._free.values()):  # few: one list for each node
            while free and free[0][0] < since:
                await self._drop(free.popleft()[1])

    async def aclose(self) -> None:
        """Close all connections; exchanges that still run break."""
        everything, self._all = self._all, set()
        self._free.clear()
        self._old.clear()
        for transport in everything:
            await transport.aclose()


_Free = tuple[float, httpx.AsyncBaseTransport]


class _Releasing(httpx.AsyncByteStream):
    """An answer's body that gives its connection back when it is closed, or drops it."""

    def __init__(
        self,
        stream: httpx.AsyncByteStream,
        release: Callable[[], Awaitable[None]],
        drop: Callable[[], Awaitable[None]],
    ) -> None:
        self._stream = stream
        self._release = release
        self._drop = drop
        self._closed = False

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._stream.__aiter__()

    async def aclose(self) -> None:
        """Close it, once."""
        if self._closed:
            return
        self._closed = True
        try:
            await self._stream.aclose()
        except BaseException:
            await self._drop()
            raise
        await self._release()


def _clock() -> float:
    return asyncio.get_running_loop().time()
