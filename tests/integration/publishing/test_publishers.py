"""Both ways of publishing, on both servers: what they promise to a simulator and to its judge."""

from __future__ import annotations

import asyncio
import itertools
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from listener.finesse.events import events_of
from listener.finesse.model import Notification
from listener.finesse.wire import parse_update
from listener.simulator.interfaces import Form
from listener.xmpp.contract import Cause, Endpoint
from listener.xmpp.session import Session
from tests.integration.publishing.component import ComponentPublisher
from tests.integration.publishing.owner import OwnerPublisher
from tests.integration.publishing.relay import Cut
from tests.integration.publishing.side import ServerSide
from tests.integration.servers import Server
from tests.shell.stage import until

WAYS: dict[str, type[ServerSide]] = {"owner": OwnerPublisher, "component": ComponentPublisher}
UPDATE = (
    "<Update><data><dialogs><Dialog><id>{n}</id><state>ACTIVE</state><mediaProperties><callvariables>"
    "<CallVariable><name>callVariable1</name><value>{value}</value></CallVariable></callvariables>"
    "</mediaProperties></Dialog></dialogs></data><event>POST</event><requestId>r-{n}</requestId>"
    "<source>/finesse/api/User/{agent}/Dialogs</source></Update>"
)
VALUES = (
    "plain",
    "a &amp; b &lt;c&gt;",
    "]]&gt;",
    "ÄÖ 漢字 \U0001f600",
    "&#39;quoted&#34;",
    " two  ",
)
_numbers = itertools.count(2_001_001)


class Agent:
    """An agent that listens; every test has others, since the servers are shared."""

    def __init__(self, side: ServerSide, user: str, password: str) -> None:
        self.side, self.user, self.password = side, user, password
        self.heard: list[Notification] = []
        self.finesse: list[bool] = []
        self.sessions: list[Session] = []

    @property
    def node(self) -> str:
        return f"/finesse/api/User/{self.user}/Dialogs"

    @property
    def there(self) -> int:
        """How many sessions the side knows of."""
        return len(self.side.roll.sessions(self.side.bare(self.user)))

    async def sign_in(self, resource: str = "listener-1") -> Session:
        """Open a session; returns when the side knows of it."""
        side = self.side
        context = ssl.create_default_context(cadata=side.ca_pem.decode())
        endpoint = Endpoint("127.0.0.1", side.tls_port or 0, side.domain, side.pubsub_domain)
        session = Session(
            self.user,
            lambda: self.password,
            endpoint,
            tls=context,
            resource=resource,
            on_notification=self.heard.append,
            on_finesse_presence=self.finesse.append,
        )
        await session.open()
        self.sessions.append(session)
        await side.roll.until(lambda: bool(side.roll.sessions(session.jid)))
        return session

    async def settled(self) -> None:
        """Return when all that the server had sent has been read."""
        for session in self.sessions:
            await session.ping(20)

    async def sign_out(self) -> None:
        for session in self.sessions:
            await session.close()
        await self.side.roll.until(lambda: not self.there)

    def update(self, n: int = 1, value: str = "x") -> str:
        return UPDATE.format(n=n, value=value, agent=self.user)


@asynccontextmanager
async def served(server: Server, way: str, count: int = 1) -> AsyncIterator[tuple[Any, ...]]:
    """Run the notification side; yields it and its agents."""
    passwords = {str(next(_numbers)): f"correct-horse-{n}" for n in range(count)}
    side = WAYS[way](server, passwords)
    agents = [Agent(side, *each) for each in passwords.items()]
    try:
        await side.start()
        yield side, *agents
    finally:
        for session in (one for agent in agents for one in agent.sessions):
            await session.close(graceful=False)
        await side.stop()
    assert not side.failures


ways = pytest.mark.parametrize("way", sorted(WAYS))


@ways
async def test_items_come_in_order_and_say_the_same_in_every_form(server, way):
    async with served(server, way) as (side, agent):
        await agent.sign_in()
        sent = [
            (f"item-{n}", agent.update(n, value), form)
            for n, (value, form) in enumerate(itertools.product(VALUES, Form))
        ]
        for item_id, payload, form in sent:
            assert await side.publish(agent.node, payload, item_id=item_id, form=form) == 1
        await agent.settled()
        assert [each.item_id for each in agent.heard] == [item_id for item_id, _, _ in sent]
        for each, (item_id, payload, _) in zip(agent.heard, sent, strict=True):
            said = events_of(parse_update(each.payload), each.node, each.item_id)
            assert said == events_of(parse_update(payload), agent.node, item_id)


