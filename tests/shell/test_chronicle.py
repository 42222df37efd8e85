"""The chronicle over a scripted journal, with the real service in front of it."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Collection
from contextlib import asynccontextmanager

import pytest

from listener.chronicle import Chronicle
from listener.correlation.outcome import Confirmed, Rejected
from listener.correlation.steps import AnswerKind, Look, RestAnswer
from listener.errors import NotKept
from listener.finesse.actions import Hold, SendDtmf
from listener.finesse.model import Notification
from listener.finesse.sealed import Sealer
from listener.journal import Answered, Event, Going, Intent, Left, Mention, Page, Settled
from listener.offers import Told, Wanted
from listener.readers import MAX_BEHIND
from listener.ring import PAGE
from listener.service import Service, Wishes
from tests.builders import AGENT, CALL, NODE, a_dialog, a_participant, a_user
from tests.shell.stage import until

HELD = (
    "<Update><event>PUT</event><source>/finesse/api/Dialog/100</source>"
    "<requestId>{tag}</requestId><data><dialog><id>100</id><mediaType>Voice</mediaType>"
    "<participants><Participant><mediaAddress>1001</mediaAddress><state>HELD</state>"
    "<stateChangeTime>2026-11-21T08:00:09.000Z</stateChangeTime></Participant></participants>"
    "</dialog></data></Update>"
)
REQUEST = Hold(agent=AGENT, dialog_id=CALL, target_media_address="1001")


class Disk:
    """A journal that commits when told, or at once; remembers the order of what it was given."""

    epoch = "abc"

    def __init__(self, *, at_once: bool = True, unkept: Collection[str] = ()) -> None:
        self.at_once = at_once
        self.unkept = unkept
        self.unreadable: Collection[int] = ()
        self.asked = 0
        self.answer = asyncio.Event()
        self.answer.set()
        self.trouble: str | None = None
        self.rows: list = []
        self.kept: list = []
        self.on_written = None
        self.last_sequence = 0
        self.forgotten_below = 1
        self._waiting: list = []

    @property
    def first_sequence(self) -> int:
        kept = [row.sequence for row in self.kept if isinstance(row, Event)]
        kept = [number for number in kept if number >= self.forgotten_below]
        return kept[0] if kept else 0

    def put(self, *rows) -> asyncio.Future[bool]:
        tried = asyncio.get_running_loop().create_future()
        self.rows += rows
        self._waiting.append((rows, tried))
        if self.at_once:
            self.commit()
        return tried

    def commit(self) -> None:
        waiting, self._waiting = self._waiting, []
        for rows, tried in waiting:
            if self.trouble is not None:
                tried.set_result(False)
                continue
            self.kept += [row for row in rows if getattr(row, "name", None) not in self.unkept]
            tried.set_result(True)
            numbers = [row.sequence for row in rows if isinstance(row, Event)]
            self.last_sequence = max(self.last_sequence, *numbers, 0)
        if waiting and self.on_written:
            self.on_written(self.last_sequence)

    async def events(self, after: int, limit: int) -> Page:
        events = [row for row in self.kept if isinstance(row, Event)]
        rows = [e for e in events if e.sequence > max(after, self.forgotten_below - 1)][:limit]
        to = rows[-1].sequence if len(rows) == limit else max(after, self.last_sequence)
        rows = [row for row in rows if row.sequence not in self.unreadable]
        self.asked += 1
        await self.answer.wait()
        return Page(rows, self.forgotten_below - 1, to)

    def kinds(self) -> list[type]:
        return [type(row) for row in self.rows if not isinstance(row, Event)]


class Wire:
    def __init__(self) -> None:
        self.sent: list[str] = []
        self.answer = asyncio.Event()
        self.answer.set()

    async def send(self, request, request_id, leaves):
        leaves()
        self.sent.append(request_id)
        await self.answer.wait()
        return RestAnswer(AnswerKind.ACCEPTED, 202)

    async def look(self, ask):
        return Look(asyncio.get_running_loop().time(), ok=False)

    def judge(self, status, body):
        raise NotImplementedError


class Ears:
    async def ping(self, agent, within):
        return True

    def serving(self, *, in_service):
        pass


@asynccontextmanager
async def a_service(disk: Disk | None, **how):
    chronicle = Chronicle(disk, **how)
    wire = Wire()
    service = Service(wire, Ears(), memory=chronicle)
    chronicle.state = service.correlator.state
    chronicle.discreet = service.discreet
    party = a_participant("1001", "ACTIVE", at=1)
    look = Look(asyncio.get_running_loop().time(), dialogs=(a_dialog(CALL, party),), user=a_user())
    service.session_up(AGENT, look)
    yield service, chronicle, wire
    chronicle.close()
    if disk is not None:
        disk.at_once = True
        disk.commit()
    await service.close()


def hear(service: Service, tag: str = "") -> None:
    service.hear(Notification(node=NODE, item_id=str(uuid.uuid4()), payload=HELD.format(tag=tag)))


async def read(reader, number: int) -> list[Told]:
    return [await asyncio.wait_for(anext(reader), 20) for _ in range(number)]


def names(told: list[Told]) -> list[str]:
    return [each.name for each in told]


# ------------------------------------------------------------------------------ order of keeping


async def test_nothing_is_sent_before_its_intent_and_its_baseline_are_safe():
    disk = Disk(at_once=False)
    async with a_service(disk) as (service, _, wire):
        ticket = service.submit(REQUEST)
        kept = asyncio.create_task(ticket.kept())
        await asyncio.sleep(0)
        assert disk.kinds() == [Intent, Going]
        assert (wire.sent, kept.done(), ticket.record.sent) == ([], False, None)
        disk.commit()
        await kept
        await until(lambda: wire.sent)
        assert wire.sent == [ticket.request_id]
        going = disk.rows[[type(row) for row in disk.rows].index(Going)]
        assert going.baseline.dialog.participant("1001").state == "ACTIVE"


async def test_what_cannot_be_kept_is_not_sent_and_says_so():
    disk = Disk(at_once=False)
    async with a_service(disk) as (service, _, wire):
        ticket = service.submit(REQUEST)
        disk.trouble = "no room"
        disk.commit()
        with pytest.raises(NotKept, match="no room"):
            await ticket.kept()
        outcome = await ticket.outcome()
        assert isinstance(outcome, Rejected)
        assert (outcome.reason, outcome.sent, wire.sent) == ("not_sent", False, [])


async def test_while_the_journal_is_in_trouble_new_requests_are_refused_and_nothing_is_taken():
    disk = Disk()
    async with a_service(disk) as (service, chronicle, wire):
        disk.trouble = "no space left on device"
        with pytest.raises(NotKept, match="no space left"):
            service.submit(REQUEST)
        assert (disk.kinds(), wire.sent, len(service.records)) == ([], [], 0)
        assert chronicle.trouble == "no space left on device"
        disk.trouble = None
        ticket = service.submit(REQUEST)
        await until(lambda: wire.sent)
        hear(service, ticket.request_id)
        assert isinstance(await ticket.outcome(), Confirmed)


async def test_an_outcome_is_told_once_it_is_safe_and_not_before():
    disk = Disk()
    async with a_service(disk) as (service, chronicle, wire):
        reader = chronicle.read(Wanted(kinds=frozenset({"request"})), None)
        ticket = service.submit(REQUEST)
        await until(lambda: ticket.record.answered)
        disk.at_once = False
        hear(service, ticket.request_id)
        assert ticket.record.outcome is None
        assert [type(row) for row in disk.rows if isinstance(row, Settled)] == [Settled]
        disk.at_once = True
        disk.commit()
        assert isinstance(await ticket.outcome(), Confirmed)
        told = await read(reader, 3)
        assert [each.data["state"] for each in told] == ["queued", "accepted", "settled"]
        assert told[-1].data["outcome"]["kind"] == "confirmed"
        del wire


async def test_an_outcome_is_told_all_the_same_when_the_disk_is_full():
    disk = Disk()
    async with a_service(disk) as (service, _, _wire):
        ticket = service.submit(REQUEST)
        await until(lambda: ticket.record.answered)
        disk.trouble = "no space left on device"
        hear(service, ticket.request_id)
        outcome = await ticket.outcome()
        assert isinstance(outcome, Confirmed)
        assert [warning.code for warning in outcome.warnings] == ["not_kept"]
        assert disk.kinds() == [Intent, Going, Left, Answered, Settled]


async def test_an_outcome_whose_first_try_at_the_disk_fails_is_told_with_a_warning():
    disk = Disk()
    async with a_service(disk) as (service, _, _wire):
        ticket = service.submit(REQUEST)
        await until(lambda: ticket.record.answered)
        disk.at_once = False
        hear(service, ticket.request_id)
        disk.trouble = "no space left on device"
        disk.commit()
        assert [warning.code for warning in (await ticket.outcome()).warnings] == ["not_kept"]


async def test_the_answer_is_kept_with_the_time_that_is_left():
    disk = Disk()
    async with a_service(disk) as (service, _, _wire):
        ticket = service.submit(REQUEST, Wishes(deadline=7.0))
        await until(lambda: ticket.record.answered)
        (row,) = [row for row in disk.rows if isinstance(row, Answered)]
        assert (row.key, row.answer.status) == (ticket.id, 202)
        assert 6.0 < row.length <= 7.0


async def test_closing_waits_until_the_last_outcomes_are_safe():
    disk = Disk()
    async with a_service(disk) as (service, _, wire):
        wire.answer.clear()
        ticket = service.submit(REQUEST)
        await until(lambda: wire.sent)
        disk.at_once = False
        closing = asyncio.create_task(service.close())
        await until(lambda: any(isinstance(row, Settled) for row in disk.rows))
        assert (closing.done(), ticket.record.outcome) == (False, None)
        disk.commit()
        assert await closing == 1
        assert (await ticket.outcome()).reason == "shutdown"


# ------------------------------------------------------------------------------------- readers


async def test_events_are_told_in_order_with_one_epoch_and_only_what_is_wanted():
    async with a_service(Disk()) as (service, chronicle, _wire):
        every, dialogs = (
            chronicle.read(Wanted(), None),
            chronicle.read(Wanted(kinds=frozenset({"dialog"})), None),
        )
        other = chronicle.read(Wanted(agent="1002"), None)
        ticket = service.submit(REQUEST)
        await until(lambda: ticket.record.answered)
        hear(service, ticket.request_id)
        await ticket.outcome()
        told = await read(every, 4)
        assert names(told) == ["request", "request", "dialog", "request"]
        assert [each.id for each in told] == ["abc-1", "abc-2", "abc-3", "abc-4"]
        (dialog,) = await read(dialogs, 1)
        assert (dialog.data["dialogId"], dialog.data["requestId"]) == (CALL, ticket.request_id)
        assert json.loads(dialog.frame.decode().split("data: ")[1]) == dialog.data
        service.session_down("1002", "x")
        asking = asyncio.create_task(anext(other))
        await asyncio.sleep(0)
        assert not asking.done()
        asking.cancel()


@pytest.mark.parametrize("kept", [True, False])
async def test_a_reader_resumes_where_it_was_without_loss_or_repeat(kept):
    async with a_service(Disk() if kept else None) as (service, chronicle, _wire):
        first = chronicle.read(Wanted(kinds=frozenset({"dialog"})), None)
        for _ in range(3):
            hear(service, str(uuid.uuid4()))
        told = await read(first, 1)
        await first.aclose()
        hear(service, str(uuid.uuid4()))
        again = chronicle.read(Wanted(kinds=frozenset({"dialog"})), told[-1].id)
        rest = await read(again, 3)
        numbers = [int(each.id.rpartition("-")[2]) for each in (*told, *rest)]
        assert numbers == sorted(set(numbers))
        assert len({each.data["requestId"] for each in (*told, *rest)}) == 4


async def test_a_new_process_on_the_same_journal_goes_on_with_the_numbers():
    disk = Disk()
    async with a_service(disk) as (service, chronicle, _wire):
        hear(service, "one")
        last = chronicle.last
    second = Chronicle(disk)
    try:
        reader = second.read(Wanted(kinds=frozenset({"dialog"})), f"abc-{last - 1}")
        (told,) = await read(reader, 1)
        assert (told.id, told.data["requestId"]) == (f"abc-{last}", "one")
        second.gap(AGENT, "restart")
        assert second.last == last + 1
    finally:
        second.close()


@pytest.mark.parametrize(
    "after",
    ["other-1", "abc-99", "abc-", "abc", "", "abc--1", "abc-1x", "abc-٣", "abc-" + "9" * 40],
)
async def test_an_id_that_is_not_kept_begins_with_reset(after):
    async with a_service(Disk()) as (service, chronicle, _wire):
        hear(service, "one")
        reader = chronicle.read(Wanted(kinds=frozenset({"dialog"})), after)
        hear(service, "two")
        told = await read(reader, 2)
        assert names(told) == ["reset", "dialog"]
        assert (told[0].id, told[1].data["requestId"]) == (None, "two")


async def test_what_retention_took_begins_with_reset():
    disk = Disk()
    async with a_service(disk, ring=1) as (service, chronicle, _wire):
        for tag in "abcd":
            hear(service, tag)
        disk.forgotten_below = 4
        reader = chronicle.read(Wanted(), "abc-1")
        (reset,) = await read(reader, 1)
        assert (reset.name, reset.data["after"]) == ("reset", "abc-1")
        hear(service, "e")
        assert (await read(reader, 1))[0].id == "abc-5"
        reader = chronicle.read(Wanted(kinds=frozenset({"dialog"})), "abc-3")
        assert (await read(reader, 1))[0].id == "abc-4"


async def test_what_retention_takes_from_a_reader_that_is_on_its_way_is_told_with_reset():
    disk = Disk()
    async with a_service(disk, ring=2) as (service, chronicle, _wire):
        for number in range(2 * PAGE):
            hear(service, f"t{number}")
        reader = chronicle.read(Wanted(), "abc-0")
        told = await read(reader, PAGE)
        disk.forgotten_below = PAGE + 200
        told += await read(reader, 1)
        hear(service, "new")
        told += await read(reader, 1)
        assert names(told) == ["dialog"] * PAGE + ["reset", "dialog"]
        assert told[PAGE].data["after"] == f"abc-{PAGE}"
        assert told[-1].data["requestId"] == "new"


async def test_without_a_journal_what_left_memory_begins_with_reset():
    async with a_service(None, ring=3) as (service, chronicle, _wire):
        for tag in "abcdef":
            hear(service, tag)
        epoch, last = chronicle.epoch, chronicle.last
        assert names(await read(chronicle.read(Wanted(), f"{epoch}-{last - 4}"), 1)) == ["reset"]
        told = await read(chronicle.read(Wanted(), f"{epoch}-{last - 3}"), 3)
        assert [each.data["requestId"] for each in told] == ["d", "e", "f"]


async def test_a_page_of_rows_that_cannot_be_read_does_not_stop_a_reader():
    disk = Disk()
    async with a_service(disk, ring=2) as (service, chronicle, _wire):
        for number in range(3 * PAGE):
            hear(service, f"t{number}")
        disk.unreadable = range(10, 10 + PAGE + 100)
        told = await read(chronicle.read(Wanted(), "abc-5"), 3 * PAGE - 5 - PAGE - 100)
        numbers = [int(each.id[4:]) for each in told]
        assert numbers == [*range(6, 10), *range(10 + PAGE + 100, 3 * PAGE + 1)]


async def test_events_that_the_journal_passes_over_are_told_to_who_reads_and_not_to_who_resumes():
    disk = Disk(unkept={"dialog"})
    async with a_service(disk) as (service, chronicle, _wire):
        live = chronicle.read(Wanted(), None)
        hear(service, "one")
        service.session_down(AGENT, "x")
        hear(service, "two")
        assert names(await read(live, 3)) == ["dialog", "gap", "dialog"]
    second = Chronicle(disk)
    try:
        assert (second.epoch, second.last) == ("abc", 3)
        reader = second.read(Wanted(), "abc-0")
        second.session(AGENT, {"state": "up"})
        told = await read(reader, 2)
        assert [(each.id, each.name) for each in told] == [("abc-2", "gap"), ("abc-4", "session")]
    finally:
        second.close()


async def test_the_next_process_is_told_what_the_journal_passes_over():
    disk = Disk(unkept={"dialog"})
    async with a_service(disk, whole=False) as (service, chronicle, _wire):
        hear(service, "one")
        service.session_down(AGENT, "x")
        earlier = chronicle.told()
    second = Chronicle(disk, whole=False, earlier=earlier)
    try:
        assert names(await read(second.read(Wanted(), "abc-0"), 2)) == ["dialog", "gap"]
    finally:
        second.close()


@pytest.mark.parametrize("kept", [True, False])
async def test_nobody_is_cut_off_for_events_that_became_readable_all_at_once(kept):
    disk = Disk() if kept else None
    async with a_service(disk) as (service, chronicle, _wire):
        reader = chronicle.read(Wanted(), None)
        waiting = asyncio.create_task(anext(reader))
        await asyncio.sleep(0)
        if disk is not None:
            disk.at_once = False
        for number in range(MAX_BEHIND + 500):
            hear(service, f"t{number}")
        if disk is not None:
            disk.commit()
        told = [await waiting, *await read(reader, MAX_BEHIND + 499)]
        assert set(names(told)) == {"dialog"}
        numbers = [int(each.id.rpartition("-")[2]) for each in told]
        assert numbers == list(range(1, MAX_BEHIND + 501))


async def test_a_reader_that_falls_behind_is_cut_off_and_finds_lagged_first_when_it_resumes():
    lagged = []
    async with a_service(Disk(), lagged=lambda: lagged.append(1)) as (service, chronicle, _wire):
        slow, fast = chronicle.read(Wanted(), None), chronicle.read(Wanted(), None)
        hear(service, "first")
        (first,) = await read(slow, 1)
        waiting = asyncio.create_task(anext(slow))  # it is at the end now, and falls behind after
        await asyncio.sleep(0)
        fast_told = await read(fast, 1)
        for number in range(MAX_BEHIND + 5):
            hear(service, f"t{number}")
            fast_told += await read(fast, 1)
        second = await waiting
        rest = [each async for each in slow]
        assert rest[-1].name == "lagged"
        assert lagged == [1]
        last = [each for each in (first, second, *rest) if each.id is not None][-1]
        again = chronicle.read(Wanted(), last.id)
        (word,) = await read(again, 1)
        assert (word.name, word.data["behind"]) == (
            "lagged",
            chronicle.last - int(last.id.partition("-")[2]),
        )
        missed = await read(again, word.data["behind"])
        assert [each.id for each in missed] == [
            each.id for each in fast_told if int(each.id[4:]) > int(last.id[4:])
        ]
        assert len(fast_told) == MAX_BEHIND + 6


async def test_closing_ends_every_reader_and_new_ones_at_once():
    async with a_service(None) as (_service, chronicle, _wire):
        reader = chronicle.read(Wanted(), None)
        waiting = asyncio.create_task(anext(reader, "ended"))
        await asyncio.sleep(0)
        chronicle.close()
        assert await waiting == "ended"
        assert [each async for each in chronicle.read(Wanted(), None)] == []
        assert chronicle.readers == 0


async def test_gaps_are_told_and_remembered_with_their_cause():
    async with a_service(None) as (service, chronicle, _wire):
        reader = chronicle.read(Wanted(kinds=frozenset({"gap"})), None)
        service.session_down(AGENT, "connection reset")
        service.session_up(AGENT, Look(asyncio.get_running_loop().time(), user=a_user()))
        begun, over = await read(reader, 2)
        assert (begun.data["cause"], begun.data["until"]) == ("connection reset", None)
        assert over.data["until"] is not None
        assert over.data["lossless"] is False
        assert chronicle.gaps[AGENT] == {
            key: value for key, value in over.data.items() if key not in {"agent", "at"}
        }


async def test_forgetting_takes_settled_requests_out_of_memory_and_leaves_open_ones():
    async with a_service(None) as (service, _chronicle, _wire):
        settled, still = service.submit(REQUEST), service.submit(REQUEST)
        service.abandon(settled.id)
        assert service.forget(lambda _record: True) == 1
        assert list(service.records) == [still.id]


@pytest.mark.parametrize("kept", [True, False])
async def test_forgetting_takes_events_that_name_a_number_or_a_dialog_out_of_memory(kept):
    async with a_service(Disk() if kept else None) as (service, chronicle, _wire):
        hear(service, "one")
        service.session_down(AGENT, "called +1 202 555-0101")
        assert await chronicle.forget(a_mention(dialog_id=CALL)) == {"recent": 1}
        assert await chronicle.forget(a_mention(number="025550101")) == {"recent": 0}
        assert await chronicle.forget(a_mention(number="12025550101")) == {"recent": 1}
        assert await chronicle.forget(a_mention(number="12025550101")) == {"recent": 0}


async def test_forgetting_finds_whole_numbers_and_not_digits_anywhere():
    async with a_service(None) as (_service, chronicle, _wire):
        chronicle.session(AGENT, {"note": "ref 91234567", "id": "a2025b"})
        assert await chronicle.forget(a_mention(number="1234")) == {"recent": 0}
        assert await chronicle.forget(a_mention(number="91234567")) == {"recent": 1}


async def test_forgetting_takes_the_events_of_a_request_that_names_it():
    async with a_service(None) as (_service, chronicle, _wire):
        chronicle.session(AGENT, {})
        chronicle._tell("request", {}, AGENT, None, "key")
        wanted = a_mention(number="12025550101")
        assert await chronicle.forget(wanted, {"key"}) == {"recent": 1}


@pytest.mark.parametrize("kept", [True, False])
async def test_forgetting_the_newest_event_loses_nothing_for_who_resumes_behind_it(kept):
    async with a_service(Disk() if kept else None) as (service, chronicle, _wire):
        hear(service, "one")
        service.session_down(AGENT, "called 12025550101")
        epoch, last = chronicle.epoch, chronicle.last
        await chronicle.forget(a_mention(number="12025550101"))
        assert chronicle.last == last
        reader = chronicle.read(Wanted(), f"{epoch}-{last}")
        hear(service, "two")
        (told,) = await read(reader, 1)
        assert told.data["requestId"] == "two"


async def test_forgetting_the_oldest_event_in_memory_leaves_the_others_to_be_read():
    async with a_service(None) as (service, chronicle, _wire):
        service.session_down(AGENT, "called 12025550101")
        hear(service, "one")
        await chronicle.forget(a_mention(number="12025550101"))
        (told,) = await read(chronicle.read(Wanted(), f"{chronicle.epoch}-0"), 1)
        assert told.data["requestId"] == "one"


async def test_forgetting_takes_what_is_not_safe_yet_and_what_a_reader_has_fetched():
    disk = Disk()
    async with a_service(disk) as (_service, chronicle, _wire):
        reader = chronicle.read(Wanted(), None)
        for note in ("first", "called 12025550101", "third"):
            chronicle.session(AGENT, {"note": note})
        told = await read(reader, 1)  # the others are fetched with it
        disk.at_once = False
        for note in ("called 12025550101", "fifth"):
            chronicle.session(AGENT, {"note": note})
        assert await chronicle.forget(a_mention(number="12025550101")) == {"recent": 2}
        disk.commit()
        told += await read(reader, 2)
        assert [each.data["note"] for each in told] == ["first", "third", "fifth"]


async def test_forgetting_takes_what_a_reader_is_just_fetching_from_the_journal():
    disk = Disk()
    async with a_service(disk, ring=1) as (_service, chronicle, _wire):
        for note in ("first", "called 12025550101", "third", "fourth"):
            chronicle.session(AGENT, {"note": note})
        disk.answer.clear()
        reader = chronicle.read(Wanted(), "abc-0")
        first = asyncio.create_task(anext(reader))
        await until(lambda: disk.asked)
        del disk.kept[1]
        await chronicle.forget(a_mention(number="12025550101"))
        disk.answer.set()
        told = [await first, *await read(reader, 2)]
        assert [each.data["note"] for each in told] == ["first", "third", "fourth"]


# ------------------------------------------------------------------------------------- digits

PIN = "82539714"
REFUSED = (
    "<Update><event>PUT</event><requestId>{tag}</requestId>"
    "<source>/finesse/api/Dialog/100</source><data><apiErrors><apiError>"
    "<errorType>Call Operation Failure</errorType><errorMessage>cannot send {digits}</errorMessage>"
    "<errorData>34</errorData></apiError></apiErrors></data></Update>"
)


def refuse(
    service: Service, digits: str, tag: str = "", node: str = NODE, dialog: str = "100"
) -> None:
    payload = REFUSED.format(tag=tag, digits=digits).replace("Dialog/100", f"Dialog/{dialog}")
    service.hear(Notification(node=node, item_id=str(uuid.uuid4()), payload=payload))


async def sender(leaves) -> RestAnswer:
    leaves()
    return RestAnswer(AnswerKind.ACCEPTED, 202)


@pytest.mark.parametrize("take", ["submit", "expect", "forward"])
@pytest.mark.parametrize("tagged", [True, False])
@pytest.mark.parametrize("ended", [True, False])
async def test_digits_that_an_error_repeats_are_told_to_nobody(take, tagged, ended):
    disk = Disk()
    async with a_service(disk) as (service, chronicle, _wire):
        request = SendDtmf(agent=AGENT, dialog_id=CALL, dtmf_string=PIN)
        reader = chronicle.read(Wanted(kinds=frozenset({"error"})), None)
        feed = service.feed.subscribe(None)
        if take == "forward":
            ticket = service.forward(request, Wishes(), sender)
        else:
            ticket = getattr(service, take)(request)
        if ended:
            ticket.abandon()
        refuse(service, PIN, ticket.request_id if tagged else "")
        (told,) = await read(reader, 1)
        assert told.data["errors"][0]["errorMessage"] == "cannot send ***"
        assert told.data["errors"][0]["errorData"] == "34"
        assert (await anext(feed)).errors[0].error_message == "cannot send ***"
        events = [row for row in disk.rows if isinstance(row, Event)]
        assert PIN not in repr([row.data for row in events])


@pytest.mark.parametrize(("dialog", "shown"), [("200", PIN), (CALL, "***")])
async def test_digits_of_another_agent_are_hidden_on_the_same_call_alone(dialog, shown):
    async with a_service(None) as (service, chronicle, _wire):
        reader = chronicle.read(Wanted(kinds=frozenset({"error"})), None)
        service.submit(SendDtmf(agent=AGENT, dialog_id=CALL, dtmf_string=PIN))
        refuse(service, PIN, node="/finesse/api/User/another/Dialogs", dialog=dialog)
        (told,) = await read(reader, 1)
        assert told.data["errors"][0]["errorMessage"] == f"cannot send {shown}"


def a_mention(**wanted: str) -> Mention:
    seal = Sealer(bytes(32)).seal
    return Mention(wanted.get("number"), wanted.get("dialog_id"), seal)
