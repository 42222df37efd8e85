"""Rules of evidence 1, 2, 6.6 and 7: Finesse's answers, windows, fences, deadlines and bounds."""

from __future__ import annotations

import pytest

from listener.correlation.entry import MAX_GAPS
from listener.correlation.steps import AnswerKind
from listener.errors import InvalidRequest
from listener.finesse import actions as a
from tests.builders import AGENT, CALL, Story, a_dialog, a_user, an_error, an_event, own, removed
from tests.unit.correlation.given import HOLD, RETRIEVE, dtmf


@pytest.mark.parametrize("kind", AnswerKind)
def test_a_second_answer_after_a_202_changes_nothing(kind: AnswerKind) -> None:
    # who reports what he sent may contradict himself; it was a missing cell of the table
    story = Story()
    key = story.ask(HOLD, expected=True)
    story.accept(key)
    story.answer(key, kind, status=400)
    assert story.said(key)[0] == "open"
    story.hear(an_event(own("HELD")))
    assert story.said(key) == ("confirmed", "expectation")


def test_what_is_heard_when_the_timer_is_late_came_before_what_time_lets_out() -> None:
    # the machine was busy: the first one's deadline and the event are seen in one go
    for event in (an_event(own("ACTIVE", 5)), an_error()):
        story = Story(own("HELD", 0))
        first, second = story.accepted(HOLD), story.ask(RETRIEVE, length=60.0)
        story.now += 21
        story.hear(event)
        assert story.said(first)[0] == "unconfirmed"
        assert story.sent == [first, second]
        story.accept(second)
        story.wait(5)
        assert story.said(second)[0] == "open", event
        story.hear(an_event(own("HELD", 6)), an_event(own("ACTIVE", 7)))
        assert story.said(second) == ("confirmed", "expectation")


def test_who_is_let_out_too_late_does_not_go_out_after_all() -> None:
    story = Story()
    first, second = story.accepted(HOLD), story.ask(RETRIEVE)
    story.now += 40
    story.hear(an_event())
    assert story.said(first) == ("unconfirmed", "deadline")
    assert story.said(second) == ("rejected", "expired_in_queue")
    assert story.sent == [first]


@pytest.mark.parametrize("kind", [AnswerKind.REFUSED, AnswerKind.NOT_SENT])
@pytest.mark.parametrize("expected", [True, False])
def test_a_refusal_after_our_id_was_heard_is_doubt(kind: AnswerKind, *, expected: bool) -> None:
    story = Story()
    key = story.ask(HOLD, expected=expected)
    story.hear(an_event(own("ACTIVE", 0), tag=key))
    story.answer(key, kind, status=400)
    assert story.said(key)[0] == "open"
    story.wait(61)
    assert story.said(key) == ("unconfirmed", "no_answer")


def test_a_refusal_counts_when_the_id_that_was_heard_is_used_twice() -> None:
    story = Story()
    key = story.ask(HOLD, id_="145")
    other = story.ask(dtmf(), id_="145", allow_repeat=True)
    story.hear(an_event(own("ACTIVE", 0), tag="145"))
    story.refuse(key)
    assert story.said(key)[0] == "rejected"
    assert story.said(other)[0] == "open"


def test_a_deadline_that_was_given_for_an_expectation_is_kept() -> None:
    story = Story()
    key = story.accepted(HOLD, expected=True, length=60.0)
    story.wait(59)
    assert story.said(key)[0] == "open"
    story.wait(1)
    assert story.said(key) == ("unconfirmed", "deadline")


def test_gaps_without_end_are_told_together() -> None:
    story = Story()
    key = story.accepted(HOLD, length=600.0)
    for _ in range(MAX_GAPS + 3):
        story.wait(1)
        story.link_down()
        story.wait(1)
        story.link_up(a_dialog(), user=a_user())
    story.wait(600)
    gaps = story.outcomes[key].window.gaps
    assert len(gaps) == MAX_GAPS
    assert gaps[0] == (1.0, 8.0)


