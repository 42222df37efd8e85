"""One request through a running daemon; a signal ends the waiting, not the knowledge.

Does with the daemon's API what `submitting` does with a session of its own, and is asked the same.
"""

from __future__ import annotations

import asyncio
import uuid
from typing import TYPE_CHECKING, Any

from listener.cli import console
from listener.cli.exits import LostSight
from listener.cli.submitting import signals
from listener.correlation.outcome import Abandoned, Reason, Rejected
from listener.errors import DaemonUnreachable, Problem

if TYPE_CHECKING:
    from listener.client import Client, RequestResource

GOODBYE = 10.0
"""Seconds that an abandoned request is waited for: its end may have to be made safe first."""


class Relay:
    """Hands one request to a daemon and waits; `interrupted` says whether a signal cut that short.

    `asked` are the arguments of `Client.submit`. The request goes under a key of its own, so that
    it reaches Finesse once even when the connection to the daemon has to be made again.
    """

    def __init__(self, client: Client, asked: dict[str, Any]) -> None:
        self.interrupted = False
        self._client = client
        self._asked = asked
        self._begun = False
        self._id: str | None = None
        self._stopped = asyncio.Event()

    async def outcome(self) -> dict[str, Any]:
        """Return what came of it, as JSON; after a signal what is known at that moment.

        Raises Problem and DaemonUnreachable when nothing was sent, LostSight when the daemon went
        away with the request.
        """
        work = asyncio.create_task(self._work(), name="relay")
        with signals(lambda: self._stop(work)):
            try:
                found = await work
            except asyncio.CancelledError:
                if not self.interrupted:
                    raise
                return self._unknown()
            except Problem as problem:
                if problem.name == "unknown_agent":
                    console.errors().print("--direct opens a session for this command alone")
                raise
            except DaemonUnreachable as error:
                if error.sent is False and self._id is None:
                    raise
                raise LostSight(self._lost(error)) from None
        return dict(found["outcome"] or self._unknown())

    async def _work(self) -> RequestResource:
        async with self._client:
            return await self._asked_and_told()

    async def _asked_and_told(self) -> RequestResource:
        self._begun = True
        taken = await self._client.submit(**self._asked, idempotency_key=str(uuid.uuid4()))
        self._id = taken["id"]
        waiting = asyncio.create_task(self._client.outcome(self._id), name="outcome")
        stopping = asyncio.create_task(self._stopped.wait(), name="stop")
        try:
            await asyncio.wait({waiting, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if waiting.done():
                return waiting.result()
            found = await self._client.abandon(self._id)
            return found if found["outcome"] else await self._client.outcome(self._id, GOODBYE)
        finally:
            for task in (waiting, stopping):
                task.cancel()
            await asyncio.gather(waiting, stopping, return_exceptions=True)

    def _stop(self, work: asyncio.Task[RequestResource]) -> None:
        """Abandon the request, once it is known; the second time, stop at once."""
        if self.interrupted or not self._begun:
            work.cancel()
        self.interrupted = True
        self._stopped.set()

    def _unknown(self) -> dict[str, Any]:
        """Return the outcome where the daemon has not told one: it may have happened."""
        from listener.report import outcome_json  # noqa: PLC0415  not needed to start

        if not self._begun:
            return outcome_json(Rejected(reason=Reason.CANCELLED, sent=False))
        return outcome_json(Abandoned(reason=Reason.CALLER, sent=None))

    def _lost(self, error: DaemonUnreachable) -> str:
        if self._id is None:
            return f"{error}; whether it took the request is not known: it may have happened"
        return (
            f"{error}; what came of the request is not known, and it may have happened: "
            f"`listener requests {self._id}` tells it when the daemon is back"
        )
