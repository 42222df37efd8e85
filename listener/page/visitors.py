"""Who looks at the page: a browser with a cookie, and what it opens. Knows headers, no content."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from starlette import types

from listener.ledger import now_utc
from listener.page.cookies import Cookies
from listener.web.callers import Caller, Scope, with_included

FOLDER = "/page/"
"""What a cookie opens, beside `/`: nothing of the API."""
_READING = frozenset({"GET", "HEAD"})
_OWN = frozenset({"same-origin", "none"})  # "none": the address was typed, or came from outside
_READ = with_included(Scope.READ)


@dataclass(frozen=True, slots=True)
class Visitor(Caller):
    """A caller that came with a cookie: until when, and whether numbers may be shown to it."""

    until: float = 0.0
    numbers: bool = False


class Visitors:
    """Fulfils `gatekeeping.Visitors` with the page's cookies."""

    def __init__(self, cookies: Cookies, wall: Callable[[], datetime] = now_utc) -> None:
        self.cookies = cookies
        self._wall = wall

    def visitor(self, scope: types.Scope, cookies: list[str]) -> Visitor | None:
        """Return who looks; None where the cookie opens nothing.

        It is good for reading below FOLDER. SameSite=Strict lets pages at other ports of the same
        host bring it along, which Sec-Fetch-Site tells apart.
        """
        if scope["method"] not in _READING or not scope["path"].startswith(FOLDER):
            return None
        sites = {value for name, value in scope["headers"] if name.lower() == b"sec-fetch-site"}
        if not sites <= {site.encode() for site in _OWN}:
            return None
        visit = self.cookies.visit(
            cookies, self._wall().timestamp(), secure=scope.get("scheme") == "https"
        )
        if visit is None:
            return None
        return Visitor(f"page:{visit.who}", _READ, visit.until, visit.numbers)
