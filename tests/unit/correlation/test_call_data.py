"""Rules of evidence 6.7: UPDATE_CALL_DATA, in which a GET may fail a request."""

from __future__ import annotations

from dataclasses import replace

import pytest

from listener.correlation.instants import instant
from listener.correlation.outcome import Confirmed, Failed, MinimumEvidence
from listener.correlation.steps import AnswerKind
from listener.finesse.actions import Hold, UpdateCallData
from tests.builders import (
    Story,
    a_dialog,
    a_participant,
    a_user,
    an_error,
    an_event,
    clock,
    own,
    removed,
)

OLD = a_dialog(variables={"callVariable1": "old", "user.note": "", "callVariable2": "2"})


def update(**variables: str) -> UpdateCallData:
    names = {name.replace("_", "."): value for name, value in variables.items()}
    return UpdateCallData(agent="agent1", dialog_id="100", call_variables=names)


def shown(at: float = 0, **variables: str | None) -> object:
    names = {"callVariable1": "old", "user.note": "", "callVariable2": "2"}
    names |= {name.replace("_", "."): value for name, value in variables.items()}
    return a_dialog("100", a_participant(at=at), variables=names)


def test_all_requested_values_in_a_put_confirm() -> None:
    story = Story(OLD)
    key = story.accepted(update(callVariable1="x", user_note="n"))
    story.hear(an_event(shown(callVariable1="x", user_note="n")))
    outcome = story.outcomes[key]
    assert isinstance(outcome, Confirmed)
    assert (outcome.changed, outcome.applied) == (True, ("callVariable1", "user.note"))


def test_wrap_up_reason_and_items_are_values_too() -> None:
    story = Story(OLD)
    request = UpdateCallData(
        agent="agent1", dialog_id="100", wrap_up_reason="done", wrap_up_items=("a", "b")
    )
    key = story.accepted(request)
    story.hear(an_event(a_dialog(media={"wrap_up_reason": "done", "wrap_up_items": ("b", "a")})))
    assert story.said(key) == ("confirmed", "expectation")


@pytest.mark.parametrize("value", ["x ", " x", "X", "xy", None])
def test_values_compare_exactly(value: str | None) -> None:
    # 6.7: never trimmed
    story = Story(OLD)
    key = story.accepted(update(callVariable1="x"))
    story.hear(an_event(shown(callVariable1=value)))
    assert story.said(key)[0] == "open"


def test_equal_values_are_sent_and_confirmed_by_a_get_as_unchanged() -> None:
    # 6.7: always sent; SNAPSHOT, `changed` false
    story = Story(OLD)
    key = story.accepted(update(callVariable1="old"))
    assert story.sent == [key]
    story.hear(an_event(shown(1)))
    story.wait(17)
    assert story.said(key)[0] == "open"
    story.look(dialog=shown(), listed=None)
    assert story.said(key) == ("confirmed", "snapshot")
    assert story.outcomes[key].changed is False


def test_equal_values_are_not_confirmed_before_the_window_is_over() -> None:
    # 6.7: a GET after the window
    story = Story(OLD)
    key = story.accepted(update(callVariable1="old"))
    story.link_down()
    story.wait(1)
    story.link_up(OLD, user=a_user())
    assert story.said(key)[0] == "open"
    story.hear(an_error(tag=key))
    assert story.said(key) == ("failed", "request_id")


def test_equal_values_with_our_id_are_confirmed_at_the_deadline() -> None:
    story = Story(OLD)
    key = story.accepted(update(callVariable1="old"))
    story.hear(an_event(shown(1), tag=key))
    story.wait(20)
    assert story.said(key) == ("confirmed", "request_id")
    assert story.outcomes[key].changed is False


