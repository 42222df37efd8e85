"""Which known causes are there in a story? The rules in order, and what helps where none fits."""

from __future__ import annotations

from collections.abc import Callable

from listener.story import causes_call as calls
from listener.story import causes_ends as ends
from listener.story import causes_hearing as hearing
from listener.story import causes_others as others
from listener.story import meanings
from listener.story.case import Case, Finding
from listener.story.facts import Asked, Facts
from listener.story.steps import Step
from listener.story.veil import Veil

RULES: tuple[Callable[[Case], Finding | None], ...] = (
    calls.consult_not_answered,
    calls.participant_held,
    calls.truncated,
    calls.not_all_set,
    calls.call_failed,
    calls.refused,
    calls.refused_without_words,
    calls.letters_on_uccx,
    ends.expired_in_queue,
    hearing.no_session,
    hearing.link_down,
    ends.restarted,
    hearing.late_event,
    others.ambiguous,
    others.id_on_another,
    others.another_request,
    others.two_on_one_device,
    calls.dialog_ended,
    others.another_client,
    calls.answer_doubtful,
    calls.already_so,
    ends.weak_evidence,
    others.no_tags,
    ends.ended_by_us,
    ends.still_open,
)
"""The likelier cause first. What Finesse said no with is never below what was not heard."""

_HELPS = {
    "any": "Next time: a longer --deadline, `listener run --record FILE` for everything that was"
    " heard, and logs.wire for the stanzas themselves.",
    "event": "A GET may show it: with minimumEvidence any one is asked.",
    "request_id": "With minimumEvidence any, weaker evidence counts too.",
}


def diagnose(facts: Facts, steps: tuple[Step, ...], veil: Veil) -> tuple[Finding, ...]:
    """Return what is known to have gone wrong, request by request; nothing for what went well."""
    found: list[Finding] = []
    for asked in facts.requests:
        if not asked.neighbour:
            found += of_request(asked, facts, steps, veil)
    return tuple(found)


def of_request(asked: Asked, facts: Facts, steps: tuple[Step, ...], veil: Veil) -> list[Finding]:
    """Return the findings about one request, the likelier cause first."""
    case = Case(asked, facts, steps, veil)
    found = [finding for rule in RULES if (finding := rule(case)) is not None]
    if found or asked.kind in {"confirmed", "presumed"}:
        return found
    expected = meanings.PROOF.get(asked.action)
    wanted = f"; what would prove it: {expected}" if expected else ""
    return [
        Finding(
            "unknown",
            "No known cause fits",
            f"it ended {asked.kind} ({asked.reason or 'no reason'}){wanted}",
            _HELPS.get(asked.minimum, _HELPS["any"]),
            (),
            asked.key,
        )
    ]


def missing(asked: Asked) -> str | None:
    """Return what would have proved a request that nothing proved; else None."""
    if asked.kind in {"confirmed", "presumed", "failed", "rejected"}:
        return None
    return meanings.PROOF.get(asked.action, "a notification with its requestId")
