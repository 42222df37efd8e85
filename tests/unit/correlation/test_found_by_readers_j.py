"""Whose a change is by the id on it: another request's work is no evidence (rules 3, 4, 5, 8)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from listener.correlation.gate import GateMode
from listener.correlation.instants import instant
from listener.correlation.outcome import Confirmed, Evidence
from listener.correlation.picture import Baseline
from listener.finesse import actions as a
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
    clock,
    own,
    placed,
    removed,
)

ANSWER = a.Answer(agent=AGENT, dialog_id="100")
HOLD = a.Hold(agent=AGENT, dialog_id="100")
RETRIEVE = a.Retrieve(agent=AGENT, dialog_id="100")
CONFERENCE = a.Conference(agent=AGENT, dialog_id="100")
LINK = "/finesse/api/Dialog/100"
OTHER = "5550200"
CONFIRMED = ("confirmed", "expectation")
BY_ID = ("confirmed", "request_id")
AMBIGUOUS = ("unconfirmed", "ambiguous")


def second_call(state: str = "HELD", at: float = 0.0, **changes: object) -> object:
    """Return the agent's second call, with another customer."""
    parties = (a_participant(state=state, at=at), a_participant(OTHER, at=0))
    return a_dialog("200", *parties, **changes)


def dated(story: Story, request: a.Answer) -> str:
    """Ask, and let Finesse accept it with a Date, a minute before its clock's first time."""
    key = story.ask(request)
    story.accept(key, date=(instant(clock(0)) or 0.0) - 60.0)
    return key


def joined(at: float = 5.0, *parties: str) -> object:
    """Return the call as a conference of both customers and those others."""
    others = (a_participant(each, at=at) for each in (OTHER, *parties))
    return a_dialog(
        "100",
        a_participant(state="ACTIVE", at=at),
        a_participant(CUSTOMER),
        *others,
        secondary_id="200",
        media={"call_type": "CONFERENCE"},
    )


# -- the change of a request that is settled, or that has another device ---------------------------


def test_what_a_request_that_was_given_up_did_by_its_id_confirms_no_other_one() -> None:
    # 4: the CONFERENCE ended without an answer; the ANSWER has no start to compare with
    story = Story(live=False)
    story.link_up(second_call(), user=a_user())
    conference = story.ask(CONFERENCE)
    story.wait(20.1)
    assert story.said(conference)[0] == "unconfirmed"
    answer = dated(story, ANSWER)
    story.hear(an_event(joined(), tag=conference))
    story.wait(1)
    assert story.said(answer)[0] == "open"
    story.hear(an_error(tag=answer))
    assert story.said(answer) == ("failed", "request_id")


@pytest.mark.parametrize("device", [EXT, None])
def test_a_task_that_one_started_by_its_id_was_not_started_by_another_after_a_new_login(
    device: str | None,
) -> None:
    # 4: the tasks are the agent's, whatever the device is
    task = replace(
        a_dialog("t", a_participant(AGENT, "ACCEPTED", at=0)), media_type="Chat", state="ACCEPTED"
    )
    story = Story(task, gate=GateMode.OFF)
    start = a.TaskStart(agent=AGENT, dialog_id="t")
    first = story.ask(start)
    story.doubt(first)
    second = story.accepted(start, own=device)
    active = replace(task, participants=(a_participant(AGENT, "ACTIVE", at=3),), state="ACTIVE")
    story.hear(an_event(active, tag=second))
    story.wait(1)
    assert story.said(second) == BY_ID
    assert story.said(first)[0] == "open"


def test_the_step_of_one_request_by_its_id_is_not_what_another_asked_for() -> None:
    # 4: a CONFERENCE takes the call back before it joins it
    story = Story(own("HELD", 0), second_call("ACTIVE"), gate=GateMode.OFF)
    conference, retrieve = story.accepted(CONFERENCE), story.accepted(RETRIEVE)
    story.hear(an_event(own("ACTIVE", 2), tag=conference))
    story.wait(1)
    assert story.said(retrieve)[0] == "open"


def test_an_id_that_two_have_says_all_the_same_that_a_change_is_no_thirds() -> None:
    # 3, 4: nobody knows which of the two it was
    story = Story(gate=GateMode.OFF)
    story.accepted(CONFERENCE, id_="7")
    story.accepted(a.Transfer(agent=AGENT, dialog_id="100"), id_="7", allow_repeat=True)
    hold = story.accepted(HOLD)
    story.hear(an_event(own("HELD", 2), tag="7"))
    story.wait(1)
    assert story.said(hold)[0] == "open"


