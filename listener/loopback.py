"""Which addresses are this machine's own: one rule for settings, sockets, Host checks and clients.

Pure, and asks no resolver: what a name resolves to may change.
"""

from __future__ import annotations

import ipaddress


def is_loopback(host: str) -> bool:
    """Say whether that name or address (without brackets) is this machine and no other."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.casefold() == "localhost"
