"""Rules of evidence 6.8 to 6.10: previews, callbacks, tasks, the user; the end of a dialog."""

from __future__ import annotations

import pytest

from listener.correlation.instants import instant
from listener.finesse import actions as a
from tests.builders import (
    EXT,
    Story,
    a_dialog,
    a_participant,
    a_user,
    a_user_event,
    added,
    an_event,
    clock,
    own,
    placed,
    removed,
)

ACCEPT = a.PreviewAccept(agent="agent1", dialog_id="100")
CLOSE = a.PreviewClose(agent="agent1", dialog_id="100")
REJECT = a.DirectPreviewReject(agent="agent1", dialog_id="100")
OFFERED = own("ALERTING", 0)
GONE = own("ALERTING", 0)


def test_accepted_confirms_a_preview_accept() -> None:
    story = Story(OFFERED)
    key = story.accepted(ACCEPT)
    story.hear(an_event(own("ACCEPTED", 1)))
    assert story.said(key) == ("confirmed", "expectation")


@pytest.mark.parametrize("request_", [CLOSE, REJECT])
def test_a_tagged_delete_confirms_close_and_reject(request_: a.Request) -> None:
    story = Story(OFFERED)
    key = story.accepted(request_)
    story.wait(10)
    story.hear(removed(GONE, tag=key))
    assert story.said(key) == ("confirmed", "request_id")


def test_an_untagged_delete_within_three_seconds_confirms_after_two_more() -> None:
    story = Story(OFFERED)
    key = story.accepted(CLOSE)
    story.wait(3)
    story.hear(removed(GONE))
    story.wait(1.9)
    assert story.said(key)[0] == "open"
    story.wait(0.1)
    assert story.said(key) == ("confirmed", "expectation")


@pytest.mark.parametrize("why", ["late", "accepted", "accepted before", "no baseline", "no 202"])
def test_any_other_untagged_delete_is_only_an_end(why: str) -> None:
    before = own("ACCEPTED", 0) if why == "accepted before" else OFFERED
    story = Story(before, live=why != "no baseline")
    key = story.ask(CLOSE)
    if why != "no 202":
        story.accept(key)
    else:
        story.doubt(key)
    if why == "accepted":
        story.hear(an_event(own("ACCEPTED", 1)))
    story.wait(4 if why == "late" else 1)
    story.hear(removed(GONE))
    story.wait(2)
    assert story.said(key) == ("unconfirmed", "dialog_ended")


@pytest.mark.parametrize("order", ["call first", "delete first"])
def test_a_customer_call_shows_that_the_reservation_was_taken(order: str) -> None:
    story = Story(OFFERED)
    key = story.accepted(CLOSE)
    events = [added(placed("INITIATING")), removed(GONE)]
    story.hear(*(events if order == "call first" else reversed(events)))
    story.wait(3)
    assert story.said(key) == ("unconfirmed", "dialog_ended")


def test_another_agents_delete_says_nothing_of_the_reservation() -> None:
    story = Story(OFFERED)
    key = story.accepted(CLOSE)
    story.hear(removed(GONE, owner="agent2"), removed(GONE, owner="agent2", tag=key))
    story.wait(3)
    assert story.said(key)[0] == "open"


# -- outbound data --------------------------------------------------------------------------

CALLBACK = a.UpdateScheduledCallback(
    agent="agent1", dialog_id="100", callback_time="2026-12-01T10:00", callback_number="77"
)
CANCEL = a.CancelScheduledCallback(agent="agent1", dialog_id="100")
CLASS = a.Reclassify(agent="agent1", dialog_id="100", outbound_classification="BUSY")


def promised(time: str | None = "2026-12-01T10:00", number: str | None = "77") -> a.Request:
    from listener.finesse.model import ScheduledCallbackInfo  # noqa: PLC0415  used here alone

    return a_dialog(scheduled_callback_info=ScheduledCallbackInfo(time, number))


def classed(value: str) -> object:
    return a_dialog(variables={"BAResponse": value})


