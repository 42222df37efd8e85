"""The notification side without sockets: one ordered stream per agent, which may break or go dead.

Publishes what the switch says, reads it out to the program in the order of publication, answers
pings behind all that was published before. Writes down what truly went out and was read.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from listener.finesse import uris
from listener.finesse.model import Notification
from listener.simulator.interfaces import Form
from tests.oracle.account import Parcel

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.oracle.account import Account
    from tests.oracle.clock import VirtualLoop

Read = "Callable[[str, Notification, Parcel], None]"


@dataclass(slots=True)
class Stream:
    """One agent's session on the server's side.

    `up`: it is subscribed, and what is published goes out on it. `dead`: neither side has noticed
    that nothing comes through. `slow`: seconds more that everything takes.
    """

    agent: str
    latency: float
    up: bool = False
    dead: bool = False
    slow: float = 0.0
    generation: int = 0
    last: float = 0.0

    def due(self, now: float) -> float:
        """Return when what is put on it now is read: never before what went out earlier."""
        self.last = max(self.last + 1e-6, now + self.latency + self.slow)
        return self.last


class Streams:
    """All agents' streams; fulfils the simulator's `Publisher`."""

    domain = "finesse.example.com"
    pubsub_domain = "pubsub.finesse.example.com"

    def __init__(
        self,
        loop: VirtualLoop,
        account: Account,
        agents: tuple[str, ...],
        read: Callable[[str, Notification, Parcel], None],
        *,
        latency: float,
    ) -> None:
        self.of = {agent: Stream(agent, latency) for agent in agents}
        self._loop = loop
        self._account = account
        self._read = read
        self._made: dict[int, Parcel] = {}  # by the very text: a copy of it has another id
        self._again = 0
        self._pings: dict[str, set[asyncio.Future[bool]]] = {agent: set() for agent in agents}

    # -- published ------------------------------------------------------------------------------

    def made(self, parcel: Parcel) -> None:
        """Take note of an event that the switch has put out, before anything happens to it."""
        self._made[id(parcel.payload)] = parcel
        self._account.parcels.append(parcel)

    async def publish(
        self, node: str, payload: str, *, item_id: str | None = None, form: Form = Form.ESCAPED
    ) -> int:
        """Put an event on the streams of those who are subscribed; return on how many."""
        del form
        parcel = self._made.get(id(payload))
        if parcel is None:
            parcel = Parcel(node, payload, self._loop.time(), None, None, is_error=False)
            self.made(parcel)
        parcel.item_id = item_id or ""
        return self.send(parcel, parcel.item_id)

    def send(self, parcel: Parcel, item_id: str) -> int:
        """Put an event on streams, with that item id."""
        owner = uris.place(parcel.node).user
        reached = 0
        for agent, stream in self.of.items():
            if (owner in {agent, None}) and stream.up and not stream.dead:
                reached += 1
                self._on(stream, parcel, item_id)
        if reached:
            parcel.published.append(self._loop.time())
        return reached

    def _on(self, stream: Stream, parcel: Parcel, item_id: str) -> None:
        generation = stream.generation
        item = Notification(parcel.node, parcel.payload, item_id)

        def arrive() -> None:
            if stream.generation == generation and not stream.dead:
                parcel.heard.append((self._loop.time(), stream.agent))
                self._read(stream.agent, item, parcel)

        self._loop.call_at(stream.due(self._loop.time()), arrive)

    def again(self, agent: str, last: int, *, same_ids: bool) -> None:
        """Publish what that agent was told last once more, as Finesse does after a fail-over."""
        node = uris.user_node(agent)
        mine = [p for p in self._account.parcels if p.node.startswith(node) and p.published]
        for parcel in mine[-last:]:
            self._again += 1
            self.send(parcel, parcel.item_id if same_ids else f"again{self._again}")

    def present(self, user: str) -> bool:
        """Say whether that agent has a session."""
        return self.of[user].up

    # -- the sessions ---------------------------------------------------------------------------

    def begin(self, agent: str) -> None:
        """Let a new session of that agent be subscribed from now on."""
        stream = self.of[agent]
        stream.generation += 1
        stream.up, stream.dead, stream.slow = True, False, 0.0
        stream.last = self._loop.time()
        self._account.up.setdefault(agent, []).append([self._loop.time(), float("inf")])

    def die(self, agent: str) -> None:
        """Let nothing come through any more; nobody has noticed."""
        if self.of[agent].up and not self.of[agent].dead:
            self.of[agent].dead = True
            self._over(agent)

    def end(self, agent: str) -> None:
        """End the session; what was on its way is lost, and pings fail at once."""
        stream = self.of[agent]
        if stream.up and not stream.dead:
            self._over(agent)
        stream.up = stream.dead = False
        stream.generation += 1
        for answer in self._pings[agent]:
            if not answer.done():
                answer.set_result(False)

    def _over(self, agent: str) -> None:
        self._account.up[agent][-1][1] = self._loop.time()

    async def ping(self, agent: str, within: float) -> bool:
        """Ask for an answer over that agent's stream, behind all that was published before."""
        stream = self.of[agent]
        if not stream.up:
            return False
        answer: asyncio.Future[bool] = self._loop.create_future()
        generation = stream.generation

        def pong() -> None:
            if stream.generation == generation and not stream.dead and not answer.done():
                answer.set_result(True)

        def server() -> None:
            if stream.generation == generation and not stream.dead:
                self._loop.call_at(stream.due(self._loop.time()), pong)

        self._loop.call_later(stream.latency, server)
        self._pings[agent].add(answer)
        try:
            async with asyncio.timeout(within):
                return await answer
        except TimeoutError:
            return False
        finally:
            self._pings[agent].discard(answer)
