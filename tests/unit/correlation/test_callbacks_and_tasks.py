"""Callbacks and nonvoice tasks: what shows that one was set, cancelled, started or ended (6.8)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from listener.correlation.gate import GateMode
from listener.correlation.instants import http_date
from listener.finesse import actions as a
from listener.finesse.events import content_of
from listener.finesse.model import Dialog, ScheduledCallbackInfo
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
    an_error,
    an_event,
    own,
)
from tests.unit.correlation.given import BY_ID, HOLD

TASK = "1_2_1"
CANCEL = a.CancelScheduledCallback(agent=AGENT, target_media_address=EXT, dialog_id="100")


def task_in(state: str, at: float) -> Dialog:
    return a_dialog(TASK, a_participant(AGENT, state, at), state=state)


def calling_back_since(time: str | None, at: float = 0.0) -> Dialog:
    """Return the call with a callback at that time, its customer in his state since `at`."""
    info = ScheduledCallbackInfo(callback_time=time) if time else None
    parties = (a_participant(), a_participant(CUSTOMER, at=at))
    return a_dialog("100", *parties, scheduled_callback_info=info)


def test_a_get_does_not_prove_a_task_by_a_change_that_is_anothers_by_its_id() -> None:
    # the first was never done; the second was, and a GET for the first shows its state
    story = Story(task_in("OFFERED", 0))
    first = story.ask(a.TaskAccept(agent=AGENT, dialog_id=TASK))
    story.doubt(first)
    second = story.accepted(a.TaskAccept(agent=AGENT, dialog_id=TASK))
    story.hear(an_event(task_in("ACCEPTED", 1), tag=second))
    assert story.said(second) == ("confirmed", "request_id")
    story.wait(17.5)
    story.look(task_in("ACCEPTED", 1))
    story.wait(5)
    assert story.said(first) == ("unconfirmed", "no_answer")


def test_our_id_on_the_same_state_of_a_task_with_a_later_time_proves_that_it_came_anew() -> None:
    story = Story(task_in("ACTIVE", 0))
    key = story.accepted(a.TaskResume(agent=AGENT, dialog_id=TASK))
    story.hear(an_event(task_in("ACTIVE", 7), tag=key))
    assert story.said(key) == ("confirmed", "request_id")


def test_a_tasks_state_that_is_another_requests_by_its_id_proves_none_by_a_get() -> None:
    story = Story(gate=GateMode.OFF, live=False)
    pause = a.TaskPause(agent=AGENT, dialog_id="300")
    first = story.ask(pause)
    story.accept(first, date=http_date("Sat, 21 Nov 2026 08:00:00 GMT"))
    story.link_up(user=a_user())
    second = story.ask(pause, expected=True)
    paused = a_dialog("300", a_participant(AGENT, "PAUSED", 5), state="PAUSED", media_type="Task")
    story.hear(an_event(paused, tag=second))
    assert story.said(second) == ("confirmed", "request_id")
    story.wait(27)
    for ask in [each for each in story.asks if each.key == first]:
        story.look(ask=ask, dialog=paused, listed=None)
    story.wait(5)
    assert story.said(first)[0] == "unconfirmed"


@pytest.mark.parametrize("request_", [a.TaskAccept(agent=AGENT, dialog_id=TASK), HOLD])
def test_a_change_that_was_anothers_by_its_id_before_the_answer_proves_none_behind_it(
    request_: a.TaskAccept | a.Hold,
) -> None:
    # 4: of how it was before nothing was known; it came behind the Date, that only a GET could tell
    held = own("HELD", 2)
    shows = held if request_ is HOLD else task_in("ACCEPTED", 2)
    story = Story(a_dialog("300"), gate=GateMode.OFF)
    first, second = story.accepted(request_), story.ask(request_)
    story.hear(an_event(shows, tag=first))
    assert story.said(first) == BY_ID
    story.accept(second, date=http_date("Sat, 21 Nov 2026 08:00:00 GMT"))
    story.wait(17.5)
    for ask in [each for each in story.asks if each.key == second]:
        story.look(ask=ask, dialog=shows, listed=None)
    story.wait(5)
    assert story.said(second)[0] == "unconfirmed"


@pytest.mark.parametrize("device", [EXT, None])
def test_a_task_that_one_started_by_its_id_was_not_started_by_another_after_a_new_login(
    device: str | None,
) -> None:
    # 4: the tasks are the agent's, whatever the device is
    task = replace(
        a_dialog("t", a_participant(AGENT, "ACCEPTED", at=0)), media_type="Chat", state="ACCEPTED"
    )
    story = Story(task, gate=GateMode.OFF)
    start = a.TaskStart(agent=AGENT, dialog_id="t")
    first = story.ask(start)
    story.doubt(first)
    second = story.accepted(start, own=device)
    active = replace(task, participants=(a_participant(AGENT, "ACTIVE", at=3),), state="ACTIVE")
    story.hear(an_event(active, tag=second))
    story.wait(1)
    assert story.said(second) == BY_ID
    assert story.said(first)[0] == "open"


def test_a_callback_is_not_cancelled_by_old_news_of_a_call_that_went_in_a_gap() -> None:
    promised = a_dialog(scheduled_callback_info=ScheduledCallbackInfo("2030-01-02T03:01", "1"))
    story = Story(promised)
    before, cancelled = an_event(promised), an_event(a_dialog())
    story.hear(before, content=content_of(before))
    story.hear(cancelled, content=content_of(cancelled))
    story.wait(1)
    key = story.accepted(CANCEL)
    story.link_down()
    story.link_up(user=a_user())
    for event in (before, cancelled):
        again = replace(event, item_id=f"{event.item_id}-again")
        assert not story.hear(again, content=content_of(again))
    story.wait(25)
    assert story.said(key)[0] == "unconfirmed"


def test_that_a_callback_was_not_there_before_it_was_set_does_not_tell_that_it_was_cancelled() -> (
    None
):
    # 6.8: two events about data, which carries no time, change places
    story = Story(calling_back_since(None))
    key = story.accepted(a.CancelScheduledCallback(agent=AGENT, dialog_id="100"))
    setting = story.accepted(
        a.UpdateScheduledCallback(agent=AGENT, dialog_id="100", callback_time="2030-01-02T03:02")
    )
    story.hear(an_event(calling_back_since("2030-01-02T03:02"), tag=setting))
    story.hear(an_event(calling_back_since(None)))
    assert story.said(key)[0] == "open"
    story.wait(17)
    story.look(dialog=calling_back_since("2030-01-02T03:02"))
    story.wait(20)
    assert story.said(key)[0] == "unconfirmed"


def test_a_callback_is_cancelled_where_the_call_is_shown_as_it_was_later_than_it_was_set() -> None:
    story = Story(calling_back_since(None))
    key = story.accepted(a.CancelScheduledCallback(agent=AGENT, dialog_id="100"))
    story.hear(an_event(calling_back_since("2030-01-02T03:02")))
    story.hear(an_event(calling_back_since(None, at=3)))
    assert story.said(key) == ("confirmed", "expectation")


# -- callbacks -------------------------------------------------------------------------------------


@pytest.mark.parametrize("tagged", [True, False])
def test_a_callback_that_was_set_at_the_same_moment_is_seen_to_be_cancelled(
    *, tagged: bool
) -> None:
    # seen in a soak: the error of somebody else's ANSWER, much later, was taken for its own
    story = Story()
    setting = story.accepted(
        a.UpdateScheduledCallback(agent=AGENT, dialog_id="100", callback_time="2030-01-02T03:02")
    )
    key = story.accepted(a.CancelScheduledCallback(agent=AGENT, dialog_id="100"))
    promised = ScheduledCallbackInfo(callback_time="2030-01-02T03:02")
    story.hear(an_event(a_dialog(scheduled_callback_info=promised), tag=setting))
    assert story.said(key)[0] == "open"
    story.hear(an_event(a_dialog(), tag=key if tagged else None))
    story.hear(an_error())  # somebody else's
    story.wait(17)
    if not tagged:
        story.look(dialog=a_dialog())
    assert story.said(key) == ("confirmed", "request_id" if tagged else "snapshot")


def test_a_callback_that_nobody_ever_saw_is_not_seen_to_be_cancelled() -> None:
    story = Story()
    key = story.accepted(a.CancelScheduledCallback(agent=AGENT, dialog_id="100"))
    story.hear(an_event(a_dialog(), tag=key))
    assert story.said(key)[0] == "open"


# -- call data carries no time (4, 6.8) ------------------------------------------------------------


@pytest.mark.parametrize("how", ["older", "told before"])
def test_what_was_so_before_a_callback_was_set_is_no_sign_that_it_was_cancelled(how: str) -> None:
    # found by the oracle: Finesse published again what it had said two seconds before
    story = Story(own("ACTIVE", 0))
    key = story.accepted(a.CancelScheduledCallback(agent=AGENT, dialog_id=CALL))
    plain = own("ACTIVE", 1)
    story.hear(an_event(plain), content=11)
    promised = ScheduledCallbackInfo(callback_time="2030-01-02T03:02")
    story.hear(an_event(replace(own("ACTIVE", 1), scheduled_callback_info=promised), tag="another"))
    story.wait(2.1)
    if how == "older":
        story.hear(an_event(own("ACTIVE", 0.5)), content=12)
    else:
        story.hear(an_event(plain), content=11)
    assert story.said(key)[0] == "open"
    story.hear(an_event(plain, tag=key), content=13)
    assert story.said(key) == ("confirmed", "request_id")


def test_a_content_of_before_a_callback_was_set_is_no_sign_that_it_was_cancelled() -> None:
    plain, promised = own("ACTIVE", 0), ScheduledCallbackInfo(callback_time="2030-01-02T03:02")
    story = Story(plain)
    story.hear(an_event(plain), content=11)
    story.hear(an_event(replace(plain, scheduled_callback_info=promised)), content=12)
    story.wait(60)
    key = story.accepted(a.CancelScheduledCallback(agent=AGENT, dialog_id=CALL))
    story.hear(an_event(plain), content=11)
    assert story.said(key)[0] == "open"
    story.hear(an_event(plain, tag=key), content=13)
    assert story.said(key) == ("confirmed", "request_id")


@pytest.mark.parametrize("how", ["event", "get"])
def test_without_a_start_nobody_sees_a_callback_cancelled_that_was_set_since(how: str) -> None:
    # found by the oracle: news of before came behind a GET that showed the callback
    story = Story(live=False)
    key = story.accepted(a.CancelScheduledCallback(agent=AGENT, dialog_id=CALL))
    promised = ScheduledCallbackInfo(callback_time="2030-01-02T03:02")
    if how == "event":
        story.hear(an_event(own("ACTIVE", 1, scheduled_callback_info=promised), tag="another"))
    else:
        story.wait(17)
        story.look(own("ACTIVE", 1, scheduled_callback_info=promised))
    story.hear(an_event(own("ACTIVE", 1)))
    assert story.said(key)[0] == "open"
    story.wait(30)
    assert story.said(key)[0] == "unconfirmed"


# -- what was so before (4) ------------------------------------------------------------------------


def test_a_task_has_a_clock_of_its_own() -> None:
    # found by a reader: chats are kept by another server than calls
    def task(state: str, at: float) -> Dialog:
        party = a_participant(AGENT, state, at)
        return a_dialog("900_1", party, media_type="Chat", state=state)

    story = Story(own("ACTIVE", 100))
    story.hear(added(task("OFFERED", 10)))
    key = story.accepted(a.TaskAccept(agent=AGENT, dialog_id="900_1"))
    story.hear(an_event(task("ACCEPTED", 20)))
    assert story.said(key) == ("confirmed", "expectation")


def test_a_task_that_no_list_shows_may_be_told_anew() -> None:
    task = a_dialog("900_1", a_participant(state="ACTIVE"), media_type="Chat")
    story = Story()
    story.hear(added(task), content=11)
    story.wait(60)
    story.link_down()
    story.wait(1)
    story.link_up(a_dialog(), user=a_user())
    assert story.hear(added(task), content=11)
    assert "900_1" in story.correlator.picture(AGENT).dialogs


# -- old news, and what they cast doubt on ---------------------------------------------------------


@pytest.mark.parametrize("again", [True, False])
def test_a_content_from_before_a_callback_was_set_does_not_cancel_it(
    again: bool,  # noqa: FBT001  the parameter of a test
) -> None:
    story = Story()
    info = ScheduledCallbackInfo(callback_time="2026-11-22T10:00", callback_number="1")
    story.hear(an_event(a_dialog()), content=101)
    story.wait(10)
    story.hear(an_event(a_dialog(scheduled_callback_info=info)), content=102)
    key = story.accepted(a.CancelScheduledCallback(agent=AGENT, dialog_id="100"))
    story.wait(5)
    story.hear(an_event(a_dialog()), content=101 if again else 103)
    assert story.said(key)[0] == ("open" if again else "confirmed")


@pytest.mark.parametrize("signed", [True, False])
def test_a_callback_that_is_told_again_was_not_set_since(
    signed: bool,  # noqa: FBT001  the parameter of a test
) -> None:
    info = ScheduledCallbackInfo(callback_time="2026-11-22T10:00", callback_number="1")
    story = Story(a_dialog("100"))
    setting = story.accepted(
        a.UpdateScheduledCallback(
            agent=AGENT, dialog_id="100", callback_time="2026-11-22T10:00", callback_number="1"
        )
    )
    tag = setting if signed else None
    story.hear(an_event(a_dialog(scheduled_callback_info=info), tag=tag), content=101)
    story.hear(an_event(a_dialog()), content=102)  # cancelled by somebody
    story.wait(60)
    key = story.accepted(a.CancelScheduledCallback(agent=AGENT, dialog_id="100"))
    story.hear(an_event(a_dialog(scheduled_callback_info=info), tag=tag), content=101)
    story.hear(an_event(calling_back_since(None, at=9)), content=103)
    assert story.said(key)[0] == "open"


def test_a_callback_of_a_call_that_was_taken_in_is_not_cancelled_by_one_that_never_had_it() -> None:
    story = Story(a_dialog(), a_dialog("200"))
    info = ScheduledCallbackInfo(callback_time="2026-11-22T10:00", callback_number="1")
    key = story.accepted(a.CancelScheduledCallback(agent=AGENT, dialog_id="100"))
    story.hear(an_event(a_dialog(scheduled_callback_info=info)))  # somebody set one since
    story.wait(1)
    story.hear(an_event(a_dialog("200", secondary_id="100")))
    assert story.said(key)[0] == "open"


@pytest.mark.parametrize(("gap", "said"), [(False, "confirmed"), (True, "open")])
def test_a_task_is_known_as_long_as_there_was_no_gap_though_no_list_shows_it(
    gap: bool,  # noqa: FBT001  the parameter of a test
    said: str,
) -> None:
    # another session of the agent came up beside the one that heard
    task = a_dialog("151_1", a_participant(AGENT, state="OFFERED"), media_type="Chat")
    story = Story()
    story.hear(added(task))
    story.wait(1)
    if gap:
        story.link_down()
    story.link_up(a_dialog(), user=a_user())
    key = story.accepted(a.TaskAccept(agent=AGENT, dialog_id="151_1"))
    taken = replace(task, participants=(a_participant(AGENT, state="ACCEPTED", at=1),))
    story.hear(an_event(taken))
    assert story.said(key)[0] == said


def test_a_task_is_compared_with_no_call() -> None:
    # the call changed later, by another clock
    task = a_dialog("151_1", a_participant(AGENT, state="OFFERED", at=10), media_type="Chat")
    story = Story(own("ACTIVE", 100))
    story.hear(added(task))
    key = story.accepted(a.TaskAccept(agent=AGENT, dialog_id="151_1"))
    taken = replace(task, participants=(a_participant(AGENT, state="ACCEPTED", at=20),))
    story.hear(an_event(taken))
    assert story.said(key) == ("confirmed", "expectation")
