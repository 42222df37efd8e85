"""One reader's event stream on the wire (WHATWG HTML, server-sent events), as an ASGI response.

Knows frames, comments and when to end; which events there are is the backend's business. Nothing is
gathered here: what the reader does not take stays behind it, where it is bounded.
"""

from __future__ import annotations

import asyncio

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from listener.api.waiting import ended, until_gone
from listener.offers import Reader

HEARTBEAT = 15.0
"""Seconds between comments, which tell both sides that the other is there."""
RETRY = 2000
"""Milliseconds after which a reader that lost the stream comes back."""
CHUNK = 64 * 1024
"""Bytes that are handed to the connection at once."""

OPENING = f"retry: {RETRY}\n".encode()
COMMENT = b":\n"

MEDIA_TYPE = "text/event-stream"


class EventStream(Response):
    """Sends what a reader is told until either side ends; then the reader is left."""

    media_type = MEDIA_TYPE

    def __init__(
        self,
        reader: Reader,
        *,
        heartbeat: float = HEARTBEAT,
    ) -> None:
        """Stream `reader`. `heartbeat` in seconds."""
        super().__init__(headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        # There is no length, and nothing that follows on the connection.
        self.raw_headers = [pair for pair in self.raw_headers if pair[0] != b"content-length"]
        self._reader = reader
        self._heartbeat = heartbeat
        self._writing = asyncio.Lock()  # what is written is whole before anything else is

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the stream."""
        del scope
        try:
            await self._serve(receive, send)
        finally:
            await self._reader.aclose()

    async def _serve(self, receive: Receive, send: Send) -> None:
        start = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
        await send(start)
        await self._put(send, OPENING + self._position())
        leaving = asyncio.create_task(until_gone(receive), name="watching an event reader")
        telling = asyncio.create_task(self._tell(send, leaving), name="telling events")
        both = {telling, leaving}
        try:
            while not (
                await asyncio.wait(
                    both, timeout=self._heartbeat, return_when=asyncio.FIRST_COMPLETED
                )
            )[0]:
                if not self._writing.locked():  # else it would wait behind what is not taken
                    await self._put(send, COMMENT + self._position())
            if telling.done() and not leaving.done():
                telling.result()
                await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            await ended(telling, leaving)

    def _position(self) -> bytes:
        """Return a block without an event: who loses the stream now goes on from here.

        It also moves a reader on that was told nothing because it wants little.
        """
        return f"id: {self._reader.position}\n\n".encode()

    async def _tell(self, send: Send, leaving: asyncio.Task[None]) -> None:
        async for told in self._reader:
            await self._put(send, told.frame)
            if leaving.done():
                return  # it was cut off meanwhile: what it did not take must not count as told

    async def _put(self, send: Send, data: bytes) -> None:
        """Send in pieces: the connection stops us after each that the reader does not take."""
        async with self._writing:
            for begin in range(0, len(data), CHUNK):
                piece = data[begin : begin + CHUNK]
                await send({"type": "http.response.body", "body": piece, "more_body": True})
