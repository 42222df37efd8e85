"""What could have been known: who else could own an error, and which old news are no doubt."""

from __future__ import annotations

from dataclasses import replace

import pytest

from listener.correlation.gate import GateMode
from listener.correlation.outcome import MinimumEvidence
from listener.correlation.picture import Baseline
from listener.finesse import actions as a
from listener.finesse.model import ScheduledCallbackInfo
from tests.builders import (
    AGENT,
    CUSTOMER,
    EXT,
    Story,
    a_dialog,
    a_participant,
    a_user,
    a_user_event,
    added,
    an_error,
    an_event,
    own,
    placed,
    removed,
)

MAKE_CALL = a.MakeCall(agent=AGENT, to_address="5551")
CONSULT = a.ConsultCall(agent=AGENT, dialog_id="100", to_address="5551")
LINK = "/finesse/api/Dialog/100"
UPDATE = a.UpdateCallData(agent=AGENT, dialog_id="100", call_variables={"user.x": "y"})
DROP = a.Drop(agent=AGENT, dialog_id="100")
FAILED = ("failed", "sole_pending")


def valued(value: str, state: str = "ACTIVE", at: float = 0.0, **changes: object) -> object:
    """Return the call with that value and the own participant in that state."""
    return own(state, at, variables={"user.x": value}, **changes)


# -- whose an unsigned error may be ---------------------------------------------------------------


def test_an_error_on_a_call_that_came_with_anothers_id_is_not_of_who_makes_a_call() -> None:
    story = Story(gate=GateMode.OFF)
    first, second = story.accepted(MAKE_CALL), story.accepted(MAKE_CALL, length=60.0)
    story.hear(added(placed("ALERTING"), tag=first))
    story.wait(1)
    hold = story.accepted(a.Hold(agent=AGENT, dialog_id="200"))
    story.hear(an_error(dialog_id="200"))
    story.wait(2.1)
    assert story.said(hold) == FAILED
    assert story.said(second)[0] == "open"


def test_the_last_one_whom_an_error_fits_fails_though_the_others_call_goes_on() -> None:
    story = Story(own("ACTIVE", 0), gate=GateMode.OFF)
    first, second = story.accepted(CONSULT), story.accepted(CONSULT)
    call = {
        state: replace(placed(state), associated_dialog_uri=LINK)
        for state in ("INITIATED", "ALERTING", "ACTIVE")
    }
    story.hear(added(call["INITIATED"], tag=first), an_error())
    story.hear(an_event(call["ALERTING"]))
    assert story.said(first) == ("confirmed", "request_id")
    story.wait(0.5)
    story.hear(an_event(call["ACTIVE"]))
    story.wait(2.1)
    assert story.said(second) == FAILED


@pytest.mark.parametrize(("after", "said"), [(3.0, FAILED), (1.0, ("open", None))])
def test_who_is_at_work_long_after_an_error_is_no_doubt_whose_it_was(
    after: float, said: tuple[str, str | None]
) -> None:
    # a tone's own event came, which proves it at the end of its window
    story = Story()
    first = story.accepted(a.SendDtmf(agent=AGENT, dialog_id="100", dtmf_string="1"))
    second = story.accepted(a.SendDtmf(agent=AGENT, dialog_id="100", dtmf_string="2"))
    story.hear(an_event(tag=first), an_error())
    story.wait(after)
    story.hear(an_event(own("HELD", 9), tag="a stranger's"))
    story.wait(5.4 - after)
    assert story.said(first) == ("confirmed", "request_id")
    assert story.said(second) == said


@pytest.mark.parametrize(("later", "said"), [(11.0, FAILED), (1.0, ("open", None))])
def test_an_error_is_a_repeat_of_one_from_before_a_gap_only_soon_after_the_gap(
    later: float, said: tuple[str, str | None]
) -> None:
    story = Story()
    story.hear(an_error(), content=99)
    story.wait(10)
    story.link_down()
    story.link_up(a_dialog(), user=a_user())
    story.wait(later)
    hold = story.accepted(a.Hold(agent=AGENT, dialog_id="100"))
    story.hear(an_error(), content=99)
    story.wait(2.1)
    assert story.said(hold) == said


