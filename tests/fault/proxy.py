"""A network that fails on demand: a TCP proxy between the program and a server, on loopback.

    async with Proxy(port) as proxy:  # connect to proxy.port in place of port
        proxy.freeze()                # all connections, and those to come
        proxy.heal()
        proxy.links[0].reset()        # one of them

Knows connections and what becomes of them; knows neither XMPP nor HTTP. TLS is passed through
untouched, or ended here and begun anew (`Ends`) where a fault has to meet words inside of it. What
happens to the bytes of one direction is in `proxy_pipe`.
"""

from __future__ import annotations

import asyncio
import socket
from collections import Counter, deque
from typing import Self

from listener.simulator.xmpp_outlet import reset
from tests.fault.proxy_link import LOOPBACK, Door, Ends, Link
from tests.fault.proxy_pipe import WAYS, Act, Mark, Shape, State, Trap, Way

__all__ = ["Act", "Ends", "Link", "Mark", "Proxy", "State", "Way"]

MAX_LINKS = 2_000  # at once; more are turned away
MAX_PAST = 1_000
_BACKLOG = 1_024


class Proxy:
    """Listens on `port` and carries each connection to `server_port`, until told otherwise.

    `links` are open now, oldest first; `past` those that are over (the last 1,000). `accepted`
    counts connections since the start, `turned_away` those of `refuse`, `passed` bytes each way.
    `handshakes` are connections on which the mark `established` has not gone down yet,
    `most_handshakes` the most of them at once.
    `shapes` and `greeting` are for connections to come. What goes wrong in the proxy itself is in
    `failures`, and raised at its end.
    """

    def __init__(
        self, server_port: int, *, ends: Ends | None = None, established: Mark | None = None
    ) -> None:
        self.server_port = server_port
        self.ends = ends
        self.established = established
        self.port = 0
        self.links: list[Link] = []
        self.past: deque[Link] = deque(maxlen=MAX_PAST)
        self.accepted = self.turned_away = 0
        self.handshakes = self.most_handshakes = 0
        self.passed: Counter[Way] = Counter()
        self.failures: list[Exception] = []
        self.shapes = {way: Shape() for way in WAYS}
        self.greeting = State.PASS
        self._refusal: Act | None = None
        self._server: asyncio.Server | None = None
        self._anchor: socket.socket | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def __repr__(self) -> str:
        return f"<Proxy {self.port} -> {self.server_port} links={len(self.links)}>"

    async def __aenter__(self) -> Self:
        # Bound and never listening: the port stays ours, and refused, while nothing listens.
        self._anchor = _bound(0)
        self.port = self._anchor.getsockname()[1]
        await self.come_back()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.refuse()
        for task in tuple(self._tasks):
            task.cancel()
        ended = await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._anchor is not None:
            self._anchor.close()
        for fault in (*self.failures, *ended):
            if isinstance(fault, Exception):
                raise fault

    # -- faults --------------------------------------------------------------------------------

    def freeze(self, *ways: Way) -> None:
        """Let these directions (none named: all, new connections too) stand still."""
        self._turn(State.HOLD, ways)

    def black_hole(self, *ways: Way) -> None:
        """Let these directions (none named: all, new connections too) lead nowhere."""
        self._turn(State.DROP, ways)

    def heal(self) -> None:
        """Let all pass as if nothing had been wrong; what was held goes on, what vanished did."""
        self._turn(State.PASS, ())
        self.shape(delay=0.0, piece=None)
        self.untrap()

    def shape(self, *, delay: float = 0.0, piece: int | None = None) -> None:
        """Delay each chunk by so many seconds, write at most so many bytes at once: everywhere."""
        for shape in self._all_shapes(*WAYS):
            shape.delay, shape.piece = delay, piece

    def trap(self, way: Way, mark: Mark, act: Act) -> None:
        """Set a trap on every connection, and on those to come."""
        for shape in self._all_shapes(way):
            shape.trap = Trap(mark, act)

    def untrap(self) -> None:
        """Take back all traps that were not reached."""
        for shape in self._all_shapes(*WAYS):
            shape.trap = None

    def reset(self) -> None:
        """End all connections by RST."""
        for link in tuple(self.links):
            link.reset()

    def finish(self) -> None:
        """End all connections in order."""
        for link in tuple(self.links):
            link.finish()

    async def refuse(self, how: Act | None = None) -> None:
        """Listen no more; or (FIN, RST) accept, and end each connection at once."""
        self._refusal = how
        if how is None and self._server is not None:
            self._server.close()
            self._server = None

    async def come_back(self) -> None:
        """Take connections again, on the same port."""
        self._refusal = None
        if self._server is None:
            self._server = await asyncio.get_running_loop().create_server(
                lambda: Door(self._arrived), sock=_bound(self.port), backlog=_BACKLOG
            )

    def _turn(self, state: State, ways: tuple[Way, ...]) -> None:
        for way in ways or WAYS:
            self.shapes[way].state = state
        for link in self.links:
            link.turn(state, *ways)
        if not ways:
            self.greeting = state
            for link in self.links:
                link.greet(state)

    def _all_shapes(self, *ways: Way) -> list[Shape]:
        links = [link.pipes[way].shape for link in self.links for way in ways]
        return [*links, *(self.shapes[way] for way in ways)]

    # -- told by connections -------------------------------------------------------------------

    def _arrived(self, transport: asyncio.Transport, door: Door) -> None:
        if self._refusal is not None or len(self.links) >= MAX_LINKS:
            self.turned_away += 1
            if self._refusal is Act.RST:
                reset(transport)
            else:
                transport.close()
            return
        self.accepted += 1
        link = Link(self, transport, door)
        self.links.append(link)
        self.handshakes += 1
        self.most_handshakes = max(self.most_handshakes, self.handshakes)
        task = asyncio.get_running_loop().create_task(link.run(), name=f"proxied {self.accepted}")
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and isinstance(fault := task.exception(), Exception):
            self.failures.append(fault)

    def shook_hands(self) -> None:
        """Hear from a link that its handshake is over."""
        self.handshakes -= 1

    def left(self, link: Link) -> None:
        """Hear from a link that it is over."""
        self.links.remove(link)
        self.past.append(link)
        self.handshakes -= not link.established


def _bound(port: int) -> socket.socket:
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind((LOOPBACK, port))
    return sock
