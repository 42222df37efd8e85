"""What is heard: notifications and sessions, told to the correlator, the readers and the memory.

The hearing half of the service; what is sent and settled is `executing`'s. A fault in reading
or judging one event is logged and stops nothing else.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from typing import Protocol

from listener import logs
from listener.correlation.correlator import Correlator
from listener.correlation.outcome import Outcome
from listener.correlation.steps import Look, Step
from listener.errors import MalformedUpdate
from listener.feed import Feed
from listener.finesse.events import Event, SystemInfoChanged, content_of, events_of
from listener.finesse.model import Notification
from listener.finesse.wire import parse_update
from listener.nothing_kept import NothingKept
from listener.pausing import Pause
from listener.standstill import Standstill
from listener.tally import Tally
from listener.telling import kind_of
from listener.terms import Ears, Memory, Policy
from listener.ticket import Record

_HASH = 6  # bytes that tell two payloads apart in a log
_HASH_KEY = secrets.token_bytes(16)  # another one in each process: digits cannot be tried out

_log = logs.get(__name__)


class Recording(Protocol):
    """Writes down what the core is told, in its order. Nothing here waits or raises."""

    def over(self, core: Correlator) -> Correlator:
        """Return the same core, watched."""
        ...

    def notified(self, now: float, heard: Notification, host: str | None) -> None:
        """Take in a notification, before the core sees what it says."""
        ...

    def up(self, now: float, agent: str, look: Look) -> None:
        """Take in that an agent's session hears."""
        ...

    def down(self, now: float, agent: str, cause: str, *, on_purpose: bool) -> None:
        """Take in that an agent's events may be lost from now on."""
        ...

    def unsent(self, now: float, record: Record, outcome: Outcome) -> None:
        """Take in a request of an earlier process that ends without the core."""
        ...


