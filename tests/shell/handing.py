"""Two daemons in one loop, one of which takes over from the other; and who watches them."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from listener.handover.arriving import Arrival
from listener.handover.attempt import Asked
from listener.handover.channel import Channel
from listener.settings import Settings
from listener.simulator.assembly import Simulator
from listener.station import Station
from tests.shell.stage import PACES, settings, until


def told(simulator: Simulator, folder: Path, *, journal: bool = True, **more: Any) -> Settings:
    """Return settings with a socket, and a journal if wanted, in `folder`."""
    found = settings(simulator, folder, **more)
    api = found.api.model_copy(update={"socket": folder / "s"})
    kept = found.journal.model_copy(update={"path": folder / "j.sqlite" if journal else None})
    return found.model_copy(update={"api": api, "journal": kept})


def caller(path: Path) -> httpx.AsyncClient:
    """Return a client over the socket that begins a connection for each call."""
    limits = httpx.Limits(max_keepalive_connections=0)
    transport = httpx.AsyncHTTPTransport(uds=str(path), limits=limits)
    return httpx.AsyncClient(transport=transport, base_url="http://localhost", timeout=30)


class Watcher:
    """Notes whenever a user who was present is not, at the simulated notification service."""

    def __init__(self, simulator: Simulator) -> None:
        self.absences: list[str] = []
        self.most: dict[str, int] = {}
        house = simulator.notifications
        self._house = house
        self._seen: set[str] = set()
        stanzas = house._stanzas
        for name in ("_presence", "vanished"):
            setattr(stanzas, name, self._after(getattr(stanzas, name)))

    def _after(self, real: Callable[..., None]) -> Callable[..., None]:
        def watched(stream: Any, *more: Any) -> None:
            real(stream, *more)
            self.look(str(stream.user))

        return watched

    def look(self, user: str) -> None:
        there = len(self._house._sessions.reachable(user))
        self.most[user] = max(self.most.get(user, 0), there)
        if there:
            self._seen.add(user)
        elif user in self._seen:
            self.absences.append(user)


class Paced(Channel):
    """Does something before a word is said."""

    def __init__(self, sock: socket.socket, at: dict[str, Callable[[], Awaitable[None]]]) -> None:
        super().__init__(sock)
        self._at = at

    async def say(self, message: Any, within: float = 10.0) -> None:
        word = message.get("say") if isinstance(message, dict) else None
        if word in self._at:
            await self._at.pop(word)()
        await super().say(message, within)


@dataclass
class Twin:
    """The second daemon, as a `Starter`: in this loop, with a channel that tests can cut."""

    settings: Callable[[], Settings]
    alone: bool = False  # what it believes about the first one
    at: dict[str, Callable[[], Awaitable[None]]] = field(default_factory=dict)  # before a word
    arrival: Arrival | None = None
    station: Station | None = None
    error: Exception | None = None
    leave: asyncio.Event = field(default_factory=asyncio.Event)
    tasks: list[asyncio.Task[None]] = field(default_factory=list)
    sockets: list[socket.socket] = field(default_factory=list)

    name = "the twin"

    async def __call__(self, theirs: socket.socket, python: str | None) -> Twin:
        del python
        self.tasks.append(asyncio.create_task(self._live(theirs.dup())))
        return self

    async def _live(self, theirs: socket.socket) -> None:
        self.sockets.append(theirs)
        self.arrival = arrival = Arrival(Paced(theirs, self.at), gone=lambda: self.alone)
        try:
            async with Station.open(
                self.settings(), paces=PACES, arrival=arrival, again=self.settings
            ) as station:
                self.station = station
                await self.leave.wait()
        except Exception as error:  # noqa: BLE001  as the daemon does
            self.error = error
            arrival.failed(error)
        finally:
            arrival.close()

    def heard(self, name: str) -> int:
        """Return how many events of a class it heard and keeps."""
        assert self.arrival is not None
        return sum(type(one.event).__name__ == name for one in self.arrival.prelude.events)

    async def end(self, *, gently: bool) -> bool:
        del gently
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        return True


@dataclass
class Pair:
    """What a test finds: the first daemon, and the second one once it was asked for."""

    simulator: Simulator
    folder: Path
    first: Station
    twin: Twin
    left: asyncio.Task[None]
    words: list[str] = field(default_factory=list)

    @property
    def second(self) -> Station:
        assert self.twin.station is not None
        return self.twin.station

    async def hand_over(self, *, force: bool = False) -> str:
        """Hand over, and wait until the first daemon has left."""
        done = await self.first.leaving.hand_over(Asked(None, force), self.words.append)
        await until(lambda: self.twin.station is not None)
        return done

    @asynccontextmanager
    async def handing_over(self) -> AsyncIterator[None]:
        """Have both daemons up inside the block; behind it, the first one is asked for all."""
        go, there = asyncio.Event(), asyncio.Event()

        async def ready() -> None:
            there.set()
            await go.wait()

        self.twin.at["ready"] = ready
        handing = asyncio.create_task(self.hand_over())
        waits = asyncio.create_task(there.wait())
        await asyncio.wait({handing, waits}, return_when=asyncio.FIRST_COMPLETED)
        waits.cancel()
        if handing.done():
            await handing
        try:
            yield
        finally:
            go.set()
            await handing

    def meanwhile(self, what: Callable[[], Awaitable[None]]) -> None:
        """Do something while the first one stands still and the second one has not begun."""

        async def hello() -> None:
            arrival = self.twin.arrival
            assert arrival is not None
            real = arrival.deaf

            async def deaf(listener: Any, state: Any) -> set[str]:
                await what()
                return await real(listener, state)

            arrival.deaf = deaf  # type: ignore[method-assign]

        self.twin.at["hello"] = hello

    def caller(self) -> httpx.AsyncClient:
        return caller(self.folder / "s")


@asynccontextmanager
async def pair(
    simulator: Simulator,
    folder: Path,
    *,
    journal: bool = True,
    first: Callable[[Settings], Settings] = lambda same: same,
    later: Callable[[Settings], Settings] = lambda same: same,
    patience: float = 0.0,
    **more: Any,
) -> AsyncIterator[Pair]:
    """Run a daemon that can hand over to another one in this loop; its sessions are up.

    `first` makes its settings of the usual ones, `later` the second one's of the first one's.
    """
    mine = first(told(simulator, folder, journal=journal, **more))
    twin = Twin(lambda: later(mine))
    opened: asyncio.Future[Station] = asyncio.get_running_loop().create_future()
    stop = asyncio.Event()

    async def live() -> None:
        async with Station.open(mine, paces=PACES, start=twin, again=lambda: mine) as station:
            station.leaving._patience = patience
            opened.set_result(station)
            await station.until(stop)
            if station.leaving.left.is_set():
                await station.depart()

    running = asyncio.create_task(live())
    await asyncio.wait({opened, running}, return_when=asyncio.FIRST_COMPLETED)
    try:
        if running.done():
            await running
        station = opened.result()
        await until(lambda: station.listener.roster.up == len(mine.agents))
        yield Pair(simulator, folder, station, twin, running)
    finally:
        twin.leave.set()
        await asyncio.gather(*twin.tasks, return_exceptions=True)
        stop.set()
        await running


class Held:
    """Keeps what Finesse publishes until `let_go`, for all sessions."""

    def __init__(self, simulator: Simulator) -> None:
        self._house = simulator.notifications
        self._real = self._house.publish_items
        self._open = asyncio.Event()
        self._house.publish_items = self._publish  # type: ignore[method-assign]

    async def _publish(self, *args: Any, **how: Any) -> int:
        await self._open.wait()
        return await self._real(*args, **how)

    def let_go(self) -> None:
        """Publish all of it, in order."""
        self._house.publish_items = self._real  # type: ignore[method-assign]
        self._open.set()


@asynccontextmanager
async def deaf(simulator: Simulator, jid: str) -> AsyncIterator[None]:
    """Let nothing reach one session; what is sent comes afterwards."""
    stream = simulator.notifications._sessions.at(jid)
    assert stream is not None
    stream.outlet.stall()
    try:
        yield
    finally:
        stream.outlet.resume()
