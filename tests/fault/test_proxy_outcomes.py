"""A failing network between the program and REST, and what callers are told of their requests.

The simulated switch knows what was done. A request that cannot have left is rejected, one that may
have is in doubt until an event or the deadline says more, and no request is sent twice.
"""

from __future__ import annotations

import asyncio
from itertools import product

import pytest

from listener.correlation.outcome import (
    Confirmed,
    Evidence,
    Reason,
    Rejected,
    Unconfirmed,
)
from listener.correlation.pending import State as Pending
from listener.finesse.actions import Hold, Retrieve, SendDtmf, dialogs
from listener.simulator.faults import Fault
from listener.simulator.profiles import Tagging
from tests.fault.proxy import Act, Mark, State, Way
from tests.fault.proxy_stage import CAP, SLOWER, Judge, Scene, call, scene
from tests.shell.stage import A, B, until, writes

ANSWER = 0.5
QUICK = {"rest_wait": 1.0, "rest_connect": ANSWER, "rest_answer": ANSWER, "rest_total": 1.5}
TOTAL = QUICK["rest_total"]

UNDONE = {
    "nothing of it arrives": Mark(b"PUT /", before=True),
    "half of its head arrives": Mark(b"PUT /"),
    "half of its body arrives": Mark(b"<requestedAction>"),
}
DONE = {
    "no answer": Mark(b"HTTP/1.1 202", before=True),
    "half an answer": Mark(b"HTTP/1.1 202"),
}


def turned(it: Scene, number: int, dialog: str) -> Hold | Retrieve:
    """Return what can be asked of a call for the n-th time."""
    return (Retrieve if number % 2 else Hold)(agent=A, dialog_id=dialog)


@pytest.mark.parametrize("case", list(DONE))
@pytest.mark.parametrize("tagging", [Tagging.ALL, Tagging.NONE])
async def test_done_but_not_answered_is_confirmed_by_the_event(tmp_path, case, tagging):
    wanted = Evidence.REQUEST_ID if tagging is Tagging.ALL else Evidence.EXPECTATION
    how = {"tagging": tagging}
    async with scene(tmp_path, timings=QUICK, how=how, rest_inside=True) as it:
        dialog = await call(it)
        for number, act in enumerate(Act):
            it.rest.trap(Way.DOWN, DONE[case], act)
            outcome = await it.listener.submit(turned(it, number, dialog), deadline=30)
            it.rest.heal()
            assert isinstance(outcome, Confirmed)
            assert (outcome.evidence, outcome.status) == (wanted, None)
            assert writes(it.sim) == 1 + number
        await it.usable(A, dialog)


@pytest.mark.parametrize("case", list(UNDONE))
async def test_sent_but_never_arrived_stays_in_doubt(tmp_path, case):
    async with scene(tmp_path, timings=QUICK, rest_inside=True) as it:
        dialog = await call(it)
        for act in (Act.RST, Act.DROP):
            it.rest.trap(Way.UP, UNDONE[case], act)
            outcome = await it.listener.submit(Hold(agent=A, dialog_id=dialog), deadline=2 * ANSWER)
            it.rest.heal()
            assert isinstance(outcome, Unconfirmed)
            assert (outcome.reason, outcome.status) == (Reason.NO_ANSWER, None)
            assert outcome.sent is not False
        assert writes(it.sim) == 0
        await it.usable(A, dialog)
        assert writes(it.sim) == 1


@pytest.mark.parametrize("way", list(Way))
async def test_request_that_stands_still_and_arrives_after_all_is_told_as_late(tmp_path, way):
    """It is settled first; what it did afterwards is recorded, and nobody sends it again."""
    async with scene(tmp_path, timings=QUICK, rest_inside=True) as it:
        dialog = await call(it)
        mark = UNDONE["half of its body arrives"] if way is Way.UP else DONE["no answer"]
        it.rest.trap(way, mark, Act.HOLD)
        it.xmpp.freeze(Way.DOWN)
        ticket = it.listener.start(
            Hold(agent=A, dialog_id=dialog), deadline=2 * ANSWER, minimum_evidence="event"
        )
        outcome = await ticket.outcome()
        assert isinstance(outcome, Unconfirmed)
        assert outcome.reason is Reason.NO_ANSWER
        it.xmpp.heal()
        it.rest.heal()
        await until(lambda: ticket.record.late)
        await it.usable(A, dialog)
        assert (writes(it.sim, "HOLD"), writes(it.sim, "RETRIEVE")) == (1, 1)


@pytest.mark.parametrize("how", ["refused", "closed", "reset", "frozen", "black hole"])
async def test_what_cannot_have_left_is_rejected_and_may_be_repeated(tmp_path, how):
    async with scene(tmp_path, timings=QUICK) as it:
        dialog = await call(it)
        if how in {"frozen", "black hole"}:
            it.rest.greeting = State.HOLD if how == "frozen" else State.DROP
        else:
            await it.rest.refuse({"refused": None, "closed": Act.FIN, "reset": Act.RST}[how])
        kept = tuple(it.rest.links)
        for link in kept:
            link.reset()
        await asyncio.gather(*(link.over.wait() for link in kept))
        outcome = await it.listener.submit(Hold(agent=A, dialog_id=dialog), deadline=30)
        assert isinstance(outcome, Rejected)
        assert (outcome.reason, outcome.sent, outcome.status) == (Reason.NOT_SENT, False, None)
        assert outcome.waited <= SLOWER * TOTAL
        assert writes(it.sim) == 0
        it.rest.heal()
        await it.rest.come_back()
        await it.usable(A, dialog)
        assert writes(it.sim) == 1


