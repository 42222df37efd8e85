"""Every problem that this API tells, in one table, and which error of the program is which.

Knows the kinds, their status and title; how a problem is written is `web.problems`' business. What
comes before the API (tokens, Host, sizes, connections) has its problems there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from starlette.responses import Response

from listener import errors, offers
from listener.web.problems import Problem


@dataclass(frozen=True, slots=True)
class Told:
    """What holds for every problem of a kind; `retryable`: the same call may succeed later."""

    status: int
    title: str
    retryable: bool = False


class Kind(Enum):
    """The kinds of problems; the name in lower case is the end of the problem's `type`."""

    MALFORMED_BODY = Told(400, "The body cannot be read")
    INVALID_PATH = Told(400, "The path cannot be understood")
    INVALID_AGENT_ID = Told(400, "No agent can have that id")
    INVALID_IDEMPOTENCY_KEY = Told(400, "The Idempotency-Key cannot be used")
    UNAUTHORIZED = Told(401, "A valid token is needed")
    SCOPE_MISSING = Told(403, "The caller may not do that")
    UNKNOWN_PATH = Told(404, "There is nothing at this path")
    REQUEST_NOT_FOUND = Told(404, "There is no such request")
    EXPECTATION_NOT_FOUND = Told(404, "There is no such expectation")
    AGENT_NOT_FOUND = Told(404, "There is no such agent")
    ERROR_UNKNOWN = Told(404, "Nothing is known about that error")
    METHOD_NOT_ALLOWED = Told(405, "The path does not take that method")
    DUPLICATE_REQUEST_ID = Told(409, "That requestId is live for that agent")
    DEVICE_BUSY = Told(409, "Another request is open on that device", retryable=True)
    AGENT_SIGNED_IN = Told(409, "The agent is signed in")
    SETTINGS_INVALID = Told(409, "The settings cannot work")
    PATH_TOO_LONG = Told(414, "The path is too long")
    UNSUPPORTED_MEDIA_TYPE = Told(415, "The body is of another kind than wanted")
    INVALID_REQUEST = Told(422, "The request cannot be valid")
    INVALID_PARAMETER = Told(422, "A parameter cannot be valid")
    UNKNOWN_AGENT = Told(422, "That agent is not configured")
    IDEMPOTENCY_KEY_REUSED = Told(422, "That Idempotency-Key came with another body before")
    TOO_MANY_PENDING = Told(429, "Too many requests are pending", retryable=True)
    INTERNAL = Told(500, "A fault in this program")
    NOT_LISTENING = Told(503, "No session hears that agent", retryable=True)
    CLOSING = Told(503, "The daemon is shutting down", retryable=True)
    NOT_KEPT = Told(503, "The journal cannot be used", retryable=True)
    TOO_MANY_READERS = Told(503, "Too many read events", retryable=True)
    NOT_ACCEPTED = Told(503, "The daemon does not take that now", retryable=True)

    @property
    def type(self) -> str:
        """The short name that ends the problem's `type`."""
        return self.name.lower()

    def problem(self, detail: str, *, retry_after: float | None = None, **more: Any) -> Problem:
        """Return a problem of this kind; members of `more` that are None are left out."""
        told = self.value
        members = {name: value for name, value in more.items() if value is not None}
        return Problem(
            self.type,
            told.title,
            told.status,
            detail,
            retryable=told.retryable,
            retry_after=retry_after,
            **members,
        )


class Refusal(Exception):
    """A call is answered with this problem; `headers` go with it."""

    def __init__(
        self,
        kind: Kind,
        detail: str,
        *,
        retry_after: float | None = None,
        headers: Mapping[str, str] | None = None,
        **more: Any,
    ) -> None:
        super().__init__(detail)
        self.problem = kind.problem(detail, retry_after=retry_after, **more)
        self.headers = dict(headers or {})


_NOT_ACCEPTED: Mapping[type[errors.NotAccepted], Kind] = {
    errors.NotListening: Kind.NOT_LISTENING,
    errors.TooManyPending: Kind.TOO_MANY_PENDING,
    errors.DeviceBusy: Kind.DEVICE_BUSY,
    errors.DuplicateRequestId: Kind.DUPLICATE_REQUEST_ID,
    errors.Closing: Kind.CLOSING,
    errors.NotKept: Kind.NOT_KEPT,
    offers.KeyReused: Kind.IDEMPOTENCY_KEY_REUSED,
    offers.AgentSignedIn: Kind.AGENT_SIGNED_IN,
}
_FIELDS = {
    Kind.DUPLICATE_REQUEST_ID: "requestId",
}
_LEAST_PAUSE = 1.0


def refusal_of(error: errors.ListenerError) -> Refusal:
    """Return how the program's own errors are told; raises `error` when it is none for callers."""
    match error:
        case errors.InvalidRequest():
            return Refusal(Kind.INVALID_REQUEST, str(error), field=error.field)
        case errors.UnknownAgent():
            return Refusal(Kind.UNKNOWN_AGENT, str(error), field="agent")
        case errors.ConfigurationError():
            return Refusal(Kind.SETTINGS_INVALID, str(error))
        case errors.NotAccepted():
            kind = next(
                (_NOT_ACCEPTED[one] for one in type(error).__mro__ if one in _NOT_ACCEPTED),
                Kind.NOT_ACCEPTED,
            )
            return Refusal(
                kind, str(error), retry_after=_pause(error, kind), field=_FIELDS.get(kind)
            )
        case _:
            raise error


def _pause(error: errors.NotAccepted, kind: Kind) -> float | None:
    """Return when to try again: what 429 and 503 always say, the others where it helps."""
    if not kind.value.retryable:
        return None
    return max(_LEAST_PAUSE, error.retry_after or _LEAST_PAUSE)


def answer(refusal: Refusal) -> Response:
    """Return the answer that tells a refusal."""
    told = refusal.problem
    headers = {name.decode(): value.decode() for name, value in told.headers()}
    return Response(told.body(), status_code=told.status, headers=headers | refusal.headers)
