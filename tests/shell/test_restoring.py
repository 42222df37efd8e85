"""What the journal knows goes back into the service: each request ends once, and none is sent."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from listener.correlation.outcome import Confirmed, Evidence, MinimumEvidence
from listener.correlation.picture import Baseline
from listener.correlation.registration import Registration
from listener.correlation.steps import AnswerKind, Look, RestAnswer
from listener.finesse.actions import Hold
from listener.handover.adopting import remember
from listener.handover.carried import Past
from listener.idempotency import Keys
from listener.journal import Stored
from listener.restoring import WITHIN, left_of, restore
from listener.service import Service
from listener.ticket import Record
from tests.builders import AGENT, CALL, a_dialog, a_participant, a_user

NOW = datetime(2026, 11, 21, 8, 0, 0, tzinfo=UTC)
TOMBS = timedelta(minutes=15)
CLOSE = 1e-6  # seconds, for the rounding of times


class Wire:
    def __init__(self) -> None:
        self.sent: list[str] = []

    async def send(self, request, request_id, leaves):
        self.sent.append(request_id)
        raise AssertionError("nothing may be sent again")

    async def look(self, ask):
        return Look(asyncio.get_running_loop().time(), ok=False)

    def judge(self, status, body):
        return RestAnswer(AnswerKind.ACCEPTED, status)


class Ears:
    async def ping(self, agent, within):
        return False

    def serving(self, *, in_service):
        pass


class Journal:
    def __init__(self, *stored: Stored) -> None:
        self._stored = stored

    async def unsettled(self):
        return [each for each in self._stored if each.record.outcome is None]

    async def settled_since(self, since, limit):
        del since, limit
        return [each for each in self._stored if each.record.outcome is not None]

    async def idempotency_keys(self, since):
        del since
        return [("crm", "key", "body", "id-1")]


def stored(**how) -> Stored:
    """Return a HOLD that was submitted 5 s ago and accepted 4 s ago, of 20 s."""
    given = {
        "going_at": NOW - timedelta(seconds=5),
        "answer": RestAnswer(AnswerKind.ACCEPTED, 202),
        "length": 20.0,
        "deadline_at": NOW + timedelta(seconds=16),
        "baseline": None,
    } | {key: value for key, value in how.items() if key in Stored.__slots__}
    record = Record(
        key=how.get("key", "id-1"),
        request_id=how.get("request_id", "r-1"),
        request=Hold(agent=AGENT, dialog_id=CALL, target_media_address="1001"),
        submitted=NOW - timedelta(seconds=5),
        submitted_at=0.0,
        expected=how.get("expected", False),
        outcome=how.get("outcome"),
        settled=how.get("settled"),
    )
    registration = Registration(
        key=record.key,
        request_id=record.request_id,
        own="1001",
        length=20.0,
        minimum=MinimumEvidence.ANY,
        expected=record.expected,
    )
    return Stored(record=record, registration=registration, **given)


@pytest.fixture
async def service():
    made = Service(Wire(), Ears())
    yield made
    assert made._wire.sent == []
    await made.close()


async def put_back(service: Service, *found: Stored, now: datetime = NOW, keys=None):
    keys = Keys(str) if keys is None else keys
    return await restore(service, Journal(*found), keys, now=now, remember_for=TOMBS)


async def test_what_never_left_ends_rejected_and_may_be_repeated(service):
    found = await put_back(service, stored(going_at=None, answer=None))
    (record,) = service.records.values()
    assert (found.unsent, found.adopted) == (1, 0)
    assert (record.outcome.kind, record.outcome.reason, record.outcome.sent) == (
        "rejected",
        "not_sent",
        False,
    )


async def test_what_the_caller_sends_is_never_said_not_to_have_been_sent(service):
    found = await put_back(service, stored(going_at=None, answer=None, expected=True))
    (record,) = service.records.values()
    assert (found.unsent, found.adopted, record.outcome) == (0, 1, None)


@pytest.mark.parametrize(
    ("kept", "proves"),
    [
        ({"answer": None}, False),  # its turn alone: what was known as it left is not known
        ({"answer": None, "left_at": NOW - timedelta(seconds=4)}, True),
        ({}, True),  # of an earlier version, with its answer
    ],
)
async def test_what_was_known_at_its_turn_counts_where_it_is_what_it_left_with(
    service, kept, proves
):
    before = a_dialog(CALL, a_participant("1001", "ACTIVE", at=1))
    await put_back(service, stored(baseline=Baseline(before, (), a_user()), **kept))
    after = a_dialog(CALL, a_participant("1001", "HELD", at=9))
    service.session_up(AGENT, Look(service.loop.time(), dialogs=(after,), user=a_user()))
    (record,) = service.records.values()
    assert isinstance(record.outcome, Confirmed) is proves


async def test_what_the_caller_sends_is_compared_with_what_was_known_as_it_was_announced(service):
    before = a_dialog(CALL, a_participant("1001", "ACTIVE", at=1))
    known = Baseline(before, (), a_user())
    await put_back(service, stored(baseline=known, answer=None, expected=True))
    assert service.correlator.baseline("id-1") == known


async def test_what_may_have_left_is_in_doubt_and_is_proved_by_a_get_against_its_baseline(service):
    before = a_dialog(CALL, a_participant("1001", "ACTIVE", at=1))
    await put_back(service, stored(baseline=Baseline(before, (), a_user())))
    (record,) = service.records.values()
    assert record.outcome is None
    assert str(service.correlator.state(record.key)) == "in_doubt"
    after = a_dialog(CALL, a_participant("1001", "HELD", at=9))
    look = Look(service.loop.time(), dialogs=(after,), user=a_user())
    service.session_up(AGENT, look)
    assert isinstance(record.outcome, Confirmed)
    assert record.outcome.evidence is Evidence.SNAPSHOT
    assert record.outcome.waited >= 5.0


async def test_a_refusal_that_was_kept_without_its_outcome_ends_rejected(service):
    await put_back(service, stored(answer=RestAnswer(AnswerKind.REFUSED, 400)))
    (record,) = service.records.values()
    assert (record.outcome.kind, record.outcome.status, record.outcome.sent) == (
        "rejected",
        400,
        True,
    )


async def test_without_proof_it_ends_restarted_within_the_promised_time(service):
    await put_back(service, stored(deadline_at=NOW + timedelta(hours=1), length=3600.0))
    (record,) = service.records.values()
    due = service.correlator.left(service.loop.time(), record.key)
    assert WITHIN - 1 < due <= WITHIN
    service._carry_out(service.correlator.expire(service.loop.time() + WITHIN))
    assert (record.outcome.kind, record.outcome.reason) == ("unconfirmed", "restarted")


class SlowJournal(Journal):
    """A journal that takes a second to read settled requests, and another for open ones."""

    def __init__(self, *stored: Stored) -> None:
        super().__init__(*stored)
        self.loop = asyncio.get_running_loop()
        self.real = self.loop.time

    def _later(self) -> None:
        at = self.loop.time() - self.real() + 1.0
        self.loop.time = lambda: self.real() + at

    async def unsettled(self):
        self._later()
        return await super().unsettled()

    async def settled_since(self, since, limit):
        self._later()
        return await super().settled_since(since, limit)


async def test_the_time_that_reading_takes_extends_no_deadline_and_makes_nothing_younger(service):
    known = Confirmed(sent=True, evidence=Evidence.REQUEST_ID)
    journal = SlowJournal(
        stored(deadline_at=NOW + timedelta(seconds=5)),
        stored(key="id-2", outcome=known, settled=NOW - timedelta(seconds=2)),
    )
    begun = service.loop.time()
    journal.real = lambda: begun  # but for that it stands still
    service.loop.time = journal.real
    try:
        await restore(service, journal, Keys(str), now=NOW, remember_for=TOMBS)
        assert service.loop.time() == begun + 2.0
        assert service.correlator.left(begun + 2.0, "id-1") == pytest.approx(3.0)
        ages = {key: begun - record.submitted_at for key, record in service.records.items()}
        assert ages == {"id-1": pytest.approx(5.0), "id-2": pytest.approx(5.0)}
    finally:
        del service.loop.time


async def test_what_is_past_its_deadline_ends_at_once(service):
    await put_back(service, stored(deadline_at=NOW - timedelta(hours=1)))
    (record,) = service.records.values()
    service._ring()
    assert record.outcome.reason == "restarted"


async def test_a_clock_that_was_set_back_gives_no_more_time():
    found = stored(length=16.0)
    assert left_of(found, NOW) == 16.0
    assert left_of(found, NOW - timedelta(days=1)) == 16.0
    assert left_of(found, NOW + timedelta(seconds=10)) == 6.0
    assert left_of(found, NOW + timedelta(days=1)) == 0.0


async def test_settled_requests_and_keys_are_remembered(service):
    keys = Keys(str)
    outcome = Confirmed(evidence=Evidence.EXPECTATION)
    found = await put_back(
        service, stored(outcome=outcome, settled=NOW - timedelta(seconds=1)), keys=keys
    )
    assert found.remembered == 1
    assert keys.find(("key", "body"), service.loop.time()) == "id-1"
    assert service.correlator.knows("r-1")
    assert service.records["id-1"].outcome is outcome


@pytest.mark.parametrize("kept", [True, False])
async def test_it_left_when_the_journal_says_and_the_earliest_is_taken_over_first(
    service, *, kept: bool
):
    # rules 6.7: of two updates the later is the one that left later
    late, early = (
        stored(key=key, request_id=key, going_at=NOW - timedelta(seconds=ago))
        for key, ago in (("late", 2.0), ("early", 3.0))
    )
    if kept:  # its turn came as it was submitted, and it left later
        late, early = stored(key="late", request_id="l"), stored(key="early", request_id="e")
        late.record.sent, early.record.sent = (NOW - timedelta(seconds=ago) for ago in (2.0, 3.0))
    loop = asyncio.get_running_loop()
    before = loop.time()
    await put_back(service, late, early)
    after = loop.time()
    sent = [service.correlator.entry(key).sent_at for key in service.records]
    assert list(service.records) == ["early", "late"]
    for at, ago in zip(sent, (3.0, 2.0), strict=True):
        assert before - ago - CLOSE <= at <= after - ago + CLOSE


@pytest.mark.parametrize(
    ("turn", "sent", "ago"),
    [(5.0, 2.0, 2.0), (4.0, None, 4.0), (None, None, 5.0), (5.0, 9.0, 5.0)],
)
async def test_a_settled_one_left_when_the_journal_says(service, turn, sent, ago):
    # rules 6.7: of two updates the later counts, and one of them may be settled
    def moment(seconds):
        return None if seconds is None else NOW - timedelta(seconds=seconds)

    outcome = Confirmed(evidence=Evidence.REQUEST_ID)
    found = stored(going_at=moment(turn), outcome=outcome, settled=moment(1.0))
    found.record.sent = moment(sent)
    loop = asyncio.get_running_loop()
    before = loop.time()
    await put_back(service, found)
    sent_at = service.correlator.entry("id-1").sent_at
    assert before - ago - CLOSE <= sent_at <= loop.time() - ago + CLOSE


@pytest.mark.parametrize(("sent", "ago"), [(2.0, 2.0), (None, 5.0)])
async def test_a_settled_one_that_is_handed_over_left_when_its_record_says(service, sent, ago):
    outcome = Confirmed(evidence=Evidence.REQUEST_ID)
    found = stored(outcome=outcome, settled=NOW - timedelta(seconds=1))
    loop = asyncio.get_running_loop()
    before = loop.time()
    record = found.record_at(before - 5.0)
    record.sent = None if sent is None else NOW - timedelta(seconds=sent)
    past = Past(record=record, registration=found.registration, settled_ago=1.0, left=16.0)
    remember(SimpleNamespace(service=service), [past])
    sent_at = service.correlator.entry("id-1").sent_at
    assert before - ago - CLOSE <= sent_at <= loop.time() - ago + CLOSE
