"""Call data of which only a keyed hash outlived the process: judged alike, never by guessing."""

from __future__ import annotations

from typing import Any

import pytest

from listener.correlation.picture import Baseline
from listener.finesse import actions as a
from listener.finesse.model import Dialog, ScheduledCallbackInfo
from listener.finesse.sealed import Sealer, sealed_dialog, sealed_request
from tests.builders import Story, a_dialog, a_user, an_error, an_event

SEALER = Sealer(b"0123456789abcdef")
PLACE = {"agent": "agent1", "dialog_id": "100"}


def values(**variables: str) -> Dialog:
    return a_dialog(variables={"callVariable1": "", "callVariable2": "", "user.x": ""} | variables)


def wrapped(reason: str | None, *items: str) -> Dialog:
    return a_dialog(media={"wrap_up_reason": reason, "wrap_up_items": items})


def take(story: Story, request: a.Request, before: Dialog, **how: Any) -> str:
    how = {"left": 19.0, "age": 1.0} | how
    baseline = Baseline(sealed_dialog(before, SEALER), (), a_user())
    return story.adopt(sealed_request(request, SEALER), baseline=baseline, **how)


def data(**variables: str) -> a.UpdateCallData:
    return a.UpdateCallData(**PLACE, call_variables=variables)


TWO = data(callVariable1="one", callVariable2="two")


def test_a_sealed_value_may_begin_as_another_one_does() -> None:
    # 4, 6.7: what is shown is the whole of one, and the other one's beginning
    story = Story(live=False)
    announced = take(story, data(**{"user.x": "abc"}), values(), expected=True, accepted=False)
    story.link_up(values(), user=a_user())
    key = story.accepted(data(**{"user.x": "abcdefgh"}))
    story.hear(an_event(values(**{"user.x": "abc"})))
    assert story.said(key)[0] == "open"
    story.accept(announced)
    assert story.said(announced)[0] == "open"


# -- equal values ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("request_", "before", "after"),
    [
        (TWO, values(), values(callVariable1="one", callVariable2="two")),
        (
            a.UpdateCallData(**PLACE, wrap_up_reason="sold", wrap_up_items=("a", "b")),
            wrapped("", "b"),
            wrapped("sold", "b", "a"),
        ),
        (
            a.UpdateScheduledCallback(
                **PLACE, callback_time="2026-11-21T14:30", callback_number="5550111"
            ),
            a_dialog(),
            a_dialog(scheduled_callback_info=ScheduledCallbackInfo("2026-11-21T14:30", "5550111")),
        ),
        (
            a.CancelScheduledCallback(**PLACE),
            a_dialog(scheduled_callback_info=ScheduledCallbackInfo("2026-11-21T14:30", "")),
            a_dialog(scheduled_callback_info=ScheduledCallbackInfo("", "")),
        ),
        (
            a.Reclassify(**PLACE, outbound_classification="FAX"),
            a_dialog(variables={"BAResponse": "VOICE"}),
            a_dialog(variables={"BAResponse": "FAX"}),
        ),
    ],
)
def test_values_that_came_over_the_restart_confirm(
    request_: a.Request, before: Dialog, after: Dialog
) -> None:
    story = Story(live=False)
    key = take(story, request_, before)
    story.link_up(after, user=a_user())
    assert story.said(key) == ("confirmed", "snapshot")
    live = Story()
    key = take(live, request_, before, gap=False)
    live.hear(an_event(after))
    assert live.said(key) == ("confirmed", "expectation")


@pytest.mark.parametrize(
    "request_",
    [
        TWO,
        a.UpdateCallData(**PLACE, wrap_up_reason="sold", wrap_up_items=("a", "b")),
    ],
)
def test_values_that_were_there_before_confirm_unchanged(request_: a.Request) -> None:
    # 6.7
    there = a_dialog(
        variables={"callVariable1": "one", "callVariable2": "two"},
        media={"wrap_up_reason": "sold", "wrap_up_items": ("b", "a")},
    )
    story = Story(live=False)
    key = take(story, request_, there)
    story.link_up(there, user=a_user())
    story.wait(16)
    story.look(there)
    assert story.said(key) == ("confirmed", "snapshot")
    assert story.outcomes[key].changed is False


