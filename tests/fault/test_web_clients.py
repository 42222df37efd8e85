"""Clients that are slow, rude, broken or too many; next to each of them another one is served."""

from __future__ import annotations

import asyncio
import gc
from contextlib import suppress

import pytest

from tests.shell.stage import no_tasks_left, until
from tests.shell.web_stage import PATIENT, limits, stage

GET = b"GET /ok HTTP/1.1\r\nHost: localhost\r\n\r\n"


def post(path: str, *headers: str, body: bytes = b"") -> bytes:
    lines = [f"POST /{path} HTTP/1.1", "Host: localhost", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


# ---------------------------------------------------------------- slow to ask


async def test_a_connection_that_says_nothing_is_closed_without_a_word():
    async with stage(limits(header_seconds=0.5)) as on, on.neighbour():
        client = await on.client()

        assert await client.ended()
        await until(lambda: on.server.connections == 1)


async def test_half_a_header_is_closed():
    async with stage(limits(header_seconds=0.5, stalled_seconds=0.5)) as on, on.neighbour():
        client = await on.client()
        await client.send(GET[:20])

        assert (await client.response()).problem == "too_slow"
        assert await client.ended()
        await until(lambda: on.server.connections == 1)


async def drip(client, data: bytes, pause: float = 0.02) -> None:
    for byte in data:
        await client.send(bytes([byte]))
        await asyncio.sleep(pause)


async def test_a_header_that_drips_is_closed_although_it_goes_on():
    async with stage(limits(header_seconds=0.5)) as on, on.neighbour():
        client = await on.client()
        dripping = asyncio.create_task(drip(client, GET[:-2] + b"X: " + b"x" * 5000))
        try:
            assert (await client.response()).status == 408
            assert await client.ended()
        finally:
            dripping.cancel()
            await asyncio.gather(dripping, return_exceptions=True)
        assert [scope["path"] for scope in on.app.scopes if scope["path"] != "/ok"] == []


async def test_the_header_of_a_further_request_has_its_own_time():
    async with stage(limits(header_seconds=0.5)) as on, on.neighbour():
        client = await on.client()
        assert (await client.ask()).status == 200
        await asyncio.sleep(1)  # between requests nothing runs out
        assert (await client.ask()).status == 200
        await client.send(GET[:-1])

        assert (await client.response()).status == 408
        assert await client.ended()


async def test_a_header_that_is_begun_behind_another_request_has_its_time_too():
    async with stage(limits(header_seconds=0.5)) as on:
        client = await on.client()
        await client.send(GET + GET[:-1])

        assert (await client.response()).status == 200
        assert (await client.response()).status == 408
        assert await client.ended()


async def test_a_connection_that_asks_no_more_is_closed():
    async with stage(limits(idle_seconds=0.3)) as on:
        client = await on.client()
        assert (await client.ask()).status == 200

        assert await client.ended()


async def test_a_connection_idle_after_an_early_answer_is_closed():
    async with stage(limits(idle_seconds=0.3)) as on:
        client = await on.client()
        await client.send(post("early", "Content-Length: 4"))
        assert (await client.response()).status == 401
        await client.send(b"body")

        assert await client.ended()


async def test_a_body_that_does_not_come_is_answered_and_closed():
    async with stage(limits(body_seconds=0.5)) as on, on.neighbour():
        client = await on.client()
        await client.send(post("echo", "Content-Length: 10", body=b"half"))

        answer = await client.response()
        assert answer.status == 408
        assert answer.problem == "too_slow"
        assert answer.json["retryable"]
        assert answer.headers["connection"] == "close"
        assert await client.ended()
        await until(lambda: on.app.gone == ["/echo"])


async def test_a_body_that_drips_is_closed_although_it_goes_on():
    async with stage(limits(body_seconds=0.5)) as on, on.neighbour():
        client = await on.client()
        await client.send(post("echo", "Transfer-Encoding: chunked"))
        dripping = asyncio.create_task(drip(client, b"1\r\nx\r\n" * 500))
        try:
            assert (await client.response()).status == 408
            assert await client.ended()
        finally:
            dripping.cancel()
            await asyncio.gather(dripping, return_exceptions=True)


async def test_a_late_body_behind_an_early_answer_is_closed_without_a_second_answer():
    async with stage(limits(body_seconds=0.5)) as on, on.neighbour():
        client = await on.client()
        await client.send(post("early", "Content-Length: 10", body=b"half"))
        assert (await client.response()).status == 401

        assert await client.ended()


async def test_each_body_has_its_own_time():
    async with stage(limits(body_seconds=3.0)) as on:
        client = await on.client()
        for _ in range(2):
            await client.send(post("early", "Content-Length: 4", body=b"bo"))
            assert (await client.response()).status == 401
            await asyncio.sleep(1.6)
            await client.send(b"dy")

        assert (await client.ask()).status == 200


# ---------------------------------------------------------------- too much


async def test_a_body_that_says_it_is_too_big_is_refused_before_it_comes():
    async with stage() as on, on.neighbour():
        client = await on.client()
        await client.send(post("echo", "Content-Length: 10001", "Expect: 100-continue"))

        answer = await client.response()
        assert (answer.status, answer.problem) == (413, "body_too_big")
        assert await client.ended()
        assert "/echo" not in [scope["path"] for scope in on.app.scopes]


async def test_a_body_of_the_limit_is_taken():
    async with stage() as on:
        client = await on.client()
        await client.send(post("echo", "Content-Length: 10000", body=b"x" * 10000))
        assert (await client.response()).raw == b"10000"
        await client.send(post("echo", "Transfer-Encoding: chunked"))
        await client.send(b"2710\r\n" + b"x" * 10000 + b"\r\n0\r\n\r\n")

        assert (await client.response()).raw == b"10000"


async def test_a_chunked_body_is_refused_when_it_passes_the_limit():
    async with stage() as on, on.neighbour():
        client = await on.client()
        await client.send(post("echo", "Transfer-Encoding: chunked"))
        for _ in range(11):
            await client.send(b"3e8\r\n" + b"x" * 1000 + b"\r\n")

        assert (await client.response()).status == 413
        assert await client.ended()
        await until(lambda: on.app.gone == ["/echo"])
        assert on.app.bodies == []


async def test_who_is_still_sending_reads_the_refusal():
    async with stage() as on, on.neighbour():
        client = await on.client()
        await client.send(post("echo", "Content-Length: 50000000"))
        sending = asyncio.create_task(client.send(b"x" * 5_000_000))

        assert (await client.response()).status == 413
        assert await client.ended()
        assert on.server.connections == 2  # it is still read from, or the answer could be lost
        await asyncio.gather(sending, return_exceptions=True)


async def test_who_is_still_sending_reads_an_early_last_answer():
    async with stage(limits(body_bytes=10_000_000)) as on, on.neighbour():
        client = await on.client()
        await client.send(post("early", "Connection: close", "Content-Length: 8000000"))
        sending = asyncio.create_task(client.send(b"x" * 5_000_000))

        assert (await client.response()).status == 401
        assert await client.ended()
        await asyncio.gather(sending, return_exceptions=True)


async def test_a_body_that_goes_wrong_under_a_begun_answer_cuts_it():
    async with stage() as on, on.neighbour():
        client = await on.client()
        await client.send(post("begun", "Transfer-Encoding: chunked"))
        await client.reader.readuntil(b"begun")
        await client.send(b"no chunk\r\n")

        assert b"HTTP" not in await client.rest()
        await until(lambda: on.app.gone == ["/begun"])


async def test_who_never_stops_sending_after_a_refusal_is_cut():
    async with stage(limits(stalled_seconds=0.5)) as on, on.neighbour():
        client = await on.client()
        await client.send(post("echo", "Content-Length: 50000000"))

        async def send_on() -> None:
            while True:
                await client.send(b"x" * 100_000)

        with pytest.raises(ConnectionError):
            await asyncio.wait_for(send_on(), PATIENT)


@pytest.mark.parametrize("terminated", [True, False])
async def test_a_header_over_32_kib_is_refused(terminated):
    async with stage() as on, on.neighbour():
        client = await on.client()
        await client.send(GET[:-2] + b"X: " + b"x" * 40_000 + b"\r\n\r\n"[: 4 * terminated])

        assert (await client.response()).status == 431
        assert await client.ended()


async def test_too_many_connections_are_told_so_and_closed():
    async with stage() as on, on.neighbour():
        idle = [await on.client() for _ in range(19)]
        await until(lambda: on.server.connections == 20)
        refused = await on.client()
        await refused.send(GET)

        answer = await refused.response()
        assert (answer.status, answer.problem) == (503, "too_many_connections")
        assert answer.headers["retry-after"] == "1"
        assert await refused.ended()
        assert on.server.connections == 20
        await idle[0].close()
        await until(lambda: on.server.connections == 19)
        assert (await (await on.client()).ask()).status == 200


async def test_a_thousand_connections_over_the_limit_harm_nobody():
    async with stage() as on, on.neighbour():
        idle = [await on.client() for _ in range(19)]
        flood = [await on.client() for _ in range(1000)]
        ends = await asyncio.gather(*(client.rest() for client in flood))

        await until(lambda: on.server.connections == 20)
        assert all(end == b"" or end.startswith(b"HTTP/1.1 503 ") for end in ends)
        assert any(ends)
        for client in idle:
            assert (await client.ask()).status == 200


async def test_event_readers_are_counted_apart():
    async with stage(limits(connections=2)) as on:
        readers = []
        for number in range(1, 4):
            readers.append(reader := await on.client())
            await reader.send(GET.replace(b"/ok", b"/events"))
            await until(lambda number=number: on.server.event_readers == number)
        assert on.server.connections == 0
        one = await on.client()
        assert (await one.ask("/events")).status == 503
        assert (await one.ask()).status == 200
        assert (await (await on.client()).ask()).status == 200

        await readers[0].close()
        await until(lambda: on.server.event_readers == 2)
        await one.send(GET.replace(b"/ok", b"/events"))
        await until(lambda: on.server.event_readers == 3)
        on.app.release.set()
        for reader in readers[1:]:
            assert (await reader.rest()).endswith(b"0\r\n\r\n")  # and its connection is closed
        await until(lambda: on.server.event_readers == 0)


# ---------------------------------------------------------------- slow to read


async def unread(client) -> None:
    """Ask for an answer without an end, and read nothing."""
    await client.send(b"GET /endless?events HTTP/1.1\r\nHost: localhost\r\n\r\n")


async def test_a_reader_that_does_not_read_is_cut_and_its_connection_freed():
    async with stage(limits(stalled_seconds=0.5)) as on, on.neighbour():
        client = await on.lazy()
        await unread(client)
        await until(lambda: on.server.event_readers == 1)

        await until(lambda: on.app.gone == ["/endless"])
        await until(lambda: on.server.event_readers == 0)
        assert on.app.sent < 4_000_000


async def test_a_reader_of_one_byte_at_a_time_is_cut_and_fast_ones_are_not():
    async with stage(limits(stalled_seconds=1.0)) as on, on.neighbour():
        little = on.little()
        slow, fast = await on.over(little), await on.client()
        await unread(slow)
        await unread(fast)
        await until(lambda: on.server.event_readers == 2)

        async def sip() -> None:
            while True:
                await asyncio.sleep(0.01)
                with suppress(BlockingIOError):
                    little.recv(1)

        async def gulp() -> None:
            while await fast.reader.read(1 << 20):
                pass

        tasks = [asyncio.create_task(sip()), asyncio.create_task(gulp())]
        await until(lambda: on.server.event_readers == 1)
        before = on.app.sent
        await until(lambda: on.app.sent > before + 10_000_000)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert on.app.gone == ["/endless"]


async def test_an_answer_that_is_read_slowly_is_not_cut_while_it_goes_on():
    async with stage(limits(stalled_seconds=3.0)) as on:
        client = await on.lazy()
        await client.send(
            b"GET /big?1000000 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        )
        client.writer.transport.resume_reading()
        got = 0
        while data := await client.reader.read(20_000):
            got += len(data)
            await asyncio.sleep(0.07)  # the pace is what is meant: longer than that altogether

        assert got > 1_000_000


async def test_a_closed_connection_whose_last_answer_is_not_read_is_cut():
    async with stage(limits(stalled_seconds=0.5)) as on, on.neighbour():
        client = await on.lazy()
        await client.send(
            b"GET /big?2000000 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        )
        await until(lambda: on.app.scopes[-1]["path"] == "/big" or on.server.connections == 2)

        await until(lambda: on.server.connections == 1)


async def test_pipelined_requests_whose_answers_are_not_read_are_cut():
    async with stage(limits(stalled_seconds=0.5)) as on, on.neighbour():
        client = await on.lazy()
        await client.send(GET.replace(b"/ok", b"/big?50000") * 100)

        await until(lambda: on.server.connections == 1)


# ---------------------------------------------------------------- going away


async def test_a_client_that_goes_away_while_waiting_is_noticed_at_once():
    async with stage() as on, on.neighbour():
        client = await on.client()
        await client.send(GET.replace(b"/ok", b"/wait"))
        await until(lambda: any(scope["path"] == "/wait" for scope in on.app.scopes))
        client.reset()

        await until(lambda: on.app.gone == ["/wait"])
        await until(lambda: on.server.connections == 1)


async def test_a_client_gone_from_a_unix_socket_is_noticed_at_once(tmp_path):
    async with stage(folder=tmp_path) as on, on.neighbour():
        client = await on.client(unix=True)
        await client.send(GET.replace(b"/ok", b"/wait"))
        await until(lambda: any(scope["path"] == "/wait" for scope in on.app.scopes))
        client.writer.close()

        await until(lambda: on.app.gone == ["/wait"])
        await until(lambda: on.server.connections == 1)


async def test_a_client_that_closed_while_waiting_is_let_go():
    async with stage(limits(stalled_seconds=0.5)) as on, on.neighbour():
        client = await on.client()
        await client.send(GET.replace(b"/ok", b"/wait"))
        await until(lambda: any(scope["path"] == "/wait" for scope in on.app.scopes))
        client.writer.close()
        await client.writer.wait_closed()

        await until(lambda: on.app.gone == ["/wait"])
        await until(lambda: on.server.connections == 1)


@pytest.mark.parametrize("unix", [True, False])
async def test_a_client_that_only_stopped_sending_has_its_answer(tmp_path, unix):
    async with stage(folder=tmp_path) as on:
        client = await on.client(unix=unix)
        client.writer.write(GET.replace(b"/ok", b"/wait"))
        client.writer.write_eof()
        await until(lambda: on.app.running == 1)
        on.app.release.set()

        assert (await client.response()).raw == b"waited"
        assert await client.ended()


@pytest.mark.parametrize(
    "begun",
    [b"", GET[:10], post("echo", "Content-Length: 9", body=b"half")],
    ids=["nothing", "half a header", "half a body"],
)
async def test_a_client_that_stops_in_the_middle_is_closed(begun):
    async with stage() as on, on.neighbour():
        client = await on.client()
        client.writer.write(begun)
        client.writer.write_eof()

        assert await client.ended()
        await until(lambda: on.server.connections == 1)


async def test_a_client_gone_in_the_middle_of_an_answer_ends_it():
    async with stage() as on, on.neighbour():
        client = await on.client()
        await unread(client)
        await client.reader.readexactly(100_000)
        await client.close()

        await until(lambda: on.app.gone == ["/endless"])
        await until(lambda: on.server.event_readers == 0)


# ---------------------------------------------------------------- broken


REFUSED = {
    "no http": (b"hello\r\n\r\n", 400),
    "tls to a plain port": (b"\x16\x03\x01\x02\x00\x01", 400),
    "bare LF": (b"GET /ok HTTP/1.1\nHost: localhost\n\n", 400),
    "bare LF after a field": (b"GET /ok HTTP/1.1\r\nHost: localhost\nX: y\r\n\r\n", 400),
    "bare CR": (b"GET /ok HTTP/1.1\r\nHost: localhost\rX: y\r\n\r\n", 400),
    "NUL in a field": (b"GET /ok HTTP/1.1\r\nHost: localhost\r\nX: a\0b\r\n\r\n", 400),
    "folded field": (b"GET /ok HTTP/1.1\r\nHost: localhost\r\nX: a\r\n b\r\n\r\n", 400),
    "space before the colon": (b"GET /ok HTTP/1.1\r\nHost : localhost\r\n\r\n", 400),
    "no host": (b"GET /ok HTTP/1.1\r\n\r\n", 400),
    "two hosts": (b"GET /ok HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n", 400),
    "two equal lengths": (
        post("echo", "Content-Length: 4", "Content-Length: 4", body=b"body"),
        400,
    ),
    "two lengths": (post("echo", "Content-Length: 4", "content-length: 5", body=b"body"), 400),
    "lengths in a list": (post("echo", "Content-Length: 4, 4", body=b"body"), 400),
    "length and coding": (
        post("echo", "Content-Length: 4", "Transfer-Encoding: chunked", body=b"0\r\n\r\n"),
        400,
    ),
    "signed length": (post("echo", "Content-Length: +4", body=b"body"), 400),
    "length that is no number": (post("echo", "Content-Length: four", body=b"body"), 400),
    "length without an end": (post("echo", "Content-Length: " + "9" * 5000), 413),
    "other coding": (post("echo", "Transfer-Encoding: gzip, chunked"), 501),
    "hidden coding": (post("echo", "Transfer-Encoding: xchunked"), 501),
    "coding twice": (post("echo", "Transfer-Encoding: chunked", "Transfer-Encoding: chunked"), 400),
    "coding in HTTP/1.0": (
        b"POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        400,
    ),
    "bad chunk": (post("echo", "Transfer-Encoding: chunked", body=b"zz\r\n"), 400),
    "bad end of a chunk": (post("echo", "Transfer-Encoding: chunked", body=b"1\r\nxyz\r\n"), 400),
    "bare LF in a trailer": (
        post("echo", "Transfer-Encoding: chunked", body=b"0\r\nX: y\n\r\n"),
        400,
    ),
    "bare LF as the end": (post("echo", "Transfer-Encoding: chunked", body=b"0\r\n\n"), 400),
    "another version": (b"GET /ok HTTP/2.0\r\nHost: localhost\r\n\r\n", 505),
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    "connect": (b"CONNECT localhost:80 HTTP/1.1\r\nHost: localhost\r\n\r\n", 501),
    "absolute target": (b"GET http://localhost/ok HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    "no path": (b"OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    "too many fields": (b"GET /ok HTTP/1.1\r\nHost: l\r\n" + b"a: b\r\n" * 200 + b"\r\n", 431),
}


@pytest.mark.parametrize(("data", "status"), REFUSED.values(), ids=REFUSED)
async def test_what_two_readers_could_read_in_two_ways_is_refused(data, status):
    async with stage() as on, on.neighbour():
        for pieces in ([data], [bytes([byte]) for byte in data]):
            client = await on.client()
            for piece in pieces[:300]:
                await client.send(piece)
                await asyncio.sleep(0)
            for piece in pieces[300:]:
                client.writer.write(piece)

            answer = await client.response()
            assert answer.status == status
            assert answer.problem
            assert answer.headers["connection"] == "close"
            assert await client.ended()
        assert on.app.bodies == []


async def test_a_refusal_never_repeats_what_was_sent():
    async with stage() as on:
        client = await on.client()
        await client.send(b"GET /ok HTTP/1.1\r\nHost: a\r\nAuthorization : Bearer sesame\r\n\r\n")

        assert b"sesame" not in await client.rest()


async def test_a_smuggled_second_request_is_never_run():
    async with stage() as on:
        client = await on.client()
        inner = b"GET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n"
        await client.send(
            post("echo", f"Content-Length: {len(inner) + 5}", "Transfer-Encoding: chunked")
            + b"0\r\n\r\n"
            + inner
        )

        assert (await client.response()).status == 400
        assert await client.ended()
        assert on.app.scopes == []


async def test_a_broken_request_behind_a_good_one_is_refused_after_its_answer():
    async with stage() as on:
        client = await on.client()
        await client.send(GET + GET.replace(b"\r\n", b"\n"))

        assert (await client.response()).status == 200
        assert (await client.response()).status == 400
        assert await client.ended()


# ---------------------------------------------------------------- nothing is left


async def test_a_thousand_bad_clients_leave_nothing_behind():
    with no_tasks_left():
        async with stage(
            limits(
                header_seconds=0.5,
                body_seconds=0.5,
                stalled_seconds=0.5,
                idle_seconds=0.5,
                connections=100,
            )
        ) as on:
            for data in list(REFUSED.values()) * 10:
                client = await on.client()
                client.writer.write(data[0])
                if len(on.clients) % 3 == 0:
                    await client.close()
            await asyncio.gather(*(client.rest() for client in on.clients))
            await until(lambda: on.server.connections == 0)
            assert (await (await on.client()).ask()).status == 200
    gc.collect()
