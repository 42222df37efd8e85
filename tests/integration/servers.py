"""Prosody and ejabberd from the distribution's packages, as Finesse's notification service.

Knows their configurations, accounts and quirks of starting. Must not know what is published through
them.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import shutil
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

from tests.integration.server import DOMAIN, HOST, PUBLISHER, How, Ports, Server

__all__ = [
    "DOMAIN",
    "HOST",
    "KINDS",
    "PUBLISHER",
    "How",
    "Ports",
    "Server",
    "missing",
    "running",
    "start_ejabberd",
    "start_prosody",
]

HERE = Path(__file__).parent
KEPT_WITHIN = 20.0


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

    def _keep(self) -> None:
        # Mnesia writes its tables seconds later, and clients that come back before the accounts
        # were made anew would be refused as strangers.
        table, end = self.folder / "db" / "passwd.DAT", time.monotonic() + KEPT_WITHIN
        while time.monotonic() < end:  # a frozen one never does
            if all(user.encode() in table.read_bytes() for user in self.accounts):
                return
            time.sleep(0.05)

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
        # Each write goes to disk at once: a server that is killed comes back with its accounts.
        store = (
            "-mnesia",
            "dir",
            f'"{self.folder}/db"',
            "-mnesia",
            "dump_log_write_threshold",
            "1",
        )
        command = ["erl", *idle, "-noinput", "-start_epmd", "false", *store, "-s", "ejabberd"]
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


def _quoted(name: str) -> str:
    """Return a name as Prosody writes it into file names."""
    return "".join(
        char if char.isascii() and char.isalnum() else "".join(f"%{b:02x}" for b in char.encode())
        for char in name
    )
