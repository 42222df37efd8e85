"""The page's cookie: signed, good for 12 hours, and for reading the page alone.

Nothing is kept for one, so that their number needs no bound and a restart ends none: whoever has
the key can tell its own. Pure: time comes in as seconds since 1970. Knows no HTTP but the cookie.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass

VALID_FOR = 12 * 3600
"""Seconds."""
MOST = 4096
"""Characters of a cookie header that is looked at."""
_VERSION = 1
_VALUE = re.compile(r"([A-Za-z0-9_-]{1,512})\.([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class Visit:
    """Who looks at the page: by whose leave, until when (seconds since 1970), and what of it."""

    who: str
    until: float
    numbers: bool = False


class Cookies:
    """Makes cookies and knows its own. `key`: 32 bytes."""

    def __init__(self, key: bytes) -> None:
        self._key = hashlib.sha256(b"the cookies of the page" + key).digest()
        # Cookies belong to a host, whatever the port: two daemons must not take each other's.
        self._name = "listener-page-" + hashlib.sha256(b"name" + self._key).hexdigest()[:8]

    def __repr__(self) -> str:
        return f"<Cookies {self._name}>"

    def name(self, *, secure: bool) -> str:
        """Return the name of the cookie; `secure`: over TLS."""
        return f"__Host-{self._name}" if secure else self._name

    def header(self, visit: Visit, now: float, *, secure: bool) -> str:
        """Return the Set-Cookie header for a visit."""
        parts = [
            f"{self.name(secure=secure)}={self._signed(visit)}",
            f"Max-Age={max(0, int(visit.until - now))}",
            "Path=/",
            "HttpOnly",
            "SameSite=Strict",
            *(["Secure"] if secure else []),
        ]
        return "; ".join(parts)

    def _signed(self, visit: Visit) -> str:
        told = {
            "v": _VERSION,
            "w": visit.who,
            "u": int(visit.until),
            "n": visit.numbers,
            "r": secrets.token_hex(8),
        }
        text = json.dumps(told, separators=(",", ":")).encode()
        body = base64.urlsafe_b64encode(text).decode().rstrip("=")
        return f"{body}.{self._mac(body)}"

    def _mac(self, body: str) -> str:
        return hmac.new(self._key, body.encode(), hashlib.sha256).hexdigest()

    def visit(self, headers: Iterable[str], now: float, *, secure: bool) -> Visit | None:
        """Return whose visit the Cookie headers tell of; None for none, a late or a foreign one."""
        name = self.name(secure=secure)
        for header in headers:
            for part in header[:MOST].split(";"):
                given, _, value = part.strip(" \t").partition("=")
                if given == name and (found := self._read(value, now)) is not None:
                    return found
        return None

    def _read(self, value: str, now: float) -> Visit | None:
        parts = _VALUE.fullmatch(value)
        if parts is None or not hmac.compare_digest(self._mac(parts[1]), parts[2]):
            return None
        # It is ours from here on, so it can be read.
        told = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        if told["v"] != _VERSION or not now < told["u"] <= now + VALID_FOR:
            return None
        return Visit(told["w"], float(told["u"]), told["n"])