@pytest.mark.parametrize("length", [3600.1, 1e308, float("nan")])
def test_a_deadline_beyond_an_hour_is_refused(length: float) -> None:
    story = Story()
    with pytest.raises(InvalidRequest):
        story.ask(HOLD, length=length)
    assert story.ask(HOLD, length=3600.0) in story.sent


@pytest.mark.parametrize(
    ("after", "said"), [(1.9, ("presumed", None)), (2.1, ("unconfirmed", "link_lost"))]
)
def test_a_pings_answer_counts_within_its_two_seconds(
    after: float, said: tuple[str, str | None]
) -> None:
    story = Story(fences=None)
    key = story.accepted(a.SendDtmf(agent=AGENT, dialog_id=CALL, dtmf_string="1"))
    story.wait(5.3)
    story.now += after  # the timer has not rung yet
    story.fence(key, passed=True)
    assert story.said(key) == said


def test_an_answer_to_a_ping_that_was_not_sent_changes_nothing() -> None:
    story = Story()
    key = story.accepted(a.SendDtmf(agent=AGENT, dialog_id=CALL, dtmf_string="1"))
    story.fence(key, passed=False)
    assert story.said(key)[0] == "open"
    story.wait(6)
    assert story.said(key)[0] == "presumed"


@pytest.mark.parametrize(("after", "word"), [(19, "confirmed"), (21, "open")])
def test_a_get_that_was_sent_after_the_deadline_is_late_though_nothing_was_due(
    after: float, word: str
) -> None:
    story = Story()
    key = story.accepted(a.Hold(agent=AGENT, dialog_id=CALL), length=20.0)
    story.link_down()
    story.asleep(30)
    story.link_up(own("HELD", 1), user=a_user("HOLD", 1), asked=story.now - 30 + after)
    assert story.said(key)[0] == word
    story.awake()
    assert story.said(key)[0] == ("confirmed" if after < 20 else "unconfirmed")


# -- when a call has ended, or nothing tells any more ----------------------------------------------


def test_the_window_of_a_recording_decides_though_its_event_came_behind_the_calls_end() -> None:
    story = Story()
    key = story.accepted(a.StartRecording(agent=AGENT, dialog_id="100"))
    story.hear(removed(), an_event(tag=key))
    story.wait(4.9)
    assert story.said(key)[0] == "open"
    story.wait(0.2)
    assert story.said(key) == ("confirmed", "request_id")


def test_a_tone_in_whose_window_a_gap_was_ends_with_it_and_holds_up_no_other() -> None:
    story = Story()
    first = story.accepted(a.SendDtmf(agent=AGENT, dialog_id="100", dtmf_string="1"), length=30.0)
    second = story.accepted(a.SendDtmf(agent=AGENT, dialog_id="100", dtmf_string="2"))
    story.wait(1)
    story.link_down()
    story.link_up(a_dialog(), user=a_user())
    story.wait(4.4)
    assert story.said(first) == ("unconfirmed", "link_lost")
    story.wait(5.4)
    assert story.said(second) == ("unconfirmed", "link_lost")


# -- a GET that failed -----------------------------------------------------------------------------


def test_a_get_that_failed_is_asked_once_more_a_second_later() -> None:
    # 7: a 401 or 5xx says nothing, and there is time yet
    story = Story()
    hold = story.accepted(a.Hold(agent=AGENT, dialog_id="100"))
    story.wait(17)
    story.look(ok=False)
    assert len(story.asks) == 1
    story.wait(1)
    story.look(own("HELD", 5))
    assert story.said(hold) == ("confirmed", "snapshot")


@pytest.mark.parametrize(("seconds", "asked"), [(0.1, 3), (1.5, 2), (2.1, 1)])
def test_a_get_that_fails_is_asked_three_times_at_most_and_before_the_deadline(
    seconds: float, asked: int
) -> None:
    story = Story()
    hold = story.accepted(a.Hold(agent=AGENT, dialog_id="100"))
    while story.said(hold)[0] == "open":
        before = len(story.asks)
        story.wait(0.5)
        if len(story.asks) > before:
            story.wait(seconds)
            story.look(ok=False)
    assert len(story.asks) == asked