@pytest.mark.parametrize(
    ("request_", "before", "after", "word"),
    [
        (CALLBACK, a_dialog(), promised(), "confirmed"),
        (CALLBACK, a_dialog(), promised(number="78"), "open"),
        (CALLBACK, promised(), promised(), "open"),
        (CANCEL, promised(), a_dialog(), "confirmed"),
        (CANCEL, promised(None, "7"), promised("", ""), "confirmed"),
        (CANCEL, a_dialog(), a_dialog(), "open"),  # a baseline that had the value
        (CANCEL, promised(), promised(), "open"),
        (CLASS, classed("VOICE"), classed("BUSY"), "confirmed"),
        (CLASS, classed("VOICE"), classed("FAX"), "open"),
        (CLASS, classed("BUSY"), classed("BUSY"), "open"),
    ],
)
def test_outbound_data_confirms_by_its_change(
    request_: a.Request, before: object, after: object, word: str
) -> None:
    story = Story(before)
    key = story.accepted(request_)
    story.hear(an_event(after))
    assert story.said(key)[0] == word


@pytest.mark.parametrize(
    ("request_", "shown"), [(CALLBACK, promised()), (CANCEL, a_dialog()), (CLASS, classed("BUSY"))]
)
def test_outbound_data_without_a_baseline(request_: a.Request, shown: object) -> None:
    story = Story(live=False)
    key = story.accepted(request_)
    story.hear(an_event(shown))
    assert story.said(key)[0] == "open"
    story.hear(an_event(shown, tag=key))
    assert story.said(key)[0] == ("open" if request_ is CANCEL else "confirmed")


@pytest.mark.parametrize("request_", [CALLBACK, CANCEL, CLASS])
def test_outbound_data_ends_with_its_dialog(request_: a.Request) -> None:
    story = Story(a_dialog(), a_dialog("200"))
    key = story.accepted(request_)
    story.hear(removed(promised(), dialog_id="200"), removed(a_dialog()))
    story.wait(2)
    assert story.said(key) == ("unconfirmed", "dialog_ended")


# -- tasks ----------------------------------------------------------------------------------

TASK = "1_2_3"


def task(state: str, at: float = 1, *parties: object) -> object:
    return a_dialog(TASK, *(parties or (a_participant("agent1", state, at),)), state=state)


@pytest.mark.parametrize(
    ("request_", "state"),
    [
        (a.TaskAccept, "ACCEPTED"),
        (a.TaskStart, "ACTIVE"),
        (a.TaskPause, "PAUSED"),
        (a.TaskResume, "ACTIVE"),
        (a.TaskWrapUp, "WRAPPING_UP"),
    ],
)
def test_a_tasks_state_confirms(request_: type, state: str) -> None:
    # 4.19
    story = Story(task("OFFERED", 0))
    key = story.accepted(request_(agent="agent1", dialog_id=TASK))
    story.hear(an_event(task("OFFERED", 1)))
    assert story.said(key)[0] == "open"
    story.hear(an_event(task(state, 2)))
    assert story.said(key) == ("confirmed", "expectation")


@pytest.mark.parametrize(
    "parties",
    [
        (a_participant("someone", "ACTIVE", 1),),
        (a_participant("x", "OTHER", 1), a_participant("y", "OTHER", 1)),
    ],
    ids=["the sole party", "the task itself"],
)
def test_a_task_names_its_party_in_several_ways(parties: tuple[object, ...]) -> None:
    story = Story(task("OFFERED", 0))
    key = story.accepted(a.TaskStart(agent="agent1", dialog_id=TASK))
    story.hear(an_event(task("ACTIVE", 1, *parties)))
    assert story.said(key) == ("confirmed", "expectation")


def test_a_task_without_a_baseline_counts_by_its_time() -> None:
    story = Story(live=False)
    key = story.ask(a.TaskStart(agent="agent1", dialog_id=TASK))
    story.accept(key, date=instant(clock(100)))
    story.hear(an_event(task("ACTIVE", 99)))
    assert story.said(key)[0] == "open"
    story.hear(an_event(task("ACTIVE", 102)))
    assert story.said(key)[0] == "confirmed"


