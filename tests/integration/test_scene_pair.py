"""A pair of which one node is prosody and the other ejabberd: the agents change over, and hear.

The simulator's switch publishes through both, through one as the owner of nodes, through the other
as the pubsub service itself. Rules of changing over are tested in `tests/fault/test_pair_*`.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from listener.assembly import Listener
from listener.correlation.outcome import Confirmed, Evidence
from tests.fault.pair_stage import PAIR_PACES, QUICK_PINGS, Pair
from tests.integration.conftest import need
from tests.integration.publishing.component import ComponentPublisher
from tests.integration.publishing.owner import OwnerPublisher
from tests.integration.servers import KINDS, running
from tests.shell.stage import PASSWORD, A, B, no_tasks_left, node_of, settings, simulated

TEAM = "/finesse/api/Team/1/Users"


@asynccontextmanager
async def pair_of(first, second, folder):
    """Run a listener over those two servers; yields them too, the first being the primary."""
    async with AsyncExitStack() as stack:
        servers = []
        for name in (first, second):
            need(name)
            manager = running(name)
            servers.append(await asyncio.to_thread(manager.__enter__))
            stack.push_async_callback(asyncio.to_thread, manager.__exit__, None, None, None)
        sides = [
            OwnerPublisher(servers[0], PASSWORD),
            ComponentPublisher(servers[1], PASSWORD),
        ]
        stack.enter_context(no_tasks_left())
        sim = await stack.enter_async_context(simulated(nodes=2, notifications=sides))
        ca_file = folder / "all.pem"
        ca_file.write_bytes(sim.ca_pem + b"".join(side.ca_pem for side in sides))
        await sides[0].publish(TEAM, "<Update/>")  # ejabberd wants a node before a subscription
        told = settings(
            sim,
            folder,
            agents=[{"id": a, "password": PASSWORD[a], "subscriptions": [TEAM]} for a in (A, B)],
            finesse={"nodes": [node_of(sim, 0), node_of(sim, 1)], "ca_file": ca_file},
            timings=QUICK_PINGS,
        )
        listener = await stack.enter_async_context(Listener.open(told, paces=PAIR_PACES))
        pair = Pair(sim, listener, tuple(listener.agents))
        await pair.moved_to(0)
        yield pair, servers


async def is_told(pair, number):
    """Let each agent hold a call: both are asked and heard at that node, and Team events come."""
    for agent in (A, B):
        outcome, asked = await pair.hold(agent)
        assert isinstance(outcome, Confirmed)
        assert (outcome.evidence, asked) == (Evidence.REQUEST_ID, number)
    reached = await pair.nodes[number].notifications.publish(TEAM, "<Update/>")
    assert reached == len(pair.agents)


@pytest.mark.parametrize(("first", "second"), [sorted(KINDS), sorted(KINDS, reverse=True)])
async def test_agents_change_between_real_servers_and_requests_go_on(tmp_path, first, second):
    async with pair_of(first, second, tmp_path) as (pair, servers):
        await is_told(pair, 0)

        notifications = [node.notifications for node in pair.nodes]
        notifications[0].set_finesse_presence(available=False)
        await pair.moved_to(1)
        notifications[0].set_finesse_presence(available=True)
        await is_told(pair, 1)  # nobody goes back for the going back's sake

        await asyncio.to_thread(servers[1].kill)
        await pair.moved_to(0)
        await is_told(pair, 0)

        await asyncio.to_thread(servers[1].restart)
        await notifications[1].resume()
        await is_told(pair, 0)
