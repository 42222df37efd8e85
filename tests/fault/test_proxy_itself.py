"""The fault proxy: each fault does what its name says, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import random
from contextlib import asynccontextmanager

import pytest

from listener.simulator.xmpp_outlet import reset
from tests.fault.proxy import Act, Ends, Mark, Proxy, State, Way
from tests.shell.rest_server import listening
from tests.shell.stage import authority, no_tasks_left, until

BLOB = random.Random(7).randbytes(300_000)


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()


@asynccontextmanager
async def proxied(handler=echo, *, tls=False, **how):
    ends = Ends(authority().server_context(), authority().client_context()) if tls else None
    server = authority().server_context() if tls else None
    with no_tasks_left():
        async with listening(handler, server) as port, Proxy(port, ends=ends, **how) as proxy:
            yield proxy


@asynccontextmanager
async def dialled(proxy, *, tls=False, limit=2**16):
    context = authority().client_context() if tls else None
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", proxy.port, ssl=context, limit=limit
    )
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def echoed(reader, writer, data=b"hello") -> bytes:
    writer.write(data)
    return await reader.readexactly(len(data))


@pytest.mark.parametrize("tls", [False, True])
async def test_bytes_pass_both_ways_whole_and_are_counted(tls):
    async with proxied(tls=tls) as proxy, dialled(proxy, tls=tls) as ends:
        asking = asyncio.create_task(ends[0].readexactly(len(BLOB)))
        ends[1].write(BLOB)
        assert await asking == BLOB
        assert proxy.passed == {Way.UP: len(BLOB), Way.DOWN: len(BLOB)}
        assert (proxy.accepted, len(proxy.links)) == (1, 1)
        (link,) = proxy.links
        ends[1].close()
        await link.over.wait()
        assert proxy.links == []


async def test_tls_is_passed_through_untouched():
    async with (
        listening(echo, authority().server_context()) as port,
        Proxy(port) as proxy,
        dialled(proxy, tls=True) as (reader, writer),
    ):
        assert await echoed(reader, writer) == b"hello"


async def test_ends_of_both_sides_are_passed_on():
    async def until_the_end(reader, writer):
        writer.write(await reader.read())

    async with proxied(until_the_end) as proxy, dialled(proxy) as (reader, writer):
        writer.write(b"all of it")
        writer.write_eof()
        assert await reader.read() == b"all of it"


async def test_reset_of_the_server_is_passed_on_as_one():
    async def leave(reader, writer):
        await reader.read(1)
        reset(writer.transport)

    async with proxied(leave) as proxy, dialled(proxy) as (reader, writer):
        writer.write(b"two")
        with pytest.raises(ConnectionResetError):
            await reader.read()


async def test_reset_is_seen_by_both_sides():
    told = asyncio.get_running_loop().create_future()

    async def watch(reader, writer):
        try:
            told.set_result(await reader.read())
        except ConnectionResetError as reset:
            told.set_result(reset)

    async with proxied(watch) as proxy, dialled(proxy) as (reader, _):
        await until(lambda: proxy.links and proxy.links[0].far.open)
        await asyncio.sleep(0)
        proxy.reset()
        with pytest.raises(ConnectionResetError):
            await reader.read()
        assert isinstance(await told, ConnectionResetError)


async def test_orderly_end_is_seen_by_both_sides():
    told = asyncio.get_running_loop().create_future()

    async def watch(reader, writer):
        writer.write(b"hello")
        told.set_result(await reader.read())

    async with proxied(watch) as proxy, dialled(proxy) as (reader, _):
        assert await reader.readexactly(5) == b"hello"
        proxy.finish()
        assert await reader.read() == b""
        assert await told == b""


@pytest.mark.parametrize("way", list(Way))
async def test_half_an_end_leaves_the_other_direction(way):
    async def both(reader, writer):
        writer.write(b"hello")
        assert await reader.read() == b""
        writer.write(b"still here")

    async with (
        proxied(both if way is Way.UP else echo) as proxy,
        dialled(proxy) as (reader, writer),
    ):
        if way is Way.UP:
            assert await reader.readexactly(5) == b"hello"
        else:
            await echoed(reader, writer)
        (link,) = proxy.links
        link.finish_half(way)
        if way is Way.UP:
            assert await reader.read() == b"still here"
        else:
            assert await reader.read() == b""
            writer.write(b"one way")
            await until(lambda: link.pipes[Way.UP].passed == len(b"helloone way"))


async def test_frozen_connection_reads_nothing_and_goes_on_with_all_of_it():
    async with proxied() as proxy, dialled(proxy) as (reader, writer):
        await echoed(reader, writer)
        before = proxy.passed[Way.UP]
        proxy.freeze()
        big = BLOB * 60
        writer.write(big)
        await until(lambda: writer.transport.get_write_buffer_size() > 0)
        filled = writer.transport.get_write_buffer_size()
        await asyncio.sleep(0.05)
        assert (proxy.passed[Way.UP], writer.transport.get_write_buffer_size()) == (before, filled)
        proxy.heal()
        assert await reader.readexactly(len(big)) == big


async def test_frozen_newcomer_is_accepted_by_the_kernel_and_served_after_the_thaw():
    async with proxied() as proxy:
        proxy.freeze()
        async with dialled(proxy) as (reader, writer):
            writer.write(b"hello")
            await until(lambda: proxy.accepted)
            assert proxy.passed[Way.UP] == 0
            proxy.heal()
            assert await reader.readexactly(5) == b"hello"


async def test_black_hole_reads_everything_and_passes_nothing_on():
    async with proxied() as proxy, dialled(proxy) as (reader, writer):
        await echoed(reader, writer)
        before = proxy.passed[Way.UP]
        (link,) = proxy.links
        proxy.black_hole()
        writer.write(BLOB)
        await writer.drain()
        await until(lambda: link.pipes[Way.UP].dropped == len(BLOB))
        assert proxy.passed[Way.UP] == before
        async with dialled(proxy) as (_, new):
            new.write(b"nobody hears it")
            await until(lambda: proxy.accepted == 2)
        await until(lambda: len(proxy.links) == 1)  # its end was noticed, and told nobody
        proxy.heal()
        assert await echoed(reader, writer) == b"hello"


async def test_one_direction_alone_leads_nowhere():
    async with proxied() as proxy, dialled(proxy) as (reader, writer):
        await echoed(reader, writer)
        (link,) = proxy.links
        proxy.black_hole(Way.DOWN)
        writer.write(b"heard")
        await until(lambda: link.pipes[Way.DOWN].dropped == 5)
        proxy.heal()
        assert await echoed(reader, writer) == b"hello"


async def test_half_open_is_known_to_the_server_alone():
    left = asyncio.Event()

    async def watch(reader, writer):
        writer.write(b"hello")
        try:
            await reader.read()
        finally:
            left.set()

    async with proxied(watch) as proxy, dialled(proxy) as (reader, writer):
        assert await reader.readexactly(5) == b"hello"
        (link,) = proxy.links
        link.forget_server()
        await left.wait()
        writer.write(b"is anybody there")
        await until(lambda: link.pipes[Way.UP].dropped)
        assert not reader.at_eof()
        writer.close()
        await link.over.wait()


async def test_delay_is_waited_before_each_chunk():
    loop = asyncio.get_running_loop()
    async with proxied() as proxy, dialled(proxy) as (reader, writer):
        await echoed(reader, writer)
        proxy.shape(delay=0.05)
        begun = loop.time()
        await echoed(reader, writer)
        assert loop.time() - begun >= 0.1  # there and back
        proxy.heal()
        assert await echoed(reader, writer) == b"hello"


async def test_slices_of_one_byte_arrive_one_by_one():
    pieces: list[bytes] = []

    async def collect(reader, writer):
        while data := await reader.read(65536):
            pieces.append(data)
            writer.write(data)

    async with proxied(collect) as proxy:
        proxy.shape(piece=1)
        async with dialled(proxy) as (reader, writer):
            assert await echoed(reader, writer, b"a message of some length") is not None
    assert len(pieces) > 1
    assert b"".join(pieces) == b"a message of some length"


@pytest.mark.parametrize("act", [Act.FIN, Act.RST])
async def test_cut_after_a_number_of_bytes_lets_just_those_by(act):
    async with proxied() as proxy:
        proxy.trap(Way.DOWN, Mark(7), act)
        async with dialled(proxy) as (reader, writer):
            writer.write(b"0123456789")
            got = b""
            try:
                while data := await reader.read(64):
                    got += data
                ended = Act.FIN
            except ConnectionResetError:
                ended = Act.RST
        assert ended is act
        assert proxy.passed[Way.DOWN] == 7
        assert got == b"0123456" if act is Act.FIN else b"0123456".startswith(got)


@pytest.mark.parametrize("piece", [None, 1, 3])
@pytest.mark.parametrize(
    ("before", "passed"), [(True, b"one <two/> "), (False, b"one <two/> <two/>")]
)
@pytest.mark.parametrize("tls", [False, True])
async def test_stands_still_at_words_also_inside_tls(piece, before, passed, tls):
    async with proxied(tls=tls) as proxy:
        proxy.shape(piece=piece)
        proxy.trap(Way.UP, Mark(b"<two/>", times=2, before=before), Act.HOLD)
        async with dialled(proxy, tls=tls) as (reader, writer):
            writer.write(b"one <two/> <two/> three")
            await until(
                lambda: any(at.pipes[Way.UP].shape.state is State.HOLD for at in proxy.links)
            )
            by = proxy.passed[Way.UP]
            if piece is None or not before:
                assert by == len(passed)
            else:  # cut up, the mark is known by its last piece, which is then held back
                assert len(passed) < by < len(passed) + len(b"<two/>")
            proxy.heal()
            assert await reader.readexactly(23) == b"one <two/> <two/> three"


async def test_port_is_refused_and_comes_back():
    async with proxied() as proxy:
        port = proxy.port
        await proxy.refuse()
        for _ in range(3):
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection("127.0.0.1", port)
        await proxy.come_back()
        async with dialled(proxy) as (reader, writer):
            assert await echoed(reader, writer) == b"hello"
        assert (proxy.port, proxy.accepted) == (port, 1)


@pytest.mark.parametrize("how", [Act.FIN, Act.RST])
async def test_connections_are_turned_away_after_they_were_accepted(how):
    async with proxied() as proxy:
        await proxy.refuse(how)
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        try:
            if how is Act.FIN:
                assert await reader.read() == b""
            else:
                with pytest.raises(ConnectionResetError):
                    await reader.read()
        finally:
            writer.close()
        assert (proxy.accepted, proxy.turned_away) == (0, 1)


async def test_missing_server_is_told_by_a_reset():
    async with proxied() as proxy, Proxy(proxy.port) as dead:
        await proxy.refuse()
        async with dialled(dead) as (reader, _):
            with pytest.raises(ConnectionResetError):
                await reader.read()
        await until(lambda: not dead.links)


async def test_handshakes_are_counted_until_their_mark():
    async with proxied(established=Mark(b"done")) as proxy:
        async with dialled(proxy) as one, dialled(proxy) as two:
            await echoed(*one, b"not do")
            await echoed(*two, b"do")
            assert (proxy.handshakes, proxy.most_handshakes) == (2, 2)
            await echoed(*two, b"ne")
            assert (proxy.handshakes, proxy.most_handshakes) == (1, 2)
        await until(lambda: not proxy.links)
        assert (proxy.handshakes, proxy.most_handshakes) == (0, 2)


@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize("state", list(State))
async def test_nothing_is_left_whatever_was_wrong_when_it_ended(tls, state):
    async with proxied(tls=tls) as proxy, dialled(proxy, tls=tls) as ends:
        await echoed(*ends)
        proxy._turn(state, ())
        ends[1].write(BLOB)
        newcomers = [await asyncio.open_connection("127.0.0.1", proxy.port) for _ in range(3)]
        await until(lambda: proxy.accepted == 4)
        for _, writer in newcomers:
            writer.transport.abort()
