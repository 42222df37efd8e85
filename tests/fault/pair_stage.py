"""A listener over a simulated pair, with its times scaled down; and where its sessions are."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from listener.assembly import Listener
from listener.finesse.actions import Hold
from listener.pair import Polling
from listener.simulator.assembly import Simulator
from listener.simulator.node import Node, Part
from listener.simulator.users import AgentSpec
from tests.shell.stage import (
    PACES,
    A,
    answered_call,
    heard,
    no_tasks_left,
    settings,
    simulated,
    until,
)

EVERY = 0.1  # seconds between two questions for SystemInfo; 2 in real life
POLLING = Polling(every=EVERY, within=2.0, apart=0.01, rate=2000.0, spread=EVERY, calm=300.0)
PAIR_PACES = replace(PACES, polling=POLLING)
QUICK_PINGS = {"ping_interval": 0.25, "ping_timeout": 0.5, "connect_deadline": 2.0}
WITHIN = 60.0


@dataclass
class Pair:
    """The simulator, the listener over it, and the agents of both."""

    sim: Simulator
    listener: Listener
    agents: tuple[str, ...]

    @property
    def nodes(self) -> tuple[Node, ...]:
        """The simulated nodes."""
        return self.sim.nodes

    def at(self, agent: str = A) -> list[int]:
        """Return the numbers of the nodes that think this agent present."""
        return [node.number for node in self.nodes if node.notifications.present(agent)]

    @property
    def used(self) -> int:
        """The number of the node that the listener uses; a frozen one does not know when not."""
        return [node.in_use for node in self.listener.nodes].index(True)

    def heard_at(self, number: int) -> bool:
        """Say whether every agent hears, through a session at that node."""
        return number == self.used and all(
            self.listener.agents[agent].live and number in self.at(agent) for agent in self.agents
        )

    async def moved_to(self, number: int, within: float = WITHIN) -> None:
        """Wait until every agent hears through that node."""
        await until(lambda: self.heard_at(number), within)

    async def settled(self, within: float = WITHIN) -> int:
        """Wait until every agent hears through the same node; return its number."""
        await until(lambda: self.heard_at(self.used), within)
        return self.used

    async def all_deaf(self) -> None:
        """Wait until the listener knows that no agent hears."""
        await until(lambda: not any(a.live for a in self.listener.agents.values()), WITHIN)

    async def deaf(self, agent: str = A) -> None:
        """Wait until the listener knows that it does not hear."""
        await until(lambda: not self.listener.agents[agent].live, WITHIN)

    def sign_ins(self) -> Counter[str]:
        """Count the sign-ins of each agent, at both nodes together."""
        return sum((node.notifications.auth_attempts for node in self.nodes), Counter())

    async def renewed(self, before: Counter[str]) -> int:
        """Wait until every agent has signed in anew and hears; return the number of the node."""
        await until(lambda: all(self.sign_ins()[one] > before[one] for one in self.agents), WITHIN)
        return await self.settled()

    def sessions_made(self, number: int) -> int:
        """Count the sign-ins at a node since it began."""
        return self.nodes[number].notifications.auth_attempts.total()

    async def hold(self, agent: str = A) -> tuple[Any, int]:
        """Let the agent hold a new call; return the outcome and the node that was asked."""
        dialog = await answered_call(self.sim, self.listener, agent)
        outcome = await self.listener.submit(Hold(agent=agent, dialog_id=dialog))
        node = self.sim.finesse.truth[-1].node
        await self.sim.telephone.hang_up(agent, dialog)
        await heard(self.sim, self.listener, agent)
        return outcome, node


@asynccontextmanager
async def pair_of(
    folder: Path,
    *,
    agents: Sequence[AgentSpec] | None = None,
    paces: Any = PAIR_PACES,
    how: dict[str, Any] | None = None,
    strict: bool = True,
    settled: list[dict[str, Any]] | None = None,
    first: int | None = 0,
    **kinds: Any,
) -> AsyncIterator[Pair]:
    """Run both; every agent hears, through the node `first` (None: through whichever).

    `agents` are the simulator's and the listener's, `settled` the listener's alone; `how` goes to
    the simulator.
    """
    how = {"nodes": 2} | (how or {})
    if agents is not None:
        how["agents"] = agents
        kinds["agents"] = [{"id": one.id, "password": one.password} for one in agents]
    if settled is not None:
        kinds["agents"] = settled
    with no_tasks_left():
        async with simulated(**how) as sim:
            told = settings(sim, folder, **kinds)
            async with Listener.open(told, strict=strict, paces=paces) as listener:
                pair = Pair(sim, listener, tuple(listener.agents))
                number = await pair.settled()
                assert first in {None, number}, "the machine is too slow for the times of the test"
                try:
                    yield pair
                finally:
                    for node in pair.nodes:
                        node.thaw()


def crowd(count: int) -> tuple[AgentSpec, ...]:
    """Make up that many agents."""
    return tuple(
        AgentSpec(id=str(2000 + n), password=f"pass-{n}", extension=str(2000 + n))
        for n in range(count)
    )


__all__ = [
    "EVERY",
    "PAIR_PACES",
    "POLLING",
    "QUICK_PINGS",
    "Pair",
    "Part",
    "crowd",
    "pair_of",
]
