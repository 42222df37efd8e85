"""Requests and expectations: sent and awaited, or announced and awaited.

Knows what each call means (docs/api.md); what came of a request is known behind the backend.
"""

from __future__ import annotations

import asyncio
import json
import re
from contextlib import aclosing
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from starlette.requests import Request as Call
from starlette.responses import JSONResponse, Response

from listener.api import asked
from listener.api.bodies import AnswerBody, RequestBody
from listener.api.described import (
    APPLIED,
    IDEMPOTENCY_KEY,
    LOCATION,
    PREFER,
    answers,
    caller_of,
    described,
)
from listener.api.given import agent_parameter, backend_of, missing, one_of, request_id
from listener.api.refusals import Kind
from listener.api.resources import STATES, RequestShape, RequestsShape
from listener.api.waiting import while_there
from listener.finesse.actions import checks
from listener.offers import Resource
from listener.web.callers import Scope

router = APIRouter(tags=["requests"])
expectations = APIRouter(tags=["expectations"])

SETTLED = "settled"
WORDS = ["open", *STATES]
MOST_LISTED = 1000

_XML_DECLARATION = re.compile(r"^\s*<\?xml[^>]*\?>")
_NOT_TAKEN = (
    Kind.INVALID_IDEMPOTENCY_KEY,
    Kind.IDEMPOTENCY_KEY_REUSED,
    Kind.UNKNOWN_AGENT,
    Kind.DUPLICATE_REQUEST_ID,
    Kind.DEVICE_BUSY,
    Kind.TOO_MANY_PENDING,
    Kind.NOT_LISTENING,
    Kind.CLOSING,
    Kind.NOT_KEPT,
    Kind.NOT_ACCEPTED,
)
_EXAMPLES: dict[str, Any] = {
    "hold": {"agent": "1001", "requestedAction": "HOLD", "dialogId": "54321"},
    "digits": {
        "agent": "1001",
        "requestedAction": "SEND_DTMF",
        "dialogId": "54321",
        "dtmfString": "777",
        "deadline": 20,
    },
    "call data": {
        "agent": "1001",
        "requestedAction": "UPDATE_CALL_DATA",
        "dialogId": "54321",
        "mediaProperties": {"callvariables": {"callVariable1": "x", "user.a[0]": "y"}},
        "minimumEvidence": "any",
    },
}

Id = Annotated[
    str,
    Path(
        description="the `id` of the request",
        examples=["0193a5c2-7c1e-7b1e-9f52-3d9f4a6b1c2d"],
        json_schema_extra={"format": "uuid"},
    ),
]


@router.post(
    "/v1/requests",
    **described(
        Scope.REQUEST,
        "Send a request to Finesse, and await its outcome",
        {
            202: answers("taken; not settled yet", RequestShape, LOCATION, APPLIED),
            200: answers("settled in time", RequestShape, APPLIED),
        },
        *_NOT_TAKEN,
        body=RequestBody,
        headers=(PREFER, IDEMPOTENCY_KEY),
        examples=_EXAMPLES,
    ),
)
async def send(call: Call) -> JSONResponse:
    """Finesse is asked once, and never twice.

    With `Prefer: wait=N` the answer comes when the request is settled (200) or after N seconds
    (202); without it at once (202). A caller that hangs up changes nothing: the request goes on,
    and can be read under its id. After a 4xx or 503 nothing was sent.
    """
    begun = asyncio.get_running_loop().time()
    caller, backend = caller_of(call), backend_of(call)
    document = await asked.document(call)
    request, wishes = asked.request_of(document, caller)
    key = asked.idempotency_of(call, "request", document, caller)
    taken = await backend.submit(request, wishes, key)
    resource, wait = taken.resource, asked.wait_of(call)
    if wait is None:
        return _taken(resource, 202)
    if wait and resource["state"] != SETTLED:
        left = begun + wait - asyncio.get_running_loop().time()
        resource = await _waited(call, resource, max(0.0, left))
    return _taken(resource, 200 if resource["state"] == SETTLED else 202, wait)


async def _waited(call: Call, resource: Resource, seconds: float) -> Resource:
    newer = await while_there(call, backend_of(call).resource(resource["id"], seconds))
    return newer if newer is not None else resource


def _taken(resource: Resource, status: int, wait: int | None = None) -> JSONResponse:
    headers = _applied(wait)
    if status != 200:  # noqa: PLR2004  a status of HTTP
        headers["Location"] = f"/v1/requests/{resource['id']}"
    return JSONResponse(resource, status, headers)


def _applied(wait: int | None) -> dict[str, str]:
    return {} if wait is None else {"Preference-Applied": f"wait={wait}"}


async def _read(call: Call, id_: str, kind: Kind) -> JSONResponse:
    known, wait = request_id(id_, kind), asked.wait_of(call)
    reading = backend_of(call).resource(known, float(wait or 0))
    resource = await (while_there(call, reading) if wait else reading)
    if resource is None:
        raise missing(known, kind)
    return JSONResponse(resource, headers=_applied(wait))


