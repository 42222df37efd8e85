"""Rules of evidence 6.1: how far a call is that was made: INITIATED, FAILED, or no longer there."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from listener.correlation.gate import GateMode
from listener.correlation.instants import instant
from listener.correlation.outcome import MinimumEvidence
from listener.finesse import actions as a
from listener.finesse.events import DialogAdded, DialogRemoved
from listener.finesse.model import Dialog
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
    clock,
    own,
    placed,
    removed,
)
from tests.unit.correlation.given import (
    BY_ID,
    CONFIRMED,
    CONSULT,
    MAKE_CALL,
    MAKE_CALL_FROM,
    ON_CALL,
    consult,
)

ENDED = ("unconfirmed", "dialog_ended")
CONSULT_FROM = a.ConsultCall(**ON_CALL, to_address="5551", target_media_address=EXT)


def dialled_and_failed() -> Dialog:
    """Return the call that the agent dialled, FAILED."""
    return placed("FAILED", participants=(a_participant(EXT, "FAILED", 2),))


def test_a_call_that_failed_is_not_surely_ours_after_a_gap() -> None:
    # ours came and ended in the gap; the agent dialled the same number again
    story = Story()
    key = story.accepted(MAKE_CALL)
    story.link_down()
    story.link_up(placed("FAILED"), user=a_user())
    story.hear(an_event(placed("FAILED")))
    assert story.said(key)[0] == "open"
    story.wait(30)
    assert story.said(key) == ("unconfirmed", "link_lost")


def test_a_failed_call_that_is_anybodys_does_not_stand_as_dialled_by_older_news() -> None:
    story = Story()
    key = story.accepted(MAKE_CALL)
    story.link_down()
    story.link_up(placed("FAILED"), user=a_user())
    story.hear(an_event(placed("INITIATED")))
    story.wait(30)
    assert story.said(key) == ("unconfirmed", "link_lost")


def test_our_id_says_that_a_call_that_a_gap_left_failed_is_ours_after_all() -> None:
    story = Story()
    key = story.accepted(MAKE_CALL_FROM)
    story.link_down()
    story.wait(1)
    story.link_up(a_dialog(), dialled_and_failed(), user=a_user())
    assert story.said(key)[0] == "open"
    story.hear(an_event(dialled_and_failed(), tag=key))
    assert story.said(key) == ("failed", "request_id")


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


# -- a call that is INITIATED counts only while it stands ------------------------------------------


@pytest.mark.parametrize(
    "later",
    [
        pytest.param(lambda: an_event(Dialog(), DialogRemoved, dialog_id="200"), id="bare DELETE"),
        pytest.param(
            lambda: removed(
                replace(
                    placed("INITIATED", to=""),
                    participants=(a_participant(state="DROPPED", at=3),),
                ),
                dialog_id="200",
            ),
            id="DELETE without a number",
        ),
        pytest.param(
            lambda: an_event(replace(placed("INITIATED"), state="DROPPED", participants=())),
            id="DROPPED and empty",
        ),
        pytest.param(lambda: an_event(replace(placed("INITIATED"), state="DROPPED")), id="DROPPED"),
    ],
)
@pytest.mark.parametrize(
    "request_", [MAKE_CALL_FROM, CONSULT_FROM], ids=["MAKE_CALL", "CONSULT_CALL"]
)
def test_an_initiated_call_that_ended_ends_the_request(request_: Any, later: Any) -> None:
    story = Story()
    key = story.accepted(request_)
    story.hear(added(consult()))
    story.wait(5)
    story.hear(later())
    story.wait(30)
    assert story.said(key) == ("unconfirmed", "dialog_ended")


def test_a_call_that_is_initiating_again_stands_no_more() -> None:
    story = Story()
    key = story.accepted(MAKE_CALL_FROM)
    story.hear(added(placed("INITIATED")))
    story.hear(an_event(replace(placed("INITIATED"), state="INITIATING")))
    story.wait(30)
    assert story.said(key) == ("unconfirmed", "deadline")


def test_a_call_that_is_initiated_after_all_stands_again() -> None:
    story = Story()
    key = story.accepted(MAKE_CALL_FROM)
    story.hear(added(placed("INITIATED")))
    story.hear(an_event(replace(placed("INITIATED"), state="INITIATING")))
    story.hear(an_event(placed("INITIATED")))
    story.wait(30)
    assert story.said(key) == ("confirmed", "expectation")


@pytest.mark.parametrize(
    ("listed", "said"),
    [
        ((), ("unconfirmed", "deadline")),
        ((replace(placed("INITIATED"), state="DROPPED"),), ("unconfirmed", "deadline")),
        (
            (replace(placed("INITIATED"), participants=(a_participant(state="DROPPED", at=3),)),),
            ("unconfirmed", "deadline"),
        ),
        ((placed("INITIATED"),), ("confirmed", "snapshot")),
    ],
)
@pytest.mark.parametrize(
    "request_", [MAKE_CALL_FROM, CONSULT_FROM], ids=["MAKE_CALL", "CONSULT_CALL"]
)
def test_the_deciding_get_must_list_the_initiated_call(
    request_: Any, listed: tuple[Dialog, ...], said: tuple[str, str]
) -> None:
    story = Story()
    key = story.accepted(request_)
    story.hear(added(consult()))
    story.wait(17.5)
    shown = tuple(
        replace(each, associated_dialog_uri=f"/finesse/api/Dialog/{CALL}") for each in listed
    )
    story.look(a_dialog(), *shown)
    story.wait(30)
    assert story.said(key) == said


def test_a_get_that_was_sent_before_the_call_was_heard_of_is_asked_again() -> None:
    story = Story()
    key = story.accepted(MAKE_CALL_FROM)
    story.wait(17.0)
    asked = story.now
    story.wait(0.2)
    story.hear(added(placed("INITIATED")))
    story.look(a_dialog(), asked=asked)
    assert len(story.asks) == 2
    story.wait(30)
    assert story.said(key) == ("confirmed", "expectation")


def test_a_get_without_the_call_leaves_a_signed_hold_alone() -> None:
    story = Story(own("HELD", 0))
    key = story.accepted(a.Hold(**ON_CALL))
    story.hear(an_event(own("HELD", 0), tag=key))
    story.wait(17.5)
    story.look()
    story.wait(30)
    assert story.said(key) == ("confirmed", "request_id")


# -- what a GET shows, and when --------------------------------------------------------------------


def test_a_call_that_a_get_showed_initiated_is_not_known_to_stand_while_nobody_listens() -> None:
    # seen in a soak: it had gone FAILED meanwhile
    story = Story()
    key = story.accepted(CONSULT, length=10.0)
    call = placed("INITIATED", associated_dialog_uri="/finesse/api/Dialog/100")
    story.hear(added(call, tag=key))
    story.link_down()
    story.wait(7.5)
    story.look(own("HELD", 1), call)
    story.wait(10)
    assert story.said(key) == ("unconfirmed", "link_lost")


def test_a_call_that_the_picture_of_a_new_session_shows_initiated_stands() -> None:
    story = Story()
    key = story.accepted(CONSULT, length=10.0)
    call = placed("INITIATED", associated_dialog_uri="/finesse/api/Dialog/100")
    story.hear(added(call, tag=key))
    story.link_down()
    story.wait(4)
    story.link_up(own("HELD", 1), call, user=a_user())
    story.wait(10)
    assert story.said(key) == ("confirmed", "request_id")


# -- a call that is heard of as the agent leaves it ------------------------------------------------


def left_to(*talking: str, begun: float = 5.0, state: str = "ACTIVE", **changes: Any) -> Dialog:
    """Return the call that was made as the agent has left it to those; `begun`: Finesse's time."""
    mine = a_participant(state="DROPPED", at=9, start_time=clock(begun))
    there = (a_participant(each, state, at=6) for each in talking)
    numbers = {"from_address": EXT, "to_address": "5551"}
    return a_dialog("200", mine, *there, **{"state": "ACTIVE"} | numbers | changes)


