"""All doors of a daemon together: what becomes of their sockets."""

from __future__ import annotations

import asyncio

import pytest

from listener.serving import Doors
from listener.settings.serving import Api
from listener.web.server import Limits


async def nothing(_scope, _receive, _send) -> None:
    """Answer nobody."""


async def test_closing_that_is_broken_off_leaves_nothing_open_when_it_is_said_again(tmp_path):
    """As by a second Ctrl-C, in the moment in which the first one's closing begins."""
    path, doors = tmp_path / "api.sock", Doors(None)
    await doors.open("api", Api(socket=path), nothing, Limits())
    await doors.start()
    (door,) = doors.stop_accepting().values()
    doors.resume_accepting()
    closing = asyncio.create_task(doors.close(5.0))
    await asyncio.sleep(0)
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing
    await doors.close(0.0)
    assert door.fileno() == -1
    assert not path.exists()
    assert doors.addresses == {}