def test_a_proof_that_a_gap_takes_away_leaves_the_doubt_whose_an_error_was() -> None:
    story = Story(gate=GateMode.OFF)
    hold = story.accepted(a.Hold(agent=AGENT, dialog_id="100"))
    drop = story.accepted(DROP)
    story.hear(an_error())
    story.wait(1.5)
    story.hear(removed(own("DROPPED", 2)))  # another call could name this one for a second
    story.wait(0.6)
    story.link_down()
    story.hear(an_event(own("HELD", 1), tag=hold, owner="agent2"))
    story.wait(1)
    assert story.said(hold) == ("confirmed", "request_id")
    assert story.said(drop)[0] == "open"


@pytest.mark.parametrize("there", ["100", "200"])
def test_the_step_of_a_join_before_an_error_is_a_doubt_whose_it_was(there: str) -> None:
    # our own part leaves the other call; the error is the desktop's, whose HOLD was refused
    second = a_dialog("200", a_participant(), a_participant("5551"), associated_dialog_uri=LINK)
    story = Story(own("HELD", 0), second)
    key = story.accepted(a.Conference(agent=AGENT, dialog_id="100"))
    off = replace(
        second, participants=(a_participant(state="DROPPED", at=1), a_participant("5551"))
    )
    story.hear(an_event(off), an_error(dialog_id=there))
    story.wait(2.5)
    assert story.said(key)[0] == "open"


def test_a_request_whose_calls_end_was_heard_owns_no_error_on_another_call() -> None:
    # it was announced in a gap and never sent, so that it is open yet
    story = Story(own("ACTIVE", 0), a_dialog("200"))
    story.link_down()
    announced = story.ask(a.Hold(agent=AGENT, dialog_id="100"), expected=True)
    story.link_up(own("ACTIVE", 0), a_dialog("200"), user=a_user())
    story.hear(removed(own("DROPPED", 1)))
    story.wait(5)
    key = story.accepted(a.Hold(agent=AGENT, dialog_id="200"))
    story.hear(an_error(dialog_id="200"))
    story.wait(2.1)
    assert story.said(key) == FAILED
    assert story.said(announced)[0] == "open"


def test_an_error_that_was_heard_before_a_hand_over_is_a_doubt_of_a_tone_that_is_adopted() -> None:
    # it is on the call that the tone's became, which was heard behind it
    story = Story(a_dialog(), a_dialog("200"))
    events = (an_error(dialog_id="200"), an_event(a_dialog("200", secondary_id="100")))
    story.hear(*events)
    start = Baseline(dialog=a_dialog(), others=(a_dialog("200"),), user=a_user())
    tone = a.SendDtmf(agent=AGENT, dialog_id="100", dtmf_string="1")
    key = story.adopt(tone, baseline=start, left=5, gap=False)
    story.rehear(key, *events)
    story.wait(12)
    assert story.said(key) == ("unconfirmed", "ambiguous")


# -- old news, and what they cast doubt on --------------------------------------------------------


@pytest.mark.parametrize("link", ["", LINK])
def test_an_old_content_that_shows_the_data_that_are_known_casts_no_doubt_on_them(
    link: str,
) -> None:
    story = Story(valued("x"))
    for content, towards in ((101, ""), (102, link), (101, "")):
        story.hear(an_event(valued("x", associated_dialog_uri=towards)), content=content)
    key = story.accepted(UPDATE)
    story.hear(an_event(valued("y")))
    assert story.said(key) == ("confirmed", "expectation")


def test_an_old_content_leaves_the_doubt_that_another_one_has_cast() -> None:
    story = Story(valued("w"))
    for content, value in ((101, "x"), (105, "x"), (102, "w"), (101, "x"), (105, "x")):
        story.hear(an_event(valued(value)), content=content)
    key = story.accepted(UPDATE)
    story.hear(an_event(valued("y")))
    assert story.said(key)[0] == "open"


