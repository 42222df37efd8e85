"""How a connection becomes a session: stream header, SASL PLAIN and bind; then stanzas handed on.

Knows the negotiation of RFC 6120; knows nothing of sockets, and nothing of what is said inside a
session: presence, pubsub and the rest are the house's.
"""

from __future__ import annotations

import base64
import binascii
import uuid

from listener.simulator.xmpp_connection import Connection, House, Security
from listener.simulator.xmpp_faults import Stage
from listener.simulator.xmpp_xml import (
    CLIENT,
    STREAMS,
    Broken,
    Closed,
    Element,
    Event,
    Opened,
    attribute,
    text,
)

TLS, SASL, BIND, SESSION, STREAM_ERRORS = (
    f"urn:ietf:params:xml:ns:xmpp-{name}" for name in ("tls", "sasl", "bind", "session", "streams")
)
MAX_STANZA = 256 * 1024
MAX_SASL_FAILURES = 3


class ClientStream(Connection):
    """A connection, and a session once `resource` is set."""

    def __init__(self, house: House, security: Security) -> None:
        super().__init__(house, security)
        self.resource: str | None = None
        self.priority: int | None = None  # None: not available
        self._sasl_failures = 0

    @property
    def bare(self) -> str:
        """The bare JID, lower case (nodeprep); only after SASL."""
        return f"{self.user}@{self._house.domain}".lower()

    @property
    def jid(self) -> str:
        """The full JID of a session."""
        return f"{self.bare}/{self.resource}"

    def _on(self, event: Event) -> None:
        match event:
            case Opened():
                self._open(event.to)
            case Closed():
                self.outlet.send(b"</stream:stream>")
                self.outlet.close()
            case Broken():
                self.end(event.condition)
            case Element():
                self._element(event)

    def send(self, xml: str) -> None:
        """Send XML that is already well-formed (or is not, on purpose)."""
        self.outlet.send(xml.encode())

    def end(self, condition: str | None) -> None:
        """Close in order, with a stream error when there is a condition to name."""
        if condition is not None:
            if not self._header_sent:
                self._send_header()
            self.send(
                f"<stream:error><{condition} xmlns='{STREAM_ERRORS}'/></stream:error>"
                "</stream:stream>"
            )
        self.outlet.close()

    def _open(self, to: str | None) -> None:
        falls_silent = self._house.faults.falls_silent
        if self.user is None and (
            falls_silent(Stage.BEFORE_HEADER) or (self._secure and falls_silent(Stage.AFTER_TLS))
        ):
            self._fall_silent()
            return
        self._send_header()
        if to is not None and to.lower() != self._house.domain.lower():
            self.end("host-unknown")
        elif self.user is None and falls_silent(Stage.AFTER_HEADER):
            self._fall_silent()
        else:
            self.send(f"<stream:features>{self._features()}</stream:features>")

    def _send_header(self) -> None:
        self._header_sent = True
        self.send(
            f"<?xml version='1.0' encoding='UTF-8'?><stream:stream xmlns='{CLIENT}' xmlns:stream="
            f"'{STREAMS}' from='{self._house.domain}' id='{uuid.uuid4().hex[:10]}' xml:lang='en' "
            "version='1.0'>"
        )

    def _features(self) -> str:
        if self.user is not None:
            return f"<bind xmlns='{BIND}'/><session xmlns='{SESSION}'/>"
        if self._needs_tls:
            return f"<starttls xmlns='{TLS}'><required/></starttls>"
        return f"<mechanisms xmlns='{SASL}'><mechanism>PLAIN</mechanism></mechanisms>"

    @property
    def _needs_tls(self) -> bool:
        return self._security is Security.STARTTLS and not self._secure

    def _element(self, element: Element) -> None:
        if self.user is None:
            self._before_login(element)
        elif self.resource is None:
            self._before_bind(element)
        else:
            self._house.stanza(self, element)

    def _before_login(self, element: Element) -> None:
        if element.name == f"{{{TLS}}}starttls" and self._needs_tls:
            self.send(f"<proceed xmlns='{TLS}'/>")
            self._begin_tls()
        elif element.name == f"{{{SASL}}}auth":
            self._authenticate(element)
        else:
            self.end("not-authorized")

    def _authenticate(self, element: Element) -> None:
        if self._needs_tls:
            self._refuse("encryption-required")
            return
        if element.attributes.get("mechanism") != "PLAIN":
            self._refuse("invalid-mechanism")
            return
        pair = read_plain(element.text)
        if isinstance(pair, str):
            self._refuse(pair)
            return
        user, password = pair
        self._house.auth_attempts[user] += 1
        verdict = self._house.check(user, password)
        if verdict is True:
            self._welcome(user)
        else:
            self._refuse(verdict or "not-authorized")

    def _refuse(self, condition: str) -> None:
        self.send(f"<failure xmlns='{SASL}'><{condition}/></failure>")
        self._sasl_failures += 1
        if self._sasl_failures >= MAX_SASL_FAILURES:
            self.end("policy-violation")

    def _welcome(self, user: str) -> None:
        self.user = user
        faults = self._house.faults
        if faults.is_frozen(user.lower()):
            self.freeze()
        self.send(f"<success xmlns='{SASL}'/>")
        self._restart(MAX_STANZA)
        if faults.falls_silent(Stage.AFTER_SASL, user.lower()):
            self._fall_silent()

    def _before_bind(self, element: Element) -> None:
        bind = element.first
        if element.local != "iq" or bind is None or bind.name != f"{{{BIND}}}bind":
            self.end("not-authorized")
            return
        asked = bind.find("resource")
        self.resource = (asked and asked.text) or uuid.uuid4().hex[:8]
        self._house.bound(self)
        self.send(
            f"<iq type='result'{attribute('id', element.attributes.get('id'))}>"
            f"<bind xmlns='{BIND}'><jid>{text(self.jid)}</jid></bind></iq>"
        )
        if self._house.faults.falls_silent(Stage.AFTER_BIND, str(self.user).lower()):
            self._fall_silent()


def read_plain(encoded: str) -> tuple[str, str] | str:
    """Return (user, password) of a SASL PLAIN message, or the SASL failure condition."""
    try:
        parts = base64.b64decode(encoded, validate=True).decode().split("\0")
    except (binascii.Error, UnicodeDecodeError):
        return "incorrect-encoding"
    if len(parts) != 3 or not parts[1]:  # noqa: PLR2004  RFC 4616: authzid NUL authcid NUL passwd
        return "malformed-request"
    return parts[1], parts[2]
