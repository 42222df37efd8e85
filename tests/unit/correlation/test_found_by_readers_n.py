"""What is published again in a burst, and what an id says behind the end of a call."""

from __future__ import annotations

from dataclasses import replace

import pytest

from listener.correlation.gate import GateMode
from listener.correlation.outcome import MinimumEvidence
from listener.finesse import actions as a
from listener.finesse.model import CallVariable, Dialog, ScheduledCallbackInfo
from tests.builders import (
    AGENT,
    Story,
    a_dialog,
    a_user,
    a_user_event,
    an_error,
    an_event,
    own,
    removed,
)

MAKE_CALL = a.MakeCall(agent=AGENT, to_address="5551")


def classified(value: str) -> Dialog:
    """Return the call with that in BAResponse."""
    return a_dialog(media={"call_variables": (CallVariable("BAResponse", value),)})


def calling_back(time: str) -> Dialog:
    """Return the call with a callback at that time."""
    return replace(a_dialog(), scheduled_callback_info=ScheduledCallbackInfo(callback_time=time))


RECLASSIFY = a.Reclassify(agent=AGENT, dialog_id="100", outbound_classification="FAX")
SCHEDULE = a.UpdateScheduledCallback(agent=AGENT, dialog_id="100", callback_time="b")
UPDATE = a.UpdateCallData(agent=AGENT, dialog_id="100", call_variables={"callVariable1": "x"})


def said_of(value: str) -> Dialog:
    """Return the call with that in its first variable."""
    return a_dialog(media={"call_variables": (CallVariable("callVariable1", value),)})


CASES = [
    (RECLASSIFY, classified("FAX"), classified("BUSY")),
    (SCHEDULE, calling_back("b"), calling_back("a")),
    (UPDATE, said_of("x"), said_of("y")),
]


@pytest.mark.parametrize(("request_", "asked", "since"), CASES)
def test_data_that_were_told_before_prove_nothing_when_they_are_told_again(
    request_: object, asked: Dialog, since: Dialog
) -> None:
    # 4: Finesse may publish again, with no gap; data carries no time
    story = Story(asked)
    story.hear(an_event(asked), content=1)
    story.wait(20)
    story.hear(an_event(since), content=2)
    story.wait(5)
    key = story.accepted(request_)
    story.hear(an_event(asked), content=1)
    assert story.said(key)[0] == "open"
    story.hear(an_event(since), content=2)
    story.wait(30)
    assert story.said(key)[0] == "unconfirmed"


@pytest.mark.parametrize(("request_", "asked", "since"), CASES)
def test_data_that_are_so_again_are_proven_by_a_get(
    request_: object, asked: Dialog, since: Dialog
) -> None:
    story = Story(asked)
    story.hear(an_event(asked), content=1)
    story.hear(an_event(since), content=2)
    story.wait(5)
    key = story.accepted(request_)
    story.hear(an_event(asked), content=1)
    story.wait(17)
    story.look(dialog=asked)
    assert story.said(key) == ("confirmed", "snapshot")


@pytest.mark.parametrize(("request_", "asked", "since"), CASES)
def test_data_that_were_told_before_are_proven_by_its_id(
    request_: object, asked: Dialog, since: Dialog
) -> None:
    story = Story(asked)
    story.hear(an_event(asked), content=1)
    story.hear(an_event(since), content=2)
    story.wait(5)
    key = story.accepted(request_)
    story.hear(an_event(asked, tag=key), content=1)
    assert story.said(key) == ("confirmed", "request_id")


@pytest.mark.parametrize("bursts", [1, 2])
def test_an_error_in_a_burst_after_a_restart_names_nobody_though_the_user_is_as_he_was(
    bursts: int,
) -> None:
    # 4, 5: what was told to the process before is not known
    story = Story(live=False)
    story.adopt(a.Ready(agent=AGENT), baseline=None, left=1.0, accepted=False)
    story.link_up(a_dialog(), user=a_user("TALKING", 9))
    story.wait(30)
    for _ in range(bursts - 1):
        story.hear(a_user_event(a_user("TALKING", 9)), content=5)
        story.wait(30)
    make = story.accepted(MAKE_CALL)
    story.hear(a_user_event(a_user("TALKING", 9)), content=5)
    story.hear(an_error(dialog_id=None))
    story.wait(3)
    assert story.said(make)[0] == "open"


def test_an_error_long_after_a_burst_names_the_one_who_is_left() -> None:
    story = Story(live=False)
    story.adopt(a.Ready(agent=AGENT), baseline=None, left=1.0, accepted=False)
    story.link_up(a_dialog(), user=a_user("TALKING", 9))
    story.wait(30)
    story.hear(a_user_event(a_user("TALKING", 9)))
    story.wait(3)
    make = story.accepted(MAKE_CALL)
    story.hear(an_error(dialog_id=None))
    story.wait(3)
    assert story.said(make) == ("failed", "sole_pending")


@pytest.mark.parametrize("minimum", list(MinimumEvidence))
def test_an_id_behind_the_end_that_it_made_is_told_soon(minimum: MinimumEvidence) -> None:
    # 3: the DELETE, and its PUT with our id behind it
    story = Story(own("ACTIVE", 0))
    drop = story.accepted(a.Drop(agent=AGENT, dialog_id="100"), minimum=minimum)
    story.hear(removed(own("DROPPED", 5)), an_event(own("DROPPED", 5), tag=drop))
    story.wait(1.1)
    assert story.said(drop)[0] == "confirmed"
    if minimum is MinimumEvidence.REQUEST_ID:
        assert story.said(drop)[1] == "request_id"


def test_an_id_behind_an_end_waits_for_who_may_have_taken_the_call_in() -> None:
    # 6.3
    story = Story(own("ACTIVE", 0))
    drop = story.accepted(a.Drop(agent=AGENT, dialog_id="100"), minimum=MinimumEvidence.REQUEST_ID)
    story.hear(removed(own("DROPPED", 5)))
    story.link_down()
    story.link_up(a_dialog("200"), user=a_user())
    story.hear(an_event(own("DROPPED", 5), tag=drop))
    story.wait(1.1)
    assert story.said(drop)[0] == "open"


def test_an_id_that_two_agents_have_takes_a_change_from_nobody() -> None:
    # 3, 4: a repeated id names nobody, so that the change may be that of who has none of it
    story = Story(own("ALERTING", 0), gate=GateMode.OFF)
    story.link_up(a_dialog(), agent="agent2", user=a_user(login_id="agent2"))
    story.accepted(a.Hold(agent="agent2", dialog_id="100"), id_="2", own="1002")
    answer = a.Answer(agent=AGENT, dialog_id="100")
    first, second = story.accepted(answer, id_="2"), story.accepted(answer)
    story.hear(an_event(own("ACTIVE", 2), tag="2", owner="agent2"))
    story.hear(an_event(own("ACTIVE", 2)))
    assert story.said(first)[0] == "open"
    story.hear(an_error(tag=second))
    story.wait(0)
    assert story.said(first) == ("confirmed", "expectation")
