"""The operator's side: asks the daemon for a hand-over, and hears how it goes.

Loads next to nothing. The daemon's side is `desk`.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from listener.errors import DaemonUnreachable
from listener.handover.channel import ALTOGETHER, VERSION, Broken, Channel, Refused

SUFFIX = ".handover"

LONGEST = 16 * 1024
"""Bytes of a message in this conversation."""
SPEAKS = 5.0
"""Seconds for whoever connects to say what it wants."""


def socket_beside(api: Path) -> Path:
    """Return where the operator's socket is, beside the API's."""
    return api.with_name(api.name + SUFFIX)


async def ask(path: Path, *, force: bool, tell: Callable[[str], None]) -> str:
    """Ask the daemon whose socket is at `path` to hand over to this version; return its last words.

    Raises Refused with what stood in the way: the daemon goes on as it was. Raises
    DaemonUnreachable when there is none, or it ended meanwhile.
    """
    taken = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    taken.settimeout(0)
    with closing(Channel(taken, longest=LONGEST)) as channel:
        try:
            async with asyncio.timeout(SPEAKS):
                await asyncio.get_running_loop().sock_connect(taken, os.fspath(path))
        except (OSError, TimeoutError) as error:
            why = getattr(error, "strerror", None) or "no answer"
            raise DaemonUnreachable(
                f"no daemon that can hand over answers at {path}: {why}", sent=False
            ) from None
        try:
            question = {"ask": "handover", "version": VERSION, "python": sys.executable}
            await channel.say({**question, "force": force})
            while True:
                message = await channel.hear(ALTOGETHER)
                if "tell" in message:
                    tell(str(message["tell"]))
                elif "done" in message:
                    return str(message["done"])
                else:
                    raise Refused(str(message.get("refused", "it does not say why")))
        except Broken as error:
            raise DaemonUnreachable(
                f"the daemon ended the conversation ({error}); its log says what became of it",
                sent=True,
            ) from None
