"""Erasing a number or a dialog: the rows go, and so do the bytes in the files."""

from __future__ import annotations

import asyncio
import random
import re
import sqlite3
import subprocess
import sys

import pytest

from listener.errors import InvalidRequest, NotKept
from listener.finesse.actions import SendDtmf, UpdateCallData, UpdateScheduledCallback
from listener.journal import erasing
from listener.journal import table as table_module
from listener.journal.encoding import Scribe
from listener.journal.parcels import Parcel
from tests.builders import a_dialog, a_participant
from tests.shell.journals import (
    CUSTOMER,
    FULL,
    KEY,
    Disk,
    a_call,
    a_life,
    a_record,
    after,
    an_event,
    going,
    journal_at,
    opened,
    options,
    settled,
    taken,
)

DIGITS = CUSTOMER.strip("+")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "journal.db"


def on_disk(path, text: str) -> int:
    """Count a text in all files beside the journal, the journal's own among them."""
    return sum(each.read_bytes().count(text.encode()) for each in path.parent.iterdir())


async def test_a_number_is_erased_wherever_it_stands_and_however_it_is_written(path):
    with_number = {"dialog": {"toAddress": "tel:+1 (202) 555-0101"}}
    async with journal_at(path) as journal:
        asked = await a_life(journal, a_record(a_call()))
        told = await a_life(journal, a_record())
        await journal.put(settled(a_record()))
        shown = a_record()
        await journal.put(taken(shown), settled(shown, dialog=a_dialog(to_address="0012025550101")))
        late = await a_life(journal)
        await journal.put(after(late, detail="to 1-202-555-0101 instead"))
        await journal.put(
            an_event(1, data=with_number),
            an_event(2),
            an_event(3, "request", key=asked.key, data={"n": 1}),
        )
        erased = await journal.forget(number="+1 202 555-0101")
        assert [each.record.key for each in await journal.requests()] == [told.key]
        assert [each.sequence for each in (await journal.events(0, 9)).rows] == [2]
        assert {name: erased[name] for name in ("requests", "events", "remnants")} == {
            "requests": 3,
            "events": 2,
            "remnants": 0,
        }
        for written in ("2025550101", "555-0101", asked.key, shown.key, late.key):
            assert on_disk(path, written) == 0, written


async def test_another_number_that_only_holds_the_digits_stays(path):
    async with journal_at(path) as journal:
        longer = await a_life(journal, a_record(a_call(f"{DIGITS}7")))
        within = await a_life(journal, a_record(a_call(f"9{DIGITS}")))
        await journal.put(an_event(1, data={"a": f"3{DIGITS}"}))
        erased = await journal.forget(number=CUSTOMER)
        assert (erased["requests"], erased["events"]) == (0, 0)
        assert {each.record.key for each in await journal.requests()} == {longer.key, within.key}


async def test_a_number_in_a_name_by_which_rows_are_found_is_erased_too(path):
    async with journal_at(path) as journal:
        await a_life(journal, a_record(request_id=f"call-{DIGITS}-1"))
        await a_life(journal, a_record(asked_by=f"sip:{CUSTOMER}@host"))
        await journal.put(an_event(1, agent=DIGITS, data={}))
        erased = await journal.forget(number=CUSTOMER)
        assert (erased["requests"], erased["events"]) == (2, 1)
        assert on_disk(path, DIGITS) == 0


async def test_a_number_that_was_sealed_is_found_by_its_hash(path):
    callback = UpdateScheduledCallback(agent="1001", dialog_id="5", callback_number=DIGITS)
    data = UpdateCallData(agent="1001", dialog_id="5", call_variables={"callVariable1": CUSTOMER})
    event = {"dialog": {"mediaProperties": {"callvariables": {"callVariable2": CUSTOMER}}}}
    async with journal_at(path) as journal:
        await a_life(journal, a_record(callback))
        await a_life(journal, a_record(data))
        await journal.put(an_event(1, data=event))
        assert on_disk(path, DIGITS) == 0
        erased = await journal.forget(number=CUSTOMER)
        assert (erased["requests"], erased["events"]) == (2, 1)
        assert await journal.requests() == []


