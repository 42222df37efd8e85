"""Two simpler correlators, for comparison: what they would have said about the same scene.

They get what ours gets: Finesse's HTTP answer, the events in order, and the same deadlines. Each
claims success or failure, as such programs do. Pure: takes a case, returns a claim.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from listener.demo.judge import refused
from listener.finesse.events import Event, RequestFailed

if TYPE_CHECKING:
    from listener.demo.cases import Case


def _first(case: Case, fits: Callable[[Event], bool]) -> bool:
    """Return success or failure by the first event that fits; none until the deadline: failure."""
    if case.deed is not None and refused(case.deed):
        return False
    for heard in case.heard:
        if case.submitted <= heard.at <= case.deadline and fits(heard.event):
            return not isinstance(heard.event, RequestFailed)
    return False


def by_request_id(case: Case) -> bool:
    """Take the first event with the request's id for its answer; return whether it succeeded."""
    return _first(case, lambda event: event.request_id == case.request_id)


def by_next_event(case: Case) -> bool:
    """Take the next event on the agent's nodes for the answer; return whether it succeeded."""
    return _first(case, lambda event: event.owner == case.agent)


CORRELATORS: dict[str, Callable[[Case], bool]] = {
    "by requestId alone": by_request_id,
    "by the next event": by_next_event,
}


def wrong(claim: Callable[[Case], bool], cases: Sequence[Case]) -> list[Case]:
    """Return the requests about which that correlator claims the opposite of the truth."""
    return [
        case
        for case in cases
        if case.deed is not None
        and case.deed.effect is not None
        and claim(case) is not case.deed.effect
    ]


def example(claim: Callable[[Case], bool], cases: Sequence[Case]) -> str:
    """Return one of those requests in words; a claim of success that was none is told first."""
    told = sorted(cases, key=claim, reverse=True)
    if not told:
        return ""
    case = told[0]
    said, true = ("success", "refused") if claim(case) else ("failure", "done")
    return f"{case.action} {f'({case.note}) ' if case.note else ''}said: {said}, true: {true}"
