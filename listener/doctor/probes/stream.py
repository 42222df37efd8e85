"""Makes streams and sessions with the program's own client, as lightly as they can be.

`greet` leaves before any login; `visit` logs in once, looks, and leaves nothing. Must not know what
follows from what they bring.
"""

from __future__ import annotations

import asyncio
import secrets
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from listener.doctor.probes.finesse import wrong
from listener.doctor.seen import Greeted, Visited, Wrong
from listener.errors import ListenerError, Unreachable
from listener.xmpp import stanzas
from listener.xmpp.contract import Cause
from listener.xmpp.guard import GuardedClient
from listener.xmpp.session import Session

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    from listener.xmpp.contract import Endpoint, Timings

PING_WITHIN = 5.0


class _Greeter(GuardedClient):
    """Goes as far as the features that offer a login, notes them and leaves."""

    offered: tuple[str, ...] | None = None

    async def _handle_stream_features(self, features: Any) -> bool | None:
        found = features["mechanisms"] if "mechanisms" in features["features"] else None
        if found is None:
            return await super()._handle_stream_features(features)
        self.offered = tuple(sorted(str(one) for one in found))
        self.end(Cause.CLOSED_BY_US, "closed by us")
        return False


async def greet(endpoint: Endpoint, tls: ssl.SSLContext, within: float) -> Greeted:
    """Open a stream, note which mechanisms are offered, and close it; nobody logs in."""
    address = f"{endpoint.host}:{endpoint.port}"
    made = partial(Greeted, address, endpoint.domain, endpoint.security)
    try:
        client = _Greeter(
            f"nobody@{endpoint.domain}/{stanzas.RESOURCE_PREFIX}check",
            "",
            user="nobody",
            tls=tls,
            security=endpoint.security,
            certificate_name=endpoint.certificate_name or endpoint.host,
            on_stanza=lambda _: None,
        )
    except ListenerError as error:  # a domain that cannot be one
        return made((), wrong(error), str(error))
    kind, detail = None, ""
    try:
        async with asyncio.timeout(within):
            await client.start(endpoint.host, endpoint.port)
    except TimeoutError:
        kind = Wrong.UNREACHABLE
        detail = f"{address} fell silent; it stopped at: {client.stage}"
    except ListenerError as error:
        kind, detail = wrong(error), str(error)
    finally:
        await client.finish()
    if client.offered is not None:
        return made(client.offered)
    return made((), kind, detail)


class _Visitor(Session):
    """A session that can be bound without presence and without subscriptions, to look alone."""

    async def _listen(self, client: GuardedClient, due: float) -> None:
        """Subscribe to nothing."""

    @property
    def stage(self) -> str:
        """How far it got."""
        return self._client.stage if self._client is not None else "before the connection"

    async def ping_words(self, within: float) -> str | None:
        """Ping once; return why it was refused, None for an answer; raises Unreachable."""
        answer = await self._asks.ask(self.endpoint.domain, stanzas.ping, within)
        return stanzas.refusal(answer)


async def visit(
    agent: str,
    password: Callable[[], str],
    endpoint: Endpoint,
    *,
    tls: ssl.SSLContext,
    timings: Timings,
    show: bool,
) -> Visited:
    """Log in once with a resource of our own, look, and go.

    `show` sends presence, which ends with the visit. Without it the server takes no notice of the
    session but that it is connected.
    """
    resource = stanzas.make_resource(agent, f"check-{secrets.token_hex(4)}")
    told: list[bool] = []
    session = _Visitor(
        agent,
        password,
        endpoint,
        tls=tls,
        resource=resource,
        on_notification=lambda _: None,
        on_finesse_presence=told.append,
        timings=timings,
        presence=show,
    )
    asked = session.jid
    try:
        await session.open()
    except ListenerError as error:
        return Visited(asked, wrong=wrong(error), detail=str(error), stage=session.stage)
    try:
        return await _look(session, asked, told, show=show)
    finally:
        await session.close()


async def _look(session: _Visitor, asked: str, told: list[bool], *, show: bool) -> Visited:
    loop = asyncio.get_running_loop()
    begun = loop.time()
    took: float | None = None
    refused: str | None = None
    try:
        refused = await session.ping_words(PING_WITHIN)
        took = loop.time() - begun
    except Unreachable as error:
        refused = str(error)
    found, detail = None, ""
    try:
        found = await session.subscriptions()
    except Unreachable as error:
        detail = str(error)
    with suppress(Unreachable):  # what the server sent of `finesse` is read before this answer
        if show and not told:
            await session.ping_words(PING_WITHIN)
    return Visited(
        asked,
        session.jid,
        shown=show,
        reflected=session.reflected,
        ping=took,
        ping_refused=refused,
        finesse=told[-1] if told else None,
        subscriptions=found,
        list_detail=detail,
    )
