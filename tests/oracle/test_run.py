"""Hundreds of requests of all actions under all faults, in virtual time: nothing may be wrong."""

from __future__ import annotations

from datetime import datetime
from unittest import mock

import pytest

from listener.finesse.actions import ACTIONS
from listener.journal import Stored
from tests.oracle.judge import Find
from tests.oracle.play import play
from tests.oracle.report import BROKEN, COLUMNS, Tally, finds
from tests.oracle.shrink import shrink
from tests.oracle.story import Step, Story, generate, leaving_late
from tests.oracle.world import World

GROUPS = 8
STORIES = 6
"""In each group; a longer run is `python -m tests.oracle`."""
OF_EVERY_ACTION = (6, 12, 30, 33, 36, 40)
"""Seeds of those in which, together, no action is left out."""


@pytest.mark.parametrize("group", range(GROUPS))
def test_nothing_is_said_that_is_not_true_and_nothing_left_that_was_told(group: int) -> None:
    wrong = []
    for seed in range(1 + group * STORIES, 1 + (group + 1) * STORIES):
        account = play(generate(seed))
        wrong += [f"story {seed}: {find}" for find in finds(account)]
    assert not wrong, "replay with: python -m tests.oracle --seed N --requests 1"


@pytest.mark.parametrize("stress", [False, True])
def test_nothing_is_wrong_where_agents_do_more_by_hand(stress: bool) -> None:  # noqa: FBT001
    wrong = []
    for seed in range(1, 1 + STORIES):
        account = play(generate(seed, hands=True, stress=stress))
        wrong += [f"story {seed}: {find}" for find in finds(account)]
    assert not wrong, "replay with: python -m tests.oracle --seed N --requests 1 --hands"


def test_nothing_is_wrong_where_requests_leave_late() -> None:
    wrong, waited = [], 0
    for seed in range(1, 1 + STORIES):
        account = play(leaving_late(generate(seed)))
        wrong += [f"story {seed}: {find}" for find in finds(account)]
        left = [a for a in account.asked if a.turn is not None and a.begun is not None]
        waited += sum(a.begun - a.turn > 0.3 for a in left)
    assert not wrong, "replay with: python -m tests.oracle --seed N --requests 1 --late"
    assert waited


def test_a_seed_replays_to_the_last_event() -> None:
    first, second = (play(generate(7)) for _ in range(2))
    for one, two in zip(first.asked, second.asked, strict=True):
        assert (one.key, one.settled, one.outcome) == (two.key, two.settled, two.outcome)
    assert [h.at for h in first.heard] == [h.at for h in second.heard]
    assert [(g.sent, g.path) for g in first.gets] == [(g.sent, g.path) for g in second.gets]


def test_all_that_is_kept_of_a_request_has_the_time_of_the_story() -> None:
    class Watched(World):
        async def __aexit__(self, *why: object) -> None:
            kept.extend(self.kept.rows.values())
            ends.append(self.loop.wall())
            await super().__aexit__(*why)

    kept: list[Stored] = []
    ends: list[datetime] = []
    with mock.patch("tests.oracle.play.World", Watched):
        play(generate(1))
    assert any(row.record.settled for row in kept)
    for row in kept:
        record = row.record
        times = [record.submitted, record.sent, record.answered, record.settled, row.going_at]
        assert all(record.submitted <= at <= ends[0] for at in times if at is not None)


def test_a_story_is_the_same_after_it_was_written_and_read() -> None:
    story = generate(11)
    assert Story.from_json(story.to_json()) == story
    assert generate(11) == story
    assert generate(12) != story


def test_requests_of_every_action_reach_finesse_in_some_story() -> None:
    sent = {
        type(asked.request)
        for seed in OF_EVERY_ACTION
        for asked in play(generate(seed)).asked
        if asked.deeds
    }
    assert sent == set(ACTIONS.values())


def test_the_report_counts_every_request_once() -> None:
    account = play(generate(3))
    tally = Tally()
    tally.add(account, finds(account))
    counted = sum(sum(row[name] for name in COLUMNS[:7]) for row in tally.by_action.values())
    assert counted == tally.requests == len(account.asked)
    assert "wrong: 0" in tally.text()


def test_each_kind_of_find_has_its_column_per_action_and_fault() -> None:
    account = play(generate(3))
    asked = account.asked[0]
    tally = Tally()
    tally.add(account, [Find(kind, asked, "bent") for kind in BROKEN])
    for rows in (tally.by_action, tally.by_fault):
        assert all(any(row[kind] for row in rows.values()) for kind in BROKEN)
    assert tally.by_action[asked.action]["misgiven"] == 1


def test_a_failing_story_is_made_as_small_as_it_can_be() -> None:
    steps = tuple(Step(float(n), "ask", 0, {"id": "count", "n": n}) for n in range(20))
    story = Story(0, {"background": 0.1, "skew": 0.0}, steps)

    def fails(made: Story) -> bool:
        return {3, 17} <= {step.args["n"] for step in made.steps}

    small = shrink(story, fails)
    assert [step.args for step in small.steps] == [{"id": "own", "n": 3}, {"id": "own", "n": 17}]
    assert small.traits["background"] == 0.0
