"""What a request's body asks for, and what would prove that it was done (docs/outcomes.md).

Knows bodies as elements; knows neither who sent them nor what came of them. Digits, numbers that
are dialled and values of call variables are not repeated.
"""

from __future__ import annotations

from listener.errors import MalformedUpdate
from listener.finesse.body import Element
from listener.finesse.wire import read_element

_NEW_CALL = "a new dialog that is ALERTING or ACTIVE; INITIATING proves nothing"
_STATE = "a notification of the user with that state, or with it as pendingState"
_PROOFS = {
    "MAKE_CALL": _NEW_CALL,
    "CONSULT_CALL": _NEW_CALL,
    "ANSWER": "the own participant ACTIVE",
    "HOLD": "the own participant HELD, while the dialog stays ACTIVE",
    "RETRIEVE": "the own participant ACTIVE",
    "DROP": "the own participant DROPPED or WRAP_UP, or the dialog's DELETE after that",
    "TRANSFER": "both dialogs gone, one DELETE with the requestId",
    "CONFERENCE": "one dialog left, with all parties in it",
    "TRANSFER_SST": "the own participant leaves with the requestId",
    "SEND_DTMF": "nothing: silence is its normal answer, only an error would be heard",
    "START_RECORDING": "nothing: silence is its normal answer, only an error would be heard",
    "UPDATE_CALL_DATA": "a notification of the dialog with all the values that were asked for;"
    " equal values cause none",
    "SILENT_MONITOR": "a new dialog of the supervisor, ACTIVE",
    "BARGE_CALL": "the supervisor ACTIVE in the dialog",
    "PARTICIPANT_DROP": "that party DROPPED, or no longer listed",
    "RECLASSIFY": "the call variable BAResponse with that value",
    "UPDATE_SCHEDULED_CALLBACK": "scheduledCallbackInfo as asked",
    "CANCEL_SCHEDULED_CALLBACK": "scheduledCallbackInfo empty",
    "ACCEPT": "the participant ACCEPTED",
    "CLOSE": "a DELETE of the dialog",
    "REJECT": "a DELETE of the dialog",
    "START": "the task ACTIVE",
    "PAUSE": "the task PAUSED",
    "RESUME": "the task ACTIVE",
    "WRAP_UP": "the task WRAPPING_UP",
}
_STATES = frozenset({"READY", "NOT_READY", "LOGIN", "LOGOUT", "WORK", "WORK_READY"})
_LONGEST = 80_000  # a request is small; an answer with the same root need not be read twice
# What a user who is told of has, and one who is asked for has not.
_TOLD = frozenset({"loginName", "stateChangeTime", "uri", "roles", "teamId", "dialogs"})


def asked_in(document: bytes) -> str | None:
    """Return the sentence about a request's body as it was in a file; None for anything else."""
    return what_is_asked(document.decode("utf-8-sig", "replace"))


def what_is_asked(body: str) -> str | None:
    """Return the sentence about a request's body; None for a body that asks for nothing."""
    if len(body) > _LONGEST or ("requestedAction" not in body and "<state" not in body):
        return None
    try:
        root = read_element(body)
    except MalformedUpdate:
        return None
    action = _action(root)
    if action is None:
        return None
    given = (root.only_text(tag) for tag in ("targetMediaAddress", "fromAddress", "extension"))
    acting = next((text.strip() for text in given if text), "")
    whose = f" for extension {acting}" if acting.isalnum() else ""
    proof = _STATE if root.tag == "User" else _PROOFS.get(action, "an event with its requestId")
    return f"this is a request, {action}{whose}; what would prove it done: {proof}"


def _action(root: Element) -> str | None:
    if root.tag == "Dialog":
        return _word(root.only_text("requestedAction"))
    if root.tag == "User" and not isinstance(root.content, str):
        if _TOLD & {child.tag for child in root.content}:
            return None
        state = _word(root.only_text("state"))
        return state if state in _STATES else None
    return None


def _word(text: str | None) -> str | None:
    word = (text or "").strip()
    return word if word and word.replace("_", "").isalnum() and word.isascii() else None
