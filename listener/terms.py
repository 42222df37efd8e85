"""What the service is given and what a caller may wish: protocols and plain values.

Knows the words of both sides; does nothing. `service` imports it, `assembly` fulfils it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol, TypedDict

from listener.correlation.desk import Limits
from listener.correlation.gate import GateMode
from listener.correlation.outcome import MinimumEvidence
from listener.correlation.steps import Ask, Look, RestAnswer
from listener.finesse.actions.request import Request


class Wire(Protocol):
    """The way to Finesse's REST API."""

    async def send(self, request: Request, request_id: str) -> RestAnswer:
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

    def serving(self, *, in_service: bool) -> None:
        """Hear what Finesse published about itself: while it is out of service no events flow."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """How a caller wants one request to be treated.

    `deadline` in seconds from the 202. `validate` False leaves out the local check.
    `require_session` False sends even when no session would hear the answer.
    """

    deadline: float | None = None
    request_id: str | None = None
    minimum_evidence: MinimumEvidence | None = None
    validate: bool = True
    require_session: bool = True
    allow_repeat: bool = False


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
