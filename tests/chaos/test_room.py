"""What the system says of a process, and the room in it that Python keeps behind a busy moment."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path
from unittest import mock

import pytest

from tests.chaos import inside
from tests.chaos.memory import WARM_UP, Memory, Sample, grown, slope
from tests.chaos.room import Pools, Room

HERE = Path(__file__).resolve().parents[2]
BUSY, MORE = 500, 250
"""Every so many seconds a moment needs so many kB more than any before."""

SCATTERED = """
from pathlib import Path
from tests.chaos.inside import TOLD_AFTER, Counting
from tests.chaos.memory import Memory
from tests.chaos.room import Room

folder = Path({folder!r})
counting, memory = Counting(folder), Memory(folder)

def own():
    text = Path("/proc/self/smaps_rollup").read_text(encoding="ascii")
    return next(int(line.split()[1]) for line in text.splitlines() if "Anonymous:" in line)

def look():
    for _ in range(TOLD_AFTER):
        counting.look_at_pools()

look()
before = own()
busy = [bytes(200) for _ in range(200_000)]  # 4,400 in an arena, 68 in a pool
look()
busy = busy[::{each}]
look()
memory.read()
print(own() - before, own() - before - Room(memory.pools).at(float("inf")))
"""


def grew(folder: Path, each: int) -> tuple[int, int]:
    """Return by how many kB a process grew that had 200,000 pieces, and keeps one of `each`.

    As the system says, and without the room that Python keeps.
    """
    words = [sys.executable, "-c", SCATTERED.format(folder=str(folder), each=each)]
    done = subprocess.run(words, cwd=HERE, capture_output=True, text=True, check=True)
    own, held = map(int, done.stdout.split())
    return own, held


@pytest.mark.skipif(sys.platform != "linux", reason="the system does not tell")
def test_room_is_what_no_piece_lies_in_and_not_what_a_few_keep(tmp_path):
    own, held = grew(tmp_path, 2_000)  # in each arena is one: no page goes back
    assert own > 40_000
    assert held < 5_000
    own, held = grew(tmp_path, 50)  # in each pool is one
    assert own - held < 5_000


def pools(at: float, pooled: int, most: int = 0, arenas: int = 60_000) -> Pools:
    return Pools(at, pooled, max(pooled, most), arenas, 1)


def test_room_is_what_was_needed_and_is_free():
    room = Room([pools(10, 50_000), pools(20, 50_000, 53_000), pools(30, 51_000, 52_000)])
    assert [room.at(when) for when in (5, 10, 25, 30, 99)] == [0, 0, 3_000, 2_000, 2_000]


def test_arenas_that_went_back_are_no_room():
    rows = [pools(10, 50_000, 58_000), pools(20, 50_000, arenas=51_000), pools(30, 50_000)]
    assert [Room(rows).at(when) for when in (10, 20, 30)] == [8_000, 1_000, 1_000]


def soak(*, lasting: bool, leak: float = 0.0) -> tuple[list[Sample], list[Pools]]:
    """Return what is seen of a process that is busier now and then than ever; `lasting`: for good.

    `leak`: MB an hour that Python does not know of.
    """
    rows, told = [], []
    for second in range(0, int(WARM_UP) + 2_700, 10):
        more = MORE * (second // BUSY)
        own = 85_000 + more + int(leak * 1024 * second / 3600)
        rows.append(Sample(float(second), own, own, own, 1))
        now = 55_000 + (more if lasting else 0) + second % 70
        told.append(pools(second, now, 55_100 + more if second % BUSY == 0 else 0))
    return rows, told


def found_in(rows: list[Sample], told: list[Pools]) -> list[str]:
    return [words.partition(" by ")[0] for words in grown(slope(rows, [], pools=told), [])]


def test_moments_that_need_more_than_each_before_are_no_leak_and_hide_none():
    rows, told = soak(lasting=False)
    assert found_in(rows, []) == ["memory grows"]
    assert found_in(rows, told) == []
    found = slope(rows, [], pools=told)
    assert found is not None
    assert found.own.least > 1.0
    assert str(found.own) in str(found)
    assert str(found.held) in str(found)
    assert found_in(*soak(lasting=False, leak=2.0)) == ["memory grows"]


def test_moments_that_need_ever_more_are_found_by_themselves():
    rows, told = soak(lasting=False)
    ever = [each._replace(most=each.most + int(each.at)) for each in told]
    assert found_in(rows, ever) == ["what busy moments need grows"]
    busier = [1.0, *(float(second) for second in range(3_000, 3_600, 10))]
    assert list(grown(slope(rows, [], busier, ever), [])) == []


def test_what_stays_in_pools_in_use_is_no_room():
    rows, told = soak(lasting=True)
    assert found_in(rows, told) == ["memory grows", "what busy moments need grows"]


@pytest.mark.parametrize(("leak", "finds"), [(0.0, False), (3.0, True)])
def test_room_that_fills_up_makes_no_process_larger(leak: float, *, finds: bool):
    rows, told = soak(lasting=False, leak=leak)
    rows = [each._replace(own=85_000 + int(leak * 1024 * each.at / 3600)) for each in rows]
    filling = [each._replace(pooled=50_000 + int(each.at * 0.6), most=58_000) for each in told]
    found = slope(rows, [], pools=filling)
    assert found is not None
    assert found.held.least > 1.0
    assert found_in(rows, filling) == ["memory grows"] * finds


def test_pools_are_told_beside_the_counts(tmp_path):
    counting, memory = inside.Counting(tmp_path), Memory(tmp_path)
    for _ in range(inside.TOLD_AFTER - 1):
        counting.look_at_pools()
    memory.read()
    assert memory.pools == []
    counting.look_at_pools()
    memory.read()
    (row,) = memory.pools
    assert 1_000 < row.pooled <= row.most <= row.arenas
    assert memory.counts == []


def test_the_counting_thread_has_the_daemons_heap(tmp_path, monkeypatch: pytest.MonkeyPatch):
    threads: list[int] = []

    def settled(environ: object) -> bool:
        threads.append(sum(each.name == "counting" for each in threading.enumerate()))
        return True

    def main() -> None:
        assert any(each.name == "counting" for each in threading.enumerate())

    monkeypatch.setattr(inside, "settle", settled)
    monkeypatch.setattr(sys, "argv", ["inside", str(tmp_path), "run"])
    with mock.patch.object(inside, "main", main):
        inside.inside()
    assert threads == [0]
