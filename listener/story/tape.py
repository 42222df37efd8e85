"""A transcript as a source of stories, read once from its beginning, in bounded memory.

Knows entries of a transcript; what they mean together is for `sequence`.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from listener.correlation.picture import Baseline
from listener.correlation.registration import Registration
from listener.correlation.steps import AnswerKind, RestAnswer
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
from listener.story.requests import asked_of
from listener.story.taped import KEPT, moment, told
from listener.ticket import Record
from listener.transcript import Line, Trouble, entries, read

MOST_KNOWN = 20_000
"""Requests of a transcript that are kept in mind; the oldest settled ones go first."""
MOST_IDS = 5_000
"""Ids among which is looked for what resembles one that is not there."""


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


@dataclass(slots=True)
class _Known:
    """A request, as far as it was read."""

    record: Record
    registration: Registration
    deployment: str | None
    begun: float  # the core's second of its submission
    answer: RestAnswer | None = None
    baseline: Baseline | None = None
    restarted: bool = False


class _Tape:
    """What was read so far: requests, and the notifications that may matter."""

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._chosen: dict[str, None] = {}
        self._earlier: dict[tuple[str | None, str], str] = {}
        self._ids: deque[tuple[str, str]] = deque(maxlen=MOST_IDS)
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
        entry = line.entry
        handle = _READERS.get(type(entry))
        if handle is not None:
            handle(self, at, line, entry)
        elif isinstance(entry, KEPT):
            self._keep(at, line)

    def _asked(self, at: float, line: Line, entry: entries.Asked) -> None:
        if entry.key in self._known:
            return
        record = Record(
            key=entry.key,
            request_id=entry.request_id,
            request=entry.request,
            submitted=moment(at) - timedelta(seconds=entry.age),
            submitted_at=0.0,
            expected=entry.registration.expected,
        )
        deployment = entry.deployment or line.run.deployment
        begun = line.now - entry.age
        self._remember(at, _Known(record, entry.registration, deployment, begun))

    def _adopted(self, at: float, line: Line, entry: entries.Adopted) -> None:
        known = self._known.get(entry.key)
        if known is not None:
            known.restarted = known.restarted or _in_doubt(entry)
            return
        submitted = moment(at) - timedelta(seconds=entry.age)
        record = Record(
            key=entry.key,
            request_id=entry.request_id,
            request=entry.request,
            submitted=submitted,
            submitted_at=0.0,
            accepted=entry.accepted,
            expected=entry.registration.expected,
        )
        found = _Known(record, entry.registration, line.run.deployment, line.now - entry.age)
        found.baseline, found.restarted = entry.baseline, _in_doubt(entry)
        if entry.accepted:
            found.answer = RestAnswer(AnswerKind.ACCEPTED, entry.status)
        self._remember(at, found)

    def _remembered(self, at: float, line: Line, entry: entries.Remembered) -> None:
        del at, line
        if len(self._earlier) < MOST_IDS:
            key = entry.request.agent, entry.registration.request_id
            self._earlier[key] = entry.request.requested_action

    def _remember(self, at: float, found: _Known) -> None:
        record = found.record
        self._known[record.key] = found
        named = f"{record.request.requested_action} of agent {record.request.agent}"
        self._ids.append((record.key, f"{record.key} (requestId {record.request_id}), {named}"))
        self._ids.append((record.request_id, f"{record.request_id} (id {record.key}), {named}"))
        if self._is_wanted(record, at):
            self._chosen[record.key] = None
            self._until = None
        self._forget()

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

    def _forget(self) -> None:
        while len(self._known) > MOST_KNOWN:
            key = next(
                (k for k, v in self._known.items() if v.record.outcome is not None),
                next(iter(self._known)),
            )
            del self._known[key]
            if self._chosen.pop(key, 0) is None:
                self._dropped += 1

    def _sent(self, at: float, line: Line, entry: entries.Sent) -> None:
        del line
        if (known := self._known.get(entry.key)) is not None:
            known.record.sent = moment(at)

    def _answered(self, at: float, line: Line, entry: entries.Answered) -> None:
        known = self._known.get(entry.key)
        if known is None:
            return
        known.answer = entry.answer
        record = known.record
        record.accepted = entry.answer.kind is AnswerKind.ACCEPTED
        if entry.answer.kind is not AnswerKind.NOT_SENT:
            record.answered, record.answered_at = moment(at), line.now - known.begun

    def _settled(self, at: float, line: Line, entry: entries.Settled) -> None:
        del line
        known = self._known.get(entry.key)
        if known is None:
            return
        known.record.outcome, known.record.settled = entry.outcome, moment(at)
        if (
            self._wanted.request is not None
            and self._chosen
            and all(
                key in self._known and self._known[key].record.outcome is not None
                for key in self._chosen
            )
        ):
            self._until = at + BEYOND

    def _late(self, at: float, line: Line, entry: entries.LateNews) -> None:
        del at
        if (known := self._known.get(entry.key)) is not None:
            late = replace(entry.late, at=line.now - known.begun)
            known.record.late.append(late)

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
            known = self._known.get(first) if first is not None else None
            return (known.record.submitted.timestamp() if known else at) - AROUND
        if wanted.last is not None:
            return at - wanted.last - AROUND
        return (wanted.since - AROUND) if wanted.since is not None else float("-inf")

    # -- told ---------------------------------------------------------------------------------

    def facts(self, name: str) -> Facts:
        """Return what is known. Raises NothingKnown."""
        wanted = self._wanted
        chosen = [self._known[key] for key in self._chosen]
        if wanted.last is not None:
            since = (wanted.until or self._end) - wanted.last
            chosen = [each for each in chosen if each.record.submitted.timestamp() >= since]
        requests = [self._one(each) for each in chosen[-wanted.limit :]]
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
            known={**self._earlier, **self._actions()},
        )

    def _actions(self) -> dict[tuple[str | None, str], str]:
        records = (each.record for each in self._known.values())
        return {(r.request.agent, r.request_id): r.request.requested_action for r in records}

    def _one(self, known: _Known) -> Asked:
        record, length = known.record, known.registration.length
        return asked_of(
            record,
            known.registration,
            deployment=known.deployment,
            answer=known.answer,
            baseline=known.baseline,
            length=length if length is not None else record.request.default_deadline,
            restarted=known.restarted,
        )

    def _neighbours(self, asked: list[Asked]) -> list[Asked]:
        found: list[Asked] = []
        for known in self._known.values():
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
                found.append(replace(self._one(known), neighbour=True))
        return found

    def _near(self) -> tuple[str, ...]:
        wanted = self._wanted
        if wanted.request is not None:
            return near(wanted.request, self._ids)
        records = [known.record.request for known in self._known.values()]
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


def _in_doubt(entry: entries.Adopted) -> bool:
    """Say whether an earlier process had it, and nobody listened for a while (no hand-over)."""
    return entry.gap and not entry.retold


_READERS: dict[type[Any], Callable[[_Tape, float, Line, Any], None]] = {
    entries.Asked: _Tape._asked,  # noqa: SLF001  its own methods
    entries.Adopted: _Tape._adopted,  # noqa: SLF001
    entries.Remembered: _Tape._remembered,  # noqa: SLF001
    entries.Sent: _Tape._sent,  # noqa: SLF001
    entries.Answered: _Tape._answered,  # noqa: SLF001
    entries.Settled: _Tape._settled,  # noqa: SLF001
    entries.LateNews: _Tape._late,  # noqa: SLF001
    entries.Notified: _Tape._heard,  # noqa: SLF001
}
