"""A story, whole: its requests, steps, findings, and what is missing; and as JSON.

Pure: facts in, a `Story` out. Everything in it may be shown as it is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from listener.report import stamp
from listener.story import diagnosis, meanings
from listener.story.case import Case, Finding
from listener.story.facts import Asked, Facts, Told, dialogs_of
from listener.story.sequence import steps_of
from listener.story.steps import Kind, Step
from listener.story.veil import Veil, clean

MOST_STEPS = 400
"""Steps of one story; the rest is counted."""
_BEFORE = 3
"""Steps from before the first request that are told, at most."""
_ALWAYS = frozenset({Kind.ASKED, Kind.TURN, Kind.SENT, Kind.ANSWERED, Kind.OUTCOME, Kind.LATE})
_LINK = frozenset({Kind.LINK_DOWN, Kind.LINK_UP, Kind.RESTART, Kind.LOST})


@dataclass(frozen=True, slots=True)
class Story:
    """What happened. `begin`: the moment from which times are told, in seconds since 1970.

    `unfinished`: our ids of requests without an outcome of which no more will be told.
    """

    subject: str
    source: str
    begin: float
    requests: tuple[Asked, ...]
    steps: tuple[Step, ...]
    findings: tuple[Finding, ...]
    masked: bool
    more_requests: int
    more_events: int
    notes: tuple[str, ...]
    veil: Veil
    unfinished: frozenset[str] = frozenset()

    def after(self, at: float) -> float:
        """Return a time as seconds from the beginning of the story."""
        return at - self.begin

    def repeat(self, asked: Asked) -> str:
        """Say whether a request may be sent again."""
        if asked.outcome is None and asked.key in self.unfinished:
            return meanings.REPEAT["unconfirmed"]
        return meanings.REPEAT.get(asked.kind, meanings.REPEAT["unconfirmed"])

    def of(self, asked: Asked) -> list[Finding]:
        """Return the findings about one request."""
        return [each for each in self.findings if each.request == asked.key]


def told(facts: Facts, subject: str, *, show_numbers: bool = False) -> Story:
    """Return the story of these facts."""
    facts = replace(facts, requests=tuple(sorted(facts.requests, key=lambda r: r.submitted)))
    plain: set[str | None] = set()
    for asked in facts.requests:
        plain |= {asked.agent, asked.request_id, *dialogs_of(asked)}
    plain |= {event.agent for event in facts.events} | {event.dialog for event in facts.events}
    veil = Veil(show_numbers=show_numbers, plain=frozenset(p for p in plain if p))
    _learn(facts, veil)
    every = steps_of(facts, veil)
    findings = diagnosis.diagnose(facts, every, veil)
    begin = min((each.began for each in facts.requests if not each.neighbour), default=None)
    if begin is None:
        begin = every[0].at if every else 0.0
    shown = {place for finding in findings for place in finding.steps}
    steps, places = _chosen(facts, every, shown)
    kept = {place: number for number, place in enumerate(places, 1)}
    return Story(
        subject=clean(subject),
        source=clean(facts.source),
        begin=begin,
        requests=facts.requests,
        steps=steps,
        findings=tuple(
            replace(each, steps=tuple(kept[n] for n in each.steps if n in kept))
            for each in findings
        ),
        masked=not show_numbers,
        more_requests=facts.more_requests,
        more_events=facts.more_events + len(every) - len(steps),
        notes=tuple(map(clean, facts.notes)),
        veil=veil,
        unfinished=frozenset(each.key for each in facts.requests if _unfinished(each, facts)),
    )


def _unfinished(asked: Asked, facts: Facts) -> bool:
    due = Case(asked, facts, (), Veil()).deadline
    over = due is not None and facts.end is not None and due < facts.end
    return asked.outcome is None and (facts.stops or over)


def _learn(facts: Facts, veil: Veil) -> None:
    """Let the veil know all numbers and call data, wherever they may be repeated."""
    for asked in facts.requests:
        veil.learn(asked.own)
        for each in asked.parameters:
            veil.learn(**{each.sort: each.value} if each.sort in {"number", "data"} else {})
        for dialog in (*asked.before, (asked.outcome or {}).get("dialog")):
            _learn_dialog(dialog or {}, veil)
    for event in facts.events:
        _learn_dialog(event.data.get("dialog") or {}, veil)


def _learn_dialog(dialog: Told, veil: Veil) -> None:
    media = dialog.get("mediaProperties") or {}
    numbers = (dialog.get("fromAddress"), dialog.get("toAddress"), media.get("dialedNumber"))
    parties = (party.get("mediaAddress") for party in dialog.get("participants") or ())
    for number in (*numbers, *parties):
        veil.learn(number)
    for value in (media.get("callvariables") or {}).values():
        veil.learn(data=value)


def _chosen(
    facts: Facts, every: tuple[Step, ...], shown: set[int]
) -> tuple[tuple[Step, ...], list[int]]:
    """Return the steps that are told, and their places (from 1) among all.

    `shown`: the places of those that a finding names, which are always told.
    """
    told_of = [each for each in facts.requests if not each.neighbour]
    first = min((each.submitted for each in told_of), default=None)
    dialogs = frozenset[str]().union(*(dialogs_of(each) for each in told_of))
    whole = any(each.dialog is None for each in told_of) or not told_of
    places = []
    for place, step in enumerate(every, 1):
        on_it = step.kind in _ALWAYS | _LINK or step.key is not None
        on_it = on_it or whole or step.dialog in dialogs or step.proof is not None
        if on_it or place in shown or step.request_id in {each.request_id for each in told_of}:
            places.append(place)
    if first is not None:
        before = [p for p in places if every[p - 1].at < first and every[p - 1].key is None]
        left_out = set(before[:-_BEFORE]) - shown
        places = [p for p in places if p not in left_out]
    if len(places) > MOST_STEPS:
        places = _most_telling(every, places, shown)
    return tuple(every[place - 1] for place in places), places


def _most_telling(every: tuple[Step, ...], places: list[int], shown: set[int]) -> list[int]:
    """Return the places of what says most: what a finding names or proves, then what was asked."""

    def turn(place: int) -> tuple[bool, bool]:
        step = every[place - 1]
        return not (place in shown or step.proof), step.kind not in _ALWAYS | _LINK

    return sorted(sorted(places, key=turn)[:MOST_STEPS])


def to_json(story: Story) -> dict[str, Any]:
    """Return a story as JSON: times are RFC 3339, `after` seconds from its beginning."""
    return {
        "subject": story.subject,
        "source": story.source,
        "begin": time_of(story.begin),
        "masked": story.masked,
        "requests": [_request(each, story) for each in story.requests],
        "steps": [_step(number, each, story) for number, each in enumerate(story.steps, 1)],
        "findings": [_finding(each) for each in story.findings],
        "leftOut": {"requests": story.more_requests, "steps": story.more_events},
        "notes": list(story.notes),
    }


def time_of(at: float) -> str | None:
    """Return a time as RFC 3339 in UTC."""
    return stamp(datetime.fromtimestamp(at, UTC))


def _request(asked: Asked, story: Story) -> dict[str, Any]:
    names = ("id", "requestId", "agent", "requestedAction", "dialogId", "askedBy", "state")
    times = ("submitted", "sent", "answered", "settled")
    outcome = asked.outcome
    return {
        **{name: asked.told.get(name) for name in (*names, *times)},
        "deadline": asked.deadline,
        "neighbour": asked.neighbour,
        "outcome": None
        if outcome is None
        else {
            **{
                name: outcome.get(name)
                for name in ("kind", "evidence", "reason", "status", "stage")
            },
            "errors": [
                {
                    name: story.veil.member(name, value) if value is not None else None
                    for name, value in each.items()
                }
                for each in outcome.get("errors") or ()
            ],
        },
        "missing": diagnosis.missing(asked),
        "mayRepeat": story.repeat(asked),
    }


def _step(number: int, step: Step, story: Story) -> dict[str, Any]:
    return {
        "number": number,
        "at": time_of(step.at),
        "after": round(story.after(step.at), 3),
        "kind": step.kind.value,
        "from": step.source.value,
        "to": step.target.value,
        "title": step.title,
        "lines": list(step.lines),
        "agent": step.agent,
        "dialogId": step.dialog,
        "request": step.key,
        "requestId": step.request_id,
        "tag": step.tag.value,
        "status": step.status,
        "moves": [
            {
                "address": None if each.address is None else story.veil.number(each.address),
                "own": each.own,
                "before": each.before,
                "after": each.after,
            }
            for each in step.moves
        ],
        "proof": step.proof,
    }


def _finding(found: Finding) -> dict[str, Any]:
    return {
        "rule": found.rule,
        "cause": found.cause,
        "saw": found.saw,
        "advice": found.advice,
        "steps": list(found.steps),
        "request": found.request,
    }
