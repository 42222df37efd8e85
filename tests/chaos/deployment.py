"""A simulated pair behind failing networks: four proxies, and what happens to them on demand.

Knows nodes, proxies and sessions; plays the part of the network and of the machines in a story.
What befalls everybody at once is in `troubles`; what truly was is noted by `truth`.
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import AsyncExitStack, suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Self

from listener.finesse import uris
from listener.simulator.assembly import Simulator
from listener.simulator.node import Node
from listener.simulator.profiles import Tagging, Variants
from listener.simulator.users import AgentSpec
from tests.chaos.seeing import Seeing
from tests.chaos.troubles import Troubles
from tests.chaos.truth import Dealt, Deeds, Notes, Noting, Reads, Tags
from tests.fault.proxy import Link, Proxy, State, Way
from tests.oracle.world import OUTSIDE, PASSWORD, specs
from tests.shell.stage import authority

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

GRACE = 60.0
"""Seconds without presence until an agent is out: Finesse's own, for the times in which the daemon
comes back are its own, too."""
SPARE = AgentSpec(id="990001", password=PASSWORD, extension="990001")
"""Comes and goes by reloads; not asked for anything, and may well be signed out."""
OPEN = float("inf")
LAST_WORDS = 30.0


class Deployment(Troubles):
    """Fulfils the network's part of a story. Use it as an async context manager.

    `troubles` has (what, begin, end) of all that concerned everybody; `out` who was signed out for
    being absent, and when; `cuts` when the links of all agents were cut.
    """

    def __init__(self, seed: int, traits: Mapping[str, Any], notes: Notes) -> None:
        self.notes = notes
        self.agents = specs(traits)
        self.troubles: list[tuple[str, float, float]] = []
        self.out: list[tuple[str, float]] = []
        self.cuts: list[float] = []
        self.counts: dict[str, int] = {}
        self._clock = notes.clock
        self._again = 0
        self._rows: dict[int, list[float]] = {}
        self._ports: list[Ports] = []
        dealt = Dealt(seed, traits["background"], notes)
        skew = timedelta(seconds=traits["skew"])
        self.sim = Simulator(
            agents=(*self.agents, SPARE),
            profile=traits["profile"],
            nodes=2,
            authority=authority(),
            tagging=Tagging.ALL,
            variants=Variants.drawn(),
            faults=dealt,
            seed=seed,
            wall=lambda: datetime.now(UTC) + skew,
            pace=traits["pace"],
            dial_plan=OUTSIDE,
            forced_logout=GRACE,
        )
        self.finesse = self.sim.finesse
        self.finesse.truth = Deeds(notes)
        self.seeing = Seeing(self.finesse, notes)
        Tags(self.finesse, notes)
        self.xmpp: tuple[Proxy, ...] = ()
        self.rest: tuple[Proxy, ...] = ()
        self.reads: list[Reads] = []
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self.sim)
            proxies = [
                await stack.enter_async_context(Proxy(port))
                for node in self.sim.nodes
                for port in (node.xmpp_port, node.http.port)
            ]
            self.xmpp, self.rest = tuple(proxies[::2]), tuple(proxies[1::2])
            self._ports = [Ports(proxy) for proxy in self.xmpp]
            for node in self.sim.nodes:
                self._note(node)
            for watch in self.finesse.watches:
                watch._force_out = self._noted_out(watch._force_out)  # type: ignore[method-assign]
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *why: object) -> None:
        for node in self.sim.nodes:
            node.thaw()
            with suppress(OSError):
                await node.start()
        try:
            async with asyncio.timeout(LAST_WORDS):
                await self._stack.__aexit__(*why)
        except TimeoutError:  # the run is over, and what was found must be told
            for task in asyncio.all_tasks():
                task.print_stack(limit=3, file=sys.stderr)

    def _note(self, node: Node) -> None:
        number = node.number
        side = self.finesse.sides[number]
        side.publisher = Noting(
            side.publisher, self.notes, lambda agent: self._sound(agent, number)
        )
        reads = Reads(node.http._handler, self.notes)
        node.http._handler = reads
        self.reads.append(reads)
        service = node.notifications
        bound, left = service.bound, service.left

        def began(stream: Any) -> None:
            bound(stream)
            row = self._rows[id(stream)] = [self._clock(), OPEN]
            self.notes.account.up.setdefault(str(stream.user), []).append(row)

        def ended(stream: Any) -> None:
            left(stream)
            self._over(stream)
            self._rows.pop(id(stream), None)

        service.bound, service.left = began, ended

    def _over(self, stream: Any) -> None:
        row = self._rows.get(id(stream))
        if row is not None and row[1] == OPEN:
            row[1] = self._clock()

    def _noted_out(self, force: Callable[[Any], None]) -> Callable[[Any], None]:
        def out(agent: Any) -> None:
            if agent.signed_in and agent.id != SPARE.id:
                self.out.append((agent.id, self._clock()))
            force(agent)

        return out

    @property
    def all_there(self) -> bool:
        """Whether each agent has a session that is available."""
        return all(
            any(node.notifications.present(spec.id) for node in self.sim.nodes)
            for spec in self.agents
        )

    # -- links ------------------------------------------------------------------------------------

    def links(self, agent: str, number: int | None = None) -> list[tuple[Link, Any]]:
        """Return the proxied links of an agent's sessions, each with the server's stream."""
        found = []
        for node in self.sim.nodes:
            if number is not None and node.number != number:
                continue
            for stream in node.notifications._sessions.of(agent):
                peer = _peer(stream.outlet.transport)
                link = self._ports[node.number].link(peer[1]) if peer else None
                if link is not None:
                    found.append((link, stream))
        return found

    def _sound(self, agent: str | None, number: int) -> bool:
        """Say whether what is published now reaches that agent, for all that is known here."""
        if agent is None:
            return False
        node = self.sim.nodes[number]
        if not node.notifications.present(agent) or node.notifications.faults.is_frozen(agent):
            return False
        return any(
            all(p.shape.state is State.PASS and not p.shape.delay for p in link.pipes.values())
            for link, _ in self.links(agent, number)
        )

    # -- one agent ---------------------------------------------------------------------------------

    def cut(self, agent: str, how: str) -> None:
        """End an agent's link: by RST, FIN, or a word of the server."""
        for link, stream in self.links(agent):
            self._count("cuts")
            if how == "rst":
                link.reset()
            elif how == "fin":
                link.finish()
            else:
                stream.cut(how)
            self._over(stream)

    def hole(self, agent: str) -> None:
        """Let an agent's link lead nowhere; the daemon has to find out."""
        for link, stream in self.links(agent):
            self._count("holes")
            link.turn(State.DROP)
            self._over(stream)

    async def slow(self, agent: str, by: float, lasts: float) -> None:
        """Delay what comes down an agent's link."""
        pipes = [link.pipes[Way.DOWN] for link, _ in self.links(agent)]
        begun = self._clock()
        for pipe in pipes:
            self._count("slow links")
            pipe.shape.delay = by
        await asyncio.sleep(lasts)
        for pipe in pipes:
            pipe.shape.delay = 0.0
        self.notes.account.slow.append((agent, begun, self._clock() + 2 * by + 1.0))

    async def again(self, agent: str, last: int, *, same_ids: bool) -> None:
        """Publish an agent's last events once more, at each node where sessions are."""
        own = uris.user_node(agent)
        mine = [p for p in self.notes.account.parcels if p.node.startswith(own) and p.published]
        for parcel in mine[-last:]:
            self._again += 1
            item_id = parcel.item_id if same_ids else f"again-{self._again}"
            for side in self.finesse.sides:
                if side.speaks:
                    self._count("repeats")
                    await side.publisher.publish(parcel.node, parcel.payload, item_id=item_id)


class Ports:
    """Finds a proxy's open link by the port from which it dialled the server."""

    def __init__(self, proxy: Proxy) -> None:
        self._proxy = proxy
        self._known: dict[int, Link] = {}

    def link(self, port: int) -> Link | None:
        """Return the link from that port, None for none; new ones are looked for newest first."""
        found = self._known.get(port)
        if found is not None and not found.over.is_set() and _port(found) == port:
            return found
        for link in reversed(self._proxy.links):
            if (number := _port(link)) is not None:
                self._known[number] = link
            if number == port:
                return link
        self._known = {number: link for link in self._proxy.links if (number := _port(link))}
        return None


def _peer(transport: asyncio.BaseTransport) -> tuple[Any, ...] | None:
    """Return whom a server's stream goes to, None once it is over."""
    with suppress(AttributeError):  # asyncio's, when a transport over TLS was closed twice
        return transport.get_extra_info("peername")
    return None


def _port(link: Link) -> int | None:
    raw = link.far.transport
    name = raw.get_extra_info("sockname") if raw is not None else None
    return name[1] if name else None
