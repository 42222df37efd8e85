"""What comes over one session, sorted: notifications, answers, presence of `finesse` and our own.

Knows stanzas and who may send which. Must not know what a payload means, or how a session is made.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from listener import logs
from listener.xmpp import stanzas
from listener.xmpp.attendance import Attendance

if TYPE_CHECKING:
    import xml.etree.ElementTree as ET
    from collections.abc import Callable

    from listener.finesse.model import Notification
    from listener.xmpp.asks import Asks
    from listener.xmpp.contract import Endpoint
    from listener.xmpp.guard import GuardedClient

_log = logs.get(__name__)

_BESIDE_MAX = 64  # other sessions of one agent that are remembered
_SENDER_SHOWN = 200  # characters of a stranger's name, which is as long as the stranger likes


class Hearing:
    """The ears of one session; `asks` gets the answers to what it asked.

    `on_notification` is a plain function, called in the order of arrival; what it raises is logged
    and harms nobody. `on_finesse_presence` gets True when the user `finesse` is available and False
    when not. `jid` is the full one that is asked for; the server may bind another.
    """

    def __init__(
        self,
        agent: str,
        jid: str,
        endpoint: Endpoint,
        asks: Asks,
        *,
        on_notification: Callable[[Notification], None],
        on_finesse_presence: Callable[[bool], None] | None,
    ) -> None:
        self.heard = asyncio.Event()
        """Set by each stanza."""
        self.reflected = asyncio.Event()
        """Set once the server has sent our own presence back."""
        self.beside: set[str] = set()
        """Other resources of this program that are available."""
        self.refused = 0
        """Notifications from senders that may not send them."""
        self.failed = 0
        """Notifications whose receiver failed."""
        self._agent = agent
        self._asked = jid
        self._endpoint = endpoint
        self._asks = asks
        self._on_notification = on_notification
        self._on_finesse_presence = on_finesse_presence
        self._finesse = Attendance()
        self._client: GuardedClient | None = None

    def __repr__(self) -> str:
        return f"<Hearing {self.jid}>"

    @property
    def jid(self) -> str:
        """The full JID: as bound, or as asked for."""
        if self._client is not None and self._client.bound:
            return str(self._client.boundjid.full)
        return self._asked

    def attach(self, client: GuardedClient) -> None:
        """Answer through that client."""
        self._client = client

    def detach(self) -> None:
        """Tell nobody of `finesse` any more; whoever was told may lead back to here: a circle."""
        self._on_finesse_presence = None

    def receive(self, element: ET.Element) -> None:
        """Take in one stanza; never raises."""
        self.heard.set()
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
            self.reflected.set()
        elif stanzas.bare(sender) == stanzas.bare(self.jid):
            self._other_resource(sender.partition("/")[2], kind)
        if stanzas.bare(sender) == f"finesse@{self._endpoint.domain}".lower():
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
            self.beside.discard(resource)
        ours = kind is None and resource.startswith(stanzas.RESOURCE_PREFIX)
        if ours and len(self.beside) < _BESIDE_MAX:
            self.beside.add(resource)

    def _message(self, element: ET.Element) -> None:
        if not stanzas.has_items(element):
            return
        if not stanzas.trusted(element.get("from"), self.jid, self._endpoint.pubsub_domain):
            self.refused += 1
            said = element.get("from")
            if said is not None and len(said) > _SENDER_SHOWN:
                said = said[:_SENDER_SHOWN] + "..."
            _log.warning("notification.refused", agent=self._agent, sender=said)
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
        self.failed += 1
        _log.error("notification.failed", agent=self._agent, error=error)
