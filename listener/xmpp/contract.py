"""What a session is given and how it ends, in values.

Knows where, how long and why; knows nothing of sockets or stanzas.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Literal, TypeAlias

from listener.errors import (
    ListenerError,
    NotFinesse,
    ResourceConflict,
    Unreachable,
)

Security: TypeAlias = Literal["tls", "starttls", "plain"]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where an agent's session is made.

    `domain` and `pubsub_domain` are xmppDomain and xmppPubSubDomain of SystemInfo;
    `certificate_name` is the name that the certificate must hold, None means `host`.
    """

    host: str
    port: int
    domain: str
    pubsub_domain: str
    security: Security = "tls"
    certificate_name: str | None = None


@dataclass(frozen=True, slots=True)
class Timings:
    """The waits of a session, in seconds; Finesse expects a ping every 20 s (guide p.9)."""

    connect: float = 10.0  # from dialling to the session that hears; the next ones end with it
    reflect: float = 2.0  # for the server to send our own presence back
    ping_every: float = 10.0
    ping_answer: float = 5.0
    ask: float = 5.0  # for the answer to a subscription request
    close: float = 2.0  # for a graceful end

    def scaled(self, factor: float) -> Timings:
        """Return the same waits, each times `factor`."""
        return replace(self, **{name: getattr(self, name) * factor for name in self.__slots__})


class Cause(StrEnum):
    """Why a stream ended."""

    LINK_LOST = "link_lost"
    PING_TIMEOUT = "ping_timeout"
    STREAM_ERROR = "stream_error"
    CONFLICT = "conflict"
    STANZA_TOO_BIG = "stanza_too_big"
    DTD = "dtd"
    MALFORMED = "malformed"
    CLOSED_BY_US = "closed_by_us"


@dataclass(frozen=True, slots=True)
class Ending:
    """The end of a session: its cause and one sentence for an operator."""

    cause: Cause
    detail: str


_AS_ERROR: dict[Cause, type[ListenerError]] = {
    Cause.CONFLICT: ResourceConflict,
    Cause.STANZA_TOO_BIG: NotFinesse,
    Cause.DTD: NotFinesse,
    Cause.MALFORMED: NotFinesse,
}


def as_error(ending: Ending) -> ListenerError:
    """Return the exception for a stream that ended before its session was there."""
    return _AS_ERROR.get(ending.cause, Unreachable)(ending.detail)
