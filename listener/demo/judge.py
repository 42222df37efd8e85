"""Compares what was said with what was true: too much, too little, or just right.

The truth is the simulator's; the rules are written from their definitions a second time (see
docs/outcomes.md), and the correlator is never asked. Pure: takes cases, returns words.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from listener.correlation.outcome import (
    Abandoned,
    Confirmed,
    Evidence,
    Failed,
    Outcome,
    Presumed,
    Rejected,
    Unconfirmed,
)
from listener.demo import effects
from listener.demo.cases import Case
from listener.demo.witness import Heard
from listener.finesse.events import Event, RequestFailed
from listener.simulator.interfaces import Deed

SLACK = 0.25  # seconds before a deadline; what came so late is not held against anyone
PROBE = 3.5  # seconds before a deadline by which a GET still goes out and comes back
_NAMED = re.compile(r"INVALID_ACTION (\w+)")
_BARE = frozenset({"unavailable_bare", "unavailable_done"})  # a 503 that says nothing


class Verdict(NamedTuple):
    """What is wrong with an outcome; None: nothing. `too_little`: what could have been known."""

    case: Case
    too_much: str | None
    too_little: str | None


def judge(cases: Sequence[Case]) -> list[Verdict]:
    """Judge all outcomes of a scene."""
    return [Verdict(case, too_much(case), too_little(case, cases)) for case in cases]


def refused(deed: Deed) -> bool:
    """Say whether the HTTP answer itself was a refusal; a 5xx without a word is none."""
    status = deed.status
    if status is None or status in {202, 408}:
        return False
    plain_503 = status == 503 and not _BARE & set(deed.faults)  # noqa: PLR2004  an HTTP status
    return 400 <= status < 500 or status == 501 or plain_503  # noqa: PLR2004  as above


# -- too much ---------------------------------------------------------------------------------


def too_much(case: Case) -> str | None:
    """Say in what an outcome claims more than is true, or None."""
    return next(_claims(case), None)


def _claims(case: Case) -> Iterator[str]:
    outcome, deed = case.outcome, case.deed
    if len(case.deeds) > 1:
        yield "it was sent more than once"
    if outcome.sent is False and deed is not None:
        yield "nothing was said to have left, and Finesse received it"
    yield from _by_kind(case, outcome, deed)


def _by_kind(case: Case, outcome: Outcome, deed: Deed | None) -> Iterator[str]:
    match outcome:
        case Confirmed():
            yield from _confirmed(case, outcome, deed)
        case Failed():
            yield from _failed(outcome, deed)
        case Presumed():
            yield from _presumed(case, deed)
        case Rejected():
            yield from _rejected(outcome, deed)


def _confirmed(case: Case, outcome: Confirmed, deed: Deed | None) -> Iterator[str]:
    if deed is None or deed.effect is not True:
        yield "confirmed, and it was not done"
        return
    new = outcome.dialogs.new
    if new is not None and new != deed.new_dialog_id:
        yield f"confirmed by dialog {new}, and it made {deed.new_dialog_id}"
    if outcome.evidence is Evidence.REQUEST_ID and not _tagged(deed, errors=False):
        yield "said to be tied to its id, and no event carried that id"
    if deed.effect_at is not None and case.settled < deed.effect_at:
        yield "confirmed before it was done"


def _failed(outcome: Failed, deed: Deed | None) -> Iterator[str]:
    if deed is None or deed.effect is not False:
        yield "failed, and it was not refused"
    elif outcome.evidence is Evidence.REQUEST_ID and not (
        _tagged(deed, errors=True) or _tagged(deed, errors=False)
    ):
        yield "said to be tied to its id, and no event carried that id"


def _presumed(case: Case, deed: Deed | None) -> Iterator[str]:
    if deed is None or deed.status != 202:  # noqa: PLR2004  an HTTP status
        yield "presumed without Finesse's 202"
        return
    errors = [at for at, _, is_error, reached in deed.published if is_error and reached]
    if any(at < case.settled - SLACK for at in errors):
        yield "presumed, and its error had been published"


def _rejected(outcome: Rejected, deed: Deed | None) -> Iterator[str]:
    if outcome.reason is not None and deed is not None:
        yield "said not to have been sent, and Finesse received it"
    if outcome.reason is None and (deed is None or deed.effect is not False or not refused(deed)):
        yield "rejected, and Finesse did not refuse it"


def _tagged(deed: Deed, *, errors: bool) -> bool:
    return any(
        tag and reached and is_error is errors for _, tag, is_error, reached in deed.published
    )


# -- too little -------------------------------------------------------------------------------


def too_little(case: Case, scene: Sequence[Case] = ()) -> str | None:
    """Say what could have been known where an outcome leaves it open, or None."""
    if not isinstance(case.outcome, Unconfirmed | Abandoned):
        return None
    return knowable(case, scene)


def knowable(case: Case, scene: Sequence[Case] = ()) -> str | None:
    """Say what somebody could know about a request who heard what our sessions heard."""
    deed = case.deed
    if deed is None:
        return None
    if refused(deed):
        return f"rejected: Finesse answered {deed.status}"
    if deed.effect is False:
        return _known_failure(case, scene)
    return _known_effect(case) if deed.effect else None


def _in_time(case: Case) -> list[Heard]:
    return [h for h in case.heard if case.submitted <= h.at < case.deadline - SLACK]


def _some(case: Case, fits: Callable[[Case, Event], bool]) -> bool:
    return any(fits(case, heard.event) for heard in _in_time(case))


def _known_failure(case: Case, scene: Sequence[Case]) -> str | None:
    errors = [h for h in _in_time(case) if _is_error(case, h.event)]
    if any(h.event.request_id == case.request_id for h in errors):
        return "failed: an error with its id"
    if _some(case, effects.call_failed):
        return "failed: the call failed"
    if _some(case, effects.set_in_part):
        return "failed: some of the values were set"
    if any(h.event.request_id is None and _sole(case, h, scene) for h in errors):
        return "failed: an error that only this request can own"
    return None


def _is_error(case: Case, event: Event) -> bool:
    return isinstance(event, RequestFailed) and event.owner == case.agent


def _known_effect(case: Case) -> str | None:
    if _some(case, effects.event_shows):
        return "confirmed: an event showed it"
    standing, deed = case.standing, case.deed
    early = deed is not None and (deed.effect_at or 0.0) < case.deadline - PROBE
    if standing and early and case.answered and effects.view_shows(case, standing):
        return "confirmed: a GET showed it"
    if isinstance(case.request, effects.SILENT) and _quiet(case):
        return "presumed: no error came"
    return None


def _quiet(case: Case) -> bool:
    accepted = case.deed is not None and case.deed.status == 202  # noqa: PLR2004  an HTTP status
    errors = any(_is_error(case, heard.event) for heard in _in_time(case))
    return accepted and not case.outcome.window.gaps and not errors


def _sole(case: Case, error: Heard, scene: Sequence[Case]) -> bool:
    """Say whether an error without an id can belong to no other request of the scene."""
    event = error.event
    if not isinstance(event, RequestFailed) or event.dialog_id != case.object_id:
        return False
    if not _named(case, event) or _moved(case, error):
        return False
    others = (c for c in scene if c is not case and c.agent == case.agent)
    return not any(_may_own(other, error, event, case.deadline) for other in others)


def _may_own(other: Case, error: Heard, event: RequestFailed, by: float) -> bool:
    """Say whether another request may be the error's owner, as far as is known at the time `by`."""
    if not other.submitted <= error.at < other.deadline:
        return False
    if other.object_id != event.dialog_id or not _named(other, event):
        return False
    if other.settled > error.at:  # open then: it is off the list once it has an answer of its own
        return other.settled > by or not isinstance(other.outcome, Confirmed | Failed)
    weak = getattr(other.outcome, "evidence", None) in {Evidence.EXPECTATION, Evidence.SNAPSHOT}
    return weak or isinstance(other.outcome, Unconfirmed | Abandoned)


def _named(case: Case, event: RequestFailed) -> bool:
    """Say whether the action that an error's message names, if any, is that of the request."""
    names = [_NAMED.search(error.error_message or "") for error in event.errors]
    return all(found is None or found[1] == case.action for found in names)


def _moved(case: Case, error: Heard) -> bool:
    """Say whether the own participant changed between the request and the error: another's work."""
    seen = [
        (heard.at, state)
        for heard in case.heard
        if heard.event.owner == case.agent and heard.at <= error.at
        for state in [effects.own_state(case, heard.event)]
        if state is not None
    ]
    before = [state for at, state in seen if at < case.submitted]
    after = {state for at, state in seen if at >= case.submitted}
    return bool(before and after - {before[-1]})
