"""The loop's turns stay short: few sockets at a time, no search through all of memory."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import selectors
import socket
import ssl
import weakref
from contextlib import asynccontextmanager

import pytest
import structlog
import trustme

from listener.operations import collector as collecting
from listener.operations.collector import Collector
from listener.operations.turns import BoundedSelector, bounded_loop
from tests.shell.stage import until

MANY, MOST = 20, 6


@pytest.fixture
def pairs():
    made = [socket.socketpair() for _ in range(MANY)]
    yield made
    for pair in made:
        for end in pair:
            end.close()


def ready(selector, pairs):
    """Make all sockets readable, and register them."""
    for near, far in pairs:
        selector.register(near, selectors.EVENT_READ, near)
        far.send(b"x")


def test_so_many_sockets_are_told_at_a_time_and_each_in_its_turn(pairs):
    with BoundedSelector(MOST) as selector:
        ready(selector, pairs)
        turns, behind = [], []
        for _ in range(4):
            turns.append([key.data for key, _ in selector.select(0)])
            behind.append(selector.behind)
        assert behind == [True, True, True, False]
        assert [len(turn) for turn in turns] == [6, 6, 6, 2]
        assert {one for turn in turns for one in turn} == {near for near, _ in pairs}


def test_few_sockets_are_told_as_ever(pairs):
    with BoundedSelector(MANY) as selector:
        ready(selector, pairs)
        assert len(selector.select(0)) == MANY
        assert len(selector.select(0)) == MANY  # they were not read


def test_what_was_closed_or_changed_while_it_waited_is_not_told(pairs):
    with BoundedSelector(MOST) as selector:
        ready(selector, pairs)
        told = {key.data for key, _ in selector.select(0)}
        waiting = [near for near, _ in pairs if near not in told]
        selector.unregister(waiting[0])
        selector.modify(waiting[1], selectors.EVENT_WRITE, waiting[1])
        later = {key.data for _ in range(2) for key, _ in selector.select(0)}
        assert later == set(waiting[2:])
        # The system tells what the change was about at the next look.
        events = [events for key, events in all_of(selector) if key.data is waiting[1]]
        assert events == [selectors.EVENT_WRITE]


# It stays writable: with a look as often as may be it is told in every other turn, and at the end.
@pytest.mark.parametrize(("look", "when"), [(0.0, [1, 3, 4]), (3600.0, [4])])
def test_what_can_be_written_to_again_does_not_wait_for_all_that_was_ready_before(
    pairs, look, when
):
    (reader, ours), *others = pairs
    while room(ours):
        pass  # until nothing more goes in
    with BoundedSelector(MOST, look) as selector:
        selector.register(ours, selectors.EVENT_READ | selectors.EVENT_WRITE, ours)
        ready(selector, others)
        turns = [taken(selector)]
        while drained(reader):
            pass
        turns += [taken(selector) for _ in range(4)]
        assert [number for number, told in enumerate(turns) if ours in told] == when
        # The others have one turn each, of the same length.
        rest = [one for told in turns for one in told if one is not ours]
        assert sorted(map(id, rest)) == sorted(id(near) for near, _ in others)
        assert all(len(told) <= MOST for told in turns)


def test_what_lies_in_a_socket_is_read_before_it_is_written_to(pairs):
    # the link has ended: a write fails, and asyncio closes it with what was not read
    (far, near), *others = pairs
    both = selectors.EVENT_READ | selectors.EVENT_WRITE
    with BoundedSelector(MOST, 0.0) as selector:
        ready(selector, others)
        selector.register(near, both, near)
        far.send(b"the last event")
        far.close()
        turns = [told_of(selector.select(0)) for _ in range(4)]
        assert [events for told in turns for one, events in told if one is near] == [both]
        assert (near, both) in turns[-1]


def test_many_that_can_always_be_written_to_do_not_keep_the_others_from_being_read(pairs):
    writers, readers = pairs[:15], pairs[15:]
    with BoundedSelector(2, 0.0) as selector:
        ready(selector, readers)
        assert len(told_of(selector.select(0))) == 2
        for near, _ in writers:
            selector.register(near, selectors.EVENT_WRITE, near)
        told = [one for _ in range(20) for one, _ in told_of(selector.select(0))]
        assert {near for near, _ in readers[2:]} <= set(told)
        assert {near for near, _ in writers} <= set(told)


def told_of(found):
    return [(key.data, events) for key, events in found]


def taken(selector):
    """Return what is told in a turn; what came to the others is read."""
    told = [key.data for key, _ in selector.select(0)]
    for one in told:
        drained(one)
    return told


def room(near):
    with contextlib.suppress(BlockingIOError):
        return near.send(b"x" * 4096, socket.MSG_DONTWAIT)
    return 0


def drained(near):
    with contextlib.suppress(BlockingIOError):
        return len(near.recv(1 << 20, socket.MSG_DONTWAIT))
    return 0


def all_of(selector):
    return [each for _ in range(4) for each in selector.select(0)]


def test_a_loop_looks_at_its_timers_between_many_sockets_that_end_at_once(pairs):
    seen: list[object] = []

    async def main():
        loop = asyncio.get_running_loop()
        for near, far in pairs:
            loop.add_reader(near, lambda near=near: (loop.remove_reader(near), seen.append(near)))
            far.send(b"x")
        while len(seen) < MANY:
            before = len(seen)
            await asyncio.sleep(0)
            assert len(seen) - before <= MOST

    with asyncio.Runner(
        loop_factory=lambda: asyncio.SelectorEventLoop(BoundedSelector(MOST))
    ) as runner:
        runner.run(main())
    assert len(seen) == MANY


# -- the collector ---------------------------------------------------------------------------------


class Circle:
    """Garbage that only a search finds."""

    def __init__(self) -> None:
        self.me = self


@pytest.fixture
def collector(monkeypatch):
    monkeypatch.setattr(collecting, "YOUNG", 700)  # a test need not make so many objects
    before = gc.get_threshold()
    with Collector(more=1000, every=0.01, often=0.001) as one:
        yield one
    gc.unfreeze()
    assert gc.get_threshold() == before
    assert collecting._set_aside not in gc.callbacks


def test_what_stays_is_set_aside_and_not_looked_at_again(collector):
    kept = [[number] for number in range(20_000)]
    assert gc.get_freeze_count() > 10_000
    assert len(gc.get_objects(generation=2)) < 1000
    assert len(kept) == 20_000


def test_what_is_dropped_goes_although_it_was_set_aside(collector):
    kept = [[number] for number in range(20_000)]
    before = gc.get_freeze_count()
    kept.clear()
    assert gc.get_freeze_count() < before - 10_000


@asynccontextmanager
async def looking(collector):
    """Let the collector look after itself, and yield what it logs."""
    with structlog.testing.capture_logs() as log:
        task = asyncio.create_task(collector.run())
        yield log
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_circles_that_were_set_aside_are_found_once_there_may_be_many(collector):
    collector.check()
    circles = [Circle() for _ in range(2 * gc.get_freeze_count() + 20_000)]
    before = gc.get_freeze_count()
    circles.clear()
    async with looking(collector) as log:
        await until(lambda: log)
    [line] = log
    assert line["event"] == "memory.collected"
    assert line["found"] > 10_000
    assert gc.get_freeze_count() < before


async def test_what_a_start_leaves_is_taken_as_it_is(collector):
    kept = [[number] for number in range(20_000)]
    async with looking(collector) as log:
        await asyncio.sleep(0.05)  # some checks
    assert log == []
    assert len(kept) == 20_000


async def test_a_search_is_not_repeated_while_nothing_is_added(collector):
    collector.look_at_all()
    async with looking(collector) as log:
        await asyncio.sleep(0.05)  # some checks
    assert log == []


async def test_new_objects_are_looked_at_although_as_many_are_freed(collector):
    """Python's own count stands still then, as while all sessions are replaced by new ones."""
    old = [[number] for number in range(20_000)]
    gc.collect(1)
    new = []
    while old:
        old.pop()
        new.append([])
    unseen = len(gc.get_objects(generation=0))
    assert unseen > 10_000
    async with looking(collector):
        await until(lambda: len(gc.get_objects(generation=0)) < unseen / 10)
    assert len(new) == 20_000