def test_some_set_and_some_not_is_failed_with_both_named() -> None:
    story = Story(OLD)
    key = story.accepted(update(callVariable1="x", callVariable2="y"))
    story.hear(an_event(shown(callVariable1="x")))
    story.wait(19.9)  # the rest may follow until the deadline
    assert story.said(key)[0] == "open"
    story.wait(0.1)
    outcome = story.outcomes[key]
    assert isinstance(outcome, Failed)
    assert (outcome.applied, outcome.missing) == (("callVariable1",), ("callVariable2",))


def test_the_rest_of_the_values_may_follow_in_another_put() -> None:
    story = Story(OLD)
    key = story.accepted(update(callVariable1="x", callVariable2="y"))
    story.hear(an_event(shown(callVariable1="x")))
    story.wait(1)
    story.hear(an_event(shown(callVariable1="x", callVariable2="y")))
    assert story.said(key) == ("confirmed", "expectation")


def test_a_part_that_was_there_before_is_no_part() -> None:
    story = Story(OLD)
    key = story.accepted(update(callVariable1="old", callVariable2="y"))
    story.hear(an_event(shown(1)))
    story.wait(5)
    assert story.said(key)[0] == "open"


def test_a_lost_link_takes_a_part_away_for_the_rest_may_be_missed() -> None:
    story = Story(OLD)
    key = story.accepted(update(callVariable1="x", callVariable2="y"))
    story.hear(an_event(shown(callVariable1="x")))
    story.link_down()
    story.wait(3)
    assert story.said(key)[0] == "open"


@pytest.mark.parametrize(
    ("name", "asked", "value", "word"),
    [
        ("user.note", "abcdef", "abc", "confirmed"),
        ("user.note", "ä" * 3, "ää", "confirmed"),
        ("user.note", "abcdef", "", "open"),  # non-empty
        ("user.note", "abcdef", "abd", "open"),  # a prefix
        ("user.note", "abc", "abcdef", "open"),  # a proper one
        ("callVariable1", "abcdef", "abc", "open"),  # ECC alone
        ("user.note", "abcdef", None, "open"),
    ],
)
def test_truncation_counts_only_for_ecc_and_a_proper_prefix(
    name: str, asked: str, value: str | None, word: str
) -> None:
    story = Story(OLD)
    request = UpdateCallData(agent="agent1", dialog_id="100", call_variables={name: asked})
    key = story.accepted(request)
    story.hear(an_event(a_dialog(variables={name: value})))
    assert story.said(key)[0] == word
    if word == "confirmed":
        assert story.outcomes[key].truncated == (name,)


def test_a_prefix_that_was_there_before_is_no_truncation() -> None:
    # 6.7: different from the baseline
    story = Story(a_dialog(variables={"user.note": "abc"}))
    key = story.accepted(update(user_note="abcdef"))
    story.hear(an_event(a_dialog(variables={"user.note": "abc"}, secondary_id="")))
    assert story.said(key)[0] == "open"


def test_a_get_shows_no_truncation() -> None:
    # 6.7: in an event since the request
    story = Story(OLD)
    key = story.accepted(update(user_note="abcdef"))
    story.wait(17)
    story.look(dialog=shown(user_note="abc"), listed=None)
    assert story.said(key) == ("failed", "snapshot")
    assert story.outcomes[key].missing == ("user.note",)


def test_a_get_with_the_values_confirms() -> None:
    story = Story(OLD)
    key = story.accepted(update(callVariable1="x"))
    story.wait(17)
    story.look(dialog=shown(callVariable1="x"), listed=None)
    assert story.said(key) == ("confirmed", "snapshot")
    assert story.outcomes[key].changed is True


def test_a_get_without_the_values_fails_it() -> None:
    # 6.7: 15 s or more after acceptance
    story = Story(OLD)
    key = story.accepted(update(callVariable1="x"))
    story.wait(17)
    story.look(dialog=OLD, listed=None)
    assert story.said(key) == ("failed", "snapshot")


