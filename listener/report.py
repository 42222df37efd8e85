"""The outcome as JSON and a request as a resource: the shapes of the local API (docs/cli.md).

Keys that mean a Finesse thing carry Finesse's own name. Digits are never in it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from listener.correlation.outcome import Outcome
from listener.correlation.pending import FINAL, State
from listener.correlation.steps import Late
from listener.finesse.actions.request import Request
from listener.finesse.catalogue import explain
from listener.finesse.model import ApiError
from listener.finesse.parsed import dialog_json, error_json, user_json
from listener.ticket import Record


def outcome_json(
    outcome: Outcome,
    *,
    request: Request | None = None,
    deployment: str | None = None,
    submitted: datetime | None = None,
) -> dict[str, Any]:
    """Return an outcome with all that it carries; errors are explained for that deployment.

    `submitted` turns the window's seconds into times; without it they stay seconds.
    """
    return {
        "kind": outcome.kind,
        "evidence": getattr(outcome, "evidence", None),
        "reason": getattr(outcome, "reason", None),
        "sent": outcome.sent,
        "status": outcome.status,
        "stage": getattr(outcome, "stage", None),
        "stateCause": getattr(outcome, "state_cause", None),
        "errors": errors_json(
            getattr(outcome, "errors", ()),
            request,
            deployment,
            status=outcome.status if outcome.kind == "rejected" else None,
        ),
        "warnings": [{"code": w.code, "detail": w.detail} for w in outcome.warnings],
        "changed": outcome.changed,
        "applied": list(outcome.applied),
        "missing": list(outcome.missing),
        "truncated": list(outcome.truncated),
        "dialog": dialog_json(outcome.dialog) if outcome.dialog is not None else None,
        "user": user_json(outcome.user) if outcome.user is not None else None,
        "dialogs": {
            "survivor": outcome.dialogs.survivor,
            "new": outcome.dialogs.new,
            "gone": list(outcome.dialogs.gone),
        },
        "waited": round(outcome.waited, 3),
        "seen": [{"at": s.at, "what": s.what, "detail": s.detail} for s in outcome.seen],
        "window": _window(outcome, submitted),
    }


def _window(outcome: Outcome, submitted: datetime | None) -> dict[str, Any]:
    def moment(seconds: float | None) -> float | str | None:
        if seconds is None or submitted is None:
            return None if seconds is None else round(seconds, 3)
        return stamp(datetime.fromtimestamp(submitted.timestamp() + seconds, submitted.tzinfo))

    window = outcome.window
    return {
        "from": moment(0.0),
        "until": moment(window.until),
        "gaps": [{"from": moment(a), "until": moment(b)} for a, b in window.gaps],
    }


def errors_json(
    errors: tuple[ApiError, ...],
    request: Request | None,
    deployment: str | None,
    *,
    status: int | None = None,
) -> list[dict[str, Any]]:
    """Return errors with their family, constant, meaning and advice."""
    return [_error(error, request, deployment, status) for error in errors]


def _error(
    error: ApiError, request: Request | None, deployment: str | None, status: int | None
) -> dict[str, Any]:
    action = request.requested_action if request is not None else None
    found = explain(
        error, deployment=deployment, http_status=status, action=action, ids=ids_of(request)
    )
    return {
        **error_json(error),
        "family": found.family,
        "constant": found.constant,
        "meaning": found.meaning,
        "advice": found.advice,
    }


def ids_of(request: Request | None) -> tuple[str | None, ...]:
    """Return the agent, the dialog and the numbers that a request names, None where it does not."""
    names = (
        "agent",
        "dialog_id",
        "target_media_address",
        "extension",
        "from_address",
        "to_address",
    )
    return tuple(getattr(request, name, None) for name in names)


def record_json(
    record: Record, state: State | None, deployment: str | None = None
) -> dict[str, Any]:
    """Return a request's resource: what was asked, where it stands, what came of it."""
    outcome = record.outcome
    return {
        "id": record.key,
        "requestId": record.request_id,
        "agent": record.request.agent,
        "requestedAction": record.request.requested_action,
        "dialogId": record.request.dialog_id,
        "askedBy": record.asked_by,
        "state": state_word(record, state),
        "submitted": stamp(record.submitted),
        "sent": stamp(record.sent),
        "answered": stamp(record.answered),
        "settled": stamp(record.settled) if outcome is not None else None,
        "outcome": outcome_json(
            outcome, request=record.request, deployment=deployment, submitted=record.submitted
        )
        if outcome is not None
        else None,
        "late": [_late(late, record, deployment) for late in record.late],
    }


def state_word(record: Record, state: State | None) -> str:
    """Return where a request stands, as its resource says it.

    It is settled for others once its outcome is safe in the journal, a moment after it is decided.
    """
    if record.outcome is not None:
        return "settled"
    if state is not None and state not in FINAL:
        return str(state)
    if record.accepted:
        return "accepted"
    return "sent" if record.sent is not None else "queued"


def _late(late: Late, record: Record, deployment: str | None) -> dict[str, Any]:
    return {
        "at": round(late.at - record.submitted_at, 3),
        "kind": late.kind,
        "detail": late.detail,
        "errors": errors_json(late.errors, record.request, deployment),
    }


def stamp(moment: datetime | None) -> str | None:
    """Return a time as RFC 3339 in UTC with milliseconds and Z, or None."""
    if moment is None:
        return None
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
