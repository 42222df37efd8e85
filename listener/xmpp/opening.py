"""Opening one session, as long as its node is the one to be used.

Knows that both are waited for. Must not know when an attempt is made, or what follows from it.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from listener.xmpp.parties import Aim, SessionLike


class Left(Exception):
    """The node was left before it gave a session; nobody waits for it any more."""


async def open_there(session: SessionLike, aim: Aim, agent: str) -> None:
    """Open a session; Left where its node is left before: it would hold the gate for long.

    Raises what `session.open` raises.
    """
    opening = asyncio.create_task(session.open(), name=f"open {agent}")
    left = asyncio.create_task(aim.left(session))
    try:
        await asyncio.wait((opening, left), return_when=asyncio.FIRST_COMPLETED)
        if not opening.done():
            raise Left
        opening.result()
    finally:
        opening.cancel()
        left.cancel()
        await asyncio.gather(opening, left, return_exceptions=True)
        del opening, left  # an error leads back to here, and its task to it: a circle
