"""Rules of evidence 5: untagged errors only suspect, and name one only when nobody else fits."""

from __future__ import annotations

from dataclasses import replace

import pytest

from listener.correlation.gate import GateMode
from listener.correlation.outcome import Failed, MinimumEvidence
from listener.finesse.actions import (
    ConsultCall,
    Drop,
    Hold,
    MakeCall,
    Ready,
    SendDtmf,
    SignOut,
    Transfer,
    UpdateCallData,
)
from listener.finesse.model import ScheduledCallbackInfo
from tests.builders import (
    CUSTOMER,
    Story,
    a_dialog,
    a_participant,
    a_user,
    a_user_event,
    an_error,
    an_event,
    own,
    placed,
    removed,
)

HOLD = Hold(agent="agent1", dialog_id="100")
DROP = Drop(agent="agent1", dialog_id="100")
DTMF = SendDtmf(agent="agent1", dialog_id="100", dtmf_string="1")
DATA = UpdateCallData(agent="agent1", dialog_id="100", call_variables={"callVariable1": "x"})
CALL = MakeCall(agent="agent1", to_address="5551")


def test_the_sole_suspect_fails_after_two_seconds() -> None:
    story = Story()
    key = story.accepted(HOLD)
    story.hear(an_error())
    story.wait(1.9)
    assert story.said(key)[0] == "open"
    story.wait(0.1)
    assert story.said(key) == ("failed", "sole_pending")


def test_the_sole_suspect_fails_at_its_deadline_when_that_is_first() -> None:
    story = Story()
    key = story.accepted(HOLD)
    story.wait(19)
    story.hear(an_error())
    story.wait(1)
    assert story.said(key) == ("failed", "sole_pending")
    assert story.outcomes[key].waited == 20


def test_its_own_proof_clears_a_suspect() -> None:
    # 5: unless its own proof came
    story = Story()
    key = story.accepted(HOLD)
    story.hear(an_error())
    story.wait(1)
    story.hear(an_event(own("HELD")))
    assert story.said(key) == ("confirmed", "expectation")


def test_a_suspect_is_named_only_after_finesse_answered() -> None:
    # 2: untagged evidence is held
    story = Story()
    key = story.ask(HOLD)
    story.hear(an_error())
    story.wait(5)
    assert story.said(key)[0] == "open"
    story.refuse(key)
    assert story.said(key) == ("rejected", None)


def test_a_suspect_that_is_accepted_later_fails_at_its_deadline_at_the_latest() -> None:
    story = Story()
    key = story.ask(HOLD)
    story.hear(an_error())
    story.wait(5)
    story.accept(key)
    story.wait(20)
    assert story.said(key) == ("failed", "sole_pending")


def test_an_error_on_another_agents_node_suspects_nobody() -> None:
    # 5: heard on the requesting agent's own node
    story = Story()
    key = story.accepted(HOLD)
    story.hear(an_error(owner="agent2"), an_error(owner=None))
    story.wait(3)
    assert story.said(key)[0] == "open"


def test_an_error_about_another_dialog_suspects_nobody() -> None:
    # 5: the request is open on that dialog
    story = Story()
    key = story.accepted(HOLD)
    story.hear(an_error(dialog_id="999"))
    story.wait(3)
    assert story.said(key)[0] == "open"


def test_an_error_about_the_user_suspects_no_request_on_a_dialog() -> None:
    story = Story()
    key = story.accepted(HOLD)
    story.hear(an_error(dialog_id=None, user_id="agent1"))
    story.wait(3)
    assert story.said(key)[0] == "open"


@pytest.mark.parametrize("user_id", ["agent1", None])
def test_an_error_about_the_user_or_nothing_suspects_a_request_without_dialog(
    user_id: str | None,
) -> None:
    # 5: or on the user, when the source is none or the user
    story = Story()
    key = story.accepted(CALL)
    story.hear(an_error(dialog_id=None, user_id=user_id))
    story.wait(2)
    assert story.said(key) == ("failed", "sole_pending")


