"""What befalls everybody at once in a chaos run: networks, machines, CTI and REST that fail.

Knows the pair, its proxies and what is noted for the judge; sets nothing up. A fault is counted
once it was done to somebody who was there.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from listener.simulator.node import Node, Part
from tests.fault.proxy import Act, Link, Proxy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from listener.simulator.assembly import Simulator
    from listener.simulator.finesse import Finesse
    from tests.chaos.truth import Notes, Reads

NOBODY = 5.0
"""Seconds for which a fault waits for somebody whom it can meet, or stays until it has met them."""
AFTERMATH = 4.0
"""Seconds after a trouble that concerned everybody in which nothing slow is held against anybody:
connections of that time may still hang until the program's own limits end them."""


class Troubles:
    """The part of a deployment that fails for everybody. `Deployment` fills in what it needs."""

    notes: Notes
    sim: Simulator
    finesse: Finesse
    xmpp: tuple[Proxy, ...]
    rest: tuple[Proxy, ...]
    reads: list[Reads]
    agents: Any
    troubles: list[tuple[str, float, float]]
    cuts: list[float]
    counts: dict[str, int]
    _clock: Callable[[], float]

    def links(self, agent: str, number: int | None = None) -> list[tuple[Link, Any]]:
        """See `Deployment`."""
        raise NotImplementedError

    def _over(self, stream: Any) -> None:
        raise NotImplementedError

    def used(self, which: str = "used") -> int:
        """Return the number of the node at which most sessions are, or of the other."""
        there = [len(node.notifications.sessions()) for node in self.sim.nodes]
        used = 0 if there[0] >= there[1] else 1
        return used if which == "used" else 1 - used

    async def wire(self, kind: str, side: str, node: str, lasts: float) -> None:
        """Let the network before a node, or all of them, fail in some way, for a time."""
        numbers = range(len(self.xmpp)) if node == "all" else (self.used(node),)
        proxies = [self.xmpp[number] for number in numbers if side != "rest"]
        proxies += [self.rest[number] for number in numbers if side != "xmpp"]
        await self._until(lambda: any(proxy.links for proxy in proxies))
        begun = self._clock()
        self._count(f"wire {kind}", sum(bool(proxy.links) for proxy in proxies))
        if node == "all":
            self.cuts.append(begun)
        await self._break(kind, proxies, numbers if side != "rest" else ())
        await asyncio.sleep(lasts if kind not in {"rst", "fin"} else 0.0)
        for proxy in proxies:
            await proxy.come_back()
            proxy.heal()
            if kind == "hole":
                proxy.reset()
        self._trouble(f"wire {kind}", begun, rest=side != "xmpp", xmpp=side != "rest")

    async def _break(self, kind: str, proxies: list[Proxy], heard: Iterable[int]) -> None:
        """Break proxies; `heard`: the nodes whose sessions are over with that."""
        for number in heard if kind in {"rst", "fin", "hole"} else ():
            for agent in self.finesse.agents:
                for _, stream in self.links(agent, number):
                    self._over(stream)
        for proxy in proxies:
            match kind:
                case "rst" | "fin":
                    (proxy.reset if kind == "rst" else proxy.finish)()
                case "hole" | "freeze":
                    (proxy.black_hole if kind == "hole" else proxy.freeze)()
                case "latency":
                    proxy.shape(delay=0.15)
                case "slices":
                    proxy.shape(piece=11)
                case _:
                    proxy.reset()
                    await proxy.refuse(None if kind == "refuse" else Act.RST)

    async def node(self, kind: str, node: str, how: str, lasts: float) -> None:
        """Let a machine, or a part of it, fail for a time."""
        one, begun = self.sim.nodes[self.used(node)], self._clock()
        self._count(f"node {kind}")
        parts = {"gone": Part.ALL, "no_sessions": Part.XMPP, "no_tomcat": Part.REST}
        frozen = {"frozen": Part.ALL, "frozen_sessions": Part.XMPP, "frozen_rest": Part.REST}
        if kind in parts:
            await self._away([one], parts[kind], how, lasts)
        elif kind == "both_gone":
            await self._away(list(self.sim.nodes), Part.ALL, how, lasts)
        elif kind in frozen:
            one.freeze(frozen[kind])
            await asyncio.sleep(lasts)
            one.thaw(frozen[kind])
        elif kind == "out_of_service":
            one.set_status("OUT_OF_SERVICE")
            await asyncio.sleep(lasts)
            one.set_status("IN_SERVICE")
        else:
            one.reset()
        self._trouble(f"node {kind}", begun, rest=True, xmpp=True)

    @staticmethod
    async def _away(nodes: list[Node], part: Part, how: str, lasts: float) -> None:
        for node in nodes:
            await node.stop(part, how=how)
        await asyncio.sleep(lasts)
        for node in nodes:
            await _back(node, part)

    async def cti(self, lasts: float, unnoticed: float, repeats: int) -> None:
        """Let CTI fail over at both nodes."""
        self._count("cti fail-overs")
        begun = self._clock()
        await self.sim.cti_failover(lasts, unnoticed=unnoticed, repeats=repeats)
        self.notes.account.outages.append([begun, self._clock()])
        self._trouble("cti fail-over", begun, rest=True, xmpp=True)

    async def outage(self, lasts: float) -> None:
        """Let both nodes be out of service."""
        self._count("outages")
        begun = self._clock()
        self.finesse.set_status("OUT_OF_SERVICE")
        await asyncio.sleep(lasts)
        self.finesse.set_status("IN_SERVICE")
        self.notes.account.outages.append([begun, self._clock()])
        self._trouble("out of service", begun, rest=True, xmpp=True)

    async def suffer(self, what: str, lasts: float) -> None:
        """Let GETs at both nodes suffer, or REST be refused."""
        begun, before = self._clock(), sum(reads.met for reads in self.reads)
        if what == "refused":
            self._count(f"rest {what}")
            for proxy in self.rest:
                await proxy.refuse()
        for reads in self.reads:
            reads.trouble = what
        await asyncio.sleep(lasts)
        if what != "refused":
            await self._until(lambda: sum(reads.met for reads in self.reads) > before)
            self._count(f"rest {what}", sum(reads.met for reads in self.reads) - before)
        for reads in self.reads:
            reads.trouble = ""
        for proxy in self.rest:
            await proxy.come_back()
        self._trouble(f"rest {what}", begun, rest=True, xmpp=False)

    async def finesse_away(self, lasts: float) -> None:
        """Let the XMPP user `finesse` be unavailable at the node in use."""
        self._count("finesse away")
        service, begun = self.sim.nodes[self.used()].notifications, self._clock()
        service.set_finesse_presence(available=False)
        await asyncio.sleep(lasts)
        service.set_finesse_presence(available=True)
        self._trouble("finesse away", begun, rest=True, xmpp=True)

    async def _until(self, somebody: Callable[[], bool]) -> None:
        """Wait a little until there is somebody whom a fault can meet."""
        until = self._clock() + NOBODY
        while not somebody() and self._clock() < until:  # noqa: ASYNC110  nobody announces it
            await asyncio.sleep(0.05)

    def _count(self, name: str, times: int = 1) -> None:
        """Count what was truly done: to a link or a GET that was there."""
        self.counts[name] = self.counts.get(name, 0) + times

    def _trouble(self, what: str, begun: float, *, rest: bool, xmpp: bool) -> None:
        account, end = self.notes.account, self._clock()
        self.troubles.append((what, begun, end))
        if rest:
            account.rest.append((begun, end + AFTERMATH))
        if xmpp:
            account.slow += [(spec.id, begun, end + AFTERMATH) for spec in self.agents]


async def _back(node: Node, part: Part) -> None:
    """Start a node again; somebody else on this machine may have its port for a moment."""
    async with asyncio.timeout(60):
        while True:
            with suppress(OSError):
                await node.start(part)
                return
            await asyncio.sleep(0.2)
