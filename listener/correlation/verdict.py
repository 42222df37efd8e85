"""From an entry to its outcome: the words, with all that was known. Pure; decides nothing."""

from __future__ import annotations

from typing import Any

from listener.correlation.entry import Entry, Held
from listener.correlation.outcome import (
    Abandoned,
    Confirmed,
    Evidence,
    Failed,
    Presumed,
    Reason,
    Rejected,
    Unconfirmed,
    Window,
)
from listener.finesse.actions.request import RequestWarning
from listener.finesse.model import ApiError

UNKNOWN = RequestWarning(
    "unknown_action",
    "The effect of this action is not known here: Finesse tied an update to the request, and no"
    " error with its id was heard.",
)


def told(entry: Entry, now: float) -> dict[str, Any]:
    """Return what every outcome carries."""
    begin = entry.submitted
    return {
        # What carries our id came from our request, whatever was answered.
        "sent": True if entry.tag_seen and not entry.id_repeated else entry.left_machine,
        "status": entry.status,
        "waited": now - begin,
        "dialog": entry.dialog or entry.case.before,
        "user": entry.user,
        "warnings": entry.warnings,
        "seen": tuple(entry.seen),
        "window": Window(
            now - begin,
            tuple((a - begin, None if b is None else b - begin) for a, b in entry.gaps),
        ),
    }


def _with(entry: Entry, held: Held, now: float) -> dict[str, Any]:
    finding = held.finding
    return told(entry, now) | {
        "dialog": held.dialog or entry.dialog,
        "user": held.user or entry.user,
        "dialogs": finding.dialogs,
        "applied": finding.applied,
        "missing": finding.missing,
        "truncated": finding.truncated,
    }


def confirmed(entry: Entry, held: Held, now: float) -> Confirmed:
    """Say that the effect was seen."""
    finding = held.finding
    return Confirmed(
        evidence=held.evidence,
        stage=finding.stage,
        changed=finding.changed,
        **_with(entry, held, now),
    )


def call_failed(entry: Entry, held: Held, now: float) -> Failed:
    """Say that the call itself went FAILED, or that only a part of the values was set."""
    finding = held.finding
    return Failed(
        evidence=held.evidence,
        stage=finding.stage,
        state_cause=finding.state_cause,
        **_with(entry, held, now),
    )


def failed(entry: Entry, errors: tuple[ApiError, ...], evidence: Evidence, now: float) -> Failed:
    """Say that an error was heard."""
    return Failed(evidence=evidence, errors=errors, **told(entry, now))


def presumed(entry: Entry, now: float) -> Presumed:
    """Say that the silence is complete."""
    return Presumed(**told(entry, now))


def rejected(
    entry: Entry, now: float, *, errors: tuple[ApiError, ...] = (), reason: Reason | None = None
) -> Rejected:
    """Say that Finesse refused it at once, or (with a reason) that nothing left this machine."""
    facts = told(entry, now)
    if reason is not None:
        facts["sent"] = False
    return Rejected(errors=errors, reason=reason, **facts)


def unconfirmed(entry: Entry, reason: Reason, now: float) -> Unconfirmed:
    """Say that nobody said."""
    facts = told(entry, now)
    if entry.tracked_by_id_alone and entry.tag_seen:
        facts["warnings"] = (*entry.warnings, UNKNOWN)
    return Unconfirmed(reason=reason, **facts)


def abandoned(entry: Entry, reason: Reason, now: float) -> Abandoned:
    """Say that nobody waits any more."""
    return Abandoned(reason=reason, **told(entry, now))
