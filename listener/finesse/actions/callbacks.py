"""What an agent tells the dialer about an outbound call: its classification and its callback.

Knows what each asks for and what would prove it (guide p.75, 111-113); knows nothing of what was
heard.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from listener.errors import InvalidRequest
from listener.finesse.actions import checks
from listener.finesse.actions.calls import ALREADY
from listener.finesse.actions.expectation import (
    CallbackCancelled,
    CallbackScheduled,
    Gate,
    Probe,
    Reclassified,
)
from listener.finesse.actions.params import Param, Where, meta, number
from listener.finesse.actions.request import DialogRequest, RequestWarning
from listener.finesse.model import Dialog

CLASSIFICATIONS = ("VOICE", "FAX", "ANS_MACHINE", "INVALID", "BUSY", "DO_NOT_CALL")


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Reclassify(DialogRequest):
    """Tell the dialer what answered: one of CLASSIFICATIONS (guide p.111-112)."""

    outbound_classification: str = field(
        metadata=meta(Param("outboundClassification", Where.ACTION, checks.one_of(CLASSIFICATIONS)))
    )

    requested_action: ClassVar[str] = "RECLASSIFY"
    gate: ClassVar[Gate] = Gate.UNTIL_ANSWERED
    probe: ClassVar[Probe] = Probe.DIALOG

    @property
    def expectation(self) -> Reclassified:
        """BAResponse holds the value."""
        return Reclassified(self.outbound_classification)

    def _about_dialog(self, dialog: Dialog) -> tuple[RequestWarning, ...]:
        call = dialog.media_properties
        if call.variable("BAResponse") == self.outbound_classification:
            return (RequestWarning(ALREADY, "BAResponse held this value already."),)
        if any(variable.name.startswith("BA") for variable in call.call_variables):
            return ()
        return (
            RequestWarning("not_a_campaign_call", "The call has no BA variables of a campaign."),
        )


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class UpdateScheduledCallback(DialogRequest):
    """Promise a callback, or change it (guide p.75, 112).

    `callback_time` is YYYY-MM-DDThh:mm. Cisco's own library sends one of the two per request.
    """

    callback_time: str | None = field(
        default=None, metadata=meta(Param("callbackTime", Where.ACTION, checks.callback_time))
    )
    callback_number: str | None = field(
        default=None, metadata=number("callbackNumber", Where.ACTION)
    )

    requested_action: ClassVar[str] = "UPDATE_SCHEDULED_CALLBACK"
    gate: ClassVar[Gate] = Gate.UNTIL_ANSWERED
    probe: ClassVar[Probe] = Probe.DIALOG

    @property
    def expectation(self) -> CallbackScheduled:
        """ScheduledCallbackInfo shows it."""
        return CallbackScheduled(self.callback_time, self.callback_number)

    def _check(self, deployment: str | None) -> None:
        del deployment
        if self.callback_time is None and self.callback_number is None:
            raise InvalidRequest(
                "UPDATE_SCHEDULED_CALLBACK needs callbackTime or callbackNumber",
                field="callbackTime",
            )

    def _about_dialog(self, dialog: Dialog) -> tuple[RequestWarning, ...]:
        now = dialog.scheduled_callback_info
        same = (  # compared, not hashed: it may be sealed
            now is not None
            and self.callback_time in (None, now.callback_time)
            and self.callback_number in (None, now.callback_number)
        )
        return (RequestWarning(ALREADY, "This callback was scheduled already."),) if same else ()


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class CancelScheduledCallback(DialogRequest):
    """Take back a promised callback (guide p.112)."""

    requested_action: ClassVar[str] = "CANCEL_SCHEDULED_CALLBACK"
    gate: ClassVar[Gate] = Gate.UNTIL_ANSWERED
    probe: ClassVar[Probe] = Probe.DIALOG

    @property
    def expectation(self) -> CallbackCancelled:
        """ScheduledCallbackInfo is empty."""
        return CallbackCancelled()

    def _about_dialog(self, dialog: Dialog) -> tuple[RequestWarning, ...]:
        now = dialog.scheduled_callback_info
        if now is not None and (now.callback_time or now.callback_number):
            return ()
        return (RequestWarning("no_callback", "No callback was scheduled on this call."),)
