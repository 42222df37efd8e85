"""`python -m tests.oracle`: thousands of requests in virtual time, judged; exit code 1 for a find.

--requests N   until that many requests were judged (1500)
--minutes M    or until that many minutes of this machine's time are over
--seed S       the first story's seed; each story has the next one (1)
--stress       more of what others do and of what goes wrong, as for planted faults
--hands        agents do more by hand: states, calls that they dial, consult and join
--late         each tenth request waits to leave when its turn came: 1 to 300 ms, few for seconds
--focus A,B    ask for these actions more often; or a situation (company.py) is in each story
--trait N=V    let each story have this trait (gate=off, latency=0.4, profile=UCCX); more than once
--story FILE   play that story alone, and tell what happened around each find
--mutants      tell by what each planted fault is found out; where its own story does not do it,
               look for another one, and write its seed to seeds.json
--keep DIR     where the smallest failing stories are written (.): one for each find of another kind
--shrink S     for how many seconds each is made smaller (60)
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from tests.oracle import mutants
from tests.oracle.explain import explain
from tests.oracle.play import play
from tests.oracle.report import Tally, finds
from tests.oracle.shrink import SECONDS, shrink
from tests.oracle.story import Story, generate, leaving_late

if TYPE_CHECKING:
    from tests.oracle.judge import Find

MOST_SHRUNK = 5
MOST_TRIED = 90


def main() -> int:
    """Play, judge, print; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.oracle", description=__doc__)
    parser.add_argument("--requests", type=int, default=1500)
    parser.add_argument("--minutes", type=float, default=float("inf"))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--stress", action="store_true")
    parser.add_argument("--hands", action="store_true")
    parser.add_argument("--late", action="store_true")
    parser.add_argument("--focus", default="")
    parser.add_argument("--trait", action="append", default=[])
    parser.add_argument("--story", type=Path)
    parser.add_argument("--mutants", nargs="*")
    parser.add_argument("--keep", type=Path, default=Path())
    parser.add_argument("--shrink", type=float, default=SECONDS)
    asked = parser.parse_args()
    if asked.mutants is not None:
        return _mutants(asked.mutants, asked.seed)
    if asked.story is not None:
        return _one(Story.from_json(asked.story.read_text(encoding="utf-8")))
    return _many(asked)


def _say(words: str) -> None:
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


def _one(story: Story) -> int:
    account = play(story)
    found = finds(account)
    tally = Tally()
    tally.add(account, found)
    _say(tally.text())
    for find in found:
        _say(f"\n{find}\n{explain(account, find.asked)}")
    return 1 if found else 0


def _many(asked: argparse.Namespace) -> int:
    tally, seed, kept = Tally(), asked.seed, 0
    until = time.monotonic() + 60 * asked.minutes
    _say(f"seed {seed}")
    while tally.requests < asked.requests and time.monotonic() < until:
        story = _drawn(seed, asked)
        account = play(story)
        found = finds(account)
        tally.add(account, found)
        for find in found:
            _say(f"story {seed}: {find}")
        kept += _kept(story, found, asked, MOST_SHRUNK - kept)
        seed += 1
    _say(tally.tables())
    return 1 if tally.finds else 0


def _drawn(seed: int, asked: argparse.Namespace) -> Story:
    """Return the story of a seed, with what was asked for on the command line."""
    story = generate(
        seed,
        focus=[each for each in asked.focus.split(",") if each],
        stress=asked.stress,
        hands=asked.hands,
    )
    story = leaving_late(story) if asked.late else story
    forced = dict(each.split("=", 1) for each in asked.trait)
    traits = {name: type(story.traits[name])(value) for name, value in forced.items()}
    return replace(story, traits={**story.traits, **traits})


def _found(planted: mutants.Mutant, story: Story | None) -> str | None:
    """Return by what a story finds a planted fault out, None when it does not."""
    if story is None:
        return None
    with planted.planted():
        wrong = [find for find in finds(play(story)) if find.kind != "fault"]
    return str(wrong[0]) if wrong and not finds(play(story)) else None


def _mutants(names: list[str], seed: int) -> int:
    missing = 0
    for name in names or mutants.MUTANTS:
        planted = mutants.MUTANTS[name]
        words = _found(planted, planted.told()) or _look_for(planted, seed)
        missing += words is None
        _say(f"{planted.rule} {name}: {words or 'NOT FOUND'}"[:230])
    for rule, elsewhere in mutants.UNSEEN.items():
        _say(f"{rule} is not planted: {elsewhere.why}; {elsewhere.test}")
    return 1 if missing else 0


def _look_for(planted: mutants.Mutant, seed: int) -> str | None:
    for number in range(seed, seed + MOST_TRIED):
        words = _found(planted, planted.story(number))
        if words is not None:
            mutants.keep(planted.name, number)
            return f"story {number}: {words}"
    return None


def _kept(story: Story, found: list[Find], asked: argparse.Namespace, most: int) -> int:
    """Write the smallest story of each find that is like no other; return how many."""
    essences = list(dict.fromkeys(find.essence for find in found))[: max(0, most)]
    for number, same in enumerate(essences):
        _keep(story, same, asked.keep, f"-{number + 1}" if number else "", asked.shrink)
    return len(essences)


def _keep(story: Story, same: tuple[str, ...], folder: Path, more: str, seconds: float) -> None:
    small = shrink(story, lambda made: _shows(made, same), seconds=seconds)
    path = folder / f"story-{story.seed}{more}.json"
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(small.to_json(), encoding="utf-8")
    again = _shows(Story.from_json(path.read_text(encoding="utf-8")), same)
    words = f"{len(small.steps)} steps of it are in {path}: {same[0]} {same[1]}, {same[2]}"
    _say(f"story {story.seed}: {words}{'' if again else '; NOT REPLAYED'}")


def _shows(story: Story, same: tuple[str, ...]) -> bool:
    """Say whether a story shows that very find."""
    return any(find.essence == same for find in finds(play(story)))


if __name__ == "__main__":
    sys.exit(main())
