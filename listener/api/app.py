"""The application: operations, their problems, and the door around them.

    app = create_app(backend)      # ASGI; `listener.web` serves it and says who calls

Introduces the parts to each other; knows no operation.
"""

from __future__ import annotations

import asyncio
from importlib.metadata import version
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request as Call
from starlette.responses import Response
from starlette.routing import Match

from listener.api import agents, events, operations, pages, requests
from listener.api.contract import Backend
from listener.api.description import describe
from listener.api.entrance import Entrance
from listener.api.refusals import Kind, Refusal, answer, refusal_of
from listener.api.stream import HEARTBEAT
from listener.errors import ListenerError

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
ROUTERS = (
    requests.router,
    requests.expectations,
    events.router,
    agents.router,
    operations.router,
    operations.health,
    pages.router,
)


def create_app(backend: Backend, *, heartbeat: float = HEARTBEAT) -> FastAPI:
    """Return the API over that backend.

    Who calls must stand in the scope as `listener.caller` (a Caller), and the connection, where it
    is counted, as `listener.connection`. `heartbeat`: seconds between comments in event streams.
    """
    app = FastAPI(
        title="finesse-listener",
        version=version("finesse-listener"),
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        exception_handlers={
            Refusal: _refused,
            ListenerError: _not_done,
            RequestValidationError: _invalid,
            HTTPException: _unknown,
        },
    )
    app.state.backend = backend
    app.state.heartbeat = heartbeat
    app.state.changes = asyncio.Lock()  # agents come, go and change one after another
    for router in ROUTERS:
        app.include_router(router)
    app.add_middleware(Entrance)
    app.openapi = lambda: _described(app)  # type: ignore[method-assign]  # FastAPI's own way
    return app


def _described(app: FastAPI) -> dict[str, Any]:
    if app.openapi_schema is None:
        app.openapi_schema = describe(app)
    return app.openapi_schema


async def _refused(_: Call, refusal: Exception) -> Response:
    assert isinstance(refusal, Refusal)
    return answer(refusal)


async def _not_done(_: Call, error: Exception) -> Response:
    assert isinstance(error, ListenerError)
    return answer(refusal_of(error))


async def _invalid(_: Call, error: Exception) -> Response:
    """Tell which parameter is at fault; FastAPI's own answer would repeat what was given."""
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    name = str(first["loc"][1]) if len(first["loc"]) > 1 else None
    message = f"{name}: {first['msg'][:1].lower()}{first['msg'][1:]}"
    return answer(Refusal(Kind.INVALID_PARAMETER, message, field=name))


async def _unknown(call: Call, error: Exception) -> Response:
    """Tell that a path is not there, or what it takes."""
    assert isinstance(error, HTTPException)
    if error.status_code == 404:  # noqa: PLR2004  a status of HTTP
        return answer(Refusal(Kind.UNKNOWN_PATH, "/docs and /openapi.json show what there is"))
    if error.status_code != 405:  # noqa: PLR2004  a status of HTTP
        raise error
    allowed = ", ".join(_allowed(call))
    return answer(
        Refusal(Kind.METHOD_NOT_ALLOWED, f"it takes {allowed}", headers={"Allow": allowed})
    )


def _allowed(call: Call) -> list[str]:
    """Return all methods of the path: a router tells those of the first operation alone."""
    router = call.app.router
    found = [
        method
        for method in METHODS
        if any(
            route.matches({**call.scope, "method": method})[0] is Match.FULL
            for route in router.routes
        )
    ]
    return ["HEAD", *found] if "GET" in found else found
