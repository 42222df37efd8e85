"""Looks at names, ports and TLS; sends nothing but handshakes and one question in the clear.

Knows sockets, OpenSSL and certificates; must not know what follows from what it brings.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from cryptography import x509

from listener.doctor import wall
from listener.doctor.seen import (
    Certificate,
    Handshake,
    Knock,
    Knocked,
    Resolved,
    Side,
    Talk,
)
from listener.trust import client_context
from listener.xmpp.tls import is_not_tls

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

MOST_ADDRESSES = 8
RESOLVE_WITHIN = 5.0
_LISTEN_TO = 2.0  # seconds for a port to say what it speaks
_HELLO = (
    b"<?xml version='1.0'?><stream:stream to='localhost' version='1.0' xmlns='jabber:client'"
    b" xmlns:stream='http://etherx.jabber.org/streams'>\r\n\r\n"
)
_UNREACHABLE = frozenset(
    {errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN, errno.ENETDOWN, errno.EACCES}
)
_NO_SERVER = frozenset({socket.EAI_AGAIN, socket.EAI_FAIL})


async def resolve(name: str, within: float = RESOLVE_WITHIN) -> Resolved:
    """Return all addresses of a name, in the order in which they are tried."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(within):
            found = await loop.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except TimeoutError:
        return Resolved(name, problem="timeout")
    except socket.gaierror as error:
        problem = "no_server" if error.errno in _NO_SERVER else error.strerror or "unknown"
        return Resolved(name, problem=problem)
    except (OSError, UnicodeError) as error:
        return Resolved(name, problem=str(error))
    addresses = dict.fromkeys(str(one[4][0]) for one in found)
    return Resolved(name, tuple(addresses)[:MOST_ADDRESSES])


async def knock(
    side: Side, host: str, addresses: Sequence[str], port: int, within: float
) -> Knocked:
    """Connect to that port at each address, and close at once; each takes `within` at most."""
    found = await asyncio.gather(*(_knock(address, port, within) for address in addresses))
    return Knocked(
        side,
        host,
        port,
        tuple((address, knock) for address, (knock, _) in zip(addresses, found, strict=True)),
        tuple(detail for _, detail in found if detail),
        within,
    )


async def _knock(address: str, port: int, within: float) -> tuple[Knock, str]:
    try:
        async with asyncio.timeout(within):
            _, writer = await asyncio.open_connection(address, port)
    except TimeoutError:
        return Knock.SILENT, f"{address}: no answer within {within:g} s"
    except OSError as error:
        return _kind(error), f"{address}: {error.strerror or error}"
    writer.transport.abort()
    return Knock.OPEN, ""


def _kind(error: OSError) -> Knock:
    if isinstance(error, ConnectionRefusedError):
        return Knock.REFUSED
    if error.errno == errno.ETIMEDOUT:
        return Knock.SILENT
    return Knock.UNREACHABLE if error.errno in _UNREACHABLE else Knock.OTHER


class Watched(ssl.SSLObject):
    """Keeps what the server showed, whether it is trusted or not; `sink` is set per context."""

    def do_handshake(self) -> None:
        """Shake hands, and note the chain."""
        try:
            super().do_handshake()
        except ssl.SSLError as error:
            if not isinstance(error, ssl.SSLWantReadError | ssl.SSLWantWriteError):
                self._note()
            raise
        self._note()

    def _note(self) -> None:
        sink = getattr(self.context, "shown", None)
        if sink is not None:
            sink[:] = _chain(self)


class WatchedContext(ssl.SSLContext):
    """A context that remembers the certificates that a server showed."""

    shown: list[Certificate]


def watched_context(ca_file: Path | None) -> WatchedContext:
    """Return a context that trusts as sessions do, and remembers what it was shown.

    Raises ConfigurationError for a CA file that cannot be used.
    """
    usual = client_context(ca_file)
    context = WatchedContext(ssl.PROTOCOL_TLS_CLIENT)
    context.shown = []
    if ca_file is None:
        context.load_default_certs()
    else:
        context.load_verify_locations(cafile=str(ca_file))
    context.minimum_version = usual.minimum_version
    context.verify_flags = usual.verify_flags
    context.sslobject_class = Watched
    return context


