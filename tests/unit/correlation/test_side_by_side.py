"""Requests that go out together, past the gate: a change that is one's by its id is no other's."""

from __future__ import annotations

from typing import Any

import pytest

from listener.finesse.actions import Answer, Hold, MakeCall, Ready, Retrieve, SignIn
from tests.builders import (
    AGENT,
    EXT,
    Story,
    a_user,
    a_user_event,
    added,
    an_error,
    an_event,
    own,
    placed,
)
from tests.unit.correlation.given import (
    BY_ID,
    CONFERENCE,
    CONFIRMED,
    FAILED_SOLE,
    joined,
    second_call,
)

ANSWER = Answer(agent="agent1", dialog_id="100")
HOLD = Hold(agent="agent1", dialog_id="100")
RETRIEVE = Retrieve(agent="agent1", dialog_id="100")


def together(story: Story, *requests) -> list[str]:
    """Send requests at once, as the drop-in does."""
    keys = [story.ask(request, id_=f"id-{n}", ungated=True) for n, request in enumerate(requests)]
    for key in keys:
        story.accept(key)
    return keys


def test_the_answer_to_one_request_is_not_the_retrieve_of_another() -> None:
    # seen with a client that sent ANSWER, HOLD and RETRIEVE in one breath
    story = Story(own("ALERTING"))
    answer, hold, retrieve = together(story, ANSWER, HOLD, RETRIEVE)
    story.hear(an_event(own("ACTIVE", at=1), tag="id-0"))
    assert story.said(answer) == ("confirmed", "request_id")
    assert [story.said(key)[0] for key in (hold, retrieve)] == ["open", "open"]
    story.hear(an_event(own("HELD", at=2), tag="id-1"))
    assert story.said(hold) == ("confirmed", "request_id")
    assert story.said(retrieve)[0] == "open"
    story.hear(an_event(own("ACTIVE", at=3), tag="id-2"))
    assert story.said(retrieve) == ("confirmed", "request_id")


def test_a_request_whose_effect_was_another_ones_still_fails_by_its_own_error() -> None:
    story = Story(own("ALERTING"))
    answer, retrieve = together(story, ANSWER, RETRIEVE)
    story.hear(an_event(own("ACTIVE", at=1), tag="id-0"))
    story.hear(an_error(tag="id-1"))
    assert story.said(answer) == ("confirmed", "request_id")
    assert story.said(retrieve) == ("failed", "request_id")


@pytest.mark.parametrize("number", ["5551"])
def test_one_new_call_that_carries_an_id_confirms_one_of_two_equal_requests(number: str) -> None:
    story = Story()
    call = MakeCall(agent="agent1", from_address="1001", to_address=number)
    first, second = together(story, call, call)
    story.hear(added(placed("ALERTING", to=number), tag="id-0"))
    assert story.said(first) == ("confirmed", "request_id")
    assert story.said(second)[0] == "open"


@pytest.mark.parametrize("tagged", [True, False])
@pytest.mark.parametrize("known", [True, False])
def test_one_change_of_an_agent_confirms_one_request_whatever_the_extension_was(
    *, tagged: bool, known: bool
) -> None:
    # seen in a soak: who was signed out has no extension, so that two requests for one state were
    # taken for those of two devices
    story = Story(user=a_user("LOGOUT"))
    first = story.accepted(Ready(agent=AGENT), own=EXT if known else None)
    sign_in = story.accepted(SignIn(agent=AGENT, extension=EXT))
    story.hear(a_user_event(a_user("NOT_READY", 30), tag=sign_in))
    second = story.accepted(Ready(agent=AGENT), own=None if known else EXT, ungated=True)
    story.hear(a_user_event(a_user("READY", 31), tag=second if tagged else None))
    story.wait(30)
    confirmed = [key for key in (first, second) if story.said(key)[0] == "confirmed"]
    assert confirmed == ([second] if tagged else [])


JOINED = an_event(joined(5), tag="id-0")


@pytest.mark.parametrize(
    ("told", "said"),
    [
        # the retrieved part is the conference's work: whether the retrieve was done, nobody says
        ([JOINED], ("unconfirmed", "deadline")),
        ([JOINED, an_error("CF_INVALID_OBJECT_STATE")], FAILED_SOLE),
        ([an_event(own("ACTIVE", 3)), JOINED], CONFIRMED),
        ([JOINED, an_event(own("ACTIVE", 7), tag="id-1")], BY_ID),
        ([JOINED, an_event(own("HELD", 6)), an_event(own("ACTIVE", 7))], CONFIRMED),
    ],
)
def test_what_a_conference_retrieved_by_its_id_is_not_the_retrieve_beside_it(
    told: list[Any], said: object
) -> None:
    story = Story(own("HELD", 0), second_call("ACTIVE", 0))
    conference, retrieve = together(story, CONFERENCE, RETRIEVE)
    story.hear(*told)
    story.wait(18)
    for asked in story.asks:
        story.look(joined(5), ask=asked)
    story.wait(20)
    assert (story.said(conference), story.said(retrieve)) == (BY_ID, said)
