"""What lies in the sockets when a request is about to leave is heard first: it is no change since.

With real sockets and the daemon's loop, which deals with a few of them per turn.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from contextlib import contextmanager
from types import SimpleNamespace

import pytest

from listener import standstill
from listener.assembly import Listener
from listener.backend.requests import Requests
from listener.correlation.steps import RestAnswer
from listener.operations.turns import BoundedLoop, bounded_loop
from listener.service import Wishes
from tests.builders import a_participant
from tests.shell.rest_server import asking, http, serving
from tests.shell.stage import until
from tests.shell.test_service import ACCEPTED, Rig, hold

MANY = 40  # sockets, more than one turn's


class Sockets:
    """Sockets that are read as soon as the loop comes to it; `fill` has something lie in each."""

    def __init__(self) -> None:
        self.read = 0
        self.on_read: Callable[[], object] = lambda: None
        self._pairs = [socket.socketpair() for _ in range(MANY)]
        for near, _ in self._pairs:
            asyncio.get_running_loop().add_reader(near, self._reads, near)

    def _reads(self, near: socket.socket) -> None:
        near.recv(1)
        self.read += 1
        self.on_read()

    def fill(self) -> None:
        for _, far in self._pairs:
            far.send(b"x")

    def close(self) -> None:
        for near, far in self._pairs:
            asyncio.get_running_loop().remove_reader(near)
            near.close()
            far.close()


@contextmanager
def unread():
    made = Sockets()
    try:
        yield made
    finally:
        made.close()


def run(main, loop_factory=bounded_loop):
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        return runner.run(main())


async def send(rest, leaves=lambda: None):
    path = "/finesse/api/Dialog/1"
    answer = await rest.send("1001", method="PUT", path=path, request_id="r", leaves=leaves)
    assert answer.status == 202


@pytest.mark.parametrize("loop_factory", [asyncio.new_event_loop, bounded_loop])
@pytest.mark.parametrize("connected", [True, False])
def test_what_lies_in_the_sockets_is_read_before_a_request_leaves(loop_factory, *, connected):
    # after a standstill all of it is older than the request
    async def main() -> list[int]:
        known: list[int] = []
        async with serving(http(202), http(202)) as server, asking(server.url) as rest:
            if connected:
                await send(rest)
            with unread() as sockets:
                sockets.fill()
                await send(rest, lambda: known.append(sockets.read))
        return known

    assert run(main, loop_factory) == [MANY]


def test_one_that_is_given_up_while_that_is_read_does_not_leave():
    async def main() -> tuple[int, list[object]]:
        left: list[object] = []
        async with serving(http(202), http(202)) as server, asking(server.url) as rest:
            await send(rest)
            with unread() as sockets:
                sending = asyncio.create_task(send(rest, lambda: left.append(1)))
                sockets.on_read = sending.cancel
                sockets.fill()
                await asyncio.wait([sending])
                assert sending.cancelled()
            await send(rest)
            return len(server.seen), left

    assert run(main) == (2, [])


@pytest.mark.parametrize("way", ["library", "api"])
def test_what_lies_in_the_sockets_is_read_before_a_request_is_announced(way):
    # its caller sends it behind that, and a change from then on counts
    async def main() -> list[int]:
        known: list[int] = []

        def expect(_request, _wishes) -> None:
            known.append(sockets.read)

        async def take(how, request, wishes, _idempotency) -> None:
            how(request, wishes)

        service = SimpleNamespace(expect=expect)
        with unread() as sockets:
            sockets.fill()
            if way == "library":
                door = SimpleNamespace(service=service, _known=lambda request: request)
                await Listener.expect(door, hold())
            else:
                door = SimpleNamespace(_service=service, _take=take)
                await Requests.expect(door, hold(), Wishes())
        return known

    assert run(main) == [MANY]


def test_what_lies_in_the_sockets_is_read_before_a_sender_that_does_not_tell_is_called():
    async def main() -> tuple[int, list[int]]:
        rig = Rig()
        rig.up(a_participant())
        known: list[int] = []
        begun: list[int] = []
        begin = rig.service.correlator.leaves

        def leaves(now: float, key: str) -> object:
            known.append(sockets.read)
            return begin(now, key)

        async def sender(_leaves: object) -> RestAnswer:
            begun.append(sockets.read)
            return ACCEPTED

        rig.service.correlator.leaves = leaves
        with unread() as sockets:
            sockets.fill()
            rig.service.forward(hold(), Wishes(), sender)
            await until(lambda: begun)
        await rig.service.close()
        return known[0], begun

    assert run(main) == (MANY, [MANY])


class Overrun(BoundedLoop):
    """A loop that is never done with its sockets."""

    behind = True


def test_a_get_waits_for_nobody(monkeypatch):
    # one that did would keep its connection from others, above all when all sessions begin anew
    monkeypatch.setattr(standstill, "LONGEST", 60.0)

    async def main() -> int:
        async with serving(http(404)) as server, asking(server.url) as rest, asyncio.timeout(10):
            return (
                await rest.send("1001", method="GET", path="/finesse/api/User/1", request_id=None)
            ).status

    assert run(main, Overrun) == 404


def test_a_loop_that_is_overrun_for_good_lets_a_request_leave(monkeypatch):
    monkeypatch.setattr(standstill, "LONGEST", 0.1)

    async def main() -> None:
        async with serving(http(202)) as server, asking(server.url) as rest, asyncio.timeout(10):
            await send(rest)

    run(main, Overrun)
