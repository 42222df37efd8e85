"""TLS towards the notification service: errors in words, smaller buffers.

Knows OpenSSL's reasons and the ports of XMPP. Must not know stanzas or who connects.
"""

from __future__ import annotations

import asyncio.sslproto
import ssl
from typing import Any

from listener import certificates

TLS_BUFFER = 16 * 1024  # asyncio's own is 256 KiB for each connection; a record is 16 KiB at most

_NOT_TLS = frozenset(
    {"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG"}
)
_NO_COMMON_GROUND = frozenset(
    {
        "NO_PROTOCOLS_AVAILABLE",
        "SSLV3_ALERT_HANDSHAKE_FAILURE",
        "TLSV1_ALERT_PROTOCOL_VERSION",
        "UNSUPPORTED_PROTOCOL",
    }
)


def explain_tls_error(error: BaseException, address: str, name: str) -> str:
    """Say in one sentence what was wrong with TLS towards `address`, and what to do.

    `name` is the one that the certificate must hold.
    """
    if isinstance(error, ssl.SSLCertVerificationError):
        return certificates.explain(error, address, name, may_be_named=True)
    reason = _reason(error)
    if reason in _NOT_TLS:
        return (
            f"{address} does not speak TLS on this port (a plain port was configured for TLS):"
            " 5223 is Finesse's TLS port, 5222 the plain one"
        )
    if reason in _NO_COMMON_GROUND:
        return f"{address} and this program share no TLS version or cipher ({reason})"
    if isinstance(error, ssl.SSLEOFError | ConnectionError):
        return f"{address} broke off the TLS handshake: {reason or error or 'no reason given'}"
    return f"the TLS handshake with {address} failed: {reason or error}"


def tls_on_plain_port(host: str) -> str:
    """Say that a TLS port was spoken to in plain text."""
    return (
        f"{host} answers with TLS on a port that was configured as plain:"
        ' set its security to "tls" (5223 is Finesse\'s TLS port)'
    )


def is_not_tls(error: BaseException) -> bool:
    """Say whether the other side does not speak TLS at all."""
    return isinstance(error, ssl.SSLError) and _reason(error) in _NOT_TLS


def shrink_tls_buffers() -> bool:
    """Make asyncio's read buffer of each later TLS connection 16 KiB instead of 256 KiB.

    Returns False where this Python has no such knob (a private attribute of asyncio).
    """
    protocol: Any = getattr(asyncio.sslproto, "SSLProtocol", None)
    if not isinstance(getattr(protocol, "max_size", None), int):
        return False
    protocol.max_size = TLS_BUFFER
    return True


def _reason(error: BaseException) -> str:
    return str(getattr(error, "reason", None) or "")
