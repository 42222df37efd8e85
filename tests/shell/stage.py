"""A simulated Finesse and the settings of a listener for it, with short waits."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from listener.assembly import Listener
from listener.crew import Paces
from listener.pair import Polling
from listener.settings import Settings
from listener.simulator.assembly import Simulator
from listener.simulator.certificates import ThrowawayAuthority
from listener.simulator.users import AgentSpec
from listener.xmpp.policy import Backoff

A, B = "1001001", "1001002"
PASSWORD = {A: "correct-horse-1", B: "battery-staple-2"}
AGENTS = tuple(AgentSpec(id=id_, password=PASSWORD[id_], extension=id_) for id_ in (A, B))
CUSTOMER = "+12025550101"

PACES = Paces(
    backoff=Backoff(base=0.02, cap=0.05, slow=0.1, stable=60),
    reconcile_again=(0.02,),
    watch_every=0.05,
    polling=Polling(every=0.05, apart=0.005, slow=0.1, rate=1000),
)
TIMINGS = {"connect_deadline": 20, "ping_interval": 15, "ping_timeout": 10}


@cache
def authority() -> ThrowawayAuthority:
    """Make one authority for the whole run: keys are slow."""
    return ThrowawayAuthority()


@asynccontextmanager
async def simulated(**how: Any) -> AsyncIterator[Simulator]:
    """Run a simulator whose servers must have had no fault of their own; `nodes=2` for a pair."""
    how = {"agents": AGENTS, "pace": 0.0, "authority": authority()} | how
    async with Simulator(**how) as simulator:
        yield simulator
        for node in simulator.nodes:
            assert not getattr(node.notifications, "failures", ())
            assert not node.http.failures


def node_of(simulator: Simulator, number: int = 0) -> dict[str, Any]:
    """Return a node's entry in the settings."""
    node = simulator.nodes[number]
    return {"host": "127.0.0.1", "rest_port": node.http.port, "xmpp_port": node.xmpp_port}


def settings(
    simulator: Simulator,
    folder: Path,
    *,
    agents: list[dict[str, Any]] | None = None,
    finesse: dict[str, Any] | None = None,
    timings: dict[str, Any] | None = None,
    requests: dict[str, Any] | None = None,
) -> Settings:
    """Return settings that fit the simulator, with all of its nodes."""
    ca = simulator.write_ca(folder / "ca.pem")
    nodes = [node_of(simulator, node.number) for node in simulator.nodes]
    return Settings(
        finesse={"nodes": nodes, "ca_file": ca} | (finesse or {}),
        agents=agents or [{"id": id_, "password": PASSWORD[id_]} for id_ in (A, B)],
        timings=TIMINGS | (timings or {}),
        requests=requests or {},
    )


async def until(holds: Callable[[], Any], within: float = 40.0) -> None:
    """Wait until something holds; for what nobody announces."""
    async with asyncio.timeout(within):
        while not holds():  # noqa: ASYNC110  what is watched has no event
            await asyncio.sleep(0.005)


@contextmanager
def no_tasks_left() -> Iterator[None]:
    """Check that every task which was started inside has ended."""
    before = asyncio.all_tasks()
    yield
    left = {task for task in asyncio.all_tasks() - before if not task.done()}
    assert not left, left


def writes(simulator: Simulator, action: str | None = None) -> int:
    """Count the requests of our caller that reached Finesse."""
    return sum(
        1
        for deed in simulator.finesse.truth
        if deed.client == "caller" and action in {None, deed.action}
    )


async def answered_call(simulator: Simulator, listener: Listener | None, agent: str = A) -> str:
    """Let a customer call and the agent answer on the telephone; return the dialog's id.

    The listener has heard of it then: what it sends next has a baseline.
    """
    dialog = await simulator.finesse.incoming_call(agent, CUSTOMER)
    assert await simulator.telephone.answer(agent, dialog)
    await heard(simulator, listener, agent)
    return str(dialog)


async def heard(simulator: Simulator, listener: Listener | None, agent: str = A) -> None:
    """Wait until all that was begun was published, and read by the listener."""
    await simulator.finesse.quiet()
    assert listener is None or await listener.ping(agent, 20)


def dead_port() -> int:
    """Return a port on which nothing listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def wait_for(holds: Callable[[], Any], within: float = 60.0) -> None:
    """Wait outside of a loop, for another process."""
    end = time.monotonic() + within
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.01)