def test_an_error_without_a_source_is_about_the_user_while_a_dialogs_request_is_open() -> None:
    story = Story(gate=GateMode.OFF)
    call, hold = story.accepted(CALL), story.accepted(HOLD)
    story.hear(an_error(dialog_id=None))
    story.wait(20)
    assert story.said(call) == ("failed", "sole_pending")
    assert story.said(hold) == ("unconfirmed", "ambiguous")


def test_an_error_without_a_source_may_be_that_of_a_consult() -> None:
    story = Story(gate=GateMode.OFF)
    call = story.accepted(CALL)
    consult = story.accepted(ConsultCall(agent="agent1", dialog_id="100", to_address="5552"))
    story.hear(an_error(dialog_id=None))
    story.wait(20)
    assert story.said(call) == story.said(consult) == ("unconfirmed", "ambiguous")


@pytest.mark.parametrize(
    ("message", "word"),
    [
        ("INVALID_ACTION HOLD on extension 1001", "failed"),
        ("INVALID_ACTION RETRIEVE", "unconfirmed"),
        ("cannot be done on extension 1001", "failed"),
        ("cannot be done on extension 1002", "unconfirmed"),
        ("<HoldCommand>", "failed"),
        ("<ConferenceCallCommand>", "unconfirmed"),
    ],
)
def test_a_message_that_names_an_action_or_an_extension_must_name_ours(
    message: str, word: str
) -> None:
    story = Story()
    key = story.accepted(HOLD)
    story.hear(an_error(message))
    story.wait(20)
    assert story.said(key)[0] == word


def test_an_error_with_a_foreign_id_suspects_nobody() -> None:
    # 5: no foreign id is on it
    story = Story()
    key = story.accepted(HOLD)
    story.hear(an_error(tag="foreign"))
    story.wait(20)
    assert story.said(key) == ("unconfirmed", "deadline")


def test_after_a_foreign_id_at_work_on_the_dialog_nobody_is_named() -> None:
    # 5: nothing else unexplained changed on that object since sending
    story = Story()
    key = story.accepted(HOLD)
    story.hear(an_event(own("ACTIVE"), tag="foreign"), an_error())
    story.wait(20)
    assert story.said(key) == ("unconfirmed", "ambiguous")


def test_after_a_foreign_id_on_the_user_no_request_about_the_user_is_named() -> None:
    story = Story()
    key = story.accepted(CALL)
    story.hear(
        an_error(tag="foreign", dialog_id=None, user_id="agent1"),
        an_error(dialog_id=None, user_id="agent1"),
    )
    story.wait(20)
    assert story.said(key) == ("unconfirmed", "ambiguous")


@pytest.mark.parametrize(
    ("state", "minimum"),
    [("RESERVED", MinimumEvidence.ANY), ("READY", MinimumEvidence.REQUEST_ID)],
)
def test_a_state_that_only_an_id_would_prove_explains_no_error_to_another_request(
    state: str, minimum: MinimumEvidence
) -> None:
    # 5: nobody knows who brought the agent into it, and the error may be that one's
    story = Story()
    ready = story.accepted(Ready(agent="agent1"), minimum=minimum)
    key = story.accepted(SignOut(agent="agent1"))
    error = an_error("INVALID_ACTION LOGOUT", dialog_id=None, user_id="agent1")
    story.hear(a_user_event(a_user(state, 1)), error)
    story.wait(30)
    assert story.said(ready)[0] == "unconfirmed"
    assert story.said(key) == ("unconfirmed", "ambiguous")


def test_a_state_that_proves_another_request_lets_an_error_name_the_one_that_is_left() -> None:
    story = Story()
    ready, key = story.accepted(Ready(agent="agent1")), story.accepted(SignOut(agent="agent1"))
    error = an_error("INVALID_ACTION LOGOUT", dialog_id=None, user_id="agent1")
    story.hear(a_user_event(a_user("READY", 1)), error)
    story.wait(2)
    assert story.said(ready) == ("confirmed", "expectation")
    assert story.said(key) == ("failed", "sole_pending")