@router.get(
    "/v1/requests/{id}",
    **described(
        Scope.READ,
        "Read a request, and await its outcome",
        {200: answers("the request", RequestShape, APPLIED)},
        Kind.REQUEST_NOT_FOUND,
        Kind.NOT_KEPT,
        headers=(PREFER,),
    ),
)
async def read(call: Call, id: Id) -> JSONResponse:  # noqa: A002  the name in the path
    """With `Prefer: wait=N` the answer comes when it is settled, or after N seconds."""
    return await _read(call, id, Kind.REQUEST_NOT_FOUND)


@router.get(
    "/v1/requests",
    **described(
        Scope.READ,
        "List requests",
        {200: answers("the requests, newest first", RequestsShape)},
        Kind.NOT_KEPT,
    ),
)
async def listed(
    call: Call,
    state: Annotated[
        str | None,
        Query(
            description="`open`, or one of a request's states",
            json_schema_extra={"enum": WORDS},
        ),
    ] = None,
    agent: Annotated[str | None, Query(description="of that agent", examples=["1001"])] = None,
    request_id_: Annotated[
        str | None,
        Query(
            alias="requestId",
            description="with that id on the wire; there may be several",
            min_length=1,
            max_length=checks.MAX_TEXT,
        ),
    ] = None,
    limit: Annotated[int, Query(ge=1, le=MOST_LISTED, description="how many at most")] = 100,
) -> Response:
    """Those that are open, and those that were settled and are still kept."""
    found = backend_of(call).resources(
        state=one_of("state", state, WORDS),
        agent=agent_parameter(agent),
        request_id=request_id_,
        limit=limit,
    )
    # Written one by one: a thousand resources at once would hold up everybody else.
    async with aclosing(found):
        told = [json.dumps(each, ensure_ascii=False, separators=(",", ":")) async for each in found]
    document = f'{{"requests":[{",".join(told)}]}}'
    return Response(document.encode(), media_type="application/json")


@router.delete(
    "/v1/requests/{id}",
    **described(
        Scope.REQUEST,
        "Stop waiting for a request",
        {200: answers("the request as it is now", RequestShape)},
        Kind.REQUEST_NOT_FOUND,
        Kind.NOT_KEPT,
    ),
)
async def abandon(call: Call, id: Id) -> JSONResponse:  # noqa: A002  the name in the path
    """End it `abandoned`, or `rejected` (cancelled) when it was still queued.

    What Finesse does with it is still recorded under `late`. One that is settled stays as it is.
    """
    known = request_id(id)
    resource = await backend_of(call).abandon(known)
    if resource is None:
        raise missing(known)
    return JSONResponse(resource)


@expectations.post(
    "/v1/expectations",
    **described(
        Scope.REQUEST,
        "Announce a request that the caller sends itself",
        {201: answers("registered: send it now, with its requestId", RequestShape, LOCATION)},
        *_NOT_TAKEN,
        body=RequestBody,
        headers=(IDEMPOTENCY_KEY,),
        examples=_EXAMPLES,
    ),
)
async def expect(call: Call) -> JSONResponse:
    """Register first, send after, with the answer's `requestId` as header of the REST request.

    Then tell what Finesse answered (PATCH). Without that the deadline runs from here (60 s), and
    nothing is ever presumed. Read it as any request.
    """
    caller, backend = caller_of(call), backend_of(call)
    document = await asked.document(call)
    request, wishes = asked.request_of(document, caller)
    key = asked.idempotency_of(call, "expectation", document, caller)
    taken = await backend.expect(request, wishes, key)
    return _taken(taken.resource, 201)


@expectations.patch(
    "/v1/expectations/{id}",
    **described(
        Scope.REQUEST,
        "Tell what Finesse answered",
        {200: answers("the request as it is now", RequestShape)},
        Kind.EXPECTATION_NOT_FOUND,
        body=AnswerBody,
        examples={
            "accepted": {"status": 202},
            "refused": {"status": 400, "body": "<ApiErrors>...</ApiErrors>"},
        },
    ),
)
async def report(call: Call, id: Id) -> JSONResponse:  # noqa: A002  the name in the path
    """Tell it once: the first answer counts, a second one changes nothing."""
    known = request_id(id, Kind.EXPECTATION_NOT_FOUND)
    answer = asked.checked(AnswerBody, await asked.document(call))
    body = None if answer.body is None else _bytes(answer.body)
    resource = await backend_of(call).report(known, answer.status, body)
    if resource is None:
        raise missing(known, Kind.EXPECTATION_NOT_FOUND)
    return JSONResponse(resource)


def _bytes(text: str) -> bytes:
    # It was decoded on its way here, so the encoding that it declares is not its own any more.
    return _XML_DECLARATION.sub("", text, count=1).encode()


@expectations.get(
    "/v1/expectations/{id}",
    **described(
        Scope.READ,
        "Read an expectation, and await its outcome",
        {200: answers("the request", RequestShape, APPLIED)},
        Kind.EXPECTATION_NOT_FOUND,
        Kind.NOT_KEPT,
        headers=(PREFER,),
    ),
)
async def read_expectation(call: Call, id: Id) -> JSONResponse:  # noqa: A002  the name in the path
    """Read it under /v1/requests; this is the same."""
    return await _read(call, id, Kind.EXPECTATION_NOT_FOUND)
