"""What others do beside a request of ours, and what it takes to say whose a change or error is."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from listener.correlation.gate import GateMode
from listener.correlation.instants import http_date
from listener.correlation.picture import Baseline
from listener.finesse.actions import (
    Conference,
    ConsultCall,
    Drop,
    MakeCall,
    NotReady,
    PreviewClose,
    SendDtmf,
    TaskPause,
    Transfer,
    TransferSst,
    Work,
)
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
    own,
    placed,
    removed,
)

if TYPE_CHECKING:
    from listener.finesse.model import Dialog

MAKE = MakeCall(agent=AGENT, from_address=EXT, to_address="5551")
LINK = {"associated_dialog_uri": "/finesse/api/Dialog/100"}


def call(id_: str, state: str, party: str, **changes: Any) -> Dialog:
    """Return one more call of the agent, with one other party."""
    return a_dialog(id_, a_participant(state=state), a_participant(party), **changes)


def test_somebody_elses_merge_with_a_third_call_is_not_the_one_with_the_consult() -> None:
    consult, third = call("200", "ACTIVE", "1002", **LINK), call("300", "ACTIVE", "1003")
    story = Story(own("HELD", 0), consult, third)
    key = story.accepted(Conference(agent=AGENT, dialog_id=CALL))
    parties = [a_participant(EXT, "ACTIVE", 2), a_participant("5550100"), a_participant("1003")]
    story.hear(an_event(a_dialog(CALL, *parties, secondary_id="300"), tag="theirs"))
    story.wait(30)
    assert story.said(key)[0] == "unconfirmed"


def test_an_id_of_a_colleagues_conference_on_its_other_call_is_not_ours_alone() -> None:
    consult = a_dialog("200", a_participant("1002"), a_participant())
    story = Story(consult)
    story.link_up(own("HELD", 0), replace(consult, **LINK), agent="agent2", user=a_user())
    digits = SendDtmf(agent=AGENT, dialog_id="200", dtmf_string="1")
    key = story.ask(digits, id_="2", expected=True)
    theirs = Conference(agent="agent2", dialog_id=CALL)
    story.accepted(theirs, id_="2", own="1002")
    story.hear(removed(a_dialog("200", a_participant(state="DROPPED")), tag="2"))
    story.wait(60)
    assert story.said(key) == ("unconfirmed", "not_reported")


def test_a_change_that_was_held_for_one_alone_is_not_contested_by_a_later_one() -> None:
    story = Story(gate=GateMode.OFF, user=a_user("READY", 0))
    wish = NotReady(agent=AGENT, reason_code_id="51")
    first = story.ask(wish)
    story.hear(a_user_event(a_user("NOT_READY", 1, reason_code_id="51")))
    second = story.accepted(wish)
    story.hear(a_user_event(a_user("NOT_READY", 3, reason_code_id="51")))
    story.wait(30)
    assert story.said(first) == ("confirmed", "expectation")
    assert story.said(second) == ("unconfirmed", "ambiguous")


def test_a_colleagues_refused_request_says_nothing_of_an_error_on_our_own_node() -> None:
    story = Story()
    key = story.accepted(PreviewClose(agent=AGENT, dialog_id=CALL))
    story.hear(an_error(), an_error(tag="theirs", owner="agent2"))
    story.wait(2)
    assert story.said(key) == ("failed", "sole_pending")


def test_a_call_that_comes_in_meanwhile_is_none_that_a_consult_makes() -> None:
    story = Story()
    key = story.accepted(ConsultCall(agent=AGENT, dialog_id=CALL, to_address="5551"))
    story.hear(an_error())
    incoming = call("300", "ALERTING", "5550107", from_address="5550107")
    answered = replace(
        incoming, participants=(a_participant(state="ACTIVE", at=1), a_participant("5550107"))
    )
    story.hear(added(incoming), an_event(answered))
    story.wait(2)
    assert story.said(key) == ("failed", "sole_pending")


def test_a_call_of_our_device_that_moves_meanwhile_may_be_the_one_that_is_made() -> None:
    story = Story()
    key = story.accepted(MAKE)
    story.hear(an_error(dialog_id=None))
    story.hear(added(placed("INITIATING", to="5559")), an_event(placed("INITIATED", to="5559")))
    story.wait(30)
    assert story.said(key) == ("unconfirmed", "ambiguous")


def failed_call() -> Dialog:
    """Return the call that the agent dialled, FAILED."""
    return placed("FAILED", participants=(a_participant(EXT, "FAILED", 2),))


def test_our_id_says_that_a_call_that_a_gap_left_failed_is_ours_after_all() -> None:
    story = Story()
    key = story.accepted(MAKE)
    story.link_down()
    story.wait(1)
    story.link_up(a_dialog(), failed_call(), user=a_user())
    assert story.said(key)[0] == "open"
    story.hear(an_event(failed_call(), tag=key))
    assert story.said(key) == ("failed", "request_id")


def test_a_state_that_comes_behind_that_of_a_later_request_was_there() -> None:
    story = Story(gate=GateMode.OFF, user=a_user("TALKING", 0))
    work = story.accepted(Work(agent=AGENT))
    later = story.accepted(NotReady(agent=AGENT))
    story.hear(a_user_event(a_user("TALKING", 5, pending_state="NOT_READY"), tag=later))
    assert story.said(later) == ("confirmed", "request_id")
    story.hear(a_user_event(a_user("TALKING", 3, pending_state="WORK")))
    assert story.said(work) == ("confirmed", "expectation")


def test_a_state_that_was_another_requests_is_not_told_again_as_ours() -> None:
    story = Story(gate=GateMode.OFF, user=a_user("TALKING", 0))
    first, second = story.accepted(Work(agent=AGENT)), story.accepted(Work(agent=AGENT))
    story.hear(a_user_event(a_user("TALKING", 3, pending_state="WORK"), tag=second))
    later = story.accepted(NotReady(agent=AGENT))
    story.hear(a_user_event(a_user("TALKING", 5, pending_state="NOT_READY"), tag=later))
    story.hear(a_user_event(a_user("TALKING", 3, pending_state="WORK")))
    story.wait(30)
    assert story.said(first)[0] == "unconfirmed"


def test_an_error_on_a_call_is_not_that_of_the_request_that_made_it() -> None:
    story = Story(gate=GateMode.OFF)
    story.accepted(MAKE)
    story.hear(added(placed("ACTIVE")))
    drop = story.accepted(Drop(agent=AGENT, dialog_id="200"))
    story.hear(an_error(dialog_id="200"))
    story.wait(2)
    assert story.said(drop) == ("failed", "sole_pending")


def test_an_answer_to_a_ping_that_was_not_sent_changes_nothing() -> None:
    story = Story()
    key = story.accepted(SendDtmf(agent=AGENT, dialog_id=CALL, dtmf_string="1"))
    story.fence(key, passed=False)
    assert story.said(key)[0] == "open"
    story.wait(6)
    assert story.said(key)[0] == "presumed"


def test_the_sole_suspect_of_a_late_error_is_named_when_the_fences_time_is_up() -> None:
    story = Story(fences=None)
    key = story.accepted(SendDtmf(agent=AGENT, dialog_id=CALL, dtmf_string="1"))
    story.wait(6.3)
    story.hear(an_error())
    story.wait(0.9)
    assert story.said(key)[0] == "open"
    story.wait(0.2)
    assert story.said(key) == ("failed", "sole_pending")


def test_a_call_that_had_arrived_before_arrives_by_no_later_request() -> None:
    story = Story(own("HELD", 0), gate=GateMode.OFF)
    there = [a_participant("5550100"), a_participant("1002", "ALERTING", 3)]
    story.hear(added(a_dialog(CALL, *there), owner="agent2"))
    wish = TransferSst(agent=AGENT, dialog_id=CALL, to_address="1002")
    key = story.accepted(wish)
    answered = [there[0], a_participant("1002", "ACTIVE", 5)]
    story.hear(an_event(a_dialog(CALL, *answered), owner="agent2"))
    story.wait(30)
    assert story.said(key)[0] == "unconfirmed"


def test_a_tasks_state_that_is_another_requests_by_its_id_proves_none_by_a_get() -> None:
    story = Story(gate=GateMode.OFF, live=False)
    pause = TaskPause(agent=AGENT, dialog_id="300")
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


def test_after_a_restart_a_new_call_is_one_that_a_get_shows() -> None:
    story = Story(live=False)
    key = story.adopt(MAKE, baseline=Baseline(), left=10.0)
    story.link_up(user=a_user())
    story.hear(an_event(placed("ACTIVE")))  # it may be over since before the request
    assert story.said(key)[0] == "open"
    story.wait(7)
    story.look(placed("ACTIVE"))
    assert story.said(key) == ("confirmed", "snapshot")


def test_a_task_is_no_call_that_could_be_joined() -> None:
    task = call("300", "ACTIVE", "1003", media_type="Cisco_Chat_MRD")
    story = Story(own("HELD", 0), call("200", "ACTIVE", "1002"), task)
    key = story.accepted(Transfer(agent=AGENT, dialog_id=CALL))
    story.hear(removed(call("200", "DROPPED", "1002")), removed(own("DROPPED", 2), tag=key))
    assert story.said(key) == ("confirmed", "request_id")


def test_a_state_as_old_as_what_was_known_at_sending_may_be_published_again() -> None:
    story = Story(gate=GateMode.OFF, user=a_user("TALKING", 2, pending_state="NOT_READY"))
    work = story.accepted(Work(agent=AGENT))
    later = story.accepted(NotReady(agent=AGENT))
    story.hear(a_user_event(a_user("TALKING", 5, pending_state="NOT_READY"), tag=later))
    story.hear(a_user_event(a_user("TALKING", 2, pending_state="WORK")))
    story.wait(30)
    assert story.said(work)[0] == "unconfirmed"
