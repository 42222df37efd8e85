"""How a request comes into the books: its entry, what is checked before, and how it goes out.

Knows the bounds and the gate; decides nothing about evidence.
"""

from __future__ import annotations

from listener.correlation import clockwork
from listener.correlation.case import Case
from listener.correlation.desk import Desk
from listener.correlation.entry import Entry
from listener.correlation.gate import GateMode
from listener.correlation.registration import Registration
from listener.errors import DeviceBusy, DuplicateRequestId, InvalidRequest, TooManyPending
from listener.finesse.actions.request import Request, RequestWarning

NOT_REPORTED_AFTER = 60.0  # seconds from registration of what the caller sends (rules 8)
MAX_LENGTH = 3600.0  # seconds; what is open must end
BUSY = RequestWarning(
    "device_busy",
    "Another request was open on this device when this one went out; Finesse may refuse either.",
)


def entry_of(now: float, request: Request, registration: Registration) -> Entry:
    """Return the entry of a request that is registered now. Raises InvalidRequest."""
    length = registration.length
    if length is None:
        length = NOT_REPORTED_AFTER if registration.expected else request.default_deadline
    if not 0 < length <= MAX_LENGTH:
        raise InvalidRequest(
            f"the deadline must be a positive number of seconds, {MAX_LENGTH:.0f} at most"
        )
    return Entry(
        key=registration.key,
        request=request,
        request_id=registration.request_id,
        case=Case(
            agent=request.agent,
            own=registration.own,
            expectation=request.expectation,
            ids={request.dialog_id} if request.dialog_id is not None else set(),
        ),
        submitted=now,
        length=length,
        length_given=registration.length is not None,
        minimum=registration.minimum,
        expected=registration.expected,
        left_machine=None,
    )


def admit(desk: Desk, entry: Entry, registration: Registration) -> None:
    """Refuse what there is no room for: TooManyPending, DuplicateRequestId, DeviceBusy."""
    books, limits = desk.books, desk.limits
    if len(books.entries) >= limits.max_pending:
        raise TooManyPending(f"{limits.max_pending} requests are pending; wait for some to end")
    if books.count(entry.agent) >= limits.max_pending_per_agent:
        raise TooManyPending(
            f"{limits.max_pending_per_agent} requests of agent {entry.agent} are pending"
        )
    same = twins(desk, entry)
    if any(e.open for e in same) and not registration.allow_repeat:
        raise DuplicateRequestId(
            f"requestId {entry.request_id!r} is live for agent {entry.agent}; leave it out to"
            " have one made"
        )
    free = entry.expected or registration.ungated or desk.gate.mode is not GateMode.REFUSE
    if not free and desk.gate.busy(entry.device, entry.request.gate):
        raise DeviceBusy(f"another request is open on the device of agent {entry.agent}")
    share(entry, same)


def enter(desk: Desk, now: float, entry: Entry, registration: Registration) -> None:
    """Take a request into the books; its turn comes now, or when the gate lets it through.

    What the caller sends may leave at any moment from here on.
    """
    desk.books.add(entry)
    clockwork.arm(desk, now, entry, entry.submitted)
    entry.probe_due = None
    if entry.expected:
        desk.begin(now, entry)
    elif registration.ungated:
        _dispatch_at_once(desk, entry)
    elif desk.gate.enter(entry.device, entry.key, entry.request.gate):
        desk.dispatch(entry)


def _dispatch_at_once(desk: Desk, entry: Entry) -> None:
    """Let a request go that is never held back, only warned (rules 9)."""
    busy = desk.gate.busy(entry.device, entry.request.gate)
    desk.gate.hold(entry.device, entry.key, entry.request.gate)
    desk.dispatch(entry)
    if busy:
        entry.warnings += (BUSY,)


def twins(desk: Desk, entry: Entry) -> list[Entry]:
    """Return the requests, open or settled, that have the same id and agent."""
    return [e for e in desk.books.with_id(entry.request_id) if e.agent == entry.agent]


def share(entry: Entry, same: list[Entry]) -> None:
    """Mark an id that several requests have: it names none of them (rules 3)."""
    entry.id_repeated = entry.id_repeated or bool(same)
    for other in same:
        other.id_repeated = True
