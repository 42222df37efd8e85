"""Answers that are cut, endless, garbled or slow: in doubt, in time and in bounded memory."""

from __future__ import annotations

import asyncio
import gc
import weakref

import pytest

from listener.rest import AnswerKind, RestLimits
from tests.shell.rest_server import HANG, Seen, asking, http, put, serving
from tests.shell.stage import until

CHUNKED = b"HTTP/1.1 202 \r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    "told",
    [
        b"HTT",
        b"HTTP/1.1 202",
        b"HTTP/1.1 202 \r\nDate: x\r\n",
        b"HTTP/1.1 2x2 \r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"\0\0\0\0\r\n\r\n",
        b"HTTP/1.1 202 \r\nno colon\r\n\r\n",
        b"HTTP/1.1 202 \r\nContent-Length: x\r\n\r\n",
    ],
)
async def test_half_or_garbled_head_is_in_doubt(told: bytes):
    async with serving(told, close=True) as server, asking(server.url) as rest:
        answer = await put(rest)
    assert (answer.kind, answer.status) == (AnswerKind.DOUBTFUL, None)
    assert server.url in answer.detail
    assert len(server.seen) == 1


@pytest.mark.parametrize(
    "told",
    [
        b"HTTP/1.1 202 \r\nContent-Length: 100\r\n\r\nabc",
        b"HTTP/1.1 400 \r\nContent-Length: 100\r\n\r\n<ApiErrors>",
        CHUNKED + b"5\r\nab",
        CHUNKED + b"zz\r\nabc\r\n",
        CHUNKED + b"3\r\nabcdef\r\n0\r\n\r\n",
        CHUNKED + b"-1\r\n\r\n",
    ],
)
async def test_answer_whose_body_is_cut_or_garbled_is_in_doubt(told: bytes):
    async with serving(told, close=True) as server, asking(server.url) as rest:
        answer = await put(rest)
    assert answer.kind is AnswerKind.DOUBTFUL
    assert answer.status in {202, 400}
    assert answer.body == b""
    assert answer.detail


async def test_snapshot_cut_in_the_middle_shows_nothing():
    told = b"HTTP/1.1 200 \r\nContent-Length: 100\r\n\r\n<Dialog><id>1</id></Dialog>"
    async with serving(told, close=True) as server, asking(server.url) as rest:
        shown = await rest.dialog("1001", "1")
    assert (shown.found, shown.absent, shown.update) == (False, False, None)
    assert shown.detail


async def test_body_is_read_up_to_its_bound_and_not_beyond():
    limits = RestLimits(max_body=1000)
    told = (http(202, b"x" * 1000), http(202, b"x" * 1001), http(202))
    async with serving(*told) as server, asking(server.url, limits=limits) as rest:
        fits, over, after = await put(rest), await put(rest), await put(rest)
    assert (fits.kind, len(fits.body)) == (AnswerKind.ACCEPTED, 1000)
    assert (over.kind, over.body) == (AnswerKind.DOUBTFUL, b"")
    assert "1000 bytes" in over.detail
    assert after.kind is AnswerKind.ACCEPTED


async def test_endless_body_is_left_after_one_mebibyte():
    sent = 0
    gone = asyncio.Event()

    async def endless(seen: Seen, writer: asyncio.StreamWriter) -> bool:
        nonlocal sent
        writer.write(CHUNKED)
        try:
            while True:
                writer.write(b"10000\r\n" + b"x" * 65536 + b"\r\n")
                await writer.drain()
                sent += 65536
        except ConnectionError:
            gone.set()
        return False

    async with serving(endless) as server, asking(server.url) as rest:
        answer = await put(rest)
        await gone.wait()
    assert answer.kind is AnswerKind.DOUBTFUL
    assert sent < 64 * 1024 * 1024


async def test_endless_head_is_bounded():
    async def endless(seen: Seen, writer: asyncio.StreamWriter) -> bool:
        writer.write(b"HTTP/1.1 202 \r\n")
        try:
            while True:
                writer.write(b"X-Filler: " + b"x" * 4096 + b"\r\n")
                await writer.drain()
        except ConnectionError:
            return False

    async with serving(endless) as server, asking(server.url) as rest:
        answer = await put(rest)
    assert (answer.kind, answer.status) == (AnswerKind.DOUBTFUL, None)


async def test_silent_server_is_left_after_the_time_for_an_answer():
    async with serving(HANG) as server, asking(server.url, answer=0.05) as rest:
        answer = await put(rest)
    assert (answer.kind, answer.status) == (AnswerKind.DOUBTFUL, None)
    assert "in time" in answer.detail
    assert len(server.seen) == 1


@pytest.mark.parametrize("start", [b"HTTP/1.1 202 \r\n", CHUNKED])
async def test_answer_that_drips_does_not_stretch_its_time(start: bytes):
    async def drip(seen: Seen, writer: asyncio.StreamWriter) -> bool:
        writer.write(start)
        piece = b"1\r\nx\r\n" if start is CHUNKED else b"X: y\r\n"
        try:
            while True:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0.01)
        except ConnectionError:
            return False

    async with serving(drip) as server, asking(server.url, answer=0.2) as rest:
        answer = await put(rest)
    assert answer.kind is AnswerKind.DOUBTFUL
    assert "in time" in answer.detail


async def test_total_time_bounds_the_answer_too():
    async with serving(HANG) as server, asking(server.url, total=0.05) as rest:
        answer = await put(rest)
    assert answer.kind is AnswerKind.DOUBTFUL


async def test_closing_while_an_answer_is_awaited_ends_in_doubt():
    async with serving(HANG) as server, asking(server.url) as rest:
        waiting = asyncio.create_task(put(rest))
        await server.arrived.wait()
        await rest.aclose()
        answer = await waiting
    assert answer.kind is AnswerKind.DOUBTFUL


@pytest.mark.parametrize("told", [HANG, b"HTTP/1.1 200 \r\nContent-Length: 100\r\n\r\nabc"])
async def test_a_question_that_is_given_up_is_gone_without_the_collector(told: object):
    async with serving(told) as server, asking(server.url) as rest:
        asked = asyncio.create_task(rest.dialogs("1001"))
        await server.arrived.wait()
        await asyncio.sleep(0)
        gc.collect()
        gc.disable()
        try:
            asked.cancel()
            await asyncio.gather(asked, return_exceptions=True)
            gone = weakref.ref(asked)
            del asked
            await until(lambda: gone() is None)
        finally:
            gc.enable()
