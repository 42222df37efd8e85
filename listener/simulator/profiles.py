"""What may differ between one Finesse and another, and is a choice here: tags, orders, payloads.

Values only. The documents are silent on most of these points, so each is a switch that a test can
fix or leave to the seed (None: drawn each time). What is INFERRED is marked where it is used.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeVar

from listener.simulator.interfaces import Form

UCCE = "UCCE"
UCCX = "UCCX"

T = TypeVar("T")


class Tagging(StrEnum):
    """Which events carry the requestId of the request that caused them."""

    NONE = "none"
    FIRST = "first"  # only the first event of an action
    ERRORS_EMPTY = "errors_empty"  # as documented: success tagged, errors with an empty element
    ALL = "all"
    COUNTER = (
        "counter"  # all, and the desktop counts 1, 2, 3: its ids collide with counting callers
    )
    DRAWN = "drawn"  # each event by itself, by the seed


class TransferOrder(StrEnum):
    """The order of events on the agent who completes a consult transfer."""

    CONSULT_FIRST = "consult_first"
    ORIGINAL_FIRST = "original_first"
    DROPPED_FIRST = "dropped_first"  # PUTs with the own participant DROPPED, then both DELETEs


class ConferenceOrder(StrEnum):
    """Which comes first when two calls become one."""

    SURVIVOR_FIRST = "survivor_first"
    DELETE_FIRST = "delete_first"


class SingleStepOrder(StrEnum):
    """How an agent leaves by TRANSFER_SST (no mapping table is documented)."""

    DROPPED_FIRST = "dropped_first"
    DELETE_FIRST = "delete_first"
    ARRIVAL_FIRST = "arrival_first"  # the destination hears of it before the agent has left


class BargeOrder(StrEnum):
    """Which comes first when a supervisor barges in."""

    MONITOR_FIRST = "monitor_first"
    SURVIVOR_FIRST = "survivor_first"


class PreviewOrder(StrEnum):
    """Which comes first after a preview reservation was accepted."""

    RESERVATION_FIRST = "reservation_first"
    CALL_FIRST = "call_first"


class HangUpOrder(StrEnum):
    """How a call's end is shown: as the mapping table has it, or by the DELETE alone (seen)."""

    FULL = "full"
    DELETE_ONLY = "delete_only"


class RefusalStyle(StrEnum):
    """How an asynchronous refusal looks; all three were seen or are documented."""

    FINESSE = "finesse"  # 4047 INVALID_ACTION ... on extension ..., Generic Error
    CTI = "cti"  # a CF_ code with Call Operation Failure
    EXTENSION = "extension"  # as FINESSE, with the extension in errorData


class EarlyTransfer(StrEnum):
    """How a TRANSFER before the consult is answered is refused; both were seen."""

    SYNC = "sync"
    ASYNC = "async"


class ErrorSource(StrEnum):
    """The source of an error that came before its dialog existed (documents: silent)."""

    USER = "user"
    DIALOGS = "dialogs"
    ABSENT = "absent"


class MixedData(StrEnum):
    """What UPDATE_CALL_DATA does with valid and unknown variables in one request (guide p.90)."""

    ERROR = "error"
    PARTIAL = "partial"


@dataclass(frozen=True, slots=True)
class PayloadVariants:
    """How an Update is written. None: drawn for each event."""

    form: Form | None = Form.ESCAPED
    data_first: bool | None = True
    lower_event: bool | None = False
    empty_tag: bool | None = True  # an untagged event has an empty requestId element, or none

    @classmethod
    def drawn(cls) -> PayloadVariants:
        """Return the variants that are all left to the seed."""
        return cls(None, None, None, None)


