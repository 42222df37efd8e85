"""A slixmpp client with everything taken from it that hurts on bad networks.

One client is one connection: it dials once, never redials, sets no timer, and says how it ended.
Knows slixmpp, in which the pitfalls named P1 to P18 in the tests were found, and handles them from
outside. Must not know pubsub, notifications or when to try again.
"""

from __future__ import annotations

import asyncio
import ssl
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from slixmpp.jid import InvalidJID
from slixmpp.util.sasl.client import saslprep
from slixmpp.util.stringprep_profiles import StringPrepError
from slixmpp.xmlstream.handler import Callback
from slixmpp.xmlstream.matcher.base import MatcherBase

from listener import logs
from listener.errors import (
    ConfigurationError,
    CredentialsRefused,
    ListenerError,
    NotFinesse,
    Unreachable,
)
from listener.xmpp import stanzas, troubles
from listener.xmpp.contract import Cause, Ending, Security, as_error
from listener.xmpp.dismantling import empty_frames, take_apart
from listener.xmpp.parser import AFTER_LOGIN
from listener.xmpp.quiet import quiet_slixmpp
from listener.xmpp.stream import CalmStream

if TYPE_CHECKING:
    import xml.etree.ElementTree as ET
    from collections.abc import Callable

_log = logs.get(__name__)

_FIRST_WORDS = {
    "tls": "waiting for the server's first words",
    "starttls": "waiting for the server's first words",
    # A TLS port says nothing to a client that does not begin with a handshake.
    "plain": "waiting for the server's first words in the clear (a TLS port would not speak so)",
}

_TAKEN = (
    " (another client signed in as this agent with our resource; so that the two do not throw each"
    " other out in turns, nothing is tried again: find it and stop it, then `listener reload`)"
)

_UNWANTED_HANDLERS = ("IM", "IMError", "Presence", "Roster Update", "Stream Error")
_LOGIN_HANDLERS = (
    "Stream Features",
    "STARTTLS Proceed",
    "SASL Success",
    "SASL Failure",
    "SASL Challenge",
)
_MESSAGE, _PRESENCE, _IQ = (f"{stanzas.CLIENT}{name}" for name in ("message", "presence", "iq"))
_STREAM_ERROR = f"{stanzas.STREAM}error"
_HEARD = frozenset({_MESSAGE, _PRESENCE, _IQ, _STREAM_ERROR})
_GRACE = 1.0  # seconds for an aborted transport to say that it is gone; it needs one loop turn


class _Stanza(MatcherBase):
    """Matches every stanza and the stream's error."""

    def match(self, xml: Any) -> bool:
        return xml.xml.tag in _HEARD


def check_password(password: str) -> str:
    """Return the password; raises CredentialsRefused when SASL could not even carry it."""
    if not password:
        raise CredentialsRefused("no password is configured")
    try:
        saslprep(password)
    except StringPrepError:
        raise CredentialsRefused("the password holds a character that SASL forbids") from None
    return password


