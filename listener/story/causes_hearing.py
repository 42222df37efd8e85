"""Known causes that lie in hearing, or in time. One function per cause; pure.

Each returns a finding that says what it saw, or None. Sources: docs/outcomes.md.
"""

from __future__ import annotations

from listener.story.case import Case, Finding
from listener.story.facts import Told
from listener.story.gaps import Gap, deaf_at_sending, gaps, restarted
from listener.story.steps import Kind, Step, Tag
from listener.story.veil import clean

_GOOD = frozenset({"confirmed", "presumed"})
_WAITED = frozenset({"deadline", "no_answer", "link_lost", "not_reported"})
"""Reasons of those that waited for what did not come."""
_FENCED = frozenset({"SEND_DTMF", "START_RECORDING"})


def no_session(case: Case) -> Finding | None:
    """No session of the agent was listening when the request went out."""
    asked = case.asked
    if asked.kind in _GOOD or case.answered or asked.sent is None:
        return None
    gap = next((g for g in gaps(case) if deaf_at_sending(case, g)), None)
    if gap is None:
        return None
    until = f"it was heard again {case.when(gap.until)}" if gap.until else "it was not heard again"
    return case.finding(
        "no_session",
        f"No session of agent {clean(asked.agent)} was listening when it was sent",
        f"its events may have been lost since {case.when(gap.since)}; {until}",
        "Send when `listener agents` shows the agent up; `listener check` looks for the reason.",
        gap.step,
    )


def link_down(case: Case) -> Finding | None:
    """Look for: the link was down for a while, while the request was open."""
    asked = case.asked
    if asked.kind in _GOOD or case.answered or restarted(case):
        return None
    known = gaps(case)
    lost = [each for each in known if not deaf_at_sending(case, each) and _seen(case, each)]
    if lost:
        spans = "; ".join(
            f"from {case.when(g.since).removeprefix('at ')} to "
            + (case.when(g.until) if g.until is not None else "the end of what is known")
            for g in lost[:3]
        )
        return _link(case, f"the link was down {spans}", lost[0].step)
    if known or asked.reason != "link_lost":
        return None  # there was no session from the beginning
    if asked.action in _FENCED:
        return case.finding(
            "link_down",
            "It is not sure that all was heard",
            "the link was not seen down, but the ping at the end of the quiet time was not answered"
            " in time",
            "Read the call. Then look at the network and at Finesse's notification service.",
        )
    return _link(case, "the outcome says so; from when until when is not kept", None)


def _seen(case: Case, gap: Gap) -> bool:
    """Say whether the link was seen to be lost; from the submission on it may be caution alone."""
    return gap.step is not None or gap.since > case.asked.began


def _link(case: Case, saw: str, step: int | None) -> Finding:
    return case.finding(
        "link_down",
        "The link to Finesse was down while it was open",
        saw,
        "What was said in between is lost for good: read the call. Then look at the network and at"
        " Finesse's notification service.",
        step,
    )


def late_event(case: Case) -> Finding | None:
    """Look for: what proves or fails it came after its deadline."""
    asked = case.asked
    if asked.settled is None:
        return None
    waited = asked.kind == "unconfirmed" and asked.reason in _WAITED
    if not waited and asked.kind != "presumed":
        return None
    late = _late(case)
    heard = [
        (place, step)
        for place, step in enumerate(case.steps, 1)
        if _its_own(case, step) and step.at > asked.settled
    ]
    errors = [each for each in late if each.get("kind") == "error"]
    if asked.kind == "presumed" and not errors:
        return None
    times = [asked.submitted + float(each.get("at") or 0.0) for each in errors or late]
    at = min(times or [step.at for _, step in heard], default=0.0)
    if at <= asked.settled:
        return None
    word = "deadline" if asked.reason == "deadline" else "outcome"
    what = "An error with its requestId" if errors else "A notification with its requestId"
    return case.finding(
        "late_event",
        f"{what} came {at - asked.settled:.1f} s after the {word}",
        f"it was heard {case.when(at)}",
        f"Give it a longer deadline (at least {at - (asked.answered or asked.submitted) + 5:.0f} s)"
        " and look why the CTI side is slow."
        if waited
        else "Silence was taken for success, and it was not: look at the call.",
        *[place for place, _ in heard][:3],
    )


def _late(case: Case) -> list[Told]:
    late = case.asked.told.get("late") or ()
    return [each for each in late if each.get("kind") in {"event", "error"}]


def _its_own(case: Case, step: Step) -> bool:
    if step.kind not in {Kind.HEARD, Kind.ERROR} or step.tag is not Tag.OURS:
        return False
    here = step.agent in {case.asked.agent, None} or case.about(step)
    return here and step.request_id == case.asked.request_id
