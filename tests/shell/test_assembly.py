"""The listener as programs hold it: opened, asked, listened to, closed."""

from __future__ import annotations

import asyncio
import base64
import io
import logging
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from listener import logs
from listener.assembly import Listener
from listener.crew import Paces
from listener.errors import (
    ConfigurationError,
    CredentialsRefused,
    InvalidRequest,
    NotListening,
    Unreachable,
)
from listener.finesse.actions import Hold, MakeCall, SendDtmf, UpdateCallData
from listener.simulator.faults import Fault
from listener.simulator.interfaces import HttpResponse
from listener.watching import Watching
from listener.xmpp.stanzas import RESOURCE_PREFIX
from tests.shell.stage import (
    PACES,
    PASSWORD,
    A,
    B,
    answered_call,
    dead_port,
    heard,
    no_tasks_left,
    node_of,
    settings,
    simulated,
    until,
)

TEAM = "/finesse/api/Team/5/Users"


@asynccontextmanager
async def scene(tmp_path, *, how=None, paces=PACES, strict=True, wait=True, **kinds):
    with no_tasks_left():
        async with simulated(**(how or {})) as sim:
            told = settings(sim, tmp_path, **kinds)
            async with Listener.open(told, strict=strict, wait=wait, paces=paces) as listener:
                yield sim, listener


async def test_listener_shows_its_agents_and_the_deployment(tmp_path):
    async with scene(tmp_path, how={"profile": "UCCX"}) as (_sim, listener):
        assert listener.deployment == "UCCX"
        status = listener.agents[A]
        assert (status.agent, status.state, status.live) == (A, "up", True)
        assert (status.host, status.last_error) == ("127.0.0.1", None)
        assert repr(listener).startswith("<Listener 2 of 2 agents up, <Service pending=0")
        assert repr(listener.roster.ear(A)) == f"<Ear {A} up>"


async def test_unknown_agents_are_refused_by_name(tmp_path):
    async with scene(tmp_path) as (_sim, listener):
        with pytest.raises(ConfigurationError, match="agent 9 is not configured"):
            await listener.submit(Hold(agent="9", dialog_id="1"))
        with pytest.raises(ConfigurationError, match="agent 9 is not configured"):
            await listener.ready("9")
        assert not await listener.ping("9", 1)
        with pytest.raises(InvalidRequest, match="minimum_evidence is one of any"):
            await listener.submit(Hold(agent=A, dialog_id="1"), minimum_evidence="none")
        with pytest.raises(ConfigurationError, match="new password"):
            listener.change_credentials(A)


async def test_extension_of_the_settings_is_used_before_a_session_is_up(tmp_path):
    agents = [{"id": A, "password": PASSWORD[A], "extension": "7777"}]
    async with scene(tmp_path, agents=agents) as (_sim, listener):
        ticket = await listener.expect(Hold(agent=A, dialog_id="1"))
        assert ticket.request.device == "7777"


async def test_events_are_told_to_who_listens(tmp_path):
    async with scene(tmp_path) as (sim, listener):
        async with aclosing(listener.events(A)) as stream:
            dialog = await sim.finesse.incoming_call(A, "+12025550101")
            event = await anext(stream)
            assert (type(event).__name__, event.dialog_id) == ("DialogAdded", dialog)
        every = listener.events()
        await heard(sim, listener)
        await listener.close(0)
        assert all(item.owner == A for item in [item async for item in every])


async def test_explicit_subscriptions_are_ours_once_and_gone_at_the_end(tmp_path):
    mine = [TEAM, f"/finesse/api/User/{A}/Dialogs"]
    agents = [{"id": A, "password": PASSWORD[A], "subscriptions": mine}]
    async with simulated() as sim:
        house = sim.notifications
        told = settings(sim, tmp_path, agents=agents)
        stale = f"{A}@localhost/{RESOURCE_PREFIX}home-dead-{A}"
        beside = f"{A}@localhost/{RESOURCE_PREFIX}home-beside-{A}"
        others = {
            f"{A}@localhost/{name}" for name in ("desktop", f"{RESOURCE_PREFIX}else-dead-{A}")
        }
        for jid in (stale, beside, *others):
            house._subscriptions.add(TEAM, jid, explicit=True)

        async def at_home(listener) -> None:
            listener.roster.dialling.home = "home"
            listener.roster.dialling.spared.add("beside")

        async with Listener.open(told, paces=PACES, first=at_home):
            (session,) = house.sessions(A)
            assert session.partition("/")[2].startswith(f"{RESOURCE_PREFIX}home-")
            explicit = {(one.jid, one.node) for one in house.subscriptions if "/" in one.jid}
            assert explicit == {(jid, TEAM) for jid in (session, beside, *others)}
        left = {(one.jid, one.node) for one in house.subscriptions if "/" in one.jid}
        assert left == {(jid, TEAM) for jid in (beside, *others)}
        assert house.presence_log[-1].type == "unavailable"


