"""The answers to a preview reservation: of Outbound Option, and direct preview.

Knows that both look the same on the wire and differ only in where they exist (guide p.108-111).
The documents contradict each other about direct preview (p.110 says UCCX only, other pages tell of
UCCE), so it is allowed on both, and Finesse answers 501 where it is not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from listener.finesse.actions.calls import ALREADY
from listener.finesse.actions.expectation import OwnState, Probe, ReservationEnded
from listener.finesse.actions.request import BOTH, UCCE, Cautions, DialogRequest, RequestWarning


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class PreviewAccept(DialogRequest):
    """Accept an Outbound Option preview reservation: the customer is called. UCCE only."""

    requested_action: ClassVar[str] = "ACCEPT"
    deployments: ClassVar[frozenset[str]] = frozenset({UCCE})
    probe: ClassVar[Probe] = Probe.DIALOG
    cautions: ClassVar[Cautions] = {
        "ACCEPTED": RequestWarning(ALREADY, "The reservation was ACCEPTED already.")
    }

    @property
    def expectation(self) -> OwnState:
        """The own participant becomes ACCEPTED."""
        return OwnState(frozenset({"ACCEPTED"}))


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class PreviewClose(DialogRequest):
    """Close an Outbound Option preview reservation: the record is done with. UCCE only."""

    requested_action: ClassVar[str] = "CLOSE"
    deployments: ClassVar[frozenset[str]] = frozenset({UCCE})

    @property
    def expectation(self) -> ReservationEnded:
        """The reservation is removed."""
        return ReservationEnded()


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class PreviewReject(DialogRequest):
    """Reject an Outbound Option preview reservation. UCCE only."""

    requested_action: ClassVar[str] = "REJECT"
    deployments: ClassVar[frozenset[str]] = frozenset({UCCE})

    @property
    def expectation(self) -> ReservationEnded:
        """The reservation is removed."""
        return ReservationEnded()


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class DirectPreviewAccept(PreviewAccept):
    """Accept a direct preview reservation: the agent's phone calls the customer."""

    deployments: ClassVar[frozenset[str]] = BOTH


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class DirectPreviewClose(PreviewClose):
    """Close a direct preview reservation."""

    deployments: ClassVar[frozenset[str]] = BOTH


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class DirectPreviewReject(PreviewReject):
    """Reject a direct preview reservation."""

    deployments: ClassVar[frozenset[str]] = BOTH
