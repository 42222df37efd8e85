"""Many agents at a real server that dies and comes back: all are back, none twice, nothing left."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator

import pytest

from listener.xmpp.handshakes import Handshakes
from listener.xmpp.link import Link, LinkState
from listener.xmpp.policy import Backoff
from tests.integration import servers
from tests.integration.conftest import need
from tests.integration.places import PATIENT, at
from tests.integration.servers import KINDS, Server
from tests.shell.stage import no_tasks_left, until

AGENTS = {str(number): f"secret-{number}" for number in range(5000, 5030)}
GATE = 7


class Quiet:
    """An owner that has nothing to reconcile."""

    def __init__(self) -> None:
        self.opened_at: list[str] = []

    async def opened(self, session) -> None:
        self.opened_at.append(session.jid)

    def lost(self, trouble, retry_in) -> None:
        """Take note of nothing."""

    def stopped(self, reason) -> None:
        raise AssertionError(reason)


@pytest.fixture(params=sorted(KINDS))
def crowded(request: pytest.FixtureRequest) -> Iterator[Server]:
    """Run a server that knows many agents."""
    need(request.param)
    with servers.running(request.param, accounts=AGENTS) as one:
        yield one


@pytest.mark.parametrize("graceful", [True, False])
async def test_all_agents_are_back_after_a_restart_and_after_a_kill(crowded, graceful):
    place, gate, owner = at(crowded), Handshakes(GATE), Quiet()

    def session(agent: str):
        name = f"listener-{agent}"
        return place.session(agent=agent, password=AGENTS[agent], resource=name, timings=PATIENT)

    with no_tasks_left():
        links = [
            Link(
                agent,
                make_session=lambda agent=agent: session(agent),
                events=owner,
                backoff=Backoff(base=0.05, cap=0.5),
                gate=gate,
                random=random.Random(agent).random,
            )
            for agent in AGENTS
        ]
        tasks = [asyncio.create_task(link.run()) for link in links]
        await until(lambda: all(link.state is LinkState.UP for link in links))
        await asyncio.to_thread(crowded.stop if graceful else crowded.kill)
        await until(lambda: not any(link.state is LinkState.UP for link in links))
        await asyncio.to_thread(crowded.restart)
        await until(lambda: all(link.state is LinkState.UP for link in links), within=40)
        assert len(owner.opened_at) == 2 * len(AGENTS)
        assert len(set(owner.opened_at)) == len(AGENTS)
        await asyncio.gather(*(link.close() for link in links))
        await asyncio.gather(*tasks)
