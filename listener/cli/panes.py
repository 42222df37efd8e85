"""`listener watch` in a terminal: keeps the board up to date from the daemon, and draws it.

Knows the daemon's client and rich; what is shown and what keys mean is `board`'s.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from listener.cli import keyboard, reaching
from listener.cli.board import Board
from listener.cli.filters import Filters
from listener.errors import DaemonUnreachable, Problem

if TYPE_CHECKING:
    from listener.cli.reaching import Where
    from listener.client import Client

FRAME = 0.1
"""Seconds between two drawings, at the least."""
CONNECTING = "events are not heard yet"
AGAIN = 2.0
"""Seconds between two looks whether a daemon that went away is there again."""
PATIENCE = 24 * 3600.0
"""Seconds for which a daemon that went away is waited for."""
_LISTED = 1000
_STYLES = {"head": "bold", "bad": "bold red", "good": "bold blue", "faint": "dim", "": ""}


class Panes:
    """One look at a daemon. `wanted`: the events that are asked for."""

    def __init__(
        self, where: Where, client: Client, wanted: dict[str, Any], filters: Filters
    ) -> None:
        self.board = Board(filters)
        self._where = where
        self._client = client
        self._wanted = wanted
        self._dirty = asyncio.Event()
        self._lost = asyncio.Event()
        self._lost.set()  # until the stream is open: what comes before is read with all the rest
        self.board.status = CONNECTING
        self._hearing = asyncio.Event()
        self.last_id: str | None = None

    async def show(self, console: Console) -> None:
        """Show until the user leaves. Raises what the client raises."""
        async with self._client:
            await reaching.must_fit(self._where, self._client)
            await self._refresh()
            drawing = Live(
                console=console,
                screen=True,
                auto_refresh=False,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            with (
                drawing,
                keyboard.pressed(asyncio.get_running_loop(), self._key, self._gone),
            ):
                await self._run(drawing, console)

    async def _run(self, drawing: Live, console: Console) -> None:
        tasks = [
            asyncio.create_task(self._follow(), name="following events"),
            asyncio.create_task(self._mend(), name="looking for the daemon"),
            asyncio.create_task(self._draw(drawing, console), name="drawing"),
        ]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        for task in done:
            task.result()

    def _key(self, key: str) -> None:
        self.board.key(key)
        self._dirty.set()

    def _gone(self) -> None:
        self.board.left = True
        self._dirty.set()

    async def _follow(self) -> None:
        while True:
            try:
                await self._hear()
            except DaemonUnreachable as error:  # before the stream had begun
                self._went(str(error))
            except Problem as problem:
                if not problem.retryable:
                    raise
                self._went(str(problem))
            await asyncio.sleep(AGAIN)

    async def _hear(self) -> None:
        wanted = self._wanted | {"after": self.last_id or self._wanted.get("after")}
        async with self._client.events(
            **wanted, patience=PATIENCE, lost=self._went, opened=self._hearing.set
        ) as events:
            async for event in events:
                self.last_id = events.last_id
                if self._lost.is_set() or event.name == "reset":
                    await self._found()
                self.board.event(event.name, event.data)
                self._dirty.set()

    def _went(self, why: str) -> None:
        self.board.status = f"the daemon is away, and is waited for: {why}"
        self._hearing.clear()
        self._lost.set()
        self._dirty.set()

    async def _mend(self) -> None:
        """Read anew how things are once a daemon that went away is heard again."""
        while True:
            await self._lost.wait()
            await self._hearing.wait()
            await self._found()
            if self._lost.is_set():
                await asyncio.sleep(AGAIN)

    async def _found(self) -> None:
        try:
            await self._refresh()
        except (DaemonUnreachable, Problem):
            return
        self._lost.clear()
        self.board.status = ""
        self._dirty.set()

    async def _refresh(self) -> None:
        agent = self._wanted.get("agent")
        self.board.agents(await self._client.agents())
        self.board.requests(await self._client.requests(state="open", agent=agent, limit=_LISTED))

    async def _draw(self, drawing: Live, console: Console) -> None:
        while not self.board.left:
            size = console.size
            lines = self.board.lines(size.width, size.height)
            shown = (Text(line.text, _STYLES[line.style], no_wrap=True) for line in lines)
            drawing.update(Group(*shown), refresh=True)
            self._dirty.clear()
            try:  # also without news, for the window may have changed
                async with asyncio.timeout(1.0):
                    await self._dirty.wait()
            except TimeoutError:
                continue
            await asyncio.sleep(FRAME)
