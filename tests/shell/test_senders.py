"""Senders of their own: what may be said of a request that somebody else puts on the wire."""

from __future__ import annotations

import asyncio

import pytest

from listener.correlation.outcome import Evidence, Reason
from listener.correlation.steps import AnswerKind, RestAnswer
from listener.service import Wishes
from tests.builders import AGENT, a_participant
from tests.shell.stage import until
from tests.shell.test_service import ACCEPTED, HELD, Rig, hold


class Mute:
    """Sends at once, and says nothing of it to whoever called; answers when it is let."""

    def __init__(self, answer: RestAnswer | Exception = ACCEPTED) -> None:
        self.sent = False
        self.answers = asyncio.Event()
        self._answer = answer

    async def __call__(self, _leaves) -> RestAnswer:
        self.sent = True
        await self.answers.wait()
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer


@pytest.fixture
async def rig():
    made = Rig()
    made.up(a_participant())
    yield made
    await made.service.close()


async def sent_by(rig, sender, **wishes):
    ticket = rig.service.forward(hold(), Wishes(**wishes), sender)
    await until(lambda: sender.sent)
    return ticket


async def test_what_a_sender_that_does_not_tell_has_sent_is_never_said_not_to_have_left(rig):
    late = await sent_by(rig, Mute(), deadline=0.05)
    given_up = await sent_by(rig, Mute())
    given_up.abandon()
    stopped = await sent_by(rig, Mute())
    outcome = await late.outcome()
    assert (outcome.kind, outcome.reason) == ("unconfirmed", Reason.NO_ANSWER)
    assert (await given_up.outcome()).kind == "abandoned"
    await rig.service.close()
    assert (await stopped.outcome()).kind == "abandoned"


async def test_a_sender_that_does_not_tell_and_breaks_leaves_its_request_in_doubt(rig):
    sender = Mute(OSError("broken"))
    ticket = await sent_by(rig, sender, deadline=0.05)
    sender.answers.set()
    outcome = await ticket.outcome()
    assert (outcome.kind, outcome.reason) == ("unconfirmed", Reason.NO_ANSWER)


async def test_proof_that_overtakes_the_answer_of_a_sender_that_does_not_tell_counts(rig):
    sender = Mute()
    ticket = await sent_by(rig, sender)
    rig.hear(HELD.format(tag=ticket.request_id))
    outcome = await ticket.outcome()
    sender.answers.set()
    assert (outcome.kind, outcome.evidence) == ("confirmed", Evidence.REQUEST_ID)
    assert outcome.warnings == ()


async def test_a_sender_that_does_not_tell_may_say_that_it_sent_nothing(rig):
    sender = Mute(RestAnswer(AnswerKind.NOT_SENT, detail="no way"))
    ticket = await sent_by(rig, sender)
    sender.answers.set()
    outcome = await ticket.outcome()
    assert (outcome.kind, outcome.reason, outcome.sent) == ("rejected", Reason.NOT_SENT, False)


async def test_a_sender_that_promises_to_tell_has_sent_nothing_before(rig):
    sender = Mute()
    ticket = rig.service.forward(hold(), Wishes(), sender, tells=True)
    await until(lambda: sender.sent)  # it was called, and would have told
    ticket.abandon()
    outcome = await ticket.outcome()
    assert (outcome.kind, outcome.reason, outcome.sent) == ("rejected", Reason.CANCELLED, False)
    assert rig.service.correlator.picture(AGENT).live