@pytest.mark.parametrize(("at", "said"), [(1.0, "confirmed"), (0.0, "open")])
def test_values_after_a_restart_beside_a_later_state_are_no_old_content(
    at: float, said: str
) -> None:
    story = Story(valued("x"))
    key = story.adopt(UPDATE, baseline=Baseline(dialog=valued("x")), left=15)
    story.hear(an_event(valued("y", "HELD" if at else "ACTIVE", at)))
    assert story.said(key)[0] == said


def test_values_that_come_behind_the_end_of_a_call_that_was_joined_were_set() -> None:
    story = Story(valued("x"), a_dialog("200"))
    key = story.accepted(UPDATE)
    story.hear(removed(valued("x", "DROPPED", 2)))
    story.hear(an_event(a_dialog("200", secondary_id="100")))
    story.hear(an_event(valued("x", "HELD", 1)))
    assert story.said(key)[0] == "open"
    story.hear(an_event(valued("y", "HELD", 1), owner="agent2"))
    assert story.said(key)[0] == "open"
    story.hear(an_event(valued("y", "HELD", 1)))
    assert story.said(key) == ("confirmed", "expectation")
    assert story.outcomes[key].changed is True


def test_values_of_a_call_that_was_joined_from_before_the_request_prove_nothing() -> None:
    story = Story(valued("x", "HELD", 5), a_dialog("200"))
    key = story.accepted(UPDATE)
    story.hear(an_event(a_dialog("200", secondary_id="100")))
    story.hear(an_event(valued("y", "ACTIVE", 4)))
    assert story.said(key)[0] == "open"


@pytest.mark.parametrize("joined", [True, False])
def test_old_values_of_a_call_that_went_in_a_gap_are_no_change(
    joined: bool,  # noqa: FBT001  the parameter of a test
) -> None:
    story = Story(valued("w"), a_dialog("200"))
    for content, value in ((101, "y"), (102, "x")):
        story.hear(an_event(valued(value)), content=content)
        story.wait(60)
    key = story.accepted(UPDATE)
    story.link_down()
    story.link_up(a_dialog("200"), user=a_user())
    story.hear(an_event(a_dialog("200", secondary_id="100" if joined else None)))
    story.hear(an_event(valued("y")), content=101)
    assert story.said(key)[0] == "open"


@pytest.mark.parametrize("again", [True, False])
def test_a_content_from_before_a_callback_was_set_does_not_cancel_it(
    again: bool,  # noqa: FBT001  the parameter of a test
) -> None:
    story = Story()
    info = ScheduledCallbackInfo(callback_time="2026-11-22T10:00", callback_number="1")
    story.hear(an_event(a_dialog()), content=101)
    story.wait(10)
    story.hear(an_event(a_dialog(scheduled_callback_info=info)), content=102)
    key = story.accepted(a.CancelScheduledCallback(agent=AGENT, dialog_id="100"))
    story.wait(5)
    story.hear(an_event(a_dialog()), content=101 if again else 103)
    assert story.said(key)[0] == ("open" if again else "confirmed")


def test_a_callback_of_a_call_that_was_taken_in_is_not_cancelled_by_one_that_never_had_it() -> None:
    story = Story(a_dialog(), a_dialog("200"))
    info = ScheduledCallbackInfo(callback_time="2026-11-22T10:00", callback_number="1")
    key = story.accepted(a.CancelScheduledCallback(agent=AGENT, dialog_id="100"))
    story.hear(an_event(a_dialog(scheduled_callback_info=info)))  # somebody set one since
    story.wait(1)
    story.hear(an_event(a_dialog("200", secondary_id="100")))
    assert story.said(key)[0] == "open"


