"""Updates as JSON: what `listener parse --json` prints, and the shapes the HTTP API shares.

Knows Finesse's element names and plain dicts, lists and strings; knows nothing of XML (that is
`wire`) and of files. Values are text, trimmed of surrounding white space here and nowhere else. An
element that was absent is None or left out, an empty one is "".
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TypeAlias

from listener.errors import MalformedUpdate
from listener.finesse.model import (
    ApiError,
    Branch,
    Dialog,
    Kind,
    MediaProperties,
    Notification,
    Participant,
    ReasonCode,
    ScheduledCallbackInfo,
    Tree,
    Update,
    User,
)
from listener.finesse.pasted import Piece, asked_in, problem_of, read_pasted
from listener.finesse.sealed import Sealed
from listener.finesse.wire import Document, read_document

Json: TypeAlias = "str | bool | list[Json] | dict[str, Json] | None"
Object: TypeAlias = dict[str, Json]


def to_json(file: str, document: bytes) -> Object:
    """Return the line of `listener parse --json` for one document; never raises.

    `file` is the path as given, "-" for standard input. A document that is one stanza, update or
    body is read as such; of anything else, what can be found in it (see `pasted`).
    """
    found = read_document(document)
    problem = _problem(found)
    if found.form == "unknown" and not _for_good(found, document):
        pieces = read_pasted(document)
        if not _stands_alone(document) or any(_understood(piece) for piece in pieces):
            return _pasted(file, pieces)
    asked = asked_in(document) if found.form == "body" else None
    updates: list[Json] = []
    for notification, update in found.notifications:
        if isinstance(update, Update):
            noted = replace(update, notes=(*update.notes, asked)) if asked else update
            updates.append(update_json(noted, notification))
    return _line(file, problem, found.form, updates)


def _for_good(found: Document, document: bytes) -> bool:
    """Say whether a document is refused as a whole, so that nothing is looked for in it."""
    reason = next((u.reason for _, u in found.notifications if isinstance(u, MalformedUpdate)), "")
    declared = reason == "encoding" and document.lstrip(_BLANK).startswith(b"<?xml")
    return declared or reason in {"dtd", "entity", "too_big"}


def _line(
    file: str, problem: str | None, form: str, updates: list[Json], notes: list[Json] | None = None
) -> Object:
    line: Object = {
        "file": file,
        "ok": problem is None,
        "problem": problem,
        "form": form,
        "updates": updates,
    }
    if notes:
        line["notes"] = notes
    return line


def _stands_alone(document: bytes) -> bool:
    """Say whether a document is meant as XML and nothing else, so that its reader's words fit."""
    return document.lstrip(_BLANK)[:1] in {b"<", b""}


def _understood(piece: Piece) -> bool:
    return isinstance(piece.outcome, Update) or piece.note is not None


_BLANK = b" \t\r\n\xef\xbb\xbf\xff\xfe\0"


def _pasted(file: str, pieces: list[Piece]) -> Object:
    """Return the line for a document that holds pieces among other things."""
    updates: list[Json] = []
    notes: list[Json] = []
    for piece in pieces:
        if isinstance(piece.outcome, Update):
            updates.append(update_json(piece.outcome, piece.notification))
        elif piece.note is not None:
            notes.append(f"line {piece.place[0]}: {piece.note}")
    forms = [p.form for p in pieces if isinstance(p.outcome, Update)]
    forms += [p.form for p in pieces if p.note is not None and p.form]
    problem = problem_of(pieces)
    return _line(file, problem, forms[0] if forms else "unknown", updates, notes)


def _problem(found: Document) -> str | None:
    """Say in one sentence what could not be read, and where."""
    count = len(found.notifications)
    for number, (notification, update) in enumerate(found.notifications, start=1):
        if isinstance(update, MalformedUpdate):
            where = "the document" if notification is None else f"item {number} of {count}"
            return f"{where[:1].upper()}{where[1:]} could not be read: {update}."
    return None


def update_json(update: Update, notification: Notification | None = None) -> Object:
    """Return one update, with where it came from when that is known."""
    came = notification or Notification("", "")
    shown: Object = {
        "node": _text(came.node) or None,
        "itemId": _text(came.item_id),
        "from": _text(came.sender),
        "to": _text(came.recipient),
        "event": _text(update.event),
        "requestId": _text(update.request_id),
        "source": _text(update.source),
        "kind": update.kind.value,
        **_content(update),
    }
    if update.notes:
        shown["notes"] = list(update.notes)
    return shown


def _content(update: Update) -> Object:
    if update.kind in {Kind.DIALOGS, Kind.DIALOG}:
        return {"dialogs": [dialog_json(each) for each in update.dialogs]}
    if update.kind is Kind.ERRORS:
        return {"errors": [error_json(each) for each in update.errors]}
    if update.kind is Kind.EMPTY:
        return {}
    if update.kind is Kind.USER:
        return {"user": None if update.user is None else user_json(update.user)}
    if update.kind is Kind.QUEUES:
        return {"queues": _listed(update.tree.get("Queue", ()))}
    return {update.kind.value: tree_json(update.tree)}


