"""The tables of a run: the oracle's, and what only a run over real sockets has.

Counts; decides nothing.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING

from tests.oracle.report import Tally

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.chaos.memory import Slope
    from tests.oracle.account import Account
    from tests.oracle.judge import Find

MUST_BE_NONE = (
    *("wrong", "missed", "law", "overdue", "sent twice", "told twice", "lost", "unread"),
    *("forced logout", "fault"),
)

ADDED = ("runs", "requests", "refused", "events", "blamed", "seconds")


@dataclass(slots=True)
class LiveTally(Tally):
    """Counts of a run. `more` are finds without a request; `waits` by action, in seconds."""

    more: list[str] = field(default_factory=list)
    waits: dict[str, list[float]] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)
    slope: Slope | None = None
    lag: float = 0.0
    own_lag: float = 0.0

    def take(self, account: Account, found: Iterable[Find], begun: float) -> None:
        """Take in one story."""
        seconds = self.seconds
        self.add(account, found)
        self.seconds = seconds + account.ended - begun
        for asked in account.asked:
            if asked.settled is not None:
                self.waits.setdefault(asked.action, []).append(asked.settled - asked.submitted)

    def join(self, other: LiveTally) -> None:
        """Add what another one counted."""
        for each in fields(self):
            mine, theirs = getattr(self, each.name), getattr(other, each.name)
            if isinstance(mine, Counter):
                mine.update(theirs)
            elif isinstance(mine, list):
                mine += theirs
            elif isinstance(mine, dict):
                for key, row in theirs.items():
                    if isinstance(row, Counter):
                        mine.setdefault(key, Counter()).update(row)
                    else:
                        mine.setdefault(key, []).extend(row)
            elif each.name in ADDED:
                setattr(self, each.name, mine + theirs)

    def note(self, kind: str, words: str) -> None:
        """Take in a find that is nobody's request."""
        self.promises[kind] += 1
        self.more.append(f"{kind}: {words}")

    @property
    def found(self) -> int:
        """How many finds there are."""
        return len(self.finds) + len(self.more)

    def tables(self) -> str:
        """Return everything."""
        lines = [
            self.text(),
            *(f"{kind}: {self.promises[kind]}" for kind in MUST_BE_NONE if kind not in self.text()),
            "",
            f"{'seconds to the outcome':28}{'asked':>10}{'p50':>10}{'p99':>10}{'most':>10}",
            *(self._waited(action) for action in sorted(self.waits)),
            "",
            "what was done: " + _counted(self.counts),
            "not taken: " + _counted(self.refusals),
            f"loop lag at worst: daemon {self.lag:.3f} s, simulator {self.own_lag:.3f} s",
            f"memory {self.slope}" if self.slope is not None else "memory: no samples",
        ]
        return "\n".join(lines)

    def _waited(self, action: str) -> str:
        row = sorted(self.waits[action])
        p50, p99 = row[len(row) // 2], row[min(len(row) - 1, int(len(row) * 0.99))]
        return f"{action:28}{len(row):>10}{p50:>10.3f}{p99:>10.3f}{row[-1]:>10.3f}"


def _counted(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items())) or "nothing"
