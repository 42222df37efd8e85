"""What was told before, or by others, and is no news now: each of these was once told wrongly."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from listener.correlation.gate import GateMode
from listener.correlation.outcome import Confirmed, Evidence
from listener.correlation.picture import BURST_WITHIN
from listener.finesse.actions import (
    Conference,
    ConsultCall,
    Hold,
    MakeCall,
    ParticipantDrop,
    PreviewClose,
    Ready,
    SendDtmf,
    SilentMonitor,
    TaskPause,
)
from listener.finesse.model import MediaProperties
from tests.builders import (
    AGENT,
    CALL,
    CUSTOMER,
    EXT,
    Story,
    a_dialog,
    a_participant,
    a_user,
    added,
    an_error,
    an_event,
    own,
    placed,
    removed,
)

if TYPE_CHECKING:
    from listener.finesse.model import Dialog

MAKE = MakeCall(agent=AGENT, from_address=EXT, to_address="5551")
WATCH = SilentMonitor(agent=AGENT, from_address=EXT, to_address="1002")
HOLD_NEW = Hold(agent=AGENT, dialog_id="200")
TASK = "151635_1_1"


# -- a call that is gone is none that is made now (4: published again; 6.1) --


def watching(state: str = "ACTIVE") -> Dialog:
    """Return the watch over a colleague."""
    parties = (a_participant(EXT, state, 1), a_participant("1002", state, 1))
    media = {"call_type": "SUPERVISOR_MONITOR"}
    return a_dialog("300", *parties, media=media, from_address=EXT, to_address="1002", state=state)


@pytest.mark.parametrize(
    ("request_", "call"), [(WATCH, watching()), (MAKE, placed("ACTIVE", id_="300"))]
)
def test_news_of_a_call_that_was_gone_at_sending_tells_of_no_new_one(
    request_: Any, call: Dialog
) -> None:
    story = Story(call)
    story.hear(removed(call))
    key = story.accepted(request_)
    story.hear(an_event(call))
    story.wait(20)
    assert story.said(key)[0] == "unconfirmed"


def test_what_a_call_was_heard_with_is_a_repeat_after_its_end_too() -> None:
    story = Story()
    story.hear(added(placed("ACTIVE")), content=7)
    story.hear(removed(placed("DROPPED")), content=8)
    assert not story.hear(an_event(placed("ACTIVE")), content=7)
    assert "200" not in story.correlator.picture(AGENT).dialogs


def test_a_call_that_comes_back_with_other_news_is_no_repeat() -> None:
    story = Story()
    story.hear(added(placed("ACTIVE")), content=7)
    story.hear(removed(placed("DROPPED")), content=8)
    assert story.hear(added(placed("ACTIVE")), content=9)
    assert "200" in story.correlator.picture(AGENT).dialogs


def test_contents_of_many_ended_calls_are_forgotten_the_oldest_first() -> None:
    story = Story()
    for number in range(70):
        story.hear(added(placed("ACTIVE", id_=str(number))), content=1000 + number)
        story.hear(removed(placed("DROPPED", id_=str(number))), content=2000 + number)
    picture = story.correlator.picture(AGENT)
    assert len(picture.removed) == len(picture.bygone) == 64
    assert story.hear(an_event(placed("ACTIVE", id_="0")), content=1000)


def test_a_call_of_an_announced_request_may_be_over_before_the_announcement() -> None:
    story = Story()
    call = placed("ACTIVE")
    story.hear(added(call, tag="theirs"), removed(call, tag="theirs"))
    key = story.ask(MAKE, id_="theirs", expected=True)
    assert story.said(key) == ("confirmed", "request_id")


# -- one change, and those to whom it was shown before (4) --


def test_a_call_that_nobody_reported_does_not_contest_what_is_done_to_it_later() -> None:
    story = Story(gate=GateMode.OFF)
    make = story.ask(MAKE, expected=True)
    story.hear(added(placed("ACTIVE")))
    hold = story.accepted(HOLD_NEW)
    held = replace(placed("ACTIVE"), participants=(a_participant(EXT, "HELD", 3),))
    story.hear(an_event(held))
    assert story.said(hold) == ("confirmed", "expectation")
    story.accept(make)
    assert story.said(make) == ("confirmed", "expectation")


def test_two_calls_to_one_number_contest_the_call_for_good_and_not_what_is_done_to_it() -> None:
    story = Story(gate=GateMode.OFF)
    first, second = story.accepted(MAKE), story.accepted(MAKE)
    story.hear(added(placed("ACTIVE")))
    hold = story.accepted(HOLD_NEW)
    held = replace(placed("ACTIVE"), participants=(a_participant(EXT, "HELD", 3),))
    story.hear(an_event(held))
    assert story.said(hold) == ("confirmed", "expectation")
    story.wait(20)
    assert story.said(first) == story.said(second) == ("unconfirmed", "ambiguous")


def parties(*others: str, state: str = "ACTIVE", at: float = 0) -> Dialog:
    """Return the call with those other parties."""
    return a_dialog(CALL, a_participant(EXT, state, at), *(a_participant(each) for each in others))


def test_a_party_that_is_gone_does_not_contest_a_later_hold() -> None:
    story = Story(parties(CUSTOMER, "1002"), gate=GateMode.OFF)
    drop = story.ask(
        ParticipantDrop(agent=AGENT, dialog_id=CALL, target_media_address="1002"), expected=True
    )
    story.hear(an_event(parties(CUSTOMER)))
    hold = story.accepted(Hold(agent=AGENT, dialog_id=CALL))
    story.hear(an_event(parties(CUSTOMER, state="HELD", at=2)))
    assert story.said(hold) == ("confirmed", "expectation")
    story.accept(drop)
    assert story.said(drop) == ("confirmed", "expectation")


def test_a_party_that_came_back_and_is_gone_again_contests_who_asks_for_it_then() -> None:
    story = Story(parties(CUSTOMER, "1002"), gate=GateMode.OFF)
    asked = ParticipantDrop(agent=AGENT, dialog_id=CALL, target_media_address="1002")
    story.ask(asked, expected=True)
    story.hear(an_event(parties(CUSTOMER)), an_event(parties(CUSTOMER, "1002")))
    drop = story.accepted(asked)
    hold = story.accepted(Hold(agent=AGENT, dialog_id=CALL))
    story.hear(an_event(parties(CUSTOMER, state="HELD", at=2)))
    story.wait(20)
    assert story.said(drop) == ("unconfirmed", "ambiguous")
    assert story.said(hold) == ("confirmed", "expectation")


def test_a_call_that_was_shown_before_does_not_contest_what_a_get_shows() -> None:
    story = Story(gate=GateMode.OFF)
    first, second = story.accepted(MAKE), story.accepted(MAKE)
    story.hear(added(placed("ACTIVE")))
    hold = story.accepted(HOLD_NEW)
    story.wait(17)
    held = replace(placed("ACTIVE"), participants=(a_participant(EXT, "HELD", 3),))
    for ask in [each for each in story.asks if each.key == hold]:
        story.look(held, ask=ask)
    assert story.said(hold) == ("confirmed", "snapshot")
    story.wait(20)
    assert story.said(first) == story.said(second) == ("unconfirmed", "ambiguous")


# -- errors on what no request of ours makes (5: open on that dialog) --


def test_an_error_on_a_task_is_no_new_calls() -> None:
    story = Story(gate=GateMode.OFF)
    call = story.accepted(MAKE)
    pause = story.accepted(TaskPause(agent=AGENT, dialog_id=TASK))
    story.hear(an_error("E_ARM", dialog_id=TASK))
    story.wait(2)
    assert story.said(pause) == ("failed", "sole_pending")
    assert story.said(call)[0] == "open"


@pytest.mark.parametrize(("earlier", "said"), [(True, "failed"), (False, "open")])
def test_a_call_that_was_spoken_of_before_is_none_that_is_made_later(
    earlier: bool,  # noqa: FBT001  a parameter of the test
    said: str,
) -> None:
    story = Story(gate=GateMode.OFF, live=False)
    first, second = (HOLD_NEW, MAKE) if earlier else (MAKE, HOLD_NEW)
    one = story.accepted(first)
    story.wait(1)
    other = story.accepted(second)
    story.link_up(a_dialog(), user=a_user())
    story.hear(an_error(dialog_id="200"))
    story.wait(2)
    assert story.said(one if earlier else other)[0] == said


def test_an_error_on_another_call_is_none_of_a_closed_reservation() -> None:
    story = Story(gate=GateMode.OFF)
    close = story.accepted(PreviewClose(agent=AGENT, dialog_id=CALL))
    hold = story.accepted(HOLD_NEW)
    story.hear(an_error(dialog_id="200"))
    story.wait(2)
    assert story.said(hold) == ("failed", "sole_pending")
    assert story.said(close)[0] == "open"


def test_a_call_from_this_device_may_not_be_the_call_that_a_task_is_about() -> None:
    story = Story(gate=GateMode.OFF)
    story.accepted(TaskPause(agent=AGENT, dialog_id="200"))
    make = story.accepted(MAKE)
    story.hear(added(placed("INITIATING"), tag=make))
    story.hear(an_error(dialog_id="200"))  # it became the request's own all the same
    story.wait(2)
    assert story.said(make) == ("unconfirmed", "ambiguous") or story.said(make)[0] == "open"


def test_digits_are_not_presumed_after_an_error_without_a_source() -> None:
    story = Story()
    key = story.accepted(SendDtmf(agent=AGENT, dialog_id=CALL, dtmf_string="1"))
    story.hear(an_error(dialog_id=None))
    story.wait(10)
    assert story.said(key) == ("unconfirmed", "ambiguous")


def test_digits_are_not_presumed_where_an_error_was_read_before_the_calls_were_joined() -> None:
    consult = a_dialog("200", a_participant(), a_participant("1002"))
    story = Story(own("HELD", 0), consult, gate=GateMode.OFF)
    key = story.accepted(SendDtmf(agent=AGENT, dialog_id="200", dtmf_string="1"))
    other = story.accepted(Conference(agent=AGENT, dialog_id=CALL))
    story.hear(an_error(dialog_id=CALL))
    both = (a_participant(CUSTOMER), a_participant("1002"))
    joined = a_dialog(CALL, a_participant(EXT, "ACTIVE", 2), *both, secondary_id="200")
    story.hear(an_event(joined, tag=other))
    story.wait(10)
    assert story.said(key) == ("unconfirmed", "ambiguous")


# -- a consult says on which call it was started (6.1) --


def test_a_consult_of_another_call_is_not_this_ones() -> None:
    second = a_dialog("200", a_participant(), a_participant("1002"))
    story = Story(own("HELD", 0), second, gate=GateMode.OFF)
    wish = {"agent": AGENT, "to_address": "5551"}
    here = story.accepted(ConsultCall(dialog_id=CALL, **wish))
    there = story.accepted(ConsultCall(dialog_id="200", **wish))
    story.hear(an_error("INVALID_ACTION CONSULT_CALL on extension 1001", dialog_id=CALL))
    link = {"associated_dialog_uri": "/finesse/api/Dialog/200"}
    consult = {"media_properties": MediaProperties(call_type="CONSULT"), **link}
    story.hear(added(placed("ACTIVE", id_="300", **consult)))
    assert story.said(there) == ("confirmed", "expectation")
    story.wait(2)
    assert story.said(here) == ("failed", "sole_pending")


def test_a_consult_with_our_id_is_ours_whatever_it_is_linked_to() -> None:
    story = Story()
    key = story.accepted(ConsultCall(agent=AGENT, dialog_id=CALL, to_address="5551"))
    link = {"associated_dialog_uri": "/finesse/api/Dialog/200"}
    story.hear(added(placed("ACTIVE", id_="300", **link), tag=key))
    assert story.said(key) == ("confirmed", "request_id")


# -- a fence has its time (6.6, 7) --


@pytest.mark.parametrize(
    ("after", "said"), [(1.9, ("presumed", None)), (2.1, ("unconfirmed", "link_lost"))]
)
def test_a_pings_answer_counts_within_its_two_seconds(
    after: float, said: tuple[str, str | None]
) -> None:
    story = Story(fences=None)
    key = story.accepted(SendDtmf(agent=AGENT, dialog_id=CALL, dtmf_string="1"))
    story.wait(5.3)
    story.now += after  # the timer has not rung yet
    story.fence(key, passed=True)
    assert story.said(key) == said


# -- a preview's end before its 202 (2, 6.8) --

PREVIEW = a_dialog(CALL, a_participant(EXT, "ACTIVE", 0))
CLOSE = PreviewClose(agent=AGENT, dialog_id=CALL)


@pytest.mark.parametrize(
    ("between", "said"),
    [
        (0.5, ("confirmed", "expectation")),
        (3.0, ("confirmed", "expectation")),
        (3.5, ("unconfirmed", "dialog_ended")),
    ],
)
def test_a_reservations_end_counts_if_the_202_comes_within_three_seconds(
    between: float, said: tuple[str, str]
) -> None:
    story = Story(PREVIEW)
    key = story.ask(CLOSE)
    story.hear(removed(PREVIEW))
    story.wait(between)
    story.accept(key)
    story.wait(2)
    assert story.said(key) == said


def test_a_reservations_end_counts_for_nothing_without_a_202() -> None:
    story = Story(PREVIEW)
    key = story.ask(CLOSE)
    story.hear(removed(PREVIEW))
    story.doubt(key)
    story.wait(20)
    assert story.said(key) == ("unconfirmed", "dialog_ended")


def test_a_customers_call_before_the_202_says_that_the_reservation_was_taken() -> None:
    story = Story(PREVIEW)
    key = story.ask(CLOSE)
    story.hear(removed(PREVIEW), added(placed("INITIATED")))
    story.accept(key)
    story.wait(2)
    assert story.said(key) == ("unconfirmed", "dialog_ended")


@pytest.mark.parametrize("early", [True, False])
def test_news_behind_the_end_that_the_reservation_was_accepted_takes_it_back(
    early: bool,  # noqa: FBT001  a parameter of the test
) -> None:
    story = Story(PREVIEW)
    key = story.ask(CLOSE) if early else story.accepted(CLOSE)
    taken = a_dialog(CALL, a_participant(EXT, "ACCEPTED", 1))
    story.hear(removed(PREVIEW), an_event(taken))
    if early:
        story.accept(key)
    story.wait(2)
    assert story.said(key) == ("unconfirmed", "dialog_ended")


# -- what an earlier process heard may be published again (4) --


@pytest.mark.parametrize(("since", "said"), [(1.0, "unconfirmed"), (BURST_WITHIN + 1, "failed")])
def test_an_unsigned_error_soon_after_a_restart_may_be_one_that_was_heard_before(
    since: float, said: str
) -> None:
    story = Story(live=False)
    told = Confirmed(evidence=Evidence.REQUEST_ID)
    story.remember(Ready(agent=AGENT), told, age=60.0, settled_ago=50.0, left=0.0)
    story.link_up(a_dialog(), user=a_user())
    story.wait(since)
    key = story.accepted(Hold(agent=AGENT, dialog_id=CALL))
    story.hear(an_error())
    story.wait(30)
    assert story.said(key)[0] == said


def test_a_hand_over_to_a_process_that_hears_already_forgets_nothing() -> None:
    story = Story()
    told = Confirmed(evidence=Evidence.REQUEST_ID)
    story.remember(Ready(agent=AGENT), told, age=60.0, settled_ago=50.0, left=0.0)
    key = story.accepted(Hold(agent=AGENT, dialog_id=CALL))
    story.hear(an_error())
    story.wait(2)
    assert story.said(key) == ("failed", "sole_pending")


def test_an_error_without_a_source_clouds_an_adopted_call_request() -> None:
    story = Story()
    was = story.correlator.picture(AGENT).baseline(CALL)
    key = story.adopt(
        SendDtmf(agent=AGENT, dialog_id=CALL, dtmf_string="1"), baseline=was, left=5.3, gap=False
    )
    story.rehear(key, an_error(dialog_id=None))
    story.wait(10)
    assert story.said(key) == ("unconfirmed", "ambiguous")
