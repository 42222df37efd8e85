"""Finesse says a thing twice: the same item again, or the same content under a new item."""

from __future__ import annotations

import pytest

from listener.finesse.actions import Hold, Retrieve, UpdateCallData
from tests.builders import Story, a_dialog, a_user, an_error, an_event, own

HOLD = Hold(agent="agent1", dialog_id="100")


@pytest.mark.parametrize("how", ["same item", "same content"])
def test_a_repeat_confirms_no_second_request(how: str) -> None:
    story = Story()
    first, second = story.accepted(HOLD), story.ask(HOLD)
    item = "7" if how == "same item" else None
    story.hear(an_event(own("HELD"), item=item), content=1)
    assert story.said(first) == ("confirmed", "expectation")
    story.accept(second)
    assert not story.hear(an_event(own("HELD"), item=item), content=1)
    assert story.said(second)[0] == "open"


def test_a_repeated_tagged_event_is_said_once() -> None:
    story = Story()
    key = story.accepted(HOLD)
    for _ in range(3):
        story.hear(an_event(own("HELD"), tag=key), content=1)
    assert story.order == [key]
    assert story.lates == []


def test_a_tagged_error_that_comes_again_is_late_and_fails_nobody_else() -> None:
    story = Story()
    first, second = story.accepted(HOLD), story.ask(HOLD)
    story.hear(an_error(tag=first), content=1)
    story.accept(second)
    story.hear(an_error(tag=first), content=1)
    story.wait(5)
    assert story.said(second)[0] == "open"
    assert [late.kind for late in story.lates] == ["error"]


def test_an_unsigned_error_that_comes_again_names_no_later_request() -> None:
    story = Story()
    first, second = story.accepted(HOLD), story.ask(HOLD)
    story.hear(an_error(), content=1)
    story.wait(2)
    assert story.said(first) == ("failed", "sole_pending")
    story.accept(second)
    story.hear(an_error(), content=1)
    story.wait(20)
    assert story.said(second) == ("unconfirmed", "ambiguous")


def test_states_that_are_published_again_after_a_fail_over_move_nothing_back() -> None:
    story = Story()
    story.hear(an_event(own("HELD", 1)), content=1)
    story.hear(an_event(own("ACTIVE", 2)), content=2)
    story.link_down()
    story.wait(3)
    story.link_up(own("ACTIVE", 2), user=a_user())
    hold = story.accepted(HOLD)
    story.hear(an_event(own("HELD", 1)), content=1)
    story.hear(an_event(own("HELD", 1)), content=3)
    assert story.said(hold)[0] == "open"
    story.hear(an_event(own("HELD", 9)), content=4)
    assert story.said(hold) == ("confirmed", "expectation")


def test_a_copy_a_moment_later_with_another_between_proves_nothing() -> None:
    story = Story(a_dialog(variables={"callVariable1": "x"}))
    story.hear(an_event(a_dialog(variables={"callVariable1": "y"})), content=1)
    story.hear(an_event(a_dialog(variables={"callVariable1": "z"})), content=2)
    request = UpdateCallData(agent="agent1", dialog_id="100", call_variables={"callVariable1": "y"})
    key = story.accepted(request)
    story.hear(an_event(a_dialog(variables={"callVariable1": "y"})), content=1)
    assert story.said(key)[0] == "open"


def test_a_copy_does_not_hide_the_next_change() -> None:
    story = Story()
    key = story.accepted(HOLD)
    story.hear(an_event(own("HELD", 1)), content=1)
    story.hear(an_event(own("HELD", 1)), content=1)
    back = story.accepted(Retrieve(agent="agent1", dialog_id="100"))
    story.hear(an_event(own("ACTIVE", 2)), content=2)
    assert story.said(key) == story.said(back) == ("confirmed", "expectation")
