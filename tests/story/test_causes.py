"""The diagnosis: each known cause is named when it is there, with what was seen of it."""

from __future__ import annotations

from typing import Any

import pytest

from listener.story.case import Finding
from tests.story.scenes import (
    CONSULT,
    REQUEST_ID,
    a_change,
    a_dialog,
    a_gap,
    a_window,
    an_error,
    an_outcome,
    asked,
    findings,
    heard,
)

UNKNOWN = an_outcome("unconfirmed", reason="deadline")
CONSULTING = {"callType": "CONSULT"}


def found(rule: str, *requests: Any, events: tuple[Any, ...] = (), **more: Any) -> Finding:
    """Return the finding of a rule; it must be there."""
    all_found = findings(*requests, events=events, **more)
    names = [each.rule for each in all_found]
    assert rule in names, names
    return all_found[names.index(rule)]


def rules(*requests: Any, events: tuple[Any, ...] = (), **more: Any) -> list[str]:
    """Return the names of all findings."""
    return [each.rule for each in findings(*requests, events=events, **more)]


# ---------------------------------------------------------------- in the call


@pytest.mark.parametrize("action", ["TRANSFER", "CONFERENCE"])
def test_it_was_sent_before_the_consult_was_answered(action: str):
    events = (
        a_change(-1.0, about=CONSULT, media=CONSULTING, own="INITIATED", colleague="ALERTING"),
        a_change(2.0, about=CONSULT, media=CONSULTING, own="ACTIVE", colleague="ACTIVE"),
    )
    refused = an_outcome("failed", evidence="request_id", errors=[an_error()])
    seen = found("consult_not_answered", asked(action, refused), events=events)
    assert "dialog 101 was ALERTING at its sending" in seen.saw
    assert "answered 2.00 s after" in seen.saw
    assert seen.steps == (1,)


def test_a_consult_that_was_answered_is_not_blamed():
    events = (a_change(-1, about=CONSULT, media=CONSULTING, own="ACTIVE", colleague="ACTIVE"),)
    refused = an_outcome("failed", evidence="request_id", errors=[an_error()])
    assert "consult_not_answered" not in rules(asked("TRANSFER", refused), events=events)


def test_the_consult_is_found_in_what_was_known_at_sending():
    consult = a_dialog(CONSULT, media=CONSULTING, own="INITIATED", colleague="ALERTING")
    refused = an_outcome("rejected", status=400, errors=[an_error()])
    seen = found("consult_not_answered", asked("TRANSFER", refused, before=(consult,)))
    assert "ALERTING" in seen.saw


def test_a_transfer_without_any_consult_says_so():
    warned = [{"code": "no_second_call", "detail": ""}]
    refused = an_outcome("failed", warnings=warned, errors=[an_error()])
    assert (
        "No active consult call" in found("consult_not_answered", asked("TRANSFER", refused)).cause
    )


@pytest.mark.parametrize("action", ["SEND_DTMF", "START_RECORDING", "CONSULT_CALL"])
def test_the_participant_was_held(action: str):
    events = (a_change(-3.0, own="HELD", customer="ACTIVE"),)
    seen = found("participant_held", asked(action, UNKNOWN), events=events)
    assert "HELD since 3.00 s before its sending" in seen.saw
    assert "RETRIEVE" in seen.advice


def test_a_participant_that_was_retrieved_before_is_not_blamed():
    events = (a_change(-3.0, own="HELD"), a_change(-1.0, own="ACTIVE"))
    assert "participant_held" not in rules(asked("SEND_DTMF", UNKNOWN), events=events)


def test_held_is_known_from_the_status_401_alone():
    refused = an_outcome("rejected", status=401, errors=[an_error(errorType="Invalid State")])
    assert "401" in found("participant_held", asked("SEND_DTMF", refused)).saw


def test_a_hold_of_a_held_call_needs_no_retrieve():
    seen = found("participant_held", asked("HOLD", UNKNOWN), events=(a_change(-3.0, own="HELD"),))
    assert "already" in seen.cause
    assert "RETRIEVE" not in seen.advice


def test_letters_in_dtmf_on_uccx():
    error = an_error(constant="CF_VALUE_OUT_OF_RANGE", meaning="seen on UCCX: letters refused")
    refused = an_outcome("failed", evidence="request_id", errors=[error])
    seen = found("letters_on_uccx", asked("SEND_DTMF", refused))
    assert "CF_VALUE_OUT_OF_RANGE" in seen.saw
    assert "letters_on_uccx" not in rules(asked("UPDATE_CALL_DATA", refused))


def test_values_that_were_cut():
    cut = an_outcome("failed", truncated=["user.note"], missing=["user.note"])
    assert "user.note" in found("truncated", asked("UPDATE_CALL_DATA", cut)).saw
    assert "user.note" in found("not_all_set", asked("UPDATE_CALL_DATA", cut)).saw


def test_a_call_that_failed():
    busy = an_outcome("failed", evidence="request_id", stateCause="BUSY")
    assert "BUSY" in found("call_failed", asked("MAKE_CALL", busy, dialog=None)).saw