@pytest.mark.parametrize(
    "change",
    [
        own("HELD"),
        a_dialog(variables={"callVariable2": "other"}),
        a_dialog(media={"wrap_up_reason": "sold"}),
        a_dialog(media={"wrap_up_items": ("sold",)}),
        a_dialog(scheduled_callback_info=ScheduledCallbackInfo("2026-03-01T09:30")),
        a_dialog(scheduled_callback_info=ScheduledCallbackInfo(callback_number="5551")),
    ],
    ids=["state", "data", "wrap-up", "wrap-up items", "callback", "callback number"],
)
def test_after_an_unexplained_change_nobody_is_named(change: object) -> None:
    # 5
    story = Story()
    key = story.accepted(DATA)
    story.hear(an_event(change), an_error())
    story.wait(20)
    assert story.said(key) == ("unconfirmed", "ambiguous")


def test_data_that_are_told_to_be_empty_are_no_change_of_what_was_not_listed() -> None:
    story = Story()
    key = story.accepted(DATA)
    empty = a_dialog(media={"wrap_up_reason": ""}, scheduled_callback_info=ScheduledCallbackInfo())
    story.hear(an_event(empty), an_error())
    story.wait(2)
    assert story.said(key) == ("failed", "sole_pending")


TWO_VALUES = UpdateCallData(
    agent="agent1", dialog_id="100", call_variables={"callVariable1": "x", "callVariable2": "y"}
)


def test_behind_a_part_of_its_values_that_another_may_have_written_an_error_names_nobody() -> None:
    # 5: nothing else unexplained changed; a part that bears no id is anybody's work
    story = Story()
    key = story.accepted(TWO_VALUES)
    story.hear(an_event(a_dialog(variables={"callVariable1": "x"})))
    story.wait(1)
    story.hear(an_error())
    story.wait(2)
    assert story.said(key)[0] == "open"
    story.wait(17)
    assert story.said(key) == ("failed", "expectation")  # some are set and some not (6.7)
    assert story.outcomes[key].errors == ()


def test_a_part_of_its_values_with_its_id_is_its_own_work_and_so_is_an_error_behind_it() -> None:
    story = Story()
    key = story.accepted(TWO_VALUES)
    story.hear(an_event(a_dialog(variables={"callVariable1": "x"}), tag=key))
    story.hear(an_error())
    story.wait(2)
    assert story.said(key) == ("failed", "request_id")


@pytest.mark.parametrize(
    "asked",
    [(TWO_VALUES,), (DATA, replace(DATA, call_variables={"callVariable1": "later"}))],
    ids=["a part of them", "those of the earlier of two"],
)
def test_values_that_only_an_id_would_prove_explain_no_error_to_another_request(
    asked: tuple[UpdateCallData, ...],
) -> None:
    # 5: they may be another client's work, and so may the error
    story = Story(gate=GateMode.OFF)
    key = story.accepted(HOLD)
    for each in asked:
        story.accepted(each)
    story.hear(an_event(a_dialog(variables={"callVariable1": "x"})))
    story.hear(an_error("INVALID_ACTION HOLD on extension 1001"))
    story.wait(20)
    assert story.said(key) == ("unconfirmed", "ambiguous")


def test_values_that_prove_another_request_let_an_error_name_the_one_that_is_left() -> None:
    story = Story(gate=GateMode.OFF)
    key, other = story.accepted(HOLD), story.accepted(DATA)
    story.hear(an_event(a_dialog(variables={"callVariable1": "x"})))
    story.hear(an_error("INVALID_ACTION HOLD on extension 1001"))
    story.wait(2)
    assert story.said(other) == ("confirmed", "expectation")
    assert story.said(key) == ("failed", "sole_pending")


def test_a_change_on_another_call_says_nothing_about_a_request_for_a_new_one() -> None:
    # 5: on that object
    story = Story()
    key = story.accepted(CALL)
    story.hear(an_event(own("HELD")), an_error(dialog_id=None, user_id="agent1"))
    story.wait(2)
    assert story.said(key) == ("failed", "sole_pending")


