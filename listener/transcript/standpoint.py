"""How all stands at one moment, as entries: for who begins to read a transcript there.

Agents as they are known, requests that are open, and those that were settled a moment ago, for an
error that comes now may be theirs. Reads the core's desk; changes nothing in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from listener.correlation.correlator import Correlator
from listener.correlation.desk import Desk
from listener.correlation.entry import Entry
from listener.correlation.pending import State
from listener.correlation.picture import AgentPicture
from listener.correlation.steps import Look
from listener.intake import registered_again
from listener.transcript import entries

MAY_MATTER = 60.0
"""Seconds after its outcome in which a request is told again to who begins to read."""
MOST_REMEMBERED = 2_000


def standpoint(core: Correlator, desk: Desk, now: float) -> list[entries.Entry]:
    """Return the entries, the one before them that says how many there are first."""
    found = [*_agents(desk, now), *_past(desk, now), *_open(core, desk, now)]
    return [entries.Standpoint(agent=None, follow=len(found)), *found]


def _agents(desk: Desk, now: float) -> Iterator[entries.Entry]:
    pictures: dict[str, AgentPicture] = desk.picture._agents  # noqa: SLF001  to be read
    for agent, picture in pictures.items():
        if picture.live or picture.user is not None or picture.dialogs:
            dialogs = tuple(known.dialog for known in picture.dialogs.values())
            yield entries.Standing(
                agent=agent,
                live=picture.live,
                look=Look(now, user=picture.user, dialogs=dialogs),
                present=agent not in desk.away,
            )


def _open(core: Correlator, desk: Desk, now: float) -> Iterator[entries.Entry]:
    # Digits wait for those that left before, and what waits comes last.
    begun = sorted(desk.books.entries.values(), key=lambda e: (e.sent_at is None, e.sent_at or 0.0))
    for entry in begun:
        yield _waiting(now, entry) if entry.state is State.QUEUED else _going(core, now, entry)


def _waiting(now: float, entry: Entry) -> entries.Asked:
    return entries.Asked(
        agent=entry.agent,
        key=entry.key,
        request_id=entry.request_id,
        request=entry.request,
        registration=registered_again(entry),
        age=now - entry.submitted,
        retold=True,
    )


def _going(core: Correlator, now: float, entry: Entry) -> entries.Adopted:
    return entries.Adopted(
        agent=entry.agent,
        key=entry.key,
        request_id=entry.request_id,
        request=entry.request,
        registration=registered_again(entry),
        baseline=entry.case.carried,
        left=core.left(now, entry.key) or 0.0,
        accepted=entry.accepted,
        age=now - entry.submitted,
        status=entry.status,
        answer_date=entry.case.answer_date,
        gap=entry.restarted or entry.case.crossed,
        gone=now - entry.sent_at if entry.sent_at is not None else None,
        retold=True,
    )


def _past(desk: Desk, now: float) -> Iterable[entries.Entry]:
    recent: list[entries.Entry] = []
    for tomb in reversed(desk.books.tombs.values()):
        ago = now - (tomb.settled_at or 0.0)
        if ago > MAY_MATTER or len(recent) >= MOST_REMEMBERED or tomb.outcome is None:
            break
        recent.append(
            entries.Remembered(
                agent=tomb.agent,
                key=tomb.key,
                request=tomb.request,
                registration=registered_again(tomb),
                outcome=tomb.outcome,
                age=now - tomb.submitted,
                settled_ago=ago,
                left=max(0.0, tomb.deadline - now),
                gone=now - tomb.sent_at if tomb.sent_at is not None else None,
                retold=True,
            )
        )
    return reversed(recent)
