"""What goes into the REST side and what comes out of it, as values.

Knows credentials, limits, answers and snapshots; knows no HTTP client, no loop and no clock.
"""

from __future__ import annotations

import base64
import math
import re
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol, TypeAlias

from listener.errors import ConfigurationError

if TYPE_CHECKING:
    from listener.finesse.model import ApiError, Update

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_TOKEN = re.compile(r"[!-~]+")


class Secret(Protocol):
    """A secret that shows itself only when asked, such as pydantic's SecretStr."""

    def get_secret_value(self) -> str:
        """Return the secret itself."""
        ...


def _reveal(secret: str | Secret) -> str:
    return secret if isinstance(secret, str) else secret.get_secret_value()


@dataclass(frozen=True, slots=True, repr=False)
class Basic:
    """User and password. Raises ConfigurationError for what Basic cannot carry (RFC 7617)."""

    user: str
    password: str | Secret

    def __post_init__(self) -> None:
        if ":" in self.user or _CONTROL.search(self.user):
            raise ConfigurationError("a user with a colon or a control character cannot sign in")
        if _CONTROL.search(_reveal(self.password)):
            raise ConfigurationError("a password with a control character cannot be sent")

    def authorization(self) -> bytes:
        """Return the value of the Authorization header."""
        pair = f"{self.user}:{_reveal(self.password)}".encode()
        return b"Basic " + base64.b64encode(pair)

    def __repr__(self) -> str:
        return f"Basic(user={self.user!r}, password=***)"


@dataclass(frozen=True, slots=True, repr=False)
class Bearer:
    """An access token of single sign-on. Raises ConfigurationError if no header can carry it."""

    token: str | Secret

    def __post_init__(self) -> None:
        if not _TOKEN.fullmatch(_reveal(self.token)):
            raise ConfigurationError("a token is visible ASCII without blanks")

    def authorization(self) -> bytes:
        """Return the value of the Authorization header."""
        return b"Bearer " + _reveal(self.token).encode("ascii")

    def __repr__(self) -> str:
        return "Bearer(token=***)"


Credentials: TypeAlias = Basic | Bearer


@dataclass(frozen=True, slots=True)
class RestTimings:
    """Limits in seconds; each must be more than nothing and finite, else ConfigurationError.

    `wait_for_connection`: for a free connection to one node. `connect`: for TCP, and again for
    TLS. `answer`: from the first byte of the request to the last byte of its answer. `total`: for
    all of one call, a second node and redirects included; a connection that is just being made may
    pass it by `connect`.
    """

    wait_for_connection: float = 3.0
    connect: float = 3.0
    answer: float = 8.0
    total: float = 15.0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not (math.isfinite(value) and value > 0):
                raise ConfigurationError(f"{field.name} must be a finite time above 0, not {value}")


@dataclass(frozen=True, slots=True)
class RestLimits:
    """Bounds of the shared pool; each at least 1, else ConfigurationError.

    A request that Finesse took (202) holds no connection, so 10,000 pending requests need no more
    connections than their HTTP exchanges overlap: with answers in 50 ms, `max_connections` 50 per
    node carry 1,000 requests a second. It is per node, so that a silent node cannot starve the
    other. `max_waiting` is how many may wait for a connection; more are not sent. `keepalive` in
    seconds is kept below the idle limits of Tomcat (20 s) and of proxies: a request that meets a
    connection just being closed ends in doubt. `max_body` in bytes bounds an answer.
    """

    max_connections: int = 50
    max_waiting: int = 10_000
    keepalive: float = 5.0
    max_body: int = 1024 * 1024

    def __post_init__(self) -> None:
        for name in ("max_connections", "max_waiting", "max_body"):
            if getattr(self, name) < 1:
                raise ConfigurationError(f"{name} must be at least 1")
        if not 0 <= self.keepalive <= 60:  # noqa: PLR2004 - said in the message
            raise ConfigurationError("keepalive must be between 0 and 60 seconds")


class AnswerKind(StrEnum):
    """What an HTTP exchange says about the request."""

    ACCEPTED = "accepted"  # 202: Finesse took it; what comes of it comes by XMPP
    REFUSED = "refused"  # Finesse will not do it; repeating is safe
    DOUBTFUL = "doubtful"  # it may have been done
    NOT_SENT = "not_sent"  # not one byte of it left this machine


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one HTTP exchange; never an exception.

    `date` is the answer's Date header and `request_id` the id it echoed, as written. `detail` says
    in words, without secrets, what was wrong ("" when accepted). `body` is empty unless it was read
    to its end.
    """

    kind: AnswerKind
    status: int | None = None
    errors: tuple[ApiError, ...] = ()
    date: str | None = None
    request_id: str | None = None
    location: str | None = None
    content_type: str | None = None
    body: bytes = b""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a GET showed; when neither `found` nor `absent` is true, it proves nothing.

    `found`: a 200 that shows what was asked for. `absent`: a 404 in which Finesse itself says, with
    ApiErrors, that this dialog is not there; the 404 of a server without Finesse is not absence.
    `refused`: a 401 that speaks of the login.
    """

    status: int | None = None
    update: Update | None = None
    date: str | None = None
    detail: str = ""
    found: bool = False
    absent: bool = False
    refused: bool = False
