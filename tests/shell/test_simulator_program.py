"""`listener simulate --nodes 2` as a program: settings for both nodes, and switches for each."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from listener.cli import simulate
from listener.settings import load
from tests.shell.stage import wait_for

ROOT = Path(__file__).parents[2]


@contextmanager
def simulating(folder: Path, *words: str) -> Iterator[subprocess.Popen[str]]:
    """Run the program until Ctrl-C."""
    with subprocess.Popen(
        [sys.executable, "-m", "listener", "simulate", "--folder", str(folder), *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    ) as process:
        try:
            yield process
        finally:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=30)


def answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except ConnectionRefusedError:
        return False
    return True


def test_a_pair_prints_settings_with_both_nodes_and_each_node_has_its_switch(tmp_path: Path):
    with simulating(tmp_path, "--nodes", "2", "--port", "0", "--xmpp-port", "0") as process:
        assert process.stderr is not None
        assert "A simulated Finesse runs" in process.stderr.readline()
        hint = process.stderr.readline()
        pid = int(re.search(r"kill -USR1 (\d+) .* -USR2 the second", hint)[1])
        nodes = load(tmp_path / "listener.toml", {}).finesse.nodes
        ports = [(node.rest_port, node.xmpp_port) for node in nodes]

        assert pid == process.pid
        assert len({port for pair in ports for port in pair}) == 4
        assert all(answers(port) for pair in ports for port in pair)
        for number, name, pair in zip(
            (signal.SIGUSR1, signal.SIGUSR2), ("first", "second"), ports, strict=True
        ):
            process.send_signal(number)
            assert process.stderr.readline() == f"The {name} node is down.\n"
            assert not any(answers(port) for port in pair)
            process.send_signal(number)
            assert process.stderr.readline() == f"The {name} node is up again.\n"
            wait_for(lambda pair=pair: all(answers(port) for port in pair))


def test_a_single_simulator_prints_the_one_node(tmp_path: Path):
    with simulating(tmp_path, "--port", "0", "--xmpp-port", "0") as process:
        assert process.stderr is not None
        process.stderr.readline()
        assert len(load(tmp_path / "listener.toml", {}).finesse.nodes) == 1


@pytest.mark.parametrize(
    ("first", "second", "ports"),
    [
        ((8445, 5223), (None, None), [(8445, 5223), (8446, 5224)]),
        ((0, 0), (None, None), [(0, 0), (0, 0)]),
        ((8445, 5223), (9445, 0), [(8445, 5223), (9445, 0)]),
    ],
)
def test_the_second_node_has_the_next_ports_unless_told(first, second, ports):
    assert simulate.ports_of(2, first, second) == ports


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--second-port", "1"], "add --nodes 2"),
        (["--nodes", "2", "--port", "65535"], "name the ports of the second node"),
        (["--nodes", "3"], "--nodes"),
    ],
)
def test_ports_that_cannot_be_are_a_wrong_call(tmp_path: Path, words: list[str], told: str):
    done = subprocess.run(
        [sys.executable, "-m", "listener", "simulate", "--folder", str(tmp_path / "f"), *words],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )

    assert done.returncode == 2
    assert told in done.stderr
    assert not (tmp_path / "f").exists()
