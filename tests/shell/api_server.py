"""A scripted daemon on a Unix socket: what `rest_server` does on TCP, and event streams."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from listener.client.line import Pace
from tests.shell.rest_server import Seen, Server, http, listening

QUICK = Pace(base=0.001, cap=0.002, chance=lambda: 1.0)
"""Waits that cost a test nothing."""

STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"


@asynccontextmanager
async def speaking(path: Path, *script: object, close: bool = True) -> AsyncIterator[Server]:
    """Run a scripted server on a Unix socket; what still runs at the end is ended."""
    it = Server(list(script), close=close)
    async with listening(it.handle, path=path):
        yield it


def answer(value: Any, status: int = 200, *headers: str) -> bytes:
    """Write a good answer."""
    return http(status, json.dumps(value).encode(), "Content-Type: application/json", *headers)


def problem(status: int, kind: str = "x", *headers: str, **more: Any) -> bytes:
    """Write a problem document."""
    told = {"type": f"/problems/{kind}", "title": f"title of {kind}", "status": status} | more
    body = json.dumps(told).encode()
    return http(status, body, "Content-Type: application/problem+json", *headers)


def streaming(
    *parts: bytes, then: Callable[[], Awaitable[object]] | None = None
) -> Callable[[Seen, asyncio.StreamWriter], Awaitable[bool]]:
    """Answer with an event stream of these parts; `then` is awaited before it ends."""

    async def told(_seen: Seen, writer: asyncio.StreamWriter) -> bool:
        writer.write(STREAM + b"".join(parts))
        await writer.drain()
        if then is not None:
            await then()
        return False

    return told


def event(number: int, name: str = "request", epoch: str = "e", **data: Any) -> bytes:
    """Write one event."""
    return f"id: {epoch}-{number}\nevent: {name}\ndata: {json.dumps(data)}\n\n".encode()


def request(state: str = "settled", **more: Any) -> dict[str, Any]:
    """Write a request's resource."""
    outcome = {"kind": "confirmed"} if state == "settled" else None
    return {"id": "0193", "requestId": "145", "state": state, "outcome": outcome} | more
