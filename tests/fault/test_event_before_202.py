"""The event overtakes the answer to its request: they travel on different connections."""

from __future__ import annotations

import pytest

from listener.finesse.actions import Drop, Hold, MakeCall, SendDtmf, UpdateCallData
from tests.builders import Story, a_dialog, an_error, an_event, own, placed, removed

D = {"agent": "agent1", "dialog_id": "100"}
X = {"callVariable1": "x"}
OVERTAKEN = [
    (Hold(**D), own("HELD")),
    (Drop(**D), own("DROPPED")),
    (UpdateCallData(**D, call_variables=X), a_dialog(variables=X)),
    (MakeCall(agent="agent1", to_address="5551"), placed("ALERTING")),
]


@pytest.mark.parametrize(("request_", "dialog"), OVERTAKEN)
@pytest.mark.parametrize("seconds", [0, 0.001, 5])
def test_an_untagged_event_counts_once_the_202_is_there(
    request_: object, dialog: object, seconds: float
) -> None:
    story = Story()
    key = story.ask(request_)
    story.hear(an_event(dialog))
    story.wait(seconds)
    assert story.said(key)[0] == "open"
    story.accept(key)
    assert story.said(key) == ("confirmed", "expectation")


@pytest.mark.parametrize(("request_", "dialog"), OVERTAKEN)
def test_an_untagged_event_is_not_this_requests_when_finesse_refuses(
    request_: object, dialog: object
) -> None:
    story = Story()
    key = story.ask(request_)
    story.hear(an_event(dialog))
    story.refuse(key)
    assert story.said(key) == ("rejected", None)


def test_a_tagged_error_before_the_202_fails_and_the_202_changes_nothing() -> None:
    story = Story()
    key = story.ask(Hold(**D))
    story.hear(an_error(tag=key))
    story.accept(key)
    assert story.said(key) == ("failed", "request_id")


def test_a_dialogs_end_before_the_202_starts_its_grace_with_the_202() -> None:
    story = Story()
    key = story.ask(Hold(**D))
    story.hear(removed())
    story.wait(4)
    story.accept(key)
    story.wait(1.9)
    assert story.said(key)[0] == "open"
    story.wait(0.1)
    assert story.said(key) == ("unconfirmed", "dialog_ended")


def test_a_tagged_event_before_the_202_does_not_shorten_the_window_of_dtmf() -> None:
    story = Story()
    key = story.ask(SendDtmf(**D, dtmf_string="1"))
    story.hear(an_event(a_dialog(), tag=key))
    story.wait(2)
    story.accept(key)
    story.wait(5.2)
    assert story.said(key)[0] == "open"
    story.wait(0.1)
    assert story.said(key) == ("confirmed", "request_id")
