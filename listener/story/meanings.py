"""What the words of an outcome say, and what would prove each action (docs/outcomes.md).

Sentences alone; knows no story.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from listener.correlation.outcome import Evidence, Reason

HOW: Mapping[str, str] = MappingProxyType(
    {
        Evidence.REQUEST_ID: "Finesse tied it to this request by its id",
        Evidence.EXPECTATION: "the change asked for was seen; who caused it is not said",
        Evidence.SOLE_PENDING: "an error without an id fits this request alone",
        Evidence.SNAPSHOT: "a GET showed it; who caused it is not said",
    }
)
WHY: Mapping[str, str] = MappingProxyType(
    {
        Reason.DEADLINE: "nothing that proves it was heard in time",
        Reason.LINK_LOST: "the link was lost while waiting, and the answer may have gone with it",
        Reason.AMBIGUOUS: "what was heard fits more than one request",
        Reason.NO_ANSWER: "Finesse did not answer the request itself",
        Reason.DIALOG_ENDED: "the dialog ended, which does not say why",
        Reason.RESTARTED: "this program was restarted while waiting",
        Reason.WEAK: "what was heard is weaker evidence than was asked for",
        Reason.NOT_REPORTED: "whether it was sent was never reported",
        Reason.NOT_SENT: "nothing left this machine",
        Reason.EXPIRED_IN_QUEUE: "until the deadline it waited for its turn or a way to Finesse;"
        " it was not sent",
        Reason.CANCELLED: "it was cancelled before it was sent",
        Reason.SHUTDOWN: "this program is stopping",
        Reason.CALLER: "the caller stopped waiting",
    }
)

_CALL = "a new dialog to the number asked for, ALERTING or ACTIVE"
PROOF: Mapping[str, str] = MappingProxyType(
    {
        "MAKE_CALL": _CALL,
        "CONSULT_CALL": f"{_CALL}, that belongs to this call",
        "ANSWER": "the own participant ACTIVE",
        "HOLD": "the own participant HELD",
        "RETRIEVE": "the own participant ACTIVE again",
        "DROP": "the own participant DROPPED or WRAP_UP",
        "TRANSFER": "both dialogs gone and one of the two ends with the request's id, or the call"
        " that is left without this agent",
        "CONFERENCE": "one call that is left, with this agent ACTIVE and both others in it",
        "TRANSFER_SST": "this agent leaving with the request's id, or the call at its destination",
        "SEND_DTMF": "a notification with the request's id and no error (silence is normal)",
        "START_RECORDING": "a notification with the request's id and no error (silence is normal)",
        "UPDATE_CALL_DATA": "every value asked for, in a notification since the request",
        "SILENT_MONITOR": "a dialog of call type SUPERVISOR_MONITOR to that agent, ACTIVE",
        "BARGE_CALL": "the supervisor as an ACTIVE party of the agent's call",
        "PARTICIPANT_DROP": "that party DROPPED or no longer in the call",
        "ACCEPT": "the own participant ACCEPTED",
        "CLOSE": "the end of the reservation with the request's id",
        "REJECT": "the end of the reservation with the request's id",
        "RECLASSIFY": "the value in BAResponse",
        "UPDATE_SCHEDULED_CALLBACK": "the callback in scheduledCallbackInfo",
        "CANCEL_SCHEDULED_CALLBACK": "an empty scheduledCallbackInfo that was not empty before",
        "READY": "the agent READY, or READY as pendingState",
        "NOT_READY": "the agent NOT_READY, or NOT_READY as pendingState",
        "WORK": "the agent in WORK, or WORK as pendingState",
        "LOGIN": "the agent NOT_READY at the extension asked for",
        "LOGOUT": "the agent LOGOUT",
    }
)
EFFECT: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "ANSWER": frozenset({"ACTIVE"}),
        "RETRIEVE": frozenset({"ACTIVE"}),
        "HOLD": frozenset({"HELD"}),
        "DROP": frozenset({"DROPPED", "WRAP_UP"}),
    }
)
"""States of the own participant that some actions ask for."""
REPEAT: Mapping[str | None, str] = MappingProxyType(
    {
        "confirmed": "no need to send it again",
        "presumed": "do not send it again",
        "failed": "it did not do what was asked: look at the call first",
        "rejected": "sending it again is safe",
        "unconfirmed": "it may have happened: look before sending it again",
        "abandoned": "it may have happened: look before sending it again",
        None: "it is still open: do not send it again",
    }
)
STATUS: Mapping[int, str] = MappingProxyType(
    {
        200: "done",
        202: "taken, not done: the real answer comes as a notification",
        400: "refused: the request cannot be carried out as it is",
        401: "refused: not signed in as that user, or (Invalid State) the participant is on hold",
        403: "refused: not allowed",
        404: "refused: Finesse does not know that dialog or user",
        408: "no answer in time: it may have happened",
        500: "Finesse failed: it may have happened",
        501: "refused: this deployment does not have that API",
        502: "something before Finesse failed: it may have happened",
        503: "Finesse is out of service, partial, or starting",
        504: "something before Finesse waited in vain: it may have happened",
    }
)


def why(reason: str, *, stayed: bool = False) -> str | None:
    """Return what a reason says. `stayed`: its turn is known to have come, and nothing of it left.

    None for a reason that is not known here.
    """
    if stayed and reason == Reason.EXPIRED_IN_QUEUE:
        return "its turn had come, but no way to Finesse was free in time; it was not sent"
    return WHY.get(reason)


def of_status(status: int | None) -> str:
    """Return what an HTTP status of Finesse means for a request."""
    if status is None:
        return "no answer"
    return STATUS.get(status, "an answer that Finesse does not document")
