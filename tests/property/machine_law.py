"""What an outcome may say, judged from the truth alone; written apart from the correlator.

Knows the switch's history and the record of what was asked, delivered and answered. Each function
raises AssertionError when an outcome says more than it may.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from listener.correlation.outcome import (
    Abandoned,
    Confirmed,
    Evidence,
    Failed,
    Outcome,
    Presumed,
    Reason,
    Rejected,
    Unconfirmed,
)
from listener.correlation.steps import AnswerKind
from listener.finesse import uris
from listener.finesse.events import DialogEvent, Event, RequestFailed
from listener.finesse.model import Dialog
from tests.property.machine_switch import EXTENSION

if TYPE_CHECKING:
    from collections.abc import Callable

    from listener.correlation.picture import Baseline
    from listener.finesse.actions.request import Request
    from tests.property.machine_switch import Snap, Switch

LEFT = {"DROPPED", "WRAP_UP", None}
SILENT = {"SEND_DTMF", "START_RECORDING"}
UNKNOWN = "PARK"
WEAK = {Evidence.EXPECTATION, Evidence.SNAPSHOT}
NEVER_LEFT = {Reason.NOT_SENT, Reason.EXPIRED_IN_QUEUE, Reason.CANCELLED, Reason.SHUTDOWN}


@dataclass(eq=False)
class Asked:
    """One request as the test knows it. Times are the fake clock's, `since` an index of history."""

    key: str
    request: Request
    request_id: str
    length: float
    submitted: float
    expected: bool
    since: int | None = None
    sent_at: float | None = None
    turns: int = 0
    sends: int = 0
    answers: list[AnswerKind] = field(default_factory=list)
    accepted_at: float | None = None
    executed: int | None = None  # the index of history of its own effect
    refused: bool = False  # by an error event
    id_shared: bool = False
    heard_live: bool = False  # the link was live at sending, and ever since
    fence_at: float | None = None
    fence_passed: bool = False
    errors_before_fence: int = 0
    ungated: bool = False
    busy: bool = False  # another certainly held the device when it went out
    baseline: Baseline | None = None  # as journalled at sending
    restarted: bool = False
    left: float | None = None
    restarted_at: float = 0.0
    handed_over: float | None = None  # until when its window may last since a hand-over
    outcome: Outcome | None = None
    settled_at: float | None = None
    sent_tick: int = 0
    settled_tick: int = 0
    unknown_to_it: bool = False  # settled, and not remembered by this process

    @property
    def agent(self) -> str:
        return self.request.agent

    @property
    def action(self) -> str:
        return self.request.requested_action

    @property
    def open(self) -> bool:
        return self.outcome is None

    @property
    def evidence(self) -> Evidence | None:
        return getattr(self.outcome, "evidence", None)

    def deadline(self) -> float:
        """When it is over by the law, DTMF's chain and fence apart."""
        if self.left is not None:
            return self.restarted_at + self.left
        start = self.submitted if self.accepted_at is None else self.accepted_at
        return start + self.length


@dataclass
class Delivered:
    """One event that the correlator was given, and who caused it (a key, or None: a stranger)."""

    at: float
    agent: str
    event: Event
    cause: str | None
    index: int
    tick: int
    by_old_alone: bool = False  # published before the process that took over began to hear


@dataclass
class Record:
    """All that happened, as the judges of this file need it."""

    switch: Switch
    asked: dict[str, Asked] = field(default_factory=dict)
    delivered: list[Delivered] = field(default_factory=list)
    strangers_with_our_id: set[str] = field(default_factory=set)
    tick: int = 0
    """Counts the calls of the correlator: what came before what."""


# -- the truth --------------------------------------------------------------------------------


def follow(snap: Snap, dialog: str | None) -> str | None:
    """Return the id under which a call goes on."""
    while dialog in snap.merged:
        dialog = snap.merged[dialog]
    return dialog


