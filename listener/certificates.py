"""What is wrong with a certificate that was refused, and what to do about it, in one sentence.

Pure. Knows OpenSSL's numbers and where Finesse keeps its certificates: the same words for every
port. Must not know who connects, or how.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl
    from pathlib import Path

KEY = "finesse.ca_file"
"""The key of the settings that names the file with the trusted certificates."""

MOST_NAMES = 10
LONGEST_NAME = 100
"""How much is repeated of what a server wrote into its certificate."""

_HOW_TO_TRUST = (
    "Finesse shows its Tomcat certificate, self-signed unless the site replaced it: download it as"
    " PEM (OS administration, https://<node>:8443/cmplatform, Security > Certificate Management,"
    f" tomcat) from every node and put all of them into one file, named by {KEY}"
)

# OpenSSL's X509_V_ERR_* numbers.
_EXPIRED = 10
_NOT_YET_VALID = 9
_UNKNOWN_ISSUER = frozenset({2, 18, 19, 20, 21})
_WRONG_NAME = frozenset({62, 63, 64})


@dataclass(frozen=True, slots=True)
class Seen:
    """What a handshake that failed had shown, and what it was compared with.

    `names` are those in the server's own certificate and `issuer` is who signed that, both empty
    where this Python hides them. `alone`: another one signed it, and it came without a chain.
    `ca_file` is None where the system's certificates are trusted.
    """

    names: tuple[str, ...] = ()
    issuer: str = ""
    alone: bool = False
    ca_file: Path | None = None

    @property
    def where(self) -> str:
        """What is trusted, in words."""
        if self.ca_file is not None:
            return f"the CA file {self.ca_file} ({KEY})"
        return f"the system's certificates ({KEY} is not set)"


def explain(
    error: ssl.SSLCertVerificationError, address: str, name: str, *, may_be_named: bool
) -> str:
    """Say what was wrong with the certificate that `address` (host:port) showed, and what to do.

    `name` is the one that it must hold; `may_be_named`: finesse.certificate_name says which.
    """
    seen = getattr(error, "seen", Seen())
    if error.verify_code in _WRONG_NAME:
        return _wrong_name(seen, address, name, may_be_named=may_be_named)
    if error.verify_code == _EXPIRED:
        return (
            f"the certificate of {address} has expired: renew it on the Finesse node, or compare"
            " the clocks of both machines"
        )
    if error.verify_code == _NOT_YET_VALID:
        return f"the certificate of {address} is not valid yet: compare the clocks of both machines"
    if error.verify_code in _UNKNOWN_ISSUER:
        return f"the certificate of {address} has no issuer in {seen.where}. {_get_it(seen)}"
    return f"the certificate of {address} was refused: {error.verify_message}"


def _wrong_name(seen: Seen, address: str, name: str, *, may_be_named: bool) -> str:
    names = ", ".join(shortened(each) for each in seen.names[:MOST_NAMES])
    more = ", ..." if len(seen.names) > MOST_NAMES else ""
    way = (
        ", or set finesse.certificate_name"
        if may_be_named
        else " (finesse.certificate_name is for the XMPP port alone)"
    )
    return (
        f"the certificate is not for {name}: it names {names or 'other hosts'}{more} ({address})."
        f" Use one of its names as host{way}"
    )


def _get_it(seen: Seen) -> str:
    if not (seen.alone and seen.issuer):
        return _HOW_TO_TRUST
    issuer = shortened(seen.issuer)
    return (
        f"{_HOW_TO_TRUST}. This one was signed by {issuer}, and came without the rest of the chain:"
        f" put the certificate of {issuer} into that file, or where it holds the authority above,"
        " install the whole chain on the node (tomcat-trust)"
    )


def shortened(text: str) -> str:
    """Return what a server wrote, as long as anybody needs it."""
    return text if len(text) <= LONGEST_NAME else text[:LONGEST_NAME] + "..."