def test_the_id_of_a_tone_says_nothing_of_whose_a_state_is() -> None:
    story = Story(gate=GateMode.OFF)
    tone = story.accepted(a.SendDtmf(agent=AGENT, dialog_id="100", dtmf_string="1"))
    hold = story.accepted(HOLD)
    story.hear(an_event(own("HELD", 2), tag=tone))
    assert story.said(hold) == CONFIRMED


def test_the_id_of_a_request_that_was_refused_at_once_is_another_clients() -> None:
    # 3: a foreign id settles nothing, and the state it shows counts
    story = Story()
    refused = story.ask(CONFERENCE)
    story.refuse(refused)
    hold = story.accepted(HOLD)
    story.hear(an_event(own("HELD", 2), tag=refused))
    assert story.said(hold) == CONFIRMED


def test_a_survivor_that_one_conference_made_by_its_id_is_no_others_when_shown_again() -> None:
    # 4: a recording's own event shows what the other conference had done
    third = a_dialog("300", a_participant(state="HELD"), a_participant("5550300"))
    story = Story(own("HELD", 0), second_call(), third, gate=GateMode.OFF)
    late = story.accepted(a.Conference(agent=AGENT, dialog_id="200"))
    first = story.accepted(CONFERENCE)
    story.hear(an_event(joined(5, "5550300"), tag=first))
    assert story.said(first) == BY_ID
    story.wait(3)
    record = story.accepted(a.StartRecording(agent=AGENT, dialog_id="100"))
    story.hear(an_event(joined(5, "5550300"), tag=record))
    story.hear(an_event(joined(6, "5550300")))
    assert story.said(late)[0] == "open"


def test_what_is_done_to_the_other_call_by_anothers_id_leaves_a_join_its_survivor() -> None:
    # 4: that somebody holds the other call is no join
    story = Story(own("HELD", 0), second_call("ACTIVE"), gate=GateMode.OFF)
    hold = story.accepted(a.Hold(agent=AGENT, dialog_id="200"))
    conference = story.accepted(CONFERENCE)
    story.hear(an_event(second_call("HELD", 2), tag=hold))
    survivor = replace(joined(), id="200", secondary_id="100")
    story.hear(an_event(survivor))
    assert story.said(conference) == CONFIRMED


def test_a_call_that_came_back_to_the_agent_may_be_the_survivor_of_a_join() -> None:
    # 4: what was gone when the request went out is none that it joined; this one was there again
    story = Story(second_call("ACTIVE"))
    story.hear(added(own("HELD", 0)), removed(own("DROPPED", 1)), added(own("HELD", 2)))
    conference = story.accepted(CONFERENCE)
    story.hear(an_event(joined(5)))
    assert story.said(conference) == CONFIRMED


def test_an_error_on_the_consult_of_a_call_that_joined_a_third_one_is_not_of_that_one() -> None:
    # 5: the join ended with the third call's id; the error is on the consult
    consult = second_call("HELD", associated_dialog_uri=LINK)
    third = a_dialog("300", a_participant(state="ACTIVE"), a_participant("5550300"))
    story = Story(own("HELD", 0), consult, third, gate=GateMode.OFF)
    hold = story.accepted(a.Hold(agent=AGENT, dialog_id="300"))
    story.hear(an_event(replace(third, participants=(a_participant(state="HELD", at=2),))))
    assert story.said(hold) == CONFIRMED
    join = story.accepted(CONFERENCE)
    survivor = replace(joined(5), secondary_id="300")
    parties = (*survivor.participants[:2], a_participant("5550300", at=5))
    story.hear(an_event(replace(survivor, participants=parties), tag=join))
    story.hear(removed(replace(third, participants=(a_participant(state="DROPPED", at=5),))))
    assert story.said(join) == BY_ID
    drop = story.accepted(a.Drop(agent=AGENT, dialog_id="200"))
    story.hear(an_error(dialog_id="200"))
    story.wait(2.1)
    assert story.said(drop) == ("failed", "sole_pending")


# -- two that may have done it ---------------------------------------------------------------------


@pytest.mark.parametrize("known", [False, True])
def test_a_change_fits_one_without_a_start_as_well(known: bool) -> None:  # noqa: FBT001  a case
    # 4: nothing tells how it was when the two went out; one has no Date to compare with either
    story = Story(second_call(), gate=GateMode.OFF)
    announced = story.ask(ANSWER, expected=True)
    if known:
        story.accept(announced)
    told = dated(story, ANSWER)
    story.hear(an_event(own("ACTIVE", 3)))
    story.wait(70)
    assert story.said(told) == AMBIGUOUS
    assert story.said(announced)[0] == "unconfirmed"


def test_a_change_is_not_contested_by_one_whose_effect_it_is_not() -> None:
    story = Story(second_call(), gate=GateMode.OFF)
    story.ask(HOLD, expected=True)
    told = dated(story, ANSWER)
    story.hear(an_event(own("ACTIVE", 3)))
    assert story.said(told) == CONFIRMED