def test_a_task_that_was_in_that_state_before_proves_nothing() -> None:
    story = Story(task("ACTIVE", 0))
    key = story.accepted(a.TaskStart(agent="agent1", dialog_id=TASK))
    story.hear(an_event(task("ACTIVE", 0)))
    story.hear(removed(task("ACTIVE", 0)))
    story.wait(2)
    assert story.said(key) == ("unconfirmed", "dialog_ended")


def test_a_task_removed_elsewhere_ends_nothing() -> None:
    story = Story(task("ACTIVE", 0))
    key = story.accepted(a.TaskPause(agent="agent1", dialog_id=TASK))
    story.hear(removed(task("ACTIVE", 0), owner="agent2", tag=key))
    assert story.said(key)[0] == "open"


@pytest.mark.parametrize("kind", ["transfer", "close"])
def test_the_end_of_a_task_is_ours_only_with_our_id(kind: str) -> None:
    # 6.8: nonvoice TRANSFER and CLOSE are told apart only by our id
    for tagged in (True, False):
        story = Story(task("ACTIVE", 0))
        request = (
            a.TaskTransfer(agent="agent1", dialog_id=TASK, target="9")
            if kind == "transfer"
            else a.TaskClose(agent="agent1", dialog_id=TASK)
        )
        key = story.accepted(request)
        story.hear(an_event(task("CLOSED")))
        story.hear(removed(task("CLOSED"), tag=key if tagged else None))
        story.wait(2)
        wanted = ("confirmed", "request_id") if tagged else ("unconfirmed", "dialog_ended")
        assert story.said(key) == wanted


# -- the user -------------------------------------------------------------------------------

READY = a.Ready(agent="agent1")
SIGN_IN = a.SignIn(agent="agent1", extension=EXT)
NOT_READY = a.NotReady(agent="agent1", reason_code_id="12")


@pytest.mark.parametrize(
    ("request_", "after", "said"),
    [
        (READY, a_user("READY", 1), ("confirmed", "expectation")),
        (READY, a_user("READY", 0), ("open", None)),
        (READY, a_user("WORK", 1), ("open", None)),
        (READY, a_user("RESERVED", 1), ("open", None)),
        (READY, a_user("TALKING", 1), ("open", None)),
        (READY, a_user("TALKING", 1, pending_state="READY"), ("confirmed", "expectation")),
        (NOT_READY, a_user("NOT_READY", 1, reason_code_id="12"), ("confirmed", "expectation")),
        (NOT_READY, a_user("NOT_READY", 1, reason_code_id="13"), ("open", None)),
        (a.Work(agent="agent1"), a_user("WORK", 1), ("confirmed", "expectation")),
        (a.SignOut(agent="agent1"), a_user("LOGOUT", 1), ("confirmed", "expectation")),
        (
            a.SignIn(agent="agent1", extension=EXT),
            a_user("NOT_READY", 1),
            ("confirmed", "expectation"),
        ),
        (a.SignIn(agent="agent1", extension="9"), a_user("NOT_READY", 1), ("open", None)),
    ],
)
def test_the_users_state_that_was_asked_for_confirms(
    request_: a.Request, after: object, said: tuple[str, str | None]
) -> None:
    # 6.9
    story = Story()
    key = story.accepted(request_)
    story.hear(a_user_event(after))
    assert story.said(key) == said


def test_a_pending_state_is_confirmed_with_that_stage() -> None:
    story = Story(user=a_user("TALKING"))
    key = story.accepted(READY)
    story.hear(a_user_event(a_user("TALKING", 0, pending_state="READY")))
    assert story.said(key) == ("confirmed", "expectation")
    assert story.outcomes[key].stage == "PENDING"


def test_a_pending_state_of_before_proves_nothing() -> None:
    story = Story(user=a_user("TALKING", 5, pending_state="READY"))
    key = story.accepted(READY)
    story.hear(a_user_event(a_user("TALKING", 6, pending_state="READY")))
    assert story.said(key)[0] == "open"


