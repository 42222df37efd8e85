"""Ids on the calls of others, and what another process, or an earlier session, had heard before."""

from __future__ import annotations

from dataclasses import replace

import pytest

from listener.finesse import actions as a
from listener.finesse.events import DialogAdded
from listener.finesse.model import ScheduledCallbackInfo
from tests.builders import (
    AGENT,
    CUSTOMER,
    EXT,
    Story,
    a_dialog,
    a_participant,
    a_user,
    an_error,
    an_event,
    own,
    removed,
)

COLLEAGUE = replace(a_user(), login_id="agent2", extension="1002")
CONSULT = replace(
    a_dialog("200", a_participant(state="ACTIVE"), a_participant("1002")),
    from_address=EXT,
    to_address="1002",
    associated_dialog_uri="/finesse/api/Dialog/100",
)
JOINS = [a.Transfer(agent=AGENT, dialog_id="100"), a.Conference(agent=AGENT, dialog_id="100")]


# -- ids ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("request_", JOINS)
def test_a_colleagues_error_with_the_same_id_on_the_consult_call_is_his_own(request_) -> None:
    story = Story(own("HELD", 0), CONSULT)
    key = story.accepted(request_, id_="145")
    story.hear(an_error("4047: INVALID_ACTION HOLD", tag="145", dialog_id="200", owner="agent2"))
    assert story.said(key)[0] == "open"


@pytest.mark.parametrize("request_", JOINS)
def test_a_colleagues_id_on_the_consult_call_does_not_say_that_ours_was_sent(request_) -> None:
    story = Story(own("HELD", 0), CONSULT)
    key = story.ask(request_, id_="145", expected=True)
    held = a_dialog("200", a_participant("1002", state="HELD", at=2), a_participant(EXT))
    story.hear(an_event(held, owner="agent2", tag="145"))
    story.wait(5)
    joined = a_dialog(
        "200", a_participant("1002", at=8), a_participant(CUSTOMER, at=8), secondary_id="100"
    )
    story.hear(an_event(joined, owner="agent2"))
    story.wait(80)
    assert story.said(key) == ("unconfirmed", "not_reported")


def test_our_id_on_a_call_that_failed_after_a_gap_says_whose_it_was() -> None:
    # as for MAKE_CALL: without it the watch might have been another's
    story = Story(a_dialog())
    key = story.accepted(a.SilentMonitor(agent=AGENT, to_address="1002"))
    failed = a_dialog(
        "300",
        a_participant(state="FAILED", at=3),
        a_participant("1002", "ACTIVE", at=3),
        state="FAILED",
        from_address=EXT,
        to_address="1002",
        media={"call_type": "SUPERVISOR_MONITOR"},
    )
    story.link_down()
    story.link_up(a_dialog(), user=a_user())
    story.hear(an_event(failed, DialogAdded))
    assert story.said(key)[0] == "open"
    story.hear(an_event(failed, tag=key))
    assert story.said(key) == ("failed", "request_id")


# -- after a restart, and in a hand-over ----------------------------------------------------------


@pytest.mark.parametrize("how", ["at once", "first attempt failed", "lost at once"])
def test_an_error_soon_after_the_first_session_names_nobody_however_that_began(how: str) -> None:
    story = Story(live=False)
    story.adopt(a.Hold(agent="agent9", dialog_id="900"), baseline=None, left=5.0)
    if how == "first attempt failed":
        story.link_down()
        story.wait(3)
    story.link_up(a_dialog(), user=a_user())
    story.wait(1)
    if how == "lost at once":
        story.link_down()
        story.wait(1)
        story.link_up(a_dialog(), user=a_user())
        story.wait(1)
    key = story.accepted(a.Hold(agent=AGENT, dialog_id="100"))
    story.hear(an_error())
    story.wait(3)
    assert story.said(key)[0] == "open"


def test_an_error_after_a_later_gap_names_its_sole_owner_again() -> None:
    story = Story(live=False)
    story.adopt(a.Hold(agent="agent9", dialog_id="900"), baseline=None, left=5.0)
    story.link_up(a_dialog(), user=a_user())
    story.wait(60)
    story.link_down()
    story.wait(1)
    story.link_up(a_dialog(), user=a_user())
    story.wait(1)
    key = story.accepted(a.Hold(agent=AGENT, dialog_id="100"))
    story.hear(an_error())
    story.wait(3)
    assert story.said(key) == ("failed", "sole_pending")


def test_a_request_of_another_process_is_judged_by_what_was_known_at_sending() -> None:
    # the successor had heard the arrival before it took the request over
    story = Story(a_dialog())
    story.link_up(user=replace(COLLEAGUE, extension="5551"), agent="agent2")
    baseline = story.correlator.picture(AGENT).baseline("100")
    there = a_dialog("100", a_participant(CUSTOMER), a_participant("5551", "ACTIVE", at=5))
    arrival = an_event(there, DialogAdded, owner="agent2")
    gone = removed(a_dialog("100", a_participant(state="DROPPED", at=6), a_participant(CUSTOMER)))
    story.hear(arrival, gone)
    sst = a.TransferSst(agent=AGENT, dialog_id="100", to_address="5551")
    key = story.adopt(sst, baseline=baseline, left=12.0, age=0.7, gap=False, length=15.0)
    story.rehear(key, arrival, gone)
    story.wait(40)
    assert story.said(key) == ("confirmed", "expectation")


def test_who_was_on_the_call_before_does_not_arrive_after_a_restart() -> None:
    before = a_dialog(
        "100", a_participant(state="ACTIVE"), a_participant(CUSTOMER), a_participant("5551")
    )
    story = Story(before)
    baseline = story.correlator.picture(AGENT).baseline("100")
    story = Story(live=False)
    sst = a.TransferSst(agent=AGENT, dialog_id="100", to_address="5551")
    key = story.adopt(sst, baseline=baseline, left=8.0, age=1.0)
    story.link_up(before, user=a_user())
    left = a_dialog("100", a_participant(CUSTOMER), a_participant("5551", "ACTIVE", at=5))
    story.hear(an_event(left, owner="agent2"))
    story.wait(40)
    assert story.said(key)[0] == "unconfirmed"


# -- callbacks ------------------------------------------------------------------------------------


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
