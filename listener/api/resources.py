"""What the API gives back, as pydantic models: they describe it for OpenAPI and do nothing else.

The values are made by `listener.report`, the backend and the catalogue, and go out as they are; a
test holds each against its model here. Words (kinds, reasons, states) come from the code.
"""
# No `from __future__ import annotations`: pydantic reads the annotations when the classes are made.

from typing import Annotated, Any, get_args

from pydantic import Field

from listener.api.shapes import DialogShape, ErrorShape, Shape, Time, UserShape, words
from listener.correlation.outcome import Evidence, Outcome, Reason
from listener.correlation.pending import FINAL, State

STATES = [*(str(state) for state in State if state not in FINAL), "settled"]
KINDS = [one.kind for one in get_args(Outcome)]
ORIGINS = ["configured", "api", "dropin"]


class WarningShape(Shape):
    """What the last known picture suggested against the request."""

    code: Annotated[str, Field(examples=["already_so"])]
    detail: str


class DialogIdsShape(Shape):
    """Where ids of dialogs changed, as far as seen."""

    survivor: str | None
    new: str | None
    gone: list[str]


class SeenShape(Shape):
    """Something heard about a request that did not decide it."""

    at: Annotated[float, Field(description="seconds since it was submitted")]
    what: str
    detail: str


class GapShape(Shape):
    """When nothing could be heard."""

    from_: Annotated[Time | None, Field(alias="from")]
    until: Time | None


class WindowShape(Shape):
    """From when until when was listened, and the gaps in between."""

    from_: Annotated[Time, Field(alias="from")]
    until: Time
    gaps: list[GapShape]


class OutcomeShape(Shape):
    """What came of a request, and how that is known."""

    kind: Annotated[str, words(KINDS, "after `rejected` alone repeating is safe")]
    evidence: Annotated[Evidence | None, Field(description="how it is known")]
    reason: Annotated[Reason | None, Field(description="why there is nothing better")]
    sent: Annotated[
        bool | None, Field(description="did anything leave this machine; null: not known")
    ]
    status: Annotated[int | None, Field(description="what Finesse answered", examples=[202])]
    stage: Annotated[
        str | None, Field(description="how far a call or a state change was", examples=["ALERTING"])
    ]
    state_cause: Annotated[str | None, Field(description="why a call failed", examples=["BUSY"])]
    errors: list[ErrorShape]
    warnings: list[WarningShape]
    changed: Annotated[
        bool | None, Field(description="UPDATE_CALL_DATA: false when it was so before")
    ]
    applied: list[str]
    missing: list[str]
    truncated: list[str]
    dialog: Annotated[DialogShape | None, Field(description="as last known")]
    user: Annotated[UserShape | None, Field(description="as last known")]
    dialogs: DialogIdsShape
    waited: Annotated[float, Field(description="seconds", examples=[5.2])]
    seen: list[SeenShape]
    window: WindowShape


class LateShape(Shape):
    """Something heard after the outcome."""

    at: Annotated[float, Field(description="seconds since it was submitted")]
    kind: str
    detail: str
    errors: list[ErrorShape]


class RequestShape(Shape):
    """A request: what was asked, where it stands, what came of it."""

    id: Annotated[
        str,
        Field(
            description="ours, unique: the key of every resource",
            examples=["0193a5c2-7c1e-7b1e-9f52-3d9f4a6b1c2d"],
            json_schema_extra={"format": "uuid"},
        ),
    ]
    request_id: Annotated[str, Field(description="on the wire; need not be unique in the wild")]
    agent: Annotated[str, Field(examples=["1001"])]
    requested_action: Annotated[
        str, Field(description="Finesse's word, as it goes on the wire", examples=["HOLD"])
    ]
    dialog_id: Annotated[str | None, Field(examples=["54321"])]
    asked_by: Annotated[
        str | None,
        Field(description="the token's name, or the uid at the socket", examples=["crm"]),
    ]
    state: Annotated[str, words(STATES, "where it stands")]
    submitted: Time
    sent: Time | None
    answered: Time | None
    settled: Time | None
    outcome: OutcomeShape | None
    late: Annotated[list[LateShape], Field(description="what was heard after it was settled")]