def test_an_error_is_told_with_family_meaning_and_remedy():
    refused = an_outcome("failed", evidence="request_id", errors=[an_error()])
    error = heard(0.9, "error", tag=REQUEST_ID, errors=[an_error()])
    seen = found("refused", asked("HOLD", refused), events=(error,))
    assert "CF_INVALID_OBJECT_STATE" in seen.cause
    assert "of CF" in seen.saw
    assert "wrong state" in seen.saw
    assert seen.advice == "Read the dialog."
    assert len(seen.steps) == 2  # the error and the outcome


def test_a_refusal_without_an_error_is_told_by_its_status():
    assert "with 404" in found("refused", asked("HOLD", an_outcome("rejected", status=404))).cause


def test_the_dialog_ended_meanwhile():
    ended = an_outcome("unconfirmed", reason="dialog_ended")
    events = (a_change(0.5, change="removed"),)
    assert "removed 0.50 s after" in found("dialog_ended", asked("HOLD", ended), events=events).saw
    assert "dialog_ended" in rules(asked("HOLD", ended))


def test_no_answer_to_the_request_itself():
    none = an_outcome("unconfirmed", reason="no_answer", status=None)
    assert "no answer came" in found("no_answer", asked("HOLD", none)).saw


def test_it_was_so_already():
    already = an_outcome(
        "unconfirmed", reason="deadline", warnings=[{"code": "already_so", "detail": ""}]
    )
    assert "already_so" in rules(asked("READY", already, dialog=None))


# ---------------------------------------------------------------- in hearing and in time


def test_no_session_was_listening():
    lost = an_outcome("unconfirmed", reason="link_lost", window=a_window(0.0, 3.0))
    seen = found("no_session", asked("HOLD", lost), events=a_gap(-5.0, 3.0))
    assert "since at its sending" in seen.saw
    assert "heard again 3.00 s after" in seen.saw
    assert "link_down" not in rules(asked("HOLD", lost), events=a_gap(-5.0, 3.0))


def test_the_link_was_down_from_when_until_when():
    lost = an_outcome("unconfirmed", reason="link_lost", window=a_window(0.2, 0.8))
    seen = found("link_down", asked("HOLD", lost), events=a_gap(0.2, 0.8))
    assert "from 0.20 s after its sending to 0.80 s after" in seen.saw
    assert "no_session" not in rules(asked("HOLD", lost), events=a_gap(0.2, 0.8))


def test_gaps_are_taken_from_the_outcome_where_it_tells_them():
    window = {"gaps": [{"from": 0.31, "until": None}]}
    lost = an_outcome("unconfirmed", reason="link_lost", window=window)
    assert "0.30 s after its sending to the end" in found("link_down", asked("HOLD", lost)).saw


def test_a_gap_of_another_time_is_not_blamed():
    assert "no_session" not in rules(asked("HOLD", UNKNOWN), events=a_gap(-50.0, -40.0))


def test_an_event_came_after_the_deadline():
    late = {"at": 4.01, "kind": "event", "detail": "DialogChanged", "errors": []}
    event = a_change(4.0, REQUEST_ID, own="HELD")
    seen = found("late_event", asked("HOLD", UNKNOWN, late=(late,)), events=(event,))
    assert "3.0 s after the deadline" in seen.cause
    assert "longer deadline" in seen.advice


def test_the_request_id_came_back_on_another_call():
    event = a_change(0.5, REQUEST_ID, about="777", own="HELD")
    seen = found("id_on_another", asked("HOLD", UNKNOWN), events=(event,))
    assert "dialog 777 carried it 0.50 s after" in seen.saw


def test_the_request_id_was_used_twice():
    other = asked("RETRIEVE", an_outcome("confirmed", evidence="request_id"), key="k2")
    seen = found("id_on_another", asked("HOLD", UNKNOWN), other)
    assert "RETRIEVE on dialog 100" in seen.saw


def test_the_change_was_another_requests():
    noted = an_outcome(
        "unconfirmed", reason="deadline", seen=[{"at": 0.2, "what": "another_request"}]
    )
    assert "another_request" in rules(asked("HOLD", noted))


def test_two_requests_on_one_device():
    other = asked("RETRIEVE", UNKNOWN, key="k2", request_id="rq-2", sent=0.1, settled=2.0)
    vague = an_outcome("unconfirmed", reason="ambiguous")
    seen = found("two_on_one_device", asked("HOLD", vague), other)
    assert "RETRIEVE on dialog 100 (sent 0.10 s after its sending)" in seen.saw
    assert "fits more than one" in seen.saw


def test_a_request_of_another_device_or_time_is_not_blamed():
    elsewhere = asked("HOLD", UNKNOWN, key="k2", request_id="rq-2", own="2002")
    before = asked("HOLD", UNKNOWN, key="k3", request_id="rq-3", sent=-9.0, settled=-5.0)
    assert "two_on_one_device" not in rules(asked("HOLD", UNKNOWN), elsewhere, before)


def test_a_foreign_id_is_another_client():
    event = a_change(0.5, "desktop-7", own="HELD")
    seen = found("another_client", asked("RETRIEVE", UNKNOWN), events=(event,))
    assert "desktop-7, which is none of ours" in seen.saw


