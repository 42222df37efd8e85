"""One tracked request on its way: sent once, by whoever keeps its books, and its answer kept.

The service calls `send` and learns what the answer means; the client is told what it was, byte for
byte. Either may be gone before the other. Knows no outcome.
"""

from __future__ import annotations

import asyncio

from listener.answers import translated
from listener.correlation.steps import AnswerKind, RestAnswer
from listener.dropin.credentials import Login
from listener.dropin.doorkeeper import MAX_READ, Doorkeeper
from listener.dropin.turns import Turn
from listener.rest import Flow, Forwarder, Message
from listener.rest.judge import answer
from listener.terms import Leaving


class Posting:
    """One request. Made inside a running loop, with the turn that it has; close it."""

    def __init__(
        self,
        forwarder: Forwarder,
        message: Message,
        request_id: str,
        *,
        doorkeeper: Doorkeeper,
        login: Login | None,
        turn: Turn,
    ) -> None:
        self.answered: asyncio.Future[Flow] = asyncio.get_running_loop().create_future()
        """The answer, or a flow without a status where none came; cancelled where sending ended
        before it was known."""
        self.kind: AnswerKind | None = None
        self.begun = False
        self._forwarder = forwarder
        self._message = message
        self._request_id = request_id
        self._doorkeeper = doorkeeper
        self._login = login
        self._turn = turn
        self._closed = False

    def __repr__(self) -> str:
        return f"<Posting {self._message.method} {self._message.path} {self.kind or 'open'}>"

    @property
    def flow(self) -> Flow | None:
        """The answer as far as it is there."""
        done = self.answered.done() and not self.answered.cancelled()
        return self.answered.result() if done else None

    async def send(self, leaves: Leaving) -> RestAnswer:
        """Put it on the wire (a `Sender`): once, whatever comes."""
        assert not self.begun
        self.begun = True
        try:
            flow = await self._exchanged(leaves)
            found = answer(flow.raw, self._request_id)
            self.kind = AnswerKind(found.kind)
            if self._closed or flow.raw.whole or flow.raw.trouble:
                await flow.aclose()  # nothing more comes of it
            if not self.answered.done():
                self.answered.set_result(flow)
            return translated(found)
        finally:
            self._turn.give_back()
            self.answered.cancel()

    async def _exchanged(self, leaves: Leaving) -> Flow:
        flow = await self._forwarder.open(self._message, leaves)
        try:
            await flow.read(MAX_READ)
            await self._doorkeeper.judge(self._login, self._message, flow)
        except BaseException:
            await flow.aclose()
            raise
        self._turn.give_back()
        return flow

    async def aclose(self) -> None:
        """Let go of the answer: its client has it, or is gone. What is on its way goes on."""
        self._closed = True
        if not self.begun:
            self._turn.give_back()
        if (flow := self.flow) is not None:
            await flow.aclose()
        else:
            self.answered.cancel()
