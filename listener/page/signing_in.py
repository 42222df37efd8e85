"""How a browser is let in: a code is asked for, and turned into a cookie once.

Knows the calls and their answers; codes and cookies are made elsewhere. No code and no cookie is
logged or repeated.
"""
# No `from __future__ import annotations`: pydantic reads the annotations when the classes are made.

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field
from starlette.requests import Request as Call
from starlette.responses import JSONResponse

from listener import logs
from listener.api import asked
from listener.api.bodies import Body
from listener.api.described import caller_of, described
from listener.api.refusals import Refusal
from listener.page import cookies
from listener.page.codes import LONGEST, VALID_FOR, Grant, WrongCode
from listener.page.cookies import Visit
from listener.page.page import page_of
from listener.page.refusals import PageRefusal, code_refused, no_numbers
from listener.page.visitors import Visitor
from listener.report import stamp
from listener.web.callers import Caller, Scope
from listener.web.gatekeeping import ORIGIN_REFUSED
from listener.web.problems import Problem

router = APIRouter(include_in_schema=False)

_log = logs.get(__name__)


class CodeWanted(Body):
    """`POST /page/codes`: `numbers` lets the page show telephone numbers and call data."""

    numbers: bool = False


class CodeGiven(Body):
    """`POST /page/session`."""

    code: Annotated[str, Field(min_length=1, max_length=LONGEST)]


_MADE: dict[int, dict[str, Any]] = {201: {"description": "made"}}


@router.post("/page/codes", **described(Scope.READ, "", _MADE))
async def ask(call: Call) -> JSONResponse:
    """Make a code, for whoever may read; for a page that shows numbers, only an operator."""
    page, caller = page_of(call), caller_of(call)
    wanted = asked.checked(CodeWanted, await asked.document(call))
    if wanted.numbers and not caller.may(Scope.ADMIN):
        raise no_numbers_for(caller)
    link = page.link(Grant(caller.name, wanted.numbers))
    told = {"link": link, "seconds": VALID_FOR, "numbers": wanted.numbers}
    return JSONResponse(told, 201)


def no_numbers_for(caller: Caller) -> Refusal:
    """Refuse a code for a page with numbers."""
    has = ", ".join(sorted(caller.scopes))
    return PageRefusal(
        Problem(
            "scope_missing",
            "The caller may not do that",
            403,
            f"to see numbers needs the scope admin; {caller.name} has {has}",
        )
    )


@router.post("/page/session", **described(None, "", _MADE))
async def enter(call: Call) -> JSONResponse:
    """Turn a code into a cookie. Pages of other origins may not, whatever they know."""
    if not {*call.headers.getlist("sec-fetch-site")} <= {"same-origin"}:
        raise PageRefusal(
            Problem(
                ORIGIN_REFUSED,
                "Pages of this origin may not ask here",
                403,
                "A code is taken from the page itself alone.",
            )
        )
    page = page_of(call)
    given = asked.checked(CodeGiven, await asked.document(call))
    try:
        grant = page.codes.redeem(given.code, page.clock())
    except WrongCode as wrong:
        _log.info("page.refused")
        raise code_refused(wrong.retry_after) from None
    now = page.wall().timestamp()
    visit = Visit(grant.who, now + cookies.VALID_FOR, grant.numbers)
    secure = call.url.scheme == "https"
    header = page.cookies.header(visit, now, secure=secure)
    _log.info("page.opened", by=visit.who, numbers=visit.numbers)
    told = _told([str(Scope.READ)], visit.numbers, visit.until)
    return JSONResponse(told, 201, {"Set-Cookie": header})


@router.get("/page/session", **described(Scope.READ, "", {200: {"description": "signed in"}}))
async def session(call: Call) -> JSONResponse:
    """Say until when the caller may look, and at what; 401 for nobody."""
    caller = caller_of(call)
    until = caller.until if isinstance(caller, Visitor) else None
    return JSONResponse(_told(sorted(caller.scopes), sees_numbers(caller), until))


def sees_numbers(caller: Caller) -> bool:
    """Say whether numbers may be shown to a caller: to an operator, and to a page of theirs."""
    return caller.numbers if isinstance(caller, Visitor) else caller.may(Scope.ADMIN)


def unmasked(call: Call, wanted: str | None) -> bool:
    """Return whether numbers are to be shown; refuse those to whom they may not be."""
    if wanted != "true":
        return False
    caller = caller_of(call)
    if not sees_numbers(caller):
        raise no_numbers() if isinstance(caller, Visitor) else no_numbers_for(caller)
    return True


def _told(scopes: list[str], numbers: bool, until: float | None) -> dict[str, Any]:  # noqa: FBT001
    ends = None if until is None else stamp(datetime.fromtimestamp(until, UTC))
    return {"scopes": scopes, "numbers": numbers, "until": ends}