@ways
async def test_concurrent_items_go_in_the_order_of_the_calls(server, way):
    async with served(server, way) as (side, agent):
        await agent.sign_in()
        ids = [f"item-{n}" for n in range(20)]
        await asyncio.gather(
            *(side.publish(agent.node, agent.update(), item_id=each) for each in ids)
        )
        await agent.settled()
        assert [each.item_id for each in agent.heard] == ids


@ways
async def test_absent_sessions_are_not_counted_and_get_nothing_later(server, way):
    async with served(server, way) as (side, agent):
        assert not side.present(agent.user)
        assert await side.publish(agent.node, agent.update(), item_id="too-early") == 0
        await agent.sign_in()
        assert side.present(agent.user)
        assert await side.publish(agent.node, agent.update(), item_id="in-time") == 1
        await agent.sign_in("listener-2")
        assert await side.publish(agent.node, agent.update(), item_id="to-both") == 2
        await agent.settled()
        await agent.sign_out()
        assert not side.present(agent.user)
        assert await side.publish(agent.node, agent.update(), item_id="too-late") == 0
        assert [each.item_id for each in agent.heard] == ["in-time", "to-both", "to-both"]


@ways
@pytest.mark.parametrize("how", Cut)
async def test_a_cut_breaks_the_sessions_of_that_agent_alone(server, way, how):
    async with served(server, way, 2) as (side, agent, other):
        broken, kept = await agent.sign_in(), await other.sign_in()
        assert await side.cut(agent.user, how) == 1
        assert (await broken.closed()).cause is Cause.LINK_LOST
        assert not side.present(agent.user)
        assert await side.publish(agent.node, agent.update()) == 0
        assert await kept.ping(20)
        await agent.sign_in()
        assert await side.publish(agent.node, agent.update()) == 1


@ways
async def test_cutting_an_absent_agent_does_nothing(server, way):
    async with served(server, way) as (side, agent):
        assert await side.cut(agent.user) == 0


@ways
async def test_agents_see_finesse_come_and_go(server, way):
    async with served(server, way) as (side, agent):
        await agent.sign_in()
        await until(lambda: agent.finesse == [True])
        side.set_finesse_presence(available=False)
        await until(lambda: agent.finesse == [True, False])
        side.set_finesse_presence(available=True)
        await until(lambda: agent.finesse == [True, False, True])


@ways
async def test_a_node_beside_the_own_ones_takes_a_subscription(server, way):
    async with served(server, way) as (side, agent):
        session, team = await agent.sign_in(), f"/finesse/api/Team/{agent.user}/Users"
        assert await side.publish(team, agent.update(), item_id="before") == 0
        assert await session.subscribe(team) is None
        assert any(one.node == team for one in await session.subscriptions())
        assert await side.publish(team, agent.update(), item_id="meanwhile") == 1
        assert await session.unsubscribe(team) is None
        assert await side.publish(team, agent.update(), item_id="after") == 0
        await agent.settled()
        assert [each.item_id for each in agent.heard] == ["meanwhile"]


async def test_a_component_may_send_an_item_twice_and_from_elsewhere(server):
    async with served(server, "component") as (side, agent):
        session = await agent.sign_in()
        for _ in range(2):
            assert await side.publish(agent.node, agent.update(), item_id="same") == 1
        stranger = f"somebody@{side.pubsub_domain}"
        assert await side.send_from(stranger, agent.user, agent.node, agent.update()) == 1
        await agent.settled()
        assert [each.item_id for each in agent.heard] == ["same", "same"]
        assert session.refused_notifications == 1


async def test_an_agent_may_not_subscribe_to_others_where_the_component_forbids_it(server):
    async with served(server, "component") as (side, agent):
        session = await agent.sign_in()
        side.rules.restrict_nodes = True
        assert "not-authorized" in (await session.subscribe("/finesse/api/User/1/Dialogs") or "")


async def test_publishing_goes_on_after_a_restart_of_the_server(own_server):
    """As a component; as an owner it does so in `tests/integration/test_scene_pair.py`."""
    async with served(own_server, "component") as (side, agent):
        broken = await agent.sign_in()
        await until(lambda: agent.finesse == [True])
        await asyncio.to_thread(own_server.kill)
        await broken.closed()
        await until(lambda: not side.present(agent.user))
        assert await side.publish(agent.node, agent.update(), item_id="lost") == 0
        assert side.unpublished == 1
        await asyncio.to_thread(own_server.restart)
        await side.resume()
        session = await agent.sign_in()
        assert await side.publish(agent.node, agent.update(), item_id="again") == 1
        await until(lambda: agent.finesse == [True, True])
        assert await session.ping(20)
        assert [each.item_id for each in agent.heard] == ["again"]
