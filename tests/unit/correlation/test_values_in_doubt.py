"""Rules of evidence 4 and 6.7: call data while nobody knows which of the contents told is so."""

from __future__ import annotations

import pytest

from listener.correlation.values import MAX_VALUES
from listener.finesse import actions as a
from listener.finesse.model import Dialog
from tests.builders import AGENT, CALL, Story, a_user, an_event, own, removed
from tests.unit.correlation.given import UPDATE_USER_X, valued

CONTENTS = {"u": 11, "x": 12}


def in_doubt(*before: str, then: float = 20) -> Story:
    """Return a story of a call that was shown with u and then x, and with both again."""
    story = Story(valued("w"))
    for content, value in enumerate(before, 1000):
        story.hear(an_event(valued(value)), content=content)
    tell_again(story)
    story.wait(then)
    return story


def tell_again(story: Story, at: float = 0.0) -> None:
    for value, later in (("u", 5), ("x", 1), ("u", 0), ("x", 0)):
        story.hear(an_event(valued(value, at=at)), content=CONTENTS[value] + int(at))
        story.wait(later)
    assert story.correlator.picture(AGENT).in_doubt(CALL)


def update(value: str) -> a.UpdateCallData:
    return a.UpdateCallData(agent=AGENT, dialog_id=CALL, call_variables={"user.x": value})


def test_a_value_that_was_never_told_is_a_change_whichever_was_so_before() -> None:
    story = in_doubt()
    key = story.accepted(UPDATE_USER_X)
    story.hear(an_event(valued("y")), content=21)
    assert story.said(key) == ("confirmed", "expectation")


@pytest.mark.parametrize("told", ["w", "u", "x"])
def test_a_value_that_was_told_before_may_have_been_so(told: str) -> None:
    story = in_doubt()
    key = story.accepted(update(told))
    story.hear(an_event(valued(told, at=2)), content=21)
    assert story.said(key)[0] == "open"


def test_what_was_never_told_may_have_been_missed_while_old_contents_are_published() -> None:
    story = in_doubt(then=8)
    key = story.accepted(UPDATE_USER_X)
    story.hear(an_event(valued("y")), content=21)
    assert story.said(key)[0] == "open"
    story.wait(3)
    story.hear(an_event(valued("y", at=2)), content=22)
    assert story.said(key) == ("confirmed", "expectation")


def test_what_was_never_told_may_have_been_missed_in_a_gap() -> None:
    story = in_doubt()
    key = story.accepted(UPDATE_USER_X)
    story.link_down()
    story.wait(1)
    story.link_up(valued("x"), user=a_user())
    story.hear(an_event(valued("y")), content=21)
    assert story.said(key)[0] == "open"


def test_a_value_that_a_colleague_was_told_may_have_been_so() -> None:
    story = in_doubt()
    story.hear(an_event(valued("y"), owner="agent2"), content=21)
    key = story.accepted(UPDATE_USER_X)
    story.hear(an_event(valued("y", at=2)), content=22)
    assert story.said(key)[0] == "open"


def test_a_value_that_a_colleague_may_have_been_told_who_left_may_have_been_so() -> None:
    story = in_doubt()
    story.hear(an_event(valued("y"), owner="agent2"), content=21)
    story.hear(removed(valued("x"), owner="agent2"), content=22)
    key = story.accepted(UPDATE_USER_X)
    story.hear(an_event(valued("y", at=2)), content=23)
    assert story.said(key)[0] == "open"


def test_an_empty_value_may_have_been_so_untold() -> None:
    story = in_doubt()
    key = story.accepted(update(""))
    story.hear(an_event(valued("", at=2)), content=21)
    assert story.said(key)[0] == "open"


def test_a_value_that_is_shown_cut_may_have_been_so() -> None:
    # 6.7: nobody knows by whom it was cut
    story = in_doubt()
    key = story.accepted(update("yes"))
    story.hear(an_event(valued("ye", at=2)), content=21)
    assert story.said(key)[0] == "open"


def test_of_more_values_than_are_remembered_any_may_have_been_so() -> None:
    story = in_doubt(*(f"v{i}" for i in range(MAX_VALUES)))
    key = story.accepted(UPDATE_USER_X)
    story.hear(an_event(valued("y")), content=21)
    assert story.said(key)[0] == "open"


def test_what_a_call_that_came_back_was_told_with_before_is_not_known() -> None:
    story = in_doubt()
    story.hear(removed(own("DROPPED")), content=21)
    story.wait(20)
    tell_again(story, at=2.0)
    story.wait(20)
    key = story.accepted(UPDATE_USER_X)
    story.hear(an_event(valued("y", at=2)), content=22)
    assert story.said(key)[0] == "open"


def test_what_a_call_was_told_with_that_became_another_one_is_not_that_ones() -> None:
    story = in_doubt()
    story.hear(an_event(valued("z", id_="200")), content=21)
    key = story.accepted(UPDATE_USER_X)
    story.hear(an_event(valued("y", id_="200", secondary_id=CALL, at=2)), content=22)
    assert story.said(key)[0] == "open"


@pytest.mark.parametrize("items", [False, True])
@pytest.mark.parametrize(("asked", "said"), [("u", "open"), ("y", "confirmed")])
def test_a_wrap_up_that_was_told_before_may_have_been_so_and_no_other(
    asked: str,
    said: str,
    *,
    items: bool,
) -> None:
    # one of several items that was never told is enough: they were not all there
    def shown(reason: str, at: float = 0.0) -> Dialog:
        media = {"wrap_up_items": ("w", reason)} if items else {"wrap_up_reason": reason}
        return own("ACTIVE", at, media=media)

    story = Story(shown("w"))
    for reason, later in (("u", 5), ("x", 1), ("u", 0), ("x", 20)):
        story.hear(an_event(shown(reason)), content=CONTENTS[reason])
        story.wait(later)
    assert story.correlator.picture(AGENT).in_doubt(CALL)
    wanted = {"wrap_up_items": ("w", asked)} if items else {"wrap_up_reason": asked}
    key = story.accepted(a.UpdateCallData(agent=AGENT, dialog_id=CALL, **wanted))
    story.hear(an_event(shown(asked, at=2)), content=21)
    assert story.said(key)[0] == said