async def test_a_baseline_alone_is_blanked_and_its_request_stays(path):
    other = a_dialog("77", a_participant(CUSTOMER), from_address="5")
    record = a_record()
    async with journal_at(path) as journal:
        await journal.put(taken(record), going(record, a_dialog("100"), other), settled(record))
        erased = await journal.forget(number=CUSTOMER)
        stored = await journal.request(record.key)
        assert (erased["requests"], erased["baselines"]) == (0, 1)
        assert (stored.baseline, stored.record.outcome is None) == (None, False)
        assert stored.going_at is not None
        assert on_disk(path, DIGITS) == 0


async def test_an_open_request_keeps_what_it_needs_and_is_counted(path):
    record = a_record(a_call())
    async with journal_at(path) as journal:
        await journal.put(taken(record), an_event(1, "request", key=record.key))
        await journal.put(going(record, a_dialog(to_address=CUSTOMER)))
        erased = await journal.forget(number=CUSTOMER)
        assert (erased["requests"], erased["open_requests_kept"]) == (0, 1)
        (stored,) = await journal.unsettled()
        assert stored.record.request == record.request
        assert stored.baseline is not None
        assert (await journal.events(0, 9)).rows == []
        await journal.put(settled(record))
        erased = await journal.forget(number=CUSTOMER)
        assert (erased["requests"], erased["open_requests_kept"]) == (1, 0)
        assert on_disk(path, DIGITS) == 0


async def test_a_dialog_is_erased_with_what_it_became(path):
    async with journal_at(path) as journal:
        mine = await a_life(journal, a_record())  # its dialog is 100
        made = a_record(a_call())
        await journal.put(taken(made), settled(made, dialog=a_dialog("100")))
        beside = a_record(SendDtmf(agent="1", dialog_id="1001", dtmf_string="1"))
        await journal.put(taken(beside), going(beside, a_dialog("1001"), a_dialog("100")))
        await journal.put(settled(beside))
        await journal.put(
            an_event(1, dialog_id="100", data={}),
            an_event(2, dialog_id="1001", data={"id": "1001", "n": 100}),
            an_event(3, dialog_id=None, data={"source": "/finesse/api/Dialog/100"}),
            an_event(4, "request", dialog_id=None, key=made.key, data={}),
        )
        erased = await journal.forget(dialog_id="100")
        assert (erased["requests"], erased["baselines"], erased["events"]) == (2, 1, 3)
        assert await journal.request(mine.key) is None
        assert [each.sequence for each in (await journal.events(0, 9)).rows] == [2]
        assert (await journal.request(beside.key)).baseline is None


async def test_numbering_goes_on_where_it_was_when_the_newest_event_is_erased(path):
    async with journal_at(path) as journal:
        await journal.put(an_event(1, data={}), an_event(2, data={"a": CUSTOMER}))
        await journal.forget(number=CUSTOMER)
        assert (journal.first_sequence, journal.last_sequence) == (1, 2)
    async with journal_at(path) as journal:
        assert (journal.first_sequence, journal.last_sequence) == (1, 2)


async def test_what_is_written_while_it_is_looked_for_is_erased_too(path):
    async with journal_at(path) as journal:
        await a_life(journal, a_record(a_call()))
        erasing = journal.forget(number=CUSTOMER)
        written = [journal.put(taken(record := a_record(a_call()))), journal.put(settled(record))]
        assert (await erasing)["requests"] in {1, 2}
        assert all([await each for each in written])
        await journal.forget(number=CUSTOMER)
        assert on_disk(path, DIGITS) == 0


async def test_others_are_answered_while_it_is_looked_for_and_erased(path, monkeypatch):
    monkeypatch.setattr(erasing, "SLICE", 5)
    monkeypatch.setattr(erasing, "AT_ONCE", 1)
    async with journal_at(path) as journal:
        for number in range(1, 101):
            await a_life(journal, a_record(a_call()))
            await journal.put(an_event(number, data={"a": CUSTOMER}))
        forgetting = asyncio.create_task(journal.forget(number=CUSTOMER))
        asked = written = 0
        while not forgetting.done():
            record = a_record()
            written += await journal.put(taken(record))
            asked += await journal.request(record.key) is not None
        erased = await forgetting
    assert (erased["requests"], erased["events"]) == (100, 100)
    assert written == asked > 20  # more than a hundred slices, and something else between any two


