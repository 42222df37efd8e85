"""An operator has the running daemon write a transcript: both sides of that conversation.

It lasts as long as the conversation: when the operator leaves, or is killed, the recording ends.
Knows that conversation; what is written is `listener.transcript`'s.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing, suppress
from pathlib import Path
from typing import Any, TypeAlias

from listener.errors import ConfigurationError, DaemonUnreachable
from listener.handover.asking import LONGEST, SPEAKS
from listener.handover.channel import Broken, Channel, Refused
from listener.settings import Recording
from listener.transcript import Recorder

ASK = "record"
LASTS = 30 * 24 * 3600.0
"""Seconds that a recording takes at the most."""
ENDS = 15.0  # seconds for the last lines

Records: TypeAlias = Callable[[Recording], AbstractAsyncContextManager[Recorder]]
"""Writes a transcript inside of the block. Raises ConfigurationError when it cannot."""


async def serve(channel: Channel, message: dict[str, Any], records: Records) -> str:
    """Record until the operator says otherwise, or leaves; return the last words.

    Raises Refused with what stands in the way, and Broken when the operator has left.
    """
    try:
        async with records(_wanted(message)) as recorder:
            await channel.say({"tell": f"the daemon records into {recorder.path}"})
            with suppress(Broken):
                await channel.hear(LASTS)
    except ConfigurationError as why:
        raise Refused(str(why)) from None
    lost = f"; {recorder.lost} lines were lost" if recorder.lost else ""
    return f"recorded in {recorder.path}{lost}"


def _wanted(message: dict[str, Any]) -> Recording:
    path, shown = message.get("path"), message.get("showNumbers")
    if not (isinstance(path, str) and Path(path).is_absolute() and isinstance(shown, bool)):
        raise Broken("what was asked for cannot be understood")
    return Recording(path=Path(path), show_numbers=shown)


@asynccontextmanager
async def recording(
    at: Path, wanted: Recording, tell: Callable[[str], None]
) -> AsyncIterator[asyncio.Task[str]]:
    """Have the daemon whose operators' socket is `at` record inside of the block.

    Yields what ends when the daemon ends it by itself. `tell` is told where the transcript is, and
    the last words. Raises Refused, and DaemonUnreachable when there is no daemon.
    """
    taken = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    taken.settimeout(0)
    with closing(Channel(taken, longest=LONGEST)) as channel:
        try:
            async with asyncio.timeout(SPEAKS):
                await asyncio.get_running_loop().sock_connect(taken, os.fspath(at))
        except (OSError, TimeoutError) as error:
            why = getattr(error, "strerror", None) or "no answer"
            raise DaemonUnreachable(f"no daemon answers at {at}: {why}", sent=False) from None
        question = {"ask": ASK, "path": str(wanted.path), "showNumbers": wanted.show_numbers}
        try:
            await channel.say(question)
            tell(_told(await channel.hear(SPEAKS)))
            ending = asyncio.create_task(_last(channel), name="recording")
            try:
                yield ending
            finally:
                with suppress(Broken):
                    await channel.say({"ask": "end"})
                await asyncio.wait((ending,), timeout=ENDS)
                ending.cancel()
                if ending.done():
                    tell(await ending)
        except Broken as error:
            raise DaemonUnreachable(
                f"the daemon ended the conversation ({error}); its log says what became of it",
                sent=True,
            ) from None


async def _last(channel: Channel) -> str:
    return _told(await channel.hear(LASTS))


def _told(message: dict[str, Any]) -> str:
    if "refused" in message:
        raise Refused(str(message["refused"]))
    return str(message.get("tell") or message.get("done") or "")