def test_an_untagged_change_is_another_client_where_others_are_tagged():
    events = (a_change(-4, "rq-0", own="ACTIVE"), a_change(0.5, own="HELD"))
    known = {("1001", "rq-0"): "ANSWER"}
    by_change = an_outcome("confirmed", evidence="expectation")
    seen = found("another_client", asked("HOLD", by_change), events=events, known=known)
    assert seen.cause == "Another client may have done it"


def test_only_the_change_that_proves_it_may_be_another_clients():
    by_change = an_outcome("confirmed", evidence="expectation")
    hold = asked("HOLD", by_change, key="k2", request_id="rq-2", sent=-0.1, settled=0.1)
    events = (
        a_change(-4, "rq-0", own="ACTIVE"),
        a_change(0.1, own="HELD"),
        a_change(0.9, own="ACTIVE"),
    )
    known = {("1001", "rq-0"): "ANSWER"}
    seen = found("another_client", asked("RETRIEVE", by_change), hold, events=events, known=known)
    assert "heard 0.90 s after its sending" in seen.saw


def test_what_is_proved_by_its_id_was_done_by_nobody_else():
    by_id = an_outcome("confirmed", evidence="request_id")
    events = (a_change(0.5, "desktop-7", own="HELD"), a_change(0.9, REQUEST_ID, own="HELD"))
    assert rules(asked("HOLD", by_id), events=events) == []


def test_an_id_of_our_own_other_request_is_no_other_client():
    event = a_change(0.5, "rq-2", own="HELD")
    known = {("1001", "rq-2"): "HOLD"}
    assert "another_client" not in rules(asked("RETRIEVE", UNKNOWN), events=(event,), known=known)


def test_tags_that_are_missing_on_this_site():
    events = (a_change(-1, own="ACTIVE"), a_change(0.5, own="HELD"))
    by_change = an_outcome("confirmed", evidence="expectation")
    other = asked("ANSWER", by_change, key="k2", request_id="rq-2", sent=-2.0, settled=-1.0)
    seen = found("no_tags", asked("HOLD", by_change), other, events=events)
    assert "none of the 2 notifications" in seen.saw
    tagged = (*events, a_change(0.6, REQUEST_ID, own="ACTIVE"))
    assert "no_tags" not in rules(asked("HOLD", by_change), other, events=tagged)


def test_a_restart_in_between():
    restart = an_outcome("unconfirmed", reason="restarted")
    seen = found("restarted", asked("SEND_DTMF", restart))
    assert "its outcome says so" in seen.saw
    begins = heard(0.5, "restart", agent=None, about=None, words="a new run")
    taken_over = asked("HOLD", UNKNOWN, restarted=True)
    assert "0.50 s after" in found("restarted", taken_over, events=(begins,)).saw


def test_a_new_run_of_the_recording_is_no_restart_of_a_request_that_nobody_took_over():
    begins = heard(0.5, "restart", agent=None, about=None, words="a new run")
    assert "restarted" not in rules(asked("HOLD", UNKNOWN), events=(begins,))


def test_it_expired_at_the_gate():
    queued = an_outcome("rejected", reason="expired_in_queue", sent=False, status=None)
    holder = asked("MAKE_CALL", UNKNOWN, key="k2", request_id="r2", sent=-5.0, settled=30.0)
    seen = found("expired_in_queue", asked("HOLD", queued, sent=None, answered=None), holder)
    assert "MAKE_CALL" in seen.saw


def test_evidence_that_is_too_weak_for_the_caller():
    weak = an_outcome("unconfirmed", reason="weak", seen=[{"at": 0.5, "what": "expectation"}])
    seen = found("weak", asked("HOLD", weak, minimum="request_id"))
    assert "heard: expectation" in seen.saw


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("unconfirmed", "not_reported"),
        ("rejected", "not_sent"),
        ("rejected", "cancelled"),
        ("abandoned", "caller"),
        ("abandoned", "shutdown"),
    ],
)
def test_ends_by_our_own_hand(kind: str, reason: str):
    assert reason in rules(asked("HOLD", an_outcome(kind, reason=reason, status=None)))


def test_a_request_that_never_settled():
    assert "its deadline is 20.05 s after" in found("still_open", asked("HOLD", None)).saw
    over = found("still_open", asked("HOLD", None), end=4e9)
    assert over.cause == "It never had an outcome"


def test_where_nothing_fits_that_is_said_with_what_would_help():
    [unknown] = findings(asked("HOLD", UNKNOWN))
    assert unknown.rule == "unknown"
    assert "own participant HELD" in unknown.saw
    assert "--record" in unknown.advice
    [strict] = findings(asked("HOLD", UNKNOWN, minimum="request_id"))
    assert "minimumEvidence any" in strict.advice


def test_what_went_well_is_not_diagnosed():
    assert rules(asked("HOLD", an_outcome("confirmed", evidence="request_id"))) == []
    assert rules(asked("SEND_DTMF", an_outcome("presumed"))) == []
