"""Events in the words of the local API's stream (docs/api.md): their names and their JSON.

Knows what an event is called and what of it is told; who reads it, and when, is `chronicle`'s.
"""

from __future__ import annotations

from typing import Any

from listener.finesse.events import (
    DialogAdded,
    DialogChanged,
    DialogRemoved,
    Event,
    RequestFailed,
    SystemInfoChanged,
    UserChanged,
)
from listener.finesse.parsed import dialog_json, user_json
from listener.report import errors_json

_CHANGES = {DialogAdded: "added", DialogChanged: "changed", DialogRemoved: "removed"}


def kind_of(event: Event) -> str:
    """Return "dialog", "user", "error", "system" or "other"; the stream has the first three."""
    if isinstance(event, DialogAdded | DialogChanged | DialogRemoved):
        return "dialog"
    if isinstance(event, UserChanged):
        return "user"
    if isinstance(event, RequestFailed):
        return "error"
    return "system" if isinstance(event, SystemInfoChanged) else "other"


def dialog_of(event: Event) -> str | None:
    """Return the id of the dialog that an event is about, None where it is about none."""
    return getattr(event, "dialog_id", None)


def event_json(event: Event, deployment: str | None) -> dict[str, Any]:
    """Return what the stream says about a dialog, user or error event."""
    heard: dict[str, Any] = {
        "agent": event.owner,
        "node": event.node,
        "itemId": event.item_id,
        "requestId": event.request_id,
    }
    if isinstance(event, DialogAdded | DialogChanged | DialogRemoved):
        change = _CHANGES[type(event)]
        return {
            **heard,
            "dialogId": event.dialog_id,
            "change": change,
            "dialog": dialog_json(event.dialog),
        }
    if isinstance(event, UserChanged):
        return {**heard, "user": user_json(event.user)}
    if isinstance(event, RequestFailed):
        errors = errors_json(event.errors, None, deployment)
        return {**heard, "dialogId": event.dialog_id, "errors": errors}
    return heard
