"""A request counts as sent from the moment in which its first byte may leave, not from its turn.

In between it waits for the journal, a free connection or a login's turn (rules 1, 4, 5, 9).
"""

from __future__ import annotations

import pytest

from listener.correlation.gate import GateMode
from listener.correlation.outcome import Reason
from listener.correlation.pending import State
from listener.correlation.steps import AnswerKind
from listener.finesse import actions as a
from tests.builders import AGENT, CALL, Story, a_user, an_error, an_event, own, removed
from tests.unit.correlation.given import BY_ID, CONFIRMED, DROP, FAILED_SOLE, HOLD, RETRIEVE

CANCELLED = ("rejected", "cancelled")
EXPIRED = ("rejected", "expired_in_queue")
NOT_SENT = ("rejected", "not_sent")


def waiting(*dialogs, **how) -> Story:
    """Return a story in which what is sent leaves when it is told to."""
    return Story(*dialogs, leaving=False, gate=how.pop("gate", GateMode.OFF), **how)


def test_who_still_waits_for_a_connection_contests_no_change_of_another() -> None:
    story = waiting()
    first, second = story.ask(HOLD), story.ask(HOLD)
    story.leave(first)
    story.accept(first)
    story.hear(an_event(own("HELD")))
    assert story.said(first) == CONFIRMED
    assert (story.said(second)[0], story.correlator.state(second)) == ("open", State.QUEUED)


def test_who_has_left_contests_it() -> None:
    story = waiting()
    first, second = story.ask(HOLD), story.ask(HOLD)
    for key in (first, second):
        story.leave(key)
        story.accept(key)
    story.hear(an_event(own("HELD")))
    story.wait(25)
    assert story.said(first) == story.said(second) == ("unconfirmed", "ambiguous")


def test_who_still_waits_for_a_connection_owns_no_unsigned_error() -> None:
    story = waiting()
    sent, waits = story.ask(DROP), story.ask(HOLD)
    story.leave(sent)
    story.accept(sent)
    story.hear(an_error())
    story.leave(waits)
    story.accept(waits)
    story.wait(3)
    assert story.said(sent) == FAILED_SOLE
    assert story.said(waits)[0] == "open"


def test_a_change_between_turn_and_leaving_is_its_baseline_and_proves_nothing() -> None:
    story = waiting()
    key = story.ask(HOLD)
    story.wait(0.05)
    story.hear(an_event(own("HELD", 1)))
    story.leave(key)
    story.accept(key)
    story.hear(an_event(own("HELD", 1)))
    story.wait(18)
    story.look(own("HELD", 1))
    story.wait(10)
    assert story.said(key) == ("unconfirmed", "deadline")
    (warning,) = story.outcomes[key].warnings
    assert warning.code == "already_so"


def test_the_baseline_for_the_journal_is_what_is_known_now_until_it_leaves() -> None:
    story = waiting(gate=GateMode.QUEUE)
    key = story.ask(RETRIEVE)
    waits = story.ask(HOLD)
    first = story.correlator.baseline(key)
    story.hear(an_event(own("HELD", 1)))
    leaving = story.correlator.baseline(key)
    story.leave(key)
    assert first is not None
    assert leaving is not None
    assert story.correlator.baseline(key) == leaving
    assert story.correlator.baseline(waits) is None
    assert [each.dialog.participants[0].state for each in (first, leaving)] == ["ACTIVE", "HELD"]


@pytest.mark.parametrize("gap", [False, True])
def test_one_that_has_not_left_by_its_deadline_is_rejected(*, gap: bool) -> None:
    story = waiting(gate=GateMode.QUEUE)
    key, behind = story.ask(HOLD, length=3.0), story.ask(RETRIEVE)
    if gap:
        story.link_down()
    story.wait(3)
    assert story.said(key) == EXPIRED
    assert story.outcomes[key].sent is False
    assert story.sent == [key, behind]  # it held the device until then
    story.leave(key)
    assert story.correlator.state(key) is State.REJECTED


def test_one_that_would_leave_behind_its_deadline_is_rejected_though_nothing_was_due() -> None:
    # what lies in the sockets of a loop that stood still is heard first; it must not leave then
    story = waiting()
    key = story.ask(HOLD, length=3.0)
    story.asleep(4)
    story.leave(key)
    assert story.said(key) == EXPIRED


