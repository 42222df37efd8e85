"""One attempt of one agent to be connected: bind, presence, subscriptions, ping, the end.

Knows stanzas and what a session owes its server. Must not know what a payload means, or whether
and when another attempt is made (that is `link`).
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from listener.errors import ConfigurationError, NotFinesse, Unreachable
from listener.xmpp import stanzas
from listener.xmpp.asks import Asks, either
from listener.xmpp.books import Books
from listener.xmpp.contract import Cause, Ending, Endpoint, Timings, as_error
from listener.xmpp.domains import problem_with_domain
from listener.xmpp.guard import GuardedClient, check_password
from listener.xmpp.hearing import Hearing
from listener.xmpp.parser import AFTER_LOGIN
from listener.xmpp.pinging import keep_pinging
from listener.xmpp.stanzas import Subscription

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    from listener.finesse.model import Notification

__all__ = ["Cause", "Ending", "Endpoint", "Session", "Subscription", "Timings"]


class Session:
    """One session of one agent, used once: `open`, then `closed` to await its end.

    `password` is called once per attempt. `on_notification` is a plain function, called in the
    order of arrival and never after the end; what it raises is logged and harms nobody.
    `on_finesse_presence` gets True when the user `finesse` is available and False when not.
    `stale` says of which other resources `tidy` removes the explicit subscriptions: those whose
    process has ended for certain. Without `presence` none is ever sent: the session subscribes
    itself to the agent's own nodes, and does not hear the presence of `finesse`.
    Raises ConfigurationError for an agent id or a resource that XMPP or Finesse forbid.
    """

    def __init__(
        self,
        agent: str,
        password: Callable[[], str],
        endpoint: Endpoint,
        *,
        tls: ssl.SSLContext,
        resource: str,
        on_notification: Callable[[Notification], None],
        on_finesse_presence: Callable[[bool], None] | None = None,
        timings: Timings | None = None,
        presence: bool = True,
        stanza_limit: int = AFTER_LOGIN,
        stale: Callable[[str], bool] = lambda _resource: False,
    ) -> None:
        if resource.lower() == "desktop" or not resource:
            raise ConfigurationError(f"the resource {resource!r} belongs to the Finesse desktop")
        self.agent = stanzas.check_agent(agent)
        self.endpoint = endpoint
        self.timings = timings or Timings()
        self.name_held = False
        """Whether the server refused our resource, for it has another session with that."""
        self._password = password
        self._tls = tls
        self._presence = presence
        self._stanza_limit = stanza_limit
        self._stale = stale
        self._client: GuardedClient | None = None
        self._ended: asyncio.Future[Ending] | None = None
        self._pinging: asyncio.Task[None] | None = None
        self._asks = Asks()
        self._subscribed: Books | None = None
        self._hearing = Hearing(
            agent,
            f"{agent}@{endpoint.domain}/{resource}",
            endpoint,
            self._asks,
            on_notification=on_notification,
            on_finesse_presence=on_finesse_presence,
        )

    def __repr__(self) -> str:
        return f"<Session {self.agent}@{self.endpoint.domain} at {self.host}>"

    @property
    def host(self) -> str:
        """The node that this session is made to."""
        return self.endpoint.host

    @property
    def over(self) -> bool:
        """Whether it has ended, or never began."""
        return self._client is None or self._client.over()

    @property
    def refused_notifications(self) -> int:
        """How many came from senders that may not send them."""
        return self._hearing.refused

    @property
    def failed_notifications(self) -> int:
        """How many could not be handed over."""
        return self._hearing.failed

    @property
    def reflected(self) -> bool:
        """Whether the server has sent our own presence back."""
        return self._hearing.reflected.is_set()

    @property
    def jid(self) -> str:
        """The full JID; the server may bind another resource than the one asked for."""
        return self._hearing.jid

    # --- beginning and end ----------------------------------------------------------------------

    async def open(self) -> None:
        """Connect, log in, bind, send presence; return when the server has reflected it.

        A server that does not within 2 s must answer a ping instead. Without presence: return when
        the server has acknowledged the subscriptions to the agent's own nodes. Raises Unreachable
        (also after 10 s in all), CredentialsRefused, CertificateRefused,
        ResourceConflict, NotFinesse; ConfigurationError when those subscriptions are refused.
        Nothing of a failed attempt is left behind.
        """
        client = self._client = self._make_client()
        self._ended = client.ended
        self._asks.attach(client, self.timings.ask)
        self._hearing.attach(client)
        try:
            await self._start(client)
        except BaseException:
            self.name_held = client.name_held
            await client.finish()
            self._hearing.detach()
            raise
        pinging = keep_pinging(client, self._asks, self._hearing.heard, self.endpoint, self.timings)
        self._pinging = asyncio.create_task(pinging, name=f"ping {self.agent}")

    def _make_client(self) -> GuardedClient:
        if self._client is not None:
            raise RuntimeError("a session is opened once")
        for domain in (self.endpoint.domain, self.endpoint.pubsub_domain):
            if problem := problem_with_domain(domain):  # the node says so, and may say better later
                raise NotFinesse(f"the SystemInfo of {self.host} is wrong: {problem}")
        return GuardedClient(
            self.jid,
            check_password(self._password()),
            user=self.agent,
            tls=self._tls,
            security=self.endpoint.security,
            certificate_name=self.endpoint.certificate_name or self.endpoint.host,
            on_stanza=self._hearing.receive,
            limit=self._stanza_limit,
        )

    async def _start(self, client: GuardedClient) -> None:
        due = asyncio.get_running_loop().time() + self.timings.connect
        late = False
        try:
            async with asyncio.timeout_at(due):
                await client.start(self.endpoint.host, self.endpoint.port)
        except TimeoutError:
            late = True
        if late:  # the TimeoutError leads to the task that ends with this: behind it were a circle
            raise Unreachable(
                f"{self.host}:{self.endpoint.port} gave no session within"
                f" {self.timings.connect:g} s; it stopped at: {client.stage}"
            )
        # Not by way of ourselves: see `_clean_up`.
        stale, beside = self._stale, self._hearing.beside
        self._subscribed = Books(
            self.agent,
            self.jid,
            self.endpoint.pubsub_domain,
            self._asks,
            lambda resource: stale(resource) and resource not in beside,
            alone=not self._presence,
        )
        await (self._appear(client, due) if self._presence else self._listen(client, due))
        if client.ended.done():
            raise client.trouble or as_error(client.ended.result())

    async def _appear(self, client: GuardedClient, due: float) -> None:
        """Send presence; a server that does not reflect it must at least answer a ping.

        Both end at `due`: where the login took long, the ping has what our presence left of it.
        """
        client.say(stanzas.available())
        patience = min(self.timings.reflect, _left(due) / 2)
        await either(self._hearing.reflected, client.ended, patience)
        if self.reflected or client.ended.done():
            return
        within = min(self.timings.ping_answer, _left(due))
        try:
            await self._asks.ask(
                self.endpoint.domain, stanzas.ping, within, what="our presence and a ping"
            )
        except Unreachable:
            if not client.ended.done():
                raise

    async def _listen(self, client: GuardedClient, due: float) -> None:
        """Subscribe to what presence would have brought; leave nothing when that is refused."""
        try:
            await self._books().listen(due)
        except Unreachable:
            if not client.ended.done():
                raise
        except ConfigurationError:
            with suppress(TimeoutError):
                async with asyncio.timeout(self.timings.close):
                    await self._books().close()
            raise

    async def closed(self) -> Ending:
        """Wait for the end and return it; nothing of the session runs any more then."""
        if self._ended is None or self._client is None:
            raise RuntimeError("the session was never opened")
        ending = await asyncio.shield(self._ended)
        await self._clean_up(self._client)
        return ending

    async def close(self, *, graceful: bool = True) -> None:
        """End the session; gracefully means unsubscribed, unavailable and closed, within 2 s."""
        client = self._client
        if client is None:
            return
        if graceful and not client.ended.done() and self._pinging is not None:
            with suppress(TimeoutError, Unreachable):
                async with asyncio.timeout(self.timings.close):
                    await self._say_goodbye(client)
        client.end(Cause.CLOSED_BY_US, "closed by us")
        await self._clean_up(client)

    async def _say_goodbye(self, client: GuardedClient) -> None:
        await self._books().close()
        if self._presence:
            client.say(stanzas.unavailable())
        client.say_last()
        await asyncio.shield(client.ended)

    async def _clean_up(self, client: GuardedClient) -> None:
        if self._pinging is not None:
            self._pinging.cancel()
            await asyncio.gather(self._pinging, return_exceptions=True)
        await client.finish()
        self._pinging = None  # it leads back to here: a circle goes only when it is searched for
        self._hearing.detach()

    # --- ping -----------------------------------------------------------------------------------

    async def ping(self, timeout: float) -> bool:  # noqa: ASYNC109 - the bound is the question
        """Ask the server for a sign of life; any answer to it, a refusal too, is True.

        All that the server sent before its answer has been handed over when this returns.
        """
        try:
            await self._asks.ask(self.endpoint.domain, stanzas.ping, timeout, what="a ping")
        except Unreachable:
            return False
        return True

    # --- subscriptions --------------------------------------------------------------------------

    async def subscribe(self, node: str) -> str | None:
        """Subscribe our full JID to `node`; return None, or why it was refused."""
        return await self._books().subscribe(node)

    async def unsubscribe(self, node: str) -> str | None:
        """End the subscription of our full JID to `node`; return None, or why it was refused."""
        return await self._books().unsubscribe(node)

    async def subscriptions(self) -> tuple[Subscription, ...]:
        """Return all subscriptions of this agent; raises Unreachable when there is no list."""
        return await self._books().listed()

    async def tidy(self, wanted: frozenset[str]) -> tuple[str, ...]:
        """Make the explicit subscriptions those `wanted`; return what was refused, in words.

        See `Books.tidy`. Raises Unreachable when the session is not open.
        """
        return await self._books().tidy(wanted)

    def _books(self) -> Books:
        if self._subscribed is None:
            raise Unreachable("the session is not open")
        return self._subscribed


def _left(due: float) -> float:
    """Return the seconds until then, by the loop's clock; 0 when it is past."""
    return max(0.0, due - asyncio.get_running_loop().time())
