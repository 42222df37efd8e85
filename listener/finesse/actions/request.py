"""What every request has: where it goes, what it carries, what would prove it, how long to wait.

Knows Finesse's rules for requests; knows neither XML text nor what was heard.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from listener.finesse import uris
from listener.finesse.actions.expectation import Expectation, Gate, Probe
from listener.finesse.body import Element

if TYPE_CHECKING:
    from listener.finesse.model import Dialog, User

UCCE = "UCCE"
UCCX = "UCCX"
BOTH = frozenset({UCCE, UCCX})

DEFAULT_DEADLINE = 20.0
"""Seconds. A CTI server may take 10 to 15 s to answer (CTI guide 15.0), so less would guess."""


class RequestWarning(NamedTuple):
    """What a live dialog suggests against a request; never a refusal, our picture may be old."""

    code: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Request(ABC):
    """One call-control request of one agent; immutable, and safe to show (no digits, no secrets).

    `agent` is whose credentials and whose device; `target_media_address` the extension that acts,
    the agent's own when left out (the service fills it in before sending: see `on_device`).
    """

    agent: str
    target_media_address: str | None = None

    requested_action: ClassVar[str]
    method: ClassVar[str] = "PUT"
    deployments: ClassVar[frozenset[str]] = BOTH
    gate: ClassVar[Gate] = Gate.UNTIL_SETTLED
    probe: ClassVar[Probe] = Probe.NONE
    default_deadline: ClassVar[float] = DEFAULT_DEADLINE
    changes_ids: ClassVar[bool] = False
    """Whether the dialog's id may change with success (TRANSFER, TRANSFER_SST, CONFERENCE)."""

    @property
    @abstractmethod
    def dialog_id(self) -> str | None:
        """The dialog it acts on; None for requests that make one or that concern the user."""

    @property
    @abstractmethod
    def path(self) -> str:
        """The REST path, escaped."""

    @property
    @abstractmethod
    def expectation(self) -> Expectation:
        """What would prove it."""

    @abstractmethod
    def body(self) -> Element:
        """The request body as a value; needs `target_media_address` to be filled in."""

    def validate(self, deployment: str | None = None) -> None:
        """Refuse what cannot be valid (InvalidRequest names the field and the way out).

        `deployment` is "UCCE" or "UCCX"; None skips what differs between them.
        """

    def warnings(self, dialog: Dialog | None, user: User | None = None) -> tuple[RequestWarning, ...]:
        """Say what the last known picture suggests against it, for the outcome's record."""
        return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DialogRequest(Request):
    """A request on an existing dialog: PUT /finesse/api/Dialog/{id} (guide p.80-112)."""

    dialog_id: str  # a field fulfils the property

    @property
    def path(self) -> str:
        """The REST path of the dialog."""
        return uris.dialog_path(self.dialog_id)
