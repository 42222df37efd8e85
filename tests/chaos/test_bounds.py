"""What a run as a whole is held to: its tables, its excuses, its memory. No daemon, no socket."""

from __future__ import annotations

import asyncio
import base64
import gc
import json
import random
import re
import sys
import tomllib
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from unittest import mock

import pytest

from listener.chronicle import Chronicle
from listener.correlation.books import EARLY_FOR
from listener.correlation.outcome import MinimumEvidence
from listener.correlation.picture import AgentPicture
from listener.digits import SPOKEN_OF
from listener.dropin.app import REFUSED_FOR
from listener.finesse import uris
from listener.finesse.actions import Drop, Hold, Ready, SendDtmf, TaskStart
from listener.finesse.events import DialogChanged, RequestFailed, UserChanged
from listener.finesse.model import User
from listener.simulator.interfaces import HttpRequest, HttpResponse
from listener.xmpp import stanzas
from tests.chaos import inside, reading, verdict
from tests.chaos.kinds import grown_kinds
from tests.chaos.memory import WARM_UP, Count, Memory, Sample, grown, slope
from tests.chaos.player import LivePlayer
from tests.chaos.plot import Plotter, run_of, story_seed, traits_of
from tests.chaos.program import Program
from tests.chaos.reader import Reader
from tests.chaos.stalls import CALM, LONG, Stall, Stalls, calm, lag_between
from tests.chaos.tables import MUST_BE_NONE, LiveTally
from tests.chaos.truth import Notes, Reads, signed_by
from tests.oracle import judge, knowable, logins
from tests.oracle.account import Account, Asked, Heard, Parcel
from tests.oracle.judge import Find
from tests.oracle.story import Step, Story
from tests.shell import journals

HOUR = 3600.0


def tally_of(**ended: int) -> LiveTally:
    rows = {"HOLD": Counter(ended)}
    return LiveTally(
        requests=sum(ended.values()), by_action=rows, by_fault={"nothing special": rows["HOLD"]}
    )


@pytest.mark.parametrize("kind", MUST_BE_NONE)
def test_the_tables_have_a_line_for_everything_that_must_be_none(kind):
    tally = LiveTally(by_fault={"event_lost": Counter(confirmed=1), "faulty": Counter(confirmed=1)})
    lines = tally.tables().splitlines()
    assert lines.count(f"{kind}: 0") == 1
    tally.note(kind, "found")
    assert f"{kind}: 1" in tally.tables().splitlines()


def test_the_share_of_unconfirmed_is_told_by_action_and_by_fault_with_the_reasons():
    tally = tally_of(confirmed=3, unconfirmed=1)
    tally.open_actions["HOLD"] = tally.open_faults["nothing special"] = Counter(link_lost=1)
    lines = [line.split() for line in tally.tables().splitlines()]
    assert ["HOLD", "4", "1", "25.0", "%", "link_lost", "1"] in lines
    assert ["nothing", "special", "4", "1", "25.0", "%", "link_lost", "1"] in lines


def test_a_listener_that_confirms_nothing_is_found():
    assert list(tally_of(confirmed=70, unconfirmed=30).beyond()) == []
    found = [words for kind, words in tally_of(unconfirmed=100).beyond() if kind == "unconfirmed"]
    assert len(found) == 2


def test_a_listener_that_confirms_nothing_where_nothing_is_wrong_is_found():
    tally = tally_of(confirmed=10, unconfirmed=30)
    tally.by_action["DROP"] = Counter(confirmed=100)
    assert [kind for kind, _ in tally.beyond()] == ["unconfirmed"]


def test_a_run_with_too_many_excuses_is_none():
    tally = tally_of(confirmed=100)
    tally.excused.update({"missed": 5})
    assert not tally.too_slow
    tally.excused.update({"overdue": 1})
    assert tally.too_slow
    assert [kind for kind, _ in tally.beyond()] == ["excused"]


# -- lag ------------------------------------------------------------------------------------------


class Open:
    """A request as far as an excuse looks at it."""

    submitted, settled = 10.0, 20.0


