"""How an operation is described: who may call it, what it takes, everything that it may answer.

Gives keyword arguments for FastAPI's decorators, so that what OpenAPI says of an operation stands
beside it, and the scope that is told is the scope that is asked for. Knows no operation.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from fastapi import Depends
from pydantic import BaseModel
from starlette.requests import Request as Call
from starlette.responses import JSONResponse

from listener.api import given
from listener.api.refusals import Kind, Refusal
from listener.web.callers import Caller, Scope
from listener.web.gatekeeping import HOST_REFUSED, ORIGIN_REFUSED
from listener.web.preferences import MOST_KEY, MOST_WAIT
from listener.web.problems import MEDIA_TYPE, PREFIX, Problem
from listener.web.protocol import TOO_MANY, TOO_SLOW
from listener.web.server import Limits
from listener.web.wire import HEAD_TOO_BIG, body_too_big, malformed

SCHEMAS = "#/components/schemas/"
TOKEN = "token"  # noqa: S105  the name of the security scheme
CALLER = "listener.caller"
"""In the scope: the Caller, as the door (`listener.web`) knows it."""

Headers = Mapping[str, Mapping[str, Any]]

DOOR = (
    malformed("..."),
    Problem(HOST_REFUSED, "This Host is not served here", 403, "..."),
    Problem(ORIGIN_REFUSED, "Pages of this origin may not ask here", 403, "..."),
    TOO_SLOW,
    body_too_big(Limits().body_bytes),
    HEAD_TOO_BIG,
    TOO_MANY,
)
"""What the door (`listener.web`) may say to any call; it says 501 and 505 to what is none."""

ALWAYS = (Kind.INVALID_PATH, Kind.PATH_TOO_LONG, Kind.INTERNAL)

LOCATION: Headers = {
    "Location": {
        "description": "where the request can be read",
        "schema": {"type": "string", "examples": ["/v1/requests/0193a5c2-7c1e-7b1e-9f52-3d9f4a6b"]},
    }
}
APPLIED: Headers = {
    "Preference-Applied": {
        "description": f"how long was waited at most; with `Prefer: wait=N`, {MOST_WAIT} at most",
        "schema": {"type": "string", "examples": ["wait=20"]},
    }
}
RETRY_AFTER = {
    "description": "seconds; comes with what is retryable",
    "schema": {"type": "integer", "minimum": 0},
}

PREFER: dict[str, Any] = {
    "name": "Prefer",
    "in": "header",
    "description": f"`wait=N`: wait N seconds for the outcome, {MOST_WAIT} at most (RFC 7240)",
    "schema": {"type": "string"},
    "example": "wait=20",
}
IDEMPOTENCY_KEY: dict[str, Any] = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "the same key and body give the same request again, sent to Finesse once; a key"
    " is the caller's own, and another body with it is refused",
    "schema": {
        "type": "string",
        "minLength": 1,
        "maxLength": MOST_KEY,
        "pattern": "^[!-~]+$",
    },
    "example": "8e03978e-40d5-43dd-bc93-6894a57f9324",
}


def answers(
    description: str, model: type[BaseModel] | None = None, *headers: Headers
) -> dict[str, Any]:
    """Describe one good answer."""
    told: dict[str, Any] = {"description": description}
    if model is not None:
        told["model"] = model
    if headers:
        told["headers"] = {name: header for one in headers for name, header in one.items()}
    return told


def described(
    scope: Scope | None,
    summary: str,
    good: Mapping[int, Mapping[str, Any]],
    *kinds: Kind,
    body: type[BaseModel] | None = None,
    headers: Iterable[Mapping[str, Any]] = (),
    examples: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return what a decorator of FastAPI takes for one operation.

    `scope` None: anybody may call it. `kinds`: the problems that are the operation's own. `headers`
    are those that it reads. `body` describes the JSON object that it reads itself.
    """
    first = next(iter(good))
    extra: dict[str, Any] = {"parameters": list(headers)} if headers else {}
    if scope is not None:
        extra["security"] = [{TOKEN: [str(scope)]}]
        kinds = (*kinds, Kind.UNAUTHORIZED, Kind.SCOPE_MISSING, Kind.INVALID_PARAMETER)
    if body is not None:
        extra["requestBody"] = _body(body, examples or {})
        kinds = (*kinds, Kind.MALFORMED_BODY, Kind.UNSUPPORTED_MEDIA_TYPE, Kind.INVALID_REQUEST)
    return {
        "summary": summary,
        "status_code": first,
        "response_description": good[first]["description"],
        "response_model": None,
        "response_class": JSONResponse,
        "responses": _with(good, problems(*kinds, *ALWAYS)),
        "openapi_extra": extra,
        "dependencies": [] if scope is None else [Depends(_needs(scope))],
    }


def _body(model: type[BaseModel], examples: Mapping[str, Any]) -> dict[str, Any]:
    content: dict[str, Any] = {"schema": {"$ref": SCHEMAS + model.__name__}}
    if examples:
        content["examples"] = {name: {"value": value} for name, value in examples.items()}
    return {"required": True, "content": {"application/json": content}}


def problems(*kinds: Kind) -> dict[int, dict[str, Any]]:
    """Describe the problems of these kinds and those of the door, by status."""
    ours = [kind.problem("...", retry_after=1 if kind.value.retryable else None) for kind in kinds]
    told: dict[int, list[Problem]] = {}
    for one in sorted((*ours, *DOOR), key=lambda one: (one.status, one.type)):
        told.setdefault(one.status, []).append(one)
    return {status: _told(ones) for status, ones in told.items()}


def _told(ones: Sequence[Problem]) -> dict[str, Any]:
    """Describe the problems of one status."""
    examples = {
        one.type.removeprefix(PREFIX): {"value": one.as_dict() | {"detail": "..."}} for one in ones
    }
    content = {MEDIA_TYPE: {"schema": {"$ref": SCHEMAS + "Problem"}, "examples": examples}}
    told = {"description": "; or: ".join(sorted({one.title for one in ones})), "content": content}
    pauses = [one.retry_after is not None for one in ones]
    if any(pauses):
        told["headers"] = {"Retry-After": {**RETRY_AFTER, "required": all(pauses)}}
    return told


def _with(
    good: Mapping[int, Mapping[str, Any]], bad: Mapping[int, Mapping[str, Any]]
) -> dict[int, dict[str, Any]]:
    """Put both together, also where one status tells either."""
    told = {status: dict(answer) for status, answer in good.items()}
    for status, answer in bad.items():
        if status not in told:
            told[status] = dict(answer)
        else:
            either = f"{told[status]['description']}; or: {answer['description']}"
            told[status] |= {"description": either, "content": answer["content"]}
    return told


def _needs(scope: Scope) -> Any:
    # One dependency for all: each costs time, and what is not async would go to a thread.
    async def needs(call: Call) -> None:
        caller = caller_of(call)
        if not caller.may(scope):
            has = ", ".join(sorted(caller.scopes)) or "none"
            raise Refusal(
                Kind.SCOPE_MISSING, f"this needs the scope {scope}; {caller.name} has {has}"
            )
        given.known_parameters(call)

    return needs


def caller_of(call: Call) -> Caller:
    """Return who calls; a call of nobody is refused."""
    caller = call.scope.get(CALLER)
    if not isinstance(caller, Caller):
        raise Refusal(
            Kind.UNAUTHORIZED,
            "send the header Authorization: Bearer TOKEN",
            headers={"WWW-Authenticate": "Bearer"},
        )
    return caller