async def test_refused_subscription_is_told_and_the_session_is_used_all_the_same(tmp_path, caplog):
    agents = [{"id": A, "password": PASSWORD[A], "subscriptions": [TEAM]}]
    async with simulated() as sim:
        sim.notifications.rules.strict_nodes = True
        told = settings(sim, tmp_path, agents=agents)
        async with Listener.open(told, paces=PACES) as listener:
            assert listener.agents[A].live
    assert any("subscription.refused" in record.getMessage() for record in caplog.records)


async def test_picture_that_cannot_be_read_is_read_again(tmp_path):
    async with simulated() as sim:
        sim.finesse.faults.add(Fault.UNAVAILABLE, action="GET", times=3)
        told = settings(sim, tmp_path, agents=[{"id": A, "password": PASSWORD[A]}])
        async with Listener.open(told, strict=False, paces=PACES) as listener:
            await listener.ready(A, within=40)
            assert listener.agents[A].last_error is None
        sim.finesse.faults.add(Fault.UNAVAILABLE, action="GET", times=1)
        with pytest.raises(Unreachable, match=f"Finesse does not show agent {A}: .*503"):
            async with Listener.open(told, paces=PACES):
                raise AssertionError


async def test_without_strict_what_cannot_be_reached_is_tried_on(tmp_path):
    async with simulated() as sim:
        port = dead_port()
        told = settings(sim, tmp_path, finesse={"nodes": [node_of(sim) | {"xmpp_port": port}]})
        async with Listener.open(told, strict=False, paces=PACES) as listener:
            assert str(port) in listener.agents[A].last_error
            with pytest.raises(NotListening, match=f"has no session after 0.01 s: .*{port}"):
                await listener.ready(A, within=0.01)
        with pytest.raises(Unreachable, match=str(port)):
            async with Listener.open(told, paces=PACES):
                raise AssertionError


async def test_one_agent_that_came_up_is_enough_for_strict(tmp_path):
    agents = [{"id": A, "password": "wrong"}, {"id": B, "password": PASSWORD[B]}]
    async with scene(tmp_path, agents=agents) as (_sim, listener):
        assert [each.live for each in listener.agents.values()] == [False, True]


async def test_wrong_password_delays_nobody_where_system_info_wants_one(tmp_path):
    """12.6 ES2: it is shown once there and once to SASL, and the next agent lends at once."""
    slow = replace(PACES, polling=replace(PACES.polling, every=1000.0))
    agents = [{"id": A, "password": "wrong"}, {"id": B, "password": PASSWORD[B]}]
    async with simulated() as sim:
        node, lent = sim.nodes[0], []
        answered = node.http._handler

        async def locked(request):
            if request.path.endswith("/SystemInfo"):
                told = request.headers.get("authorization", "Basic ").partition(" ")[2]
                user, _, password = base64.b64decode(told).decode().partition(":")
                lent.extend([user] if user else [])
                if PASSWORD.get(user) != password:
                    return HttpResponse(401)
            return await answered(request)

        node.http._handler = locked
        async with Listener.open(settings(sim, tmp_path, agents=agents), paces=slow) as listener:
            await until(lambda: listener.roster.up == 1)
            assert listener.agents[B].live
            assert isinstance(listener.roster.ear(A).trouble, CredentialsRefused)
            assert lent.count(A) == 1
            assert sim.notifications.auth_attempts[A] == 1
            assert list(listener.roster._lenders()) == [B]  # what SASL refused is shown no more


async def test_opened_without_waiting_it_can_be_waited_for(tmp_path):
    async with scene(tmp_path, wait=False) as (_sim, listener):
        assert not listener.agents[A].live
        await listener.tried(strict=True)
        assert listener.agents[A].live
    async with simulated() as sim:
        told = settings(sim, tmp_path, agents=[{"id": A, "password": "wrong"}])
        async with Listener.open(told, wait=False, paces=PACES) as listener:
            with pytest.raises(CredentialsRefused):
                await listener.tried(strict=True)


