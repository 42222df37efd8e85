"""The service alone: a scripted wire, scripted ears, and notifications handed in by call."""

from __future__ import annotations

import asyncio
import hashlib
import uuid
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime

import pytest
import structlog

from listener import ledger
from listener.correlation.desk import Limits
from listener.correlation.gate import GateMode
from listener.correlation.outcome import Evidence, MinimumEvidence, Reason
from listener.correlation.pending import State
from listener.correlation.steps import AnswerKind, Look, RestAnswer
from listener.errors import (
    Closing,
    DeviceBusy,
    DuplicateRequestId,
    InvalidRequest,
    NotListening,
    TooManyPending,
)
from listener.finesse.actions import Hold, SendDtmf, UpdateCallData, dialogs
from listener.finesse.model import ApiError, Notification
from listener.nothing_kept import NothingKept
from listener.report import record_json, state_word
from listener.service import AT_ONCE, Policy, Service, Wishes
from tests.builders import AGENT, CALL, NODE, a_dialog, a_participant, a_user
from tests.shell.stage import until

ACCEPTED = RestAnswer(AnswerKind.ACCEPTED, 202)
HELD = (
    "<Update><event>PUT</event><source>/finesse/api/Dialog/100</source>"
    "<requestId>{tag}</requestId><data><dialog><id>100</id><mediaType>Voice</mediaType>"
    "<participants><Participant><mediaAddress>1001</mediaAddress><state>HELD</state>"
    "<stateChangeTime>2026-11-21T08:00:09.000Z</stateChangeTime></Participant></participants>"
    "</dialog></data></Update>"
)
ERROR = (
    "<Update><event>PUT</event><source>/finesse/api/Dialog/100</source>"
    "<requestId>{tag}</requestId><data><apiErrors><apiError><errorType>{type}</errorType>"
    "</apiError></apiErrors></data></Update>"
)


class Wire:
    """Answers 202 to everything, unless told otherwise; `turn` and `hold` make it wait."""

    def __init__(self) -> None:
        self.answers: list[RestAnswer | Exception] = []
        self.looks: list[Look | Exception] = []
        self.asked_to_send: list[str] = []
        self.sent: list[str] = []
        self.asked = []
        self.hold = asyncio.Event()
        self.hold.set()
        self.turn = asyncio.Event()  # a connection is free
        self.turn.set()

    async def send(self, request, request_id, leaves) -> RestAnswer:
        self.asked_to_send.append(request_id)
        await self.turn.wait()
        leaves()
        self.sent.append(request_id)
        await self.hold.wait()
        return self._next(self.answers, ACCEPTED)

    async def look(self, ask) -> Look:
        self.asked.append(ask)
        return self._next(self.looks, Look(asyncio.get_running_loop().time(), ok=False))

    @staticmethod
    def _next(script, otherwise) -> RestAnswer | Look:
        step = script.pop(0) if script else otherwise
        if isinstance(step, Exception):
            raise step
        return step

    def judge(self, status, body) -> RestAnswer:
        kind = AnswerKind.ACCEPTED if status == 202 else AnswerKind.REFUSED
        return RestAnswer(kind, status)


class Ears:
    """Answers pings as told."""

    def __init__(self) -> None:
        self.passes: bool | Exception = True
        self.pinged = []
        self.service_states = []

    def serving(self, *, in_service):
        self.service_states.append(in_service)

    async def ping(self, agent, within) -> bool:
        self.pinged.append((agent, within))
        if isinstance(self.passes, Exception):
            raise self.passes
        return self.passes


class Rig:
    """A service with its doubles, its log, and the agent's session up."""

    def __init__(self, policy: Policy | None = None, **how) -> None:
        self.wire, self.ears = Wire(), Ears()
        self.service = Service(self.wire, self.ears, policy=policy, **how)

    def up(self, *parties, agent: str = AGENT) -> None:
        look = Look(
            asyncio.get_running_loop().time(), dialogs=(a_dialog(CALL, *parties),), user=a_user()
        )
        self.service.session_up(agent, look)

    def hear(self, payload: str, node: str = NODE, item: str | None = None) -> None:
        told = Notification(node=node, item_id=item or str(uuid.uuid4()), payload=payload)
        self.service.hear(told)


@pytest.fixture
async def make():
    rigs = []

    def build(policy: Policy | None = None, *, up: bool = True, **how) -> Rig:
        rigs.append(Rig(policy, **how))
        if up:
            rigs[-1].up()
        return rigs[-1]

    yield build
    for rig in rigs:
        await rig.service.close()
    assert asyncio.all_tasks() == {asyncio.current_task()}


@pytest.fixture
def log():
    with structlog.testing.capture_logs() as lines:
        yield lines


def named(log, name) -> list[dict]:
    return [line for line in log if line["event"] == name]


