"""Joins: which call is the other one, whose a join is, and what remains of one that was another's.

Also what others do to a call that two of our agents are on.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from listener.correlation.gate import GateMode
from listener.finesse import actions as a
from tests.builders import (
    AGENT,
    CALL,
    CUSTOMER,
    Story,
    a_dialog,
    a_participant,
    a_user,
    an_error,
    an_event,
    own,
    removed,
)

CONFERENCE = a.Conference(agent=AGENT, dialog_id="100")
TRANSFER = a.Transfer(agent=AGENT, dialog_id="100")
JOINS = pytest.mark.parametrize("join", [CONFERENCE, TRANSFER], ids=["conference", "transfer"])
OTHER, THIRD = "5550200", "5550300"
CONFIRMED = ("confirmed", "expectation")
BY_ID = ("confirmed", "request_id")


def other_call(id_: str = "200", party: str = OTHER, state: str = "HELD", **changes: object):
    """Return another call of the agent's, with another customer."""
    parties = (a_participant(state=state, at=0), a_participant(party, at=0))
    return a_dialog(id_, *parties, **changes)


def a_watch():
    """Return a supervisor's watch of a colleague's call, linked to the agent's own call."""
    media = {"call_type": "SUPERVISOR_MONITOR"}
    return other_call("300", "1002", media=media, associated_dialog_uri="/finesse/api/Dialog/100")


def conference(*parties: str):
    """Return the call as a conference that has taken in the second one."""
    there = (a_participant(at=5), a_participant(CUSTOMER))
    came = (a_participant(each, at=5) for each in parties or (OTHER,))
    return a_dialog("100", *there, *came, secondary_id="200", media={"call_type": "CONFERENCE"})


def transferred():
    """Return the call without us, with both customers."""
    there = (a_participant(state="DROPPED", at=5), a_participant(CUSTOMER))
    return a_dialog("100", *there, a_participant(OTHER, at=5), secondary_id="200")


# -- a watch is no call to be joined with ----------------------------------------------------------


@pytest.mark.parametrize(
    ("join", "shown"),
    [(CONFERENCE, conference()), (TRANSFER, transferred())],
    ids=["conf", "trans"],
)
def test_a_join_beside_a_watch_is_of_the_two_calls(join: a.Action, shown: object) -> None:
    # 6.4: the watch is tied to the call, and is no consult of it
    story = Story(own("HELD", 0), other_call(state="ACTIVE"), a_watch())
    key = story.accepted(join)
    story.hear(an_event(shown))
    assert story.said(key) == CONFIRMED


def test_what_others_do_to_the_other_call_is_seen_beside_a_watch() -> None:
    # 5: the desktop has held it; the error may be the desktop's own
    story = Story(own("HELD", 0), other_call(state="ACTIVE"), a_watch())
    key = story.accepted(CONFERENCE)
    held = (a_participant(state="HELD", at=3), a_participant(OTHER, at=0))
    story.hear(an_event(a_dialog("200", *held)), an_error())
    story.wait(25)
    assert story.said(key) == ("unconfirmed", "ambiguous")


# -- what another request has joined ---------------------------------------------------------------


@JOINS
def test_what_anothers_join_became_ends_with_its_call(join: a.Action) -> None:
    # 6.10
    story = Story(own("HELD", 0), other_call(state="ACTIVE"), gate=GateMode.OFF)
    first = story.accepted(CONFERENCE)
    story.abandon(first)
    second = story.accepted(join)
    story.hear(removed(other_call(state="DROPPED"), tag=first), an_event(conference()))
    assert story.said(second)[0] == "open"
    story.hear(removed(own("DROPPED", 9)))
    story.wait(3)
    assert story.said(second) == ("unconfirmed", "dialog_ended")


def test_the_id_on_the_end_of_one_of_several_calls_says_whose_the_join_is() -> None:
    # 4: which call is the other one was not known when the second was sent
    calls = (own("HELD", 0), other_call(), other_call("300", THIRD))
    story = Story(*calls, gate=GateMode.OFF)
    first = story.accepted(CONFERENCE)
    story.abandon(first)
    second = story.accepted(CONFERENCE)
    story.hear(removed(other_call(state="DROPPED"), tag=first), an_event(conference()))
    story.wait(25)
    assert story.said(second)[0] == "unconfirmed"


def test_a_join_with_another_call_than_the_one_that_anothers_took_is_told() -> None:
    calls = (own("HELD", 0), other_call(), other_call("300", THIRD))
    story = Story(*calls, gate=GateMode.OFF)
    first = story.accepted(CONFERENCE)
    story.abandon(first)
    second = story.accepted(CONFERENCE)
    story.hear(removed(other_call("200", state="DROPPED"), tag=first))
    story.hear(an_event(replace(conference(THIRD), secondary_id="300")))
    assert story.said(second) == CONFIRMED


@JOINS
def test_a_join_fits_one_whose_start_is_not_known_as_well(join: a.Action) -> None:
    # 4: the first was sent before the list was read
    story = Story(live=False, gate=GateMode.OFF)
    first = story.accepted(join)
    story.link_up(own("HELD", 0), other_call(state="ACTIVE"), user=a_user())
    second = story.accepted(join)
    story.hear(an_event(conference() if join is CONFERENCE else transferred()))
    story.wait(25)
    assert story.said(second) == ("unconfirmed", "ambiguous")
    assert story.said(first)[0] == "unconfirmed"


@JOINS
def test_a_join_whose_start_is_not_known_is_still_told_by_its_id(join: a.Action) -> None:
    story = Story(live=False)
    key = story.accepted(join)
    story.link_up(own("HELD", 0), other_call(state="ACTIVE"), user=a_user())
    shown = conference() if join is CONFERENCE else transferred()
    story.hear(an_event(shown), removed(other_call(state="DROPPED"), tag=key))
    story.hear(an_event(replace(shown, state="HELD"), tag=key), removed(transferred(), tag=key))
    assert story.said(key) == BY_ID


# -- two of our agents on one call -----------------------------------------------------------------


def test_a_colleagues_conference_does_not_explain_why_our_call_was_taken_back() -> None:
    # 5: somebody has retrieved it; the error may be the refusal of what that client did next
    parties = (a_participant(state="HELD", at=0), a_participant("1002", state="HELD", at=0))
    story = Story(a_dialog(CALL, *parties), gate=GateMode.OFF)
    story.accepted(a.Conference(agent="agent2", dialog_id=CALL), own="1002")
    update = story.accepted(
        a.UpdateCallData(agent=AGENT, dialog_id=CALL, call_variables={"callVariable1": "x"})
    )
    taken_back = (a_participant(at=3), parties[1])
    story.hear(an_event(a_dialog(CALL, *taken_back)), an_error())
    story.wait(3)
    assert story.said(update)[0] == "open"
