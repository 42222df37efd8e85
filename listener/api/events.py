"""`GET /v1/events`: which events a reader wants, and where it begins.

Knows the filters and `Last-Event-ID`; how events go out is `stream`'s business.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Protocol

from fastapi import APIRouter, Query
from starlette.requests import Request as Call
from starlette.responses import Response

from listener.api.described import SCHEMAS, answers, described
from listener.api.entrance import HEAD
from listener.api.given import agent_parameter, backend_of, one_of, request_id
from listener.api.happenings import EVENT_SHAPES
from listener.api.refusals import Kind, Refusal
from listener.api.stream import HEARTBEAT, MEDIA_TYPE, RETRY, EventStream
from listener.finesse.actions import checks
from listener.offers import EVENT_NAMES, Reader, Wanted
from listener.web.callers import Scope

router = APIRouter(tags=["events"])

CONNECTION = "listener.connection"
"""In the scope: the connection that the call came over, where there is one."""
LONGEST_ID = 128

_EXAMPLE = (
    f"retry: {RETRY}\nid: 5f0c1a2b-16\n\n"
    'id: 5f0c1a2b-17\nevent: session\ndata: {"at":"2026-11-21T08:00:00.123Z","id":"1001"}\n\n'
    ":\nid: 5f0c1a2b-17\n\n"
)

_EVENT = {
    "type": "object",
    "description": "one event; the stream is a sequence of them",
    "properties": {
        "id": {"type": "string", "description": "epoch-sequence; lagged and reset have none"},
        "event": {"type": "string", "enum": [*EVENT_NAMES]},
        "data": {
            "type": "string",
            "contentMediaType": "application/json",
            "contentSchema": {
                "anyOf": [{"$ref": SCHEMAS + shape.__name__} for shape in EVENT_SHAPES.values()]
            },
        },
        "retry": {"type": "integer", "description": "milliseconds"},
    },
}


class Connection(Protocol):
    """What the door tells of the connection (`listener.web`)."""

    def become_event_reader(self) -> bool:
        """Count it as an event reader from now on; False when there are too many."""
        ...


@router.get(
    "/v1/events",
    **described(
        Scope.READ,
        "Follow what happens",
        {
            200: answers("server-sent events, until either side ends")
            | {"content": {MEDIA_TYPE: {"schema": _EVENT, "example": _EXAMPLE}}}
        },
        Kind.TOO_MANY_READERS,
        Kind.CLOSING,
        headers=(
            {
                "name": "Last-Event-ID",
                "in": "header",
                "description": "go on behind this event; stands above `after`",
                "schema": {"type": "string"},
                "example": "5f0c1a2b-17",
            },
        ),
    )
    | {"response_class": EventStream},
)
async def events(
    call: Call,
    *,
    agent: Annotated[str | None, Query(description="of that agent", examples=["1001"])] = None,
    dialog_id: Annotated[
        str | None,
        Query(
            alias="dialogId",
            min_length=1,
            max_length=checks.MAX_TEXT,
            description="about that dialog",
        ),
    ] = None,
    id: Annotated[  # noqa: A002  the filter's name
        str | None,
        Query(description="about that request", json_schema_extra={"format": "uuid"}),
    ] = None,
    kind: Annotated[
        list[str] | None,
        Query(
            description="of these names; give it once for each",
            json_schema_extra={"items": {"type": "string", "enum": [*EVENT_NAMES]}},
        ),
    ] = None,
    after: Annotated[
        str | None, Query(description="go on behind this event", examples=["5f0c1a2b-17"])
    ] = None,
) -> Response:
    """Server-sent events, each sent after it is safe in the journal.

    `dialog`, `user` and `error` are what Finesse published; `request` is a request's resource
    whenever it changes; `session` and `gap` are about hearing. `id` is `epoch-sequence`.
    `Last-Event-ID` resumes without loss or repeat; where that is not possible any more, `reset`
    comes first: read the requests anew. A reader that falls behind is cut off, and finds `lagged`
    first when it resumes. A comment comes every 15 s. Blocks with an `id` alone tell where a
    reader is that was told nothing yet.
    """
    wanted = wanted_of(agent, dialog_id, id, kind)
    return streamed(call, wanted, after)


def wanted_of(
    agent: str | None, dialog_id: str | None, id_: str | None, kind: list[str] | None
) -> Wanted:
    """Return which events the parameters of a call ask for; refuse what cannot be one of them."""
    kinds = frozenset(name for each in kind or () if (name := one_of("kind", each, EVENT_NAMES)))
    return Wanted(
        agent=agent_parameter(agent),
        dialog_id=dialog_id,
        id=None if id_ is None else request_id(id_, Kind.INVALID_PARAMETER),
        kinds=kinds or None,
    )


def streamed(
    call: Call,
    wanted: Wanted,
    after: str | None,
    seen_through: Callable[[Reader], Reader] = lambda reader: reader,
) -> Response:
    """Return the stream of those events, behind `after` or `Last-Event-ID`, which stands above it.

    `seen_through` may put something between the events and their reader. Refuses one reader too
    many. HEAD reads nothing.
    """
    # What is no id of an event is handed on: `reset` tells that nothing can be resumed there.
    after = (call.headers.get("last-event-id") or after or "")[:LONGEST_ID] or None
    if call.scope.get(HEAD):
        return Response(media_type=MEDIA_TYPE)
    _count(call)
    reader = seen_through(backend_of(call).events(wanted, after))
    return EventStream(reader, heartbeat=getattr(call.app.state, "heartbeat", HEARTBEAT))


def _count(call: Call) -> None:
    """Count the connection as an event reader; refuse one too many."""
    connection: Connection | None = call.scope.get(CONNECTION)
    if connection is not None and not connection.become_event_reader():
        raise Refusal(
            Kind.TOO_MANY_READERS,
            "as many read events as may (api.max_event_readers); try again later",
            retry_after=5.0,
        )
