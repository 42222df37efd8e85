"""Whether what SystemInfo names can be the domain of an XMPP address.

Knows XMPP's rules for domains; must not know nodes or sessions.
"""

from __future__ import annotations

from slixmpp.jid import JID, InvalidJID

_SHOWN = 80  # characters of a wrong one in a sentence
_NEVER = frozenset("\"&'/<>@")  # they end a domain, or cannot be in a name


def problem_with_domain(domain: str) -> str | None:
    """Say what is wrong with a domain (of users, or of a service), in words; None when nothing.

    RFC 7622 section 3.2: labels of IDNA, or an address; at most 1,023 bytes.
    """
    if not _NEVER.isdisjoint(domain) or not domain.isprintable() or not _is_one(domain):
        return f"{_short(domain)!r} cannot be an XMPP domain"
    return None


def _is_one(domain: str) -> bool:
    try:
        return bool(JID(f"a@{domain}/b").domain)
    except InvalidJID:
        return False


def _short(domain: str) -> str:
    return domain if len(domain) <= _SHOWN else f"{domain[:_SHOWN]}..."
