"""While Finesse is out of service on a live stream: no events flow, so nothing may be presumed.

Signals (Cisco, failure scenarios): a SystemInfo event other than IN_SERVICE, and the XMPP user
`finesse` going unavailable. The session stays up, for its presence keeps the agent signed in.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from listener import logs
from listener.errors import ListenerError

_log = logs.get(__name__)


class Outage:
    """One agent's outage: begins at a signal, ends when Finesse says, asked now, IN_SERVICE.

    `check` asks that and raises a ListenerError otherwise; `renew` reads the picture and tells the
    service that we hear again. `every`: seconds between two questions when no event comes.
    """

    def __init__(
        self,
        agent: str,
        *,
        check: Callable[[], Awaitable[None]],
        renew: Callable[[], Awaitable[None]],
        every: float,
    ) -> None:
        self._agent = agent
        self._check = check
        self._renew = renew
        self._every = every
        self._back = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def lasts(self) -> bool:
        """Whether it has begun and not ended."""
        return self._task is not None and not self._task.done()

    def begin(self) -> None:
        """Take note of a signal that Finesse is out of service."""
        self._back.clear()
        if not self.lasts:
            self._task = asyncio.create_task(self._last(), name=f"outage {self._agent}")

    def may_be_over(self) -> None:
        """Take note of a signal that Finesse is back; it is asked before it is believed."""
        self._back.set()

    def stop(self) -> None:
        """Give it up at once: the session is gone, and the next one begins anew."""
        if self._task is not None:
            self._task.cancel()

    async def end(self) -> None:
        """Give it up, and return when nothing of it runs any more."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _last(self) -> None:
        while True:
            try:
                async with asyncio.timeout(self._every):
                    await self._back.wait()
            except TimeoutError:
                pass
            self._back.clear()
            try:
                await self._check()
            except ListenerError as trouble:
                _log.debug("finesse.state", agent=self._agent, detail=str(trouble))
            else:
                await self._renew()
                return
