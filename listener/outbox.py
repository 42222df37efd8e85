"""Requests on their way to Finesse: each goes out once, when its intent is safely kept, or never.

Owns the tasks that send; what Finesse answers goes back to the service. Knows no correlator.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from listener.correlation.outcome import Abandoned, Outcome, Reason, Rejected, Unconfirmed
from listener.correlation.steps import AnswerKind, RestAnswer
from listener.errors import NotKept
from listener.ledger import now_utc
from listener.tasks import Tasks
from listener.terms import Sender, Wire
from listener.ticket import Record


class Outbox:
    """Puts requests on the wire, each by `wire` or by a sender of its own.

    `is_open` says whether a request, by its key, still waits for its outcome; `answered` is told
    what Finesse answered, unless the request was given up before it left.
    """

    def __init__(
        self,
        wire: Wire,
        tasks: Tasks,
        *,
        is_open: Callable[[str], bool],
        answered: Callable[[str, RestAnswer], None],
    ) -> None:
        self._wire = wire
        self._tasks = tasks
        self._is_open = is_open
        self._answered = answered
        self._senders: dict[str, Sender] = {}
        self._sending: dict[str, asyncio.Task[None]] = {}
        self._on_their_way: set[asyncio.Task[None]] = set()  # the settled ones among them, too
        self._over = False

    def __repr__(self) -> str:
        return f"<Outbox {len(self._on_their_way)} on their way{' over' if self._over else ''}>"

    def leave_to(self, key: str, sender: Sender) -> None:
        """Let `sender` put that request on the wire when it is sent; called once, or never."""
        self._senders[key] = sender

    def send(self, record: Record, going: asyncio.Future[None]) -> None:
        """Send a request as soon as `going` says that its intent is kept; NotKept: not at all."""
        key = record.key
        task = self._tasks.spawn(lambda: self._sent(record, going), f"send {key}")
        self._sending[key] = task
        self._on_their_way.add(task)
        task.add_done_callback(self._on_their_way.discard)

    async def all_sent(self, within: float) -> bool:
        """Wait until no request of ours is on its way; False when it takes longer.

        True means so at this moment: call what relies on it before the next await.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                while self._on_their_way:
                    await asyncio.wait(tuple(self._on_their_way))
        return not self._on_their_way

    async def _sent(self, record: Record, going: asyncio.Future[None]) -> None:
        sender = self._senders.pop(record.key, None)
        try:
            answer = await self._put_on_wire(record, going, sender)
        finally:
            self._sending.pop(record.key, None)
        if answer is not None:
            self._answered(record.key, answer)

    async def _put_on_wire(
        self, record: Record, going: asyncio.Future[None], sender: Sender | None
    ) -> RestAnswer | None:
        try:
            await going
        except NotKept as trouble:
            return RestAnswer(AnswerKind.NOT_SENT, detail=str(trouble))
        if self._over or not self._is_open(record.key):
            return None  # given up in the same moment: what nobody waits for need not go out
        if sender is not None:
            return await sender(lambda: self._leaves(record))
        return await self._wire.send(
            record.request, record.request_id, lambda: self._leaves(record)
        )

    def _leaves(self, record: Record) -> None:
        """Note the moment before the first byte may leave, or stop it: nobody waits for it now.

        From `settle` on a request that has not passed here never does, whatever else still runs.
        """
        if record.sent is None:
            if self._over or not self._is_open(record.key):
                raise asyncio.CancelledError
            record.sent = now_utc()

    def settle(self, record: Record, outcome: Outcome) -> Outcome:
        """Stop sending what has its outcome; return that outcome, as it is true of what was sent.

        What still waits here, or for a free connection, must not go out after its outcome was told:
        it is rejected, whatever was heard meanwhile (rules 1, 9).
        """
        self._senders.pop(record.key, None)
        task = self._sending.pop(record.key, None)
        stayed = never_left(record)
        if task is not None and (stayed or isinstance(outcome, Unconfirmed | Abandoned)):
            task.cancel()
        return _rejected(outcome) if stayed else outcome

    def close(self) -> None:
        """Let nothing leave from now on."""
        self._over = True


def never_left(record: Record) -> bool:
    """Say whether a request's turn came in this process, and yet not one byte of it left."""
    return record.going is not None and record.sent is None


def _rejected(outcome: Outcome) -> Outcome:
    """Return what is true of a request that never left and never will: repeating it is safe."""
    if isinstance(outcome, Rejected):
        return outcome
    why = Reason.NOT_SENT
    if isinstance(outcome, Unconfirmed):
        why = Reason.EXPIRED_IN_QUEUE
    elif isinstance(outcome, Abandoned):
        why = Reason.CANCELLED if outcome.reason is Reason.CALLER else outcome.reason
    return Rejected(
        reason=why,
        sent=False,
        waited=outcome.waited,
        dialog=outcome.dialog,
        user=outcome.user,
        warnings=outcome.warnings,
        seen=outcome.seen,
        window=outcome.window,
    )
