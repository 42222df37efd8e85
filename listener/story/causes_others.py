"""Known causes that lie with others: other requests, other clients. One function per cause; pure.

Each returns a finding that says what it saw, or None. Sources: docs/outcomes.md.
"""

from __future__ import annotations

import re

from listener.finesse.actions import ACTIONS
from listener.story import beside
from listener.story.case import Case, Finding
from listener.story.facts import Asked
from listener.story.meanings import EFFECT
from listener.story.steps import Kind, Step, Tag
from listener.story.veil import clean

_GOOD = frozenset({"confirmed", "presumed"})
_MANY = 2
"""Requests seen done by changes without an id, from which on ids are said to be missing."""
_NEW_CALLS = frozenset({"MAKE_CALL", "CONSULT_CALL", "SILENT_MONITOR", "BARGE_CALL"})
_OF_USER = frozenset({"READY", "NOT_READY", "WORK", "LOGIN", "LOGOUT"})
_JOINS = frozenset({"TRANSFER", "CONFERENCE", "TRANSFER_SST", "PARTICIPANT_DROP"})
_SIDE_EFFECTS = _JOINS | _NEW_CALLS
"""Actions that hold, take back or end calls beside what they ask for."""
_LEFT = frozenset({"DROPPED", "WRAP_UP"})
_HAND = frozenset({("ALERTING", "ACTIVE"), ("ACTIVE", "HELD"), ("HELD", "ACTIVE")})
_SAYING = ("errorMessage", "errorData", "peripheralErrorText")
_WORD = re.compile(r"[A-Z][A-Z_]{2,}")
_BUSY = (
    "CF_DUPLICATE_INVOCATION_REJECTION",
    "CF_OUTSTANDING_REQUEST_LIMIT_EXCEEDED",
    "CF_REQUESTS_ON_DEVICE_EXCEEDED_REJECTION",
    "CF_RESOURCE_BUSY",
)
"""Constants that may say that the device is at work for another request."""


def id_on_another(case: Case) -> Finding | None:
    """Look for: the requestId came back on another request, or on another object."""
    asked = case.asked
    if asked.kind in _GOOD:
        return None
    twin = next((other for other in case.facts.requests if _twin(case, other)), None)
    if twin is not None:
        return case.finding(
            "id_on_another",
            "The same requestId was used for another request",
            f"requestId {clean(asked.request_id)} is also that of {case.named(twin)}",
            "Give every request an id of its own, or leave requestId out: then one is made.",
        )
    if case.answered or asked.dialog is None or asked.action in _NEW_CALLS:
        return None
    own = beside.belonging(case)
    for place, step in case.heard(asked.submitted, case.end + 60):
        ours = step.tag is Tag.OURS and step.request_id == asked.request_id
        if ours and step.dialog is not None and step.dialog not in own:
            return case.finding(
                "id_on_another",
                "Its requestId came back on another call",
                f"dialog {clean(step.dialog)} carried it {case.when(step.at)}, and the request is"
                f" about dialog {clean(asked.dialog)}",
                "That proves nothing for this request: look at both calls.",
                place,
            )
    return None


def _twin(case: Case, other: Asked) -> bool:
    """Say whether another request had the same id while this one was open."""
    mine = case.asked
    same = (other.agent, other.request_id) == (mine.agent, mine.request_id)
    over = other.settled is not None and other.settled <= mine.began
    return same and other.key != mine.key and not over and other.began < case.end


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
    """Two requests were at work on one device (guide p.91: one at a time)."""
    asked = case.asked
    if asked.kind in _GOOD or asked.reason == "expired_in_queue":
        return None
    if case.refused_otherwise(*_BUSY):
        return None
    others = beside.on_device(case)
    if not others:
        return None
    more = "; what was heard fits more than one of them" if asked.reason == "ambiguous" else ""
    count = f", and {len(others) - 1} more" if len(others) > 1 else ""
    return case.finding(
        "two_on_one_device",
        "Another request was open on the same device",
        f"{case.named(others[0])} was open at the same time{count}{more}",
        "Finesse takes one call-control request per device at a time: wait for its outcome, or let"
        " the gate queue them (requests.gate).",
    )


def ambiguous(case: Case) -> Finding | None:
    """Look for: what was heard may be this request's, or another's."""
    asked = case.asked
    if asked.reason != "ambiguous":
        return None
    error = next((each for each in case.heard(asked.began, case.end) if _suspect(case, each)), None)
    alike = next(iter(case.noted("look_alike")), None)
    others = beside.open_beside(case)
    with_it = f"; open at the same time: {case.named(others[0])}" if others else ""
    if error is not None:
        place, step = error
        says = "; ".join(line for line in step.lines[:1])
        saw = f"an error without an id was heard {case.when(step.at)} ({step.title}; {says})"
        advice = next(
            (case.veil.text(e["advice"]) for e in step.errors if e.get("advice")),
            "Look at the call before sending it again.",
        )
        words = "An error was heard that may be its own", f"{saw}{with_it}", advice
        return case.finding("ambiguous", *words, place)
    if alike is not None:
        saw = f"a change that is like it, and is not just it: {case.veil.text(alike['detail'])}"
    elif others and not beside.on_device(case):
        saw = f"{case.named(others[0])} was open at the same time"
    else:
        return None
    return case.finding(
        "ambiguous",
        "What was heard may be its own, or another's",
        saw,
        "Look at the call before sending it again; wait for one outcome before the next request.",
    )


