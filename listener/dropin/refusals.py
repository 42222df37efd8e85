"""The drop-in's own problems: what is refused or cannot be done before, or instead of, Finesse.

Plain values. Finesse's answers are never dressed as one of these.
"""

from __future__ import annotations

from listener.rest import Raw
from listener.web.problems import Problem

_AGAIN = 2.0  # seconds: what Finesse advises for a 503 is "some"


def unknown_path() -> Problem:
    """Return the problem of a path that is not Finesse's."""
    return Problem(
        "unknown_path",
        "There is nothing at this path",
        404,
        "Only Finesse's own paths, below /finesse/api/, are served here; /v1 has its own address.",
    )


def invalid_path(detail: str) -> Problem:
    """Return the problem of a target that could lead elsewhere."""
    return Problem("invalid_path", "The path cannot be understood", 400, f"{detail}.")


def two_logins() -> Problem:
    """Return the problem of a request with more than one Authorization."""
    return Problem(
        "two_logins",
        "It is not clear whose request this is",
        400,
        "Send one Authorization header: the one for Finesse.",
    )


def method_not_allowed() -> Problem:
    """Return the problem of a method that Finesse's API does not have."""
    return Problem(
        "method_not_allowed",
        "The path does not take that method",
        405,
        "Finesse's API takes GET, HEAD, POST, PUT and DELETE.",
    )


def scope_missing() -> Problem:
    """Return the problem of a token that may read and not request."""
    return Problem(
        "scope_missing",
        "The caller may not do that",
        403,
        "This token lacks the scope: read for GET and HEAD, request for everything else.",
    )


def closing(detail: str, retry_after: float | None) -> Problem:
    """Return the problem of a daemon that takes nothing new; nothing was sent."""
    return Problem(
        "closing",
        "The daemon is shutting down",
        503,
        detail,
        retryable=True,
        retry_after=retry_after or 1.0,
    )


def not_sent(detail: str) -> Problem:
    """Return the problem of a request of which nothing left this machine."""
    said = f"Nothing was sent: {detail}." if detail else "Nothing was sent."
    return Problem(
        "not_sent",
        "Finesse cannot be reached",
        503,
        said,
        retryable=True,
        retry_after=_AGAIN,
    )


def no_answer(raw: Raw) -> Problem:
    """Return the problem of a GET that left and was not answered."""
    title = "Finesse did not answer in time" if raw.late else "Finesse gave no whole answer"
    status = 504 if raw.late else 502
    return Problem("no_answer", title, status, f"{raw.trouble}.", retryable=True)


def login_busy() -> Problem:
    """Return the problem of a password that is not known to be good while another is tried."""
    return Problem(
        "login_busy",
        "Another sign-in of this user is being tried",
        503,
        "Until Finesse has taken a password once, one request of a user goes out at a time, for"
        " five failures lock the account. Nothing was sent.",
        retryable=True,
        retry_after=_AGAIN,
    )
