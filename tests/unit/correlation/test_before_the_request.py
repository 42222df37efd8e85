"""Rules of evidence 4: what was so before the request proves nothing; Finesse's times, compared."""

from __future__ import annotations

from dataclasses import replace

import pytest

from listener.correlation.gate import GateMode
from listener.correlation.instants import instant, newer, older
from listener.finesse import actions as a
from tests.builders import (
    AGENT,
    CALL,
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
from tests.unit.correlation.given import DROP, HOLD, ON_CALL


def test_a_change_that_came_behind_later_news_counts_since_the_request() -> None:
    # two events changed places: the end of the call, and that it had been held
    story = Story()
    key = story.accepted(a.Hold(agent=AGENT, dialog_id=CALL))
    story.hear(removed(own("DROPPED", 2)), an_event(own("HELD", 1)))
    assert story.said(key) == ("confirmed", "expectation")


def test_a_change_from_before_the_request_counts_in_no_order() -> None:
    story = Story(own("ACTIVE", 3))
    key = story.accepted(a.Hold(agent=AGENT, dialog_id=CALL))
    story.hear(removed(own("DROPPED", 5)), an_event(own("HELD", 1)))
    story.wait(3)
    assert story.said(key) == ("unconfirmed", "dialog_ended")


@pytest.mark.parametrize("tagged", [True, False])
def test_our_id_on_the_same_state_with_a_later_time_proves_that_it_came_anew(
    tagged: bool,  # noqa: FBT001  the parameter of a test
) -> None:
    # that the call had been retrieved in between was never heard
    story = Story(own("HELD", 0))
    key = story.accepted(a.Hold(agent=AGENT, dialog_id=CALL))
    story.hear(an_event(own("HELD", 7), tag=key if tagged else None))
    assert (story.said(key) == ("confirmed", "request_id")) is tagged


def test_the_same_state_with_a_later_time_is_a_change_by_somebody() -> None:
    # retrieved, which was lost, and held again by the telephone
    story = Story(own("HELD", 0))
    key = story.accepted(a.Retrieve(agent=AGENT, dialog_id=CALL))
    story.hear(an_event(own("HELD", 5)), an_error("CF_INVALID_OBJECT_STATE"))
    story.wait(30)
    assert story.said(key) == ("unconfirmed", "ambiguous")


def test_a_state_that_comes_behind_that_of_a_later_request_was_there() -> None:
    story = Story(gate=GateMode.OFF, user=a_user("TALKING", 0))
    work = story.accepted(a.Work(agent=AGENT))
    later = story.accepted(a.NotReady(agent=AGENT))
    story.hear(a_user_event(a_user("TALKING", 5, pending_state="NOT_READY"), tag=later))
    assert story.said(later) == ("confirmed", "request_id")
    story.hear(a_user_event(a_user("TALKING", 3, pending_state="WORK")))
    assert story.said(work) == ("confirmed", "expectation")


@pytest.mark.parametrize("late", [True, False])
@pytest.mark.parametrize(("at", "word"), [(4, "unconfirmed"), (6, "confirmed")])
def test_a_change_that_is_older_than_other_news_of_before_was_so_before(
    at: float, word: str, *, late: bool
) -> None:
    # found by the oracle: the event of the hold by a consult was lost, what came of it was read
    failed = placed("FAILED", id_="200")
    parties = tuple(replace(p, state_change_time=clock(5)) for p in failed.participants)
    story = Story(own("ACTIVE", 1), replace(failed, participants=parties))
    key = story.accepted(a.Hold(agent=AGENT, dialog_id=CALL))
    if late:
        story.hear(an_event(own("ACTIVE", 7)))
    story.hear(an_event(own("HELD", at)))
    story.wait(30)
    assert story.said(key)[0] == word


def test_what_a_list_did_not_show_has_no_end_of_which_anything_is_older() -> None:
    # 4: the other node of the pair may have another clock
    story = Story(own("ACTIVE", 10))
    story.wait(1)
    story.link_down()
    story.link_up(user=a_user())
    story.hear(added(own("ACTIVE", 2)))
    key = story.accepted(a.Hold(agent=AGENT, dialog_id="100"))
    story.hear(an_event(own("HELD", 3)))
    assert story.said(key) == ("confirmed", "expectation")


@pytest.mark.parametrize(("at", "said"), [(3, "confirmed"), (0, "open")])
def test_a_state_that_was_so_before_is_proven_anew_by_its_id_behind_later_news(
    at: float, said: str
) -> None:
    # 3, 4: it was ACTIVE in between, of which nothing was read
    story = Story(own("HELD", 0), gate=GateMode.OFF)
    hold = story.accepted(a.Hold(agent=AGENT, dialog_id="100"))
    retrieve = story.accepted(a.Retrieve(agent=AGENT, dialog_id="100"))
    story.hear(an_event(own("ACTIVE", 4), tag=retrieve))
    story.hear(an_event(own("HELD", at), tag=hold))
    assert story.said(hold)[0] == said


# -- old news --------------------------------------------------------------------------------------


def test_a_time_without_a_zone_proves_nothing_against_a_date() -> None:
    story = Story(live=False)
    key = story.ask(a.Hold(**ON_CALL))
    story.accept(key, date=instant(clock(100)))
    party = a_participant(state="HELD", state_change_time=clock(3600).removesuffix("Z"))
    story.hear(an_event(a_dialog(CALL, party)))
    assert story.said(key) == ("open", None)


def test_a_time_with_a_zone_is_not_compared_with_one_without() -> None:
    bare = "2026-11-21T08:00:00"
    assert older(bare, "2026-11-21T08:00:01")
    assert not older(bare, "2026-11-21T18:00:00Z")
    assert not newer("2026-11-21T18:00:00Z", bare)


# -- changes behind those of others ----------------------------------------------------------------


@pytest.mark.parametrize(("at", "said"), [(1.0, "confirmed"), (3.0, "open"), (-1.0, "open")])
def test_an_event_behind_a_change_that_another_made_is_compared_with_the_start(
    at: float, said: str
) -> None:
    # a conference, by its id, has shown the agent ACTIVE already; at 3 is what that one made
    story = Story(own("ALERTING", 0), gate=GateMode.OFF)
    answer = story.accepted(a.Answer(agent=AGENT, dialog_id="100"))
    retrieve = story.accepted(a.Retrieve(agent=AGENT, dialog_id="100"))
    story.hear(an_event(own("ACTIVE", 3), tag=retrieve))
    assert story.said(retrieve) == ("confirmed", "request_id")
    story.hear(an_event(own("HELD", 4)), an_event(own("ACTIVE", at)))
    assert story.said(answer)[0] == said


def test_our_id_on_another_state_of_the_same_moment_is_a_change() -> None:
    # a DROP made the agent READY, and he was made not ready in the same millisecond
    story = Story(own("ACTIVE", 0), user=a_user("TALKING", 1))
    drop = story.accepted(DROP)
    key = story.accepted(a.NotReady(agent=AGENT))
    story.hear(an_event(own("DROPPED", 2), tag=drop))
    story.hear(a_user_event(a_user("READY", 2), tag=drop))
    story.hear(a_user_event(a_user("NOT_READY", 2), tag=key))
    assert story.said(key) == ("confirmed", "request_id")


# -- whose a change is -----------------------------------------------------------------------------


def test_a_state_behind_one_with_our_id_came_since_whosever_id_is_on_it() -> None:
    # 3, 4: the earlier request's work may have been done before, but not later than ours
    story = Story(user=a_user("RESERVED_OUTBOUND_PREVIEW", 0))
    first = story.accepted(a.PreviewAccept(agent=AGENT, dialog_id="100"))
    key = story.accepted(a.NotReady(agent=AGENT))
    story.hear(a_user_event(a_user("RESERVED_OUTBOUND_PREVIEW", 5), tag=key))
    story.hear(a_user_event(a_user("NOT_READY", 6), tag=first))
    assert story.said(key) == ("confirmed", "expectation")


@pytest.mark.parametrize("at", [4.0, 5.0])
def test_a_state_not_behind_the_one_with_our_id_may_be_of_before(at: float) -> None:
    story = Story(user=a_user("RESERVED_OUTBOUND_PREVIEW", 0))
    first = story.accepted(a.PreviewAccept(agent=AGENT, dialog_id="100"))
    key = story.accepted(a.NotReady(agent=AGENT))
    story.hear(a_user_event(a_user("RESERVED_OUTBOUND_PREVIEW", 5), tag=key))
    story.hear(a_user_event(a_user("RESERVED_OUTBOUND_PREVIEW", 6), tag=key))
    story.hear(a_user_event(a_user("NOT_READY", at), tag=first))
    assert story.said(key)[0] == "open"


def test_what_a_node_lists_that_lags_behind_makes_no_old_state_a_change():
    """It lists the call as it was before a hold and a retrieve, and then publishes these (7)."""
    story = Story(live=False)
    story.link_up(own("ACTIVE", 15))
    story.link_down()
    story.wait(1)
    story.link_up(own("ACTIVE", 5))
    key = story.accepted(HOLD)

    story.hear(an_event(own("HELD", 10)))
    story.wait(30)

    assert story.said(key)[0] == "unconfirmed"
