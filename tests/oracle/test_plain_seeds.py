"""Rules that are broken are found out by plain stories as well, drawn without a thought of them.

What breaks here is not of `broken_*`: a reader's own faults, some of which no law of the judge had
seen and no story had shown. Each has the first seed at which it comes up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from listener.correlation import (
    accusation,
    clockwork,
    correlator,
    desk,
    evidence,
    instants,
    looks,
    verdict,
)
from listener.correlation.outcome import Presumed, Reason, Unconfirmed, Window
from listener.finesse.actions.expectation import Monitoring, NewCall
from tests.oracle import planting
from tests.oracle.by_seed import Found, assert_found

Patches = Iterator[planting.Patch]


def who_was_presumed_owns_no_error() -> Patches:
    real = accusation._may_own

    def may_own(tomb: Any, now: float) -> bool:
        return not isinstance(tomb.outcome, Presumed) and real(tomb, now)

    yield accusation, "_may_own", may_own


def _what_stood_stands(real: Callable[..., Any], desk_of: Callable[[Any], Any]) -> Any:
    def keeping(one: Any, now: float, agent: str, *rest: Any) -> Any:
        kept = {entry: entry.standing for entry in desk_of(one).books.of(agent)}
        done = real(one, now, agent, *rest)
        for entry, standing in kept.items():
            entry.standing = standing
        return done

    return keeping


def what_stood_stands_over_a_gap() -> Patches:
    down, back = correlator.Correlator.link_down, looks.reconciled
    yield correlator.Correlator, "link_down", _what_stood_stands(down, lambda it: it._desk)
    yield looks, "reconciled", _what_stood_stands(back, lambda desk: desk)


def who_was_left_open_was_never_done() -> Patches:
    real = desk.never_done
    yield desk, "never_done", lambda outcome: isinstance(outcome, Unconfirmed) or real(outcome)


def late_events_are_not_told() -> Patches:
    real = desk.Desk.late

    def late(self: Any, entry: Any, late_: Any) -> None:
        if late_.kind != "event":
            real(self, entry, late_)

    yield desk.Desk, "late", late


def _told(**more: Callable[[Any, float], Any]) -> Patches:
    real = verdict.told

    def told(entry: Any, now: float) -> dict[str, Any]:
        return real(entry, now) | {name: make(entry, now) for name, make in more.items()}

    yield verdict, "told", told


def warnings_are_not_told() -> Patches:
    yield from _told(warnings=lambda _entry, _now: ())


def every_answer_is_a_202() -> Patches:
    yield from _told(status=lambda _entry, _now: 202)


def gaps_are_not_told() -> Patches:
    yield from _told(window=lambda entry, now: Window(now - entry.submitted, ()))


def a_get_fails_call_data_too_soon() -> Patches:
    yield evidence, "GET_FAILS_AFTER", 5.0


def the_date_of_an_answer_is_exact() -> Patches:
    yield instants, "DATE_GRAIN", 0.0


def what_a_get_shows_is_nobody_elses() -> Patches:
    yield looks, "contest", lambda _entries, _now: None


def _reason(says: Reason, of: set[Reason], fits: Callable[[Any], bool]) -> Patches:
    real = clockwork.reason

    def reason(entry: Any) -> Reason:
        why = real(entry)
        return says if why in of and fits(entry) else why

    yield clockwork, "reason", reason


def any_deadline_is_the_end_of_a_dialog() -> Patches:
    yield from _reason(
        Reason.DIALOG_ENDED, {Reason.DEADLINE}, lambda entry: entry.request.dialog_id is not None
    )


def calls_that_are_made_are_always_ambiguous() -> Patches:
    said = {Reason.DEADLINE, Reason.LINK_LOST, Reason.DIALOG_ENDED, Reason.WEAK}
    yield from _reason(
        Reason.AMBIGUOUS,
        said,
        lambda entry: isinstance(entry.case.expectation, NewCall | Monitoring),
    )


def silent_ones_have_always_lost_the_link() -> Patches:
    said = {Reason.DIALOG_ENDED, Reason.AMBIGUOUS, Reason.DEADLINE}
    yield from _reason(Reason.LINK_LOST, said, lambda entry: entry.silent)


FIRST: dict[planting.Plant, Found] = {
    who_was_presumed_owns_no_error: Found(22, "one who was settled before may own"),
    what_stood_stands_over_a_gap: Found(23, "it was not listened to the end"),
    who_was_left_open_was_never_done: Found(12, "fitted another one as well"),
    late_events_are_not_told: Found(17, "was not told as late"),
    warnings_are_not_told: Found(1, "no warning is told"),
    every_answer_is_a_202: Found(1, "status 202 is told"),
    gaps_are_not_told: Found(1, "is not told"),
    a_get_fails_call_data_too_soon: Found(56, "failed by a GET too soon"),
    the_date_of_an_answer_is_exact: Found(119, "it never was so since it was asked"),
    any_deadline_is_the_end_of_a_dialog: Found(1, "dialog_ended, and there was no ground"),
    calls_that_are_made_are_always_ambiguous: Found(28, "ambiguous, and there was no ground"),
    silent_ones_have_always_lost_the_link: Found(7, "link_lost, and there was no ground"),
    what_a_get_shows_is_nobody_elses: Found(20010, "confirmed more than one request"),
}


@pytest.mark.parametrize("broken", FIRST, ids=lambda broken: broken.__name__)
def test_a_rule_that_is_broken_is_found_at_a_plain_seed(broken: planting.Plant) -> None:
    assert_found(broken, FIRST[broken])