def _chain(connection: Any) -> list[Certificate]:
    with suppress(Exception):  # a private door of CPython: without it the words are poorer
        ders = [
            one.public_bytes(_DER)
            for one in connection._sslobj.get_unverified_chain()  # noqa: SLF001 - see above
        ]
        return [certificate(x509.load_der_x509_certificate(der)) for der in ders]
    return []


_DER = 2  # _ssl.ENCODING_DER


def certificate(found: x509.Certificate) -> Certificate:
    """Return what of a certificate an operator needs."""
    names: list[str] = []
    with suppress(x509.ExtensionNotFound, ValueError):
        more = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        names = [*more.get_values_for_type(x509.DNSName)]
        names += [str(address) for address in more.get_values_for_type(x509.IPAddress)]
    return Certificate(
        _name(found.subject),
        _name(found.issuer),
        tuple(dict.fromkeys(names)) or _common(found.subject),
        found.not_valid_before_utc.timestamp(),
        found.not_valid_after_utc.timestamp(),
    )


def _common(name: x509.Name) -> tuple[str, ...]:
    return tuple(str(one.value) for one in name.get_attributes_for_oid(x509.OID_COMMON_NAME))


def _name(name: x509.Name) -> str:
    common = _common(name)
    if common:
        return common[0]
    return name.rfc4514_string() or "nobody"


def read_authorities(ca_file: Path) -> list[Certificate]:
    """Return the certificates of a PEM file. Raises ValueError or OSError for something else."""
    return [certificate(one) for one in x509.load_pem_x509_certificates(ca_file.read_bytes())]


async def shake_hands(
    side: Side, at: tuple[str, int], name: str, ca_file: Path | None, within: float
) -> Handshake:
    """Make a TLS connection as sessions do; `name` is the one that the certificate must hold."""
    host, port = at
    trusted = str(ca_file) if ca_file else "the system's trust"
    made = partial(Handshake, side, host, port, name, trusted, wall.now())
    context = watched_context(ca_file)
    try:
        async with asyncio.timeout(within):
            _, writer = await asyncio.open_connection(
                host, port, ssl=context, server_hostname=name, ssl_handshake_timeout=within
            )
    except TimeoutError:
        return made(timed_out=True)
    except ssl.SSLCertVerificationError as error:
        return made(
            chain=tuple(context.shown),
            verify_code=error.verify_code,
            verify_words=error.verify_message or "not trusted",
        )
    except (OSError, ssl.SSLError) as error:
        return await _no_tls(made, error, host, port)
    version = writer.get_extra_info("ssl_object").version()
    writer.transport.abort()
    return made(version=version, chain=tuple(context.shown))


async def _no_tls(made: partial[Handshake], error: OSError, host: str, port: int) -> Handshake:
    reason = str(getattr(error, "reason", None) or type(error).__name__)
    detail = str(getattr(error, "strerror", None) or error)
    broke = is_not_tls(error) or isinstance(error, ssl.SSLEOFError | ConnectionError)
    talk = await talks(host, port) if broke else None
    return made(reason=reason, detail=detail, talk=talk)


async def talks(host: str, port: int, within: float = _LISTEN_TO) -> Talk:
    """Say what a port speaks in the clear: it is greeted as an XMPP server once, without a name."""
    heard = b""
    with suppress(OSError, TimeoutError):
        async with asyncio.timeout(within):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                writer.write(_HELLO)
                heard = await reader.read(512)
            finally:
                writer.transport.abort()
    if heard.startswith(b"HTTP/") or b"<html" in heard.lower():
        return Talk.HTTP
    if b"stream" in heard:
        return Talk.XMPP
    return Talk.OTHER if heard else Talk.NOTHING
