"""One XMPP server in a process of its own, on free loopback ports, with a folder that goes with it.

Knows how it is started, frozen, killed and started again on the same ports; what to start is its
heirs' (`servers`). Must not know what is published through it. Nothing outlives `remove`, nor this
process.
"""

from __future__ import annotations

import os
import random
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from tests.integration import certificates
from tests.integration.certificates import Kind
from tests.integration.processes import descendants, see_off

HOST = "localhost"  # what a client dials, and what a good certificate names
DOMAIN = "finesse.test"
PUBLISHER = "publisher"  # the owner of the nodes
START_WITHIN = 40.0  # seconds; a slow machine under load
_ATTEMPTS = 6  # at a set of ports
_BELOW_EPHEMERAL = range(12_000, 32_000)  # no outgoing connection takes these meanwhile
_HELLO = (
    b"<?xml version='1.0'?><stream:stream xmlns='jabber:client' version='1.0' to='%s'"
    b" xmlns:stream='http://etherx.jabber.org/streams'>"
)
_chance = random.Random()


class PortTakenError(Exception):
    """Somebody else has one of the ports."""


@dataclass(frozen=True, slots=True)
class Ports:
    """Where a server listens, on 127.0.0.1."""

    tls: int
    starttls: int
    plain: int
    component: int


@dataclass(frozen=True, slots=True)
class How:
    """What varies between servers of one kind.

    `automatic`: the server subscribes each agent's bare JID to the nodes of its own when it binds
    (prosody alone: on ejabberd the owner of the nodes does it). `any_password`: every user exists,
    and every password is right (prosody alone; for thousands of agents). `newest_tls`: "1.2", as
    Finesse has it, or "1.3". `log_level` in prosody's words.
    """

    certificate: Kind = Kind.GOOD
    newest_tls: str = "1.3"
    automatic: bool = True
    any_password: bool = False
    log_level: str = "warn"


def unused_ports() -> Ports:
    """Return four ports on which nobody listens now and no outgoing connection will."""
    found: list[int] = []
    for port in _chance.sample(_BELOW_EPHEMERAL, k=len(_BELOW_EPHEMERAL)):
        with socket.socket() as trial, suppress(OSError):
            trial.bind(("127.0.0.1", port))
            found.append(port)
        if len(found) == len(Ports.__slots__):
            return Ports(*found)
    raise RuntimeError("no free ports on 127.0.0.1")


