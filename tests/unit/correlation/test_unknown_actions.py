"""Actions that are not known here: our id alone tells anything about them."""

from __future__ import annotations

from typing import Any

import pytest

from listener.correlation.picture import Baseline
from listener.errors import InvalidRequest
from listener.finesse import actions as a
from listener.finesse.events import OtherUpdate, SystemInfoChanged
from listener.finesse.model import Kind, SystemInfo, Update
from tests.builders import (
    AGENT,
    Story,
    a_dialog,
    a_user,
    a_user_event,
    added,
    an_error,
    an_event,
    own,
    placed,
    removed,
)

HOLD = a.Hold(agent="agent1", dialog_id="100")
PARK = a.OtherRequest(
    agent="agent1",
    requested_action="PARK",
    method="PUT",
    path="/finesse/api/Dialog/100",
    dialog_id="100",
)
NAMELESS = a.OtherRequest(
    agent="agent1",
    requested_action="",
    method="PUT",
    path="/finesse/api/User/agent1",
    dialog_id=None,
)


def media(tag: str, owner: str | None = AGENT) -> Any:
    return OtherUpdate(
        node="/finesse/api/User/agent1/Media",
        owner=owner,
        item_id=f"m-{tag}",
        request_id=tag,
        update=Update(Kind.MEDIA),
    )


# -- what tells of them ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("request_", "event"),
    [
        (PARK, lambda tag: an_event(own("ACTIVE", 0), tag=tag)),
        (PARK, lambda tag: removed(tag=tag)),
        (PARK, lambda tag: added(placed(), tag=tag)),
        (PARK, lambda tag: a_user_event(a_user(), tag=tag)),
        (NAMELESS, lambda tag: a_user_event(a_user("READY", 1), tag=tag)),
        (NAMELESS, lambda tag: an_event(tag=tag)),
        (NAMELESS, media),
    ],
)
def test_an_update_with_its_id_says_that_it_was_sent_and_proves_nothing(
    request_: a.Request, event: Any
) -> None:
    # 3: nobody here knows its effect, and an error may come 15 s later
    story = Story()
    key = story.accepted(request_)
    story.wait(2)
    story.hear(event(key))
    story.wait(17.9)
    assert story.said(key)[0] == "open"
    story.wait(0.1)
    assert story.said(key) == ("unconfirmed", "weak")
    (warning,) = story.outcomes[key].warnings
    assert warning.code == "unknown_action"
    assert "tied an update to the request" in warning.detail
    assert story.outcomes[key].sent is True
    assert [seen.what for seen in story.outcomes[key].seen] == ["update"]


def test_an_error_with_its_id_fails_it_at_any_time() -> None:
    for before in ([], [an_event(tag="t")]):
        story = Story()
        key = story.accepted(PARK, id_="t")
        story.hear(*before)
        story.wait(15)
        story.hear(an_error(tag="t"))
        assert story.said(key) == ("failed", "request_id")
        assert story.outcomes[key].warnings == ()


def test_an_update_before_the_answer_does_not_outdo_a_refusal_by_its_own_error() -> None:
    story = Story()
    key = story.ask(PARK)
    story.hear(an_event(tag=key), media(key))
    story.wait(3)
    story.accept(key)
    story.hear(an_error(tag=key))
    assert story.said(key) == ("failed", "request_id")


def test_nothing_without_its_id_says_anything() -> None:
    story = Story()
    keys = [story.accepted(PARK), story.accepted(NAMELESS)]
    story.hear(an_event(own("HELD")), a_user_event(a_user("READY", 1)), removed())
    story.hear(media("foreign"), an_event(own("HELD", 2), tag="foreign"))
    story.wait(19.9)
    assert [story.said(key)[0] for key in keys] == ["open", "open"]
    story.wait(0.1)
    assert [story.said(key) for key in keys] == [("unconfirmed", "deadline")] * 2
    assert (story.asks, story.outcomes[keys[0]].warnings) == ([], ())


def test_an_update_on_anothers_node_is_not_its_own() -> None:
    story = Story()
    key = story.accepted(NAMELESS)
    info = SystemInfoChanged(
        node="/finesse/api/SystemInfo",
        owner=None,
        item_id="s",
        request_id=key,
        system_info=SystemInfo(status="IN_SERVICE"),
    )
    story.hear(media(key, None), media(key, "agent2"), info)
    story.wait(20)
    assert story.said(key) == ("unconfirmed", "deadline")


def test_another_update_says_nothing_of_an_action_that_is_known() -> None:
    story = Story()
    key = story.accepted(HOLD)
    story.hear(media(key), a_user_event(a_user(), tag=key))
    story.wait(20)
    assert story.said(key) == ("unconfirmed", "deadline")


