"""One direction of a proxied connection: what came in, and what becomes of it on the way.

Knows bytes, their order and the faults that meet them; knows no listening and no dialling.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import StrEnum

from listener.simulator.xmpp_outlet import reset

HIGH = 64 * 1024  # bytes that wait here before the source is read no more


class Way(StrEnum):
    """A direction."""

    UP = "up"  # from the program to the server
    DOWN = "down"


WAYS = tuple(Way)


class State(StrEnum):
    """What becomes of bytes, and of the end of a connection, while nothing else is wrong."""

    PASS = "pass"
    HOLD = "hold"  # nothing is read: the sender's buffers fill up; nothing is lost
    DROP = "drop"  # all is read and vanishes; an end is told once the state changes


class Act(StrEnum):
    """What a trap does to its connection."""

    HOLD = "hold"  # this direction stands still
    DROP = "drop"  # this direction leads nowhere any more
    FIN = "fin"  # an orderly end of both sides
    RST = "rst"  # both sides are reset


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in what goes one way: a number of bytes, or the n-th time that some bytes go by.

    `before`: in front of those bytes, else behind them. Those of an int are counted from when the
    trap is set. Where bytes come in pieces, the place in front is where the last piece begins.
    """

    at: int | bytes
    times: int = 1
    before: bool = False


class Trap:
    """A mark, and what happens there, once."""

    def __init__(self, mark: Mark, act: Act) -> None:
        self.mark = mark
        self.act = act
        self._left = mark.at if isinstance(mark.at, int) else mark.times
        self._tail = b""

    def again(self) -> Trap:
        """Return the same trap as it was when nothing had gone by."""
        return Trap(self.mark, self.act)

    def reached(self, piece: bytes) -> int | None:
        """Return how much of `piece` goes by until the mark; None when all of it does."""
        if not isinstance(self.mark.at, int):
            return self._found(piece, self.mark.at)
        if self._left > len(piece):
            self._left -= len(piece)
            return None
        return self._left

    def _found(self, piece: bytes, words: bytes) -> int | None:
        seen, old, start = self._tail + piece, len(self._tail), 0
        while (at := seen.find(words, start)) >= 0:
            start = at + len(words)
            self._left -= 1
            if self._left == 0:
                return max(0, (at if self.mark.before else start) - old)
        self._tail = seen[max(start, len(seen) - len(words) + 1) :]
        return None


@dataclass(slots=True)
class Shape:
    """How one direction is. `delay`: seconds before each chunk; `piece`: bytes a write."""

    state: State = State.PASS
    delay: float = 0.0
    piece: int | None = None
    trap: Trap | None = None

    def again(self) -> Shape:
        """Return a copy for another connection."""
        return replace(self, trap=self.trap.again() if self.trap is not None else None)


class Side(asyncio.Protocol):
    """One end of a connection; what it sends goes into `out`, what is written comes from `back`."""

    def __init__(self, out: Pipe, back: Pipe, *, tls: bool = False) -> None:
        self.transport: asyncio.Transport | None = None
        self.ended = False  # it sends nothing more
        self.finished = False  # nothing more is written to it
        self.gone = asyncio.Event()
        self.writable = asyncio.Event()
        self.writable.set()
        self._out = out
        self._back = back
        self._tls = tls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.set_write_buffer_limits(high=HIGH)
        self._out.follow(self)

    def data_received(self, data: bytes) -> None:
        self._out.put(data)

    def eof_received(self) -> bool:
        self.ended = True
        self._out.end(by_reset=False)
        self._back.stir()
        return not self._tls  # a half-closed connection goes on; TLS has none

    def connection_lost(self, exc: Exception | None) -> None:
        self.ended = True
        self.gone.set()
        self.writable.set()
        self._out.end(by_reset=exc is not None)
        self._back.stir()

    def pause_writing(self) -> None:
        self.writable.clear()

    def resume_writing(self) -> None:
        self.writable.set()

    @property
    def open(self) -> bool:
        """Whether something can be written to it."""
        return self.transport is not None and not self.finished and not self.transport.is_closing()

    def finish(self) -> None:
        """End what is written to it, in order."""
        if not self.open or self.transport is None:
            return
        self.finished = True
        if self._tls:  # which has no half of an end
            self.transport.close()
            return
        with suppress(OSError):  # it may be gone already, and nobody has read that yet
            self.transport.write_eof()

    def close(self) -> None:
        """Close it in order."""
        if self.transport is not None and not self.transport.is_closing():
            self.transport.close()

    def reset(self) -> None:
        """Close it by RST."""
        if self.transport is not None and not self.gone.is_set():
            reset(self.transport)


