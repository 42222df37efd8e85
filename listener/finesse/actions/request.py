"""What every request has: where it goes, what it carries, what would prove it, how long to wait.

Knows Finesse's rules for requests; knows neither XML text nor what was heard.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar, NamedTuple, Self, TypeAlias

from listener.errors import InvalidRequest
from listener.finesse import uris
from listener.finesse.actions import checks, params
from listener.finesse.actions.expectation import Expectation, Gate, Probe
from listener.finesse.actions.params import Param, Where, meta, number
from listener.finesse.body import Element

if TYPE_CHECKING:
    from listener.finesse.model import Dialog, Participant, User

UCCE = "UCCE"
UCCX = "UCCX"
BOTH = frozenset({UCCE, UCCX})

DEFAULT_DEADLINE = 20.0
"""Seconds. A CTI server may take 10 to 15 s to answer (CTI guide 15.0), so less would guess."""


class RequestWarning(NamedTuple):
    """What a live dialog suggests against a request; never a refusal, our picture may be old."""

    code: str
    detail: str


Cautions: TypeAlias = Mapping[str, RequestWarning]


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Request(ABC):
    """One call-control request of one agent; immutable, and safe to show (no digits, no secrets).

    `agent` is whose credentials and whose device; `target_media_address` the extension that acts,
    the agent's own when left out (the service fills it in before sending: see `on_device`).
    """

    agent: str = field(metadata=meta(Param("agent", Where.PATH, checks.identifier)))
    target_media_address: str | None = field(default=None, metadata=number("targetMediaAddress"))

    requested_action: ClassVar[str]
    method: ClassVar[str] = "PUT"
    root: ClassVar[str] = "Dialog"
    action_tag: ClassVar[str] = "requestedAction"
    deployments: ClassVar[frozenset[str]] = BOTH
    gate: ClassVar[Gate] = Gate.UNTIL_SETTLED
    probe: ClassVar[Probe] = Probe.NONE
    changes_ids: ClassVar[bool] = False
    """Whether the dialog's id may change with success (TRANSFER, TRANSFER_SST, CONFERENCE)."""

    def __repr__(self) -> str:
        """Show what was given: digits counted, numbers masked, call variables by name."""
        return params.show(self)

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

    @property
    def default_deadline(self) -> float:
        """Seconds to wait from Finesse's acceptance, when the caller does not say."""
        return DEFAULT_DEADLINE

    @property
    def device(self) -> str | None:
        """The extension that acts; None for the agent's own, or where there is no device."""
        return None

    def on_device(self, extension: str) -> Self:
        """Return a copy that names `extension` as the acting device, if none was named."""
        del extension
        return self

    def body(self) -> Element:
        """Return the request body as a value; what was left out is not in it."""
        return Element(
            self.root, (Element(self.action_tag, self.requested_action), *params.elements(self))
        )

    def validate(self, deployment: str | None = None) -> None:
        """Refuse what cannot be valid (InvalidRequest names the field and the way out).

        `deployment` is "UCCE" or "UCCX"; anything else skips what differs between them.
        """
        known = deployment if deployment in BOTH else None
        if known and known not in self.deployments:
            raise InvalidRequest(
                f"{self.requested_action} ({type(self).__name__}) does not exist on {known},"
                f" only on {', '.join(sorted(self.deployments))}",
                field=self.action_tag,
            )
        for item, param in params.of(self):
            value = getattr(self, item.name)
            if value is not None or item.default is not None:
                param.check(param.name, value, known)
        self._check(known)

    def _check(self, deployment: str | None) -> None:
        """Refuse what no single parameter shows; for subclasses."""
        del deployment

    def warnings(
        self, dialog: Dialog | None, user: User | None = None
    ) -> tuple[RequestWarning, ...]:
        """Say what the last known picture suggests against it, for the outcome's record."""
        del dialog
        return signed_out(user)


def signed_out(user: User | None) -> tuple[RequestWarning, ...]:
    """Warn when the agent was last seen signed out."""
    if user is None or user.state != "LOGOUT":
        return ()
    return (RequestWarning("signed_out", "The agent was last seen signed out."),)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class DialogRequest(Request):
    """A request on an existing dialog: PUT /finesse/api/Dialog/{id} (guide p.80-112)."""

    # a field fulfils the property; field() keeps the property from becoming its default
    dialog_id: str = field(metadata=meta(Param("dialogId", Where.PATH, checks.identifier)))

    cautions: ClassVar[Cautions] = {}
    """What to say when the own participant is in that state."""
    not_offered: ClassVar[RequestWarning | None] = None
    """What to say when the own participant's actions do not list it, if not the usual."""
    never_on_preview: ClassVar[bool] = False
    """Whether Finesse refuses it on a preview reservation (guide p.86-97)."""

    @property
    def path(self) -> str:
        """The REST path of the dialog."""
        return uris.dialog_path(self.dialog_id)

    @property
    def device(self) -> str | None:
        """The extension whose participant acts; None for the agent's own."""
        return self.target_media_address

    def on_device(self, extension: str) -> Self:
        """Return a copy with `target_media_address` filled in, if it was left out."""
        if self.target_media_address is not None:
            return self
        return replace(self, target_media_address=extension)

    def warnings(
        self, dialog: Dialog | None, user: User | None = None
    ) -> tuple[RequestWarning, ...]:
        """Say what the last known dialog and user suggest against it."""
        if dialog is None:
            return signed_out(user)
        return (
            *signed_out(user),
            *self._about_participant(dialog, user),
            *self._about_preview(dialog),
            *self._about_dialog(dialog),
        )

    def _own(self, dialog: Dialog, user: User | None) -> Participant | None:
        device = self.device or (user.extension if user else None)
        return dialog.participant(device) if device else None

    def _about_participant(self, dialog: Dialog, user: User | None) -> tuple[RequestWarning, ...]:
        own = self._own(dialog, user)
        if own is None:
            return self._about_absence(dialog)
        caution = self.cautions.get(own.state or "")
        found = (caution,) if caution else ()
        if not own.actions or self.requested_action in own.actions:
            return found
        usual = RequestWarning(
            "not_in_actions",
            f"The own participant's actions are {', '.join(own.actions)},"
            f" without {self.requested_action}.",
        )
        return (*found, self.not_offered or usual)

    def _about_absence(self, dialog: Dialog) -> tuple[RequestWarning, ...]:
        if self.device is None or not dialog.participants:
            return ()
        return (
            RequestWarning(
                "not_a_participant", "The acting extension was not among the dialog's participants."
            ),
        )

    def _about_preview(self, dialog: Dialog) -> tuple[RequestWarning, ...]:
        if not self.never_on_preview or dialog.media_properties.call_type != "OUTBOUND_PREVIEW":
            return ()
        return (
            RequestWarning(
                "preview_reservation",
                f"The dialog is a preview reservation, where {self.requested_action} is refused.",
            ),
        )

    def _about_dialog(self, dialog: Dialog) -> tuple[RequestWarning, ...]:
        """Say what else the dialog suggests; for subclasses."""
        del dialog
        return ()


def unused(name: str, way_out: str) -> dict[str, Param]:
    """Return the metadata of an inherited field that this request does not have."""

    def check(name: str, value: object, deployment: str | None) -> None:
        del value, deployment
        raise InvalidRequest(f"{name} is no parameter of this request; {way_out}", field=name)

    return meta(Param(name, Where.UNUSED, check))