def own(snap: Snap, agent: str, dialog: str | None) -> str | None:
    """Return the state of the agent's party, None when the call is not on its list."""
    if dialog not in snap.listed[agent]:
        return None
    party = snap.dialogs[dialog].participant(EXTENSION[agent])
    return party.state if party is not None else None


def _there(dialog: Dialog | None) -> set[str | None]:
    parties = dialog.participants if dialog is not None else ()
    return {p.media_address for p in parties if p.state not in LEFT}


def _moved_to(*states: str) -> Callable[[Asked, Snap, Snap], bool]:
    def holds(asked: Asked, _start: Snap, snap: Snap) -> bool:
        id_ = asked.request.dialog_id
        return any(own(snap, asked.agent, i) in states for i in {id_, follow(snap, id_)})

    return holds


def _left(asked: Asked, _start: Snap, snap: Snap) -> bool:
    return own(snap, asked.agent, follow(snap, asked.request.dialog_id)) in LEFT


def _call(asked: Asked, start: Snap, snap: Snap) -> bool:
    want = asked.request.expectation
    for id_, dialog in snap.dialogs.items():
        if id_ in start.dialogs or dialog.from_address != EXTENSION[asked.agent]:
            continue
        if dialog.state not in {"INITIATED", "ALERTING", "ACTIVE"}:
            continue
        media = dialog.media_properties
        number = want.to_address in {dialog.to_address, media.dialed_number}
        tied = want.associated is None or (
            media.call_type == "CONSULT"
            or uris.dialog_id(dialog.associated_dialog_uri) == want.associated
        )
        if (number and tied) or asked.evidence is Evidence.REQUEST_ID:
            return True
    return False


def _data(asked: Asked, _start: Snap, snap: Snap) -> bool:
    dialog = snap.dialogs.get(follow(snap, asked.request.dialog_id) or "")
    before = snap.dialogs.get(asked.request.dialog_id or "")
    want = asked.request.expectation.variables
    return any(
        each is not None and all(each.media_properties.variable(n) == v for n, v in want)
        for each in (dialog, before)
    )


def _transferred(asked: Asked, start: Snap, snap: Snap) -> bool:
    id_ = asked.request.dialog_id
    gone = {i for i, to in snap.merged.items() if id_ in {to, i}}
    off = own(snap, asked.agent, follow(snap, id_)) in LEFT
    return off and bool(gone) and len(_there(snap.dialogs.get(follow(snap, id_) or ""))) > 1


def _conferenced(asked: Asked, _start: Snap, snap: Snap) -> bool:
    id_ = follow(snap, asked.request.dialog_id)
    there = _there(snap.dialogs.get(id_ or ""))
    return own(snap, asked.agent, id_) == "ACTIVE" and len(there) > 2


def _sent_away(asked: Asked, _start: Snap, snap: Snap) -> bool:
    id_ = follow(snap, asked.request.dialog_id)
    there = asked.request.expectation.to_address in _there(snap.dialogs.get(id_ or ""))
    off = own(snap, asked.agent, id_) in LEFT
    return off and (there or asked.evidence is Evidence.REQUEST_ID)


def _user(asked: Asked, _start: Snap, snap: Snap) -> bool:
    user, want = snap.users[asked.agent], asked.request.expectation
    return bool({user.state, user.pending_state} & want.states)


TRUE_AT: dict[str, Callable[[Asked, Snap, Snap], bool]] = {
    "HOLD": _moved_to("HELD"),
    "RETRIEVE": _moved_to("ACTIVE"),
    "ANSWER": _moved_to("ACTIVE"),
    "DROP": _left,
    "MAKE_CALL": _call,
    "CONSULT_CALL": _call,
    "UPDATE_CALL_DATA": _data,
    "TRANSFER": _transferred,
    "CONFERENCE": _conferenced,
    "TRANSFER_SST": _sent_away,
    "READY": _user,
    "NOT_READY": _user,
}
ONE_CHANGE = {"HOLD", "RETRIEVE", "ANSWER", "MAKE_CALL", "CONSULT_CALL", "READY", "NOT_READY"}
"""Actions for which the changes that could have confirmed them are counted."""


