"""The JSON of the API as types: what each resource holds, by the names that stand on the wire.

Typed dicts alone: what comes from the daemon is handed on as it came. docs/api.md explains them.
"""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypeAlias, TypedDict

State: TypeAlias = Literal["queued", "sent", "accepted", "in_doubt", "settled"]
Kind: TypeAlias = Literal["confirmed", "presumed", "failed", "rejected", "unconfirmed", "abandoned"]
Evidence: TypeAlias = Literal["request_id", "expectation", "sole_pending", "snapshot"]
MinimumEvidence: TypeAlias = Literal["any", "event", "request_id"]

UserResource: TypeAlias = dict[str, Any]
"""A user by Finesse's names, nested elements as objects."""


class ParticipantResource(TypedDict):
    """One party of a call."""

    mediaAddress: str | None
    mediaAddressType: str | None
    state: str | None
    stateCause: str | None
    startTime: str | None
    stateChangeTime: str | None
    actions: list[str]


class DialogResource(TypedDict):
    """A call or a task by Finesse's names; an absent element is None, an empty one ""."""

    id: str | None
    uri: str | None
    state: str | None
    mediaType: str | None
    fromAddress: str | None
    toAddress: str | None
    associatedDialogUri: str | None
    secondaryId: str | None
    callbackNumber: str | None
    ccaiConfigId: str | None
    scheduledCallbackInfo: dict[str, str | None] | None
    mediaProperties: dict[str, Any]
    participants: list[ParticipantResource]


class ErrorResource(TypedDict):
    """One error as Finesse said it, and what is known about it."""

    errorType: str | None
    errorMessage: str | None
    errorData: str | None
    errorMedia: str | None
    peripheralErrorCode: str | None
    peripheralErrorMsg: str | None
    peripheralErrorText: str | None
    family: str | None
    constant: str | None
    meaning: str | None
    advice: str | None


class WarningResource(TypedDict):
    """What was odd about a request and did not keep it from being sent."""

    code: str
    detail: str


class SeenResource(TypedDict):
    """What was heard and proved too little; `at` in seconds from the submission."""

    at: float
    what: str
    detail: str


class DialogIds(TypedDict):
    """Where the request changed the ids of dialogs."""

    survivor: str | None
    new: str | None
    gone: list[str]


Span = TypedDict("Span", {"from": str | float | None, "until": str | float | None})
"""From when until when; `from` is a word of Python, hence this way of writing it."""

Window = TypedDict(
    "Window", {"from": str | float | None, "until": str | float | None, "gaps": list[Span]}
)
"""When the daemon listened for the answer, and when it could not."""


class OutcomeResource(TypedDict):
    """What came of a request, and how that is known."""

    kind: Kind
    evidence: Evidence | None
    reason: str | None
    sent: bool | None
    status: int | None
    stage: str | None
    stateCause: str | None
    errors: list[ErrorResource]
    warnings: list[WarningResource]
    changed: bool | None
    applied: list[str]
    missing: list[str]
    truncated: list[str]
    dialog: DialogResource | None
    user: UserResource | None
    dialogs: DialogIds
    waited: float
    seen: list[SeenResource]
    window: Window


class LateResource(TypedDict):
    """What was heard after the outcome; `at` in seconds from the submission."""

    at: float
    kind: str
    detail: str
    errors: list[ErrorResource]


class RequestResource(TypedDict):
    """One request: what was asked, where it stands, what came of it. Times are RFC 3339, UTC."""

    id: str
    requestId: str
    agent: str
    requestedAction: str
    dialogId: str | None
    askedBy: str | None
    state: State
    submitted: str
    sent: str | None
    answered: str | None
    settled: str | None
    outcome: OutcomeResource | None
    late: list[LateResource]


Gap = TypedDict(
    "Gap",
    {"from": str | None, "until": str | None, "cause": str | None, "lossless": bool},
)
"""When events of an agent may have been lost; `until` is None while that goes on."""


class AgentResource(TypedDict):
    """An agent's session: how it is, on which node, since when. Times are RFC 3339, UTC."""

    id: str
    state: str
    live: bool
    node: str | None
    since: str | None
    extension: str | None
    origin: str
    lastGap: Gap | None
    lastError: str | None


class KnownDialog(DialogResource):
    """A dialog as last known; `at` is the time of that knowledge."""

    at: str | None


class DialogsResource(TypedDict):
    """An agent's dialogs and user as last known, and the time of the newest of that knowledge."""

    agent: str
    live: bool
    at: str | None
    user: UserResource | None
    dialogs: list[KnownDialog]


class ErrorEntries(TypedDict):
    """What the catalogue knows about a code, a constant or an error type."""

    text: str
    entries: list[dict[str, Any]]
    suggestions: list[str]
    note: str | None
    explanation: NotRequired[dict[str, str | None]]


class ReadinessResource(TypedDict):
    """Whether the daemon can do its work, and what is in the way."""

    ready: bool
    reasons: list[str]


class PageLink(TypedDict):
    """A link to the daemon's page: good once, for so many seconds; whether it may show numbers."""

    link: str
    seconds: float
    numbers: bool
