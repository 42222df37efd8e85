"""What the page shows beside stories: the table, agents, the time line, plots, what happens now.

Knows the calls and their answers. No answer holds a telephone number or call data.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable
from math import inf
from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.requests import Request as Call
from starlette.responses import JSONResponse, Response

from listener.api.described import caller_of, described
from listener.api.events import streamed, wanted_of
from listener.api.given import FLAG, agent_parameter, backend_of, missing, one_of, request_id
from listener.api.refusals import Kind
from listener.api.resources import KINDS
from listener.api.stream import EventStream
from listener.finesse.actions import checks
from listener.ledger import now_utc
from listener.offers import Resource
from listener.page.listing import Filters, listed
from listener.page.live import Live, agent_of
from listener.page.page import page_of
from listener.page.rows import row_of_resource
from listener.page.signing_in import unmasked
from listener.page.timeline import timeline
from listener.page.veiled import shown, veiled
from listener.page.visitors import Visitor
from listener.report import stamp
from listener.web.callers import Scope

router = APIRouter(include_in_schema=False)

MOST_LISTED = 1000
MOST_MINUTES = 1440
STATES = ("open", "settled")
_AT_ONCE = 200
_OK: dict[int, dict[str, Any]] = {200: {"description": "what was asked for"}}

Minutes = Annotated[int, Query(ge=1, le=MOST_MINUTES)]
Text = Annotated[str | None, Query(min_length=1, max_length=checks.MAX_TEXT)]


@router.get("/page/info", **described(Scope.READ, "", _OK))
async def info(call: Call) -> JSONResponse:
    """Tell what this daemon is, and whether all is well."""
    backend = backend_of(call)
    known, ready = backend.info(), backend.ready()
    names = ("version", "deployment", "nodes", "started", "epoch", "draining", "pending", "agents")
    journal = known["journal"]
    return JSONResponse(
        {
            **{name: known[name] for name in names},
            "now": stamp(now_utc()),
            "ready": ready.ready,
            "reasons": list(ready.reasons),
            "journal": None if journal is None else {"trouble": journal["trouble"]},
        }
    )


@router.get("/page/requests", **described(Scope.READ, "", _OK))
async def requests(
    call: Call,
    *,
    state: str | None = None,
    kind: str | None = None,
    agent: str | None = None,
    dialog: Annotated[
        str | None, Query(alias="dialogId", min_length=1, max_length=checks.MAX_TEXT)
    ] = None,
    on_wire: Annotated[
        str | None, Query(alias="requestId", min_length=1, max_length=checks.MAX_TEXT)
    ] = None,
    q: Text = None,
    before: str | None = None,
    limit: Annotated[int, Query(ge=1, le=MOST_LISTED)] = 200,
) -> Response:
    """List requests as rows, the newest first."""
    word = one_of("state", state, STATES)
    wanted = Filters(
        agent=agent_parameter(agent),
        dialog_id=dialog,
        request_id=on_wire,
        settled=None if word is None else word == "settled",
        kind=one_of("kind", kind, KINDS),
        text=q,
    )
    behind = None if before is None else request_id(before, Kind.INVALID_PARAMETER)
    found = await listed(page_of(call), wanted, behind, limit)
    return await _json("requests", found.rows, {"next": found.next, "notes": list(found.notes)})


@router.get("/page/requests/{id}", **described(Scope.READ, "", _OK))
async def request(
    call: Call,
    id: str,  # noqa: A002  the name in the path
    unmask: str | None = None,
) -> JSONResponse:
    """Read one request: its row, and what was said of it."""
    one_of("unmask", unmask, FLAG)
    show = unmasked(call, unmask)
    known = request_id(id)
    resource = await backend_of(call).resource(known)
    if resource is None:
        raise missing(known)
    outcome = resource["outcome"] or {}
    told = {
        "errorsTold": outcome.get("errors") or [],
        "warnings": outcome.get("warnings") or [],
        "lateNotes": resource["late"],
        "seen": outcome.get("seen") or [],
    }
    said = shown(told) if show else veiled(told, resource)
    window = {"masked": not show, "window": outcome.get("window")}
    return JSONResponse({**row_of_resource(resource), **said, **window})


@router.get("/page/agents", **described(Scope.READ, "", _OK))
async def agents(call: Call) -> Response:
    """List all agents and how their sessions are."""
    found = backend_of(call).agents()
    return await _json("agents", (agent_of(each) for each in found), {})


@router.get("/page/timeline", **described(Scope.READ, "", _OK))
async def sessions(call: Call, minutes: Minutes = 60, agent: str | None = None) -> Response:
    """Tell when each agent's session heard."""
    known = agent_parameter(agent)
    found = await timeline(page_of(call), minutes, known, backend_of(call).agents())
    lines = found.pop("agents")
    return await _json("agents", lines, found)


@router.get("/page/summary", **described(Scope.READ, "", _OK))
async def summary(call: Call, minutes: Minutes = 60) -> JSONResponse:
    """Count outcomes and errors."""
    page = page_of(call)
    return JSONResponse(await page.summaries.of(page, minutes))


@router.get("/page/events", **described(Scope.READ, "", _OK) | {"response_class": EventStream})
async def events(
    call: Call,
    *,
    agent: str | None = None,
    dialog: Annotated[
        str | None, Query(alias="dialogId", min_length=1, max_length=checks.MAX_TEXT)
    ] = None,
    id: str | None = None,  # noqa: A002  the filter's name
    kind: Annotated[list[str] | None, Query()] = None,
    after: str | None = None,
) -> Response:
    """Follow what happens, as `/v1/events`, in rows."""
    wanted = wanted_of(agent, dialog, id, kind)
    return streamed(call, wanted, after, lambda reader: Live(reader, _left(call)))


def _left(call: Call) -> Callable[[], float]:
    """Return what tells for how long the caller may still look: a cookie ends, a token does not."""
    caller, page = caller_of(call), page_of(call)
    until = caller.until if isinstance(caller, Visitor) else inf
    return lambda: until - page.wall().timestamp()


async def _json(name: str, items: Iterable[Resource], more: Resource) -> Response:
    """Write a long list in turns with all else on the loop."""
    told: list[str] = []
    for number, each in enumerate(items, start=1):
        told.append(json.dumps(each, ensure_ascii=False, separators=(",", ":")))
        if number % _AT_ONCE == 0:
            await asyncio.sleep(0)
    rest = json.dumps(more, ensure_ascii=False, separators=(",", ":"))[1:-1]
    text = f'{{"{name}":[{",".join(told)}]{"," if rest else ""}{rest}}}'
    return Response(text.encode("utf-8", "replace"), media_type="application/json")