def test_a_repeated_id_names_neither() -> None:
    story = Story()
    keys = [story.accepted(PARK, id_="145", allow_repeat=True) for _ in range(2)]
    story.hear(an_event(tag="145"), media("145"))
    story.wait(20)
    assert [story.said(key) for key in keys] == [("unconfirmed", "deadline")] * 2


def test_a_gap_leaves_it_open() -> None:
    story = Story()
    during, before = story.accepted(PARK), story.accepted(NAMELESS)
    story.hear(an_event(tag=during))
    story.link_down()
    story.link_up(a_dialog(), user=a_user())
    story.hear(media(before))
    story.wait(20)
    assert story.said(during) == story.said(before) == ("unconfirmed", "link_lost")


def test_what_comes_late_is_told() -> None:
    story = Story()
    key = story.accepted(NAMELESS)
    story.wait(20)
    story.hear(media(key), an_error(tag=key, dialog_id=None, user_id="agent1"))
    assert [late.kind for late in story.lates] == ["event", "error"]


def test_it_holds_no_device_and_waits_for_none() -> None:
    story = Story()
    keys = [story.ask(HOLD), story.ask(PARK), story.ask(PARK)]
    story.refuse(keys[0])
    keys.append(story.ask(HOLD))
    assert story.sent == keys


def test_an_expectation_of_it_is_judged_as_well() -> None:
    story = Story()
    story.hear(an_event(tag="t"))
    key = story.ask(PARK, expected=True, id_="t")
    story.accept(key)
    story.wait(20)
    assert story.said(key) == ("unconfirmed", "weak")


# -- errors that nobody signed ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("other", "error"),
    [
        (PARK, an_error()),
        (PARK, an_error("CF_GENERIC INVALID_ACTION PARK")),
        (NAMELESS, an_error("CF_GENERIC INVALID_ACTION HOLD", dialog_id="300")),
        (NAMELESS, an_error(dialog_id=None, user_id="agent1")),
        (PARK, an_error(dialog_id="300")),
    ],
)
def test_it_may_own_an_unsigned_error_and_is_never_named(other: a.Request, error: Any) -> None:
    # 5
    story = Story()
    key = story.accepted(other)
    fresh = story.accepted(
        a.MakeCall(agent="agent1", from_address="1001", to_address="5551")
        if error.dialog_id == "300"
        else a.Ready(agent="agent1")
        if error.dialog_id is None
        else HOLD
    )
    story.hear(error)
    story.wait(30)
    assert story.said(key) == ("unconfirmed", "ambiguous")
    named = error.errors[0].error_message.startswith("CF_GENERIC")
    if not named:
        assert story.said(fresh) == ("unconfirmed", "ambiguous")


def test_an_error_that_names_another_action_is_not_its_own() -> None:
    story = Story()
    key, hold = story.accepted(PARK), story.accepted(HOLD)
    story.hear(an_error("CF_GENERIC INVALID_ACTION HOLD"))
    story.wait(30)
    assert story.said(hold) == ("failed", "sole_pending")
    assert story.said(key) == ("unconfirmed", "deadline")


@pytest.mark.parametrize("first", [True, False])
def test_an_unsigned_error_speaks_against_what_bore_its_id(first: bool) -> None:  # noqa: FBT001  a case
    story = Story()
    key = story.accepted(PARK)
    event, error = an_event(tag=key), an_error()
    story.hear(*((error, event) if first else (event, error)))
    story.wait(20)
    assert story.said(key) == ("unconfirmed", "ambiguous")


# -- taken over ------------------------------------------------------------------------------


def test_it_is_taken_over_by_its_id_alone() -> None:
    before = Baseline(a_dialog(), (), a_user())
    for request, event in (
        (PARK, an_event(tag="t")),
        (NAMELESS, media("t")),
        (NAMELESS, a_user_event(a_user(), tag="t")),
    ):
        story = Story()
        key = story.adopt(request, baseline=before, left=19.0, gap=False, id_="t")
        story.rehear(key, event)
        story.wait(19)
        assert story.said(key) == ("unconfirmed", "weak")
        story = Story()
        key = story.adopt(request, baseline=before, left=8.0, id_="t")
        story.hear(event)
        story.wait(8)
        assert story.said(key) == ("unconfirmed", "restarted")


# -- the request itself ----------------------------------------------------------------------


def test_it_cannot_be_sent_from_here() -> None:
    for refused in (PARK.body, PARK.validate):
        with pytest.raises(InvalidRequest, match="'PARK' is not known here") as raised:
            refused()
        assert raised.value.field == "requestedAction"
    assert PARK.on_device("1001") is PARK
    assert (PARK.device, PARK.default_deadline) == (None, 20.0)
