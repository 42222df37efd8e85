"""What a client of the drop-in is answered: Finesse's answer as it came, or what came of a request.

Knows the table of answers (docs/api.md, "In place of Finesse"); knows no waiting and no sending.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from http import HTTPStatus

from starlette.types import Send

from listener.correlation.outcome import (
    Confirmed,
    Failed,
    Outcome,
    Presumed,
    Rejected,
)
from listener.dropin import refusals
from listener.finesse.actions.request import Request
from listener.finesse.model import ApiError, Kind, Update
from listener.finesse.wire import render_body
from listener.report import state_word
from listener.rest import Flow
from listener.rest.onward import Headers, end_to_end
from listener.ticket import Ticket
from listener.web.problems import Problem

XML = b"application/xml;charset=UTF-8"
OURS = frozenset({b"x-outcome", b"x-evidence", b"x-reason", b"preference-applied"})
"""Headers that are said by this program alone; what comes under them from Finesse is dropped."""
OPEN = "open"
UNTRACKED = "untracked"
NO_ANSWER = "no_answer"
_SUCCESS = range(200, 300)


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer. `flow` is passed on behind `body`, as it comes; whoever made it closes it."""

    status: int
    headers: Headers = field(default_factory=list)
    body: bytes = b""
    flow: Flow | None = None

    async def send(self, send: Send) -> None:
        """Answer with it. Half an answer of Finesse stays a half one: its end is not sent."""
        start = {"type": "http.response.start", "status": self.status, "headers": self.headers}
        await send(start)
        flow = self.flow
        if flow is None or flow.raw.whole:
            await send({"type": "http.response.body", "body": self.body})
            return
        await send({"type": "http.response.body", "body": self.body, "more_body": True})
        async for part in flow.parts():
            await send({"type": "http.response.body", "body": part, "more_body": True})
        if flow.raw.whole:
            await send({"type": "http.response.body"})


def of_problem(problem: Problem, more: Headers | None = None) -> Reply:
    """Return a problem as an answer."""
    body = problem.body()
    length = (b"content-length", b"%d" % len(body))
    return Reply(problem.status, [*problem.headers(), length, *(more or [])], body)


def with_more(reply: Reply, more: Headers) -> Reply:
    """Return the same answer with more headers."""
    return Reply(reply.status, [*reply.headers, *more], reply.body, reply.flow)


def passed_on(flow: Flow, more: Iterable[tuple[bytes, bytes]] = ()) -> Reply:
    """Return Finesse's answer as it came; of `more`, its own Location keeps out another."""
    assert flow.raw.status is not None
    headers = _of_finesse(flow)
    located = any(name.lower() == b"location" for name, _ in headers)
    headers += [pair for pair in more if not (located and pair[0] == b"location")]
    return Reply(flow.raw.status, headers, flow.raw.body, flow)


def _of_finesse(flow: Flow) -> Headers:
    given = end_to_end(flow.raw.headers.raw)
    return [pair for pair in given if pair[0].lower() not in OURS]


def marks(ticket: Ticket, outcome: Outcome | None) -> Headers:
    """Return the headers that say what came of a request so far, and where to read on."""
    word = outcome.kind if outcome is not None else OPEN
    evidence = getattr(outcome, "evidence", None)
    open_ = state_word(ticket.record, ticket.state)
    reason = getattr(outcome, "reason", None) if outcome is not None else open_
    return [
        *_words(word, evidence, reason),
        (b"location", f"/v1/requests/{ticket.id}".encode("ascii")),
    ]


def untracked(why: str) -> Headers:
    """Return the headers of an answer to a request that nobody tracks."""
    return _words(UNTRACKED, None, why)


def unanswered(more: Headers) -> Reply:
    """Return the answer to a request that nobody tracks, that left, and that was not answered.

    It may have been done, and a 5xx would invite a client or a proxy to send it again. That there
    was no answer says more than why it was not tracked.
    """
    kept = [pair for pair in more if pair[0] not in {name for name, _ in untracked("")}]
    return Reply(HTTPStatus.ACCEPTED, [(b"content-length", b"0"), *untracked(NO_ANSWER), *kept])


def not_taken(why: str) -> Headers:
    """Return the headers of an answer to a request that was not sent for a reason of ours."""
    return _words(Rejected.kind, None, why)