async def test_digits_whose_answer_was_lost_are_never_presumed(tmp_path, monkeypatch):
    monkeypatch.setattr(dialogs, "WINDOW", 3 * ANSWER)
    how = {"tagging": Tagging.NONE}
    async with scene(tmp_path, timings=QUICK, how=how, rest_inside=True) as it:
        one, two = await call(it, A), await call(it, B)
        it.rest.trap(Way.DOWN, DONE["half an answer"], Act.FIN)
        outcomes = await asyncio.gather(
            *(
                it.listener.submit(SendDtmf(agent=agent, dialog_id=dialog, dtmf_string="1"))
                for agent, dialog in ((A, one), (B, two))
            )
        )
        assert {getattr(outcome, "reason", None) for outcome in outcomes} == {Reason.NO_ANSWER}
        assert writes(it.sim, "SEND_DTMF") == 2


@pytest.mark.parametrize(
    "mark", [Mark(b"HTTP/1.1 200", before=True), Mark(b"HTTP/1.1 200"), Mark(b"<Dialog>")]
)
@pytest.mark.parametrize("act", [Act.FIN, Act.DROP])
async def test_half_a_snapshot_confirms_nothing(tmp_path, mark, act):
    async with scene(tmp_path, timings=QUICK, rest_inside=True) as it:
        dialog, another = await call(it, A), await call(it, B)
        it.sim.finesse.faults.add(Fault.SILENT, action="HOLD")
        it.rest.trap(Way.DOWN, mark, act)
        outcome = await it.listener.submit(Hold(agent=A, dialog_id=dialog), deadline=2 * ANSWER)
        assert isinstance(outcome, Unconfirmed)
        assert (outcome.reason, outcome.status) == (Reason.DEADLINE, 202)
        it.rest.heal()
        await it.usable(B, another)


async def test_session_says_it_hears_only_once_the_picture_was_read(tmp_path):
    """The stream is back at once, REST is not: what was missed is not known yet."""
    async with scene(tmp_path, timings=QUICK) as it:
        dialog = await call(it)
        it.sim.finesse.faults.add(Fault.SILENT, action="HOLD")
        ticket = it.listener.start(Hold(agent=A, dialog_id=dialog), deadline=30)
        await until(lambda: ticket.record.answered)
        it.rest.black_hole()
        it.xmpp.reset()
        await it.lost(A, B)
        tried = it.rest.accepted
        await until(lambda: it.rest.accepted > tried + 2)
        assert not it.live
        assert ticket.state is Pending.IN_DOUBT
        back = it.now()
        it.rest.heal()
        outcome = await ticket.outcome()
        assert isinstance(outcome, Confirmed)
        assert outcome.evidence is Evidence.SNAPSHOT
        assert it.live_at(A, back) - back <= TOTAL + CAP + SLOWER * max(it.took, TOTAL)
        await it.usable(A, dialog)


async def accepted(it: Scene, request: Hold | Retrieve) -> None:
    """Check that a request is confirmed by its event, and that the 202 is read, now or before."""
    ticket = it.listener.start(request, deadline=30)
    outcome = await ticket.outcome()
    assert isinstance(outcome, Confirmed)
    assert outcome.evidence is Evidence.REQUEST_ID
    await until(lambda: ticket.record.answered)
    assert ticket.record.accepted


@pytest.mark.parametrize("shape", [{"piece": 1}, {"delay": 0.01}])
async def test_slow_and_sliced_rest_changes_nothing(tmp_path, shape):
    async with scene(tmp_path) as it:
        dialog = await call(it)
        it.rest.shape(**shape)
        for number in range(4):
            await accepted(it, turned(it, number, dialog))
        assert writes(it.sim) == 4
        assert it.tally.reconnects == {}


async def test_kept_connections_that_died_between_two_requests_are_replaced(tmp_path):
    async with scene(tmp_path) as it:
        dialog = await call(it)
        for number, end in enumerate([it.rest.reset, it.rest.finish] * 3):
            ended = tuple(it.rest.links)
            end()
            await asyncio.gather(*(link.over.wait() for link in ended))
            await accepted(it, turned(it, number, dialog))
        assert writes(it.sim) == 6


@pytest.mark.parametrize("count", [10])
async def test_requests_of_one_moment_over_a_dying_network_are_each_sent_once(tmp_path, count):
    """Ten at once for each act: nothing is repeated, and nothing done is told as not sent."""
    async with scene(tmp_path, timings=QUICK, rest_inside=True) as it:
        dialog = await call(it)
        tickets = []
        for act, mark in product((Act.FIN, Act.RST), DONE.values()):
            it.rest.trap(Way.DOWN, mark, act)
            tickets += [
                it.listener.start(turned(it, n, dialog), deadline=3 * ANSWER, validate=False)
                for n in range(count)
            ]
            await asyncio.gather(*(ticket.outcome() for ticket in tickets))
            it.rest.heal()
        await it.sim.finesse.quiet()
        judge = Judge(it)
        assert {judge.wrong(ticket) for ticket in tickets} == {None}
        await it.usable(A, dialog)