def test_a_change_that_a_process_before_heard_fits_one_without_a_start_as_well() -> None:
    story = Story(own("ACTIVE", 3), gate=GateMode.OFF)
    how = {"left": 20.0, "gap": False}
    story.adopt(RETRIEVE, baseline=None, accepted=False, expected=True, **how)
    told = story.adopt(ANSWER, baseline=Baseline(own("HELD", 0)), **how)
    story.rehear(told, an_event(own("ACTIVE", 3)))
    story.wait(25)
    assert story.said(told) == AMBIGUOUS


def test_what_a_get_shows_fits_one_without_a_start_as_well() -> None:
    story = Story(second_call(), gate=GateMode.OFF)
    story.ask(ANSWER, expected=True)
    told = dated(story, ANSWER)
    story.wait(17.5)
    story.look(own("ACTIVE", 3), second_call())
    story.wait(5)
    assert story.said(told) == AMBIGUOUS


# -- what says that an announced request was sent --------------------------------------------------


def a_colleagues_call(story: Story, tag: str) -> None:
    """Let a colleague call the agent; the id of that request is on it."""
    ringing = replace(own("ALERTING", 1), from_address="1002", state="ALERTING")
    story.hear(added(ringing, tag=tag))
    story.hear(an_event(replace(own("HELD", 2), from_address="1002")))


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


# -- whose an error on a call that failed may be ---------------------------------------------------


def failed_consult() -> object:
    """Return the consult's call as it failed."""
    return replace(placed("FAILED"), associated_dialog_uri=LINK)


@pytest.mark.parametrize("by_id", [False, True])
def test_an_error_on_the_call_that_failed_a_consult_may_be_the_consults(by_id: bool) -> None:  # noqa: FBT001  a case
    # 5: without its id another client may have made that call
    story = Story(own("HELD", 0))
    consult = story.accepted(a.ConsultCall(agent=AGENT, dialog_id="100", to_address="5551"))
    story.hear(added(failed_consult(), tag=consult if by_id else None))
    assert story.said(consult)[0] == "failed"
    drop = story.accepted(a.Drop(agent=AGENT, dialog_id="200"))
    story.hear(an_error(dialog_id="200"))
    story.wait(2.1)
    assert story.said(drop) == (("failed", "sole_pending") if by_id else ("open", None))


def test_an_error_with_an_id_that_a_colleague_has_too_is_of_the_one_to_whom_it_is_told() -> None:
    # 3, 5: the colleague made the call with that id
    story = Story(own("ALERTING", 1, from_address="1002"))
    story.link_up(agent="agent2", user=a_user(login_id="agent2", extension="1002"))
    make = story.accepted(a.MakeCall(agent="agent2", to_address=EXT), id_="4", own="1002")
    story.hear(added(own("ALERTING", 1, from_address="1002"), tag="4", owner="agent2"))
    assert story.said(make) == BY_ID
    answer = story.accepted(ANSWER, id_="4")
    story.hear(an_error(tag="4"))
    assert story.said(answer) == ("failed", "request_id")


def test_that_call_is_remembered_over_a_restart() -> None:
    story = Story(own("HELD", 0))
    consult = story.accepted(a.ConsultCall(agent=AGENT, dialog_id="100", to_address="5551"))
    story.hear(added(failed_consult()))
    after = Story(own("HELD", 0), failed_consult())
    request = a.ConsultCall(agent=AGENT, dialog_id="100", to_address="5551")
    after.remember(request, story.outcomes[consult])
    drop = after.accepted(a.Drop(agent=AGENT, dialog_id="200"))
    after.hear(an_error(dialog_id="200"))
    after.wait(2.1)
    assert after.said(drop)[0] == "open"


# -- what is read late of a time before the request ------------------------------------------------


def consulted(at: float = 10.0) -> object:
    """Return the consult with the other customer, on which the agent talks since then."""
    return second_call("ACTIVE", at, associated_dialog_uri=LINK)


def earlier(state: str | None, at: float = 5.0) -> object:
    """Return the call as it was when both customers were on it, before the one left."""
    own_part = () if state is None else (a_participant(state=state, at=at),)
    others = (a_participant(CUSTOMER, at=at), a_participant(OTHER, at=at))
    return a_dialog("100", *own_part, *others, media={"call_type": "CONFERENCE"})


@pytest.mark.parametrize(("at", "said"), [(5.0, ("open", None)), (12.0, CONFIRMED)])
def test_a_conference_from_before_the_request_is_none_that_it_made(
    at: float, said: tuple[str, str | None]
) -> None:
    # 4: not older than what was known at sending
    story = Story(own("HELD", 10), consulted())
    conference = story.accepted(CONFERENCE)
    story.hear(an_event(earlier("ACTIVE", at)))
    assert story.said(conference) == said


