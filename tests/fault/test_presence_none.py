"""presence = "none" under faults: nothing is believed before the server has acknowledged."""

from __future__ import annotations

from contextlib import asynccontextmanager

import pytest

from listener.assembly import Listener
from listener.correlation.outcome import Confirmed, Evidence
from listener.correlation.pending import State
from listener.errors import ConfigurationError
from listener.finesse.actions import Hold, Retrieve
from listener.settings.serving import Journal
from listener.simulator.faults import Fault
from listener.simulator.xmpp_faults import Cut
from listener.simulator.xmpp_stanzas import Refusal
from listener.station import Station
from listener.xmpp import stanzas
from tests.shell.stage import (
    PACES,
    A,
    answered_call,
    heard,
    no_tasks_left,
    settings,
    simulated,
    until,
    writes,
)

UNSEEN = {"presence": "none"}


@asynccontextmanager
async def scene(folder, **kinds):
    with no_tasks_left():
        async with simulated() as sim:
            told = settings(sim, folder, finesse=UNSEEN)
            async with Listener.open(told, paces=PACES, **kinds) as listener:
                yield sim, listener


def explicit(sim) -> set[str]:
    return {one.node for one in sim.notifications.subscriptions if one.explicit}


def refusing(sim, monkeypatch, condition: str) -> list[str]:
    """Let the service refuse every subscription; returns whoever asks, as they ask."""
    asked = []

    def refuse(stream, what) -> str:
        asked.append(stream.user)
        raise Refusal("cancel", condition)

    monkeypatch.setitem(sim.notifications._stanzas._pubsub_answers, "subscribe", refuse)
    return asked


async def test_the_program_works_unseen_and_leaves_nothing(tmp_path):
    async with simulated() as sim:
        told = settings(sim, tmp_path, finesse=UNSEEN)
        async with Listener.open(told, paces=PACES) as listener:
            assert explicit(sim) > stanzas.own_nodes(A)
            dialog = await answered_call(sim, listener)
            outcome = await listener.submit(Hold(agent=A, dialog_id=dialog))
            assert isinstance(outcome, Confirmed)
            assert outcome.evidence is Evidence.REQUEST_ID
        assert explicit(sim) == set()
        await until(lambda: not sim.notifications.sessions())
        assert not sim.notifications.presence_log


async def test_each_event_is_heard_once_beside_the_automatic_subscription(tmp_path):
    async with scene(tmp_path) as (sim, listener):
        payloads = []
        hear = listener.service.hear
        for ear in listener.roster.ears.values():
            ear._session._hearing._on_notification = lambda one: (
                payloads.append(one.payload),
                hear(one),
            )
        assert any(not one.explicit for one in sim.notifications.subscriptions)
        await sim.notifications.publish(f"/finesse/api/User/{A}/Dialogs", "<Update>1</Update>")
        await heard(sim, listener)
        assert payloads == ["<Update>1</Update>"]


@pytest.mark.parametrize("how", list(Cut))
async def test_after_a_cut_nothing_is_believed_before_the_acknowledgement(
    tmp_path, monkeypatch, how
):
    async with scene(tmp_path) as (sim, listener):
        dialog = await answered_call(sim, listener)
        sim.finesse.faults.add(Fault.SILENT, action="HOLD")
        ticket = listener.start(Hold(agent=A, dialog_id=dialog), deadline=40)
        await until(lambda: ticket.record.answered is not None)
        await sim.finesse.quiet()
        with monkeypatch.context() as patched:
            # As after a change of sides: no subscription is there, and none is granted yet.
            for one in [one for one in sim.notifications.subscriptions if one.explicit]:
                sim.notifications._subscriptions.remove(one.node, one.jid)
            asked = refusing(sim, patched, "item-not-found")
            sim.notifications.cut(A, how)
            await until(lambda: asked.count(A) > 3)
            assert not listener.agents[A].live
            assert ticket.state is State.IN_DOUBT
            assert "item-not-found" in listener.agents[A].last_error
        outcome = await ticket.outcome()
        assert isinstance(outcome, Confirmed)
        assert outcome.evidence is Evidence.SNAPSHOT
        await listener.ready(A, within=20)
        again = await listener.submit(Retrieve(agent=A, dialog_id=dialog))
        assert again.evidence is Evidence.REQUEST_ID
        assert writes(sim) == 2
        assert not sim.notifications.presence_log