class Pipe:
    """Carries what one side sends to the other, as its shape says. `run` is its only task.

    `passed` and `dropped` count bytes, `waiting` are those that were read and did neither. `act` is
    called when a trap with FIN or RST is reached, `going` with what goes by.
    """

    def __init__(
        self, shape: Shape, *, act: Callable[[Act], None], going: Callable[[bytes], None]
    ) -> None:
        self.shape = shape
        self.passed = self.dropped = 0
        self._act = act
        self._going = going
        self._queue: deque[bytes] = deque()
        self.waiting = 0
        self._ended = self._by_reset = False
        self._stirred = asyncio.Event()
        self._source: Side | None = None

    # -- told by the side that sends -----------------------------------------------------------

    def follow(self, source: Side) -> None:
        """Read from that side, unless it stands still from the start."""
        self._source = source
        self._set_reading()

    def put(self, data: bytes) -> None:
        """Take in what was read."""
        if self.shape.state is State.DROP:
            self.dropped += len(data)
            return
        self._queue.append(data)
        self.waiting += len(data)
        self._set_reading()
        self._stirred.set()

    def end(self, *, by_reset: bool) -> None:
        """Take note that the side has ended, or only its half."""
        self._ended = True
        self._by_reset = self._by_reset or by_reset
        self._stirred.set()

    def stir(self) -> None:
        """Look again whether there is something to do."""
        self._stirred.set()

    def _set_reading(self) -> None:
        transport = self._source.transport if self._source is not None else None
        if transport is None or transport.is_closing():
            return
        if self.shape.state is State.HOLD or self.waiting > HIGH:
            transport.pause_reading()
        else:
            transport.resume_reading()

    # -- told by the test ----------------------------------------------------------------------

    def turn(self, state: State) -> None:
        """Treat what comes, and what waits, in that way from now on."""
        self.shape.state = state
        self._set_reading()
        self._stirred.set()

    # -- carrying ------------------------------------------------------------------------------

    async def run(self, sink: Side) -> None:
        """Carry until the end of the source has been told to `sink`."""
        while await self._something(sink):
            chunk = self._queue.popleft()
            self.waiting -= len(chunk)
            if self.shape.delay > 0:
                await asyncio.sleep(self.shape.delay)  # the fault itself
            while chunk:
                chunk = await self._some(chunk, sink)
            self._set_reading()
        if self._by_reset:
            sink.reset()
        else:
            sink.finish()

    async def _something(self, sink: Side) -> bool:
        """Wait for bytes that may go on; False when it is only the end that may."""
        while True:
            state = self.shape.state
            if self._queue and state is not State.HOLD:
                return True
            if self._ended and (state is State.PASS or sink.ended):
                return False
            self._stirred.clear()
            await self._stirred.wait()

    async def _some(self, chunk: bytes, sink: Side) -> bytes:
        """Carry one piece of a chunk; return what is left of it."""
        if self.shape.state is State.DROP or not sink.open:
            self.dropped += len(chunk)
            return b""
        if self.shape.state is State.HOLD:
            self._stirred.clear()
            await self._stirred.wait()
            return chunk
        piece = chunk[: self.shape.piece]
        trap = self.shape.trap
        caught = trap.reached(piece) if trap is not None else None
        size = len(piece) if caught is None else caught
        if size and sink.transport is not None:
            sink.transport.write(piece[:size])
            self.passed += size
            self._going(piece[:size])
        await sink.writable.wait()
        if trap is not None and caught is not None:
            self._spring(trap)
        elif size < len(chunk):
            await asyncio.sleep(0)  # so that it leaves on its own
        return chunk[size:]

    def _spring(self, trap: Trap) -> None:
        self.shape.trap = None
        if trap.act is Act.HOLD:
            self.turn(State.HOLD)
        elif trap.act is Act.DROP:
            self.turn(State.DROP)
        else:
            self._act(trap.act)
