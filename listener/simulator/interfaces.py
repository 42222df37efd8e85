"""What the parts of the simulator ask of each other: an HTTP exchange, a publisher, the truth.

The switch speaks to agents through a `Publisher`, so that the same switch can publish through the
built-in notification service or through a real XMPP server.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol, TypeAlias


class Fate(StrEnum):
    """What becomes of an HTTP exchange."""

    ANSWER = "answer"  # the response is sent
    CUT = "cut"  # the request is read, then the connection is closed without an answer
    HANG = "hang"  # the request is read and never answered
    RESET = "reset"  # the request is read, then the connection is reset (RST)


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One request as it arrived. Header names are lower case; `path` is raw, without the query."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """What to answer. `delay` in seconds, waited before the answer (or the fate) happens."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0
    fate: Fate = Fate.ANSWER


Handler: TypeAlias = Callable[[HttpRequest], Awaitable[HttpResponse]]


class Form(StrEnum):
    """How a payload stands inside `<notification>`; all were seen in the wild."""

    ESCAPED = "escaped"
    CHILD = "child"
    CDATA = "cdata"


class Publisher(Protocol):
    """The notification side: puts one payload on one node for whoever is subscribed."""

    async def publish(
        self, node: str, payload: str, *, item_id: str | None = None, form: Form = Form.ESCAPED
    ) -> int:
        """Publish `payload` (the XML of an Update); return to how many live sessions it went.

        Order of calls is order of arrival on each stream. An absent session gets nothing, ever.
        """
        ...

    def present(self, user: str) -> bool:
        """Say whether any session of that user is available (presence sent, priority >= 0)."""
        ...


class Notifications(Publisher, Protocol):
    """A notification service with a life of its own, which a `Simulator` can publish through.

    `domain` and `pubsub_domain` are what SystemInfo names; `tls_port` is where sessions are made.
    """

    domain: str
    pubsub_domain: str

    @property
    def tls_port(self) -> int | None:
        """The direct-TLS port; None before `start`, and where there is none."""
        ...

    async def start(self, host: str = "127.0.0.1", *, tls_port: int | None = 0) -> None:
        """Begin to serve; port 0 lets the kernel choose. A taken port is an OSError."""
        ...

    async def stop(self) -> None:
        """End every session, and serve no more; idempotent."""
        ...

    def set_finesse_presence(self, *, available: bool) -> None:
        """Set the presence of the XMPP user `finesse`, which stands for the web application."""
        ...


@dataclass(slots=True)
class Deed:
    """The truth about one REST request that reached the simulated Finesse.

    `effect` says what became of it: None while undecided, True when the switch did it, False when
    it was refused. `status` is the HTTP answer (None: none was given). Times are the loop's clock.
    `published` lists each (time, tagged, is_error, sessions reached) event that it caused.
    `client` is "caller" or "desktop" (the agent's simulated desktop); `faults` names what was done
    to this request or its events on purpose; `node` is the number of the node that was asked.
    """

    agent: str
    request_id: str | None
    action: str
    dialog_id: str | None
    received: float
    status: int | None = None
    effect: bool | None = None
    effect_at: float | None = None
    error: str | None = None
    new_dialog_id: str | None = None
    published: list[tuple[float, bool, bool, int]] = field(default_factory=list)
    client: str = "caller"
    faults: list[str] = field(default_factory=list)
    node: int = 0
