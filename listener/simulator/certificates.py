"""Throw-away certificates for the simulator's servers, made in memory by trustme.

Knows certificates and TLS contexts; knows nothing of the servers. Nothing here protects anything:
the keys live as long as the process, or, where a folder is kept, in a file for its owner alone.
"""

from __future__ import annotations

import os
import ssl
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import trustme
from cryptography import x509  # trustme brings it

from listener.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Self

_NAME = "finesse-listener simulator"
LOOPBACK = ("localhost", "127.0.0.1")
_LONG_AGO = (datetime(2001, 1, 1, tzinfo=UTC), datetime(2001, 2, 1, tzinfo=UTC))


class ThrowawayAuthority:
    """A certificate authority that nobody knows; its certificate goes into a client's CA file."""

    def __init__(self) -> None:
        self._authority = trustme.CA(organization_name=_NAME)

    @classmethod
    def kept(cls, file: Path) -> Self:
        """Return the authority of that file (key and certificate, PEM, mode 0600); else make it.

        Raises ConfigurationError for a file that is something else; OSError when it cannot be read
        or written.
        """
        authority = cls()
        if file.exists():
            pem = file.read_bytes()
            try:
                authority._authority = trustme.CA.from_pem(pem, pem)
            except (ValueError, TypeError) as error:
                raise ConfigurationError(f"{file}: no key with its certificate: {error}") from None
            return authority
        made = authority._authority
        opened = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(opened, "wb") as new:
            new.write(made.private_key_pem.bytes() + made.cert_pem.bytes())
        return authority

    @staticmethod
    def wrote(file: Path) -> bool:
        """Say whether that file is the certificate of such an authority, of this run or another."""
        try:
            names = x509.load_pem_x509_certificate(file.read_bytes()).subject
        except ValueError:
            return False
        return any(name.value == _NAME for name in names)

    @property
    def pem(self) -> bytes:
        """The authority's certificate, PEM."""
        return self._authority.cert_pem.bytes()

    def write(self, path: Path) -> Path:
        """Write the authority's certificate (no key) to a file and return its path."""
        path.write_bytes(self.pem)
        return path

    def server_context(
        self, *names: str, newest: ssl.TLSVersion = ssl.TLSVersion.MAXIMUM_SUPPORTED
    ) -> ssl.SSLContext:
        """Return a server context for these DNS names and IP addresses (none: loopback's).

        `newest` is the newest TLS version offered; Finesse speaks 1.2 by default.
        """
        context = _server_context(self._authority.issue_cert(*(names or LOOPBACK)))
        context.maximum_version = newest
        return context

    def expired_context(self, *names: str) -> ssl.SSLContext:
        """Return a server context whose certificate was valid in January 2001 only."""
        start, end = _LONG_AGO
        return _server_context(
            self._authority.issue_cert(*(names or LOOPBACK), not_before=start, not_after=end)
        )

    def client_context(self) -> ssl.SSLContext:
        """Return a client context that trusts this authority alone and checks the host name."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(cadata=self.pem.decode())
        return context


def _server_context(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    certificate.configure_cert(context)
    return context
