"""Requests on their way to Finesse: each goes out once, when its intent is safely kept, or never.

Owns the tasks that send; what Finesse answers goes back to the service. Knows no correlator.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from listener.correlation.outcome import Abandoned, Outcome, Unconfirmed
from listener.correlation.steps import AnswerKind, RestAnswer
from listener.errors import NotKept
from listener.ledger import now_utc
from listener.standstill import read_first
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
        self._senders: dict[str, tuple[Sender, bool]] = {}
        self._sending: dict[str, asyncio.Task[None]] = {}
        self._on_their_way: set[asyncio.Task[None]] = set()  # the settled ones among them, too
        self._over = False

    def __repr__(self) -> str:
        return f"<Outbox {len(self._on_their_way)} on their way{' over' if self._over else ''}>"

    def leave_to(self, key: str, sender: Sender, *, tells: bool) -> None:
        """Let `sender` put that request on the wire when it is sent; called once, or never.

        `tells`: it says when the first byte may leave; False: that is as soon as it is called.
        """
        self._senders[key] = (sender, tells)

    def send(self, record: Record, going: asyncio.Future[None], leaves: Callable[[], None]) -> None:
        """Send a request as soon as `going` says that its intent is kept; NotKept: not at all.

        `leaves` is called in the moment before its first byte may leave, unless it is settled by
        then; it may settle it, and nothing leaves.
        """
        key = record.key
        task = self._tasks.spawn(lambda: self._sent(record, going, leaves), f"send {key}")
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

    async def _sent(
        self, record: Record, going: asyncio.Future[None], leaves: Callable[[], None]
    ) -> None:
        sender = self._senders.pop(record.key, None)
        try:
            answer = await self._put_on_wire(record, going, sender, leaves)
        finally:
            self._sending.pop(record.key, None)
        if answer is not None:
            self._answered(record.key, answer)

    async def _put_on_wire(
        self,
        record: Record,
        going: asyncio.Future[None],
        sender: tuple[Sender, bool] | None,
        leaves: Callable[[], None],
    ) -> RestAnswer | None:
        try:
            await going
        except NotKept as trouble:
            return RestAnswer(AnswerKind.NOT_SENT, detail=str(trouble))
        if self._over or not self._is_open(record.key):
            return None  # given up in the same moment: what nobody waits for need not go out
        if sender is not None:
            send, tells = sender
            if not tells:
                await read_first()  # what lies there unread is no change since (rules 4)
                self._leaves(record, leaves)
            return await send(lambda: self._leaves(record, leaves))
        return await self._wire.send(
            record.request, record.request_id, lambda: self._leaves(record, leaves)
        )

    def _leaves(self, record: Record, leaves: Callable[[], None]) -> None:
        """Note the moment before the first byte may leave, or stop it: nobody waits for it now.

        From its outcome on a request that has not passed here never does, whatever else still runs.
        """
        if record.sent is None:
            if not self._over and self._is_open(record.key):
                leaves()
            if self._over or not self._is_open(record.key):
                raise asyncio.CancelledError
            record.sent = now_utc()

    def settle(self, record: Record, outcome: Outcome) -> None:
        """Stop sending what has its outcome.

        What still waits here, or for a free connection, must not go out after its outcome was told
        (rules 1, 9).
        """
        self._senders.pop(record.key, None)
        task = self._sending.pop(record.key, None)
        idle = record.sent is None or isinstance(outcome, Unconfirmed | Abandoned)
        # The one that is leaving at this moment hears it by itself, and closes what it opened.
        if task is not None and idle and task is not asyncio.current_task():
            task.cancel()

    def close(self) -> None:
        """Let nothing leave from now on."""
        self._over = True
