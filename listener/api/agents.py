"""Agents, their sessions and their dialogs as last known.

Knows what each call means (docs/api.md); no answer holds a credential.
"""

from __future__ import annotations

import re
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Path, Query
from pydantic import SecretStr
from starlette.requests import Request as Call
from starlette.responses import JSONResponse, Response

from listener.api import asked
from listener.api.bodies import AgentBody
from listener.api.described import LOCATION, answers, described
from listener.api.given import FLAG, LONGEST_AGENT_ID, agent_id, backend_of, no_agent, one_of
from listener.api.refusals import Kind, Refusal
from listener.api.resources import AgentShape, AgentsShape, DialogsShape
from listener.web.callers import Scope

router = APIRouter(tags=["agents"])

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")

Id = Annotated[
    str,
    Path(
        description="the agent's id",
        examples=["1001"],
        json_schema_extra={"minLength": 1, "maxLength": LONGEST_AGENT_ID},
    ),
]


@router.get(
    "/v1/agents",
    **described(Scope.READ, "List agents", {200: answers("all agents", AgentsShape)}),
)
async def listed(call: Call) -> JSONResponse:
    """All that are configured, added here, or held on demand for the drop-in."""
    return JSONResponse({"agents": backend_of(call).agents()})


@router.get(
    "/v1/agents/{id}",
    **described(
        Scope.READ,
        "Read an agent's session",
        {200: answers("the agent", AgentShape)},
        Kind.INVALID_AGENT_ID,
        Kind.AGENT_NOT_FOUND,
    ),
)
async def read(call: Call, id: Id) -> JSONResponse:  # noqa: A002  the name in the path
    """Its state, its node, since when it is so, and the last gap."""
    found = backend_of(call).agent(agent_id(id))
    if found is None:
        raise no_agent(id)
    return JSONResponse(found)


@router.get(
    "/v1/agents/{id}/dialogs",
    **described(
        Scope.READ,
        "Read an agent's dialogs",
        {200: answers("the dialogs as last known", DialogsShape)},
        Kind.INVALID_AGENT_ID,
        Kind.AGENT_NOT_FOUND,
    ),
)
async def dialogs(call: Call, id: Id) -> JSONResponse:  # noqa: A002  the name in the path
    """As last heard or read; `at` says when. Finesse is not asked."""
    found = backend_of(call).dialogs(agent_id(id))
    if found is None:
        raise no_agent(id)
    return JSONResponse(found)


@router.put(
    "/v1/agents/{id}",
    **described(
        Scope.ADMIN,
        "Add an agent, or change its credentials",
        {
            200: answers("changed", AgentShape),
            201: answers("added", AgentShape, LOCATION),
        },
        Kind.INVALID_AGENT_ID,
        Kind.CLOSING,
        Kind.NOT_ACCEPTED,
        body=AgentBody,
        examples={"password": {"password": "...", "extension": "1001001"}},
    ),
)
async def put(call: Call, id: Id) -> JSONResponse:  # noqa: A002  the name in the path
    """Give credentials, which can never be read again.

    They stay in memory: after a restart only the agents of the settings are there.
    """
    known = agent_id(id)
    body = asked.checked(AgentBody, await asked.document(call))
    if body.password is None and body.token is None:
        raise Refusal(Kind.INVALID_REQUEST, "give the password or the token", field="password")
    password, token = _secret("password", body.password), _secret("token", body.token)
    async with call.app.state.changes:
        found, added = await backend_of(call).put_agent(
            known, password=password, token=token, extension=body.extension
        )
    headers = {"Location": f"/v1/agents/{quote(known, safe='')}"} if added else {}
    return JSONResponse(found, 201 if added else 200, headers)


def _secret(name: str, given: SecretStr | None) -> SecretStr | None:
    """Refuse what neither a header nor SASL can carry."""
    if given is not None and _CONTROL.search(given.get_secret_value()):
        raise Refusal(
            Kind.INVALID_REQUEST, f"the {name} holds a control character; remove it", field=name
        )
    return given


@router.delete(
    "/v1/agents/{id}",
    **described(
        Scope.ADMIN,
        "End an agent's session",
        {204: answers("ended")},
        Kind.INVALID_AGENT_ID,
        Kind.AGENT_NOT_FOUND,
        Kind.AGENT_SIGNED_IN,
        Kind.CLOSING,
    ),
)
async def remove(
    call: Call,
    id: Id,  # noqa: A002  the name in the path
    *,
    force: Annotated[
        str, Query(description="end it even so", json_schema_extra={"enum": [*FLAG]})
    ] = "false",
) -> Response:
    """End it, unless the agent is signed in and this may be its only session.

    Finesse signs out an agent without a session after 60 s. `force=true` ends it all the same.
    """
    known = agent_id(id)
    one_of("force", force, FLAG)
    async with call.app.state.changes:
        removed = await backend_of(call).remove_agent(known, force=force == "true")
    if not removed:
        raise no_agent(known)
    return Response(status_code=204)
