"""The requests that move calls: make, answer, hold, retrieve, drop, consult, transfer, conference.

Knows what each asks for and what would prove it (guide p.80-97, 127-131); knows nothing of what
was heard.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import ClassVar, Self

from listener.errors import InvalidRequest
from listener.finesse import uris
from listener.finesse.actions import params
from listener.finesse.actions.checks import another_number
from listener.finesse.actions.expectation import (
    Conferenced,
    Left,
    NewCall,
    OwnState,
    Probe,
    SentAway,
    Transferred,
)
from listener.finesse.actions.params import CallVariables, number
from listener.finesse.actions.request import (
    UCCX,
    Cautions,
    DialogRequest,
    Request,
    RequestWarning,
    signed_out,
    unused,
)
from listener.finesse.model import Dialog, User

HELD = RequestWarning("participant_held", "The own participant was HELD; retrieve the call first.")
ALERTING = RequestWarning(
    "participant_alerting", "The own participant was ALERTING; answer the call first."
)
ALREADY = "already_so"
"""The code of a warning that nothing will change: then no event need follow."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class NewDialogRequest(Request):
    """A request that makes a dialog: POST /finesse/api/User/{id}/Dialogs (guide p.80, 97-104).

    `from_address` is the acting extension, the agent's own when left out (see `on_device`).
    """

    target_media_address: str | None = field(
        default=None, metadata=unused("targetMediaAddress", "name the device as fromAddress")
    )
    from_address: str | None = field(default=None, metadata=number("fromAddress"))
    to_address: str = field(metadata=number("toAddress"))

    method: ClassVar[str] = "POST"
    probe: ClassVar[Probe] = Probe.DIALOGS

    @property
    def dialog_id(self) -> None:
        """None: there is no dialog yet."""

    @property
    def path(self) -> str:
        """The REST path of the agent's dialogs."""
        return uris.dialogs_node(self.agent)

    @property
    def device(self) -> str | None:
        """The calling extension; None for the agent's own."""
        return self.from_address

    def on_device(self, extension: str) -> Self:
        """Return a copy with `from_address` filled in, if it was left out."""
        return self if self.from_address is not None else replace(self, from_address=extension)

    def _check(self, deployment: str | None) -> None:
        del deployment
        another_number("toAddress", self.to_address, self.from_address)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class MakeCall(NewDialogRequest):
    """Call `to_address` (guide p.80-82). `call_variables` go with the call on UCCE only."""

    call_variables: CallVariables = field(default=(), metadata=params.VARIABLES)

    requested_action: ClassVar[str] = "MAKE_CALL"

    def __post_init__(self) -> None:
        object.__setattr__(self, "call_variables", params.pairs(self.call_variables))

    @property
    def expectation(self) -> NewCall:
        """A new dialog to `to_address`."""
        return NewCall(self.to_address, self.from_address)

    def _check(self, deployment: str | None) -> None:
        NewDialogRequest._check(self, deployment)  # noqa: SLF001  slots break super()
        if deployment == UCCX and self.call_variables:
            raise InvalidRequest(
                "mediaProperties cannot go with MAKE_CALL on UCCX; send UPDATE_CALL_DATA once the"
                " call is there",
                field="mediaProperties",
            )

    def warnings(
        self, dialog: Dialog | None, user: User | None = None
    ) -> tuple[RequestWarning, ...]:
        """Warn when the agent is not in a state to call from."""
        del dialog
        if user is None or user.state != "READY":
            return signed_out(user)
        return (
            RequestWarning(
                "agent_ready",
                "The agent was READY; UCCE before 12.5 and UCCX want NOT_READY for a call.",
            ),
        )


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Answer(DialogRequest):
    """Answer a ringing call (guide p.84-87)."""

    requested_action: ClassVar[str] = "ANSWER"
    probe: ClassVar[Probe] = Probe.DIALOG
    cautions: ClassVar[Cautions] = {
        "ACTIVE": RequestWarning(ALREADY, "The own participant was ACTIVE already.")
    }

    @property
    def expectation(self) -> OwnState:
        """The own participant becomes ACTIVE."""
        return OwnState(frozenset({"ACTIVE"}))


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Hold(DialogRequest):
    """Put the own side of a call on hold (guide p.87)."""

    requested_action: ClassVar[str] = "HOLD"
    probe: ClassVar[Probe] = Probe.DIALOG
    cautions: ClassVar[Cautions] = {
        "HELD": RequestWarning(ALREADY, "The own participant was HELD already."),
        "ALERTING": ALERTING,
    }

    @property
    def expectation(self) -> OwnState:
        """The own participant becomes HELD."""
        return OwnState(frozenset({"HELD"}))


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Retrieve(DialogRequest):
    """Take the own side of a call off hold (guide p.86)."""

    requested_action: ClassVar[str] = "RETRIEVE"
    probe: ClassVar[Probe] = Probe.DIALOG
    never_on_preview: ClassVar[bool] = True
    cautions: ClassVar[Cautions] = {
        "ACTIVE": RequestWarning(ALREADY, "The own participant was ACTIVE already.")
    }

    @property
    def expectation(self) -> OwnState:
        """The own participant becomes ACTIVE."""
        return OwnState(frozenset({"ACTIVE"}))


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Drop(DialogRequest):
    """Leave a call; also ends monitoring, barging and one's leg of a conference (guide p.127)."""

    requested_action: ClassVar[str] = "DROP"
    probe: ClassVar[Probe] = Probe.ABSENCE
    cautions: ClassVar[Cautions] = {
        "DROPPED": RequestWarning(ALREADY, "The own participant was DROPPED already.")
    }

    @property
    def expectation(self) -> Left:
        """The own participant leaves."""
        return Left()


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ConsultCall(DialogRequest):
    """Call `to_address` beside the active call, which is held (guide p.93-95)."""

    to_address: str = field(metadata=number("toAddress"))

    requested_action: ClassVar[str] = "CONSULT_CALL"
    probe: ClassVar[Probe] = Probe.DIALOGS
    never_on_preview: ClassVar[bool] = True
    cautions: ClassVar[Cautions] = {"HELD": HELD, "ALERTING": ALERTING}

    @property
    def expectation(self) -> NewCall:
        """A new dialog to `to_address`, tied to this one."""
        return NewCall(self.to_address, self.target_media_address, associated=self.dialog_id)

    def _check(self, deployment: str | None) -> None:
        del deployment
        another_number("toAddress", self.to_address, self.target_media_address)


