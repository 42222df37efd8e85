"""One Chromium at a time on this machine, whatever pytest runs beside it."""

from __future__ import annotations

import asyncio
import fcntl
import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from listener import logs
from tests.browser.chromium import Chromium, chromium, program
from tests.browser.scripted import CODE, Scripted

_WORDS = "chromium is not here (Debian: apt install chromium)"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give these tests time to wait for one another."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.timeout(300))


@asynccontextmanager
async def alone() -> AsyncIterator[None]:
    """Wait until no other test of this user runs a browser."""
    name = Path(tempfile.gettempdir()) / f"finesse-listener-chromium-{os.getuid()}.lock"
    with name.open("w") as file:
        await asyncio.to_thread(fcntl.flock, file, fcntl.LOCK_EX)
        yield


def needed() -> None:
    """Skip a test where there is no browser; in CI a missing one is a failure."""
    if program() is None:
        if os.environ.get("CI"):
            pytest.fail(_WORDS)
        pytest.skip(_WORDS)


@pytest.fixture
async def browser(tmp_path: Path) -> AsyncIterator[Chromium]:
    """Run a browser."""
    needed()
    async with alone(), chromium(tmp_path / "profile") as one:
        yield one


@pytest.fixture
async def scripted() -> AsyncIterator[Scripted]:
    """Serve a scripted daemon at a free port."""
    logs.ensure()
    daemon = Scripted()
    async with daemon.served():
        yield daemon


@pytest.fixture
def link(scripted: Scripted) -> str:
    """Return the link that signs in."""
    return f"{scripted.url}/#code={CODE}"
