"""One request as a row of the page's table: small, and without numbers or call data.

From a record, or from the resource that the stream tells; both give the same. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from listener.correlation.pending import State
from listener.offers import Resource
from listener.report import errors_json, stamp, state_word
from listener.story.veil import Veil
from listener.ticket import Record

MOST_ERRORS = 4
"""Errors that a row names."""
LONGEST = 200
"""Characters of a name that was given from outside."""
_SAME = (
    *("id", "requestId", "agent", "requestedAction", "dialogId", "askedBy", "state"),
    *("submitted", "sent", "answered", "settled"),
)
_VEIL = Veil()  # which learns nothing
_OF_OUTCOME = ("kind", "evidence", "reason", "status", "stage", "waited")


def row_of(record: Record, state: State | None, deployment: str | None) -> Resource:
    """Return the row of a record; `state` as the correlator has it."""
    outcome, request = record.outcome, record.request
    errors = getattr(outcome, "errors", ())[:MOST_ERRORS]
    status = outcome.status if outcome is not None and outcome.kind == "rejected" else None
    return {
        "id": record.key,
        "requestId": record.request_id[:LONGEST],
        "agent": request.agent,
        "requestedAction": request.requested_action,
        "dialogId": request.dialog_id,
        "askedBy": record.asked_by,
        "state": state_word(record, state),
        "submitted": stamp(record.submitted),
        "sent": stamp(record.sent),
        "answered": stamp(record.answered),
        "settled": stamp(record.settled) if outcome is not None else None,
        "kind": None if outcome is None else outcome.kind,
        "evidence": getattr(outcome, "evidence", None),
        "reason": getattr(outcome, "reason", None),
        "status": None if outcome is None else outcome.status,
        "stage": getattr(outcome, "stage", None),
        "waited": None if outcome is None else round(outcome.waited, 3),
        "errors": names_of(errors_json(errors, request, deployment, status=status)),
        "newDialog": None if outcome is None else outcome.dialogs.new,
        "late": len(record.late),
    }


def row_of_resource(resource: Mapping[str, Any]) -> Resource:
    """Return the row of a request's resource (docs/api.md)."""
    outcome: Mapping[str, Any] = resource.get("outcome") or {}
    row = {name: resource.get(name) for name in _SAME}
    row["requestId"] = str(row["requestId"])[:LONGEST]
    row |= {name: outcome.get(name) for name in _OF_OUTCOME}
    row["errors"] = names_of(outcome.get("errors") or ())
    row["newDialog"] = (outcome.get("dialogs") or {}).get("new")
    row["late"] = len(resource.get("late") or ())
    return row


def names_of(errors: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return what errors are called: their constants, else their types."""
    found = [name_of(error) for error in errors]
    return found[:MOST_ERRORS]


def name_of_type(text: object) -> str:
    """Return an error's type, or its constant, as far as its words are known."""
    return _VEIL.said(text)[:LONGEST]


def name_of(error: Mapping[str, Any]) -> str:
    """Return what one error is called; of a type that nobody knows, the words that are known."""
    named = str(error.get("constant") or error.get("errorType") or "unknown error")
    return name_of_type(named)
