"""A reader of all that a daemon tells, over restarts, in a thread of its own.

With a thousand agents the simulator keeps its own loop busy for a second at a time, and a reader in
it would be cut off for being slow, which says nothing of the daemon. Knows the stream of events;
what they mean is not known here.
"""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from listener.client import Client
from listener.errors import DaemonUnreachable, Problem

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from tests.chaos.program import Program

AGAIN = 0.1  # seconds until it comes back after a loss
LAST = 10.0  # seconds within which it begins, and ends

Told = tuple[str, dict[str, Any]]


class Reader:
    """Reads from `async with` on; `taken` and `odd` give what came since they were last asked."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._lock = threading.Lock()  # the lists are the loop's and the thread's
        self._events: list[Told] = []
        self._odd: list[str] = []
        self._last = 0
        self._place: str | None = None
        self._task: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._begun = threading.Event()
        self._thread = threading.Thread(target=self._read, name="reader", daemon=True)

    async def __aenter__(self) -> Self:
        self._thread.start()
        await asyncio.to_thread(self._begun.wait, LAST)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._loop is not None and self._task is not None:
            with suppress(RuntimeError):  # it has ended by itself
                self._loop.call_soon_threadsafe(self._task.cancel)
        await asyncio.to_thread(self._thread.join, LAST)

    def outcomes(self) -> set[str]:
        """Return the requests of which an outcome was told, among what was not taken yet."""
        with self._lock:
            return {
                data["id"]
                for name, data in self._events
                if name == "request" and data["outcome"] is not None
            }

    def taken(self) -> list[Told]:
        """Return all events (name, data) since the last time, and forget them."""
        with self._lock:
            taken, self._events = self._events, []
        return taken

    def odd(self) -> list[str]:
        """Return what was wrong with the stream since the last time, and forget it."""
        with self._lock:
            odd, self._odd = self._odd, []
        return odd if self._thread.is_alive() else [*odd, "the reader has ended"]

    def _read(self) -> None:
        with suppress(asyncio.CancelledError):
            asyncio.run(self._run())

    async def _run(self) -> None:
        self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
        self._begun.set()
        while True:
            with suppress(DaemonUnreachable, Problem):
                async with Client.unix(self._program.socket) as client:
                    events = client.events(after=self._place or "none-0")
                    async with events:
                        async for event in events:
                            self._take(event.id, event.name, event.data)
            await asyncio.sleep(AGAIN)

    def _take(self, id_: str | None, name: str, data: Any) -> None:
        with self._lock:
            if id_ is None:
                if self._place is not None:
                    self._odd.append(f"the reader was told {name}: {data}")
                return
            number = int(id_.rpartition("-")[2])
            if number != self._last + 1 and self._place is not None:
                self._odd.append(f"event {id_} came after {self._place}")
            self._last, self._place = number, id_
            self._events.append((name, data))
