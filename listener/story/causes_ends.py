"""Known causes that lie in how a request ended on our side. One function per cause; pure.

Each returns a finding that says what it saw, or None. Sources: docs/outcomes.md.
"""

from __future__ import annotations

from listener.story import beside, gaps
from listener.story.case import Case, Finding
from listener.story.steps import Kind
from listener.story.veil import clean

_GOOD = frozenset({"confirmed", "presumed"})


def restarted(case: Case) -> Finding | None:
    """Look for: this program was restarted while the request was open."""
    asked = case.asked
    if asked.kind in _GOOD or case.answered or not gaps.restarted(case):
        return None
    place = next(
        (
            n
            for n, step in enumerate(case.steps, 1)
            if step.kind is Kind.RESTART and asked.submitted <= step.at <= case.end
        ),
        None,
    )
    return case.finding(
        "restarted",
        "This program was restarted while it was open",
        "its outcome says so"
        if place is None
        else f"a new run begins {case.when(case.steps[place - 1].at)}",
        "Read the call. `listener handover` changes the version without an absence.",
        place,
    )


def weak_evidence(case: Case) -> Finding | None:
    """Look for: what was heard is weaker than the caller wanted."""
    if case.asked.reason != "weak":
        return None
    seen = ", ".join(
        clean(each.get("what")) for each in (case.asked.outcome or {}).get("seen") or ()
    )
    return case.finding(
        "weak",
        "What was heard is weaker evidence than was asked for",
        f"minimumEvidence is {clean(case.asked.minimum)}; heard: {seen or _otherwise(case)}",
        "With minimumEvidence any it would have counted, if that is enough for you.",
    )


def _otherwise(case: Case) -> str:
    silent = case.asked.action in {"SEND_DTMF", "START_RECORDING"}
    return "silence, which is its normal answer and carries no id" if silent else "see the steps"


_ENDS = {
    "not_reported": (
        "Nobody said whether it was sent",
        "the caller announced it, and neither a report nor its requestId was heard",
        "Put the requestId of the answer into the header of your request, and report its status.",
    ),
    "not_sent": (
        "Nothing left this machine",
        "the connection to Finesse's REST service was not to be had, or broke before it went out",
        "`listener check` looks for the reason; sending it again is safe.",
    ),
    "cancelled": (
        "It was cancelled before it was sent",
        "the caller withdrew it while it waited for its turn, or for a way to Finesse",
        "Nothing to do.",
    ),
    "caller": (
        "The caller stopped waiting",
        "it was abandoned through the API; what Finesse did with it is told as late",
        "Look at the call before sending it again.",
    ),
    "shutdown": (
        "This program was stopped while it was open",
        "its outcome says so",
        "Look at the call before sending it again, unless it says that nothing was sent.",
    ),
}


def ended_by_us(case: Case) -> Finding | None:
    """Look for: it ended by the caller's hand or by this program's end."""
    words = _ENDS.get(str(case.asked.reason))
    if words is None:
        return None
    return case.finding(str(case.asked.reason), *words)


def still_open(case: Case) -> Finding | None:
    """Look for: it never had an outcome, as far as the source knows."""
    asked = case.asked
    if asked.outcome is not None:
        return None
    said = f"it was last {clean(asked.told.get('state') or 'open')}"
    due, end = case.deadline, case.facts.end
    over = due is not None and end is not None and due < end
    if due is not None:
        tense = "was" if over else "would have been" if case.facts.stops else "is"
        said = f"{said}; its deadline {tense} {case.when(due)}"
    if case.facts.stops and not over:
        stops = f"; the transcript ends {case.when(end)}" if end is not None else ""
        return case.finding(
            "still_open",
            "The transcript ends before its outcome",
            f"{said}{stops}",
            "Ask the journal (`listener story` without --transcript), or give the next part of the"
            " transcript too; without them look at the call before sending it again.",
        )
    return case.finding(
        "still_open",
        "It never had an outcome" if over else "It has no outcome yet",
        said,
        "The program or the recording ended first: look at the call before sending it again."
        if over
        else "Look again when the deadline has passed.",
    )


def expired_in_queue(case: Case) -> Finding | None:
    """Look for: it waited until its deadline, at the gate or behind it, and was not sent."""
    asked = case.asked
    if asked.reason != "expired_in_queue":
        return None
    if asked.stayed:
        return case.finding(
            "expired_in_queue",
            "Its turn had come, but nothing of it left this machine until its deadline",
            f"its turn came {case.when(asked.going)}; then it waited for the journal, for a login's"
            " turn or for a connection to Finesse",
            "Send it again; `listener check` tells whether Finesse's REST service is to be had.",
            case.turn,
        )
    holder = next(iter(beside.holders(case)), None)
    if holder is None:
        return case.finding(
            "expired_in_queue",
            "It waited until its deadline and was not sent",
            "what kept it waiting is not known here: another request, or a way to Finesse",
            "Send it again, or give it a longer deadline.",
        )
    left = "had its turn, and had not left" if holder.stayed else "was not settled"
    return case.finding(
        "expired_in_queue",
        "It waited for its turn until its deadline and was not sent",
        f"another request held the device: {case.named(holder)} {left}",
        "Send it again; wait for the request before it, or give it a longer deadline.",
    )
