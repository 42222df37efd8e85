"""When each agent's session heard, and when events may have been lost, up to now.

From what the chronicle has in memory, and from the journal for what was before this process. Knows
what the events say; knows no HTTP. Times are RFC 3339 texts, which sort as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from listener.errors import NotKept
from listener.journal.encoding import moment_of
from listener.journal.reading import Reading
from listener.offers import Resource
from listener.report import stamp

if TYPE_CHECKING:
    from listener.page.page import Page

LONGEST = timedelta(days=1)
"""The longest time that is told of."""
MOST = 20_000
"""Spans and gaps of one answer, each."""
MOST_READ = 5_000
"""Events about sessions that are read from the journal, the newest."""
PATIENCE = 3.0
"""Seconds that the journal is searched."""
LOOKED_AT = 100_000
"""Events of any kind among which the journal looks for them, the newest."""


@dataclass(frozen=True, slots=True)
class Before:
    """What was before this process, oldest first; `known`: from when on."""

    happened: tuple[Mapping[str, Any], ...]
    known: str | None


async def timeline(page: Page, minutes: int, agent: str | None, now: list[Resource]) -> Resource:
    """Return the spans and gaps of so many minutes up to now; `now`: the agents as they are."""
    end = page.wall()
    since, until = stamp(end - timedelta(minutes=minutes)) or "", stamp(end)
    before = await _before(page)
    started = stamp(page.started) or ""
    lines = {each["id"]: _Line() for each in now if agent in {None, each["id"]}}
    for happened in before.happened:
        _add(lines, happened)
    for line in lines.values():
        line.ended(started)  # nobody heard while no process ran
    for happened in tuple(page.chronicle.hearing):
        _add(lines, happened)
    told = [_told(each, lines[each["id"]], since) for each in now if each["id"] in lines]
    told.sort(key=lambda each: (each["live"] and not each["gaps"], each["id"]))
    left_out = _bounded(told)
    return {
        "since": since,
        "until": until,
        "started": started,
        "known": before.known or started,
        "agents": [{key: each[key] for key in ("id", "spans", "gaps")} for each in told],
        "leftOut": left_out,
    }


def _add(lines: Mapping[str, _Line], happened: Mapping[str, Any]) -> None:
    line = lines.get(str(happened.get("id") or happened.get("agent")))
    if line is None:
        return
    if "live" in happened:
        line.session(happened)
    else:
        line.gap(happened)


class _Line:
    """What is known of one agent's session, in its order."""

    def __init__(self) -> None:
        self.spans: list[Resource] = []
        self.gaps: list[Resource] = []

    def session(self, told: Mapping[str, Any]) -> None:
        how = {"live": told["live"], "state": told["state"], "node": told["node"]}
        last = self.spans[-1] if self.spans else None
        if last is not None and last["until"] is None:
            if {key: last[key] for key in how} == how:
                return
            last["until"] = told["at"]
        self.spans.append({"from": told["at"], "until": None, **how})

    def gap(self, told: Mapping[str, Any]) -> None:
        gap = {key: told.get(key) for key in ("from", "until", "cause", "lossless")}
        if gap["until"] is not None and self.gaps and self.gaps[-1]["until"] is None:
            self.gaps[-1] = gap | {"from": self.gaps[-1]["from"]}
        elif gap["from"] is not None or gap["until"] is not None:
            self.gaps.append(gap)

    def ended(self, at: str) -> None:
        """End what is open: the process before this one is gone."""
        if self.spans and self.spans[-1]["until"] is None:
            self.spans[-1]["until"] = at
        if self.gaps and self.gaps[-1]["until"] is None:
            self.gaps[-1]["until"] = at


def _told(agent: Resource, line: _Line, since: str) -> Resource:
    """Return an agent's line from a time on; it ends with how the session is now."""
    how = {key: agent[key] for key in ("live", "state", "node")}
    if line.spans and line.spans[-1]["until"] is None:
        last = line.spans[-1]
        if last["live"] == agent["live"]:
            last |= how  # it was told while it was still changing
        else:
            last["until"] = agent["since"] or last["from"]
            line.spans.append({"from": last["until"], "until": None, **how})
    spans = [each for each in line.spans if each["until"] is None or each["until"] > since]
    gaps = [each for each in line.gaps if each["until"] is None or each["until"] > since]
    if not spans:  # it is so since before anything that is known
        spans = [{"from": agent["since"] or since, "until": None, **how}]
    return {"id": agent["id"], "live": agent["live"], "spans": spans, "gaps": gaps}


def _bounded(told: list[Resource]) -> int:
    """Cut the oldest spans and gaps of who has most of them; return how many."""
    left_out = 0
    for key in ("spans", "gaps"):
        total = sum(len(each[key]) for each in told)
        if total <= MOST:
            continue
        share = max(1, MOST // len(told))
        for each in told:
            left_out += max(0, len(each[key]) - share)
            each[key] = each[key][-share:]
    return left_out


# ---------------------------------------------------------------- before this process


async def _before(page: Page) -> Before:
    """Return what the journal knows of before, which is asked for once."""
    async with page.seeded:
        if page.before is not None:
            return page.before
        journal = page.chronicle.journal
        if journal is None:
            page.before = Before((), None)
            return page.before
        since, last = stamp(page.started - LONGEST) or "", page.chronicle.begun
        try:
            page.before = await journal.answer(lambda reading: _read(reading, since, last))
        except NotKept:
            return Before((), None)  # asked again the next time
        return page.before


def _read(reading: Reading, since: str, last: int) -> Before:
    """Return what happened since then, up to that number."""
    floor = max(0, last - LOOKED_AT)
    first = reading.connection.execute(_FIRST, (floor, last)).fetchone()
    if first is None:
        return Before((), None)
    with reading.within(PATIENCE):
        found = reading.newest_events(("session", "gap"), floor, last, MOST_READ)
    told = tuple(each.data for each in found if since <= str(each.data.get("at") or ""))
    known = max(since, stamp(moment_of(first[0])) or since)
    if len(found) == MOST_READ and told:
        known = str(told[0]["at"])  # there are more, which were not read
    return Before(told, known)


_FIRST = "SELECT at FROM events WHERE sequence > ? AND sequence <= ? ORDER BY sequence LIMIT 1"
