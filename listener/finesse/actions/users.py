"""The requests about the agent: sign in, sign out, ready, not ready, work.

Knows what each asks for and what would prove it (guide p.73-74, 345-348); knows nothing of what
was heard. Their action is the state that they ask for.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from listener.errors import InvalidRequest
from listener.finesse import uris
from listener.finesse.actions import checks
from listener.finesse.actions.calls import ALREADY
from listener.finesse.actions.expectation import Gate, Probe, UserState
from listener.finesse.actions.params import Param, Where, meta, number
from listener.finesse.actions.request import Request, RequestWarning, signed_out, unused
from listener.finesse.model import Dialog, User

MOBILE_MODES = ("CALL_BY_CALL", "NAILED_CONNECTION")
_REASON = meta(Param("reasonCodeId", check=checks.reason_code))


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class UserRequest(Request):
    """A request about the agent: PUT /finesse/api/User/{id}."""

    target_media_address: str | None = field(
        default=None, metadata=unused("targetMediaAddress", "it concerns the agent, not a device")
    )

    root: ClassVar[str] = "User"
    action_tag: ClassVar[str] = "state"
    gate: ClassVar[Gate] = Gate.NONE
    probe: ClassVar[Probe] = Probe.USER
    weak_states: ClassVar[frozenset[str]] = frozenset()

    @property
    def dialog_id(self) -> None:
        """None: it concerns the agent."""

    @property
    def path(self) -> str:
        """The REST path of the agent."""
        return uris.user_node(self.agent)

    @property
    def expectation(self) -> UserState:
        """The agent's state is, or will be, the one asked for."""
        return UserState(frozenset({self.requested_action}), weak_states=self.weak_states)

    def warnings(
        self, dialog: Dialog | None, user: User | None = None
    ) -> tuple[RequestWarning, ...]:
        """Warn when the agent is signed out, or in that state already."""
        del dialog
        if user is None or user.state != self.requested_action:
            return signed_out(user)
        return (RequestWarning(ALREADY, f"The agent was {user.state} already."),)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Ready(UserRequest):
    """Become ready for calls. RESERVED or TALKING instead prove it only with our id."""

    requested_action: ClassVar[str] = "READY"
    weak_states: ClassVar[frozenset[str]] = frozenset({"RESERVED", "TALKING"})


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class NotReady(UserRequest):
    """Become not ready, with a reason where the site asks for one."""

    reason_code_id: str | None = field(default=None, metadata=_REASON)

    requested_action: ClassVar[str] = "NOT_READY"

    @property
    def expectation(self) -> UserState:
        """The agent is NOT_READY, for that reason."""
        return UserState(frozenset({"NOT_READY"}), self.reason_code_id)

    def warnings(
        self, dialog: Dialog | None, user: User | None = None
    ) -> tuple[RequestWarning, ...]:
        """Warn when the agent is signed out, or not ready for that reason already."""
        if user is not None and self.reason_code_id not in {None, user.reason_code_id}:
            return signed_out(user)
        return UserRequest.warnings(self, dialog, user)  # slots break super()


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Work(UserRequest):
    """Go into wrap-up work."""

    requested_action: ClassVar[str] = "WORK"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class SignIn(UserRequest):
    """Sign in at `extension`; a mobile agent also gives mode and number, both or neither."""

    extension: str = field(metadata=number("extension"))
    mobile_mode: str | None = field(
        default=None, metadata=meta(Param("mode", Where.MOBILE, checks.one_of(MOBILE_MODES)))
    )
    mobile_dial_number: str | None = field(
        default=None, metadata=number("dialNumber", Where.MOBILE)
    )

    requested_action: ClassVar[str] = "LOGIN"

    @property
    def expectation(self) -> UserState:
        """The agent is NOT_READY at that extension (LOGIN may be seen in passing)."""
        return UserState(frozenset({"LOGIN", "NOT_READY"}), extension=self.extension)

    def _check(self, deployment: str | None) -> None:
        del deployment
        if (self.mobile_mode is None) != (self.mobile_dial_number is None):
            raise InvalidRequest("mobileAgent needs both mode and dialNumber", field="mobileAgent")

    def warnings(
        self, dialog: Dialog | None, user: User | None = None
    ) -> tuple[RequestWarning, ...]:
        """Warn when the agent is signed in already."""
        del dialog
        if user is None or user.state in {None, "LOGOUT"}:
            return ()
        return (RequestWarning(ALREADY, f"The agent was signed in already ({user.state})."),)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class SignOut(UserRequest):
    """Sign out, with a reason where the site asks for one."""

    reason_code_id: str | None = field(default=None, metadata=_REASON)

    requested_action: ClassVar[str] = "LOGOUT"

    @property
    def expectation(self) -> UserState:
        """The agent is LOGOUT."""
        return UserState(frozenset({"LOGOUT"}), self.reason_code_id)

    def warnings(
        self, dialog: Dialog | None, user: User | None = None
    ) -> tuple[RequestWarning, ...]:
        """Warn when the agent is signed out already, or in a state that UCCE does not sign out."""
        if user is None or user.state in {None, "NOT_READY", "LOGOUT"}:
            return UserRequest.warnings(self, dialog, user)  # slots break super()
        return (
            RequestWarning(
                "agent_state", f"The agent was {user.state}; UCCE signs out from NOT_READY only."
            ),
        )