def test_after_an_unexplained_change_of_the_user_nobody_is_named() -> None:
    story = Story()
    key = story.accepted(Ready(agent="agent1"))
    story.hear(a_user_event(a_user("WORK", 1)), an_error(dialog_id=None, user_id="agent1"))
    story.wait(20)
    assert story.said(key) == ("unconfirmed", "ambiguous")


def test_two_suspects_stay_open_and_end_ambiguous() -> None:
    # 5: several: the rest end AMBIGUOUS at their deadlines
    story = Story(gate=GateMode.OFF)
    first, second = story.accepted(HOLD), story.accepted(DATA)
    story.hear(an_error())
    story.wait(10)
    assert story.said(first)[0] == story.said(second)[0] == "open"
    story.wait(10)
    assert story.said(first) == story.said(second) == ("unconfirmed", "ambiguous")


def test_when_proof_leaves_one_suspect_it_fails() -> None:
    # 5: proof confirms; when one is left, it fails as above
    story = Story(gate=GateMode.OFF)
    first, second = story.accepted(HOLD), story.accepted(DATA)
    story.hear(an_error())
    story.wait(5)
    story.hear(an_event(own("HELD")))
    assert story.said(first) == ("confirmed", "expectation")
    story.wait(0.1)
    assert story.said(second) == ("failed", "sole_pending")


def test_the_one_that_is_left_within_two_seconds_keeps_its_two_seconds() -> None:
    story = Story(gate=GateMode.OFF)
    first, second = story.accepted(HOLD), story.accepted(DATA)
    story.hear(an_error())
    story.wait(1)
    story.hear(an_event(own("HELD"), tag=first))
    story.wait(0.9)
    assert story.said(second)[0] == "open"
    story.wait(0.1)
    assert story.said(second) == ("failed", "sole_pending")


def test_a_suspect_that_ends_without_an_explanation_leaves_nobody_sole() -> None:
    story = Story(gate=GateMode.OFF)
    first, second = story.accepted(HOLD, length=5.0), story.accepted(DATA)
    story.hear(an_error())
    story.wait(20)
    assert story.said(first) == story.said(second) == ("unconfirmed", "ambiguous")


def test_a_suspect_that_was_abandoned_may_still_own_the_error() -> None:
    story = Story(gate=GateMode.OFF)
    first, second = story.accepted(HOLD), story.accepted(DATA)
    story.hear(an_error())
    story.abandon(first)
    story.wait(20)
    assert story.said(second) == ("unconfirmed", "ambiguous")


def test_a_refused_suspect_leaves_the_error_to_the_other() -> None:
    story = Story(gate=GateMode.OFF)
    first, second = story.ask(HOLD), story.accepted(DATA)
    story.hear(an_error())
    story.wait(3)
    story.refuse(first)
    story.wait(0.1)
    assert story.said(second) == ("failed", "sole_pending")


def test_two_errors_and_two_requests_fail_only_what_is_certain() -> None:
    story = Story(gate=GateMode.OFF)
    first, second = story.accepted(HOLD), story.accepted(DATA)
    story.hear(an_error("one"), an_error("two"))
    story.hear(an_error("one", tag=first))
    story.wait(2)
    assert story.said(first) == ("failed", "request_id")
    assert story.said(second) == ("failed", "sole_pending")


def test_the_same_error_twice_may_be_one_or_two_and_names_nobody_else() -> None:
    story = Story(gate=GateMode.OFF)
    first = story.accepted(HOLD)
    story.hear(an_error(), content=9)
    story.wait(2)
    assert story.said(first) == ("failed", "sole_pending")
    second = story.accepted(HOLD)
    story.hear(an_error(), content=9)
    story.wait(20)
    assert story.said(second) == ("unconfirmed", "ambiguous")


def test_errors_without_content_to_compare_are_not_repeats() -> None:
    story = Story()
    story.hear(an_error(), content=0)
    key = story.accepted(HOLD)
    story.hear(an_error(), content=0)
    story.wait(2)
    assert story.said(key) == ("failed", "sole_pending")


