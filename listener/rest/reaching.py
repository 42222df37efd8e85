"""A request brought to the first node that can be reached, and what came back.

Knows nodes, connections, redirects and what stands in the head of a request. Knows not whose turn
it is, nor what an answer means. Nothing is ever sent twice: another node is tried only when not one
byte of the request had left for the first.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urljoin

import httpx

from listener.errors import ConfigurationError, InvalidRequest
from listener.finesse import uris
from listener.logs import get as get_logger
from listener.rest import checks
from listener.rest.exchange import Line
from listener.rest.flow import Raw
from listener.rest.values import RestLimits

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    from listener.rest.callers import Caller
    from listener.rest.nodes import Nodes
    from listener.rest.values import RestTimings

_log = get_logger(__name__)

MAX_REDIRECTS = 5
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_UNAVAILABLE = 503


@dataclass(frozen=True, slots=True)
class Message:
    """One request as it goes to whichever node; `leaves` as in `Line.open`."""

    method: str
    path: str
    content: bytes | None = None
    request_id: str | None = None
    leaves: Callable[[], None] = lambda: None


class Reach:
    """The way to all nodes. `user_agent` goes into each request; InvalidRequest where it cannot."""

    def __init__(
        self,
        nodes: Nodes,
        *,
        tls: ssl.SSLContext,
        timings: RestTimings,
        limits: RestLimits,
        user_agent: str,
    ) -> None:
        self._nodes = nodes
        self._total = timings.total
        self._user_agent = checks.header("user_agent", user_agent)
        self.line = Line(tuple(nodes), tls=tls, timings=timings, limits=limits)
        # However many requests wait for a silent node, it can be asked how it is.
        self.how_it_is = Line(
            tuple(nodes), tls=tls, timings=timings, limits=RestLimits(max_connections=2)
        )

    def __repr__(self) -> str:
        return f"<Reach {', '.join(self._nodes)}>"

    def trust(self, tls: ssl.SSLContext) -> None:
        """Make connections with another context from now on."""
        self.line.trust(tls)
        self.how_it_is.trust(tls)

    async def aclose(self) -> None:
        """Close all connections. Let running calls end first, or they end in doubt."""
        await self.line.aclose()
        await self.how_it_is.aclose()

    def until(self) -> float:
        """Return when a call that begins now is over at the latest, on the loop's clock."""
        return asyncio.get_running_loop().time() + self._total

    async def get(
        self,
        agent: str | None,
        caller: Caller | None,
        path: str,
        nodes: tuple[str, ...] = (),
        *,
        until: float | None = None,
    ) -> Raw:
        """GET a path, following redirects inside the API of the configured nodes."""
        until = until or self.until()
        raw = Raw("")
        for _ in range(1 + MAX_REDIRECTS):
            raw = await self.reach(agent, caller, Message("GET", path), until, nodes)
            target = self._target(raw, path)
            if target is None:
                return raw
            nodes, path = (target[0],), target[1]
        return raw

    def _target(self, raw: Raw, path: str) -> tuple[str, str] | None:
        """Return node and path of a redirect that may be followed, or None."""
        if raw.status not in _REDIRECTS or "location" not in raw.headers:
            return None
        try:
            url = httpx.URL(urljoin(raw.node + path, raw.headers["location"]))
            origin = self._nodes.known(f"{url.scheme}://{url.netloc.decode('ascii')}")
            target = url.raw_path.decode("ascii")
            checks.check_path(target)
        except (ConfigurationError, InvalidRequest, httpx.InvalidURL, ValueError):
            return None
        return origin, target

    async def reach(
        self,
        agent: str | None,
        caller: Caller | None,
        message: Message,
        until: float,
        nodes: tuple[str, ...] = (),
    ) -> Raw:
        """Bring a message to the first node that can be reached."""
        loop = asyncio.get_running_loop()
        raw = Raw("", trouble="no credentials are known for that agent")
        if caller is None:
            return raw
        troubles: list[str] = []
        for node in nodes or self._nodes.order(agent):
            raw = await self._exchange(agent, caller, message, node, until)
            if not nodes and raw.status in {None, _UNAVAILABLE}:
                self._nodes.failed(node)
            if not raw.unreached or loop.time() >= until:
                break
            troubles.append(raw.trouble)
        if raw.unreached:
            raw.trouble = "; ".join(dict.fromkeys((*troubles, raw.trouble)))
        if not nodes and raw.sent:
            self._nodes.answered(raw.node)
        return raw

    async def _exchange(
        self, agent: str | None, caller: Caller, message: Message, node: str, until: float
    ) -> Raw:
        loop = asyncio.get_running_loop()
        start = loop.time()
        path = message.path.partition("?")[0]
        log = _log.bind(agent=agent, method=message.method, path=path, node=node)
        request = self._request(caller, message, node)
        line = self.how_it_is if message.path == uris.SYSTEM_INFO else self.line
        heard = caller.heard

        def leaving() -> None:
            message.leaves()
            log.debug("rest.sent")

        with caller.turns.showing():
            raw = await line.exchange(node, request, until, leaving)
        caller.keep(raw, request)
        caller.took(loop.time(), raw.status, heard)
        elapsed = round(loop.time() - start, 6)
        if raw.status is not None:
            log.debug("rest.answered", status=raw.status, elapsed=elapsed)
        else:
            log.debug("rest.failed", detail=raw.trouble, sent=raw.sent, elapsed=elapsed)
        return raw

    def _request(self, caller: Caller, message: Message, node: str) -> httpx.Request:
        headers: list[tuple[bytes, bytes]] = [
            (b"User-Agent", self._user_agent),
            (b"Accept", b"application/xml"),
            (b"Accept-Encoding", b"identity"),  # a small body may not unpack to a big one
        ]
        if caller.credentials is not None:
            headers.append((b"Authorization", caller.credentials.authorization()))
        if message.request_id is not None:
            headers.append((b"requestId", message.request_id.encode("latin-1")))
        if message.content is not None:
            headers.append((b"Content-Type", b"application/xml"))
        url = httpx.URL(node).copy_with(raw_path=message.path.encode("ascii"))
        request = httpx.Request(message.method, url, headers=headers, content=message.content)
        caller.cookies.set_cookie_header(request)
        return request