def test_a_get_sooner_than_fifteen_seconds_after_the_202_fails_nothing() -> None:
    story = Story(OLD)
    key = story.accepted(update(callVariable1="x"), length=17.9)
    story.wait(14.9)
    story.look(dialog=OLD, listed=None)
    assert story.said(key)[0] == "open"
    story.wait(3)
    assert story.said(key) == ("unconfirmed", "deadline")


def test_without_a_202_a_get_fails_nothing() -> None:
    story = Story(OLD)
    key = story.ask(update(callVariable1="x"))
    story.doubt(key)
    story.wait(17)
    story.look(dialog=OLD, listed=None)
    story.wait(3)
    assert story.said(key) == ("unconfirmed", "no_answer")


@pytest.mark.parametrize("foreign", ["variable", "wrap-up"])
def test_after_a_foreign_change_a_get_fails_nothing(foreign: str) -> None:
    # 6.7: without a foreign change since
    story = Story(OLD)
    request = UpdateCallData(
        agent="agent1",
        dialog_id="100",
        call_variables={"callVariable1": "x"},
        wrap_up_reason="done",
    )
    key = story.accepted(request)
    changed = (
        shown(callVariable1="other")
        if foreign == "variable"
        else a_dialog(variables={"callVariable1": "old"}, media={"wrap_up_reason": "else"})
    )
    story.hear(an_event(changed))
    story.wait(17)
    story.look(dialog=OLD, listed=None)
    story.wait(3)
    assert story.said(key)[0] == "unconfirmed"


def test_a_foreign_change_may_be_heard_of_by_a_colleague_alone() -> None:
    # 6.7: the call has the same values for all; the agent's own node tells of it too late
    story = Story(OLD)
    story.link_up(OLD, agent="agent2", user=a_user())
    key = story.accepted(update(callVariable1="x"))
    story.hear(an_event(shown(callVariable1="x"), owner="agent2"))
    story.hear(an_event(shown(callVariable1="other"), owner="agent2"))
    story.wait(17)
    story.look(dialog=shown(callVariable1="other"), listed=None)
    story.wait(3)
    assert story.said(key)[0] == "unconfirmed"


def test_after_a_gap_a_get_without_the_values_fails_nothing() -> None:
    # 6.7: they may have come in the gap, and gone by another's hand
    story = Story(OLD)
    key = story.accepted(update(callVariable1="x"))
    story.link_down()
    story.wait(1)
    story.link_up(OLD, user=a_user())
    story.wait(16)
    story.look(dialog=OLD, listed=None)
    story.wait(3)
    assert story.said(key) == ("unconfirmed", "link_lost")


def test_a_gap_before_a_202_that_came_late_may_have_hidden_the_values_as_well() -> None:
    # 6.7: Finesse may have set them before its answer came, and another hand have written over them
    story = Story(OLD)
    key = story.ask(update(callVariable1="x"))
    story.link_down()
    story.link_up(OLD, user=a_user())
    story.accept(key)
    story.wait(17)
    story.look(dialog=OLD, listed=None)
    story.wait(3)
    assert story.said(key) == ("unconfirmed", "link_lost")


def test_a_gap_before_it_was_sent_hid_nothing() -> None:
    story = Story(OLD)
    story.link_down()
    story.link_up(OLD, user=a_user())
    key = story.accepted(update(callVariable1="x"))
    story.wait(17)
    story.look(dialog=OLD, listed=None)
    assert story.said(key) == ("failed", "snapshot")


def test_of_two_open_updates_the_earlier_cannot_be_judged_by_values() -> None:
    # 6.7
    story = Story(OLD)
    first, second = (
        story.accepted(update(callVariable1="x")),
        story.accepted(update(callVariable1="y")),
    )
    story.hear(an_event(shown(callVariable1="x")), an_event(shown(callVariable1="y")))
    assert story.said(second) == ("confirmed", "expectation")
    assert story.said(first)[0] == "open"
    story.wait(17)
    story.look(dialog=shown(callVariable1="y"), listed=None)
    story.wait(3)
    assert story.said(first)[0] == "unconfirmed"