async def test_events_that_were_passed_go_with_a_request_that_is_found_later(path, monkeypatch):
    record = a_record()
    async with journal_at(path) as journal:
        await journal.put(taken(record), an_event(1, "request", key=record.key, data={}))
        real = erasing.erase

        def erase(table, wanted, found):
            row = after(record, detail=f"to {CUSTOMER}")  # written once the search had passed
            table.write([_parcel(row)])
            table.write([_parcel(settled(record))])
            return real(table, wanted, found)

        monkeypatch.setattr(erasing, "erase", erase)
        erased = await journal.forget(number=CUSTOMER)
        assert (erased["requests"], erased["events"]) == (1, 1)


def _parcel(row) -> Parcel:
    return Parcel((), written=[Scribe(options()).write(row)])


async def test_bytes_that_stay_behind_a_deletion_are_overwritten(path):
    # SQLite leaves copies behind now and then, where rows were moved; here it always does.
    disk = Disk(overwrites=False)
    async with journal_at(path, connect=disk.connect) as journal:
        kept = [await a_life(journal) for _ in range(20)]
        for number in range(1, 20):
            await journal.put(an_event(number, data={"a": CUSTOMER if number % 2 else "x"}))
        erased = await journal.forget(number=CUSTOMER)
        assert (erased["events"], erased["remnants"]) == (10, 0)
        assert on_disk(path, DIGITS) == 0
        assert len(await journal.requests()) == len(kept)
        assert await journal.put(an_event(20))


async def test_what_moves_between_pages_leaves_no_number_behind(path):
    dice = random.Random(3)
    numbers = [f"+4930{dice.randrange(10**6):06}" for _ in range(50)]
    sequence = 0
    async with journal_at(path) as journal:
        for _ in range(6):
            for _ in range(100):
                sequence += 1
                number, filler = dice.choice(numbers), "x" * dice.choice((5, 60, 400, 3000))
                record = a_record(a_call(number), request_id=f"{number}-{dice.randrange(10)}")
                event = an_event(sequence, data={"a": number, "b": filler})
                written = journal.put(taken(record), settled(record), event)
            await written
            number = dice.choice(numbers)
            assert (await journal.forget(number=number))["remnants"] == 0
            assert on_disk(path, number) == 0


async def test_bytes_that_could_not_be_overwritten_are_counted(path, monkeypatch):
    monkeypatch.setattr(table_module.Table, "rewrite", _no_room)
    async with journal_at(path, connect=Disk(patience=0.01).connect) as journal:
        await a_life(journal, a_record(a_call()))
        # somebody else reads, so that the WAL cannot be emptied
        reader = sqlite3.connect(path, isolation_level=None)
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM events").fetchone()
        try:
            erased = await journal.forget(number=CUSTOMER)
        finally:
            reader.close()
        assert erased["requests"] == 1
        assert erased["remnants"] > 0
        await journal.put(an_event(1, data={"a": CUSTOMER}))
        assert (await journal.forget(number=CUSTOMER))["remnants"] == 0


def _no_room(_table):
    raise sqlite3.OperationalError("database or disk is full")


async def test_looking_at_the_bytes_takes_away_no_lock_of_sqlite(path):
    # With its locks gone, another process that closes the file removes the WAL under our feet.
    wal = path.with_name("journal.db-wal")
    async with journal_at(path) as journal:
        await a_life(journal, a_record(a_call()))
        await journal.forget(number=CUSTOMER)
        await journal.put(an_event(1))
        script = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]);"
        script += "print(c.execute('SELECT count(*) FROM events').fetchone()[0]); c.close()"
        run = [sys.executable, "-c", script, str(path)]
        seen = await asyncio.to_thread(subprocess.run, run, capture_output=True, check=True)
        assert seen.stdout == b"1\n"
        assert wal.stat().st_size > 0
        await journal.put(an_event(2))
        assert len((await journal.events(0, 9)).rows) == 2
    async with journal_at(path) as journal:
        assert journal.last_sequence == 2


async def test_damaged_journals_beside_it_are_counted_for_nobody_can_search_them(path):
    path.with_name("journal.db.damaged-20260101T000000Z").touch()
    async with journal_at(path) as journal:
        assert (await journal.forget(number=CUSTOMER))["set_aside_files"] == 1


@pytest.mark.parametrize("number", ["", "12", "+", "agent 1001", "1001'; --", "٣٤٥٦٧"])
async def test_what_is_no_number_is_refused(path, number):
    async with journal_at(path) as journal:
        with pytest.raises(InvalidRequest) as error:
            await journal.forget(number=number)
    assert error.value.field == "number"


