"""Which daemon a command talks to: the one that the options name, or that runs by the settings.

Knows sockets, settings files and options; what is said there is the commands' business. Reads no
secret of the settings, so that whoever may use the socket needs no right to the passwords.
"""

from __future__ import annotations

import inspect
import socket
from collections.abc import Awaitable, Callable
from contextlib import closing
from dataclasses import dataclass, fields
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias, TypeVar

import typer

from listener import settings as configuration
from listener.cli import console, running
from listener.cli.files import file_option
from listener.cli.loading import loading
from listener.errors import ConfigurationError, DaemonUnreachable, InvalidRequest
from listener.settings.layers import read_toml

if TYPE_CHECKING:
    from listener.client import Client

Config: TypeAlias = Annotated[
    Path | None,
    file_option(help="The settings file of the daemon; the usual places are tried if left out."),
]
Socket: TypeAlias = Annotated[
    Path | None, file_option("--socket", help="The daemon's Unix socket.")
]
Url: TypeAlias = Annotated[
    str | None, typer.Option("--url", help="The daemon over TCP, such as http://127.0.0.1:8470.")
]
TokenFile: TypeAlias = Annotated[
    Path | None, file_option("--token-file", help="With --url: a file with the token.")
]
CaFile: TypeAlias = Annotated[
    Path | None, file_option("--ca-file", help="With https: the authorities to trust (PEM).")
]

_OPTIONS: dict[str, Any] = {
    "config": Config,
    "socket": Socket,
    "url": Url,
    "token_file": TokenFile,
    "ca_file": CaFile,
}
_LONGEST_TOKEN = 4096
_CONNECT = 5.0
_Found = TypeVar("_Found")


@dataclass(frozen=True, slots=True)
class Where:
    """What the options say about where the daemon is; `located` makes options of these fields."""

    config: Config = None
    socket: Socket = None
    url: Url = None
    token_file: TokenFile = None
    ca_file: CaFile = None

    @property
    def guessed(self) -> bool:
        """Whether a settings file is given that leaves open where its daemon is."""
        given = (self.socket, self.url)
        return given == (None, None) and self.config is not None and _named(self.config) is None

    @property
    def unix(self) -> Path | None:
        """Where the daemon's Unix socket is, or would be; None when nobody says."""
        return self.socket or _socket_by(self.config)

    def client(self) -> Client:
        """Return a client of the daemon; DaemonUnreachable says where one was looked for."""
        found = self.client_if_any()
        if found is None:
            raise DaemonUnreachable(f"no daemon runs here: {self._looked()}", sent=False)
        return found

    def client_if_any(self) -> Client | None:
        """Return a client of the daemon; None when there is none by the settings.

        Raises DaemonUnreachable when the options name one and it is not there, and where there is
        one that this user may not use.
        """
        if self.url is not None:
            return self._over_tcp(self.url)
        if self.token_file is not None or self.ca_file is not None:
            raise InvalidRequest("--token-file and --ca-file go with --url")
        path = self.socket or _socket_by(self.config)
        trouble = _trouble(path) if path is not None else None
        if path is None or (trouble is not None and self.socket is None and _absent(trouble)):
            return None
        if trouble is not None:
            raise DaemonUnreachable(
                f"the daemon's socket {path} cannot be used: {trouble.strerror or trouble}",
                sent=False,
            )
        with loading():
            from listener.client import Client  # noqa: PLC0415  httpx loads with it

        return Client.unix(path)

    def _over_tcp(self, url: str) -> Client:
        if self.socket is not None:
            raise InvalidRequest("give --url or --socket, not both")
        if self.token_file is None:
            raise InvalidRequest("--url needs --token-file, for the daemon asks who calls")
        token = _token_in(self.token_file)
        with loading():
            from listener.client import Client  # noqa: PLC0415  as above

        return Client.tcp(url, token, self.ca_file)

    def _looked(self) -> str:
        if self.config is None:
            return "no socket at the usual places; name it with --config, --socket or --url"
        return f"nobody answers where {self.config} says; is `listener run` up?"


