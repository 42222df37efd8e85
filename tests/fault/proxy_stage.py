"""A simulated Finesse behind failing networks, a listener before them, and when what was noticed.

Knows the two proxies (notifications, REST), keeps what the listener told, and compares outcomes
with what the switch did.
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
from listener.correlation.outcome import Confirmed, Evidence, Failed, Outcome, Presumed, Rejected
from listener.crew import AgentStatus, Paces
from listener.finesse.actions import Hold, Retrieve, UpdateCallData
from listener.simulator.assembly import Simulator
from listener.simulator.interfaces import Deed
from listener.tally import Tally
from listener.ticket import Ticket
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


class Judge:
    """Compares what was told with what was done."""

    def __init__(self, it: Scene) -> None:
        self._truth: list[Deed] = list(it.sim.finesse.truth)

    def wrong(self, ticket: Ticket) -> str | None:
        """Return what is wrong with an outcome, None when nothing is."""
        outcome, deeds = ticket.record.outcome, self.deeds(ticket)
        if outcome is None:
            return "without an outcome"
        if len(deeds) > 1:
            return "sent twice"
        if outcome.sent is False and deeds:
            return "not sent, and yet it arrived"
        return self._word(ticket, outcome, deeds[0] if deeds else None)

    def deeds(self, ticket: Ticket) -> list[Deed]:
        """Return what reached the switch of a request."""
        return [deed for deed in self._truth if deed.request_id == ticket.request_id]

    def _word(self, ticket: Ticket, outcome: Outcome, deed: Deed | None) -> str | None:
        done = deed is not None and deed.effect
        match outcome:
            case Confirmed() if not done and not self._was_so(ticket):
                return "confirmed, and nothing did it"
            case Presumed() if not done:
                return "presumed, and it was not done"
            case Failed() if done:
                return "failed, and it was done"
            case Rejected() if done:
                return "rejected, and it was done"
        return None

    def _was_so(self, ticket: Ticket) -> bool:
        """Say whether another request of that agent did the same after this one was sent."""
        request, since = ticket.request, ticket.record.submitted_at
        return any(
            deed.effect and (deed.effect_at or 0) >= since
            for deed in self._truth
            if (deed.agent, deed.action) == (request.agent, request.requested_action)
            and not isinstance(request, UpdateCallData)
        )


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
