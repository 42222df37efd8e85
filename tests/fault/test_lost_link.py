"""Links that are lost with requests open: everything in doubt, nothing twice, one agent's alone."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import pytest

from listener.assembly import Listener
from listener.correlation.outcome import (
    Abandoned,
    Confirmed,
    Evidence,
    Presumed,
    Reason,
    Rejected,
    Unconfirmed,
)
from listener.correlation.pending import State
from listener.errors import CredentialsRefused, NotListening, Unreachable
from listener.finesse.actions import Hold, MakeCall, Retrieve, SendDtmf, dialogs
from listener.simulator.faults import Fault
from listener.simulator.xmpp_faults import Cut, Refusal, Stage
from tests.shell.stage import (
    AGENTS,
    PACES,
    PASSWORD,
    A,
    B,
    answered_call,
    dead_port,
    no_tasks_left,
    node_of,
    settings,
    simulated,
    until,
    writes,
)


@asynccontextmanager
async def scene(tmp_path, *, strict=True, paces=PACES, how=None, **kinds):
    with no_tasks_left():
        async with simulated(**(how or {})) as sim:
            told = settings(sim, tmp_path, **kinds)
            async with Listener.open(told, strict=strict, paces=paces) as listener:
                yield sim, listener


async def lose(sim, listener, agent=None, how=Cut.RESET):
    """Cut links and keep new ones out until the listener knows."""
    await sim.notifications.refuse_connections(Refusal.CLOSE)
    sim.notifications.cut(agent, how)
    agents = listener.agents if agent is None else [agent]
    await until(lambda: not any(listener.agents[each].live for each in agents))


@pytest.mark.parametrize("how", list(Cut))
async def test_hold_done_while_the_link_was_away_is_confirmed_by_a_get(tmp_path, how):
    async with scene(tmp_path) as (sim, listener):
        dialog = await answered_call(sim, listener)
        sim.finesse.faults.add(Fault.SILENT, action="HOLD")
        sim.notifications.freeze(A)
        ticket = listener.start(Hold(agent=A, dialog_id=dialog))
        await until(lambda: ticket.record.answered is not None)
        await sim.finesse.quiet()
        sim.notifications.thaw(A)
        await lose(sim, listener, A, how)
        assert ticket.state is State.IN_DOUBT
        await sim.notifications.accept_connections()
        outcome = await ticket.outcome()
        assert isinstance(outcome, Confirmed)
        assert outcome.evidence is Evidence.SNAPSHOT
        assert len(outcome.window.gaps) == 1
        assert writes(sim) == 1


async def test_hold_never_done_is_in_doubt_and_ends_as_link_lost(tmp_path):
    async with scene(tmp_path) as (sim, listener):
        dialog = await answered_call(sim, listener)
        sim.finesse.faults.add(Fault.REFUSED_LATER, action="HOLD")
        sim.finesse.faults.add(Fault.EVENT_LOST, action="HOLD")
        ticket = listener.start(Hold(agent=A, dialog_id=dialog), deadline=1.0)
        await until(lambda: ticket.record.answered is not None)
        await sim.finesse.quiet()
        await lose(sim, listener, A)
        await sim.notifications.accept_connections()
        outcome = await ticket.outcome()
        assert isinstance(outcome, Unconfirmed)
        assert outcome.reason is Reason.LINK_LOST
        assert writes(sim) == 1


@pytest.fixture
def short_window(monkeypatch):
    monkeypatch.setattr(dialogs, "WINDOW", 0.3)
    monkeypatch.setattr(dialogs, "PER_DIGIT", 0.0)


@pytest.mark.usefixtures("short_window")
async def test_link_lost_in_a_dtmf_window_leaves_it_unconfirmed(tmp_path):
    async with scene(tmp_path, how={"tagging": "errors_empty"}) as (sim, listener):
        dialog = await answered_call(sim, listener)
        ticket = listener.start(SendDtmf(agent=A, dialog_id=dialog, dtmf_string="4711"))
        await until(lambda: ticket.record.answered is not None)
        await lose(sim, listener, A)
        await sim.notifications.accept_connections()
        outcome = await ticket.outcome()
        assert isinstance(outcome, Unconfirmed)
        assert outcome.reason is Reason.LINK_LOST
        assert writes(sim, "SEND_DTMF") == 1


@pytest.mark.usefixtures("short_window")
async def test_link_that_died_silently_fails_the_fence_of_a_dtmf_window(tmp_path):
    async with scene(tmp_path, how={"tagging": "errors_empty"}) as (sim, listener):
        dialog = await answered_call(sim, listener)
        ticket = listener.start(SendDtmf(agent=A, dialog_id=dialog, dtmf_string="4711"))
        await until(lambda: ticket.record.answered is not None)
        sim.notifications.freeze(A)
        outcome = await ticket.outcome()
        sim.notifications.thaw(A)
        assert isinstance(outcome, Unconfirmed)
        assert outcome.reason is Reason.LINK_LOST


@pytest.mark.usefixtures("short_window")
async def test_dtmf_with_the_link_up_all_the_time_is_presumed(tmp_path):
    async with scene(tmp_path, how={"tagging": "errors_empty"}) as (sim, listener):
        dialog = await answered_call(sim, listener)
        outcome = await listener.submit(SendDtmf(agent=A, dialog_id=dialog, dtmf_string="4711"))
        assert isinstance(outcome, Presumed)


async def test_one_agents_lost_link_does_not_touch_anothers_session(tmp_path):
    async with scene(tmp_path) as (sim, listener):
        since = listener.agents[B].since
        await lose(sim, listener, A)
        assert listener.agents[B].live
        with pytest.raises(NotListening):
            await listener.submit(Hold(agent=A, dialog_id="1"))
        dialog = await answered_call(sim, listener, B)
        assert isinstance(await listener.submit(Hold(agent=B, dialog_id=dialog)), Confirmed)
        await sim.notifications.accept_connections()
        await listener.ready(A, within=40)
        assert listener.agents[B].since == since


async def test_restarted_notification_service_is_found_again_by_all(tmp_path):
    async with scene(tmp_path) as (sim, listener):
        port = sim.xmpp_port
        await sim.notifications.stop(grace=0)
        await until(lambda: not any(each.live for each in listener.agents.values()))
        await sim.notifications.start("127.0.0.1", tls_port=port)
        await asyncio.gather(listener.ready(A, within=40), listener.ready(B, within=40))
        dialog = await answered_call(sim, listener)
        assert isinstance(await listener.submit(Hold(agent=A, dialog_id=dialog)), Confirmed)


async def test_wrong_password_of_one_of_two_stops_that_one_after_one_attempt(tmp_path):
    agents = [{"id": A, "password": "wrong"}, {"id": B, "password": PASSWORD[B]}]
    async with scene(tmp_path, agents=agents) as (sim, listener):
        assert listener.agents[B].live
        assert listener.agents[A].state == "stopped"
        with pytest.raises(NotListening, match=f"agent {A} was stopped: .*not-authorized"):
            await listener.ready(A, within=40)
        await asyncio.sleep(0.2)
        assert sim.notifications.auth_attempts[A] == 1
        listener.change_credentials(A, password=PASSWORD[A])
        await listener.ready(A, within=40)
        assert sim.notifications.auth_attempts[A] == 2
        dialog = await answered_call(sim, listener)
        assert isinstance(await listener.submit(Hold(agent=A, dialog_id=dialog)), Confirmed)


async def test_wrong_passwords_of_all_are_raised_at_once_in_words(tmp_path):
    agents = [{"id": A, "password": "wrong"}]
    with pytest.raises(CredentialsRefused, match=f"refused the login of {A}"):
        async with scene(tmp_path, agents=agents):
            raise AssertionError


async def test_resource_conflict_stops_and_says_so(tmp_path, caplog):
    async with scene(tmp_path) as (sim, listener):
        sim.notifications.send_stream_error(A, "conflict")
        await until(lambda: listener.agents[A].state == "stopped")
        with pytest.raises(NotListening, match="conflict"):
            await listener.ready(A, within=40)
        assert sim.notifications.auth_attempts[A] == 1
        assert listener.agents[B].live
        listener.change_credentials(A, password=PASSWORD[A])
        await listener.ready(A, within=40)


async def test_session_that_comes_up_out_of_service_waits_until_finesse_is_back(tmp_path):
    async with scene(tmp_path) as (sim, listener):
        sim.finesse.set_status("OUT_OF_SERVICE")
        sim.notifications.cut()
        await until(lambda: "OUT_OF_SERVICE" in (listener.agents[A].last_error or ""))
        assert not listener.agents[A].live
        with pytest.raises(NotListening):
            await listener.submit(Hold(agent=A, dialog_id="1"))
        sim.finesse.set_status("IN_SERVICE")
        await asyncio.gather(listener.ready(A, within=40), listener.ready(B, within=40))


async def test_closing_while_reconnecting_is_quick_and_leaves_nothing(tmp_path):
    async with scene(tmp_path, timings={"connect_deadline": 60}) as (sim, listener):
        sim.notifications.tarpit(Stage.AFTER_TLS)
        sim.notifications.cut()
        await until(lambda: listener.agents[A].state == "connecting")


async def test_closing_while_the_server_is_frozen_leaves_nothing(tmp_path):
    async with scene(tmp_path) as (sim, listener):
        sim.notifications.freeze()
        listener.hurry()
    assert listener.service.records == {}


async def test_120_agents_connect_at_once_and_all_come_up(tmp_path):
    crowd = [
        type(AGENTS[0])(id=str(2000 + n), password=f"p{n}", extension=str(2000 + n))
        for n in range(120)
    ]
    agents = [{"id": one.id, "password": one.password} for one in crowd]
    async with scene(
        tmp_path, how={"agents": crowd}, agents=agents, timings={"connect_deadline": 60}
    ) as (sim, listener):
        await asyncio.gather(*(listener.ready(one.id, within=50) for one in crowd))
        assert len(sim.notifications.sessions()) == 120


async def test_second_node_is_used_when_the_first_is_dead(tmp_path):
    async with simulated() as sim:
        dead = {"host": "127.0.0.1", "rest_port": dead_port(), "xmpp_port": dead_port()}
        told = settings(sim, tmp_path, finesse={"nodes": [dead, node_of(sim)]})
        async with Listener.open(told, paces=PACES) as listener:
            assert listener.agents[A].live
            dialog = await answered_call(sim, listener)
            assert isinstance(await listener.submit(Hold(agent=A, dialog_id=dialog)), Confirmed)


async def test_second_node_is_used_when_the_first_answers_rest_alone(tmp_path):
    async with simulated(nodes=2) as sim:
        deaf = node_of(sim) | {"xmpp_port": dead_port()}
        told = settings(sim, tmp_path, finesse={"nodes": [deaf, node_of(sim, 1)]})
        async with Listener.open(told, paces=PACES) as listener:
            await asyncio.gather(listener.ready(A, within=40), listener.ready(B, within=40))
            dialog = await answered_call(sim, listener)
            assert isinstance(await listener.submit(Hold(agent=A, dialog_id=dialog)), Confirmed)


async def test_two_nodes_without_a_notification_service_are_both_tried_and_told(tmp_path):
    async with simulated(nodes=2) as sim:
        nodes = [node_of(sim, number) | {"xmpp_port": dead_port()} for number in range(2)]
        told = settings(sim, tmp_path, finesse={"nodes": nodes})
        ports = "|".join(str(node["xmpp_port"]) for node in nodes)  # whichever was tried last
        with pytest.raises(Unreachable, match=f"({ports}) refused the connection"):
            async with Listener.open(told, paces=PACES):
                raise AssertionError


async def test_cancelled_caller_leaves_an_abandoned_request_whose_effect_is_late(tmp_path):
    async with scene(tmp_path) as (sim, listener):
        dialog = await answered_call(sim, listener)
        sim.finesse.faults.add(Fault.EVENT_LATE, action="HOLD", events=9, seconds=0.3)
        call = asyncio.create_task(listener.submit(Hold(agent=A, dialog_id=dialog)))
        await until(lambda: writes(sim) == 1)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        (record,) = listener.service.records.values()
        assert isinstance(record.outcome, Abandoned)
        assert record.outcome.reason is Reason.CALLER
        await until(lambda: record.late)


async def test_closing_with_grace_lets_open_requests_end(tmp_path):
    async with scene(tmp_path) as (sim, listener):
        dialog = await answered_call(sim, listener)
        sim.finesse.faults.add(Fault.EVENT_LATE, action="HOLD", events=9, seconds=0.1)
        ticket = listener.start(Hold(agent=A, dialog_id=dialog))
        assert await listener.close(20) == 0
        assert isinstance(await ticket.outcome(), Confirmed)


async def test_closing_without_grace_rejects_what_waits_and_abandons_what_was_sent(tmp_path):
    async with scene(tmp_path) as (sim, listener):
        dialog = await answered_call(sim, listener)
        sim.finesse.faults.add(Fault.SILENT, action="HOLD")
        first = listener.start(Hold(agent=A, dialog_id=dialog))
        second = listener.start(Retrieve(agent=A, dialog_id=dialog))
        await until(lambda: writes(sim) == 1)
        assert await listener.close(0) == 2
        one, two = await first.outcome(), await second.outcome()
        assert isinstance(one, Abandoned)
        assert isinstance(two, Rejected)
        assert (one.reason, two.reason) == (Reason.SHUTDOWN, Reason.SHUTDOWN)
        await sim.finesse.quiet()
        assert writes(sim) == 1


async def test_session_is_held_while_signed_in_only(tmp_path):
    agents = [{"id": A, "password": PASSWORD[A], "connect": "while_signed_in"}]
    spec = type(AGENTS[0])(id=A, password=PASSWORD[A], extension=A, state="LOGOUT")
    async with scene(tmp_path, agents=agents, how={"agents": [spec]}) as (sim, listener):
        assert listener.agents[A].state == "signed_out"
        assert not sim.notifications.present(A)
        with pytest.raises(NotListening):
            await listener.submit(MakeCall(agent=A, to_address="2002"))
        await sim.desktop.become(A, "LOGIN")
        await listener.ready(A, within=40)
        assert sim.notifications.present(A)
        await sim.desktop.become(A, "LOGOUT")
        await until(lambda: listener.agents[A].state == "signed_out")
        # The server reads the end of the stream in its own time.
        await until(lambda: not sim.notifications.present(A))
        assert len(sim.notifications.presence_log) == 2


async def test_refused_password_of_an_idle_agent_is_tried_once(tmp_path):
    agents = [
        {"id": A, "password": "wrong", "connect": "while_signed_in"},
        {"id": B, "password": PASSWORD[B]},
    ]
    async with scene(tmp_path, agents=agents) as (sim, listener):
        seen = []
        accounts = sim.finesse.accounts
        check = accounts.user
        accounts.user = lambda header: seen.append(header) or check(header)
        assert "refused" in listener.agents[A].last_error
        with pytest.raises(NotListening, match="was stopped"):
            await listener.ready(A, within=40)
        await asyncio.sleep(PACES.watch_every * 5)
        assert seen == []
        listener.change_credentials(A, password=PASSWORD[A])
        await listener.ready(A, within=40)