def hold(**changes) -> Hold:
    return replace(Hold(agent=AGENT, dialog_id=CALL), **changes)


# -- asked ----------------------------------------------------------------------------------


async def test_request_is_sent_once_and_its_tagged_event_confirms_it(make, log):
    rig = make()
    ticket = rig.service.submit(hold())
    assert ticket.state is State.QUEUED  # nothing has left so far
    await until(lambda: ticket.state is State.ACCEPTED)
    rig.hear(HELD.format(tag=ticket.request_id))
    outcome = await ticket.outcome()
    assert (outcome.kind, outcome.evidence) == ("confirmed", Evidence.REQUEST_ID)
    assert rig.wire.sent == [ticket.request_id]
    (line,) = named(log, "request.settled")
    assert line["log_level"] == "info"
    told = ("id", "request_id", "agent", "action", "dialog", "outcome", "evidence")
    assert [line[key] for key in told] == [
        *(ticket.id, ticket.request_id, AGENT, "HOLD", CALL, "confirmed", "request_id")
    ]
    assert line["total_ms"] >= line["rest_ms"] >= 0
    assert line["event_ms"] >= 0


async def test_event_that_overtakes_the_202_confirms_at_once(make):
    rig = make()
    rig.wire.hold.clear()
    ticket = rig.service.submit(hold())
    await until(lambda: rig.wire.sent)
    rig.hear(HELD.format(tag=ticket.request_id))
    outcome = await ticket.outcome()
    assert (outcome.kind, outcome.status) == ("confirmed", None)


async def test_without_a_session_nothing_is_taken_unless_asked_otherwise(make):
    rig = make(up=False)
    with pytest.raises(NotListening, match=AGENT):
        rig.service.submit(hold(target_media_address="1001"))
    assert not rig.service.records
    ticket = rig.service.submit(hold(target_media_address="1001"), Wishes(require_session=False))
    await until(lambda: rig.wire.sent == [ticket.request_id])


async def test_invalid_request_is_told_before_a_missing_session(make):
    rig = make(up=False)
    with pytest.raises(InvalidRequest):
        rig.service.submit(SendDtmf(agent=AGENT, dialog_id=CALL, dtmf_string="x"))


async def test_unchecked_request_goes_out_as_it_is(make):
    rig = make()
    rig.service.submit(
        SendDtmf(agent=AGENT, dialog_id=CALL, dtmf_string="x"), Wishes(validate=False)
    )
    await until(lambda: rig.wire.sent)


async def test_unknown_extension_of_a_call_control_request_is_refused(make):
    rig = make(up=False)
    with pytest.raises(InvalidRequest, match="extension") as refused:
        rig.service.submit(hold(), Wishes(require_session=False))
    assert refused.value.field == "targetMediaAddress"


async def test_extension_comes_from_the_settings_or_from_finesse(make):
    told = make(extensions=lambda _agent: "7777")
    assert told.service.submit(hold()).request.device == "7777"
    heard = make()
    assert heard.service.submit(hold()).request.device == "1001"


async def test_bounds_and_live_ids_are_refused_and_leave_no_trace(make):
    rig = make(Policy(limits=Limits(max_pending=2, max_pending_per_agent=2)))
    rig.service.submit(hold(), Wishes(request_id="7"))
    with pytest.raises(DuplicateRequestId):
        rig.service.submit(hold(), Wishes(request_id="7"))
    rig.service.submit(hold(), Wishes(request_id="7", allow_repeat=True))
    with pytest.raises(TooManyPending):
        rig.service.submit(hold())
    assert len(rig.service.records) == 2
    assert "pending=2 records=2" in repr(rig.service)


async def test_busy_device_is_refused_when_the_gate_refuses(make):
    rig = make(Policy(gate=GateMode.REFUSE))
    rig.service.submit(hold())
    with pytest.raises(DeviceBusy):
        rig.service.submit(hold())


async def test_second_request_of_a_device_waits_and_follows_the_first(make):
    rig = make()
    first, second = rig.service.submit(hold()), rig.service.submit(hold())
    await until(lambda: first.state is State.ACCEPTED)
    assert second.state is State.QUEUED
    first.abandon()
    await until(lambda: rig.wire.sent == [first.request_id, second.request_id])


@pytest.mark.parametrize("deadline", [0, -1, float("nan"), float("inf")])
async def test_impossible_deadline_is_refused(make, deadline):
    rig = make()
    with pytest.raises(InvalidRequest, match="deadline"):
        rig.service.submit(hold(), Wishes(deadline=deadline))
    assert not rig.service.records


