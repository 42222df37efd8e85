"""Replay: a transcript through the very same core, with the transcript's clock.

No socket, no waiting: each line is one call of the correlator, as the service made it when the line
was written, with the time that it had then. Only what the service adds to an outcome is added here
too: no DTMF digit is told. Memory is bounded as the core is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar, cast

from listener import digits
from listener.correlation.correlator import Correlator
from listener.correlation.desk import Limits
from listener.correlation.gate import GateMode
from listener.correlation.steps import Late, Settled, Step
from listener.errors import InvalidRequest, MalformedUpdate, NotAccepted
from listener.finesse.events import content_of, events_of
from listener.finesse.wire import parse_update
from listener.transcript import entries
from listener.transcript.comparing import Result, Word
from listener.transcript.entries import Header, Line
from listener.transcript.likeness import Told
from listener.transcript.lines import told, understood

_Opened = TypeVar("_Opened", entries.Adopted, entries.Remembered)

__all__ = ["Replay", "Result", "Word"]

MOST_HELD = 50_000
"""Results that wait for the other half; the oldest is told without it."""


class Replay:
    """Feeds lines to a core, and yields each request once both outcomes are known.

    `trouble` is told of what the core could not do, which it should.
    """

    def __init__(self, trouble: Callable[[str], None] = lambda _words: None) -> None:
        self._trouble = trouble
        self._core: Correlator | None = None
        self._run: Header | None = None
        self._deployment: str | None = None
        self._results: dict[str, Result] = {}
        self._sealer = Told()
        self._telling = 0  # lines of a standpoint that are still to come
        self._skipping = False
        self.requests = self.lines = self.lost = 0
        self._ways: dict[type[entries.Entry], Callable[[float, Any], Iterable[Step]]] = {
            entries.Asked: self._asked,
            entries.Abandoned: self._abandoned,
            entries.Adopted: self._adopted,
            entries.Remembered: self._remembered,
            entries.Reheard: self._reheard,
            entries.Leaves: self._leaves,
            entries.Answered: self._answered,
            entries.Looked: self._looked,
            entries.Notified: self._notified,
            entries.Up: self._up,
            entries.Down: self._down,
            entries.Presence: self._presence,
            entries.Fenced: self._fenced,
            entries.Expired: self._expired,
            entries.StoodStill: self._stood_still,
            entries.HeldBack: self._held_back,
            entries.LetThrough: self._let_through,
            entries.Standing: self._standing,
            entries.Alike: self._alike,
        }

    def run(self, lines: Iterable[Line]) -> Iterator[Result]:
        """Feed the lines; yield the results, each as soon as it is complete."""
        for line in lines:
            self.lines += 1
            yield from self._take(line)
        yield from self._let_go()

    def _take(self, line: Line) -> Iterator[Result]:
        entry = line.entry
        if isinstance(entry, Header):
            yield from self._begin(entry)
        elif isinstance(entry, entries.Lost):
            self.lost += entry.count
            yield from self._let_go()
            self._core = None
        elif isinstance(entry, entries.Standpoint):
            self._telling, self._skipping = entry.follow, self._core is not None
            self._core = self._core or self._new()
        elif isinstance(entry, entries.Settled):
            yield from self._recorded(line.now, entry)
        elif isinstance(entry, entries.NeverSent):
            yield self._never_sent(line, entry)
        elif self._core is not None:
            yield from self._do(line, entry)

    def _begin(self, header: Header) -> Iterator[Result]:
        before, self._run = self._run, header
        self._deployment = header.deployment or self._deployment
        goes_on = (
            before is not None
            and before.run == header.run
            and before.part + 1 == header.part
            and self._core is not None
        )
        if not goes_on:
            yield from self._let_go()
            self._core = None

    def _new(self) -> Correlator:
        assert self._run is not None  # the first line of every file
        run = self._run
        limits = Limits(run.max_pending, run.max_pending_per_agent, run.tombstone_for)
        return Correlator(limits, GateMode(run.gate))

    def _do(self, line: Line, entry: entries.Entry) -> Iterator[Result]:
        told_again = self._telling > 0
        self._telling -= told_again
        if told_again and self._skipping:
            return
        self._know(line, entry)
        way = self._ways.get(type(entry))
        if way is None:
            return
        try:
            steps = list(way(line.now, entry))
        except Exception as fault:  # noqa: BLE001  as in the service: the next line is judged anyway
            self._trouble(f"{line.path}, line {line.number}: {type(fault).__name__}: {fault}")
            return
        for step in steps:
            yield from self._step(step)

    # -- results ----------------------------------------------------------------------------

    def _know(self, line: Line, entry: entries.Entry) -> None:
        if not isinstance(entry, entries.Asked | entries.Adopted):
            return
        self.requests += 1
        if isinstance(entry, entries.Asked):
            self._deployment = entry.deployment or self._deployment
        self._results[entry.key] = Result(
            line,
            entry.key,
            entry.request_id,
            entry.request,
            self._deployment,
            partial=entry.retold,
        )

    def _never_sent(self, line: Line, entry: entries.NeverSent) -> Result:
        self.requests += 1
        result = Result(line, entry.key, entry.request_id, entry.request, self._deployment)
        result.partial = True
        result.recorded = result.replayed = entry.outcome
        return result

    def _recorded(self, now: float, entry: entries.Settled) -> Iterator[Result]:
        result = self._results.get(entry.key)
        if result is None:
            return
        result.recorded = entry.outcome
        if result.partial and result.replayed is None and self._core is not None:
            # What settled it came before the place where reading began. It ends here, too, for it
            # would hold its device against requests that are compared.
            yield self._results.pop(entry.key)
            for step in self._it.abandon(now, entry.key):
                yield from self._step(step)
        else:
            yield from self._complete(result)

    def _step(self, step: Step) -> Iterator[Result]:
        result = self._results.get(step.key)
        if result is None:
            return
        if isinstance(step, Settled):
            result.replayed = digits.of_outcome(step.outcome, result.request)
            yield from self._complete(result)
        elif isinstance(step, Late):
            result.late.append(digits.of_late(step, result.request))

    def _complete(self, result: Result) -> Iterator[Result]:
        if result.recorded is not None and result.replayed is not None:
            yield self._results.pop(result.key)
        while len(self._results) > MOST_HELD:
            yield self._results.pop(next(iter(self._results)))

    def _let_go(self) -> Iterator[Result]:
        results, self._results = self._results, {}
        yield from results.values()

    # -- the core's methods -----------------------------------------------------------------

    @property
    def _it(self) -> Correlator:
        assert self._core is not None
        return self._core

    def _asked(self, now: float, entry: entries.Asked) -> Iterable[Step]:
        try:
            return self._it.register(now, entry.request, entry.registration, age=entry.age)
        except (InvalidRequest, NotAccepted) as refused:
            raise RuntimeError(f"the core does not take it now: {refused}") from None

    def _abandoned(self, now: float, entry: entries.Abandoned) -> Iterable[Step]:
        return self._it.abandon(now, entry.key, entry.reason)

    def _alike(self, _now: float, entry: entries.Alike) -> Iterable[Step]:
        self._sealer.learn(entry.sealed, entry.text)
        return ()

    def _adopted(self, now: float, entry: entries.Adopted) -> Iterable[Step]:
        entry = self._opened(entry)
        return self._it.adopt(
            now,
            entry.request,
            entry.registration,
            baseline=entry.baseline,
            left=entry.left,
            accepted=entry.accepted,
            age=entry.age,
            status=entry.status,
            answer_date=entry.answer_date,
            gap=entry.gap,
            gone=entry.gone,
        )

    def _remembered(self, now: float, entry: entries.Remembered) -> Iterable[Step]:
        entry = self._opened(entry)
        return self._it.remember(
            now,
            entry.request,
            entry.registration,
            entry.outcome,
            age=entry.age,
            settled_ago=entry.settled_ago,
            left=entry.left,
            gone=entry.gone,
        )

    def _opened(self, entry: _Opened) -> _Opened:
        """Return an entry of before with its sealed texts as values that can be compared."""
        opened = understood(entry.what, self._sealer.opened(told(entry)))
        return cast("_Opened", opened)

    def _reheard(self, now: float, entry: entries.Reheard) -> Iterable[Step]:
        return self._it.rehear(now, entry.key, entry.event, entry.content)

    def _leaves(self, now: float, entry: entries.Leaves) -> Iterable[Step]:
        return self._it.leaves(now, entry.key)

    def _answered(self, now: float, entry: entries.Answered) -> Iterable[Step]:
        return self._it.answered(now, entry.key, entry.answer)

    def _looked(self, now: float, entry: entries.Looked) -> Iterable[Step]:
        return self._it.looked(now, entry.key, entry.serial, entry.look)

    def _notified(self, now: float, entry: entries.Notified) -> Iterable[Step]:
        if entry.payload is None:
            return
        try:
            update = parse_update(entry.payload)
        except MalformedUpdate:
            return
        for event in events_of(update, entry.node, entry.item_id):
            compared = entry.content if content_of(event) else 0
            _, steps = self._it.receive(now, event, compared)
            yield from steps

    def _up(self, now: float, entry: entries.Up) -> Iterable[Step]:
        return self._it.link_up(now, entry.agent or "", entry.look)

    def _down(self, now: float, entry: entries.Down) -> Iterable[Step]:
        return self._it.link_down(now, entry.agent or "")

    def _presence(self, _now: float, entry: entries.Presence) -> Iterable[Step]:
        self._it.finesse_present(entry.agent or "", available=entry.available)
        return ()

    def _fenced(self, now: float, entry: entries.Fenced) -> Iterable[Step]:
        return self._it.fenced(now, entry.key, passed=entry.passed)

    def _expired(self, now: float, _entry: entries.Expired) -> Iterable[Step]:
        return self._it.expire(now)

    def _stood_still(self, _now: float, _entry: entries.StoodStill) -> Iterable[Step]:
        self._it.stood_still()
        return ()

    def _held_back(self, _now: float, _entry: entries.HeldBack) -> Iterable[Step]:
        self._it.hold_back()
        return ()

    def _let_through(self, now: float, _entry: entries.LetThrough) -> Iterable[Step]:
        return self._it.let_through(now)

    def _standing(self, now: float, entry: entries.Standing) -> Iterable[Step]:
        agent = entry.agent or ""
        self._it.link_up(now, agent, entry.look)
        if not entry.live:
            self._it.link_down(now, agent)
        self._it.finesse_present(agent, available=entry.present)
        return ()
