"""Events and requests of the daemon, in plain English lines.

Pure: takes the JSON of docs/api.md, returns lines. Takes what a newer daemon leaves out or adds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from listener.cli import words
from listener.cli.describe import describe, of_error

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_VERBS = {"added": "POST", "changed": "PUT", "removed": "DELETE"}


def of_event(name: str, data: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines about one event, the first with its time and kind."""
    first, *others = _LINES.get(name, _other)(data)
    yield f"{data.get('at') or '-'} {name}: {first}"
    yield from (f"  {line}" for line in others)


def _dialog(data: Mapping[str, Any]) -> Iterator[str]:
    dialog = data.get("dialog") or {}
    head, *parties = words.of_dialog(dialog, _VERBS.get(str(data.get("change"))))
    yield f"{head}, heard for agent {data.get('agent')}{_tagged(data)}"
    yield from parties


def _user(data: Mapping[str, Any]) -> Iterator[str]:
    yield words.of_user(data.get("user") or {}) + _tagged(data)


def _error(data: Mapping[str, Any]) -> Iterator[str]:
    about = f" on dialog {data['dialogId']}" if data.get("dialogId") else ""
    yield f"an error for agent {data.get('agent')}{about}{_tagged(data)}"
    for error in data.get("errors") or ():
        yield from of_error(error)


def _tagged(data: Mapping[str, Any]) -> str:
    return f", requestId {data['requestId']}" if data.get("requestId") else ""


def _request(data: Mapping[str, Any]) -> Iterator[str]:
    yield f"{of_request(data)}: {_standing(data)}, id {data.get('id')}"


def of_request(data: Mapping[str, Any]) -> str:
    """Return what a request asks for, in a few words."""
    about = f" on dialog {data['dialogId']}" if data.get("dialogId") else ""
    return f"{data.get('requestedAction')} of agent {data.get('agent')}{about}"


def _standing(data: Mapping[str, Any]) -> str:
    outcome = data.get("outcome")
    if not outcome:
        return str(data.get("state"))
    why = outcome.get("evidence") or outcome.get("reason")
    late = f", {len(data['late'])} heard late" if data.get("late") else ""
    return f"{outcome.get('kind')}{f' ({why})' if why else ''}{late}"


def of_resource(data: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines about one request: what was asked, when, and what came of it."""
    yield f"{data['id']}: {of_request(data)}"
    yield f"  requestId {data['requestId']}, asked by {data.get('askedBy') or 'nobody known'}"
    times = ("submitted", "sent", "answered", "settled")
    yield "  " + ", ".join(f"{name} {data[name]}" for name in times if data.get(name))
    if outcome := data["outcome"]:
        yield from (f"  {line}" for line in describe(outcome, data["requestedAction"]))
    else:
        yield f"  it is {data['state']}"
    for late in data.get("late") or ():
        yield f"  heard late, at {late['at']:.2f} s: {late['kind']} {late['detail']}".rstrip()


def _session(data: Mapping[str, Any]) -> Iterator[str]:
    where = f" on {data['node']}" if data.get("node") else ""
    why = f": {data['lastError']}" if data.get("lastError") and not data.get("live") else ""
    yield f"the session of agent {data.get('id')} is {data.get('state')}{where}{why}"


def _gap(data: Mapping[str, Any]) -> Iterator[str]:
    if data.get("until"):
        since = f" since {data['from']}" if data.get("from") else ""
        yield f"events of agent {data.get('agent')} are heard again; some may be lost{since}"
    else:
        cause = f" ({data['cause']})" if data.get("cause") else ""
        yield f"events of agent {data.get('agent')} may be lost from now on{cause}"


def _lagged(data: Mapping[str, Any]) -> Iterator[str]:
    yield f"this reader was {data.get('behind', 'many')} events behind and was cut off"


def _reset(data: Mapping[str, Any]) -> Iterator[str]:
    yield str(data.get("reason") or "events before this one are not kept")


def _other(data: Mapping[str, Any]) -> Iterator[str]:
    yield ", ".join(f"{name} {value}" for name, value in data.items() if name != "at") or "no words"


_LINES = {
    "dialog": _dialog,
    "user": _user,
    "error": _error,
    "request": _request,
    "session": _session,
    "gap": _gap,
    "lagged": _lagged,
    "reset": _reset,
}
