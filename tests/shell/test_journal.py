"""The journal from outside: what is put comes back, also in the next process."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import threading
from contextlib import closing
from datetime import timedelta

import pytest

from listener.correlation.outcome import Reason, Rejected, Unconfirmed
from listener.correlation.picture import Baseline
from listener.correlation.steps import AnswerKind, RestAnswer
from listener.errors import NotKept
from listener.finesse.actions import Drop, Hold, SendDtmf
from listener.journal import Going, Journal, Left, Settled
from listener.journal.codec import decode
from tests.builders import a_dialog, a_user
from tests.shell.journals import (
    CUSTOMER,
    START,
    Clock,
    Disk,
    a_call,
    a_life,
    a_record,
    after,
    an_event,
    answered,
    going,
    journal_at,
    left,
    opened,
    options,
    registered,
    settled,
    taken,
)
from tests.shell.stage import until


@pytest.fixture
def path(tmp_path):
    return tmp_path / "journal.db"


async def test_a_request_comes_back_with_all_that_was_written_of_it(path):
    record = a_record(a_call(), asked_by="crm", expected=True)
    row = settled(record, START + timedelta(seconds=3), waited=3.0, dialog=a_dialog("200"))
    async with journal_at(path) as journal:
        assert await journal.put(taken(record))
        assert await journal.put(going(record, at=START + timedelta(seconds=1)))
        assert await journal.put(answered(record, START + timedelta(seconds=2), length=15.0))
        assert await journal.put(row)
        assert await journal.put(after(record, START + timedelta(seconds=9)))
    async with journal_at(path) as journal:
        stored = await journal.request(record.key)
    assert stored is not None
    assert (stored.record.request, stored.record.request_id) == (record.request, record.request_id)
    assert (stored.record.asked_by, stored.record.expected) == ("crm", True)
    assert stored.record.outcome == row.outcome
    assert stored.record.submitted == START
    assert stored.record.settled == START + timedelta(seconds=3)
    assert stored.registration == registered(record)
    assert stored.baseline == going(record).baseline
    assert stored.going_at == START + timedelta(seconds=1)
    assert stored.record.sent is None  # its caller sends it
    assert stored.answer == RestAnswer(AnswerKind.ACCEPTED, 202, date=1.0)
    assert (stored.length, stored.deadline_at) == (15.0, START + timedelta(seconds=17))
    assert [(late.kind, late.at) for late in stored.record.late] == [("event", 9.0)]


async def test_times_of_the_loop_are_told_from_submission_on(path):
    record = a_record(submitted_at=5000.0)
    async with journal_at(path) as journal:
        await journal.put(taken(record))
        await journal.put(answered(record, START + timedelta(seconds=2)))
        await journal.put(after(record, START + timedelta(seconds=4)))
        stored = await journal.request(record.key)
    assert (stored.record.submitted_at, stored.record.answered_at) == (0.0, 2.0)
    moved = stored.record_at(100.0)
    assert (moved.submitted_at, moved.answered_at, moved.late[0].at) == (100.0, 102.0, 104.0)
    assert stored.record.late[0].at == 4.0  # the stored one stays as it is


@pytest.mark.parametrize(
    ("request_", "registration", "length"),
    [
        (Hold(agent="1", dialog_id="2"), {"length": 7.0}, 7.0),
        (Hold(agent="1", dialog_id="2"), {"length": None}, 20.0),
        (SendDtmf(agent="1", dialog_id="2", dtmf_string="777"), {"length": None}, 5.9),
        (Hold(agent="1", dialog_id="2"), {"length": None, "expected": True}, 60.0),
    ],
)
async def test_without_an_answer_the_deadline_runs_from_submission(
    path, request_, registration, length
):
    record = a_record(request_, expected=registration.get("expected", False))
    async with journal_at(path) as journal:
        await journal.put(taken(record, **registration))
        (stored,) = await journal.unsettled()
    assert stored.length == pytest.approx(length)
    assert stored.deadline_at == START + timedelta(seconds=length)
    assert (stored.answer, stored.going_at, stored.baseline) == (None, None, None)


async def test_what_has_no_outcome_is_told_oldest_first(path):
    records = [a_record() for _ in range(3)]
    async with journal_at(path) as journal:
        for record in records:
            await journal.put(taken(record))
        await journal.put(settled(records[1]))
        assert [each.record.key for each in await journal.unsettled()] == [
            records[0].key,
            records[2].key,
        ]


async def test_a_request_goes_out_without_a_baseline_when_nothing_was_known(path):
    record = a_record()
    async with journal_at(path) as journal:
        await journal.put(taken(record))
        await journal.put(Going(record.key, START, None))
        stored = await journal.request(record.key)
    assert (stored.going_at, stored.baseline) == (START, None)


@pytest.mark.parametrize("told_with", ["the answer", "the outcome"])
async def test_when_a_request_left_comes_back_as_it_was_told(path, told_with):
    record, left = a_record(), START + timedelta(seconds=2)
    async with journal_at(path) as journal:
        await journal.put(taken(record))
        await journal.put(going(record))
        (stored,) = await journal.unsettled()
        assert stored.record.sent == START  # it may have left, nobody knows when
        if told_with == "the answer":
            await journal.put(answered(record, sent=left))
        else:
            outcome = Unconfirmed(reason=Reason.NO_ANSWER)
            await journal.put(Settled(record.key, START, outcome, left))
        stored = await journal.request(record.key)
    assert (stored.going_at, stored.record.sent) == (START, left)


async def test_what_was_known_when_it_left_takes_the_place_of_what_was_known_just_before(path):
    record, later = a_record(), START + timedelta(seconds=2)
    turn, leaving = going(record, a_dialog()), left(record, a_dialog(state="HELD"), at=later)
    async with journal_at(path) as journal:
        await journal.put(taken(record), turn)
        stored = await journal.request(record.key)
        assert (stored.baseline, stored.left_at) == (turn.baseline, None)  # as a crash leaves it
        await journal.put(leaving)
        stored = await journal.request(record.key)
    assert (stored.going_at, stored.left_at, stored.record.sent) == (START, later, later)
    assert stored.baseline == leaving.baseline


async def test_that_it_left_is_kept_where_nothing_was_known(path):
    record = a_record()
    async with journal_at(path) as journal:
        await journal.put(taken(record), going(record), Left(record.key, START, None))
        stored = await journal.request(record.key)
    assert (stored.left_at, stored.baseline) == (START, None)


def steps_in(path) -> list[tuple[str, str]]:
    """Return kind and data of all steps in the file, as any version finds them."""
    with closing(sqlite3.connect(path)) as file:
        return file.execute("SELECT kind, data FROM steps ORDER BY id").fetchall()


@pytest.mark.parametrize(
    "known", [None, Baseline(), Baseline(a_dialog(state="HELD"), (), a_user())]
)
async def test_an_earlier_version_reads_what_was_known_as_it_left_and_no_more(path, known):
    record = a_record()
    async with journal_at(path) as journal:
        await journal.put(taken(record), going(record), Left(record.key, START, known))
        stored = await journal.request(record.key)
    assert (stored.baseline, stored.left_at) == (known, START)
    steps = steps_in(path)
    assert [kind for kind, _ in steps] == ["intent", "going", "going", "left"]
    # It takes the last of each kind, `null` for "not known", and any object for a picture.
    told = json.loads(dict(steps)["going"])
    assert (None if told is None else decode(Baseline, told)) == known
    assert told is None or "left" not in told


async def test_what_was_known_at_its_turn_is_not_what_it_left_with_where_that_was_not_kept(path):
    record = a_record()
    turn = going(record)
    async with journal_at(path) as journal:
        await journal.put(taken(record), turn, answered(record))  # no room for what came between
        stored = await journal.request(record.key)
    assert (stored.answer is None, stored.left_at, stored.baseline) == (False, None, None)
    with closing(sqlite3.connect(path)) as file, file:  # as an earlier version wrote it
        file.execute("UPDATE steps SET data = json_remove(data, '$.behind')")
    async with journal_at(path) as journal:
        stored = await journal.request(record.key)
    assert stored.baseline == turn.baseline


async def test_a_request_that_never_left_comes_back_so(path):
    record = a_record()
    outcome = Rejected(reason=Reason.EXPIRED_IN_QUEUE, sent=False)
    async with journal_at(path) as journal:
        await journal.put(taken(record))
        await journal.put(going(record))
        await journal.put(Settled(record.key, START, outcome))
        stored = await journal.request(record.key)
    assert (stored.going_at, stored.record.sent, stored.record.outcome) == (START, None, outcome)


@pytest.mark.parametrize("row", ["answer", "outcome"])
async def test_when_a_request_left_is_not_known_of_a_row_of_an_earlier_version(path, row):
    record = a_record()
    async with journal_at(path) as journal:
        await journal.put(taken(record))
        await journal.put(going(record))
        await journal.put(answered(record) if row == "answer" else settled(record))
    with closing(sqlite3.connect(path)) as file, file:
        file.execute("UPDATE steps SET data = json_remove(data, '$.sent') WHERE kind = ?", (row,))
    async with journal_at(path) as journal:
        stored = await journal.request(record.key)
    assert stored.record.sent == START


async def test_a_request_has_one_outcome(path):
    record = a_record()
    second = Settled(record.key, START, Unconfirmed(reason=Reason.RESTARTED))
    async with journal_at(path) as journal:
        await journal.put(taken(record))
        await journal.put(settled(record, START))
        await journal.put(second)
        stored = await journal.request(record.key)
    assert stored.record.outcome.kind == "confirmed"


async def test_rows_of_a_request_that_was_never_written_leave_no_trace(path):
    record = a_record()
    async with journal_at(path) as journal:
        assert await journal.put(going(record), answered(record), settled(record), after(record))
        assert await journal.request(record.key) is None
        assert await journal.requests() == []


async def test_settled_requests_since_a_moment_are_the_newest_oldest_first(path):
    async with journal_at(path) as journal:
        records = [await a_life(journal, at=START + timedelta(minutes=n)) for n in range(4)]
        await journal.put(taken(a_record()))
        found = await journal.settled_since(START + timedelta(minutes=1), limit=2)
        every = await journal.settled_since(START + timedelta(minutes=1), limit=9)
    assert [each.record.key for each in found] == [each.key for each in records[2:]]
    assert [each.record.key for each in every] == [each.key for each in records[1:]]


async def test_requests_are_listed_newest_first_by_state_agent_and_request_id(path):
    hers = a_record(Drop(agent="1002", dialog_id="7"))
    mine, open_ = a_record(), a_record(request_id="rq-x")
    async with journal_at(path) as journal:
        for record in (hers, mine, open_):
            await journal.put(taken(record))
        for record in (hers, mine):
            await journal.put(settled(record))

        async def keys(**wanted):
            return [each.record.key for each in await journal.requests(**wanted)]

        assert await keys() == [open_.key, mine.key, hers.key]
        assert await keys(limit=1) == [open_.key]
        assert await keys(state="open") == [open_.key]
        assert await keys(state="settled") == [mine.key, hers.key]
        assert await keys(agent="1002") == [hers.key]
        assert await keys(request_id="rq-x") == [open_.key]
        assert await keys(state="settled", agent="1001", request_id="rq-x") == []


async def test_more_requests_than_one_statement_takes_come_back_whole(path):
    records = [a_record() for _ in range(1201)]
    async with journal_at(path) as journal:
        written = [journal.put(taken(record), going(record)) for record in records]
        assert all(await asyncio.gather(*written))
        found = await journal.unsettled()
    assert [each.record.key for each in found] == [record.key for record in records]
    assert all(each.baseline is not None for each in found)


async def test_idempotency_keys_are_kept_as_keyed_hashes(path):
    record = a_record(asked_by="crm", idempotency=("order-4711", "f1n9er"))
    async with journal_at(path) as journal:
        await journal.put(taken(record))
        await journal.put(taken(a_record()))
        hashes = (journal.hash_of("order-4711"), journal.hash_of("f1n9er"))
        assert await journal.idempotency_keys(START) == [("crm", *hashes, record.key)]
        assert await journal.idempotency_keys(START + timedelta(seconds=1)) == []
        stored = await journal.request(record.key)
        assert stored.record.idempotency == hashes
        assert journal.hash_of("order-4712") != hashes[0]
    content = path.read_bytes()
    assert b"order-4711" not in content
    assert b"f1n9er" not in content


# -- events ---------------------------------------------------------------------------------------


async def test_events_come_back_in_order_from_behind_a_number(path):
    events = [an_event(number, data={"n": number}) for number in range(1, 6)]
    async with journal_at(path) as journal:
        assert (journal.first_sequence, journal.last_sequence) == (0, 0)
        for event in events:
            await journal.put(event)
        assert (journal.first_sequence, journal.last_sequence) == (1, 5)
        assert (await journal.events(0, 100)).rows == events
        assert (await journal.events(3, 100)).rows == events[3:]
        assert (await journal.events(1, 2)).rows == events[1:3]
        epoch = journal.epoch
    async with journal_at(path) as journal:
        assert (journal.epoch, journal.first_sequence, journal.last_sequence) == (epoch, 1, 5)


async def test_a_fresh_file_has_an_epoch_of_its_own(path):
    async with journal_at(path) as journal:
        epoch = journal.epoch
    path.unlink()
    async with journal_at(path) as journal:
        assert journal.epoch != epoch


async def test_the_loop_hears_of_each_number_once_it_is_safe(path):
    heard = []
    async with journal_at(path) as journal:
        journal.on_written = heard.append
        await journal.put(an_event(1), an_event(2))
        await journal.put(taken(a_record()))
        await journal.put(an_event(3))
    assert heard == [2, 3]


async def test_a_notification_is_kept_without_its_content_when_headers_are_wanted(path):
    data = {"agent": "1001", "requestId": "rq", "dialog": {"id": "1"}, "errors": [{"a": "b"}]}
    async with journal_at(path, options(notifications="headers")) as journal:
        await journal.put(an_event(1, data=data), an_event(2, "request", data=data))
        first, second = (await journal.events(0, 9)).rows
    assert first.data == {"agent": "1001", "requestId": "rq"}
    assert second.data == data


async def test_unkept_notifications_are_passed_over_and_what_is_kept_resumes(path):
    async with journal_at(path, options(notifications="off")) as journal:
        heard = []
        journal.on_written = heard.append
        await journal.put(an_event(1, "request"))
        await journal.put(an_event(2, "dialog"))
        assert heard == [1, 2]  # its number is used up, which a restart knows
        assert (journal.first_sequence, journal.last_sequence, journal.floor) == (1, 2, 0)
    async with journal_at(path, options(notifications="off")) as journal:
        assert journal.last_sequence == 2
        await journal.put(an_event(3, "session"), an_event(4, "user"))
        page = await journal.events(0, 9)
        assert [each.sequence for each in page.rows] == [1, 3]
        assert (page.floor, page.looked_to) == (0, 4)


async def test_a_page_says_how_far_it_looked_whatever_could_be_read(path):
    async with journal_at(path) as journal:
        for number in range(1, 8):
            await journal.put(an_event(number))
        db = sqlite3.connect(path)
        db.execute("UPDATE events SET data = '{' WHERE sequence IN (3, 4)")
        db.commit()
        db.close()
        page = await journal.events(2, 2)
        assert (page.rows, page.looked_to) == ([], 4)
        page = await journal.events(page.looked_to, 2)
        assert ([each.sequence for each in page.rows], page.looked_to) == ([5, 6], 6)
        assert (await journal.events(7, 2)).looked_to == 7


async def test_a_page_says_what_is_lost_and_not_what_was_erased_on_demand(path):
    async with journal_at(path) as journal:
        await journal.put(an_event(1, data={"a": CUSTOMER}), an_event(2), an_event(3))
        await journal.forget(number=CUSTOMER)
        assert (await journal.events(0, 9)).floor == 0
        await journal.put(an_event(3))  # a number that is there: this event is lost
        page = await journal.events(0, 9)
        assert (page.floor, journal.floor) == (3, 3)


# -- together, in order, in one transaction -----------------------------------------------------


async def test_what_waits_anyway_is_committed_together_and_nothing_else_is(path):
    disk = Disk()
    async with journal_at(path, connect=disk.connect) as journal:
        await journal.put(an_event(1))
        disk.gate, disk.commits = threading.Event(), 0
        first = journal.put(an_event(2))
        await asyncio.to_thread(disk.arrived.wait, 20)
        others = [journal.put(an_event(number)) for number in range(3, 53)]
        disk.gate.set()
        assert all(await asyncio.gather(first, *others))
        assert disk.commits == 2


async def test_the_rows_of_one_put_are_written_together_or_not_at_all(path):
    record = a_record()
    async with journal_at(path) as journal:
        await journal.put(an_event(1))
        assert not await journal.put(taken(record), an_event(1))  # that number is there already
        assert await journal.request(record.key) is None
        assert journal.trouble is None


async def test_a_row_with_a_fault_of_its_own_harms_no_other(path):
    bad, good = a_record(), a_record()
    disk = Disk(gate=threading.Event())
    async with journal_at(path, connect=disk.connect) as journal:
        held = journal.put(an_event(1))
        await asyncio.to_thread(disk.arrived.wait, 20)
        cannot = [
            journal.put(taken(bad), an_event(1)),  # the number is taken
            journal.put(an_event(2, data={"what": object()})),  # no JSON
        ]
        can = journal.put(taken(good), an_event(3))
        disk.gate.set()
        assert await asyncio.gather(held, can) == [True, True]
        assert (await cannot[0], journal.trouble) == (False, None)
        assert [each.record.key for each in await journal.requests()] == [good.key]
        assert [each.sequence for each in (await journal.events(0, 9)).rows] == [1, 3]
        assert journal.first_sequence == 3  # whoever resumes before 2 is told that it is missing


async def test_an_intent_that_cannot_be_written_down_is_refused(path):
    record = a_record(Hold(agent="1", dialog_id=object()))
    async with journal_at(path) as journal:
        assert not await journal.put(taken(record), an_event(1))
        assert await journal.requests() == []
        assert [each.sequence for each in (await journal.events(0, 9)).rows] == [1]


async def test_half_a_surrogate_pair_is_written_all_the_same(path):
    record = a_record(Hold(agent="1\udc80", dialog_id="2"))
    async with journal_at(path) as journal:
        assert await journal.put(taken(record), an_event(1, data={"a": "\udc80"}))
        (stored,) = await journal.requests()
        (event,) = (await journal.events(0, 9)).rows
    assert stored.record.request == record.request
    assert event.data == {"a": "\udc80"}


async def test_a_put_of_nothing_is_done(path):
    async with journal_at(path) as journal:
        assert await journal.put()


# -- bounds ---------------------------------------------------------------------------------------


async def test_a_full_inbox_refuses_intents_and_gives_up_events_but_keeps_outcomes(path):
    old, new = a_record(), a_record()
    disk = Disk()
    heard = []
    async with journal_at(path, connect=disk.connect, max_queued=4) as journal:
        journal.on_written = heard.append
        await journal.put(taken(old))
        disk.gate = threading.Event()
        held = journal.put(an_event(1))
        await asyncio.to_thread(disk.arrived.wait, 20)
        waiting = journal.put(an_event(2), an_event(3), an_event(4))
        refused = journal.put(taken(new))
        kept = journal.put(settled(old), an_event(5))
        disk.gate.set()
        assert await asyncio.gather(held, waiting) == [True, True]
        assert await asyncio.gather(refused, kept) == [False, False]
        await until(lambda: heard[-1] == 5)
        assert journal.dropped == 1
        assert await journal.request(new.key) is None
        assert (await journal.request(old.key)).record.outcome is not None
        assert (journal.first_sequence, journal.last_sequence) == (0, 5)
        assert await journal.put(taken(new))


async def test_nothing_more_is_kept_when_twice_the_bound_waits(path):
    disk = Disk()
    async with journal_at(path, connect=disk.connect, max_queued=2) as journal:
        disk.gate = threading.Event()
        held = journal.put(an_event(1))
        await asyncio.to_thread(disk.arrived.wait, 20)
        record = a_record()
        for _ in range(10):
            journal.put(after(record))
        assert journal.dropped == 7  # one is held, three filled the inbox to twice its bound
        disk.gate.set()
        await held


# -- opening and closing --------------------------------------------------------------------------


async def test_closing_writes_what_waits_and_leaves_one_file(path):
    journal = await opened(path)
    record = a_record()
    written = [journal.put(taken(record)), journal.put(settled(record))]
    await journal.aclose()
    assert await asyncio.gather(*written) == [True, True]
    names = sorted(each.name for each in path.parent.iterdir())
    assert names == ["journal.db", "journal.db.lock"]
    async with journal_at(path) as again:
        assert (await again.request(record.key)).record.outcome is not None


async def test_closing_twice_is_closing_once(path):
    journal = await opened(path)
    await asyncio.gather(journal.aclose(), journal.aclose())
    await journal.aclose()


async def test_a_closed_journal_takes_nothing_and_answers_nothing(path):
    journal = await opened(path)
    await journal.aclose()
    assert not await journal.put(an_event(1))
    with pytest.raises(NotKept, match="closed"):
        await journal.requests()


async def test_opening_can_be_cancelled_and_leaves_nothing_held(path):
    async with journal_at(path):
        waits = asyncio.create_task(opened(path, within=60.0))
        await until(waits.get_stack)
        waits.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waits
    async with journal_at(path, within=20.0) as journal:
        assert await journal.put(an_event(1))


async def test_the_clock_set_back_changes_no_order_and_loses_nothing(path):
    clock = Clock()
    async with journal_at(path, now=clock) as journal:
        first = await a_life(journal, at=clock())
        await journal.put(an_event(1, at=clock()))
        clock.forward(days=-400)
        second = await a_life(journal, a_record(submitted=clock()), at=clock())
        await journal.put(an_event(2, at=clock()))
        keys = [each.record.key for each in await journal.requests()]
        assert keys == [second.key, first.key]
        assert [each.sequence for each in (await journal.events(0, 9)).rows] == [1, 2]
    async with journal_at(path, now=clock) as journal:
        assert (journal.first_sequence, journal.last_sequence) == (1, 2)


async def test_nothing_secret_is_in_a_repr(path):
    async with journal_at(path) as journal:
        shown = repr(journal) + repr(options()) + repr(taken(a_record(idempotency=("k3y", "b0dy"))))
    assert CUSTOMER not in shown
    assert "k3y" not in shown
    assert repr(options().key) not in shown


async def test_a_question_that_the_disk_does_not_answer_is_refused(path):
    disk = Disk()
    async with journal_at(path, connect=disk.connect) as journal:
        disk.fails, disk.at = ("disk I/O error", 10), ("SELECT",)
        with pytest.raises(NotKept, match="disk I/O error"):
            await journal.events(0, 9)
        disk.fails = None
        assert (await journal.events(0, 9)).rows == []


def test_a_journal_is_opened_in_a_running_loop(path):
    with pytest.raises(RuntimeError):
        Journal.open(path, options(), now=Clock()).send(None)
