"""The whole program against real servers: what its callers are told while the servers misbehave.

REST is the simulator's; the notification side is prosody or ejabberd, to which the program connects
itself.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from types import SimpleNamespace

import pytest

from listener.assembly import Listener
from listener.correlation.outcome import Confirmed, Evidence
from listener.correlation.pending import State
from listener.errors import ConfigurationError, CredentialsRefused
from listener.finesse.actions import Hold, Retrieve
from listener.simulator.faults import Fault
from listener.xmpp import stanzas
from tests.integration import places, quirks
from tests.integration.places import SECURITIES
from tests.integration.publishing.owner import OwnerPublisher
from tests.shell.stage import (
    PACES,
    PASSWORD,
    A,
    answered_call,
    no_tasks_left,
    node_of,
    settings,
    simulated,
    until,
    writes,
)

TEAM = "/finesse/api/Team/5/Users"
DIALOGS = f"/finesse/api/User/{A}/Dialogs"
ONLY = [{"id": A, "password": PASSWORD[A]}]
SWIFT = {"ping_interval": 0.3, "ping_timeout": 0.5}


@asynccontextmanager
async def world(server, folder, *, security="tls", presence="available", **how):
    """Run a simulator that publishes through the server; yield it and the settings that fit."""
    side = OwnerPublisher(server, PASSWORD)
    async with simulated(notifications=side) as sim:
        ca = folder / "both.pem"
        ca.write_bytes(sim.ca_pem + server.ca_file.read_bytes())
        told = settings(
            sim,
            folder,
            agents=how.pop("agents", ONLY),
            finesse={
                "nodes": [node_of(sim) | {"xmpp_port": server.port(security)}],
                "ca_file": ca,
                "security": security,
                "presence": presence,
            },
            **how,
        )
        yield sim, told


@asynccontextmanager
async def running(server, folder, **how):
    """Run the program too, and check that it leaves no task."""
    with no_tasks_left():
        async with (
            world(server, folder, **how) as (sim, told),
            Listener.open(told, paces=PACES) as listener,
        ):
            yield sim, listener


async def explicit(server) -> set[tuple[str, str]]:
    """Return the explicit subscriptions of the agent, as the server lists them."""
    async with places.at(server).opened(resource="looking") as session:
        listed = await session.subscriptions()
        return {(one.node, one.jid) for one in listed if "/" in one.jid}


@pytest.mark.parametrize(
    ("security", "presence"), [*((one, "available") for one in SECURITIES), ("tls", "none")]
)
async def test_what_becomes_of_a_request_is_heard_over_every_transport(
    server, tmp_path, security, presence
):
    async with running(server, tmp_path, security=security, presence=presence) as (sim, listener):
        assert listener.agents[A].live
        if presence == "available":  # the publisher hears of it in its own time
            await until(lambda: sim.notifications.present(A))
        dialog = await answered_call(sim, listener)
        for request in (Hold(agent=A, dialog_id=dialog), Retrieve(agent=A, dialog_id=dialog)):
            outcome = await listener.submit(request)
            assert isinstance(outcome, Confirmed)
            assert outcome.evidence is Evidence.REQUEST_ID
        assert writes(sim) == 2
        assert sim.notifications.present(A) is (presence == "available")
    assert await explicit(server) == set()


@pytest.mark.parametrize("presence", ["available", "none"])
async def test_a_wrong_password_is_tried_once_and_raised_in_words(server, tmp_path, presence):
    before = server.refused_logins()
    agents = [{"id": A, "password": "wrong"}]
    async with world(server, tmp_path, agents=agents, presence=presence) as (_, told):
        with pytest.raises(CredentialsRefused, match=f"refused the login of {A}"):
            async with Listener.open(told, paces=PACES):
                raise AssertionError
    assert server.refused_logins() == before + 1


@pytest.mark.parametrize("presence", ["available", "none"])
async def test_a_clean_stop_leaves_no_explicit_subscription(server, tmp_path, presence):
    agents = [ONLY[0] | {"subscriptions": [TEAM]}]
    async with running(server, tmp_path, agents=agents, presence=presence) as (sim, _):
        await sim.notifications.publish(TEAM, "<Update/>")  # the node is there now
    async with running(server, tmp_path, agents=agents, presence=presence) as (sim, _):
        nodes = {node for node, jid in await explicit(server) if "/listener-" in jid}
        assert nodes == {TEAM} | (stanzas.own_nodes(A) if presence == "none" else set())
    assert await explicit(server) == set()


async def test_finesse_that_goes_away_is_seen_with_presence_alone(server, tmp_path):
    async with running(server, tmp_path) as (sim, listener):
        sim.notifications.set_finesse_presence(available=False)
        await until(lambda: not listener.agents[A].live)
        sim.notifications.set_finesse_presence(available=True)
        await listener.ready(A, within=20)
    async with running(server, tmp_path, presence="none") as (sim, listener):
        sim.notifications.set_finesse_presence(available=False)
        dialog = await answered_call(sim, listener)
        assert isinstance(await listener.submit(Hold(agent=A, dialog_id=dialog)), Confirmed)
        assert listener.agents[A].live
        sim.notifications.set_finesse_presence(available=True)


async def test_a_server_that_refuses_the_nodes_of_a_session_without_presence_is_told(
    server, tmp_path
):
    async def open_to(side, model: str) -> None:
        fields = (("FORM_TYPE", "http://jabber.org/protocol/pubsub#node_config"),)
        form = "".join(
            f"<field var='{name}'><value>{value}</value></field>"
            for name, value in (*fields, ("pubsub#access_model", model))
        )
        body = f"<configure node='{DIALOGS}'><x xmlns='jabber:x:data' type='submit'>{form}</x>"
        owner = "http://jabber.org/protocol/pubsub#owner"
        await side._ask("set", f"{body}</configure>", owner)

    async with world(server, tmp_path, presence="none") as (sim, told):
        await open_to(sim.notifications, "whitelist")
        try:
            with pytest.raises(ConfigurationError) as refused:
                async with Listener.open(told, paces=PACES):
                    raise AssertionError
        finally:
            await open_to(sim.notifications, "open")
        assert DIALOGS in str(refused.value)
        assert 'presence = "available"' in str(refused.value)
    assert await explicit(server) == set()


@pytest.mark.parametrize("presence", ["available", "none"])
async def test_a_server_that_was_killed_and_comes_back(own_server, tmp_path, presence):
    server = own_server
    async with running(server, tmp_path, presence=presence) as (sim, listener):
        dialog = await answered_call(sim, listener)
        sim.finesse.faults.add(Fault.SILENT, action="HOLD")
        ticket = listener.start(Hold(agent=A, dialog_id=dialog))
        await until(lambda: ticket.record.answered is not None)
        await asyncio.to_thread(server.kill)
        await until(lambda: not listener.agents[A].live)
        assert ticket.state is State.IN_DOUBT
        await asyncio.to_thread(server.restart)
        await sim.notifications.stop()
        await sim.notifications.start()  # a server that was killed may have lost its nodes
        outcome = await ticket.outcome()
        assert isinstance(outcome, Confirmed)
        assert outcome.evidence is Evidence.SNAPSHOT
        await listener.ready(A, within=20)
        outcome = await listener.submit(Retrieve(agent=A, dialog_id=dialog))
        assert isinstance(outcome, Confirmed)
        assert outcome.evidence is Evidence.REQUEST_ID
        assert writes(sim) == 2


async def test_of_two_programs_with_one_name_the_first_stops_and_the_second_stays(
    server, tmp_path, monkeypatch
):
    """Which of two sessions a server ends is its own affair: both end that which was there."""
    named = SimpleNamespace(token_hex=lambda _: "same")
    monkeypatch.setattr("listener.dialling.secrets", named)
    with no_tasks_left():
        async with (
            world(server, tmp_path) as (sim, told),
            Listener.open(told, paces=PACES) as first,
            Listener.open(told, paces=PACES) as second,
        ):
            await until(lambda: first.agents[A].state == "stopped")
            assert "conflict" in first.agents[A].last_error
            await asyncio.sleep(10 * PACES.backoff.cap)  # what must not come is not announced
            assert await second.ping(A, 20)
            assert (first.agents[A].live, second.agents[A].live) == (False, True)
            dialog = await answered_call(sim, second)
            assert isinstance(await second.submit(Hold(agent=A, dialog_id=dialog)), Confirmed)
            first.change_credentials(A, password=PASSWORD[A])
            await until(lambda: second.agents[A].state == "stopped")
            await first.ready(A, within=20)


async def test_a_server_that_stands_still_is_noticed_and_come_back_to(own_server, tmp_path):
    server = own_server
    async with running(server, tmp_path, timings=SWIFT) as (sim, listener):
        dialog = await answered_call(sim, listener)
        since = listener.agents[A].since
        server.freeze()
        await until(lambda: not listener.agents[A].live)
        assert "silent" in listener.agents[A].last_error
        server.thaw()
        await listener.ready(A, within=20)
        assert listener.agents[A].since > since
        outcome = await listener.submit(Hold(agent=A, dialog_id=dialog))
        assert isinstance(outcome, Confirmed)


async def test_explicit_subscriptions_after_a_restart(own_server, tmp_path):
    server = own_server
    async with places.real(server) as place:
        await place.publish(TEAM, "<Update/>")
        session = place.session(resource="desktop-2")
        await session.open()
        assert await session.subscribe(TEAM) is None
        await session.close(graceful=False)
    await asyncio.to_thread(server.restart)
    kept = {node for node, _ in await explicit(server)}
    assert (kept == set()) is quirks.FORGETFUL.holds(server.name)
