"""A reader of all that a daemon tells, over restarts, in a process of its own.

With a thousand agents the simulator keeps its process busy for a second at a time, and a reader in
it, in whatever thread, would be cut off for being slow, which says nothing of the daemon. This one
measures its own loop, too. Knows the stream of events; what they mean is not known here.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from listener.client import Client
from listener.errors import DaemonUnreachable, Problem
from tests.chaos.stalls import Stalls, lag_between

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

AGAIN = 0.1  # seconds until it comes back after a loss
LAST = 10.0  # seconds within which it begins, and ends
LOOKED_BACK = 10.0  # seconds before it is cut off in which it may have been held up
MOST_LAG = 0.5  # seconds by which it may be, and is cut off for no fault of its own

Told = tuple[str, dict[str, Any]]


class Reader:
    """Reads from `async with` on; `taken` and `odd` give what came since they were last asked.

    `held_up`: how often it was cut off while it was measured that it could not read.
    """

    def __init__(self, socket: Path) -> None:
        self._socket = socket
        self._lock = threading.Lock()  # the lists are the loop's and the thread's
        self._events: list[Told] = []
        self._odd: list[str] = []
        self._last = 0
        self._place: str | None = None
        self.held_up = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._begun = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="reader", daemon=True)

    async def __aenter__(self) -> Self:
        self._process = subprocess.Popen(  # noqa: ASYNC220  it is there at once
            [sys.executable, "-m", __name__, self._socket],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[2],
        )
        self._thread.start()
        await asyncio.to_thread(self._begun.wait, LAST)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.close()  # which ends it
        try:
            await asyncio.to_thread(self._process.wait, LAST)
        except subprocess.TimeoutExpired:
            self._process.kill()
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

    def _listen(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                self._begun.set()
                if (told := json.loads(line)) is not None:
                    self.take(*told)

    def take(self, id_: str | None, name: str, data: Any, lag: float) -> None:
        """Take in one event; `lag`: by how much the reader's own loop was late before it."""
        with self._lock:
            if id_ is None:
                if self._place is None:
                    return
                if name == "lagged" and lag > MOST_LAG:
                    self.held_up += 1
                else:
                    self._odd.append(f"the reader was told {name}: {data}, {lag:.3f} s late itself")
                return
            number = int(id_.rpartition("-")[2])
            if number != self._last + 1 and self._place is not None:
                self._odd.append(f"event {id_} came after {self._place}")
            self._last, self._place = number, id_
            self._events.append((name, data))


# -- the process of its own ------------------------------------------------------------------------


async def read(socket: str) -> None:
    """Write all that the daemon at a socket tells to standard output, until standard input ends."""
    loop, over = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(sys.stdin.fileno(), over.set)  # nothing comes there but its end
    out, _ = await loop.connect_write_pipe(asyncio.BaseProtocol, sys.stdout)
    out.write(b"null\n")  # it has begun
    stalls = Stalls()
    tasks = [
        asyncio.create_task(stalls.run()),
        asyncio.create_task(_follow(socket, out, stalls)),
        asyncio.create_task(over.wait()),
    ]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
    for told in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(told, Exception):
            raise told


async def _follow(socket: str, out: asyncio.WriteTransport, stalls: Stalls) -> None:
    loop, place = asyncio.get_running_loop(), None
    while True:
        with suppress(DaemonUnreachable, Problem):
            async with (
                Client.unix(socket) as client,
                client.events(after=place or "none-0") as events,
            ):
                async for event in events:
                    place = event.id or place
                    now = loop.time()
                    lag = 0.0
                    if event.id is None:
                        lag = lag_between(stalls.since(now - LOOKED_BACK), now - LOOKED_BACK, now)
                    # However much waits there, this one reads on.
                    told = json.dumps((event.id, event.name, event.data, lag))
                    out.write(told.encode() + b"\n")
        await asyncio.sleep(AGAIN)


if __name__ == "__main__":
    asyncio.run(read(sys.argv[1]))
