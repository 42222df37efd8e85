"""What the oracle (tests/oracle) found, each as a story of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from listener.finesse.actions import NotReady, TaskAccept
from tests.builders import (
    AGENT,
    Story,
    a_dialog,
    a_participant,
    a_user,
    a_user_event,
    an_event,
)

if TYPE_CHECKING:
    from listener.finesse.model import Dialog

TASK = "1_2_1"


def _task(state: str, at: float) -> Dialog:
    return a_dialog(TASK, a_participant(AGENT, state, at), state=state)


def test_a_get_does_not_prove_a_task_by_a_change_that_is_anothers_by_its_id() -> None:
    # the first was never done; the second was, and a GET for the first shows its state
    story = Story(_task("OFFERED", 0))
    first = story.ask(TaskAccept(agent=AGENT, dialog_id=TASK))
    story.doubt(first)
    second = story.accepted(TaskAccept(agent=AGENT, dialog_id=TASK))
    story.hear(an_event(_task("ACCEPTED", 1), tag=second))
    assert story.said(second) == ("confirmed", "request_id")
    story.wait(17.5)
    story.look(_task("ACCEPTED", 1))
    story.wait(5)
    assert story.said(first) == ("unconfirmed", "no_answer")


def test_a_get_does_not_prove_a_state_by_a_change_that_is_anothers_by_its_id() -> None:
    request = NotReady(agent=AGENT, reason_code_id="51")
    story = Story(user=a_user("TALKING"))
    first = story.accepted(request)
    story.wait(1)
    second = story.accepted(request)
    pending = a_user("TALKING", 2, pending_state="NOT_READY", reason_code_id="51")
    story.hear(a_user_event(pending, tag=second))
    assert story.said(second) == ("confirmed", "request_id")
    story.wait(16.5)
    story.look(user=pending)
    assert story.said(first)[0] == "open"
    story.hear(a_user_event(a_user("NOT_READY", 30, reason_code_id="51")))
    assert story.said(first) == ("confirmed", "expectation")
