"""What went wrong before a session was there, as an exception with words that an operator can use.

Knows the reasons of sockets, TLS and SASL. Must not know streams or sessions.
"""

from __future__ import annotations

import os
import socket
import ssl
from typing import TYPE_CHECKING

from listener.errors import (
    CertificateRefused,
    CredentialsRefused,
    ListenerError,
    NotFinesse,
    Unreachable,
)
from listener.xmpp.tls import explain_tls_error, is_not_tls

if TYPE_CHECKING:
    from collections.abc import Collection

_WAY_OUT = (
    " (it is not tried again: five refusals lock the account; replace the password,"
    " then `listener reload`)"
)
_NOBODY_THERE = (
    "nothing listens on that port (5222 is off by default since 12.5; 5223 may be switched off)"
)
_NOT_DIALLED = "Connect call failed"  # asyncio's words where there was no connection yet
_LATER = "temporary-auth-failure"  # RFC 6120 section 6.5: not about the password


def not_connected(error: object, address: str, certificate_name: str) -> ListenerError:
    """Return the error for a connection that could not be made."""
    broke = isinstance(error, ssl.SSLError | ConnectionResetError | ConnectionAbortedError)
    if isinstance(error, BaseException) and broke and _NOT_DIALLED not in str(error):
        return tls_failed(error, address, certificate_name)
    if isinstance(error, socket.gaierror | str):
        return Unreachable(f"the name in {address} cannot be resolved")
    if isinstance(error, ConnectionRefusedError):
        return Unreachable(f"{address} refused the connection: {_NOBODY_THERE}")
    number = error.errno if isinstance(error, OSError) else None
    words = os.strerror(number) if number is not None else error  # asyncio's repeat the address
    return Unreachable(f"{address} cannot be reached: {words}")


def tls_failed(error: BaseException, address: str, certificate_name: str) -> ListenerError:
    """Return the error for a TLS handshake that failed."""
    words = explain_tls_error(error, address, certificate_name)
    if isinstance(error, ssl.SSLCertVerificationError):
        return CertificateRefused(words)
    return NotFinesse(words) if is_not_tls(error) else Unreachable(words)


def login_refused(condition: str, address: str, user: str) -> ListenerError:
    """Return the error for a SASL failure; what is not known to pass counts as the password's."""
    kind = Unreachable if condition == _LATER else CredentialsRefused
    way_out = "" if kind is Unreachable else _WAY_OUT
    return kind(f"{address} refused the login of {user}: {condition}{way_out}")


def no_mechanism(offered: Collection[str], address: str) -> ListenerError:
    """Return the error for a server that offers no login which we would use."""
    if "PLAIN" in offered:
        return NotFinesse(f"{address} offers no STARTTLS: no password was sent in the clear")
    return NotFinesse(f"{address} offers no SASL PLAIN (it offers {', '.join(sorted(offered))})")


def not_negotiated(address: str, security: str, *, authenticated: bool) -> ListenerError:
    """Return the error for a server whose features lead nowhere."""
    lacking = "no resource to bind" if authenticated else "no login"
    return NotFinesse(f"{address} offers {lacking} when its security is set to {security!r}")


def not_bound(refusal: str, address: str) -> ListenerError:
    """Return the error for a refused session.

    A conflict here says that the server holds a session with this resource, and not whose: mostly
    it is our own before a silent drop, which it may hold for minutes. So whoever tries again takes
    another resource.
    """
    held = (
        " (it holds a session with this resource: ours from before a silent drop, or another"
        " client's; the next attempt takes another)"
    )
    words = held if refusal.startswith("conflict") else ""
    return Unreachable(f"{address} refused to bind the session: {refusal}{words}")
