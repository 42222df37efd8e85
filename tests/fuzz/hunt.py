"""Drives a target: cases by chance and by hypothesis, time and memory watched, finds made small."""

from __future__ import annotations

import asyncio
import itertools
import random
import resource
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, Self

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded
from hypothesis import strategies as st

from tests.fuzz.mutate import Mutator
from tests.fuzz.target import Broken, Case, Target, Watch, save

AT_LEAST = 1.0
"""Seconds of processor time that any case may take: machines differ, and so do moments."""
TIMES = 50
"""Times the usual cost per byte that a case may take on top."""
SHRINK = 400
"""Attempts to make a find smaller."""
EXAMPLES = 100
"""Cases that hypothesis makes up in one turn, between turns of mutated ones."""
GROWTH = 8 * 1024 * 1024
"""Bytes by which memory may grow from the second third of a long run to the last."""


@dataclass
class Find:
    """A case under which something does not hold."""

    case: Case
    error: BaseException
    file: Path | None = None


@dataclass
class Tally:
    """What a hunt has done so far."""

    cases: int = 0
    octets: int = 0
    slowest: float = 0.0
    seconds: float = 0.0
    resident: list[tuple[float, int]] = field(default_factory=list)
    finds: list[Find] = field(default_factory=list)

    def growth(self) -> int | None:
        """Return by how many bytes memory grew after warming up; None for a run too short."""
        third = len(self.resident) // 3
        if third < 3:
            return None
        sizes = [size for _, size in self.resident]
        return int(median(sizes[2 * third :]) - median(sizes[third : 2 * third]))


