"""The page over a stage that stays: what a daemon would serve, over the demo's own listener.

Opened before the scene, so that the page shows all of it. Keeps everything in memory.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from listener.backend import Backend
from listener.chronicle import Chronicle
from listener.entrances import open_api
from listener.errors import ConfigurationError
from listener.idempotency import Keys
from listener.page.codes import Grant
from listener.serving import Doors
from listener.web.tokens import digest_of, new_token

if TYPE_CHECKING:
    from pathlib import Path

    from listener.assembly import Listener
    from listener.crew import AgentStatus
    from listener.page.page import Page
    from listener.settings import Settings

CLOSING = 1.0  # seconds for answers that are on their way
SOCKET, TOKENS = "api.sock", "tokens.toml"


class Showing:
    """Remembers what happens on a stage, and serves the page of it. Made inside the loop."""

    def __init__(self) -> None:
        self.chronicle = Chronicle()
        self._backend: Backend | None = None

    def changed(self, status: AgentStatus) -> None:
        """Tell how an agent's session is now."""
        if self._backend is not None:
            self.chronicle.session(status.agent, self._backend.agent_json(status))

    @asynccontextmanager
    async def open(
        self, settings: Settings, listener: Listener, folder: Path
    ) -> AsyncIterator[Page]:
        """Serve API and page on a socket in that folder and on a free port of this machine."""
        backend = self._introduced(settings, listener)
        doors = Doors(_tokens(folder))
        api = type(settings.api).model_validate(
            {"socket": folder / SOCKET, "listen": "127.0.0.1:0", "tokens_file": folder / TOKENS}
        )
        served = settings.model_copy(update={"api": api})
        try:
            page = await open_api(doors, served, backend, listener, self.chronicle)
            await doors.start()
            yield page
        finally:
            self.chronicle.close()
            await doors.close(CLOSING)

    def _introduced(self, settings: Settings, listener: Listener) -> Backend:
        """Let the parts know one another."""
        service = listener.service
        self.chronicle.state = service.correlator.state
        self.chronicle.deployment = lambda: service.deployment
        self.chronicle.discreet = service.discreet
        key = secrets.token_bytes(32)
        self._backend = Backend(
            settings,
            listener,
            self.chronicle,
            None,
            keys=Keys(lambda text: hmac.new(key, text.encode(), hashlib.sha256).hexdigest()),
            metrics=lambda: b"",
            reload=_no_settings,
        )
        return self._backend


def _tokens(folder: Path) -> Path:
    """Write a tokens file, which TCP needs; nobody has its token."""
    file = folder / TOKENS
    file.touch(mode=0o600)
    file.write_text(
        '[[tokens]]\nname = "nobody"\nscopes = ["read"]\n'
        f'token_sha256 = "{digest_of(new_token()).hex()}"\n',
        encoding="utf-8",
    )
    return file


def link_of(page: Page) -> str:
    """Return a link to the page that opens once, within a minute."""
    return page.link(Grant("demo", numbers=True))


async def _no_settings(**_: Any) -> dict[str, Any]:
    raise ConfigurationError("the demo has no settings to read again; start it anew")
