"""The sign of life of a session: a ping now and then, and a link that stays silent is cut.

Knows one connection and its clock. Must not know what else is said over it.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from listener.errors import Unreachable
from listener.xmpp import stanzas
from listener.xmpp.contract import Cause

if TYPE_CHECKING:
    import xml.etree.ElementTree as ET

    from listener.xmpp.asks import Asks
    from listener.xmpp.contract import Endpoint, Timings
    from listener.xmpp.guard import GuardedClient

_PINGS_UNANSWERED = 2  # in a row, although other stanzas arrive


async def keep_pinging(
    client: GuardedClient, asks: Asks, heard: asyncio.Event, endpoint: Endpoint, timings: Timings
) -> None:
    """Cut a link that stays silent after a ping; what came before the ping proves nothing.

    Whatever comes after it will do once (`heard` is set by each stanza). Two pings in a row without
    an answer of their own end the session, though stanzas arrive: the server hears us no more, and
    Finesse would sign the agent out.
    """
    every, answer, host = timings.ping_every, timings.ping_answer, endpoint.host
    unanswered: list[asyncio.Future[ET.Element]] = []
    while True:
        await asyncio.sleep(every)
        heard.clear()
        try:
            unanswered.append(asks.put(endpoint.domain, stanzas.ping))
        except Unreachable:
            return  # it has ended
        signs: set[asyncio.Future[Any]] = {*unanswered, client.ended}
        await asyncio.wait(signs, timeout=answer, return_when=asyncio.FIRST_COMPLETED)
        if client.ended.done():
            return
        if any(pong.done() for pong in unanswered):
            for pong in unanswered:
                asks.drop(pong)
            unanswered.clear()
        elif not heard.is_set():
            words = f"{host} was silent for {answer:g} s after a ping"
            client.end(Cause.PING_TIMEOUT, words)
            return
        elif len(unanswered) == _PINGS_UNANSWERED:
            words = f"{host} answered none of {_PINGS_UNANSWERED} pings in a row"
            client.end(Cause.PING_TIMEOUT, words)
            return