async def test_a_refusal_for_good_stops_the_session_and_names_the_way_out(tmp_path, monkeypatch):
    async with scene(tmp_path, strict=False) as (sim, listener):
        with monkeypatch.context() as patched:
            for one in [one for one in sim.notifications.subscriptions if one.explicit]:
                sim.notifications._subscriptions.remove(one.node, one.jid)
            asked = refusing(sim, patched, "not-authorized")
            sim.notifications.cut(A)
            await until(lambda: listener.agents[A].state == "stopped")
            assert asked.count(A) == 1
        assert 'presence = "available"' in listener.agents[A].last_error
        assert "not-authorized" in listener.agents[A].last_error


async def test_a_refusal_at_the_start_is_raised_in_words(tmp_path, monkeypatch):
    async with simulated() as sim:
        refusing(sim, monkeypatch, "forbidden")
        with pytest.raises(ConfigurationError, match=r"forbidden.*\[finesse\]"):
            async with Listener.open(settings(sim, tmp_path, finesse=UNSEEN), paces=PACES):
                raise AssertionError


async def test_finesse_that_goes_away_is_unknown_and_not_down(tmp_path):
    async with scene(tmp_path) as (sim, listener):
        dialog = await answered_call(sim, listener)
        sim.notifications.set_finesse_presence(available=False)
        outcome = await listener.submit(Hold(agent=A, dialog_id=dialog))
        assert isinstance(outcome, Confirmed)
        assert listener.agents[A].live


async def test_two_daemons_without_presence_do_not_make_each_other_deaf(tmp_path):
    """Neither can see the other: what is not its own, or certainly left behind, stays."""
    async with scene(tmp_path) as (sim, one):
        told = settings(sim, tmp_path, finesse=UNSEEN)
        async with Listener.open(told, paces=PACES) as other:
            ears = [each.roster.ears[A] for each in (one, other)]
            for _ in range(2):
                former = [ear.session for ear in ears]
                sim.notifications.cut(A)  # both connect anew, and tidy
                await until(lambda was=former: not any(ear.session in was for ear in ears))
                for each in (one, other):
                    await each.ready(A, within=20)
            assert {each.jid for each in sim.notifications.subscriptions if each.explicit} == {
                ear.session.jid for each in (one, other) for ear in each.roster.ears.values()
            }
            for listener in (one, other):
                dialog = await answered_call(sim, listener)
                outcome = await listener.submit(Hold(agent=A, dialog_id=dialog))
                assert (outcome.kind, outcome.evidence) == ("confirmed", Evidence.REQUEST_ID)


async def test_what_a_killed_daemon_left_is_removed_by_the_next_one_with_its_journal(tmp_path):
    async with simulated() as sim:
        for number in range(2):
            told = settings(sim, tmp_path, finesse=UNSEEN)
            told = told.model_copy(update={"journal": Journal(path=tmp_path / "journal")})
            before = {each.jid for each in sim.notifications.subscriptions if each.explicit}
            assert len(before) == 2 * number
            async with Station.open(told, paces=PACES) as station:
                await until(lambda at=station: at.listener.roster.up == 2)
                there = {each.jid for each in sim.notifications.subscriptions if each.explicit}
                assert len(there) == 2
                assert not there & before
                left = [each for each in sim.notifications.subscriptions if each.explicit]
            for each in left:  # as if it had been killed
                sim.notifications._subscriptions.add(each.node, each.jid, explicit=True)
