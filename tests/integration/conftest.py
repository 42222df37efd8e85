"""Real servers for the tests below: one of each kind for the whole run."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.integration import servers
from tests.integration.servers import KINDS, PUBLISHER, Server
from tests.shell.stage import PASSWORD

PUBLISHERS_PASSWORD = "owner-of-nodes-3"


def need(name: str) -> None:
    """Skip where that server is not installed; in continuous integration that is a failure."""
    lacking = servers.missing(name)
    if lacking is None:
        return
    if os.environ.get("CI", "").lower() in {"1", "true", "yes"}:
        pytest.fail(lacking, pytrace=False)
    pytest.skip(lacking)


@pytest.fixture(scope="session", params=sorted(KINDS))
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """Run prosody, then ejabberd, for all tests that share them; no test may stop or freeze it."""
    need(request.param)
    accounts = PASSWORD | {PUBLISHER: PUBLISHERS_PASSWORD}
    with servers.running(request.param, accounts=accounts) as one:
        yield one


@pytest.fixture(params=sorted(KINDS))
def own_server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """Run a server of the test's own, which it may kill, freeze and restart."""
    need(request.param)
    accounts = PASSWORD | {PUBLISHER: PUBLISHERS_PASSWORD}
    with servers.running(request.param, accounts=accounts) as one:
        yield one