def test_an_excuse_by_lag_needs_a_lag_that_was_measured_while_the_request_was_open():
    asked = Open()
    find = Find("missed", asked, "late")  # type: ignore[arg-type]
    with mock.patch.object(verdict, "_judged", lambda _account, lag: [] if lag > 1.0 else [find]):
        assert verdict.judged(None, [Stall(15, 16, 1.5)]) == ([], [find])  # type: ignore[arg-type]
        assert verdict.judged(None, []) == ([find], [])  # type: ignore[arg-type]
        assert verdict.judged(None, [Stall(1, 2, 9.0)]) == ([find], [])  # type: ignore[arg-type]
        assert verdict.judged(None, [Stall(15, 16, 0.5)]) == ([find], [])  # type: ignore[arg-type]


def test_a_hold_up_counts_where_it_touches():
    stalls = [Stall(1, 2, 0.3), Stall(5, 6, 0.2)]
    assert [lag_between(stalls, *when) for when in ((0, 1), (3, 4), (5.5, 9), (0, 9))] == [
        *(0.3, 0.0, 0.2, 0.3)
    ]


async def test_a_story_waits_while_a_loop_is_held_up_and_its_steps_stay_apart():
    loop, stalls, done = asyncio.get_running_loop(), Stalls(), []
    story = Story(1, {}, (Step(0.0, "a"), Step(0.3, "b")))
    player = LivePlayer(mock.MagicMock(returned=mock.AsyncMock()), story, stalls)
    player._do = lambda _number, _step: done.append(loop.time())  # type: ignore[method-assign]
    stalls.note(loop.time() - 1, end := loop.time(), LONG)
    await player.play()
    assert done[0] >= end + CALM - 0.01
    assert done[1] >= done[0] + 0.29


async def test_a_story_does_not_wait_for_loops_that_are_quick():
    stalls = Stalls()
    stalls.note(1.0, 2.0, 0.05)
    assert list(stalls) == []
    stalls.note(1.0, 2.0, LONG)
    async with asyncio.timeout(20):
        await calm(stalls, Stalls())


# -- memory ---------------------------------------------------------------------------------------


def samples(*, megabytes_an_hour: float, hours: float = 1.0, pid: int = 1) -> list[Sample]:
    warm = 50_000  # kB, which it has after warm-up
    found = []
    for second in range(0, int(WARM_UP + hours * HOUR), 10):
        own = warm * min(1.0, second / WARM_UP)
        own += max(0.0, second - WARM_UP) / HOUR * 1024 * megabytes_an_hour
        found.append(Sample(float(second), int(own), int(own), int(own), pid))
    return found


def counts(objects: list[int], tasks: list[int]) -> list[Count]:
    at = [WARM_UP + 60.0 * number for number in range(len(objects))]
    rows = zip(at, objects, tasks, strict=True)
    sizes = {"pieced": 50_000, "arenas": 55_000, "malloced": 25_000, "paged": 400}
    rest = {"garbage": 0, "threads": 5, "files": 40, "blocks": 500_000, "pid": 1, **sizes}
    return [Count(at=when, objects=some, tasks=open_, **rest) for when, some, open_ in rows]


def test_memory_that_grows_behind_its_warm_up_is_found():
    steady, growing = samples(megabytes_an_hour=0.1), samples(megabytes_an_hour=3.0)
    assert list(grown(slope(steady, []), [])) == []
    even = "+3.00 MB/h (+3.00 to +3.00)"
    words = f"memory grows by {even}, in the second half by {even}"
    assert list(grown(slope(growing, []), [])) == [words]


