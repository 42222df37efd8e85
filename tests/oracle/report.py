"""The tables of a run: per action and per fault how requests ended, and what was wrong.

Counts what the judge found; decides nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from listener.correlation.outcome import Evidence, Unconfirmed
from tests.oracle import whose
from tests.oracle.judge import Find, wrongs
from tests.oracle.knowable import missed

if TYPE_CHECKING:
    from tests.oracle.account import Account, Asked

KINDS = ("confirmed", "presumed", "failed", "rejected", "unconfirmed", "abandoned")
PROMISES = (
    *("wrong", "misgiven", "missed", "law", "overdue", "sent twice", "told twice", "gate", "fault"),
)
NAMES = {"misgiven": "errors given to the wrong request"}
BROKEN = ("wrong", "misgiven", "missed", "law", "overdue", "sent twice")
COLUMNS = (*KINDS, "none", *BROKEN, "blamed")
BY_GUESS = "by an unsigned error"


def finds(account: Account) -> list[Find]:
    """Return everything that is wrong with a run."""
    faults = [Find("fault", account.asked[0], line) for line in account.trouble if account.asked]
    return wrongs(account) + missed(account) + faults


@dataclass(slots=True)
class Tally:
    """Counts of any number of runs.

    `blamed`: who failed by an error of the agent's own desktop of which nothing told that it was
    not its own, so that the rules let it be taken for its own (5). `why`: per action and per fault,
    why requests ended unconfirmed.
    """

    runs: int = 0
    requests: int = 0
    refused: int = 0
    events: int = 0
    blamed: int = 0
    seconds: float = 0.0  # of the runs' own time
    by_action: dict[str, Counter[str]] = field(default_factory=dict)
    by_fault: dict[str, Counter[str]] = field(default_factory=dict)
    evidence: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    promises: Counter[str] = field(default_factory=Counter)
    why: dict[str, Counter[str]] = field(default_factory=dict)
    finds: list[tuple[int, str]] = field(default_factory=list)

    def add(self, account: Account, found: Iterable[Find]) -> None:
        """Take in one run."""
        found = list(found)
        self.runs += 1
        self.requests += len(account.asked)
        self.refused += account.refused
        self.events += len(account.heard)
        self.seconds += account.ended - 1000.0
        bad: dict[int, set[str]] = {}
        for find in found:
            bad.setdefault(id(find.asked), set()).add(find.kind)
        for asked in account.asked:
            self._count(account, asked, bad.get(id(asked), set()))
        for find in found:
            self.promises[find.kind] += 1
            self.finds.append((account.seed, str(find)))

    def _count(self, account: Account, asked: Asked, bad: set[str]) -> None:
        outcome = asked.outcome
        word = outcome.kind if outcome is not None else "none"
        names = faults_of(account, asked)
        rows = [self.by_action.setdefault(asked.action, Counter())]
        rows += [self.by_fault.setdefault(name, Counter()) for name in names]
        guessed = getattr(outcome, "evidence", None) is Evidence.SOLE_PENDING
        blamed = guessed and whose.blamed(account, asked)
        for row in rows:
            row[word] += 1
            row.update(bad & set(BROKEN))
            row[BY_GUESS] += guessed
            row["blamed"] += blamed
        if outcome is None:
            return
        if (evidence := getattr(outcome, "evidence", None)) is not None:
            self.evidence[f"{word} {evidence}"] += 1
        if isinstance(outcome, Unconfirmed):
            self.reasons[str(outcome.reason)] += 1
            for name in (f"action {asked.action}", *(f"fault {name}" for name in names)):
                self.why.setdefault(name, Counter())[str(outcome.reason)] += 1
        self.blamed += blamed

    def text(self) -> str:
        """Return the tables."""
        asked = max(1, self.requests)
        open_ = sum(self.reasons.values())
        minutes = self.seconds / 60
        lines = [
            f"{self.requests} requests in {self.runs} stories, {self.events} events read",
            f"{minutes:.0f} minutes of the agents' time; {self.refused} requests were not taken",
            "",
            *_table("action", self.by_action),
            "",
            *_table("fault", self.by_fault),
            "",
            f"how it was known: {_counted(self.evidence)}",
            f"unconfirmed: {open_} ({100 * open_ / asked:.1f} %): {_counted(self.reasons)}",
            f"blamed: the rules allow it: {self._blamed()}",
            "",
            *(f"{NAMES.get(name, name)}: {self.promises[name]}" for name in PROMISES),
        ]
        return "\n".join(lines)

    def tables(self) -> str:
        """Return them with the reasons why requests ended unconfirmed, per action and fault."""
        lines = [self.text()]
        for kind, rows in (("action", self.by_action), ("fault", self.by_fault)):
            head = f"{f'unconfirmed by {kind}':28}{'asked':>10}{'open':>10}{'share':>10}"
            lines += ["", f"{head}  reasons"]
            lines += [self._open_row(kind, name, rows[name]) for name in sorted(rows)]
        return "\n".join(lines)

    def _open_row(self, kind: str, name: str, row: Counter[str]) -> str:
        reasons, asked = self.why.get(f"{kind} {name}", Counter()), _asked(row)
        share = f"{100 * reasons.total() / max(1, asked):.1f} %"
        return f"{name:28}{asked:>10}{reasons.total() or '.':>10}{share:>10}  {_counted(reasons)}"

    def _blamed(self) -> str:
        """Return how many failed by another's error, of how many by an unsigned one, per action."""
        of = sum(row[BY_GUESS] for row in self.by_action.values())
        each = ", ".join(
            f"{name} {_share(row['blamed'], row[BY_GUESS])}"
            for name, row in sorted(self.by_action.items())
            if row["blamed"]
        )
        words = f"{_share(self.blamed, of)} of those that failed by an unsigned error"
        return f"{words}: {each}" if each else words


