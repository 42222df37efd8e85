"""The sections for those who call the daemon, and for what outlives it: [api], [journal], [dropin].

Knows which of these settings fit together; looks at no file and at no environment (`places` does).
"""
# No `from __future__ import annotations`: pydantic reads the annotations when the classes are made.

from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from listener.loopback import is_loopback
from listener.settings.basis import Host, Section, looking_like

LONGEST_SOCKET = 107
"""Bytes of a Unix socket's path on Linux (unix(7): 108 with the NUL at its end)."""

_TLS_PAIR = "tls_certificate and tls_key belong together; give both or none"


def _listen(given: str) -> str:
    if int(given.rpartition(":")[2]) > 65535:  # noqa: PLR2004  the largest port there is
        raise ValueError("a port is a number up to 65535")
    return given


def _switched_off(given: Any) -> Any:
    return None if given == "" else given  # how a file and the environment say "none"


def _socket(given: Path | None) -> Path | None:
    if given is not None and (len(raw := bytes(given)) > LONGEST_SOCKET or b"\0" in raw):
        raise ValueError(f"a Unix socket's path has at most {LONGEST_SOCKET} bytes, and no NUL")
    return given


Listen = Annotated[
    str,
    looking_like(
        r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):[0-9]{1,5}",
        "write host:port, such as 127.0.0.1:8470",
    ),
    AfterValidator(_listen),
]
Off = BeforeValidator(_switched_off)
Socket = Annotated[Path | None, Off, AfterValidator(_socket)]
Address = Annotated[Listen | None, Off]
File = Annotated[Path | None, Off]
Origin = Annotated[
    str,
    looking_like(
        r"https?://[A-Za-z0-9.\-\[\]:]+", "write an origin, such as https://crm.example.com"
    ),
]


class ReadyWhen(StrEnum):
    """What `/readyz` asks of the sessions."""

    ANY = "any"  # one is up, or none is configured
    ALL = "all"
    NONE = "none"  # sessions do not matter


class Notifications(StrEnum):
    """How much of each notification the journal keeps."""

    OFF = "off"
    HEADERS = "headers"  # which node, dialog, requestId and verb; not the content
    FULL = "full"


class Served(Section):
    """Where callers come in: `socket` is a Unix socket, `listen` a host:port; port 0 is any."""

    socket: Socket = None
    listen: Address = None
    tls_certificate: File = None
    tls_key: File = None
    max_connections: Annotated[int, Field(ge=1, le=100_000)] = 512

    @model_validator(mode="after")
    def _certificate_has_its_key(self) -> Self:
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise ValueError(_TLS_PAIR)
        return self

    @property
    def on(self) -> bool:
        """Whether anybody can come in."""
        return self.socket is not None or self.listen is not None

    @property
    def outward(self) -> bool:
        """Whether other machines can come in: `listen` is more than this machine's loopback."""
        return self.listen is not None and not is_loopback(split(self.listen)[0])


class Api(Served):
    """[api]: the local HTTP API."""

    tokens_file: File = None
    allowed_hosts: tuple[Host, ...] = ()
    allowed_origins: tuple[Origin, ...] = ()
    max_event_readers: Annotated[int, Field(ge=0, le=100_000)] = 2000
    ready_when: ReadyWhen = ReadyWhen.ANY
    agent_labels: bool = False

    @model_validator(mode="after")
    def _callers_over_tcp_are_known(self) -> Self:
        if self.outward and not (self.tls_certificate and self.tokens_file):
            raise ValueError(
                f"listen = {self.listen} can be reached from other machines and needs"
                " tls_certificate, tls_key and tokens_file; or listen on 127.0.0.1"
            )
        if self.listen is not None and self.tokens_file is None:
            raise ValueError(
                "listen needs tokens_file (config/tokens.example.toml), for everybody on this"
                " machine can connect; or leave it out and use socket alone"
            )
        return self


class Journal(Section):
    """[journal]: what outlives the process. Without a `path` nothing does."""

    path: File = None
    notifications: Notifications = Notifications.FULL
    keep_call_data: bool = False
    retention_days: Annotated[float, Field(gt=0, le=3650, allow_inf_nan=False)] = 14.0
    max_megabytes: Annotated[int, Field(ge=8, le=1_000_000)] = 1024


class Dropin(Served):
    """[dropin]: Finesse's own REST API, answered with what came of each request. Off by default."""

    require_token: bool = True
    sessions_on_demand: bool = True
    max_sessions: Annotated[int, Field(ge=0, le=200)] = 200
    session_wait: Annotated[float, Field(ge=0, le=60, allow_inf_nan=False)] = 5.0
    idle_minutes: Annotated[float, Field(gt=0, le=1440, allow_inf_nan=False)] | None = None
    refused_minutes: Annotated[float, Field(ge=1, le=1440, allow_inf_nan=False)] = 5.0

    @model_validator(mode="after")
    def _passwords_travel_safely(self) -> Self:
        if self.outward and not self.tls_certificate:
            raise ValueError(
                f"listen = {self.listen} can be reached from other machines, and passwords come in"
                " there: it needs tls_certificate and tls_key; or listen on 127.0.0.1"
            )
        if self.outward and not self.require_token:
            raise ValueError(
                f"require_token = false is for loopback and Unix sockets alone, and {self.listen}"
                " can be reached from other machines"
            )
        return self


def clashes(api: Api, dropin: Dropin) -> Iterator[str]:
    """Say what is wrong with the API and the drop-in together, with the keys' full names."""
    if dropin.listen is not None and dropin.require_token and api.tokens_file is None:
        yield (
            "dropin.listen needs api.tokens_file, for callers show a token in X-Listener-Token;"
            " or, on loopback, require_token = false"
        )
    if api.socket is not None and api.socket == dropin.socket:
        yield "dropin.socket is also api.socket; each needs its own"
    if api.listen and dropin.listen and _same_address(api.listen, dropin.listen):
        yield f"dropin.listen and api.listen are both on {dropin.listen}; each needs its own port"


def split(listen: str) -> tuple[str, int]:
    """Return host (without brackets) and port of a `listen`."""
    host, _, port = listen.rpartition(":")
    return host.strip("[]"), int(port)


def _same_address(one: str, other: str) -> bool:
    (host, port), (other_host, other_port) = split(one), split(other)
    if port != other_port or port == 0:
        return False
    hosts = {_plain(host), _plain(other_host)}
    return len(hosts) == 1 or bool(hosts & {"0.0.0.0", "::"})  # noqa: S104  looked for, not bound


def _plain(host: str) -> str:
    return "127.0.0.1" if host.casefold() == "localhost" else host.casefold()
