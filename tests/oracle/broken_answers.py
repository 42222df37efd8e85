"""Planted faults in what is made of Finesse's answers: section 2.

Each function breaks one rule, in one place; see `planting.py`.
"""

from __future__ import annotations

from dataclasses import replace

from listener import service, translation
from listener.correlation import (
    accusation,
    answering,
    books,
    clockwork,
    correlator,
    entry,
    evidence,
    hearing,
)
from listener.correlation.outcome import Evidence, Reason
from listener.correlation.pending import Trigger
from listener.correlation.steps import AnswerKind
from listener.correlation.verdict import unconfirmed
from listener.rest import judge as rest_judge
from listener.rest.values import AnswerKind as RestKind
from tests.oracle.planting import mutant

# -- which answers are refusals --------------------------------------------------------------------


def _refuses(status, *, refused):
    real = rest_judge._refuses

    def refuses(got, errors):
        fits = got in status if isinstance(status, range) else got == status
        return refused if fits else real(got, errors)

    return rest_judge, "_refuses", refuses


@mutant("2.01")
def a_4xx_is_in_doubt():
    yield _refuses(range(400, 500), refused=False)


@mutant("2.02")
def a_408_is_a_refusal():
    yield _refuses(408, refused=True)


@mutant("2.03")
def a_501_is_in_doubt():
    yield _refuses(501, refused=False)


@mutant("2.04")
def a_503_with_errors_is_in_doubt():
    yield _refuses(503, refused=False)


@mutant("2.05")
def a_500_is_a_refusal():
    yield _refuses(500, refused=True)


@mutant("2.06")
def a_502_is_a_refusal():
    yield _refuses(502, refused=True)


@mutant("2.07")
def a_504_is_a_refusal():
    yield _refuses(504, refused=True)


@mutant("2.08")
def a_503_without_errors_is_a_refusal():
    yield _refuses(503, refused=True)


def _kind(change):
    real = rest_judge._kind

    def kind(raw, request_id, errors):
        return change(raw) or real(raw, request_id, errors)

    return rest_judge, "_kind", kind


@mutant("2.09")
def any_2xx_is_a_202():
    def change(raw):
        return (RestKind.ACCEPTED, "") if raw.status in range(200, 300) else None

    yield _kind(change)


@mutant("2.10")
def no_answer_is_a_refusal():
    yield _kind(lambda raw: (RestKind.REFUSED, "") if raw.sent and raw.status is None else None)


@mutant("2.11")
def what_is_in_doubt_ends_at_once():
    real = answering.answered

    def answered(desk_, now, e, answer):
        real(desk_, now, e, answer)
        if e.open and e.doubted:
            desk_.settle(now, e, Trigger.EXPIRE, unconfirmed(e, Reason.NO_ANSWER, now))

    yield answering, "answered", answered


@mutant("2.12")
def nothing_settles_what_is_in_doubt():
    real = evidence.count

    def count(desk_, now, e, held):
        if not e.doubted:
            real(desk_, now, e, held)

    yield evidence, "count", count


@mutant("2.13", "READY", "SEND_DTMF")
def a_401_ends_the_session():
    real = service.Service._answered

    def answered(self, key, answer):
        real(self, key, answer)
        if answer.status == 401:
            self.session_down(self.records[key].request.agent, "refused")

    yield service.Service, "_answered", answered


@mutant("2.14")
def no_answer_is_not_sent():
    yield _kind(lambda raw: (RestKind.NOT_SENT, "guessed") if raw.status is None else None)


@mutant("2.15")
def what_never_left_is_in_doubt():
    yield _kind(lambda raw: (RestKind.DOUBTFUL, "guessed") if not raw.sent else None)
    real = translation.RestWire.send

    async def send(self, request, request_id, leaves):
        leaves()
        return await real(self, request, request_id, leaves)

    yield translation.RestWire, "send", send


@mutant("2.16")
def sends_again_without_an_answer():
    real = translation.RestWire.send

    async def send(self, request, request_id, leaves):
        answer = await real(self, request, request_id, leaves)
        again = answer.kind is AnswerKind.DOUBTFUL and answer.status is None
        return await real(self, request, request_id, leaves) if again else answer

    yield translation.RestWire, "send", send


# -- what was heard before the answer --------------------------------------------------------------


@mutant("2.17")
def counts_before_the_answer():
    yield entry.Entry, "answered", property(lambda _self: True)


def _before_answer(act):
    real = answering.answered

    def answered(desk_, now, e, answer):
        act(desk_, now, e, answer)
        if e.open:
            real(desk_, now, e, answer)

    return answering, "answered", answered


@mutant("2.18")
def a_202_drops_what_was_held():
    def act(_desk, _now, e, answer):
        if answer.kind is AnswerKind.ACCEPTED:
            e.held.clear()

    yield _before_answer(act)


@mutant("2.19")
def no_answer_drops_what_was_held():
    def act(_desk, _now, e, answer):
        if answer.kind is AnswerKind.DOUBTFUL and answer.status is None:
            e.held.clear()

    yield _before_answer(act)


@mutant("2.20")
def what_was_held_outweighs_a_refusal():
    def act(desk_, now, e, answer):
        if answer.kind is AnswerKind.REFUSED and e.held:
            evidence.decide(desk_, now, e, e.held[0])

    yield _before_answer(act)


@mutant("2.21")
def tagged_evidence_waits_for_the_answer():
    real = evidence.count

    def count(desk_, now, e, held):
        if held.evidence is Evidence.REQUEST_ID and not e.answered:
            e.held.append(held)
        else:
            real(desk_, now, e, held)

    yield evidence, "count", count


# -- what was heard before the registration --------------------------------------------------------


@mutant("2.22")
def an_earlier_error_suspects():
    real = hearing.unsigned_error

    def unsigned_error(desk_, now, event, *, repeated, told):
        desk_.books.keep_early(now, event)
        real(desk_, now, event, repeated=repeated, told=told)

    yield hearing, "unsigned_error", unsigned_error
    leaves = correlator.Correlator.leaves

    def left(self, now, key):
        steps = leaves(self, now, key)
        entered = self.entry(key)
        for _, event in tuple(self._desk.books._early):
            if event.request_id is None and entered is not None:
                accusation.remembered_error(self._desk, now, entered, replace(event))
        return steps

    yield correlator.Correlator, "leaves", left


@mutant("2.23")
def nothing_is_known_from_before():
    yield books.Books, "early", lambda _self, _now, _request_id: []


# -- from when the deadline runs -------------------------------------------------------------------


def _arm(start_of):
    real = answering._arm

    def arm(desk_, now, e, start):
        real(desk_, now, e, start_of(now, e, start))

    return answering, "_arm", arm


@mutant("2.24")
def deadline_from_submission():
    yield _arm(lambda _now, e, _start: e.submitted)


@mutant("2.25")
def deadline_from_the_doubtful_answer():
    yield _arm(lambda now, _e, _start: now)


@mutant("2.26")
def what_stays_in_doubt_is_only_late():
    real = clockwork.reason

    def reason(e):
        why = real(e)
        return Reason.DEADLINE if why is Reason.NO_ANSWER else why

    yield clockwork, "reason", reason