class Hearing(ABC):
    """Takes in notifications and the coming and going of sessions. Made inside a running loop.

    `feed` is where readers of events subscribe; `tally` counts; `witness`, where it is set, is told
    every event before it is judged, repeats too; `overheard` every notification as it came.
    """

    def __init__(
        self, ears: Ears, policy: Policy | None, memory: Memory | None, tally: Tally | None
    ) -> None:
        self.policy = policy or Policy()
        self.deployment: str | None = None
        self.correlator = Correlator(self.policy.limits, self.policy.gate)
        self.feed = Feed()
        self.tally = tally or Tally()
        self.loop = asyncio.get_running_loop()
        self._memory: Memory = memory or NothingKept()
        self._recording: Recording | None = None
        self._unwatched = self.correlator
        self._ears = ears
        self.witness: Callable[[Event], None] | None = None
        self.overheard: Callable[[Notification], None] = _nobody
        self._gaps: dict[str, tuple[bool, float]] = {}  # agents in a gap: on purpose, since when
        self._pause: Pause | None = None
        self._then: float | None = None  # while what came in a pause is done: when it came
        self._standstill = Standstill(self.loop, self._ring)

    @abstractmethod
    def _carry_out(self, steps: Iterable[Step]) -> None:
        """Do what the correlator asks for."""

    @abstractmethod
    def _ring(self) -> None:
        """Do what is due."""

    @abstractmethod
    def discreet(self, event: Event) -> Event:
        """Return an event as it may be told."""

    def record(self, recording: Recording | None) -> None:
        """Let all that the core is told from now on be written down; None ends that."""
        self._recording = recording
        core = self._unwatched
        self.correlator = core if recording is None else recording.over(core)

    def _now(self) -> float:
        """Return the time at which what is judged now happened."""
        if self._then is not None:
            return self._then
        now = self.loop.time()
        self._look_up(now)
        return now

    def _look_up(self, now: float) -> None:
        """See whether the loop stood still: then what lies there is heard before time counts."""
        due = self.correlator.next_deadline()
        if due is not None and self._standstill.begins(now - due):
            self.correlator.stood_still()

    def _put_off(self, do: Callable[[], None]) -> bool:
        """Keep for later what came in a pause; say whether it was kept."""
        if self._pause is None:
            return False
        self._pause.put(self.loop.time(), do)
        return True

    def hear(self, notification: Notification, via: str | None = None) -> None:
        """Take in one notification. Never raises: what cannot be read or judged is logged.

        `via`: the node at which the session is that heard it.
        """
        if self._put_off(lambda: self.hear(notification, via)):
            return
        now = self._now()
        if self._recording is not None:
            self._recording.notified(now, notification, via)
        self.overheard(notification)
        try:
            update = parse_update(notification.payload)
            events = tuple(events_of(update, notification.node, notification.item_id))
        except MalformedUpdate as error:
            self.tally.parse_failures[error.reason] += 1
            _log.warning(
                "notification.malformed",
                node=notification.node,
                reason=error.reason,
                detail=str(error),
                hash=_hash(notification.payload),
                length=len(notification.payload),
            )
        except Exception:  # noqa: BLE001  a fault of ours in reading one payload harms no other
            _log.exception("notification.failed", node=notification.node)
        else:
            for event in events:
                self._judge(now, event, via)

    def _judge(self, now: float, event: Event, via: str | None) -> None:
        if self.witness is not None:
            self.witness(event)
        try:
            news, steps = self.correlator.receive(now, event, content_of(event))
            self._count(event, news=news)
            if news:
                self.feed.put(self.discreet(event))
                self._memory.heard(event)
                self._outage(event, via)
        except Exception:  # noqa: BLE001  as in `hear`: the next event is judged all the same
            _log.exception("notification.failed", node=event.node, kind=type(event).__name__)
            steps = []
        self._carry_out(steps)

    def _count(self, event: Event, *, news: bool) -> None:
        if not news:
            self.tally.duplicates += 1
            return
        self.tally.events[kind_of(event)] += 1
        if event.request_id is not None and not self.correlator.knows(event.request_id):
            self.tally.unmatched += 1

    def _outage(self, event: Event, via: str | None) -> None:
        if isinstance(event, SystemInfoChanged):
            where = {} if via is None else {"node": via}
            in_service = event.system_info.status == "IN_SERVICE"
            self._ears.serving(in_service=in_service, **where)

    def session_up(self, agent: str, look: Look) -> None:
        """Take note that an agent's session hears, and of what was read since."""
        if self._put_off(lambda: self.session_up(agent, look)):
            return
        now = self._now()
        if self._recording is not None:
            self._recording.up(now, agent, look)
        self._carry_out(self.correlator.link_up(now, agent, look))
        if (gap := self._gaps.pop(agent, None)) is not None:
            on_purpose, since = gap
            tell = _log.debug if on_purpose else _log.info
            tell("gap.closed", agent=agent)
            self.tally.gaps.add(self._now() - since)
            self._memory.gap(agent, None)

    def session_down(self, agent: str, cause: str, *, on_purpose: bool = False) -> None:
        """Take note that an agent's events may be lost from now on.

        `on_purpose`: we ended the session ourselves, which is no news for an operator.
        """
        if self._put_off(lambda: self.session_down(agent, cause, on_purpose=on_purpose)):
            return
        if self.correlator.picture(agent).live:
            tell = _log.debug if on_purpose else _log.warning
            tell("gap.opened", agent=agent, cause=cause)
            self._gaps[agent] = (on_purpose, self._now())
            self._memory.gap(agent, cause)
        now = self._now()
        if self._recording is not None:
            self._recording.down(now, agent, cause, on_purpose=on_purpose)
        self._carry_out(self.correlator.link_down(now, agent))

    def finesse_present(self, agent: str, *, available: bool) -> None:
        """Take note of the XMPP user `finesse`, as that agent's session sees it."""
        if self._put_off(lambda: self.finesse_present(agent, available=available)):
            return
        self.correlator.finesse_present(agent, available=available)


def _hash(payload: str) -> str:
    """Return a short keyed hash of a payload: equal ones are known again, in this process alone."""
    octets = payload.encode("utf-8", "surrogatepass")
    return hashlib.blake2b(octets, digest_size=_HASH, key=_HASH_KEY).hexdigest()


def _nobody(notification: Notification) -> None:
    """Take no note of it."""
    del notification