class RequestsShape(Shape):
    """Requests, the newest first."""

    requests: list[RequestShape]


class LastGapShape(Shape):
    """When events of an agent may have been lost; `until` is null while it lasts."""

    from_: Annotated[Time | None, Field(alias="from")]
    until: Time | None
    cause: str | None
    lossless: Annotated[bool, Field(description="nothing was lost after all")]


class AgentShape(Shape):
    """An agent's session."""

    id: Annotated[str, Field(examples=["1001"])]
    state: Annotated[str, Field(description="the state of the session", examples=["up"])]
    live: Annotated[bool, Field(description="whether events are heard now")]
    node: Annotated[str | None, Field(description="the Finesse node")]
    since: Annotated[Time | None, Field(description="since when it is so")]
    extension: Annotated[str | None, Field(description="the agent's own, as far as known")]
    origin: Annotated[str, words(ORIGINS, "who wanted it")]
    last_gap: LastGapShape | None
    last_error: Annotated[str | None, Field(description="why it was lost or refused last")]


class AgentsShape(Shape):
    """All agents."""

    agents: list[AgentShape]


class KnownDialogShape(DialogShape):
    """A dialog as last known, and when that was."""

    at: Time | None


class DialogsShape(Shape):
    """An agent and its dialogs as last known, and when that was."""

    agent: str
    live: Annotated[bool, Field(description="whether events are heard now")]
    at: Time | None
    user: UserShape | None
    dialogs: list[KnownDialogShape]


class EntryShape(Shape):
    """One meaning of one code."""

    family: Annotated[str, Field(examples=["CF"])]
    code: Annotated[str, Field(examples=["34"])]
    constant: str | None
    meaning: str
    advice: str | None
    source: str
    deployments: list[str]


class ReadingShape(Shape):
    """How an error is read."""

    family: str | None
    constant: str | None
    meaning: str | None
    advice: str | None


class LookupShape(Shape):
    """What is known about a code, a constant or an error type."""

    text: str
    entries: list[EntryShape]
    suggestions: list[str]
    note: str | None
    explanation: Annotated[
        ReadingShape | None, Field(description="the one reading, when type or data was given")
    ] = None


class HeldShape(Shape):
    """How many agents."""

    held: int
    up: int


class LimitsShape(Shape):
    """How much may be open at once."""

    max_pending: int
    max_pending_per_agent: int


class JournalShape(Shape):
    """What the journal holds; `trouble` says why it cannot be written, null when all is well."""

    first_sequence: int | None
    last_sequence: int | None
    trouble: str | None
    set_aside: Annotated[str | None, Field(description="where a damaged file was put")]


class InfoShape(Shape):
    """What this daemon is."""

    version: Annotated[str, Field(examples=["0.1.0"])]
    deployment: Annotated[str | None, Field(examples=["UCCE"])]
    nodes: list[str]
    epoch: Annotated[str, Field(description="what the ids of events begin with")]
    started: Time
    draining: Annotated[bool, Field(description="new requests are refused")]
    agents: HeldShape
    pending: Annotated[int, Field(description="requests without an outcome")]
    limits: LimitsShape
    journal: Annotated[JournalShape | None, Field(description="null: nothing outlives the process")]


class LiveShape(Shape):
    """The loop turns."""

    live: bool


class ReadinessShape(Shape):
    """Whether the daemon can do its work, and what is in the way."""

    ready: bool
    reasons: list[str]


class ReloadShape(Shape):
    """Which agents were added, removed and changed, and which keys need a restart.

    `retried`: agents that try once more, whom only a person could help before. `refused`: agents
    whose password or token Finesse refused, and which is still the same.
    `certificatesChanged`: other certificates of Finesse's are trusted from now on.
    """

    added: list[str]
    removed: list[str]
    changed: list[str]
    retried: list[str]
    refused: list[str]
    restart_needed: list[str]
    certificates_changed: bool


class ForgottenShape(Shape):
    """What was erased, by kind."""

    erased: dict[str, Any]
