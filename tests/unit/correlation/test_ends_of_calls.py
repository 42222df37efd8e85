"""Ends of calls and of reservations: who ended them, and what takes an end back (2, 6.3, 6.8)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from listener.correlation.gate import GateMode
from listener.correlation.instants import instant
from listener.correlation.outcome import MinimumEvidence
from listener.correlation.picture import Baseline
from listener.finesse import actions as a
from listener.finesse.actions.request import Request
from listener.finesse.model import Dialog
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
    clock,
    own,
    placed,
    removed,
)
from tests.unit.correlation.given import (
    BY_ID,
    CONFIRMED,
    DROP,
    FAILED_SOLE,
    HOLD,
    ON_CALL,
    OTHER,
    SURVIVOR,
    THIRD_PARTY,
    TRANSFER,
    UPDATE_USER_X,
    call_with,
    valued,
)

PREVIEW = a_dialog(CALL, a_participant(EXT, "ACTIVE", 0))
CLOSE = a.PreviewClose(agent=AGENT, dialog_id=CALL)


def in_the_dark(request: Any = DROP) -> tuple[Story, str]:
    """Return a request without a baseline, whose 202 has a Date, and its story."""
    story = Story(live=False)
    story.link_up(user=a_user())
    key = story.ask(request)
    story.accept(key, date=instant(clock(10)))
    return story, key


def two_drops() -> tuple[Story, str, str]:
    """Return two DROPs of one call, whose DELETE fits both, and their story."""
    story = Story(gate=GateMode.OFF)
    first, second = story.accepted(DROP), story.accepted(DROP)
    story.hear(removed())
    story.wait(0.2)
    return story, first, second


def left_and_taken_in(**changes: Any) -> Dialog:
    """Return another call, which the agent has left, with the first one in it."""
    parties = (a_participant(state="DROPPED", at=3), a_participant(OTHER), a_participant(CUSTOMER))
    return a_dialog("200", *parties, secondary_id="100", **changes)


@pytest.mark.parametrize("event", [removed, an_event])
def test_the_end_of_wrap_up_is_no_drop(event: Callable[[Dialog], object]) -> None:
    # who is in wrap-up is off the call already; Finesse refuses, and then the time ends
    story = Story(own("WRAP_UP", 0))
    key = story.accepted(a.Drop(agent=AGENT, dialog_id=CALL))
    story.hear(event(own("DROPPED", 9)))
    story.wait(20)
    assert story.said(key)[0] == "unconfirmed"


def test_who_was_off_the_call_before_the_answer_was_not_dropped_by_the_request() -> None:
    story = Story()
    story.link_down()
    key = story.ask(a.Drop(agent=AGENT, dialog_id=CALL))
    story.accept(key, date=instant(clock(10)))
    story.link_up(own("WRAP_UP", 5), user=a_user(), asked=story.now - 1)
    story.hear(an_event(own("WRAP_UP", 5)), removed(own("DROPPED", 30)))
    story.wait(5)
    assert story.said(key)[0] == "unconfirmed"


def test_who_was_known_to_be_in_wrap_up_is_not_dropped_by_a_request_in_a_gap() -> None:
    # old news, but nobody comes back to a call
    story = Story(own("WRAP_UP", 0))
    story.link_down()
    key = story.ask(a.Drop(agent=AGENT, dialog_id=CALL))
    story.accept(key, date=instant(clock(10)))
    story.hear(removed(own("DROPPED", 30)))
    story.wait(5)
    assert story.said(key)[0] == "unconfirmed"


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


def test_our_id_on_values_that_were_there_counts_when_the_call_ends() -> None:
    story = Story(valued("y"))
    key = story.accepted(UPDATE_USER_X)
    story.hear(an_event(valued("y"), tag=key), removed(valued("y", "DROPPED", 1)))
    assert story.said(key)[0] == "open"  # an error with its id may come yet
    story.wait(2.1)
    assert story.said(key) == ("confirmed", "request_id")
    assert story.outcomes[key].changed is False


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


def test_the_end_of_a_call_before_it_came_back_is_no_drop() -> None:
    # 4, 6.3
    story = Story(own("ACTIVE", 10))
    drop = story.accepted(a.Drop(agent=AGENT, dialog_id="100"))
    story.hear(removed(own("DROPPED", 5)))
    story.wait(5)
    assert story.said(drop) == ("unconfirmed", "dialog_ended")


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


@pytest.mark.parametrize("minimum", list(MinimumEvidence))
def test_an_id_behind_the_end_that_it_made_is_told_soon(minimum: MinimumEvidence) -> None:
    # 3: the DELETE, and its PUT with our id behind it
    story = Story(own("ACTIVE", 0))
    drop = story.accepted(a.Drop(agent=AGENT, dialog_id="100"), minimum=minimum)
    story.hear(removed(own("DROPPED", 5)), an_event(own("DROPPED", 5), tag=drop))
    story.wait(1.1)
    assert story.said(drop)[0] == "confirmed"
    if minimum is MinimumEvidence.REQUEST_ID:
        assert story.said(drop)[1] == "request_id"


def test_an_id_behind_an_end_waits_for_who_may_have_taken_the_call_in() -> None:
    # 6.3
    story = Story(own("ACTIVE", 0))
    drop = story.accepted(a.Drop(agent=AGENT, dialog_id="100"), minimum=MinimumEvidence.REQUEST_ID)
    story.hear(removed(own("DROPPED", 5)))
    story.link_down()
    story.link_up(a_dialog("200"), user=a_user())
    story.hear(an_event(own("DROPPED", 5), tag=drop))
    story.wait(1.1)
    assert story.said(drop)[0] == "open"


@pytest.mark.parametrize("handed_over", ["handed over", ""])
def test_the_end_of_a_call_that_another_one_had_taken_in_is_no_news_of_a_drop_sent_since(
    handed_over: str,
) -> None:
    # 6.3, 7: who took it in is gone already; its own DELETE comes late, or not at all
    drop = a.Drop(agent=AGENT, dialog_id="100")
    story = Story(own("HELD", 0), call_with("200", OTHER))
    story.hear(an_event(left_and_taken_in()), removed(left_and_taken_in()))
    story.wait(2)
    if handed_over:
        baseline = Baseline(own("HELD", 0), (), a_user())
        key = story.adopt(drop, baseline=baseline, left=19.0, gap=False, age=1.0)
    else:
        key = story.accepted(drop)
    story.hear(removed(own("DROPPED", 3)))
    story.wait(30)
    assert story.said(key) == ("unconfirmed", "dialog_ended")


@pytest.mark.parametrize(("at", "known", "said"), [(5, 3, CONFIRMED), (2, 3, None), (5, 6, None)])
def test_a_drop_of_a_call_that_comes_back_after_it_was_sent_is_confirmed(
    at: int, known: int, said: tuple[str, str] | None
) -> None:
    # 4, 6.3: by Finesse's time the agent is on it later than who had taken it in was left, and
    # than all else that was known at sending
    story = Story(own("HELD", 0), call_with("200", OTHER), call_with("300", OTHER, at=known))
    story.hear(an_event(left_and_taken_in()), removed(left_and_taken_in()))
    story.wait(2)
    key = story.accepted(a.Drop(agent=AGENT, dialog_id="100"))
    story.hear(an_event(own("ACTIVE", at)), removed(own("DROPPED", 9)))
    story.wait(3)
    assert story.said(key) == (said or ("unconfirmed", "dialog_ended"))


def test_a_drop_of_a_call_that_is_heard_of_again_since_it_was_taken_in_is_confirmed() -> None:
    story = Story(own("HELD", 0), call_with("200", OTHER))
    story.hear(an_event(left_and_taken_in()), removed(left_and_taken_in()))
    story.wait(2)
    story.hear(an_event(own("ACTIVE", 5)))
    key = story.accepted(a.Drop(agent=AGENT, dialog_id="100"))
    story.hear(removed(own("DROPPED", 9)))
    story.wait(3)
    assert story.said(key) == ("confirmed", "expectation")


# -- old news --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("at", "said"), [(15, "open"), (25, "confirmed")])
def test_a_party_left_only_after_it_was_there(at: float, said: str) -> None:
    three = (a_participant(), a_participant(CUSTOMER), a_participant(THIRD_PARTY, at=20))
    story = Story(a_dialog(CALL, *three))
    key = story.accepted(a.ParticipantDrop(**ON_CALL, target_media_address=THIRD_PARTY))
    gone = a_dialog(CALL, *three[:2], a_participant(THIRD_PARTY, "DROPPED", at=at))
    story.hear(an_event(gone))
    assert story.said(key)[0] == said


@pytest.mark.parametrize(("at", "said"), [(-50, "open"), (102, "confirmed")])
def test_where_we_were_not_listed_only_a_time_after_finesses_answer_proves(
    at: float, said: str
) -> None:
    story = Story(a_dialog(CALL, a_participant(CUSTOMER)))
    key = story.ask(a.Retrieve(**ON_CALL))
    story.accept(key, date=instant(clock(100)))
    story.hear(an_event(own("HELD", -60)))  # old news is no start either
    story.hear(an_event(own("ACTIVE", at)))
    assert story.said(key)[0] == said


def test_where_we_were_not_listed_a_delete_proves_nothing_without_our_id() -> None:
    story = Story(a_dialog(CALL, a_participant(CUSTOMER)))
    key = story.accepted(a.Drop(**ON_CALL))
    story.hear(removed())
    story.wait(30)
    assert story.said(key) == ("unconfirmed", "dialog_ended")


# -- DROP ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("then", [[], [removed(own("DROPPED", 9.6))]], ids=["alone", "and gone"])
def test_our_id_on_the_own_participant_off_the_call_proves_a_drop(then: list[Any]) -> None:
    # 3, 6.3: the Date is that of the answer, which an event may overtake
    story, key = in_the_dark()
    story.hear(an_event(own("DROPPED", 9.6), tag=key), *then)
    assert story.said(key)[0] == "open"  # an error with our id may still follow
    story.wait(20)
    assert story.said(key) == ("confirmed", "request_id")


def test_an_error_with_our_id_may_follow_the_end_of_the_call() -> None:
    story, key = in_the_dark()
    story.hear(an_event(own("DROPPED", 9.6), tag=key), removed(own("DROPPED", 9.6)))
    story.wait(1)
    story.hear(an_error(tag=key))
    assert story.said(key) == ("failed", "request_id")


def test_a_delete_that_shows_us_on_the_call_takes_a_signed_end_back() -> None:
    story, key = in_the_dark()
    story.hear(an_event(own("DROPPED", 9.6), tag=key), removed(own("ACTIVE", 12)))
    story.wait(20)
    assert story.said(key) == ("unconfirmed", "dialog_ended")


def test_who_goes_on_on_the_survivor_was_not_dropped_though_our_id_was_on_it() -> None:
    story, key = in_the_dark()
    story.hear(an_event(own("DROPPED", 9.6), tag=key), added(SURVIVOR))
    story.wait(20)
    assert story.said(key)[0] == "unconfirmed"


def test_our_id_on_the_end_of_wrap_up_is_the_requests_own_change() -> None:
    # 4: the value differs, and its time is later
    story = Story(own("WRAP_UP", 0))
    key = story.accepted(DROP)
    story.hear(an_event(own("DROPPED", 3), tag=key))
    assert story.said(key) == ("confirmed", "request_id")


# -- contested -------------------------------------------------------------------------------------


def test_an_end_that_fitted_two_must_stand_for_its_second_when_one_is_refused() -> None:
    # 6.3: no own dialog names this one within 1 s
    story, first, second = two_drops()
    story.hear(an_error(tag=first))
    story.wait(0.7)
    assert story.said(second)[0] == "open"
    story.wait(0.2)
    assert story.said(second) == ("confirmed", "expectation")


def test_an_end_that_fitted_two_is_none_for_either_when_the_call_goes_on() -> None:
    story, first, second = two_drops()
    story.hear(added(SURVIVOR), an_error(tag=first))
    story.wait(20)
    assert story.said(second)[0] == "unconfirmed"


@pytest.mark.parametrize(("lost_after", "said"), [(0.3, "unconfirmed"), (1.0, "confirmed")])
def test_a_gap_takes_what_could_still_be_spoken_against(lost_after: float, said: str) -> None:
    # the survivor may be told in the gap; what stood for its second before it, stands
    story, first, second = two_drops()
    story.wait(lost_after)
    story.link_down()
    story.wait(0.5)
    story.link_up(SURVIVOR if said == "unconfirmed" else a_dialog("900"), user=a_user())
    story.hear(an_error(tag=first))
    story.wait(20)
    assert story.said(second)[0] == said


def test_an_end_that_waits_for_the_answer_is_none_when_the_call_goes_on() -> None:
    # 2, 6.3: it is held until Finesse has answered, and the survivor comes before that
    story = Story()
    key = story.ask(DROP)
    story.hear(removed(), added(SURVIVOR))
    story.accept(key)
    story.wait(20)
    assert story.said(key)[0] == "unconfirmed"


@pytest.mark.parametrize(("lost_after", "said"), [(0.5, "unconfirmed"), (1.0, "confirmed")])
def test_an_end_that_waits_for_the_answer_must_have_stood_for_its_second(
    lost_after: float, said: str
) -> None:
    story = Story()
    key = story.ask(DROP)
    story.hear(removed())
    story.wait(lost_after)
    story.link_down()
    story.accept(key)
    assert story.said(key)[0] == (said if said == "confirmed" else "open")
    story.wait(20)
    assert story.said(key)[0] == said


def test_a_contested_end_is_not_told_at_the_deadline_before_its_second_is_over() -> None:
    story = Story(gate=GateMode.OFF)
    first, second = (story.accepted(DROP, length=15.0) for _ in range(2))
    story.wait(14.5)
    story.hear(removed(), an_error(tag=first))
    story.wait(2)
    assert story.said(second)[0] == "unconfirmed"


def test_a_contested_end_of_a_preview_is_none_when_the_customers_call_appears() -> None:
    # 6.8: no customer call within 2 s
    offered = a_dialog(CALL, media={"call_type": "OUTBOUND_PREVIEW"})
    story = Story(offered, gate=GateMode.OFF)
    request = a.PreviewClose(agent=AGENT, dialog_id=CALL)
    first, second = story.accepted(request), story.accepted(request)
    story.hear(removed(offered))
    story.wait(0.5)
    story.hear(added(a_dialog("400")), an_error(tag=first))
    story.wait(20)
    assert story.said(second) == ("unconfirmed", "dialog_ended")


def test_the_end_of_wrap_up_closes_no_preview() -> None:
    # 6.8: there was no reservation any more
    story = Story(own("WRAP_UP", 0))
    key = story.accepted(a.PreviewClose(agent=AGENT, dialog_id=CALL))
    story.wait(1)
    story.hear(removed(own("DROPPED", 3)))
    story.wait(20)
    assert story.said(key) == ("unconfirmed", "dialog_ended")


@pytest.mark.parametrize("tagged", [True, False])
def test_an_end_that_is_told_again_does_not_begin_its_second_anew(
    tagged: bool,  # noqa: FBT001  a parameter of the test
) -> None:
    story = Story()
    key = story.accepted(DROP)
    tag = key if tagged else None
    story.hear(removed(tag=tag))
    story.wait(0.6)
    story.hear(removed(tag=tag))
    story.wait(0.4)
    assert story.said(key)[0] == "confirmed"


# -- a preview's end before its 202 (2, 6.8) -------------------------------------------------------


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


SENT_AWAY = a.TransferSst(agent=AGENT, dialog_id=CALL, to_address="5551")


@pytest.mark.parametrize(
    ("other", "asked", "by_id", "again", "said"),
    [
        (DROP, DROP, True, False, FAILED_SOLE),
        (SENT_AWAY, DROP, True, False, FAILED_SOLE),
        (DROP, SENT_AWAY, True, False, FAILED_SOLE),
        (DROP, DROP, False, False, ("unconfirmed", "ambiguous")),  # whose it is nobody knows
        (DROP, DROP, True, True, ("unconfirmed", "dialog_ended")),  # nor by whom it ended anew
        (TRANSFER, DROP, True, False, ("unconfirmed", "dialog_ended")),  # it may be dropped there
        (DROP, TRANSFER, True, False, ("unconfirmed", "dialog_ended")),  # the other call is there
    ],
)
def test_who_was_taken_off_by_anothers_id_was_not_taken_off_by_the_one_that_is_left(
    other: Request,
    asked: Request,
    by_id: bool,  # noqa: FBT001
    again: bool,  # noqa: FBT001
    said: tuple[str, str],
) -> None:
    # 3 to 5: a device leaves a call once; the one that did not was the one that was refused
    story = Story(gate=GateMode.OFF)
    first, key = story.accepted(other), story.accepted(asked)
    story.hear(an_error())
    story.wait(1.5)
    story.hear(removed(own("DROPPED", 2), tag=first if by_id else None))
    if again:
        story.wait(0.2)
        story.hear(removed(own("DROPPED", 3)))
    story.wait(20)
    assert story.said(key) == said


def test_an_id_that_two_have_names_nobody_who_is_left_by_our_leaving() -> None:
    story = Story(gate=GateMode.OFF)
    story.hear(an_event(own("ACTIVE", 0), tag="7"))
    first = story.accepted(DROP, id_="7")
    key = story.accepted(DROP)
    story.hear(an_error())
    story.wait(1.5)
    story.hear(removed(own("DROPPED", 2), tag="7"))
    story.wait(20)
    assert "failed" not in {story.said(each)[0] for each in (first, key)}
