"""The six outcomes and what they carry. An outcome is a value, never an exception.

    match outcome:
        case Confirmed() | Presumed(): ...     # the effect is there / no error came
        case Failed(errors=errors): ...        # Finesse or the CTI side refused it
        case Rejected(): ...                   # refused at once: the only one safe to repeat
        case Unconfirmed() | Abandoned(): ...  # it may have happened
        case never: assert_never(never)

Knows what may be said; `correlator` decides when (rules of evidence).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar, TypeAlias

from listener.finesse.actions.request import RequestWarning
from listener.finesse.model import ApiError, Dialog, User


class Evidence(StrEnum):
    """How an outcome is known, strongest first."""

    REQUEST_ID = "request_id"
    """Tagged with our id, and the effect seen: Finesse tied it to this request."""
    EXPECTATION = "expectation"
    """Untagged: the change we asked for, since we asked. Nobody says who caused it."""
    SOLE_PENDING = "sole_pending"
    """An untagged error that fits exactly one request."""
    SNAPSHOT = "snapshot"
    """Seen by a GET."""


class Reason(StrEnum):
    """Why there is no better outcome."""

    DEADLINE = "deadline"
    LINK_LOST = "link_lost"
    AMBIGUOUS = "ambiguous"
    NO_ANSWER = "no_answer"
    DIALOG_ENDED = "dialog_ended"
    RESTARTED = "restarted"
    WEAK = "weak"
    NOT_REPORTED = "not_reported"
    NOT_SENT = "not_sent"
    EXPIRED_IN_QUEUE = "expired_in_queue"
    CANCELLED = "cancelled"
    SHUTDOWN = "shutdown"
    CALLER = "caller"


class MinimumEvidence(StrEnum):
    """What may confirm or fail a request; weaker evidence is only listed in `seen`."""

    ANY = "any"
    EVENT = "event"  # no GET
    REQUEST_ID = "request_id"


@dataclass(frozen=True, slots=True)
class DialogIds:
    """Where ids changed: the surviving dialog, a new one, those that are gone; as far as seen."""

    survivor: str | None = None
    new: str | None = None
    gone: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Seen:
    """Something heard about a request that did not decide it. `at` in seconds since submission."""

    at: float
    what: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Window:
    """When we listened, in seconds since submission, and the gaps (start, end) in between."""

    until: float = 0.0
    gaps: tuple[tuple[float, float | None], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """What every outcome carries beside its own word."""

    kind: ClassVar[str]
    sent: bool | None = True  # did anything leave this machine; None: not known
    status: int | None = None  # what Finesse answered, None when it did not
    waited: float = 0.0  # seconds from submission to settlement
    dialog: Dialog | None = None  # as last known
    user: User | None = None
    dialogs: DialogIds = field(default_factory=DialogIds)
    warnings: tuple[RequestWarning, ...] = ()
    seen: tuple[Seen, ...] = ()
    window: Window = field(default_factory=Window)
    changed: bool | None = None  # UPDATE_CALL_DATA: False when the values were there before
    applied: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    truncated: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmed(_Told):
    """The effect asked for is there, and was seen after the request was sent.

    `stage` says how far a call or state change was ("ALERTING", "PENDING", ...), if that varies.
    """

    kind: ClassVar[str] = "confirmed"
    evidence: Evidence
    stage: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Presumed(_Told):
    """Silence is this action's normal answer, we were certainly listening, and no error came."""

    kind: ClassVar[str] = "presumed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed(_Told):
    """Finesse took it, and it or the CTI side then refused it, or the call itself went FAILED.

    `errors` is empty when the call failed; then `state_cause` may say why (BUSY, ...).
    """

    kind: ClassVar[str] = "failed"
    evidence: Evidence
    errors: tuple[ApiError, ...] = ()
    stage: str | None = None
    state_cause: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected(_Told):
    """Finesse refused it at once, or nothing left this machine: repeating is safe.

    `reason` is None when Finesse answered (`status`), else NOT_SENT, EXPIRED_IN_QUEUE, CANCELLED
    or SHUTDOWN.
    """

    kind: ClassVar[str] = "rejected"
    errors: tuple[ApiError, ...] = ()
    reason: Reason | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unconfirmed(_Told):
    """Nobody said; it may have happened."""

    kind: ClassVar[str] = "unconfirmed"
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Abandoned(_Told):
    """We stopped waiting (CALLER or SHUTDOWN); it may have happened."""

    kind: ClassVar[str] = "abandoned"
    reason: Reason


Outcome: TypeAlias = Confirmed | Presumed | Failed | Rejected | Unconfirmed | Abandoned
