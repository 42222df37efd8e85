"""A client's request body as it comes in: a small one whole, a big one part by part.

Knows ASGI's messages; knows nothing of what a body says. At most one part beyond what was asked for
is held here.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

from starlette.types import Receive

from listener.rest.forwarder import Content
from listener.rest.onward import first

IDLE = 30.0
"""Seconds that a client may take for the next part."""


class ClientGone(Exception):
    """The client hung up, or sends its body too slowly."""


class Upload:
    """The body of one request."""

    def __init__(self, receive: Receive, headers: Iterable[tuple[bytes, bytes]]) -> None:
        given = list(headers)
        length = first(given, b"content-length")
        self._receive = receive
        self._held: list[bytes] = []
        self.announced = length is not None or first(given, b"transfer-encoding") is not None
        """Whether the header says that there is a body, be it an empty one."""
        self.complete = not self.announced
        """Whether all of it was read."""

    async def content(self, most: int) -> Content:
        """Return the whole body if it has at most `most` bytes, None for none, else its parts.

        Raises ClientGone when it ends early.
        """
        if not self.announced:
            return None
        size = 0
        while not self.complete:
            part = await self._next()
            self._held.append(part)
            size += len(part)
            if size > most:
                return self
        held, self._held = self._held, []
        return b"".join(held)

    def parts(self) -> Content:
        """Return the body to be sent on as it comes, None for none."""
        return self if self.announced else None

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield what was held back, and then what comes."""
        return self

    async def __anext__(self) -> bytes:
        """Return the next part that is not empty."""
        while self._held or not self.complete:
            part = self._held.pop(0) if self._held else await self._next()
            if part:
                return part
        raise StopAsyncIteration

    async def _next(self) -> bytes:
        try:
            async with asyncio.timeout(IDLE):
                message = await self._receive()
        except TimeoutError:
            raise ClientGone("the client sends its body too slowly") from None
        if message["type"] != "http.request":
            raise ClientGone("the client hung up")
        self.complete = not message.get("more_body", False)
        return bytes(message.get("body", b""))

    async def gone(self) -> None:
        """Wait until the client has hung up. The body must have been read."""
        while (await self._receive())["type"] != "http.disconnect":
            pass


@asynccontextmanager
async def while_there(upload: Upload) -> AsyncIterator[None]:
    """Run the block as long as the client is there; raises ClientGone when it hangs up.

    Of a client whose body is not read yet nobody knows; its block runs to its end.
    """
    if not upload.complete:
        yield
        return
    limit = asyncio.timeout(None)

    async def watch() -> None:
        await upload.gone()
        limit.reschedule(asyncio.get_running_loop().time())

    watching = asyncio.create_task(watch(), name="client of a read")
    try:
        async with limit:
            yield
    except TimeoutError:
        if limit.expired():
            raise ClientGone("the client hung up") from None
        raise
    finally:
        await ended(watching)


async def ended(*tasks: asyncio.Task[Any]) -> None:
    """Cancel tasks and wait for their end; what they end with is not told."""
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    for task in tasks:
        if not task.cancelled():
            task.exception()
