"""Health, metrics, what this daemon is, what an error means, and what an operator may ask for.

Knows what each call means (docs/api.md); what is done is known behind the backend.
"""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Path, Query
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.requests import Request as Call
from starlette.responses import JSONResponse, Response

from listener.api import asked
from listener.api.bodies import ForgetBody
from listener.api.described import answers, described
from listener.api.given import FLAG, backend_of, one_of
from listener.api.lookup import looked_up, reading
from listener.api.refusals import Kind, Refusal
from listener.api.resources import (
    ForgottenShape,
    InfoShape,
    LiveShape,
    LookupShape,
    ReadinessShape,
    ReloadShape,
)
from listener.finesse.actions.request import UCCE, UCCX
from listener.web.callers import Scope

health = APIRouter(tags=["health"])
router = APIRouter(tags=["operations"])

DEPLOYMENTS = (UCCE, UCCX)
LONGEST_TEXT = 128


@health.get(
    "/livez", **described(None, "Is it alive?", {200: answers("the loop turns", LiveShape)})
)
async def livez() -> JSONResponse:
    """Answer, which is the answer. Needs no credentials."""
    return JSONResponse({"live": True})


@health.get(
    "/readyz",
    **described(
        None,
        "Can it do its work?",
        {200: answers("ready", ReadinessShape), 503: answers("not ready", ReadinessShape)},
    ),
)
async def readyz(call: Call) -> JSONResponse:
    """Say whether the journal can be written and sessions are up as the policy wants it.

    Needs no credentials.
    """
    found = backend_of(call).ready()
    told = {"ready": found.ready, "reasons": list(found.reasons)}
    return JSONResponse(told, 200 if found.ready else 503)


@health.get(
    "/metrics",
    **described(
        Scope.READ,
        "Read the metrics",
        {
            200: {
                "description": "Prometheus' text format",
                "content": {"text/plain": {"schema": {"type": "string"}}},
            }
        },
    )
    | {"response_class": Response},
)
async def metrics(call: Call) -> Response:
    """For Prometheus. No label names an agent, unless the operator chose so."""
    return Response(
        backend_of(call).metrics(), media_type=None, headers={"Content-Type": CONTENT_TYPE_LATEST}
    )


@router.get(
    "/v1/info",
    **described(Scope.READ, "What is this daemon?", {200: answers("what it is", InfoShape)}),
)
async def info(call: Call) -> JSONResponse:
    """Tell version, deployment, nodes and limits; nothing secret."""
    return JSONResponse(backend_of(call).info())


@router.get(
    "/v1/errors/{error}",
    **described(
        Scope.READ,
        "Look up an error of Finesse",
        {200: answers("what is known about it", LookupShape)},
        Kind.ERROR_UNKNOWN,
    ),
)
async def error(
    error: Annotated[
        str,
        Path(
            description="a code, a constant or an error type",
            examples=["CF_INVALID_OBJECT_STATE", "34"],
            json_schema_extra={"minLength": 1, "maxLength": LONGEST_TEXT},
        ),
    ],
    deployment: Annotated[
        str | None,
        Query(
            description="leave out what belongs to the other one",
            json_schema_extra={"enum": [*DEPLOYMENTS]},
        ),
    ] = None,
    error_type: Annotated[
        str | None,
        Query(alias="type", max_length=LONGEST_TEXT, description="the errorType beside it"),
    ] = None,
    data: Annotated[
        str | None, Query(max_length=LONGEST_TEXT, description="the errorData beside it")
    ] = None,
) -> JSONResponse:
    """Say what it means and what to do about it.

    One number may have several meanings; with `type` or `data`, as they stood beside it, the answer
    also holds the one reading that follows from them (`explanation`).
    """
    one_of("deployment", deployment, DEPLOYMENTS)
    if len(error) > LONGEST_TEXT:
        raise Refusal(Kind.ERROR_UNKNOWN, f"no error has more than {LONGEST_TEXT} characters")
    # In a thread: the first look reads the tables, and looking for what resembles takes a while.
    found = await asyncio.to_thread(looked_up, error, deployment)
    if error_type is not None or data is not None:
        found["explanation"] = reading(error, error_type, data, deployment)
    elif not found["entries"]:
        near = found["suggestions"]
        similar = f"; similar: {', '.join(near)}" if near else ""
        raise Refusal(
            Kind.ERROR_UNKNOWN, f"nothing is known about that error{similar}", suggestions=near
        )
    return JSONResponse(found)


@router.post(
    "/v1/reload",
    **described(
        Scope.ADMIN,
        "Read the settings again",
        {200: answers("what changed", ReloadShape)},
        Kind.SETTINGS_INVALID,
        Kind.CLOSING,
    ),
)
async def reload(
    call: Call,
    *,
    retry_refused: Annotated[
        str,
        Query(
            alias="retryRefused",
            description="try refused passwords once more, though they are the same",
            json_schema_extra={"enum": [*FLAG]},
        ),
    ] = "false",
) -> JSONResponse:
    """Add, remove and change agents; the others notice nothing. Read the CA file anew, too.

    Settings that cannot work change nothing, and the problem says why. A password or token that
    Finesse refused is not tried again while it is the same: five refusals lock an account. With
    `retryRefused=true` it is, once; say so when the account was unlocked.
    """
    one_of("retryRefused", retry_refused, FLAG)
    return JSONResponse(await backend_of(call).reload(retry_refused=retry_refused == "true"))


@router.post(
    "/v1/forget",
    **described(
        Scope.ADMIN,
        "Erase from the journal",
        {200: answers("what was erased", ForgottenShape)},
        Kind.NOT_KEPT,
        body=ForgetBody,
        examples={"number": {"number": "+12025550101"}, "dialog": {"dialogId": "54321"}},
    ),
)
async def forget(call: Call) -> JSONResponse:
    """Erase what is kept of a telephone number or of a dialog."""
    body = asked.checked(ForgetBody, await asked.document(call))
    if (body.number is None) == (body.dialog_id is None):
        raise Refusal(Kind.INVALID_REQUEST, "give number or dialogId, one of the two")
    return JSONResponse(await backend_of(call).forget(number=body.number, dialog_id=body.dialog_id))
