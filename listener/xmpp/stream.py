"""A slixmpp stream with its habits taken away: no redial, no timer, no wire log, no giant stanza.

Knows slixmpp and the bytes of a stream. Must not know logins, sessions or what a stanza means.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import slixmpp
from slixmpp.xmlstream.tostring import tostring

from listener import logs, redaction
from listener.errors import ListenerError, NotFinesse
from listener.xmpp import stanzas
from listener.xmpp.contract import Cause
from listener.xmpp.parser import (
    AFTER_LOGIN,
    BEFORE_LOGIN,
    PIECES,
    Malformed,
    Prolog,
    PullParser,
    TooBig,
)
from listener.xmpp.tls import tls_on_plain_port

if TYPE_CHECKING:
    import ssl
    import xml.etree.ElementTree as ET

_log = logs.get(__name__)

_UNNEEDED = frozenset({"feature_rosterver", "feature_preapproval", "feature_limits"})
_UNSENT_MAX = 256 * 1024  # bytes; we say little, so a server that takes less does not read
_TLS_RECORD = (b"\x15\x03", b"\x16\x03")


class CalmStream(slixmpp.ClientXMPP):
    """What every connection of ours has in common below its login."""

    peer = ""
    stanza_limit = AFTER_LOGIN
    _limit = BEFORE_LOGIN
    _since = 0
    _fresh = True
    _prolog: Prolog | None = None
    _pull: PullParser | None = None

    def end(self, cause: Cause, detail: str, trouble: ListenerError | None = None) -> None:
        """Note why the connection ends and cut it."""
        raise NotImplementedError

    def over(self) -> bool:
        """Say whether the connection has ended."""
        raise NotImplementedError

    def register_plugin(self, plugin: str, pconfig: Any = None, module: Any = None) -> None:
        """Load only the features that a session needs."""
        if plugin not in _UNNEEDED:
            super().register_plugin(plugin, pconfig, module)

    def schedule(self, *_args: Any, **_kwargs: Any) -> None:
        """Set no timer: no whitespace, no time limit other than ours (P4, P11)."""

    def reschedule_connection_attempt(self) -> None:
        """Dial once: whoever owns this client decides about the next attempt (P1, P5)."""
        self.cancel_connection_attempt()

    def reconnect(self, *_args: Any, **_kwargs: Any) -> None:
        """Follow no redirect to another host."""

    def get_ssl_context(self) -> ssl.SSLContext:
        """Return the shared context as it is."""
        return self.ssl_context

    def send_raw(self, data: str | bytes) -> None:
        """Write to the transport; unlike the original it logs no login at all (P13).

        Ends the connection to a server that does not read what it asked for; writes nothing to
        one that has ended, whose transport may be in pieces while slixmpp's queue goes on.
        """
        if self.transport is None or self.over():
            return
        self.transport.write(data.encode() if isinstance(data, str) else data)
        if self.transport.get_write_buffer_size() > _UNSENT_MAX:
            words = f"{self.peer} left more than {_UNSENT_MAX} bytes of ours unread"
            self.end(Cause.LINK_LOST, words)
            return
        if self.authenticated and logs.wire_on():
            text = data if isinstance(data, str) else data.decode(errors="replace")
            logs.get(logs.WIRE).debug("wire.sent", peer=self.peer, stanza=_secretless(text))

    def exception(self, exception: Exception) -> None:
        """Log what went wrong inside slixmpp by its kind alone (its text may hold payloads)."""
        _log.error("stanza.failed", error=type(exception).__name__)

    # --- bytes ----------------------------------------------------------------------------------

    def init_parser(self) -> None:
        """Start a new document, before and after login."""
        super().init_parser()
        self.release_parser()
        self._pull = PullParser()
        self.parser = self._pull  # type: ignore[assignment]  # it has what slixmpp calls
        self._prolog, self._since = Prolog(), 0
        self._limit = self.stanza_limit if self.authenticated else BEFORE_LOGIN

    def release_parser(self) -> None:
        """Let go of the document that was read so far."""
        if self._pull is not None:
            self._pull.release()
            self._pull = None
        if self._prolog is not None:
            self._prolog.release()

    def data_received(self, data: bytes | str) -> None:
        """Feed the parser in pieces, so that no stanza grows past its limit unseen (P14)."""
        raw = data.encode() if isinstance(data, str) else bytes(data)
        if self._fresh and raw.startswith(_TLS_RECORD):
            words = tls_on_plain_port(self.peer)
            self.end(Cause.MALFORMED, words, NotFinesse(words))
        self._fresh = False
        step = max(1, self._limit // PIECES)
        for at in range(0, len(raw), step):
            if self.parser is None or self.over():
                return
            self._feed(raw[at : at + step])

    def _feed(self, piece: bytes) -> None:
        if self._prolog is not None:
            self._prolog.feed(piece)
            if self._prolog.has_dtd:
                self.end(Cause.DTD, f"{self.peer} sent a DTD, which XMPP forbids")
                return
        self._since += len(piece)
        try:
            super().data_received(piece)
        except TooBig as error:
            self.end(Cause.STANZA_TOO_BIG, f"{self.peer} sent {error}")
        except Malformed as error:
            self.end(Cause.MALFORMED, f"{self.peer} sent what is not XML: {error}")
        except Exception as error:  # noqa: BLE001 - slixmpp, when something comes out of its turn
            # No traceback: it would hold the payload.
            _log.error("stanza.failed", error=type(error).__name__)
            self.end(Cause.MALFORMED, f"{self.peer} said what cannot be said at that point")
        if self._since > self._limit:
            self.end(
                Cause.STANZA_TOO_BIG,
                f"{self.peer} sent a stanza of more than {self._limit} bytes",
            )

    def incoming_filter(self, xml: ET.Element) -> ET.Element:
        """Count anew after each stanza, and log it if that is wanted."""
        self._since = 0
        if self.authenticated and logs.wire_on():
            logs.get(logs.WIRE).debug("wire.received", peer=self.peer, stanza=_shown(xml))
        return xml

    def start_stream_handler(self, xml: ET.Element) -> None:
        """Refuse a document that is not a stream."""
        if xml.tag != f"{stanzas.STREAM}stream":
            self.end(Cause.MALFORMED, f"{self.peer} does not speak XMPP")
            return
        self._prolog = None
        super().start_stream_handler(xml)  # type: ignore[no-untyped-call]


def _shown(xml: ET.Element) -> str:
    try:
        return _secretless(tostring(xml))
    except RecursionError:
        return "a stanza that is nested too deep to be shown"


def _secretless(text: str) -> str:
    """Hide what nobody may see before any handler has it; ours hides numbers and call data too."""
    return redaction.text(text, show_numbers=True)