def test_the_earlier_of_two_is_still_confirmed_by_its_id() -> None:
    story = Story(OLD)
    first = story.accepted(update(callVariable1="x"))
    story.accepted(update(callVariable1="y"))
    story.hear(an_event(shown(callVariable1="x"), tag=first))
    assert story.said(first) == ("confirmed", "request_id")


def test_a_part_of_the_earlier_says_nothing_once_the_later_was_sent() -> None:
    story = Story(OLD)
    first = story.accepted(update(callVariable1="x", callVariable2="y"))
    story.hear(an_event(shown(callVariable1="x")))
    story.accepted(update(callVariable2="z"))
    story.wait(3)
    assert story.said(first)[0] == "open"
    story.hear(an_event(shown(callVariable1="x", callVariable2="z")))
    story.wait(3)
    assert story.said(first)[0] == "open"


# -- one that its caller only announced -----------------------------------------------------------


@pytest.mark.parametrize("agent", ["agent1", "agent2"])
def test_an_update_that_was_announced_before_takes_no_proof_from_one_that_was_sent(
    agent: str,
) -> None:
    # 6.7, 8: nobody knows whether its caller ever sent it
    story = Story(OLD)
    story.link_up(OLD, agent="agent2", user=a_user())
    announced = story.ask(replace(update(callVariable1="y"), agent=agent), expected=True)
    key = story.accepted(update(callVariable1="x"))
    story.hear(an_event(shown(callVariable1="x")))
    assert (story.said(key), story.said(announced)[0]) == (("confirmed", "expectation"), "open")
    story.accept(announced)  # one change confirms one of them (rules 4)
    assert story.said(announced)[0] == "open"


@pytest.mark.parametrize("told", ["report", "id", "never"])
@pytest.mark.parametrize("agent", ["agent1", "agent2"])
def test_one_that_was_announced_before_for_the_same_value_may_be_the_later(
    agent: str, told: str
) -> None:
    # 4, 6.7, 8: nobody knew that it had been sent when the other one left
    story = Story(OLD)
    story.link_up(OLD, agent="agent2", user=a_user())
    announced = story.ask(replace(update(callVariable1="x"), agent=agent), expected=True)
    key = story.accepted(update(callVariable1="x"))
    if told == "report":
        story.accept(announced)
    tag = announced if told == "id" else None
    story.hear(an_event(shown(callVariable1="x"), tag=tag, owner=agent))
    by_id = ("confirmed", "request_id")
    assert story.said(key)[0] == "open"
    assert story.said(announced) == (by_id if told == "id" else ("open", None))
    story.hear(an_event(shown(callVariable1="x"), tag=key))  # its own id tells
    assert story.said(key) == by_id


@pytest.mark.parametrize("told", ["report", "doubt", "id"])
def test_one_that_was_known_to_be_sent_before_is_the_earlier(told: str) -> None:
    story = Story(OLD)
    announced = story.ask(update(callVariable1="x"), expected=True)
    if told == "report":
        story.accept(announced)
    elif told == "doubt":
        story.answer(announced, AnswerKind.DOUBTFUL, status=500)
    else:
        story.hear(an_event(OLD, tag=announced))
    key = story.accepted(update(callVariable1="x"))
    story.hear(an_event(shown(callVariable1="x")))
    assert story.said(key) == ("confirmed", "expectation")
    assert story.said(announced)[0] == "open"


@pytest.mark.parametrize("first", [True, False])
def test_a_value_that_is_shown_cut_confirms_one_of_two_that_begin_alike(*, first: bool) -> None:
    # 4, 6.7: it may be the one's whole value, or the other's as Finesse cut it
    story = Story(OLD)
    if first:
        announced = story.ask(update(user_note="abc"), expected=True)
    key = story.accepted(update(user_note="abcdefgh"))
    if not first:
        announced = story.ask(update(user_note="abc"), expected=True)
    story.hear(an_event(shown(user_note="abc")))
    story.accept(announced)
    assert story.said(key)[0] == "open"
    assert story.said(announced)[0] == ("open" if first else "confirmed")


