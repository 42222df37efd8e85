"""A request in the words of those who ask: the API's JSON, Finesse's path and XML. Values.

Knows how a request value is written down; sends nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from listener.correlation.outcome import (
    Abandoned,
    Confirmed,
    DialogIds,
    Evidence,
    Failed,
    Outcome,
    Presumed,
    Reason,
    Rejected,
    Seen,
    Unconfirmed,
)
from listener.finesse.actions import key_of, params
from listener.finesse.actions.params import Shape, Where
from listener.finesse.model import ApiError
from listener.finesse.wire import render

if TYPE_CHECKING:
    from listener.finesse.actions.request import Request

_GROUPS = (Where.MEDIA, Where.MOBILE)


def body_of(request: Request, **more: Any) -> dict[str, Any]:
    """Return the JSON object that asks for it (docs/api.md); `more` by the API's names."""
    found: dict[str, Any] = {"requestedAction": key_of(request)}
    for _, param, value in params.given(request):
        told = value
        if param.shape is Shape.VARIABLES:
            told = dict(value)
        elif param.shape is Shape.ITEMS:
            told = list(value)
        if param.where in _GROUPS:
            found.setdefault(param.where.value, {})[param.name] = told
        else:
            found[param.name] = told
    return found | {name: value for name, value in more.items() if value is not None}


def xml_of(request: Request) -> bytes:
    """Return the XML that goes to Finesse."""
    return render(request.body())


def fingerprint(outcome: dict[str, Any]) -> tuple[Any, ...]:
    """Return what must never change in an outcome."""
    return tuple(outcome[key] for key in ("kind", "evidence", "reason", "sent", "status", "stage"))


def outcome_of(told: dict[str, Any]) -> Outcome:
    """Read an outcome from the resource, as far as the judge looks at it."""
    common: dict[str, Any] = {
        "sent": told["sent"],
        "status": told["status"],
        "waited": told["waited"],
        "changed": told["changed"],
        "applied": tuple(told["applied"]),
        "missing": tuple(told["missing"]),
        "truncated": tuple(told["truncated"]),
        "dialogs": DialogIds(
            told["dialogs"]["survivor"], told["dialogs"]["new"], tuple(told["dialogs"]["gone"])
        ),
        "seen": tuple(Seen(s["at"], s["what"], s["detail"]) for s in told["seen"]),
    }
    errors = tuple(
        ApiError(e.get("errorType"), e.get("errorMessage"), e.get("errorData"))
        for e in told["errors"]
    )
    reason = Reason(told["reason"]) if told["reason"] is not None else None
    evidence = Evidence(told["evidence"]) if told["evidence"] is not None else None
    match told["kind"]:
        case "confirmed":
            assert evidence is not None
            return Confirmed(evidence=evidence, stage=told["stage"], **common)
        case "presumed":
            return Presumed(**common)
        case "failed":
            assert evidence is not None
            cause = told["stateCause"]
            stage = told["stage"]
            return Failed(
                evidence=evidence, errors=errors, stage=stage, state_cause=cause, **common
            )
        case "rejected":
            return Rejected(errors=errors, reason=reason, **common)
        case "unconfirmed":
            assert reason is not None
            return Unconfirmed(reason=reason, **common)
        case _:
            assert reason is not None
            return Abandoned(reason=reason, **common)
