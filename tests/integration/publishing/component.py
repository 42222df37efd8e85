"""The second way: an external component (XEP-0114) that is the pubsub service itself.

It answers what agents ask of it and words every message as Finesse does; the server carries them,
byte for byte. So it can also send what no server would: an item twice, or from somebody else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from listener.simulator.interfaces import Form
from listener.simulator.pubsub import (
    AUTOMATIC,
    Subscription,
    Subscriptions,
    Wording,
    bare_of,
    message,
    new_item_id,
)
from listener.simulator.xmpp_sessions import Sessions
from listener.simulator.xmpp_stanzas import Rules, Stanzas
from tests.integration.publishing.side import PING, ServerSide
from tests.integration.publishing.stream import Stream

if TYPE_CHECKING:
    from collections.abc import Mapping

    from listener.simulator.xmpp_xml import Element
    from tests.integration.servers import Server


class ComponentPublisher(ServerSide):
    """Is the pubsub service, under the component's name, with the rules of the simulator's own.

    `wording` and `rules` may change at any time (servers let a component send from its own domain
    alone). An agent is subscribed to its own nodes when it first becomes available.
    """

    def __init__(self, server: Server, passwords: Mapping[str, str]) -> None:
        super().__init__(server, passwords)
        self.pubsub_domain = server.component_domain
        self.wording = Wording()
        self.bounced = 0  # messages that came back: nobody was there
        self._subscriptions = Subscriptions()
        self._stanzas = Stanzas(self.domain, self.pubsub_domain, Sessions(), self._subscriptions)

    @property
    def rules(self) -> Rules:
        """The switches of what agents are answered."""
        return self._stanzas.rules

    @property
    def subscriptions(self) -> list[Subscription]:
        """Every subscription there is, of present users and of absent ones."""
        return self._subscriptions.all()

    async def open_line(self) -> Stream:
        """Become the component."""
        return await Stream.of_component(
            ("127.0.0.1", self._server.ports.component),
            name=self.pubsub_domain,
            secret=self._server.component_secret,
            on_stanza=self.heard,
            on_end=self.roll.clear,
        )

    def heard(self, stanza: Element) -> None:
        """Take in presence, subscribe those who sign in, and answer what is asked."""
        sender = stanza.attributes.get("from", "")
        if stanza.local == "presence":
            self.roll.take(stanza)
            self._subscribe(bare_of(sender))
        elif stanza.local == "iq":
            self._stanzas.handle(_Visitor(self.line, sender), stanza)  # type: ignore[arg-type]
        else:
            self.bounced += stanza.attributes.get("type") == "error"

    def _subscribe(self, bare: str) -> None:
        user = bare.partition("@")[0]
        if self.present(user):
            for node in AUTOMATIC:
                self._subscriptions.add(node.format(user=user), bare, explicit=False)

    async def put(self, node: str, payload: str, item_id: str, form: Form) -> int:
        """Send one item to whoever is subscribed."""
        jids = [entry.jid for entry in self._subscriptions.at(node)]
        for jid in jids:
            for target in self._targets(jid):
                self._send(target, jid, node, (item_id, payload), form)
        return await self._routed(jids)

    async def send_from(self, sender: str, user: str, node: str, payload: str) -> int:
        """Send an item to a user in the name of `sender`, a JID of this component's domain.

        Returns the sessions that it went to.
        """
        jid = self.bare(user)
        item = (new_item_id(), payload)
        self._send(jid, jid, node, item, Form.ESCAPED, sender=sender)
        return await self._routed([jid])

    def _targets(self, jid: str) -> list[str]:
        """Return to whom a subscription's message goes: the JID itself, or each session of it."""
        return self.roll.sessions(jid) if self.wording.to_full else [jid]

    def _send(
        self,
        target: str,
        subscribed: str,
        node: str,
        item: tuple[str, str],
        form: Form,
        *,
        sender: str | None = None,
    ) -> None:
        xml = message(
            self.wording,
            service=sender or self.pubsub_domain,
            jid=target,
            to_bare="/" not in subscribed,
            node=node,
            items=[item],
            form=form,
        )
        self.line.send(xml)

    async def _routed(self, jids: list[str]) -> int:
        """Wait until the server has routed what was sent; return the sessions there were then.

        A stream is in order: its answer to a ping comes after what was sent before the ping. A
        message without type goes to the sessions of the highest priority (RFC 6121, 8.5.2.1.1).
        """

        def count(_: object) -> int:
            best = not self.wording.to_full
            return len({one for jid in jids for one in self.roll.sessions(jid, best=best)})

        body = f"<ping xmlns='{PING}'/>"
        return await self.line.ask("get", self.domain, body, look=count, sender=self.pubsub_domain)


class _Visitor:
    """Who asks something, as the simulator's `Stanzas` knows a session."""

    priority = None

    def __init__(self, line: Stream, jid: str) -> None:
        self.jid, self.bare = jid, bare_of(jid)
        self.user = self.bare.partition("@")[0]
        self.send = line.send