@pytest.mark.parametrize(
    ("policy", "request_", "expected", "length"),
    [
        (Policy(), hold(), False, 20.0),
        (Policy(deadline=7), hold(), False, 7),
        (Policy(deadline=7, deadlines=(("HOLD", 9.0),)), hold(), False, 9.0),
        (Policy(deadline=7), hold(), True, 60.0),
        (Policy(deadline=7), SendDtmf(agent=AGENT, dialog_id=CALL, dtmf_string="12"), False, 5.6),
    ],
)
async def test_deadline_comes_from_the_most_special_setting(
    make, policy, request_, expected, length
):
    rig = make(policy)
    take = rig.service.expect if expected else rig.service.submit
    ticket = take(request_)
    assert rig.service.correlator.entry(ticket.id).length == pytest.approx(length)


async def test_minimum_evidence_of_the_settings_holds_unless_the_caller_says_otherwise(make):
    rig = make(Policy(minimum_evidence=MinimumEvidence.REQUEST_ID))
    one = rig.service.submit(hold())
    two = rig.service.submit(hold(), Wishes(minimum_evidence=MinimumEvidence.ANY))
    entry = rig.service.correlator.entry
    assert entry(one.id).minimum is MinimumEvidence.REQUEST_ID
    assert entry(two.id).minimum is MinimumEvidence.ANY


async def test_request_given_up_in_the_same_moment_does_not_go_out(make):
    rig = make()
    ticket = rig.service.submit(hold())
    ticket.abandon()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert rig.wire.sent == []
    outcome = await ticket.outcome()
    assert (outcome.kind, outcome.reason, outcome.sent) == ("rejected", Reason.CANCELLED, False)


# -- answered -------------------------------------------------------------------------------


async def waiting_for_a_connection(rig, **wishes):
    """Return the ticket of a request whose turn has come, and that cannot leave yet."""
    rig.wire.turn.clear()
    ticket = rig.service.submit(hold(), Wishes(**wishes))
    await until(lambda: rig.wire.asked_to_send)
    return ticket


async def test_request_that_still_waits_to_go_out_is_not_sent_after_it_was_given_up(make):
    rig = make()
    ticket = await waiting_for_a_connection(rig)
    assert state_word(ticket.record, ticket.state) == "queued"

    ticket.abandon()

    outcome = await ticket.outcome()
    assert (outcome.kind, outcome.reason, outcome.sent) == ("rejected", Reason.CANCELLED, False)
    rig.wire.turn.set()
    assert await rig.service.all_sent(20)
    assert rig.wire.sent == []


async def test_request_that_waits_to_go_out_until_its_deadline_was_never_sent(make):
    rig = make()
    ticket = await waiting_for_a_connection(rig, deadline=0.05)
    outcome = await ticket.outcome()
    rig.wire.turn.set()
    assert await rig.service.all_sent(20)
    assert (outcome.kind, outcome.reason) == ("rejected", Reason.EXPIRED_IN_QUEUE)
    assert (outcome.sent, ticket.record.sent, rig.wire.sent) == (False, None, [])


async def test_effect_that_somebody_else_had_confirms_nothing_that_never_left(make):
    rig = make()
    ticket = await waiting_for_a_connection(rig, deadline=0.2)
    rig.hear(HELD.format(tag=""))
    rig.hear(HELD.format(tag=ticket.request_id))  # whosever that is
    outcome = await ticket.outcome()
    rig.wire.turn.set()
    assert await rig.service.all_sent(20)
    assert (outcome.kind, outcome.sent, rig.wire.sent) == ("rejected", False, [])


async def test_request_that_nobody_waits_for_cannot_leave_though_its_sender_goes_on(make):
    rig = make()
    free = asyncio.Event()

    async def stubborn(request, request_id, leaves):
        while not free.is_set():
            with suppress(asyncio.CancelledError):
                await free.wait()
        leaves()
        rig.wire.sent.append(request_id)
        return ACCEPTED

    rig.wire.send = stubborn
    ticket = rig.service.submit(hold(), Wishes(deadline=0.05))
    outcome = await ticket.outcome()
    free.set()
    assert await rig.service.all_sent(20)
    assert (outcome.reason, rig.wire.sent) == (Reason.EXPIRED_IN_QUEUE, [])


async def test_request_that_may_have_left_is_never_said_not_to_have(make):
    rig = make()
    rig.wire.hold.clear()
    before = datetime.now(UTC)
    first = rig.service.submit(hold(), Wishes(deadline=0.05))
    outcome = await first.outcome()
    assert (outcome.kind, outcome.reason) == ("unconfirmed", Reason.NO_ANSWER)
    assert outcome.sent is not False
    assert before <= first.record.going <= first.record.sent <= datetime.now(UTC)
    second = rig.service.submit(hold())
    await until(lambda: second.request_id in rig.wire.sent)
    second.abandon()
    assert (await second.outcome()).kind == "abandoned"