class Hunt:
    """Runs one target in a loop of its own; `close` it.

    The same seed makes the same cases in the same order. `folder` is where finds go.
    """

    def __init__(self, target: Target, *, seed: int, folder: Path | None) -> None:
        self.target = target
        self.tally = Tally()
        self._seed = seed
        self._folder = folder
        self._mutator = Mutator(random.Random(f"{target.name}-{seed}"), target.tokens)
        self._runner = asyncio.Runner()
        self._watch = Watch()
        self._stack = ExitStack()
        self._stack.enter_context(self._watch.watching())
        self._runner.get_loop().set_exception_handler(self._watch.of_loop)
        self._running = False
        self._since = 0
        self._turns = 0

    def close(self) -> None:
        """End the target and its loop."""
        try:
            self._stop()
        finally:
            self._runner.close()
            self._stack.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- cases ---------------------------------------------------------------------------------

    def run(
        self,
        *,
        cases: int | None = None,
        seconds: float | None = None,
        told: Callable[[Tally], None] = lambda _: None,
    ) -> Tally:
        """Hunt for so many cases or so long; stops at the first find."""
        begun = time.monotonic()
        end = None if seconds is None else begun + seconds
        for batch in self._batches(cases):
            found = self._invented(-batch) if batch < 0 else self._mutated(batch, end)
            self.tally.seconds = time.monotonic() - begun
            self.tally.resident.append((self.tally.seconds, resident()))
            told(self.tally)
            if found is not None:
                self._keep(found)
                break
            if end is not None and time.monotonic() >= end:
                break
        return self.tally

    @staticmethod
    def _batches(cases: int | None) -> Iterator[int]:
        """Yield how many cases come next: mutated ones, or (negative) ones made by hypothesis."""
        left = cases
        while left is None or left > 0:
            for kind in (3, -1):
                many = EXAMPLES * abs(kind) if left is None else min(left, EXAMPLES * abs(kind))
                if many > 0:
                    yield many if kind > 0 else -many
                    left = None if left is None else left - many

    def _mutated(self, many: int, end: float | None) -> Find | None:
        for _ in range(many):
            if end is not None and time.monotonic() >= end:
                break
            case = self.target.mutated(self._mutator)
            error = self.trouble(case)
            if error is not None:
                return self._smaller(Find(case, error))
        return None

    def _invented(self, many: int) -> Find | None:
        """Let hypothesis make cases, and make a find smaller in its own way."""
        self._turns += 1
        last: list[Find] = []
        pieces = st.lists(st.sampled_from(self.target.tokens) | st.binary(max_size=6), max_size=30)

        @seeded(self._seed * 1_000 + self._turns)
        @settings(
            max_examples=many,
            database=None,
            deadline=None,
            phases=[Phase.generate, Phase.shrink],
            suppress_health_check=list(HealthCheck),
        )
        @given(pieces)
        def examine(made: list[bytes]) -> None:
            case = self.target.made(made)
            error = self.trouble(case)
            if error is not None:
                last[:] = [Find(case, error)]
                raise error

        try:
            examine()
        except Exception as error:  # noqa: BLE001  hypothesis has its own for what comes and goes
            return last[0] if last else Find((), error)
        return None

    # -- one case ------------------------------------------------------------------------------

    def trouble(self, case: Case) -> Exception | None:
        """Feed a case; return what did not hold."""
        try:
            if not self._running or self._since >= self.target.fresh_after:
                self._stop()
                self._runner.run(self.target.start())
                self._running, self._since = True, 0
            self._since += 1
            self._timed(case)
        except Exception as error:  # noqa: BLE001  whatever it is, it is the find
            self._abandon()
            return error
        return None

    def _timed(self, case: Case) -> None:
        size = sum(map(len, case))
        taken = self._fed(case)
        if taken > self._allowed(size):  # once more: the machine may have been busy
            taken = min(taken, self._fed(case), self._fed(case))
            if taken > self._allowed(size):
                raise Broken(f"{size} bytes took {taken:.2f} s of processor time")
        self.tally.cases += 1
        self.tally.octets += size
        self.tally.slowest = max(self.tally.slowest, taken)

    def _allowed(self, size: int) -> float:
        return AT_LEAST + TIMES * size * 1e-6

    def _fed(self, case: Case) -> float:
        begun = time.process_time()
        self._runner.run(self.target.check(case))
        self._watch.none()
        return time.process_time() - begun

    def _stop(self) -> None:
        if self._running:
            self._running = False
            self._runner.run(self.target.stop())
            self._watch.none()

    def _abandon(self) -> None:
        """Begin anew after a find: what the target was in the middle of is not known."""
        try:
            self._stop()
        except Exception:  # noqa: BLE001  the find is what counts
            self._running = False
        self._watch.faults.clear()

    def _smaller(self, find: Find) -> Find:
        """Leave out what is not needed for the same kind of error, for a while."""
        best = [find]
        tries = _smaller_ones(find.case, lambda: best[-1].case)
        for case in itertools.islice(tries, SHRINK):
            error = self.trouble(case)
            if error is not None and type(error) is type(find.error):
                best.append(Find(case, error))
        return best[-1]

    def _keep(self, find: Find) -> None:
        self.tally.finds.append(find)
        if self._folder is not None:
            find.file = save(self._folder, self.target.name, find.case, self._seed, find.error)


def _smaller_ones(case: Case, best: Callable[[], Case]) -> Iterator[Case]:
    """Yield cases with a part left out; `best` is the smallest that still fails."""
    parts = 2
    while parts <= 1 << 12:
        for number in range(len(case)):
            for part in range(parts):
                now = best()
                if number >= len(now):
                    break
                piece = now[number]
                width = -(-len(piece) // parts)
                left = piece[: part * width] + piece[(part + 1) * width :]
                if len(left) < len(piece):
                    yield (*now[:number], left, *now[number + 1 :])
        if parts > max((len(piece) for piece in best()), default=0):
            return
        parts *= 2


def resident() -> int:
    """Return the bytes of memory that this process holds."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def replay(target: Target, case: Case) -> Any:
    """Feed one case; return what did not hold, or None."""
    with Hunt(target, seed=0, folder=None) as hunt:
        return hunt.trouble(case)
