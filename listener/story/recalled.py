"""Requests as the lines of a transcript tell of them, in bounded memory.

Knows entries about requests; knows no notification, and not which request is wanted.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from listener.correlation.picture import Baseline
from listener.correlation.registration import Registration
from listener.correlation.steps import AnswerKind, RestAnswer
from listener.story.facts import Asked
from listener.story.near import near
from listener.story.requests import asked_of
from listener.story.taped import moment
from listener.ticket import Record
from listener.transcript import Line, entries

MOST_KNOWN = 20_000
"""Requests of a transcript that are kept in mind; the oldest settled ones go first."""
MOST_IDS = 5_000
"""Ids among which is looked for what resembles one that is not there."""


@dataclass(slots=True)
class Known:
    """A request, as far as it was read."""

    record: Record
    registration: Registration
    deployment: str | None
    begun: float  # the core's second of its submission
    answer: RestAnswer | None = None
    baseline: Baseline | None = None
    restarted: bool = False

    def asked(self) -> Asked:
        """Return it as a fact of a story."""
        record, length = self.record, self.registration.length
        return asked_of(
            record,
            self.registration,
            deployment=self.deployment,
            answer=self.answer,
            baseline=self.baseline,
            length=length if length is not None else record.request.default_deadline,
            restarted=self.restarted,
            going=record.going,
        )


class Book:
    """The requests that were read so far: `known` by our id, the oldest first."""

    def __init__(self) -> None:
        self.known: OrderedDict[str, Known] = OrderedDict()
        self.earlier: dict[tuple[str | None, str], str] = {}
        """What an earlier process had settled: actions by agent and requestId."""
        self._ids: deque[tuple[str, str]] = deque(maxlen=MOST_IDS)

    def __repr__(self) -> str:
        return f"<Book {len(self.known)} requests>"

    def take(self, at: float, line: Line) -> Known | None:
        """Take in what a line tells of a request; return the request if it is a new one."""
        handle = _READERS.get(type(line.entry))
        before = len(self.known)
        if handle is not None:
            handle(self, at, line, line.entry)
        return next(reversed(self.known.values())) if len(self.known) > before else None

    def _asked(self, at: float, line: Line, entry: entries.Asked) -> None:
        if entry.key in self.known:
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
        self._remember(Known(record, entry.registration, deployment, begun))

    def _adopted(self, at: float, line: Line, entry: entries.Adopted) -> None:
        known = self.known.get(entry.key)
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
        found = Known(record, entry.registration, line.run.deployment, line.now - entry.age)
        found.baseline, found.restarted = entry.baseline, _in_doubt(entry)
        if entry.accepted:
            found.answer = RestAnswer(AnswerKind.ACCEPTED, entry.status)
        self._remember(found)

    def _remembered(self, at: float, line: Line, entry: entries.Remembered) -> None:
        del at, line
        if len(self.earlier) < MOST_IDS:
            key = entry.request.agent, entry.registration.request_id
            self.earlier[key] = entry.request.requested_action

    def _sent(self, at: float, line: Line, entry: entries.Sent) -> None:
        del line
        if (known := self.known.get(entry.key)) is not None:
            known.record.going = moment(at)

    def _leaves(self, at: float, line: Line, entry: entries.Leaves) -> None:
        del line
        if (known := self.known.get(entry.key)) is not None:
            known.record.sent = moment(at)

    def _answered(self, at: float, line: Line, entry: entries.Answered) -> None:
        known = self.known.get(entry.key)
        if known is None:
            return
        known.answer = entry.answer
        record = known.record
        record.accepted = entry.answer.kind is AnswerKind.ACCEPTED
        if entry.answer.kind is not AnswerKind.NOT_SENT:
            record.answered, record.answered_at = moment(at), line.now - known.begun

    def _settled(self, at: float, line: Line, entry: entries.Settled) -> None:
        del line
        if (known := self.known.get(entry.key)) is not None:
            known.record.outcome, known.record.settled = entry.outcome, moment(at)
            if entry.outcome.sent is False:  # its first byte might leave, and did not
                known.record.sent = None

    def _late(self, at: float, line: Line, entry: entries.LateNews) -> None:
        del at
        if (known := self.known.get(entry.key)) is not None:
            late = replace(entry.late, at=line.now - known.begun)
            known.record.late.append(late)

    def _remember(self, found: Known) -> None:
        record = found.record
        self.known[record.key] = found
        named = f"{record.request.requested_action} of agent {record.request.agent}"
        self._ids.append((record.key, f"{record.key} (requestId {record.request_id}), {named}"))
        self._ids.append((record.request_id, f"{record.request_id} (id {record.key}), {named}"))

    def forget(self) -> Iterator[str]:
        """Drop requests until few enough are known; yield which."""
        while len(self.known) > MOST_KNOWN:
            key = next(
                (k for k, v in self.known.items() if v.record.outcome is not None),
                next(iter(self.known)),
            )
            del self.known[key]
            yield key

    # -- told ---------------------------------------------------------------------------------

    def is_settled(self, key: str) -> bool:
        """Say whether that request is known, and has its outcome."""
        return key in self.known and self.known[key].record.outcome is not None

    def actions(self) -> dict[tuple[str | None, str], str]:
        """Return which action each agent's requestId stands for."""
        records = (each.record for each in self.known.values())
        return self.earlier | {
            (r.request.agent, r.request_id): r.request.requested_action for r in records
        }

    def resembling(self, id_: str) -> tuple[str, ...]:
        """Return words about requests with an id that resembles that one."""
        return near(id_, self._ids)


def _in_doubt(entry: entries.Adopted) -> bool:
    """Say whether an earlier process had it, and nobody listened for a while (no hand-over)."""
    return entry.gap and not entry.retold


_READERS: dict[type[Any], Callable[[Book, float, Line, Any], None]] = {
    entries.Asked: Book._asked,  # noqa: SLF001  its own methods
    entries.Adopted: Book._adopted,  # noqa: SLF001
    entries.Remembered: Book._remembered,  # noqa: SLF001
    entries.Sent: Book._sent,  # noqa: SLF001
    entries.Leaves: Book._leaves,  # noqa: SLF001
    entries.Answered: Book._answered,  # noqa: SLF001
    entries.Settled: Book._settled,  # noqa: SLF001
    entries.LateNews: Book._late,  # noqa: SLF001
}
