"""The harness itself: servers that start beside others, end by their pid, and leave nothing."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys

import pytest

from tests.integration.conftest import need
from tests.integration.processes import descendants
from tests.integration.servers import KINDS, running
from tests.shell.stage import wait_for


def exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    with open(f"/proc/{pid}/stat") as file:  # noqa: PTH123  read at once or not at all
        return file.read().rpartition(")")[2].split()[0] != "Z"


@pytest.fixture(params=sorted(KINDS))
def kind(request):
    need(request.param)
    return KINDS[request.param]


def test_a_server_takes_other_ports_when_one_is_taken(kind):
    server = kind()
    try:
        with socket.socket() as other:
            other.bind(("127.0.0.1", server.port("component")))
            other.listen()
            before = server.ports
            server.start()
            assert server.ports != before
    finally:
        server.remove()


def test_nothing_is_left_of_a_server_after_a_failed_test(kind):
    pids = []

    def failing() -> None:
        with running(kind.name) as server:
            pids.extend((server.pid, *descendants(server.pid)))
            server.freeze()
            raise ZeroDivisionError(server.folder)

    with pytest.raises(ZeroDivisionError) as failed:
        failing()
    assert pids
    assert not any(exists(pid) for pid in pids)
    assert not failed.value.args[0].exists()


def test_a_server_that_does_not_start_is_told_with_what_it_said(kind, monkeypatch):
    server = kind()
    monkeypatch.setattr(server, "_command", lambda: (["sh", "-c", "echo no licence; exit 3"], {}))
    try:
        with pytest.raises(RuntimeError, match="no licence"):
            server.start()
        assert server.pid is None
    finally:
        server.remove()


def test_a_server_dies_with_the_process_that_started_it(kind):
    words = (
        "import sys, time\n"
        "from tests.integration.processes import descendants\n"
        "from tests.integration.servers import running\n"
        f"with running({kind.name!r}) as server:\n"
        "    print(server.pid, *descendants(server.pid), server.folder, flush=True)\n"
        "    time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", words], stdout=subprocess.PIPE) as tests:
        *pids, folder = tests.stdout.readline().decode().split()
        tests.send_signal(signal.SIGKILL)
        tests.wait()
    wait_for(lambda: not any(exists(int(pid)) for pid in pids))
    subprocess.run(["rm", "-r", folder], check=True)


def test_a_server_comes_back_on_its_ports(kind):
    with running(kind.name) as server:
        ports, pid = server.ports, server.pid
        server.kill()
        assert not exists(pid)
        server.restart()
        assert server.ports == ports
        assert server.pid != pid