async def test_request_that_waits_to_go_out_when_the_listener_stops_was_never_sent(make):
    rig = make()
    ticket = await waiting_for_a_connection(rig)
    await rig.service.close()
    outcome = await ticket.outcome()
    assert (outcome.kind, outcome.reason, outcome.sent) == ("rejected", Reason.SHUTDOWN, False)
    assert rig.wire.sent == []


async def test_what_comes_late_is_not_told_of_a_request_that_never_left(make):
    rig = make()
    ticket = await waiting_for_a_connection(rig)
    ticket.abandon()
    await ticket.outcome()
    rig.hear(ERROR.format(tag=ticket.request_id, type="Generic Error"))
    assert ticket.record.late == []


class Noted(NothingKept):
    """Notes what is kept of those whose turn has come."""

    def __init__(self) -> None:
        super().__init__()
        self.noted = []

    def going(self, record, baseline):
        self.leaves(record, baseline)
        return super().going(record, baseline)

    def leaves(self, record, baseline):
        self.noted.append((record.sent, baseline and baseline.dialog.participants[0].state))


@pytest.mark.parametrize("changed", [True, False])
async def test_what_is_known_when_it_leaves_is_kept(make, changed):
    memory = Noted()
    rig = make(memory=memory)
    ticket = await waiting_for_a_connection(rig)
    assert memory.noted == [(None, "ACTIVE")]
    if changed:
        rig.hear(HELD.format(tag=""))
    rig.wire.turn.set()
    await until(lambda: ticket.state is State.ACCEPTED)
    assert memory.noted[1:] == [(None, "HELD" if changed else "ACTIVE")]
    rig.hear(HELD.format(tag=""))
    assert ticket.record.outcome is None or not changed


async def test_request_whose_time_is_over_when_it_would_leave_is_rejected_in_that_moment(make):
    rig = make()
    ticket = await waiting_for_a_connection(rig, deadline=0.2)
    rig.service._alarm.set(None)  # a loop that is late to notice
    await asyncio.sleep(0.25)
    rig.wire.turn.set()
    outcome = await ticket.outcome()
    assert await rig.service.all_sent(20)
    assert (outcome.kind, outcome.reason) == ("rejected", Reason.EXPIRED_IN_QUEUE)
    assert (ticket.record.sent, rig.wire.sent) == (None, [])


async def test_who_waits_for_a_connection_has_no_part_in_what_comes_to_another(make):
    rig = make(Policy(gate=GateMode.OFF))
    first = rig.service.submit(hold())
    await until(lambda: first.state is State.ACCEPTED)
    second = await waiting_for_a_connection(rig)
    rig.hear(HELD.format(tag=""))
    outcome = await first.outcome()
    assert (outcome.kind, outcome.evidence) == ("confirmed", Evidence.EXPECTATION)
    second.abandon()


