"""Prosody and ejabberd from the distribution's packages, as Finesse's notification service.

Each runs in a process of its own, on free loopback ports, with all that it writes in a folder that
goes with it. Knows how they are started, frozen, killed and started again on the same ports. Must
not know what is published through them. Nothing outlives `stop`, nor this process.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import random
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

from tests.integration import certificates
from tests.integration.certificates import Kind

HERE = Path(__file__).parent
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
                self.kill()
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
                self.kill()
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

    def freeze(self) -> None:
        """Stop it in its tracks: connections stay, nothing answers."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it run on."""
        self._signal(signal.SIGCONT)

    def kill(self) -> None:
        """End it without a word; all its connections break. Returns when it is gone."""
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
            self.kill()
            time.sleep(0.2 * attempt)
        raise RuntimeError(f"{self.name}: its ports {self.ports} were taken meanwhile")

    def remove(self) -> None:
        """Kill it and delete its folder."""
        self.kill()
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
            _see_off(child, born)

    def refused_logins(self) -> int:
        """Return how many logins it has refused since it was started."""
        return self._log_file().read_text(errors="replace").count(self.refused)

    def log(self) -> str:
        """Return what it has written about itself."""
        files = (self._log_file(), self.folder / "output")
        return "".join(file.read_text(errors="replace") for file in files if file.exists())

    def _log_file(self) -> Path:
        return self.folder / "log"


class Prosody(Server):
    """Prosody 0.12 and newer."""

    name = "prosody"
    program = "prosody"
    taken = "Failed to open server port"
    refused = "Refused a login of"

    def _write_account(self, user: str, password: str) -> None:
        folder = self.folder / "data" / _quoted(self.domain) / "accounts"
        folder.mkdir(parents=True, exist_ok=True)
        fresh = folder / f"{_quoted(user)}.new"
        fresh.touch(mode=0o600)
        text = "".join(f"\\{byte:03}" for byte in password.encode())
        fresh.write_text(f'return {{ ["password"] = "{text}" }};\n')
        fresh.rename(folder / f"{_quoted(user)}.dat")

    def _command(self) -> tuple[list[str], dict[str, str]]:
        (self.folder / "data").mkdir(exist_ok=True)
        secret = self.folder / "component-secret"
        secret.touch(mode=0o600)
        secret.write_text(self.component_secret)
        environment = {
            "XMPP_DOMAIN": self.domain,
            "XMPP_FOLDER": str(self.folder),
            "XMPP_MODULES": str(HERE / "prosody" / "modules"),
            "XMPP_LOG": self.how.log_level,
            "XMPP_AUTOMATIC": "yes" if self.how.automatic else "no",
            "XMPP_ANY_PASSWORD": "yes" if self.how.any_password else "no",
            "XMPP_NEWEST_TLS": self.how.newest_tls,
        } | {f"XMPP_{name.upper()}": str(port) for name, port in asdict(self.ports).items()}
        root = ["--root"] if os.geteuid() == 0 else []
        config = HERE / "prosody" / "prosody.cfg.lua"
        return [self.program, *root, "-F", "--config", str(config)], environment


class Ejabberd(Server):
    """ejabberd 23 and newer, started without its script: no other user, no epmd, no cookie."""

    name = "ejabberd"
    program = "erl"
    taken = "eaddrinuse"
    refused = "Failed c2s PLAIN authentication for"

    def __init__(self, how: How | None = None) -> None:
        super().__init__(how)
        if self.how.any_password:
            raise ValueError("ejabberd has no mode in which any password is right")

    def _log_file(self) -> Path:
        return self.folder / "ejabberd.log"

    def _write_account(self, user: str, password: str) -> None:
        if self.pid is None:
            return  # made when it starts: its accounts are in its database
        status, words = self.ask("register", user=user, host=self.domain, password=password)
        if status == http.client.CONFLICT:
            status, words = self.ask(
                "change_password", user=user, host=self.domain, newpass=password
            )
        if status != http.client.OK:
            raise RuntimeError(f"ejabberd made no account {user}: {status} {words}")

    def _ready(self) -> None:
        for user, password in self.accounts.items():
            self._write_account(user, password)

    def ask(self, command: str, **fields: Any) -> tuple[int, str]:
        """Run one of its commands (those that its configuration allows); return status, words."""
        with socket.socket(socket.AF_UNIX) as link:
            link.settimeout(20)
            link.connect(str(self.folder / "api"))
            api = http.client.HTTPConnection("localhost")
            api.sock = link
            headers = {"Content-Type": "application/json"}
            api.request("POST", f"/api/{command}", json.dumps(fields), headers)
            answer = api.getresponse()
            return answer.status, answer.read().decode(errors="replace")

    def _command(self) -> tuple[list[str], dict[str, str]]:
        config = self.folder / "ejabberd.yml"
        config.touch(mode=0o600)
        config.write_text(self._configuration())
        (self.folder / "db").mkdir(exist_ok=True)
        (self.folder / "api").unlink(missing_ok=True)
        (self.folder / "inetrc").write_text('{lookup,["file","native"]}.\n')
        environment = {
            "ERL_LIBS": str(erlang_libraries()),
            "EJABBERD_CONFIG_PATH": str(config),
            "EJABBERD_LOG_PATH": str(self._log_file()),
            "ERL_CRASH_DUMP": str(self.folder / "crash"),
            "ERL_INETRC": str(self.folder / "inetrc"),
            "ERL_MAX_PORTS": "8192",
            "HOME": str(self.folder),
        }
        idle = ("+sbwt", "none", "+sbwtdcpu", "none", "+sbwtdio", "none")  # no busy waiting
        place = ("-mnesia", "dir", f'"{self.folder}/db"')
        command = ["erl", *idle, "-noinput", "-start_epmd", "false", *place, "-s", "ejabberd"]
        return command, environment

    def _configuration(self) -> str:
        text = (HERE / "ejabberd" / "ejabberd.yml").read_text()
        filled = {
            "LOG": {"warn": "warning"}.get(self.how.log_level, self.how.log_level),
            "DOMAIN": self.domain,
            "FOLDER": str(self.folder),
            "SECRET": self.component_secret,
            "TLS_1_2": ", no_tlsv1_3" if self.how.newest_tls == "1.2" else "",
        } | {name.upper(): str(port) for name, port in asdict(self.ports).items()}
        for name, value in filled.items():
            text = text.replace(f"%{name}%", value)
        return text


