"""Whether an agent's credentials are refused: found out beside, while its requests wait.

A 401 to a request may be about something else, so the agent's own user is asked for. Where that
brings no word either, the refusals are counted until Finesse takes a login: five lock an account.
Knows no nodes, and not how anything is sent.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from listener.rest import judge

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from listener.rest.callers import Caller
    from listener.rest.flow import Raw

ENOUGH = "as many requests as may be were refused for the login, and none was taken in between"


class Doubts:
    """The questions that are open, one for each agent at most.

    `ask` GETs an agent's own user; `current` returns in whose name its requests go out now;
    `refused` is told of each agent whose credentials are refused, and the words.
    """

    def __init__(
        self,
        ask: Callable[[str], Awaitable[Raw]],
        current: Callable[[str], Caller | None],
        refused: Callable[[str, str], None],
    ) -> None:
        self._get = ask
        self._current = current
        self._refused = refused
        self._open: set[asyncio.Task[None]] = set()
        self._closed = False

    def __repr__(self) -> str:
        return f"<Doubts {len(self._open)} open>"

    def begin(self, agent: str, caller: Caller) -> None:
        """Hear of a 401 about the login; have it found out, unless that goes on already.

        Nothing is asked where one more refusal would be too many.
        """
        caller.refused()
        self.ask(agent, caller)

    def count(self, agent: str, caller: Caller) -> None:
        """Hear of a 401 that says nothing of the login by itself; one too many tells all the same.

        Who may be refused no more sends nothing either.
        """
        caller.refused()
        if caller.spent:
            self.tell(agent, caller, ENOUGH)

    def ask(self, agent: str, caller: Caller) -> None:
        """Have it found out; as `begin`, without a 401."""
        current = self._current(agent) is caller
        if self._closed or not current or not caller.undoubted.is_set():
            return
        if caller.spent:
            self.tell(agent, caller, ENOUGH)
            return
        caller.undoubted.clear()
        task = asyncio.create_task(self._find_out(agent, caller), name=f"doubt {agent}")
        self._open.add(task)

        def over(task: asyncio.Task[None]) -> None:
            self._open.discard(task)
            caller.undoubted.set()

        task.add_done_callback(over)

    def tell(self, agent: str, caller: Caller, why: str) -> None:
        """Tell of refused credentials, unless they were replaced meanwhile."""
        if self._current(agent) is caller:
            self._refused(agent, why)

    async def aclose(self) -> None:
        """Ask no more."""
        self._closed = True
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def _find_out(self, agent: str, caller: Caller) -> None:
        while self._current(agent) is caller and not (caller.may_go or caller.spent):
            await caller.turns.news.wait()  # what is on its way may be refused as well
        if self._current(agent) is not caller:
            return
        if caller.spent:
            self.tell(agent, caller, ENOUGH)
            return
        raw = await self._get(agent)
        if judge.login_refused(raw):
            self.tell(agent, caller, judge.reason(raw))
            return
        if raw.sent and raw.status is None:
            caller.refused()  # perhaps; nobody told us
        if caller.spent:
            self.tell(agent, caller, ENOUGH)
