"""What stood beside a request: the call it belongs to, and who else was at work on its device.

Pure. Knows how long a request keeps others off its device; draws no conclusions.
"""

from __future__ import annotations

from listener.finesse import uris
from listener.finesse.actions import ACTIONS
from listener.finesse.actions.expectation import Gate
from listener.story.case import Case
from listener.story.facts import Asked, Told
from listener.story.steps import Step

_INSTANT = 0.002  # seconds by which times that follow each other may seem to overlap
_TWO_CALLS = frozenset({"TRANSFER", "CONFERENCE", "CONSULT_CALL"})


def on_device(case: Case) -> list[Asked]:
    """Return other requests that were at work on the same device while this one was.

    From when they were sent: Finesse knows nothing of one that has its turn and has not left.
    """
    mine = _held(case.asked, case.asked.sent)
    if mine is None:
        return []
    found = []
    for other in _same_device(case):
        theirs = _held(other, other.sent)
        if theirs is None or other.kind == "rejected" or _both_digits(case.asked, other):
            continue
        if max(mine[0], theirs[0]) + _INSTANT < min(mine[1], theirs[1], case.end):
            found.append(other)
    return found


def open_beside(case: Case) -> list[Asked]:
    """Return other requests on the same object of the same agent that were open meanwhile."""
    mine = case.asked
    return [
        other
        for other in _same_device(case)
        if other.dialog == mine.dialog
        and other.kind != "rejected"
        and other.began < case.end - _INSTANT
        and (other.settled is None or other.settled > mine.began + _INSTANT)
    ]


def _same_device(case: Case) -> list[Asked]:
    mine = case.asked
    return [
        other
        for other in case.facts.requests
        if other.key != mine.key
        and other.agent == mine.agent
        and (other.own is None or mine.own is None or other.own == mine.own)
    ]


def _gate(asked: Asked) -> Gate:
    action = ACTIONS.get(asked.action)
    return action.gate if action is not None else Gate.NONE


def _both_digits(one: Asked, other: Asked) -> bool:
    return _gate(one) is Gate.DTMF and _gate(other) is Gate.DTMF


def _held(asked: Asked, since: float | None) -> tuple[float, float] | None:
    """Return from `since` until when it kept others off its device; None for never."""
    gate = _gate(asked)
    if gate is Gate.NONE or since is None:
        return None
    settled = asked.settled if asked.settled is not None else float("inf")
    if gate is Gate.UNTIL_ANSWERED and asked.answered is not None:
        return since, min(settled, asked.answered)
    return since, settled


def holders(case: Case) -> list[Asked]:
    """Return who kept the device when the request gave up waiting for it.

    A request keeps it from its turn on, whether it has left or waits for a way to Finesse. What
    its caller sends keeps nobody waiting.
    """
    at = case.end - _INSTANT
    spans = (
        (other, _held(other, other.sent if other.going is None else other.going))
        for other in _same_device(case)
        if not other.expected
    )
    return [other for other, span in spans if span is not None and span[0] <= at <= span[1]]


# ---------------------------------------------------------------- the other call


def consult(case: Case, at: float) -> str | None:
    """Return the consult call that belongs to the request's dialog, open at that time."""
    found: dict[str, bool] = {}
    for known in case.asked.before:
        if _is_consult(case, known):
            found[str(known.get("id"))] = True
    for step in case.steps:
        if step.at > at or step.shown is None or step.dialog is None:
            continue
        if step.agent == case.asked.agent and step.change == "removed":
            found.pop(step.dialog, None)
        elif step.agent == case.asked.agent and _is_consult(case, step.shown):
            found[step.dialog] = True
    return next((id_ for id_ in reversed(found) if id_ != case.asked.dialog), None)


def _is_consult(case: Case, dialog: Told) -> bool:
    media = dialog.get("mediaProperties") or {}
    of = uris.dialog_id(dialog.get("associatedDialogUri"))
    return media.get("callType") == "CONSULT" or (of is not None and of == case.asked.dialog)


def belonging(case: Case) -> frozenset[str]:
    """Return the calls on which the request's id may come back: its own, and what they became.

    To a request that joins or makes a second call belong all calls of the agent.
    """
    asked = case.asked
    outcome = asked.outcome or {}
    changed = outcome.get("dialogs") or {}
    ids = {asked.dialog, changed.get("survivor"), changed.get("new"), *(changed.get("gone") or ())}
    ids.add((outcome.get("dialog") or {}).get("id"))
    for step in case.steps:
        if step.shown is not None and step.agent == asked.agent:
            ids |= _tied(case, step)
    if asked.action in _TWO_CALLS:
        ids |= {known.get("id") for known in asked.before}
    return frozenset(id_ for id_ in ids if id_)


def _tied(case: Case, step: Step) -> set[str | None]:
    """Return the dialog of a step, and what it names, when that is tied to the request's."""
    shown = step.shown or {}
    if case.asked.action in _TWO_CALLS:
        return {step.dialog}
    named = {shown.get("secondaryId"), uris.dialog_id(shown.get("associatedDialogUri"))} - {None}
    if step.dialog == case.asked.dialog:
        return named
    return {step.dialog} if case.asked.dialog in named else set()