KINDS: dict[str, type[Server]] = {"prosody": Prosody, "ejabberd": Ejabberd}


@cache
def erlang_libraries() -> Path | None:
    """Return the folder that holds ejabberd's Erlang application; None when it is not installed."""
    found = sorted(Path("/usr/lib").glob("*/ejabberd-*/ebin/ejabberd.app"))
    return found[0].parents[2] if found else None


def missing(name: str) -> str | None:
    """Say what to install for that server, or None when it is there."""
    if shutil.which("setpriv") is None:
        return "setpriv is not installed: apt install util-linux"
    there = shutil.which(KINDS[name].program) is not None
    if name == "ejabberd" and erlang_libraries() is None:
        there = False
    return None if there else f"{name} is not installed: apt install {name}"


@contextmanager
def running(
    name: str, how: How | None = None, accounts: dict[str, str] | None = None
) -> Iterator[Server]:
    """Run one server; blocks while it starts and stops."""
    server = KINDS[name](how)
    try:
        for user, password in (accounts or {}).items():
            server.add_account(user, password)
        server.start()
        yield server
    finally:
        server.remove()


@asynccontextmanager
async def start_prosody(
    how: How | None = None, accounts: dict[str, str] | None = None
) -> AsyncIterator[Server]:
    """Run a Prosody inside of a loop; `accounts` are passwords by user."""
    async with _started("prosody", how, accounts) as server:
        yield server


@asynccontextmanager
async def start_ejabberd(
    how: How | None = None, accounts: dict[str, str] | None = None
) -> AsyncIterator[Server]:
    """Run an ejabberd inside of a loop; `accounts` are passwords by user."""
    async with _started("ejabberd", how, accounts) as server:
        yield server


@asynccontextmanager
async def _started(
    name: str, how: How | None, accounts: dict[str, str] | None
) -> AsyncIterator[Server]:
    manager = running(name, how, accounts)
    server = await asyncio.to_thread(manager.__enter__)
    try:
        yield server
    finally:
        await asyncio.to_thread(manager.__exit__, None, None, None)


# --- processes -----------------------------------------------------------------------------------


def descendants(pid: int) -> dict[int, str]:
    """Return the processes below that one, each with the kernel's time of its birth."""
    parents: dict[int, tuple[int, str]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            stat = _stat(int(entry.name))
            if stat is not None:
                parents[int(entry.name)] = stat
    found: dict[int, str] = {}
    unseen = [pid]
    while unseen:
        above = unseen.pop()
        below = {one: born for one, (parent, born) in parents.items() if parent == above}
        found |= below
        unseen += below
    return found


def _stat(pid: int) -> tuple[int, str] | None:
    """Return a process's parent and the time of its birth."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return (int(fields[1]), fields[19]) if fields[0] != "Z" else None


def _see_off(pid: int, born: str, within: float = 5.0) -> None:
    """Wait for a child of a server that has ended; kill it when it stays."""
    end = time.monotonic() + within
    while (stat := _stat(pid)) is not None and stat[1] == born:
        if time.monotonic() > end:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.01)


def _quoted(name: str) -> str:
    """Return a name as Prosody writes it into file names."""
    return "".join(
        char if char.isascii() and char.isalnum() else "".join(f"%{b:02x}" for b in char.encode())
        for char in name
    )