@pytest.mark.parametrize("state", ["DROPPED", None])
@pytest.mark.parametrize(("at", "said"), [(5.0, ("open", None)), (12.0, CONFIRMED)])
def test_a_call_of_two_others_from_before_the_request_is_no_transfer(
    state: str | None, at: float, said: tuple[str, str | None]
) -> None:
    # 4, 6.4: a colleague hears of it late
    story = Story(
        own("HELD", 10), a_dialog("200", a_participant(at=10), a_participant(OTHER, at=10))
    )
    transfer = story.accepted(a.Transfer(agent=AGENT, dialog_id="100"))
    story.hear(an_event(earlier(state, at), owner="agent2"))
    assert story.said(transfer) == said


@pytest.mark.parametrize(("at", "said"), [(2.0, ("open", None)), (12.0, CONFIRMED)])
def test_a_call_that_was_begun_before_the_request_is_not_made_by_it(
    at: float, said: tuple[str, str | None]
) -> None:
    # 4, 6.1: none of its events had been read
    story = Story(own("ACTIVE", 10))
    make = story.accepted(a.MakeCall(agent=AGENT, to_address="5551"))
    parties = (a_participant(at=13, start_time=clock(at)), a_participant("5551", at=13))
    story.hear(an_event(replace(placed("ACTIVE"), participants=parties)))
    assert story.said(make) == said


@pytest.mark.parametrize(("at", "said"), [(5.0, ("open", None)), (12.0, CONFIRMED)])
def test_a_barge_from_before_the_request_is_not_its_own(
    at: float, said: tuple[str, str | None]
) -> None:
    watch = a_dialog(
        "300",
        a_participant(at=10),
        a_participant("1002", at=10),
        media={"call_type": "SUPERVISOR_MONITOR"},
        from_address=EXT,
        to_address="1002",
    )
    story = Story(watch)
    barge = story.accepted(
        a.BargeCall(agent=AGENT, to_address="1002", associated_dialog_uri="/finesse/api/Dialog/300")
    )
    parties = (a_participant(at=at), a_participant("1002"), a_participant(CUSTOMER))
    story.hear(an_event(a_dialog("400", *parties)))
    assert story.said(barge) == said


def test_the_end_of_a_call_before_it_came_back_is_no_drop() -> None:
    # 4, 6.3
    story = Story(own("ACTIVE", 10))
    drop = story.accepted(a.Drop(agent=AGENT, dialog_id="100"))
    story.hear(removed(own("DROPPED", 5)))
    story.wait(5)
    assert story.said(drop) == ("unconfirmed", "dialog_ended")


# -- proof that waits for its quiet time -----------------------------------------------------------


def test_a_drop_whose_end_came_by_its_id_does_not_fail_before_its_quiet_time_is_over() -> None:
    # 5: unless its own proof came
    story = Story()
    drop = story.accepted(a.Drop(agent=AGENT, dialog_id="100"))
    story.hear(an_error())
    story.wait(1.5)
    story.hear(removed(own("DROPPED", 2), tag=drop))
    story.wait(1.1)
    assert story.said(drop) == BY_ID


def test_a_drop_whose_quiet_time_the_deadline_cuts_short_ended_with_its_dialog() -> None:
    # 6.10
    story = Story()
    drop = story.accepted(a.Drop(agent=AGENT, dialog_id="100"), length=3.0)
    story.wait(2.5)
    story.hear(removed(own("DROPPED", 2)))
    story.wait(1)
    assert story.said(drop) == ("unconfirmed", "dialog_ended")


# -- over a restart --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reason", "said"), [(None, "unconfirmed"), ("51", "unconfirmed"), ("52", "confirmed")]
)
def test_a_state_that_confirmed_another_before_a_restart_proves_none_that_it_fits_too(
    reason: str | None, said: str
) -> None:
    # 4: it was asked for without a reason, or with that one
    story = Story(live=False)
    done = Confirmed(evidence=Evidence.REQUEST_ID)
    story.remember(a.NotReady(agent=AGENT, reason_code_id="51"), done, age=5.0)
    baseline = Baseline(user=a_user("READY", 0))
    how = {"accepted": False, "left": 10.0, "age": 9.0, "baseline": baseline}
    open_ = story.adopt(a.NotReady(agent=AGENT, reason_code_id=reason), **how)
    shown = a_user("NOT_READY", 3, reason_code_id="52" if said == "confirmed" else "51")
    story.wait(1)
    story.link_up(user=shown)
    story.wait(15)
    assert story.said(open_)[0] == said
