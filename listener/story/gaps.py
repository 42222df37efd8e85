"""When were a request's events not heard? Gaps of its outcome, and of the link's own steps.

Pure. Draws no conclusions.
"""

from __future__ import annotations

from typing import NamedTuple

from listener.story.case import Case
from listener.story.facts import Told, seconds
from listener.story.steps import Kind, Step

_INSTANT = 0.002  # seconds
_NEAR = 0.05  # seconds between a gap of an outcome and the step that tells of it
_NEVER_TAKEN_OVER = frozenset(
    {"link_lost", "no_answer", "deadline", "dialog_ended", "weak", "not_reported"}
)
"""Reasons that no request has that was open over a restart: "restarted" comes before them."""
_LINKS = frozenset({Kind.LINK_DOWN, Kind.LINK_UP})


class Gap(NamedTuple):
    """A time in which an agent's events may have been lost; `until` None: it went on."""

    since: float
    until: float | None
    step: int | None = None


def restarted(case: Case) -> bool:
    """Say whether this program was restarted while the request was open."""
    return case.asked.restarted or case.asked.reason == "restarted"


def gaps(case: Case) -> list[Gap]:
    """Return the times in which the agent's events may have been lost while it was open.

    An outcome tells them whole; for a request without one they are what the steps tell. After a
    restart the outcome tells of one from the submission on, out of caution alone.
    """
    told = ((case.asked.outcome or {}).get("window") or {}).get("gaps")
    if told is None or restarted(case):
        found = _heard(case)
    else:
        found = [_gap(case, each) for each in told if each.get("from") is not None]
    begin = case.asked.began + _INSTANT
    return [g for g in found if g.since <= case.end and (g.until is None or g.until > begin)]


def deaf_at_sending(case: Case, gap: Gap) -> bool:
    """Say whether nobody was listening already when the request went out."""
    if gap.since > case.asked.began + _INSTANT:
        return False
    last = _link_before(case)
    if last is not None:
        return last.kind is Kind.LINK_DOWN
    # What tells nothing of the link may have been taken over after a restart.
    return case.asked.reason in _NEVER_TAKEN_OVER and not _lost_then(case, gap)


def _link_before(case: Case) -> Step | None:
    at = case.asked.began - _INSTANT
    found = (
        step
        for step in reversed(case.steps)
        if step.kind in _LINKS and step.agent == case.asked.agent and step.at <= at
    )
    return next(found, None)


def _lost_then(case: Case, gap: Gap) -> bool:
    """Say whether the link was lost in the same moment: it was there before."""
    return any(
        step.kind is Kind.LINK_DOWN
        and step.agent == case.asked.agent
        and case.asked.began - _INSTANT < step.at <= gap.since + _INSTANT
        for step in case.steps
    )


def _gap(case: Case, told: Told) -> Gap:
    since, until = _moment(case, told.get("from")), _moment(case, told.get("until"))
    begin = since if since is not None else case.asked.submitted
    place = next(
        (
            number
            for number, step in enumerate(case.steps, 1)
            if step.kind is Kind.LINK_DOWN
            and step.agent == case.asked.agent
            and abs(step.at - begin) < _NEAR
        ),
        None,
    )
    return Gap(begin, until, place)


def _moment(case: Case, given: object) -> float | None:
    if isinstance(given, int | float):
        return case.asked.submitted + float(given)
    return seconds(given)


def _heard(case: Case) -> list[Gap]:
    found: list[Gap] = []
    down: Gap | None = None
    for place, step in enumerate(case.steps, 1):
        if step.agent != case.asked.agent:
            continue
        if step.kind is Kind.LINK_DOWN and down is None:
            down = Gap(step.at, None, place)
        elif step.kind is Kind.LINK_UP and down is not None:
            found.append(down._replace(until=step.at))
            down = None
    return [*found, *([down] if down is not None else [])]