def _suspect(case: Case, heard: tuple[int, Step]) -> bool:
    step = heard[1]
    here = case.about(step) or step.dialog is None
    if step.kind is not Kind.ERROR or step.tag is not Tag.NONE or not here:
        return False
    said = " ".join(str(e.get(name) or "") for e in step.errors for name in _SAYING)
    named = {word for word in _WORD.findall(said) if word in ACTIONS}
    return not named or case.asked.action in named


def another_client(case: Case) -> Finding | None:
    """Look for: the desktop, the phone or another program was at work on the same call."""
    asked = case.asked
    if asked.kind == "presumed" or _by_id(asked) or case.answered:
        return None
    for place, step in case.heard(asked.began, case.end):
        if step.kind is not Kind.HEARD or not _on_its_object(case, step):
            continue
        if asked.kind in _GOOD and f"proves {asked.action} (" not in (step.proof or ""):
            continue
        if step.tag is Tag.FOREIGN and _tells(case, step):
            carried = f"carries requestId {clean(step.request_id)}, which is none of ours"
            return _other_hand(case, place, step, carried)
        if step.tag is Tag.NONE and case.tags_here and _by_hand(case, step):
            return _other_hand(case, place, step, "carries no requestId, though others here do")
    return None


def _on_its_object(case: Case, step: Step) -> bool:
    asked = case.asked
    if asked.action in _OF_USER:
        return step.dialog is None
    if asked.dialog is None and asked.kind not in _GOOD:
        return False  # which call it would have made is not known
    return case.about(step)


def _tells(case: Case, step: Step) -> bool:
    """Say whether a change with a foreign id is about what the request asks for."""
    if case.asked.action in _OF_USER or case.asked.kind in _GOOD:
        return True
    if case.asked.action == "UPDATE_CALL_DATA":
        return step.data or step.change == "removed"
    return step.change == "removed" or any(move.own for move in step.moves)


def _by_hand(case: Case, step: Step) -> bool:
    """Say whether a change without an id is one that a client of this agent makes.

    A call that is answered, held or taken back is; its end may be the far end's, and the agent's
    state follows the calls. Our own requests of then may have done it too.
    """
    asked = case.asked
    if asked.action in _SIDE_EFFECTS or (asked.action in _OF_USER and asked.kind not in _GOOD):
        return False
    if any(o.settled is None or o.settled >= step.at for o in beside.on_device(case)):
        return False
    return any(
        move.own
        and move.after not in _LEFT
        and ((move.before, move.after) in _HAND or asked.action in _OF_USER)
        for move in step.moves
    )


def _by_id(asked: Asked) -> bool:
    return (asked.outcome or {}).get("evidence") == "request_id"


def _other_hand(case: Case, place: int, step: Step, carried: str) -> Finding:
    wanted = EFFECT.get(case.asked.action, frozenset())
    its_own = step.tag is Tag.NONE and any(m.own and m.after in wanted for m in step.moves)
    maybe = case.asked.kind in _GOOD or its_own
    where = "on the agent" if case.asked.action in _OF_USER else "on the call"
    return case.finding(
        "another_client",
        "Another client may have done it" if maybe else f"Another client was at work {where}",
        f"the change heard {case.when(step.at)} ({step.title}) {carried}",
        "Ask whether somebody used a desktop or the phone; the outcome never says who did it"
        " unless the evidence is request_id.",
        place,
    )


def no_tags(case: Case) -> Finding | None:
    """Look for: this site's notifications carry no requestId at all."""
    asked = case.asked
    if _by_id(asked) or case.answered or case.tags_here or asked.sent is None:
        return None
    done = [each for each in case.facts.requests if _done_without_id(each)]
    if len(done) < _MANY:
        return None  # what was heard may be others' doing alone
    heard = [step for step in case.steps if step.kind in {Kind.HEARD, Kind.ERROR}]
    during = [n for n, s in case.heard(asked.began, case.end) if s.kind is Kind.HEARD]
    if not during:
        return None
    return case.finding(
        "no_tags",
        "Notifications carry no requestId here",
        f"none of the {len(heard)} notifications in this story carries one,"
        f" and {len(done)} requests were done",
        "Echoing it is best effort in Finesse (guide p.22): who caused a change cannot be told, and"
        " minimumEvidence request_id cannot be met. Look whether something between strips the"
        " header requestId.",
        *during[:2],
    )


def _done_without_id(asked: Asked) -> bool:
    if asked.reason == "weak":
        return True
    return asked.kind == "confirmed" and (asked.outcome or {}).get("evidence") == "expectation"
