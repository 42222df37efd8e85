"""Which certificates are trusted, as the TLS contexts with which connections are made.

Knows the CA file, and how to read it anew: connections that are made afterwards are checked by the
new one, those that are up stay. Must not know who connects, or what is said over TLS.
"""

from __future__ import annotations

import base64
import hashlib
import re
import ssl
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from listener.certificates import KEY, Seen
from listener.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


READINGS = 5
"""How often a CA file is read that is another one each time before one gives it up."""

_BLOCK = re.compile(
    rb"^-----BEGIN ((?:X509 |TRUSTED )?CERTIFICATE|X509 CRL)-----(.*?)^-----END \1-----",
    re.DOTALL | re.MULTILINE,
)


class _TellingSSLObject(ssl.SSLObject):
    """Puts what was seen of a refused certificate on the error; OpenSSL does not tell it."""

    def do_handshake(self) -> None:
        try:
            super().do_handshake()
        except ssl.SSLCertVerificationError as refused:
            refused.seen = seen_by(self)  # type: ignore[attr-defined]
            raise


def seen_by(connection: Any) -> Seen:
    """Return what the server showed over a connection; less of it where Python hides it."""
    ca_file = getattr(getattr(connection, "context", None), "ca_file", None)
    with suppress(Exception):  # a private door of CPython: without it the words are poorer
        chain = connection._sslobj.get_unverified_chain()  # noqa: SLF001 - see above
        leaf = chain[0].get_info()
        names = tuple(name for _, name in leaf.get("subjectAltName", ()))
        return Seen(
            names or _common_names(leaf.get("subject", ())),
            _signer(leaf.get("issuer", ())),
            len(chain) == 1 and leaf.get("issuer") != leaf.get("subject"),
            ca_file,
        )
    return Seen(ca_file=ca_file)


def _common_names(name: Any) -> tuple[str, ...]:
    return tuple(value for part in name for key, value in part if key == "commonName")


def _signer(name: Any) -> str:
    return next(iter(_common_names(name)), "") or ", ".join(
        value for part in name for _, value in part
    )


def client_context(
    ca_file: Path | None, *, minimum: ssl.TLSVersion = ssl.TLSVersion.TLSv1_2
) -> ssl.SSLContext:
    """Return a context for many connections: chain and host name are always checked.

    With `ca_file` only the certificates in it are trusted, otherwise the system's. A server's own
    certificate may stand in the file without its issuer. Raises ConfigurationError that names the
    file. Costs about 40 ms and 0.9 MB with the system's certificates: build it once.
    """
    try:
        context = ssl.create_default_context(cafile=None if ca_file is None else str(ca_file))
    except ssl.SSLError as error:
        reason = getattr(error, "reason", None) or ""
        raise _holds_none(ca_file, f": {reason}") from error
    except OSError as error:
        raise _unreadable(ca_file, error) from error
    if ca_file is not None and not context.cert_store_stats()["x509"]:
        raise _holds_none(ca_file)  # but lists of revoked ones, perhaps
    context.minimum_version = minimum
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    # On by default since Python 3.13; Cisco's self-signed certificates need not pass RFC 5280.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    context.sslobject_class = _TellingSSLObject
    context.ca_file = ca_file  # type: ignore[attr-defined]  # for the words about a refusal
    return context


def _holds_none(ca_file: Path | None, why: str = "") -> ConfigurationError:
    return ConfigurationError(f"{KEY}: the CA file {ca_file} holds no certificate in PEM form{why}")


def _unreadable(ca_file: Path | None, error: OSError) -> ConfigurationError:
    return ConfigurationError(
        f"{KEY}: the CA file {ca_file} cannot be read: {error.strerror or error}"
    )


@dataclass(frozen=True, slots=True, repr=False)
class Contexts:
    """What is trusted, read at one time: one context for sessions, and one for the REST side.

    They are two because an HTTP client sets what is negotiated (ALPN) on the one that it has.
    """

    sessions: ssl.SSLContext
    rest: ssl.SSLContext
    ca_file: Path | None
    digest: bytes

    @classmethod
    def read(cls, ca_file: Path | None) -> Contexts:
        """Read the certificates; blocks, and may be called in a thread.

        Both contexts and the digest are of the same content: OpenSSL opens the file for each by
        itself, so all is read again where it changed meanwhile. Raises ConfigurationError as
        `client_context` does, and where the file is another one at each of `READINGS` readings.
        """
        if ca_file is None:
            sessions = client_context(None)
            held = b"".join(sorted(sessions.get_ca_certs(binary_form=True)))
            return cls(sessions, client_context(None), None, hashlib.blake2b(held).digest())
        for _ in range(READINGS):
            before = _bytes_of(ca_file)
            try:
                sessions, rest = client_context(ca_file), client_context(ca_file)
            except ConfigurationError:
                if _bytes_of(ca_file) == before:
                    raise
            else:
                if _bytes_of(ca_file) == before:
                    return cls(sessions, rest, ca_file, _digest(before, sessions))
        raise ConfigurationError(
            f"{KEY}: the CA file {ca_file} is being written: it was another one at each of"
            f" {READINGS} readings"
        )


def _bytes_of(ca_file: Path) -> bytes:
    try:
        return ca_file.read_bytes()
    except OSError as error:
        raise _unreadable(ca_file, error) from error


def _digest(pem: bytes, context: ssl.SSLContext) -> bytes:
    """Return the same for the same certificates, whatever their order and what stands between.

    Where `context`, which was made of them, holds another number: of each byte. No change of what
    is trusted may be missed because OpenSSL reads the file in another way.
    """
    with suppress(ValueError):  # what is no base64, such as a block with headers
        blocks = {
            label + b"\0" + base64.b64decode(b"".join(body.split()), validate=True)
            for label, body in _BLOCK.findall(pem)
        }
        stats = context.cert_store_stats()
        if len(blocks) == stats["x509"] + stats["crl"]:
            each = sorted(hashlib.blake2b(block).digest() for block in blocks)
            return hashlib.blake2b(b"".join(each)).digest()
    return hashlib.blake2b(pem).digest()


class Trust:
    """The certificates that are trusted now, and whoever wants to know when others are.

    Raises ConfigurationError as `client_context` does.
    """

    def __init__(self, ca_file: Path | None) -> None:
        self._now = Contexts.read(ca_file)
        self._renewed: list[Callable[[], None]] = []
        self._replaced: list[Callable[[], None]] = []

    def __repr__(self) -> str:
        return f"<Trust {self._now.ca_file or 'in the system'}>"

    @property
    def sessions(self) -> ssl.SSLContext:
        """The context with which sessions are made."""
        return self._now.sessions

    @property
    def rest(self) -> ssl.SSLContext:
        """The context with which REST connections are made."""
        return self._now.rest

    def watch_contexts(self, replaced: Callable[[], None]) -> None:
        """Have `replaced` called whenever other contexts are used, before who watches is told.

        They may trust what the former ones did, and name another file.
        """
        self._replaced.append(replaced)

    def watch(self, renewed: Callable[[], None]) -> None:
        """Have `renewed` called whenever other certificates are trusted."""
        self._renewed.append(renewed)

    def use(self, contexts: Contexts) -> bool:
        """Trust what was read from now on; say whether that is anything else than before.

        Who watches is told only then; who watches the contexts also where another file holds the
        same certificates. Connections that are up stay.
        """
        same = contexts.digest == self._now.digest
        if same and contexts.ca_file == self._now.ca_file:
            return False
        self._now = contexts
        for told in self._replaced if same else (*self._replaced, *self._renewed):
            told()
        return not same
