"""What would prove a request: a closed family of values, one per way in which an effect shows.

Says what to look for, never whether it was seen: that is the correlator's business. No repr shows
numbers or call data.
Sources: Developer Guide 12.5(1) as gathered per action in docs/outcomes.md.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class OwnState:
    """The own participant's state becomes one of `states` (never the dialog's).

    HOLD, RETRIEVE, ANSWER, preview ACCEPT.
    """

    states: frozenset[str]


@dataclass(frozen=True, slots=True)
class Left:
    """The own participant becomes DROPPED or WRAP_UP, or the dialog is removed so: DROP."""


@dataclass(frozen=True, slots=True)
class NewCall:
    """A dialog appears that was not there: MAKE_CALL and CONSULT_CALL.

    Untagged it must come from `from_address` (None: the agent's own extension) and go to
    `to_address`; a consult also names `associated` (the dialog it was started on) or has callType
    CONSULT. INITIATING proves nothing.
    """

    to_address: str = field(repr=False)
    from_address: str | None = field(default=None, repr=False)
    associated: str | None = None


@dataclass(frozen=True, slots=True)
class Monitoring:
    """A dialog with callType SUPERVISOR_MONITOR to `to_address` becomes ACTIVE: SILENT_MONITOR."""

    to_address: str = field(repr=False)
    from_address: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Barged:
    """The supervisor is an ACTIVE party of a call with the agent `to_address`: BARGE_CALL.

    `monitor` is the id of the monitor dialog, which goes away.
    """

    to_address: str = field(repr=False)
    monitor: str | None
    from_address: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Transferred:
    """Both calls of a consult transfer are gone, or the survivor is seen without us: TRANSFER."""


@dataclass(frozen=True, slots=True)
class Conferenced:
    """One dialog survives with us ACTIVE and the parties of both calls: CONFERENCE."""


@dataclass(frozen=True, slots=True)
class SentAway:
    """The own participant leaves with our id, or the call arrives at `to_address`: TRANSFER_SST."""

    to_address: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Silence:
    """Nothing need be heard; an error would be: SEND_DTMF, START_RECORDING."""


@dataclass(frozen=True, slots=True)
class CallData:
    """Each variable has its requested value, compared exactly: UPDATE_CALL_DATA."""

    variables: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    wrap_up_reason: str | None = field(default=None, repr=False)
    wrap_up_items: tuple[str, ...] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class PartyGone:
    """The party `media_address` is DROPPED or no longer listed: PARTICIPANT_DROP."""

    media_address: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ReservationEnded:
    """The preview reservation is removed: CLOSE, REJECT."""


@dataclass(frozen=True, slots=True)
class Reclassified:
    """The call variable BAResponse holds `value`: RECLASSIFY."""

    value: str


@dataclass(frozen=True, slots=True)
class CallbackScheduled:
    """scheduledCallbackInfo shows what was asked (None: not asked): UPDATE_SCHEDULED_CALLBACK."""

    callback_time: str | None = None
    callback_number: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class CallbackCancelled:
    """scheduledCallbackInfo is empty and was not: CANCEL_SCHEDULED_CALLBACK."""


@dataclass(frozen=True, slots=True)
class TaskState:
    """The task (nonvoice dialog) reaches one of `states`."""

    states: frozenset[str]


@dataclass(frozen=True, slots=True)
class TaskEnded:
    """The task is removed with our id: nonvoice TRANSFER and CLOSE (nothing else tells)."""


@dataclass(frozen=True, slots=True)
class UserState:
    """The user's state becomes one of `states`, or pendingState one of them (stage PENDING).

    `reason_code_id` must agree when given. `weak_states` prove it only with our id (RESERVED or
    TALKING after READY). `extension` is checked for a sign-in.
    """

    states: frozenset[str]
    reason_code_id: str | None = None
    weak_states: frozenset[str] = frozenset()
    extension: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Tied:
    """Nothing that can be seen: actions whose effect is not known here; our id alone tells."""


Expectation: TypeAlias = (
    OwnState
    | Left
    | NewCall
    | Monitoring
    | Barged
    | Transferred
    | Conferenced
    | SentAway
    | Silence
    | CallData
    | PartyGone
    | ReservationEnded
    | Reclassified
    | CallbackScheduled
    | CallbackCancelled
    | TaskState
    | TaskEnded
    | UserState
    | Tied
)


class Probe(StrEnum):
    """Which GET can tell what came of a request."""

    NONE = "none"
    DIALOG = "dialog"  # GET /Dialog/{id} (or the agent's list): presence proves
    ABSENCE = "absence"  # also the dialog's absence proves (DROP alone)
    DIALOGS = "dialogs"  # the agent's list of dialogs
    USER = "user"


class Gate(StrEnum):
    """How long a request keeps others off its device (rules of evidence 9)."""

    UNTIL_SETTLED = "until_settled"  # changes the call's state
    UNTIL_ANSWERED = "until_answered"  # leaves the gate at its 202
    DTMF = "dtmf"  # lets other DTMF pass, holds the rest for its window
    NONE = "none"  # not a matter of a device
