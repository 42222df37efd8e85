"""An answer that is on its way: its head, and its body part by part, as bytes of the wire.

Knows httpx's response and the limits of time on it; knows no pool, no agents and not what a status
means. Nothing is unpacked: `Content-Encoding` stays as it is.
"""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import httpx

from listener.rest.words import explain, is_certificate, links

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable


@dataclass(slots=True)
class Raw:
    """What one exchange brought.

    `sent`: bytes left, as traced. `whole`: the answer was read to its end. `unreached`: it failed
    while connecting. `certificate`: because the certificate was refused. `late`: it did not come in
    time.
    """

    node: str
    sent: bool = False
    status: int | None = None
    headers: httpx.Headers = field(default_factory=httpx.Headers)
    body: bytes = b""
    whole: bool = False
    unreached: bool = False
    certificate: bool = False
    late: bool = False
    trouble: str = ""


class Flow:
    """One answer: `raw` says what is known of it so far. Close it; nothing here raises.

    `until` is the loop's time by which `read` has to be done, `idle` the seconds between two parts
    of `parts`. One task reads at a time.
    """

    def __init__(self, raw: Raw, *, idle: float) -> None:
        self.raw = raw
        self.until: float | None = None
        self._idle = idle
        self._response: httpx.Response | None = None
        self._parts: AsyncGenerator[bytes, None] | None = None
        self._ahead = b""
        self._over = False  # nothing more comes: it is whole, or it broke off
        self._closed: Callable[[], None] | None = None

    def __repr__(self) -> str:
        return f"<Flow from {self.raw.node} {self.raw.status or self.raw.trouble}>"

    def on_close(self, closed: Callable[[], None]) -> None:
        """Have `closed` called, once, when the flow is closed."""
        self._closed = closed

    def begin(self, response: httpx.Response) -> None:
        """Take in the head of the answer."""
        self._response = response
        self._parts = _raw_parts(response)
        self.raw.status, self.raw.headers = response.status_code, response.headers

    def broke(self, error: BaseException, around: BaseException | None) -> None:
        """Take note of why it failed; `around` is what was being handled before."""
        self._over = True
        story = links(error, around)
        self.raw.certificate = is_certificate(story)
        self.raw.late = isinstance(error, TimeoutError | httpx.TimeoutException)
        self.raw.trouble = explain(story, self.raw.node)

    async def read(self, most: int) -> bool:
        """Read up to `most` bytes into `raw.body`; True when the end was read.

        What comes behind them, if anything does, comes from `parts`.
        """
        held = [self.raw.body]
        left = most - len(self.raw.body)
        while (part := await self._next(self.until)) is not None:
            left -= len(part)
            if left < 0:
                self._ahead = part
                break
            held.append(part)
        self.raw.body = b"".join(held)
        return self.raw.whole

    async def parts(self) -> AsyncIterator[bytes]:
        """Yield what was not read yet. At the end `raw.whole` says whether it was all."""
        ahead, self._ahead = self._ahead, b""
        if ahead:
            yield ahead
        loop = asyncio.get_running_loop()
        while (part := await self._next(loop.time() + self._idle)) is not None:
            yield part

    async def _next(self, until: float | None) -> bytes | None:
        if self._parts is None or self._over:
            return None
        around = sys.exception()
        try:
            async with asyncio.timeout_at(until):
                return await anext(self._parts)
        except StopAsyncIteration:
            self.raw.whole = self._over = True
        except Exception as error:  # noqa: BLE001 - whatever the client raises, the answer is a value
            self.broke(error, around)
        return None

    async def aclose(self) -> None:
        """Let go of the connection, which is used again when the answer was read to its end."""
        response, self._response = self._response, None
        parts, self._parts = self._parts, None
        closed, self._closed = self._closed, None
        try:
            if parts is not None and response is not None:
                await parts.aclose()
                await response.aclose()
        finally:
            if closed is not None:
                closed()


async def _raw_parts(response: httpx.Response) -> AsyncGenerator[bytes, None]:
    async for part in response.aiter_raw():
        yield part