async def test_ready_tells_of_the_agents_who_are_held_by_then(tmp_path):
    """A reload during the sign-on takes some out."""
    with capture_logs() as lines:
        async with scene(tmp_path, wait=False) as (_sim, listener):
            await listener.roster.remove(B)
            await listener.tried()
    (ready,) = [line for line in lines if line["event"] == "listener.ready"]
    assert (ready["agents"], ready["up"]) == (1, 1)


async def test_session_opened_and_left_at_once_leaves_nothing(tmp_path):
    async with scene(tmp_path, wait=False):
        pass
    async with scene(tmp_path, wait=False):
        await asyncio.sleep(0)


async def test_token_is_sent_as_bearer_and_can_be_changed_to(tmp_path):
    async with scene(tmp_path) as (sim, listener):
        seen = []
        user = sim.finesse.accounts.user
        sim.finesse.accounts.user = lambda header: seen.append(header) or user(header)
        listener.change_credentials(A, token="tok-en")
        with pytest.raises(Exception, match="401"):
            await listener.wire.picture(A)
        assert seen == ["Bearer tok-en"]


async def test_fault_of_ours_in_one_agent_is_told_and_harms_no_other(tmp_path, monkeypatch):
    async def broken(watching) -> None:
        raise ZeroDivisionError

    real = Watching.run
    monkeypatch.setattr(Watching, "run", broken)
    assert real is not broken
    agents = [
        {"id": A, "password": PASSWORD[A], "connect": "while_signed_in"},
        {"id": B, "password": PASSWORD[B]},
    ]
    async with scene(tmp_path, agents=agents) as (_sim, listener):
        assert listener.agents[B].live
        assert listener.agents[A].last_error == "ZeroDivisionError"


async def test_idle_agent_keeps_its_session_while_finesse_does_not_say(tmp_path):
    agents = [{"id": A, "password": PASSWORD[A], "connect": "while_signed_in"}]
    paces = Paces(backoff=PACES.backoff, reconcile_again=(0.01,), watch_every=0.01)
    async with scene(tmp_path, agents=agents, paces=paces) as (sim, listener):
        await listener.ready(A, within=40)
        rules = [sim.finesse.faults.add(Fault.UNAVAILABLE, action="GET") for _ in range(3)]
        await until(lambda: all(rule.times == 0 for rule in rules))
        assert listener.agents[A].live
        refuse = [sim.finesse.accounts.user]

        def refused(header) -> str:
            refuse.append(header)
            return refuse[0]("Basic eDp5")

        sim.finesse.accounts.user = refused
        await until(lambda: "refused" in (listener.agents[A].last_error or ""))
        assert listener.agents[A].live  # only SASL ends a session that is there


async def test_nothing_secret_is_written_at_any_level(tmp_path):
    written = io.StringIO()
    logs.configure(level="DEBUG", form="json", wire=True, show_numbers=True, stream=written)
    digits = "82539714"
    agents = [
        {"id": A, "password": PASSWORD[A], "subscriptions": [TEAM]},
        {"id": B, "password": "wrong-secret"},
    ]
    async with scene(tmp_path, agents=agents) as (sim, listener):
        dialog = await answered_call(sim, listener)
        sim.finesse.faults.add(Fault.REFUSED_LATER, action="SEND_DTMF")
        sent = await listener.submit(SendDtmf(agent=A, dialog_id=dialog, dtmf_string=digits))
        assert sent.kind == "failed"
        assert (await listener.submit(Hold(agent=A, dialog_id=dialog))).kind == "confirmed"
        await listener.submit(
            UpdateCallData(agent=A, dialog_id=dialog, call_variables={"callVariable1": "x"})
        )
        call = await listener.submit(MakeCall(agent=A, to_address="+12025550123"))
        sim.notifications.cut(A)
        await until(lambda: not listener.agents[A].live)
        await listener.ready(A, within=40)
        listener.change_credentials(B, password=PASSWORD[B])
        await listener.ready(B, within=40)
    text = written.getvalue()
    logging.getLogger().handlers.clear()
    assert text.count('"request.settled"') == 4
    assert f'"dialog": "{call.dialogs.new}"' in text
    assert '"rest.sent"' in text
    secrets = [*PASSWORD.values(), "wrong-secret", digits]
    secrets += [
        base64.b64encode(shape.encode()).decode().rstrip("=")
        for id_, word in [*PASSWORD.items(), (B, "wrong-secret")]
        for shape in (word, f"{id_}:{word}", f"\0{id_}\0{word}")
    ]
    assert [secret for secret in secrets if secret in text] == []
    assert "Basic " not in text
