"""The problems that are the page's own. Those that it shares with the API are in `api.refusals`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from listener.api.refusals import Kind, Refusal
from listener.web.problems import Problem

CHALLENGE = {"WWW-Authenticate": "Bearer"}


class PageRefusal(Refusal):
    """A call is answered with this problem, which is none of the API's kinds."""

    def __init__(self, problem: Problem, headers: Mapping[str, str] | None = None) -> None:
        Exception.__init__(self, problem.detail)
        self.problem = problem
        self.headers = dict(headers or {})


def code_refused(retry_after: float | None) -> PageRefusal:
    """Refuse a code; `retry_after`: too many were wrong of late."""
    if retry_after is None:
        detail = "It was used, is older than a minute, or is wrong: run `listener page` again."
        problem = Problem("code_refused", "This code opens nothing", 401, detail)
        return PageRefusal(problem, CHALLENGE)
    detail = "Many codes were wrong of late. Run `listener page` again: a right one is taken."
    return PageRefusal(
        Problem(
            "too_many_codes",
            "Too many wrong codes",
            429,
            detail,
            retryable=True,
            retry_after=retry_after,
        )
    )


def not_served() -> PageRefusal:
    """Refuse to make a link to a page that no browser can reach."""
    return PageRefusal(
        Problem(
            "page_not_served",
            "The page is served over TCP alone, and this daemon has no TCP address",
            409,
            'Set listen = "127.0.0.1:8470" and tokens_file under [api] in the settings, and restart'
            " the daemon.",
        )
    )


def no_numbers() -> Refusal:
    """Refuse to show numbers to who may not see them."""
    return Refusal(
        Kind.SCOPE_MISSING,
        "numbers and call data are masked; a link of `listener page --show-numbers` shows them",
    )


def nothing_known(what: str, near: Sequence[str] = ()) -> Refusal:
    """Refuse a story of which nothing is known; `near` is what resembles it, in words."""
    return Refusal(Kind.REQUEST_NOT_FOUND, what, near=list(near))
