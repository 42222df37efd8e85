"""Rules of evidence 6.6: SEND_DTMF and START_RECORDING, whose normal answer is silence."""

from __future__ import annotations

import pytest

from listener.correlation.gate import GateMode
from listener.correlation.pending import State
from listener.errors import DeviceBusy
from listener.finesse.actions import Hold, SendDtmf, StartRecording, UpdateCallData
from tests.builders import Story, a_dialog, a_user, an_error, an_event, own, removed

RECORD = StartRecording(agent="agent1", dialog_id="100")


def dtmf(digits: str = "1", dialog: str = "100", agent: str = "agent1") -> SendDtmf:
    return SendDtmf(agent=agent, dialog_id=dialog, dtmf_string=digits)


@pytest.mark.parametrize(("digits", "window"), [("1", 5.3), ("1234567890", 8.0)])
def test_silence_is_presumed_at_the_end_of_the_window(digits: str, window: float) -> None:
    story = Story()
    key = story.ask(dtmf(digits))
    story.wait(1)
    story.accept(key)
    story.wait(window - 0.05)
    assert story.said(key)[0] == "open"
    story.wait(0.05)
    assert story.said(key) == ("presumed", None)


def test_recording_is_presumed_like_dtmf() -> None:
    # 6.8
    story = Story()
    key = story.accepted(RECORD)
    story.wait(5)
    assert story.said(key) == ("presumed", None)


def test_a_caller_cannot_make_the_window_shorter() -> None:
    # 6.6: the window is 5 s
    story = Story()
    key = story.accepted(dtmf(), length=1.0)
    story.wait(1)
    assert story.said(key) == ("unconfirmed", "deadline")
    tagged = story.accepted(dtmf(), length=1.0)
    story.hear(an_event(a_dialog(), tag=tagged))
    story.wait(1)
    assert story.said(tagged) == ("unconfirmed", "deadline")


def test_a_caller_who_waits_longer_gets_the_answer_at_the_windows_end() -> None:
    story = Story()
    key = story.accepted(dtmf(), length=60.0)
    story.wait(5.3)
    assert story.said(key) == ("presumed", None)


def test_a_tagged_event_without_error_confirms_at_the_windows_end() -> None:
    story = Story()
    key = story.accepted(dtmf())
    story.hear(an_event(a_dialog(), tag=key))
    story.wait(5.2)
    assert story.said(key)[0] == "open"
    story.wait(0.1)
    assert story.said(key) == ("confirmed", "request_id")


def test_a_tagged_error_fails_it() -> None:
    story = Story()
    key = story.accepted(dtmf())
    story.hear(an_event(a_dialog(), tag=key), an_error(tag=key))
    assert story.said(key) == ("failed", "request_id")


def test_without_a_202_nothing_is_presumed() -> None:
    story = Story()
    key = story.ask(dtmf())
    story.doubt(key)
    story.wait(20)
    assert story.said(key) == ("unconfirmed", "no_answer")


def test_a_tagged_event_confirms_without_a_202() -> None:
    story = Story()
    key = story.ask(dtmf())
    story.hear(an_event(a_dialog(), tag=key))
    story.wait(20)
    assert story.said(key) == ("confirmed", "request_id")


@pytest.mark.parametrize("when", ["before sending", "between", "at the end"])
def test_a_gap_since_before_sending_leaves_it_unconfirmed(when: str) -> None:
    story = Story(live=when != "before sending")
    key = story.accepted(dtmf())
    if when == "before sending":
        story.link_up(a_dialog(), user=a_user())
    story.wait(3)
    if when != "before sending":
        story.link_down()
    if when == "between":
        story.link_up(a_dialog(), user=a_user())
    story.wait(10)
    assert story.said(key) == ("unconfirmed", "link_lost")


def test_a_gap_takes_a_tagged_event_away_too() -> None:
    story = Story()
    key = story.accepted(dtmf())
    story.hear(an_event(a_dialog(), tag=key))
    story.link_down()
    story.link_up(a_dialog(), user=a_user())
    story.wait(10)
    assert story.said(key) == ("unconfirmed", "link_lost")


def test_a_fence_is_a_ping_at_the_windows_end() -> None:
    story = Story(fences=None)
    key = story.accepted(dtmf())
    story.wait(5.2)
    assert story.pings == []
    story.wait(0.2)
    assert [(ping.key, ping.agent) for ping in story.pings] == [(key, "agent1")]
    story.wait(1.5)
    story.fence(key, passed=True)
    assert story.said(key) == ("presumed", None)


def test_an_error_read_before_the_fence_is_answered_counts() -> None:
    # 6.6: a stream is ordered, whatever was sent before the answer has been read
    story = Story(fences=None)
    key = story.accepted(dtmf())
    story.wait(5.4)
    story.hear(an_error())
    story.fence(key, passed=True)
    assert story.said(key)[0] == "open"
    story.wait(2)
    assert story.said(key) == ("failed", "sole_pending")


