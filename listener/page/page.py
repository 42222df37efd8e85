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
from listener.page.codes import Codes
from listener.page.cookies import Cookies
from listener.page.payloads import Payloads

if TYPE_CHECKING:
    from starlette.requests import Request as Call

    from listener.chronicle import Chronicle
    from listener.service import Service


@dataclass(slots=True, kw_only=True)
class Page:
    """All that the routes use. Made inside the running loop.

    `address` returns where a browser finds the page ("http://127.0.0.1:8470"), None where it is not
    served over TCP. `own` returns an agent's extension, `path_of` what the REST API has before a
    request's path.
    """

    service: Service
    chronicle: Chronicle
    cookies: Cookies
    assets: Mapping[str, Asset]
    address: Callable[[], str | None]
    own: Callable[[str], str | None] = lambda _agent: None
    wall: Callable[[], datetime] = now_utc
    clock: Callable[[], float] = field(default_factory=lambda: asyncio.get_running_loop().time)
    codes: Codes = field(default_factory=Codes)
    payloads: Payloads = field(default_factory=Payloads)
    started: datetime = field(default_factory=now_utc)


def page_of(call: Call) -> Page:
    """Return the page that the application was given."""
    return cast("Page", call.app.state.page)
