"""After a restart: what the journal knows of requests goes back into the service.

Nothing is sent again. What never left ends rejected; what may have left is in doubt, is compared by
GET with the journalled baseline, and ends by its deadline. Settled ones are remembered, so that
what comes late finds them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from listener import logs
from listener.correlation.correlator import Correlator
from listener.correlation.steps import AnswerKind, Step
from listener.idempotency import KEPT_FOR, MAX_KEYS, Keys
from listener.journal import Journal, Stored
from listener.service import Service

WITHIN = 8.0
"""Seconds in which what an earlier process left open ends, whatever was left of its deadline."""
MAX_REMEMBERED = 20_000
AT_ONCE = 200

_log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class Restored:
    """How many were found open, how many of them were never sent, and how many settled ones."""

    adopted: int = 0
    unsent: int = 0
    remembered: int = 0


async def restore(
    service: Service, journal: Journal, keys: Keys, *, now: datetime, remember_for: timedelta
) -> Restored:
    """Put what the journal knows back: before the first session hears, or before any new request.

    May be called again when it raised NotKept, for a disk that cannot be read. `now` is wall time,
    `remember_for` how long a settled request is still recognised.
    """
    clock = _clock(now, service.loop)
    await restore_keys(journal, keys, now=now, loop=service.loop.time())
    settled = await restore_settled(service, journal, now=clock(), remember_for=remember_for)
    unsettled = await journal.unsettled()
    return restore_open(service, unsettled, now=clock(), settled=settled)


def _clock(now: datetime, loop: asyncio.AbstractEventLoop) -> Callable[[], datetime]:
    """Return what tells wall time from `now` on: reading takes time, which extends no deadline."""
    begun = loop.time()
    return lambda: now + timedelta(seconds=loop.time() - begun)


async def restore_settled(
    service: Service, journal: Journal, *, now: datetime, remember_for: timedelta
) -> int:
    """Put back what has its outcome and is not known here; return how many requests.

    Others get their turn in between.
    """
    clock, remembered = _clock(now, service.loop), 0
    for stored in await journal.settled_since(now - remember_for, MAX_REMEMBERED):
        if stored.record.key not in service.records:
            _remember(service, stored, clock(), service.loop.time())
            remembered += 1
            if not remembered % AT_ONCE:
                await asyncio.sleep(0)
    return remembered


async def restore_keys(journal: Journal, keys: Keys, *, now: datetime, loop: float) -> None:
    """Put back the Idempotency-Keys."""
    since = now - timedelta(seconds=KEPT_FOR)
    for _, key, fingerprint, id_ in (await journal.idempotency_keys(since))[-MAX_KEYS:]:
        keys.add((key, fingerprint), id_, loop)


def restore_open(
    service: Service, unsettled: Iterable[Stored], *, now: datetime, settled: int = 0
) -> Restored:
    """Put back what has no outcome; after what has one, and before the first session hears."""
    loop = service.loop.time()
    adopted = unsent = 0
    for stored in sorted(unsettled, key=_left_at):  # of two updates the later counts (rules 6.7)
        # What the caller sends itself may have gone out whatever the journal says.
        never_left = stored.going_at is None and not stored.record.expected
        try:
            if never_left:
                service.unsent(stored.record_at(loop - _age(stored, now)))
            else:
                _adopt(service, stored, now, loop)
        except Exception as fault:  # noqa: BLE001  whatever is wrong with one harms that one alone
            _log.error("journal.unreadable", what=stored.record.key, why=type(fault).__name__)
            continue
        unsent, adopted = unsent + never_left, adopted + (not never_left)
    if adopted or unsent:
        _log.warning("journal.restored", adopted=adopted, unsent=unsent, settled=settled)
    return Restored(adopted, unsent, settled)


def left_of(stored: Stored, now: datetime) -> float:
    """Return the seconds that are left of a request's deadline (rules 10).

    The smaller of what was left when it was journalled and what the wall clock leaves, so that a
    clock that was set back gives no more time; never negative.
    """
    by_wall = (stored.deadline_at - now).total_seconds()
    return max(0.0, min(stored.length, by_wall))


def _age(stored: Stored, now: datetime) -> float:
    return max(0.0, (now - stored.record.submitted).total_seconds())


def _known_as_it_left(stored: Stored) -> bool:
    """Say whether the baseline that is kept is the one that it left with (rules 4).

    What the caller sends itself is compared with what was known when it was announced. The process
    may have ended as ours left, before that was kept: what is known of its turn is then too old,
    for a change in between is none since it was sent. What is kept in order is kept before the
    answer.
    """
    return stored.record.expected or stored.left_at is not None or stored.answer is not None


def _left_at(stored: Stored) -> datetime:
    """Return when it left by the wall clock: at the latest known; else when it was submitted."""
    return stored.record.sent or stored.going_at or stored.record.submitted


def _gone(stored: Stored, now: datetime) -> float:
    return max(0.0, (now - _left_at(stored)).total_seconds())


def _adopt(service: Service, stored: Stored, now: datetime, loop: float) -> None:
    age = _age(stored, now)
    answer = stored.answer

    def adoption(correlator: Correlator, at: float) -> list[Step]:
        return correlator.adopt(
            at,
            stored.record.request,
            stored.registration,
            baseline=stored.baseline if _known_as_it_left(stored) else None,
            left=min(left_of(stored, now), WITHIN),
            accepted=answer is not None and answer.kind is AnswerKind.ACCEPTED,
            age=age,
            status=answer.status if answer is not None else None,
            answer_date=answer.date if answer is not None else None,
            gone=_gone(stored, now),
        )

    service.adopt(stored.record_at(loop - age), adoption)
    if answer is not None and answer.kind in {AnswerKind.REFUSED, AnswerKind.NOT_SENT}:
        service.answered_before(stored.record.key, answer)


def _remember(service: Service, stored: Stored, now: datetime, loop: float) -> None:
    record = stored.record_at(loop - _age(stored, now))
    if record.outcome is None or record.settled is None:
        return
    service.remember(
        record,
        stored.registration,
        age=_age(stored, now),
        settled_ago=max(0.0, (now - record.settled).total_seconds()),
        left=left_of(stored, now),
        gone=_gone(stored, now),
    )
