"""Somebody else's HTTP request, passed to a configured node once, and the answer as it comes.

Knows nodes, connections and which headers are of one hop alone; knows neither requests of Finesse
nor what proves them. Credentials pass through and are neither kept nor logged; there are no cookies
and no redirects here. Another node is tried only while not one byte has left.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import httpx

from listener.logs import get as get_logger
from listener.rest import onward
from listener.rest.exchange import Line
from listener.rest.flow import Flow, Raw
from listener.rest.values import RestLimits, RestTimings

if TYPE_CHECKING:
    import ssl

    from listener.rest.nodes import Nodes

_log = get_logger(__name__)

_UNAVAILABLE = 503

Content: TypeAlias = "bytes | AsyncIterable[bytes] | None"


@dataclass(frozen=True, slots=True, repr=False)
class Message:
    """One request as its caller sent it.

    `target` is the path with the query, byte for byte; `headers` as they came, those of one hop
    included; they are left out on the way. `content` is None for a request without a body; one that
    comes in parts is sent as it comes, in chunks unless its headers tell its length. `agent`: in
    whose name it is, where that is known: the node of that agent's session is asked first.
    """

    method: str
    target: bytes
    headers: tuple[tuple[bytes, bytes], ...] = ()
    content: Content = None
    agent: str | None = None

    def __repr__(self) -> str:
        return f"<Message {self.method} {self.path}>"

    @property
    def path(self) -> str:
        """The path without the query, for people."""
        return self.target.partition(b"?")[0].decode("ascii", "backslashreplace")


class _Parts(httpx.AsyncByteStream):
    """A body that comes from elsewhere."""

    def __init__(self, parts: AsyncIterable[bytes]) -> None:
        self._parts = parts

    def __aiter__(self) -> AsyncIterator[bytes]:
        return aiter(self._parts)


class Forwarder:
    """Passes requests to the nodes of one deployment, over connections of its own.

    `tls` is a context for REST alone. `timings.total` bounds the way to the answer's head, but for
    a request whose body comes in parts; behind the head `timings.answer` bounds the wait for each
    part.
    """

    def __init__(
        self,
        nodes: Nodes,
        *,
        tls: ssl.SSLContext,
        timings: RestTimings | None = None,
        limits: RestLimits | None = None,
    ) -> None:
        self._nodes = nodes
        self._urls = {node: httpx.URL(node) for node in nodes}
        self._timings = timings or RestTimings()
        self._line = Line(
            tuple(nodes), tls=tls, timings=self._timings, limits=limits or RestLimits()
        )

    def __repr__(self) -> str:
        return f"<Forwarder to {', '.join(self._nodes)}>"

    def trust(self, tls: ssl.SSLContext) -> None:
        """Make connections with another context from now on."""
        self._line.trust(tls)

    async def aclose(self) -> None:
        """Close all connections; what still runs breaks."""
        await self._line.aclose()

    async def open(self, message: Message, leaves: Callable[[], None] = lambda: None) -> Flow:
        """Send a message once and return its answer up to the headers; the caller closes it.

        `leaves` is called in the moment before its first byte may leave, as in `Line.open`. Never
        raises but for cancellation, when behind that the request may have been sent. Without an
        answer the flow's `raw` has no status, and says whether anything was sent.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + self._timings.total
        flow = Flow(Raw(""), idle=self._timings.answer)
        troubles: list[str] = []
        for node in self._nodes.order(message.agent):
            flow = await self._exchange(node, message, until, leaves)
            if flow.raw.status in {None, _UNAVAILABLE}:
                self._nodes.failed(node)
            if not flow.raw.unreached or loop.time() >= until:
                break
            troubles.append(flow.raw.trouble)
        if flow.raw.unreached:
            flow.raw.trouble = "; ".join(dict.fromkeys((*troubles, flow.raw.trouble)))
        if flow.raw.sent:
            self._nodes.answered(flow.raw.node)
        return flow

    async def _exchange(
        self, node: str, message: Message, until: float, leaves: Callable[[], None]
    ) -> Flow:
        loop = asyncio.get_running_loop()
        start = loop.time()
        log = _log.bind(method=message.method, path=message.path, node=node)
        request = _request(message, self._urls[node])
        streamed = not isinstance(message.content, bytes | None)

        def leaving() -> None:
            leaves()
            log.debug("rest.sent")

        flow = await self._line.open(node, request, until, leaving, streamed=streamed)
        elapsed = round(loop.time() - start, 6)
        if flow.raw.status is not None:
            log.debug("rest.answered", status=flow.raw.status, elapsed=elapsed)
        else:
            log.debug("rest.failed", detail=flow.raw.trouble, sent=flow.raw.sent, elapsed=elapsed)
        return flow


def _request(message: Message, url: httpx.URL) -> httpx.Request:
    headers = [(b"Host", url.netloc), *onward.of_request(message.headers)]
    stream: httpx.AsyncByteStream = httpx.ByteStream(b"")
    match message.content:
        case None:
            pass
        case bytes() as content:
            headers.append((b"Content-Length", b"%d" % len(content)))
            stream = httpx.ByteStream(content)
        case parts:
            headers.append(_length(message))
            stream = _Parts(parts)
    # The target goes out as it came: the URL's own class would write some characters anew.
    return httpx.Request(
        message.method,
        url,
        headers=headers,
        stream=stream,
        extensions={"target": message.target},
    )


def _length(message: Message) -> tuple[bytes, bytes]:
    """Return how the next hop is told where a body that comes in parts ends."""
    chunked = onward.first(message.headers, b"transfer-encoding") is not None
    length = onward.first(message.headers, b"content-length")
    if chunked or length is None:
        return b"Transfer-Encoding", b"chunked"
    return b"Content-Length", length