def test_one_that_is_given_up_before_it_leaves_is_rejected() -> None:
    story = waiting(gate=GateMode.QUEUE)
    key, other, behind = story.ask(HOLD), story.ask(HOLD, ungated=True), story.ask(RETRIEVE)
    story.abandon(key)
    story.abandon(other, Reason.SHUTDOWN)
    assert (story.said(key), story.said(other)) == (CANCELLED, ("rejected", "shutdown"))
    assert story.sent == [key, other, behind]
    story.leave(key)
    assert story.correlator.state(key) is State.REJECTED


def test_one_that_could_not_leave_is_rejected() -> None:
    story = waiting()
    key = story.ask(HOLD)
    story.answer(key, AnswerKind.NOT_SENT, detail="no free connection")
    assert story.said(key) == NOT_SENT
    (seen,) = story.outcomes[key].seen
    assert (seen.what, seen.detail) == ("not_sent", "no free connection")


@pytest.mark.parametrize(
    ("kind", "state"),
    [
        (AnswerKind.ACCEPTED, State.ACCEPTED),
        (AnswerKind.DOUBTFUL, State.IN_DOUBT),
        (AnswerKind.REFUSED, State.REJECTED),
    ],
)
def test_an_answer_shows_that_it_left(kind: AnswerKind, state: State) -> None:
    story = waiting()
    key = story.ask(HOLD)
    story.hear(an_event(own("HELD", 1)))
    story.answer(key, kind, status=202 if kind is AnswerKind.ACCEPTED else 400)
    assert story.correlator.state(key) is state
    story.wait(25)
    assert story.said(key)[0] != "confirmed"  # it was held before


def test_who_leaves_is_told_once_and_who_has_no_turn_leaves_not() -> None:
    story = waiting(gate=GateMode.QUEUE)
    key, behind = story.ask(HOLD), story.ask(RETRIEVE)
    story.leave(key)
    story.hear(an_event(own("HELD", 1)))
    story.leave(key)  # its baseline is not taken anew
    story.leave(behind)
    story.leave("nobody's")
    assert story.correlator.state(behind) is State.QUEUED
    story.answer(behind, AnswerKind.ACCEPTED, status=202)
    assert story.correlator.state(behind) is State.QUEUED
    story.accept(key)
    assert story.said(key) == CONFIRMED
    story.leave(behind)
    story.accept(behind)
    story.hear(an_event(own("ACTIVE", 2)))
    assert story.said(behind) == CONFIRMED


def test_a_link_that_is_lost_before_it_leaves_is_a_gap_from_then_on() -> None:
    story = waiting()
    key = story.ask(HOLD)
    story.link_down()
    story.wait(0.5)
    story.leave(key)
    assert story.outcomes == {}
    story.accept(key)
    story.wait(25)
    assert story.said(key) == ("unconfirmed", "link_lost")
    assert story.outcomes[key].window.gaps[0][0] == pytest.approx(0.5)


def test_its_id_before_it_leaves_is_somebody_elses() -> None:
    story = waiting()
    key = story.ask(HOLD)
    story.hear(an_event(own("HELD", 1), tag=key))
    story.leave(key)
    story.accept(key)
    story.hear(an_event(own("HELD", 2), tag=key))
    story.wait(25)
    assert story.said(key) != BY_ID


@pytest.mark.parametrize("event", [removed(tag="r1"), an_error(tag="r1")])
def test_its_id_behind_the_outcome_of_one_that_never_left_is_somebody_elses(event) -> None:
    story = waiting()
    key, other = story.ask(DROP), story.ask(HOLD)
    story.leave(other)
    story.accept(other)
    story.abandon(key)
    story.hear(event)
    assert (story.said(key), story.lates) == (CANCELLED, [])
    assert story.correlator.entry(other).unexplained


def test_the_later_of_two_updates_is_the_one_that_leaves_later() -> None:
    story = waiting()
    late, early = (
        story.ask(a.UpdateCallData(agent=AGENT, dialog_id=CALL, call_variables={"user.x": value}))
        for value in ("late", "early")
    )
    for key in (early, late):
        story.leave(key)
        story.accept(key)
    assert story.correlator.entry(early).case.superseded
    assert not story.correlator.entry(late).case.superseded


def test_who_is_let_past_a_busy_device_is_warned_of_that_and_of_what_is_so_when_it_leaves() -> None:
    story = waiting(own("HELD", 0), gate=GateMode.QUEUE, user=a_user())
    story.ask(RETRIEVE)
    key = story.ask(HOLD, ungated=True)
    story.leave(key)
    story.accept(key)
    codes = [warning.code for warning in story.correlator.entry(key).warnings]
    assert codes == ["already_so", "device_busy"]
