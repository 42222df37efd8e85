"""What came of a request, told in Finesse's own words: the whole way, against the simulator."""

from __future__ import annotations

import asyncio

import pytest

from listener.finesse.actions import dialogs
from listener.finesse.model import Kind
from listener.finesse.wire import parse_body
from listener.simulator.faults import Fault
from listener.simulator.profiles import Luck, Number, Tagging
from tests.shell.dropin_stage import XML, Place, action, basic, scene
from tests.shell.stage import A, answered_call, heard, writes

WAIT = "wait=30"
BUSY = "+12025550199"


def of(dialog: str) -> str:
    return f"/finesse/api/Dialog/{dialog}"


async def test_confirmed_is_a_200_with_the_dialog_as_last_known(tmp_path):
    async with scene(tmp_path) as (sim, listener, place):
        dialog = await answered_call(sim, listener)
        got = await place.put(of(dialog), action("HOLD"), Prefer=WAIT)
        assert (got.status_code, got.headers["x-outcome"]) == (200, "confirmed")
        assert (got.headers["x-evidence"], got.headers["x-reason"]) == ("request_id", "")
        assert got.headers["preference-applied"] == WAIT
        assert got.headers["content-type"].startswith("application/xml")
        record = listener.service.records[got.headers["location"].removeprefix("/v1/requests/")]
        assert got.headers["requestid"] == record.request_id
        update = parse_body(got.content)
        assert (update.kind, update.dialogs[0].id) == (Kind.DIALOG, dialog)
        own = update.dialogs[0].participant(A)
        assert own is not None
        assert own.state == "HELD"


async def test_an_agents_state_is_a_200_with_the_user(tmp_path):
    async with scene(tmp_path) as (_, _, place):
        got = await place.put(
            f"/finesse/api/User/{A}", "<User><state>READY</state></User>", Prefer=WAIT
        )
        assert (got.status_code, got.headers["x-outcome"]) == (200, "confirmed")
        update = parse_body(got.content)
        assert update.user is not None
        assert (update.user.login_id, update.user.state) == (A, "READY")


async def test_a_new_call_is_a_200_with_its_dialog(tmp_path):
    async with scene(tmp_path) as (_, _, place):
        got = await place.client.post(
            f"/finesse/api/User/{A}/Dialogs",
            content="<Dialog><requestedAction>MAKE_CALL</requestedAction>"
            f"<fromAddress>{A}</fromAddress><toAddress>+12025550123</toAddress></Dialog>",
            headers={**basic(), **XML, "Prefer": WAIT},
        )
        assert (got.status_code, got.headers["x-outcome"]) == (200, "confirmed")
        assert parse_body(got.content).dialogs[0].from_address == A


async def test_presumed_is_a_200_without_evidence(tmp_path, monkeypatch):
    monkeypatch.setattr(dialogs, "WINDOW", 0.2)
    async with scene(tmp_path, simulator={"tagging": Tagging.NONE}) as (sim, listener, place):
        dialog = await answered_call(sim, listener)
        digits = "<actionParams><ActionParam><name>dtmfString</name><value>777</value>"
        body = action("SEND_DTMF", A, f"{digits}</ActionParam></actionParams>")
        got = await place.put(of(dialog), body, Prefer=WAIT)
        assert (got.status_code, got.headers["x-outcome"]) == (200, "presumed")
        assert got.headers["x-evidence"] == ""
        assert b"777" not in got.content


@pytest.mark.parametrize(
    ("tagging", "evidence"), [(Tagging.ALL, "request_id"), (Tagging.NONE, "sole_pending")]
)
async def test_failed_is_a_409_with_the_cti_error(tmp_path, tagging, evidence):
    async with scene(tmp_path, simulator={"tagging": tagging}) as (sim, listener, place):
        dialog = await answered_call(sim, listener)
        sim.finesse.faults.add(Fault.REFUSED_LATER, action="HOLD")
        got = await place.put(of(dialog), action("HOLD"), Prefer=WAIT)
        assert (got.status_code, got.headers["x-outcome"]) == (409, "failed")
        assert got.headers["x-evidence"] == evidence
        (error,) = parse_body(got.content).errors
        assert (error.error_data, error.error_message) == ("34", "CF_RESOURCE_OUT_OF_SERVICE")
        assert b"<ApiErrors><ApiError><ErrorData>" in got.content
        assert writes(sim) == 1


async def test_a_call_that_fails_is_a_409_that_says_why(tmp_path):
    plan = {"dial_plan": {BUSY: Number(luck=Luck.BUSY)}}
    async with scene(tmp_path, simulator=plan) as (_, _, place):
        got = await place.client.post(
            f"/finesse/api/User/{A}/Dialogs",
            content="<Dialog><requestedAction>MAKE_CALL</requestedAction>"
            f"<fromAddress>{A}</fromAddress><toAddress>{BUSY}</toAddress></Dialog>",
            headers={**basic(), **XML, "Prefer": WAIT},
        )
        assert (got.status_code, got.headers["x-outcome"]) == (409, "failed")
        (error,) = parse_body(got.content).errors
        assert (error.error_type, error.error_message) == ("FAILED", "BUSY")


