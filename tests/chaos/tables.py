"""The tables of a run: the oracle's, and what only a run over real sockets has.

Counts, and holds the counts against the bounds of a run as a whole; judges no request.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING

from listener.correlation.outcome import Unconfirmed
from tests.chaos.memory import Count
from tests.oracle.report import KINDS, PROMISES, Tally, faults_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.chaos.memory import Slope
    from tests.oracle.account import Account
    from tests.oracle.judge import Find

MUST_BE_NONE = (
    *("wrong", "missed", "law", "overdue", "sent twice", "told twice", "lost", "unread"),
    *("forced logout", "fault", "left over", "memory", "unconfirmed", "excused"),
)
ADDED = ("runs", "requests", "refused", "events", "blamed", "seconds")

ENOUGH = 30  # requests below which a share says nothing
MOST_OPEN = 0.5
"""The share of all requests that may end unconfirmed. Faults of every kind, half of the events
without an id and others at work on the same calls leave a third open, by the rules."""
MOST_OPEN_UNDISTURBED = 0.35
"""The same of those with which nothing special was the matter."""
MOST_EXCUSED = 0.05
"""The share of all requests whose faults a measured lag may excuse: with more, the machine was too
slow for this run to tell anything, or the daemon itself holds up its loop."""
UNDISTURBED = "nothing special"


@dataclass(slots=True)
class LiveTally(Tally):
    """Counts of a run. `more` are finds without a request; `waits` by action, in seconds.

    `open_actions`, `open_faults`: why requests ended unconfirmed. `excused`: what is not counted as
    a find for a lag that was measured. `idle`: what was in the daemon between stories, `kinds`: of
    what there was more at the end, `ends`: how often it was looked whether a task was left over.
    """

    more: list[str] = field(default_factory=list)
    waits: dict[str, list[float]] = field(default_factory=dict)
    open_actions: dict[str, Counter[str]] = field(default_factory=dict)
    open_faults: dict[str, Counter[str]] = field(default_factory=dict)
    excused: Counter[str] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)
    slope: Slope | None = None
    idle: list[Count] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)
    ends: int = 0
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
            if isinstance(asked.outcome, Unconfirmed):
                reason = str(asked.outcome.reason)
                self.open_actions.setdefault(asked.action, Counter())[reason] += 1
                for name in faults_of(account, asked):
                    self.open_faults.setdefault(name, Counter())[reason] += 1

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

    @property
    def too_slow(self) -> bool:
        """Whether the measured lag excuses so much that the run tells nothing."""
        return self.excused.total() > max(2, MOST_EXCUSED * self.requests)

    def beyond(self) -> Iterator[tuple[str, str]]:
        """Yield what is beyond the bounds of a whole run."""
        if self.too_slow:
            yield "excused", f"by lag alone, of {self.requests} requests: {_counted(self.excused)}"
        for name, counts, most in (
            ("all", _sum(self.by_action), MOST_OPEN),
            (UNDISTURBED, self.by_fault.get(UNDISTURBED, Counter()), MOST_OPEN_UNDISTURBED),
        ):
            asked, left = _asked(counts), counts["unconfirmed"]
            if asked >= ENOUGH and left > most * asked:
                yield "unconfirmed", f"{left} of {asked} ({name}): more than {100 * most:.0f} %"

    def tables(self) -> str:
        """Return everything."""
        lines = [
            self.text(),
            *(f"{kind}: {self.promises[kind]}" for kind in MUST_BE_NONE if kind not in PROMISES),
            "",
            *_open_table("unconfirmed by action", self.open_actions, self.by_action),
            "",
            *_open_table("unconfirmed by fault", self.open_faults, self.by_fault),
            "",
            f"{'seconds to the outcome':28}{'asked':>10}{'p50':>10}{'p99':>10}{'most':>10}",
            *(self._waited(action) for action in sorted(self.waits)),
            "",
            "what was done: " + _counted(self.counts),
            "not taken: " + _counted(self.refusals),
            "excused by a lag that was measured: " + _counted(self.excused),
            f"loop lag at worst: daemon {self.lag:.3f} s, simulator {self.own_lag:.3f} s",
            f"memory {self.slope}" if self.slope is not None else "memory: not past its warm-up",
            *self._idle(),
            "objects of which there were more at the end: " + (", ".join(self.kinds) or "none"),
            f"tasks left over at {self.ends} ends of the daemon: {self.promises['left over']}",
        ]
        return "\n".join(lines)

    def _idle(self) -> Iterator[str]:
        for name in Count._fields[1:-2]:
            row = [getattr(each, name) for each in self.idle]
            step = max(1, len(row) // 12)
            if row:
                yield f"{name} while nothing was open: {', '.join(map(str, row[::step]))}"

    def _waited(self, action: str) -> str:
        row = sorted(self.waits[action])
        p50, p99 = row[len(row) // 2], row[min(len(row) - 1, int(len(row) * 0.99))]
        return f"{action:28}{len(row):>10}{p50:>10.3f}{p99:>10.3f}{row[-1]:>10.3f}"


def _open_table(
    name: str, rows: dict[str, Counter[str]], ended: dict[str, Counter[str]]
) -> Iterator[str]:
    yield f"{name:28}{'asked':>10}{'open':>10}{'share':>10}  reasons"
    for row in sorted(ended):
        asked, reasons = _asked(ended[row]), rows.get(row, Counter())
        share = f"{100 * reasons.total() / max(1, asked):.1f} %"
        words = ", ".join(f"{why} {n}" for why, n in reasons.most_common())
        yield f"{row:28}{asked:>10}{reasons.total() or '.':>10}{share:>10}  {words}"


def _asked(counts: Counter[str]) -> int:
    return sum(counts[kind] for kind in (*KINDS, "none"))


def _sum(rows: dict[str, Counter[str]]) -> Counter[str]:
    found: Counter[str] = Counter()
    for row in rows.values():
        found.update(row)
    return found


def _counted(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items())) or "nothing"
