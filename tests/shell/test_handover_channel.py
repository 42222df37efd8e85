"""What two processes say to each other: bounded, and never half heard."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import struct
from contextlib import asynccontextmanager

import pytest

from listener.handover.channel import MAX_SOCKETS, Broken, Channel, Gone, written


@asynccontextmanager
async def both(**how):
    one, other = socket.socketpair()
    mine, theirs = Channel(one, **how), Channel(other, **how)
    try:
        yield mine, theirs, one, other
    finally:
        mine.close()
        theirs.close()


def open_files() -> set[str]:
    return set(os.listdir("/proc/self/fd"))  # noqa: PTH208  names are enough


async def test_messages_come_in_order_and_whole():
    async with both() as (mine, theirs, *_):
        long = {"text": "é\ud800" * 300_000}
        saying = asyncio.create_task(mine.say(long))
        assert await theirs.hear(20) == long
        await saying
        mine.say_now({"a": 1})
        await mine.say(written({"b": 2}))
        assert [await theirs.hear(5), await theirs.hear(5)] == [{"a": 1}, {"b": 2}]


async def test_sockets_go_over_with_what_is_said_around_them():
    async with both() as (mine, theirs, *_):
        with socket.socket(socket.AF_UNIX) as door, socket.socket() as other:
            await mine.say({"n": 2})
            await mine.give([door, other])
            await mine.say({"after": True})
            assert await theirs.hear(5) == {"n": 2}
            taken = await theirs.take(2)
            assert await theirs.hear(5) == {"after": True}
            try:
                assert [each.family for each in taken] == [socket.AF_UNIX, socket.AF_INET]
                assert not any(each.get_inheritable() for each in taken)
                assert os.fstat(taken[0].fileno()).st_ino == os.fstat(door.fileno()).st_ino
            finally:
                for each in taken:
                    each.close()
        await mine.give([])
        assert await theirs.take(0) == []


async def test_other_sockets_than_were_said_are_closed_and_refused():
    async with both() as (mine, theirs, *_):
        with socket.socket() as door:
            open_before = open_files()
            await mine.give([door, door])
            with pytest.raises(Broken, match="other sockets"):
                await theirs.take(1)
            assert open_files() == open_before
            with pytest.raises(Broken, match="too many"):
                await mine.give([door] * (MAX_SOCKETS + 1))


@pytest.mark.parametrize(
    ("garbage", "words"),
    [
        (struct.pack(">I", 1 << 30), "too long"),
        (struct.pack(">I", 3) + b"{]}", "no JSON"),
        (struct.pack(">I", 2) + b"[]", "no JSON object"),
        (struct.pack(">I", 60_000) + b"[" * 60_000, "no JSON"),
        (struct.pack(">I", 2) + b"\xff\xfe", "no JSON"),
    ],
)
async def test_garbage_is_refused_in_words(garbage, words):
    async with both(longest=100_000) as (_, theirs, one, _other):
        one.settimeout(5)
        await asyncio.to_thread(one.sendall, garbage)
        with pytest.raises(Broken, match=words):
            await theirs.hear(5)


async def test_the_end_is_heard_behind_what_was_said():
    async with both() as (mine, theirs, one, _):
        mine.say_now({"last": "word"})
        one.send(struct.pack(">I", 50) + b"half")
        mine.close()
        assert await theirs.hear(5) == {"last": "word"}
        with pytest.raises(Gone):
            await theirs.hear(5)
        for doing in (theirs.say({}), theirs.take(1), theirs.hear(1)):
            with pytest.raises(Gone):
                await doing
        with pytest.raises(Gone):
            theirs.say_now({})


async def test_giving_up_or_being_cancelled_loses_nothing_of_a_message():
    async with both() as (_, theirs, one, _other):
        frame = written({"say": "mine"})
        for byte in frame[:-1]:
            one.send(bytes([byte]))
            with pytest.raises(Broken, match="said nothing"):
                await theirs.hear(0.001)
            hearing = asyncio.create_task(theirs.hear(5))
            await asyncio.sleep(0)
            hearing.cancel()
            await asyncio.gather(hearing, return_exceptions=True)
        one.send(frame[-1:])
        assert await theirs.hear(5) == {"say": "mine"}


async def test_a_side_that_does_not_listen_is_not_waited_for_without_end():
    async with both() as (mine, _, one, _other):
        one.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        with pytest.raises(Broken, match="did not listen"):
            await mine.say({"text": "x" * 10_000_000}, within=0.05)
        with pytest.raises(Broken, match="does not listen"):
            mine.say_now({"text": "x" * 1_000_000})


async def test_what_is_too_long_or_no_json_is_not_said():
    async with both(longest=1000) as (mine, *_):
        with pytest.raises(Broken, match="too long"):
            await mine.say({"text": "x" * 1000})
    with pytest.raises(ValueError, match="JSON compliant"):
        written({"left": float("inf")})
    assert json.loads(written({"a": "ü"})[4:]) == {"a": "ü"}
