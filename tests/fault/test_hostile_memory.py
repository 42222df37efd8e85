"""Floods of every kind: the session ends, comes back, and neither memory nor a neighbour notices.

Memory is measured in a process of its own (`hostile_side`), as a relation to the limit.
"""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import suppress

import pytest

from listener.errors import NotFinesse
from listener.xmpp.contract import Cause
from listener.xmpp.parser import AFTER_LOGIN
from tests.shell.scripted_xmpp import HEADER, Stream, running, session_to

ROOM = 5 * 1024 * 1024
"""What a flood may take beside the limit itself."""
MEGABYTE = 1_000_000


def endless(begin: bytes, piece: bytes, size: int = 300 * MEGABYTE):
    """Return an opening, and pieces of about a megabyte, `size` bytes in all."""
    many = piece * max(1, MEGABYTE // len(piece))
    return begin, many, size // len(many)


PUBSUB = b"<message from='pubsub.finesse.test'><event xmlns='e'><items node='n'><item id='1'>"
FLOODS = {
    "300 MB of text": endless(PUBSUB + b"<notification>", b"A"),
    "300 MB of escaped text": endless(PUBSUB + b"<notification>", b"&lt;"),
    "300 MB of CDATA": endless(PUBSUB + b"<notification><![CDATA[", b"<a>"),
    "300 MB in a comment": endless(b"<message><!--", b"A"),
    "300 MB in an instruction": endless(b"<message><?x ", b"A"),
    "300 MB in an attribute": endless(b"<message a='", b"A"),
    "300 MB in a name": endless(b"<", b"A"),
    "a million levels": endless(b"<message>", b"<a>", 3 * MEGABYTE),
    "a million levels, all different": (
        b"<message>",
        b"".join(b"<a%d>" % number for number in range(150_000)),
        7,
    ),
    "2 million children": endless(b"<message>", b"<a/>", 8 * MEGABYTE),
    "2 million children with text": endless(b"<message>", b"<a>xy</a>z", 20 * MEGABYTE),
    "children with attributes": endless(b"<message>", b"<a b='c'/>", 8 * MEGABYTE),
    "a hundred thousand attributes": (
        b"<message ",
        b"".join(b"a%d='' " % number for number in range(100_000)),
        3,
    ),
    "a hundred thousand namespaces": (
        b"<message ",
        b"".join(b"xmlns:a%d='u%d' " % (number, number) for number in range(100_000)),
        3,
    ),
    "nothing but blanks between stanzas": endless(b"", b" \n"),
}


async def flood(stream: Stream, begin: bytes, piece: bytes, times: int) -> int:
    """Write it until all is written or the other side is gone; return how much was."""
    stream.send(begin)
    sent = 0
    with suppress(ConnectionError):
        for _ in range(times):
            stream.send(piece)
            await stream.writer.drain()
            sent += len(piece)
    return sent


async def test_floods_end_one_session_alone_and_take_no_memory():
    """P14, X2: slixmpp alone would hold all of it, and a tree of it a hundred times over."""
    async with running() as server:
        side = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.fault.hostile_side", str(server.port)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        pings = 0
        try:
            for name, (begin, piece, times) in FLOODS.items():
                assert json.loads(await side.stdout.readline()) == {"ready": True}
                sent = await flood(server.bound[-1], begin, piece, times)
                told = json.loads(await side.stdout.readline())
                assert told["cause"] == Cause.STANZA_TOO_BIG, (name, told)
                assert told["grown"] < AFTER_LOGIN + ROOM, (name, told)
                assert sent < len(piece) * times or times < 10, name
                assert told["neighbour"], name
                pings += told["during"]
                side.stdin.write(b"again\n")
            assert json.loads(await side.stdout.readline()) == {"ready": True}
            assert pings > 0, "the neighbour was answered while others were flooded"
        finally:
            side.stdin.close()
            assert await side.wait() == 0


@pytest.mark.parametrize("name", ["300 MB of text", "a million levels", "2 million children"])
async def test_before_the_login_a_flood_ends_at_sixteen_kibibytes(name):
    begin, piece, _ = FLOODS[name]
    sent = 0

    async def greet(stream: Stream) -> None:
        nonlocal sent
        await stream.reader.read(65536)
        stream.send(HEADER)
        sent = await flood(stream, begin, piece[:4092], 10_000)

    async with running() as server:
        server.greet = greet
        with pytest.raises(NotFinesse, match="16384"):
            await session_to(server).open()
        assert sent < 4092 * 10_000