@dataclass(frozen=True, slots=True)
class Variants:
    """What happens in which order. None: drawn each time. Every order is INFERRED or seen."""

    transfer: TransferOrder | None = TransferOrder.CONSULT_FIRST
    conference: ConferenceOrder | None = ConferenceOrder.SURVIVOR_FIRST
    single_step: SingleStepOrder | None = SingleStepOrder.DROPPED_FIRST
    barge: BargeOrder | None = BargeOrder.MONITOR_FIRST
    preview: PreviewOrder | None = PreviewOrder.RESERVATION_FIRST
    hang_up: HangUpOrder | None = HangUpOrder.FULL
    refusal: RefusalStyle | None = RefusalStyle.FINESSE
    early_transfer: EarlyTransfer | None = EarlyTransfer.SYNC
    error_source: ErrorSource | None = ErrorSource.USER
    mixed_data: MixedData | None = MixedData.PARTIAL
    second_post: bool | None = True  # BEGIN_CALL and SERVICE_INITIATED both POST (guide p.128)
    survivor_shown: bool | None = False  # does the leaver's DELETE already show secondaryId?
    tag_others: bool | None = True  # do other agents' copies carry the requestId too?
    dtmf_event: bool | None = False  # does SEND_DTMF give an event at all?
    recording_event: bool | None = True  # does START_RECORDING vanish from `actions`?
    protect_direct_calls: bool = False  # "Call Variable is protected" on calls no script routed
    protected: frozenset[str] = frozenset()  # variables that are protected on any call
    max_parties: int = 16
    payload: PayloadVariants = field(default_factory=PayloadVariants)

    @classmethod
    def drawn(cls) -> Variants:
        """Return the variants that are all left to the seed."""
        names = (
            "transfer conference single_step barge preview hang_up refusal early_transfer "
            "error_source mixed_data second_post survivor_shown tag_others dtmf_event "
            "recording_event"
        )
        return cls(**dict.fromkeys(names.split(), None), payload=PayloadVariants.drawn())  # type: ignore[arg-type]


class Luck(StrEnum):
    """What happens at a number that is not an agent's extension."""

    ANSWERS = "answers"
    RINGS = "rings"  # for ever
    BUSY = "busy"
    BAD_DESTINATION = "bad_destination"
    NO_DEVICE = "no_device"
    REJECTS = "rejects"  # rings, then hangs up
    SILENT = "silent"  # never even rings


@dataclass(frozen=True, slots=True)
class Number:
    """One line of the dial plan.

    `after` is how long it rings, in paces. `translated` is the number that the dial plan makes of
    it; `everywhere` says whether dialedNumber changes too or toAddress alone.
    """

    luck: Luck = Luck.ANSWERS
    after: float = 3.0
    translated: str | None = None
    everywhere: bool = True


DialPlan = Mapping[str, Number]


@dataclass(frozen=True, slots=True)
class Ecc:
    """One configured ECC variable: bytes per value, and its size when it is an array."""

    length: int = 40
    size: int | None = None


DEFAULT_ECC: Mapping[str, Ecc] = {
    "user.customer": Ecc(30),
    "user.note": Ecc(60),
    "user.items": Ecc(20, size=5),
}


class Dice:
    """Everything that is drawn, by one seed; each `name` is a stream of its own."""

    def __init__(self, seed: int, name: str) -> None:
        self._random = random.Random(f"{seed}/{name}")  # noqa: S311  # a simulation, not a secret

    def pick(self, fixed: T | None, options: Sequence[T]) -> T:
        """Return what is fixed, or draw one of the options."""
        return self._random.choice(options) if fixed is None else fixed

    def flag(self, fixed: bool | None) -> bool:  # noqa: FBT001  # the value itself, not a switch
        """Return what is fixed, or toss a coin."""
        return self.pick(fixed, (True, False))

    def happens(self, rate: float) -> bool:
        """Say whether something of this probability happens now."""
        return rate > 0 and self._random.random() < rate

    def number(self, low: int, high: int) -> int:
        """Draw a whole number, both ends included."""
        return self._random.randint(low, high)

    def between(self, low: float, high: float) -> float:
        """Draw a number between the two."""
        return self._random.uniform(low, high)
