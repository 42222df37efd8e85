"""Entries <-> lines of JSON. Raises Unreadable for what is none; knows no file.

A line is one object: `at`, `now`, `wall`, `dir`, `what`, then the fields of the entry. What a later
version added to a line is ignored; a kind of line that is not known is passed over by `reading`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields
from functools import cache
from typing import Any, cast, get_type_hints

from listener.correlation.outcome import (
    Abandoned,
    Confirmed,
    Failed,
    Outcome,
    Presumed,
    Rejected,
    Unconfirmed,
)
from listener.finesse import events
from listener.finesse.actions import ACTIONS, key_of
from listener.finesse.actions.other import OTHER, OtherRequest
from listener.finesse.actions.request import Request
from listener.journal.codec import Undecodable, decode, encode
from listener.transcript.entries import KINDS, Entry, Header

_OUTCOMES: dict[str, type[Outcome]] = {
    each.kind: each for each in (Confirmed, Presumed, Failed, Rejected, Unconfirmed, Abandoned)
}
_EVENTS: dict[str, type[Any]] = {
    each.__name__: each
    for each in (
        events.DialogAdded,
        events.DialogChanged,
        events.DialogRemoved,
        events.UserChanged,
        events.RequestFailed,
        events.SystemInfoChanged,
        events.OtherUpdate,
    )
}


class Unreadable(ValueError):
    """A line that is none of a transcript; says why, and repeats nothing of what it held."""


class Unknown(Unreadable):
    """A kind of line that this version does not know."""


def told(entry: Header | Entry) -> dict[str, Any]:
    """Return the fields of an entry as JSON."""
    return {name: write(getattr(entry, name)) for name, write, _ in _plan(cast("Any", type(entry)))}


def understood(what: str, data: dict[str, Any]) -> Header | Entry:
    """Return the entry that `told` made `data` of. Raises Unreadable."""
    kind: Any = Header if what == Header.what else KINDS.get(what)
    if kind is None:
        raise Unknown("a kind of line that is not known here")
    try:
        found = {name: read(data[name]) for name, _, read in _plan(kind) if name in data}
        return cast("Header | Entry", kind(**found))
    except (ValueError, KeyError, AttributeError, RecursionError) as problem:
        raise Unreadable(f"{what}: {_words(problem)}") from None
    except TypeError:
        raise Unreadable(f"{what}: a field is missing") from None


def _words(problem: Exception) -> str:
    return str(problem) if isinstance(problem, Undecodable) else "its fields do not fit together"


def object_of(text: str | bytes) -> dict[str, Any]:
    """Return the JSON object of one line. Raises Unreadable."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise Unreadable("no JSON") from None
    if not isinstance(found, dict) or not isinstance(found.get("what"), str):
        raise Unreadable("no line of a transcript")
    return found


@cache
def _plan(kind: Any) -> tuple[tuple[str, Callable[[Any], Any], Callable[[Any], Any]], ...]:
    """Return the fields of a kind of entry, each with what writes and what reads it."""
    hints = get_type_hints(kind)
    return tuple((each.name, *_ways(hints[each.name])) for each in fields(kind))


def _ways(hint: Any) -> tuple[Callable[[Any], Any], Callable[[Any], Any]]:
    if hint is Request:
        return _request_told, _request
    if hint == Outcome:
        return _outcome_told, _outcome
    if hint == events.Event:
        return _event_told, _event
    return encode, lambda data: decode(hint, data)


def _request_told(request: Request) -> dict[str, Any]:
    return {"action": key_of(request), **encode(request)}


def _request(data: Any) -> Request:
    data = dict(data)
    action = data.pop("action")
    kind: Any = OtherRequest if action == OTHER else ACTIONS[action]
    found: Request = decode(kind, data)
    return found


def _outcome_told(outcome: Outcome) -> dict[str, Any]:
    return {"kind": outcome.kind, **encode(outcome)}


def _outcome(data: Any) -> Outcome:
    found: Outcome = decode(cast("Any", _OUTCOMES[data["kind"]]), data)
    return found


def _event_told(event: events.Event) -> dict[str, Any]:
    return {"event": type(event).__name__, **encode(event)}


def _event(data: Any) -> events.Event:
    found: events.Event = decode(_EVENTS[data["event"]], data)
    return found
