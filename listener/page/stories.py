"""The story of a request, a dialog or an agent, for the page: as JSON, as a file, and its XML.

Knows the calls and their answers; what happened is `source`'s, what it means `listener.story`'s.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import islice, takewhile
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request as Call
from starlette.responses import JSONResponse, Response

from listener.api.described import described
from listener.api.given import FLAG, agent_parameter, missing, one_of, request_id
from listener.api.refusals import Kind, Refusal
from listener.correlation.steps import RestAnswer
from listener.errors import NotKept
from listener.finesse.actions import SendDtmf, checks
from listener.finesse.actions.request import Request
from listener.ledger import first_key
from listener.offers import Resource
from listener.page.page import Page, page_of
from listener.page.raw import AROUND, Case, raw_of
from listener.page.refusals import nothing_known
from listener.page.signing_in import unmasked
from listener.page.source import MOST_LOOKED, facts_of
from listener.story.drawing import svg_file
from listener.story.facts import NothingKnown, Wanted
from listener.story.page import html_file
from listener.story.steps import LANES
from listener.story.telling import Story, to_json, told
from listener.ticket import Record
from listener.web.callers import Scope

router = APIRouter(include_in_schema=False)

LONGEST_LAST = 86_400.0
"""Seconds of an agent's story."""
FILE_POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
MOST_WITH_DIGITS = 1_000
"""Requests that sent digits, the newest, whose digits are looked for."""
_MOMENT = timedelta(milliseconds=1)
_BEFORE = timedelta(minutes=10)  # in which a request with digits may have begun
_OK: dict[int, dict[str, Any]] = {200: {"description": "the story"}}
_T = TypeVar("_T")

RequestId = Annotated[str | None, Query(min_length=1, max_length=checks.MAX_TEXT)]
Dialog = Annotated[str | None, Query(min_length=1, max_length=checks.MAX_TEXT)]
Last = Annotated[float | None, Query(gt=0, le=LONGEST_LAST, allow_inf_nan=False)]


def _parameter(detail: str) -> Refusal:
    return Refusal(Kind.INVALID_PARAMETER, detail)


async def _wanted(
    *,
    request: RequestId = None,
    dialog: Dialog = None,
    agent: str | None = None,
    last: Last = None,
) -> Wanted:
    """Return whose story is asked for, as the query says."""
    agent = agent_parameter(agent)
    if request is not None and (dialog, agent, last) != (None, None, None):
        raise _parameter("request stands alone; or give dialog, agent and last")
    if request is None and dialog is None and agent is None:
        raise _parameter("say whose story: request, dialog, or agent with last")
    if dialog is None and agent is not None and last is None:
        last = 600.0
    return Wanted(request=request, dialog=dialog, agent=agent, last=last)


Subject = Annotated[Wanted, Depends(_wanted)]


@router.get("/page/story", **described(Scope.READ, "", _OK))
async def story(call: Call, wanted: Subject, *, unmask: str | None = None) -> JSONResponse:
    """Tell what happened, step by step, with what it means."""
    found = await _story(call, wanted, unmask)
    return JSONResponse(await _beside(page_of(call), lambda: _json(found)))


def _json(found: Story) -> Resource:
    shown = to_json(found)
    for step, told_ in zip(found.steps, shown["steps"], strict=True):
        told_ |= {"bad": step.bad, "good": step.good}
    return {**shown, "lanes": [lane.value for lane in LANES]}


@router.get("/page/story.svg", **described(Scope.READ, "", _OK))
async def as_svg(call: Call, wanted: Subject, *, unmask: str | None = None) -> Response:
    """Give the diagram as one file, for a ticket."""
    found = await _story(call, wanted, unmask)
    return _file(await _beside(page_of(call), lambda: svg_file(found)), "svg", "image/svg+xml")


@router.get("/page/story.html", **described(Scope.READ, "", _OK))
async def as_html(call: Call, wanted: Subject, *, unmask: str | None = None) -> Response:
    """Give the whole story as one file, for a ticket."""
    found = await _story(call, wanted, unmask)
    return _file(await _beside(page_of(call), lambda: html_file(found)), "html", "text/html")


def _file(text: str, ending: str, kind: str) -> Response:
    headers = {
        "Content-Disposition": f'attachment; filename="story.{ending}"',
        "Content-Security-Policy": FILE_POLICY,
        "Cross-Origin-Resource-Policy": "same-origin",
        "Content-Type": f"{kind}; charset=utf-8",
    }
    return Response(text.encode("utf-8", "replace"), headers=headers)


@router.get("/page/raw", **described(Scope.READ, "", _OK))
async def raw(
    call: Call,
    *,
    request: Annotated[str, Query()],
    unmask: str | None = None,
) -> JSONResponse:
    """Show the XML of one request, by our id."""
    page, id_ = page_of(call), request_id(request)
    record, answer = await _one(page, id_)
    found = await _story(call, Wanted(request=id_), unmask)
    begin = record.submitted.timestamp() - AROUND
    end = (record.settled or page.wall()).timestamp() + AROUND
    case = Case(
        record,
        answer,
        tuple(page.payloads.between(begin, end)),
        page.payloads.since,
        page.service.deployment,
        found.veil,
        _with_digits(page, record, end),
    )
    return JSONResponse(await _beside(page, lambda: raw_of(case)))


def _with_digits(page: Page, record: Record, end: float) -> tuple[Request, ...]:
    """Return the requests that sent digits, of whichever agent, up to `end`.

    A notification of another agent is shown too where it is about the same call. Of the newest of
    before `end`, and of the agent's own of late.
    """
    service, behind = page.service, first_key(datetime.fromtimestamp(end, UTC) + _MOMENT)
    since = record.submitted - _BEFORE
    own = service.newest(agent=record.request.agent, request_id=None, settled=None)
    every = service.newest(agent=None, request_id=None, settled=None, before=behind)
    near = takewhile(lambda each: each.submitted >= since, every)
    found: dict[str, Request] = {}
    for some in (islice(own, MOST_LOOKED), near):
        sent = ((each.key, each.request) for each in some if isinstance(each.request, SendDtmf))
        found |= islice(sent, MOST_WITH_DIGITS)
    # What holds another one's digits first.
    return tuple(sorted(found.values(), key=_length, reverse=True))


def _length(request: Request) -> int:
    return len(getattr(request, "dtmf_string", ""))


async def _one(page: Page, id_: str) -> tuple[Record, RestAnswer | None]:
    """Return a request from memory, else from the journal."""
    journal = page.chronicle.journal
    stored = None
    if journal is not None:
        try:
            stored = await journal.request(id_)
        except NotKept:
            stored = None
    record = page.service.records.get(id_)
    if record is None and stored is not None:
        record = stored.record
    if record is None:
        raise missing(id_)
    return record, stored.answer if stored is not None else None


async def _story(call: Call, wanted: Wanted, unmask: str | None) -> Story:
    one_of("unmask", unmask, FLAG)
    show = unmasked(call, unmask)
    page = page_of(call)
    try:
        facts = await facts_of(page, wanted)
    except NothingKnown as nothing:
        raise nothing_known(str(nothing), nothing.near) from None
    return await _beside(page, lambda: told(facts, wanted.subject, show_numbers=show))


async def _beside(page: Page, work: Callable[[], _T]) -> _T:
    """Compute something long beside the loop, a few at once."""
    async with page.thinking:
        return await asyncio.to_thread(work)
