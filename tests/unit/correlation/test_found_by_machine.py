"""What the state machine in tests/property found, each as a story of its own."""

from __future__ import annotations

import pytest

from listener.correlation.gate import GateMode
from listener.correlation.steps import AnswerKind
from listener.finesse.actions import Hold, Retrieve
from tests.builders import Story, an_error, an_event, own

HOLD = Hold(agent="agent1", dialog_id="100")
RETRIEVE = Retrieve(agent="agent1", dialog_id="100")


@pytest.mark.parametrize("kind", AnswerKind)
def test_a_second_answer_after_a_202_changes_nothing(kind: AnswerKind) -> None:
    # who reports what he sent may contradict himself; it was a missing cell of the table
    story = Story()
    key = story.ask(HOLD, expected=True)
    story.accept(key)
    story.answer(key, kind, status=400)
    assert story.said(key)[0] == "open"
    story.hear(an_event(own("HELD")))
    assert story.said(key) == ("confirmed", "expectation")


def test_an_error_published_again_after_a_gap_names_no_later_request() -> None:
    # a fail-over publishes again with new item ids; the refusal was the first request's
    story = Story()
    first = story.accepted(HOLD)
    story.hear(an_error(), content=7)
    story.wait(5)
    assert story.said(first) == ("failed", "sole_pending")
    story.link_down()
    story.wait(20)
    story.link_up(own("ACTIVE"))
    second = story.accepted(HOLD)
    story.hear(an_error(), content=7)
    story.wait(20)
    assert story.said(second) == ("unconfirmed", "ambiguous")


def test_one_change_seen_by_a_get_confirms_one_of_two_at_most() -> None:
    story = Story(gate=GateMode.OFF)
    keys = [story.accepted(HOLD), story.accepted(HOLD)]
    story.link_down()
    story.wait(1)
    story.link_up(own("HELD", at=5.0), asked=story.now)
    story.wait(30)
    assert [story.said(key) for key in keys] == [("unconfirmed", "ambiguous")] * 2


def test_what_is_heard_when_the_timer_is_late_came_before_what_time_lets_out() -> None:
    # the machine was busy: the first one's deadline and the event are seen in one go
    for event in (an_event(own("ACTIVE", 5)), an_error()):
        story = Story(own("HELD", 0))
        first, second = story.accepted(HOLD), story.ask(RETRIEVE, length=60.0)
        story.now += 21
        story.hear(event)
        assert story.said(first)[0] == "unconfirmed"
        assert story.sent == [first, second]
        story.accept(second)
        story.wait(5)
        assert story.said(second)[0] == "open", event
        story.hear(an_event(own("HELD", 6)), an_event(own("ACTIVE", 7)))
        assert story.said(second) == ("confirmed", "expectation")


def test_who_is_let_out_too_late_does_not_go_out_after_all() -> None:
    story = Story()
    first, second = story.accepted(HOLD), story.ask(RETRIEVE)
    story.now += 40
    story.hear(an_event())
    assert story.said(first) == ("unconfirmed", "deadline")
    assert story.said(second) == ("rejected", "expired_in_queue")
    assert story.sent == [first]