def test_a_slope_that_chance_may_make_is_told_with_its_range_and_not_found():
    drawn = random.Random(5)
    rows = [
        each._replace(own=each.own + drawn.randrange(12_000))
        for each in samples(megabytes_an_hour=0.0, hours=0.5)
    ]
    # What is lowest in a minute is left where a busy one was.
    steps = [each._replace(own=each.own + 4_000 * (int(each.at) // 360 % 2)) for each in rows]
    found = slope(steps, [])
    assert found is not None
    assert found.own.least < 0 < found.own.most
    assert list(grown(found, [])) == []
    assert f"{found.own}" in str(found)
    rising = [each._replace(own=each.own + int(each.at * 3)) for each in steps]
    assert [words.partition(" by")[0] for words in grown(slope(rising, []), [])] == ["memory grows"]


def test_texts_that_the_collector_does_not_know_are_found_by_their_pieces():
    even = counts([100_000] * 60, [200] * 60)
    rows = [row._replace(blocks=500_000 + 600 * n) for n, row in enumerate(even)]
    found = slope(samples(megabytes_an_hour=0.0), rows)
    assert list(grown(found, rows)) == ["pieces of memory in use grow by 36000 an hour"]


def test_what_has_filled_up_grows_no_more_in_the_second_half_and_is_no_find():
    rows = samples(megabytes_an_hour=0.0, hours=0.75)
    filling = [each._replace(own=each.own + min(2_000, int(each.at))) for each in rows]
    found = slope(filling, [])
    assert found is not None
    assert found.own.at > found.later.at == 0.0
    assert list(grown(found, [])) == []


def test_what_a_rising_load_left_is_no_leak_and_what_grows_under_an_even_one_is():
    rows = samples(megabytes_an_hour=3.0)
    middle = (WARM_UP + rows[-1].at) / 2
    even = [float(at) for at in range(int(rows[-1].at))]
    busier = sorted([*even, *(at + 0.5 for at in even if at > middle)])
    assert len(list(grown(slope(rows, [], even), []))) == 1
    assert list(grown(slope(rows, [], busier), [])) == []
    more = [
        row._replace(blocks=500_000 + 300 * n) for n, row in enumerate(counts([9] * 60, [9] * 60))
    ]
    assert len(list(grown(slope(rows, more, even), more))) == 2
    assert list(grown(slope(rows, more, busier), more)) == []
    leaking = [
        row._replace(pieced=row.pieced + 50 * n)
        for n, row in enumerate(counts([100_000] * 60, [200] * 60))
    ]
    assert len(list(grown(slope(rows, leaking, busier), leaking))) == 1


def test_a_leak_is_found_in_what_is_in_use_where_the_system_shows_steps_of_arenas_only():
    rows, drawn = samples(megabytes_an_hour=0.0, hours=0.75), random.Random(8)
    hour = (rows[-1].at - WARM_UP) / HOUR
    stepped = [each._replace(own=each.own + 1024 * (each.at > 2_000)) for each in rows]
    for megabytes, finds in ((0.5, 0), (2.0, 1)):
        leaking = [
            row._replace(pieced=row.pieced + int(1024 * megabytes * hour * n / 45) + noise)
            for n, row in enumerate(counts([100_000] * 45, [200] * 45))
            for noise in (drawn.randrange(300),)
        ]
        words = list(grown(slope(stepped, leaking), leaking))
        assert [each.partition(" by")[0] for each in words] == ["memory in use grows"] * finds


def with_a_guest(rows: list[Count], *, drawn: random.Random) -> list[Count]:
    """Return the counts as if an agent came and went by reloads, with nine tasks and objects."""
    return [
        row._replace(agents=21, tasks=row.tasks + 9, objects=row.objects + 900, pieced=52_000)
        if drawn.random() < n / len(rows)  # there more and more often
        else row._replace(agents=20)
        for n, row in enumerate(rows)
    ]


def test_tasks_of_an_agent_that_comes_and_goes_are_no_find_and_one_more_a_minute_is():
    drawn, even = random.Random(4), samples(megabytes_an_hour=0.0, hours=0.75)
    rows = with_a_guest(counts([100_000] * 45, [191] * 45), drawn=drawn)
    assert list(grown(slope(even, rows), rows)) == []
    leaking = with_a_guest(counts([100_000] * 45, [191 + n for n in range(45)]), drawn=drawn)
    found = [words.partition(" while")[0] for words in grown(slope(even, leaking), leaking)]
    assert found == ["tasks grow"] * 2


def test_warm_up_lasts_twice_as_long_as_anything_is_kept_for_a_time(tmp_path):
    deployment = mock.MagicMock(agents=(), xmpp=(), rest=())
    deployment.sim.write_ca = lambda path: path
    with mock.patch.object(Program, "_write"):
        text = Program(tmp_path, deployment)._text
    requests = tomllib.loads(text)["requests"]
    kept = (60 * requests["tombstone_minutes"], EARLY_FOR, SPOKEN_OF, REFUSED_FOR)
    assert 2 * max(kept) <= WARM_UP


def test_what_is_too_short_to_tell_is_not_judged_and_says_so():
    short = slope(samples(megabytes_an_hour=9.0, hours=0.2), [])
    assert list(grown(short, [])) == []
    assert "too short" in str(short)
    assert slope(samples(megabytes_an_hour=9.0, hours=0.0), []) is None


def test_objects_tasks_and_files_that_grow_are_found():
    rows = samples(megabytes_an_hour=0.0)
    many = [100_000 + 1_000 * number for number in range(60)]
    found = list(grown(slope(rows, counts(many, [200] * 60)), counts(many, [200] * 60)))
    assert found == ["objects in use grow by 60000 an hour"]
    tasks = [200 + number for number in range(60)]
    even = counts([100_000] * 60, tasks)
    assert [words.partition(" while")[0] for words in grown(slope(rows, even), even)] == [
        "tasks grow"
    ]


def test_the_process_that_lived_longest_is_looked_at():
    rows = [*samples(megabytes_an_hour=0.0), *samples(megabytes_an_hour=90.0, hours=0.1, pid=2)]
    assert list(grown(slope(rows, []), [])) == []


def test_tasks_left_over_at_an_end_are_told(tmp_path):
    counting = inside.Counting(tmp_path)

    async def forgetful() -> None:
        asyncio.get_running_loop().create_task(asyncio.sleep(60), name="forgotten")

    with inside.counted(counting):
        asyncio.run(forgetful())
    memory = Memory(tmp_path)
    memory.read()
    assert memory.ends == 1
    assert ["forgotten" in words for words in memory.left] == [True]


async def test_what_is_in_a_process_is_counted_when_asked(tmp_path):
    with mock.patch.multiple(gc, freeze=gc.collect, unfreeze=gc.collect):
        inside.Counting(tmp_path).count()
    memory = Memory(tmp_path)
    memory.read()
    (count,) = memory.counts
    assert count.objects > 1_000
    assert count.tasks == 1
    assert json.loads((tmp_path / "inside.jsonl").read_text(encoding="utf-8"))["more"]


class Kept:
    """Stands for what is kept for too long."""


async def test_the_kinds_that_grow_behind_warm_up_are_told(tmp_path):
    counting, memory = inside.Counting(tmp_path), Memory(tmp_path)
    gone, kept = [Kept() for _ in range(50)], []
    with mock.patch.multiple(gc, freeze=gc.collect, unfreeze=gc.collect):
        for _ in range(6):
            counting.count()
            gone.clear()  # what was there during warm-up alone
            kept += [Kept() for _ in range(10)]
    memory.read()
    name = f"{Kept.__module__}.Kept"
    assert [each[name] for each in memory.kinds] == [50, 10, 20, 30, 40, 50]
    at = [each.at - memory.counts[0].at for each in memory.counts]
    warm = (at[0] + at[1]) / 2
    assert f"{name} +40" in grown_kinds(memory.counts, memory.kinds, warm)
    assert grown_kinds(memory.counts[:3], memory.kinds[:3], warm) == []
    assert grown_kinds([], []) == []
    older = [each._replace(pid=1) for each in memory.counts[:2]]
    other = grown_kinds([*older, *memory.counts], [*memory.kinds[:2], *memory.kinds], warm)
    assert f"{name} +40" in other


async def test_what_is_in_use_is_told_to_the_megabyte(tmp_path):
    counting, memory = inside.Counting(tmp_path), Memory(tmp_path)
    with mock.patch.multiple(gc, freeze=gc.collect, unfreeze=gc.collect):
        counting.count()
        kept = [f"a text that is kept, number {number}" for number in range(20_000)]
        large = [b"much" * 25_000 for _ in range(20)]
        counting.count()
    memory.read()
    before, after = memory.counts
    size = sum(map(sys.getsizeof, kept)) + sys.getsizeof(kept)
    assert after.pieced - before.pieced == pytest.approx(size / 1024, rel=0.3)
    assert after.used - before.used == pytest.approx((size + 100_000 * len(large)) / 1024, rel=0.3)
    assert before.pieced < before.arenas


async def test_what_is_set_aside_while_it_is_counted_is_counted_all_the_same(tmp_path):
    counted, again = gc.get_objects, [gc.freeze]

    def meanwhile() -> list[object]:
        if again:
            again.pop()()
        return counted()

    with mock.patch.object(gc, "get_objects", meanwhile):
        inside.Counting(tmp_path).count()
    gc.unfreeze()
    memory = Memory(tmp_path)
    memory.read()
    assert memory.counts[0].objects > 1_000


def test_the_small_bounds_are_bounds_that_there_are():
    with inside.small():
        assert inside.books.MAX_ITEMS == inside.FEW
    assert inside.books.MAX_ITEMS > inside.FEW


def test_the_ends_of_few_calls_are_remembered_for_each_agent_with_small_bounds():
    picture = AgentPicture()
    with inside.small():
        for number in range(inside.FEW):
            picture.remove(str(number), float(number))
    assert len(picture.gone) == inside.FEW // 10


async def test_what_is_told_of_sessions_is_full_after_a_few_with_small_bounds():
    with inside.small():
        chronicle = Chronicle()
    for number in range(2 * inside.FEW):
        chronicle.gap("1001", "link" if number % 2 else None)
    assert len(chronicle.hearing) == len(chronicle.recent()) == inside.FEW


def test_what_was_read_is_remembered_for_a_few_only_wherever_it_is_asked_with_small_bounds():
    with inside.small():
        for number in range(2 * inside.FEW):
            stanzas.place(f"/finesse/api/Dialog/{number}")
            re.compile(f"{number}")
        assert inside.uris._place.cache_info().currsize < inside.FEW
        assert len(re._cache) < inside.FEW
    assert inside.uris._place.cache_info().maxsize > inside.FEW


# -- what is drawn --------------------------------------------------------------------------------


def test_which_events_have_the_id_is_drawn_for_each_of_them():
    story = Plotter(story_seed(3, 1), traits_of(3, 6), seconds=60.0, rate=8.0).whole()
    asked = [step.args for step in story.steps if step.do == "ask"]
    letters = Counter("".join(args["tags"] for args in asked))
    assert all(letters[letter] > 0.05 * letters.total() for letter in "1o0")
    mixed = [args for args in asked if len(set(args["tags"])) > 1]
    assert len(mixed) > len(asked) / 2
    assert {letter for args in asked for letter in args["error_tag"]} == set("1o0")


def test_a_story_tells_the_seed_of_its_run():
    assert run_of(story_seed(51, 4)) == 51


# -- what a process forgets -----------------------------------------------------------------------


def task_missed(*, heard_at: float, restarted_at: float) -> tuple[Account, Find]:
    """Return a task's request of 100 s that was left open, and when its dialog was heard of."""
    request = TaskStart(agent="1001", dialog_id="9")
    asked = Asked(1, "k", request, "r", "2001", "submit", MinimumEvidence.ANY, 8.0, 100.0)
    asked.begun, asked.settled = 100.0, 108.0
    event = DialogChanged(node="n", dialog=None, dialog_id="9")  # type: ignore[arg-type]
    heard = Heard(heard_at, "1001", event, None, first=True)  # type: ignore[arg-type]
    account = Account(1, heard=[heard], restarts=[(restarted_at - 5, restarted_at)])
    return account, Find("missed", asked, "confirmed: a change that it asked for was read")


def test_a_task_is_compared_only_with_what_the_process_has_heard_of_it():
    assert verdict._excused(*task_missed(heard_at=80.0, restarted_at=90.0), lag=0.0)
    assert not verdict._excused(*task_missed(heard_at=95.0, restarted_at=90.0), lag=0.0)


def test_a_task_that_was_asked_for_during_a_hand_over_was_heard_of_by_the_process_before():
    # the process that takes over serves before the other one has ended
    assert verdict._excused(*task_missed(heard_at=99.0, restarted_at=104.0), lag=0.0)
    assert not verdict._excused(*task_missed(heard_at=99.0, restarted_at=106.0), lag=0.0)


@pytest.mark.parametrize(
    ("told", "held_up", "put_off"),
    [
        (109.9, (107.0, 109.0), True),  # what came meanwhile was read first
        (109.9, (100.0, 101.0), False),  # it was quick again long before
        (111.0, (107.0, 109.0), False),  # nobody reads for so long
    ],
)
def test_an_outcome_that_was_due_behind_a_hold_up_is_told_when_what_came_was_read(
    told, held_up, put_off
):
    request = TaskStart(agent="1001", dialog_id="9")
    asked = Asked(1, "k", request, "r", "2001", "submit", MinimumEvidence.ANY, 8.0, 100.0)
    asked.settled = told
    stalls = [Stall(*held_up, 0.2)]
    assert verdict._put_off(Find("overdue", asked, "late"), stalls) is put_off
    assert not verdict._put_off(Find("overdue", asked, "late"), [])
    assert not verdict._put_off(Find("missed", asked, "late"), stalls)


@pytest.mark.parametrize(
    ("begin", "end", "lag", "excused"),
    [
        (105.4, 108.0, 2.55, True),  # the deadline is at 108: nobody could be asked
        (107.0, 109.0, 1.95, False),  # there was time before
        (103.0, 106.1, 3.05, False),  # there was time behind it
        (105.4, 107.6, 1.5, False),  # at some time between two looks
        (105.4, 105.6, 0.15, False),
    ],
)
def test_a_get_is_not_answered_while_a_loop_is_held_up_till_the_deadline(begin, end, lag, excused):
    asked = Asked(
        1,
        "k",
        Hold(agent="1001", dialog_id="9", target_media_address="2001"),
        "r",
        "2001",
        "submit",
        MinimumEvidence.ANY,
        8.0,
        100.0,
    )
    told = "confirmed: a GET before its deadline would have shown it"
    stalls = [Stall(begin, end, lag)]
    with mock.patch.object(verdict, "finds", return_value=[Find("missed", asked, told)]):
        account = Account(0, asked=[asked], live={"1001": [[90.0, 200.0]]})
        found = verdict.judged(account, stalls)
    assert [bool(each) for each in found] == [not excused, excused]
    for other in (Find("missed", asked, "failed: an error"), Find("wrong", asked, told)):
        assert not verdict._unasked(other, stalls)


@pytest.mark.parametrize(("lag", "in_doubt"), [(0.0, False), (0.5, False), (1.5, True)])
def test_what_was_read_in_the_measured_lag_behind_an_errors_seconds_is_a_doubt(lag, in_doubt):
    asked = Asked(1, "k", Ready(agent="1001"), "r", "2001", "submit", MinimumEvidence.ANY, 20, 100)
    asked.begun, asked.settled = 100.0, 120.0
    anothers = Parcel("n", "", 104.0, cause=object(), tag=None, is_error=False)  # type: ignore[arg-type]
    user = UserChanged(node="n", owner="1001", user=User(state="WORK"))
    error = RequestFailed(node="n", owner="1001", user_id="1001", errors=())
    heard = [
        Heard(101.0, "1001", error, Parcel("n", "", 101.0, None, None, is_error=True), first=True),
        Heard(104.0, "1001", user, anothers, first=True),
    ]
    with verdict.tolerant(lag):
        assert knowable._company(Account(1, heard=heard), asked, heard[0]) is in_doubt


@pytest.mark.parametrize(("lag", "excused"), [(0.6, True), (0.4, False)])
def test_a_reader_that_is_cut_off_is_a_fault_unless_it_measured_that_it_could_not_read(
    lag: float, *, excused: bool
):
    reader = Reader(Path("none"))
    reader.take(None, "reset", {}, 0.0)  # where it begins
    for number in (7, 8):
        reader.take(f"e-{number}", "session", {}, 0.0)
    assert not reader._odd
    reader.take(None, "lagged", {"behind": 1287}, lag)
    assert (reader.held_up, len(reader._odd)) == ((1, 0) if excused else (0, 1))
    reader.take("e-10", "session", {}, 0.0)
    reader.take(None, "reset", {}, 60.0)
    assert [words[:10] for words in reader._odd[-2:]] == ["event e-10", "the reader"]


@pytest.mark.parametrize("words", ["given up", "not_reported"])
@pytest.mark.parametrize(
    ("early", "lag", "excused"), [(0.12, 0.0, True), (0.3, 0.0, False), (0.3, 0.2, True)]
)
def test_a_deadline_is_told_by_two_clocks_of_which_a_small_lag_is_not_measured(
    words: str, early: float, lag: float, *, excused: bool
):
    ready = Ready(agent="1001")
    asked = Asked(1, "k", ready, "r", "2001", "expect", MinimumEvidence.ANY, 15.0, 100.0)
    asked.begun, asked.settled = 100.0, 115.0 - early
    find = Find("law", asked, f"{words} {early:.1f} s before its deadline")
    assert verdict._excused(Account(1), find, lag) is excused


@pytest.mark.parametrize(
    ("told", "lag", "excused"), [(7.0, 0.6, True), (7.0, 0.4, False), (3.0, 0.6, False)]
)
def test_a_ping_at_a_windows_end_may_go_unanswered_by_a_lag_that_was_measured(
    told: float, lag: float, *, excused: bool
):
    dtmf = SendDtmf(agent="1001", dialog_id="7", dtmf_string="1")
    asked = Asked(1, "k", dtmf, "r", "2001", "submit", MinimumEvidence.ANY, 5.0, 100.0)
    asked.begun, asked.settled, asked.accepted = 100.0, 100.0 + told, 100.0
    find = Find("law", asked, "link_lost, and there was no ground for that")
    assert verdict._excused(Account(1), find, lag) is excused
    hold = replace(asked, request=Hold(agent="1001", dialog_id="7"))  # nothing pings for that
    assert not verdict._excused(Account(1), find._replace(asked=hold), lag)


@pytest.mark.parametrize(("seconds", "excused"), [("1.1", True), ("1.3", False)])
def test_the_quiet_second_of_a_drop_may_be_longer_by_a_lag_that_is_not_measured(
    seconds: str, *, excused: bool
):
    drop = Drop(agent="1001", dialog_id="7")
    asked = Asked(1, "k", drop, "r", "2001", "submit", MinimumEvidence.ANY, 20.0, 100.0)
    asked.begun, asked.settled = 100.0, 101.3
    find = Find("law", asked, f"its id had shown it {seconds} s before it was told")
    assert verdict._excused(Account(1), find, lag=0.0) is excused


def said_again(*, in_the_story_before: bool) -> Account:
    """Return an account with an event that nobody was told, and its like written otherwise."""
    node, link = "/finesse/api/User/1001/Dialogs", {"1001": [[0.0, 1_000.0]]}
    text = "<Update><event>{}</event><source>/finesse/api/User/1001/Dialogs</source><data><dialogs>"
    text += "<Dialog><id>7</id><state>ACTIVE</state></Dialog></dialogs></data></Update>"
    old = Parcel(node, text.format("POST"), 5.0, None, None, is_error=False)
    old.published, old.heard = [5.0], [(5.1, "1001")]
    new = Parcel(node, text.format("post"), 300.0, None, None, is_error=False, published=[300.0])
    notes = Notes(Account(1), lambda: 500.0)
    if in_the_story_before:
        notes.made(old)
    notes.account = Account(2, up=link, live=link, ended=500.0)
    notes.made(new)
    notes.account.earlier = reading.earlier(notes.account, notes)
    return notes.account


def test_what_an_earlier_story_told_is_no_news_when_it_is_said_again():
    assert verdict.unread(said_again(in_the_story_before=True), []) == ([], [])
    found, excused = verdict.unread(said_again(in_the_story_before=False), [])
    assert [kind for kind, _ in found] == ["unread"]
    assert not excused


@pytest.mark.parametrize(("behind", "suspect"), [(-0.015, True), (0.015, False)])
def test_an_error_that_was_read_behind_a_presumption_makes_it_no_suspect(behind, suspect):
    dtmf = SendDtmf(agent="1001", dialog_id="7", dtmf_string="1")
    asked = Asked(1, "k", dtmf, "r", "2001", "submit", MinimumEvidence.ANY, 5.0, 100.0)
    asked.begun, asked.settled = 100.0, 105.0
    error = RequestFailed(node="n", owner="1001", dialog_id="7", errors=())
    parcel = Parcel("n", "", 104.0, None, None, is_error=True)
    heard = Heard(105.0 + behind, "1001", error, parcel, first=True)
    with verdict.tolerant(0.0):
        assert judge._suspects(Account(1, heard=[heard]), asked, heard) is suspect


async def test_when_the_turn_of_a_request_came_is_read_from_the_journal(tmp_path):
    waited, early, queued = journals.a_record(), journals.a_record(), journals.a_record()
    turn, path = journals.START + timedelta(seconds=1), tmp_path / "journal.db"
    async with journals.journal_at(path) as journal:
        for record in (waited, early, queued):
            assert await journal.put(journals.taken(record))
        assert await journal.put(journals.going(early, at=turn - timedelta(hours=1)))
        assert await journal.put(journals.going(waited, at=turn))
        since = journals.START.timestamp() - 1000.0
        found = reading.turns(path, since, 1000.0)  # as the daemon has it open
    assert found == {waited.key: pytest.approx(turn.timestamp() - 1000.0, abs=1e-5)}


async def test_a_login_that_rest_refused_is_still_refused_in_the_next_story():
    async def answers(_request):
        return HttpResponse(200)

    times = iter((10.0, 20.0, 21.0))
    notes = Notes(Account(1, up={"1001": [[1.0, 99.0]]}), lambda: next(times))
    reads = Reads(answers, notes)
    token = base64.b64encode(b"1001:pw").decode()
    signed = {"authorization": f"Basic {token}"}
    request = HttpRequest("GET", uris.user_node("1001"), "", signed, b"")
    reads.trouble = "get_401"
    assert (await reads(request)).status == 401
    assert logins.refused(notes.account, "1001", 11.0)
    notes.account = reading.succeed(notes.account, 2, 15.0)
    assert logins.refused(notes.account, "1001", 16.0)
    assert not logins.refused(notes.account, "1002", 16.0)
    reads.trouble = ""
    await reads(request)
    assert not logins.refused(notes.account, "1001", 22.0)
    assert reading.succeed(notes.account, 3, 30.0).gets == []


def test_who_asks_without_a_login_is_nobody():
    for words in ("", "Basic", "Basic ?", "Bearer abc"):
        request = HttpRequest("GET", "/", "", {"authorization": words}, b"")
        assert signed_by(request) == ""


@pytest.mark.parametrize("slow", range(10))
def test_the_difference_of_two_clocks_is_taken_where_nobody_had_a_turn_between(slow: int) -> None:
    now, looks = 100.0, 0

    def monotonic() -> float:
        nonlocal now
        now += 0.001
        return now

    def wall() -> float:
        nonlocal now, looks
        seen = now + 5000.0
        now += 0.0 if looks == slow else 0.05
        looks += 1
        return seen

    assert reading.offset(wall, monotonic) == pytest.approx(5000.0, abs=0.001)
