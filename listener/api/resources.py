"""What the API gives back, as pydantic models: they describe it for OpenAPI and do nothing else.

The values are made by `listener.report`, the backend and the catalogue, and go out as they are; a
test holds each against its model here. Words (kinds, reasons, states) come from the code.
"""
# No `from __future__ import annotations`: pydantic reads the annotations when the classes are made.

from collections.abc import Iterable
from typing import Annotated, Any, get_args

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from listener.correlation.outcome import Evidence, Outcome, Reason
from listener.correlation.pending import FINAL, State
from listener.offers import EVENT_NAMES

STATES = [*(str(state) for state in State if state not in FINAL), "settled"]
KINDS = [one.kind for one in get_args(Outcome)]

Time = Annotated[
    str,
    Field(
        description="UTC, RFC 3339",
        examples=["2026-11-21T08:00:00.123Z"],
        json_schema_extra={"format": "date-time"},
    ),
]


def words(known: Iterable[str], description: str) -> Any:
    """Return a field that holds one of these words."""
    return Field(description=description, json_schema_extra={"enum": [*known]})


class Shape(BaseModel):
    """One JSON object of an answer: every name is always there, with null where nothing is known.

    Later versions may add names.
    """

    model_config = ConfigDict(alias_generator=to_camel)


class ErrorShape(Shape):
    """An error as Finesse said it, and what is known about it."""

    error_type: str | None
    error_message: str | None
    error_data: str | None
    error_media: str | None
    peripheral_error_code: str | None
    peripheral_error_msg: str | None
    peripheral_error_text: str | None
    family: Annotated[str | None, Field(description="the family of the code", examples=["CF"])]
    constant: Annotated[str | None, Field(examples=["CF_INVALID_OBJECT_STATE"])]
    meaning: Annotated[str | None, Field(description="in words")]
    advice: Annotated[str | None, Field(description="what to do")]


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


class CallbackShape(Shape):
    """A callback that was promised."""

    callback_time: str | None
    callback_number: str | None


class MediaPropertiesShape(Shape):
    """What goes with a call."""

    model_config = ConfigDict(extra="allow")

    call_type: str | None
    dnis: Annotated[str | None, Field(alias="DNIS")]
    dialed_number: str | None
    outbound_classification: str | None
    wrap_up_reason: str | None
    wrap_up_items: list[str]
    callvariables: dict[str, str | None]


class ParticipantShape(Shape):
    """A party of a call."""

    media_address: str | None
    media_address_type: str | None
    state: Annotated[str | None, Field(examples=["ACTIVE"])]
    state_cause: str | None
    start_time: str | None
    state_change_time: str | None
    actions: list[str]


class DialogShape(Shape):
    """A call or a task by Finesse's names: null where an element was absent, "" where empty."""

    model_config = ConfigDict(extra="allow")

    id: str | None
    uri: str | None
    state: Annotated[str | None, Field(examples=["ACTIVE"])]
    media_type: str | None
    from_address: str | None
    to_address: str | None
    associated_dialog_uri: str | None
    secondary_id: str | None
    callback_number: str | None
    scheduled_callback_info: CallbackShape | None
    media_properties: MediaPropertiesShape
    participants: list[ParticipantShape]


class UserShape(Shape):
    """An agent by Finesse's names; nested elements as objects."""

    model_config = ConfigDict(extra="allow")

    login_id: str | None
    state: Annotated[str | None, Field(examples=["NOT_READY"])]
    extension: str | None


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


class AgentShape(Shape):
    """An agent's session."""

    model_config = ConfigDict(extra="allow")

    id: Annotated[str, Field(examples=["1001"])]
    state: Annotated[str, Field(description="the state of the session")]
    live: Annotated[bool, Field(description="whether events are heard now")]
    node: Annotated[str | None, Field(description="the Finesse node")]
    since: Annotated[Time | None, Field(description="since when it is so")]
    last_gap: Annotated[
        dict[str, Any] | None, Field(description="when events may have been lost last")
    ]
    last_error: Annotated[str | None, Field(description="why it was lost or refused last")]
    configured: Annotated[bool, Field(description="false: held on demand for the drop-in")]


class AgentsShape(Shape):
    """All agents."""

    agents: list[AgentShape]


class DialogsShape(Shape):
    """An agent's dialogs as last known, and when that was."""

    agent: str
    live: bool
    at: Time | None
    dialogs: list[DialogShape]


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


class InfoShape(Shape):
    """What this daemon is."""

    model_config = ConfigDict(extra="allow")

    version: Annotated[str, Field(examples=["0.1.0"])]
    deployment: Annotated[str | None, Field(examples=["UCCE"])]


class LiveShape(Shape):
    """The loop turns."""

    live: bool


class ReadinessShape(Shape):
    """Whether the daemon can do its work, and what is in the way."""

    ready: bool
    reasons: list[str]


class ReloadShape(Shape):
    """Which agents were added, removed and changed."""

    model_config = ConfigDict(extra="allow")

    added: list[str]
    removed: list[str]
    changed: list[str]


class ForgottenShape(Shape):
    """How much was erased, by kind."""

    erased: dict[str, int]


class EventShape(Shape):
    """The `data` of one event; which names are there depends on the event."""

    model_config = ConfigDict(extra="allow")

    at: Time | None = None


EVENTS = list(EVENT_NAMES)
