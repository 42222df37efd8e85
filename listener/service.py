"""What callers ask of the loop's side of the correlator: requests taken, given up, and the end.

What the service needs from REST, the sessions and the journal stands in `terms` as protocols. It
does not assume that it owns all agents.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable

from listener import intake
from listener.correlation.outcome import Reason
from listener.errors import Closing, NotKept, NotListening
from listener.executing import Executing
from listener.finesse.actions.request import Request
from listener.ledger import new_key, now_utc
from listener.tally import Tally
from listener.tasks import unwatched
from listener.terms import Ears, Memory, Policy, Sender, Wire, Wishes
from listener.ticket import Record, Ticket

__all__ = ["Ears", "Policy", "Service", "Wire", "Wishes"]

AT_ONCE = 16  # requests that are given up in one turn of the loop
LAST_WORDS = 5.0  # seconds for the last outcomes to be made safe when closing


class Service(Executing):
    """Takes requests, hears notifications, and tells each caller what came of it.

    `feed` is where readers of events subscribe; `tally` counts. Made inside a running loop.
    """

    def __init__(
        self,
        wire: Wire,
        ears: Ears,
        *,
        policy: Policy | None = None,
        extensions: Callable[[str], str | None] = lambda _agent: None,
        memory: Memory | None = None,
        tally: Tally | None = None,
    ) -> None:
        super().__init__(wire, ears, policy, memory, tally)
        self._extensions = extensions

    def __repr__(self) -> str:
        state = " closing" if self._closing else ""
        return f"<Service pending={len(self._waiting)} records={len(self.records)}{state}>"

    # -- asked ------------------------------------------------------------------------------

    def submit(self, request: Request, wishes: Wishes | None = None) -> Ticket:
        """Take a request and send it; its outcome is awaited at the ticket.

        Raises InvalidRequest and NotAccepted (no session, too many, closing, nothing can be kept):
        nothing was sent.
        """
        return self._take(request, wishes or Wishes())

    def expect(self, request: Request, wishes: Wishes | None = None) -> Ticket:
        """Take a request that the caller sends itself, with the ticket's request_id as header.

        Call this first and send at once after that, for what is known now is what a change is
        compared with. Then report Finesse's answer with `ticket.answered`: without that nothing is
        presumed, and only a tagged event proves that it was sent.
        """
        return self._take(request, wishes or Wishes(), expected=True)

    def forward(
        self, request: Request, wishes: Wishes, sender: Sender, *, tells: bool = False
    ) -> Ticket:
        """Take a request that `sender` puts on the wire, at once whatever the gate says (rules 9).

        As `submit` otherwise; `sender` is called once, or never. `tells`: it calls what it is given
        in the moment before the first byte may leave, and until then nothing has left; without that
        promise the request counts as sent from the moment in which `sender` is called.
        """
        return self._take(request, wishes, sender=sender, tells=tells)

    def _take(
        self,
        request: Request,
        wishes: Wishes,
        *,
        expected: bool = False,
        sender: Sender | None = None,
        tells: bool = False,
    ) -> Ticket:
        self._check_open()
        intake.check_wishes(wishes)
        agent = request.agent
        extension = self._extensions(agent) or self.correlator.picture(agent).extension
        request = intake.complete(request, extension, self.deployment, validate=wishes.validate)
        if wishes.require_session and not self.correlator.picture(agent).live:
            raise NotListening(
                f"no session of agent {agent} would hear the answer; wait until it is up"
                " (`listener agents` says why it is not)"
            )
        if sender is None:
            intake.check_device(request, extension)
        now = self.loop.time()
        record = Record(
            key=new_key(),
            request_id=wishes.request_id or str(uuid.uuid4()),
            request=request,
            submitted=now_utc(),
            submitted_at=now,
            expected=expected,
            asked_by=wishes.asked_by,
            idempotency=wishes.idempotency,
        )
        registration = intake.registration(
            record, extension, wishes, self.policy, ungated=sender is not None
        )
        steps = self.correlator.register(now, request, registration)
        kept = self._memory.taken(record, registration)
        if sender is not None:
            self._outbox.leave_to(record.key, sender, tells=tells)
        self._enter(record)
        if expected:
            # Its baseline is kept as well; that it is not sent from here needs no waiting.
            unwatched(self._memory.going(record, self.correlator.baseline(record.key)))
        ticket = self._ticket(record, kept)
        self._carry_out(steps)
        return ticket

    def _check_open(self) -> None:
        if self._closing:
            raise Closing("the listener is shutting down, or handing over to its successor")
        if self._memory.trouble is not None:
            raise NotKept(f"no new request can be kept: {self._memory.trouble}")

    def _ticket(self, record: Record, kept: asyncio.Future[None] | None) -> Ticket:
        return Ticket(
            record,
            self._waiting[record.key],
            abandon=lambda reason: self.abandon(record.key, reason),
            report=lambda status, body: self.report(record.key, status, body),
            state=lambda: self.correlator.state(record.key),
            kept=kept,
        )

    def abandon(self, key: str, reason: Reason = Reason.CALLER) -> None:
        """Stop waiting for a request; unknown and settled keys change nothing.

        Raises Closing while the daemon hands over: the other process is to be asked.
        """
        self._check_judging()
        self._carry_out(self.correlator.abandon(self.loop.time(), key, reason))

    def forget(self, unwanted: Callable[[Record], bool]) -> int:
        """Drop the records of settled requests that are not wanted; return how many."""
        found = [r.key for r in self.records.values() if r.outcome is not None and unwanted(r)]
        for key in found:
            self._ledger.drop(key)
        return len(found)

    def report(self, key: str, status: int, body: bytes | None = None) -> None:
        """Take in what Finesse answered to a request that the caller sent.

        The first report counts. A second one, or one about a request that we sent ourselves or do
        not know, changes nothing. Raises Closing as `abandon` does.
        """
        self._check_judging()
        record = self.records.get(key)
        if record is not None and record.expected and record.answered is None:
            self._answered(key, self._wire.judge(status, body))

    # -- end --------------------------------------------------------------------------------

    async def close(self, grace: float = 0.0) -> int:
        """Refuse new requests, wait up to `grace` seconds for open ones, abandon the rest.

        Returns how many were abandoned (or, still queued, rejected) with reason SHUTDOWN. What is
        heard afterwards changes nothing.
        """
        self.refuse()
        if self._waiting and grace > 0:
            await asyncio.wait(tuple(self._waiting.values()), timeout=grace)
        given_up = await self._give_up()
        if self._waiting:  # until the last outcomes are safe in the journal
            await asyncio.wait(tuple(self._waiting.values()), timeout=LAST_WORDS)
        self.feed.close()
        self._closed = True
        self._alarm.set(None)
        await self._tasks.aclose()
        return given_up

    async def _give_up(self) -> int:
        """Abandon all that is open, so many per turn of the loop; return how many there were.

        Nothing is sent meanwhile. Who is cancelled in between abandons the rest at once: each
        request has its outcome when this ends, however it does.
        """
        self._outbox.close()
        self.hold_back()
        left = list(self._waiting)
        given_up = 0
        try:
            while left:
                given_up += self._abandon_newest(left, AT_ONCE)
                await asyncio.sleep(0)
        finally:
            given_up += self._abandon_newest(left, len(left))
        return given_up

    def _abandon_newest(self, keys: list[str], most: int) -> int:
        """Abandon the last of those requests, `most` at most, and take them off the list."""
        found = 0
        for key in [keys.pop() for _ in range(min(most, len(keys)))]:
            if self._open(key):
                self.abandon(key, Reason.SHUTDOWN)
                found += 1
        return found
