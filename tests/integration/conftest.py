"""Real servers for the tests below: one of each kind for the whole run."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack

import pytest
import pytest_asyncio

from tests.integration import places, servers
from tests.integration.places import Place
from tests.integration.servers import KINDS, PUBLISHER, Server
from tests.shell.stage import PASSWORD

ACCOUNTS = PASSWORD | {PUBLISHER: "owner-of-nodes-3"}


def need(name: str) -> None:
    """Skip where that server is not installed; in continuous integration that is a failure."""
    lacking = servers.missing(name)
    if lacking is None:
        return
    if os.environ.get("CI", "").lower() in {"1", "true", "yes"}:
        pytest.fail(lacking, pytrace=False)
    pytest.skip(lacking)


@pytest.fixture(scope="session")
def shared() -> Iterator[Callable[[str], Server]]:
    """Return the server of that name for the whole run; no test may stop or freeze it."""
    with ExitStack() as stack:
        started: dict[str, Server] = {}

        def shared_one(name: str) -> Server:
            need(name)
            if name not in started:
                running = servers.running(name, accounts=ACCOUNTS)
                started[name] = stack.enter_context(running)
            return started[name]

        yield shared_one


@pytest.fixture(scope="session", params=sorted(KINDS))
def server(request: pytest.FixtureRequest, shared: Callable[[str], Server]) -> Server:
    """Return prosody, then ejabberd, which all tests share."""
    return shared(request.param)


@pytest.fixture(params=sorted(KINDS))
def own_server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """Run a server of the test's own, which it may kill, freeze and restart."""
    need(request.param)
    with servers.running(request.param, accounts=ACCOUNTS) as one:
        yield one


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["own", *sorted(KINDS)])
async def place(
    request: pytest.FixtureRequest,
    shared: Callable[[str], Server],
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Place]:
    """Return the simulator's own service, then each real server, ready to be published through."""
    if request.param == "own":
        opened = places.own(tmp_path_factory.mktemp("own"))
    else:
        opened = places.real(shared(request.param))
    async with opened as one:
        yield one
