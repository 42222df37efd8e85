"""The requests within a call: DTMF, call data, recording.

Knows what each asks for and how its effect would show (guide p.88-93, 107-108, 118); knows nothing
of what was heard.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from listener.errors import InvalidRequest
from listener.finesse.actions import checks, params, shown
from listener.finesse.actions.calls import ALERTING, ALREADY, HELD
from listener.finesse.actions.expectation import CallData, Gate, Probe, Silence
from listener.finesse.actions.params import CallVariables, Pairs, Param, Shape, Where, meta
from listener.finesse.actions.request import UCCX, Cautions, DialogRequest, RequestWarning
from listener.finesse.model import Dialog

WINDOW = 5.0
"""Seconds of silence after which DTMF counts as done: the desktop's own default (ADM 15.0)."""
PER_DIGIT = 0.3
"""Seconds that one more digit takes."""


def dtmf_window(digits: int) -> float:
    """Return for how many seconds an error may still follow that many digits."""
    return WINDOW + PER_DIGIT * digits


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class SendDtmf(DialogRequest):
    """Send digits into an active call (guide p.91-93).

    The digits are PINs and card numbers: only their count is ever shown.
    """

    dtmf_string: str = field(
        repr=False,
        metadata=meta(
            Param("dtmfString", Where.ACTION, checks.dtmf, shown.counted, label="digits")
        ),
    )

    requested_action: ClassVar[str] = "SEND_DTMF"
    gate: ClassVar[Gate] = Gate.DTMF
    cautions: ClassVar[Cautions] = {"HELD": HELD, "ALERTING": ALERTING}

    @property
    def expectation(self) -> Silence:
        """No event tells of success."""
        return Silence()

    @property
    def default_deadline(self) -> float:
        """The window for these digits, in seconds."""
        return dtmf_window(len(self.dtmf_string))


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class StartRecording(DialogRequest):
    """Start recording the active call; UCCX only (guide p.107-108)."""

    requested_action: ClassVar[str] = "START_RECORDING"
    deployments: ClassVar[frozenset[str]] = frozenset({UCCX})
    gate: ClassVar[Gate] = Gate.UNTIL_ANSWERED
    cautions: ClassVar[Cautions] = {"HELD": HELD, "ALERTING": ALERTING}

    @property
    def expectation(self) -> Silence:
        """No event tells of success."""
        return Silence()

    @property
    def default_deadline(self) -> float:
        """Seconds, as for DTMF."""
        return WINDOW


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class UpdateCallData(DialogRequest):
    """Set call variables, the wrap-up reason, or (UCCX) wrap-up items (guide p.88-91, 118).

    `call_variables` may be given as a mapping and is kept as pairs. None leaves a thing as it is;
    an empty text or tuple is a value.
    """

    call_variables: CallVariables = field(default=(), metadata=params.VARIABLES)
    wrap_up_reason: str | None = field(
        default=None,
        metadata=meta(Param("wrapUpReason", Where.MEDIA, checks.free_text, shown.counted)),
    )
    wrap_up_items: tuple[str, ...] | None = field(
        default=None,
        metadata=meta(Param("wrapUpItems", Where.MEDIA, checks.items, shown.counted, Shape.ITEMS)),
    )

    requested_action: ClassVar[str] = "UPDATE_CALL_DATA"
    gate: ClassVar[Gate] = Gate.UNTIL_ANSWERED
    probe: ClassVar[Probe] = Probe.DIALOG

    def __post_init__(self) -> None:
        object.__setattr__(self, "call_variables", params.pairs(self.call_variables))

    @property
    def variables(self) -> Pairs:
        """The call variables as pairs of name and value."""
        return params.pairs(self.call_variables)

    @property
    def expectation(self) -> CallData:
        """Each thing has the value asked for."""
        return CallData(self.variables, self.wrap_up_reason, self.wrap_up_items)

    def _check(self, deployment: str | None) -> None:
        del deployment
        if not self.variables and self.wrap_up_reason is None and self.wrap_up_items is None:
            raise InvalidRequest(
                "UPDATE_CALL_DATA has nothing to update; give callvariables, wrapUpReason or"
                " wrapUpItems",
                field="mediaProperties",
            )

    def _about_dialog(self, dialog: Dialog) -> tuple[RequestWarning, ...]:
        now = dialog.media_properties
        same = (  # compared, not hashed: it may be sealed
            all(now.variable(name) == value for name, value in self.variables)
            and self.wrap_up_reason in (None, now.wrap_up_reason)
            and self.wrap_up_items in (None, now.wrap_up_items)
        )
        if not same:
            return ()
        return (RequestWarning(ALREADY, "The call had these values already; no event need come."),)
