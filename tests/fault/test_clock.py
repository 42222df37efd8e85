"""Clocks that differ, stand still or ring late: Finesse's is compared with itself alone."""

from __future__ import annotations

import pytest

from listener.correlation.instants import instant
from listener.finesse.actions import Hold
from tests.builders import Story, an_event, clock, own

HOLD = Hold(agent="agent1", dialog_id="100")


@pytest.mark.parametrize("ahead", [-30_000.0, 0.0, 20_000.0])
def test_finesses_clock_may_be_far_from_ours(ahead: float) -> None:
    base = 36_000 + ahead
    story = Story(own("ACTIVE", base))
    key = story.accepted(HOLD)
    story.hear(an_event(own("HELD", base - 1)))
    assert story.said(key)[0] == "open"
    story.hear(an_event(own("HELD", base + 0.001)))
    assert story.said(key) == ("confirmed", "expectation")


def test_finesses_clock_set_back_leaves_a_change_unproven_not_falsely_proven() -> None:
    story = Story(own("ACTIVE", 1000))
    key = story.accepted(HOLD)
    story.hear(an_event(own("HELD", 10)))
    story.wait(20)
    assert story.said(key) == ("unconfirmed", "deadline")


def test_two_times_that_are_equal_leave_it_to_the_value() -> None:
    story = Story(own("ACTIVE", 5))
    key = story.accepted(HOLD)
    story.hear(an_event(own("HELD", 5)))
    assert story.said(key) == ("confirmed", "expectation")


def test_a_date_of_finesse_is_compared_with_its_own_times_alone() -> None:
    story = Story(live=False)
    key = story.ask(HOLD)
    story.accept(key, date=instant(clock(7200)))
    story.hear(an_event(own("HELD", 7100)))
    assert story.said(key)[0] == "open"
    story.hear(an_event(own("HELD", 7201)))
    assert story.said(key) == ("confirmed", "expectation")


def test_a_timer_that_rings_late_decides_as_if_it_had_rung_in_time() -> None:
    story = Story()
    key = story.accepted(HOLD)
    story.now += 3600
    story.accept(key)
    assert story.said(key) == ("unconfirmed", "deadline")


def test_time_that_stands_still_settles_nothing() -> None:
    story = Story()
    key = story.accepted(HOLD)
    for second in range(50):
        story.hear(an_event(own("ACTIVE", second)))
        story.wait(0)
    assert story.said(key)[0] == "open"
