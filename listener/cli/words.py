"""What was parsed and what was explained, in plain English lines.

Pure: takes the public shape of `listener parse --json` and catalogue entries, returns lines.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from listener.finesse import catalogue, uris
from listener.finesse.model import ApiError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_DIALOGS = {"POST": "was added", "DELETE": "was removed", "PUT": "changed", None: "as it is"}


def of_parsed(found: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines about one input."""
    updates = found.get("updates") or ()
    yield f"{found['file']}: {_what(found)}"
    if found.get("problem") and updates:
        yield f"  what could be read ({len(updates)}):"
    for note in found.get("notes") or ():
        yield f"  {note}"
    for number, update in enumerate(updates, start=1):
        if len(updates) > 1:
            yield f"  {number} of {len(updates)}:"
        for line in _of_update(update):
            yield f"  {line}"


def _what(found: Mapping[str, Any]) -> str:
    if found.get("problem"):
        return f"not understood: {found['problem']}"
    count = len(found.get("updates") or ())
    if not count:
        return "nothing that Finesse published, but this"
    form = {"stanza": "a stanza", "update": "an update", "body": "a REST body"}.get(
        str(found.get("form")), "something unknown"
    )
    if count == 1:
        return form
    return f"{form} with {count} updates" if found.get("form") == "stanza" else f"{count} updates"


def _of_update(update: Mapping[str, Any]) -> Iterator[str]:
    yield _head(update)
    yield from _meaning(update)
    for error in update.get("errors") or ():
        yield from _of_error(error, update.get("node") or update.get("source"))
    if not _is_request(update):
        for dialog in update.get("dialogs") or ():
            yield from of_dialog(dialog, update.get("event"))
        if user := update.get("user"):
            yield of_user(user)
    if info := update.get("systemInfo"):
        yield f"Finesse is {info.get('status') or 'without a status'}"
    for note in update.get("notes") or ():
        yield f"note: {note}"


def _head(update: Mapping[str, Any]) -> str:
    owner = uris.place(update.get("node")).user
    parts = [
        str(update.get("kind") or "other"),
        f"event {update['event']}" if update.get("event") else "",
        f"on the node of {owner}" if owner else "",
        f"about {update['source']}" if update.get("source") else "",
        f"requestId {update['requestId']}" if update.get("requestId") else "",
    ]
    return ", ".join(part for part in parts if part)


def _meaning(update: Mapping[str, Any]) -> Iterator[str]:
    """Yield what this update is and who caused it, in sentences."""
    owner = uris.place(update.get("node")).user
    where = f" on the node of agent {owner}" if owner else ""
    if not update.get("event"):
        if not _is_request(update):
            yield _ANSWERS.get(str(update.get("kind")), _ANSWER)
        return
    what = _NOTICES.get(str(update.get("kind")), "a notification")
    yield f"this is {what}{where}"
    if update.get("errors"):
        yield "Finesse had taken the request (202) and refused it then"
    if request := update.get("requestId"):
        yield f"the request with requestId {request} caused it, says Finesse" + (
            "" if update.get("errors") else "; the id alone does not prove that it was done"
        )
    elif update.get("errors"):
        yield "it does not say which request caused it: one that was open there then"
    elif update.get("dialogs") or update.get("user"):
        yield "no requestId: the phone, another client or the call itself may have caused it"


def _is_request(update: Mapping[str, Any]) -> bool:
    return any(note.startswith("this is a request") for note in update.get("notes") or ())


_NOTICES = {
    "dialogs": "a notification about the agent's list of calls",
    "dialog": "a notification about a call",
    "user": "a notification about an agent's state",
    "errors": "an error that came as a notification",
    "systemInfo": "a notification about the state of Finesse",
    "team": "a notification about a team",
    "queue": "a notification with the statistics of a queue",
    "queues": "a notification about an agent's queues",
    "media": "a notification about a media domain",
    "empty": "a notification without data",
}
_ANSWER = "this is what REST answers, or a piece of a notification"
_ANSWERS = {
    "errors": "this is a REST answer (or a piece of a notification) that refuses a request",
    "dialogs": "this is REST's list of an agent's calls, as they were then",
    "dialog": "this is a call as REST shows it, as it was then",
    "user": "this is an agent as REST shows it, as it was then",
    "empty": "this is an update without event and data",
}


def of_dialog(dialog: Mapping[str, Any], event: str | None) -> Iterator[str]:
    """Yield the lines about a dialog; `event` is POST, PUT, DELETE or None."""
    parties = f"{dialog.get('fromAddress') or '?'} -> {dialog.get('toAddress') or '?'}"
    did = _DIALOGS.get(event, "")
    yield f"dialog {dialog.get('id') or '?'} {did}: {dialog.get('state') or 'no state'}, {parties}"
    for party in dialog.get("participants") or ():
        cause = f" ({party['stateCause']})" if party.get("stateCause") else ""
        actions = ", ".join(party.get("actions") or ())
        may = f", may {actions}" if actions else ""
        yield f"  {party.get('mediaAddress') or '?'} {party.get('state') or 'no state'}{cause}{may}"


def of_user(user: Mapping[str, Any]) -> str:
    """Return the line about a user."""
    name = user.get("loginId") or user.get("loginName") or "?"
    pending = f", then {user['pendingState']}" if user.get("pendingState") else ""
    at = f" at extension {user['extension']}" if user.get("extension") else ""
    return f"agent {name} is {user.get('state') or 'without a state'}{pending}{at}"


def _of_error(error: Mapping[str, Any], node: str | None) -> Iterator[str]:
    said = ", ".join(
        str(error[key])
        for key in ("errorType", "errorData", "errorMessage", "peripheralErrorText")
        if error.get(key)
    )
    yield f"refused: {said or 'an error without words'}"
    known = explained(error, node)
    if known.meaning:
        yield f"  meaning: {known.meaning}"
    if known.advice:
        yield f"  what to do: {known.advice}"


def explained(error: Mapping[str, Any], node: str | None = None) -> catalogue.Explanation:
    """Return what the catalogue knows about an error in its JSON shape, heard on that node."""
    known = ApiError(
        error_type=error.get("errorType"),
        error_message=error.get("errorMessage"),
        error_data=error.get("errorData"),
        error_media=error.get("errorMedia"),
        peripheral_error_code=error.get("peripheralErrorCode"),
        peripheral_error_msg=error.get("peripheralErrorMsg"),
        peripheral_error_text=error.get("peripheralErrorText"),
    )
    return catalogue.explain(known, node=node)


def of_entry(entry: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines about one entry of the error catalogue, in its JSON shape."""
    constant = f" {entry['constant']}" if entry["constant"] else ""
    yield f"{entry['family']} {entry['code']}{constant}: {entry['meaning']}"
    if entry["advice"]:
        yield f"  what to do: {entry['advice']}"
