"""What a caller holds while a request is open, and the record that is kept of it.

The future in it is settled by `executing` alone, in one function.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from listener.correlation.outcome import Outcome, Reason
from listener.correlation.pending import State
from listener.correlation.steps import Late
from listener.finesse.actions.request import Request

MAX_LATE = 16


@dataclass(slots=True)
class Record:
    """One request from its submission on, with wall-clock times for people (UTC).

    `key` is ours and unique; `request_id` is what went on the wire. `asked_by` is the caller (a
    token's name, or the uid at the socket), `idempotency` its key and its body's fingerprint.
    """

    key: str
    request_id: str
    request: Request
    submitted: datetime
    submitted_at: float  # the loop's clock, as all times that are compared
    going: datetime | None = None  # when its turn came here; it goes out once the journal has that
    sent: datetime | None = None  # the moment before its first byte may have left
    answered: datetime | None = None
    accepted: bool = False  # with 202
    answered_at: float | None = None
    settled: datetime | None = None
    expected: bool = False
    asked_by: str | None = None
    idempotency: tuple[str, str] | None = field(default=None, repr=False)
    outcome: Outcome | None = None
    late: list[Late] = field(default_factory=list)


class Ticket:
    """A request that was taken: await its outcome, abandon it, or report what Finesse answered."""

    def __init__(
        self,
        record: Record,
        settled: asyncio.Future[Outcome],
        *,
        abandon: Callable[[Reason], None],
        report: Callable[[int, bytes | None], None],
        state: Callable[[], State | None],
        kept: asyncio.Future[None] | None = None,
    ) -> None:
        self._record = record
        self._kept = kept
        self._settled = settled
        self._abandon = abandon
        self._report = report
        self._state = state

    def __repr__(self) -> str:
        action = self._record.request.requested_action
        return f"<Ticket {self.id} {action} {self.state or 'forgotten'}>"

    @property
    def id(self) -> str:
        """Our key of the request; unique."""
        return self._record.key

    @property
    def request_id(self) -> str:
        """The correlation identifier on the wire: the `requestId` header of the REST request."""
        return self._record.request_id

    @property
    def request(self) -> Request:
        """What was asked."""
        return self._record.request

    @property
    def record(self) -> Record:
        """Times, outcome and what came late."""
        return self._record

    @property
    def state(self) -> State | None:
        """Where it stands; None when it was forgotten (15 min after its outcome)."""
        return self._state()

    async def kept(self) -> None:
        """Wait until the intent is safe in the journal (at once where there is none).

        Raises NotKept when it cannot be written: then nothing is sent.
        """
        if self._kept is not None:
            await asyncio.shield(self._kept)

    async def outcome(self) -> Outcome:
        """Wait for the outcome. It comes by the deadline; leaving early changes nothing.

        Raises Closing when the daemon hands the request over to another process.
        """
        return await asyncio.shield(self._settled)

    def abandon(self, reason: Reason = Reason.CALLER) -> None:
        """Stop waiting; what Finesse does with it is still recorded as late."""
        self._abandon(reason)

    def answered(self, status: int, body: bytes | None = None) -> None:
        """Report what Finesse answered to a request that you sent yourself (see `expect`).

        Anything but 202 ends it rejected, or in doubt where the answer says nothing (5xx).
        """
        self._report(status, body)