def test_a_value_that_changed_is_told_as_changed() -> None:
    story = Story(live=False)
    key = take(story, TWO, values(callVariable1="one"))
    story.link_up(values(callVariable1="one", callVariable2="two"), user=a_user())
    assert story.outcomes[key].changed is True
    assert story.outcomes[key].applied == ("callVariable1", "callVariable2")


def test_callbacks_that_were_so_before_prove_nothing() -> None:
    there = a_dialog(scheduled_callback_info=ScheduledCallbackInfo("2026-11-21T14:30", "5"))
    story = Story(live=False)
    keys = [
        take(story, a.UpdateScheduledCallback(**PLACE, callback_number="5"), there),
        take(story, a.UpdateScheduledCallback(**PLACE, callback_number="6"), there),
        take(story, a.CancelScheduledCallback(**PLACE), there),
    ]
    story.link_up(there, user=a_user())
    story.wait(19)
    assert [story.said(key) for key in keys] == [("unconfirmed", "restarted")] * 3


# -- never a false failure -------------------------------------------------------------------


@pytest.mark.parametrize("gap", [True, False])
@pytest.mark.parametrize(
    "after",
    [
        {"user.x": "lon"},  # cut off, or another's: nobody knows
        {"user.x": "lon", "callVariable1": "one"},
        {"user.x": "other", "callVariable1": "one"},
    ],
)
def test_of_a_sealed_value_nobody_says_that_it_was_cut_off_or_is_missing(
    after: dict[str, str],
    gap: bool,  # noqa: FBT001  a case
) -> None:
    request = data(**{"user.x": "longer", "callVariable1": "one"})
    story = Story()
    key = take(story, request, values(), gap=gap, age=16.0, left=5.0)
    story.hear(an_event(values(**after)))
    story.wait(3)
    story.look(values(**after))
    story.wait(2)
    assert story.said(key) == ("unconfirmed", "restarted" if gap else "deadline")
    assert story.outcomes[key].truncated == ()


def test_a_sealed_value_of_the_ten_is_told_as_missing() -> None:
    # they are never cut off; all was heard
    story = Story()
    key = take(story, TWO, values(), gap=False)
    story.hear(an_event(values(callVariable1="one")))
    story.wait(19)
    assert story.said(key) == ("failed", "expectation")
    assert story.outcomes[key].missing == ("callVariable2",)


def test_a_part_that_is_seen_after_a_gap_fails_nothing() -> None:
    # the rest may have been set, and gone by another's hand
    story = Story(live=False)
    key = take(story, TWO, values())
    story.link_up(values(), user=a_user())
    story.hear(an_event(values(callVariable1="one")))
    story.wait(19)
    assert story.said(key) == ("unconfirmed", "restarted")
    live = Story(values())
    key = live.accepted(TWO)
    live.link_down()
    live.link_up(values(), user=a_user())
    live.hear(an_event(values(callVariable1="one")))
    live.wait(20)
    assert live.said(key) == ("unconfirmed", "link_lost")


def test_items_that_are_there_prove_nothing_where_it_is_not_known_what_was_before() -> None:
    request = a.UpdateCallData(**PLACE, wrap_up_items=("a",))
    story = Story()
    key = story.adopt(sealed_request(request, SEALER), baseline=None, left=5.0)
    story.hear(an_event(wrapped("", "a")))
    story.wait(5)
    assert story.said(key) == ("unconfirmed", "restarted")


def test_a_sealed_dtmf_keeps_its_window() -> None:
    story = Story()
    request = a.SendDtmf(**PLACE, dtmf_string="4711")
    key = take(story, request, a_dialog(), gap=False, left=6.2)
    story.wait(6.1)
    assert story.said(key)[0] == "open"
    story.wait(0.1)
    assert story.said(key) == ("presumed", None)


def test_sealed_values_seen_again_are_no_strangers_work() -> None:
    # 5: what the baseline had is no change
    story = Story()
    before = values(callVariable1="old", callVariable2="old")
    request = a.SendDtmf(**PLACE, dtmf_string="1")
    key = take(story, request, before, gap=False, left=5.3)
    story.rehear(key, an_event(before), an_error())
    story.wait(8)
    assert story.said(key) == ("failed", "sole_pending")
