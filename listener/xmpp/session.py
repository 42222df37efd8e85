"""One attempt of one agent to be connected: bind, presence, subscriptions, ping, the end.

Knows stanzas and what a session owes its server. Must not know what a payload means, or whether
and when another attempt is made (that is `link`).
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import structlog

from listener.errors import ConfigurationError, NotFinesse, Unreachable
from listener.xmpp import stanzas
from listener.xmpp.asks import Asks, either
from listener.xmpp.attendance import Attendance
from listener.xmpp.books import Books
from listener.xmpp.contract import Cause, Ending, Endpoint, Timings, as_error
from listener.xmpp.domains import problem_with_domain
from listener.xmpp.guard import GuardedClient, check_password
from listener.xmpp.parser import AFTER_LOGIN
from listener.xmpp.stanzas import Subscription

if TYPE_CHECKING:
    import ssl
    import xml.etree.ElementTree as ET
    from collections.abc import Callable

    from listener.finesse.model import Notification

__all__ = ["Cause", "Ending", "Endpoint", "Session", "Subscription", "Timings"]

log = structlog.get_logger()

_BESIDE_MAX = 64  # other sessions of one agent that are remembered
_SENDER_SHOWN = 200  # characters of a stranger's name, which is as long as the stranger likes
_PINGS_UNANSWERED = 2  # in a row, although other stanzas arrive


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
        self.refused_notifications = 0
        self.failed_notifications = 0
        self._password = password
        self._tls = tls
        self._resource = resource
        self._on_notification = on_notification
        self._on_finesse_presence = on_finesse_presence
        self._presence = presence
        self._stanza_limit = stanza_limit
        self._stale = stale
        self._client: GuardedClient | None = None
        self._ended: asyncio.Future[Ending] | None = None
        self._pinging: asyncio.Task[None] | None = None
        self._asks = Asks()
        self._subscribed: Books | None = None
        self._finesse = Attendance()
        self._heard = asyncio.Event()
        self._reflected = asyncio.Event()
        self._beside: set[str] = set()  # other resources of this program that are available

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
    def reflected(self) -> bool:
        """Whether the server has sent our own presence back."""
        return self._reflected.is_set()

    @property
    def jid(self) -> str:
        """The full JID; the server may bind another resource than the one asked for."""
        if self._client is not None and self._client.bound:
            return str(self._client.boundjid.full)
        return f"{self.agent}@{self.endpoint.domain}/{self._resource}"

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
        try:
            await self._start(client)
        except BaseException:
            self.name_held = client.name_held
            await client.finish()
            self._on_finesse_presence = None  # as in `_clean_up`
            raise
        self._pinging = asyncio.create_task(self._keep_pinging(), name=f"ping {self.agent}")

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
            on_stanza=self._receive,
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
        stale, beside = self._stale, self._beside  # not by way of ourselves: see `_clean_up`
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
        await either(self._reflected, client.ended, min(self.timings.reflect, _left(due) / 2))
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
        # These lead back to here: in a circle, nothing goes before it is searched for.
        self._pinging = self._on_finesse_presence = None

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

    async def _keep_pinging(self) -> None:
        """Cut a link that stays silent after a ping; what came before the ping proves nothing.

        Whatever comes after it will do once. Two pings in a row without an answer of their own
        end the session, though stanzas arrive: the server hears us no more, and Finesse would
        sign the agent out.
        """
        assert self._client is not None
        client, every, answer = self._client, self.timings.ping_every, self.timings.ping_answer
        unanswered: list[asyncio.Future[ET.Element]] = []
        while True:
            await asyncio.sleep(every)
            self._heard.clear()
            try:
                unanswered.append(self._asks.put(self.endpoint.domain, stanzas.ping))
            except Unreachable:
                return  # it has ended
            signs: set[asyncio.Future[Any]] = {*unanswered, client.ended}
            await asyncio.wait(signs, timeout=answer, return_when=asyncio.FIRST_COMPLETED)
            if client.ended.done():
                return
            if any(pong.done() for pong in unanswered):
                for pong in unanswered:
                    self._asks.drop(pong)
                unanswered.clear()
            elif not self._heard.is_set():
                words = f"{self.host} was silent for {answer:g} s after a ping"
                client.end(Cause.PING_TIMEOUT, words)
                return
            elif len(unanswered) == _PINGS_UNANSWERED:
                words = f"{self.host} answered none of {_PINGS_UNANSWERED} pings in a row"
                client.end(Cause.PING_TIMEOUT, words)
                return

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

    # --- asking and hearing ---------------------------------------------------------------------

    def _receive(self, element: ET.Element) -> None:
        self._heard.set()
        kind = stanzas.local(element)
        if kind == "message":
            self._message(element)
        elif kind == "presence":
            self._presence_of(element)
        elif kind == "iq":
            self._iq(element)

    def _iq(self, element: ET.Element) -> None:
        if element.get("type") in {"get", "set"}:
            answer = stanzas.reply_to(element)
            if self._client is not None and answer is not None:
                self._client.say(answer)
        else:
            self._asks.answered(element)

    def _presence_of(self, element: ET.Element) -> None:
        sender, kind = element.get("from", ""), element.get("type")
        if sender.lower() == self.jid.lower() and kind is None:
            self._reflected.set()
        elif stanzas.bare(sender) == stanzas.bare(self.jid):
            self._other_resource(sender.partition("/")[2], kind)
        if stanzas.bare(sender) == f"finesse@{self.endpoint.domain}".lower():
            self._presence_of_finesse(sender.partition("/")[2], kind)

    def _presence_of_finesse(self, resource: str, kind: str | None) -> None:
        if kind is None:
            self._finesse.came(resource)
        elif kind != "unavailable" or not self._finesse.went(resource):
            return  # one of its sessions has ended, and another one is there
        if self._on_finesse_presence is not None:
            self._hand_over(self._on_finesse_presence, kind is None)

    def _other_resource(self, resource: str, kind: str | None) -> None:
        """Take note of another process of ours that holds this agent now: it is not stale."""
        if kind == "unavailable":
            self._beside.discard(resource)
        ours = kind is None and resource.startswith(stanzas.RESOURCE_PREFIX)
        if ours and len(self._beside) < _BESIDE_MAX:
            self._beside.add(resource)

    def _message(self, element: ET.Element) -> None:
        if not stanzas.has_items(element):
            return
        if not stanzas.trusted(element.get("from"), self.jid, self.endpoint.pubsub_domain):
            self.refused_notifications += 1
            said = element.get("from")
            if said is not None and len(said) > _SENDER_SHOWN:
                said = said[:_SENDER_SHOWN] + "..."
            log.warning("notification.refused", agent=self.agent, sender=said)
            return
        try:
            for notification in stanzas.notifications(element):
                self._hand_over(self._on_notification, notification)
        except RecursionError:
            self._failed("RecursionError")

    def _hand_over(self, receiver: Callable[[Any], None], value: object) -> None:
        try:
            receiver(value)
        except Exception as error:  # noqa: BLE001 - one bad payload must not end the stream
            self._failed(type(error).__name__)

    def _failed(self, error: str) -> None:
        self.failed_notifications += 1
        log.error("notification.failed", agent=self.agent, error=error)


def _left(due: float) -> float:
    """Return the seconds until then, by the loop's clock; 0 when it is past."""
    return max(0.0, due - asyncio.get_running_loop().time())