@pytest.mark.parametrize(("gap", "said"), [(False, "confirmed"), (True, "open")])
def test_a_task_is_known_as_long_as_there_was_no_gap_though_no_list_shows_it(
    gap: bool,  # noqa: FBT001  the parameter of a test
    said: str,
) -> None:
    # another session of the agent came up beside the one that heard
    task = a_dialog("151_1", a_participant(AGENT, state="OFFERED"), media_type="Chat")
    story = Story()
    story.hear(added(task))
    story.wait(1)
    if gap:
        story.link_down()
    story.link_up(a_dialog(), user=a_user())
    key = story.accepted(a.TaskAccept(agent=AGENT, dialog_id="151_1"))
    taken = replace(task, participants=(a_participant(AGENT, state="ACCEPTED", at=1),))
    story.hear(an_event(taken))
    assert story.said(key)[0] == said


def test_a_task_is_compared_with_no_call() -> None:
    # the call changed later, by another clock
    task = a_dialog("151_1", a_participant(AGENT, state="OFFERED", at=10), media_type="Chat")
    story = Story(own("ACTIVE", 100))
    story.hear(added(task))
    key = story.accepted(a.TaskAccept(agent=AGENT, dialog_id="151_1"))
    taken = replace(task, participants=(a_participant(AGENT, state="ACCEPTED", at=20),))
    story.hear(an_event(taken))
    assert story.said(key) == ("confirmed", "expectation")


# -- changes behind those of others ---------------------------------------------------------------


@pytest.mark.parametrize(("at", "said"), [(1.0, "confirmed"), (3.0, "open"), (-1.0, "open")])
def test_an_event_behind_a_change_that_another_made_is_compared_with_the_start(
    at: float, said: str
) -> None:
    # a conference, by its id, has shown the agent ACTIVE already; at 3 is what that one made
    story = Story(own("ALERTING", 0), gate=GateMode.OFF)
    answer = story.accepted(a.Answer(agent=AGENT, dialog_id="100"))
    retrieve = story.accepted(a.Retrieve(agent=AGENT, dialog_id="100"))
    story.hear(an_event(own("ACTIVE", 3), tag=retrieve))
    assert story.said(retrieve) == ("confirmed", "request_id")
    story.hear(an_event(own("HELD", 4)), an_event(own("ACTIVE", at)))
    assert story.said(answer)[0] == said


def test_the_start_of_a_call_that_was_taken_in_is_not_that_of_the_one_that_did() -> None:
    story = Story(own("ACTIVE", 0), own("HELD", 2, id_="200"), gate=GateMode.OFF)
    hold = a.Hold(agent=AGENT, dialog_id="100")
    first, second = story.accepted(hold), story.accepted(hold)
    story.hear(an_event(own("HELD", 3), tag=second))
    assert story.said(second) == ("confirmed", "request_id")
    story.hear(an_event(own("ACTIVE", 5, id_="200", secondary_id="100")))
    story.hear(an_event(own("HELD", 2, id_="200")))  # as it was at sending
    assert story.said(first)[0] == "open"


def test_an_id_on_what_had_been_shown_without_it_proves_it_for_who_asks_for_an_id() -> None:
    story = Story()
    drop = story.accepted(DROP, minimum=MinimumEvidence.REQUEST_ID)
    story.hear(an_event(own("DROPPED", 1)))
    assert story.said(drop)[0] == "open"
    story.hear(an_event(own("DROPPED", 1), tag=drop))
    assert story.said(drop) == ("confirmed", "request_id")


@pytest.mark.parametrize("gone", [an_event, removed])
def test_a_call_that_another_ended_by_its_id_has_ended_for_the_second_one_too(gone) -> None:
    story = Story(gate=GateMode.OFF)
    first, second = story.accepted(DROP), story.accepted(DROP)
    story.hear(gone(own("DROPPED", 1), tag=first))
    story.wait(1.9)
    assert story.said(first) == ("confirmed", "request_id")
    assert story.said(second)[0] == "open"
    story.wait(0.2)
    assert story.said(second) == ("unconfirmed", "dialog_ended")


