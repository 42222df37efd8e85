"""Finesse's times as they are read."""

from __future__ import annotations

from listener.correlation import instants

TIME = "2026-11-21T08:00:00.123Z"


def test_a_time_is_read_with_blanks_around_it():
    assert instants.instant(f" {TIME}\n") == instants.instant(TIME) is not None


def test_what_is_too_long_for_a_time_is_none_and_not_remembered():
    known = instants._known.cache_info().currsize
    assert instants.instant(TIME + " " * 1_000_000) is None
    assert instants._known.cache_info().currsize == known
