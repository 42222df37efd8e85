"""What Finesse's REST answer means for a request (rules of evidence 2).

A 202 starts the deadline, a refusal ends the request, everything else leaves it in doubt.
"""

from __future__ import annotations

from listener.correlation import clockwork, verdict
from listener.correlation.desk import Desk
from listener.correlation.entry import Entry
from listener.correlation.evidence import release_held
from listener.correlation.outcome import Outcome, Reason
from listener.correlation.pending import Trigger
from listener.correlation.steps import AnswerKind, RestAnswer
from listener.finesse.actions.expectation import Gate


def answered(desk: Desk, now: float, entry: Entry, answer: RestAnswer) -> None:
    """Take in the answer to a request that was sent and has had no 202 yet."""
    entry.status = answer.status
    contradicted = entry.tag_seen and not entry.id_repeated
    match answer.kind:
        case AnswerKind.ACCEPTED:
            _accepted(desk, now, entry, answer)
        case AnswerKind.REFUSED if not contradicted:
            entry.left_machine = True
            outcome: Outcome = verdict.rejected(entry, now, errors=answer.errors)
            desk.settle(now, entry, Trigger.REFUSE, outcome)
        case AnswerKind.NOT_SENT if not contradicted:
            entry.note(now, "not_sent", answer.detail)
            outcome = verdict.rejected(entry, now, reason=Reason.NOT_SENT)
            desk.settle(now, entry, Trigger.REFUSE, outcome)
        case _:  # doubtful; or our id was heard, so that it was sent and not refused at once
            entry.note(now, "doubtful_answer", answer.detail)
            entry.answered_at, entry.doubted = now, True
            if answer.kind is not AnswerKind.NOT_SENT:  # in doubt is only what was seen to leave
                entry.left_machine = True
            entry.fire(Trigger.DOUBT)
            _arm(desk, now, entry, entry.submitted)
            _heard_answer(desk, now, entry)


def _accepted(desk: Desk, now: float, entry: Entry, answer: RestAnswer) -> None:
    entry.accepted, entry.left_machine = True, True
    entry.answered_at = entry.case.accepted_at = now
    entry.case.answer_date = answer.date
    entry.fire(Trigger.ACCEPT)
    if entry.expected and not entry.length_given:
        entry.length = entry.request.default_deadline
    _arm(desk, now, entry, now)
    if entry.silent and not entry.restarted:
        clockwork.open_window(desk, now, entry)
    if entry.request.gate is Gate.UNTIL_ANSWERED:
        desk.release(now, entry)
    _heard_answer(desk, now, entry)


def _arm(desk: Desk, now: float, entry: Entry, start: float) -> None:
    """Let the deadline run from `start`; over a restart it is never extended (rules 10)."""
    if entry.restarted:
        start = entry.deadline - entry.length
    clockwork.arm(desk, now, entry, start)


def _heard_answer(desk: Desk, now: float, entry: Entry) -> None:
    desk.reported(entry)
    release_held(desk, now, entry)
    if entry.open:
        desk.rearm(entry)