@pytest.mark.parametrize("dialled", [False, True])
@pytest.mark.parametrize(
    ("shown", "said"),
    [
        pytest.param(left_to("5551"), CONFIRMED, id="who was called talks"),
        pytest.param(left_to(CUSTOMER), CONFIRMED, id="somebody talks"),
        pytest.param(left_to("5551", CUSTOMER, secondary_id=CALL), CONFIRMED, id="transferred"),
        pytest.param(left_to(CUSTOMER, secondary_id=CALL), ENDED, id="the other call's talk"),
        pytest.param(left_to("5551", state="ALERTING"), ENDED, id="nobody talks"),
        pytest.param(left_to("5551", state="DROPPED"), ENDED, id="nobody any more"),
        pytest.param(left_to("5551", begun=0.0), ENDED, id="not surely made since"),
    ],
)
def test_a_call_that_goes_on_as_the_agent_leaves_it_had_been_made(
    shown: Dialog, said: tuple[str, str], *, dialled: bool
) -> None:
    # 6.1: it is ACTIVE; what came before was lost
    story = Story(user=a_user("READY", 0))
    key = story.accepted(MAKE_CALL)
    if dialled:
        story.hear(an_event(replace(placed("INITIATED"), participants=shown.participants[1:])))
    story.hear(an_event(shown), removed(shown, dialog_id="200"))
    story.wait(5)
    assert story.said(key) == said