class GuardedClient(CalmStream):
    """One connection of one user, from dialling to its end; never used twice.

    `jid` is the full JID, `user` the name that SASL says, `tls` the context that all share,
    `certificate_name` the host that the certificate must name (slixmpp alone checks the JID's
    domain), `on_stanza` a plain function that gets each element once the session is there.
    Raises ConfigurationError for a JID that cannot be.
    """

    def __init__(
        self,
        jid: str,
        password: str,
        *,
        user: str,
        tls: ssl.SSLContext,
        security: Security,
        certificate_name: str,
        on_stanza: Callable[[ET.Element], None],
        limit: int = AFTER_LOGIN,
    ) -> None:
        quiet_slixmpp()
        loop = asyncio.get_running_loop()
        try:
            super().__init__(jid, password, ssl_context=tls, loop=loop)
        except InvalidJID as error:
            raise ConfigurationError(f"{jid!r} is not an XMPP address: {error}") from error
        self.credentials["username"] = user
        self.default_domain = certificate_name
        self.certificate_name = certificate_name
        self.enable_direct_tls = security == "tls"
        self.enable_starttls = security == "starttls"
        self.enable_plaintext = security == "plain"
        self.auto_authorize, self.auto_subscribe = None, False
        self.ended: asyncio.Future[Ending] = loop.create_future()
        self.trouble: ListenerError | None = None
        self.name_held = False  # the server has another session with our resource, and keeps it
        self.stage = "connecting"
        self.peer = certificate_name
        self._security = security
        self._on_stanza = on_stanza
        self.stanza_limit = limit
        self._ready: asyncio.Future[None] = loop.create_future()
        self._gone = asyncio.Event()
        self._tasks: set[asyncio.Future[Any]] = set()
        self._asked: list[Any] = []
        self._upgrading = False
        self._closing = False
        self._negotiate_narrowly(security)

    def _negotiate_narrowly(self, security: Security) -> None:
        mechanisms: Any = self.plugin["feature_mechanisms"]
        mechanisms.use_mech = "PLAIN"
        mechanisms.unencrypted_plain = security == "plain"
        for name in _UNWANTED_HANDLERS:
            self.remove_handler(name)
        self.register_handler(Callback("Stanza", _Stanza(""), self._hear))
        for event, handler in (
            ("connected", lambda _: self._at(_FIRST_WORDS[security])),
            ("tls_success", lambda _: self._at("waiting for the server's first words after TLS")),
            ("auth_success", lambda _: self._at("waiting for the session after login")),
            ("session_start", self._started),
            ("connection_failed", self._not_connected),
            ("ssl_invalid_chain", self._tls_failed),
            ("failed_auth", self._not_authorised),
            ("no_auth", self._no_mechanism),
            ("stream_negotiated", self._negotiated),
        ):
            self.add_event_handler(event, handler)

    # --- the life of a connection ---------------------------------------------------------------

    async def start(self, host: str, port: int) -> None:
        """Dial once and return when the session is bound; the caller bounds the time.

        Raises Unreachable, CredentialsRefused, CertificateRefused, ResourceConflict or NotFinesse.
        """
        self.peer = f"{host}:{port}"
        self._own(self.connect(host, port))
        either: set[asyncio.Future[Any]] = {self._ready, self.ended}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if self.ended.done():
            raise self.trouble or as_error(self.ended.result())

    def say(self, text: str) -> None:
        """Send one stanza now; raises Unreachable when the stream is gone (nothing is queued)."""
        if self.transport is None or self.ended.done():
            raise Unreachable("the session is gone; nothing was sent")
        self.send_raw(text)

    def say_last(self) -> None:
        """Close our side of the stream; the end is then ours, however the server answers."""
        self._closing = True
        self.send_raw(self.stream_footer)

    def end(self, cause: Cause, detail: str, trouble: ListenerError | None = None) -> None:
        """Note why the connection ends (the first cause stays) and cut it."""
        if self._closing:
            cause, detail = Cause.CLOSED_BY_US, "closed by us"
        if not self.ended.done():
            self.trouble = trouble
            self.ended.set_result(Ending(cause, detail))
        self.abort()

    def over(self) -> bool:
        """Say whether the connection has ended."""
        return self.ended.done()

    async def finish(self) -> None:
        """Cut what is left and wait until no task and no transport of this client remains."""
        self.end(Cause.CLOSED_BY_US, "closed by us")
        self.cancel_connection_attempt()
        if self._run_out_filters is not None:
            self._own(self._run_out_filters)
        if self.transport is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(_GRACE):
                    await self._gone.wait()
        tasks = [task for task in self._tasks if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._forget_secrets()
        self._on_stanza = _deaf
        self.trouble = None  # raised, it leads back to here through its traceback: a circle
        if self._gone.is_set() or self.transport is None:  # else something may still call it
            self.release_parser()
            take_apart(self, self._asked)

    def _own(self, task: asyncio.Future[Any]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _own_this(self) -> None:
        # Not in the caller's frame: the exception of a cancelled task leads to that, and a task in
        # it would make a circle.
        task = asyncio.current_task()
        if task is not None:
            self._own(task)

    def register_handler(self, handler: Any, before: Any = None, after: Any = None) -> None:
        """Remember what slixmpp makes for each IQ of its own, to take it apart at the end."""
        if handler.name.startswith("IqCallback"):
            self._asked.append(handler._pointer)  # noqa: SLF001 - it has no other name
        super().register_handler(handler, before, after)

    def _at(self, stage: str) -> None:
        self.stage = stage

    def _forget_secrets(self) -> None:
        self.credentials.clear()
        if self.plugin is not None:  # else it was taken apart
            self.plugin["feature_mechanisms"].mech = None

    def disconnect(self, *_args: Any, **_kwargs: Any) -> asyncio.Future[Any]:
        """Cut at once; slixmpp calls this when it gives up, and would start a task."""
        self.end(Cause.LINK_LOST, self._gave_up())
        done: asyncio.Future[Any] = self.loop.create_future()
        done.set_result(None)
        return done

    def _gave_up(self) -> str:
        step = "TLS handshake" if self._upgrading else "login"
        return f"the {step} with {self.peer} broke off"

    async def start_tls(self) -> bool:
        """Change to TLS; a failure of the handshake is the cause, not the drop it makes (P6).

        slixmpp does it in a task of its own, that may begin when the connection has just ended:
        what asyncio puts on top of a dead transport nobody closes.
        """
        self._own_this()
        self._upgrading = True
        done = False
        try:
            done = await self._upgraded()
        except ssl.SSLError as error:
            self._tls_failed(error)
        except OSError:
            pass  # as below
        finally:
            if not done or self._gone.is_set():  # the transport says so of a session alone
                self.end(Cause.LINK_LOST, self._gave_up())
            if not done:
                self.connection_lost(None)  # asyncio tells nobody of an end inside of a handshake
            self._upgrading = False
        return done

    async def _upgraded(self) -> bool:
        if self.transport is None or self.transport.is_closing():
            return False
        # Taken away when the connection is cut: what comes then is not taken for a session.
        self._current_connection_attempt = self.loop.create_future()
        secure = await self.loop.start_tls(
            self.transport, self, self.ssl_context, server_hostname=self.certificate_name
        )
        if secure is None:  # it ended in the middle
            return False
        self.connection_made(secure, send_event=False)
        return True

    async def _handle_stream_features(self, features: Any) -> bool | None:
        self._own_this()
        return await super()._handle_stream_features(features)

    def connection_lost(self, exception: BaseException | None) -> None:
        """Note that the connection is gone, and why, unless the cause is known already."""
        if self._gone.is_set():
            return
        stage = "" if self._ready.done() else f" while {self.stage}"
        why = f"{exception}" if exception else (self.disconnect_reason or "the server closed it")
        super().connection_lost(exception)
        self._gone.set()
        if not self._upgrading:
            self.end(Cause.LINK_LOST, f"the connection to {self.peer} ended{stage}: {why}")

    # --- what the server said -------------------------------------------------------------------

    def _spawn_event(self, xml: ET.Element) -> None:
        """Take messages as they are: slixmpp would build stanzas, and no handler of its asks."""
        if xml.tag == _MESSAGE and self._ready.done():
            self._hear_element(self.incoming_filter(xml))
        else:
            super()._spawn_event(xml)

    def _hear(self, stanza: Any) -> None:
        self._hear_element(stanza.xml)

    def _hear_element(self, element: ET.Element) -> None:
        if self.ended.done():
            return
        try:
            if element.tag == _STREAM_ERROR:
                self._stream_error(element)
            elif self._ready.done():
                self._on_stanza(element)
            elif (refusal := stanzas.refusal(element)) and element.tag == _IQ:
                self.name_held = refusal.startswith("conflict")
                self._fail(troubles.not_bound(refusal, self.peer))
        except Exception as error:  # noqa: BLE001 - slixmpp would answer the sender with it
            # No traceback: it would hold the payload.
            _log.error("stanza.failed", error=type(error).__name__)

    def _stream_error(self, element: ET.Element) -> None:
        name = stanzas.condition(element)
        cause = Cause.CONFLICT if name == "conflict" else Cause.STREAM_ERROR
        words = f"{self.peer} ended the stream: {name}"
        if cause is Cause.CONFLICT:
            words += _TAKEN
        self.end(cause, words, NotFinesse(words) if name == "host-unknown" else None)

    def _started(self, _: Any) -> None:
        if not (self.authenticated and self._private()):
            # Whoever sits in between could offer it: no certificate was checked, nobody signed in.
            words = f"{self.peer} offered a session without TLS or without a login"
            self._fail(NotFinesse(words))
            return
        self._forget_secrets()
        for name in _LOGIN_HANDLERS:  # nothing can begin a second login on this stream
            self.remove_handler(name)
        if not self._ready.done():
            self._ready.set_result(None)

    def _private(self) -> bool:
        """Say whether the stream is encrypted, or need not be."""
        secure = self.transport is not None and self.transport.get_extra_info("ssl_object")
        return self._security == "plain" or secure is not None

    def _fail(self, trouble: ListenerError) -> None:
        self.end(Cause.LINK_LOST, str(trouble), trouble)

    def _not_connected(self, error: Any) -> None:
        self._fail(troubles.not_connected(error, self.peer, self.certificate_name))
        empty_frames(error)

    def _tls_failed(self, error: Any) -> None:
        self._fail(troubles.tls_failed(error, self.peer, self.certificate_name))
        empty_frames(error)

    def _not_authorised(self, failure: Any) -> None:
        name = stanzas.condition(failure.xml)
        self._fail(troubles.login_refused(name, self.peer, self.credentials["username"]))

    def _no_mechanism(self, _: Any) -> None:
        offered: Any = self.plugin["feature_mechanisms"].mech_list
        self._fail(troubles.no_mechanism(offered, self.peer))

    def _negotiated(self, _: Any) -> None:
        if not self.bound:
            address, done = self.peer, self.authenticated
            self._fail(troubles.not_negotiated(address, self._security, authenticated=done))


def _deaf(_: ET.Element) -> None:
    """Hear nothing: the session is over."""
