"""The one order of all that happens: numbers events, keeps them, and lets readers follow.

Fulfils the service's `Memory` over a journal, or without one. An event is told once it is safe in
the journal. Readers pull: each has a place in the one ring of recent events, so that a slow one
costs nobody anything; what is older than the ring comes from the journal.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from collections import deque
from collections.abc import Callable, Container
from dataclasses import dataclass, replace
from typing import Any

from listener.correlation.outcome import Outcome
from listener.correlation.pending import State
from listener.correlation.picture import Baseline
from listener.correlation.registration import Registration
from listener.correlation.steps import Late, RestAnswer
from listener.errors import NotKept
from listener.finesse.actions.request import RequestWarning
from listener.finesse.events import Event as Heard
from listener.journal import After, Answered, Event, Going, Intent, Journal, Mention, Settled
from listener.ledger import now_utc
from listener.offers import Told, Wanted
from listener.readers import ChronicleReader, Entry, Stretch
from listener.report import record_json, stamp
from listener.ring import PAGE, Ring
from listener.telling import dialog_of, event_json, kind_of
from listener.ticket import Record

NOT_KEPT = RequestWarning(
    "not_kept",
    "The journal could not be written at that moment: after a crash of this program the request may"
    " read unconfirmed, restarted.",
)
RING = 10_000
"""Events in memory without a journal; with one, a part of it is enough."""
RING_BESIDE_JOURNAL = 4_000
MAX_CUTS = 1_000
MAX_HEARING = 20_000
"""Events about sessions that stay in memory beside the others."""

_NUMBER = re.compile(r"[0-9]{1,18}")
_TOLD = frozenset({"dialog", "user", "error"})
_OF_SESSIONS = frozenset({"session", "gap"})
_HEARING = ("at", "id", "agent", "state", "live", "node", "from", "until", "cause", "lossless")


@dataclass(frozen=True, slots=True)
class Earlier:
    """The events that a process told, as far as it remembers them."""

    epoch: str
    sequence: int
    entries: tuple[Entry, ...]


class Chronicle:
    """Fulfils `terms.Memory`, and gives readers their events. Made inside a running loop.

    `state`, `deployment` and `discreet` (an event as it may be told) are the service's; `lagged` is
    called for each reader that is cut off. `whole`: whether the journal keeps what Finesse sends.
    `earlier`: what the process before this one told, where the journal does not keep all of it.
    `told_before` says which events that process has heard already: they are not told again. `ring`:
    how many events are kept in memory. `last`: the sequence of the last event that may be told;
    `begun`: of the last one before this process, which began to tell at `started`.
    """

    def __init__(
        self,
        journal: Journal | None = None,
        *,
        whole: bool = True,
        lagged: Callable[[], None] = lambda: None,
        earlier: Earlier | None = None,
        ring: int | None = None,
    ) -> None:
        self.discreet: Callable[[Heard], Heard] = lambda event: event
        self.told_before: Callable[[Heard], bool] = lambda _event: False
        self.state: Callable[[str], State | None] = lambda _key: None
        self.deployment: Callable[[], str | None] = lambda: None
        self._journal = journal
        self._whole = journal is not None and whole
        self.epoch = journal.epoch if journal is not None else secrets.token_hex(4)
        self.started = now_utc()
        self.begun = self.last = self._sequence = journal.last_sequence if journal else 0
        self._most = ring or (RING if journal is None else RING_BESIDE_JOURNAL)
        self._ring = Ring(self._most, self.last)
        self._erased = 0  # how often something was erased
        self._at_once = 0  # events that became readable in this turn of the loop
        self._readers: set[ChronicleReader] = set()
        self._cuts: deque[tuple[Wanted, int, int]] = deque(maxlen=MAX_CUTS)
        self._lagged = lagged
        self._closed = False
        self._resting: dict[str, dict[str, Any]] | None = None  # sessions that changed meanwhile
        self._loop = asyncio.get_running_loop()
        self._done: asyncio.Future[None] = self._loop.create_future()
        self._done.set_result(None)
        self.gaps: dict[str, dict[str, Any]] = {}
        self.hearing: deque[dict[str, Any]] = deque(maxlen=MAX_HEARING)
        """How sessions came and went of late, oldest first: what the events said of it."""
        if earlier is not None:
            self._go_on(earlier)
        if journal is not None:
            journal.on_written = self._written

    def __repr__(self) -> str:
        return f"<Chronicle {self.epoch}-{self._sequence} readers={len(self._readers)}>"

    def _go_on(self, earlier: Earlier) -> None:
        if self._journal is None:
            self.epoch, self._sequence = earlier.epoch, earlier.sequence
        elif (self.epoch, self._sequence) != (earlier.epoch, earlier.sequence):
            return  # it is another journal
        self.last = self._sequence
        first = earlier.entries[0].sequence if earlier.entries else self.last + 1
        self._ring = Ring(self._most, first - 1)
        for entry in earlier.entries:
            self._ring.keep(entry)

    @property
    def journal(self) -> Journal | None:
        """The journal that it keeps all in; another one after a hand-over that came to nothing."""
        return self._journal

    # -- the service's memory -----------------------------------------------------------------

    @property
    def trouble(self) -> str | None:
        """Why no new request can be kept now; None when all is well."""
        return self._journal.trouble if self._journal is not None else None

    def taken(self, record: Record, registration: Registration) -> asyncio.Future[None]:
        """Keep the intent of a request, and tell that it was taken."""
        if self._journal is None:
            self._tell_request(record)
            return self._done
        return self._safe(Intent.of(record, registration), *self._tell_request(record))

    def going(self, record: Record, baseline: Baseline | None) -> asyncio.Future[None]:
        """Keep that a request goes out now."""
        if self._journal is None:
            return self._done
        return self._safe(Going(record.key, record.going or now_utc(), baseline))

    def _safe(self, *rows: Any) -> asyncio.Future[None]:
        assert self._journal is not None
        safe: asyncio.Future[None] = self._loop.create_future()
        safe.add_done_callback(_looked_at)
        written = self._journal.put(*rows)

        def done(tried: asyncio.Future[bool]) -> None:
            if safe.done():
                return
            if not tried.cancelled() and tried.exception() is None and tried.result():
                safe.set_result(None)
            else:
                safe.set_exception(NotKept(f"nothing can be kept: {self.trouble or 'no room'}"))

        written.add_done_callback(done)
        return safe

    def answered(self, record: Record, answer: RestAnswer, length: float) -> None:
        """Keep what Finesse answered, and tell."""
        at = record.answered or now_utc()
        self._put(Answered(record.key, at, answer, length), *self._tell_request(record))

    def settled(self, record: Record, outcome: Outcome, tell: Callable[[Outcome], None]) -> None:
        """Keep the outcome; then tell the caller, and the readers.

        Where it cannot be kept the caller is told all the same, with a warning that a crash may
        take it back: whoever has a call to decide about cannot wait for room on a disk.
        """
        if self._journal is None or self._journal.trouble is not None:
            outcome = outcome if self._journal is None else _not_kept(outcome)
            self._put(Settled(record.key, record.settled or now_utc(), outcome))
            tell(outcome)
            self._tell_request(record, put=True)
            return
        row = Settled(record.key, record.settled or now_utc(), outcome)
        shown = _shown(record, outcome, self.state(record.key), self.deployment())
        events = self._tell(
            "request", shown, record.request.agent, record.request.dialog_id, record.key
        )

        def tried(written: asyncio.Future[bool]) -> None:
            kept = not written.cancelled() and written.exception() is None and written.result()
            tell(outcome if kept else _not_kept(outcome))

        self._journal.put(row, *events).add_done_callback(tried)

    def late(self, record: Record, late: Late) -> None:
        """Keep what was heard after the outcome, and tell."""
        self._put(After(record.key, now_utc(), late), *self._tell_request(record))

    def heard(self, event: Heard) -> None:
        """Tell a dialog, user or error event."""
        kind = kind_of(event)
        if kind in _TOLD and not self.told_before(event):
            data = event_json(self.discreet(event), self.deployment())
            self._put(*self._tell(kind, data, event.owner, dialog_of(event), None))

    def gap(self, agent: str, cause: str | None) -> None:
        """Tell that an agent's events may be lost from now on, or no more."""
        now = stamp(now_utc())
        if cause is not None:
            self.gaps[agent] = {"from": now, "until": None, "cause": cause, "lossless": False}
        else:
            self.gaps.setdefault(agent, {"from": None, "cause": None, "lossless": False})
            self.gaps[agent]["until"] = now
        self._put(*self._tell("gap", {"agent": agent, **self.gaps[agent]}, agent, None, None))

    def session(self, agent: str, status: dict[str, Any]) -> None:
        """Tell how an agent's session is now."""
        if self._resting is not None:
            self._resting[agent] = status
            return
        self._put(*self._tell("session", status, agent, None, None))

    # -- telling --------------------------------------------------------------------------------

    def _put(self, *rows: Any) -> None:
        if self._journal is not None and rows:
            self._journal.put(*rows)

    def _tell_request(self, record: Record, *, put: bool = False) -> list[Event]:
        shown = record_json(record, self.state(record.key), self.deployment())
        request = record.request
        rows = self._tell("request", shown, request.agent, request.dialog_id, record.key)
        if put:
            self._put(*rows)
        return rows

    def _tell(
        self,
        name: str,
        data: dict[str, Any],
        agent: str | None,
        dialog_id: str | None,
        key: str | None,
    ) -> list[Event]:
        """Give an event its number; return its row, or nothing where there is no journal."""
        self._sequence += 1
        at = now_utc()
        data = {"at": stamp(at), **data}
        told = Told(f"{self.epoch}-{self._sequence}", name, data)
        entry = Entry(self._sequence, told, agent, dialog_id, key)
        if name in _OF_SESSIONS:
            self.hearing.append({key: data[key] for key in _HEARING if key in data})
        if self._journal is None:
            self._ring.keep(entry)
            self._reached(self._sequence)
            return []
        self._ring.wait(entry)
        return [Event(self._sequence, at, name, agent, dialog_id, key, data)]

    def _written(self, sequence: int) -> None:
        """Let readers have what is safe now."""
        self._ring.release(sequence)
        self._reached(sequence)

    def _reached(self, sequence: int) -> None:
        """Let readers know how far they may read; never back, whatever was erased."""
        if not self._at_once:
            self._loop.call_soon(self._turned)
        self._at_once += max(0, sequence - self.last)
        self.last = max(self.last, sequence)
        for reader in self._readers:
            reader.offer(self._at_once)

    def _turned(self) -> None:
        self._at_once = 0

    # -- readers ----------------------------------------------------------------------------------

    @property
    def readers(self) -> int:
        """How many read now."""
        return len(self._readers)

    def read(self, wanted: Wanted, after: str | None) -> ChronicleReader:
        """Begin to read behind the id `after`, or (None) from now on."""
        place, first = self._place(wanted, after)
        reader = ChronicleReader(self, wanted, place, first)
        if self._closed:
            reader.close()
        else:
            self._readers.add(reader)
        return reader

    def _place(self, wanted: Wanted, after: str | None) -> tuple[int, Told | None]:
        if after is None:
            return self.last, None
        epoch, _, number = after.rpartition("-")
        sequence = int(number) if _NUMBER.fullmatch(number) else -1
        if epoch != self.epoch or not 0 <= sequence <= self.last:
            return self.last, _reset(after)
        for cut in self._cuts:
            if cut[0] == wanted and cut[1] <= sequence <= cut[2]:
                self._cuts.remove(cut)
                return sequence, Told(None, "lagged", {"behind": self.last - sequence})
        return sequence, None

    def reset(self, place: int) -> tuple[int, Told]:
        """Return where a reader goes on whose place is lost, and what it is told of that."""
        return self.last, _reset(f"{self.epoch}-{place}")

    def recent(self) -> tuple[Entry, ...]:
        """Return the events of late that are in memory and may be told, oldest first."""
        return self._ring.told()

    async def page(self, place: int) -> Stretch:
        """Return the next events behind a place, wanted or not; at most a page.

        Those that are not in the ring come from the journal, which says whether any are lost.
        """
        while place < self._ring.floor:
            if self._journal is None:
                return Stretch((), place, lost=True)
            erased, last = self._erased, self.last
            found = await self._journal.events(place, PAGE)
            if erased != self._erased:
                continue  # what was erased meanwhile may be in it
            to = min(found.looked_to, last)
            rows = [self._entry(row) for row in found.rows if row.sequence <= to]
            return Stretch(rows, to, lost=place < found.floor)
        return self._ring.behind(place, self.last)

    def _entry(self, row: Event) -> Entry:
        told = Told(f"{self.epoch}-{row.sequence}", row.name, row.data)
        return Entry(row.sequence, told, row.agent, row.dialog_id, row.key)

    def left(self, reader: ChronicleReader, *, cut: bool) -> None:
        """Forget a reader; one that was cut off finds `lagged` first when it comes back."""
        if reader in self._readers:
            self._readers.discard(reader)
            if cut:
                self._lagged()
                self._cuts.append((reader.wanted, reader.began, reader.place))

    async def forget(self, wanted: Mention, keys: Container[str | None] = ()) -> dict[str, int]:
        """Erase events from memory that mention a number or a dialog, or are about those requests.

        Also those that are not safe yet, or that a reader fetched and was not handed. Call it after
        the journal's own. Lets the loop turn meanwhile; returns how many there were.
        """
        recent = await self._ring.forget(wanted, keys, self._sequence)
        self._erased += 1
        for reader in self._readers:
            reader.fetch_again()
        return {"recent": recent}

    def close(self) -> None:
        """End all readers."""
        self._closed = True
        for reader in tuple(self._readers):
            reader.close()

    # -- handed over, or not after all ----------------------------------------------------------

    def rest(self) -> None:
        """Tell nothing from now on, and end all readers: they come back to the next process."""
        self._resting = {}
        self.close()

    def resume(self, journal: Journal | None) -> None:
        """Tell again: nobody took over. `journal`: the same one, opened again."""
        self._journal = journal
        if journal is not None:
            journal.on_written = self._written
            self._written(self._sequence)  # it was closed, and so all of it was written
        self._closed = False
        missed, self._resting = self._resting or {}, None
        for agent, status in missed.items():
            self.session(agent, status)

    def told(self) -> Earlier | None:
        """Return what the next process must know of the events; None where the journal does."""
        if self._whole:
            return None
        return Earlier(self.epoch, self._sequence, tuple(self._ring))


def _reset(after: str) -> Told:
    data = {"reason": "that event is not kept; read the requests anew", "after": after}
    return Told(None, "reset", data)


def _shown(
    record: Record, outcome: Outcome, state: State | None, deployment: str | None
) -> dict[str, Any]:
    """Return the resource as it is once the outcome is told."""
    before, record.outcome = record.outcome, outcome
    try:
        return record_json(record, state, deployment)
    finally:
        record.outcome = before


def _not_kept(outcome: Outcome) -> Outcome:
    return replace(outcome, warnings=(*outcome.warnings, NOT_KEPT))


def _looked_at(future: asyncio.Future[None]) -> None:
    """Let a future fail without a complaint that nobody looked."""
    if not future.cancelled():
        future.exception()
