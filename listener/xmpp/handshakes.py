"""Who may try to sign in now: one queue for all agents, with as many places as the node can bear.

Knows waiting and the order of who came; how many places there are is `window`'s. Must not know
sessions or why an attempt failed.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from listener import logs
from listener.xmpp.window import Window

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

_log = logs.get(__name__)


class Handshakes:
    """The attempts of all agents. `most` are never exceeded, whatever the node.

    `allowed`: seconds that one may take. `node` names the one at which attempts are made now; each
    has its own number of places, which what becomes of them makes smaller and greater.
    """

    def __init__(
        self, most: int, allowed: float = 10.0, node: Callable[[], str] = lambda: "the server"
    ) -> None:
        self._most = most
        self._allowed = allowed
        self._node = node
        self._windows: dict[str, Window] = {}
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._busy = 0

    def __repr__(self) -> str:
        return f"<Handshakes {self._busy} of {self.places}, {len(self._waiting)} wait>"

    @property
    def places(self) -> int:
        """How many may be on their way at once, at the node that is used now."""
        return self.window(self._node()).places

    def window(self, node: str) -> Window:
        """Return the places of that node."""
        if node not in self._windows:
            self._windows[node] = Window(self._allowed, self._most)
        return self._windows[node]

    @asynccontextmanager
    async def one(self) -> AsyncIterator[Attempt]:
        """Wait for a place, in the order of coming, and keep it while the block lasts."""
        await self._enter()
        try:
            yield Attempt(self, self._node())
        finally:
            self._busy -= 1
            self._admit()

    @property
    def busy(self) -> int:
        """How many are on their way."""
        return self._busy

    async def _enter(self) -> None:
        if not self._waiting and self._busy < self.places:
            self._busy += 1
            return
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        try:
            await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():  # it was given in the same turn
                self._busy -= 1
                self._admit()
            raise

    def _admit(self) -> None:
        """Give away what places there are."""
        while self._waiting and self._busy < self.places:
            place = self._waiting.popleft()
            if not place.done():  # else whoever waited was cancelled
                self._busy += 1
                place.set_result(None)


class Attempt:
    """One attempt that has a place; whoever makes it says what became of it, if it ended."""

    def __init__(self, all_: Handshakes, node: str) -> None:
        self._all = all_
        self._node = node
        self._begun = _clock()

    def came(self) -> None:
        """Say that there is a session."""
        self._all.window(self._node).came(_clock() - self._begun)

    def failed(self) -> None:
        """Say that there is none, for a reason that lies outside this program."""
        window = self._all.window(self._node)
        if window.failed(self._begun, _clock(), self._all.busy):
            _log.warning(
                "handshakes.fewer",
                host=self._node,
                at_once=window.places,
                elapsed=round(_clock() - self._begun, 3),
            )


def _clock() -> float:
    return asyncio.get_running_loop().time()