async def test_nothing_to_forget_is_refused(path):
    async with journal_at(path) as journal:
        with pytest.raises(InvalidRequest):
            await journal.forget()


async def test_erasing_without_room_is_refused_and_nothing_is_erased(path):
    disk = Disk(at=("DELETE",))
    async with journal_at(path, connect=disk.connect) as journal:
        record = await a_life(journal, a_record(a_call()))
        disk.fails = FULL
        with pytest.raises(NotKept, match="full"):
            await journal.forget(number=CUSTOMER)
        assert await journal.request(record.key) is not None
        disk.fails = None
        assert (await journal.forget(number=CUSTOMER))["requests"] == 1


# -- what is never written at all ---------------------------------------------------------------


async def test_digits_are_counted_and_never_written(path):
    record = a_record(SendDtmf(agent="1001", dialog_id="5", dtmf_string="8642#97531"))
    async with journal_at(path, options(keep_call_data=True)) as journal:
        await a_life(journal, record)
        stored = await journal.request(record.key)
        assert on_disk(path, "8642") == 0
    assert len(stored.record.request.dtmf_string) == 10
    assert re.search(r"[0-9]", stored.record.request.dtmf_string) is None


SECRET = "Mrs Robinson, 12 Elm Street"


def _with_call_data(record):
    dialog = a_dialog(
        variables={"callVariable1": SECRET, "user.address": SECRET},
        media={"wrap_up_reason": SECRET, "wrap_up_items": (SECRET,)},
    )
    told = {"mediaProperties": {"callvariables": {"a": SECRET}, "wrapUpReason": SECRET}}
    return dialog, (
        taken(record),
        going(record, dialog, dialog),
        settled(record, dialog=dialog),
        an_event(1, data={"dialog": told}),
        an_event(2, "request", data={"outcome": {"dialog": {"wrapUpItems": [SECRET]}}}),
    )


def _update():
    return UpdateCallData(
        agent="1001",
        dialog_id="100",
        call_variables={"callVariable1": SECRET},
        wrap_up_reason=SECRET,
        wrap_up_items=(SECRET, ""),
    )


async def test_call_data_is_sealed_in_every_row_and_can_still_be_compared(path):
    record = a_record(_update())
    dialog, rows = _with_call_data(record)
    async with journal_at(path) as journal:
        await journal.put(*rows)
        stored = await journal.request(record.key)
        assert on_disk(path, "Robinson") == 0
        assert on_disk(path, "callVariable1") > 0
    request = stored.record.request
    assert dict(request.variables)["callVariable1"] == SECRET
    assert request.wrap_up_reason == SECRET != request.wrap_up_items[1]
    for kept in (stored.baseline.dialog, stored.baseline.others[0], stored.record.outcome.dialog):
        assert kept.media_properties.variable("user.address") == SECRET
        assert "Robinson" not in str(kept.media_properties.variable("user.address"))
        assert kept.participants == dialog.participants


async def test_an_event_is_read_without_what_was_sealed(path):
    _, rows = _with_call_data(a_record(_update()))
    async with journal_at(path) as journal:
        await journal.put(*rows)
        first, second = (await journal.events(0, 9)).rows
    told = {"mediaProperties": {"callvariables": {"a": None}, "wrapUpReason": None}}
    assert first.data == {"dialog": told}
    assert second.data == {"outcome": {"dialog": {"wrapUpItems": [None]}}}


async def test_call_data_is_kept_when_the_operator_wants_it(path):
    record = a_record(_update())
    dialog, rows = _with_call_data(record)
    async with journal_at(path, options(keep_call_data=True)) as journal:
        await journal.put(*rows)
        stored = await journal.request(record.key)
        first, _ = (await journal.events(0, 9)).rows
    assert stored.record.request == record.request
    assert stored.record.outcome.dialog == dialog
    assert first.data == rows[3].data


async def test_the_key_of_the_hashes_is_in_no_file_of_the_journal(path):
    journal = await opened(path)
    await a_life(journal, a_record(_update(), idempotency=("a", "b")))
    await journal.aclose()
    content = b"".join(each.read_bytes() for each in path.parent.iterdir())
    assert KEY not in content
    assert KEY.hex().encode() not in content
