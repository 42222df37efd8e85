"""The notification service: an in-process XMPP server that behaves, and misbehaves, as Finesse's.

Knows its sessions, its subscriptions and its switches, and publishes to whoever is subscribed. It
must not know how the listener judges what it hears. Rules come from Cisco's notification pages and
from messages seen in the wild; where installations differ there is a switch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from listener.simulator.interfaces import Form
from listener.simulator.pubsub import (
    AUTOMATIC,
    Subscription,
    Subscriptions,
    Wording,
    message,
    new_item_id,
)
from listener.simulator.xmpp_faults import Delayed
from listener.simulator.xmpp_house import Premises
from listener.simulator.xmpp_sessions import Sessions
from listener.simulator.xmpp_stanzas import Presence, Rules, Stanzas
from listener.simulator.xmpp_stream import ClientStream

if TYPE_CHECKING:
    import ssl
    from collections.abc import Sequence

    from listener.simulator.xmpp_connection import Check, Connection
    from listener.simulator.xmpp_xml import Element


class NotificationService(Premises):
    """An XMPP server for one domain; implements `interfaces.Publisher`.

    `check(user, password)` returns True, False, or the name of a SASL failure condition such as
    "account-disabled". Ports: None is off, 0 lets the kernel choose; the numbers are in `tls_port`,
    `starttls_port` and `plain_port` after `start`. `faults`, `rules`, `wording` and `automatic`
    (the nodes, with `{user}`, to which a session's bare JID is subscribed) may change at any time.
    `failures` holds what went wrong in the server itself, `auth_attempts` counts SASL messages per
    user, `presence_log` holds the presence stanzas that clients sent, oldest first.
    """

    def __init__(
        self,
        domain: str,
        check: Check,
        *,
        pubsub_domain: str | None = None,
        tls_context: ssl.SSLContext | None = None,
    ) -> None:
        super().__init__(domain, check, tls_context)
        self.pubsub_domain = pubsub_domain or f"pubsub.{domain}"
        self.wording = Wording()
        self.automatic: tuple[str, ...] = AUTOMATIC
        self._subscriptions = Subscriptions()
        self._sessions = Sessions()
        self._stanzas = Stanzas(domain, self.pubsub_domain, self._sessions, self._subscriptions)
        self._delayed = Delayed()

    def __repr__(self) -> str:
        return f"<NotificationService {self.domain} connections={len(self._streams)}>"

    async def stop(self, *, grace: float = 0.5) -> None:
        """End every session (system-shutdown), wait `grace` seconds, abort the rest; idempotent."""
        self._delayed.clear()
        await super().stop(grace=grace)

    # -- what the connections tell -------------------------------------------------------------

    def left(self, stream: Connection) -> None:
        """Let a connection go; the user's other sessions hear of it."""
        super().left(stream)
        if isinstance(stream, ClientStream) and self._sessions.remove(stream):
            self._stanzas.vanished(stream)

    def bound(self, stream: ClientStream) -> None:
        """Make a session of a connection: conflict for its namesake, automatic subscriptions."""
        old = self._sessions.add(stream)
        if old is not None:
            old.priority = None
            old.end("conflict")
        for node in self.automatic:
            self._subscriptions.add(node.format(user=stream.user), stream.bare, explicit=False)
            self.create_node(node.format(user=stream.user))

    def stanza(self, stream: ClientStream, element: Element) -> None:
        """Answer a stanza."""
        self._stanzas.handle(stream, element)

    # -- what can be seen ----------------------------------------------------------------------

    @property
    def rules(self) -> Rules:
        """The switches of stanza handling."""
        return self._stanzas.rules

    @property
    def presence_log(self) -> list[Presence]:
        """The presence stanzas that clients sent, oldest first (the last 10,000)."""
        return list(self._stanzas.presences)

    @property
    def subscriptions(self) -> list[Subscription]:
        """Every subscription there is, of present users and of absent ones."""
        return self._subscriptions.all()

    def sessions(self, user: str | None = None) -> list[str]:
        """Return the full JIDs of the sessions (of one user)."""
        there = self._sessions.all() if user is None else self._sessions.of(user)
        return [stream.jid for stream in there]

    def present(self, user: str) -> bool:
        """Say whether any session of that user is available (presence sent, priority >= 0)."""
        return bool(self._sessions.reachable(user))

    # -- publishing ----------------------------------------------------------------------------

    def create_node(self, node: str) -> None:
        """Make a node known (it matters with `rules.strict_nodes` only)."""
        self._stanzas.nodes.add(node.lower())

    async def publish(
        self, node: str, payload: str, *, item_id: str | None = None, form: Form = Form.ESCAPED
    ) -> int:
        """Publish one item; return to how many live sessions it went (frozen ones count)."""
        return await self.publish_items(node, [(item_id or new_item_id(), payload)], form=form)

    async def publish_items(
        self, node: str, items: Sequence[tuple[str, str]], *, form: Form = Form.ESCAPED
    ) -> int:
        """Publish several (item id, payload) in one message; return the sessions it went to.

        A bare-JID subscription reaches every available session of the user, a full-JID one its
        session alone: who has both hears everything twice. A delayed message goes to the sessions
        that were there when it was published.
        """
        self.create_node(node)
        reached: set[ClientStream] = set()
        for entry in self._subscriptions.at(node):
            for stream in self._listeners(entry.jid):
                reached.add(stream)
                xml = message(
                    self.wording,
                    service=self.pubsub_domain,
                    jid=stream.jid,
                    to_bare="/" not in entry.jid,
                    node=node,
                    items=items,
                    form=form,
                )
                self._delayed.put(self.faults.delay, lambda s=stream, x=xml: s.send(x))  # type: ignore[misc]
        return len(reached)

    def _listeners(self, jid: str) -> list[ClientStream]:
        if "/" in jid:
            one = self._sessions.at(jid)
            found = [one] if one is not None else []
        else:
            found = self._sessions.reachable(jid.partition("@")[0])
        return [stream for stream in found if stream.outlet.open]

    def set_finesse_presence(self, *, available: bool) -> None:
        """Set the presence of the user `finesse`; every available session is told."""
        self._stanzas.finesse(available=available)

    # -- faults --------------------------------------------------------------------------------

    def push_raw(self, user: str, xml: str | bytes) -> int:
        """Send these bytes as they are to all sessions of a user; return how many there are."""
        data = xml.encode() if isinstance(xml, str) else xml
        streams = self._sessions.of(user)
        for stream in streams:
            stream.outlet.send(data)
        return len(streams)

    def send_stream_error(self, user: str, condition: str) -> int:
        """End the sessions of a user with a stream error; return how many there were."""
        streams = self._sessions.of(user)
        for stream in streams:
            stream.end(condition)
        return len(streams)
