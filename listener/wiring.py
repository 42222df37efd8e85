"""From settings to what each shell wants to know: pure translation, no shell is made here."""

from __future__ import annotations

from listener.correlation.desk import Limits
from listener.correlation.gate import GateMode
from listener.correlation.outcome import MinimumEvidence
from listener.errors import InvalidRequest
from listener.rest import Basic, Bearer, RestTimings
from listener.settings import Settings
from listener.settings.model import Agent
from listener.terms import Policy, Wished, Wishes
from listener.xmpp.contract import Timings


def policy(settings: Settings) -> Policy:
    """Return what holds for all requests."""
    wanted = settings.requests
    return Policy(
        limits=Limits(
            wanted.max_pending, wanted.max_pending_per_agent, wanted.tombstone_minutes * 60
        ),
        gate=GateMode(wanted.gate.value),
        minimum_evidence=wanted.minimum_evidence,
        deadline=wanted.deadline,
        deadlines=tuple(wanted.deadlines.items()),
    )


def rest_timings(settings: Settings) -> RestTimings:
    """Return the waits of the REST side."""
    waits = settings.timings
    return RestTimings(waits.rest_wait, waits.rest_connect, waits.rest_answer, waits.rest_total)


def session_timings(settings: Settings) -> Timings:
    """Return the waits of a session."""
    waits = settings.timings
    return Timings(
        connect=waits.connect_deadline,
        ping_every=waits.ping_interval,
        ping_answer=waits.ping_timeout,
    )


def credentials(agent: Agent) -> Basic | Bearer:
    """Return what the agent signs in to REST with."""
    return Bearer(agent.token) if agent.token is not None else Basic(agent.id, agent.xmpp_secret)


def wishes(wished: Wished) -> Wishes:
    """Return a caller's keyword arguments as wishes; InvalidRequest for an unknown evidence."""
    given = wished.get("minimum_evidence")
    return Wishes(
        deadline=wished.get("deadline"),
        request_id=wished.get("request_id"),
        minimum_evidence=minimum(given),
        validate=wished.get("validate", True),
        require_session=wished.get("require_session", True),
    )


def minimum(given: MinimumEvidence | str | None) -> MinimumEvidence | None:
    """Return the least evidence that a caller wants; InvalidRequest for a word that is none."""
    try:
        return MinimumEvidence(given) if given is not None else None
    except ValueError:
        known = ", ".join(MinimumEvidence)
        raise InvalidRequest(f"minimum_evidence is one of {known}") from None
