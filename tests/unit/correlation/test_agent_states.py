"""Rules of evidence 6.8: states of the agent, pending ones, and what is no sign-in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from listener.correlation.gate import GateMode
from listener.correlation.instants import instant
from listener.correlation.picture import Baseline
from listener.finesse import actions as a
from tests.builders import (
    AGENT,
    CALL,
    EXT,
    Story,
    a_dialog,
    a_participant,
    a_user,
    a_user_event,
    added,
    an_error,
    an_event,
    clock,
    own,
    placed,
    removed,
)
from tests.unit.correlation.given import CONFIRMED, LINKED, MAKE_CALL_FROM, READY


def test_who_was_signed_out_is_not_signed_in_by_another_request() -> None:
    story = Story(user=a_user("LOGOUT"))
    key = story.accepted(a.NotReady(agent=AGENT))
    story.hear(a_user_event(a_user("NOT_READY", 2)))
    assert story.said(key)[0] == "open"


@pytest.mark.parametrize(("code", "said"), [("5", "confirmed"), (None, "confirmed"), ("7", "open")])
def test_a_pending_state_for_another_reason_is_not_ours(code: str | None, said: str) -> None:
    story = Story(user=a_user("TALKING"))
    key = story.accepted(a.NotReady(agent=AGENT, reason_code_id="5"))
    user = a_user("TALKING", 1, pending_state="NOT_READY", reason_code_id=code)
    story.hear(a_user_event(user))
    assert story.said(key)[0] == said


def test_a_state_as_old_as_what_was_known_at_sending_may_be_published_again() -> None:
    story = Story(gate=GateMode.OFF, user=a_user("TALKING", 2, pending_state="NOT_READY"))
    work = story.accepted(a.Work(agent=AGENT))
    later = story.accepted(a.NotReady(agent=AGENT))
    story.hear(a_user_event(a_user("TALKING", 5, pending_state="NOT_READY"), tag=later))
    story.hear(a_user_event(a_user("TALKING", 2, pending_state="WORK")))
    story.wait(30)
    assert story.said(work)[0] == "unconfirmed"


@pytest.mark.parametrize(("its_own", "said"), [(2, "open"), (9, "confirmed")])
def test_a_state_to_come_that_another_was_promised_is_no_news_in_a_state_that_is_told_late(
    its_own: float, said: str
) -> None:
    # 4, 6.9: the promise, by its id, stood in each state since
    story = Story(user=a_user("TALKING", 0), gate=GateMode.OFF)
    first, second, third = (story.accepted(a.SignOut(agent=AGENT)) for _ in "123")
    story.hear(a_user_event(a_user("TALKING", its_own, pending_state="LOGOUT"), tag=second))
    story.hear(a_user_event(a_user("TALKING", 10, pending_state="LOGOUT"), tag=third))
    story.hear(a_user_event(a_user("HOLD", 6, pending_state="LOGOUT")))
    assert story.said(first)[0] == said


@pytest.mark.parametrize(
    ("state", "pending", "said"),
    [("TALKING", "NOT_READY", "confirmed"), ("NOT_READY", None, "open")],
)
def test_a_state_that_is_promised_is_not_the_work_of_a_call_whose_id_is_on_it(
    state: str, pending: str | None, said: str
) -> None:
    # 3, 4, 6.9: what makes a call promises no state; that one came may be what it did
    story = Story(user=a_user("TALKING", 1), gate=GateMode.OFF)
    consult = story.accepted(a.ConsultCall(agent=AGENT, dialog_id="100", to_address="5551"))
    key = story.accepted(a.NotReady(agent=AGENT))
    story.hear(a_user_event(a_user(state, 5, pending_state=pending), tag=consult))
    assert story.said(key)[0] == said


# -- the user --------------------------------------------------------------------------------------


def test_a_pending_state_that_is_told_again_is_no_change() -> None:
    # 5: nothing unexplained changed
    user = a_user("TALKING", 0, pending_state="READY")
    story = Story(user=user)
    key = story.accepted(READY)
    story.hear(a_user_event(user), an_error(dialog_id=None, user_id=AGENT))
    story.wait(2)
    assert story.said(key) == ("failed", "sole_pending")


def test_a_pending_state_that_is_told_again_is_ours_with_our_id() -> None:
    # 6.9
    user = a_user("TALKING", 0, pending_state="READY")
    story = Story(user=user)
    key = story.accepted(READY)
    story.hear(a_user_event(user, tag=key))
    assert story.said(key) == ("confirmed", "request_id")


@pytest.mark.parametrize(
    "change",
    [
        a_user("NOT_READY", 0, reason_code_id="7"),
        a_user("NOT_READY", 3),
        a_user("NOT_READY", 0, pending_state="WORK"),
        a_user("TALKING", 3, pending_state="NOT_READY"),
    ],
    ids=["reason", "anew", "pending", "state"],
)
@pytest.mark.parametrize("over", [False, True], ids=["heard", "heard again"])
def test_whatever_changes_of_the_user_may_be_another_clients(
    change: Any,
    over: bool,  # noqa: FBT001  a parameter of the test
) -> None:
    # 5: nothing else unexplained changed on that object
    story = Story()
    events = a_user_event(change), an_error(dialog_id=None, user_id=AGENT)
    if over:
        baseline = Baseline(None, (), a_user())
        key = story.adopt(READY, baseline=baseline, left=15, gap=False)
        story.rehear(key, *events)
    else:
        key = story.accepted(READY)
        story.hear(*events)
    story.wait(20)
    assert story.said(key) == ("unconfirmed", "ambiguous")


# -- states of the user ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("date", "word"), [(None, "unconfirmed"), (2.0, "unconfirmed"), (1.0, "confirmed")]
)
def test_a_state_with_the_id_of_an_earlier_request_is_not_what_a_later_one_did(
    date: float | None, word: str
) -> None:
    # found by the oracle: the transfer brought the agent to WORK just before WORK was asked for
    consult = a_dialog("200", a_participant(EXT), a_participant("1002"), **LINKED)
    story = Story(own("HELD", 0), consult, user=a_user("TALKING", 0, pending_state="WORK"))
    moving = story.accepted(a.Transfer(agent=AGENT, dialog_id=CALL))
    story.hear(removed(own("DROPPED", 2), tag=moving), removed(consult, tag=moving))
    assert story.said(moving) == ("confirmed", "request_id")
    key = story.ask(a.Work(agent=AGENT))
    story.accept(key, date=None if date is None else instant(clock(date)))
    story.hear(a_user_event(a_user("WORK", 2), tag=moving))
    story.wait(30)
    assert story.said(key)[0] == word


def failed_call(answer: Callable[[Story, str], None], *, at: float, late: bool) -> tuple[str, Any]:
    """Return what is said of a NOT_READY that left while a call was made that failed behind it."""
    story = Story(user=a_user("READY", 0), gate=GateMode.OFF)
    make = story.accepted(MAKE_CALL_FROM)
    story.hear(added(placed("INITIATED"), tag=make), a_user_event(a_user("TALKING", 1), tag=make))
    key = story.ask(a.NotReady(agent=AGENT))
    if late:
        answer(story, key)
    story.hear(an_event(placed("FAILED"), tag=make))
    assert story.said(make) == ("failed", "request_id")
    story.hear(a_user_event(a_user("NOT_READY", at), tag=make))
    if not late:
        assert story.said(key)[0] == "open"
        answer(story, key)
    story.wait(30)
    return story.said(key)


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Story.doubt, ("confirmed", "expectation")),
        (lambda _story, _key: None, ("confirmed", "expectation")),
        (lambda story, key: story.accept(key, date=instant(clock(2))), CONFIRMED),
        (lambda story, key: story.accept(key, date=instant(clock(5))), ("unconfirmed", "deadline")),
        (Story.accept, ("unconfirmed", "deadline")),
        (Story.refuse, ("rejected", None)),
    ],
)
def test_a_state_with_an_earlier_ones_id_counts_where_no_date_will_tell_of_when_it_is(
    answer: Callable[[Story, str], None],
    said: tuple[str, str | None],
    late: bool,  # noqa: FBT001  a parameter of the test
) -> None:
    # 2, 3, 4: without an answer it is a change from what was known at sending
    assert failed_call(answer, at=4, late=late) == said


@pytest.mark.parametrize(("at", "said"), [(3, ("unconfirmed", "no_answer")), (5, CONFIRMED)])
def test_a_state_with_its_own_id_tells_of_when_one_with_an_earlier_ones_id_is(
    at: float, said: tuple[str, str | None]
) -> None:
    def answer(story: Story, key: str) -> None:
        story.hear(a_user_event(a_user("TALKING", 4), tag=key))
        story.doubt(key)

    assert failed_call(answer, at=at, late=False) == said


def test_what_an_earlier_process_may_have_been_answered_is_not_known_to_have_no_date() -> None:
    story = Story(user=a_user("TALKING", 1), gate=GateMode.OFF)
    make = story.accepted(MAKE_CALL_FROM)
    before = Baseline(user=a_user("TALKING", 1))
    key = story.adopt(a.NotReady(agent=AGENT), baseline=before, left=15.0, accepted=False)
    story.hear(a_user_event(a_user("NOT_READY", 4), tag=make))
    story.wait(30)
    assert story.said(key) == ("unconfirmed", "restarted")


def test_a_state_that_may_be_of_before_is_no_change_when_it_is_told_without_an_id() -> None:
    # 4: one change is told by several events
    def answer(story: Story, key: str) -> None:
        story.accept(key, date=instant(clock(5)))
        story.hear(a_user_event(a_user("NOT_READY", 4, team_name="x")))

    assert failed_call(answer, at=4, late=False) == ("unconfirmed", "deadline")


@pytest.mark.parametrize("late", [False, True])
def test_a_state_promised_with_an_earlier_ones_id_waits_for_no_date(*, late: bool) -> None:
    # 6.9: what asks for a state promises it, and it may have been so before
    story = Story(user=a_user("TALKING", 1), gate=GateMode.OFF)
    first = story.accepted(a.Ready(agent=AGENT))
    key = story.ask(a.NotReady(agent=AGENT))
    if late:
        story.doubt(key)
    story.hear(a_user_event(a_user("NOT_READY", 4), tag=first))
    if not late:
        story.doubt(key)
    story.wait(30)
    assert story.said(key) == ("unconfirmed", "no_answer")


def test_a_state_with_the_id_of_one_who_asked_for_another_is_there_all_the_same() -> None:
    # 3, 4: the wrap-up that ended for a READY brought what had been promised; its news was lost
    story = Story(user=a_user("TALKING", 0), gate=GateMode.OFF)
    first = story.accepted(a.NotReady(agent=AGENT, reason_code_id="50"))
    story.wait(1)
    second = story.accepted(a.Ready(agent=AGENT))
    story.hear(a_user_event(a_user("NOT_READY", 5, reason_code_id="50"), tag=second))
    assert story.said(first) == ("confirmed", "expectation")
    assert story.said(second)[0] == "open"


@pytest.mark.parametrize(
    ("at", "said"),
    [
        (4, ("failed", "sole_pending")),
        (5, ("failed", "sole_pending")),
        (6, ("unconfirmed", "ambiguous")),
    ],
)
def test_a_state_as_old_as_a_call_that_was_known_at_sending_is_no_work_of_others_since(
    at: float, said: tuple[str, str]
) -> None:
    # 4, 5: the news of the state that came with the call were lost; a GET shows it
    story = Story(own("ACTIVE", 5), user=a_user("RESERVED", 1))
    key = story.accepted(READY, length=3.0)
    story.hear(an_error(dialog_id=None, user_id=AGENT))
    story.wait(1.5)
    story.look(user=a_user("TALKING", at))
    story.wait(5)
    assert story.said(key) == said


def test_a_pending_state_is_no_login() -> None:
    # found by the oracle: our NOT_READY was pending when a GET was answered
    story = Story(user=a_user("LOGOUT", 0), gate=GateMode.OFF)
    key = story.accepted(a.SignIn(agent=AGENT, extension=EXT))
    story.hear(a_user_event(a_user("TALKING", 2, pending_state="NOT_READY")))
    story.wait(30)
    assert story.said(key)[0] == "unconfirmed"


# -- changes behind those of others ----------------------------------------------------------------


def test_a_state_behind_a_sign_in_that_was_seen_is_a_change_again() -> None:
    out = a_user("LOGOUT", extension="")
    story = Story(user=out, gate=GateMode.OFF)
    ready = story.accepted(a.Ready(agent=AGENT))
    not_ready = story.accepted(a.NotReady(agent=AGENT))
    story.hear(a_user_event(a_user("NOT_READY", 1)))  # that comes with the sign-in
    story.hear(a_user_event(a_user("READY", 2)))
    assert story.said(ready) == ("confirmed", "expectation")
    assert story.said(not_ready)[0] == "open"
    story.hear(a_user_event(a_user("NOT_READY", 3)))
    assert story.said(not_ready) == ("confirmed", "expectation")


def test_a_state_that_comes_with_a_sign_in_for_another_reason_begins_a_change() -> None:
    # 6.9: signing in brings NOT_READY without a reason, and then it is there for the one asked for
    story = Story(user=a_user("LOGOUT", extension=""), gate=GateMode.OFF)
    signed_in = story.accepted(a.SignIn(agent=AGENT, extension=EXT))
    not_ready = story.accepted(a.NotReady(agent=AGENT, reason_code_id="51"))
    story.hear(a_user_event(a_user("NOT_READY", 1)))
    assert story.said(signed_in) == ("confirmed", "expectation")
    assert story.said(not_ready)[0] == "open"
    story.hear(a_user_event(a_user("NOT_READY", 2, reason_code_id="51")))
    assert story.said(not_ready) == ("confirmed", "expectation")


def test_a_state_that_comes_with_a_sign_in_for_the_reason_asked_for_may_be_that_ones() -> None:
    story = Story(user=a_user("LOGOUT", extension=""), gate=GateMode.OFF)
    key = story.accepted(a.NotReady(agent=AGENT, reason_code_id="51"))
    story.hear(a_user_event(a_user("NOT_READY", 1, reason_code_id="51")))
    story.wait(30)
    assert story.said(key)[0] == "unconfirmed"


def test_older_states_behind_a_sign_out_are_no_sign_in() -> None:
    # a gap's burst tells again how it came to that
    story = Story(user=a_user("LOGOUT", 3, extension=""))
    key = story.accepted(a.NotReady(agent=AGENT))
    story.hear(a_user_event(a_user("HOLD", 1)), a_user_event(a_user("NOT_READY", 2)))
    assert story.said(key)[0] == "open"


# -- what fits one without a start, and what does not ----------------------------------------------


def test_a_state_that_may_follow_from_a_request_is_not_what_it_asks_for() -> None:
    # 4, 6.9: READY was asked for before a restart; the agent talks, and NOT_READY is promised
    story = Story(user=a_user("TALKING", 3), gate=GateMode.OFF)
    before = Baseline(user=a_user("NOT_READY", 0))
    story.adopt(a.Ready(agent=AGENT), baseline=before, left=15.0)
    not_ready = story.accepted(a.NotReady(agent=AGENT))
    story.hear(a_user_event(a_user("TALKING", 3, pending_state="NOT_READY")))
    assert story.said(not_ready) == CONFIRMED


@pytest.mark.parametrize(
    ("was", "said"), [(None, ("unconfirmed", "ambiguous")), ("NOT_READY", CONFIRMED)]
)
def test_a_promised_state_fits_one_with_another_reason_as_well(
    was: str | None, said: tuple[str, str | None]
) -> None:
    # 6.9: the reason that is told is that of the state before; one that was sent later had it so
    story = Story(user=a_user("TALKING", 3, reason_code_id="7"), gate=GateMode.OFF)
    first = story.ask(a.NotReady(agent=AGENT))
    promised = a_user("TALKING", 3, pending_state="NOT_READY", reason_code_id="7")
    if was is not None:
        story.hear(a_user_event(promised))
    story.ask(a.NotReady(agent=AGENT, reason_code_id="50"))
    story.hear(a_user_event(replace(promised, team_name="x") if was else promised))
    story.accept(first)
    story.wait(25)
    assert story.said(first) == said


def test_a_promised_state_with_a_new_reason_is_not_contested_by_one_with_another() -> None:
    # 6.9: the state before had none, so that the reason told is the promised one's
    story = Story(user=a_user("TALKING", 3), gate=GateMode.OFF)
    story.ask(a.NotReady(agent=AGENT, reason_code_id="5"), expected=True)
    told = story.accepted(a.NotReady(agent=AGENT, reason_code_id="7"))
    promised = a_user("TALKING", 3, pending_state="NOT_READY", reason_code_id="7")
    story.hear(a_user_event(promised))
    assert story.said(told) == CONFIRMED


# -- reservations, ends behind an error, promised states -------------------------------------------


@pytest.mark.parametrize(
    ("later", "expected"),
    [(2.2, ("failed", "sole_pending")), (1.8, ("unconfirmed", "dialog_ended"))],
)
def test_an_end_behind_the_two_seconds_of_an_error_takes_nothing_from_it(
    later: float, expected: tuple[str, str]
) -> None:
    # 2, 5: Finesse's answer came last of all
    story = Story()
    key = story.ask(a.TransferSst(agent=AGENT, dialog_id="100", to_address="5551"))
    story.hear(an_error())
    story.wait(later)
    story.hear(removed(own("DROPPED", 9)))
    story.wait(0.5)
    story.accept(key)
    story.wait(30)
    assert story.said(key) == expected


def test_a_state_that_was_promised_before_does_not_contest_another_one_that_came() -> None:
    # 4, 6.9: what is promised does not show its reason; both changes are in one event
    story = Story(user=a_user("TALKING", 1), gate=GateMode.OFF)
    later = story.accepted(a.NotReady(agent=AGENT, reason_code_id="50"))
    promised = a_user("TALKING", 1, pending_state="NOT_READY", reason_code_id="-1")
    story.hear(a_user_event(promised))
    work = story.accepted(a.Work(agent=AGENT))
    story.hear(a_user_event(a_user("WORK", 9, pending_state="NOT_READY", reason_code_id="-1")))
    assert story.said(work) == ("confirmed", "expectation")
    story.hear(a_user_event(a_user("NOT_READY", 12, reason_code_id="50")))
    assert story.said(later) == ("confirmed", "expectation")


@pytest.mark.parametrize(("shown", "said"), [(True, "confirmed"), (False, "open")])
def test_a_state_is_contested_by_who_may_have_been_promised_just_that_one(
    *, shown: bool, said: str
) -> None:
    story = Story(user=a_user("TALKING", 1), gate=GateMode.OFF)
    story.ask(a.NotReady(agent=AGENT, reason_code_id="50"), expected=True)
    promised = a_user("TALKING", 1, pending_state="NOT_READY", reason_code_id=None)
    if shown:
        story.hear(a_user_event(promised))
    plain = story.accepted(a.NotReady(agent=AGENT))
    story.hear(a_user_event(replace(promised, state="HOLD", state_change_time=clock(5))))
    story.hear(a_user_event(a_user("NOT_READY", 12, reason_code_id="7")))
    assert story.said(plain)[0] == said


@pytest.mark.parametrize("twice", [False, True])
def test_a_promise_that_went_by_anothers_id_and_came_again_is_a_change(*, twice: bool) -> None:
    # 4: what another one is promised by its id is what there was from then on; two may have asked
    story = Story(user=a_user("TALKING", 0, pending_state="NOT_READY"), gate=GateMode.OFF)
    keys = [story.accepted(a.NotReady(agent=AGENT))]
    ready = story.accepted(a.Ready(agent=AGENT))
    story.hear(a_user_event(a_user("TALKING", 0, pending_state="READY"), tag=ready))
    keys += [story.accepted(a.NotReady(agent=AGENT)) for _ in range(twice)]
    story.hear(a_user_event(a_user("TALKING", 0, pending_state="NOT_READY")))
    story.wait(30)
    expected = ("unconfirmed", "ambiguous") if twice else ("confirmed", "expectation")
    assert {story.said(key) for key in keys} == {expected}
