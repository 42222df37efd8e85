"""What the notification service answers inside a session: presence, iq, pubsub.

Knows the stanzas that Finesse's service serves (RFC 6121 presence, roster, disco, ping, XEP-0060)
and refuses the rest; knows nothing of connections: streams carry it, sessions are looked up.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from listener.finesse import uris
from listener.simulator.pubsub import ERRORS, PUBSUB, Subscriptions, bare_of
from listener.simulator.xmpp_stream import SESSION, ClientStream
from listener.simulator.xmpp_xml import Element, attribute, render

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from listener.simulator.xmpp_sessions import Sessions

STANZAS = "urn:ietf:params:xml:ns:xmpp-stanzas"
ROSTER = "jabber:iq:roster"
PING = "urn:xmpp:ping"
DISCO_INFO, DISCO_ITEMS = (f"http://jabber.org/protocol/disco#{part}" for part in ("info", "items"))
MAX_PRESENCES = 10_000
_PRIORITIES = range(-128, 128)


@dataclass(frozen=True, slots=True)
class Presence:
    """A presence stanza that a client sent. `type` None is available, `to` None is broadcast."""

    jid: str
    type: str | None
    to: str | None
    priority: int


@dataclass(slots=True)
class Rules:
    """How the service behaves where installations differ; change them at any time."""

    answer_ping: bool = True  # False: service-unavailable
    finesse_in_roster: bool = True
    strict_nodes: bool = False  # item-not-found for a node that is neither known nor automatic
    restrict_nodes: bool = False  # as 15.0: nobody subscribes to another user's nodes


class Refusal(Exception):
    """An iq is answered with this error: a condition and, for pubsub, a second one."""

    def __init__(self, kind: str, condition: str, pubsub: str | None = None) -> None:
        super().__init__(condition)
        self.xml = f"<error type='{kind}'><{condition} xmlns='{STANZAS}'/>" + (
            f"<{pubsub} xmlns='{ERRORS}'/></error>" if pubsub else "</error>"
        )


class Stanzas:
    """Answers what sessions say. `nodes` holds the lower-case names of nodes that are known."""

    def __init__(
        self, domain: str, pubsub_domain: str, sessions: Sessions, subscriptions: Subscriptions
    ) -> None:
        self.rules = Rules()
        self.nodes: set[str] = set()
        self.presences: deque[Presence] = deque(maxlen=MAX_PRESENCES)
        self.finesse_available = True
        self._domain = domain
        self._pubsub = pubsub_domain
        self._sessions = sessions
        self._subscriptions = subscriptions
        self._answers: dict[str, Callable[[ClientStream, Element, Element], str]] = {
            f"{{{SESSION}}}session": lambda *_: "",
            f"{{{ROSTER}}}query": lambda *_: self._roster(),
            f"{{{DISCO_INFO}}}query": self._info,
            f"{{{DISCO_ITEMS}}}query": self._items,
            f"{{{PING}}}ping": self._ping,
            f"{{{PUBSUB}}}pubsub": self._pubsub_request,
        }
        self._pubsub_answers: dict[str, Callable[[ClientStream, Element], str]] = {
            "subscribe": self._subscribe,
            "unsubscribe": self._unsubscribe,
            "subscriptions": self._list,
        }

    def handle(self, stream: ClientStream, element: Element) -> None:
        """Answer one stanza; messages between users go nowhere."""
        if element.local == "presence":
            self._presence(stream, element)
        elif element.local == "iq":
            self._iq(stream, element)

    # -- presence ------------------------------------------------------------------------------

    def _presence(self, stream: ClientStream, element: Element) -> None:
        kind, to = element.attributes.get("type"), element.attributes.get("to")
        priority = _priority(element)
        self.presences.append(Presence(stream.jid, kind, to, priority))
        if to is not None or kind not in {None, "unavailable"}:
            return  # directed presence, subscriptions and probes are noted and go no further
        if kind is None:
            first = stream.priority is None
            stream.priority = priority
            self._reflect(stream, element)
            if first:
                self._greet(stream)
        elif stream.priority is not None:
            self._reflect(stream, element)
            stream.priority = None

    def _reflect(self, stream: ClientStream, element: Element) -> None:
        """Tell all available sessions of the same user, the sender too (RFC 6121, 4.2.2)."""
        body = "".join(render(child) for child in element.children)
        self._tell(
            self._sessions.available(str(stream.user)),
            stream.jid,
            element.attributes.get("type"),
            body,
        )

    def _greet(self, stream: ClientStream) -> None:
        """Tell a session that has just become available who else is."""
        for other in self._sessions.available(str(stream.user)):
            if other is not stream:
                self._tell([stream], other.jid, None, f"<priority>{other.priority}</priority>")
        if self.finesse_available and self.rules.finesse_in_roster:
            self._tell([stream], self._finesse, None)

    @property
    def _finesse(self) -> str:
        return f"finesse@{self._domain}/finesse"

    def finesse(self, *, available: bool) -> None:
        """Set the presence of the user `finesse` and tell every available session of it."""
        self.finesse_available = available
        if self.rules.finesse_in_roster:
            everyone = [s for s in self._sessions.all() if s.priority is not None]
            self._tell(everyone, self._finesse, None if available else "unavailable")

    def vanished(self, stream: ClientStream) -> None:
        """Tell the other sessions of a user that this one has ended without saying so."""
        if stream.priority is not None:
            stream.priority = None
            rest = self._sessions.available(str(stream.user))
            self._tell(rest, stream.jid, "unavailable")

    def _tell(
        self, streams: Iterable[ClientStream], sender: str, kind: str | None, body: str = ""
    ) -> None:
        for stream in streams:
            stream.send(
                f"<presence{attribute('type', kind)}{attribute('from', sender)}"
                f"{attribute('to', stream.jid)}>{body}</presence>"
            )

    # -- iq ------------------------------------------------------------------------------------

    def _iq(self, stream: ClientStream, element: Element) -> None:
        if element.attributes.get("type") not in {"get", "set"}:
            return  # an answer, to a question that nobody asked
        subject = element.first
        try:
            answer = self._answers.get(subject.name) if subject is not None else None
            if subject is None or answer is None:
                raise _UNAVAILABLE
            body = answer(stream, element, subject)
            kind = "result"
        except Refusal as refusal:
            kind, body = "error", refusal.xml
        stream.send(
            f"<iq{attribute('type', kind)}{attribute('id', element.attributes.get('id'))}"
            f"{attribute('from', element.attributes.get('to'))}{attribute('to', stream.jid)}>"
            f"{body}</iq>"
        )

    def _roster(self) -> str:
        item = (
            f"<item jid='finesse@{self._domain}' subscription='both'/>"
            if self.rules.finesse_in_roster
            else ""
        )
        return f"<query xmlns='{ROSTER}'>{item}</query>"

    def _ping(self, stream: ClientStream, iq: Element, _: Element) -> str:
        to = iq.attributes.get("to")
        if not self.rules.answer_ping or to not in {None, self._domain, stream.bare}:
            raise _UNAVAILABLE
        return ""

    def _info(self, _stream: ClientStream, iq: Element, _: Element) -> str:
        if iq.attributes.get("to") == self._pubsub:
            identity, features = "category='pubsub' type='service'", [DISCO_INFO, PUBSUB]
        else:
            identity, features = "category='server' type='im'", [DISCO_INFO, DISCO_ITEMS, PING]
        offered = "".join(f"<feature var='{name}'/>" for name in features)
        return f"<query xmlns='{DISCO_INFO}'><identity {identity}/>{offered}</query>"

    def _items(self, _stream: ClientStream, iq: Element, _: Element) -> str:
        to = iq.attributes.get("to") or self._domain
        item = f"<item jid='{self._pubsub}'/>" if to == self._domain else ""
        return f"<query xmlns='{DISCO_ITEMS}'>{item}</query>"

    # -- pubsub --------------------------------------------------------------------------------

    def _pubsub_request(self, stream: ClientStream, iq: Element, pubsub: Element) -> str:
        if iq.attributes.get("to") != self._pubsub:
            raise _UNAVAILABLE
        what = pubsub.first
        if what is None:
            raise Refusal("modify", "bad-request")
        if what.local in {"publish", "create", "retract"}:
            raise Refusal("auth", "forbidden")  # only Finesse publishes
        answer = self._pubsub_answers.get(what.local)
        if answer is None:
            raise Refusal("cancel", "feature-not-implemented")
        return f"<pubsub xmlns='{PUBSUB}'>{answer(stream, what)}</pubsub>"

    def _subscribe(self, stream: ClientStream, what: Element) -> str:
        node, jid = self._node_and_jid(stream, what)
        owner = uris.place(node).user
        if self.rules.restrict_nodes and owner and owner.lower() != str(stream.user).lower():
            raise Refusal("auth", "not-authorized")
        self._subscriptions.add(node, jid, explicit=True)
        return _subscription(node, jid, "subscribed")

    def _unsubscribe(self, stream: ClientStream, what: Element) -> str:
        node, jid = self._node_and_jid(stream, what)
        if not self._subscriptions.remove(node, jid):
            raise Refusal("cancel", "unexpected-request", "not-subscribed")
        return _subscription(node, jid, "none")

    def _node_and_jid(self, stream: ClientStream, what: Element) -> tuple[str, str]:
        node, jid = what.attributes.get("node"), what.attributes.get("jid")
        if not node:
            raise Refusal("modify", "bad-request", "nodeid-required")
        if not jid or bare_of(jid) != stream.bare:
            raise Refusal("modify", "bad-request", "invalid-jid")
        if self.rules.strict_nodes and node.lower() not in self.nodes:
            raise Refusal("cancel", "item-not-found")
        return node, jid

    def _list(self, stream: ClientStream, what: Element) -> str:
        mine = self._subscriptions.of(stream.bare, what.attributes.get("node"))
        inner = "".join(_subscription(entry.node, entry.jid, "subscribed") for entry in mine)
        return f"<subscriptions>{inner}</subscriptions>"


_UNAVAILABLE = Refusal("cancel", "service-unavailable")


def _subscription(node: str, jid: str, state: str) -> str:
    return f"<subscription{attribute('node', node)}{attribute('jid', jid)} subscription='{state}'/>"


def _priority(element: Element) -> int:
    found = element.find("priority")
    try:
        value = int(found.text) if found is not None else 0
    except ValueError:
        return 0
    return value if value in _PRIORITIES else 0
