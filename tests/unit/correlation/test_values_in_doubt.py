"""Rules of evidence 4 and 6.7: call data while nobody knows which of the contents told is so."""

from __future__ import annotations

from dataclasses import replace

import pytest

from listener.correlation.values import MAX_VALUES
from listener.finesse import actions as a
from listener.finesse.model import CallVariable, Dialog, ScheduledCallbackInfo
from tests.builders import (
    AGENT,
    CALL,
    Story,
    a_dialog,
    a_participant,
    a_user,
    an_event,
    own,
    removed,
)
from tests.unit.correlation.given import BY_ID, CONFIRMED, HOLD, UPDATE_USER_X, valued

CONTENTS = {"u": 11, "x": 12}

ASKED = {
    "RECLASSIFY": a.Reclassify(agent=AGENT, dialog_id=CALL, outbound_classification="FAX"),
    "UPDATE_SCHEDULED_CALLBACK": a.UpdateScheduledCallback(
        agent=AGENT, dialog_id=CALL, callback_time="later"
    ),
    "CANCEL_SCHEDULED_CALLBACK": a.CancelScheduledCallback(agent=AGENT, dialog_id=CALL),
    "UPDATE_CALL_DATA": a.UpdateCallData(
        agent=AGENT, dialog_id=CALL, call_variables={"user.x": "c"}
    ),
}
DONE = {
    "RECLASSIFY": ("FAX", "soon", "a"),
    "UPDATE_SCHEDULED_CALLBACK": ("VOICE", "later", "a"),
    "CANCEL_SCHEDULED_CALLBACK": ("VOICE", None, "a"),
    "UPDATE_CALL_DATA": ("VOICE", "soon", "c"),
}
BEFORE = ("VOICE", "soon", "a")


def campaign(
    data: tuple[str, str | None, str], at: float = 0.0, other: float = 0.0, state: str = "ACTIVE"
) -> Dialog:
    """Return a campaign's call of two agents with these data; each party's state has its time."""
    kind, time, value = data
    variables = (CallVariable("BAResponse", kind), CallVariable("user.x", value))
    parties = (
        a_participant(state="HELD" if at else "ACTIVE", at=at),
        a_participant("1002", state, other),
    )
    info = ScheduledCallbackInfo(callback_time=time) if time else None
    media = {"call_variables": variables}
    return a_dialog(CALL, *parties, media=media, scheduled_callback_info=info)


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
    assert CALL in story.correlator.picture(AGENT).in_doubt()


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
    assert CALL in story.correlator.picture(AGENT).in_doubt()
    wanted = {"wrap_up_items": ("w", asked)} if items else {"wrap_up_reason": asked}
    key = story.accepted(a.UpdateCallData(agent=AGENT, dialog_id=CALL, **wanted))
    story.hear(an_event(shown(asked, at=2)), content=21)
    assert story.said(key)[0] == said


@pytest.mark.parametrize("action", ASKED)
@pytest.mark.parametrize("tagged", [False, True])
def test_what_an_old_content_does_not_show_may_have_been_so_all_the_same(
    action: str, *, tagged: bool
) -> None:
    # 4: told again, a moment later, is how it was at first; then the phone is at work
    story = Story(campaign(BEFORE))
    for content, data in ((1, BEFORE), (2, DONE[action]), (1, BEFORE)):
        story.hear(an_event(campaign(data)), content=content)
    key = story.accepted(ASKED[action])
    story.hear(an_event(campaign(DONE[action], at=3), tag=key if tagged else None), content=3)
    assert story.said(key) == (BY_ID if tagged else ("open", None))


@pytest.mark.parametrize("action", ASKED)
@pytest.mark.parametrize("ahead", [0.0, 1.0, 2.0])
def test_of_data_told_by_two_nodes_within_their_clocks_difference_either_may_be_the_later(
    action: str, ahead: float
) -> None:
    # 4: another client wrote, and the other agent held the call, behind what we did
    story = Story(campaign(BEFORE))
    hold = story.accepted(HOLD)
    story.hear(an_event(campaign(BEFORE, at=2 + ahead), tag=hold, owner="agent2"))
    assert story.said(hold) == BY_ID
    story.hear(an_event(campaign(DONE[action], at=2, other=2.5, state="HELD")))
    key = story.accepted(ASKED[action])
    story.hear(an_event(campaign(DONE[action], at=8, other=2.5, state="HELD")))
    assert story.said(key)[0] == "open"


@pytest.mark.parametrize("value", ["never told", "c"])
def test_data_of_two_nodes_are_in_doubt_until_the_own_ones_word_is_the_later(value: str) -> None:
    story = Story(campaign(BEFORE))
    hold = story.accepted(HOLD)
    story.hear(an_event(campaign(BEFORE, at=3), tag=hold, owner="agent2"))
    story.hear(an_event(campaign(DONE["UPDATE_CALL_DATA"], at=2)))
    story.hear(an_event(campaign(DONE["UPDATE_CALL_DATA"], at=2, other=1)))
    picture = story.correlator.picture(AGENT)
    assert CALL in picture.in_doubt()
    if value == "c":
        story.hear(an_event(campaign(BEFORE, at=3.5, other=1)))
        assert CALL not in picture.in_doubt()
    key = story.accepted(update(value))
    story.hear(an_event(campaign(("VOICE", "soon", value), at=8, other=1)))
    assert story.said(key) == CONFIRMED


