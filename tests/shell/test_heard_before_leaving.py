"""What lies in the sockets when a request is about to leave is heard first: it is no change since.

With real sockets and the daemon's loop, which deals with a few of them per turn.
"""

from __future__ import annotations

import asyncio
import socket

import pytest

from listener.operations.turns import bounded_loop
from tests.shell.rest_server import asking, http, serving

MANY = 40  # sockets, more than one turn's


@pytest.mark.parametrize("loop_factory", [asyncio.new_event_loop, bounded_loop])
@pytest.mark.parametrize("connected", [True, False])
def test_what_lies_in_the_sockets_is_read_before_a_request_leaves(loop_factory, *, connected):
    # after a standstill all of it is older than the request
    async def main() -> list[int]:
        loop = asyncio.get_running_loop()
        pairs = [socket.socketpair() for _ in range(MANY)]
        read: list[bytes] = []
        for near, _ in pairs:
            loop.add_reader(near, lambda near=near: read.append(near.recv(1)))
        known: list[int] = []
        async with serving(http(202), http(202)) as server, asking(server.url) as rest:
            if connected:
                await send(rest)
            for _, far in pairs:
                far.send(b"x")
            await send(rest, lambda: known.append(len(read)))
        for near, far in pairs:
            loop.remove_reader(near)
            near.close()
            far.close()
        return known

    async def send(rest, leaves=lambda: None):
        answer = await rest.send(
            "1001", method="PUT", path="/finesse/api/Dialog/1", request_id="r", leaves=leaves
        )
        assert answer.status == 202

    with asyncio.Runner(loop_factory=loop_factory) as runner:
        assert runner.run(main()) == [MANY]
