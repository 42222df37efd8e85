"""Throw-away certificates for the simulator's servers, made in memory by trustme.

Knows certificates and TLS contexts; knows nothing of the servers. Nothing here protects anything:
the keys live as long as the process.
"""

from __future__ import annotations

import ssl
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import trustme

if TYPE_CHECKING:
    from pathlib import Path

LOOPBACK = ("localhost", "127.0.0.1")
_LONG_AGO = (datetime(2001, 1, 1, tzinfo=UTC), datetime(2001, 2, 1, tzinfo=UTC))


class ThrowawayAuthority:
    """A certificate authority that nobody knows; its certificate goes into a client's CA file."""

    def __init__(self) -> None:
        self._authority = trustme.CA(organization_name="finesse-listener simulator")

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
