"""One HTTP exchange with one node: a free connection, the bytes out, the bounded answer in.

Knows httpx's transport, its tracing and the limits of time; knows no agents, no credentials and not
what a status means. Nothing is repeated here and no redirect is followed: the transport alone is
used, with `retries=0`, without the client's layers for redirects, authentication and environment.
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx

from listener.rest.words import explain, is_certificate, links

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Callable, Sequence

    from listener.rest.values import RestLimits, RestTimings

# The client's word for "the request's bytes begin to leave", told before the first of them does.
BYTES_LEAVE = "http11.send_request_headers.started"
CONNECTING = "connection.connect_tcp.started"
CONNECTED = "connection.connect_tcp.complete"


@dataclass(slots=True)
class Raw:
    """What one exchange brought.

    `sent`: bytes left, as traced. `whole`: the answer was read to its end. `unreached`: it failed
    while connecting. `certificate`: because the certificate was refused.
    """

    node: str
    sent: bool = False
    status: int | None = None
    headers: httpx.Headers = field(default_factory=httpx.Headers)
    body: bytes = b""
    whole: bool = False
    unreached: bool = False
    certificate: bool = False
    trouble: str = ""


class _Watch:
    """Hears the client's tracing: notes that bytes leave, and starts the time for the answer."""

    def __init__(self, raw: Raw, begin: Callable[[], None]) -> None:
        self._raw = raw
        self._begin = begin
        self._opened: Any = None

    async def __call__(self, event: str, info: dict[str, Any]) -> None:
        if event == CONNECTING:
            self._raw.unreached = True
        elif event == CONNECTED:
            self._opened = info["return_value"]
        elif event == BYTES_LEAVE:
            self._raw.sent, self._raw.unreached = True, False
            self._begin()

    async def hang_up(self) -> None:
        """Close a connection that was still shaking hands; the client forgets it when cancelled."""
        if self._raw.unreached and self._opened is not None:
            await self._opened.aclose()


class Line:
    """One connection pool for all agents and nodes, and the slots that bound it.

    The slots stand in front of httpx's pool because that pool loses a connection when a request is
    cancelled in the moment it is given one; behind the slots it never has to make a request wait.
    """

    def __init__(
        self,
        nodes: Sequence[str],
        *,
        tls: ssl.SSLContext,
        timings: RestTimings,
        limits: RestLimits,
    ) -> None:
        self._timings = timings
        self._limits = limits
        self._slots = {node: asyncio.Semaphore(limits.max_connections) for node in nodes}
        self._waiting = 0
        self._transport = httpx.AsyncHTTPTransport(
            verify=tls,
            trust_env=False,
            http1=True,
            http2=False,
            retries=0,
            limits=httpx.Limits(
                max_connections=None,
                max_keepalive_connections=limits.max_connections * len(nodes),
                keepalive_expiry=limits.keepalive,
            ),
        )

    async def aclose(self) -> None:
        """Close all connections; exchanges still running break."""
        await self._transport.aclose()

    async def exchange(
        self, node: str, request: httpx.Request, until: float, on_sent: Callable[[], None]
    ) -> Raw:
        """Send `request` to `node` once and read the answer; `until` is the loop's time of the end.

        Never raises but for cancellation. `on_sent` is called as the first byte is about to leave.
        """
        raw = Raw(node)
        async with self._slot(node, until) as free:
            if free:
                await self._run(raw, request, until, on_sent)
            else:
                raw.trouble = f"no free connection to {node} in time"
        return raw

    @asynccontextmanager
    async def _slot(self, node: str, until: float) -> AsyncIterator[bool]:
        free = await self._take(self._slots[node], until)
        try:
            yield free
        finally:
            if free:
                self._slots[node].release()

    async def _take(self, slots: asyncio.Semaphore, until: float) -> bool:
        if slots.locked() and self._waiting >= self._limits.max_waiting:
            return False
        patience = asyncio.get_running_loop().time() + self._timings.wait_for_connection
        self._waiting += 1
        try:
            async with asyncio.timeout_at(min(patience, until)):
                await slots.acquire()
        except TimeoutError:
            return False
        finally:
            self._waiting -= 1
        return True

    async def _run(
        self, raw: Raw, request: httpx.Request, until: float, on_sent: Callable[[], None]
    ) -> None:
        loop = asyncio.get_running_loop()
        around = sys.exception()
        # Connecting is timed by the client, which then closes what it opened; the rest is timed
        # here from the first byte out, because the client's limit starts anew with every read.
        connect = max(min(self._timings.connect, until - loop.time()), 0.001)
        limit = asyncio.timeout(None)

        def begin() -> None:
            limit.reschedule(min(loop.time() + self._timings.answer, until))
            on_sent()

        watch = _Watch(raw, begin)
        request.extensions = {
            "trace": watch,
            "timeout": {"connect": connect, "read": None, "write": None, "pool": connect},
        }
        try:
            async with limit:
                response = await self._transport.handle_async_request(request)
                await self._read(raw, response)
        except asyncio.CancelledError:
            await watch.hang_up()
            raise
        except Exception as error:  # noqa: BLE001 - whatever the client raises, the answer is a value
            story = links(error, around)
            raw.certificate = is_certificate(story)
            raw.trouble = explain(story, raw.node)

    async def _read(self, raw: Raw, response: httpx.Response) -> None:
        raw.status, raw.headers = response.status_code, response.headers
        parts: list[bytes] = []
        left = self._limits.max_body
        try:
            async for part in response.aiter_raw():
                left -= len(part)
                if left < 0:
                    raw.trouble = f"{raw.node} sent more than {self._limits.max_body} bytes"
                    return
                parts.append(part)
        finally:
            await response.aclose()
        raw.body, raw.whole = b"".join(parts), True
