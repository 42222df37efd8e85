"""The page over the API's rig: behind its door, with a clock that a test can move.

`PageRig.browser` speaks as a browser over TCP does, `PageRig.operator` as a process at the socket.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx

from listener.ledger import now_utc
from listener.page import assets
from listener.page.cookies import Cookies
from listener.page.page import Page
from listener.page.pages import install, open_paths
from listener.page.visitors import Visitors
from listener.web.callers import Peer
from listener.web.gatekeeping import Guarded
from listener.web.tokens import Tokens
from tests.builders import AGENT
from tests.shell.api_rig import Rig, rigged
from tests.shell.house import write_tokens

HOST = "127.0.0.1:8470"
FILES = assets.read()
OWN_UID = Peer(unix=True, uid=os.geteuid())
STRANGER = Peer(unix=True, uid=54321)


class PageRig:
    """A page, and all that is behind it. Made inside a running loop."""

    def __init__(self, rig: Rig, folder: Path, *, address: str | None = f"http://{HOST}") -> None:
        self.rig = rig
        self.late = timedelta()  # by which the page's clocks are ahead
        self.tokens = write_tokens(folder / "tokens.toml")
        known = Tokens.load(folder / "tokens.toml")
        self.page = Page(
            service=rig.service,
            chronicle=rig.chronicle,
            cookies=Cookies(bytes(range(32))),
            assets=FILES,
            address=lambda: address,
            own=lambda agent: "1001" if agent == AGENT else None,
            wall=lambda: now_utc() + self.late,
            clock=lambda: rig.service.loop.time() + self.late.total_seconds(),
        )
        rig.service.overheard = self.page.payloads.take
        rig.backend.forgets.append(self.page.forget)
        install(rig.app, self.page)
        self.guarded = Guarded(
            rig.app,
            tokens=lambda: known,
            open_paths=open_paths(self.page),
            visitors=Visitors(self.page.cookies, self.page.wall),
        )

    def _client(self, base: str, peer: Peer | None, **how: Any) -> httpx.AsyncClient:
        async def reached(scope: Any, receive: Any, send: Any) -> None:
            if peer is not None:
                scope["listener.peer"] = peer
            scope["server"] = ("127.0.0.1", 8470)
            await self.guarded(scope, receive, send)

        transport = httpx.ASGITransport(reached, raise_app_exceptions=False)
        return httpx.AsyncClient(transport=transport, base_url=base, **how)

    def browser(self, base: str = f"http://{HOST}", **how: Any) -> httpx.AsyncClient:
        """Return a client over TCP, without credentials."""
        return self._client(base, None, **how)

    def operator(self, peer: Peer = OWN_UID) -> httpx.AsyncClient:
        """Return a client at the Unix socket."""
        return self._client("http://localhost", peer)

    def bearer(self, scope: str) -> dict[str, str]:
        """Return the header with the token of that scope."""
        return {"Authorization": f"Bearer {self.tokens[scope]}"}

    async def code(self, *, numbers: bool = False) -> str:
        """Return a new code."""
        async with self.operator() as operator:
            asked = await operator.post("/page/codes", json={"numbers": numbers})
        return str(asked.raise_for_status().json()["link"].partition("#code=")[2])

    @asynccontextmanager
    async def signed_in(
        self, *, numbers: bool = False, **how: Any
    ) -> AsyncIterator[httpx.AsyncClient]:
        """Run a browser that has the cookie."""
        async with self.browser(**how) as browser:
            given = {"code": await self.code(numbers=numbers)}
            assert (await browser.post("/page/session", json=given)).status_code == 201
            yield browser


@asynccontextmanager
async def paged(folder: Path, **how: Any) -> AsyncIterator[PageRig]:
    """Run a page over a rig."""
    async with rigged() as rig:
        yield PageRig(rig, folder, **how)