class Server:
    """One server of another process; `start` and `stop` block, the rest is immediate.

    `start_prosody` and `start_ejabberd` below make one for a test; fixtures share them.
    """

    name: ClassVar[str]
    program: ClassVar[str]  # its package has the same name as the server
    taken: ClassVar[str]  # what its log says about a port that it did not get
    refused: ClassVar[str]  # and about a login that it refused

    def __init__(self, how: How | None = None) -> None:
        self.how = how or How()
        self.domain = DOMAIN
        self.pubsub_domain = f"pubsub.{DOMAIN}"
        self.component_domain = f"component.{DOMAIN}"
        self.component_secret = secrets.token_hex(16)
        self.host = HOST
        self.folder = Path(tempfile.mkdtemp(prefix="xmpp-"))
        self.ca_file = certificates.write(self.folder, self.how.certificate, DOMAIN)
        self.ports = unused_ports()
        self.accounts: dict[str, str] = {}
        self._process: subprocess.Popen[bytes] | None = None

    def __repr__(self) -> str:
        return f"<{self.name} pid={self.pid} {self.ports}>"

    @property
    def pid(self) -> int | None:
        """The server's process; None when there is none."""
        return None if self._process is None else self._process.pid

    def port(self, security: str) -> int:
        """Return the port for "tls", "starttls", "plain" or "component"."""
        return int(getattr(self.ports, security))

    # --- accounts -------------------------------------------------------------------------------

    def add_account(self, user: str, password: str) -> None:
        """Make an account, or change its password; the server may run or not."""
        self.accounts[user] = password
        self._write_account(user, password)

    def _write_account(self, user: str, password: str) -> None:
        raise NotImplementedError

    # --- life -----------------------------------------------------------------------------------

    def start(self) -> None:
        """Start it and return when it speaks; other ports are tried if one was taken.

        Raises RuntimeError with the server's own log when it does not come up.
        """
        for _ in range(_ATTEMPTS):
            try:
                self._start_here()
            except PortTakenError:
                self._end(signal.SIGKILL, 30)
                self.ports = unused_ports()
            else:
                return
        raise RuntimeError(f"{self.name} found no free ports in {_ATTEMPTS} attempts")

    def _start_here(self) -> None:
        if self._process is not None:
            raise RuntimeError(f"{self.name} runs already")
        self._log_file().write_text("")
        command, environment = self._command()
        with (self.folder / "output").open("wb") as output:
            self._process = subprocess.Popen(
                # The kernel kills the server when the tests are killed.
                ["setpriv", "--pdeathsig", "KILL", *command],
                env=dict(os.environ) | environment,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        end = time.monotonic() + START_WITHIN
        while not self._speaks():
            if self.taken in self.log():
                raise PortTakenError
            if self._process.poll() is not None or time.monotonic() > end:
                self._end(signal.SIGKILL, 30)
                raise RuntimeError(f"{self.name} did not start:\n{self.log()}")
            time.sleep(0.02)
        if self.taken in self.log():
            raise PortTakenError
        self._ready()

    def _speaks(self) -> bool:
        with (
            suppress(OSError),
            socket.create_connection(("127.0.0.1", self.ports.plain), 5) as link,
            socket.create_connection(("127.0.0.1", self.ports.component), 5),
            socket.create_connection(("127.0.0.1", self.ports.starttls), 5),
            socket.create_connection(("127.0.0.1", self.ports.tls), 5),
        ):
            link.settimeout(2)
            link.sendall(_HELLO % self.domain.encode())
            heard = b""
            while more := link.recv(4096):
                heard += more
                if b"</stream:features>" in heard:
                    return True
        return False

    def _command(self) -> tuple[list[str], dict[str, str]]:
        """Return the command and what it finds in its environment."""
        raise NotImplementedError

    def _ready(self) -> None:
        """Do what can be done only while it runs."""

    def _keep(self) -> None:
        """Wait until its accounts outlive a kill."""

    def freeze(self) -> None:
        """Stop it in its tracks: connections stay, nothing answers."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it run on."""
        self._signal(signal.SIGCONT)

    def kill(self) -> None:
        """End it without a word; all its connections break. Returns when it is gone."""
        if self.pid is not None:
            self._keep()
        self._end(signal.SIGKILL, 30)

    def stop(self) -> None:
        """End it in good order, within 15 s; harmless when it does not run."""
        self._end(signal.SIGTERM, 15)

    def restart(self) -> None:
        """Start it again on its old ports, after `kill`, `stop`, or while it runs."""
        self.stop()
        for attempt in range(_ATTEMPTS):
            with suppress(PortTakenError):
                self._start_here()
                return
            self._end(signal.SIGKILL, 30)
            time.sleep(0.2 * attempt)
        raise RuntimeError(f"{self.name}: its ports {self.ports} were taken meanwhile")

    def remove(self) -> None:
        """Kill it and delete its folder."""
        self._end(signal.SIGKILL, 30)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _signal(self, number: int) -> None:
        if self._process is None:
            raise RuntimeError(f"{self.name} does not run")
        self._process.send_signal(number)

    def _end(self, number: int, within: float) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        children = descendants(process.pid)
        process.send_signal(number)
        process.send_signal(signal.SIGCONT)  # a frozen one hears nothing else
        try:
            process.wait(within)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for child, born in children.items():
            see_off(child, born)

    def refused_logins(self) -> int:
        """Return how many logins it has refused since it was started."""
        return self._log_file().read_text(errors="replace").count(self.refused)

    def log(self) -> str:
        """Return what it has written about itself."""
        files = (self._log_file(), self.folder / "output")
        return "".join(file.read_text(errors="replace") for file in files if file.exists())

    def _log_file(self) -> Path:
        return self.folder / "log"
