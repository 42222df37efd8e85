"""When a client that does not read is cut: one connection, and a transport that is a double."""

from __future__ import annotations

import asyncio
import gc
import weakref
from typing import Any

import pytest
from uvicorn import Config
from uvicorn.server import ServerState

from listener.web.answering import Common
from listener.web.callers import Peer
from listener.web.connections import Book, Limits
from listener.web.protocol import PROGRESS, LimitedProtocol
from tests.shell.stage import until

LIMITS = Limits(stalled_seconds=0.05)


class Outlet(asyncio.Transport):
    """A transport whose client takes as much of what was written as a test says."""

    def __init__(self) -> None:
        super().__init__()
        self.lying = 0
        self.looks: list[int] = []
        """What lies there at the next looks, before `lying` again."""
        self.done: list[str] = []
        self.over = asyncio.Event()

    def get_write_buffer_size(self) -> int:
        return self.looks.pop(0) if self.looks else self.lying

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass

    def write(self, data: Any) -> None:
        self.lying += len(data)

    def is_closing(self) -> bool:
        return bool(self.done)

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.done.append("eof")

    def close(self) -> None:
        self.done.append("close")

    def abort(self) -> None:
        self.done.append("abort")
        self.over.set()

    def resume_reading(self) -> None:
        pass


async def app(scope: Any, receive: Any, send: Any) -> None:
    if scope["path"] == "/early":
        headers = [(b"content-length", b"0")]
        await send({"type": "http.response.start", "status": 401, "headers": headers})
        await send({"type": "http.response.body", "body": b""})
    else:
        await receive()


@pytest.fixture
async def made():
    book = Book(LIMITS)
    config = Config(app, interface="asgi3", ws="none", lifespan="off", log_config=None)
    config.load()
    common = Common("test", app, config, ServerState(), LIMITS, book, lambda: "now")
    loop = asyncio.get_running_loop()
    protocol = LimitedProtocol(common, loop, Peer(unix=False), encrypted=False)
    book.enter(protocol)
    outlet = Outlet()
    protocol.connection_made(outlet)
    yield protocol, outlet
    protocol.connection_lost(None)
    await asyncio.gather(*common.state.tasks)


async def test_no_progress_is_the_end(made):
    protocol, outlet = made
    outlet.lying = 100_000
    protocol.pause_writing()
    await outlet.over.wait()

    assert outlet.done == ["abort"]


async def test_progress_goes_on_and_its_end_is_the_end(made):
    protocol, outlet = made
    outlet.looks = [100_000, 100_000 - PROGRESS, 100_000 - PROGRESS, 100_000 - 2 * PROGRESS]
    outlet.lying = 100_000 - 2 * PROGRESS
    protocol.pause_writing()
    await outlet.over.wait()

    assert outlet.looks == []  # it was looked at as often, each time after the whole time
    assert outlet.done == ["abort"]


async def test_too_little_progress_is_the_end(made):
    protocol, outlet = made
    outlet.looks = [100_000, 100_001 - PROGRESS]
    protocol.pause_writing()
    await outlet.over.wait()

    assert outlet.looks == []


async def test_a_reader_of_events_has_to_catch_up(made):
    protocol, outlet = made
    protocol.data_received(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    await asyncio.sleep(0)
    assert protocol.become_event_reader()
    outlet.looks = [100_000, 10_000, 5]
    protocol.pause_writing()
    await outlet.over.wait()

    assert outlet.looks == [5]  # progress was not enough for a second look


async def test_who_catches_up_in_time_is_not_cut(made):
    protocol, outlet = made
    outlet.lying = 100_000
    protocol.pause_writing()
    protocol.resume_writing()
    await asyncio.sleep(LIMITS.stalled_seconds * 3)

    assert outlet.done == []


async def test_closing_does_not_wait_for_the_last_bytes_to_be_read(made):
    protocol, outlet = made
    outlet.lying = 10  # too little to pause
    protocol.shutdown()
    assert outlet.done == ["close"]
    await outlet.over.wait()

    assert outlet.done == ["close", "abort"]


async def test_a_client_that_still_sends_has_time_to_read_its_last_answer(made):
    protocol, outlet = made
    protocol.data_received(
        b"POST /early HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 10\r\n\r\n"
    )
    await until(lambda: outlet.done)
    assert outlet.done == ["eof"]
    protocol.data_received(b"0123456789")  # read and forgotten
    outlet.lying = 0

    await until(lambda: outlet.done == ["eof", "close"])


async def test_a_connection_that_ended_is_touched_no_more(made):
    protocol, outlet = made
    protocol.shutdown()
    protocol.shutdown()
    protocol.data_received(b"nonsense\r\n\r\n")
    protocol.connection_lost(None)
    await asyncio.sleep(LIMITS.stalled_seconds * 3)

    assert outlet.done == ["close"]


@pytest.mark.parametrize("said", [b"", b"GET /early HTTP/1.1\r\nHost: a\r\n\r\n"])
async def test_a_lost_connection_is_gone_without_the_garbage_collector(said):
    book = Book(LIMITS)
    config = Config(app, interface="asgi3", ws="none", lifespan="off", log_config=None)
    config.load()
    common = Common("test", app, config, ServerState(), LIMITS, book, lambda: "now")
    loop = asyncio.get_running_loop()
    protocol = LimitedProtocol(common, loop, Peer(unix=False), encrypted=False)
    left = weakref.ref(protocol)
    gc.disable()
    try:
        protocol.connection_made(Outlet())
        if said:
            protocol.data_received(said)
        await asyncio.gather(*common.state.tasks)
        protocol.connection_lost(None)
        del protocol
        await until(lambda: left() is None)
    finally:
        gc.enable()
