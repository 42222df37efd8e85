"""What the doctor says: steps with a status, causes with their remedy, the report of them all.

Pure values. Knows nothing of how anything is looked at.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Any


def counted(number: int, one: str) -> str:
    """Return "1 step", "2 steps": the number with the word for what it counts."""
    return f"{number} {one}" if number == 1 else f"{number} {one}s"


class Status(StrEnum):
    """How a step ended."""

    OK = "ok"
    WARNING = "warning"  # it works, and should not stay so; or it could not be told
    FAILED = "failed"
    SKIPPED = "skipped"  # not done: it needs an earlier step, or would disturb


class Family(IntEnum):
    """What a step is about. The number is the exit code when the first failure is one of it.

    Above 63 they are those of sysexits.h, where one fits; a public interface.
    """

    SESSION = 10  # the stream, the bound session, presence, ping
    SUBSCRIPTIONS = 11  # what events would reach us, and the user `finesse`
    PERMISSION = 12  # what the agent may ask
    NOTIFICATION = 13  # the notification that was to be heard
    NAMES = 68  # EX_NOHOST
    NETWORK = 69  # EX_UNAVAILABLE
    MACHINE = 73  # EX_CANTCREAT: folders, ports and limits of this machine
    SYSTEM_INFO = 75  # EX_TEMPFAIL: Finesse is not in service, or that is not Finesse
    TLS = 76  # EX_PROTOCOL
    LOGIN = 77  # EX_NOPERM
    CONFIGURATION = 78  # EX_CONFIG


@dataclass(frozen=True, slots=True)
class Cause:
    """A likely cause, and what to do about it."""

    words: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a diagnosis makes of what was seen; the likeliest cause first."""

    status: Status
    saw: str
    causes: tuple[Cause, ...] = ()


def good(saw: str) -> Verdict:
    """Return the verdict that all is well."""
    return Verdict(Status.OK, saw)


def doubtful(saw: str, *causes: Cause) -> Verdict:
    """Return the verdict that it works, and should not stay so."""
    return Verdict(Status.WARNING, saw, causes)


def failed(saw: str, *causes: Cause) -> Verdict:
    """Return the verdict that it does not work."""
    return Verdict(Status.FAILED, saw, causes)


def skipped(why: str) -> Verdict:
    """Return the verdict that it was not done, and why."""
    return Verdict(Status.SKIPPED, why)


@dataclass(frozen=True, slots=True)
class Step:
    """One step as it was done: `did` is what, `saw` what came of it; `duration` in seconds.

    `id` is stable (docs/cli.md lists them); `node` and `agent` where it is about one.
    """

    id: str
    family: Family
    did: str
    verdict: Verdict
    node: str | None = None
    agent: str | None = None
    duration: float = 0.0

    @property
    def status(self) -> Status:
        """How it ended."""
        return self.verdict.status

    def to_json(self) -> dict[str, Any]:
        """Return it for machines; `causes` and `remedies` go in pairs."""
        return {
            "id": self.id,
            "node": self.node,
            "agent": self.agent,
            "status": self.status.value,
            "did": self.did,
            "saw": self.verdict.saw,
            "causes": [cause.words for cause in self.verdict.causes],
            "remedies": [cause.remedy for cause in self.verdict.causes],
            "duration_ms": round(self.duration * 1000, 1),
        }


@dataclass(slots=True)
class Report:
    """All steps in the order of the walk."""

    steps: list[Step] = field(default_factory=list)

    def count(self, status: Status) -> int:
        """Return how many steps ended so."""
        return sum(1 for step in self.steps if step.status is status)

    @property
    def first_failure(self) -> Step | None:
        """The first step that failed; the others may follow from it."""
        return next((step for step in self.steps if step.status is Status.FAILED), None)

    @property
    def status(self) -> Status:
        """The worst of all: failed, warning or ok."""
        if self.first_failure is not None:
            return Status.FAILED
        return Status.WARNING if self.count(Status.WARNING) else Status.OK

    @property
    def exit_code(self) -> int:
        """0 when nothing failed, else the number of the first failure's family."""
        found = self.first_failure
        return 0 if found is None else int(found.family)

    @property
    def next(self) -> str | None:
        """What to do next: the first remedy of the first failure, else of the first warning."""
        found = self.first_failure or next(
            (step for step in self.steps if step.status is Status.WARNING), None
        )
        causes = found.verdict.causes if found is not None else ()
        return causes[0].remedy if causes else None

    def words(self) -> str:
        """Return the verdict in one sentence."""
        done = len(self.steps) - self.count(Status.SKIPPED)
        counts = f"{counted(done, 'step')} done, {self.count(Status.SKIPPED)} skipped"
        found = self.first_failure
        if found is not None:
            about = "".join(f" ({name})" for name in (found.agent, found.node) if name)
            return f"{self.count(Status.FAILED)} failed, first {found.id}{about}; {counts}"
        if self.count(Status.WARNING):
            return f"nothing failed, {counted(self.count(Status.WARNING), 'warning')}; {counts}"
        if left := [step.id for step in self.steps if step.status is Status.SKIPPED]:
            names = ", ".join(dict.fromkeys(left))
            return f"all that was looked at is well; {counts}, not looked at: {names}"
        return f"all is well; {counts}"

    def to_json(self) -> dict[str, Any]:
        """Return the whole report for machines."""
        found = self.first_failure
        return {
            "status": self.status.value,
            "exitCode": self.exit_code,
            "summary": self.words(),
            "firstFailure": found.id if found is not None else None,
            "next": self.next,
            "steps": [step.to_json() for step in self.steps],
        }