# -- connections -----------------------------------------------------------------------------------


class Talk(asyncio.Protocol):
    """Hangs up at the first word."""

    def __init__(self) -> None:
        self.over = asyncio.Event()

    def connection_made(self, transport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.transport.close()

    def connection_lost(self, error) -> None:
        del self.transport
        self.over.set()


@pytest.mark.parametrize("encrypted", [False, True])
def test_connection_that_has_ended_is_gone_without_a_search(encrypted):
    server_tls, client_tls = contexts() if encrypted else (None, None)

    async def main():
        loop = asyncio.get_running_loop()
        server = await loop.create_server(Talk, "127.0.0.1", 0, ssl=server_tls)
        port = server.sockets[0].getsockname()[1]
        transport, talk = await loop.create_connection(
            Talk,
            "127.0.0.1",
            port,
            ssl=client_tls,
            server_hostname="localhost" if encrypted else None,
        )
        carriers = [weakref.ref(each) for each in carrying()]
        assert len(carriers) == 2
        transport.write(b"and out")
        del transport
        await talk.over.wait()
        server.close()
        await server.wait_closed()
        await until(lambda: not any(one() for one in carriers))

    gc.collect()
    gc.disable()
    try:
        with asyncio.Runner(loop_factory=bounded_loop) as runner:
            runner.run(main())
    finally:
        gc.enable()


def carrying():
    """Return what carries the bytes of the connections that there are now, below TLS."""
    kind = asyncio.selector_events._SelectorSocketTransport
    return [each for each in gc.get_objects() if type(each) is kind and each._sock is not None]


def contexts():
    """Return a server's context and that of a client that trusts it."""
    authority = trustme.CA()
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(server)
    client = ssl.create_default_context()
    authority.configure_trust(client)
    return server, client
