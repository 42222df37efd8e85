"""Known causes that lie in hearing, in time, or with others. One function per cause; pure.

Each returns a finding that says what it saw, or None. Sources: docs/outcomes.md.
"""

from __future__ import annotations

from listener.story.case import Case, Finding
from listener.story.facts import Asked
from listener.story.steps import Kind, Step, Tag
from listener.story.veil import clean

_GOOD = frozenset({"confirmed", "presumed"})
_AT_ONCE = 1.0
"""Seconds from the sending in which a gap that began before counts as never heard."""
_MANY = 2
"""Requests with notifications, none tagged, from which on tags are said to be missing."""
_NEW_CALLS = frozenset({"MAKE_CALL", "CONSULT_CALL", "SILENT_MONITOR", "BARGE_CALL"})
_NEVER = frozenset({"READY", "NOT_READY", "WORK", "LOGIN", "LOGOUT"})


def no_session(case: Case) -> Finding | None:
    """No session of the agent was listening when the request went out."""
    asked = case.asked
    if asked.kind in _GOOD or asked.kind == "rejected":
        return None
    gap = next((g for g in case.gaps() if case.deaf_at_sending(g)), None)
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
    if asked.kind in _GOOD:
        return None
    gaps = [g for g in case.gaps() if not case.deaf_at_sending(g)]
    if not gaps and asked.reason != "link_lost":
        return None
    if not gaps:
        if case.gaps():
            return None  # there was no session from the beginning
        saw = "the outcome says so; from when until when is not kept"
        return _link(case, saw, None)
    spans = "; ".join(
        f"from {case.when(g.since).removeprefix('at ')} to "
        + (case.when(g.until) if g.until is not None else "the end of what is known")
        for g in gaps[:3]
    )
    return _link(case, f"the link was down {spans}", gaps[0].step)


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
    if asked.kind in _GOOD or asked.settled is None:
        return None
    at, places = None, []
    for late in asked.told.get("late") or ():
        if late.get("kind") in {"event", "error"}:
            at = asked.submitted + float(late.get("at") or 0.0)
            break
    for place, step in enumerate(case.steps, 1):
        ours = step.tag is Tag.OURS and step.request_id == asked.request_id
        if step.kind in {Kind.HEARD, Kind.ERROR} and ours and step.at > asked.settled:
            places.append(place)
            at = step.at if at is None else at
    if at is None or at <= asked.settled:
        return None
    word = "deadline" if asked.reason == "deadline" else "outcome"
    return case.finding(
        "late_event",
        f"The answer came {at - asked.settled:.1f} s after the {word}",
        f"a notification with its requestId was heard {case.when(at)}",
        f"Give it a longer deadline (at least {at - (asked.answered or asked.submitted) + 5:.0f} s)"
        " and look why the CTI side is slow.",
        *places[:3],
    )


def id_on_another(case: Case) -> Finding | None:
    """Look for: the requestId came back on another request, or on another object."""
    asked = case.asked
    twins = [
        other
        for other in case.facts.requests
        if other.key != asked.key
        and (other.agent, other.request_id) == (asked.agent, asked.request_id)
    ]
    if twins and asked.kind not in _GOOD:
        return case.finding(
            "id_on_another",
            "The same requestId was used for another request",
            f"requestId {clean(asked.request_id)} is also that of {case.named(twins[0])}",
            "Give every request an id of its own, or leave requestId out: then one is made.",
        )
    if asked.kind in _GOOD or asked.action in _NEW_CALLS | _NEVER:
        return None
    for place, step in case.heard(asked.submitted, case.end + 60):
        ours = step.tag is Tag.OURS and step.request_id == asked.request_id
        if ours and step.dialog is not None and not case.about(step):
            return case.finding(
                "id_on_another",
                "Its requestId came back on another call",
                f"dialog {clean(step.dialog)} carried it {case.when(step.at)}, and the request is"
                f" about dialog {clean(asked.dialog)}",
                "That proves nothing for this request: look at both calls.",
                place,
            )
    return None


def another_request(case: Case) -> Finding | None:
    """Look for: the change that fits it is another request's, by its id."""
    if case.asked.kind in _GOOD or not case.noted("another_request"):
        return None
    return case.finding(
        "another_request",
        "The change that was heard is another request's",
        "the notification that shows it carries the id of another request",
        "Wait for the outcome of one request before sending the next to the same device.",
    )


def two_on_one_device(case: Case) -> Finding | None:
    """Two requests were open on one device (guide p.91: one at a time)."""
    asked = case.asked
    if asked.kind in _GOOD or asked.reason == "expired_in_queue":
        return None
    others = case.others()
    if not others:
        return None
    ambiguous = asked.reason == "ambiguous" or case.noted("contested")
    more = "; the change that was heard fits more than one of them" if ambiguous else ""
    count = f", and {len(others) - 1} more" if len(others) > 1 else ""
    return case.finding(
        "two_on_one_device",
        "Another request was open on the same device",
        f"{case.named(others[0])} was open at the same time{count}{more}",
        "Finesse takes one call-control request per device at a time: wait for its outcome, or let"
        " the gate queue them (requests.gate).",
    )


def another_client(case: Case) -> Finding | None:
    """Look for: the desktop, the phone or another program was at work on the same call."""
    asked = case.asked
    if asked.kind == "presumed" or _by_id(asked):
        return None
    for place, step in case.heard(asked.began, case.end):
        if not case.about(step) or step.kind is not Kind.HEARD:
            continue
        if asked.kind in _GOOD and f"proves {asked.action} (" not in (step.proof or ""):
            continue
        if step.tag is Tag.FOREIGN:
            carried = f"carries requestId {clean(step.request_id)}, which is none of ours"
            return _other_hand(case, place, step, carried)
        if (
            step.tag is Tag.NONE
            and step.moves
            and case.tags_here
            and any(m.own for m in step.moves)
        ):
            return _other_hand(case, place, step, "carries no requestId, though others here do")
    return None


def _by_id(asked: Asked) -> bool:
    return (asked.outcome or {}).get("evidence") == "request_id"


def _other_hand(case: Case, place: int, step: Step, carried: str) -> Finding:
    good = case.asked.kind in _GOOD
    return case.finding(
        "another_client",
        "Another client may have done it" if good else "Another client was at work on the call",
        f"the change heard {case.when(step.at)} ({step.title}) {carried}",
        "Ask whether the agent used the desktop or the phone; the outcome never says who did it"
        " unless the evidence is request_id.",
        place,
    )


def no_tags(case: Case) -> Finding | None:
    """Look for: this site's notifications carry no requestId at all."""
    asked = case.asked
    if _by_id(asked) or asked.kind == "rejected" or case.tags_here:
        return None
    heard = [step for step in case.steps if step.kind in {Kind.HEARD, Kind.ERROR}]
    told = [each for each in case.facts.requests if each.sent is not None]
    during = [n for n, s in case.heard(asked.began, case.end) if s.kind is Kind.HEARD]
    weak = asked.kind not in _GOOD or (asked.outcome or {}).get("evidence") == "expectation"
    if not weak or not during or (len(told) < _MANY and len(heard) < _MANY):
        return None
    return case.finding(
        "no_tags",
        "Notifications carry no requestId here",
        f"none of the {len(heard)} notifications in this story carries one,"
        f" over {len(told)} request{'s' if len(told) != 1 else ''}",
        "Echoing it is best effort in Finesse (guide p.22): who caused a change cannot be told, and"
        " minimumEvidence request_id cannot be met. Look whether something between strips the"
        " header requestId.",
        *during[:2],
    )