def test_a_state_behind_a_sign_in_that_was_seen_is_a_change_again() -> None:
    out = a_user("LOGOUT", extension="")
    story = Story(user=out, gate=GateMode.OFF)
    ready = story.accepted(a.Ready(agent=AGENT))
    not_ready = story.accepted(a.NotReady(agent=AGENT))
    story.hear(a_user_event(a_user("NOT_READY", 1)))  # that comes with the sign-in
    story.hear(a_user_event(a_user("READY", 2)))
    assert story.said(ready) == ("confirmed", "expectation")
    assert story.said(not_ready)[0] == "open"
    story.hear(a_user_event(a_user("NOT_READY", 3)))
    assert story.said(not_ready) == ("confirmed", "expectation")


def test_older_states_behind_a_sign_out_are_no_sign_in() -> None:
    # a gap's burst tells again how it came to that
    story = Story(user=a_user("LOGOUT", 3, extension=""))
    key = story.accepted(a.NotReady(agent=AGENT))
    story.hear(a_user_event(a_user("HOLD", 1)), a_user_event(a_user("NOT_READY", 2)))
    assert story.said(key)[0] == "open"


def test_our_id_on_another_state_of_the_same_moment_is_a_change() -> None:
    # a DROP made the agent READY, and he was made not ready in the same millisecond
    story = Story(own("ACTIVE", 0), user=a_user("TALKING", 1))
    drop = story.accepted(DROP)
    key = story.accepted(a.NotReady(agent=AGENT))
    story.hear(an_event(own("DROPPED", 2), tag=drop))
    story.hear(a_user_event(a_user("READY", 2), tag=drop))
    story.hear(a_user_event(a_user("NOT_READY", 2), tag=key))
    assert story.said(key) == ("confirmed", "request_id")


# -- when a call has ended, or nothing tells any more ---------------------------------------------


def test_our_id_on_values_that_were_there_counts_when_the_call_ends() -> None:
    story = Story(valued("y"))
    key = story.accepted(UPDATE)
    story.hear(an_event(valued("y"), tag=key), removed(valued("y", "DROPPED", 1)))
    assert story.said(key)[0] == "open"  # an error with its id may come yet
    story.wait(2.1)
    assert story.said(key) == ("confirmed", "request_id")
    assert story.outcomes[key].changed is False


def test_the_window_of_a_recording_decides_though_its_event_came_behind_the_calls_end() -> None:
    story = Story()
    key = story.accepted(a.StartRecording(agent=AGENT, dialog_id="100"))
    story.hear(removed(), an_event(tag=key))
    story.wait(4.9)
    assert story.said(key)[0] == "open"
    story.wait(0.2)
    assert story.said(key) == ("confirmed", "request_id")


def test_a_tone_in_whose_window_a_gap_was_ends_with_it_and_holds_up_no_other() -> None:
    story = Story()
    first = story.accepted(a.SendDtmf(agent=AGENT, dialog_id="100", dtmf_string="1"), length=30.0)
    second = story.accepted(a.SendDtmf(agent=AGENT, dialog_id="100", dtmf_string="2"))
    story.wait(1)
    story.link_down()
    story.link_up(a_dialog(), user=a_user())
    story.wait(4.4)
    assert story.said(first) == ("unconfirmed", "link_lost")
    story.wait(5.4)
    assert story.said(second) == ("unconfirmed", "link_lost")


# -- which call it is -----------------------------------------------------------------------------


def test_a_conference_with_the_linked_call_is_named_by_it_though_a_third_call_was_there() -> None:
    linked = a_dialog("200", a_participant(), a_participant("5551"), associated_dialog_uri=LINK)
    third = a_dialog("300", a_participant(), a_participant("5551"))
    story = Story(own("HELD", 0), linked, third)
    key = story.accepted(a.Conference(agent=AGENT, dialog_id="100"))
    parties = (a_participant(at=1), a_participant(CUSTOMER), a_participant("5551", at=1))
    story.hear(an_event(a_dialog("100", *parties)))
    assert story.said(key)[0] == "open"  # with which of the two
    story.hear(an_event(a_dialog("100", *parties, secondary_id="200")))
    assert story.said(key) == ("confirmed", "expectation")


