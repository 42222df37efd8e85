"""What the daemon counts: plain numbers, cheap to add to, read when somebody asks for metrics.

    tally.events["dialog"] += 1
    tally.settled("HOLD", "confirmed", 0.35)

Knows neither metric names nor formats (`operations.metrics` does), no agent and no clock. Bounded:
what callers can make up is counted as "other".
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import TypeVar

from listener.finesse.actions.table import ACTIONS

OTHER = "other"
MOST = 12
"""Names of one kind; what comes after them is counted as "other". All together stay below 500."""

LATENCY_BOUNDS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 40.0)
GAP_BOUNDS = (0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0)
"""Upper bounds in seconds; 60 s without a session signs an agent out."""

OUTCOMES = ("confirmed", "presumed", "failed", "rejected", "unconfirmed", "abandoned")
MANNERS = ("tracked", "untracked", "read")

K = TypeVar("K", bound=Hashable)


class Counts(dict[K, int]):
    """Numbers by name: `counts[name] += 1` works for a new name too.

    At most `most` names; what comes after them is added to `other`.
    """

    def __init__(self, other: K, most: int = MOST) -> None:
        super().__init__()
        self._other, self._most = other, most

    def __missing__(self, name: K) -> int:
        return 0

    def __setitem__(self, name: K, number: int) -> None:
        if name in self or len(self) < self._most:
            super().__setitem__(name, number)
        else:  # it was not there, so `number` is what is to be added
            super().__setitem__(self._other, self.get(self._other, 0) + number)


def _counts() -> Counts[str]:
    return Counts(OTHER)


def _pairs(most: int) -> Counts[tuple[str, str]]:
    return Counts((OTHER, OTHER), most)


class Spread:
    """How many values lie up to each bound, and their sum; `counts` has one more for the rest."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def __repr__(self) -> str:
        return f"<Spread {sum(self.counts)} values, sum {self.total:g}>"

    def add(self, value: float) -> None:
        """Count one value, in the unit of the bounds."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value


@dataclass(slots=True)
class Tally:
    """All counters of one daemon, from its start on.

    `requests` by (action, outcome), `latencies` by outcome. `events` by kind: dialog, user, error,
    system, other; of them `unmatched` belonged to no request of ours. `duplicates` were heard
    before, `late` came after the outcome. `parse_failures` by MalformedUpdate.reason, `reconnects`
    by the cause of the loss, `moves` to the other node by what was wrong, `gaps` in seconds.
    `lagged`: readers that were cut off. `http` by (operation, status class), `http_refused` by what
    a connection was ended for, `dropin` by (manner, status class), `dropin_outcomes` by what
    X-Outcome said.
    """

    events: Counts[str] = field(default_factory=_counts)
    unmatched: int = 0
    duplicates: int = 0
    late: int = 0
    parse_failures: Counts[str] = field(default_factory=_counts)
    requests: Counts[tuple[str, str]] = field(
        default_factory=lambda: _pairs((len(ACTIONS) + 1) * len(OUTCOMES))
    )
    latencies: dict[str, Spread] = field(default_factory=dict)
    lagged: int = 0
    reconnects: Counts[str] = field(default_factory=lambda: Counts(OTHER, 16))
    moves: Counts[str] = field(default_factory=_counts)
    gaps: Spread = field(default_factory=lambda: Spread(GAP_BOUNDS))
    http: Counts[tuple[str, str]] = field(default_factory=lambda: _pairs(75))
    http_refused: Counts[str] = field(default_factory=_counts)
    dropin: Counts[tuple[str, str]] = field(default_factory=lambda: _pairs(15))
    dropin_outcomes: Counts[str] = field(default_factory=_counts)

    def settled(self, action: str, outcome: str, waited: float) -> None:
        """Count an outcome: the key of its action in ACTIONS, its kind, seconds since submission.

        An action that is none of ours (the drop-in passes those on) is "other".
        """
        self.requests[action if action in ACTIONS else OTHER, outcome] += 1
        spread = self.latencies.get(outcome)
        if spread is None:
            spread = self.latencies[outcome] = Spread(LATENCY_BOUNDS)
        spread.add(waited)

    def moved(self, cause: str) -> None:
        """Count a change of all agents to the other node."""
        self.moves[cause] += 1

    def answered(self, operation: str, status: int) -> None:
        """Count an answer of the API; `operation` is its operationId, "other" for no route."""
        self.http[operation, _class(status)] += 1

    def passed(self, manner: str, status: int, outcome: str | None = None) -> None:
        """Count an answer of the drop-in: "tracked", "untracked" or "read", and its X-Outcome."""
        self.dropin[manner, _class(status)] += 1
        if outcome is not None:
            self.dropin_outcomes[outcome] += 1

    def refused(self, reason: str) -> None:
        """Count a connection of API or drop-in that was refused, or ended; by what for."""
        self.http_refused[reason] += 1


def _class(status: int) -> str:
    return f"{status // 100}xx"
