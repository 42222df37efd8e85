"""The way out of one connection: in order, bounded, and able to stall, slice and break off.

Knows transports and bytes; knows nothing of XML or of who is at the other end.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable, Coroutine
from typing import Any, TypeAlias

MAX_UNSENT = 4 * 1024 * 1024

Spawn: TypeAlias = Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]]


def reset(transport: asyncio.BaseTransport) -> None:
    """End a connection with RST: what is unsent is lost and the peer sees a reset."""
    sock = transport.get_extra_info("socket")
    if sock is not None and sock.fileno() >= 0:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    if isinstance(transport, asyncio.WriteTransport):
        transport.abort()


class Outlet:
    """Writes to a transport that may be exchanged for its TLS twin half-way.

    `piece` says the largest single write in bytes, or None. When more than `MAX_UNSENT` bytes
    wait for a peer that does not read, the connection is aborted and `overflowed` is True.
    """

    def __init__(
        self, transport: asyncio.Transport, piece: Callable[[], int | None], spawn: Spawn
    ) -> None:
        self.transport = transport
        self.overflowed = False
        self.silent = False  # what is sent from now on vanishes
        self._piece = piece
        self._spawn = spawn
        self._held = bytearray()
        self._stalled = False
        self._pump_task: asyncio.Task[None] | None = None
        self._closing = False

    @property
    def open(self) -> bool:
        """Whether something sent now can still arrive."""
        return not (self.silent or self._closing or self.transport.is_closing())

    def send(self, data: bytes) -> None:
        """Write, or keep until it can be written; after `close` and in silence: nothing."""
        if not self.open:
            return
        if self._stalled or self._pumping or self._piece():
            self._held += data
            self._pump()
        else:
            self.transport.write(data)
        if len(self._held) + self.transport.get_write_buffer_size() > MAX_UNSENT:
            self.overflowed = True
            self.abort()

    @property
    def _pumping(self) -> bool:
        return self._pump_task is not None

    def stall(self) -> None:
        """Write nothing until `resume`."""
        self._stalled = True

    def resume(self) -> None:
        """Write what was held back, in its order."""
        self._stalled = False
        self._pump()

    def close(self) -> None:
        """Write what is held (nothing, when stalled), then end the connection in order."""
        self._closing = True
        if self._stalled or not self._pumping:
            self._held.clear()
            self._end()

    def abort(self) -> None:
        """End the connection at once; what is unsent is lost."""
        self._held.clear()
        self._closing = True
        self.transport.abort()

    def reset(self) -> None:
        """End the connection with RST."""
        self._held.clear()
        self._closing = True
        reset(self.transport)

    async def flushed(self) -> None:
        """Return when the pump stands still: all is written, or the connection stalls or ends."""
        if self._pump_task is not None:
            await asyncio.wait([self._pump_task])

    def _pump(self) -> None:
        if self._held and not self._pumping and not self._stalled:
            self._pump_task = self._spawn(self._drain())

    async def _drain(self) -> None:
        """Write the held bytes piece by piece, with a turn of the loop between any two."""
        try:
            while self._held and not self._stalled and not self.transport.is_closing():
                size = self._piece() or len(self._held)
                piece = bytes(self._held[:size])
                del self._held[:size]
                self.transport.write(piece)
                await asyncio.sleep(0)
        finally:
            self._pump_task = None
        if self._closing and not self._stalled:
            self._end()

    def _end(self) -> None:
        """Close the transport, once: asyncio's TLS forgets its socket when it is closed again."""
        if not self.transport.is_closing():
            self.transport.close()
