"""Who reads events is not cut off for what the daemon is busy with: many links that end."""

from __future__ import annotations

import asyncio
import contextlib
import socket

import pytest

from listener.api.stream import EventStream
from listener.chronicle import Chronicle
from listener.offers import Wanted
from listener.operations.turns import BoundedLoop, BoundedSelector
from listener.readers import MAX_BEHIND
from listener.web.protocol import WRITE_HIGH, WRITE_LOW

LINKS, EACH = 250, 8  # and events of each
HESITATES = 100
"""Links that end before the reader takes anything: more than its connection holds, and fewer than
would cut it off."""
STATUS = {"id": "1001001", "state": "waiting", "detail": "x" * 500}


class Told:
    """What a reader was told over its connection."""

    def __init__(self, far: socket.socket) -> None:
        self._far = far
        self._data = b""

    def take(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while part := self._far.recv(1 << 20, socket.MSG_DONTWAIT):
                self._data += part

    def names(self) -> list[str]:
        lines = self._data.decode().splitlines()
        return [line.removeprefix("event: ") for line in lines if line.startswith("event: ")]


async def cut() -> list[str]:
    """Let the links of all agents end at once; return what a reader is told of it."""
    loop = asyncio.get_running_loop()
    chronicle = Chronicle(None)
    ours, far = socket.socketpair()
    told, ended = Told(far), 0
    over = asyncio.Event()

    def end(link: socket.socket) -> None:
        nonlocal ended
        loop.remove_reader(link)
        for _ in range(EACH):
            chronicle.session("1001001", STATUS)
        ended += 1
        if ended > HESITATES:
            told.take()  # it has come to itself, and reads at once from now on
        if ended == LINKS:
            over.set()

    with contextlib.ExitStack() as stack:
        links = [stack.enter_context(end) for _ in range(LINKS) for end in socket.socketpair()]
        _, outlet = await asyncio.open_unix_connection(sock=ours)
        outlet.transport.set_write_buffer_limits(high=WRITE_HIGH, low=WRITE_LOW)

        async def send(message) -> None:
            outlet.write(message.get("body", b""))
            await outlet.drain()

        stream = EventStream(chronicle.read(Wanted(), None))
        serving = asyncio.create_task(stream({}, asyncio.Event().wait, send))
        await asyncio.sleep(0)
        for link, other in zip(links[::2], links[1::2], strict=True):
            loop.add_reader(link, end, link)
            other.close()
        await over.wait()
        while not serving.done() and len(told.names()) < LINKS * EACH:
            told.take()
            await asyncio.sleep(0)
        chronicle.close()
        await serving
        told.take()
        outlet.close()
        far.close()
    return told.names()


@pytest.mark.parametrize(("look", "cut_off"), [(0.0, False), (3600.0, True)])
def test_who_reads_on_after_a_moment_is_not_cut_off_while_many_links_end(look, cut_off):
    def loop():
        return BoundedLoop(BoundedSelector(look=look))

    with asyncio.Runner(loop_factory=loop) as runner:
        told = runner.run(cut())

    assert EACH * HESITATES < MAX_BEHIND < EACH * (LINKS - HESITATES)
    if cut_off:  # what the looks are there for
        assert told[-1] == "lagged"
    else:
        assert told == ["session"] * (EACH * LINKS)