@pytest.mark.parametrize("behind", [0.5, 2.0, 2.5])
def test_a_value_that_a_colleagues_node_told_first_by_a_clock_behind_may_have_been_so(
    behind: float,
) -> None:
    # 4: it was set by the first request when the second one left; the own node is slower
    story = Story(campaign(BEFORE, at=3))
    first = story.accepted(update("c"))
    done = DONE["UPDATE_CALL_DATA"]
    story.hear(an_event(campaign(done, at=3 - behind), tag=first, owner="agent2"))
    second = story.accepted(update("c"))
    story.hear(an_event(campaign(done, at=3), tag=first))
    assert story.said(first) == BY_ID
    assert story.said(second)[0] == ("open" if behind <= 2 else "confirmed")


@pytest.mark.parametrize("there", [0.0, 0.5, 1.0, 1.5, 2.0, 3.0])
@pytest.mark.parametrize("action", ["RECLASSIFY", "UPDATE_CALL_DATA"])
def test_what_the_own_node_tells_behind_a_colleagues_may_be_how_it_was_before(
    action: str, there: float
) -> None:
    # 4: the colleague held the call, then we wrote; now we write back, and the own node is slower
    back = {
        "RECLASSIFY": a.Reclassify(agent=AGENT, dialog_id=CALL, outbound_classification="VOICE"),
        "UPDATE_CALL_DATA": update("a"),
    }
    story = Story(campaign(BEFORE))
    done = DONE[action]
    first = story.accepted(ASKED[action])
    story.hear(an_event(campaign(done, other=there, state="HELD"), tag=first, owner="agent2"))
    assert story.said(first) == BY_ID
    key = story.accepted(back[action])
    story.hear(an_event(campaign(BEFORE, other=1, state="HELD")))
    assert story.said(key)[0] == "open"


@pytest.mark.parametrize(("caught_up", "at"), [(True, 1.0), (False, 5.0), (False, 1.0)])
def test_the_own_node_has_caught_up_once_it_tells_the_same_data_or_a_later_state(
    at: float, *, caught_up: bool
) -> None:
    story = Story(campaign(BEFORE))
    first = story.accepted(update("c"))
    done = DONE["UPDATE_CALL_DATA"]
    story.hear(an_event(campaign(done, other=1, state="HELD"), tag=first, owner="agent2"))
    shown = done if caught_up else BEFORE
    story.hear(an_event(campaign(shown, other=at, state="HELD"), tag=first if caught_up else None))
    known = caught_up or at > 3
    assert (CALL not in story.correlator.picture(AGENT).in_doubt()) is known
    key = story.accepted(update("c" if shown is BEFORE else "a"))
    changed = done if shown is BEFORE else BEFORE
    story.hear(an_event(campaign(changed, other=at, state="HELD")))
    assert story.said(key) == (CONFIRMED if known else ("open", None))


@pytest.mark.parametrize("action", ["RECLASSIFY", "UPDATE_CALL_DATA"])
def test_the_data_of_the_call_that_its_call_became_may_have_been_so_in_doubt(action: str) -> None:
    # 6.3: it is compared with what was known of that one, and nobody knew which content was so
    def other(data: tuple[str, str | None, str], **changes: object) -> Dialog:
        return replace(campaign(data, other=3 if changes else 0), id="200", **changes)

    story = Story(campaign(BEFORE), other(BEFORE))
    for content, data in ((1, BEFORE), (2, DONE[action]), (1, BEFORE)):
        story.hear(an_event(other(data)), content=content)
    key = story.accepted(ASKED[action])
    story.hear(an_event(other(DONE[action], secondary_id=CALL)), content=3)
    assert story.said(key)[0] == "open"


@pytest.mark.parametrize("there", [CALL, "200"])
def test_what_was_in_doubt_at_sending_is_so_behind_a_restart(there: str) -> None:
    # 4: the journal keeps what was known then; of which content that was nobody knew

    def shown(data: tuple[str, str | None, str], at: float = 0.0, **changes: object) -> Dialog:
        return replace(campaign(data, at=at), id=there, **changes)

    first = Story(campaign(BEFORE), *([shown(BEFORE)] if there != CALL else []))
    done = DONE["UPDATE_CALL_DATA"]
    for content, data in ((1, BEFORE), (2, done), (1, BEFORE)):
        first.hear(an_event(shown(data)), content=content)
    kept = first.correlator.baseline(first.accepted(update("c")))
    then = Story(live=False)
    key = then.adopt(update("c"), baseline=kept, left=30.0, age=1.0)
    then.link_up(shown(done), user=a_user())
    became = {"secondary_id": CALL} if there != CALL else {}
    then.hear(an_event(shown(done, at=8, **became)))
    assert then.said(key)[0] == "open"
