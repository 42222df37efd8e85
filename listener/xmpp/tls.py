"""TLS towards Finesse: one context for all sessions, errors in words, smaller buffers.

Knows certificates and OpenSSL's reasons. Must not know XMPP or who connects.
"""

from __future__ import annotations

import asyncio.sslproto
import ssl
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from listener.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

TLS_BUFFER = 16 * 1024  # asyncio's own is 256 KiB for each connection; a record is 16 KiB at most

_HOW_TO_TRUST = (
    "Finesse shows its Tomcat certificate, self-signed unless the site replaced it: download it as"
    " PEM (OS administration, https://<node>:8443/cmplatform, Security > Certificate Management,"
    " tomcat) from every node and put all of them into one CA file"
)

# OpenSSL's X509_V_ERR_* numbers.
_EXPIRED = 10
_NOT_YET_VALID = 9
_UNKNOWN_ISSUER = frozenset({2, 18, 19, 20, 21})
_WRONG_NAME = frozenset({62, 64})

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


class _TellingSSLObject(ssl.SSLObject):
    """Puts the names of a refused certificate on the error; OpenSSL does not tell them."""

    def do_handshake(self) -> None:
        try:
            super().do_handshake()
        except ssl.SSLCertVerificationError as refused:
            refused.certificate_names = _names_shown(self)  # type: ignore[attr-defined]
            raise


def _names_shown(connection: Any) -> tuple[str, ...]:
    """Return the names in the certificate that the server showed; empty when Python hides it."""
    with suppress(Exception):  # a private door of CPython: without it the words are poorer
        leaf = connection._sslobj.get_unverified_chain()[0].get_info()  # noqa: SLF001 - see above
        names = [name for _, name in leaf.get("subjectAltName", ())]
        subject = [pair for part in leaf.get("subject", ()) for pair in part]
        return tuple(names or [value for key, value in subject if key == "commonName"])
    return ()


def client_context(
    ca_file: Path | None, *, minimum: ssl.TLSVersion = ssl.TLSVersion.TLSv1_2
) -> ssl.SSLContext:
    """Return the context that all sessions share: chain and host name are always checked.

    With `ca_file` only the certificates in it are trusted, otherwise the system's. A server's own
    certificate may stand in the file without its issuer. Raises ConfigurationError that names the
    file. Costs about 40 ms and 0.9 MB with the system's certificates: build it once.
    """
    try:
        context = ssl.create_default_context(cafile=None if ca_file is None else str(ca_file))
    except ssl.SSLError as error:
        raise ConfigurationError(
            f"the CA file {ca_file} holds no certificate in PEM form: {_reason(error)}"
        ) from error
    except OSError as error:
        raise ConfigurationError(
            f"the CA file {ca_file} cannot be read: {error.strerror or error}"
        ) from error
    context.minimum_version = minimum
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    # On by default since Python 3.13; Cisco's self-signed certificates need not pass RFC 5280.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    context.sslobject_class = _TellingSSLObject
    return context


def explain_tls_error(error: BaseException, host: str, ca_file: Path | None = None) -> str:
    """Say in one sentence what was wrong with TLS towards `host`, and what to do."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return _explain_certificate(error, host, ca_file)
    reason = _reason(error)
    if reason in _NOT_TLS:
        return (
            f"{host} does not speak TLS on this port (a plain port was configured for TLS):"
            " 5223 is Finesse's TLS port, 5222 the plain one"
        )
    if reason in _NO_COMMON_GROUND:
        return f"{host} and this program share no TLS version or cipher ({reason})"
    if isinstance(error, ssl.SSLEOFError | ConnectionError):
        return f"{host} broke off the TLS handshake: {reason or error or 'no reason given'}"
    return f"the TLS handshake with {host} failed: {reason or error}"


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


def _explain_certificate(
    error: ssl.SSLCertVerificationError, host: str, ca_file: Path | None
) -> str:
    if error.verify_code in _WRONG_NAME:
        names = ", ".join(getattr(error, "certificate_names", ()))
        return (
            f"the certificate is not for {host}: it names {names or 'other hosts'}."
            " Use one of its names as host, or set certificate_name"
        )
    if error.verify_code == _EXPIRED:
        return f"the certificate of {host} has expired: renew it on the Finesse node"
    if error.verify_code == _NOT_YET_VALID:
        return f"the certificate of {host} is not valid yet: compare the clocks of both machines"
    if error.verify_code in _UNKNOWN_ISSUER:
        where = f"the CA file {ca_file}" if ca_file else "the trusted certificates"
        return f"the certificate of {host} has no issuer in {where}. {_HOW_TO_TRUST}"
    return f"the certificate of {host} was refused: {error.verify_message}"


def _reason(error: BaseException) -> str:
    return str(getattr(error, "reason", None) or "")
