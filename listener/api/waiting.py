"""Waiting for a caller's sake: as long as it wants, and no longer than it is there.

A caller that hangs up costs nothing from then on; what it asked for goes on. Knows no operation.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from starlette.requests import Request as Call
from starlette.types import Receive

_T = TypeVar("_T")


class Gone(Exception):
    """The caller hung up; nobody reads an answer."""


async def until_gone(receive: Receive) -> None:
    """Wait until the caller has hung up; what it still sends is dropped."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def while_there(call: Call, work: Coroutine[Any, Any, _T]) -> _T:
    """Return what `work` returns; raises Gone, with `work` cancelled, when the caller hangs up.

    The body must have been read.
    """
    working = asyncio.create_task(work, name="waiting for an outcome")
    leaving = asyncio.create_task(until_gone(call.receive), name="watching a caller")
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            leaving.result()  # a fault of the connection is told as it is
            raise Gone
        return working.result()
    finally:
        await ended(working, leaving)


async def ended(*tasks: asyncio.Task[Any]) -> None:
    """Cancel these tasks and wait until they have ended; what they end with is not told."""
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    for task in tasks:
        if not task.cancelled():
            task.exception()
