"""The diagnosis: a cause that is not there is not named, however like it the story looks."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from listener.finesse.actions import SendDtmf
from listener.finesse.model import ApiError
from listener.report import errors_json
from listener.story.case import Finding
from listener.story.facts import Asked, Facts
from listener.story.sequence import steps_of
from listener.story.steps import Kind
from listener.story.veil import Veil
from tests.story.scenes import (
    CALL,
    COLLEAGUE,
    CONSULT,
    OWN,
    REQUEST_ID,
    START,
    a_change,
    a_dialog,
    a_gap,
    a_window,
    an_error,
    an_outcome,
    asked,
    findings,
    heard,
    stamped,
)

UNKNOWN = an_outcome("unconfirmed", reason="deadline")
CONSULTING = {"callType": "CONSULT"}
BROKEN = an_error(constant="CF_RESOURCE_OUT_OF_SERVICE", errorMessage="CF_RESOURCE_OUT_OF_SERVICE")
TAGS = (a_change(-4, "rq-0", own="ACTIVE"),)
KNOWN = {("1001", "rq-0"): "ANSWER"}


def rules(*requests: Any, events: tuple[Any, ...] = (), **more: Any) -> list[str]:
    """Return the names of all findings about the first request, in their order."""
    return [each.rule for each in findings(*requests, events=events, **more)]


def found(rule: str, *requests: Any, events: tuple[Any, ...] = (), **more: Any) -> Finding:
    """Return the finding of a rule; it must be there."""
    every = findings(*requests, events=events, **more)
    assert rule in [each.rule for each in every], every
    return next(each for each in every if each.rule == rule)


def queued(request: Asked) -> Asked:
    """Return a request that was asked for 10 s before it was sent."""
    return replace(request, told={**request.told, "submitted": stamped(-10.0)})


# ---------------------------------------------------------------- hearing


def test_the_gap_that_a_restart_adds_out_of_caution_is_no_missing_session():
    window = a_window(-0.01, 1.0)  # from the submission on
    over = an_outcome("unconfirmed", reason="restarted", window=window)
    assert rules(asked("HOLD", over)) == ["restarted"]
    up_again = heard(0.9, "gap", about=None, **{"from": None, "until": "2026-11-21T08:00:01Z"})
    assert rules(asked("HOLD", over, restarted=True), events=(up_again,)) == ["restarted"]


def test_a_request_taken_over_that_ends_ambiguous_blames_no_link():
    vague = an_outcome("unconfirmed", reason="ambiguous", window=a_window(-0.01, 1.0))
    assert {"no_session", "link_down"}.isdisjoint(rules(asked("HOLD", vague)))


def test_no_session_at_all_is_still_told_where_no_step_tells_of_the_link():
    deaf = an_outcome("unconfirmed", reason="link_lost", window=a_window(0.0, None))
    assert rules(asked("HOLD", deaf)) == ["no_session"]


def test_a_gap_that_was_over_before_the_sending_is_not_blamed():
    gap = a_gap(-5.0, -3.0)
    assert rules(queued(asked("HOLD", UNKNOWN)), events=gap) == ["unknown"]
    told_so = an_outcome("unconfirmed", reason="deadline", window=a_window(-5.0, -3.0))
    assert rules(queued(asked("HOLD", told_so)), events=gap) == ["unknown"]
    assert rules(queued(asked("HOLD", None)), events=gap) == ["still_open"]


def test_a_ping_that_was_not_answered_is_no_link_that_was_down():
    unsure = an_outcome("unconfirmed", reason="link_lost")
    seen = found("link_down", asked("SEND_DTMF", unsure))
    assert "not sure" in seen.cause
    assert "ping" in seen.saw


def test_nothing_is_late_for_what_was_failed_or_given_up_before_its_deadline():
    late = {"at": 0.71, "kind": "error", "detail": "x", "errors": [BROKEN]}
    refused = an_outcome("failed", evidence="request_id", errors=[BROKEN])
    again = heard(0.7, "error", tag=REQUEST_ID, errors=[BROKEN])
    failed = asked("HOLD", refused, settled=0.3, late=(late,))
    assert rules(failed, events=(again,)) == ["refused"]
    given_up = an_outcome("abandoned", reason="caller")
    event = a_change(2.0, REQUEST_ID, own="HELD")
    assert rules(asked("HOLD", given_up, settled=0.2), events=(event,)) == ["caller"]


def test_an_event_with_the_id_of_another_agents_request_elsewhere_is_not_late():
    event = a_change(4.0, "145", about="900", agent="1002", own="HELD")
    known = {("1002", "145"): "HOLD"}
    assert "late_event" not in rules(
        asked("HOLD", UNKNOWN, request_id="145"), events=(event,), known=known
    )


def test_an_error_after_a_silence_that_was_taken_for_success_is_told():
    late = {"at": 4.01, "kind": "error", "detail": "x", "errors": [BROKEN]}
    seen = found("late_event", asked("SEND_DTMF", an_outcome("presumed"), late=(late,)))
    assert seen.cause.startswith("An error")
    event = late | {"kind": "event", "errors": []}
    assert rules(asked("SEND_DTMF", an_outcome("presumed"), late=(event,))) == []


# ---------------------------------------------------------------- what Finesse said stands first


def test_what_finesse_said_no_with_stands_alone_above_link_and_silence():
    window = a_window(0.2, 0.4)
    noted = [{"at": 0.1, "what": "doubtful_answer"}]
    refused = an_outcome(
        "failed", evidence="request_id", errors=[BROKEN], window=window, seen=noted, status=None
    )
    events = (*a_gap(0.2, 0.4), heard(0.9, "error", tag=REQUEST_ID, errors=[BROKEN]))
    [only] = findings(asked("HOLD", refused, answered=None), events=events)
    assert only.rule == "refused"
    assert "202" not in only.cause
    assert "CF_RESOURCE_OUT_OF_SERVICE" in only.cause


def test_a_call_on_hold_is_not_why_a_service_is_out_of_order():
    events = (a_change(-3.0, own="HELD"),)
    refused = an_outcome("failed", evidence="request_id", errors=[BROKEN])
    assert rules(asked("CONSULT_CALL", refused), events=events) == ["refused"]
    away = an_outcome("rejected", status=503, errors=[an_error(constant=None)])
    assert rules(asked("SEND_DTMF", away), events=events) == ["refused"]
    fits = an_outcome("failed", evidence="request_id", errors=[an_error()])
    assert rules(asked("CONSULT_CALL", fits), events=events) == ["participant_held", "refused"]


def test_the_first_call_of_a_transfer_is_on_hold_as_it_must_be():
    assert rules(asked("TRANSFER", UNKNOWN), events=(a_change(-3.0, own="HELD"),)) == ["unknown"]


def test_what_was_held_before_a_gap_may_not_be_so_any_more():
    events = (a_change(-9.0, own="HELD"), *a_gap(-5.0, -3.0))
    assert rules(asked("SEND_DTMF", UNKNOWN), events=events) == ["unknown"]


def test_a_wrong_state_of_a_call_known_to_be_active_is_not_a_hold():
    refused = an_outcome("rejected", status=401, errors=[an_error(constant="Invalid State")])
    events = (a_change(-3.0, own="ACTIVE"),)
    assert rules(asked("SEND_DTMF", refused), events=events) == ["refused"]


def test_an_answer_in_doubt_with_an_error_is_no_refusal():
    doubtful = an_outcome("unconfirmed", reason="no_answer", status=500)
    answer = {"status": 500, "kind": "doubtful", "errors": [BROKEN], "detail": None}
    [only] = findings(asked("HOLD", doubtful, answer=answer))
    assert only.rule == "no_answer"
    assert "500 (CF_RESOURCE_OUT_OF_SERVICE)" in only.saw
    fine = an_outcome("confirmed", evidence="request_id", status=500)
    assert rules(asked("HOLD", fine, answer=answer)) == []


def test_an_error_without_an_id_is_told_as_what_it_is():
    alone = an_outcome("failed", evidence="sole_pending", errors=[an_error()])
    assert "without an id" in found("refused", asked("HOLD", alone)).cause


def test_errors_of_another_call_are_not_shown_for_a_refusal():
    refused = an_outcome("failed", evidence="request_id", errors=[BROKEN])
    events = (
        heard(0.3, "error", about="900", errors=[an_error()]),
        heard(0.9, "error", tag=REQUEST_ID, errors=[BROKEN]),
    )
    [only] = findings(asked("HOLD", refused), events=events)
    assert only.steps == (5, 6)  # the error with its id, and the outcome


# ---------------------------------------------------------------- the call


@pytest.mark.parametrize("then", ["HELD", "DROPPED", "WRAP_UP"])
def test_a_consult_whose_partner_holds_or_left_had_been_answered(then: str):
    events = (
        a_change(-5.0, about=CONSULT, media=CONSULTING, own="INITIATED", colleague="ALERTING"),
        a_change(-3.0, about=CONSULT, media=CONSULTING, own="ACTIVE", colleague="ACTIVE"),
        a_change(-1.0, about=CONSULT, media=CONSULTING, own="ACTIVE", colleague=then),
    )
    refused = an_outcome("rejected", status=400, errors=[an_error(constant="Invalid State")])
    assert rules(asked("TRANSFER", refused), events=events) == ["refused"]


def test_a_consult_that_rings_is_not_why_finesse_is_out_of_service():
    events = (
        a_change(-1.0, about=CONSULT, media=CONSULTING, own="INITIATED", colleague="ALERTING"),
    )
    away = an_outcome("rejected", status=503, errors=[an_error(constant=None)])
    assert rules(asked("TRANSFER", away), events=events) == ["refused"]


def out_of_range(deployment: str | None) -> dict[str, Any]:
    """Return the error as it is told for that deployment."""
    error = ApiError("Generic Error", "CF_VALUE_OUT_OF_RANGE", "3")
    digits = SendDtmf(agent="1001", dialog_id=CALL, dtmf_string="1", target_media_address=OWN)
    return errors_json((error,), digits, deployment)[0]


@pytest.mark.parametrize(
    ("told_for", "how", "more"),
    [
        ("UCCE", {"deployment": "UCCE"}, []),
        ("UCCE", {"deployment": None}, []),  # a journal keeps what was told
        ("UCCX", {"deployment": "UCCX"}, []),  # this program refuses them itself
        ("UCCX", {"deployment": "UCCX", "expected": True}, ["letters_on_uccx"]),
        (None, {"deployment": None}, ["letters_on_uccx"]),
    ],
)
def test_letters_are_only_guessed_at_where_they_can_be(
    told_for: str | None, how: dict[str, Any], more: list[str]
):
    refused = an_outcome("failed", evidence="request_id", errors=[out_of_range(told_for)])
    every = findings(asked("SEND_DTMF", refused, **how))
    assert [each.rule for each in every] == ["refused", *more]
    assert all(" may " in each.cause for each in every[1:])


def test_the_removal_of_a_colleagues_copy_ends_no_dialog():
    event = a_change(0.5, agent="1002", change="removed")
    assert rules(asked("HOLD", UNKNOWN), events=(event,)) == ["unknown"]


def test_a_dialog_that_came_back_has_not_ended():
    events = (a_change(-9.0, change="removed"), a_change(-2.0, change="added", own="ACTIVE"))
    assert rules(asked("HOLD", UNKNOWN), events=events) == ["unknown"]


def test_a_dialog_that_was_gone_at_the_sending_did_not_end_meanwhile():
    gone = an_outcome("rejected", status=404, errors=[an_error(constant="Dialog Not Found")])
    [refusal, ended] = findings(asked("HOLD", gone), events=(a_change(-2.0, change="removed"),))
    assert (refusal.rule, ended.rule) == ("refused", "dialog_ended")
    assert ended.cause == "The dialog had ended before"


# ---------------------------------------------------------------- other requests


def test_requests_that_the_gate_let_through_one_by_one_were_not_on_the_device_together():
    hold = asked("HOLD", UNKNOWN, key="k2", request_id="rq-2", sent=-3.0, settled=0.0)
    assert rules(queued(asked("DROP", UNKNOWN)), hold) == ["unknown"]


def test_what_leaves_the_gate_at_its_202_is_not_on_the_device_after_it():
    data = asked("UPDATE_CALL_DATA", UNKNOWN, key="k2", request_id="rq-2", sent=-1.0, answered=-0.5)
    hold = asked("HOLD", UNKNOWN)
    assert rules(hold, data) == ["unknown"]
    assert rules(data, hold) == ["unknown"]
    unanswered = asked(
        "UPDATE_CALL_DATA", UNKNOWN, key="k2", request_id="rq-2", sent=-1.0, answered=None
    )
    assert "two_on_one_device" in rules(hold, unanswered)


def test_an_agents_state_is_no_matter_of_a_device():
    ready = asked("READY", UNKNOWN, key="k2", request_id="rq-2", dialog=None)
    assert rules(asked("HOLD", UNKNOWN), ready) == ["unknown"]


def test_two_strings_of_digits_may_be_on_the_way_at_once():
    other = asked("SEND_DTMF", an_outcome("presumed"), key="k2", request_id="rq-2")
    assert rules(asked("SEND_DTMF", UNKNOWN), other) == ["unknown"]


def test_an_id_that_was_used_before_by_what_was_over_is_not_blamed():
    before = asked("UPDATE_CALL_DATA", UNKNOWN, key="k2", sent=-30.0, settled=-29.0)
    assert rules(asked("HOLD", UNKNOWN), before) == ["unknown"]


def test_the_consult_call_of_a_conference_is_its_own():
    events = (
        a_change(-2.0, about=CONSULT, media=CONSULTING, own="ACTIVE", colleague="ACTIVE"),
        a_change(0.5, REQUEST_ID, about=CONSULT, change="removed"),
    )
    assert rules(asked("CONFERENCE", UNKNOWN), events=events) == ["unknown"]
    consult = a_dialog(CONSULT, media=CONSULTING, own="ACTIVE", colleague="ACTIVE")
    assert rules(asked("CONFERENCE", UNKNOWN, before=(consult,)), events=events) == ["unknown"]


def test_another_call_of_the_agent_is_another_call_also_where_it_was_known_before():
    other = a_dialog("777", own="HELD")
    event = a_change(0.5, REQUEST_ID, about="777", own="ACTIVE")
    for before in ((), (other,)):
        assert "id_on_another" in rules(asked("DROP", UNKNOWN, before=before), events=(event,))


def test_what_suspects_an_ambiguous_request_is_named():
    vague = an_outcome("unconfirmed", reason="ambiguous")
    error = heard(0.4, "error", errors=[an_error(errorMessage="SEND_DTMF", constant=None)])
    [seen] = findings(asked("SEND_DTMF", vague), events=(error,))
    assert seen.rule == "ambiguous"
    assert "0.40 s after its sending" in seen.saw
    assert "SEND_DTMF" in seen.saw
    assert seen.steps == (4,)
    assert seen.advice == "Read the dialog."
    alike = an_outcome(
        "unconfirmed",
        reason="ambiguous",
        seen=[{"at": 0.2, "what": "look_alike", "detail": "another number"}],
    )
    assert "another number" in found("ambiguous", asked("MAKE_CALL", alike, dialog=None)).saw


def test_an_error_that_names_another_action_is_no_suspect():
    vague = an_outcome("unconfirmed", reason="ambiguous")
    error = heard(0.4, "error", errors=[an_error(errorMessage="INVALID_ACTION: HOLD")])
    assert rules(asked("SEND_DTMF", vague), events=(error,)) == ["unknown"]


def test_a_device_that_was_busy_by_its_own_words_was_busy_with_the_other_request():
    busy = an_outcome(
        "failed",
        evidence="request_id",
        errors=[an_error(constant="CF_OUTSTANDING_REQUEST_LIMIT_EXCEEDED")],
    )
    other = asked("HOLD", UNKNOWN, key="k2", request_id="rq-2", sent=-0.5)
    assert rules(asked("RETRIEVE", busy), other) == ["refused", "two_on_one_device"]
    broken = an_outcome("failed", evidence="request_id", errors=[BROKEN])
    assert rules(asked("RETRIEVE", broken), other) == ["refused"]


def test_silence_is_not_told_as_something_heard():
    weak = an_outcome("unconfirmed", reason="weak")
    assert "silence" in found("weak", asked("SEND_DTMF", weak, minimum="request_id")).saw


def test_two_updates_of_call_data_that_cannot_be_told_apart_name_each_other():
    vague = an_outcome("unconfirmed", reason="ambiguous")
    other = asked("UPDATE_CALL_DATA", UNKNOWN, key="k2", request_id="rq-2", sent=0.2, answered=0.3)
    seen = found("ambiguous", asked("UPDATE_CALL_DATA", vague), other)
    assert "UPDATE_CALL_DATA on dialog 100 (sent 0.20 s" in seen.saw


# ---------------------------------------------------------------- other clients


def test_the_id_of_a_request_of_another_agent_of_ours_is_ours():
    event = a_change(0.5, "rq-2", own="ACTIVE", colleague="HELD")
    theirs = asked("HOLD", UNKNOWN, key="k2", request_id="rq-2", agent="1002", own=COLLEAGUE)
    for more in ({"known": {("1002", "rq-2"): "HOLD"}}, {}):
        others = () if more else (theirs,)
        assert "another_client" not in rules(
            asked("RETRIEVE", UNKNOWN), *others, events=(event,), **more
        )


def test_a_foreign_id_on_what_another_party_does_is_not_why():
    event = a_change(0.5, "desktop-7", colleague="HELD")
    assert rules(asked("RETRIEVE", UNKNOWN), events=(event,)) == ["unknown"]


def test_call_data_is_set_by_who_sets_call_data():
    data = {"callvariables": {"callVariable1": "gold"}}
    events = (
        a_change(-1.0, "desktop-6", own="HELD"),
        a_change(0.3, "desktop-7", own="ACTIVE"),
        a_change(0.6, "desktop-8", own="ACTIVE", media=data),
    )
    update = asked("UPDATE_CALL_DATA", UNKNOWN)
    assert rules(update, events=events[:2]) == ["unknown"]
    assert "desktop-8" in found("another_client", update, events=events).saw


@pytest.mark.parametrize("left", ["DROPPED", "WRAP_UP"])
def test_a_customer_who_hangs_up_is_no_other_client(left: str):
    events = (*TAGS, a_change(0.5, own=left, customer="DROPPED"), a_change(0.6, change="removed"))
    ended = an_outcome("unconfirmed", reason="no_answer", status=None)
    said = rules(asked("HOLD", ended, answered=None), events=events, known=KNOWN)
    assert said == ["dialog_ended", "no_answer"]


def test_a_call_that_rings_or_comes_about_is_no_other_clients_work():
    events = (*TAGS, a_change(0.3, about="200", own="INITIATED"), a_change(0.4, own="ALERTING"))
    assert rules(asked("HOLD", UNKNOWN), events=events, known=KNOWN) == ["unknown"]
    call = asked("MAKE_CALL", UNKNOWN, dialog=None)
    assert rules(call, events=events, known=KNOWN) == ["unknown"]


def test_an_agent_who_gets_a_call_was_moved_by_nobody():
    was = heard(-4, "user", tag="rq-0", about=None, user={"state": "READY"})
    now = heard(0.5, "user", about=None, user={"state": "RESERVED"})
    ready = asked("NOT_READY", UNKNOWN, dialog=None)
    assert rules(ready, events=(was, now), known={("1001", "rq-0"): "READY"}) == ["unknown"]


def test_the_change_asked_for_may_be_its_own_also_without_an_id():
    weak = an_outcome("unconfirmed", reason="weak")
    events = (*TAGS, a_change(0.5, own="HELD"))
    seen = found("another_client", asked("HOLD", weak), events=events, known=KNOWN)
    assert seen.cause == "Another client may have done it"


def test_our_own_request_beside_it_is_no_other_client():
    beside = asked("RETRIEVE", UNKNOWN, key="k2", request_id="rq-2", settled=2.0)
    events = (*TAGS, a_change(0.2, own="HELD"), a_change(0.5, own="ACTIVE"))
    said = rules(asked("HOLD", UNKNOWN), beside, events=events, known=KNOWN)
    assert said == ["two_on_one_device"]


def test_untagged_changes_of_others_do_not_say_that_ids_are_missing_here():
    events = (
        a_change(0.2, customer="HELD"),
        a_change(0.4, own="ACTIVE", customer="ACTIVE"),
        a_change(0.6, own="ACTIVE", customer="HELD"),
    )
    assert rules(asked("HOLD", UNKNOWN), events=events) == ["unknown"]


def test_an_error_with_an_id_shows_that_ids_are_echoed_here():
    by_change = an_outcome("confirmed", evidence="expectation")
    other = asked("ANSWER", by_change, key="k2", request_id="rq-2", sent=-2.0, settled=-1.0)
    events = (
        a_change(-1, own="ACTIVE"),
        a_change(0.5, own="HELD"),
        heard(0.6, "error", tag="rq-9", errors=[an_error()]),
    )
    assert "no_tags" not in rules(asked("HOLD", by_change), other, events=events)


# ---------------------------------------------------------------- our own end


def test_a_file_that_simply_stops_is_told_as_such():
    end = asked("HOLD", None).submitted + 1.5
    seen = found("still_open", asked("HOLD", None), end=end, stops=True)
    assert seen.cause == "The transcript ends before its outcome"
    assert "would have been 20.05 s after" in seen.saw
    assert "ends 1.49 s after" in seen.saw
    assert "Look again" not in seen.advice
    assert "Look again" in found("still_open", asked("HOLD", None), end=end).advice


def test_who_kept_the_device_is_named_only_where_it_did():
    queued = an_outcome("rejected", reason="expired_in_queue", sent=False, status=None)
    mine = asked("HOLD", queued, sent=None, answered=None)
    over = asked("MAKE_CALL", UNKNOWN, key="k2", request_id="r2", sent=-5.0, settled=0.5)
    data = asked("UPDATE_CALL_DATA", UNKNOWN, key="k3", request_id="r3", sent=-5.0, answered=-4.0)
    waiting = asked("RETRIEVE", None, key="k4", request_id="r4", sent=None, answered=None)
    assert "not known" in found("expired_in_queue", mine, over, data, waiting).saw
    assert CALL in found("expired_in_queue", mine, asked("HOLD", None, key="k5", sent=-5.0)).saw


EXPIRED = an_outcome("rejected", reason="expired_in_queue", sent=False, status=None)


def never_left(action: str = "HOLD", turn: float | None = 0.0, **how: Any) -> Asked:
    """Return a request that expired before anything of it left; its turn came at `turn`."""
    going = None if turn is None else START + turn
    return asked(action, EXPIRED, sent=None, answered=None, going=going, **how)


def test_who_has_its_turn_holds_the_device_though_nothing_of_it_has_left():
    holder = never_left(key="k2", request_id="r2", dialog="700", settled=2.0)
    seen = found("expired_in_queue", never_left("RETRIEVE", turn=None), holder)
    assert seen.cause == "It waited for its turn until its deadline and was not sent"
    assert "HOLD on dialog 700" in seen.saw
    assert "had its turn, and had not left" in seen.saw


def test_who_was_over_or_never_had_its_turn_is_not_named_as_the_holder():
    mine = never_left("RETRIEVE", turn=None)
    over = never_left(key="k2", request_id="r2", settled=0.5)
    waited = never_left(key="k3", request_id="r3", turn=None, settled=2.0)
    after = never_left(key="k4", request_id="r4", turn=1.5, settled=2.0)
    theirs = asked("HOLD", None, key="k5", request_id="r5", sent=-5.0, expected=True)
    assert "not known" in found("expired_in_queue", mine, over, waited, after, theirs).saw


def test_a_request_whose_turn_had_come_is_not_said_to_have_waited_for_it():
    holder = asked("MAKE_CALL", UNKNOWN, key="k2", request_id="r2", sent=-5.0, settled=30.0)
    seen = found("expired_in_queue", never_left(turn=0.3), holder)
    assert seen.cause == "Its turn had come, but nothing of it left this machine until its deadline"
    assert "its turn came 0.31 s after its submission" in seen.saw
    assert "MAKE_CALL" not in seen.saw
    assert seen.steps


def test_what_has_its_turn_and_has_not_left_is_nobodys_rival_at_finesse():
    rival = never_left(key="k2", request_id="r2", turn=-1.0, settled=2.0)
    assert "two_on_one_device" not in rules(asked("HOLD", UNKNOWN), rival)


@pytest.mark.parametrize(
    ("sent", "told_of"), [(None, 1), (0.05, 0), (0.099, 0), (0.11, 1), (3.0, 1)]
)
def test_the_turn_is_a_step_where_it_left_noticeably_later_or_never(
    sent: float | None, told_of: int
):
    mine = asked("HOLD", None, sent=sent, answered=None, going=START)
    turns = [
        s for s in steps_of(Facts(source="x", requests=(mine,)), Veil()) if s.kind is Kind.TURN
    ]
    assert [step.at for step in turns] == [START] * told_of
