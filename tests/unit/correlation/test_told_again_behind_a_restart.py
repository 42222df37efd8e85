"""Rules of evidence 4: for 10 s behind a restart Finesse may publish again what was heard."""

from __future__ import annotations

from dataclasses import replace

import pytest

from listener.correlation.instants import instant
from listener.correlation.picture import Baseline
from listener.finesse import actions as a
from listener.finesse.model import Dialog, ScheduledCallbackInfo
from tests.builders import (
    AGENT,
    CALL,
    CUSTOMER,
    Story,
    a_dialog,
    a_participant,
    a_user,
    an_event,
    clock,
    own,
    placed,
)
from tests.unit.correlation.given import CONFIRMED, HOLD, MAKE_CALL_FROM, update, watch_of_an_agent

MONITOR = a.SilentMonitor(agent=AGENT, to_address="1002")
SENT_AWAY = a.TransferSst(agent=AGENT, dialog_id=CALL, to_address="1003")
CANCEL = a.CancelScheduledCallback(agent=AGENT, dialog_id=CALL)
PARTY_DROP = a.ParticipantDrop(agent=AGENT, dialog_id=CALL, target_media_address="1003")
CALLS = {MAKE_CALL_FROM: placed("ALERTING"), MONITOR: watch_of_an_agent("ACTIVE")}


def restarted(*dialogs: Dialog) -> Story:
    """Return a story of a process that follows another one, by what was read at its start."""
    story = Story(live=False)
    story.adopt(HOLD, baseline=Baseline(own("ACTIVE")), left=0.1, age=1.0)
    story.link_up(*dialogs, user=a_user("NOT_READY", at=50))
    story.wait(1)
    return story


def begun(dialog: Dialog, at: float) -> Dialog:
    """Return a call to which its parties came at that time."""
    return replace(
        dialog,
        participants=tuple(
            a_participant(
                p.media_address, p.state, at, start_time=a_participant(at=at).state_change_time
            )
            for p in dialog.participants
        ),
    )


def of_three(at: float = 0.0) -> Dialog:
    parties = (a_participant(at=at), a_participant(CUSTOMER), a_participant("1003", at=5))
    return a_dialog(CALL, *parties)


def of_two(at: float = 0.0) -> Dialog:
    return replace(of_three(), participants=of_three(at).participants[:2])


@pytest.mark.parametrize(("at", "said"), [(0.0, ("open", None)), (60.0, CONFIRMED)])
@pytest.mark.parametrize("request_", CALLS)
def test_a_call_from_before_the_agents_state_is_none_that_is_made_now(
    request_: a.MakeCall | a.SilentMonitor, at: float, said: tuple[str, str | None]
) -> None:
    story = restarted()
    key = story.accepted(request_)
    story.hear(an_event(begun(CALLS[request_], at)))
    assert story.said(key) == said


@pytest.mark.parametrize(("at", "said"), [(0.0, ("open", None)), (60.0, CONFIRMED)])
@pytest.mark.parametrize("adopted", [False, True])
def test_that_a_party_is_not_listed_may_be_how_it_was_before_the_party_came(
    at: float, said: tuple[str, str | None], *, adopted: bool
) -> None:
    story = restarted(of_three())
    if adopted:
        baseline = Baseline(of_three(), (), a_user("TALKING"))
        key = story.adopt(PARTY_DROP, baseline=baseline, left=25.0, age=2.0)
    else:
        key = story.accepted(PARTY_DROP)
    story.hear(an_event(of_two(at)))
    assert story.said(key) == said


@pytest.mark.parametrize(("at", "said"), [(1.0, "open"), (3.0, "confirmed")])
def test_data_that_were_told_again_behind_a_restart_are_in_doubt(at: float, said: str) -> None:
    # 4: the process before may have heard them; only a later state tells that they are news
    story = restarted(own("ACTIVE", variables={"callVariable1": "x"}))
    story.hear(an_event(own("ACTIVE", at, variables={"callVariable1": "old"})))
    story.wait(20)
    key = story.accepted(update(callVariable1="x"))
    story.hear(an_event(own("HELD", 9, variables={"callVariable1": "x"})))
    assert story.said(key)[0] == said


def test_what_its_own_request_brought_behind_a_restart_is_in_no_doubt() -> None:
    story = restarted(own("ACTIVE", variables={"callVariable1": "x"}))
    first = story.accepted(update(callVariable1="y"))
    story.hear(an_event(own("ACTIVE", 1, variables={"callVariable1": "y"}), tag=first))
    story.wait(20)
    key = story.accepted(update(callVariable1="x"))
    story.hear(an_event(own("ACTIVE", 1, variables={"callVariable1": "x"})), content=9)
    assert story.said(key) == CONFIRMED


def test_that_a_party_is_not_listed_is_told_by_a_get_behind_a_restart() -> None:
    story = restarted(of_three())
    key = story.accepted(PARTY_DROP)
    story.hear(an_event(of_two()))
    story.wait(17.5)
    story.look(of_two(), dialog=of_two())
    assert story.said(key) == ("confirmed", "snapshot")


@pytest.mark.parametrize(("at", "said"), [(2.0, "open"), (62.0, "failed")])
@pytest.mark.parametrize("adopted", [False, True])
def test_that_a_call_failed_may_be_how_somebody_elses_transfer_ended_before(
    at: float, said: str, *, adopted: bool
) -> None:
    # 4, 6.5: the number that was busy is on it no more; the Date of the answer tells what is since
    there = a_dialog(CALL, a_participant(), a_participant(CUSTOMER))
    story, date = restarted(there), instant(clock(60))
    if adopted:
        how = {"left": 25.0, "age": 2.0, "answer_date": date}
        key = story.adopt(SENT_AWAY, baseline=Baseline(there, (), a_user("TALKING")), **how)
    else:
        key = story.ask(SENT_AWAY)
        story.accept(key, date=date)
    busy = a_participant("1003", "FAILED", at, state_cause="BUSY")
    story.hear(an_event(replace(there, state="FAILED", participants=(*there.participants, busy))))
    assert story.said(key)[0] == said


@pytest.mark.parametrize(("at", "said"), [(0.0, ("open", None)), (55.0, CONFIRMED)])
@pytest.mark.parametrize("adopted", [True, False])
def test_a_callback_that_is_told_of_may_have_been_cancelled_before(
    at: float, said: tuple[str, str | None], *, adopted: bool
) -> None:
    # 6.8: it was not there at sending; that it was set since only a party's later time tells
    if adopted:
        story = Story(live=False)
        key = story.adopt(CANCEL, baseline=Baseline(own("ACTIVE", 0)), left=15.0, age=1.0)
        story.link_up(own("ACTIVE", 0), user=a_user())
    else:
        story = restarted(own("ACTIVE", 0))
        key = story.accepted(CANCEL)
    info = ScheduledCallbackInfo(callback_time="2026-11-22T10:00")
    story.hear(an_event(own("HELD" if at else "ACTIVE", at, scheduled_callback_info=info)))
    story.hear(an_event(own("ACTIVE", 60)))
    assert story.said(key) == said
