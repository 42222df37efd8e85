"""What the service is given and what a caller may wish: protocols and plain values.

Knows the words of both sides; does nothing. `service` imports it, `assembly` fulfils it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias, TypedDict

from listener.correlation.desk import Limits
from listener.correlation.gate import GateMode
from listener.correlation.outcome import MinimumEvidence, Outcome
from listener.correlation.picture import Baseline
from listener.correlation.registration import Registration
from listener.correlation.steps import Ask, Late, Look, RestAnswer
from listener.finesse.actions.request import Request
from listener.finesse.events import Event
from listener.ticket import Record

Leaving: TypeAlias = Callable[[], None]
"""Called by whoever sends in the moment before the request's first byte may leave.

Raises CancelledError where the request was given up meanwhile: then nothing of it may leave. Until
it is called a request is said not to have left; whoever does not call it must not promise to.
"""

Sender: TypeAlias = Callable[[Leaving], Awaitable[RestAnswer]]
"""Puts one request on the wire, once, and says what was answered; never raises but when cancelled.
"""


class Wire(Protocol):
    """The way to Finesse's REST API."""

    async def send(self, request: Request, request_id: str, leaves: Leaving) -> RestAnswer:
        """Send a request once; every answer, and none, is a value."""
        ...

    async def look(self, ask: Ask) -> Look:
        """Do the GET that is asked for."""
        ...

    def judge(self, status: int, body: bytes | None) -> RestAnswer:
        """Say what an answer means that somebody else received."""
        ...


class Ears(Protocol):
    """The agents' sessions."""

    async def ping(self, agent: str, within: float) -> bool:
        """Ping the server over that agent's session: True when all sent before was read.

        False at once when there is no session or it ends.
        """
        ...

    def serving(self, *, in_service: bool, node: str | None = None) -> None:
        """Hear what a node of Finesse published about itself; None: which one is not known.

        While it is out of service no events flow.
        """
        ...


class Memory(Protocol):
    """What outlives the process of each request, and what the readers of events are told.

    Nothing here waits. Where a future is returned, it is done once that is safe on disk (at once
    where there is no journal) and fails with NotKept when it cannot be made safe: then the request
    must not be sent.
    """

    @property
    def trouble(self) -> str | None:
        """Why no new request can be kept now; None when all is well."""
        ...

    def taken(self, record: Record, registration: Registration) -> asyncio.Future[None]:
        """Keep the intent of a request."""
        ...

    def going(self, record: Record, baseline: Baseline | None) -> asyncio.Future[None]:
        """Keep that its turn has come, and what is known at this moment: else it is not sent."""
        ...

    def leaves(self, record: Record, baseline: Baseline | None) -> None:
        """Keep that its first byte leaves, and what is known at this moment: this is what counts.

        Nothing waits for it. A process that ends before it is kept leaves a request of which nobody
        knows what was known when it left.
        """
        ...

    def answered(self, record: Record, answer: RestAnswer, length: float) -> None:
        """Keep what Finesse answered; `length`: seconds of the deadline from here."""
        ...

    def settled(self, record: Record, outcome: Outcome, tell: Callable[[Outcome], None]) -> None:
        """Keep the outcome, and call `tell` with it once it is safe.

        Where it cannot be made safe, `tell` is called with the outcome and a warning that says so.
        """
        ...

    def late(self, record: Record, late: Late) -> None:
        """Keep what was heard after the outcome."""
        ...

    def heard(self, event: Event) -> None:
        """Take in one event that was news."""
        ...

    def gap(self, agent: str, cause: str | None) -> None:
        """Take in that an agent's events may be lost from now on, or (None) no more."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """How a caller wants one request to be treated.

    `deadline` in seconds from the 202. `validate` False leaves out the local check.
    `require_session` False sends even when no session would hear the answer. `allow_repeat` takes a
    requestId that is live. `asked_by` names the caller in the record. `idempotency` is its key and
    the fingerprint of its body, to be kept with the intent.
    """

    deadline: float | None = None
    request_id: str | None = None
    minimum_evidence: MinimumEvidence | None = None
    validate: bool = True
    require_session: bool = True
    allow_repeat: bool = False
    asked_by: str | None = None
    idempotency: tuple[str, str] | None = field(default=None, repr=False)


class Wished(TypedDict, total=False):
    """The keyword arguments of `Listener.submit`, `start` and `expect`; `Wishes` explains them."""

    deadline: float | None
    request_id: str | None
    minimum_evidence: MinimumEvidence | str | None
    validate: bool
    require_session: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What holds for all requests; `deadlines` by requestedAction, in seconds."""

    limits: Limits = field(default_factory=Limits)
    gate: GateMode = GateMode.QUEUE
    minimum_evidence: MinimumEvidence = MinimumEvidence.ANY
    deadline: float | None = None
    deadlines: tuple[tuple[str, float], ...] = ()