def test_an_older_pending_state_that_is_published_again_proves_nothing() -> None:
    # 4
    story = Story(user=a_user("TALKING", 5))
    key = story.accepted(READY)
    story.hear(a_user_event(a_user("HOLD", 1, pending_state="READY")))
    assert story.said(key)[0] == "open"


@pytest.mark.parametrize("state", ["RESERVED", "TALKING"])
def test_reserved_or_talking_after_ready_proves_it_only_when_tagged(state: str) -> None:
    story = Story()
    key = story.accepted(READY)
    story.hear(a_user_event(a_user(state, 1), tag=key))
    assert story.said(key) == ("confirmed", "request_id")


def test_talking_as_before_proves_no_ready_even_when_tagged() -> None:
    # 3: the effect must be there
    story = Story(user=a_user("TALKING", 1))
    key = story.accepted(READY)
    story.hear(a_user_event(a_user("TALKING", 1), tag=key))
    story.wait(20)
    assert story.said(key)[0] == "unconfirmed"


@pytest.mark.parametrize(("at", "word"), [(102, "confirmed"), (99, "open")])
def test_without_a_baseline_a_users_state_counts_by_its_time(at: float, word: str) -> None:
    story = Story(live=False)
    key = story.ask(READY)
    story.accept(key, date=instant(clock(100)))
    story.hear(a_user_event(a_user("READY", at)))
    assert story.said(key)[0] == word


def test_without_a_baseline_a_pending_state_needs_our_id() -> None:
    story = Story(live=False)
    key = story.accepted(READY)
    story.hear(a_user_event(a_user("TALKING", 1, pending_state="READY")))
    assert story.said(key)[0] == "open"
    story.hear(a_user_event(a_user("TALKING", 1, pending_state="READY"), tag=key))
    assert story.said(key) == ("confirmed", "request_id")


def test_a_users_state_without_times_counts_by_its_value() -> None:
    story = Story(user=a_user(state_change_time=None))
    key = story.accepted(READY)
    story.hear(a_user_event(a_user("READY", state_change_time=None)))
    assert story.said(key)[0] == "confirmed"


def test_a_user_event_of_nobody_or_another_agent_says_nothing() -> None:
    story = Story()
    key = story.accepted(READY)
    story.hear(a_user_event(a_user("READY", 1), owner=None))
    story.hear(a_user_event(a_user("READY", 1), owner="agent2"))
    assert story.said(key)[0] == "open"


def test_requests_about_the_user_wait_for_no_device() -> None:
    # 9
    story = Story()
    story.accepted(a.Hold(agent="agent1", dialog_id="100"))
    assert story.ask(READY) in story.sent


# -- 6.10 -----------------------------------------------------------------------------------


def test_the_grace_after_a_dialogs_end_is_two_seconds() -> None:
    story = Story()
    key = story.accepted(a.Hold(agent="agent1", dialog_id="100"))
    story.hear(an_event(own("DROPPED")))
    story.wait(1.9)
    assert story.said(key)[0] == "open"
    story.wait(0.1)
    assert story.said(key) == ("unconfirmed", "dialog_ended")


def test_the_grace_never_goes_past_the_deadline() -> None:
    story = Story()
    key = story.accepted(a.Hold(agent="agent1", dialog_id="100"))
    story.wait(19)
    story.hear(removed())
    story.wait(1)
    assert story.said(key) == ("unconfirmed", "dialog_ended")
    assert story.outcomes[key].waited == 20


def test_the_grace_begins_with_the_answer_when_that_is_later() -> None:
    # 2
    story = Story()
    key = story.ask(a.Hold(agent="agent1", dialog_id="100"))
    story.hear(removed(), removed(own("DROPPED", 2)))
    story.wait(5)
    assert story.said(key)[0] == "open"
    story.accept(key)
    story.wait(2)
    assert story.said(key) == ("unconfirmed", "dialog_ended")


def test_proof_within_the_grace_counts() -> None:
    story = Story()
    key = story.accepted(a.Hold(agent="agent1", dialog_id="100"))
    story.hear(removed())
    story.wait(1)
    story.hear(an_event(own("HELD", 2), tag=key))
    assert story.said(key) == ("confirmed", "request_id")
