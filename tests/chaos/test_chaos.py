"""Faults of every kind against the whole daemon over real sockets: nothing is said wrongly.

Fixed seeds, a minute of faults in four stories; what is drawn is the same in each run. When it
happens is the machine's business: a story that it is too slow for takes longer, and where its
measured lag would excuse too much, it is told once more. So is one of which all that was found is
that more could have been known (`AGAIN`): what the program cannot tell shows each time, what came
together by chance does not, and `make chaos` tells of it. Whatever is said wrongly, late, twice or
not at all fails at once. For longer: `make chaos`, `make soak`.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from tests.chaos.plot import EVERYBODY, Plotter, story_seed, traits_of
from tests.chaos.run import chaos
from tests.chaos.tables import LiveTally
from tests.oracle.story import Step, Story

AGENTS = 6
SECONDS = 15.0
TELLINGS = 3
AGAIN = frozenset({"missed", "excused", "unconfirmed"})

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]


def say(words: str) -> None:
    """Show what goes on, where pytest keeps it for a failure."""
    sys.stdout.write(f"{words}\n")


def with_faults(story: Story, *faults: Step) -> Story:
    """Return the story with these steps in place of all that concern everybody."""
    kept = [step for step in story.steps if step.do not in EVERYBODY]
    return story.only(sorted([*kept, *faults], key=lambda step: step.at))


def story_of(seed: int, *faults: Step) -> Story:
    drawn = Plotter(
        story_seed(seed, 0), traits_of(seed, AGENTS), seconds=SECONDS, rate=6.0, quick=True
    ).whole()
    return with_faults(drawn, *faults)


async def played(folder: Path, seed: int, story: Story, **how: Any) -> LiveTally:
    """Play one story with a daemon of its own; again, twice at most, where it tells nothing."""
    for number in range(TELLINGS):
        work = folder / str(number)
        work.mkdir()
        async with chaos(work, seed, traits_of(seed, AGENTS), keep=work, say=say, **how) as run:
            await run.story(story)
            tally = await run.end()
        say(tally.tables())
        kinds = {kind for kind, times in tally.promises.items() if times}
        if not kinds or kinds - AGAIN:
            break
    return tally


def clean(tally: LiveTally) -> list[str]:
    return [*(f"{seed}: {words}" for seed, words in tally.finds), *tally.more]


def judged(tally: LiveTally, *done: str) -> None:
    """Fail for anything that was found, or if there was nothing to find it in."""
    assert clean(tally) == []
    assert [name for name in done if not tally.counts[name]] == []
    assert tally.requests > 20
    assert tally.ends > 0
    assert sum(counts["confirmed"] for counts in tally.by_action.values()) > 0


async def test_a_killed_daemon_and_a_network_that_fails_make_nothing_said_wrongly(tmp_path):
    story = story_of(
        11,
        Step(3.0, "wire", 0, {"kind": "rst", "side": "both", "node": "used", "lasts": 0.3}),
        Step(6.0, "restart", 0, {"back": 0.2}),
        Step(8.5, "cut", 1, {"back": 0.0, "burst": 2}),
        Step(12.0, "wire", 0, {"kind": "freeze", "side": "rest", "node": "used", "lasts": 1.0}),
    )
    tally = await played(tmp_path, 11, story, flags=("-X", "dev"))
    judged(tally, "kill -9", "wire rst", "wire freeze", "cuts")


async def test_a_failing_node_and_a_hand_over_make_nothing_said_wrongly(tmp_path):
    story = story_of(
        12,
        Step(2.5, "node", 0, {"kind": "gone", "node": "used", "how": "stream-error", "lasts": 3.0}),
        Step(3.0, "hole", 2, {"noticed": 2.0, "back": 0.0, "burst": 0}),
        Step(9.0, "handover", 0, {}),
        Step(13.0, "slow", 1, {"by": 0.8, "lasts": 2.0}),
    )
    tally = await played(tmp_path, 12, story)
    judged(tally, "node gone", "holes", "slow links")


async def test_a_daemon_told_to_end_and_reads_that_hang_make_nothing_said_wrongly(tmp_path):
    story = story_of(
        14,
        Step(2.0, "reload", 0, {}),
        Step(4.0, "term", 0, {"back": 0.3}),
        Step(9.0, "rest", 0, {"what": "get_hangs", "lasts": 2.0}),
        Step(12.5, "rest", 0, {"what": "refused", "lasts": 0.5}),
    )
    tally = await played(tmp_path, 14, story)
    judged(tally, "SIGTERM", "reloads", "rest get_hangs", "rest refused")


async def test_a_finesse_out_of_service_and_a_cti_fail_over_make_nothing_said_wrongly(tmp_path):
    story = story_of(
        15,
        Step(2.0, "outage", 0, {"lasts": 2.0}),
        Step(7.0, "cti", 0, {"lasts": 1.0, "unnoticed": 0.5, "repeats": 2}),
        Step(11.0, "away", 0, {"lasts": 1.0}),
        Step(13.0, "again", 3, {"last": 5, "same_ids": False}),
    )
    tally = await played(tmp_path, 15, story)
    judged(tally, "outages", "cti fail-overs", "finesse away", "repeats")


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
    broken = ("--broken", "sends_again_without_an_answer")
    tally = await played(tmp_path, 13, story, runner=broken)
    assert tally.promises["sent twice"] > 0
