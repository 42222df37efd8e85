"""What waits to be written: the inbox of the writer, and what there was no room for.

Knows neither SQL nor the loop; a future is only carried along.
"""

from __future__ import annotations

import threading
from asyncio import Future
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from listener.journal.encoding import Written
from listener.journal.rows import After, Answered, Event, Left, Row, Settled

MAX_ROWS = 20_000
MAX_WEIGHT = 32 << 20  # bytes

_FIRST_TO_GO: tuple[type[Row], ...] = (Event, After, Answered, Left, Settled)
_SLACK = 0.9  # room is made for more than one row at a time


@dataclass(slots=True)
class Parcel:
    """The rows of one put; they go into one transaction. `future`: is told of the first try."""

    rows: tuple[Row, ...]
    future: Future[bool] | None = None
    written: list[Written] = field(default_factory=list)
    refused: bool = False  # a row that its request cannot do without cannot be written
    count: int = 0

    def __post_init__(self) -> None:
        self.count = len(self.rows)

    def pass_over(self, sequence: int) -> None:
        """Note that events up to that number are lost."""
        self.written.append(Written(Event, (), 0, sequence, lost=True))

    @property
    def sequence(self) -> int:
        """The highest number of its events, 0 without any."""
        return max((each.sequence for each in self.written), default=0)


@dataclass(frozen=True, slots=True)
class Job:
    """Something else to be done by the writer between two transactions."""

    do: Callable[[Any], Any]
    future: Future[Any]


Item: TypeAlias = Parcel | Job


class Inbox:
    """Hands items from the loop to the writer's thread, in order."""

    def __init__(self) -> None:
        self._items: deque[Item] = deque()
        self._changed = threading.Condition(threading.Lock())
        self._closed = False

    def add(self, item: Item) -> None:
        """Add an item; never waits for more than a few instructions of the other side."""
        with self._changed:
            self._items.append(item)
            self._changed.notify()

    def close(self) -> None:
        """Let the writer end when it has taken all that is there."""
        with self._changed:
            self._closed = True
            self._changed.notify()

    def closed_within(self, seconds: float) -> bool:
        """Wait until it is closed, or as long; return whether it is closed."""
        with self._changed:
            return self._changed.wait_for(lambda: self._closed, seconds)

    @property
    def empty(self) -> bool:
        """Whether nothing waits at this moment."""
        return not self._items

    def take(self, most: int, patience: float | None) -> tuple[list[Item], bool]:
        """Return what waits, and whether more may come; waits so many seconds for the first."""
        with self._changed:
            if not self._items and not self._closed and patience != 0:
                self._changed.wait(patience)
            taken = [self._items.popleft() for _ in range(min(most, len(self._items)))]
            return taken, bool(self._items) or not self._closed


class Backlog:
    """Rows that could not be written yet, oldest first; what is too much goes, events first."""

    def __init__(self, *, max_rows: int = MAX_ROWS, max_weight: int = MAX_WEIGHT) -> None:
        self._parcels: deque[Parcel] = deque()
        self._max_rows, self._max_weight = max_rows, max_weight
        self.rows = self.weight = 0
        self.dropped: Counter[str] = Counter()
        self.given_up = 0  # the highest number of an event that was dropped

    def __len__(self) -> int:
        return len(self._parcels)

    def keep(self, parcel: Parcel) -> None:
        """Keep a parcel, without what its request would have had to wait for."""
        parcel.written = [each for each in parcel.written if not each.binding]
        if parcel.written:
            self._parcels.append(parcel)
            self.rows += len(parcel.written)
            self.weight += sum(each.weight for each in parcel.written)

    def first(self, most: int) -> list[Parcel]:
        """Return the oldest parcels; they stay until `done`."""
        return [parcel for parcel, _ in zip(self._parcels, range(most), strict=False)]

    def done(self, count: int) -> None:
        """Forget the oldest parcels, which are written."""
        for _ in range(count):
            for each in self._parcels.popleft().written:
                self._less(each)

    def shed(self) -> Counter[str]:
        """Drop what is too much; return how many rows of each kind went now."""
        went: Counter[str] = Counter()
        if self.rows <= self._max_rows and self.weight <= self._max_weight:
            return went
        for kind in _FIRST_TO_GO:
            for parcel in self._with(kind):
                if self._within():
                    break
                went[kind.__name__] += self._drop(parcel, kind)
        self._parcels = deque(parcel for parcel in self._parcels if parcel.written)
        self.dropped += went
        return went

    def _within(self) -> bool:
        return self.rows <= _SLACK * self._max_rows and self.weight <= _SLACK * self._max_weight

    def _with(self, kind: type[Row]) -> Iterator[Parcel]:
        return (
            parcel for parcel in self._parcels if any(each.kind is kind for each in parcel.written)
        )

    def _drop(self, parcel: Parcel, kind: type[Row]) -> int:
        gone = [each for each in parcel.written if each.kind is kind]
        parcel.written = [each for each in parcel.written if each.kind is not kind]
        for each in gone:
            self._less(each)
            self.given_up = max(self.given_up, each.sequence)
        return len(gone)

    def _less(self, written: Written) -> None:
        self.rows -= 1
        self.weight -= written.weight


def highest(parcels: Iterable[Parcel]) -> int:
    """Return the highest number of an event in these parcels, 0 without any."""
    return max((parcel.sequence for parcel in parcels), default=0)
