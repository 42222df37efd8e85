"""Freed memory goes back to the system, at times that cost nothing that anybody sees."""

from __future__ import annotations

import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from listener.operations import allocator
from listener.operations.allocator import EVERY, REST, Allocator, settle

HERE = Path(__file__).resolve().parents[2]
FREED = """
from pathlib import Path
from listener.operations.allocator import EVERY, Allocator

def own():
    text = Path("/proc/self/smaps_rollup").read_text(encoding="ascii")
    return next(int(line.split()[1]) for line in text.splitlines() if "Anonymous:" in line)

one = Allocator()
one.give_back(0.0)
held = [bytes([number % 256]) * 60_000 for number in range(2_000)]
del held[:-1]  # the last lies above them all: what is below it is not given back by itself
before = own()
one.give_back(EVERY)
print(before - own())
"""

LARGE = """
from listener.operations.allocator import settle
from tests.chaos.inside import malloc

{}
large = b"1" * 1_000_000
del large
before = malloc().hblks
held = [bytes([number]) * 500_000 for number in range(64)]
print(malloc().hblks - before)
"""


def _told(program: str) -> int:
    """Run a program of its own and return the number that it prints."""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=HERE, capture_output=True, text=True, check=True
    )
    return int(done.stdout)


class Trim:
    """Counts; takes `takes` seconds of the processor, and `others` have it as long each time."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, takes: float, *, others: float = 0.0
    ) -> None:
        self.times: list[float] = []
        self.now = 0.0
        self._clock = 0.0
        self._takes = takes
        monkeypatch.setattr(allocator.time, "thread_time", lambda: self._clock)
        self._others = others
        self._wall = 0.0
        monkeypatch.setattr(allocator.time, "perf_counter", lambda: self._wall)

    def __call__(self) -> None:
        self.times.append(self.now)
        self._clock += self._takes
        self._wall += self._takes + self._others

    def run(self, seconds: int) -> None:
        one = Allocator(self)
        for second in range(seconds):
            self.now = float(second)
            one.give_back(self.now)


def test_memory_is_given_back_once_a_minute(monkeypatch: pytest.MonkeyPatch):
    trim = Trim(monkeypatch, takes=0.001)
    trim.run(300)
    assert trim.times == [60.0, 120.0, 180.0, 240.0]


def test_what_takes_long_is_done_less_often(monkeypatch: pytest.MonkeyPatch):
    trim = Trim(monkeypatch, takes=0.125)
    trim.run(2_000)
    assert trim.times[0] == EVERY
    assert [b - a for a, b in pairwise(trim.times)] == [REST * 0.125] * 3


def test_a_machine_that_is_busy_with_others_does_not_make_it_rare(monkeypatch: pytest.MonkeyPatch):
    trim = Trim(monkeypatch, takes=0.001, others=0.1)
    trim.run(300)
    assert trim.times == [60.0, 120.0, 180.0, 240.0]


def test_nothing_is_done_where_the_c_library_has_no_such_function(monkeypatch: pytest.MonkeyPatch):
    def other(_name: None) -> object:
        return object()

    monkeypatch.setattr(allocator.ctypes, "PyDLL", other)
    assert not settle({})
    one = Allocator()
    for second in (0.0, 100.0, 200.0):
        one.give_back(second)


@pytest.mark.parametrize("name", ["MALLOC_ARENA_MAX", "MALLOC_TRIM_THRESHOLD_", "GLIBC_TUNABLES"])
def test_what_an_operator_has_set_is_left_alone(name: str):
    assert not settle({"PATH": "/bin", name: "1"})


@pytest.mark.parametrize(("done", "by_themselves"), [("settle({})", True), ("None", False)])
def test_large_pieces_are_ones_by_themselves_whatever_was_freed_before(
    done: str, *, by_themselves: bool
):
    if allocator._trim() is None:
        pytest.skip("not glibc")
    pieces = _told(LARGE.format(done))  # of 64; a few find a hole that was there before
    assert (pieces > 48) if by_themselves else (pieces < 16)


def test_what_lies_between_pieces_in_use_goes_back_to_the_system():
    if allocator._trim() is None:
        pytest.skip("not glibc")
    assert _told(FREED) > 50_000  # kB, of 120 MB
