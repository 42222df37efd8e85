"""What the first process knows, taken down in one step while it stands still.

Reads service, chronicle, roster and keys; changes nothing in them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from listener.assembly import Listener
from listener.chronicle import Chronicle
from listener.correlation.correlator import Correlator
from listener.correlation.entry import Entry
from listener.correlation.pending import State as Where
from listener.correlation.registration import Registration
from listener.handover.carried import Agents, Held, Open, Past, State
from listener.idempotency import Keys
from listener.intake import registered_again
from listener.ledger import now_utc
from listener.settings import Settings
from listener.ticket import Record

CONFIGURED = "configured"


@dataclass(frozen=True, slots=True)
class Known:
    """Where all that is passed on is found. `hashes`: the key of `keys`, None with a journal."""

    listener: Listener
    chronicle: Chronicle
    keys: Keys
    hashes: bytes | None


def agents_of(listener: Listener, settings: Settings) -> Agents:
    """Return the agents that are held, and the credentials of those who are not in `settings`."""
    roster = listener.roster
    configured = {agent.id: agent for agent in settings.agents}
    # Nobody can sign in with a password that Finesse refused, and each try counts against it.
    ears = {id_: ear for id_, ear in roster.ears.items() if id_ not in roster.withheld}
    others = [
        Held(ear.agent, roster.origin(id_), configured.get(id_))
        for id_, ear in ears.items()
        if roster.origin(id_) != CONFIGURED or ear.agent != configured.get(id_)
    ]
    live = [id_ for id_, ear in ears.items() if ear.up.is_set()]
    return Agents(roster.revision, live, others)


def state_of(known: Known, heard: Mapping[str, float]) -> State:
    """Return all that the next process must know. Nothing may be on its way, nor be judged now."""
    listener, service = known.listener, known.listener.service
    journalled = known.chronicle.journal is not None
    now = service.loop.time()
    correlator = service.correlator
    state = State(
        now,
        journalled,
        sessions={id_: (one.state, one.live) for id_, one in listener.agents.items()},
        gaps=dict(known.chronicle.gaps),
        open=[_open(correlator, key, service.records[key], now) for key in correlator.open_keys()],
        events=known.chronicle.told(),
        heard=dict(heard),
    )
    if not journalled:  # else the journal has them
        state.hashes, state.keys = known.hashes, known.keys.all()
        wall = now_utc()
        state.past = [
            _past(correlator, record, now, wall)
            for record in service.records.values()
            if record.outcome is not None
        ]
    return state


def _open(correlator: Correlator, key: str, record: Record, now: float) -> Open:
    entry = correlator.entry(key)
    assert entry is not None
    waits = entry.state is Where.QUEUED
    return Open(
        record=record,
        registration=registered_again(entry),
        baseline=entry.case.carried,
        sent_at=None if waits else entry.sent_at,
        left=correlator.left(now, key) or 0.0,
        accepted=entry.accepted,
        status=entry.status,
        answer_date=entry.case.answer_date,
        # What it went through before this process, or with another update, is not carried.
        gap=entry.restarted or entry.case.crossed,
    )


def _past(correlator: Correlator, record: Record, now: float, wall: datetime) -> Past:
    entry = correlator.entry(record.key)
    settled = record.settled or record.submitted
    return Past(
        record=record,
        registration=_registration(record, entry),
        settled_ago=max(0.0, (wall - settled).total_seconds()),
        left=max(0.0, entry.deadline - now) if entry is not None else 0.0,
    )


def _registration(record: Record, entry: Entry | None) -> Registration:
    """Return how it is registered again: what was allowed once is not refused now."""
    if entry is None:
        return Registration(
            key=record.key, request_id=record.request_id, own=None, allow_repeat=True
        )
    return registered_again(entry)
