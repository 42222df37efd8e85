"""A transcript as a source of stories, read once from its beginning, in bounded memory.

Knows which requests and notifications are wanted; what they mean together is for `sequence`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from listener.story.facts import (
    AROUND,
    BEYOND,
    MOST_EVENTS,
    Asked,
    Facts,
    Heard,
    NothingKnown,
    Wanted,
    dialogs_of,
    seconds,
)
from listener.story.near import near
from listener.story.recalled import Book
from listener.story.taped import KEPT, told
from listener.ticket import Record
from listener.transcript import Line, Trouble, entries, read


def facts_of(
    paths: list[Path],
    wanted: Wanted,
    *,
    trouble: Callable[[Trouble], None] = lambda _trouble: None,
    passed: Callable[[int], None] = lambda _bytes: None,
) -> Facts:
    """Return what a transcript knows of it; `passed` hears how many bytes were read.

    Raises NothingKnown, and ConfigurationError for what is no transcript.
    """
    tape = _Tape(wanted)
    for line in read(*paths, trouble=trouble, passed=passed):
        tape.take(line)
        if tape.done:
            break
    return tape.facts(", ".join(map(str, paths[:3])))


class _Tape:
    """What was read so far: requests, and the notifications that may matter."""

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self._book = Book()
        self._chosen: dict[str, None] = {}
        self._kept: deque[tuple[float, Line]] = deque()
        self._dropped = 0
        self._run: str | None = None
        self._masked = False
        self._end = 0.0
        self._until: float | None = None

    @property
    def done(self) -> bool:
        """Whether nothing more can matter."""
        return self._until is not None and self._end > self._until

    # -- reading ----------------------------------------------------------------------------------

    def take(self, line: Line) -> None:
        """Take in one line."""
        at = seconds(line.wall)
        if at is None:
            return
        self._end = max(self._end, at)
        if line.run.run != self._run:
            if self._run is not None:
                self._keep(at, line)
            self._run = line.run.run
            self._masked = self._masked or line.run.masked
        match line.entry:
            case entries.Notified() as entry:
                self._heard(at, line, entry)
            case entry if isinstance(entry, KEPT):
                self._keep(at, line)
            case entry:
                self._take_request(at, line)
                if isinstance(entry, entries.Settled):
                    self._settled(at, entry.key)

    def _take_request(self, at: float, line: Line) -> None:
        new = self._book.take(at, line)
        if new is None:
            return
        if self._is_wanted(new.record, at):
            self._chosen[new.record.key] = None
            self._until = None
        for key in self._book.forget():
            if self._chosen.pop(key, 0) is None:
                self._dropped += 1

    def _settled(self, at: float, key: str) -> None:
        """Read on for a moment only, once all that is wanted has its outcome."""
        if self._wanted.request is None or not self._chosen or key not in self._book.known:
            return
        if all(self._book.is_settled(each) for each in self._chosen):
            self._until = at + BEYOND

    def _is_wanted(self, record: Record, at: float) -> bool:
        wanted, request = self._wanted, record.request
        if wanted.request is not None:
            return wanted.request in {record.key, record.request_id}
        if wanted.dialog is not None and request.dialog_id != wanted.dialog:
            return False
        if wanted.agent is not None and request.agent != wanted.agent:
            return False
        late = wanted.until is not None and at > wanted.until
        return not late and (wanted.since is None or at >= wanted.since)

    def _heard(self, at: float, line: Line, entry: entries.Notified) -> None:
        wanted = self._wanted
        if entry.payload is None:
            return
        if wanted.dialog is not None and wanted.dialog not in entry.payload:
            return
        if wanted.agent is not None and wanted.dialog is None and entry.agent != wanted.agent:
            return
        self._keep(at, line)

    def _keep(self, at: float, line: Line) -> None:
        wanted = self._wanted
        if wanted.until is not None and at > wanted.until + BEYOND:
            return
        self._kept.append((at, line))
        horizon = self._horizon(at)
        while self._kept and (self._kept[0][0] < horizon or len(self._kept) > 10 * MOST_EVENTS):
            if self._kept[0][0] >= horizon:
                self._dropped += 1
            self._kept.popleft()

    def _horizon(self, at: float) -> float:
        """Return from when on what was heard may matter."""
        wanted = self._wanted
        if wanted.request is not None:
            first = next(iter(self._chosen), None)
            known = self._book.known.get(first) if first is not None else None
            return (known.record.submitted.timestamp() if known else at) - AROUND
        if wanted.last is not None:
            return at - wanted.last - AROUND
        return (wanted.since - AROUND) if wanted.since is not None else float("-inf")

    # -- told ---------------------------------------------------------------------------------

    def facts(self, name: str) -> Facts:
        """Return what is known. Raises NothingKnown."""
        wanted = self._wanted
        chosen = [self._book.known[key] for key in self._chosen]
        if wanted.last is not None:
            since = (wanted.until or self._end) - wanted.last
            chosen = [each for each in chosen if each.record.submitted.timestamp() >= since]
        requests = [each.asked() for each in chosen[-wanted.limit :]]
        if wanted.request is not None:
            if not requests:
                raise NothingKnown(f"{name} knows no request {wanted.request}", self._near())
            requests += self._neighbours(requests)
        events = self._events(requests)
        if not requests and not events:
            raise NothingKnown(f"{name} knows nothing of {wanted.narrowed}", self._near())
        return Facts(
            source=f"the transcript {name}",
            requests=tuple(requests),
            events=tuple(events[:MOST_EVENTS]),
            more_requests=max(0, len(chosen) - wanted.limit),
            more_events=max(0, len(events) - MOST_EVENTS) + self._dropped,
            end=self._end,
            stops=True,
            notes=("numbers and call data are masks of the recording",) * self._masked,
            known=self._book.actions(),
        )

    def _neighbours(self, asked: list[Asked]) -> list[Asked]:
        found: list[Asked] = []
        for known in self._book.known.values():
            record = known.record
            if record.key in self._chosen:
                continue
            end = record.settled.timestamp() if record.settled else float("inf")
            near_by = any(
                record.submitted.timestamp() < (each.settled or self._end)
                and end > each.submitted
                and (record.request.agent == each.agent or record.request.dialog_id == each.dialog)
                for each in asked
            )
            if near_by and len(found) < 20:  # noqa: PLR2004  enough to see who else is there
                found.append(replace(known.asked(), neighbour=True))
        return found

    def _near(self) -> tuple[str, ...]:
        wanted = self._wanted
        if wanted.request is not None:
            return self._book.resembling(wanted.request)
        records = [known.record.request for known in self._book.known.values()]
        if wanted.dialog is not None:
            ids = [(r.dialog_id, f"dialog {r.dialog_id}") for r in records if r.dialog_id]
            return near(wanted.dialog, ids)
        return near(wanted.agent or "", [(r.agent, f"agent {r.agent}") for r in records])

    def _events(self, requests: list[Asked]) -> list[Heard]:
        agents = {each.agent for each in requests} | {self._wanted.agent}
        dialogs = frozenset[str]().union(*(dialogs_of(each) for each in requests))
        if self._wanted.dialog is not None:
            dialogs |= {self._wanted.dialog}
        keys = {each.key for each in requests}
        return [
            event
            for at, line in self._kept
            for event in told(at, line)
            if event.agent in agents
            or event.dialog in dialogs
            or (event.key in keys if event.key else event.name in {"restart", "lost"})
        ]
