"""What is counted of answers, and of connections that were refused or ended; each once."""

from __future__ import annotations

import asyncio
import ssl
from collections import Counter
from contextlib import asynccontextmanager

import pytest

from listener.web.counting import Counting
from tests.shell.stage import authority, until
from tests.shell.web_stage import limits, stage

GET = b"GET /ok HTTP/1.1\r\nHost: localhost\r\n\r\n"
POST = b"POST /echo HTTP/1.1\r\nHost: localhost\r\n"


@asynccontextmanager
async def counted(how=None, **more):
    """Serve, and count answers by status and refusals by reason."""
    answers, refused = Counter(), Counter()

    def answered(scope, start):
        answers[scope["path"], start["status"]] += 1

    def ended(reason):
        refused[reason] += 1

    async with stage(how or limits(), counting=Counting(answered, ended), **more) as on:
        yield on, answers, refused


@pytest.mark.parametrize(
    ("sent", "changes", "reason"),
    [
        (b"", {"header_seconds": 0.3}, "header_time"),
        (GET[:-1], {"header_seconds": 0.3}, "header_time"),
        (POST + b"Content-Length: 9\r\n\r\nhalf", {"body_seconds": 0.3}, "body_time"),
        (POST + b"Content-Length: 99999\r\n\r\n", {}, "body_too_big"),
        (GET[:-2] + b"X: " + b"x" * 40_000 + b"\r\n\r\n", {}, "header_too_big"),
        (GET[:-2] + b"Content-Length: 1\r\nContent-Length: 1\r\n\r\n", {}, "malformed_request"),
        (b"CONNECT x HTTP/1.1\r\nHost: x\r\n\r\n", {}, "not_supported"),
        (b"GET /ok HTTP/2.0\r\nHost: x\r\n\r\n", {}, "http_version"),
    ],
)
async def test_a_connection_is_counted_by_what_it_was_ended_for(sent, changes, reason):
    async with counted(limits(**changes)) as (on, answers, refused):
        client = await on.client()
        await client.send(sent)
        await client.rest()

        assert refused == {reason: 1}
        assert not answers


async def test_one_that_goes_in_peace_is_not_counted_and_its_answers_are():
    async with counted(limits(idle_seconds=0.2)) as (on, answers, refused):
        client = await on.client()
        assert (await client.ask()).status == 200
        assert (await client.ask()).status == 200
        await client.rest()

        assert answers == {("/ok", 200): 2}
        assert not refused


async def test_a_fault_of_the_application_is_an_answer_too():
    async def broken(_scope, _receive, _send):
        raise RuntimeError("a fault")

    async with counted(app=broken) as (on, answers, refused):
        assert (await (await on.client()).ask()).status == 500

        assert answers == {("/ok", 500): 1}
        assert not refused


async def test_each_connection_too_many_is_counted_told_or_not():
    async with counted(limits(connections=1)) as (on, _, refused):
        await on.client()
        await until(lambda: on.server.connections == 1)
        more = [await on.client() for _ in range(100)]
        await asyncio.gather(*(client.rest() for client in more))

        assert refused == {"too_many_connections": 100}


async def test_event_readers_too_many_and_those_that_do_not_read_are_counted():
    async with counted(limits(event_readers=1, stalled_seconds=0.3)) as (on, _, refused):
        lazy = await on.lazy()
        await lazy.send(b"GET /endless?events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await until(lambda: on.server.event_readers == 1)
        assert (await (await on.client()).ask("/events")).status == 503
        assert refused == {"event_readers": 1}

        await until(lambda: on.server.event_readers == 0)
        assert refused == {"event_readers": 1, "unread": 1}


async def test_a_handshake_that_fails_is_counted():
    tls: ssl.SSLContext = authority().server_context("localhost", "127.0.0.1")
    async with counted(tls=tls) as (on, _, refused):
        reader, writer = await asyncio.open_connection("127.0.0.1", on.port)
        writer.write(GET)  # plain, where TLS is spoken
        await reader.read()
        writer.close()

        await until(lambda: refused == {"handshake": 1})
