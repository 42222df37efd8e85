"""Certificates for servers in other processes: good ones, and each kind of bad one, as files.

Knows trustme and what a server wants to read; knows nothing of servers.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cache
from pathlib import Path
from threading import Lock

import trustme
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

PLACE = ("localhost", "127.0.0.1")
_LONG_AGO = (datetime(2001, 1, 1, tzinfo=UTC), datetime(2001, 2, 1, tzinfo=UTC))


class Kind(StrEnum):
    """What is special about a server's certificate."""

    GOOD = "good"
    INTERMEDIATE = "intermediate"  # the server sends a chain; the CA file holds the root alone
    LEAF_ALONE = "leaf_alone"  # as before, and the server leaves out the intermediate one
    EXPIRED = "expired"
    OTHER_NAME = "other_name"  # it names the XMPP domain, and not the host that is dialled


_ONE = Lock()


@cache
def _made() -> trustme.CA:
    return trustme.CA(organization_name="finesse-listener integration tests")


def authority() -> trustme.CA:
    """Make one authority for the whole process: keys are slow. Threads get the same one.

    Each worker of a parallel run is a process with an authority and files of its own.
    """
    with _ONE:  # a cache alone lets two threads make one each, and keeps only one of them
        return _made()


def _now() -> tuple[datetime, datetime]:
    """Return dates around now; ejabberd 23.01 uses no certificate that lasts over seven weeks."""
    now = datetime.now(tz=UTC)
    return now - timedelta(days=1), now + timedelta(days=30)


def issue(kind: Kind, domain: str) -> tuple[bytes, bytes]:
    """Return the chain and the key of a certificate for that XMPP domain and its services, PEM.

    ejabberd picks a certificate by the XMPP domain, so each kind names it; loopback is named by
    all kinds but one.
    """
    names = [domain, f"pubsub.{domain}", f"component.{domain}"]
    names += ["node.elsewhere.test"] if kind is Kind.OTHER_NAME else PLACE
    start, end = _LONG_AGO if kind is Kind.EXPIRED else _now()
    between = kind in {Kind.INTERMEDIATE, Kind.LEAF_ALONE}
    issuer = authority().create_child_ca() if between else authority()
    leaf = issuer.issue_cert(*names, not_before=start, not_after=end)
    chain = leaf.cert_chain_pems[0].bytes()
    if kind is Kind.INTERMEDIATE:
        chain += _with_dates(issuer.cert_pem.bytes(), start, end)
    return chain, leaf.private_key_pem.bytes()


def _with_dates(pem: bytes, start: datetime, end: datetime) -> bytes:
    """Issue an intermediate authority's certificate anew: trustme's own lasts too long."""
    old = x509.load_pem_x509_certificate(pem)
    builder = (
        x509.CertificateBuilder()
        .issuer_name(old.issuer)
        .subject_name(old.subject)
        .public_key(old.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
    )
    for extension in old.extensions:
        builder = builder.add_extension(extension.value, extension.critical)
    root = load_pem_private_key(authority().private_key_pem.bytes(), None)
    return builder.sign(root, SHA256()).public_bytes(Encoding.PEM)


def write(folder: Path, kind: Kind, domain: str) -> Path:
    """Write server.crt (the chain), server.key, server.pem (both) and ca.pem; return the last."""
    chain, key = issue(kind, domain)
    (folder / "server.crt").write_bytes(chain)
    for name, content in (("server.key", key), ("server.pem", chain + key)):
        file = folder / name
        file.touch(mode=0o600)
        file.write_bytes(content)
    authority().cert_pem.write_to_path(str(folder / "ca.pem"))
    return folder / "ca.pem"
