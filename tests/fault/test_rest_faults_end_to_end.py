"""REST answers that are lost, wrong or late, from the caller to the switch and back: sent once."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import pytest

from listener.assembly import Listener
from listener.correlation.outcome import Confirmed, Evidence, Failed, Reason, Rejected, Unconfirmed
from listener.finesse.actions import Drop, Hold, MakeCall, SendDtmf, UpdateCallData, dialogs
from listener.simulator.faults import Fault
from listener.simulator.interfaces import Fate
from listener.simulator.profiles import Tagging
from tests.shell.stage import PACES, A, B, answered_call, settings, simulated, writes


@asynccontextmanager
async def scene(tmp_path, *, answer=15.0, **how):
    """Run both; `answer`: seconds for Finesse's answer, short where none comes."""
    async with simulated(**how) as sim:
        told = settings(sim, tmp_path, timings={"rest_answer": answer})
        async with Listener.open(told, paces=PACES, strict=False) as listener:
            await asyncio.gather(*(listener.ready(agent, within=40) for agent in (A, B)))
            yield sim, listener


@pytest.mark.parametrize("fate", [Fate.CUT, Fate.RESET, Fate.HANG])
@pytest.mark.parametrize("tagging", [Tagging.ALL, Tagging.NONE])
async def test_answer_lost_after_execution_is_confirmed_by_the_event(tmp_path, fate, tagging):
    async with scene(tmp_path, answer=0.3, tagging=tagging) as (sim, listener):
        dialog = await answered_call(sim, listener)
        sim.finesse.faults.add(Fault.NO_ANSWER_DONE, action="HOLD", fate=fate)
        outcome = await listener.submit(Hold(agent=A, dialog_id=dialog))
        assert isinstance(outcome, Confirmed)
        assert outcome.status is None
        wanted = Evidence.REQUEST_ID if tagging is Tagging.ALL else Evidence.EXPECTATION
        assert outcome.evidence is wanted
        assert writes(sim) == 1


async def test_answer_lost_before_execution_ends_as_no_answer(tmp_path):
    async with scene(tmp_path) as (sim, listener):
        dialog = await answered_call(sim, listener)
        sim.finesse.faults.add(Fault.NO_ANSWER_LOST, action="HOLD")
        outcome = await listener.submit(Hold(agent=A, dialog_id=dialog), deadline=2)
        assert isinstance(outcome, Unconfirmed)
        assert outcome.reason is Reason.NO_ANSWER
        assert writes(sim) == 1


async def test_503_with_api_errors_is_a_refusal(tmp_path):
    async with scene(tmp_path) as (sim, listener):
        dialog = await answered_call(sim, listener)
        sim.finesse.faults.add(Fault.UNAVAILABLE, action="HOLD")
        outcome = await listener.submit(Hold(agent=A, dialog_id=dialog))
        assert isinstance(outcome, Rejected)
        assert (outcome.status, outcome.sent, bool(outcome.errors)) == (503, True, True)
        assert writes(sim) == 1


@pytest.mark.parametrize(
    ("fault", "status"), [(Fault.ERROR_DONE, 500), (Fault.UNAVAILABLE_DONE, 503)]
)
async def test_error_although_executed_is_confirmed_by_the_event(tmp_path, fault, status):
    async with scene(tmp_path) as (sim, listener):
        dialog = await answered_call(sim, listener)
        sim.finesse.faults.add(fault, action="HOLD")
        outcome = await listener.submit(Hold(agent=A, dialog_id=dialog))
        assert isinstance(outcome, Confirmed)
        assert outcome.status == status
        assert writes(sim) == 1


async def test_503_without_api_errors_that_did_nothing_stays_unconfirmed(tmp_path):
    async with scene(tmp_path) as (sim, listener):
        dialog = await answered_call(sim, listener)
        sim.finesse.faults.add(Fault.UNAVAILABLE_BARE, action="HOLD")
        outcome = await listener.submit(Hold(agent=A, dialog_id=dialog), deadline=2)
        assert isinstance(outcome, Unconfirmed)
        assert outcome.reason is Reason.NO_ANSWER
        assert writes(sim) == 1


@pytest.mark.parametrize(
    ("tagging", "evidence"),
    [
        (Tagging.ALL, Evidence.REQUEST_ID),
        (Tagging.NONE, Evidence.SOLE_PENDING),
    ],
)
async def test_202_and_then_a_cti_error_has_failed(tmp_path, tagging, evidence):
    async with scene(tmp_path, tagging=tagging) as (sim, listener):
        dialog = await answered_call(sim, listener)
        sim.finesse.faults.add(Fault.REFUSED_LATER, action="HOLD")
        outcome = await listener.submit(Hold(agent=A, dialog_id=dialog))
        assert isinstance(outcome, Failed)
        assert (outcome.evidence, outcome.status) == (evidence, 202)
        assert writes(sim) == 1


async def test_silent_hold_is_found_by_the_get_before_the_deadline(tmp_path):
    async with scene(tmp_path) as (sim, listener):
        dialog = await answered_call(sim, listener)
        sim.finesse.faults.add(Fault.SILENT, action="HOLD")
        outcome = await listener.submit(Hold(agent=A, dialog_id=dialog), deadline=4)
        assert isinstance(outcome, Confirmed)
        assert outcome.evidence is Evidence.SNAPSHOT
        only_events = await listener.submit(
            Drop(agent=A, dialog_id=dialog), deadline=20, minimum_evidence="request_id"
        )
        assert only_events.kind == "confirmed"
        assert writes(sim) == 2


async def test_answer_later_than_its_patience_is_in_doubt_and_the_event_decides(tmp_path):
    async with scene(tmp_path, answer=0.3, tagging=Tagging.NONE) as (sim, listener):
        sim.finesse.faults.add(Fault.ANSWER_LATE, action="MAKE_CALL", seconds=2)
        outcome = await listener.submit(MakeCall(agent=A, to_address="+12025550123"))
        assert isinstance(outcome, Confirmed)
        assert outcome.status is None
        assert outcome.waited >= 0.3
        assert writes(sim, "MAKE_CALL") == 1


async def test_dtmf_whose_answer_was_lost_is_never_presumed(tmp_path, monkeypatch):
    monkeypatch.setattr(dialogs, "WINDOW", 0.5)
    async with scene(tmp_path, tagging=Tagging.NONE) as (sim, listener):
        dialog = await answered_call(sim, listener)
        sim.finesse.faults.add(Fault.NO_ANSWER_DONE, action="SEND_DTMF")
        outcome = await listener.submit(SendDtmf(agent=A, dialog_id=dialog, dtmf_string="1"))
        assert isinstance(outcome, Unconfirmed)
        assert outcome.reason is Reason.NO_ANSWER
        assert writes(sim) == 1


async def test_event_that_comes_twice_confirms_once_and_says_nothing_late(tmp_path):
    async with scene(tmp_path) as (sim, listener):
        dialog = await answered_call(sim, listener)
        sim.finesse.faults.add(Fault.EVENT_AGAIN, action="UPDATE_CALL_DATA", events=9)
        ticket = listener.start(
            UpdateCallData(agent=A, dialog_id=dialog, call_variables={"callVariable1": "x"})
        )
        assert (await ticket.outcome()).kind == "confirmed"
        await sim.finesse.quiet()
        assert (await listener.submit(Hold(agent=A, dialog_id=dialog))).kind == "confirmed"
        assert ticket.record.late == []
        assert writes(sim) == 2
