"""One HTTP exchange with one node: a free connection, the bytes out, the bounded answer in.

Knows httpx's transport, its tracing and the limits of time; knows no agents, no credentials and not
what a status means. Nothing is repeated here and no redirect is followed: the transport alone is
used, with `retries=0`, without the client's layers for redirects, authentication and environment.
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import httpx

from listener.rest.checks import SAFE_METHODS
from listener.rest.connections import Connections
from listener.rest.flow import Flow, Raw
from listener.standstill import read_first

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Sequence

    from listener.rest.values import RestLimits, RestTimings

# The client's word for "the request's bytes begin to leave", told before the first of them does.
BYTES_LEAVE = "http11.send_request_headers.started"
ANSWER_AWAITED = "http11.receive_response_headers.started"
CONNECTING = "connection.connect_tcp.started"
CONNECTED = "connection.connect_tcp.complete"


class _Watch:
    """Hears the client's tracing: tells that bytes leave, and starts the time for the answer.

    `begins` is the event at which that time starts. What `leaves` raises the client raises, before
    it writes anything. `changes`: it is a request that may change something.
    """

    def __init__(
        self,
        raw: Raw,
        leaves: Callable[[], None],
        begin: Callable[[], None],
        begins: str,
        *,
        changes: bool,
    ) -> None:
        self._changes = changes
        self._raw = raw
        self._leaves = leaves
        self._begin = begin
        self._begins = begins
        self._opened: Any = None

    async def __call__(self, event: str, info: dict[str, Any]) -> None:
        if event == CONNECTING:
            self._raw.unreached = True
        elif event == CONNECTED:
            self._opened = info["return_value"]
        elif event == BYTES_LEAVE:
            if self._changes:  # nothing is compared with what was known when a GET left
                await read_first()  # what lies there unread is no change since (rules 4)
            self._leaves()
            self._raw.sent, self._raw.unreached = True, False
        if event == self._begins:
            self._begin()

    async def hang_up(self) -> None:
        """Close a connection that was still shaking hands; the client forgets it when cancelled."""
        if self._raw.unreached and self._opened is not None:
            await self._opened.aclose()


class Line:
    """The connections of all agents and nodes, and the slots that bound them."""

    def __init__(
        self,
        nodes: Sequence[str],
        *,
        tls: ssl.SSLContext,
        timings: RestTimings,
        limits: RestLimits,
    ) -> None:
        self._tls = tls
        self._timings = timings
        self._limits = limits
        self._slots = {node: asyncio.Semaphore(limits.max_connections) for node in nodes}
        self._waiting = 0
        self._transport = Connections(
            lambda: httpx.AsyncHTTPTransport(
                verify=self._tls,
                trust_env=False,
                http1=True,
                http2=False,
                retries=0,
                limits=httpx.Limits(
                    max_connections=None,
                    max_keepalive_connections=1,
                    keepalive_expiry=limits.keepalive,
                ),
            ),
            keepalive=limits.keepalive,
        )

    async def aclose(self) -> None:
        """Close all connections; exchanges still running break."""
        await self._transport.aclose()

    def trust(self, tls: ssl.SSLContext) -> None:
        """Make connections with another context from now on; exchanges that run are not touched."""
        self._tls = tls
        self._transport.renew()

    async def exchange(
        self, node: str, request: httpx.Request, until: float, leaves: Callable[[], None]
    ) -> Raw:
        """Send `request` to `node` once and read the answer; `until` is the loop's time of the end.

        Never raises but for cancellation; `leaves` as in `open`.
        """
        async with aclosing(await self.open(node, request, until, leaves)) as flow:
            if not await flow.read(self._limits.max_body) and not flow.raw.trouble:
                flow.raw.trouble = f"{node} sent more than {self._limits.max_body} bytes"
            if not flow.raw.whole:
                flow.raw.body = b""
        return flow.raw

    async def open(
        self,
        node: str,
        request: httpx.Request,
        until: float,
        leaves: Callable[[], None],
        *,
        streamed: bool = False,
    ) -> Flow:
        """Send `request` to `node` once and return its answer up to the headers; close it.

        Never raises but for cancellation. `leaves` is called in the moment before the first byte
        may leave; it may raise CancelledError, and nothing leaves. `streamed`: the request's body
        comes from elsewhere and takes its time, so the time for the answer (`until` does not count
        then) begins behind it.
        """
        flow = Flow(Raw(node), idle=self._timings.answer)
        slots = self._slots[node]
        if not await self._take(slots, until):
            flow.raw.trouble = f"no free connection to {node} in time"
            return flow
        flow.on_close(slots.release)
        try:
            await self._send(flow, request, until, leaves, streamed=streamed)
        except BaseException:
            await flow.aclose()
            raise
        if flow.raw.status is None:
            await flow.aclose()
        return flow

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

    async def _send(
        self,
        flow: Flow,
        request: httpx.Request,
        until: float,
        leaves: Callable[[], None],
        *,
        streamed: bool,
    ) -> None:
        loop = asyncio.get_running_loop()
        around = sys.exception()
        # Connecting is timed by the client, which then closes what it opened; the rest is timed
        # here from the first byte out, because the client's limit starts anew with every read.
        connect = max(min(self._timings.connect, until - loop.time()), 0.001)
        limit = asyncio.timeout(None)

        def begin() -> None:
            end = loop.time() + self._timings.answer
            flow.until = end if streamed else min(end, until)
            limit.reschedule(flow.until)  # noqa: F821 - it is deleted behind the exchange alone

        begins = ANSWER_AWAITED if streamed else BYTES_LEAVE
        changes = request.method not in SAFE_METHODS
        watch = _Watch(flow.raw, leaves, begin, begins, changes=changes)
        write = self._timings.answer if streamed else None
        request.extensions = {
            **request.extensions,
            "trace": watch,
            "timeout": {"connect": connect, "read": None, "write": write, "pool": connect},
        }
        try:
            async with limit:
                flow.begin(await self._transport.handle_async_request(request))
        except asyncio.CancelledError:
            await watch.hang_up()
            raise
        except Exception as error:  # noqa: BLE001 - whatever the client raises, the answer is a value
            flow.broke(error, around)
        finally:
            # The limit knows the task that is cancelled, whose exception knows this frame: the
            # cycle would keep a connection until the collector looks at everything.
            del limit, around
