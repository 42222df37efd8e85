"""Calls, their parties and what each party may do: the state of the simulated switch.

Plain mutable values without events, time or XML. The true state of every dialog is here, whatever
was answered or published; `Call.over` says that no agent has it any more.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Kind(StrEnum):
    """What a dialog is."""

    VOICE = "voice"
    PREVIEW = "preview"  # a reservation that waits for ACCEPT, CLOSE or REJECT
    MONITOR = "monitor"
    TASK = "task"  # nonvoice


GONE = frozenset({"DROPPED", "WRAP_UP", "FAILED", "CLOSED"})


@dataclass(slots=True)
class Party:
    """One participant.

    `agent` is None for outside parties; `listed` says that the agent has the dialog in the own list
    (between POST and DELETE); `mute` is a monitored agent, without actions.
    """

    address: str
    agent: str | None
    state: str
    started: str
    changed: str
    cause: str = ""
    listed: bool = False
    mute: bool = False

    @property
    def present(self) -> bool:
        """Whether the party is still on the call."""
        return self.state not in GONE


@dataclass(slots=True)
class Call:
    """One dialog, voice or task. `digits` holds (address, string) of every DTMF that was sent."""

    id: str
    kind: Kind
    from_address: str
    to_address: str
    call_type: str
    state: str
    dialed: str = ""
    dnis: str = ""
    media: str = "Voice"
    media_id: str = "1"
    parties: list[Party] = field(default_factory=list)
    variables: dict[str, str] = field(default_factory=dict)
    associated: str | None = None
    secondary: str | None = None
    controller: str | None = None  # address of who made the conference
    routed: bool = False  # a script routed it: its variables may be set
    campaign: bool = False
    incoming: bool = False
    wrap_up_reason: str | None = None
    wrap_up_items: tuple[str, ...] = ()
    callback_number: str | None = None
    scheduled: dict[str, str] = field(default_factory=dict)
    recording: bool = False
    over: bool = False
    ending: bool = False
    digits: list[tuple[str, str]] = field(default_factory=list, repr=False)

    def __post_init__(self) -> None:
        for number in range(1, 11):
            self.variables.setdefault(f"callVariable{number}", "")

    def party(self, address: str | None) -> Party | None:
        """Return the party with that address, or None."""
        return next((p for p in self.parties if p.address == address), None)

    def of(self, agent: str) -> Party | None:
        """Return the party of that agent, or None."""
        return next((p for p in self.parties if p.agent == agent), None)

    def others(self, party: Party) -> list[Party]:
        """Return the parties still on the call beside that one; a monitored agent counts too."""
        return [p for p in self.parties if p is not party and p.present]

    @property
    def conference(self) -> bool:
        """Whether it was made a conference."""
        return self.call_type == "CONFERENCE"


_VOICE: dict[str, tuple[str, ...]] = {
    "INITIATING": ("UPDATE_CALL_DATA", "DROP"),
    "INITIATED": ("UPDATE_CALL_DATA", "DROP"),
    "ALERTING": ("ANSWER",),
    "ACTIVE": (
        "UPDATE_CALL_DATA",
        "SEND_DTMF",
        "CONSULT_CALL",
        "HOLD",
        "DROP",
        "TRANSFER_SST",
    ),
    "HELD": ("UPDATE_CALL_DATA", "RETRIEVE", "DROP"),
    "FAILED": ("DROP",),
    "WRAP_UP": ("UPDATE_CALL_DATA",),
}

_TASK: dict[str, tuple[str, ...]] = {
    "OFFERED": ("ACCEPT",),
    "ACCEPTED": ("START", "CLOSE"),
    "ACTIVE": ("PAUSE", "WRAP_UP", "TRANSFER", "CLOSE"),
    "PAUSED": ("RESUME", "WRAP_UP", "TRANSFER", "CLOSE"),
    "WRAPPING_UP": ("CLOSE",),
}


def actions(call: Call, party: Party, *, other_active: bool, uccx: bool) -> tuple[str, ...]:
    """Return what the party may do (guide p.126-127).

    `other_active`: the agent has another call that is ACTIVE, so that this held one may be joined
    to it. That SEND_DTMF, TRANSFER_SST and START_RECORDING belong to ACTIVE is INFERRED.
    """
    if party.mute:
        return ()
    if call.kind is Kind.TASK:
        return _TASK.get(party.state, ())
    if call.kind is Kind.PREVIEW:
        return ("ACCEPT", "CLOSE", "REJECT") if party.state == "ACTIVE" else ()
    if call.kind is Kind.MONITOR:
        return ("DROP", "BARGE_CALL") if party.state == "ACTIVE" else ("DROP",)
    return _VOICE.get(party.state, ()) + _extra(call, party, other_active=other_active, uccx=uccx)


def _extra(call: Call, party: Party, *, other_active: bool, uccx: bool) -> tuple[str, ...]:
    extra: list[str] = []
    if party.state == "HELD" and other_active:
        extra += ["TRANSFER", "CONFERENCE"]
    if party.state == "ACTIVE" and uccx and not call.recording:
        extra.append("START_RECORDING")
    if party.state == "ACTIVE" and call.conference and not uccx:
        extra.append("PARTICIPANT_DROP")
    if call.campaign and party.state in {"ACTIVE", "HELD", "WRAP_UP"}:
        extra.append("RECLASSIFY")
    if call.campaign and party.state in {"ACTIVE", "HELD"}:
        extra += ["UPDATE_SCHEDULED_CALLBACK", "CANCEL_SCHEDULED_CALLBACK"]
    return tuple(extra)