@pytest.mark.parametrize("agent", ["agent1", "agent2"])
def test_an_update_that_is_announced_later_takes_no_proof_before_it_is_known_to_be_sent(
    agent: str,
) -> None:
    story = Story(OLD)
    story.link_up(OLD, agent="agent2", user=a_user())
    key = story.accepted(update(callVariable1="x"))
    story.ask(replace(update(callVariable1="y"), agent=agent), expected=True)
    story.hear(an_event(shown(callVariable1="x")))
    assert story.said(key) == ("confirmed", "expectation")


@pytest.mark.parametrize("told", ["report", "doubt", "id"])
def test_an_announced_update_supersedes_the_earlier_once_it_is_known_to_be_sent(told: str) -> None:
    # 6.7, 8: a report, or an event with its id
    story = Story(OLD)
    key = story.accepted(update(callVariable1="x"))
    announced = story.ask(update(callVariable1="y"), expected=True)
    if told == "report":
        story.accept(announced)
    elif told == "doubt":
        story.answer(announced, AnswerKind.DOUBTFUL, status=500)
    else:
        story.hear(an_event(OLD, tag=announced))
    story.hear(an_event(shown(callVariable1="x")))
    assert story.said(key)[0] == "open"


@pytest.mark.parametrize(
    ("name", "one", "two"),
    [
        ("callVariable2", "abcdefgh", "abc"),
        ("user_note", "abc", "bcd"),
        ("user_note", "abc", ""),
        ("user_note", "", "abc"),
    ],
)
def test_values_that_no_change_can_show_alike_take_no_proof(name: str, one: str, two: str) -> None:
    # 6.7: only ECC values are cut, and no value is cut to nothing
    story = Story(a_dialog(variables={"user.note": "o", "callVariable1": "old"}))
    story.ask(update(**{name: two}), expected=True)
    key = story.accepted(update(**{name: one}))
    story.ask(update(**{name: two}), expected=True)
    story.hear(an_event(shown(**{name: one})))
    assert story.said(key) == ("confirmed", "expectation")


def test_of_two_updates_to_the_same_value_the_announced_one_may_have_set_it() -> None:
    # 4: one change confirms one of them at most
    story = Story(OLD)
    key = story.accepted(update(callVariable1="x"))
    announced = story.ask(update(callVariable1="x"), expected=True)
    story.hear(an_event(shown(callVariable1="x")))
    story.accept(announced)
    assert (story.said(key)[0], story.said(announced)) == ("open", ("confirmed", "expectation"))


@pytest.mark.parametrize("first", [True, False])
def test_missing_values_fail_no_update_beside_one_that_may_have_been_sent(*, first: bool) -> None:
    # 6.7: they may have been set, and written over
    story = Story(OLD)
    if first:
        story.ask(update(callVariable1="y"), expected=True)
    key = story.accepted(update(callVariable1="x"))
    if not first:
        story.ask(update(callVariable1="y"), expected=True)
    story.wait(17)
    story.look(dialog=OLD, listed=None)
    story.wait(3)
    assert story.said(key) == ("unconfirmed", "deadline")


def test_a_part_of_the_values_fails_no_update_beside_one_that_may_have_been_sent() -> None:
    story = Story(OLD)
    key = story.accepted(update(callVariable1="x", callVariable2="y"))
    story.ask(update(callVariable2="z"), expected=True)
    story.hear(an_event(shown(callVariable1="x")))
    story.wait(20)
    assert story.said(key) == ("unconfirmed", "deadline")


