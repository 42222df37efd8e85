"""A story as lines for a terminal, a pipe or a ticket: words first, then the diagram, then steps.

Pure: a story and a width in, lines with the name of a style out. ASCII alone in the diagram, and
nothing is said by colour alone.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import NamedTuple

from listener.story import diagnosis, meanings
from listener.story.facts import Asked
from listener.story.steps import LANES, Kind, Lane, Step
from listener.story.telling import Story, time_of
from listener.story.veil import clean

NARROWEST = 60
WIDEST = 140
_HEADS = {
    Lane.CALLER: "caller",
    Lane.LISTENER: "listener",
    Lane.REST: "REST",
    Lane.NOTIFICATION: "notif.",
    Lane.OTHERS: "others",
}
_TIME = 11
_NUMBER = 4
_LANE = 9
_BESIDE = 12
"""Columns beside the diagram from which on the titles stand there."""


class Line(NamedTuple):
    """A line, and how it may look: "head", "good", "bad", "faint" or ""."""

    text: str
    style: str = ""


def lines_of(story: Story, width: int) -> Iterator[Line]:
    """Yield all lines of a story; none is wider than `width` (60 columns at the least)."""
    width = max(NARROWEST, min(width, WIDEST))
    yield from _wrapped(f"The story of {story.subject}", width, "head")
    yield from _wrapped(f"from {story.source}; times from {time_of(story.begin)}", width, "faint")
    if story.masked:
        yield from _wrapped("numbers and call data are masked", width, "faint")
    for note in story.notes:
        yield from _wrapped(f"note: {note}", width)
    for asked in story.requests:
        if not asked.neighbour:
            yield Line("")
            yield from _request(asked, story, width)
    if story.steps:
        yield Line("")
        yield from diagram(story, width)
        yield Line("")
        for number, step in enumerate(story.steps, 1):
            yield from _step(number, step, story, width)
    yield from _left_out(story, width)


def _left_out(story: Story, width: int) -> Iterator[Line]:
    if story.more_requests:
        said = f"{story.more_requests:,} older requests are left out; --limit tells more of them"
        yield from _wrapped(said, width)
    if story.more_events:
        yield from _wrapped(
            f"{story.more_events:,} more events are left out: of other calls, or too many", width
        )


def _request(asked: Asked, story: Story, width: int) -> Iterator[Line]:
    yield from _wrapped(headline(asked), width, style_of(asked.kind))
    yield from _wrapped(story.repeat(asked), width, "", 2)
    if wanted := diagnosis.missing(asked):
        yield from _wrapped(f"missing: {wanted}", width, "", 2)
    for found in story.of(asked):
        yield from _wrapped(f"* {found.cause}", width, "head", 2)
        places = f" (step{'s' if len(found.steps) > 1 else ''} {', '.join(map(str, found.steps))})"
        yield from _wrapped(f"saw: {found.saw}{places if found.steps else ''}", width, "", 4)
        yield from _wrapped(f"what to do: {found.advice}", width, "", 4)


def headline(asked: Asked) -> str:
    """Return what was asked and what came of it, in one sentence."""
    on = f" on dialog {clean(asked.dialog)}" if asked.dialog else ""
    asks = f"{asked.action}{on} of agent {clean(asked.agent)}"
    named = f"{asks}, requestId {clean(asked.request_id)}"
    outcome = asked.outcome
    if outcome is None:
        return f"{named}: {clean(asked.told.get('state') or 'open')}, no outcome"
    why = str(outcome.get("evidence") or outcome.get("reason") or "")
    words = meanings.HOW.get(why) or meanings.why(why, stayed=asked.stayed)
    status = outcome.get("status")
    if words is None and outcome.get("kind") == "rejected" and status:
        words = f"Finesse answered {status}"
    if words is None and outcome.get("kind") == "presumed":
        words = "no error came while we were certainly listening"
    waited = outcome.get("waited")
    after = f" after {waited:.2f} s" if isinstance(waited, int | float) else ""
    return f"{named}: {clean(outcome.get('kind')).upper()}{after}{f' ({why})' if why else ''}" + (
        f": {words}" if words else ""
    )


def style_of(kind: str | None) -> str:
    """Return the style of an outcome's word."""
    return {"confirmed": "good", "presumed": "good", "failed": "bad", "rejected": "bad"}.get(
        kind or "", "head"
    )


# ---------------------------------------------------------------- the diagram


def diagram(story: Story, width: int) -> Iterator[Line]:
    """Yield the diagram: a column for each party, an arrow for each step."""
    used = [lane for lane in LANES if any(lane in {s.source, s.target} for s in story.steps)]
    room = width - _TIME - _NUMBER
    beside = room - len(used) * _LANE
    pitch = _LANE if beside >= 0 else room // len(used)
    heads = "".join(_HEADS[lane].center(pitch) for lane in used)
    yield Line(" " * (_TIME + _NUMBER) + heads.rstrip(), "head")
    for number, step in enumerate(story.steps, 1):
        row = _row(step, used, pitch)
        text = f"{_clock(story.after(step.at))} {number:>{_NUMBER - 1}}{row}"
        if beside >= _BESIDE:
            mark = "! " if step.bad else ("= " if step.proof else "")
            text = f"{text:<{_TIME + _NUMBER + len(used) * pitch}} {mark}{step.title}"
        yield Line(_cut(text, width), "bad" if step.bad else "good" if step.proof else "")


def _clock(after: float) -> str:
    return f"{after:+.3f} s".rjust(_TIME - 1)


def _row(step: Step, used: list[Lane], pitch: int) -> str:
    middle = [pitch * n + pitch // 2 for n in range(len(used))]
    cells = [" "] * (pitch * len(used))
    for place in middle:
        cells[place] = "|"
    begin, end = middle[used.index(step.source)], middle[used.index(step.target)]
    if begin == end:
        cells[end] = "x" if step.bad else "o"
        return "".join(cells)
    low, high = min(begin, end), max(begin, end)
    for place in range(low + 1, high):
        cells[place] = "~" if step.kind is Kind.LATE else "-"
    cells[end - 1 if end > begin else end + 1] = ">" if end > begin else "<"
    if step.bad:
        cells[(low + high) // 2] = "x"
    return "".join(cells)


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 3].rstrip() + "..."


# ---------------------------------------------------------------- the steps in words


def _step(number: int, step: Step, story: Story, width: int) -> Iterator[Line]:
    way = (
        _HEADS[step.source]
        if step.source is step.target
        else (f"{_HEADS[step.source]} -> {_HEADS[step.target]}")
    )
    mark = "! " if step.bad else ""
    said = f"{number:>3}. {_clock(story.after(step.at)).strip()}  {way}: {mark}{step.title}"
    yield from _wrapped(said, width, "bad" if step.bad else "", 0, 5)
    for line in step.lines:
        yield from _wrapped(line, width, "faint", 5)
    if step.proof:
        yield from _wrapped(f"= {step.proof}", width, "good", 5)


def _wrapped(
    text: str, width: int, style: str = "", indent: int = 0, further: int | None = None
) -> Iterator[Line]:
    rest = indent + 2 if further is None else further
    found = textwrap.wrap(text, width, initial_indent=" " * indent, subsequent_indent=" " * rest)
    yield from (Line(each, style) for each in found or [""])
