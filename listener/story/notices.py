"""Events -> steps: what was heard when, for whom, with whose id, and what it changed.

Pure. Knows neither requests' own steps nor what proves them (`sequence`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import replace

from listener.story.changes import Changes
from listener.story.facts import Facts, Heard, Told, seconds
from listener.story.steps import Kind, Lane, Step, Tag
from listener.story.veil import Veil, clean


def heard(facts: Facts, veil: Veil) -> Iterator[Step]:
    """Yield a step for each event that says something, oldest first."""
    told = [each for each in facts.requests if not each.neighbour] or list(facts.requests)
    agents = {each.agent for each in told}
    owns = frozenset(each.own for each in told if each.own)
    changes = Changes(owns, veil)
    known = deque(sorted(told, key=lambda each: each.began))
    for event in sorted(facts.events, key=lambda each: each.at):
        while known and known[0].began <= event.at:
            for dialog in known.popleft().before:
                changes.remember(dialog)
        make = _MAKERS.get(event.name)
        if make is None:
            continue
        lane = Lane.NOTIFICATION if event.agent in agents or not agents else Lane.OTHERS
        if not event.tag:
            tag = Tag.NONE
        else:
            mine = facts.whose(event.agent, event.tag)
            tag = Tag.OURS if mine is not None else Tag.FOREIGN
        for step in make(event, lane, changes, veil):
            yield replace(
                step,
                agent=event.agent,
                dialog=event.dialog,
                request_id=event.tag,
                tag=tag,
                lines=(*step.lines, *_tagged(event, tag, facts)),
            )


def _tagged(event: Heard, tag: Tag, facts: Facts) -> tuple[str, ...]:
    if event.name not in {"dialog", "user", "error"}:
        return ()
    if tag is Tag.NONE:
        return ("it carries no requestId",)
    whose = facts.whose(event.agent, event.tag)
    named = f"that of {whose}" if whose is not None else "of another client"
    return (f"it carries requestId {clean(event.tag)}, {named}",)


def _dialog(event: Heard, lane: Lane, changes: Changes, veil: Veil) -> Iterator[Step]:
    del veil
    change = str(event.data.get("change") or "changed")
    dialog = event.data.get("dialog") or {}
    found = changes.of_dialog(event.dialog, dialog, change, event.agent)
    yield Step(
        at=event.at,
        kind=Kind.HEARD,
        source=lane,
        target=Lane.LISTENER,
        title=found.title,
        lines=found.lines,
        change=change,
        moves=found.moves,
        shown=dialog,
        data=found.data,
    )


def _user(event: Heard, lane: Lane, changes: Changes, veil: Veil) -> Iterator[Step]:
    del veil
    found = changes.of_user(event.agent, event.data.get("user") or {})
    yield Step(
        at=event.at,
        kind=Kind.HEARD,
        source=lane,
        target=Lane.LISTENER,
        title=found.title,
        lines=found.lines,
        moves=found.moves,
    )


def _error(event: Heard, lane: Lane, changes: Changes, veil: Veil) -> Iterator[Step]:
    del changes
    errors = tuple(event.data.get("errors") or ())
    named = next((each.get("constant") or each.get("errorType") for each in errors), None)
    yield Step(
        at=event.at,
        kind=Kind.ERROR,
        source=lane,
        target=Lane.LISTENER,
        title=f"error{on_dialog(event.dialog)}{f': {veil.said(named)}' if named else ''}",
        lines=tuple(error_lines(errors, veil)),
        errors=errors,
    )


def _gap(event: Heard, lane: Lane, changes: Changes, veil: Veil) -> Iterator[Step]:
    del changes
    data = event.data
    up = bool(data.get("until"))
    since = seconds(data.get("from"))
    cause = f" ({veil.text(data['cause'])})" if data.get("cause") else ""
    lost = f" after {event.at - since:.1f} s; what came in between may be lost" if since else ""
    yield Step(
        at=event.at,
        kind=Kind.LINK_UP if up else Kind.LINK_DOWN,
        source=lane,
        target=Lane.LISTENER,
        title=f"agent {clean(event.agent)} is heard again{lost}"
        if up
        else f"the link of agent {clean(event.agent)} is down{cause}",
        lines=() if up else ("events may be lost from now on",),
    )


_WORDS: dict[str, tuple[Kind, Lane, Lane]] = {
    "get": (Kind.LOOKED, Lane.LISTENER, Lane.REST),
    "shown": (Kind.SHOWN, Lane.REST, Lane.LISTENER),
    "ping": (Kind.FENCE, Lane.LISTENER, Lane.NOTIFICATION),
    "pong": (Kind.FENCE, Lane.NOTIFICATION, Lane.LISTENER),
    "restart": (Kind.RESTART, Lane.LISTENER, Lane.LISTENER),
    "lost": (Kind.LOST, Lane.LISTENER, Lane.LISTENER),
}


def _other(event: Heard, lane: Lane, changes: Changes, veil: Veil) -> Iterator[Step]:
    del lane, changes
    kind, source, target = _WORDS[event.name]
    yield Step(
        at=event.at,
        kind=kind,
        source=source,
        target=target,
        title=veil.text(event.data.get("words") or event.name),
        key=event.key,
    )


_MAKERS = {
    "dialog": _dialog,
    "user": _user,
    "error": _error,
    "gap": _gap,
    **dict.fromkeys(_WORDS, _other),
}


def on_dialog(dialog: str | None) -> str:
    """Return the words for a dialog, none for none."""
    return f" on dialog {clean(dialog)}" if dialog else ""


def error_lines(errors: tuple[Told, ...] | list[Told], veil: Veil) -> list[str]:
    """Return what errors say, mean, and what is to be done about them."""
    lines = []
    names = ("errorType", "errorData", "errorMessage", "peripheralErrorText")
    for error in errors:
        said = [veil.said(error[name]) for name in names if error.get(name)]
        lines.append("Finesse said: " + (", ".join(said) or "nothing more"))
        if error.get("meaning"):
            lines.append(f"meaning: {veil.text(error['meaning'])}")
        if error.get("advice"):
            lines.append(f"what to do: {veil.text(error['advice'])}")
    return lines