def _share(part: int, of: int) -> str:
    return f"{part} of {of} ({100 * part / max(1, of):.1f} %)"


def _asked(row: Counter[str]) -> int:
    return sum(row[kind] for kind in (*KINDS, "none"))


def _counted(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.most_common())


def faults_of(account: Account, asked: Asked) -> list[str]:
    """Name what went wrong while a request was open."""
    end = asked.settled if asked.settled is not None else account.ended
    found = set(asked.faults)
    if not account.whole(asked.agent, asked.submitted, end):
        found.add("session lost")
    if any(asked.submitted <= b and a <= end for a, b in account.restarts):
        found.add("restart")
    if any(asked.submitted <= b and a <= end for a, b in account.outages):
        found.add("out of service")
    if any(asked.submitted <= b and a <= end for a, b in account.rest):
        found.add("rest trouble")
    if any(who == asked.agent and asked.submitted <= b and a <= end for who, a, b in account.slow):
        found.add("slow stream")
    if asked.ambiguous:
        found.add("repeated id")
    found |= {name for name, there in _company(account, asked, end).items() if there}
    return sorted(found) or ["nothing special"]


def _company(account: Account, asked: Asked, end: float) -> dict[str, bool]:
    dialog = asked.request.dialog_id
    return {
        "desktop at work": any(
            deed.client == "desktop"
            and deed.agent == asked.agent
            and asked.submitted <= deed.received <= end
            for deed in account.deeds
        ),
        "phone or far end": any(
            parcel.cause is None
            and not parcel.is_error
            and dialog is not None
            and f"/{dialog}" in parcel.payload
            and asked.submitted <= parcel.made <= end
            for parcel in account.parcels
        ),
    }


def _table(name: str, rows: dict[str, Counter[str]]) -> list[str]:
    head = f"{name:28}" + "".join(f"{column[:10]:>11}" for column in ("asked", *COLUMNS))
    lines = [head]
    for row in sorted(rows):
        counts = rows[row]
        cells = "".join(f"{counts[column] or '.':>11}" for column in COLUMNS)
        lines.append(f"{row:28}{_asked(counts):>11}{cells}")
    return lines
