"""What readers of the correlator found: each story once ended with a wrong word, or with none."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

import listener.finesse.actions as act
from listener.correlation.entry import MAX_GAPS, MAX_SUSPICIONS
from listener.correlation.gate import GateMode
from listener.correlation.steps import AnswerKind
from listener.errors import InvalidRequest
from tests.builders import AGENT, CALL, Story, a_dialog, a_user, an_error, an_event, own

if TYPE_CHECKING:
    from listener.finesse.model import Dialog


HOLD = act.Hold(agent=AGENT, dialog_id=CALL)


def shown(**values: str) -> Dialog:
    return a_dialog(variables=values)


def update(**values: str) -> act.UpdateCallData:
    return act.UpdateCallData(agent=AGENT, dialog_id=CALL, call_variables=values)


def dtmf(tones: str = "1") -> act.SendDtmf:
    return act.SendDtmf(agent=AGENT, dialog_id=CALL, dtmf_string=tones)


def test_digits_do_not_wait_for_digits_that_the_caller_only_announced() -> None:
    story = Story()
    story.ask(dtmf(), expected=True, length=3600.0)
    key = story.accepted(dtmf("2"), length=6.0)
    story.wait(10)
    assert story.said(key) == ("presumed", None)


def test_announced_digits_have_a_window_of_their_own_once_reported() -> None:
    story = Story()
    story.accepted(dtmf(), length=30.0)
    key = story.accepted(dtmf("2"), expected=True)
    story.wait(10)
    assert story.said(key) == ("presumed", None)


def test_values_from_before_a_gap_long_ago_are_news_when_they_come_back_and_a_get_decides() -> None:
    story = Story(shown(callVariable1="x"))
    story.hear(an_event(shown(callVariable1="x")), content=1)
    story.wait(5)
    story.link_down()
    story.link_up(shown(callVariable1="y"), user=a_user())
    story.wait(60)
    story.hear(an_event(shown(callVariable1="y")), content=2)
    story.wait(30)
    key = story.accepted(update(callVariable1="x"))
    story.wait(0.2)
    assert story.hear(an_event(shown(callVariable1="x")), content=1)
    assert story.said(key)[0] == "open", "it may be told again"
    story.wait(17)
    story.look(dialog=shown(callVariable1="x"))
    assert story.said(key) == ("confirmed", "snapshot")


def test_values_that_came_back_in_a_moment_are_taken_in_but_prove_nothing() -> None:
    story = Story(shown(callVariable1="0"))
    story.hear(an_event(shown(callVariable1="x")), content=1)
    story.wait(1)
    story.hear(an_event(shown(callVariable1="y")), content=2)
    story.wait(0.3)
    key = story.accepted(update(callVariable1="x"))
    assert story.hear(an_event(shown(callVariable1="x")), content=1)
    assert story.said(key)[0] == "open"
    known = story.correlator.picture(AGENT).dialogs[CALL].dialog
    assert known.media_properties.variable("callVariable1") == "x"
    story.wait(3)
    assert story.hear(an_event(shown(callVariable1="y")), content=2)
    story.wait(14)
    story.look(dialog=shown(callVariable1="y"))
    story.wait(5)
    assert story.said(key)[0] == "unconfirmed", "somebody set y after us"


def test_an_old_content_published_again_after_a_gap_proves_nothing_by_itself() -> None:
    for wait in (5, 11):
        story = Story(shown(callVariable1="x"))
        story.hear(an_event(shown(callVariable1="x")), content=1)
        story.wait(5)
        story.link_down()
        story.link_up(shown(callVariable1="y"), user=a_user())
        story.wait(wait)
        key = story.accepted(update(callVariable1="x"))
        assert story.hear(an_event(shown(callVariable1="x")), content=1), "y was there since"
        assert story.said(key)[0] == "open"


def test_an_old_content_proves_what_its_id_names_and_nothing_else() -> None:
    story = Story(shown(callVariable1="0", callVariable2="0"))
    story.hear(an_event(shown(callVariable1="1", callVariable2="1")), content=1)
    story.hear(an_event(shown(callVariable1="0", callVariable2="0")), content=2)
    one = story.accepted(update(callVariable1="1"))
    two = story.accepted(update(callVariable2="1"))
    story.hear(an_event(shown(callVariable1="1", callVariable2="1"), tag=one), content=1)
    assert story.said(one) == ("confirmed", "request_id")
    assert story.said(two)[0] == "open"


def test_a_part_of_the_values_set_by_our_other_update_does_not_fail_the_wider_one() -> None:
    for tag in ("r1", "somebody"):
        story = Story(shown(callVariable1="0", callVariable2="0"))
        story.accepted(update(callVariable1="1"))
        wide = story.accepted(update(callVariable1="1", callVariable2="2"))
        story.hear(an_event(shown(callVariable1="1", callVariable2="0"), tag=tag))
        story.wait(2.5)
        assert story.said(wide)[0] == "open"
        story.hear(an_event(shown(callVariable1="1", callVariable2="2")))
        assert story.said(wide) == ("confirmed", "expectation")


def test_a_part_of_the_values_without_our_id_fails_only_at_the_deadline() -> None:
    story = Story(shown(callVariable1="0", callVariable2="0"))
    key = story.accepted(update(callVariable1="1", callVariable2="2"))
    story.hear(an_event(shown(callVariable1="1", callVariable2="0")))
    story.wait(15)
    assert story.said(key)[0] == "open"
    story.wait(10)
    assert story.said(key) == ("failed", "expectation")
    assert story.outcomes[key].missing == ("callVariable2",)


def test_a_part_of_the_values_with_our_id_fails_soon() -> None:
    story = Story(shown(callVariable1="0", callVariable2="0"))
    key = story.accepted(update(callVariable1="1", callVariable2="2"))
    story.hear(an_event(shown(callVariable1="1", callVariable2="0"), tag=key))
    story.wait(2.5)
    assert story.said(key) == ("failed", "request_id")


def test_a_part_of_the_values_does_not_fail_when_somebody_else_set_one_of_them_since() -> None:
    story = Story(shown(callVariable1="0", callVariable2="0"))
    key = story.accepted(update(callVariable1="1", callVariable2="2"))
    story.hear(an_event(shown(callVariable1="1", callVariable2="0")))
    story.wait(1)
    story.hear(an_event(shown(callVariable1="7", callVariable2="0")))
    story.wait(25)
    assert story.said(key)[0] == "unconfirmed"


def test_a_part_of_the_values_does_not_fail_once_a_later_update_went_out() -> None:
    story = Story(shown(callVariable1="0", callVariable2="0"))
    key = story.accepted(update(callVariable1="1", callVariable2="2"))
    story.hear(an_event(shown(callVariable1="1", callVariable2="0")))
    story.accepted(update(callVariable2="3"))
    story.wait(25)
    assert story.said(key)[0] == "unconfirmed"


def test_a_list_read_late_does_not_overwrite_a_newer_event() -> None:
    story = Story(shown(callVariable1="1"))
    story.link_down()
    story.wait(5)
    asked = story.now
    story.wait(0.2)
    story.hear(an_event(shown(callVariable1="2")))
    story.wait(0.2)
    story.link_up(shown(callVariable1="1"), asked=asked, user=a_user())
    key = story.accepted(update(callVariable1="2"))
    story.hear(an_event(replace(shown(callVariable1="2"), to_address="x")))
    assert story.said(key)[0] == "open"


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


def test_an_expectation_reported_in_doubt_counts_as_answered() -> None:
    story = Story()
    silent, seen = (story.ask(each, expected=True) for each in (dtmf(), HOLD))
    for key in (silent, seen):
        story.answer(key, AnswerKind.DOUBTFUL, status=500)
    story.hear(an_event(own("HELD", 1)))
    assert story.said(seen) == ("confirmed", "expectation")
    story.wait(60)
    assert story.said(silent) == ("unconfirmed", "no_answer")


def test_the_sole_suspect_is_named_when_its_answer_comes_late() -> None:
    story = Story()
    key = story.ask(HOLD)
    story.wait(1)
    story.hear(an_error())
    story.wait(4)
    story.accept(key)
    story.wait(0.1)
    assert story.said(key) == ("failed", "sole_pending")


def test_an_error_just_before_the_answer_leaves_its_two_seconds() -> None:
    story = Story()
    key = story.ask(HOLD)
    story.hear(an_error())
    story.wait(0.5)
    story.accept(key)
    story.wait(1)
    story.hear(an_event(own("HELD", 1)))
    assert story.said(key) == ("confirmed", "expectation")


def test_an_error_between_the_windows_end_and_the_fence_names_the_digits() -> None:
    story = Story(fences=None)
    key = story.accepted(dtmf())
    story.wait(5.4)
    assert [ping.key for ping in story.pings] == [key]
    story.hear(an_error())
    story.fence(key, passed=True)
    assert story.said(key)[0] == "open"
    story.wait(2)
    assert story.said(key) == ("failed", "sole_pending")


def test_errors_without_end_are_not_all_kept() -> None:
    story = Story()
    key = story.ask(HOLD)
    for _ in range(MAX_SUSPICIONS + 5):
        story.hear(an_error())
        story.wait(0.1)
    entry = story.correlator.entry(key)
    assert entry is not None
    assert len(entry.suspicions) == MAX_SUSPICIONS
    assert entry.clouded


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


def test_an_error_soon_after_digits_were_presumed_may_be_theirs() -> None:
    for after, word in ((0.4, "open"), (5.1, "failed")):
        story = Story()
        digits = story.accepted(dtmf())
        story.wait(6)
        assert story.said(digits)[0] == "presumed"
        key = story.accepted(HOLD)
        story.wait(after)
        story.hear(an_error())
        story.wait(2.5)
        assert story.said(key)[0] == word
        assert len(story.lates) == (word == "open")


def test_an_error_after_one_that_named_its_sole_suspect_may_be_that_ones() -> None:
    story = Story()
    first = story.accepted(HOLD)
    story.hear(an_error())
    story.wait(3)
    assert story.said(first) == ("failed", "sole_pending")
    second = story.accepted(HOLD)
    story.wait(3)
    story.hear(an_error("another"))
    story.wait(3)
    assert story.said(second)[0] == "open"


def test_a_second_error_has_two_seconds_of_its_own() -> None:
    story = Story(gate=GateMode.OFF)
    key = story.accepted(HOLD)
    story.accepted(act.Retrieve(agent=AGENT, dialog_id=CALL))
    story.hear(an_error())
    story.wait(1)
    story.hear(an_error("INVALID_ACTION HOLD"))
    story.wait(1.9)
    assert story.said(key)[0] == "open"
    story.wait(0.2)
    assert story.said(key) == ("failed", "sole_pending")


def test_an_error_before_the_fence_that_may_be_anothers_names_nobody() -> None:
    story = Story(fences=None)
    key = story.accepted(dtmf())
    story.wait(5.4)
    story.hear(an_event(own("HELD", 1), tag="somebody"), an_error())
    story.fence(key, passed=True)
    assert story.said(key) == ("unconfirmed", "ambiguous")


def test_values_that_may_be_old_ones_are_nothing_to_compare_with() -> None:
    story = Story(shown(callVariable1="0"))
    story.hear(an_event(shown(callVariable1="x")), content=1)
    story.hear(an_event(shown(callVariable1="y")), content=2)
    story.hear(an_event(shown(callVariable1="x")), content=1)  # a copy: y is what is there
    key = story.accepted(update(callVariable1="y"))
    story.hear(an_event(replace(shown(callVariable1="y"), to_address="5")), content=3)
    assert story.said(key)[0] == "open"
    other = story.accepted(update(callVariable1="z"))
    story.hear(an_event(shown(callVariable1="z")), content=4)
    assert story.said(other) == ("confirmed", "expectation")
