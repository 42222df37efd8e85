"""`python -m tests.chaos`: faults of every kind against the whole daemon, judged by the truth.

Exit code 1 for a find; the seed replays what was drawn, a story file one story alone.

--minutes M    how long (10)
--seed S       what is drawn (chosen and printed)
--agents N     how many agents (20)
--rate R       requests asked a second (8)
--cut-every S  nothing befalls everybody but that all links are cut, every so many seconds: what
               many agents need to be back (within 30 s), what the daemon needs, its loop's lag
--soak         one process all the time: no kill, no restart, no hand-over; what memory does,
               with little kept by number, so that all that fills up is full after warm-up
--story FILE   play that story alone; without --seed, with the seed with which it was drawn
--keep DIR     where stories with finds are written (.)
--broken NAME  break one rule of the daemon (tests/oracle/mutants.py, broken.py): must be found
--dev          run the daemon with -X dev, which tells of forgotten tasks and sockets
"""

from __future__ import annotations

import argparse
import asyncio
import random
import signal
import sys
import tempfile
import time
from pathlib import Path

from tests.chaos.crowd import BACK_WITHIN
from tests.chaos.plot import Crowded, Plotter, run_of, story_seed, traits_of
from tests.chaos.run import Chaos, chaos
from tests.chaos.tables import LiveTally
from tests.oracle.story import Story

STORY = 60.0
TAIL = 25.0  # seconds until the last requests of a story have their outcomes
ENDS = ("restart", "term", "handover")


def say(words: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


def main() -> int:
    """Play, judge, print; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.chaos",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--agents", type=int, default=20)
    parser.add_argument("--rate", type=float, default=8.0)
    parser.add_argument("--cut-every", type=float)
    parser.add_argument("--soak", action="store_true")
    parser.add_argument("--story", type=Path)
    parser.add_argument("--keep", type=Path, default=Path())
    parser.add_argument("--dev", action="store_true")
    parser.add_argument("--broken")
    asked = parser.parse_args()
    told = None
    if asked.story is not None:
        told = Story.from_json(asked.story.read_text(encoding="utf-8"))
    if asked.seed is None:
        drawn = random.SystemRandom().randrange(1 << 20)
        asked.seed = drawn if told is None else run_of(told.seed)
    say(f"seed {asked.seed}")
    with tempfile.TemporaryDirectory(prefix="chaos-") as folder:
        tally = asyncio.run(_run(asked, told, Path(folder)))
    say(tally.tables())
    for line in (*(f"story {seed}: {words}" for seed, words in tally.finds), *tally.more):
        say(f"FOUND: {line[:600]}")
    say("nothing was wrong" if not tally.found else f"{tally.found} finds, seed {asked.seed}")
    return 1 if tally.found else 0


async def _run(asked: argparse.Namespace, told: Story | None, folder: Path) -> LiveTally:
    traits = dict(told.traits) if told is not None else traits_of(asked.seed, asked.agents)
    flags = ("-X", "dev") if asked.dev else ()
    runner = ("--small",) * asked.soak + (("--broken", asked.broken) if asked.broken else ())
    within = BACK_WITHIN if asked.cut_every is not None else None
    how = {"keep": asked.keep, "say": say, "flags": flags, "runner": runner, "within": within}
    ending = asyncio.current_task()
    assert ending is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ending.cancel)
    async with chaos(folder, asked.seed, traits, counts=asked.soak, **how) as run:
        try:
            await _played(asked, told, run)
        except asyncio.CancelledError:
            say("broken off; so far:")
            tally = run.so_far()
        else:
            tally = await run.end()
        if asked.cut_every is not None:
            for words in run.crowd.held_up():
                tally.note("lag", words)
            say(run.crowd.text(tally.events))
        return tally


async def _played(asked: argparse.Namespace, told: Story | None, run: Chaos) -> None:
    if told is not None:
        await run.story(told)
        return
    until, number = time.monotonic() + 60 * asked.minutes, 0
    while (left := until - time.monotonic() - TAIL) > 0 or not number:
        seconds = max(10.0, min(STORY, left))
        seed = story_seed(asked.seed, number)
        story = _plotter(asked, seed, seconds).whole()
        if asked.soak:
            story = story.only([step for step in story.steps if step.do not in ENDS])
        await run.story(story)
        number += 1


def _plotter(asked: argparse.Namespace, seed: int, seconds: float) -> Plotter:
    traits, rate = traits_of(asked.seed, asked.agents), asked.rate
    if asked.cut_every is None:
        return Plotter(seed, traits, seconds=seconds, rate=rate)
    return Crowded(seed, traits, seconds=seconds, rate=rate, cut_every=asked.cut_every)


if __name__ == "__main__":
    sys.exit(main())