def changes(record: Record, asked: Asked) -> set[int]:
    """Return the moments since its sending at which the effect began, or was renewed."""
    assert asked.since is not None
    holds, history = TRUE_AT[asked.action], record.switch.history
    start = history[asked.since]
    true = [holds(asked, start, snap) for snap in history[asked.since :]]
    return {
        asked.since + at
        for at in range(1, len(true))
        if true[at] and (not true[at - 1] or _anew(asked, history[asked.since + at - 1 :][:2]))
    }


def _anew(asked: Asked, two: list[Snap]) -> bool:
    if asked.action in {"READY", "NOT_READY"}:
        return two[0].users[asked.agent] != two[1].users[asked.agent]
    if asked.action in {"MAKE_CALL", "CONSULT_CALL"}:
        return two[0].dialogs != two[1].dialogs
    return False


# -- the judges -------------------------------------------------------------------------------


def check(record: Record, asked: Asked) -> None:
    """Judge one outcome."""
    _told_of_others(asked)
    match asked.outcome:
        case Confirmed():
            _confirmed(record, asked)
        case Presumed():
            _presumed(asked)
        case Failed():
            _failed(record, asked)
        case Rejected():
            _rejected(asked)
        case Unconfirmed() | Abandoned():
            assert asked.sends or asked.expected, "not sent, and not said so"


def _told_of_others(asked: Asked) -> None:
    """Check that who was let past a busy device was warned, and nobody else (rules 9)."""
    outcome = asked.outcome
    assert outcome is not None
    warned = "device_busy" in {warning.code for warning in outcome.warnings}
    assert not (warned and not asked.ungated), "warned, and never let past"
    same_process = not asked.restarted and asked.handed_over is None
    assert warned or not (asked.busy and same_process), "let past a busy device without a word"


def _confirmed(record: Record, asked: Asked) -> None:
    assert asked.since is not None, "confirmed before it was sent"
    assert asked.evidence is not Evidence.SOLE_PENDING
    assert AnswerKind.NOT_SENT not in asked.answers[:1]
    if asked.evidence is Evidence.REQUEST_ID:
        assert not asked.id_shared, "a repeated id names nobody"
        assert _tags(record, asked, errors=False), "REQUEST_ID without an event that bears it"
    if asked.evidence in WEAK:
        assert asked.settled_at is not None
        assert (
            asked.answers
            or (asked.restarted and not asked.expected)
            or _tags(record, asked, errors=False)
            or asked.settled_at >= asked.deadline()
        ), "untagged evidence counted before Finesse had answered"
    if asked.action in SILENT | {UNKNOWN}:
        assert asked.evidence is Evidence.REQUEST_ID, "nothing untagged confirms silence"
        if asked.action == UNKNOWN:
            _tied(record, asked)
        return
    if asked.request_id in record.strangers_with_our_id and asked.action not in ONE_CHANGE:
        return  # another client's effect bore our id
    history = record.switch.history[asked.since :]
    true = any(TRUE_AT[asked.action](asked, history[0], snap) for snap in history)
    if asked.evidence in WEAK and asked.action in ONE_CHANGE:
        true = bool(changes(record, asked))
    assert true or _merged_unseen(record, asked), f"{asked.action} never was so: {asked.outcome}"


def _tied(record: Record, asked: Asked) -> None:
    """Check that an action that is not known had its time for an error, and none came."""
    assert asked.settled_at is not None
    assert isinstance(asked.outcome, Confirmed)
    assert "unknown_action" in {warning.code for warning in asked.outcome.warnings}
    assert not asked.restarted, "an error may have been missed"
    assert not _tags(record, asked, errors=True), "an error with its id was heard"
    first = min(each.at for each in _tags(record, asked, errors=False))
    since = max(first, asked.accepted_at or 0.0)
    assert asked.settled_at >= since + 5.0, "an error could have followed yet"


