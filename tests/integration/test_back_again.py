"""How soon the whole program is back: after a restart of a real server, and after links that broke.

Timers are a twentieth of the usual ones; beside them stands what signing on took on this machine in
this run, never a clock on the wall. For 2,000 agents and the usual timers: `make bench-scale`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from listener.assembly import Listener
from listener.crew import AgentStatus
from listener.simulator.users import AgentSpec
from listener.standing import Polling
from listener.xmpp.policy import Backoff
from tests.fault.proxy import Proxy
from tests.integration import servers
from tests.integration.conftest import need
from tests.integration.publishing.owner import OwnerPublisher
from tests.integration.servers import PUBLISHER, Server
from tests.shell.stage import PACES, no_tasks_left, node_of, settings, simulated, until

AGENTS = 60
AT_ONCE = 6
CROWD = tuple(
    AgentSpec(id=str(number), password=f"secret-{number}", extension=str(number))
    for number in range(5000, 5000 + AGENTS)
)
PASSWORDS = {agent.id: agent.password for agent in CROWD} | {PUBLISHER: "owner-of-nodes-3"}
USUAL, EVERY = Backoff(), Polling()
SCALE = 20
BACKOFF = Backoff(base=USUAL.base / SCALE, cap=USUAL.cap / SCALE, stable=USUAL.stable / SCALE)
POLLING = Polling(every=EVERY.every / SCALE, apart=0.01, spread=EVERY.spread / SCALE)
SLOWER = 6
"""How many times slower than at its start a machine may be that has other things to do."""
START = {"prosody": servers.start_prosody, "ejabberd": servers.start_ejabberd}

pytestmark = pytest.mark.timeout(300)


@dataclass
class Scene:
    """What runs. `took`: seconds from the start until all sessions heard."""

    server: Server
    proxy: Proxy
    listener: Listener
    took: float = 0.0
    changes: list[tuple[float, AgentStatus]] = field(default_factory=list)

    @property
    def up(self) -> int:
        """How many sessions hear."""
        return sum(each.live for each in self.listener.agents.values())

    def back_at(self, agent: str, since: float) -> float:
        """Return when that agent's session heard again that was lost since then."""
        mine = [(at, it.live) for at, it in self.changes if it.agent == agent and at > since]
        lost = next(at for at, live in mine if not live)
        return next(at for at, live in mine if live and at > lost)


@asynccontextmanager
async def scene(kind: str, folder: Path) -> AsyncIterator[Scene]:
    """Run a server, a network before it, REST of the simulator, and the program with its agents."""
    need(kind)
    loop, changes = asyncio.get_running_loop(), []
    with no_tasks_left():
        async with (
            START[kind](accounts=PASSWORDS) as server,
            simulated(agents=CROWD, notifications=OwnerPublisher(server, PASSWORDS)) as sim,
            Proxy(server.port("tls")) as proxy,
        ):
            ca = folder / "both.pem"
            ca.write_bytes(sim.ca_pem + server.ca_file.read_bytes())
            told = settings(
                sim,
                folder,
                agents=[{"id": one.id, "password": one.password} for one in CROWD],
                finesse={"nodes": [node_of(sim) | {"xmpp_port": proxy.port}], "ca_file": ca},
            )
            begun = loop.time()
            async with Listener.open(
                told,
                paces=replace(PACES, backoff=BACKOFF, polling=POLLING),
                changed=lambda status: changes.append((loop.time(), status)),
            ) as listener:
                it = Scene(server, proxy, listener, changes=changes)
                await until(lambda: it.up == AGENTS, 120)
                it.took = loop.time() - begun
                yield it


@pytest.mark.parametrize("kind", sorted(START))
async def test_all_are_back_soon_after_the_server_is(tmp_path, kind):
    """T8: the back-off, one question for all, the spreading, and as long as they took before."""
    async with scene(kind, tmp_path) as it:
        gone = asyncio.get_running_loop().time()
        await asyncio.to_thread(it.server.kill)
        await until(lambda: it.up == 0, 120)
        await asyncio.sleep(2 * BACKOFF.cap)  # they have tried in vain, and wait the longest
        await asyncio.to_thread(it.server.restart)
        back = asyncio.get_running_loop().time()
        await until(lambda: it.up == AGENTS, 120)
        waits = BACKOFF.cap + POLLING.every + POLLING.spread
        assert max(it.back_at(one.id, gone) for one in CROWD) - back <= waits + SLOWER * it.took


async def test_links_that_broke_are_made_anew_after_one_short_wait(tmp_path):
    """T2: no attempt in vain, no wait above the first; the usual one is half a second at most."""
    async with scene("prosody", tmp_path) as it:
        took: list[float] = []
        await asyncio.sleep(BACKOFF.stable)  # what failed while they signed on is forgotten
        with capture_logs() as lines:
            for _ in range(AGENTS // AT_ONCE):
                since, past = asyncio.get_running_loop().time(), len(it.proxy.past)
                for link in tuple(it.proxy.links)[:AT_ONCE]:  # the oldest: each has its turn
                    link.reset()
                await until(lambda was=past: len(it.proxy.past) == was + AT_ONCE)
                await until(lambda since=since: len(lost(it, since)) == AT_ONCE)
                await until(lambda: it.up == AGENTS, 120)
                took += [it.back_at(agent, since) - since for agent in lost(it, since)]
        waits = [line["retry_in"] for line in lines if line["event"] == "session.lost"]
        assert len(waits) == len(took) == AGENTS
        assert max(waits) <= BACKOFF.base
        assert not [line for line in lines if line["event"] == "session.retry"]
        assert sorted(took)[AGENTS * 99 // 100] <= BACKOFF.base + SLOWER * it.took


def lost(it: Scene, since: float) -> set[str]:
    """Return whose session was lost since then."""
    return {status.agent for at, status in it.changes if at > since and not status.live}
