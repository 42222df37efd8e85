"""What readers of the correlator found: each story once ended with a wrong word, or with none."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import listener.finesse.actions as act
from tests.builders import AGENT, CALL, Story, a_dialog, a_user, an_event

if TYPE_CHECKING:
    from listener.finesse.model import Dialog


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


def test_values_from_before_a_gap_long_ago_prove_when_they_come_back() -> None:
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
    assert story.said(key) == ("confirmed", "expectation")


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


def test_an_old_content_published_again_after_a_gap_proves_nothing_at_first() -> None:
    for wait, word in ((5, "open"), (11, "confirmed")):
        story = Story(shown(callVariable1="x"))
        story.hear(an_event(shown(callVariable1="x")), content=1)
        story.wait(5)
        story.link_down()
        story.link_up(shown(callVariable1="y"), user=a_user())
        story.wait(wait)
        key = story.accepted(update(callVariable1="x"))
        assert story.hear(an_event(shown(callVariable1="x")), content=1), "y was there since"
        assert story.said(key)[0] == word


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