class SlowMemory(NothingKept):
    """Keeps whose turn has come when `safe` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.safe = asyncio.get_running_loop().create_future()

    def going(self, record, baseline):
        return self.safe


async def test_request_whose_time_was_over_before_its_turn_was_kept_was_never_sent(make):
    memory = SlowMemory()
    rig = make(memory=memory)
    ticket = rig.service.submit(hold(), Wishes(deadline=0.05))
    outcome = await ticket.outcome()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert (outcome.kind, outcome.reason) == ("rejected", Reason.EXPIRED_IN_QUEUE)
    assert outcome.sent is False
    assert rig.wire.sent == []


@pytest.mark.parametrize("request_id", ["a\r\nX: y", "", " ", "x" * 257, "\u20ac", 5])
async def test_request_id_that_no_header_can_carry_is_refused_before_anything_is_sent(
    make, request_id
):
    rig = make()

    with pytest.raises(InvalidRequest, match="requestId"):
        rig.service.submit(hold(), Wishes(request_id=request_id))

    assert rig.wire.sent == []


async def test_deadline_that_is_no_number_is_refused(make):
    with pytest.raises(InvalidRequest, match="number of seconds"):
        make().service.submit(hold(), Wishes(deadline="5"))


async def test_refusal_ends_it_and_nothing_is_sent_again(make, log):
    rig = make()
    rig.wire.answers = [RestAnswer(AnswerKind.REFUSED, 400, (ApiError("Invalid Input"),))]
    outcome = await rig.service.submit(hold()).outcome()
    assert (outcome.kind, outcome.status) == ("rejected", 400)
    assert named(log, "request.settled")[0]["error"] == "Invalid Input"
    assert len(rig.wire.sent) == 1


async def test_request_that_could_not_be_sent_is_rejected(make):
    rig = make()
    rig.wire.answers = [RestAnswer(AnswerKind.NOT_SENT)]
    outcome = await rig.service.submit(hold()).outcome()
    assert (outcome.kind, outcome.reason) == ("rejected", Reason.NOT_SENT)


async def test_fault_while_sending_is_logged_and_the_deadline_settles(make, log):
    rig = make()
    rig.wire.answers = [RuntimeError("broken")]
    outcome = await rig.service.submit(hold(), Wishes(deadline=0.5)).outcome()
    assert (outcome.kind, outcome.reason) == ("unconfirmed", Reason.NO_ANSWER)
    assert named(log, "listener.failed")
    assert len(rig.wire.sent) == 1


async def test_caller_who_sends_reports_once(make):
    rig = make()
    ticket = rig.service.expect(hold())
    ticket.answered(202)
    ticket.answered(400)
    assert ticket.state is State.ACCEPTED
    assert rig.wire.sent == []
    own = rig.service.submit(hold())
    await until(lambda: rig.wire.sent)
    own.answered(400)
    assert own.state is not State.REJECTED
    rig.service.report("unknown", 202)


async def test_caller_who_never_reports_ends_not_reported(make):
    rig = make()
    outcome = await rig.service.expect(hold(), Wishes(deadline=0.05)).outcome()
    assert (outcome.kind, outcome.reason) == ("unconfirmed", Reason.NOT_REPORTED)


async def test_silent_request_is_looked_for_before_its_deadline(make):
    rig = make()
    now = asyncio.get_running_loop().time
    held = a_dialog(CALL, a_participant(state="HELD", at=5.0))
    # It is asked for as soon as there is a 202, which leaves three seconds.
    rig.wire.looks = [Look(now() + 2.9, dialog=held)]
    outcome = await rig.service.submit(hold(), Wishes(deadline=3.0)).outcome()
    assert (outcome.kind, outcome.evidence) == ("confirmed", Evidence.SNAPSHOT)
    assert [ask.dialog_id for ask in rig.wire.asked] == [CALL]


async def test_fault_while_looking_is_logged_and_the_deadline_settles(make, log):
    rig = make()
    rig.wire.looks = [RuntimeError("broken")]
    outcome = await rig.service.submit(hold(), Wishes(deadline=0.5)).outcome()
    assert (outcome.kind, outcome.reason) == ("unconfirmed", Reason.DEADLINE)
    assert named(log, "listener.failed")


@pytest.mark.parametrize(
    ("passes", "kind", "reason"),
    [
        (True, "presumed", None),
        (False, "unconfirmed", Reason.LINK_LOST),
        (RuntimeError("broken"), "unconfirmed", Reason.LINK_LOST),
    ],
)
async def test_fence_decides_about_silence(make, monkeypatch, passes, kind, reason):
    monkeypatch.setattr(dialogs, "WINDOW", 0.5)
    monkeypatch.setattr(dialogs, "PER_DIGIT", 0.0)
    rig = make()
    rig.ears.passes = passes
    ticket = rig.service.submit(SendDtmf(agent=AGENT, dialog_id=CALL, dtmf_string="12"))
    outcome = await ticket.outcome()
    assert (outcome.kind, getattr(outcome, "reason", None)) == (kind, reason)
    assert rig.ears.pinged == [(AGENT, 2.0)]


# -- heard ----------------------------------------------------------------------------------


async def test_unreadable_payload_is_told_by_its_length_and_harms_nobody(make, log):
    rig = make()
    rig.hear("<Update><data>4711")
    (line,) = named(log, "notification.malformed")
    assert (line["node"], line["length"], line["reason"]) == (NODE, 18, "not_well_formed")
    assert "4711" not in str(line).replace(line["hash"], "")


async def test_unreadable_payload_is_known_again_by_a_hash_that_nobody_can_work_out(make, log):
    rig = make()
    for payload in ("<a>4711", "<a>4711", "<a>4712", "\ud800<"):
        rig.hear(payload)
    first, again, other, lone = (line["hash"] for line in named(log, "notification.malformed"))
    assert first == again
    assert len({first, other, lone}) == 3
    known = (kind(b"<a>4711").hexdigest() for kind in (hashlib.sha256, hashlib.blake2b))
    assert not any(full.startswith(first) for full in known)


@pytest.mark.parametrize("part", ["parse_update", "events_of"])
async def test_fault_in_reading_is_logged_and_never_raised(make, log, monkeypatch, part):
    rig = make()

    def broken(*_):
        raise ZeroDivisionError

    monkeypatch.setattr(f"listener.hearing.{part}", broken)
    rig.hear(HELD)
    assert len(named(log, "notification.failed")) == 1


async def test_fault_in_judging_one_event_does_not_stop_the_next(make, log, monkeypatch):
    rig = make()
    ticket = rig.service.submit(hold())
    await until(lambda: rig.wire.sent)
    real, calls = rig.service.correlator.receive, []

    def broken(*args):
        calls.append(args)
        if len(calls) == 1:
            raise ZeroDivisionError
        return real(*args)

    monkeypatch.setattr(rig.service.correlator, "receive", broken)
    rig.hear(HELD.format(tag="foreign"))
    assert len(named(log, "notification.failed")) == 1
    rig.hear(HELD.format(tag=ticket.request_id))
    assert (await ticket.outcome()).kind == "confirmed"


async def test_repeated_notification_reaches_readers_once(make):
    rig = make()
    stream = rig.service.feed.subscribe(AGENT)
    rig.hear(HELD.format(tag=""), item="one")
    rig.hear(HELD.format(tag=""), item="two")
    rig.hear(ERROR.format(tag="", type="x"))
    first, second = await anext(stream), await anext(stream)
    assert (type(first).__name__, type(second).__name__) == ("DialogChanged", "RequestFailed")


async def test_error_after_the_outcome_is_recorded_as_late_and_told(make, log):
    rig = make()
    told = []
    rig.service.on_settled(lambda record: told.append(len(record.late)))
    ticket = rig.service.submit(hold())
    await until(lambda: rig.wire.sent)
    ticket.abandon()
    rig.hear(ERROR.format(tag=ticket.request_id, type="Generic Error"))
    assert [late.kind for late in ticket.record.late] == ["error"]
    assert len(named(log, "request.late")) == 1
    assert told == [0, 1]


async def test_late_news_of_a_forgotten_record_is_dropped(make, log):
    rig = make()
    ticket = rig.service.submit(hold())
    await until(lambda: rig.wire.sent)
    ticket.abandon()
    del rig.service._ledger.records[ticket.id]
    rig.hear(ERROR.format(tag=ticket.request_id, type="Generic Error"))
    assert not named(log, "request.late")


async def test_session_that_goes_opens_a_gap_and_tells_only_of_the_unwanted(make, log):
    rig = make()
    ticket = rig.service.submit(hold())
    await until(lambda: rig.wire.sent)
    rig.service.session_down(AGENT, "cut")
    rig.service.session_down(AGENT, "still away")
    assert ticket.state is State.IN_DOUBT
    assert [(line["log_level"], line["cause"]) for line in named(log, "gap.opened")] == [
        ("warning", "cut")
    ]
    rig.up()
    rig.service.session_down(AGENT, "ours", on_purpose=True)
    assert named(log, "gap.opened")[-1]["log_level"] == "debug"


async def test_a_gap_is_closed_only_where_one_was_opened(make, log):
    rig = make()
    assert not named(log, "gap.closed")
    rig.service.session_down(AGENT, "cut")
    rig.service.session_down(AGENT, "still away")
    rig.up()
    rig.up()
    rig.service.session_down(AGENT, "ours", on_purpose=True)
    rig.up()
    assert [line["log_level"] for line in named(log, "gap.closed")] == ["info", "debug"]


async def test_absence_of_finesse_is_remembered(make):
    rig = make()
    rig.service.finesse_present(AGENT, available=False)
    assert AGENT in rig.service.correlator._desk.away
    rig.service.finesse_present(AGENT, available=True)
    assert AGENT not in rig.service.correlator._desk.away


# -- faults of ours -------------------------------------------------------------------------


async def test_watcher_that_fails_stops_nobody(make, log):
    rig = make()
    told = []

    def broken(_record):
        raise ValueError

    rig.service.on_settled(broken)
    rig.service.on_settled(told.append)
    ticket = rig.service.submit(hold())
    ticket.abandon()
    assert (await ticket.outcome()).kind == "rejected"
    assert [record.key for record in told] == [ticket.id]
    assert [line["task"] for line in named(log, "listener.failed")] == ["watcher"]


async def test_step_that_fails_does_not_lose_those_behind_it(make, log, monkeypatch):
    rig = make(Policy(gate=GateMode.OFF))
    one, two = rig.service.submit(hold()), rig.service.submit(hold())
    steps = [*rig.service.correlator.abandon(0, one.id), *rig.service.correlator.abandon(0, two.id)]
    monkeypatch.delitem(rig.service._waiting, one.id)
    rig.service._carry_out(steps)
    assert (await two.outcome()).kind == "rejected"
    assert [line["id"] for line in named(log, "listener.failed")] == [one.id]


async def test_timer_goes_on_after_a_fault_in_the_core(make, log, monkeypatch):
    rig = make()
    real, calls = rig.service.correlator.expire, []

    def broken(now):
        calls.append(now)
        if len(calls) == 1:
            raise ZeroDivisionError
        return real(now)

    monkeypatch.setattr(rig.service.correlator, "expire", broken)
    outcome = await rig.service.submit(hold(), Wishes(deadline=1)).outcome()
    assert outcome.kind == "unconfirmed"
    assert [line["task"] for line in named(log, "listener.failed")] == ["expire"]


async def test_timer_that_rings_with_nothing_due_is_harmless(make):
    rig = make(up=False)
    rig.service._ring()
    assert rig.service._alarm.due is None


# -- the end --------------------------------------------------------------------------------


async def test_closing_refuses_rejects_what_waits_and_abandons_what_was_sent(make):
    rig = make()
    rig.wire.hold.clear()
    first, second = rig.service.submit(hold()), rig.service.submit(hold())
    await until(lambda: rig.wire.sent)
    assert await rig.service.close(0.01) == 2
    assert (await first.outcome()).kind == "abandoned"
    rejected = await second.outcome()
    assert (rejected.kind, rejected.reason) == ("rejected", Reason.SHUTDOWN)
    with pytest.raises(Closing):
        rig.service.submit(hold())
    assert "closing" in repr(rig.service)
    assert await rig.service.close() == 0
    assert rig.wire.sent == [first.request_id]


async def test_closing_at_once_after_a_submit_sends_nothing(make):
    rig = make()
    ticket = rig.service.submit(hold())
    assert await rig.service.close() == 1
    assert (await ticket.outcome()).reason is Reason.SHUTDOWN
    assert rig.wire.sent == []


async def test_closing_waits_for_what_ends_in_time(make):
    rig = make()
    ticket = rig.service.submit(hold())
    closing = asyncio.create_task(rig.service.close(20))
    await until(lambda: ticket.state is State.ACCEPTED)
    rig.hear(HELD.format(tag=ticket.request_id))
    assert await closing == 0
    assert (await ticket.outcome()).kind == "confirmed"


def _many(rig, how_many: int) -> list:
    """Submit requests of as many agents, who are heard, in one turn of the loop."""
    agents = [f"many{number}" for number in range(how_many)]
    for agent in agents:
        rig.up(agent=agent)
    return [rig.service.submit(hold(agent=agent)) for agent in agents]


async def test_closing_gives_up_so_many_per_turn_of_the_loop(make):
    rig = make()
    tickets = _many(rig, 100)
    turns, told = 0, Counter()

    def turn() -> None:
        nonlocal turns
        turns += 1
        handle[:] = [asyncio.get_running_loop().call_soon(turn)]

    handle = [asyncio.get_running_loop().call_soon(turn)]
    rig.service.on_settled(lambda _record: told.update([turns]))
    assert await rig.service.close() == 100
    handle[0].cancel()
    assert {(await ticket.outcome()).kind for ticket in tickets} == {"rejected"}
    assert sum(told.values()) == 100
    assert max(told.values()) <= AT_ONCE
    assert rig.wire.sent == []


async def test_closing_that_is_cancelled_leaves_nobody_without_an_outcome(make):
    rig = make()
    tickets = _many(rig, 100)
    closing = asyncio.create_task(rig.service.close())
    await asyncio.sleep(0)
    assert rig.service.pending > 0
    closing.cancel()
    await asyncio.wait((closing,))
    assert closing.cancelled()
    assert rig.service.pending == 0
    assert {(await ticket.outcome()).kind for ticket in tickets} == {"abandoned"}


async def test_nobody_gets_his_turn_while_the_others_are_given_up(make):
    rig = make()
    first, second = rig.service.submit(hold()), rig.service.submit(hold())
    await until(lambda: first.state is State.ACCEPTED)
    _many(rig, 3 * AT_ONCE)
    closing = asyncio.create_task(rig.service.close())
    await asyncio.sleep(0)
    rig.hear(HELD.format(tag=first.request_id))
    assert (await first.outcome()).kind == "confirmed"
    assert await closing == 3 * AT_ONCE + 1
    rejected = await second.outcome()
    assert (rejected.kind, rejected.reason) == ("rejected", Reason.SHUTDOWN)
    assert second.request_id not in rig.wire.sent


async def test_what_is_heard_after_the_end_arms_no_timer_and_opens_no_stream(make):
    rig = make()
    ticket = rig.service.submit(hold())
    await rig.service.close()
    rig.hear(HELD.format(tag=ticket.request_id))
    assert rig.service._alarm.due is None
    assert [item async for item in rig.service.feed.subscribe(None)] == []


# -- records --------------------------------------------------------------------------------


async def test_records_are_bounded_but_never_lose_one_that_is_waited_for(make):
    rig = make(Policy(gate=GateMode.OFF))
    rig.service._ledger = ledger.Ledger(keep=2)
    waits = rig.service.submit(hold())
    for _ in range(5):
        rig.service.submit(hold()).abandon()
    assert waits.id in rig.service.records
    assert len(rig.service.records) <= 4
    waits.abandon()
    assert (await waits.outcome()).kind == "rejected"


def test_keys_are_version_7_and_sort_by_time(monkeypatch):
    monkeypatch.setattr(ledger.time, "time_ns", lambda: 1_000_000_000)
    early = ledger.new_key()
    monkeypatch.setattr(ledger.time, "time_ns", lambda: 1_001_000_000)
    late = ledger.new_key()
    assert early < late
    assert (uuid.UUID(early).version, uuid.UUID(early).variant) == (7, uuid.RFC_4122)


def test_keys_of_one_millisecond_and_of_a_clock_set_back_sort_in_the_order_of_their_making(
    monkeypatch,
):
    moments = [5_000_000] * 500 + [4_999_000, 4_990_001, 5_000_000, 5_000_001, 4_000_000, 4_000_000]
    given = iter(moments)
    monkeypatch.setattr(ledger.time, "time_ns", lambda: next(given) * 1_000_000)
    keys = ledger._Keys()
    made = [keys.new() for _ in moments]
    assert made[:-2] == sorted(set(made[:-2]))
    assert made[-2] < made[-1] < made[0]  # a clock that was set to another time is believed
    assert {(uuid.UUID(key).version, uuid.UUID(key).variant) for key in made} == {
        (7, uuid.RFC_4122)
    }


async def test_no_digit_of_a_dtmf_string_reaches_the_log(make, log):
    rig = make()
    ticket = rig.service.submit(SendDtmf(agent=AGENT, dialog_id=CALL, dtmf_string="8253971"))
    await until(lambda: ticket.state is State.ACCEPTED)
    ticket.abandon()
    data = UpdateCallData(agent=AGENT, dialog_id=CALL, call_variables={"callVariable1": "pin"})
    rig.service.submit(data).abandon()
    assert "8253971" not in f"{log}{ticket!r}{ticket.record!r}"


BAD_DIGITS = "dtmfString {0} is bad"


def send_dtmf(digits: str = "8642097") -> SendDtmf:
    return SendDtmf(agent=AGENT, dialog_id=CALL, dtmf_string=digits)


def everything_told(log, ticket) -> str:
    record = ticket.record
    return f"{log}{record.outcome!r}{record.late!r}{record_json(record, ticket.state)}"


def an_error(digits: str) -> ApiError:
    return ApiError(
        "Invalid Input", BAD_DIGITS.format(digits), digits, peripheral_error_text=digits
    )


async def test_digits_that_a_refusal_repeats_are_hidden_everywhere(make, log):
    rig = make()
    refused = RestAnswer(
        AnswerKind.REFUSED, 400, (an_error("8642097"),), detail="answered 400: 8642097"
    )
    rig.wire.answers.append(refused)
    ticket = rig.service.submit(send_dtmf())
    outcome = await ticket.outcome()
    assert outcome.errors == (
        ApiError("Invalid Input", "dtmfString *** is bad", "***", peripheral_error_text="***"),
    )
    assert named(log, "request.settled")[0]["error"] == "dtmfString *** is bad"
    assert named(log, "request.answered")[0]["detail"] == "answered 400: ***"
    assert "8642097" not in everything_told(log, ticket)


async def test_digits_that_an_event_repeats_are_hidden_before_and_after_the_outcome(make, log):
    rig = make()
    ticket = rig.service.submit(send_dtmf())
    await until(lambda: ticket.state is State.ACCEPTED)
    rig.hear(ERROR.format(tag=ticket.request_id, type=BAD_DIGITS.format("8642097")))
    outcome = await ticket.outcome()
    rig.hear(ERROR.format(tag=ticket.request_id, type="again 8642097"))
    assert outcome.errors[0].error_type == "dtmfString *** is bad"
    assert [late.errors[0].error_type for late in ticket.record.late] == ["again ***"]
    assert "8642097" not in everything_told(log, ticket)


async def test_digits_in_what_was_seen_are_hidden_in_an_outcome_without_errors(make, log):
    policy = Policy(minimum_evidence=MinimumEvidence.REQUEST_ID)
    rig = make(policy)
    ticket = rig.service.submit(send_dtmf())
    await until(lambda: ticket.state is State.ACCEPTED)
    untagged = ERROR.replace("<requestId>{tag}</requestId>", "")
    rig.hear(untagged.format(type="bad 8642097"))
    ticket.abandon()
    outcome = await ticket.outcome()
    assert "***" in str(outcome.seen)
    assert "8642097" not in everything_told(log, ticket)


@pytest.mark.parametrize(
    ("request_", "said", "told"),
    [
        (send_dtmf("4"), "4", "4"),
        (send_dtmf("4"), "Invalid 4047", "Invalid 4047"),
        (send_dtmf("47"), "not 47", "not ***"),
        (hold(), "8642097", "8642097"),
    ],
)
async def test_only_the_digits_of_the_request_itself_are_hidden(make, request_, said, told):
    rig = make()
    rig.wire.answers.append(RestAnswer(AnswerKind.REFUSED, 400, (ApiError(error_data=said),)))
    outcome = await rig.service.submit(request_).outcome()
    assert outcome.errors == (ApiError(error_data=told),)
