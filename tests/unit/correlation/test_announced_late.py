"""Rules of evidence 8: what was heard before a request was announced, and what is given back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from listener.correlation.gate import GateMode
from listener.correlation.steps import AnswerKind
from listener.finesse import actions as a
from tests.builders import (
    AGENT,
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
from tests.unit.correlation.given import (
    ANSWER,
    BY_ID,
    CONFERENCE,
    CONFIRMED,
    CONSULT,
    HOLD,
    LINK,
    MAKE_CALL,
    OTHER,
    dtmf,
    joined,
    second_call,
)

FAILED_BY_ID = ("failed", "request_id")


def a_colleagues_call(story: Story, tag: str) -> None:
    """Let a colleague call the agent; the id of that request is on it."""
    ringing = replace(own("ALERTING", 1), from_address="1002", state="ALERTING")
    story.hear(added(ringing, tag=tag))
    story.hear(an_event(replace(own("HELD", 2), from_address="1002")))


def test_digits_do_not_wait_for_digits_that_the_caller_only_announced() -> None:
    story = Story()
    story.ask(dtmf(), expected=True, length=3600.0)
    key = story.accepted(dtmf("2"), length=6.0)
    story.wait(10)
    assert story.said(key) == ("presumed", None)


def test_announced_digits_have_a_window_of_their_own_once_reported() -> None:
    story = Story()
    story.accepted(dtmf(), length=30.0)
    key = story.accepted(dtmf("2"), expected=True)
    story.wait(10)
    assert story.said(key) == ("presumed", None)


def test_an_expectation_reported_in_doubt_counts_as_answered() -> None:
    story = Story()
    silent, seen = (story.ask(each, expected=True) for each in (dtmf(), HOLD))
    for key in (silent, seen):
        story.answer(key, AnswerKind.DOUBTFUL, status=500)
    story.hear(an_event(own("HELD", 1)))
    assert story.said(seen) == ("confirmed", "expectation")
    story.wait(60)
    assert story.said(silent) == ("unconfirmed", "no_answer")


# -- what says that an announced request was sent --------------------------------------------------


def test_an_id_from_before_on_the_same_call_does_not_say_that_a_join_was_sent() -> None:
    # 8: it was a colleague's, who has the same id; the join is the desktop's
    story = Story(second_call("ACTIVE"))
    a_colleagues_call(story, "2")
    story.wait(20)
    announced = story.ask(CONFERENCE, expected=True, id_="2")
    story.hear(an_event(joined(25), tag="the desktop's"))
    story.wait(60)
    assert story.said(announced) == ("unconfirmed", "not_reported")


def test_an_early_id_that_is_by_now_a_colleagues_as_well_says_nothing() -> None:
    story = Story(second_call("ACTIVE"))
    story.link_up(agent="agent2", user=a_user(login_id="agent2", extension="1002"))
    make = a.MakeCall(agent="agent2", to_address=EXT)
    story.hear(added(own("ACTIVE", 1, from_address="1002"), tag="2"))
    theirs = story.ask(make, expected=True, id_="2", own="1002")
    story.accept(theirs)
    story.hear(an_event(own("ACTIVE", 1, from_address="1002"), tag="2", owner="agent2"))
    announced = story.ask(ANSWER, expected=True, id_="2")
    story.wait(60)
    assert story.said(announced) == ("unconfirmed", "not_reported")


def test_an_id_on_a_colleagues_call_does_not_say_that_something_else_was_sent() -> None:
    # 3, 8: it comes to the agent before the colleague hears of it, and is the colleague's as well
    story = Story()
    make = a.MakeCall(agent="agent2", to_address=EXT)
    story.accepted(make, id_="2", own="1002")
    announced = story.ask(HOLD, expected=True, id_="2")
    ringing = a_dialog("300", a_participant(state="ALERTING", at=1), from_address="1002")
    story.hear(added(ringing, tag="2"), an_event(own("HELD", 2)))
    story.wait(60)
    assert story.said(announced) == ("unconfirmed", "not_reported")


def test_what_waits_to_count_is_given_back_when_another_is_announced_whose_id_is_on_it() -> None:
    # 4, 8: the caller announced it after its event had come
    story = Story()
    hold = story.ask(HOLD)
    story.hear(an_event(own("HELD", 2), tag="mine"))
    announced = story.ask(HOLD, expected=True, id_="mine")
    story.wait(19)
    story.accept(hold)
    assert story.said(hold)[0] == "open"
    story.wait(60)
    assert (story.said(announced), story.said(hold)[0]) == (BY_ID, "unconfirmed")


def test_a_calls_end_is_given_back_while_another_call_could_still_name_it() -> None:
    story = Story()
    drop = story.accepted(a.Drop(agent=AGENT, dialog_id="100"))
    story.hear(removed(own("DROPPED", 2), tag="mine"))
    announced = story.ask(a.Drop(agent=AGENT, dialog_id="100"), expected=True, id_="mine")
    story.wait(30)
    assert story.said(drop)[0] == "unconfirmed"
    assert story.said(announced) == BY_ID


def test_an_id_from_before_says_that_a_call_was_made() -> None:
    # 2, 8: its own event overtook the announcement
    story = Story()
    story.hear(added(placed("INITIATING"), tag="mine"))
    make = story.ask(a.MakeCall(agent=AGENT, to_address="5551"), expected=True, id_="mine")
    story.hear(an_event(placed("ALERTING")))
    assert story.said(make) == BY_ID


@pytest.mark.parametrize(
    ("there", "message", "said"),
    [
        ("100", "Generic Error", ("failed", "request_id")),
        ("100", "INVALID_ACTION RETRIEVE on extension 1001", ("open", None)),
        ("200", "Generic Error", ("open", None)),
    ],
)
def test_an_error_from_before_is_its_own_by_its_call_and_action(
    there: str, message: str, said: tuple[str, str | None]
) -> None:
    story = Story(own("ACTIVE", 0), second_call())
    story.hear(an_error(message, tag="mine", dialog_id=there))
    hold = story.ask(HOLD, expected=True, id_="mine")
    assert story.said(hold) == said


def test_a_state_from_before_says_nothing_of_an_action_on_a_call() -> None:
    story = Story()
    story.hear(a_user_event(a_user("TALKING", 1), tag="mine"))
    hold = story.ask(HOLD, expected=True, id_="mine")
    story.hear(an_event(own("HELD", 2)))
    assert story.said(hold)[0] == "open"


# -- what another request cannot have done ---------------------------------------------------------


def test_what_waits_is_not_given_back_for_another_state_that_is_announced_late() -> None:
    story = Story(own("ACTIVE", 0))
    hold = story.ask(HOLD)
    story.hear(an_event(own("HELD", 2)), an_event(own("ACTIVE", 4), tag="mine"))
    retrieve = a.Retrieve(agent=AGENT, dialog_id="100")
    story.ask(retrieve, expected=True, id_="mine")
    story.accept(hold)
    assert story.said(hold) == CONFIRMED


def test_a_state_of_the_agent_is_given_back_to_whom_its_id_names() -> None:
    story = Story()
    first = story.ask(a.Ready(agent=AGENT))
    story.hear(a_user_event(a_user("READY", 2), tag="mine"))
    announced = story.ask(a.Ready(agent=AGENT), expected=True, id_="mine")
    story.accept(first)
    assert story.said(first)[0] == "open"
    story.wait(70)
    assert (story.said(first)[0], story.said(announced)) == ("unconfirmed", BY_ID)


# -- what was heard before it was announced --------------------------------------------------------


def test_a_join_keeps_its_survivor_when_a_hold_of_the_other_call_is_announced_late() -> None:
    story = Story(own("HELD", 0), second_call("ACTIVE"), gate=GateMode.OFF)
    conference = story.accepted(CONFERENCE)
    story.hear(an_event(second_call("HELD", 2), tag="mine"))
    story.ask(a.Hold(agent=AGENT, dialog_id="200"), expected=True, id_="mine")
    story.hear(an_event(replace(joined(), id="200", secondary_id="100")))
    assert story.said(conference) == CONFIRMED


def test_a_conference_that_is_announced_between_its_own_events_is_known_by_its_id() -> None:
    story = Story(own("HELD", 0), second_call("ACTIVE", associated_dialog_uri=LINK))
    story.hear(an_event(joined(), tag="mine"))
    conference = story.ask(CONFERENCE, expected=True, id_="mine")
    story.hear(removed(second_call("DROPPED", 5), tag="mine"))
    assert story.said(conference) == BY_ID


def test_a_transfer_that_is_announced_between_its_two_ends_is_known_by_its_id() -> None:
    # 6.4: both are gone, with its id
    story = Story(own("HELD", 0), second_call("ACTIVE", associated_dialog_uri=LINK))
    story.hear(removed(second_call("DROPPED", 5), tag="mine"))
    transfer = story.ask(a.Transfer(agent=AGENT, dialog_id="100"), expected=True, id_="mine")
    story.hear(removed(own("DROPPED", 5), tag="mine"))
    story.wait(70)
    assert story.said(transfer)[1] != "not_reported"


def test_the_late_end_of_a_joins_own_call_ends_it() -> None:
    # 6.10: the call was gone when it was asked for, and its last state is told behind its end
    story = Story(own("ACTIVE", 0))
    story.hear(removed(own("ACTIVE", 0)))
    conference = story.accepted(CONFERENCE)
    story.hear(removed(own("DROPPED", 3)))
    story.wait(2.1)
    assert story.said(conference) == ("unconfirmed", "dialog_ended")


def test_what_came_of_a_change_is_given_back_with_it() -> None:
    # 4: the end of the call that the other one had left
    story = Story(gate=GateMode.OFF)
    drop = story.ask(a.Drop(agent=AGENT, dialog_id="100"))
    story.hear(an_event(own("DROPPED", 3), tag="mine"), removed(own("DROPPED", 3)))
    announced = story.ask(a.Drop(agent=AGENT, dialog_id="100"), expected=True, id_="mine")
    story.accept(drop)
    story.wait(70)
    assert story.said(drop)[0] != "confirmed"
    assert story.said(announced)[0] != "open"


@pytest.mark.parametrize(
    ("request_", "there", "said"),
    [
        (CONSULT, "200", FAILED_BY_ID),
        (CONFERENCE, "300", FAILED_BY_ID),
        (MAKE_CALL, "200", FAILED_BY_ID),
        (MAKE_CALL, "100", ("open", None)),
        (a.Ready(agent=AGENT), "100", ("open", None)),
        (a.Ready(agent=AGENT), None, FAILED_BY_ID),
        (HOLD, None, ("open", None)),
    ],
)
def test_an_error_from_before_is_its_own_where_it_is_about_its_object(
    request_: a.Request, there: str | None, said: tuple[str, str | None]
) -> None:
    # 5: on the call that it makes or joins, but no user's error is a call's
    linked = a_dialog("300", a_participant(), a_participant(OTHER), associated_dialog_uri=LINK)
    story = Story(own("HELD", 0), linked)
    user = AGENT if there is None else None
    story.hear(an_error(tag="mine", dialog_id=there, user_id=user))
    key = story.ask(request_, expected=True, id_="mine")
    assert story.said(key) == said


def test_a_step_from_before_says_that_a_consult_was_sent() -> None:
    # 8: its call was held with its id, before it was announced
    story = Story(own("ACTIVE", 0))
    story.hear(an_event(own("HELD", 0), tag="mine"))
    consult = story.ask(CONSULT, expected=True, id_="mine")
    story.hear(added(replace(placed("ALERTING"), associated_dialog_uri=LINK)))
    assert story.said(consult) == CONFIRMED


def test_a_tone_that_was_heard_before_the_session_was_complete_does_not_stand_over_to_it() -> None:
    # 6.6: it may have been another session, and an error was missed in between
    story = Story()
    story.link_down()
    tone = story.accepted(a.SendDtmf(agent=AGENT, dialog_id="100", dtmf_string="1"))
    story.hear(an_event(tag=tone))
    story.link_up(a_dialog(), user=a_user())
    story.wait(20)
    assert story.said(tone) == ("unconfirmed", "link_lost")
