"""The operators' socket: who may ask, what is answered, and that garbage harms nothing."""

from __future__ import annotations

import asyncio
import os
import socket
import stat
import struct
import subprocess
import sys

import pytest
import structlog

from listener.errors import ConfigurationError, DaemonUnreachable
from listener.handover.asking import ask, socket_beside
from listener.handover.channel import VERSION, Channel, Gone, Refused, written
from listener.station import Station
from listener.web.sockets import unix_socket
from tests.shell import program
from tests.shell.handing import pair, told
from tests.shell.stage import PACES, A, simulated, until

QUESTION = {"ask": "handover", "version": VERSION, "python": sys.executable, "force": False}


async def talk(path, message: bytes) -> dict:
    """Say something to the daemon and return its answer."""
    taken = socket.socket(socket.AF_UNIX)
    taken.settimeout(0)
    await asyncio.get_running_loop().sock_connect(taken, str(path))
    channel = Channel(taken)
    try:
        await channel.say(message)
        while "tell" in (answer := await channel.hear(20)):
            pass
        return answer
    finally:
        channel.close()


async def test_the_operator_hears_how_it_goes_and_that_it_is_done(tmp_path):
    async with simulated() as simulator, pair(simulator, tmp_path) as both:
        words = []
        done = await ask(socket_beside(tmp_path / "s"), force=False, tell=words.append)
        assert "the twin" in done
        assert words[0] == "the new process (the twin) begins"
        assert "2 of 2 sessions are up there" in words
        await both.left
        path = socket_beside(tmp_path / "s")
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        # Whoever asks next asks the new one, which nobody told how to start another.
        with pytest.raises(Refused, match="was not started by `listener run`"):
            await ask(path, force=False, tell=words.append)
    assert not path.exists()


@pytest.mark.parametrize(
    "garbage",
    [
        b"",
        b"GET / HTTP/1.1\r\n\r\n",
        struct.pack(">I", 1 << 31),
        os.urandom(4096),
        written({}),
        written({"ask": "everything"}),
        written(QUESTION | {"python": "relative/python"}),
        written(QUESTION | {"python": ["/bin/sh"]}),
        written(QUESTION | {"force": "yes"}),
    ],
)
async def test_garbage_is_let_go_and_the_next_one_is_served(tmp_path, garbage):
    async with simulated() as simulator, pair(simulator, tmp_path) as both:
        path = socket_beside(tmp_path / "s")
        with pytest.raises(Gone):
            await talk(path, garbage or b"\0")
        assert not both.first.leaving.busy
        assert await ask(path, force=False, tell=both.words.append)


async def test_another_version_is_refused_in_words(tmp_path):
    async with simulated() as simulator, pair(simulator, tmp_path):
        path = socket_beside(tmp_path / "s")
        answer = await talk(path, written(QUESTION | {"version": VERSION + 1}))
        assert "restart instead" in answer["refused"]


async def test_an_operator_who_goes_away_changes_nothing(tmp_path):
    async with simulated() as simulator, pair(simulator, tmp_path) as both:
        asking = asyncio.create_task(
            ask(socket_beside(tmp_path / "s"), force=False, tell=both.words.append)
        )
        await until(lambda: both.words)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        await both.left
        assert both.twin.station is not None


async def test_crowds_are_sent_away_and_the_daemon_lives_on(tmp_path):
    async with simulated() as simulator, pair(simulator, tmp_path) as both:
        path = str(socket_beside(tmp_path / "s"))
        crowd = [socket.socket(socket.AF_UNIX) for _ in range(40)]
        for one in crowd:
            one.settimeout(0)
            one.connect(path)
        await until(lambda: ended(crowd) >= 32)
        for one in crowd:
            one.close()
        await until(lambda: not both.first._desk._tasks)
        assert await ask(socket_beside(tmp_path / "s"), force=False, tell=both.words.append)


def ended(crowd) -> int:
    found = 0
    for one in crowd:
        try:
            found += one.recv(1) == b""
        except BlockingIOError:
            pass
        except ConnectionError:
            found += 1
    return found


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
async def test_another_user_is_refused_whatever_the_files_rights_say(tmp_path):
    async with simulated() as simulator, pair(simulator, tmp_path) as both:
        path = socket_beside(tmp_path / "s")
        path.chmod(0o666)
        for folder in (tmp_path, *tmp_path.parents[:3]):
            if folder.name:
                folder.chmod(0o755)
        script = (
            "import os, socket, sys\nos.setuid(65534)\none = socket.socket(socket.AF_UNIX)\n"
            f"one.connect({str(path)!r})\n"
            f"try:\n    one.sendall({written(QUESTION)!r})\n"
            "    sys.exit(0 if one.recv(1) == b'' else 1)\n"
            "except ConnectionError:\n    sys.exit(0)\n"
        )
        with structlog.testing.capture_logs() as log:
            asked = await asyncio.create_subprocess_exec(
                sys.executable, "-I", "-c", script, cwd="/", stderr=subprocess.PIPE
            )
            _, err = await asked.communicate()
        assert asked.returncode == 0, err
        assert {"event": "handover.refused", "uid": 65534, "log_level": "warning"} in log
        assert not both.first.leaving.busy


async def test_without_a_socket_or_a_daemon_the_command_says_so(tmp_path):
    with pytest.raises(DaemonUnreachable, match="no daemon that can hand over answers at"):
        await ask(tmp_path / "nothing", force=False, tell=print)
    file = tmp_path / "listener.toml"
    file.write_text('[finesse]\nnodes = ["localhost"]\n[api]\nsocket = ""\n')
    end = await program.listener("handover", "--config", file)
    assert (end.code, "--config" in end.err) == (69, True)


async def test_a_path_that_is_too_long_only_means_that_nobody_can_ask(tmp_path):
    async with simulated() as simulator:
        settings = told(simulator, tmp_path)
        name = "x" * (107 - len(str(tmp_path)) - 1)
        api = settings.api.model_copy(update={"socket": tmp_path / name})
        settings = settings.model_copy(update={"api": api})
        with structlog.testing.capture_logs() as log:
            async with Station.open(settings, paces=PACES) as station:
                await until(lambda: station.listener.roster.up == 2)
                assert station.listener.agents[A].live
        (line,) = [line for line in log if line["event"] == "handover.unavailable"]
        assert "too long" in line["detail"]


async def test_a_daemon_whose_api_socket_is_taken_says_that_and_nothing_of_a_hand_over(tmp_path):
    async with simulated() as simulator:
        settings = told(simulator, tmp_path)
        taken = [unix_socket(settings.api.socket), unix_socket(socket_beside(settings.api.socket))]
        with (
            structlog.testing.capture_logs() as log,
            pytest.raises(ConfigurationError, match="another daemon listens"),
        ):
            async with Station.open(settings, paces=PACES):
                pass
        for each in taken:
            each.close()
        assert "handover.unavailable" not in [line["event"] for line in log]
