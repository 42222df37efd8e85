"""Questions to the server and their answers: IQs, matched by id and by whom they were sent to.

Knows ids and waiting. Must not know what is asked.
"""

from __future__ import annotations

import asyncio
import itertools
import secrets
from typing import TYPE_CHECKING, Any

from listener.errors import Unreachable

if TYPE_CHECKING:
    import xml.etree.ElementTree as ET
    from collections.abc import Callable

    from listener.xmpp.guard import GuardedClient


async def either(event: asyncio.Event, ended: asyncio.Future[Any], seconds: float) -> None:
    """Wait for the event, the end of the session or the time, whichever is first."""
    task = asyncio.create_task(event.wait())
    try:
        await asyncio.wait((task, ended), timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


class Asks:
    """The open questions of one session; ids cannot be guessed by other users of the server."""

    def __init__(self) -> None:
        self._ids = (f"{secrets.token_hex(4)}-{number}" for number in itertools.count(1))
        self._open: dict[str, tuple[str, asyncio.Future[ET.Element]]] = {}
        self._client: GuardedClient | None = None
        self._seconds = 0.0

    def attach(self, client: GuardedClient, seconds: float) -> None:
        """Ask through that client from now on; `seconds` is the usual bound on an answer."""
        self._client, self._seconds = client, seconds

    def new_id(self) -> str:
        """Return a fresh id."""
        return next(self._ids)

    def within(self, due: float, share: float = 1.0) -> float:
        """Return the usual bound on an answer, or less: that share of what is left until `due`."""
        left = due - asyncio.get_running_loop().time()
        return max(0.0, min(self._seconds, left * share))

    async def ask(
        self,
        to: str,
        build: Callable[[str, str], str],
        within: float | None = None,
        *,
        what: str = "a question",
    ) -> ET.Element:
        """Send one IQ and return its answer, whatever it says; `what` names it in words.

        Raises Unreachable when the session is gone, ends, or the answer does not come in time.
        """
        client, seconds = self._client, self._seconds if within is None else within
        if client is None:
            raise Unreachable("the session was never opened")
        waiter = self.put(to, build)
        answer_or_end: set[asyncio.Future[Any]] = {waiter, client.ended}
        try:
            await asyncio.wait(answer_or_end, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self.drop(waiter)
        if not waiter.done():
            if client.over():
                raise Unreachable(f"the session ended before {to} answered")
            raise Unreachable(f"{client.peer} gave no answer to {what} ({to}) in {seconds:.3g} s")
        return waiter.result()

    def put(self, to: str, build: Callable[[str, str], str]) -> asyncio.Future[ET.Element]:
        """Send one IQ; its answer comes in the future. The caller must `drop` that.

        Raises Unreachable when the session is gone.
        """
        if self._client is None:
            raise Unreachable("the session was never opened")
        ask = self.new_id()
        self._client.say(build(ask, to))
        waiter: asyncio.Future[ET.Element] = asyncio.get_running_loop().create_future()
        self._open[ask] = (to, waiter)
        return waiter

    def drop(self, waiter: asyncio.Future[ET.Element]) -> None:
        """Wait for that answer no more."""
        self._open = {ask: one for ask, one in self._open.items() if one[1] is not waiter}

    def answered(self, element: ET.Element) -> None:
        """Settle the question that this answer belongs to, if it comes from whom we asked."""
        to, waiter = self._open.get(element.get("id", ""), ("", None))
        sender = element.get("from", to).lower()
        if waiter is not None and not waiter.done() and sender == to.lower():
            waiter.set_result(element)
