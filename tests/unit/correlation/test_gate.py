"""Rules of evidence 9: one request at a time that changes the calls of a device."""

from __future__ import annotations

import pytest

from listener.correlation.gate import Gatekeeper, GateMode
from listener.correlation.pending import State
from listener.errors import DeviceBusy
from listener.finesse import actions as a
from listener.finesse.actions.expectation import Gate
from tests.builders import Story, a_dialog, a_user, an_event, own

HOLD = a.Hold(agent="agent1", dialog_id="100")
RETRIEVE = a.Retrieve(agent="agent1", dialog_id="100")
DATA = a.UpdateCallData(agent="agent1", dialog_id="100", call_variables={"callVariable1": "x"})


def test_a_second_request_waits_until_the_first_is_settled() -> None:
    story = Story()
    first, second = story.accepted(HOLD), story.ask(RETRIEVE)
    assert (story.sent, story.correlator.state(second)) == ([first], State.QUEUED)
    story.hear(an_event(own("HELD")))
    assert story.sent == [first, second]


@pytest.mark.parametrize("seen_by", ["event", "look", "probe"])
def test_what_settled_the_one_before_is_no_proof_for_the_next(seen_by: str) -> None:
    # 4: the change was there when the next was sent
    story = Story()
    first = story.accepted(HOLD)
    second = story.ask(HOLD, length=60.0)
    story.wait(17)
    if seen_by == "event":
        story.hear(an_event(own("HELD", 1)))
    elif seen_by == "look":
        story.link_up(own("HELD", 1), user=a_user())
    else:
        story.look(dialog=own("HELD", 1), listed=None)
    assert story.said(first)[0] == "confirmed"
    story.accept(second)
    story.hear(an_event(own("HELD", 1, secondary_id="")))
    assert story.said(second)[0] == "open"


def test_the_baseline_is_taken_at_sending_not_at_registration() -> None:
    # 4
    story = Story()
    story.accepted(HOLD)
    second = story.ask(RETRIEVE)
    story.hear(an_event(own("HELD", 1)))
    story.accept(second)
    story.hear(an_event(own("ACTIVE", 2)))
    assert story.said(second) == ("confirmed", "expectation")


@pytest.mark.parametrize(
    "request_",
    [
        DATA,
        a.StartRecording(agent="agent1", dialog_id="100"),
        a.Reclassify(agent="agent1", dialog_id="100", outbound_classification="BUSY"),
        a.CancelScheduledCallback(agent="agent1", dialog_id="100"),
        a.UpdateScheduledCallback(agent="agent1", dialog_id="100", callback_number="1"),
    ],
)
def test_what_does_not_change_the_calls_state_leaves_the_gate_at_its_202(
    request_: a.Request,
) -> None:
    story = Story()
    first, second = story.ask(request_), story.ask(HOLD)
    assert story.sent == [first]
    story.accept(first)
    assert story.sent == [first, second]


def test_a_request_that_waits_past_its_deadline_is_not_sent() -> None:
    story = Story()
    story.accepted(HOLD, length=30.0)
    second = story.ask(RETRIEVE)
    story.wait(20)
    assert story.said(second) == ("rejected", "expired_in_queue")
    assert story.outcomes[second].sent is False
    assert second not in story.sent


def test_a_late_timer_sends_nothing_past_its_deadline() -> None:
    story = Story()
    first = story.accepted(HOLD, length=10.0)
    second = story.ask(RETRIEVE, length=15.0)
    third = story.ask(RETRIEVE, length=60.0)
    story.now += 30
    story.wait(0)
    assert story.said(first) == ("unconfirmed", "deadline")
    assert story.said(second) == ("rejected", "expired_in_queue")
    assert story.sent == [first, third]


def test_requests_on_two_devices_never_wait_for_each_other() -> None:
    story = Story()
    story.link_up(a_dialog("200"), user=a_user(), agent="agent2")
    first = story.ask(HOLD)
    second = story.ask(a.Hold(agent="agent2", dialog_id="200"), own="1002")
    third = story.ask(HOLD, own="1009")
    assert story.sent == [first, second, third]


def test_queued_requests_go_out_in_the_order_they_came() -> None:
    story = Story()
    keys = [story.ask(HOLD) for _ in range(4)]
    story.abandon(keys[2])
    for key in (keys[0], keys[1]):
        story.refuse(key)
    assert story.sent == [keys[0], keys[1], keys[3]]


def test_a_refusing_gate_says_that_the_device_is_busy() -> None:
    story = Story(gate=GateMode.REFUSE)
    story.ask(HOLD)
    with pytest.raises(DeviceBusy, match="agent1"):
        story.ask(RETRIEVE)
    assert len(story.correlator.open_keys()) == 1


def test_without_a_gate_nothing_waits() -> None:
    story = Story(gate=GateMode.OFF)
    assert [story.ask(HOLD), story.ask(RETRIEVE)] == story.sent


def test_a_lost_link_leaves_a_queued_request_queued() -> None:
    story = Story()
    story.ask(HOLD)
    second = story.ask(RETRIEVE)
    story.link_down()
    assert story.correlator.state(second) is State.QUEUED


def test_an_answer_for_a_queued_request_is_nobodys() -> None:
    story = Story()
    story.ask(HOLD)
    second = story.ask(RETRIEVE)
    story.accept(second)
    story.accept("nobody")
    assert story.correlator.state(second) is State.QUEUED


def test_a_lane_that_is_empty_is_forgotten() -> None:
    gate = Gatekeeper()
    assert gate.leave(("a", None), "x") == []
    assert gate.enter(("a", None), "x", Gate.UNTIL_SETTLED)
    assert not gate.enter(("a", None), "y", Gate.DTMF)
    assert not gate.enter(("a", None), "z", Gate.DTMF)
    assert gate.busy(("a", None), Gate.DTMF)
    assert gate.leave(("a", None), "x") == ["y", "z"]
    assert gate.leave(("a", None), "y") == gate.leave(("a", None), "z") == []
    assert not gate.busy(("a", None), Gate.UNTIL_SETTLED)
    assert not gate._lanes