def located(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command that takes `where` the options that say where the daemon is.

    An option of the command's own by the same name (--config of send) stays, and goes along.
    """
    own = inspect.signature(command)
    mine = {name: item for name, item in own.parameters.items() if name != "where"}
    added = [
        inspect.Parameter(
            each.name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=_OPTIONS[each.name]
        )
        for each in fields(Where)
        if each.name not in mine
    ]
    # Before --json and what else a command ends with, for help lists them in this order.
    place = next((n for n, name in enumerate(mine) if name == "as_json"), len(mine))
    shown = [*list(mine.values())[:place], *added, *list(mine.values())[place:]]

    @wraps(command)
    def called(**given: Any) -> None:
        where = Where(**{each.name: given.get(each.name) for each in fields(Where)})
        kept = {name: value for name, value in given.items() if name in mine}
        command(where=where, **kept)

    called.__signature__ = own.replace(parameters=shown)  # type: ignore[attr-defined]
    called.__annotations__ = {item.name: item.annotation for item in shown}
    return called


def ask(where: Where, question: Callable[[Client], Awaitable[_Found]]) -> _Found:
    """Ask the daemon one thing and return what it says."""
    client = where.client()

    async def asked() -> _Found:
        async with client:
            await must_fit(where, client)
            return await question(client)

    return running.run(asked())


async def must_fit(where: Where, client: Client) -> None:
    """Raise DaemonUnreachable when a daemon serves another Finesse than the settings file names.

    A file that names no socket leads to the usual places, and what runs there may be another's.
    """
    if where.guessed and not await _fits(where, client):
        raise DaemonUnreachable(
            f"the daemon at {client.where} serves another Finesse than {where.config} names; "
            "name its socket in [api], or with --socket",
            sent=False,
        )


def daemon_for(where: Where, *, direct: bool, daemon: bool, validate: bool) -> Client | None:
    """Return the daemon that a request is sent through, None for a session of our own."""
    named = daemon or where.socket is not None or where.url is not None
    if direct and named:
        raise InvalidRequest("--direct opens a session of its own; leave out the daemon")
    if not validate and named:
        raise InvalidRequest("--no-validate needs --direct; the daemon always checks")
    if direct or not validate:
        return None
    client = where.client() if named else where.client_if_any()
    if client is None:
        return None
    if where.guessed:
        try:
            ask(where, _nothing)
        except DaemonUnreachable as error:
            if daemon or error.sent is not False:
                raise
            console.errors().print(f"not through the daemon: {error}")
            return None
    console.errors().print(f"through the daemon at {client.where}")
    return client


async def _nothing(_client: Client) -> None:
    """Ask nothing: that it fits is enough."""


async def _fits(where: Where, client: Client) -> bool:
    hosts = _hosts(where.config) if where.config is not None else []
    return not hosts or sorted(hosts) == sorted(map(str, (await client.info()).get("nodes") or ()))


def _socket_by(config: Path | None) -> Path | None:
    """Return where the daemon's socket is to be, by a settings file or at the usual places."""
    named = _named(config) if config is not None else None
    if named is None or config is None:
        return configuration.client_socket()
    try:
        return config.parent / Path(named).expanduser() if named else None
    except RuntimeError:  # "~somebody" who is not there
        raise ConfigurationError(f"{config}: api.socket: no home folder for ~") from None


def _named(config: Path) -> str | None:
    """Return the socket as a settings file names it; "" switches it off, None leaves it open."""
    section = read_toml(config).get("api")
    named = section.get("socket") if isinstance(section, dict) else None
    return named if isinstance(named, str) else None


def _hosts(config: Path) -> list[str]:
    section = read_toml(config).get("finesse")
    nodes = section.get("nodes") if isinstance(section, dict) else None
    try:
        found = [configuration.Node.model_validate(node) for node in nodes or ()]
    except (ValueError, TypeError):
        return []  # what is wrong with them is said when the settings are loaded
    return [node.host.strip("[]") for node in found]


def _trouble(path: Path) -> OSError | None:
    """Say what keeps this process from the socket, None when somebody listens there."""
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)) as tried:
        tried.settimeout(_CONNECT)
        try:
            tried.connect(str(path))
        except OSError as error:
            return error
    return None


def _absent(trouble: OSError) -> bool:
    return isinstance(trouble, FileNotFoundError | ConnectionRefusedError | NotADirectoryError)


def _token_in(file: Path) -> str:
    """Return what a token file holds: the token alone. No part of it is in any error."""
    try:
        with file.open(encoding="utf-8") as source:
            given = source.read(_LONGEST_TOKEN).strip()
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "not text"
        raise ConfigurationError(f"{file}: {why}") from None
    from listener.client.places import is_visible  # noqa: PLC0415  httpx loads with it

    if not is_visible(given):
        raise ConfigurationError(f"{file}: holds no token; it must hold the token alone")
    return given