_NOT_HELD = RequestWarning(
    "participant_active",
    "The own participant was ACTIVE here; this request goes to the held call of the two.",
)
_NO_SECOND_CALL = RequestWarning(
    "no_second_call",
    "The own participant's actions do not offer it: there seems to be no active consult call.",
)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Transfer(DialogRequest):
    """Complete a consult transfer; goes to the held call (guide p.86, 131)."""

    requested_action: ClassVar[str] = "TRANSFER"
    probe: ClassVar[Probe] = Probe.DIALOGS
    changes_ids: ClassVar[bool] = True
    cautions: ClassVar[Cautions] = {"ACTIVE": _NOT_HELD}
    not_offered: ClassVar[RequestWarning | None] = _NO_SECOND_CALL

    @property
    def expectation(self) -> Transferred:
        """Both calls go on without us as one."""
        return Transferred()


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Conference(DialogRequest):
    """Join the consult call to the held one (guide p.86, 94)."""

    requested_action: ClassVar[str] = "CONFERENCE"
    probe: ClassVar[Probe] = Probe.DIALOGS
    changes_ids: ClassVar[bool] = True
    cautions: ClassVar[Cautions] = {"ACTIVE": _NOT_HELD}
    not_offered: ClassVar[RequestWarning | None] = _NO_SECOND_CALL

    @property
    def expectation(self) -> Conferenced:
        """One call with the parties of both."""
        return Conferenced()


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class TransferSst(DialogRequest):
    """Transfer the active call to `to_address` in a single step (guide p.96-97)."""

    to_address: str = field(metadata=number("toAddress"))

    requested_action: ClassVar[str] = "TRANSFER_SST"
    probe: ClassVar[Probe] = Probe.DIALOGS
    changes_ids: ClassVar[bool] = True
    never_on_preview: ClassVar[bool] = True
    cautions: ClassVar[Cautions] = {"ALERTING": ALERTING}

    @property
    def expectation(self) -> SentAway:
        """We leave, and the call arrives at `to_address`."""
        return SentAway(self.to_address)

    def _check(self, deployment: str | None) -> None:
        del deployment
        another_number("toAddress", self.to_address, self.target_media_address)
