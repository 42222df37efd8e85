"""One proxied connection, from its acceptance to its end, and the faults that meet it alone.

Knows both sides and when they are joined; what becomes of bytes is in `proxy_pipe`, listening and
what is common to all connections in `proxy`.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from tests.fault.proxy_pipe import WAYS, Act, Mark, Pipe, Side, State, Trap, Way

if TYPE_CHECKING:
    from tests.fault.proxy import Proxy

LOOPBACK = "127.0.0.1"
LAST_WORDS = 1.0  # seconds for a closed transport to say that it is gone


@dataclass(frozen=True, slots=True)
class Ends:
    """Where TLS is ended: the context shown to the program, and the one to reach the server."""

    near: ssl.SSLContext
    far: ssl.SSLContext


class Door(asyncio.Protocol):
    """A connection that nobody has taken over yet: what it says is not heard."""

    def __init__(self, arrived: Callable[[asyncio.Transport, Door], None]) -> None:
        self.gone = asyncio.Event()
        self._arrived = arrived

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.pause_reading()
        self._arrived(transport, self)

    def connection_lost(self, exc: Exception | None) -> None:
        self.gone.set()


class Link:
    """One connection. `near` is the program's side, `far` the server's.

    Times are the loop's clock. `established`: what the proxy takes for the end of a handshake has
    gone down. `over` is set when nothing is left of it.
    """

    def __init__(self, proxy: Proxy, transport: asyncio.Transport, door: Door) -> None:
        self.began = asyncio.get_running_loop().time()
        self.ended: float | None = None
        self.over = asyncio.Event()
        self.established = False
        self.pipes = {
            way: Pipe(proxy.shapes[way].again(), act=self._act, going=partial(self._going, way))
            for way in WAYS
        }
        up, down = (self.pipes[way] for way in WAYS)
        tls = proxy.ends is not None
        self.near, self.far = Side(up, down, tls=tls), Side(down, up, tls=tls)
        self.near.transport = transport
        self._proxy = proxy
        self._door = door
        self._watch = Trap(proxy.established, Act.HOLD) if proxy.established is not None else None
        self._welcome = asyncio.Event()
        self._goodbyes = [door.gone]  # each is set when that side is gone
        self.greet(proxy.greeting)

    def __repr__(self) -> str:
        return f"<Link {'over' if self.over.is_set() else 'open'} {dict(self.passed)}>"

    @property
    def passed(self) -> Counter[Way]:
        """The bytes that went by, each way."""
        return Counter({way: pipe.passed for way, pipe in self.pipes.items()})

    # -- faults --------------------------------------------------------------------------------

    def greet(self, state: State) -> None:
        """Dial the server; or (HOLD, DROP) not yet, and read nothing, or hear nothing, meanwhile.

        Changes nothing once the server was dialled.
        """
        if state is State.PASS:
            self._welcome.set()
        elif not self._welcome.is_set() and self.near.transport is not None:
            raw = self.near.transport
            raw.resume_reading() if state is State.DROP else raw.pause_reading()

    def turn(self, state: State, *ways: Way) -> None:
        """Let these directions (none named: both) pass, stand still, or lead nowhere."""
        for way in ways or WAYS:
            self.pipes[way].turn(state)

    def trap(self, way: Way, mark: Mark, act: Act) -> None:
        """Do something when a mark goes by; a number of bytes is counted from here."""
        self.pipes[way].shape.trap = Trap(mark, act)

    def reset(self) -> None:
        """End both sides by RST."""
        self.near.reset()
        self.far.reset()

    def finish(self) -> None:
        """End both sides in order, by FIN; what was passed on before arrives."""
        self.near.close()
        self.far.close()

    def finish_half(self, way: Way) -> None:
        """End one direction alone by FIN; what is sent that way afterwards vanishes."""
        self.turn(State.DROP, way)
        (self.far if way is Way.UP else self.near).finish()

    def forget_server(self) -> None:
        """Half-open: the server's side is reset, and the program is never told."""
        self.turn(State.DROP)
        self.far.reset()

    def _act(self, act: Act) -> None:
        if act is Act.RST:
            self.reset()
        else:
            self.finish()

    # -- life ----------------------------------------------------------------------------------

    async def run(self) -> None:
        """Carry the connection from its acceptance to its end."""
        try:
            if await self._welcomed():
                await self._dial()
                async with asyncio.TaskGroup() as carrying:
                    carrying.create_task(self.pipes[Way.UP].run(self.far))
                    carrying.create_task(self.pipes[Way.DOWN].run(self.near))
        except (OSError, ssl.SSLError):
            self.reset()  # no server, or a handshake that failed: the program is told
        finally:
            self.finish()
            await self._gone()
            self.ended = asyncio.get_running_loop().time()
            self._proxy.left(self)
            self.over.set()

    async def _welcomed(self) -> bool:
        """Wait until the server may be dialled; False when the program has gone before."""
        waits = [asyncio.create_task(event.wait()) for event in (self._welcome, self._door.gone)]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)
        return not self._door.gone.is_set()

    async def _dial(self) -> None:
        loop, ends = asyncio.get_running_loop(), self._proxy.ends
        far, near = (None, None) if ends is None else (ends.far, ends.near)
        await loop.create_connection(
            lambda: self.far,
            LOOPBACK,
            self._proxy.server_port,
            ssl=far,
            server_hostname=None if far is None else LOOPBACK,
        )
        self._goodbyes.append(self.far.gone)
        raw = self.near.transport
        assert raw is not None
        if self._door.gone.is_set():
            raise ConnectionResetError
        self._goodbyes.remove(self._door.gone)
        if near is None:
            raw.set_protocol(self.near)
            self.near.connection_made(raw)
        else:
            top = await loop.start_tls(raw, self.near, near, server_side=True)
            if top is None:
                raise ConnectionResetError
            self.near.connection_made(top)
        self._goodbyes.append(self.near.gone)

    async def _gone(self) -> None:
        """Wait until all sides are gone; whoever does not say goodbye is cut."""
        with suppress(TimeoutError):
            async with asyncio.timeout(LAST_WORDS):
                for goodbye in self._goodbyes:
                    await goodbye.wait()
        self.reset()

    def _going(self, way: Way, piece: bytes) -> None:
        self._proxy.passed[way] += len(piece)
        if way is Way.DOWN and self._watch is not None:
            if self._watch.reached(piece) is None:
                return
            self._watch, self.established = None, True
            self._proxy.shook_hands()