def _merged_unseen(record: Record, asked: Asked) -> bool:
    """Say whether a DROP's call went on under an id that had not been told of yet (rule 6.3)."""
    last = record.switch.history[-1]
    survivor = follow(last, asked.request.dialog_id)
    if asked.action != "DROP" or survivor == asked.request.dialog_id:
        return False
    assert asked.settled_at is not None
    gone = [
        d.at
        for d in record.delivered
        if d.agent == asked.agent and getattr(d.event, "dialog_id", None) == asked.request.dialog_id
    ]
    told = [
        d.at
        for d in record.delivered
        if d.agent == asked.agent
        and isinstance(d.event, DialogEvent)
        and d.event.dialog.secondary_id == asked.request.dialog_id
    ]
    return not told or (bool(gone) and min(told) > max(gone) + 1.0)


def _tags(record: Record, asked: Asked, *, errors: bool) -> list[Delivered]:
    """Return what was delivered with its id, on its agent's node or about its calls."""
    return [
        d
        for d in record.delivered
        if d.event.request_id == asked.request_id
        and isinstance(d.event, RequestFailed) is errors
        and (d.agent == asked.agent or isinstance(d.event, DialogEvent | RequestFailed))
    ]


def _presumed(asked: Asked) -> None:
    assert asked.action in SILENT, "only silence may be presumed"
    assert asked.accepted_at is not None, "presumed without a 202"
    assert asked.heard_live, "presumed over a gap"
    assert asked.fence_passed, "presumed without its fence"
    assert not asked.restarted
    assert not asked.errors_before_fence, "presumed though an error had been published"


def _failed(record: Record, asked: Asked) -> None:
    assert asked.since is not None, "failed before it was sent"
    outcome = asked.outcome
    assert isinstance(outcome, Failed)
    if outcome.evidence is Evidence.SOLE_PENDING:
        assert not asked.restarted, "nobody knows what else was at work in the gap"
        assert asked.action != UNKNOWN, "nobody knows what its errors look like"
        _sole(record, asked, outcome)
    elif outcome.errors:
        assert outcome.evidence is Evidence.REQUEST_ID
        assert not asked.id_shared, "a repeated id names nobody"
        assert any(
            isinstance(d.event, RequestFailed) and d.event.errors == outcome.errors
            for d in _tags(record, asked, errors=True)
        ), "no such error with its id"
    elif asked.action == "UPDATE_CALL_DATA":
        _not_set(record, asked, outcome)
    else:
        assert asked.action in {"MAKE_CALL", "CONSULT_CALL", "TRANSFER_SST"}
        assert outcome.stage == "FAILED"


def _not_set(record: Record, asked: Asked, outcome: Failed) -> None:
    if outcome.evidence is Evidence.SNAPSHOT:
        assert asked.accepted_at is not None
        assert asked.settled_at is not None
        assert asked.settled_at >= asked.accepted_at + 15.0, "a GET failed it too soon"
    assert outcome.missing, "failed, and nothing was missing"
    del record


def _sole(record: Record, asked: Asked, outcome: Failed) -> None:
    heard = [
        d
        for d in record.delivered
        if isinstance(d.event, RequestFailed) and d.event.errors == outcome.errors
    ]
    assert heard, "no such error was delivered"
    for each in heard:
        _may_suspect(record, asked, each)
    first = heard[0]
    for other in record.asked.values():
        if other is not asked and other.agent == asked.agent and not other.unknown_to_it:
            assert not _owner_too(asked, other, first), f"{other.key} may own that error too"
    assert not _stranger_seen(record, asked, first), "another client was at work there"


