"""In whose name requests go out: credentials, cookies, and how many go out at once.

Five refused logins lock an account in Finesse. So what is on its way with the same credentials is
bounded, and more waits while it is not known whether they are refused. Knows no nodes and sends
nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from listener.rest.flow import Raw
    from listener.rest.values import Credentials

_NOT_LET_IN = frozenset({401, 403})
MAX_COOKIES = 50
MOST_REFUSED = 3
"""Times that the same login may be shown in vain: refused since Finesse took one, as far as is
known, or on its way. SASL's refusal is one more, and five lock an account."""
MOST_LENT = MOST_REFUSED - 1
"""The same for SystemInfo, whose refusals alone are to spend no login: it says little of it."""
MAX_UNPROVEN = 2
"""Of these with credentials that Finesse has not taken for a while: one is left for the GET that
says whether a refusal is about the login."""
PROVEN_FOR = 60.0
"""Seconds after an answer that took the credentials, in which they are believed to be good."""
UNPROVEN_GETS = 1
"""How many may be snapshots: a GET that hangs never holds up a request by itself."""
MAX_GETS = 2
"""Snapshots at once with credentials that were taken a moment ago."""


class Turns:
    """Who of one agent goes next: requests and snapshots alike, in the order in which they came."""

    def __init__(self) -> None:
        self._all = asyncio.Semaphore(MOST_REFUSED)
        self._unproven = asyncio.Semaphore(MAX_UNPROVEN)
        self._gets = asyncio.Semaphore(MAX_GETS)
        self._unproven_gets = asyncio.Semaphore(UNPROVEN_GETS)
        self.alone = asyncio.Semaphore(1)
        """For whoever goes out with credentials that were refused, though not for certain."""
        self.on_way = 0
        """How often a login of the agent is on its way to Finesse."""
        self.news = asyncio.Event()
        """Set when that may be shown again which might not be; another one after each time."""

    @contextmanager
    def showing(self) -> Iterator[None]:
        """Hold one of the times that a login may be shown in vain, until the answer is there."""
        self.on_way += 1
        try:
            yield
        finally:
            self.on_way -= 1
            self.tell()

    def tell(self) -> None:
        """Let those look again who wait for `news`."""
        news, self.news = self.news, asyncio.Event()
        news.set()

    @asynccontextmanager
    async def one(self, *, get: bool, proven: bool) -> AsyncIterator[None]:
        """Wait for a turn and hold it; `get`: for a snapshot, `proven`: with good credentials."""
        async with AsyncExitStack() as held:
            if get:
                await held.enter_async_context(self._gets if proven else self._unproven_gets)
            if not proven:
                await held.enter_async_context(self._unproven)
            await held.enter_async_context(self._all)
            yield


@dataclass(slots=True)
class Caller:
    """In whose name requests go out.

    A password may be replaced at Finesse at any moment, and what is on its way then is refused,
    each by itself. So no more goes out at once than may be refused, however good the password was a
    moment ago; and what Finesse took forgives earlier refusals only where it left after the last of
    these was heard, for else it may have been judged before the password was replaced.
    """

    credentials: Credentials | None
    turns: Turns = field(default_factory=Turns, repr=False)
    cookies: httpx.Cookies = field(default_factory=httpx.Cookies, repr=False)
    undoubted: asyncio.Event = field(default_factory=asyncio.Event, repr=False)
    """Not set while it is being found out whether the credentials are refused."""
    taken_at: float = float("-inf")
    """When Finesse last took the credentials, on the loop's clock."""
    refusals: int = 0
    """How often the login was refused since then, or may have been."""
    heard: int = 0
    """The same since the beginning."""

    def __post_init__(self) -> None:
        self.undoubted.set()

    def proven(self, now: float) -> bool:
        """Say whether Finesse took the credentials a moment ago."""
        return now - self.taken_at < PROVEN_FOR

    def took(self, now: float, status: int | None, heard: int) -> None:
        """Take note of an answer: whoever is let in is told what came of the request.

        A redirect may lead to a login, and a fault of the server says nothing of who asked.
        `heard`: what that was when the request left.
        """
        let_in = status is not None and status // 100 in {2, 4} and status not in _NOT_LET_IN
        if let_in and heard == self.heard:
            self.taken_at, self.refusals = now, 0

    def taken(self) -> None:
        """Take note that SASL took the credentials: no 401 before was for the password."""
        self.refusals = 0
        self.turns.tell()

    def refused(self) -> None:
        """Take note that the login was refused, as far as can be told."""
        self.taken_at = float("-inf")
        self.refusals += 1
        self.heard += 1

    @property
    def spent(self) -> bool:
        """Whether no more refusals may be risked but SASL's own."""
        return self.refusals >= MOST_REFUSED

    @property
    def may_go(self) -> bool:
        """Whether the login may be shown once more now."""
        return self.refusals + self.turns.on_way < MOST_REFUSED

    @property
    def may_lend(self) -> bool:
        """Whether it may be shown to SystemInfo now."""
        return self.refusals + self.turns.on_way < MOST_LENT

    @property
    def busy(self) -> bool:
        """Whether it may not only because of what is on its way."""
        return self.refusals < MOST_LENT and not self.may_lend

    def keep(self, raw: Raw, request: httpx.Request) -> None:
        """Put what an answer set into the jar."""
        given = raw.headers.get_list("set-cookie")
        headers = [("set-cookie", value) for value in given if value.isascii()]  # RFC 6265 4.1.1
        if headers:
            self.cookies.extract_cookies(httpx.Response(200, headers=headers, request=request))
        if len(self.cookies.jar) > MAX_COOKIES:
            self.cookies.clear()
