"""Whether a Host and an Origin may speak to us: a web page must not, through a victim's browser.

Pure: texts in, yes or no out. Against DNS rebinding only names count that nobody else can point at
this machine: loopback's, the address that was connected to, and those that the operator allowed.
Ports are not compared, for they are forwarded (ssh -L, containers).
"""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING

from listener.loopback import is_loopback

if TYPE_CHECKING:
    from collections.abc import Iterable

_HOST = re.compile(
    r"(?P<host>[a-z0-9_](?:[a-z0-9._-]*[a-z0-9_])?|\[[0-9a-f:.]+\])\.?(?::(?P<port>[0-9]{1,5}))?"
)
_LAST_PORT = 65535
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}


def parse_host(value: str) -> str | None:
    """Return the host of a Host header in one spelling, without port; None when it is odd."""
    found = _HOST.fullmatch(value.lower())
    if found is None or int(found["port"] or 1) not in range(1, _LAST_PORT + 1):
        return None
    return spelt(found["host"])


def spelt(host: str) -> str:
    """Return a name or address in the one spelling that is compared."""
    bare = host.lower().removeprefix("[").removesuffix("]").removesuffix(".")
    try:
        return ipaddress.ip_address(bare).compressed
    except ValueError:
        return bare


class Admission:
    """The hosts and origins that an operator allowed, beside those that are safe anyway.

    `hosts`: names or addresses without port. `origins`: as browsers send them,
    "https://tools.example.com".
    """

    def __init__(self, hosts: Iterable[str] = (), origins: Iterable[str] = ()) -> None:
        self._hosts = frozenset(spelt(host) for host in hosts)
        self.origins = frozenset(_plain(origin) for origin in origins)

    def host(self, host: str, own: str | None) -> bool:
        """Say whether a parsed host may be asked for; `own`: the address that was connected to."""
        return is_loopback(host) or host in self._hosts or (bool(own) and host == spelt(own or ""))

    def origin(self, origin: str, scheme: str, host_header: str | None, own: str | None) -> bool:
        """Say whether a page of that origin may ask: an allowed one, or one of our own."""
        plain = _plain(origin)
        if plain in self.origins:
            return True
        host = parse_host(host_header or "")
        if host is None or host_header is None or not self.host(host, own):
            return False
        return plain == _plain(f"{scheme}://{host_header}")


def _plain(origin: str) -> str:
    """Return an origin in lower case, without the port that its scheme has anyway."""
    lower = origin.lower()
    return lower.removesuffix(_DEFAULT_PORTS.get(lower.partition("://")[0], "/"))