@pytest.mark.parametrize("refused", ["at once", "by its id"])
@pytest.mark.parametrize("first", [True, False])
def test_missing_values_fail_an_update_beside_one_that_was_refused(
    *, first: bool, refused: str
) -> None:
    # 6.7: nothing has written over them
    story = Story(OLD)
    if first:
        announced = story.ask(update(callVariable1="y"), expected=True)
    key = story.accepted(update(callVariable1="x"))
    if not first:
        announced = story.ask(update(callVariable1="y"), expected=True)
    if refused == "at once":
        story.refuse(announced)
    else:
        story.hear(an_error(tag=announced))
    story.wait(17)
    story.look(dialog=OLD, listed=None)
    assert story.said(key) == ("failed", "snapshot")


def test_a_part_of_the_values_fails_an_update_beside_one_that_was_refused() -> None:
    story = Story(OLD)
    key = story.accepted(update(callVariable1="x", callVariable2="y"))
    story.refuse(story.ask(update(callVariable2="z"), expected=True))
    story.hear(an_event(shown(callVariable1="x")))
    story.wait(20)
    assert story.said(key) == ("failed", "expectation")


@pytest.mark.parametrize("value", ["x", "y"])
@pytest.mark.parametrize("reported", [True, False])
def test_an_update_that_was_refused_is_no_later_one(*, value: str, reported: bool) -> None:
    # 6.7: it took nobody's values; of one that is reported behind it, too
    story = Story(OLD)
    key = story.ask(update(callVariable1="x"), expected=True)
    if not reported:
        story.accept(key)
    story.refuse(story.ask(update(callVariable1=value)))
    if reported:
        story.accept(key)
    story.hear(an_event(shown(callVariable1="x")))
    assert story.said(key) == ("confirmed", "expectation")


@pytest.mark.parametrize("refused", [True, False])
def test_values_that_were_shown_while_another_update_was_open_were_not_missing(
    *, refused: bool
) -> None:
    # 6.7: they were there, whoever set them, and gone by another's hand
    story = Story(OLD)
    both = update(callVariable1="y", callVariable2="y")
    key = story.ask(both, expected=True)
    other = story.ask(both)
    story.hear(an_event(shown(callVariable1="y", callVariable2="y")))
    if refused:
        story.refuse(other)
    story.accept(key)
    story.hear(an_event(shown(callVariable1="x", callVariable2="y")))
    story.wait(17)
    story.look(dialog=shown(callVariable1="x", callVariable2="y"), listed=None)
    story.wait(3)
    assert story.said(key) == ("unconfirmed", "deadline")


def test_a_value_that_became_another_is_anothers_work_though_others_were_set_since() -> None:
    # 6.7: found by drawn orders: the very values had come a moment ago, so that their event is in
    # doubt, and then one of them was written over
    story = Story(OLD)
    both = update(callVariable1="x", callVariable2="x")
    story.accepted(both)
    story.hear(an_event(shown(callVariable1="x", callVariable2="x")), content=7)
    story.hear(an_event(shown(callVariable1="y", callVariable2="x")))
    key = story.accepted(both)
    story.hear(an_event(shown(callVariable1="x", callVariable2="x")), content=7)
    story.hear(an_event(shown(callVariable1="x", callVariable2="o")))
    story.wait(17)
    story.look(dialog=shown(callVariable1="x", callVariable2="o"), listed=None)
    story.wait(3)
    assert story.said(key) == ("unconfirmed", "deadline")


@pytest.mark.parametrize("asked", [True, False])
def test_a_value_that_another_update_asked_for_is_no_strangers_work(*, asked: bool) -> None:
    story = Story(OLD)
    key = story.accepted(update(callVariable1="x", callVariable2="x"))
    if asked:
        story.ask(update(callVariable2="o"), expected=True)
    story.ask(Hold(agent="agent1", dialog_id="100"), expected=True)
    story.hear(an_event(shown(callVariable1="x", callVariable2="o")))
    assert story.correlator.entry(key).case.foreign_change is not asked


