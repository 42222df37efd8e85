"""The requests of supervisors: monitor, barge in, take a party out.

Knows what each asks for and what would prove it (guide p.97-106, 131); knows nothing of what was
heard.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Self

from listener.finesse import uris
from listener.finesse.actions import checks
from listener.finesse.actions.calls import NewDialogRequest
from listener.finesse.actions.expectation import Barged, Monitoring, PartyGone, Probe
from listener.finesse.actions.params import Param, meta, number
from listener.finesse.actions.request import UCCE, DialogRequest, RequestWarning, signed_out
from listener.finesse.model import Dialog, User


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class SilentMonitor(NewDialogRequest):
    """Listen to the call of the agent at `to_address` (guide p.97-99)."""

    requested_action: ClassVar[str] = "SILENT_MONITOR"

    @property
    def expectation(self) -> Monitoring:
        """An active monitor call."""
        return Monitoring(self.to_address, self.from_address)

    def warnings(
        self, dialog: Dialog | None, user: User | None = None
    ) -> tuple[RequestWarning, ...]:
        """Warn when the supervisor is not NOT_READY."""
        del dialog
        if user is None or user.state in {None, "NOT_READY", "LOGOUT"}:
            return signed_out(user)
        return (
            RequestWarning(
                "supervisor_state",
                f"The supervisor was {user.state}; monitoring needs NOT_READY.",
            ),
        )


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class BargeCall(NewDialogRequest):
    """Join the call that is being monitored (guide p.101-104).

    `associated_dialog_uri` is the URI of the monitor dialog.
    """

    associated_dialog_uri: str = field(
        metadata=meta(Param("associatedDialogUri", check=checks.dialog_uri))
    )

    requested_action: ClassVar[str] = "BARGE_CALL"

    @property
    def expectation(self) -> Barged:
        """We are an active party of the agent's call."""
        return Barged(
            self.to_address, uris.dialog_id(self.associated_dialog_uri), self.from_address
        )


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ParticipantDrop(DialogRequest):
    """Take a party out of a conference; UCCE only (guide p.104-106).

    `target_media_address` is the party to remove, not the own device.
    """

    target_media_address: str = field(metadata=number("targetMediaAddress"))

    requested_action: ClassVar[str] = "PARTICIPANT_DROP"
    deployments: ClassVar[frozenset[str]] = frozenset({UCCE})
    probe: ClassVar[Probe] = Probe.DIALOG

    @property
    def device(self) -> None:
        """None: the agent's own device acts, and the request does not name it."""

    def on_device(self, extension: str) -> Self:
        """Return this request as it is: its address names the party to remove."""
        del extension
        return self

    @property
    def expectation(self) -> PartyGone:
        """The party is gone."""
        return PartyGone(self.target_media_address)

    def _about_dialog(self, dialog: Dialog) -> tuple[RequestWarning, ...]:
        if not dialog.participants or dialog.participant(self.target_media_address):
            return ()
        return (
            RequestWarning(
                "party_not_in_call", "The party to remove was not among the participants."
            ),
        )
