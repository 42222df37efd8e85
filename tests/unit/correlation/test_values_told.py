"""Rules of evidence 6.7: which values were set, by whom, and which were so before."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from listener.correlation.gate import GateMode
from listener.correlation.outcome import MinimumEvidence
from listener.finesse import actions as a
from listener.finesse.model import CallVariable, Dialog
from tests.builders import (
    AGENT,
    CALL,
    CUSTOMER,
    EXT,
    Story,
    a_dialog,
    a_participant,
    a_user,
    added,
    an_event,
    own,
    removed,
)
from tests.unit.correlation.given import (
    MAKE_CALL,
    UPDATE_OTHER,
    UPDATE_SET,
    UPDATE_USER_X,
    dtmf,
    shown,
    update,
    valued,
)

LONG = a.UpdateCallData(agent=AGENT, dialog_id="100", call_variables={"user.note": "x 123456"})


def noted(value: str) -> Dialog:
    """Return the call with that in an ECC variable."""
    return a_dialog(media={"call_variables": (CallVariable("user.note", value),)})


def test_what_was_another_value_since_sending_is_set_by_the_event_with_our_id() -> None:
    # two at once; the first one's value came between
    def said(value: str) -> Dialog:
        return a_dialog(variables={"BAResponse": value})

    story = Story(said("FAX"), gate=GateMode.OFF)
    first = story.accepted(
        a.Reclassify(agent=AGENT, dialog_id=CALL, outbound_classification="VOICE")
    )
    second = story.accepted(
        a.Reclassify(agent=AGENT, dialog_id=CALL, outbound_classification="FAX")
    )
    story.hear(an_event(said("VOICE"), tag=first), an_event(said("FAX"), tag=second))
    assert story.said(second) == ("confirmed", "request_id")


def test_values_that_another_changed_are_not_failed_while_a_call_waits_for_better_proof() -> None:
    # every event of the call shows the call that was made; that explains no data
    def call(value: str) -> Dialog:
        parties = (a_participant(at=1), a_participant("5551", at=1))
        shown = {"variables": {"callVariable1": value}, "from_address": EXT, "to_address": "5551"}
        return a_dialog("200", *parties, **shown)

    story = Story(gate=GateMode.OFF)
    story.ask(MAKE_CALL, minimum=MinimumEvidence.REQUEST_ID, length=60.0)
    story.hear(added(call("")))
    key = story.accepted(
        a.UpdateCallData(agent=AGENT, dialog_id="200", call_variables={"callVariable1": ""})
    )
    story.hear(an_event(call("y")))
    story.wait(17.5)
    story.look(listed=None, dialog=call("y"))
    story.wait(5)
    assert story.said(key)[0] == "unconfirmed"


def test_call_data_that_was_another_since_sending_is_set_by_the_event_with_our_id() -> None:
    def call(value: str) -> Dialog:
        return a_dialog(variables={"callVariable1": value})

    story = Story(call("x"))
    key = story.accepted(
        a.UpdateCallData(agent=AGENT, dialog_id=CALL, call_variables={"callVariable1": "x"})
    )
    story.hear(an_event(call("y")), an_event(call("x"), tag=key))
    assert story.said(key) == ("confirmed", "request_id")


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


@pytest.mark.parametrize(
    ("shown", "said"),
    [("set", ("confirmed", "snapshot")), ("y", ("unconfirmed", "deadline"))],
)
def test_values_that_a_get_shows_are_there_whatever_they_were_before(
    shown: str, said: tuple[str, str]
) -> None:
    # 6.7: equal values; what was published again may have been older than what was known
    story = Story()
    for content, value in ((8, "x"), (9, "y"), (8, "x")):
        story.hear(an_event(a_dialog(variables={"callVariable1": value})), content=content)
    key = story.accepted(UPDATE_SET)
    story.hear(an_event(a_dialog(variables={"callVariable1": "set"})))
    assert story.said(key)[0] == "open"
    story.wait(17.1)
    story.look(a_dialog(variables={"callVariable1": shown}))
    story.wait(5)
    assert story.said(key) == said


@pytest.mark.parametrize("joined", [True, False])
def test_old_values_of_a_call_that_went_in_a_gap_are_no_change(
    joined: bool,  # noqa: FBT001  the parameter of a test
) -> None:
    story = Story(valued("w"), a_dialog("200"))
    for content, value in ((101, "y"), (102, "x")):
        story.hear(an_event(valued(value)), content=content)
        story.wait(60)
    key = story.accepted(UPDATE_USER_X)
    story.link_down()
    story.link_up(a_dialog("200"), user=a_user())
    story.hear(an_event(a_dialog("200", secondary_id="100" if joined else None)))
    story.hear(an_event(valued("y")), content=101)
    assert story.said(key)[0] == "open"


@pytest.mark.parametrize("since", [("1234", "x 12"), ("x 12", "1234"), ("x 12",)])
def test_a_beginning_that_was_so_at_sending_is_none_of_its_work_whatever_was_since(
    since: tuple[str, ...],
) -> None:
    # 6.7: different from the baseline; its id may come with another value, or with none
    story = Story(noted("x 12"), gate=GateMode.OFF)
    key = story.accepted(LONG)
    for value in since:
        story.hear(an_event(noted(value)))
    story.hear(an_event(noted("x 12"), tag=key))
    story.wait(30)
    assert story.said(key)[0] == "unconfirmed"


# -- what was so before (4) ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "removed_", "word"),
    [("ACTIVE", False, "unconfirmed"), ("HELD", False, "failed"), ("ACTIVE", True, "failed")],
)
def test_a_foreign_id_where_nothing_else_changed_may_have_written_over_the_values(
    state: str, word: str, *, removed_: bool
) -> None:
    # found by the oracle: it wrote what there had been before
    story = Story(a_dialog(), gate=GateMode.OFF)
    key = story.accepted(replace(UPDATE_OTHER, dialog_id=CALL), length=30.0)
    story.wait(1)
    if removed_:
        story.hear(removed(a_dialog(), tag="their", owner="agent2"))
    else:
        story.hear(an_event(own(state, 0 if state == "ACTIVE" else 2), tag="their"))
    story.wait(26.5)
    story.look(own(state, 0 if state == "ACTIVE" else 2))
    story.wait(30)
    assert story.said(key)[0] == word


@pytest.mark.parametrize("foreign", [True, False])
def test_a_foreign_id_that_was_heard_before_a_hand_over_may_have_written_over_the_values(
    *, foreign: bool
) -> None:
    story = Story(a_dialog())
    baseline = story.correlator.picture(AGENT).baseline(CALL)
    wrote = an_event(a_dialog(), tag="their", dialog_id=CALL if foreign else "900")
    story.hear(wrote)
    data = replace(UPDATE_OTHER, dialog_id=CALL)
    key = story.adopt(data, baseline=baseline, left=29.0, age=1.0, gap=False, length=30.0)
    story.rehear(key, wrote)
    story.wait(27)
    story.look(a_dialog())
    story.wait(30)
    assert story.said(key)[0] == ("unconfirmed" if foreign else "failed")


# -- what is shown as it was (6.7) -----------------------------------------------------------------


def offered(*actions: str) -> Dialog:
    """Return the call with what the agent may do on it."""
    return a_dialog(CALL, a_participant(actions=actions), a_participant(CUSTOMER))


@pytest.mark.parametrize(
    ("told", "word"),
    [
        (a_dialog(), "unconfirmed"),
        (offered("CONFERENCE"), "unconfirmed"),  # by what is done on another call
        (own("HELD", 2), "failed"),
        (removed(a_dialog(), owner="agent2"), "failed"),
    ],
)
@pytest.mark.parametrize("tag", [None, "their"])
def test_news_of_a_call_as_it_was_may_tell_of_values_that_were_written_over(
    told: Any, word: str, tag: str | None
) -> None:
    # found by the oracle: the news of what it wrote were lost, and another client wrote what
    # there had been before
    story = Story(a_dialog())
    key = story.accepted(replace(UPDATE_OTHER, dialog_id=CALL), length=30.0)
    story.hear(_event(told, tag))
    story.wait(27)
    story.look(told if isinstance(told, Dialog) else a_dialog())
    story.wait(30)
    assert story.said(key)[0] == word


def _event(told: Any, tag: str | None) -> Any:
    return an_event(told, tag=tag) if isinstance(told, Dialog) else replace(told, request_id=tag)


def test_the_id_of_a_tone_on_a_call_as_it_was_tells_of_no_values_that_were_written_over() -> None:
    story = Story(a_dialog(), gate=GateMode.OFF)
    tone = story.accepted(dtmf())
    key = story.accepted(replace(UPDATE_OTHER, dialog_id=CALL), length=30.0)
    story.hear(an_event(a_dialog(), tag=tone))
    story.wait(27)
    story.look(a_dialog())
    story.wait(30)
    assert story.said(key)[0] == "failed"


@pytest.mark.parametrize("how", ["never", "news", "repeat"])
def test_news_of_a_call_as_it_was_before_a_hand_over_may_tell_of_values_that_were_written_over(
    how: str,
) -> None:
    story = Story(a_dialog())
    baseline = story.correlator.picture(AGENT).baseline(CALL)
    told = an_event(offered("CONFERENCE"))
    story.hear(told, content=7)
    story.wait(3)
    if how == "repeat":  # no news, so that nobody tells of it
        story.hear(an_event(offered("CONFERENCE")), content=7)
    data = replace(UPDATE_OTHER, dialog_id=CALL)
    key = story.adopt(data, baseline=baseline, left=29.0, age=1.0, gap=False, length=30.0)
    if how == "news":
        story.rehear(key, told)
    story.wait(27)
    story.look(offered("CONFERENCE"))
    story.wait(30)
    assert story.said(key)[0] == ("failed" if how == "never" else "unconfirmed")
