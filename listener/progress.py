"""How far the sign-on of many agents is: at the start, and again after many were lost at once.

`Course` decides, from the time and what stands, whether there is something to tell; `Reporter`
looks at the agents and tells it, on a screen or as log lines. Of a handful of agents nothing is
told: their own log lines say enough. Knows no terminal and no sessions.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from listener import logs

HANDFUL = 5
"""So many agents may be without a session and no word of progress is told."""

EVERY = 5.0  # seconds between two log lines
RARELY = 60.0  # the same once it has lasted so long and nobody came up since the last line
RECENT = 5.0  # seconds over which the rate is taken
LOOK_EVERY = 1.0  # seconds between two looks while there is something to tell
REDRAW_EVERY = 0.25  # the same on a screen

_NOT_DUE = frozenset({"signed_out", "stopped", "closed"})
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")

_log = logs.get(__name__)


class Watched(Protocol):
    """What is asked of an agent (`crew.Ear`)."""

    @property
    def up(self) -> asyncio.Event:
        """Set while its session hears."""
        ...

    @property
    def tried(self) -> asyncio.Event:
        """Set once its first attempt is over, or none is due."""
        ...

    @property
    def trouble(self) -> Exception | None:
        """Why it has no session, as far as is known."""
        ...

    def status(self) -> HasState:
        """How its session is."""
        ...


class HasState(Protocol):
    """What is asked of an agent's status."""

    @property
    def state(self) -> str:
        """The state of its link, or "signed_out"."""
        ...


@dataclass(frozen=True, slots=True)
class Standing:
    """How many agents there are: held at all, up, awaited and not yet tried.

    Awaited are those that should be up and are not; a refused password and an agent who is signed
    out are not awaited. `failures` counts by cause those that are not up for a trouble.
    """

    held: int = 0
    up: int = 0
    awaited: int = 0
    untried: int = 0
    failures: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Report:
    """What is told: how it stands, the agents per second that came up lately, the seconds so far.

    `over`: nothing more is told.
    """

    standing: Standing
    rate: float
    seconds: float
    over: bool = False


class Screen(Protocol):
    """A terminal that shows the newest report, until it is cleared."""

    def show(self, report: Report) -> None:
        """Show it in place of the one before."""
        ...

    def clear(self) -> None:
        """Show nothing any more; showing again is allowed."""
        ...


def stands(watched: Iterable[Watched]) -> Standing:
    """Count how many agents are how."""
    held = up = awaited = untried = 0
    failures: Counter[str] = Counter()
    for one in watched:
        held += 1
        untried += not one.tried.is_set()
        if one.up.is_set():
            up += 1
            continue
        awaited += one.status().state not in _NOT_DUE or not one.tried.is_set()
        if one.trouble is not None:
            failures[cause_of(one.trouble)] += 1
    return Standing(held, up, awaited, untried, dict(sorted(failures.items())))


def cause_of(trouble: Exception) -> str:
    """Return the short name of a trouble, such as "credentials_refused"."""
    return _HUMP.sub("_", type(trouble).__name__).lower()


class Course:
    """Begins when more than a handful of agents are awaited, and ends when none is.

    It also ends when a handful is left that did not come up for a minute, and never before every
    agent was tried. Time is the caller's, in seconds.
    """

    def __init__(
        self, *, every: float = EVERY, rarely: float = RARELY, handful: int = HANDFUL
    ) -> None:
        self._every = every
        self._rarely = rarely
        self._handful = handful
        self._began: float | None = None
        self._told = (0.0, 0)  # when a line was due, and how many were up then
        self._gained = (0.0, 0)  # when the last one came up, and how many there were then
        self._seen: deque[tuple[float, int]] = deque()
        self._lines = 0

    @property
    def runs(self) -> bool:
        """Whether it has begun and not ended."""
        return self._began is not None

    def look(self, now: float, standing: Standing) -> Report | None:
        """Return what there is to tell now, if it has begun; its end is told once."""
        if self._began is None:
            if standing.awaited <= self._handful:
                return None
            self._begin(now, standing)
        assert self._began is not None
        self._note(now, standing.up)
        over = self._is_over(now, standing)
        report = Report(standing, self._rate(now, standing.up), now - self._began, over)
        if over:
            self._began = None
        return report

    def line_is_due(self, now: float, report: Report) -> bool:
        """Say whether that report is worth a line; call it once for each report.

        One that is over is, unless it was over before the first line was due.
        """
        if report.over:
            return self._lines > 0 or report.seconds >= self._every
        told, up = self._told
        slow = report.seconds >= self._rarely and report.standing.up == up
        if now - told < (self._rarely if slow else self._every):
            return False
        self._told = (now, report.standing.up)
        self._lines += 1
        return True

    def _begin(self, now: float, standing: Standing) -> None:
        self._began = now
        self._told = self._gained = (now, standing.up)
        self._seen.clear()
        self._lines = 0

    def _note(self, now: float, up: int) -> None:
        if up != self._gained[1]:
            self._gained = (now, up)
        self._seen.append((now, up))
        while len(self._seen) > 1 and self._seen[0][0] < now - RECENT:
            self._seen.popleft()

    def _is_over(self, now: float, standing: Standing) -> bool:
        if standing.untried:
            return False
        stuck = now - self._gained[0] >= self._rarely
        return standing.awaited <= (self._handful if stuck else 0)

    def _rate(self, now: float, up: int) -> float:
        since, before = self._seen[0]
        return max(0, up - before) / (now - since) if now > since else 0.0


class Reporter:
    """Watches all agents and tells how far they are: on `screen`, else in the log.

    `moved` is to be called whenever a session came or went: while all stand still, nobody looks.
    """

    def __init__(self, screen: Screen | None = None, *, course: Course | None = None) -> None:
        self._screen = screen
        self._course = course or Course()
        self._moved = asyncio.Event()

    def moved(self) -> None:
        """Take note that an agent's session came or went."""
        self._moved.set()

    async def run(self, agents: Callable[[], Iterable[Watched]]) -> None:
        """Watch those that `agents` returns, and tell, until cancelled; the task is its owner's."""
        try:
            while True:
                self._moved.clear()
                self.look(agents())
                await self._next()
        finally:
            if self._screen is not None:
                self._screen.clear()

    def look(self, agents: Iterable[Watched]) -> None:
        """Look once, and tell what there is to tell."""
        now = asyncio.get_running_loop().time()
        report = self._course.look(now, stands(agents))
        if report is None:
            return
        line = self._course.line_is_due(now, report)
        if self._screen is None:
            if line:
                tell(report)
        elif report.over:
            self._screen.clear()
            if line:
                tell(report)
        else:
            self._screen.show(report)

    async def _next(self) -> None:
        """Wait until there may be something new, and look a few times a second at most."""
        if not self._course.runs:
            await self._moved.wait()
        watching = self._course.runs and self._screen is None
        await asyncio.sleep(LOOK_EVERY if watching else REDRAW_EVERY)


def tell(report: Report) -> None:
    """Write the log line."""
    standing = report.standing
    _log.info(
        "sessions.progress",
        up=standing.up,
        held=standing.held,
        awaited=standing.awaited,
        per_second=round(report.rate, 1),
        failures=dict(standing.failures),
        seconds=round(report.seconds, 1),
        over=report.over,
    )
