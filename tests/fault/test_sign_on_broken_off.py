"""A sign-on that is given up, or whose connection is cut, at any moment leaves nothing behind."""

from __future__ import annotations

import asyncio
import gc
from contextlib import asynccontextmanager
from types import SimpleNamespace

import pytest

from listener.errors import Unreachable
from tests.fault.proxy import Proxy
from tests.shell.scripted_xmpp import Authority, running, session_to
from tests.shell.stage import no_tasks_left, until

HOW = {"tls": {"direct": True}, "starttls": {"starttls": True}, "plain": {}}
MOST_TURNS = 2000
"""Turns of the loop, once there is a connection, in which there is a session on any machine."""


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.fixture(autouse=True)
def nothing_unclosed():
    yield
    gc.collect()  # a transport that nobody closed is an error here, and not in some later test


@asynccontextmanager
async def signing_on(authority: Authority, security: str):
    """Yield a session, what opens it, and the network before its server."""
    context = None if security == "plain" else authority.server("127.0.0.1")
    with no_tasks_left():
        async with running(context, **HOW[security]) as server, Proxy(server.port) as proxy:
            to = SimpleNamespace(port=proxy.port)
            session = session_to(to, security=security, tls=authority.client(), host="127.0.0.1")
            opening = asyncio.create_task(session.open())
            yield session, opening, proxy
            await session.close(graceful=False)
            await until(lambda: not proxy.links)  # its socket is closed


async def so_many(turns: int, opening: asyncio.Task) -> bool:
    """Let the loop go round; False when the session was there before that."""
    for _ in range(turns):
        if opening.done():
            break
        await asyncio.sleep(0)
    return not opening.done()


@pytest.mark.parametrize("security", HOW)
async def test_sign_on_that_is_given_up_anywhere_leaves_nothing(authority, security):
    for turns in range(0, MOST_TURNS, 2):
        async with signing_on(authority, security) as (_, opening, _proxy):
            in_time = await so_many(turns, opening)
            opening.cancel()
            (ended,) = await asyncio.gather(opening, return_exceptions=True)
            assert isinstance(ended, asyncio.CancelledError) or ended is None
        if not in_time:
            return
    pytest.fail("there never was a session")


@pytest.mark.parametrize("cut", ["reset", "finish"])
@pytest.mark.parametrize("security", HOW)
async def test_sign_on_whose_connection_is_cut_anywhere_ends_at_once_and_leaves_nothing(
    authority, security, cut
):
    for turns in range(1, MOST_TURNS, 3):
        async with signing_on(authority, security) as (session, opening, proxy):
            await until(lambda proxy=proxy: proxy.accepted == 1)
            in_time = await so_many(turns, opening)
            getattr(proxy, cut)()
            (ended,) = await asyncio.gather(opening, return_exceptions=True)
            if ended is None:  # its last word had come before the cut
                await session.closed()
            else:
                assert isinstance(ended, Unreachable)
                assert "gave no session within" not in str(ended)
            del ended
        if not in_time:
            return
    pytest.fail("there never was a session")