def test_a_suspect_whose_time_has_come_is_named_at_the_fence() -> None:
    story = Story(fences=None)
    key = story.accepted(dtmf())
    story.wait(5.3)
    story.hear(an_error())
    story.wait(2)
    assert story.said(key) == ("failed", "sole_pending")


@pytest.mark.parametrize("answered", [True, False])
def test_without_the_fences_answer_in_two_seconds_the_link_is_lost(answered: bool) -> None:  # noqa: FBT001
    story = Story(fences=False if answered else None)
    key = story.accepted(dtmf())
    story.wait(7.4)
    assert story.said(key) == ("unconfirmed", "link_lost")


def test_a_link_lost_while_the_fence_is_out_leaves_it_unconfirmed() -> None:
    story = Story(fences=None)
    key = story.accepted(dtmf())
    story.wait(5.4)
    story.link_down()
    story.fence(key, passed=True)
    assert story.said(key) == ("unconfirmed", "link_lost")


def test_a_fence_nobody_asked_for_changes_nothing() -> None:
    story = Story()
    key = story.accepted(dtmf())
    story.fence(key, passed=True)
    story.fence("nobody", passed=True)
    assert story.said(key)[0] == "open"


def test_an_error_with_an_id_that_two_have_lets_neither_be_presumed() -> None:
    # 3: ambiguous for both
    story = Story()
    first = story.accepted(dtmf(), id_="145")
    second = story.accepted(dtmf(), id_="145", allow_repeat=True)
    story.hear(an_error(tag="145"))
    story.wait(20)
    assert story.said(first) == story.said(second) == ("unconfirmed", "ambiguous")


def test_a_tag_heard_before_the_id_was_repeated_still_confirms() -> None:
    # 3: a client that counts reuses 145
    story = Story()
    first = story.accepted(dtmf(), id_="145")
    story.hear(an_event(a_dialog(), tag="145"))
    story.accepted(dtmf(), id_="145", allow_repeat=True)
    story.wait(5.3)
    assert story.said(first) == ("confirmed", "request_id")


def test_an_untagged_error_before_a_tagged_event_leaves_it_to_the_suspicion() -> None:
    story = Story()
    first, second = story.accepted(dtmf()), story.accepted(dtmf())
    story.hear(an_error(), an_event(a_dialog(), tag=first))
    story.wait(5.3)
    assert story.said(first) == ("confirmed", "request_id")
    story.wait(0.1)
    assert story.said(second) == ("failed", "sole_pending")


def test_an_untagged_error_after_a_tagged_event_does_not_name_it() -> None:
    # found by the oracle: the desktop's refusal on the same call
    story = Story()
    key = story.accepted(dtmf())
    story.hear(an_event(a_dialog(), tag=key))
    story.wait(1)
    story.hear(an_error())
    story.wait(4.3)
    assert story.said(key) == ("confirmed", "request_id")


@pytest.mark.parametrize("heard", ["before the gap", "in the gap", "never"])
def test_an_untagged_error_names_none_whose_tag_was_taken_away_by_a_gap(heard: str) -> None:
    # found by the oracle: its id came before the lists were read, and the desktop was refused
    story = Story()
    key = story.accepted(dtmf())
    if heard == "before the gap":
        story.hear(an_event(a_dialog(), tag=key))
    story.link_down()
    if heard == "in the gap":
        story.hear(an_event(a_dialog(), tag=key))
    story.link_up(a_dialog(), user=a_user())
    story.hear(an_error())
    story.wait(10)
    assert story.said(key)[0] == ("failed" if heard == "never" else "unconfirmed")


def test_the_end_of_the_dialog_ends_an_open_dtmf() -> None:
    story = Story()
    key = story.accepted(dtmf())
    story.hear(removed())
    story.wait(2)
    assert story.said(key) == ("unconfirmed", "dialog_ended")


def test_the_end_of_the_dialog_does_not_take_a_tagged_dtmf_away() -> None:
    story = Story()
    key = story.accepted(dtmf())
    story.hear(an_event(a_dialog(), tag=key), removed())
    story.wait(5.3)
    assert story.said(key) == ("confirmed", "request_id")


# -- the chain ------------------------------------------------------------------------------


def test_each_window_begins_when_the_one_before_is_settled() -> None:
    # 6.6: from the later of our 202 and the settlement of the DTMF before it on that device
    story = Story()
    first, second, third = (story.accepted(dtmf()) for _ in range(3))
    story.wait(5.3)
    assert [story.said(key)[0] for key in (first, second, third)] == ["presumed", "open", "open"]
    story.wait(5.2)
    assert story.said(second)[0] == "open"
    story.wait(0.1)
    assert story.said(second)[0] == "presumed"
    story.wait(5.3)
    assert story.said(third)[0] == "presumed"


