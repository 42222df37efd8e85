"""A request as the judge sees it: what was asked and said, what was true, and what was heard.

Plain values, made from a stage once its scene is over, or by hand in a test. `View` shows a dialog
in one shape, whether it was heard of or is the simulator's own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from listener.correlation.outcome import Outcome
from listener.demo.stage import Stage, outcome_of
from listener.demo.witness import Heard
from listener.finesse.actions.request import Request
from listener.simulator.interfaces import Deed

if TYPE_CHECKING:
    from listener.finesse.model import Dialog
    from listener.simulator.calls import Call

GONE = frozenset({"DROPPED", "WRAP_UP", "FAILED", None})
"""States of a participant who is not on the call."""


@dataclass(frozen=True, slots=True)
class View:
    """What one look at a dialog shows: its state, its parties' states, and its values."""

    state: str | None = None
    kind: str | None = None
    parties: Mapping[str | None, str | None] = field(default_factory=dict)
    values: Mapping[str, str | None] = field(default_factory=dict)
    items: frozenset[str] = frozenset()
    callback: tuple[str | None, str | None] = (None, None)

    @property
    def present(self) -> frozenset[str | None]:
        """Who is on the call."""
        return frozenset(who for who, state in self.parties.items() if state not in GONE)

    @classmethod
    def of_dialog(cls, dialog: Dialog) -> View:
        """Look at a dialog that was heard of."""
        media, promised = dialog.media_properties, dialog.scheduled_callback_info
        return cls(
            dialog.state,
            media.call_type,
            {party.media_address: party.state for party in dialog.participants},
            {v.name: v.value for v in media.call_variables}
            | {"wrapUpReason": media.wrap_up_reason},
            frozenset(media.wrap_up_items),
            (promised.callback_time, promised.callback_number) if promised else (None, None),
        )

    @classmethod
    def of_call(cls, call: Call) -> View:
        """Look at a dialog as it truly is."""
        return cls(
            call.state,
            call.call_type,
            {party.address: party.state for party in call.parties},
            {**call.variables, "wrapUpReason": call.wrap_up_reason},
            frozenset(call.wrap_up_items),
            (call.scheduled.get("callbackTime"), call.scheduled.get("callbackNumber")),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One request and all that may be known about it. Times by the loop's clock.

    `deeds` is the truth: none when it never reached Finesse, and never more than one. `heard` is
    what all sessions heard in the whole scene, in order; `standing` the dialog as it truly was when
    the outcome came.
    """

    request: Request
    request_id: str
    outcome: Outcome
    own: str
    submitted: float
    answered: float | None
    settled: float
    deadline: float
    deeds: Sequence[Deed] = ()
    heard: Sequence[Heard] = ()
    standing: View | None = None
    note: str = ""
    tagging: str = ""

    @property
    def agent(self) -> str:
        """Whose request it is."""
        return self.request.agent

    @property
    def deed(self) -> Deed | None:
        """The truth, or None when it never reached Finesse."""
        return self.deeds[0] if self.deeds else None

    @property
    def object_id(self) -> str | None:
        """The dialog that the request acts on; None: the agent, or a call to be made."""
        return self.request.dialog_id

    @property
    def action(self) -> str:
        """Finesse's name of the action."""
        return self.request.requested_action


def cases_of(stage: Stage) -> list[Case]:
    """Return a case for each request of the scene, in the order in which they were asked."""
    heard = tuple(stage.witness.heard)
    return [
        Case(
            request=play.record.request,
            request_id=play.record.request_id,
            outcome=outcome_of(play),
            own=play.record.request.agent,  # the demo's extensions are the agents' ids
            submitted=play.record.submitted_at,
            answered=play.record.answered_at,
            settled=play.settled_at,
            deadline=play.deadline,
            deeds=tuple(stage.deeds(play)),
            heard=heard,
            standing=View.of_call(play.standing) if play.standing else None,
            note=play.note,
            tagging=stage.tagging,
        )
        for play in stage.plays
    ]
