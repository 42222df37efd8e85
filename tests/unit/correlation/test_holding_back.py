"""The gate held back for a hand-over, and requests that were submitted to an earlier process."""

from __future__ import annotations

from listener.correlation.correlator import Correlator, Registration
from listener.correlation.pending import State
from listener.correlation.steps import AnswerKind, RestAnswer, Send, Settled
from listener.finesse.actions import Hold
from tests.builders import AGENT, CALL

ACCEPTED = RestAnswer(AnswerKind.ACCEPTED, 202)
REFUSED = RestAnswer(AnswerKind.REFUSED, 400)


def taken(core: Correlator, key: str, now: float, **how) -> list:
    registration = Registration(key=key, request_id=key, own="1001", length=10.0)
    request = Hold(agent=AGENT, dialog_id=CALL, target_media_address="1001")
    return core.register(now, request, registration, **how)


def test_nobody_gets_through_while_the_gate_is_held_and_all_do_in_order_afterwards():
    core = Correlator()
    assert taken(core, "a", 0.0) == [Send("a")]
    assert taken(core, "b", 0.1) == []
    assert taken(core, "c", 0.2) == []
    core.hold_back()
    steps = core.answered(1.0, "a", REFUSED)
    assert [type(step) for step in steps] == [Settled]
    assert core.state("b") is State.QUEUED
    assert core.let_through(2.0) == [Send("b")]
    steps = core.answered(3.0, "b", REFUSED)
    assert steps[-1] == Send("c")


def test_who_waits_past_its_deadline_while_the_gate_is_held_is_not_sent():
    core = Correlator()
    taken(core, "a", 0.0)
    taken(core, "b", 0.0)
    core.hold_back()
    core.answered(1.0, "a", REFUSED)
    (step,) = core.let_through(11.0)
    assert isinstance(step, Settled)
    assert (step.key, step.outcome.reason) == ("b", "expired_in_queue")


def test_what_is_registered_while_the_gate_is_held_waits_for_it():
    core = Correlator()
    core.hold_back()
    assert taken(core, "a", 0.0) == []
    assert core.state("a") is State.QUEUED
    assert core.let_through(1.0) == [Send("a")]


def test_time_in_an_earlier_process_counts_to_the_deadline_until_it_is_accepted():
    core = Correlator()
    assert taken(core, "a", 100.0, age=8.0) == [Send("a")]
    assert core.left(100.0, "a") == 2.0
    core.answered(101.0, "a", ACCEPTED)
    assert core.left(101.0, "a") == 10.0
    (settled,) = [step for step in core.expire(111.0) if isinstance(step, Settled)]
    assert settled.outcome.waited == 19.0