def test_an_update_stays_superseded_by_another_one_that_was_not_refused() -> None:
    story = Story(OLD)
    key = story.accepted(update(callVariable1="x"))
    story.accepted(update(callVariable1="y"))
    story.refuse(story.ask(update(callVariable1="z")))
    story.hear(an_event(shown(callVariable1="x")))
    assert story.said(key)[0] == "open"


def test_updates_of_other_variables_do_not_disturb_each_other() -> None:
    story = Story(OLD)
    first, second = (
        story.accepted(update(callVariable1="x")),
        story.accepted(update(callVariable2="y")),
    )
    story.hear(an_event(shown(callVariable1="x")))
    story.hear(an_event(shown(callVariable1="x", callVariable2="y")))
    assert story.said(first) == story.said(second) == ("confirmed", "expectation")


def test_one_change_to_and_fro_confirms_each_update_in_turn() -> None:
    # 4: the same content is news when something else came between, but it may be told again as
    # well, for data carries no time: then a GET says what is so
    story = Story(shown(callVariable1="x"))
    for turn, value in enumerate(["y", "x", "y", "x"]):
        key = story.accepted(update(callVariable1=value))
        assert story.hear(an_event(shown(callVariable1=value)), content=1 + turn % 2)
        if turn > 1:
            assert story.said(key)[0] == "open"
            story.wait(17)
            story.look(dialog=shown(callVariable1=value))
        assert story.said(key) == ("confirmed", "snapshot" if turn > 1 else "expectation")
        story.wait(5)


def test_data_older_than_the_baseline_proves_nothing() -> None:
    # 4
    story = Story(shown(5))
    key = story.accepted(update(callVariable1="x"))
    story.hear(an_event(shown(1, callVariable1="x")))
    assert story.said(key)[0] == "open"


def test_without_a_baseline_values_need_our_id() -> None:
    for tagged, word in ((True, "confirmed"), (False, "unconfirmed")):
        story = Story(live=False)
        key = story.ask(update(callVariable1="x"))
        story.accept(key, date=instant(clock(100)))
        story.hear(an_event(shown(102, callVariable1="x"), tag=key if tagged else None))
        story.wait(20)
        assert story.said(key)[0] == word


def test_minimum_evidence_event_lets_no_get_decide() -> None:
    story = Story(OLD)
    key = story.accepted(update(callVariable1="old"), minimum=MinimumEvidence.EVENT)
    story.wait(10)
    story.link_up(OLD, user=a_user())
    story.wait(10)
    assert story.said(key) == ("unconfirmed", "weak")


def test_the_end_of_the_dialog_ends_an_update() -> None:
    # 6.10
    story = Story(OLD)
    key = story.accepted(update(callVariable1="x"))
    story.hear(removed(own("DROPPED"), owner="agent2"), removed(own("DROPPED")))
    story.wait(2)
    assert story.said(key) == ("unconfirmed", "dialog_ended")


def test_an_update_on_another_dialog_is_not_looked_at() -> None:
    story = Story(OLD, a_dialog("200"))
    key = story.accepted(update(callVariable1="x"))
    story.hear(an_event(a_dialog("200", variables={"callVariable1": "x"})))
    assert story.said(key)[0] == "open"


@pytest.mark.parametrize(("told", "said"), [(1, "failed"), (2, "unconfirmed")])
def test_a_part_of_the_values_fails_nothing_where_news_told_nothing_new(
    told: int, said: str
) -> None:
    # 6.7: the rest may have been there and gone, and the news of that missed
    story = Story(shown(**{"user.x": "a", "user.y": "b"}))
    key = story.accepted(update(**{"user.x": "1", "user.y": "2"}), length=30.0)
    for _ in range(told):
        story.hear(an_event(shown(**{"user.x": "1", "user.y": "b"})))
    story.wait(60)
    assert story.said(key)[0] == said
