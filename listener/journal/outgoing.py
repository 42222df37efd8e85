"""Rows on their way from the loop to the writer's thread, and which are left out if need be.

Knows the bound and the kinds of rows; knows neither the disk nor why nothing can be written.
"""

from __future__ import annotations

from listener.journal.parcels import Inbox, Parcel
from listener.journal.rows import Event, Going, Intent, Row


class Outgoing:
    """Hands parcels to `inbox`, and counts what waits in it.

    Beyond `most` rows no events are added, and beyond twice as many nothing. `dropped`: rows for
    which there was no room.
    """

    def __init__(self, inbox: Inbox, most: int) -> None:
        self.dropped = 0
        self._inbox = inbox
        self._most = most
        self._waiting = 0
        self._passed_over = 0  # the highest number of an event that there was no room for

    @property
    def is_full(self) -> bool:
        """Whether as many rows wait as may."""
        return self._waiting >= self._most

    def add(self, parcel: Parcel) -> None:
        """Hand a parcel over; the writer hears first of the events that were left out before it."""
        if self._passed_over:
            parcel.pass_over(self._passed_over)
            self._passed_over = 0
        self._waiting += parcel.count
        self._inbox.add(parcel)

    def keep(self, rows: tuple[Row, ...]) -> None:
        """Hand over what is worth keeping though nothing can be written now: no intents."""
        left: tuple[Row, ...] = tuple(r for r in rows if not isinstance(r, Intent | Going))
        if self.is_full:
            left = self._without_events(left)
        if left:
            self.add(Parcel(left))

    def _without_events(self, rows: tuple[Row, ...]) -> tuple[Row, ...]:
        few = tuple(row for row in rows if not isinstance(row, Event))
        if self._waiting >= 2 * self._most:
            few = ()
        numbers = [row.sequence for row in rows if isinstance(row, Event)]
        self._passed_over = max(self._passed_over, *numbers, 0)
        self.dropped += len(rows) - len(few)
        return few

    def taken(self, count: int) -> None:
        """Hear that the writer has taken so many rows."""
        self._waiting -= count

    def tell_what_was_left_out(self) -> None:
        """Let the writer hear of events that were left out, once there is room again."""
        if self._passed_over and not self.is_full:
            self.add(Parcel(()))
