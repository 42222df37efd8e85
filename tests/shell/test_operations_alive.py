"""The health check of a container: it asks the daemon, ready or not, and says what is wrong."""

from __future__ import annotations

import asyncio
import socket as sockets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from listener.operations import alive

READY = b'{"ready": true, "reasons": []}'
WAITING = b'{"ready": false, "reasons": ["none of 3 sessions is up"]}'


@asynccontextmanager
async def daemon(socket: Path, status: int, body: bytes) -> AsyncIterator[list[bytes]]:
    """Answer every request at a Unix socket with that status and body; yields what was asked."""
    asked: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append((await reader.readuntil(b"\r\n\r\n")).splitlines()[0])
        head = f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\n"
        writer.write(f"{head}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode())
        writer.write(body)
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_unix_server(answer, socket)
    async with server:
        yield asked


@pytest.fixture
def socket(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("s") / "api.sock"


@pytest.mark.parametrize(("status", "body"), [(200, READY), (503, WAITING)])
async def test_a_daemon_that_answers_is_alive_whether_ready_or_not(socket, status, body):
    async with daemon(socket, status, body) as asked:
        assert await alive.ask(socket) is None

    assert asked == [b"GET /readyz HTTP/1.1"]


async def test_a_daemon_that_says_nothing_is_not(socket, monkeypatch):
    monkeypatch.setattr(alive, "WITHIN", 0.05)
    with sockets.socket(sockets.AF_UNIX) as silent:
        silent.bind(str(socket))
        silent.listen()
        assert await alive.ask(socket) == f"{socket}: no answer in 0.05 s"


async def test_the_command_asks_where_it_is_told_or_where_the_environment_says(socket):
    environ = {"RUNTIME_DIRECTORY": str(socket.parent)}
    async with daemon(socket, 200, READY) as asked:
        for arguments, variables in (([str(socket)], {}), ([], environ)):
            assert await asyncio.to_thread(alive.main, arguments, variables) == 0
    assert len(asked) == 2


@pytest.mark.parametrize(
    ("environ", "said"),
    [({}, "no daemon's socket is here"), ({"RUNTIME_DIRECTORY": "/nowhere"}, "/nowhere/api.sock")],
)
def test_where_no_daemon_is_the_code_is_1_with_one_sentence(environ, said, capsys, monkeypatch):
    monkeypatch.setattr("listener.settings.places.SYSTEM_SOCKET", Path("/nowhere/at/all"))

    assert alive.main([], environ) == 1

    out, err = capsys.readouterr()
    assert out == ""
    assert said in err
    assert err.count("\n") == 1
