"""The recorder: takes entries on the event loop, and has a thread of its own write them.

Nothing here waits. Between the loop and the thread is a bounded queue; what finds no place in it is
dropped, counted, and told in the transcript and in the log, and the next line after it says how all
stands, so that a reader can go on there. Knows the loop's side; masks and files are the thread's.
"""

from __future__ import annotations

import asyncio
import queue
from collections.abc import Callable
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

from listener import logs
from listener.correlation.correlator import Correlator
from listener.correlation.outcome import Outcome
from listener.correlation.steps import Look
from listener.finesse.model import Notification
from listener.ledger import now_utc
from listener.settings.recording import Recording
from listener.terms import Policy
from listener.ticket import Record
from listener.transcript import entries
from listener.transcript.witnessed import Recorded
from listener.transcript.writer import Head, Item, Options, Writer

MEGABYTE = 1024 * 1024
MOST_WAITING = 20_000
"""Entries that wait for the thread; more are dropped."""
MOST_BYTES = 32 * 1024 * 1024
"""Characters of payloads among them."""

_log = logs.get(__name__)

__all__ = ["Options", "Recorder", "Where", "recorder_for"]


class Where(NamedTuple):
    """What the recorder asks about: the deployment, and the node at which an agent's session is."""

    deployment: Callable[[], str | None] = lambda: None
    host: Callable[[str], str | None] = lambda _agent: None


class Recorder:
    """Writes one run. `start` first, `close` last; both on the loop. `head`: of the first line.

    Raises ConfigurationError in `start` for a file that cannot be written to.
    """

    def __init__(
        self,
        options: Options,
        head: Head,
        *,
        where: Where | None = None,
        wall: Callable[[], datetime] = now_utc,
        most_waiting: int = MOST_WAITING,
    ) -> None:
        self._where = where or Where()
        self._wall = wall
        self._most_waiting = most_waiting
        self._queue: queue.SimpleQueue[Item | None] = queue.SimpleQueue()
        self._put = self._bytes_put = 0
        self._dropped = 0
        self._now = head.clock
        self._core: Recorded | None = None
        self._begun = False
        self._open = False
        self._writer = Writer(options, head, self._queue)

    def __repr__(self) -> str:
        return f"<Recorder {self._writer.path} lost={self.lost}>"

    @property
    def path(self) -> Path:
        """The file that is written now."""
        return self._writer.path

    @property
    def lost(self) -> int:
        """How many entries are not in the file and should be."""
        return self._dropped + self._writer.lost

    def start(self) -> None:
        """Open the file, and begin to write. Raises ConfigurationError."""
        self._writer.open()
        self._writer.start()
        self._open = True
        _log.info("recording.started", path=str(self.path))

    def over(self, core: Correlator) -> Correlator:
        """Return the same core, watched; from now on it is to be used in its place."""
        self._core = Recorded(core, self)
        return self._core

    def close(self, within: float = 5.0) -> bool:
        """Write what is there, and end; waits for the disk, for that many seconds at the most.

        False: not all of it could be written. May be called twice.
        """
        self._end()
        return self._writer.finish(within)

    def _end(self) -> None:
        if not self._open:
            return
        if self._dropped:
            self._queue_it(self._now, entries.Lost(agent=None, count=self._dropped))
        self._queue_it(self._now, entries.Ended(agent=None))
        self._open = False
        self._queue.put(None)
        _log.info("recording.stopped", path=str(self.path), lost=self.lost)

    async def aclose(self, within: float = 5.0) -> bool:
        """Do as `close`, and let the loop go on meanwhile. True where it was never started."""
        if not self._open:
            return True
        self._end()
        return await asyncio.to_thread(self._writer.finish, within)

    # -- from the service -------------------------------------------------------------------

    def notified(self, now: float, heard: Notification, host: str | None) -> None:
        """Take in a notification, before the core sees what it says."""
        payload = heard.payload
        self.turn(now)
        self.put(
            now,
            entries.Notified(
                agent=None,
                node=heard.node,
                item_id=heard.item_id,
                content=0,
                payload=payload,
                length=len(payload),
                host=host,
            ),
        )

    def up(self, now: float, agent: str, look: Look) -> None:
        """Take in that an agent's session hears."""
        self.turn(now)
        self.put(now, entries.Up(agent=agent, look=look, host=self._where.host(agent)))

    def down(self, now: float, agent: str, cause: str, *, on_purpose: bool) -> None:
        """Take in that an agent's events may be lost from now on."""
        host = self._where.host(agent)
        self.turn(now)
        self.put(now, entries.Down(agent=agent, cause=cause, on_purpose=on_purpose, host=host))

    def unsent(self, now: float, record: Record, outcome: Outcome) -> None:
        """Take in a request of an earlier process that ends without the core."""
        self.turn(now)
        self.put(
            now,
            entries.NeverSent(
                agent=record.request.agent,
                key=record.key,
                request_id=record.request_id,
                request=record.request,
                outcome=outcome,
            ),
        )

    # -- from the core ----------------------------------------------------------------------

    @property
    def deployment(self) -> str | None:
        """UCCE or UCCX, as far as known."""
        return self._where.deployment()

    def turn(self, now: float) -> None:
        """Hear that a step of the core begins: a good place to say how all stands."""
        self._now = now
        if self._dropped and self._waiting() < self._most_waiting // 2:
            dropped, self._dropped = self._dropped, 0
            self._writer.lost += dropped
            self._queue_it(now, entries.Lost(agent=None, count=dropped))
            self._begun = False
        if not self._begun or self._writer.wants_standpoint:
            self._begun, self._writer.wants_standpoint = True, False
            if self._core is not None:
                for entry in self._core.standpoint(now):
                    self._queue_it(now, entry)

    def put(self, now: float, entry: entries.Entry) -> None:
        """Take an entry; dropped where there is no place. `now` negative: as the one before."""
        if not self._open:
            return
        full = self._waiting() >= self._most_waiting or self._bytes() > MOST_BYTES
        if self._dropped or full:
            if not self._dropped:
                _log.warning("recording.lost", path=str(self.path), detail="the disk is too slow")
            self._dropped += 1
            return
        self._queue_it(now if now >= 0 else self._now, entry)

    def _queue_it(self, now: float, entry: entries.Entry) -> None:
        self._put += 1
        if isinstance(entry, entries.Notified):
            self._bytes_put += entry.length
        self._queue.put(Item(now, self._wall(), entry))

    def _waiting(self) -> int:
        return self._put - self._writer.taken

    def _bytes(self) -> int:
        return self._bytes_put - self._writer.bytes_taken


def recorder_for(wanted: Recording, policy: Policy, clock: float, where: Where) -> Recorder:
    """Return a recorder as the settings want it; `clock` is the loop's time. Not started yet."""
    assert wanted.path is not None
    options = Options(
        path=wanted.path,
        part=wanted.part_megabytes * MEGABYTE,
        total=wanted.max_megabytes * MEGABYTE,
        show_numbers=wanted.show_numbers,
    )
    head = Head(
        program=f"finesse-listener {version('finesse-listener')}",
        deployment=where.deployment(),
        started=now_utc(),
        clock=clock,
        max_pending=policy.limits.max_pending,
        max_pending_per_agent=policy.limits.max_pending_per_agent,
        tombstone_for=policy.limits.tombstone_for,
        gate=policy.gate,
    )
    return Recorder(options, head, where=where)
