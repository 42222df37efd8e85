"""What came while the program itself stood still is told before time counts (rules 5 and 7)."""

from __future__ import annotations

import pytest

from listener.finesse import actions as a
from tests.builders import CALL, Story, an_error, an_event, own

HOLD = a.Hold(agent="agent1", dialog_id=CALL)


def test_a_proof_that_lay_there_at_the_deadline_counts() -> None:
    story = Story()
    key = story.accepted(HOLD)
    story.asleep(60)
    story.hear(an_event(own("HELD", 1), tag=key))
    assert story.said(key) == ("confirmed", "request_id")
    story.awake()
    assert story.lates == []


@pytest.mark.parametrize("tagged", [True, False])
def test_a_sole_suspect_whose_proof_lay_there_has_not_failed(tagged: bool) -> None:  # noqa: FBT001
    story = Story()
    key = story.accepted(HOLD)
    story.hear(an_error())
    story.asleep(3)
    story.hear(an_event(own("HELD", 1), tag=key if tagged else None))
    story.awake()
    assert story.said(key)[0] == "confirmed"


def test_an_error_that_lay_there_has_its_own_two_seconds() -> None:
    story = Story()
    key = story.accepted(HOLD)
    story.asleep(4)
    story.hear(an_error())
    story.awake()
    assert story.said(key)[0] == "open"
    story.wait(2)
    assert story.said(key) == ("failed", "sole_pending")


def test_without_news_the_deadline_is_past_when_time_counts_again() -> None:
    story = Story()
    key = story.accepted(HOLD)
    story.asleep(60)
    assert story.said(key)[0] == "open"
    story.awake()
    assert story.said(key) == ("unconfirmed", "deadline")
    story.wait(0)
    story.hear(an_event(own("HELD", 1), tag=key))
    assert [late.key for late in story.lates] == [key]
