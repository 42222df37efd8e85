"""The checks in front of an application, over real sockets and with a real file of tokens."""

from __future__ import annotations

import os

import pytest

from listener.web.gatekeeping import Guarded
from listener.web.tokens import Tokens
from tests.shell.web_stage import App, answer, stage

SECRET = "correct-horse-battery"
BEARER = f"Authorization: Bearer {SECRET}\r\n"


@pytest.fixture
def guarded(tmp_path):
    path = tmp_path / "tokens.toml"
    path.write_text(f'[[tokens]]\nname = "crm"\nscopes = ["read"]\ntoken = "{SECRET}"\n')
    path.chmod(0o600)
    tokens = Tokens.load(path)

    async def app(scope, receive, send):
        if scope["path"] == "/echo":
            await App().echo(scope, receive, send)
            return
        caller = scope["listener.caller"]
        await answer(send, (caller.name if caller else "nobody").encode())

    return Guarded(app, tokens=lambda: tokens)


async def test_over_tcp_a_token_is_the_caller(tmp_path, guarded):
    async with stage(app=guarded) as on:
        client = await on.client()

        assert (await client.ask(more=BEARER)).raw == b"crm"
        assert (await client.ask()).status == 401
        assert (await client.ask("/livez")).raw == b"nobody"
        assert (await client.ask(more=BEARER)).raw == b"crm"  # a refusal does not end a connection


async def test_at_the_unix_socket_the_peer_is_the_caller(tmp_path, guarded):
    async with stage(folder=tmp_path, app=guarded) as on:
        client = await on.client(unix=True)

        assert (await client.ask()).raw == f"uid:{os.getuid()}".encode()
        assert (await client.ask(more=BEARER)).raw == b"crm"
        assert (await client.ask(more="Authorization: Bearer wrong\r\n")).status == 401


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example:80", "0.0.0.0"])
async def test_a_rebound_name_is_refused(guarded, host):
    async with stage(app=guarded) as on:
        client = await on.client()
        for path in ("/v1/requests", "/livez"):
            await client.send(f"GET {path} HTTP/1.1\r\nHost: {host}\r\n{BEARER}\r\n".encode())

            assert (await client.response()).problem == "host_refused"


async def test_another_pages_browser_is_refused(guarded):
    async with stage(app=guarded) as on:
        client = await on.client()

        for header in ("Origin: http://evil.example", "Origin: null", "Sec-Fetch-Site: cross-site"):
            assert (await client.ask(more=f"{BEARER}{header}\r\n")).problem == "origin_refused"
        own = f"Origin: http://localhost:{on.port}\r\n"
        await client.send(
            f"GET / HTTP/1.1\r\nHost: localhost:{on.port}\r\n{own}{BEARER}\r\n".encode()
        )
        assert (await client.response()).raw == b"crm"


async def test_a_refused_callers_body_is_not_taken_for_its_next_request(guarded):
    async with stage(app=guarded) as on:
        client = await on.client()
        inner = f"GET / HTTP/1.1\r\nHost: localhost\r\n{BEARER}\r\n"
        await client.send(
            f"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(inner)}\r\n\r\n{inner}"
            "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
        )

        assert (await client.response()).status == 401
        assert (await client.response()).raw == b"nobody"


async def test_four_megabytes_of_a_refused_callers_body_are_not_kept(guarded):
    async with stage(app=guarded) as on, stage() as other, other.neighbour():
        client = await on.client()
        await client.send(b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
        assert (await client.response()).status == 403
        for _ in range(64):
            client.writer.write(b"10000\r\n" + b"x" * 65536 + b"\r\n")

        assert await client.ended()