async def test_rejected_is_finesses_own_answer(tmp_path):
    async with scene(tmp_path) as (sim, listener, place):
        await answered_call(sim, listener)
        got = await place.put(of("999"), action("HOLD"), Prefer=WAIT)
        assert (got.status_code, got.headers["x-outcome"]) == (404, "rejected")
        assert parse_body(got.content).errors[0].error_type == "Not Found"
        assert "date" in got.headers


@pytest.mark.parametrize("prefer", [{}, {"Prefer": WAIT}])
async def test_a_refusal_is_told_as_one_whoever_waits(tmp_path, prefer):
    async with scene(tmp_path) as (_, listener, place):
        for body, status in [(action("HOLD"), 404), ("<x", 400)] * 3:
            got = await place.put(of("999"), body, **prefer)
            assert (got.status_code, got.headers["x-outcome"]) == (status, "rejected")
            assert got.headers["x-reason"] == ""
            kept = listener.service.records[got.headers["location"].removeprefix("/v1/requests/")]
            assert kept.outcome.kind == "rejected"


async def test_unconfirmed_is_a_202_with_the_reason(tmp_path):
    requests = {"deadlines": {"HOLD": 0.3}}
    async with scene(tmp_path, requests=requests) as (sim, listener, place):
        dialog = await answered_call(sim, listener)
        sim.finesse.faults.add(Fault.UNAVAILABLE_BARE, action="HOLD")
        got = await place.put(of(dialog), action("HOLD"), Prefer=WAIT)
        assert (got.status_code, got.content) == (202, b"")
        assert (got.headers["x-outcome"], got.headers["x-reason"]) == ("unconfirmed", "no_answer")
        assert writes(sim) == 1


async def test_a_lost_answer_is_still_confirmed_by_its_event(tmp_path):
    async with scene(tmp_path) as (sim, listener, place):
        dialog = await answered_call(sim, listener)
        sim.finesse.faults.add(Fault.NO_ANSWER_DONE, action="HOLD")
        got = await place.put(of(dialog), action("HOLD"), Prefer=WAIT)
        assert (got.status_code, got.headers["x-outcome"]) == (200, "confirmed")
        assert writes(sim) == 1


async def test_an_event_before_the_answer_is_no_reason_to_answer_early(tmp_path):
    async with scene(tmp_path) as (sim, listener, place):
        dialog = await answered_call(sim, listener)
        sim.finesse.faults.add(Fault.EVENT_FIRST, action="HOLD")
        sim.finesse.faults.add(Fault.ANSWER_LATE, action="HOLD", seconds=0.3)
        got = await place.put(of(dialog), action("HOLD"))
        assert got.status_code == 202
        assert "date" in got.headers
        assert writes(sim) == 1


async def test_it_is_finesse_that_refuses_what_our_checks_would(tmp_path):
    async with scene(tmp_path) as (sim, listener, place):
        dialog = await answered_call(sim, listener)
        body = action(
            "SEND_DTMF",
            A,
            "<actionParams><ActionParam><name>dtmfString</name>"
            "<value>not digits</value></ActionParam></actionParams>",
        )
        got = await place.put(of(dialog), body, Prefer="wait=1")
        assert writes(sim, "SEND_DTMF") == 1
        assert got.headers["x-outcome"] != "untracked"


async def test_updates_of_call_data_are_confirmed(tmp_path):
    async with scene(tmp_path) as (sim, listener, place):
        dialog = await answered_call(sim, listener)
        body = action("UPDATE_CALL_DATA", A, variables("callVariable1", "hello"))
        got = await place.put(of(dialog), body, Prefer=WAIT)
        assert (got.status_code, got.headers["x-outcome"]) == (200, "confirmed")
        shown = parse_body(got.content).dialogs[0].media_properties
        assert shown.variable("callVariable1") == "hello"


def variables(name: str, value: str) -> str:
    return (
        "<mediaProperties><callvariables><CallVariable>"
        f"<name>{name}</name><value>{value}</value>"
        "</CallVariable></callvariables></mediaProperties>"
    )


async def test_what_the_agent_did_elsewhere_is_not_mixed_up(tmp_path):
    async with scene(tmp_path) as (sim, listener, place):
        dialog = await answered_call(sim, listener)
        both = await asyncio.gather(
            place.put(of(dialog), action("HOLD"), requestId="145", Prefer=WAIT),
            told(place, dialog),
        )
        await heard(sim, listener)
        assert [got.status_code for got in both] == [200, 200]
        assert {got.headers["x-outcome"] for got in both} == {"confirmed"}


async def told(place: Place, dialog: str):
    body = action("UPDATE_CALL_DATA", A, variables("callVariable2", "there"))
    return await place.put(of(dialog), body, requestId="146", Prefer=WAIT)
