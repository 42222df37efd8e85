"""`python -m tests.fuzz [--minutes N] [--seed S] [--only NAME]`, `--replay FILE` for a find.

Exit code 0: nothing was found; 1: something was, and is saved; 2: it was called in a wrong way.
"""

from __future__ import annotations

import argparse
import secrets
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

from tests.fuzz.api_target import ApiTarget
from tests.fuzz.config_target import ConfigTarget
from tests.fuzz.hunt import GROWTH, Hunt, Tally, replay
from tests.fuzz.parser_target import ParserTarget
from tests.fuzz.rest_target import RestTarget
from tests.fuzz.session_target import SessionTarget
from tests.fuzz.target import Target, saved

TARGETS: dict[str, Callable[[], Target]] = {
    target.name: target
    for target in (ParserTarget, SessionTarget, ApiTarget, ConfigTarget, RestTarget)
}
ROUND = 10.0
"""Seconds that a target has in one round: so each has its turn early, however short the run."""


def main(arguments: list[str] | None = None) -> int:
    """Hunt, or replay; return the exit code."""
    asked = _arguments().parse_args(arguments)
    if asked.replay:
        return _replay(asked.replay)
    seed = asked.seed if asked.seed is not None else secrets.randbelow(1 << 31)
    print(f"seed {seed}; finds go to {asked.folder}", flush=True)  # noqa: T201
    names = [asked.only] if asked.only else list(TARGETS)
    return _hunt(names, seed, asked.minutes * 60.0, asked.folder)


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m tests.fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=1.0, help="in all (default 1)")
    parser.add_argument("--seed", type=int, help="repeats a run; drawn when left out")
    parser.add_argument("--only", choices=sorted(TARGETS), help="this target alone")
    parser.add_argument("--folder", type=Path, default=Path("fuzz-finds"), help="for finds")
    parser.add_argument("--replay", type=Path, metavar="FILE", help="feed a saved find again")
    return parser


def _hunt(names: list[str], seed: int, seconds: float, folder: Path) -> int:
    """Give each target its rounds until the time is over; a target with a find has no more."""
    each = min(ROUND, seconds / len(names))
    rounds = max(1, round(seconds / (each * len(names))))
    if len(names) == 1:
        rounds, each = 1, seconds
    wrong: list[str] = []
    totals = {name: Tally() for name in names}
    for number in range(rounds):
        for name in names:
            if not totals[name].finds:
                _one(name, seed + number, each, folder, totals[name], rounds)
    for name, total in totals.items():
        wrong += _summed(name, total)
    for line in wrong:
        print(line)  # noqa: T201
    return 1 if wrong else 0


def _one(name: str, seed: int, seconds: float, folder: Path, total: Tally, rounds: int) -> None:
    with Hunt(TARGETS[name](), seed=seed, folder=folder) as hunt:
        done = hunt.run(seconds=seconds, told=lambda tally: _progress(name, tally, total))
    total.cases += done.cases
    total.octets += done.octets
    total.seconds += done.seconds
    total.slowest = max(total.slowest, done.slowest)
    # Of many short rounds the ends are compared, of one long one its own course.
    total.resident += done.resident if rounds == 1 else done.resident[-1:]
    total.finds += done.finds


def _progress(name: str, tally: Tally, total: Tally) -> None:
    if sys.stderr.isatty():
        rate = tally.cases / tally.seconds if tally.seconds else 0.0
        found = len(total.finds) + len(tally.finds)
        words = f"{name:8} {total.cases + tally.cases:9} cases  {rate:6.0f}/s  {found} found"
        print(f"\r{words:60}", end="", file=sys.stderr, flush=True)  # noqa: T201


def _summed(name: str, total: Tally) -> list[str]:
    """Print a target's line; return what is wrong."""
    if sys.stderr.isatty():
        print(f"\r{'':60}\r", end="", file=sys.stderr, flush=True)  # noqa: T201
    growth = total.growth()
    grown = "" if growth is None else f"  memory {growth / 1e6:+.1f} MB"
    rate = total.cases / total.seconds if total.seconds else 0.0
    print(  # noqa: T201
        f"{name:8} {total.cases:9} cases {total.octets / 1e6:8.1f} MB {rate:7.0f}/s"
        f"  slowest {total.slowest:.3f} s{grown}  {len(total.finds)} found"
    )
    wrong = [_told(name, find.file, find.error) for find in total.finds]
    if growth is not None and growth > GROWTH:
        wrong.append(f"{name}: memory grew by {growth / 1e6:.1f} MB after warming up")
    return wrong


def _told(name: str, file: Path | None, error: BaseException) -> str:
    again = f"  again: python -m tests.fuzz --replay {file}" if file else ""
    return f"{name}: {type(error).__name__}: {str(error)[:300]}\n{again}"


def _replay(file: Path) -> int:
    name, case = saved(file)
    error = replay(TARGETS[name](), case)
    if error is None:
        print(f"{file}: all holds now")  # noqa: T201
        return 0
    traceback.print_exception(error)
    return 1


if __name__ == "__main__":
    sys.exit(main())
