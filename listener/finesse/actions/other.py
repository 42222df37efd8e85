"""A request that this program does not know: tracked by its id alone.

Knows who sent what where; what it was to bring about, nobody here knows, and its body is not kept.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from listener.errors import InvalidRequest
from listener.finesse.actions import checks
from listener.finesse.actions.expectation import Gate, Tied
from listener.finesse.actions.params import Param, Where, meta
from listener.finesse.actions.request import Request, unused
from listener.finesse.body import Element

OTHER = "OTHER"
"""What `key_of` calls it; no key of ACTIONS."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class OtherRequest(Request):
    """A request that somebody else built and sends: `recognise` makes it.

    `requested_action` is what its body named, "" when it named none. It is never built, checked or
    sent here: its caller's own bytes go out.
    """

    target_media_address: str | None = field(
        default=None, metadata=unused("targetMediaAddress", "its body is its caller's")
    )
    # Its own for each, where every other class has one for all; field() keeps what is inherited
    # from becoming a default.
    requested_action: str = field(metadata=meta(Param("requestedAction", Where.PATH)))  # type: ignore[misc]
    method: str = field(metadata=meta(Param("method", Where.PATH)))  # type: ignore[misc]
    path: str = field(metadata=meta(Param("path", Where.PATH)))
    dialog_id: str | None = field(metadata=meta(Param("dialogId", Where.PATH, checks.identifier)))

    gate = Gate.NONE

    @property
    def expectation(self) -> Tied:
        """Nothing: an error with its id fails it, and no update proves it."""
        return Tied()

    def body(self) -> Element:
        """Raise InvalidRequest: the body was not kept."""
        raise InvalidRequest(self._refusal, field=self.action_tag)

    def validate(self, deployment: str | None = None) -> None:
        """Raise InvalidRequest: what is not known can be passed on, not sent from here."""
        del deployment
        raise InvalidRequest(self._refusal, field=self.action_tag)

    @property
    def _refusal(self) -> str:
        return (
            f"the action {self.requested_action!r} is not known here, so that it can be passed on"
            " as it came, but not sent; use one of those that `from_mapping` knows"
        )
