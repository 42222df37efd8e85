"""Facts -> steps in order: what was asked, sent, answered, heard, settled, and came late.

Pure. What was heard is told as what it changed (`changes`); which step proved what is marked at
the end. Knows neither files nor screens.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from listener.story import meanings, notices
from listener.story.facts import Asked, Facts, dialogs_of
from listener.story.steps import Kind, Lane, Step, Tag
from listener.story.veil import Veil, clean

_RANK = {
    Kind.ASKED: 0,
    Kind.TURN: 1,
    Kind.SENT: 2,
    Kind.ANSWERED: 3,
    Kind.OUTCOME: 8,
    Kind.LATE: 9,
}
_AT_ONCE = 0.1
"""Seconds after its turn within which a request leaves where nothing is in its way."""
_NEAR = 0.01
"""Seconds by which what proves a request may seem to be after its outcome (rounding)."""
_OF_EFFECT = frozenset({Kind.HEARD, Kind.ERROR})


def steps_of(facts: Facts, veil: Veil) -> tuple[Step, ...]:
    """Return the steps of a story, oldest first."""
    made: list[Step] = []
    for asked in facts.requests:
        made += _of_request(asked, veil)
    made += notices.heard(facts, veil)
    made.sort(key=_place)
    return tuple(sorted(_proven(made, facts.requests), key=_place))


def _place(step: Step) -> tuple[float, int]:
    return step.at, _RANK.get(step.kind, 5)


def _of_request(asked: Asked, veil: Veil) -> Iterator[Step]:
    told, key = asked.told, asked.key
    common: dict[str, Any] = {
        "agent": asked.agent,
        "key": key,
        "dialog": asked.dialog,
        "request_id": asked.request_id,
        "tag": Tag.OURS,
    }
    caller = Lane.OTHERS if asked.neighbour else Lane.CALLER
    who = told.get("askedBy")
    lines = [f"asked by {clean(who)}"] if who else []
    lines += _parameters(asked, veil)
    if asked.expected:
        lines.append("the caller sends it itself")
    yield Step(
        at=asked.submitted,
        kind=Kind.ASKED,
        source=caller,
        target=Lane.LISTENER,
        title=f"{asked.action}{notices.on_dialog(asked.dialog)} asked",
        lines=tuple(lines),
        **common,
    )
    if asked.going is not None and (asked.sent is None or asked.sent - asked.going >= _AT_ONCE):
        yield Step(
            at=asked.going,
            kind=Kind.TURN,
            source=Lane.LISTENER,
            target=Lane.LISTENER,
            title=f"the turn of {asked.action} has come",
            lines=("then it waits for the journal, a login's turn or a connection to Finesse",),
            **common,
        )
    if asked.sent is not None:
        yield Step(
            at=asked.sent,
            kind=Kind.SENT,
            source=Lane.LISTENER,
            target=Lane.REST,
            title=f"{asked.action} sent",
            lines=(f"requestId {clean(asked.request_id)}",),
            **common,
        )
    if asked.answered is not None:
        yield _answer(asked, veil, common)
    for seen in (asked.outcome or {}).get("seen") or ():
        yield Step(
            at=asked.submitted + float(seen.get("at") or 0.0),
            kind=Kind.NOTED,
            source=Lane.LISTENER,
            target=Lane.LISTENER,
            title=f"noted for {asked.action}: {clean(seen.get('what'))}",
            lines=(veil.detail(seen.get("what"), seen["detail"]),) if seen.get("detail") else (),
            **common,
        )
    yield from _ends(asked, veil, common)


def _ends(asked: Asked, veil: Veil, common: dict[str, Any]) -> Iterator[Step]:
    if asked.settled is not None and asked.outcome is not None:
        yield _outcome(asked, veil, common)
    for late in asked.told.get("late") or ():
        at = asked.submitted + float(late.get("at") or 0.0)
        errors = tuple(late.get("errors") or ())
        after = at - (asked.settled or at)
        yield Step(
            at=at,
            kind=Kind.LATE,
            source=Lane.NOTIFICATION,
            target=Lane.LISTENER,
            title=f"late for {asked.action}: {clean(late.get('kind'))},"
            f" {after:.1f} s after its outcome",
            lines=tuple(
                [veil.detail(late.get("kind"), late["detail"])] * bool(late.get("detail"))
                + notices.error_lines(errors, veil)
            ),
            errors=errors,
            **common,
        )


def _answer(asked: Asked, veil: Veil, common: dict[str, Any]) -> Step:
    known = asked.answer or {}
    outcome = asked.outcome or {}
    status = known.get("status", outcome.get("status"))
    refused = asked.kind == "rejected"
    errors = tuple(known.get("errors") or (outcome.get("errors") if refused else None) or ())
    lines = [meanings.of_status(status), *notices.error_lines(errors, veil)]
    if known.get("detail"):
        lines.append(veil.answer(known["detail"]))
    return Step(
        at=asked.answered or 0.0,
        kind=Kind.ANSWERED,
        source=Lane.REST,
        target=Lane.LISTENER,
        title=f"{status or 'no answer'} to {asked.action}",
        lines=tuple(lines),
        status=status,
        errors=errors,
        **common,
    )


def _outcome(asked: Asked, veil: Veil, common: dict[str, Any]) -> Step:
    outcome = asked.outcome or {}
    why = outcome.get("evidence") or outcome.get("reason")
    words = meanings.HOW.get(str(why)) or meanings.why(str(why), stayed=asked.stayed)
    lines = [words] if words else []
    if outcome.get("stage"):
        lines.append(f"stage {clean(outcome['stage'])}")
    if outcome.get("stateCause"):
        lines.append(f"the call failed: {clean(outcome['stateCause'])}")
    lines += notices.error_lines(outcome.get("errors") or (), veil)
    lines.append(meanings.REPEAT.get(asked.kind, meanings.REPEAT["unconfirmed"]))
    return Step(
        at=asked.settled or 0.0,
        kind=Kind.OUTCOME,
        source=Lane.LISTENER,
        target=Lane.OTHERS if asked.neighbour else Lane.CALLER,
        title=f"{asked.action} {clean(asked.kind)}{f' ({clean(why)})' if why else ''}",
        lines=tuple(lines),
        status=outcome.get("status"),
        errors=tuple(outcome.get("errors") or ()),
        good=asked.kind in {"confirmed", "presumed"},
        **common,
    )


def _parameters(asked: Asked, veil: Veil) -> Iterator[str]:
    for each in asked.parameters:
        shown = {"number": veil.number, "data": veil.data}.get(each.sort, clean)(each.value)
        yield f"{clean(each.name)}: {shown}"


# ---------------------------------------------------------------- what proved what


def _proven(steps: list[Step], requests: tuple[Asked, ...]) -> list[Step]:
    for asked in requests:
        evidence = (asked.outcome or {}).get("evidence")
        if evidence is None or asked.settled is None:
            continue
        place = _proof(steps, asked, str(evidence))
        if place is None:
            continue
        verb = "fails" if asked.kind == "failed" else "proves"
        said = f"{verb} {asked.action} ({clean(evidence)})"
        step = steps[place]
        # An event is stamped when it is told, a moment after it was judged.
        steps[place] = replace(
            step,
            proof=f"{step.proof}; {said}" if step.proof else said,
            at=min(step.at, asked.settled),
        )
    return steps


def _proof(steps: list[Step], asked: Asked, evidence: str) -> int | None:
    """Return the place of the last step before the outcome that is such evidence."""
    assert asked.settled is not None
    found = [
        place
        for place, step in enumerate(steps)
        if asked.submitted - _NEAR <= step.at <= asked.settled + _NEAR
        and _is_proof(step, asked, evidence)
    ]
    # The call itself says more than the agent's state beside it.
    on_it = [place for place in found if steps[place].dialog in dialogs_of(asked)]
    shows = [place for place in on_it if _shows(steps[place], asked)]
    return max(shows or on_it or found, default=None)


def _shows(step: Step, asked: Asked) -> bool:
    """Say whether it shows the own participant as the action asks for."""
    wanted = meanings.EFFECT.get(asked.action, frozenset())
    return any(move.own and move.after in wanted for move in step.moves)


def _is_proof(step: Step, asked: Asked, evidence: str) -> bool:
    if evidence == "snapshot":
        return step.kind is Kind.SHOWN and step.key in {asked.key, None}
    if step.kind not in _OF_EFFECT or step.key is not None:
        return False
    if evidence == "request_id":
        ours = step.tag is Tag.OURS and step.request_id == asked.request_id
        return ours and (step.kind is Kind.ERROR) == (asked.kind == "failed" and _erred(asked))
    if evidence == "sole_pending":
        here = step.dialog is None or step.dialog in dialogs_of(asked)
        unsigned = step.kind is Kind.ERROR and step.tag is Tag.NONE
        return unsigned and step.agent == asked.agent and (here or asked.dialog is None)
    near = step.dialog in dialogs_of(asked) or (asked.dialog is None)
    own = asked.dialog is not None or step.dialog is not None or step.agent == asked.agent
    # What carries its own id would be the stronger evidence.
    return step.kind is Kind.HEARD and near and own and bool(step.moves or step.change)


def _erred(asked: Asked) -> bool:
    return bool((asked.outcome or {}).get("errors"))
