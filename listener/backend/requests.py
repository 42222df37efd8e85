"""The requests of callers: taken once for each Idempotency-Key, read, listed, given up.

Knows the service, its records and the journal behind them; nothing of sessions and events.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from dataclasses import replace
from itertools import islice

from listener.assembly import Listener
from listener.errors import InvalidRequest, NotAccepted
from listener.finesse.actions.request import Request
from listener.idempotency import Keys
from listener.journal import Journal, Stored
from listener.offers import Idempotency, Resource, Taken
from listener.report import record_json, state_word
from listener.standstill import read_first
from listener.terms import Wishes
from listener.ticket import Record, Ticket

AT_ONCE = 20
"""Requests that are rendered while the loop stands still."""


class Requests:
    """What callers ask of Finesse through a daemon, and what came of it.

    `keys` knows the Idempotency-Keys. `journal` has what is not in memory any more; it is another
    one after a hand-over that came to nothing.
    """

    def __init__(self, listener: Listener, journal: Journal | None, keys: Keys) -> None:
        self.journal = journal
        self._listener = listener
        self._service = listener.service
        self._keys = keys
        self._loop = asyncio.get_running_loop()
        self._fresh: dict[str, Ticket] = {}  # whose intents are not safe yet, by id
        self._limit = asyncio.Semaphore(4)  # lists that are gathered at once
        self._showing = asyncio.Semaphore(1)  # one of them is rendered, in turns with all else

    async def submit(
        self, request: Request, wishes: Wishes, idempotency: Idempotency | None = None
    ) -> Taken:
        """Take a request, keep its intent, and send it. Raises KeyReused and NotAccepted."""
        return await self._take(self._service.submit, request, wishes, idempotency)

    async def expect(
        self, request: Request, wishes: Wishes, idempotency: Idempotency | None = None
    ) -> Taken:
        """Take a request that the caller sends with the resource's requestId."""
        await read_first()  # what lies there unread is no change since (rules 4)
        return await self._take(self._service.expect, request, wishes, idempotency)

    async def _take(
        self,
        take: Callable[[Request, Wishes], Ticket],
        request: Request,
        wishes: Wishes,
        idempotency: Idempotency | None,
    ) -> Taken:
        self._listener.roster.ear(request.agent)  # UnknownAgent
        if idempotency is None:
            ticket = take(request, wishes)
            await ticket.kept()
            return Taken(self._shown(ticket.record), fresh=True)
        hashed = self._keys.hashed(idempotency)
        known = self._keys.find(hashed, self._loop.time())
        if known is not None:
            return Taken(await self._again(known), fresh=False)
        # No await between looking and taking: of a hundred at once one is sent.
        given = (idempotency.key, idempotency.fingerprint)
        ticket = take(request, replace(wishes, idempotency=given))
        self._keys.add(hashed, ticket.id, self._loop.time())
        self._fresh[ticket.id] = ticket
        try:
            await ticket.kept()
        except NotAccepted:
            self._keys.drop(hashed)
            raise
        finally:
            self._fresh.pop(ticket.id, None)
        return Taken(self._shown(ticket.record), fresh=True)

    async def _again(self, id_: str) -> Resource:
        first = self._fresh.get(id_)
        if first is not None:
            await first.kept()
        found = await self.resource(id_)
        if found is None:
            raise InvalidRequest("the request that this Idempotency-Key made is not kept any more")
        return found

    async def report(self, id_: str, status: int, body: bytes | None) -> Resource | None:
        """Tell what Finesse answered to an expectation; None when there is no such expectation."""
        record = self._service.records.get(id_)
        if record is None or not record.expected:
            return None
        self._service.report(id_, status, body)
        return self._shown(record)

    async def resource(self, id_: str, wait: float = 0.0) -> Resource | None:
        """Return a request, settled or after `wait` seconds; None when it is not known."""
        record = self._service.records.get(id_)
        if record is not None:
            await self._service.wait(id_, wait)
            return self._shown(record)
        if self.journal is None:
            return None
        stored = await self.journal.request(id_)
        return self._shown(stored.record) if stored is not None else None

    async def resources(
        self,
        *,
        state: str | None,
        agent: str | None,
        request_id: str | None,
        limit: int,
    ) -> AsyncGenerator[Resource, None]:
        """Yield requests, newest first: those in memory, and settled ones from the journal.

        Each is rendered when its turn comes: many at once would hold up all else. Others have
        their turn in between; who asks for another list waits for the end of this one.
        """
        async with self._limit:
            stored: list[Stored] = []
            if self.journal is not None and state in {None, "settled"}:
                stored = await self.journal.requests(
                    state="settled", agent=agent, request_id=request_id, limit=limit
                )
            settled = None if state is None else state == "settled"
            fitting = self._service.newest(agent=agent, request_id=request_id, settled=settled)
            if state not in {None, "open", "settled"}:
                fitting = (record for record in fitting if self._word(record) == state)
            found = {record.key: record for record in islice(fitting, limit)}
            for each in stored:
                if each.record.key not in self._service.records:
                    found[each.record.key] = each.record
            newest = sorted(found.values(), key=lambda record: record.key, reverse=True)
            async with self._showing:
                for number, record in enumerate(newest[:limit], start=1):
                    yield self._shown(record)
                    if number % AT_ONCE == 0:
                        await asyncio.sleep(0)

    async def abandon(self, id_: str) -> Resource | None:
        """Stop waiting for a request; None when it is not known."""
        self._service.abandon(id_)
        return await self.resource(id_, wait=1.0)  # until its end is safe in the journal

    def _word(self, record: Record) -> str:
        return state_word(record, self._service.correlator.state(record.key))

    def _shown(self, record: Record) -> Resource:
        state = self._service.correlator.state(record.key)
        return record_json(record, state, self._service.deployment)
