"""What an exchange says about the request: accepted, refused, in doubt, not sent; found, absent.

Pure, and the only place that gives HTTP statuses a meaning. Never better than the evidence: what is
not certainly a refusal is in doubt. Knows nothing of how the bytes travelled.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from listener.errors import MalformedUpdate
from listener.finesse.wire import parse_body
from listener.rest.unpacking import unpacked
from listener.rest.values import Answer, AnswerKind, Snapshot

if TYPE_CHECKING:
    from listener.finesse.model import ApiError, Kind, Update
    from listener.rest.flow import Raw

MAX_UNPACKED = 1024 * 1024
"""Bytes of a body, once unpacked, that are looked at: as many as of a notification."""

MAX_NAMES = 200
"""Characters of the errors' types that a sentence repeats; Finesse has 30 of them, all short."""

_OK, _ACCEPTED, _MULTIPLE, _BAD, _NOT_FOUND, _TIMEOUT = 200, 202, 300, 400, 404, 408
_UNAUTHORIZED = 401
_ABOUT_LOGIN = frozenset({"", "authorization failure", "invalid authorization"})
_ERROR, _NOT_IMPLEMENTED, _UNAVAILABLE = 500, 501, 503


def read(raw: Raw) -> Update | None:
    """Return what the body says, or None when there is no whole one or it is not Finesse's XML."""
    if not raw.whole:
        return None
    body = unpacked(raw.body, raw.headers.get("content-encoding", ""), MAX_UNPACKED)
    if body is None or not body.strip():
        return None
    try:
        return parse_body(body)
    except MalformedUpdate:
        return None


def answer(raw: Raw, request_id: str | None) -> Answer:
    """Return what the exchange means for the request that carried `request_id`."""
    update = read(raw) if raw.status is not None and raw.status >= _MULTIPLE else None
    errors = update.errors if update is not None else ()
    kind, detail = _kind(raw, request_id, errors)
    return Answer(
        kind=kind,
        status=raw.status,
        errors=errors,
        date=raw.headers.get("date"),
        request_id=raw.headers.get("requestId"),
        location=raw.headers.get("location"),
        content_type=raw.headers.get("content-type"),
        body=raw.body,
        detail=detail,
    )


def _kind(raw: Raw, request_id: str | None, errors: tuple[ApiError, ...]) -> tuple[AnswerKind, str]:
    if not raw.sent:
        return AnswerKind.NOT_SENT, raw.trouble
    if raw.status is None or not raw.whole:
        return AnswerKind.DOUBTFUL, raw.trouble
    echo = raw.headers.get("requestId")
    if echo and request_id is not None and echo.strip() != request_id:
        # Whatever this answers, it is not our request (two answers out of step on one connection).
        return AnswerKind.DOUBTFUL, f"{raw.node} answered with the requestId of another request"
    if raw.status == _ACCEPTED:
        return AnswerKind.ACCEPTED, ""
    if _OK <= raw.status < _MULTIPLE:
        # A page of single sign-on is a 200, too: what came of it is for the evidence to say.
        return AnswerKind.DOUBTFUL, f"{raw.node} answered {raw.status} in place of 202"
    kind = AnswerKind.REFUSED if _refuses(raw.status, errors) else AnswerKind.DOUBTFUL
    return kind, says(raw, errors)


def _refuses(status: int, errors: tuple[ApiError, ...]) -> bool:
    """Say whether a status is certainly a refusal.

    408 may come from a proxy that had passed the request on. A redirect is not a refusal: mostly it
    comes from single sign-on in front of Finesse, which did nothing, but a 302 or 303 is also how a
    server says "done, look there", and nothing in it tells the two apart.
    """
    if _BAD <= status < _ERROR:
        return status != _TIMEOUT
    return status == _NOT_IMPLEMENTED or (status == _UNAVAILABLE and bool(errors))


def says(raw: Raw, errors: tuple[ApiError, ...]) -> str:
    """Return one sentence about an answer that was not the one hoped for."""
    if raw.trouble or raw.status is None:
        return raw.trouble
    status = f"{raw.node} answered {raw.status}"
    if _MULTIPLE <= raw.status < _BAD:
        return f"{status}, a redirect, which was not followed: single sign-on in front of Finesse?"
    if raw.status == _BAD and b"requires tls" in raw.body.lower():
        return f"{status}: that port speaks TLS, https:// is meant"
    names = ", ".join(error.error_type for error in errors if error.error_type)
    if len(names) > MAX_NAMES:
        names = names[:MAX_NAMES] + "..."
    return f"{status}: {names}" if names else f"{status} ({_sort(raw)})"


def _sort(raw: Raw) -> str:
    """Say in words what sort of body it is that is not Finesse's XML."""
    start = raw.body.lstrip()[:200].lower()
    if not start:
        return "without a body"
    if b"<html" in start or b"<!doctype html" in start:
        return "with an HTML page"
    return "with JSON" if start[:1] in {b"{", b"["} else "with a body of its own"


def login_refused(raw: Raw) -> bool:
    """Say whether an answer refuses the credentials: a 401 that Finesse gives no other reason for.

    A 401 "Invalid State" or "Invalid Authorization User Specified" (guide p.82-112) comes after the
    login, so it says nothing against the password.
    """
    if raw.status != _UNAUTHORIZED:
        return False
    update = read(raw)
    errors = update.errors if update is not None else ()
    return all((error.error_type or "").strip().lower() in _ABOUT_LOGIN for error in errors)


def reason(raw: Raw) -> str:
    """Return one sentence about an answer that is not what was hoped for, its errors included."""
    update = read(raw)
    return says(raw, update.errors if update is not None else ())


def snapshot(raw: Raw, kinds: frozenset[Kind], *, one_dialog: bool = False) -> Snapshot:
    """Return what a GET showed; `kinds` are the bodies that answer it.

    Absence is said only of one dialog, and only by Finesse's own 404 (with ApiErrors).
    """
    update = read(raw)
    found = raw.status == _OK and update is not None and update.kind in kinds
    errors = update.errors if update is not None else ()
    return Snapshot(
        status=raw.status,
        update=update,
        date=raw.headers.get("date"),
        detail="" if found else says(raw, errors),
        found=found,
        absent=one_dialog and raw.status == _NOT_FOUND and bool(errors),
        refused=login_refused(raw),
    )
