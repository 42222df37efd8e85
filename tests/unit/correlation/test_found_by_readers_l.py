"""Where an id says less: on what another cannot have done, and before its request was announced."""

from __future__ import annotations

from dataclasses import replace

import pytest

from listener.correlation.gate import GateMode
from listener.correlation.picture import Baseline
from listener.finesse import actions as a
from tests.builders import (
    AGENT,
    CALL,
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

ANSWER = a.Answer(agent=AGENT, dialog_id="100")
HOLD = a.Hold(agent=AGENT, dialog_id="100")
CONSULT = a.ConsultCall(agent=AGENT, dialog_id="100", to_address="5551")
CONFERENCE = a.Conference(agent=AGENT, dialog_id="100")
MAKE_CALL = a.MakeCall(agent=AGENT, to_address="5551")
LINK = "/finesse/api/Dialog/100"
OTHER = "5550200"
CONFIRMED = ("confirmed", "expectation")
BY_ID = ("confirmed", "request_id")
FAILED = ("failed", "request_id")


def second_call(state: str = "HELD", at: float = 0.0, **changes: object) -> object:
    """Return the agent's second call, with another customer."""
    parties = (a_participant(state=state, at=at), a_participant(OTHER, at=0))
    return a_dialog("200", *parties, **changes)


def joined(at: float = 5.0) -> object:
    """Return the call as a conference of both customers."""
    parties = (a_participant(at=at), a_participant(CUSTOMER), a_participant(OTHER, at=at))
    return a_dialog("100", *parties, secondary_id="200", media={"call_type": "CONFERENCE"})


# -- what another request cannot have done ---------------------------------------------------------


def test_the_id_of_an_answer_on_a_consults_call_leaves_that_call_the_consults() -> None:
    # 4: who answers holds the other call; he has not made it
    story = Story(own("HELD", 0), gate=GateMode.OFF)
    consult = story.accepted(CONSULT)
    answer = story.accepted(a.Answer(agent=AGENT, dialog_id="300"))
    story.hear(added(replace(placed("ACTIVE"), associated_dialog_uri=LINK), tag=answer))
    assert story.said(consult) == CONFIRMED


def test_the_id_of_a_hold_on_a_list_without_a_party_leaves_that_one_taken_off() -> None:
    # 4: who holds a call takes nobody off it
    story = Story(
        a_dialog(CALL, a_participant(), a_participant(CUSTOMER), a_participant("1002")),
        gate=GateMode.OFF,
    )
    drop = story.accepted(
        a.ParticipantDrop(agent=AGENT, dialog_id="100", target_media_address="1002")
    )
    hold = story.accepted(HOLD)
    story.hear(an_event(own("HELD", 3), tag=hold))
    assert story.said(drop) == CONFIRMED


def test_a_change_that_two_contested_is_no_others_when_the_id_of_one_is_told_elsewhere() -> None:
    # 4, 5: its own error names the other one then
    story = Story(own("ALERTING", 0), gate=GateMode.OFF)
    first, second = story.accepted(ANSWER), story.accepted(ANSWER)
    story.hear(an_event(own("ACTIVE", 2)))
    story.hear(an_event(own("ACTIVE", 2), tag=first, owner="agent2"))
    assert story.said(first) == BY_ID
    story.hear(an_error())
    story.wait(2.1)
    assert story.said(second) == ("failed", "sole_pending")


@pytest.mark.parametrize("by_error", [False, True])
def test_the_id_of_a_call_that_was_never_made_is_a_colleagues_alone(by_error: bool) -> None:  # noqa: FBT001  a case
    # 3: the colleague is on a call that came from this device
    story = Story(gate=GateMode.OFF)
    make = story.ask(a.MakeCall(agent=AGENT, to_address="1002"), id_="2")
    if by_error:
        story.accept(make)
        story.hear(an_error(tag="2", dialog_id=None))
    else:
        story.refuse(make)
    parties = (a_participant("1002", at=5), a_participant(EXT, at=5))
    call = a_dialog("300", *parties, from_address=EXT, to_address="1002")
    story.link_up(call, agent="agent2", user=a_user(login_id="agent2", extension="1002"))
    away = a.TransferSst(agent="agent2", dialog_id="300", to_address="1003")
    sst = story.accepted(away, id_="2", own="1002")
    left = (a_participant("1002", "DROPPED", at=9), a_participant(EXT, at=5))
    story.hear(removed(replace(call, participants=left), tag="2", owner="agent2"))
    story.wait(30)
    assert story.said(sst) == BY_ID


def test_an_end_is_not_given_back_for_an_older_state_that_a_colleague_hears_late() -> None:
    # 4: the HELD is another change than the DROPPED
    story = Story(own("ACTIVE", 0))
    hold = story.accepted(HOLD)
    story.hear(an_event(own("HELD", 2), tag=hold))
    drop = story.accepted(a.Drop(agent=AGENT, dialog_id="100"))
    story.hear(removed(own("DROPPED", 5)))
    story.hear(an_event(own("HELD", 2), tag=hold, owner="agent2"))
    story.wait(1.1)
    assert story.said(drop) == CONFIRMED


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


@pytest.mark.parametrize(
    "other", [a.ParticipantDrop(agent=AGENT, dialog_id="100", target_media_address="1002"), ANSWER]
)
def test_a_state_is_its_own_beside_the_id_of_one_that_asks_for_none_like_it(
    other: a.Request,
) -> None:
    # 4: who takes a party off, or answers, holds no call
    story = Story(own("ACTIVE", 0), gate=GateMode.OFF)
    hold, beside = story.accepted(HOLD), story.accepted(other)
    story.hear(an_event(own("HELD", 2), tag=beside))
    assert story.said(hold) == CONFIRMED


def test_a_suspect_that_fails_by_a_call_without_its_id_may_have_had_the_error() -> None:
    # 5: nobody is sole then
    story = Story(own("ACTIVE", 0), gate=GateMode.OFF)
    answer, consult = story.accepted(ANSWER), story.accepted(CONSULT)
    story.hear(an_error())
    story.hear(added(replace(placed("FAILED"), associated_dialog_uri=LINK)))
    assert story.said(consult) == ("failed", "expectation")
    story.wait(5)
    assert story.said(answer)[0] == "open"


def test_an_id_on_a_call_that_a_colleague_may_be_joining_is_ambiguous() -> None:
    # 3: he has two others, of which one is this call; nobody knows which of them he means
    story = Story(own("ACTIVE", 0, from_address="1002"), gate=GateMode.OFF)
    there = [
        a_dialog(id_, a_participant("1002", state, at=1), a_participant(far, at=1))
        for id_, state, far in (("300", "ACTIVE", OTHER), ("400", "HELD", "5550400"))
    ]
    shared = a_dialog("100", a_participant("1002", "HELD", at=1), a_participant(EXT, at=0))
    story.link_up(*there, shared, agent="agent2", user=a_user(login_id="agent2", extension="1002"))
    join = a.Transfer(agent="agent2", dialog_id="300")
    story.accepted(join, id_="5", own="1002")
    away = a.TransferSst(agent=AGENT, dialog_id="100", to_address="1003")
    sst = story.accepted(away, id_="5")
    story.hear(removed(own("DROPPED", 5), tag="5"))
    story.wait(5)
    assert story.said(sst)[0] != "confirmed"


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
        (CONSULT, "200", FAILED),
        (CONFERENCE, "300", FAILED),
        (MAKE_CALL, "200", FAILED),
        (MAKE_CALL, "100", ("open", None)),
        (a.Ready(agent=AGENT), "100", ("open", None)),
        (a.Ready(agent=AGENT), None, FAILED),
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


# -- what fits one without a start, and what does not ----------------------------------------------


def test_a_state_that_may_follow_from_a_request_is_not_what_it_asks_for() -> None:
    # 4, 6.9: READY was asked for before a restart; the agent talks, and NOT_READY is promised
    story = Story(user=a_user("TALKING", 3), gate=GateMode.OFF)
    before = Baseline(user=a_user("NOT_READY", 0))
    story.adopt(a.Ready(agent=AGENT), baseline=before, left=15.0)
    not_ready = story.accepted(a.NotReady(agent=AGENT))
    story.hear(a_user_event(a_user("TALKING", 3, pending_state="NOT_READY")))
    assert story.said(not_ready) == CONFIRMED


@pytest.mark.parametrize(
    ("was", "said"), [(None, ("unconfirmed", "ambiguous")), ("NOT_READY", CONFIRMED)]
)
def test_a_promised_state_fits_one_with_another_reason_as_well(
    was: str | None, said: tuple[str, str | None]
) -> None:
    # 6.9: the reason that is told is that of the state before; one that was sent later had it so
    story = Story(user=a_user("TALKING", 3, reason_code_id="7"), gate=GateMode.OFF)
    first = story.ask(a.NotReady(agent=AGENT))
    promised = a_user("TALKING", 3, pending_state="NOT_READY", reason_code_id="7")
    if was is not None:
        story.hear(a_user_event(promised))
    story.ask(a.NotReady(agent=AGENT, reason_code_id="50"))
    story.hear(a_user_event(replace(promised, team_name="x") if was else promised))
    story.accept(first)
    story.wait(25)
    assert story.said(first) == said


def test_a_state_fits_one_that_has_no_start_as_well() -> None:
    # 4: nothing was known of the agent when the first was announced
    story = Story(user=a_user("NOT_READY", 0), gate=GateMode.OFF)
    how = {"baseline": None, "gap": False, "left": 20.0}
    story.adopt(a.Ready(agent=AGENT), accepted=False, expected=True, **how)
    ready = story.accepted(a.Ready(agent=AGENT))
    story.hear(a_user_event(a_user("READY", 3)))
    story.wait(25)
    assert story.said(ready) == ("unconfirmed", "ambiguous")


def test_a_call_that_was_gone_at_sending_is_not_made_though_it_was_told_again_since() -> None:
    # 4: this process has taken the request over; the journalled start has not got that call
    call = replace(placed("ACTIVE", id_="300"))
    parties = tuple(replace(each, start_time=None) for each in call.participants)
    call = replace(call, participants=parties)
    story = Story(own("ACTIVE", 0), gate=GateMode.OFF)
    story.hear(added(call), removed(replace(call, state="DROPPED")))
    story.wait(5)
    again = added(replace(call, media_properties=replace(call.media_properties, dnis="x")))
    story.hear(again)
    start = Baseline(None, (own("ACTIVE", 0),), a_user())
    make = story.adopt(MAKE_CALL, baseline=start, left=10.0, age=3.0, gap=False)
    story.rehear(make, again)
    story.wait(20)
    assert story.said(make)[0] != "confirmed"


def test_a_promised_state_with_a_new_reason_is_not_contested_by_one_with_another() -> None:
    # 6.9: the state before had none, so that the reason told is the promised one's
    story = Story(user=a_user("TALKING", 3), gate=GateMode.OFF)
    story.ask(a.NotReady(agent=AGENT, reason_code_id="5"), expected=True)
    told = story.accepted(a.NotReady(agent=AGENT, reason_code_id="7"))
    promised = a_user("TALKING", 3, pending_state="NOT_READY", reason_code_id="7")
    story.hear(a_user_event(promised))
    assert story.said(told) == CONFIRMED


def test_a_party_who_was_never_listed_is_no_rival_of_a_state() -> None:
    story = Story(second_call(), gate=GateMode.OFF)
    story.ask(
        a.ParticipantDrop(agent=AGENT, dialog_id="100", target_media_address="1002"), expected=True
    )
    story.hear(added(own("ACTIVE", 2)))
    hold = story.accepted(HOLD)
    story.hear(an_event(own("HELD", 4)))
    assert story.said(hold) == CONFIRMED


def test_who_asks_for_a_call_that_is_known_to_be_gone_is_no_rival() -> None:
    # 4: the state was there before that one went out, and is told behind the call's end
    story = Story(own("HELD", 0), gate=GateMode.OFF)
    retrieve = story.accepted(a.Retrieve(agent=AGENT, dialog_id="100"))
    story.hear(removed(own("HELD", 0)))
    story.ask(ANSWER)
    story.hear(an_event(own("ACTIVE", 2)))
    assert story.said(retrieve) == CONFIRMED


# -- errors, and news that are told again ----------------------------------------------------------


def test_a_refusal_that_is_told_to_a_colleague_is_not_ours() -> None:
    # 3, 5: another client of his has that id, too
    story = Story()
    hold = story.accepted(HOLD, id_="2")
    story.hear(an_error(tag="2", owner="agent2"))
    assert story.said(hold)[0] == "open"


def test_an_error_that_came_again_with_its_item_is_a_repeat_with_a_new_one() -> None:
    # 4: Finesse publishes again
    story = Story()
    error = an_error()
    story.hear(error, content=7)
    story.wait(4)
    story.hear(error, content=7)
    story.wait(4)
    hold = story.accepted(HOLD)
    story.hear(an_error(), content=7)
    story.wait(3)
    assert story.said(hold)[0] == "open"


def test_an_error_behind_old_news_after_a_restart_names_nobody() -> None:
    # 4, 5: what was told to the process before is not known
    story = Story(live=False)
    story.adopt(a.Ready(agent=AGENT), baseline=None, left=1.0, accepted=False)
    story.link_up(a_dialog(), user=a_user("TALKING", 9))
    story.wait(30)
    hold = story.accepted(HOLD)
    story.hear(a_user_event(a_user("NOT_READY", 3)), an_error())
    story.wait(3)
    assert story.said(hold)[0] == "open"


# -- joins, and whose they are ---------------------------------------------------------------------


@pytest.mark.parametrize(("behind", "said"), [(0.4, "confirmed"), (5.0, "open")])
def test_the_clock_of_a_colleagues_node_may_be_a_little_behind(behind: float, said: str) -> None:
    # 4: one clock is compared with itself
    far = a_dialog("200", a_participant(at=10), a_participant(OTHER, at=10))
    story = Story(own("HELD", 10), far)
    transfer = story.accepted(a.Transfer(agent=AGENT, dialog_id="100"))
    parties = (a_participant(CUSTOMER, at=0), a_participant(OTHER, at=10 - behind))
    story.hear(an_event(a_dialog("100", *parties), owner="agent2"))
    assert story.said(transfer)[0] == said


def test_a_conference_is_known_by_its_id_behind_a_hold_that_was_announced_late() -> None:
    story = Story(own("ACTIVE", 0), second_call(), gate=GateMode.OFF)
    conference = story.accepted(CONFERENCE)
    story.hear(an_event(own("HELD", 2), tag="mine"))
    story.ask(HOLD, expected=True, id_="mine")
    story.hear(an_event(joined(), tag=conference))
    assert story.said(conference) == BY_ID


def test_a_join_that_one_made_by_its_id_on_the_other_calls_end_is_no_others() -> None:
    # 4: the first was abandoned; the survivor is told without an id behind that
    story = Story(own("HELD", 0), second_call("ACTIVE"), gate=GateMode.OFF)
    first = story.accepted(CONFERENCE)
    story.abandon(first)
    second = story.accepted(CONFERENCE)
    story.hear(removed(second_call("DROPPED", 5), tag=first), an_event(joined()))
    assert story.said(second)[0] == "open"