def test_our_id_on_a_call_that_is_being_made_names_it_though_nothing_was_known() -> None:
    # the dial plan changed its number, and its POST was lost in the gap
    story = Story()
    story.link_down()
    key = story.ask(MAKE_CALL)
    story.doubt(key)
    story.hear(an_event(placed("ACTIVE", id_="201", to="5559"), tag=key))
    assert story.said(key)[0] == "open"  # it may be one that was put on hold
    story.hear(an_event(placed("ALERTING", to=f"9{EXT}"), tag=key))
    assert story.said(key) == ("confirmed", "request_id")


@pytest.mark.parametrize("tagged", [True, False])
def test_the_end_of_a_call_that_another_had_taken_in_before_is_no_drop(
    tagged: bool,  # noqa: FBT001  the parameter of a test
) -> None:
    # the conference was confirmed by its survivor, and the DROP goes out before the call is gone
    survivor = a_dialog("200", secondary_id="100")
    story = Story(own("HELD", 0), survivor)
    drop = story.accepted(DROP)
    story.hear(removed(own("DROPPED", 1), tag=drop if tagged else None))
    story.wait(3)
    said = ("confirmed", "request_id") if tagged else ("unconfirmed", "dialog_ended")
    assert story.said(drop) == said


@pytest.mark.parametrize(("towards", "said"), [("200", "confirmed"), (None, "open")])
def test_a_consult_whose_party_consults_in_turn_is_known_by_the_call_that_it_was_started_on(
    towards: str | None, said: str
) -> None:
    story = Story(own("ACTIVE", 0))
    key = story.accepted(CONSULT, length=20.0)
    story.wait(17.1)
    link = f"/finesse/api/Dialog/{towards}" if towards else None
    consult = replace(
        placed("ACTIVE"), media_properties=replace(placed().media_properties, call_type="CONSULT")
    )
    theirs = replace(consult, associated_dialog_uri="/finesse/api/Dialog/300")
    story.look(theirs, own("HELD", 1, associated_dialog_uri=link))
    assert story.said(key)[0] == said


def test_a_call_that_another_has_taken_in_is_none_to_be_joined_though_its_end_was_lost() -> None:
    old = a_dialog("200", a_participant(), a_participant("5551"), associated_dialog_uri=LINK)
    mine = (a_participant(state="HELD"), a_participant(CUSTOMER), a_participant("5551"))
    other = a_dialog("300", a_participant(), a_participant("5552"))
    story = Story(a_dialog("100", *mine, secondary_id="200"), old, other)
    key = story.accepted(a.Conference(agent=AGENT, dialog_id="100"))
    both = (a_participant(at=1), *mine[1:], a_participant("5552", at=1))
    story.hear(an_event(a_dialog("100", *both, secondary_id="300")))
    assert story.said(key) == ("confirmed", "expectation")


def test_the_end_of_one_of_two_calls_that_may_be_the_one_ends_no_request() -> None:
    story = Story(gate=GateMode.OFF)
    first, second = story.accepted(MAKE_CALL), story.accepted(MAKE_CALL)
    for id_ in ("200", "201"):
        story.hear(added(placed("INITIATED", id_=id_)), an_event(placed("ALERTING", id_=id_)))
    story.hear(removed(placed("DROPPED", id_="201")))
    story.wait(30)
    assert {story.said(key) for key in (first, second)} == {("unconfirmed", "ambiguous")}


def test_a_supervisor_who_barges_in_is_no_conference_of_the_watched_call() -> None:
    watch = a_dialog(
        "200",
        a_participant("1002"),
        a_participant(),
        media={"call_type": "SUPERVISOR_MONITOR"},
        associated_dialog_uri=LINK,
    )
    story = Story(a_dialog(), watch)
    key = story.accepted(a.Conference(agent=AGENT, dialog_id="200"))
    parties = (a_participant(), a_participant(CUSTOMER), a_participant("1002", at=1))
    story.hear(an_event(a_dialog("100", *parties, media={"call_type": "CONFERENCE"})))
    assert story.said(key)[0] == "open"