def _words(outcome: str, evidence: str | None, reason: str | None) -> Headers:
    told = ((b"x-outcome", outcome), (b"x-evidence", evidence), (b"x-reason", reason))
    return [(name, (value or "").encode("ascii")) for name, value in told]


def settled(ticket: Ticket, outcome: Outcome, flow: Flow | None) -> Reply:
    """Return what the table has for an outcome; `flow` is Finesse's own answer, None without."""
    more = marks(ticket, outcome)
    match outcome:
        case Confirmed() | Presumed():
            return _instead(HTTPStatus.OK, _shown(ticket.request, outcome), ticket, flow, more)
        case Failed():
            body = render_body(Update(Kind.ERRORS, errors=_errors(outcome)))
            return _instead(HTTPStatus.CONFLICT, body, ticket, flow, more)
        case Rejected():
            return refused(ticket, outcome, flow)
        case _:
            return accepted(ticket, outcome, flow)


def refused(ticket: Ticket, outcome: Outcome | None, flow: Flow | None) -> Reply:
    """Return Finesse's refusal as it came, or 503 where nothing was sent."""
    more = marks(ticket, outcome)
    if flow is None or flow.raw.status is None:
        detail = flow.raw.trouble if flow is not None else ""
        return of_problem(refusals.not_sent(detail), more)
    reply = passed_on(flow)
    return Reply(reply.status, _without_location(reply.headers) + more, reply.body, flow)


def accepted(ticket: Ticket, outcome: Outcome | None, flow: Flow | None) -> Reply:
    """Return Finesse's own 202 (or other success), or a 202 that stands for it without one."""
    more = marks(ticket, outcome)
    if flow is not None and flow.raw.status in _SUCCESS and not flow.raw.trouble:
        reply = passed_on(flow)
        return Reply(reply.status, _without_location(reply.headers) + more, reply.body, flow)
    return _instead(HTTPStatus.ACCEPTED, b"", ticket, flow, more)


def _without_location(headers: Headers) -> Headers:
    return [pair for pair in headers if pair[0].lower() != b"location"]


def _instead(status: int, body: bytes, ticket: Ticket, flow: Flow | None, more: Headers) -> Reply:
    """Return an answer of our own, with the cookies and the requestId of Finesse's."""
    raw = flow.raw.headers.raw if flow is not None and flow.raw.status is not None else []
    cookies = [(name, value) for name, value in raw if name.lower() == b"set-cookie"]
    id_ = (b"requestId", ticket.request_id.encode("latin-1"))
    kind = [(b"content-type", XML)] if body else []
    length = (b"content-length", b"%d" % len(body))
    return Reply(status, [*kind, length, id_, *cookies, *more], body)


def _shown(request: Request, outcome: Confirmed | Presumed) -> bytes:
    """Return the dialog or the user as last known, b"" when neither is."""
    found = []
    if outcome.dialog is not None:
        found.append(Update(Kind.DIALOG, dialogs=(outcome.dialog,)))
    if outcome.user is not None:
        found.append(Update(Kind.USER, user=outcome.user))
    if not found:
        return b""
    return render_body(found[-1] if request.root == "User" else found[0])


def _errors(outcome: Failed) -> tuple[ApiError, ...]:
    """Return Finesse's errors; one of our own where the call itself, or its data, says it."""
    if outcome.errors:
        return outcome.errors
    said = outcome.state_cause or "the call itself failed"
    if outcome.missing:
        said = f"not applied: {', '.join(outcome.missing)}"
    return (ApiError(error_type=outcome.stage or "FAILED", error_message=said, error_data=""),)


def login_refused(retry_after: float) -> Reply:
    """Return what Finesse answers to a wrong password, for one that it refused a while ago."""
    error = ApiError(
        error_type="Authorization Failure",
        error_message="Finesse refused this user and password a short while ago; it was not asked"
        " again, for five failures lock the account",
        error_data="",
    )
    body = render_body(Update(Kind.ERRORS, errors=(error,)))
    headers = [
        (b"content-type", XML),
        (b"content-length", b"%d" % len(body)),
        (b"www-authenticate", b'Basic realm="Cisco Finesse"'),
        (b"retry-after", b"%d" % max(1, int(retry_after + 0.999))),
    ]
    return Reply(HTTPStatus.UNAUTHORIZED, headers, body)
