"""What the page stands on: its codes and cookies, its files, and those who know what happened.

Introduced once by `entrances`; each route takes it from the application. Knows no HTTP.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, cast

from listener.ledger import now_utc
from listener.page.assets import Asset
from listener.page.codes import Codes, Grant
from listener.page.cookies import Cookies
from listener.page.payloads import Payloads
from listener.page.refusals import not_served
from listener.page.summary import Summaries

if TYPE_CHECKING:
    from starlette.requests import Request as Call

    from listener.chronicle import Chronicle
    from listener.page.timeline import Before
    from listener.service import Service


@dataclass(slots=True, kw_only=True)
class Page:
    """All that the routes use. Made inside the running loop.

    `address` returns where a browser finds the page ("http://127.0.0.1:8470"), None where it is not
    served over TCP. `own` returns an agent's extension. `whole`: the journal keeps what Finesse
    sends.
    """

    service: Service
    chronicle: Chronicle
    cookies: Cookies
    assets: Mapping[str, Asset]
    address: Callable[[], str | None]
    whole: bool = True
    own: Callable[[str], str | None] = lambda _agent: None
    wall: Callable[[], datetime] = now_utc
    clock: Callable[[], float] = field(default_factory=lambda: asyncio.get_running_loop().time)
    codes: Codes = field(default_factory=Codes)
    payloads: Payloads = field(default_factory=Payloads)
    thinking: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(2))
    """Stories that are made at once, beside the loop."""
    summaries: Summaries = field(default_factory=Summaries)
    seeded: asyncio.Lock = field(default_factory=asyncio.Lock)
    before: Before | None = None
    """What the journal knows of sessions before this process; None until it was asked."""

    @property
    def started(self) -> datetime:
        """From when on all that happened is in memory, as far as there is room."""
        return self.chronicle.started

    def link(self, grant: Grant) -> str:
        """Return a link that opens once, within a minute. Raises PageRefusal: it is not served."""
        address = self.address()
        if address is None:
            raise not_served()
        return f"{address}/#code={self.codes.issue(grant, self.clock())}"

    def forget(self) -> None:
        """Drop what may mention what is to be erased."""
        self.payloads.forget()
        self.summaries.forget()


def page_of(call: Call) -> Page:
    """Return the page that the application was given."""
    return cast("Page", call.app.state.page)
