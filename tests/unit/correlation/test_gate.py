"""Rules of evidence 9: one request at a time that changes the calls of a device."""

from __future__ import annotations

import pytest

from listener.correlation.desk import Limits
from listener.correlation.gate import Gatekeeper, GateMode
from listener.correlation.pending import State
from listener.errors import DeviceBusy
from listener.finesse import actions as a
from listener.finesse.actions.expectation import Gate
from tests.builders import Story, a_dialog, a_user, an_event, own

HOLD = a.Hold(agent="agent1", dialog_id="100")
RETRIEVE = a.Retrieve(agent="agent1", dialog_id="100")
DTMF = a.SendDtmf(agent="agent1", dialog_id="100", dtmf_string="1")
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


# -- the drop-in: never delayed, only warned -------------------------------------------------


@pytest.mark.parametrize("mode", [GateMode.QUEUE, GateMode.REFUSE])
def test_an_ungated_request_goes_out_at_once_and_is_warned(mode: GateMode) -> None:
    story = Story(gate=mode)
    first = story.ask(HOLD)
    second = story.ask(RETRIEVE, ungated=True)
    assert story.sent == [first, second]
    story.refuse(second)
    assert [w.code for w in story.outcomes[second].warnings if w.code == "device_busy"]
    story.refuse(first)
    assert "device_busy" not in [w.code for w in story.outcomes[first].warnings]


def test_an_ungated_request_passes_those_that_wait() -> None:
    story = Story()
    first, waiting = story.ask(HOLD), story.ask(RETRIEVE)
    ungated = story.ask(HOLD, ungated=True)
    assert story.sent == [first, ungated]
    story.refuse(first)
    assert waiting not in story.sent  # the ungated one still holds the device
    story.refuse(ungated)
    assert story.sent == [first, ungated, waiting]


@pytest.mark.parametrize("mode", GateMode)
def test_nobody_is_warned_of_a_free_device(mode: GateMode) -> None:
    story = Story(gate=mode)
    if mode is GateMode.OFF:
        story.ask(HOLD)  # without a gate nobody holds a device
    key = story.ask(RETRIEVE, ungated=True)
    story.refuse(key)
    assert "device_busy" not in [w.code for w in story.outcomes[key].warnings]


def test_an_ungated_request_that_only_waits_for_its_202_lets_go_there() -> None:
    story = Story()
    key = story.ask(DATA, ungated=True)
    waiting = story.ask(HOLD)
    assert story.sent == [key]
    story.accept(key)
    assert story.sent == [key, waiting]


def test_an_ungated_dtmf_holds_others_for_its_window() -> None:
    story = Story()
    key = story.accepted(DTMF, ungated=True)
    waiting = story.ask(HOLD)
    story.wait(5.2)
    assert story.sent == [key]
    story.wait(0.1)
    assert story.sent == [key, waiting]


def test_an_ungated_dtmf_is_warned_when_twenty_are_out() -> None:
    story = Story()
    for _ in range(20):
        story.ask(DTMF)
    key = story.ask(DTMF, ungated=True)
    assert story.sent[-1] == key
    story.refuse(key)
    assert "device_busy" in [w.code for w in story.outcomes[key].warnings]


# -- for the journal -------------------------------------------------------------------------


def test_the_baseline_of_a_request_is_told_once_it_goes_out() -> None:
    story = Story()
    first, second = story.ask(HOLD), story.ask(RETRIEVE)
    baseline = story.correlator.baseline(first)
    assert baseline is not None
    assert baseline.dialog == a_dialog()
    assert story.correlator.baseline(second) is None
    story.refuse(first)
    assert story.correlator.baseline(first) is None
    assert story.correlator.baseline("nobody") is None


def test_the_time_left_of_a_request_is_told() -> None:
    story = Story()
    key = story.ask(HOLD, length=8.0)
    story.wait(3)
    assert story.correlator.left(story.now, key) == 5.0
    story.accept(key)
    assert story.correlator.left(story.now, key) == 8.0
    assert story.correlator.left(story.now + 9, key) == 0.0
    story.abandon(key)
    assert story.correlator.left(story.now, key) is None


def test_a_dtmf_behind_another_has_its_whole_window_left() -> None:
    story = Story()
    story.accepted(DTMF)
    second = story.accepted(DTMF)
    story.wait(2)
    assert story.correlator.left(story.now, second) == 5.3


def test_thousands_that_waited_too_long_end_together() -> None:
    story = Story(limits=Limits(max_pending=5000, max_pending_per_agent=5000))
    first = story.ask(HOLD)
    waiting = [story.ask(HOLD) for _ in range(3000)]
    story.wait(20)
    assert {story.said(key) for key in waiting} == {("rejected", "expired_in_queue")}
    assert story.sent == [first]