def _may_suspect(record: Record, asked: Asked, error: Delivered) -> None:
    assert error.agent == asked.agent, "heard on another agent's node"
    assert asked.sent_at is not None
    assert error.tick > asked.sent_tick, "heard before it was sent"
    assert error.event.request_id in {None, asked.request_id}, "a foreign id is on it"
    twins = [a for a in record.asked.values() if a.request_id == asked.request_id]
    shared = len(twins) > 1 or asked.request_id in record.strangers_with_our_id
    assert error.event.request_id is None or shared, "it bears the id of this one alone"


def _on(asked: Asked, error: RequestFailed) -> bool:
    message = error.errors[0].error_message
    named = message is None or asked.action in message.split()
    return error.dialog_id == asked.request.dialog_id and named


def _owner_too(asked: Asked, other: Asked, error: Delivered) -> bool:
    """Say whether the error may as well be the other's, who is not cleared of it (rules 5)."""
    event = error.event
    assert isinstance(event, RequestFailed)
    if not _on(other, event) or other.sent_at is None or other.sent_tick >= error.tick:
        return False
    if other.open or other.settled_tick > error.tick:
        return other.open or isinstance(other.outcome, Unconfirmed | Abandoned)
    possible = isinstance(other.outcome, Unconfirmed) or (
        isinstance(other.outcome, Confirmed) and other.evidence in WEAK
    )
    return possible and other.action not in SILENT and other.deadline() > error.at


def _stranger_seen(record: Record, asked: Asked, error: Delivered) -> bool:
    """Say whether an event of another client's was delivered on that object since sending."""
    ours = {each.request_id for each in record.asked.values()}
    assert asked.sent_at is not None
    return any(
        d.agent == asked.agent
        and d.event.request_id is not None
        and d.event.request_id not in ours
        and getattr(d.event, "dialog_id", "") == asked.request.dialog_id
        and asked.sent_tick < d.tick < error.tick
        and not (d.by_old_alone and asked.handed_over is not None)
        for d in record.delivered
        if isinstance(d.event, DialogEvent | RequestFailed)
    )


def _rejected(asked: Asked) -> None:
    outcome = asked.outcome
    assert isinstance(outcome, Rejected)
    if outcome.reason is None:
        assert asked.answers
        assert asked.answers[-1] is AnswerKind.REFUSED
        assert asked.accepted_at is None, "it was accepted before"
    elif outcome.reason is Reason.NOT_SENT:
        assert asked.answers
        assert asked.answers[-1] is AnswerKind.NOT_SENT
    else:
        assert outcome.reason in NEVER_LEFT
        assert not asked.sends, "it had been sent"
        assert not asked.expected
    if outcome.reason is not None:
        assert outcome.sent is False


def one_change_each(record: Record) -> None:
    """Check that no untagged change confirmed two requests (rules 4): each must find its own."""
    weak = [
        a
        for a in record.asked.values()
        if isinstance(a.outcome, Confirmed) and a.evidence in WEAK and a.action in ONE_CHANGE
    ]
    groups: dict[object, list[Asked]] = {}
    for asked in weak:
        wanted = asked.agent, asked.request.dialog_id, asked.request.expectation
        groups.setdefault(wanted, []).append(asked)
    for group in groups.values():
        taken: dict[int, Asked] = {}
        for asked in group:
            assert _place(record, asked, taken, set()), "one change confirmed two requests"


def _units(record: Record, asked: Asked) -> set[int]:
    """Return what one request may be confirmed by: the changes, or for calls the new dialogs."""
    if asked.action not in {"MAKE_CALL", "CONSULT_CALL"}:
        return changes(record, asked)
    assert asked.since is not None
    before = record.switch.history[asked.since].dialogs
    return {
        int(id_)
        for id_, dialog in record.switch.dialogs.items()
        if id_ not in before and dialog.from_address == EXTENSION[asked.agent]
    }


def _place(record: Record, asked: Asked, taken: dict[int, Asked], tried: set[int]) -> bool:
    for change in _units(record, asked) - tried:
        tried.add(change)
        holder = taken.get(change)
        if holder is None or _place(record, holder, taken, tried):
            taken[change] = asked
            return True
    return False