def test_a_202_later_than_the_settlement_before_it_begins_the_window() -> None:
    story = Story()
    first, second = story.ask(dtmf()), story.ask(dtmf())
    story.accept(first)
    story.wait(5.3)
    assert story.said(first)[0] == "presumed"
    # its own deadline from submission passed with it
    assert story.said(second) == ("unconfirmed", "no_answer")
    third = story.ask(dtmf())
    story.wait(4)
    story.accept(third)
    story.wait(5.3)
    assert story.said(third)[0] == "presumed"


def test_a_failed_one_lets_the_next_window_begin() -> None:
    story = Story()
    first, second = story.accepted(dtmf()), story.accepted(dtmf())
    story.wait(1)
    story.hear(an_error(tag=first))
    story.wait(5.2)
    assert story.said(second)[0] == "open"
    story.wait(0.1)
    assert story.said(second)[0] == "presumed"


def test_a_later_one_that_fails_does_not_move_the_window_of_the_first() -> None:
    story = Story()
    first, second = story.accepted(dtmf()), story.accepted(dtmf())
    story.wait(4)
    story.hear(an_error(tag=second))
    story.wait(1.3)
    assert story.said(first)[0] == "presumed"


def test_one_in_the_middle_may_leave_before_its_turn() -> None:
    story = Story()
    first, second, third = (story.accepted(dtmf()) for _ in range(3))
    story.abandon(second)
    story.wait(5.3)
    assert story.said(first)[0] == "presumed"
    story.wait(5.3)
    assert story.said(third)[0] == "presumed"


def test_one_that_left_before_its_turn_owns_no_error_for_ever() -> None:
    # 5: whose own deadline is not yet past
    story = Story()
    story.accepted(dtmf())
    second = story.accepted(dtmf())
    story.abandon(second)
    story.wait(30)
    key = story.accepted(Hold(agent="agent1", dialog_id="100"))
    story.hear(an_error())
    story.wait(2)
    assert story.said(key) == ("failed", "sole_pending")


def test_devices_have_chains_of_their_own() -> None:
    story = Story()
    story.link_up(a_dialog("200"), user=a_user(), agent="agent2")
    first = story.accepted(dtmf())
    second = story.accepted(dtmf(dialog="200", agent="agent2"), own="1002")
    story.wait(5.3)
    assert story.said(first)[0] == story.said(second)[0] == "presumed"


@pytest.mark.parametrize("gate", [GateMode.QUEUE, GateMode.OFF])
def test_recording_waits_for_no_chain(gate: GateMode) -> None:
    story = Story(gate=gate, fences=None)
    story.accepted(dtmf("1" * 20))
    key = story.ask(RECORD)
    story.wait(11)  # the window of the digits is over, its fence is out
    story.accept(key)
    story.wait(20)
    assert story.said(key)[0] != "open"


# -- the gate of DTMF (rules 9) -------------------------------------------------------------


def test_twenty_may_be_outstanding_and_the_next_waits() -> None:
    story = Story()
    keys = [story.ask(dtmf()) for _ in range(21)]
    assert story.sent == keys[:20]
    story.accept(keys[0])
    story.wait(5.29)
    assert len(story.sent) == 20
    story.refuse(keys[1])
    assert story.sent[20] == keys[20]


def test_dtmf_holds_others_for_its_window_at_most() -> None:
    # 9
    story = Story(fences=None)
    story.accepted(dtmf())
    hold = story.ask(Hold(agent="agent1", dialog_id="100"))
    story.wait(5.2)
    assert hold not in story.sent
    story.wait(0.2)
    assert hold in story.sent


def test_dtmf_waits_behind_a_request_that_changes_the_call() -> None:
    story = Story()
    hold = story.accepted(Hold(agent="agent1", dialog_id="100"))
    key = story.ask(dtmf())
    assert story.correlator.state(key) is State.QUEUED
    story.hear(an_event(own("HELD"), tag=hold))
    assert story.correlator.state(key) is State.SENT


def test_a_refusing_gate_takes_dtmf_together_but_nothing_beside_it() -> None:
    story = Story(gate=GateMode.REFUSE)
    story.accepted(dtmf())
    story.accepted(dtmf())
    with pytest.raises(DeviceBusy):
        story.ask(Hold(agent="agent1", dialog_id="100"))
    with pytest.raises(DeviceBusy):
        story.ask(
            UpdateCallData(agent="agent1", dialog_id="100", call_variables={"callVariable1": "x"})
        )


def test_a_202_after_a_doubtful_answer_presumes_nothing() -> None:
    # 6.6: it was in doubt
    story = Story()
    key = story.ask(dtmf())
    story.doubt(key)
    story.accept(key)
    story.wait(10)
    assert story.said(key) == ("unconfirmed", "link_lost")


def test_an_error_whose_two_seconds_end_before_the_fences_answer_does_not_undo_its_tag() -> None:
    story = Story(fences=None)
    key = story.accepted(dtmf())
    story.hear(an_event(a_dialog(), tag=key))
    story.wait(5.2)
    story.hear(an_error())
    story.wait(1.9)
    story.now += 0.1
    story.fence(key, passed=True)
    assert story.said(key) == ("confirmed", "request_id")
