"""Lines of a transcript as events of the stream. Pure, but for XML; knows no selection."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from listener.errors import MalformedUpdate
from listener.finesse.events import events_of
from listener.finesse.wire import parse_update
from listener.report import stamp
from listener.story.facts import Heard
from listener.telling import dialog_of, event_json, kind_of
from listener.transcript import Line, entries

KEPT = (
    entries.Up,
    entries.Down,
    entries.Looking,
    entries.Looked,
    entries.Fencing,
    entries.Fenced,
    entries.Lost,
)
"""What is told beside notifications and requests."""


def moment(at: float) -> datetime:
    """Return seconds since 1970 as a time."""
    return datetime.fromtimestamp(at, UTC)


def told(at: float, line: Line) -> Iterator[Heard]:
    """Yield what a kept line tells, in the form of the stream's events."""
    entry = line.entry
    match entry:
        case entries.Notified():
            yield from _notified(at, line, entry)
        case entries.Up():
            yield Heard(at=at, name="gap", agent=entry.agent, data={"until": stamp(moment(at))})
        case entries.Down():
            yield Heard(at=at, name="gap", agent=entry.agent, data={"cause": entry.cause})
        case entries.Looking() | entries.Looked() | entries.Fencing() | entries.Fenced():
            words = _words(entry)
            yield Heard(at=at, name=entry.what, agent=entry.agent, key=entry.key, data=words)
        case entries.Lost():
            yield Heard(at=at, name="lost", data={"words": f"{entry.count} lines are missing here"})
        case entries.Header():
            said = f"a new run of the program begins ({entry.program})"
            yield Heard(at=at, name="restart", data={"words": said})
        case _:
            return


def _words(entry: entries.Entry) -> dict[str, str]:
    match entry:
        case entries.Looking():
            said = f"GET to see what came of it ({entry.probe})"
        case entries.Looked():
            said = "the GET told nothing" if not entry.look.ok else "what the GET showed"
            said = "the GET: it is not there" if entry.look.absent else said
        case entries.Fenced():
            passed = entry.passed
            said = (
                "ping answered: all before it was heard" if passed else "ping not answered in time"
            )
        case _:
            said = "ping, to know that all was heard"
    return {"words": said}


def _notified(at: float, line: Line, entry: entries.Notified) -> Iterator[Heard]:
    try:
        update = parse_update((entry.payload or "").encode("utf-8", "surrogatepass"))
    except MalformedUpdate:
        return
    for event in events_of(update, entry.node, entry.item_id):
        name = kind_of(event)
        if name not in {"dialog", "user", "error"}:
            continue
        yield Heard(
            at=at,
            name=name,
            agent=entry.agent or event.owner,
            dialog=dialog_of(event),
            data=event_json(event, line.run.deployment),
        )
