"""The judge's own table: how long each action waits, whom it keeps off, which GET can tell.

Written from the rules of evidence (the numbers are those of their sections) and from the protocol's
tables, without the program that is judged: a request that says of itself that it waits shorter, or
keeps nobody off its device, is found out. Times in seconds.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from listener.finesse import actions as do

if TYPE_CHECKING:
    from tests.oracle.account import Asked

USUAL = 20.0
"""A CTI server may take 10 to 15 s to answer (protocol 3), so that less would be a guess."""
NEVER_REPORTED = 60.0
"""What the caller announced and never reported: from registration (8)."""
WINDOW, PER_DIGIT = 5.0, 0.3
"""Of SEND_DTMF, and of START_RECORDING, which is presumed alike (6.6, 6.8)."""


class Hold(Enum):
    """How long a request keeps others off its device (9)."""

    SETTLED = "settled"  # it changes the call's state
    ANSWERED = "answered"  # it leaves the gate at its 202
    WINDOW = "window"  # DTMF: for its window at most, and other DTMF may pass
    NEVER = "never"  # no device's business: the agent's state, tasks


class Get(Enum):
    """What a GET can tell (7)."""

    NOTHING = "nothing"
    DIALOG = "dialog"
    LIST = "list"  # the agent's dialogs
    USER = "user"
    ABSENCE = "absence"  # DROP alone: two that agree


class Row(NamedTuple):
    """One action's."""

    hold: Hold
    get: Get
    deadline: float = USUAL


_TABLE: dict[type[do.Request], Row] = {
    do.MakeCall: Row(Hold.SETTLED, Get.LIST),
    do.ConsultCall: Row(Hold.SETTLED, Get.LIST),
    do.Answer: Row(Hold.SETTLED, Get.DIALOG),
    do.Hold: Row(Hold.SETTLED, Get.DIALOG),
    do.Retrieve: Row(Hold.SETTLED, Get.DIALOG),
    do.Drop: Row(Hold.SETTLED, Get.ABSENCE),
    do.Transfer: Row(Hold.SETTLED, Get.LIST),
    do.Conference: Row(Hold.SETTLED, Get.LIST),
    do.TransferSst: Row(Hold.SETTLED, Get.LIST),
    do.SilentMonitor: Row(Hold.SETTLED, Get.LIST),
    do.BargeCall: Row(Hold.SETTLED, Get.LIST),
    do.ParticipantDrop: Row(Hold.SETTLED, Get.DIALOG),
    do.PreviewAccept: Row(Hold.SETTLED, Get.DIALOG),
    do.PreviewClose: Row(Hold.SETTLED, Get.NOTHING),
    do.PreviewReject: Row(Hold.SETTLED, Get.NOTHING),
    do.SendDtmf: Row(Hold.WINDOW, Get.NOTHING, WINDOW),
    do.StartRecording: Row(Hold.ANSWERED, Get.NOTHING, WINDOW),
    do.UpdateCallData: Row(Hold.ANSWERED, Get.DIALOG),
    do.Reclassify: Row(Hold.ANSWERED, Get.DIALOG),
    do.UpdateScheduledCallback: Row(Hold.ANSWERED, Get.DIALOG),
    do.CancelScheduledCallback: Row(Hold.ANSWERED, Get.DIALOG),
    do.TaskTransfer: Row(Hold.NEVER, Get.NOTHING),
    do.TaskClose: Row(Hold.NEVER, Get.NOTHING),
    do.TaskRequest: Row(Hold.NEVER, Get.DIALOG),
    do.UserRequest: Row(Hold.NEVER, Get.USER),
}


def row(request: do.Request) -> Row:
    """Return the action's row; KeyError for one that is not in the table."""
    return next(row for kind, row in _TABLE.items() if isinstance(request, kind))


def window(request: do.Request) -> float:
    """Return for how long an error may follow a request whose answer is silence (6.6)."""
    digits = len(request.dtmf_string) if isinstance(request, do.SendDtmf) else 0
    return WINDOW + PER_DIGIT * digits


def length(request: do.Request, given: float | None, *, expected: bool) -> float:
    """Return a request's deadline; `expected`: announced, and not reported yet (8)."""
    if given is not None:
        return given
    if expected:
        return NEVER_REPORTED
    silent = isinstance(request, do.SendDtmf | do.StartRecording)
    return window(request) if silent else row(request).deadline


def holds_until(asked: Asked, begin: float) -> float:
    """Return until when a request keeps others off its device, if nobody settles it before.

    `begin`: when its window began, if it has one; an expectation keeps nobody off (8).
    """
    ends = float("inf") if asked.settled is None else asked.settled
    if asked.turn is None or asked.mode not in {"submit", "forward"}:
        return 0.0
    match row(asked.request).hold:
        case Hold.SETTLED:
            return ends
        case Hold.ANSWERED:
            return min(ends, asked.answered if asked.accepted and asked.answered else ends)
        case Hold.WINDOW:
            return min(ends, begin + window(asked.request)) if asked.accepted else ends
        case _:
            return 0.0
