"""Faults of every kind against the whole daemon over real sockets: nothing is said wrongly.

Fixed seeds; what is drawn is the same in each run, when it happens is the machine's business. For
longer: `make chaos`, `make soak`.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.chaos.plot import Plotter, traits_of
from tests.chaos.run import chaos
from tests.chaos.tables import LiveTally
from tests.oracle.story import Step, Story

AGENTS = 6
SECONDS = 10.0

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


def say(words: str) -> None:
    """Show what goes on, where pytest keeps it for a failure."""
    sys.stdout.write(f"{words}\n")


def with_faults(story: Story, *faults: Step) -> Story:
    """Return the story with these steps in place of all that concern the processes."""
    kept = [s for s in story.steps if s.do not in {"restart", "term", "handover", "node", "wire"}]
    return story.only(sorted([*kept, *faults], key=lambda step: step.at))


def story_of(seed: int, *faults: Step) -> Story:
    drawn = Plotter(
        seed * 1000, traits_of(seed, AGENTS), seconds=SECONDS, rate=6.0, quick=True
    ).whole()
    return with_faults(drawn, *faults)


async def played(
    folder: Path,
    seed: int,
    story: Story,
    *,
    flags: tuple[str, ...] = (),
    runner: tuple[str, ...] = ("listener",),
) -> LiveTally:
    """Play one story with a daemon of its own."""
    how = {"keep": folder, "say": say, "flags": flags, "runner": runner}
    async with chaos(folder, seed, traits_of(seed, AGENTS), **how) as run:
        await run.story(story)
        tally = await run.end()
    say(tally.tables())
    return tally


def clean(tally: LiveTally) -> list[str]:
    return [*(f"{seed}: {words}" for seed, words in tally.finds), *tally.more]


async def test_a_killed_daemon_and_a_network_that_fails_make_nothing_said_wrongly(tmp_path):
    story = story_of(
        11,
        Step(3.0, "wire", 0, {"kind": "rst", "side": "both", "node": "used", "lasts": 0.3}),
        Step(6.0, "restart", 0, {"back": 0.2}),
        Step(8.5, "cut", 1, {"back": 0.0, "burst": 2}),
    )
    tally = await played(tmp_path, 11, story, flags=("-X", "dev"))
    assert clean(tally) == []
    assert tally.counts["kill -9"] == 1
    assert tally.requests > 3
    assert sum(tally.by_action[name]["confirmed"] for name in tally.by_action) > 0


async def test_a_failing_node_and_a_hand_over_make_nothing_said_wrongly(tmp_path):
    story = story_of(
        12,
        Step(2.5, "node", 0, {"kind": "gone", "node": "used", "how": "stream-error", "lasts": 3.0}),
        Step(3.0, "hole", 2, {"noticed": 2.0, "back": 0.0, "burst": 0}),
        Step(9.0, "handover", 0, {}),
    )
    tally = await played(tmp_path, 12, story)
    assert clean(tally) == []
    assert tally.counts["node gone"] == 1
    assert tally.requests > 3


async def test_a_daemon_that_sends_again_without_an_answer_is_found_out(tmp_path):
    ask = {
        "wish": ["HOLD"],
        "fits": True,
        "value": "x",
        "mode": "submit",
        "id": "own",
        "tags": "1",
        "error_tag": "1",
        "others": True,
        "deadline": 4.0,
        "fault": ["no_answer_lost", 0.1, "cut"],
    }
    story = Story(
        13000,
        traits_of(13, AGENTS),
        (
            Step(0.1, "incoming", 1, {"n": 0.1}),
            Step(2.0, "ask", 1, {"n": 0.2} | ask),
            Step(2.5, "ask", 4, {"n": 0.4, "same": False} | ask | {"wish": ["MAKE_CALL"]}),
        ),
    )
    broken = ("tests.chaos.broken", "sends_again_without_an_answer")
    tally = await played(tmp_path, 13, story, runner=broken)
    assert tally.promises["sent twice"] > 0
