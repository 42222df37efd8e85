"""A simulated Finesse behind failing networks, a listener before them, and when what was noticed.

Knows the two proxies (notifications, REST) and keeps what the listener told; judges nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from listener.assembly import Listener
from listener.chronicle import Chronicle
from listener.correlation.outcome import Confirmed, Evidence, Rejected
from listener.crew import AgentStatus, Paces
from listener.finesse.actions import Hold, Retrieve
from listener.simulator.assembly import Simulator
from listener.tally import Tally
from listener.xmpp.policy import Backoff
from tests.fault.proxy import Ends, Mark, Proxy
from tests.shell.stage import (
    PACES,
    A,
    answered_call,
    authority,
    no_tasks_left,
    settings,
    simulated,
    until,
)

PING, ANSWER, CONNECT = 0.2, 0.6, 1.0
QUICK = {"ping_interval": PING, "ping_timeout": ANSWER, "connect_deadline": CONNECT}
BASE, CAP = 0.05, 0.2
BACKOFF = Backoff(base=BASE, cap=CAP, slow=0.5, stable=60)
SLOWER = 6
"""How many times slower than its own timers, and than undisturbed, a loaded machine may be."""
TRIES = 5  # a machine that stands still for longer than ANSWER loses a link that is whole
PRESENT = Mark(b"<presence")
"""What goes down at the end of a handshake: the server reflects our presence."""


def ends() -> Ends:
    """Return TLS ended in the proxy, under the simulator's own authority."""
    return Ends(authority().server_context(), authority().client_context())


@dataclass
class Scene:
    """What a test finds running. `took`: seconds from the start until all sessions heard."""

    sim: Simulator
    xmpp: Proxy
    rest: Proxy
    listener: Listener
    chronicle: Chronicle
    tally: Tally
    took: float = 0.0
    changes: list[tuple[float, AgentStatus]] = field(default_factory=list)

    def now(self) -> float:
        """Return the loop's clock."""
        return asyncio.get_running_loop().time()

    @property
    def live(self) -> bool:
        """Whether every session hears."""
        return all(each.live for each in self.listener.agents.values())

    def lost_at(self, agent: str, after: float) -> float:
        """Return when the listener first knew that an agent's session was lost."""
        return next(
            at for at, it in self.changes if it.agent == agent and at > after and not it.live
        )

    def live_at(self, agent: str, after: float) -> float:
        """Return when that agent's session first heard again."""
        return next(at for at, it in self.changes if it.agent == agent and at > after and it.live)

    async def lost(self, *agents: str, within: float = 30.0) -> None:
        """Wait until no session of these agents hears."""
        await until(lambda: not any(self.listener.agents[id_].live for id_ in agents), within)

    async def gaps(self, agent: str) -> list[dict[str, Any]]:
        """Return what readers of events were told of gaps, oldest first."""
        page = await self.chronicle.page(0)
        return [e.told.data for e in page.entries if e.told.name == "gap" and e.agent == agent]

    async def usable(self, agent: str, dialog: str) -> None:
        """Check that requests of an agent are confirmed by events once more."""
        for _ in range(TRIES):
            await self.listener.ready(agent, 30)
            since = self.listener.agents[agent].since
            await self.sim.finesse.quiet()
            if not await self.listener.ping(agent, 20):  # it was lost, and nobody knew yet
                await until(lambda then=since: self.listener.agents[agent].since != then)
                continue
            party = self.sim.finesse.calls[dialog].of(agent)
            asked = Retrieve if party is not None and party.state == "HELD" else Hold
            outcome = await self.listener.submit(asked(agent=agent, dialog_id=dialog), deadline=30)
            if isinstance(outcome, Rejected) and outcome.sent is False:
                continue  # so does one that needs longer to connect than it may
            assert isinstance(outcome, Confirmed)
            if outcome.evidence in {Evidence.REQUEST_ID, Evidence.EXPECTATION}:
                return
        raise AssertionError("no request was confirmed by an event")


@asynccontextmanager
async def scene(
    folder: Path,
    *,
    backoff: Backoff = BACKOFF,
    paces: Paces = PACES,
    timings: dict[str, Any] | None = None,
    how: dict[str, Any] | None = None,
    inside: bool = False,
    rest_inside: bool = False,
    strict: bool = True,
    **kinds: Any,
) -> AsyncIterator[Scene]:
    """Run it all. `how` goes to the simulator; `inside`, `rest_inside`: TLS ends in the proxy."""
    with no_tasks_left():
        async with AsyncExitStack() as stack:
            sim = await stack.enter_async_context(simulated(**(how or {})))
            xmpp = await stack.enter_async_context(
                Proxy(
                    sim.xmpp_port,
                    ends=ends() if inside else None,
                    established=PRESENT if inside else None,
                )
            )
            rest = await stack.enter_async_context(
                Proxy(sim.http.port, ends=ends() if rest_inside else None)
            )
            node = {"host": "127.0.0.1", "rest_port": rest.port, "xmpp_port": xmpp.port}
            told = settings(
                sim,
                folder,
                finesse={"nodes": [node]},
                timings=timings,
                **kinds,
            )
            chronicle, tally, changes = Chronicle(), Tally(), []
            loop = asyncio.get_running_loop()
            begun = loop.time()
            opening = Listener.open(
                told,
                strict=strict,
                paces=replace(paces, backoff=backoff),
                memory=chronicle,
                tally=tally,
                changed=lambda status: changes.append((loop.time(), status)),
            )
            listener = await stack.enter_async_context(opening)
            stack.callback(chronicle.close)
            stack.callback(listener.hurry)
            it = Scene(sim, xmpp, rest, listener, chronicle, tally, loop.time() - begun, changes)
            yield it


async def call(it: Scene, agent: str = A) -> str:
    """Let a customer call and an agent answer; return the dialog's id."""
    return await answered_call(it.sim, it.listener, agent)
