"""Events that overtake the 202: kept, judged when the answer is there, never lost."""

from __future__ import annotations

import pytest

from listener.assembly import Listener
from listener.correlation.outcome import Confirmed, Evidence, Failed, Rejected
from listener.correlation.pending import State
from listener.finesse.actions import Answer, Hold, MakeCall
from listener.simulator.faults import Fault
from listener.simulator.profiles import Tagging
from tests.shell.stage import (
    CUSTOMER,
    PACES,
    A,
    answered_call,
    heard,
    settings,
    simulated,
    until,
    writes,
)


@pytest.mark.parametrize("tagging", [Tagging.ALL, Tagging.NONE])
async def test_event_before_the_202_confirms(tmp_path, tagging):
    async with (
        simulated(tagging=tagging) as sim,
        Listener.open(settings(sim, tmp_path), paces=PACES) as listener,
    ):
        dialog = await answered_call(sim, listener)
        heard = listener.events(A)
        sim.finesse.faults.add(Fault.EVENT_FIRST, action="HOLD")
        sim.finesse.faults.add(Fault.ANSWER_LATE, action="HOLD", seconds=0.4)
        ticket = listener.start(Hold(agent=A, dialog_id=dialog))
        while (await anext(heard)).dialog.participant(A).state != "HELD":
            continue
        if tagging is Tagging.NONE:  # not before Finesse has answered (rules 2)
            assert ticket.state is State.SENT
        outcome = await ticket.outcome()
        assert isinstance(outcome, Confirmed)
        wanted = Evidence.REQUEST_ID if tagging is Tagging.ALL else Evidence.EXPECTATION
        assert outcome.evidence is wanted
        assert outcome.status == (None if tagging is Tagging.ALL else 202)
        assert writes(sim) == 1
        await heard.aclose()


async def test_untagged_change_before_a_refusal_confirms_nothing(tmp_path):
    async with (
        simulated(tagging=Tagging.NONE) as sim,
        Listener.open(settings(sim, tmp_path), paces=PACES) as listener,
    ):
        dialog = await answered_call(sim, listener)
        sim.finesse.faults.add(Fault.UNAVAILABLE, action="HOLD")
        sim.finesse.faults.add(Fault.ANSWER_LATE, action="HOLD", seconds=0.3)
        ticket = listener.start(Hold(agent=A, dialog_id=dialog))
        await until(lambda: writes(sim) == 1)
        assert await sim.telephone.hold(A, dialog)
        await sim.finesse.quiet()
        outcome = await ticket.outcome()
        assert isinstance(outcome, Rejected)
        assert outcome.status == 503


async def test_tagged_error_before_the_202_fails(tmp_path):
    async with (
        simulated() as sim,
        Listener.open(settings(sim, tmp_path), paces=PACES) as listener,
    ):
        dialog = await answered_call(sim, listener)
        sim.finesse.faults.add(Fault.REFUSED_LATER, action="HOLD")
        sim.finesse.faults.add(Fault.ANSWER_LATE, action="HOLD", seconds=1)
        outcome = await listener.submit(Hold(agent=A, dialog_id=dialog))
        assert isinstance(outcome, Failed)
        assert outcome.evidence is Evidence.REQUEST_ID


async def test_caller_who_sends_may_report_the_202_after_the_event(tmp_path):
    async with (
        simulated(tagging=Tagging.NONE) as sim,
        Listener.open(settings(sim, tmp_path), paces=PACES) as listener,
    ):
        dialog = await sim.finesse.incoming_call(A, CUSTOMER)
        await heard(sim, listener)
        ticket = await listener.expect(Answer(agent=A, dialog_id=dialog))
        reply = await sim.desktop.press(A, "ANSWER", dialog, request_id=ticket.request_id)
        await sim.finesse.quiet()
        ticket.answered(reply.status, reply.body)
        ticket.answered(500)  # a second report changes nothing
        outcome = await ticket.outcome()
        assert isinstance(outcome, Confirmed)
        assert outcome.status == 202


async def test_caller_who_sends_and_reports_a_refusal_is_rejected(tmp_path):
    async with (
        simulated() as sim,
        Listener.open(settings(sim, tmp_path), paces=PACES) as listener,
    ):
        ticket = await listener.expect(MakeCall(agent=A, to_address="2002"))
        ticket.answered(
            400,
            b"<ApiErrors><ApiError><ErrorType>Invalid Input</ErrorType></ApiError></ApiErrors>",
        )
        outcome = await ticket.outcome()
        assert isinstance(outcome, Rejected)
        assert [error.error_type for error in outcome.errors] == ["Invalid Input"]
