"""The event comes after the outcome: it is told as late and changes nothing."""

from __future__ import annotations

from listener.correlation.entry import MAX_LATE
from listener.finesse.actions import Drop, Hold
from tests.builders import Story, an_error, an_event, own

HOLD = Hold(agent="agent1", dialog_id="100")


def test_the_effect_after_the_deadline_is_late() -> None:
    story = Story()
    key = story.accepted(HOLD)
    story.wait(20)
    story.hear(an_event(own("HELD"), tag=key))
    assert story.said(key) == ("unconfirmed", "deadline")
    (late,) = story.lates
    assert (late.key, late.kind, late.dialog) == (key, "event", own("HELD"))


def test_an_error_after_the_deadline_is_late_with_its_errors() -> None:
    story = Story()
    key = story.accepted(HOLD)
    story.wait(20)
    story.hear(an_error("Too late", tag=key))
    (late,) = story.lates
    assert (late.kind, late.errors[0].error_message) == ("error", "Too late")


def test_the_effect_of_an_unconfirmed_request_by_its_id_is_late_and_confirms_no_next_one() -> None:
    story = Story()
    story.accepted(Drop(agent="agent1", dialog_id="100"))
    story.wait(20)
    second = story.accepted(Drop(agent="agent1", dialog_id="100"))
    story.hear(an_event(own("DROPPED", 1), tag="r1"))
    assert [late.key for late in story.lates] == ["r1"]
    story.wait(20)
    assert story.said(second) == ("unconfirmed", "dialog_ended")


def test_an_unsigned_error_just_after_a_confirmation_by_change_is_noted_as_possible() -> None:
    story = Story()
    key = story.accepted(HOLD)
    story.hear(an_event(own("HELD")), an_error())
    assert story.said(key) == ("confirmed", "expectation")
    assert [(late.key, late.kind) for late in story.lates] == [(key, "possible_error")]


def test_after_fifteen_minutes_nothing_is_late_any_more() -> None:
    story = Story()
    key = story.accepted(HOLD)
    story.wait(20 + 900)
    story.hear(an_event(own("HELD"), tag=key))
    assert story.lates == []
    assert story.correlator.entry(key) is None


def test_a_further_event_of_a_request_that_failed_by_id_is_no_news() -> None:
    story = Story()
    key = story.accepted(HOLD)
    story.hear(an_error(tag=key), an_event(own("ACTIVE", 2), tag=key))
    assert story.said(key) == ("failed", "request_id")
    assert story.lates == []


def test_an_event_with_the_id_of_a_request_that_failed_by_suspicion_is_told() -> None:
    story = Story()
    key = story.accepted(HOLD)
    story.hear(an_error())
    story.wait(2)
    assert story.said(key) == ("failed", "sole_pending")
    story.hear(an_event(own("HELD", 2), tag=key))
    assert [(late.key, late.kind) for late in story.lates] == [(key, "event")]


def test_of_what_comes_late_so_much_is_told_and_no_more() -> None:
    story = Story()
    key = story.accepted(HOLD)
    story.wait(20)
    for number in range(3 * MAX_LATE):
        story.hear(an_error(f"Error {number}", tag=key))
    assert [late.key for late in story.lates] == [key] * MAX_LATE
    other = story.accepted(Drop(agent="agent1", dialog_id="100"))
    story.wait(20)
    story.hear(an_error("Another's", tag=other))
    assert story.lates[-1].key == other