def test_the_end_of_a_call_on_which_others_talk_proves_nothing() -> None:
    story = Story(user=a_user("READY", 0))
    key = story.accepted(MAKE_CALL)
    story.hear(removed(left_to("5551"), dialog_id="200"))
    story.wait(5)
    assert story.said(key) == ENDED


@pytest.mark.parametrize(("begun", "said"), [(5.0, CONFIRMED), (1.5, ("open", None))])
def test_a_call_that_was_left_counts_without_a_start_if_it_began_behind_the_answer(
    begun: float, said: tuple[str, str]
) -> None:
    story = Story(live=False)
    key = story.ask(MAKE_CALL_FROM)
    story.accept(key, date=instant(clock(1)))
    story.hear(an_event(left_to("5551", begun=begun)))
    assert story.said(key)[0] == said[0]


def test_our_id_tells_when_a_call_was_made_that_is_heard_of_as_the_agent_leaves_it() -> None:
    story = Story(user=a_user("READY", 0))
    key = story.accepted(MAKE_CALL)
    story.hear(an_event(left_to("5551", begun=0), tag=key))
    assert story.said(key) == BY_ID


@pytest.mark.parametrize(
    ("shown", "word", "stage"),
    [
        ("FAILED", "failed", "FAILED"),
        ("ALERTING", "confirmed", "ALERTING"),
        ("INITIATING", "confirmed", "INITIATED"),
    ],
)
def test_a_call_that_was_shown_to_be_further_does_not_go_back_to_being_dialled(
    shown: str, word: str, stage: str
) -> None:
    # 4, 6.1: found by the oracle; its end was told first, without its id, which comes behind it
    story = Story()
    key = story.accepted(MAKE_CALL, minimum=MinimumEvidence.REQUEST_ID)
    story.hear(added(placed("INITIATING")), an_event(placed(shown)), an_event(placed("INITIATED")))
    story.hear(added(placed("INITIATING"), tag=key))
    story.wait(3)
    story.hear(an_event(placed("INITIATED")))
    story.wait(30)
    assert story.said(key) == (word, "request_id")
    assert story.outcomes[key].stage == stage


# -- our id on older news --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shown", "said"),
    [(dialled_and_failed(), ("failed", "request_id")), (placed("ALERTING"), BY_ID)],
)
def test_our_id_on_older_news_says_whose_a_call_is_that_was_shown_to_be_further(
    shown: Dialog, said: tuple[str, str]
) -> None:
    # 6.1: INITIATED comes behind it, swapped, and would stand at the deadline
    story = Story(gate=GateMode.OFF)
    first, second = story.accepted(MAKE_CALL_FROM), story.accepted(MAKE_CALL_FROM)
    parties = (a_participant(EXT, "INITIATED", 1),)
    begun = replace(placed("INITIATED"), participants=parties)
    story.hear(an_event(shown), an_event(begun))
    assert story.said(first)[0] == story.said(second)[0] == "open"
    story.hear(an_event(replace(begun, state="INITIATING"), tag=first))
    assert story.said(first) == said
    story.hear(an_event(begun, tag=second))
    story.wait(25)
    assert story.said(second)[0] == "unconfirmed"


@pytest.mark.parametrize("state", ["ALERTING", "INITIATED"])
def test_our_id_on_older_news_says_whose_a_call_to_a_changed_number_is(state: str) -> None:
    # 6.1: until then it was a look-alike
    story = Story()
    key = story.accepted(MAKE_CALL_FROM)
    story.hear(an_event(placed(state, to="95551")))
    story.hear(an_event(placed("INITIATING", to=""), tag=key))
    assert story.said(key) == (BY_ID if state == "ALERTING" else ("open", None))
