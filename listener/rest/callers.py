"""In whose name requests go out: credentials, cookies, and how many go out at once.

Five refused logins lock an account in Finesse. So what is on its way with the same credentials is
bounded, and more waits while it is not known whether they are refused. Knows no nodes and sends
nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from listener.rest.flow import Raw
    from listener.rest.values import Credentials

_NOT_LET_IN = frozenset({401, 403})
MAX_COOKIES = 50
MAX_AT_ONCE = 2
"""Requests and snapshots of one agent on their way with credentials not taken by Finesse for a
while; one more GET says whether a refusal is about the login: with SASL's own refusal fewer than
the five that lock an account."""
PROVEN_FOR = 60.0
"""Seconds after an answer that took the credentials, in which requests do not wait for others."""
UNPROVEN_GETS = 1
"""How many of those may be snapshots: a GET that hangs never holds up a request by itself."""
MAX_GETS = 2
"""Snapshots at once with credentials that were taken a moment ago."""
MOST_REFUSED = 3
"""Logins refused, or perhaps, since Finesse took one; SASL's refusal is one more, and five lock."""


class Turns:
    """Who of one agent goes next: requests and snapshots alike, in the order in which they came."""

    def __init__(self) -> None:
        self._all = asyncio.Semaphore(MAX_AT_ONCE)
        self._gets = asyncio.Semaphore(MAX_GETS)
        self._unproven = asyncio.Semaphore(UNPROVEN_GETS)
        self.alone = asyncio.Semaphore(1)
        """For whoever goes out with credentials that were refused, though not for certain."""

    @asynccontextmanager
    async def one(self, *, get: bool, proven: bool) -> AsyncIterator[None]:
        """Wait for a turn and hold it; `get`: for a snapshot, `proven`: with good credentials."""
        async with AsyncExitStack() as held:
            if get:
                await held.enter_async_context(self._gets if proven else self._unproven)
            if not proven:
                await held.enter_async_context(self._all)
            yield


@dataclass(slots=True)
class Caller:
    """In whose name requests go out."""

    credentials: Credentials | None
    turns: Turns = field(default_factory=Turns, repr=False)
    cookies: httpx.Cookies = field(default_factory=httpx.Cookies, repr=False)
    undoubted: asyncio.Event = field(default_factory=asyncio.Event, repr=False)
    """Not set while it is being found out whether the credentials are refused."""
    taken_at: float = float("-inf")
    """When Finesse last took the credentials, on the loop's clock."""
    refusals: int = 0
    """How often the login was refused since then, or may have been."""
    times_taken: int = 0
    """How often SASL took the credentials."""

    def __post_init__(self) -> None:
        self.undoubted.set()

    def proven(self, now: float) -> bool:
        """Say whether Finesse took the credentials a moment ago."""
        return now - self.taken_at < PROVEN_FOR

    def took(self, now: float, status: int | None) -> None:
        """Take note of an answer: whoever is let in is told what came of the request.

        A redirect may lead to a login, and a fault of the server says nothing of who asked.
        """
        if status is not None and status // 100 in {2, 4} and status not in _NOT_LET_IN:
            self.taken_at, self.refusals = now, 0

    def taken(self) -> None:
        """Take note that SASL took the credentials: no 401 before was for the password."""
        self.refusals = 0
        self.times_taken += 1

    def refused(self) -> None:
        """Take note that the login was refused, as far as can be told."""
        self.taken_at = float("-inf")
        self.refusals += 1

    @property
    def spent(self) -> bool:
        """Whether no more refusals may be risked but SASL's own."""
        return self.refusals >= MOST_REFUSED

    def keep(self, raw: Raw, request: httpx.Request) -> None:
        """Put what an answer set into the jar."""
        given = raw.headers.get_list("set-cookie")
        headers = [("set-cookie", value) for value in given if value.isascii()]  # RFC 6265 4.1.1
        if headers:
            self.cookies.extract_cookies(httpx.Response(200, headers=headers, request=request))
        if len(self.cookies.jar) > MAX_COOKIES:
            self.cookies.clear()
