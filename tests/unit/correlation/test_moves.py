"""The session moved to the other node of the pair, which has a clock of its own (4)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from listener.correlation.gate import GateMode
from listener.correlation.instants import instant
from listener.finesse import actions as a
from listener.finesse.model import Dialog
from tests.builders import (
    AGENT,
    Story,
    a_user,
    a_user_event,
    an_event,
    clock,
    own,
)
from tests.unit.correlation.given import HOLD, READY, second_call

CONFIRMED = ("confirmed", "expectation")
AT_A, AT_B = 10.0, 4.0
"""Since when the call is as it is, by the one node's clock and by the other's, which is behind."""


def heard_at_a(*dialogs: Dialog, gate: GateMode = GateMode.QUEUE, **user: Any) -> Story:
    story = Story(live=False, gate=gate)
    shown = dialogs or (own("ACTIVE", AT_A),)
    story.link_up(*shown, user=a_user("NOT_READY", AT_A, **user), node="a")
    story.wait(1)
    return story


def moves(story: Story, *dialogs: Dialog, node: str | None = "b", **more: Any) -> None:
    story.link_down()
    story.wait(1)
    story.link_up(*dialogs, **({"user": a_user("NOT_READY", AT_B), "node": node} | more))
    story.wait(1)


@pytest.mark.parametrize(
    ("node", "at", "word"),
    [
        ("b", 6, "confirmed"),
        ("b", 3, "unconfirmed"),  # by the new node's clock it was so before
        ("a", 6, "unconfirmed"),  # the same clock: it is older than what is known
        (None, 6, "unconfirmed"),
    ],
)
@pytest.mark.parametrize("sent_before", [True, False])
def test_a_change_is_compared_with_what_the_new_node_showed(
    node: str | None, at: float, word: str, *, sent_before: bool
) -> None:
    story = heard_at_a()
    if sent_before:
        key = story.accepted(HOLD)
    moves(story, own("ACTIVE", AT_B), node=node)
    if not sent_before:
        key = story.accepted(HOLD)
    story.hear(an_event(own("HELD", at)))
    story.wait(30)
    assert story.said(key)[0] == word


@pytest.mark.parametrize(("at", "word"), [(6, "confirmed"), (3, "unconfirmed")])
@pytest.mark.parametrize("sent_before", [True, False])
def test_so_is_a_state_of_the_agent(at: float, word: str, *, sent_before: bool) -> None:
    story = heard_at_a()
    if sent_before:
        key = story.accepted(READY)
    moves(story)
    if not sent_before:
        key = story.accepted(READY)
    story.hear(a_user_event(a_user("READY", at)))
    story.wait(30)
    assert story.said(key)[0] == word


@pytest.mark.parametrize("shown", ["HELD", "ALERTING"])
def test_another_state_has_no_time_by_which_it_is_known(shown: str) -> None:
    # it may have come since, or be older news than what is known
    story = heard_at_a()
    key = story.accepted(HOLD)
    moves(story, own(shown, AT_B))
    story.hear(an_event(own("HELD", 6)))
    story.wait(30)
    assert story.said(key)[0] == "unconfirmed"


def test_another_state_of_the_agent_has_none_either() -> None:
    story = heard_at_a()
    moves(story, user=a_user("WORK", AT_B))
    key = story.accepted(READY)
    story.hear(a_user_event(a_user("READY", 6)))
    story.wait(30)
    assert story.said(key)[0] == "unconfirmed"


def test_a_later_time_may_be_that_of_a_change_in_between() -> None:
    # held, and retrieved by hand, while nobody heard; the news of the first comes late
    story = heard_at_a()
    key = story.accepted(HOLD)
    moves(story, own("ACTIVE", 15))
    story.hear(an_event(own("HELD", 12)))
    assert story.said(key) == CONFIRMED


def test_what_was_heard_since_the_list_was_asked_for_is_newer_news() -> None:
    story = heard_at_a()
    asked = story.now
    story.link_down()
    story.wait(1)
    story.hear(an_event(own("ACTIVE", 12)))
    story.hear(a_user_event(a_user("NOT_READY", 12)))
    story.link_up(own("ACTIVE", AT_B), user=a_user("NOT_READY", AT_B), node="b", asked=asked)
    for request, event in (
        (HOLD, an_event(own("HELD", 6))),
        (READY, a_user_event(a_user("READY", 6))),
    ):
        key = story.accepted(request)
        story.hear(event)
        story.wait(30)
        assert story.said(key)[0] == "unconfirmed"


@pytest.mark.parametrize(("at", "word"), [(6, "confirmed"), (3, "unconfirmed")])
def test_all_calls_of_the_list_are_told_by_the_new_clock(at: float, word: str) -> None:
    # news of before are older than the latest news of any call (4): by the same clock
    story = heard_at_a(own("ACTIVE", 8), second_call("HELD", AT_A))
    key = story.accepted(HOLD)
    moves(story, own("ACTIVE", 2), second_call("HELD", AT_B))
    story.hear(an_event(own("HELD", at)))
    story.wait(30)
    assert story.said(key)[0] == word


def test_a_call_that_the_new_node_does_not_list_keeps_its_time() -> None:
    story = heard_at_a(own("ACTIVE", 8), second_call("HELD", AT_A))
    key = story.accepted(HOLD)
    moves(story, own("ACTIVE", 2))
    story.hear(an_event(own("HELD", 6)))
    story.wait(30)
    assert story.said(key)[0] == "unconfirmed"


def test_a_list_that_could_not_be_read_tells_nothing() -> None:
    story = heard_at_a()
    moves(story, own("ACTIVE", AT_B), ok=False)
    assert story.correlator.picture(AGENT).node == "a"
    moves(story, own("ACTIVE", AT_B))
    key = story.accepted(HOLD)
    story.hear(an_event(own("HELD", 6)))
    assert story.said(key) == CONFIRMED


def test_a_task_has_a_clock_of_its_own() -> None:
    # no list shows one; where one does, it tells nothing of this node's clock
    task = replace(own("ACCEPTED", AT_A, id_="t_1"), media_type="Chat")
    story = heard_at_a(task)
    moves(story, replace(task, participants=own("ACCEPTED", AT_B).participants))
    key = story.accepted(a.TaskStart(agent=AGENT, dialog_id="t_1"))
    story.hear(an_event(replace(task, participants=own("ACTIVE", 6).participants)))
    story.wait(30)
    assert story.said(key)[0] == "unconfirmed"


@pytest.mark.parametrize(("at", "word"), [(6, "unconfirmed"), (102, "confirmed")])
def test_who_was_sent_between_the_nodes_is_compared_with_the_date_of_its_answer(
    at: float, word: str
) -> None:
    story = heard_at_a()
    story.link_down()
    key = story.ask(HOLD)
    story.accept(key, date=instant(clock(100)))
    story.link_up(own("ACTIVE", AT_B), user=a_user("NOT_READY", AT_B), node="b")
    story.hear(an_event(own("HELD", at)))
    story.wait(30)
    assert story.said(key)[0] == word