def dialog_json(dialog: Dialog) -> Object:
    """Return a dialog by Finesse's names."""
    callback = dialog.scheduled_callback_info
    return {
        "id": _text(dialog.id),
        "uri": _text(dialog.uri),
        "state": _text(dialog.state),
        "mediaType": _text(dialog.media_type),
        "fromAddress": _text(dialog.from_address),
        "toAddress": _text(dialog.to_address),
        "associatedDialogUri": _text(dialog.associated_dialog_uri),
        "secondaryId": _text(dialog.secondary_id),
        "callbackNumber": _text(dialog.callback_number),
        "ccaiConfigId": _text(dialog.ccai_config_id),
        "scheduledCallbackInfo": None if callback is None else _callback_json(callback),
        "mediaProperties": _media_json(dialog.media_properties),
        "participants": [_participant_json(each) for each in dialog.participants],
    }


def _callback_json(callback: ScheduledCallbackInfo) -> Object:
    return {
        "callbackTime": _text(callback.callback_time),
        "callbackNumber": _text(callback.callback_number),
    }


def _media_json(media: MediaProperties) -> Object:
    variables: Object = {}
    for name, value in media.call_variables:
        variables.setdefault(name.strip(), _text(value))  # the first of a name counts
    return {
        "mediaId": _text(media.media_id),
        "callType": _text(media.call_type),
        "DNIS": _text(media.dnis),
        "dialedNumber": _text(media.dialed_number),
        "outboundClassification": _text(media.outbound_classification),
        "wrapUpReason": _text(media.wrap_up_reason),
        "wrapUpItems": _texts(media.wrap_up_items),
        "queueNumber": _text(media.queue_number),
        "queueName": _text(media.queue_name),
        "callKeyCallId": _text(media.call_key_call_id),
        "callKeyPrefix": _text(media.call_key_prefix),
        "callKeySequenceNum": _text(media.call_key_sequence_num),
        "callvariables": variables,
    }


def _participant_json(party: Participant) -> Object:
    return {
        "mediaAddress": _text(party.media_address),
        "mediaAddressType": _text(party.media_address_type),
        "state": _text(party.state),
        "stateCause": _text(party.state_cause),
        "startTime": _text(party.start_time),
        "stateChangeTime": _text(party.state_change_time),
        "actions": _texts(party.actions),
    }


def user_json(user: User) -> Object:
    """Return a user by Finesse's names: the known ones always, the others as they were sent."""
    named: Object = {
        "dialogs": _text(user.dialogs),
        "extension": _text(user.extension),
        "firstName": _text(user.first_name),
        "lastName": _text(user.last_name),
        "loginId": _text(user.login_id),
        "loginName": _text(user.login_name),
        "mediaType": _text(user.media_type),
        "pendingState": _text(user.pending_state),
        "reasonCodeId": _text(user.reason_code_id),
        "reasonCode": None if user.reason_code is None else _reason_json(user.reason_code),
        "roles": _texts(user.roles),
        "state": _text(user.state),
        "stateChangeTime": _text(user.state_change_time),
        "teamId": _text(user.team_id),
        "teamName": _text(user.team_name),
        "uri": _text(user.uri),
        "wrapUpTimer": _text(user.wrap_up_timer),
    }
    return {**tree_json(user.tree), **named}


def _reason_json(reason: ReasonCode) -> Object:
    return {
        "category": _text(reason.category),
        "code": _text(reason.code),
        "forAll": _text(reason.for_all),
        "id": _text(reason.id),
        "label": _text(reason.label),
        "uri": _text(reason.uri),
    }


def error_json(error: ApiError) -> Object:
    """Return an error by the names of notifications, also when it came from REST."""
    return {
        "errorData": _text(error.error_data),
        "errorMessage": _text(error.error_message),
        "errorType": _text(error.error_type),
        "errorMedia": _text(error.error_media),
        "peripheralErrorCode": _text(error.peripheral_error_code),
        "peripheralErrorMsg": _text(error.peripheral_error_msg),
        "peripheralErrorText": _text(error.peripheral_error_text),
    }


def tree_json(tree: Tree) -> Object:
    """Return a tree as nested objects; a collection (`teams/Team`) is always a list.

    What is called a password or the like is hidden: nothing of Finesse's has one, a paste may.
    """
    return {
        name: _HIDDEN if _SECRET.search(name) else _branch_json(value, name)
        for name, value in tree.items()
    }


_SECRET = re.compile(r"passw|secret|token|authori[sz]ation|cookie|credential", re.IGNORECASE)
_HIDDEN = "***"


def _branch_json(value: Branch, name: str) -> Json:
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, tuple):
        return [_branch_json(each, name) for each in value]
    if len(value) == 1:
        (child, inside), *_ = value.items()
        if f"{child}s".lower() == name.lower():
            return _listed(inside)
    return tree_json(value)


def _listed(value: Branch) -> list[Json]:
    each = value if isinstance(value, tuple) else (value,)
    return [_branch_json(one, "") for one in each]


def _text(value: str | None) -> str | None:
    if type(value) is str:  # nearly always, and fifty times for each call that is told
        return value.strip()
    # What the journal kept as a hash is not known any more, and a hash is nobody's value.
    return None if value is None or isinstance(value, Sealed) else value.strip()


def _texts(values: tuple[str, ...]) -> list[Json]:
    return [_text(value) for value in values]