@pytest.mark.parametrize("source", ["dialog", "user"])
def test_a_request_confirmed_by_change_is_a_possible_owner_until_its_deadline(source: str) -> None:
    # 5, last: somebody else may have caused the effect, and the refusal was its own
    story = Story(gate=GateMode.OFF)
    if source == "dialog":
        first, second, where = story.accepted(HOLD), story.accepted(DATA), {}
        story.hear(an_event(own("HELD")))
    else:
        first, second = story.accepted(CALL), story.accepted(Ready(agent="agent1"))
        where = {"dialog_id": None, "user_id": "agent1"}
        story.hear(an_event(placed("ALERTING")))
    assert story.said(first) == ("confirmed", "expectation")
    story.hear(an_error(**where))
    assert [(late.key, late.kind) for late in story.lates] == [(first, "possible_error")]
    story.wait(20)
    assert story.said(second) == ("unconfirmed", "ambiguous")


def test_a_request_confirmed_by_its_id_owns_no_unsigned_error() -> None:
    story = Story(gate=GateMode.OFF)
    first, second = story.accepted(HOLD), story.accepted(DATA)
    story.hear(an_event(own("HELD"), tag=first), an_error())
    story.wait(2)
    assert story.said(second) == ("failed", "sole_pending")
    assert story.lates == []


def test_a_confirmed_request_whose_deadline_is_past_owns_no_error() -> None:
    # 5: whose own deadline is not yet past
    story = Story()
    story.accepted(HOLD)
    story.hear(an_event(own("HELD")))
    story.wait(20)
    second = story.accepted(DATA)
    story.hear(an_error())
    story.wait(2)
    assert story.said(second) == ("failed", "sole_pending")


def test_a_message_that_does_not_name_the_settled_request_leaves_the_other_sole() -> None:
    story = Story(gate=GateMode.OFF)
    story.accepted(HOLD)
    second = story.accepted(DATA)
    story.hear(an_event(own("HELD")), an_error("INVALID_ACTION UPDATE_CALL_DATA"))
    story.wait(2)
    assert story.said(second) == ("failed", "sole_pending")


def test_an_error_about_the_second_call_suspects_a_transfer() -> None:
    story = Story(own("HELD", 0), placed("ACTIVE"))
    key = story.accepted(Transfer(agent="agent1", dialog_id="100"))
    story.hear(an_error("INVALID_ACTION TRANSFER", dialog_id="200"))
    story.wait(2)
    assert story.said(key) == ("failed", "sole_pending")


def test_an_error_about_a_new_call_suspects_who_asked_for_one() -> None:
    story = Story()
    key = story.accepted(CALL)
    story.hear(an_error(dialog_id="200"))
    story.wait(2)
    assert story.said(key) == ("failed", "sole_pending")


def test_an_error_about_an_old_call_does_not_suspect_who_asked_for_a_new_one() -> None:
    story = Story()
    key = story.accepted(CALL)
    story.hear(an_error(dialog_id="100"))
    story.wait(3)
    assert story.said(key)[0] == "open"


def test_a_suspect_dtmf_is_never_presumed() -> None:
    # 5
    story = Story()
    first, second = story.accepted(DTMF), story.accepted(DTMF)
    story.hear(an_error())
    story.wait(20)
    assert story.said(first) == story.said(second) == ("unconfirmed", "ambiguous")


def test_an_error_heard_before_the_end_of_the_dialog_is_not_lost_to_it() -> None:
    # 5, 6.10: the suspect is named, although the dialog ends before its two seconds are over
    story = Story()
    key = story.accepted(HOLD)
    story.hear(removed())
    story.wait(1)
    story.hear(an_error())
    story.wait(2)
    assert story.said(key) == ("failed", "sole_pending")


def test_an_empty_error_list_still_suspects() -> None:
    story = Story()
    key = story.accepted(HOLD)
    error = an_error()
    object.__setattr__(error, "errors", ())
    story.hear(error)
    story.wait(2)
    outcome = story.outcomes[key]
    assert isinstance(outcome, Failed)
    assert outcome.seen[0].detail == "no details"


