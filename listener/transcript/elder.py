"""The core with what older recordings tell of, and a core of today is not told any more."""

from __future__ import annotations

from listener.correlation import verdict
from listener.correlation.correlator import Correlator
from listener.correlation.outcome import Reason
from listener.correlation.pending import Trigger
from listener.correlation.steps import Step


class Elder(Correlator):
    """A core for recordings of all versions."""

    def withdraw(self, now: float, key: str, reason: Reason) -> list[Step]:
        """Stop waiting for a request of which nothing had left, though it was taken for sent.

        Versions whose recordings have no lines `leaves` took a request for sent from its turn on,
        and judged the others so; given up, they knew better and rejected it. One with a 202 has
        left, whatever the line says.
        """
        entry = self._desk.books.entries.get(key)
        if entry is None or entry.accepted:
            return self.abandon(now, key, reason)
        why = Reason.CANCELLED if reason is Reason.CALLER else reason
        self._desk.settle(now, entry, Trigger.REFUSE, verdict.rejected(entry, now, reason=why))
        return self._desk.take_steps()