def test_a_later_error_does_not_put_off_the_first() -> None:
    story = Story()
    key = story.accepted(HOLD)
    story.hear(an_error("one"))
    story.wait(1.5)
    story.hear(an_error("two"))
    story.wait(0.5)
    assert story.outcomes[key].errors[0].error_message == "one"


def test_a_consult_makes_the_hold_of_its_origin_expected() -> None:

    story = Story()
    key = story.accepted(ConsultCall(agent="agent1", dialog_id="100", to_address="5551"))
    story.hear(an_event(own("HELD")), an_error())
    story.wait(2)
    assert story.said(key) == ("failed", "sole_pending")


def test_a_conference_makes_the_return_of_the_held_call_expected() -> None:
    from listener.finesse.actions import Conference  # noqa: PLC0415  used here alone

    story = Story(own("HELD", 0), placed("ACTIVE"))
    key = story.accepted(Conference(agent="agent1", dialog_id="100"))
    story.hear(an_event(own("ACTIVE")), an_error())
    story.wait(2)
    assert story.said(key) == ("failed", "sole_pending")


def test_a_call_taken_back_by_hand_lets_no_transfer_be_named() -> None:
    # 5: nothing else unexplained changed on that object since sending
    story = Story(own("HELD", 0), placed("ACTIVE"))
    key = story.accepted(Transfer(agent="agent1", dialog_id="100"))
    story.hear(an_event(own("ACTIVE")), an_error())
    story.wait(20)
    assert story.said(key) == ("unconfirmed", "ambiguous")


def test_the_move_of_another_party_is_nothing_unexplained() -> None:
    story = Story()
    key = story.accepted(HOLD)
    story.hear(
        an_event(a_dialog("100", a_participant(at=0), a_participant(CUSTOMER, "HELD", 1))),
        an_error(),
    )
    story.wait(2)
    assert story.said(key) == ("failed", "sole_pending")


@pytest.mark.parametrize("request_", [HOLD, DTMF])
@pytest.mark.parametrize("lost_after", [None, 0.9, 1.5])
def test_an_error_behind_somebody_elses_hang_up_names_nobody(request_, lost_after) -> None:
    # 5: nothing else unexplained changed on that object; that the call ended explains nothing
    story = Story()
    key = story.accepted(request_)
    story.wait(0.3)
    story.hear(an_event(own("DROPPED")))
    story.wait(0.3)
    story.hear(removed())
    story.wait(0.2)
    story.hear(an_error())
    if lost_after is not None:
        story.wait(lost_after)
        story.link_down()
    story.wait(20)
    assert story.said(key) == ("unconfirmed", "dialog_ended")


def test_an_error_does_not_name_a_request_whose_effect_was_being_waited_out_at_a_gap() -> None:
    # 5, 6.3: its own DELETE came; that nothing spoke against it for a second could not be heard
    story = Story()
    key = story.accepted(DROP)
    story.wait(0.1)
    story.hear(an_error())
    story.wait(0.2)
    story.hear(removed())
    story.wait(0.9)
    story.link_down()
    story.wait(30)
    assert story.said(key)[0] == "unconfirmed"


@pytest.mark.parametrize(
    ("left", "given_up", "expected"),
    [
        (False, ("rejected", "cancelled"), ("failed", "sole_pending")),
        (True, ("abandoned", "caller"), ("unconfirmed", "ambiguous")),
    ],
)
def test_a_request_that_was_given_up_before_a_byte_left_owns_no_error(
    *, left: bool, given_up: tuple[str, str], expected: tuple[str, str]
) -> None:
    # 5: what never left is refused by nobody
    story = Story(gate=GateMode.OFF, leaving=left)
    first = story.ask(HOLD)
    story.abandon(first)
    assert story.said(first) == given_up
    second = story.ask(DROP)
    story.leave(second)
    story.accept(second)
    story.hear(an_error())
    story.wait(25)
    assert story.said(second) == expected
