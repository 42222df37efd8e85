"""What the judge excuses hides no more than it should: a fault beside each excuse is found.

Each breaks the program where an excuse could cover it, and names the first seed that shows it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from listener import restoring
from listener.correlation import (
    accusation,
    bystanders,
    clockwork,
    desk,
    hearing,
    looks,
    objects,
    picture,
)
from listener.correlation.case import Case, How, Shown
from listener.correlation.entry import Entry
from listener.correlation.judges import pairs
from listener.correlation.outcome import (
    Abandoned,
    Confirmed,
    DialogIds,
    Evidence,
    Failed,
    MinimumEvidence,
    Presumed,
    Reason,
    Rejected,
    Unconfirmed,
)
from listener.finesse import actions as do
from listener.finesse import uris
from listener.finesse.actions.expectation import CallData, Conferenced, Left, Reclassified
from listener.finesse.events import DialogAdded, DialogChanged, DialogRemoved, RequestFailed
from listener.finesse.model import ApiError
from listener.simulator.interfaces import Deed
from tests.builders import (
    a_dialog,
    a_participant,
    a_user,
    a_user_event,
    added,
    an_error,
    an_event,
    removed,
)
from tests.oracle import (
    blame,
    details,
    effects,
    facts,
    grounds,
    judge,
    knowable,
    lanes,
    laws,
    planting,
    probed,
    reasons,
    shown,
    telling,
    whose,
)
from tests.oracle.account import Account, Asked, Got, Heard, Parcel, View
from tests.oracle.by_seed import STORIES, Found, assert_found
from tests.oracle.play import play
from tests.oracle.report import finds
from tests.oracle.story import Story

Patches = Iterator[planting.Patch]


def an_open_join_is_suspect_of_errors_on_any_call() -> Patches:
    """Beside: who does not know which of several calls is the other one is open on each."""
    real = objects.may_join

    def may_join(entry: Any, there: str) -> bool:
        return isinstance(entry.case.expectation, objects.JOINS) or real(entry, there)

    yield objects, "may_join", may_join


def an_error_is_late_on_all_of_its_agent() -> Patches:
    """Beside: a call and the one that took it in are one object."""

    def settled_here(desk: Any, _event: Any) -> list[Any]:
        return list(desk.books.tombs.values())

    yield accusation, "_settled_here", settled_here


def an_error_after_a_restart_names_nobody() -> Patches:
    """Beside: errors may be told again at the beginning of the sessions behind a restart."""
    yield picture.AgentPicture, "just_begun", lambda _self, _now: True


def a_call_that_ended_may_still_be_joined() -> Patches:
    """Beside: a call of which older news were read last seems to be there."""
    real = pairs.live_calls

    def live(case: Any) -> list[Any]:
        ended = case.baseline.others if case.baseline is not None else ()
        return [*real(case), *(each for each in ended if each not in real(case))]

    yield pairs, "live_calls", live


def an_id_of_ours_is_doubtful_wherever_an_error_was() -> Patches:
    """Beside: an event with the id of two whom it may be is nobody's for sure."""
    real = hearing.sole

    def sole(tagged: list[Any]) -> Any:
        found = real(tagged)
        if found is not None and any(e.suspicions for e in tagged):
            return None
        return found

    yield hearing, "sole", sole


def a_call_is_held_by_whatever_is_open_on_it() -> Patches:
    """Beside: the step to what an open request asks for looks like its own work."""
    yield bystanders, "on_the_way", lambda concerned, _id, _state: bool(concerned)


def a_join_that_was_proved_may_own_errors() -> Patches:
    """Beside: a join that ended by no proof may be about that call."""
    real = accusation._may_own

    def may_own(tomb: Any, now: float) -> bool:
        return isinstance(tomb.case.expectation, objects.JOINS) or real(tomb, now)

    yield accusation, "_may_own", may_own


def an_error_on_any_call_is_of_one_who_makes_one() -> Patches:
    """Beside: one may have made any call of its device of which nobody had told when it left."""
    real = accusation.names_another_object

    def another(desk: Any, entry: Any, event: Any) -> bool:
        makes = isinstance(entry.case.expectation, objects.MAKES) and event.dialog_id is not None
        return not makes and real(desk, entry, event)

    yield accusation, "names_another_object", another
    yield accusation, "_known", lambda _desk, _entry, _event: None


def an_error_that_names_nothing_is_of_all() -> Patches:
    """Beside: what fails before its dialog is there may come without a source."""
    yield accusation, "names_no_object", lambda _entry, _event: False


def an_end_is_always_cut_short() -> Patches:
    """Beside: a DELETE in the last second of a session, or of its time, tells nothing for sure."""
    real = clockwork._quiet

    def quiet(desk: Any, now: float, entry: Any) -> None:
        leaves = isinstance(entry.case.expectation, Left) and entry.quiet is not None
        if leaves and clockwork._passed(now, entry.quiet_due):
            entry.quiet = entry.quiet_due = None
        real(desk, now, entry)

    yield clockwork, "_quiet", quiet


def values_with_its_id_wait_for_the_deadline() -> Patches:
    """Beside: values that were there already, as far as was told, are told at the deadline."""

    def later(found: Any, _case: Any, _want: Any, sight: Any) -> Any:
        there = found.shown is Shown.EFFECT and sight.tagged
        return replace(found, shown=Shown.UNCHANGED) if there else found

    yield planting.over(CallData, later)


def any_error_is_a_doubt_of_one_who_makes_a_call() -> Patches:
    """Beside: an error on a call of which nobody had told may be on the one that it makes."""
    real = accusation.unsigned_error

    def unsigned_error(desk: Any, now: float, event: Any, **told: bool) -> None:
        real(desk, now, event, **told)
        for entry in desk.books.of(event.owner):
            makes = isinstance(entry.case.expectation, objects.MAKES)
            entry.clouded = entry.clouded or (makes and entry.on_the_wire)

    yield hearing, "unsigned_error", unsigned_error


def values_without_its_id_never_count() -> Patches:
    """Beside: while Finesse publishes again, what was never read may be what was missed."""

    def never(found: Any, _case: Any, _want: Any, sight: Any) -> Any:
        return found if sight.tagged else replace(found, shown=Shown.NOTHING)

    yield planting.over(CallData, never)


def a_classification_with_its_id_never_counts() -> Patches:
    """Beside: its id on what was so before is told at the deadline, if no gap lies behind it."""

    def never(found: Any, _case: Any, _want: Any, sight: Any) -> Any:
        return replace(found, shown=Shown.NOTHING) if sight.tagged else found

    yield planting.over(Reclassified, never)


def an_error_with_a_foreign_id_is_a_doubt_wherever_it_is() -> Patches:
    """Beside: on the user, it is a sign of another client where a call is to be made."""
    real = bystanders.at_work

    def at_work(desk: Any, event: Any) -> list[Any]:
        makers = desk.books.unbound(event.owner) if isinstance(event, RequestFailed) else ()
        return [*real(desk, event), *makers]

    yield bystanders, "at_work", at_work


def an_id_on_a_conference_never_counts() -> Patches:
    """Beside: its id on the call that was taken in shows nobody on the one that is left."""

    def never(found: Any, _case: Any, _want: Any, sight: Any) -> Any:
        there = sight.tagged and sight.how is How.CHANGED
        return replace(found, shown=Shown.NOTHING) if there else found

    yield planting.over(Conferenced, never)


def what_was_known_at_its_turn_is_what_it_left_with() -> Patches:
    """Beside: who was killed as he left has no baseline, and no change proves his work."""
    yield restoring, "_known_as_it_left", lambda _stored: True


def an_announced_update_supersedes_all_of_that_variable() -> Patches:
    """Beside: what was announced supersedes once it is known to be sent, or asks for the like."""
    real = desk.Desk._supersede

    def supersede(self: Any, entry: Any, want: Any) -> None:
        real(self, entry, want)
        names = desk.requested(want).keys()
        for other in self.books.on_dialog(entry.request.dialog_id):
            theirs = other.case.expectation
            if other is entry or other.sent_at is None or not isinstance(theirs, CallData):
                continue
            unknown = desk._perhaps_sent(entry) or desk._perhaps_sent(other)
            if unknown and desk.requested(theirs).keys() & names:
                desk._superseded(entry, other)
                desk._superseded(other, entry)

    yield desk.Desk, "_supersede", supersede


def an_announced_update_is_never_the_earlier_of_two() -> Patches:
    """Beside: one of which nobody knows yet that it was sent may be the later."""
    yield desk, "_only_announced", lambda first, _second: first.expected


def an_error_is_late_on_whoever_made_a_call() -> Patches:
    """Beside: a call that one made while nobody heard may be any one of its device."""

    def may_have_made(_desk: Any, tomb: Any, _there: Any) -> bool:
        return tomb.sent_at is not None and accusation._made(tomb) is None

    yield accusation, "_may_have_made", may_have_made


def nothing_is_known_of_who_was_told_of_before_a_gap() -> Patches:
    """Beside: a call may be that of one who made one while nobody heard, and knew not of all."""
    yield Case, "others", property(lambda self: self.baseline.ids if self.baseline else frozenset())


def a_link_names_no_call() -> Patches:
    """Beside: an old link names none while the agent talks on a third call."""
    yield pairs, "_named", lambda case: len(pairs.live_calls(case)) == 1


def states_from_before_a_restart_are_a_doubt_for_a_minute() -> Patches:
    """Beside: what an earlier process had read is told again in one run."""
    yield hearing, "REPEAT_WITHIN", 60.0


def any_get_is_a_doubt_of_the_errors_of_its_agent() -> Patches:
    """Beside: what a GET showed may be the work of one of whom an error was read."""
    real = looks.show

    def show(desk: Any, now: float, entry: Any, look: Any) -> None:
        real(desk, now, entry, look)
        for other in desk.books.of(entry.agent):
            other.unexplained = other.unexplained or (other is not entry and other.on_the_wire)

    yield looks, "show", show


def what_came_with_anothers_id_is_forgotten_at_its_end() -> Patches:
    """Beside: a call that nobody had told of may have been made by a request that ended."""
    real = Entry.slim

    def slim(self: Any) -> None:
        known = self.case.baseline.ids if self.case.baseline is not None else frozenset()
        real(self)
        self.case.there &= known

    yield Entry, "slim", slim


FIRST: dict[planting.Plant, Found] = {
    an_open_join_is_suspect_of_errors_on_any_call: Found(3, "that it alone could own"),
    an_error_is_late_on_all_of_its_agent: Found(2, "late news that is not its own"),
    an_error_after_a_restart_names_nobody: Found(8, "that it alone could own"),
    a_call_that_ended_may_still_be_joined: Found(7, "a change that it asked for was read"),
    an_id_of_ours_is_doubtful_wherever_an_error_was: Found(32, "confirmed"),
    a_call_is_held_by_whatever_is_open_on_it: Found(
        "tones_on_a_call_that_the_desktop_holds", "an unsigned error that was of another client"
    ),
    a_join_that_was_proved_may_own_errors: Found(14, "that it alone could own"),
    an_error_on_any_call_is_of_one_who_makes_one: Found(33, "that it alone could own", stress=True),
    an_error_that_names_nothing_is_of_all: Found(58, "that it alone could own", stress=True),
    an_end_is_always_cut_short: Found(1, "a change that it asked for was read", stress=True),
    values_with_its_id_wait_for_the_deadline: Found(3, "its id had shown it"),
    values_without_its_id_never_count: Found(2, "a change that it asked for was read"),
    a_classification_with_its_id_never_counts: Found(1, "an event with its id showed it"),
    any_error_is_a_doubt_of_one_who_makes_a_call: Found(
        5, "ambiguous, and there was no ground", stress=True
    ),
    an_announced_update_supersedes_all_of_that_variable: Found(
        12, "a change that it asked for was read", focus=("UPDATE_CALL_DATA",)
    ),
    an_announced_update_is_never_the_earlier_of_two: Found(
        111, "a change that it asked for was read", focus=("UPDATE_CALL_DATA",)
    ),
    an_error_with_a_foreign_id_is_a_doubt_wherever_it_is: Found(
        "a_desktops_error_with_its_id_on_a_call_beside_one_to_be_made", "that it alone could own"
    ),
    an_error_is_late_on_whoever_made_a_call: Found(
        16, "late news that is not its own", stress=True
    ),
    what_was_known_at_its_turn_is_what_it_left_with: Found(
        "held_by_hand_before_it_left_and_killed_as_it_left", "it never was so since it was asked"
    ),
    what_came_with_anothers_id_is_forgotten_at_its_end: Found(
        "an_error_late_on_a_call_that_came_with_another_id", "late news that is not its own"
    ),
    nothing_is_known_of_who_was_told_of_before_a_gap: Found(
        "an_error_on_a_call_that_was_told_of_before_one_asked_for_a_watch_unheard",
        "that it alone could own",
    ),
    a_link_names_no_call: Found(
        235,
        "that it alone could own",
        stress=True,
        focus=("TRANSFER", "CONFERENCE", "CONSULT_CALL"),
    ),
    states_from_before_a_restart_are_a_doubt_for_a_minute: Found(
        92, "that it alone could own", stress=True
    ),
    any_get_is_a_doubt_of_the_errors_of_its_agent: Found(3, "that it alone could own"),
    an_id_on_a_conference_never_counts: Found(1, "an event with its id showed it"),
}


@pytest.mark.parametrize("broken", FIRST, ids=lambda broken: broken.__name__)
def test_a_fault_beside_an_excuse_is_found(broken: planting.Plant) -> None:
    assert_found(broken, FIRST[broken])


@pytest.mark.parametrize(
    ("sessions", "at", "may_be"),
    [
        ([[11.0, 90.0]], 20.0, True),
        ([[11.0, 90.0]], 22.0, False),
        ([[11.0, 13.0], [15.0, 90.0]], 24.0, True),  # the first one was lost at once
        ([[11.0, 13.0], [15.0, 90.0]], 26.0, False),
        ([[11.0, 40.0], [42.0, 90.0]], 43.0, False),
    ],
)
def test_what_was_read_before_a_restart_may_be_told_again_as_sessions_begin(
    sessions: list[list[float]], at: float, *, may_be: bool
) -> None:
    account = Account(0, live={"1001": sessions}, restarts=[(9.0, 10.0)])
    event = RequestFailed(node="", owner="1001", errors=())
    parcel = Parcel("", "", at, None, None, is_error=True)
    heard = Heard(at, "1001", event, parcel, first=True)
    assert grounds.may_be_repeated(account, heard) is may_be


@pytest.mark.parametrize("restarts", [[], [(10.0, 12.0)], [(60.0, 62.0)]])
def test_who_never_left_may_not_end_as_one_who_may_have(
    restarts: list[tuple[float, float]],
) -> None:
    request = do.Hold(agent="1001", dialog_id="A", target_media_address="2001")
    never = Asked(
        *(0, "k", request, "4", "2001", "submit", MinimumEvidence.ANY, 20.0, 5.0), turn=5.0
    )
    never.settled = 25.0
    never.outcome = Unconfirmed(reason=Reason.NO_ANSWER, waited=20.0)
    account = Account(0, asked=[never], restarts=restarts)
    assert list(judge._said(account, never)) == [
        "it may have happened, was said, and it was never let go"
    ]
    never.begun = never.turn  # it was open when its process was killed
    assert list(judge._said(account, never)) == []


@pytest.mark.parametrize(
    ("owner", "at", "mode", "named"),
    [
        ("1001", 90.0, "submit", False),
        ("1001", 30.0, "submit", True),  # too long ago
        ("1002", 90.0, "submit", True),  # on a colleague's node
        ("1001", 90.0, "expect", True),  # its caller may have sent it by then
    ],
)
def test_an_id_that_was_read_before_it_was_sent_is_somebody_elses_too(
    owner: str, at: float, mode: str, *, named: bool
) -> None:
    request = do.Hold(agent="1001", dialog_id="A", target_media_address="2001")
    asked = Asked(
        *(0, "k", request, "4", "2001", mode, MinimumEvidence.ANY, 20.0, 100.0), begun=100.0
    )
    event = RequestFailed(node="", owner=owner, request_id="4", errors=())
    heard = [
        Heard(when, owner, event, Parcel("", "", when, None, "4", is_error=True), first=True)
        for when in (at, 101.0)
    ]
    account = Account(0, asked=[asked], heard=heard)
    own = heard[1]._replace(event=replace(event, owner="1001"), agent="1001")
    assert grounds.named(account, asked, own) is named


@pytest.mark.parametrize(
    ("parties", "known", "listed", "fits"),
    [
        ({"2001", "2002", "x"}, False, "1001", True),
        ({"2001", "x"}, False, "1001", False),  # without the one whose call it was to be
        ({"2001", "2002", "x"}, True, "1001", False),  # it was on the agent's list before
        ({"2001", "2002", "x"}, True, "1002", True),  # it was on the other agent's alone
        ({"2001", "x"}, True, "1002", False),
    ],
)
def test_an_error_may_be_a_barges_on_the_call_that_it_came_to(
    parties: set[str], listed: str, *, known: bool, fits: bool
) -> None:
    request = do.BargeCall(
        agent="1001",
        from_address="2001",
        to_address="2002",
        associated_dialog_uri="/finesse/api/Dialog/B",
    )
    asked = Asked(
        *(0, "k", request, "4", "2001", "submit", MinimumEvidence.ANY, 20.0, 100.0), begun=100.0
    )
    account = Account(0, asked=[asked], live={"1001": [[110.0 if not known else 90.0, 200.0]]})
    there = {"sender": "x", "listed": frozenset({listed})}
    account.history.calls["A"] = [(80.0, _view("ACTIVE", *(parties - {"2001"}), **there))]
    event = RequestFailed(node="", owner="1001", dialog_id="A", errors=())
    heard = Heard(
        120.0, "1001", event, Parcel("", "", 120.0, None, None, is_error=True), first=True
    )
    assert blame.fits(account, asked, heard) is fits


@pytest.mark.parametrize(
    ("restarts", "live", "untold"),
    [
        ([], [[60.0, 200.0]], False),
        ([(105.0, 110.0)], [[60.0, 105.0], [115.0, 200.0]], True),  # it was told before
        ([(105.0, 110.0)], [[60.0, 105.0], [112.0, 200.0]], False),  # a picture shows it
        ([(85.0, 90.0)], [[60.0, 85.0], [95.0, 200.0]], False),
        ([(120.0, 130.0)], [[60.0, 120.0]], False),  # it was told to the process that was there
    ],
)
def test_what_was_told_before_a_restart_is_not_known_any_more(
    restarts: list[tuple[float, float]], live: list[list[float]], *, untold: bool
) -> None:
    make = do.MakeCall(agent="1001", to_address="7", from_address="2001")
    asked = Asked(
        *(0, "k", make, "4", "2001", "submit", MinimumEvidence.ANY, 20.0, 70.0), begun=70.0
    )
    error = RequestFailed(node="", owner="1001", dialog_id="A", errors=())
    heard = [
        Heard(at, "1001", event, Parcel("", "", at, None, None, is_error=False), first=True)
        for at, event in ((100.0, an_event(a_dialog("A"))), (114.0, error))
    ]
    account = Account(0, asked=[asked], heard=heard, live={"1001": live}, restarts=restarts)
    account.history.calls["A"] = [(99.0, _view("ACTIVE", "x"))]
    assert blame.untold(account, asked, heard[1]) is untold


@pytest.mark.parametrize(
    ("read", "sender", "tag", "others", "made", "may_be"),
    [
        (120.0, "2001", None, "5", None, True),
        (120.0, "2001", "4", "4", None, True),  # two have that id: it names nobody
        (95.0, "2001", None, "5", None, False),  # it was told before this one left
        (120.0, "x", None, "5", None, False),  # it comes from elsewhere
        (120.0, "2001", "9", "5", None, False),  # another client's id says whose it is
        (120.0, "2001", "5", "5", None, False),  # so does the other one's
        (120.0, "2001", None, "5", "B", False),  # its own is another one, by its id
    ],
)
def test_an_error_is_late_on_a_call_that_was_first_told_of_behind_one_that_makes_one(
    read: float, sender: str, tag: str | None, others: str, made: str | None, *, may_be: bool
) -> None:
    make = do.MakeCall(agent="1001", to_address="7", from_address="2001")
    plain = ("2001", "submit", MinimumEvidence.ANY, 20.0, 100.0)
    asked = Asked(*(0, "k", make, "4"), *plain, begun=100.0, settled=121.0)
    asked.outcome = Unconfirmed(reason=Reason.AMBIGUOUS)
    other = Asked(*(1, "l", make, others), *plain, begun=99.0, ambiguous=others == "4")
    asked.ambiguous = other.ambiguous
    told = [(read, added(a_dialog("A", state="INITIATING"), tag=tag, owner="1001"))]
    if made is not None:
        told.append((110.0, added(a_dialog(made, state="INITIATING"), tag="4", owner="1001")))
    error = RequestFailed(node="", owner="1001", dialog_id="A", errors=())
    heard = [
        Heard(at, "1001", event, Parcel("", "", at, None, None, is_error=False), first=True)
        for at, event in (*told, (122.0, error))
    ]
    account = Account(0, asked=[asked, other], heard=heard, live={"1001": [[60.0, 200.0]]})
    account.history.calls["A"] = [(99.5, _view("ACTIVE", "x", sender=sender))]
    assert blame.came_untold(account, asked, heard[-1]) is may_be
    assert whose._fits(account, asked, heard[-1]) is may_be


@pytest.mark.parametrize(
    ("read", "sender", "tag", "may_be"),
    [
        (120.0, "2001", None, True),
        (95.0, "2001", None, False),  # it was told before the other one left
        (120.0, "x", None, False),  # it comes from elsewhere
        (120.0, "2001", "5", False),  # the other one's id says whose it is
    ],
)
def test_an_error_may_be_on_a_call_that_was_first_told_of_behind_one_that_makes_one(
    read: float, sender: str, tag: str | None, *, may_be: bool
) -> None:
    plain = (MinimumEvidence.ANY, 20.0, 100.0)
    make = do.MakeCall(agent="1001", to_address="7", from_address="2001")
    other = Asked(*(0, "k", make, "4", "2001", "expect", *plain), begun=100.0)
    update = do.UpdateCallData(
        agent="1001", dialog_id="A", target_media_address="2001", wrap_up_reason="w"
    )
    asked = Asked(*(1, "l", update, "6", "2001", "submit", *plain), begun=130.0)
    consult = do.ConsultCall(
        agent="1001", dialog_id="B", to_address="7", target_media_address="2001"
    )
    first = Asked(*(2, "m", consult, "5", "2001", "submit", *plain), begun=70.0, settled=90.0)
    shown = a_dialog("A", state="INITIATED")
    told = replace(an_event(shown, tag=tag), owner="1001")
    error = RequestFailed(node="", owner="1001", dialog_id="A", errors=())
    heard = [
        Heard(
            at, "1001", event, Parcel("", "", at, None, None, is_error=event is error), first=True
        )
        for at, event in ((read, told), (140.0, error))
    ]
    account = Account(0, asked=[other, asked, first], heard=heard, live={"1001": [[60.0, 200.0]]})
    account.history.calls["A"] = [(80.0, _view("ACTIVE", "x", sender=sender))]
    assert knowable._told_since(account, asked, heard[1]) is may_be


@pytest.mark.parametrize(
    ("at", "first", "agent", "again"),
    [
        (101.0, False, "1001", True),
        (98.5, False, "1001", True),
        (101.0, True, "1001", False),  # it is news
        (103.0, False, "1001", False),  # another run
        (97.0, False, "1001", False),
        (101.0, False, "1002", False),  # on a colleague's node
    ],
)
def test_an_error_is_published_again_where_a_call_is_told_again_beside_it(
    at: float, agent: str, *, first: bool, again: bool
) -> None:
    error = RequestFailed(node="", owner="1001", dialog_id="A", errors=())
    heard = [
        Heard(when, who, event, Parcel("", "", when, None, None, is_error=False), first=new)
        for when, who, event, new in (
            (at, agent, an_event(a_dialog("A")), first),
            (100.0, "1001", error, False),
        )
    ]
    assert knowable._publishes_again(Account(0, heard=heard), heard[1]) is again


@pytest.mark.parametrize(
    ("outcome", "until", "may_be"),
    [
        (Unconfirmed(sent=True, reason=Reason.CALLER), 120.0, True),
        (Abandoned(sent=True, reason=Reason.CALLER), 120.0, True),
        (Abandoned(sent=True, reason=Reason.CALLER), 109.0, False),  # its deadline was past
        (Rejected(sent=True), 120.0, False),
        (Confirmed(sent=True, evidence=Evidence.REQUEST_ID), 120.0, False),
        (Failed(evidence=Evidence.EXPECTATION, dialogs=DialogIds(new="A")), 120.0, True),
        (Failed(evidence=Evidence.EXPECTATION, dialogs=DialogIds(new="A")), 109.0, False),
        (Failed(evidence=Evidence.EXPECTATION, dialogs=DialogIds(new="C")), 120.0, False),
        (Failed(evidence=Evidence.REQUEST_ID, dialogs=DialogIds(new="A")), 120.0, False),
    ],
)
def test_an_error_may_be_of_one_that_was_given_up_and_may_have_made_that_call(
    outcome: Any, until: float, *, may_be: bool
) -> None:
    consult = do.ConsultCall(
        agent="1001", dialog_id="B", to_address="7", target_media_address="2001"
    )
    rest = (MinimumEvidence.ANY, until - 100.0, 100.0)
    given_up = Asked(*(0, "k", consult, "4", "2001", "submit", *rest), begun=100.0, settled=100.1)
    given_up.outcome = outcome
    hold = do.Hold(agent="1001", dialog_id="A", target_media_address="2001")
    rest = (MinimumEvidence.ANY, 20.0, 110.0)
    asked = Asked(*(1, "l", hold, "6", "2001", "submit", *rest), begun=110.0, settled=125.0)
    error = RequestFailed(node="", owner="1001", dialog_id="A", errors=())
    heard = Heard(
        111.0, "1001", error, Parcel("", "", 111.0, None, None, is_error=True), first=True
    )
    account = Account(0, asked=[given_up, asked], heard=[heard], live={"1001": [[60.0, 200.0]]})
    account.history.calls["A"] = [(103.0, _view("ACTIVE", "x", sender="2001"))]
    assert knowable._made_lately(account, asked, heard) is may_be


@pytest.mark.parametrize(
    ("told", "sender", "at", "may_be"),
    [
        (120.2, "2001", 122.0, True),
        (95.0, "2001", 122.0, False),  # it was told before that one left
        (120.2, "x", 122.0, False),  # it comes from elsewhere
        (120.2, "2001", 126.0, False),  # its time was over
    ],
)
def test_an_error_may_be_of_one_that_ended_on_a_call_that_was_there_and_not_told_of_as_it_left(
    told: float, sender: str, at: float, *, may_be: bool
) -> None:
    consult = do.ConsultCall(
        agent="1001", dialog_id="B", to_address="7", target_media_address="2001"
    )
    ends = Unconfirmed(reason=Reason.AMBIGUOUS)
    ended = _open(consult, "4", outcome=ends, settled=120.5)
    drop = do.Drop(agent="1001", dialog_id="A", target_media_address="2001")
    asked = _open(drop, "1", outcome=ends, begun=121.0, settled=130.0)
    account = Account(0, asked=[ended, asked], live={"1001": [[60.0, 200.0]]})
    account.history.calls["A"] = [(99.9, _view("INITIATING", sender=sender))]
    error = RequestFailed(node="", owner="1001", dialog_id="A", errors=())
    for when, event in ((told, an_event(a_dialog("A"), owner="1001")), (at, error)):
        parcel = Parcel("", "", when, None, None, is_error=event is error)
        account.heard.append(Heard(when, "1001", event, parcel, first=True))
    assert knowable._made_lately(account, asked, account.heard[-1]) is may_be


@pytest.mark.parametrize(
    ("told", "restarts", "may_be"),
    [
        (None, [], True),
        (95.0, [], False),
        (105.0, [], True),  # it was told when that one had left
        (95.0, [(97.0, 98.0)], True),  # who had been told of it was killed since
        (95.0, [(130.0, 131.0)], False),
    ],
)
def test_a_call_may_be_of_one_who_made_one_unheard_if_nobody_had_told_of_it(
    told: float | None, restarts: list[tuple[float, float]], *, may_be: bool
) -> None:
    made = _open(do.MakeCall(agent="1001", to_address="7", from_address="2001"), "4")
    account = Account(0, asked=[made], restarts=restarts)
    account.history.calls["A"] = [(90.0, _view("ACTIVE", "x", sender="2001"))]
    if told is not None:
        parcel = Parcel("", "", told, None, None, is_error=False)
        event = an_event(a_dialog("A"), owner="1001")
        account.heard.append(Heard(told, "1001", event, parcel, first=True))
    error = RequestFailed(node="", owner="1001", dialog_id="A", errors=())
    parcel = Parcel("", "", 111.0, None, None, is_error=True)
    assert (
        blame.made_blindly(account, made, Heard(111.0, "1001", error, parcel, first=True)) is may_be
    )


# -- what a GET would have told -------------------------------------------------------------------


def _refused(at: float, path: str = "/finesse/api/User/1002", agent: str = "1002") -> Got:
    return Got(at, None, agent, path, 401)


@pytest.mark.parametrize(
    ("gets", "session", "asks"),
    [
        ([_refused(1010.0)], 0.0, False),
        ([_refused(1010.0, agent="1001")], 0.0, True),
        ([_refused(1010.0, path=uris.SYSTEM_INFO)], 0.0, True),  # it spends no login by itself
        ([_refused(1010.0)], 1012.0, True),  # SASL has taken the login since
        ([_refused(1010.0)._replace(status=500)], 0.0, True),
        ([_refused(1010.0)._replace(answered=1010.0)], 0.0, True),  # Finesse's own, of something
        ([_refused(1010.0), Got(1011.0, 1011.0, "1002", "", 200)], 0.0, True),  # and was taken
        ([_refused(1021.0)], 0.0, True),  # after the GET was due
    ],
)
def test_nothing_is_asked_in_the_name_of_one_whose_login_was_refused(
    gets: list[Got], session: float, *, asks: bool
) -> None:
    path = STORIES / "a_silent_hold_that_a_get_shows.json"
    account = play(Story.from_json(path.read_text(encoding="utf-8")))
    assert finds(account) == []
    (asked,) = account.asked
    assert isinstance(asked.outcome, Confirmed)
    assert asked.outcome.evidence is Evidence.SNAPSHOT
    asked.outcome, asked.settled = Unconfirmed(reason=Reason.DEADLINE, status=202), asked.deadline
    account.gets += gets
    account.up["1002"].append([session, session + 100.0])
    assert [find.asked for find in knowable.missed(account)] == [asked] * asks


# -- what an error says ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("told", "one"),
    [
        (("No 20999", "20999"), True),
        (("No ***", "***"), True),  # what may be digits is hidden in either
        (("No 20999", "***"), True),
        (("No 20998", "***"), False),
        (("No ***", "20998"), False),
        (("Another ***", "***"), False),
        (("No ***", None), False),
    ],
)
def test_what_is_hidden_in_an_error_makes_no_other_error_of_it(
    told: tuple[str, str | None], *, one: bool
) -> None:
    read = (ApiError(error_type="T", error_message="No 20999", error_data="20999"),)
    said = (ApiError(error_type="T", error_message=told[0], error_data=told[1]),)
    assert whose.same(read, said) is one
    assert not whose.same(read, (replace(said[0], error_type="U"),))


@pytest.mark.parametrize(
    ("restarts", "made", "heard", "may_be"),
    [
        ([(40.0, 45.0)], 39.0, 99.0, True),
        ([(40.0, 45.0)], 55.0, 101.0, True),  # it was so when the session began
        ([(40.0, 45.0)], 70.0, 99.0, False),  # this process had it as news
        ([(40.0, 45.0)], 39.0, 97.0, False),  # another run
        ([], 39.0, 99.0, False),
        ([(140.0, 145.0)], 39.0, 99.0, False),
        ([(-900.0, -799.9)], -850.0, 99.0, True),
        ([(-900.0, -800.0)], -850.0, 99.0, False),  # nobody remembers it any more
    ],
)
def test_what_an_earlier_process_may_have_read_is_told_again_beside_states_from_then(
    restarts: list[tuple[float, float]], made: float, heard: float, *, may_be: bool
) -> None:
    account = Account(0, live={"1001": [[60.0, 200.0]]}, restarts=restarts)
    for at, when, first in ((70.0, 70.0, True), (heard, made, False)):
        event = a_user_event(a_user(), owner="1001")
        parcel = Parcel("", "", when, None, None, is_error=False)
        account.heard.append(Heard(at, "1001", event, parcel, first=first))
    error = RequestFailed(node="", owner="1001", dialog_id="A", errors=())
    parcel = Parcel("", "", 99.5, None, None, is_error=True)
    assert knowable._told_to_another(account, Heard(100.0, "1001", error, parcel, first=True)) is (
        may_be
    )


@pytest.mark.parametrize(("third", "named"), [("HELD", True), ("ACTIVE", False), ("DROPPED", True)])
def test_a_link_names_a_call_while_the_agent_talks_on_no_third_one(
    third: str, *, named: bool
) -> None:
    transfer = do.Transfer(agent="1001", dialog_id="A", target_media_address="2001")
    asked = _open(transfer, "4")
    account = Account(0, asked=[asked])
    for id_, state in (("A", "HELD"), ("B", "ACTIVE"), ("C", third)):
        link = "/finesse/api/Dialog/A" if id_ == "B" else ""
        party = a_participant("2001", state)
        event = an_event(a_dialog(id_, party, associated_dialog_uri=link), owner="1001")
        parcel = Parcel("", "", 91.0, None, None, is_error=False)
        account.heard.append(Heard(91.0, "1001", event, parcel, first=True))
        account.history.calls[id_] = [(90.0, _view(state, "x"))]
    assert blame._named(account, asked, "B") is named


@pytest.mark.parametrize(
    ("then", "now", "again"),
    [("ACTIVE", "ACTIVE", True), ("HELD", "ACTIVE", False), ("ACTIVE", None, False)],
)
def test_a_call_that_is_told_as_it_was_told_last_is_published_again(
    then: str, now: str | None, *, again: bool
) -> None:
    # 4: by content, though both were published once
    account = Account(0)
    for at, state in ((101.0, then), (101.2, now)):
        if state is not None:
            event = an_event(a_dialog("A", a_participant(state=state)), owner="1001")
            parcel = Parcel("", "", at, None, None, is_error=False)
            account.heard.append(Heard(at, "1001", event, parcel, first=True))
    error = RequestFailed(node="", owner="1001", dialog_id="A", errors=())
    late = Heard(101.3, "1001", error, Parcel("", "", 101.3, None, None, is_error=True), first=True)
    assert knowable._publishes_again(account, late) is again


# -- which calls were joined ----------------------------------------------------------------------


def _view(own: str, *others: str, **more: Any) -> View:
    parties = {"2001": own} | dict.fromkeys(others, "ACTIVE")
    plain = View(
        *("voice", "ACTIVE", "", "2001", frozenset(), parties),
        *(frozenset({"1001"}), {}, (), (None, None), None, None, False, False),
    )
    return plain._replace(**more)


def _conference(*, told: str, taken_in_at: float) -> tuple[Account, Asked]:
    """Return a conference of A with B that C took in then, told at 5 s."""
    account = Account(0)
    calls = account.history.calls
    calls["A"] = [
        (1.0, _view("HELD", "x")),
        (3.0, _view("ACTIVE", "x", "y", secondary="B")),
        (taken_in_at, _view("DROPPED", secondary="B", over=True)),
    ]
    calls["B"] = [(1.0, _view("ACTIVE", "y")), (3.0, _view("DROPPED", over=True))]
    calls["C"] = [
        (1.0, _view("DROPPED", "z")),
        (taken_in_at, _view("ACTIVE", "x", "y", "z", secondary="A")),
    ]
    calls["D"] = [(1.0, _view("DROPPED", "u"))]
    request = do.Conference(agent="1001", dialog_id="A", target_media_address="2001")
    ids = DialogIds(survivor=told, gone=("A", "B"))
    asked = Asked(
        *(0, "k", request, "r", "2001", "submit", MinimumEvidence.ANY, 20.0, 2.0),
        begun=2.0,
        outcome=Confirmed(evidence=Evidence.EXPECTATION, dialogs=ids),
        settled=5.0,
    )
    return account, asked


def _untrue(*, told: str, taken_in_at: float) -> list[str]:
    account, asked = _conference(told=told, taken_in_at=taken_in_at)
    assert isinstance(asked.outcome, Confirmed)
    return list(facts._joined(account, asked, asked.outcome))


@pytest.mark.parametrize("error", [False, True])
def test_two_calls_are_two_until_news_tell_that_they_were_joined_and_no_error_does(
    *, error: bool
) -> None:
    account, asked = _conference(told="A", taken_in_at=9.0)
    asked.begun, account.live["1001"] = 4.0, [[0.5, 90.0]]
    refused = RequestFailed(node="", owner="1001", dialog_id="A", errors=())
    news = refused if error else an_event(a_dialog("A"), owner="1001")
    parcel = Parcel("", "", 3.4, None, None, is_error=error)
    account.heard.append(Heard(3.5, "1001", news, parcel, first=True))
    assert effects.partners(asked, account) == (["B"] if error else [])


@pytest.mark.parametrize(("over", "confirmed"), [(False, "its call stood INITIATED"), (True, None)])
def test_a_call_that_is_over_by_its_requests_deadline_does_not_stand_initiated(
    confirmed: str | None, *, over: bool
) -> None:
    # of its end nothing was told but by a GET
    request = do.MakeCall(agent="1001", to_address="7", from_address="2001")
    asked = _open(request, "4", settled=120.1, outcome=Unconfirmed(reason=Reason.DEADLINE))
    asked.deeds.append(Deed("1001", "4", "MAKE_CALL", None, 100.0, status=202, effect=True))
    asked.deeds[0].new_dialog_id = "A"
    account = Account(0, asked=[asked], live={"1001": [[60.0, 200.0]]})
    view = _view("DROPPED" if over else "INITIATED", over=over)._replace(state="INITIATED")
    account.history.calls["A"] = [(101.0, _view("INITIATED")._replace(state="INITIATED"))]
    account.history.calls["A"].append((105.0, view))
    told = a_dialog("A", a_participant("2001", "INITIATED"), state="INITIATED")
    event = an_event(told, owner="1001", tag="4")
    parcel = Parcel("", "", 101.0, asked.deed, "4", is_error=False)
    account.heard.append(Heard(101.1, "1001", event, parcel, first=True))
    said = telling._initiated(account, asked)
    assert said is None if confirmed is None else confirmed in str(said)


@pytest.mark.parametrize(("made", "shows"), [(2.5, False), (3.1, True), (3.5, False)])
def test_a_call_that_a_third_one_took_in_shows_no_conference(made: float, *, shows: bool) -> None:
    account, asked = _conference(told="A", taken_in_at=3.2)
    done = Deed("1001", "r", "CONFERENCE", "A", 2.0, status=202, effect=True, effect_at=3.0)
    asked.deeds.append(done)
    event = an_event(a_dialog("A"), owner="1001", tag="r")
    parcel = Parcel("", "", made, None, "r", is_error=False)
    heard = Heard(made, "1001", event, parcel, first=True)
    assert shown.shows(account, asked, heard, tagged=True) is shows


def test_a_joined_call_that_a_third_one_took_in_is_the_third_one() -> None:
    assert _untrue(told="C", taken_in_at=4.0) == []


@pytest.mark.parametrize(("told", "taken_in_at"), [("C", 6.0), ("D", 4.0)])
def test_a_third_call_is_no_survivor_before_it_took_the_joined_one_in(
    told: str, taken_in_at: float
) -> None:
    assert any("not joined in it" in words for words in _untrue(told=told, taken_in_at=taken_in_at))


@pytest.mark.parametrize(
    ("taken", "who", "told", "event", "tells"),
    [
        ("C", "y", 2.5, added(a_dialog("C")), False),  # a third one brought the other's number
        ("C", "z", 2.5, added(a_dialog("C")), True),  # it did not: the other's party came, too
        ("C", "z", None, None, False),  # nor does anybody know who was on it
        ("C", "z", 3.0, added(a_dialog("C")), False),  # as it is told when it was taken in
        ("C", "z", 2.5, removed(a_dialog("C")), False),
        ("C", "z", 2.5, an_error(dialog_id="C"), False),  # which tells nobody's parties
        ("B", "y", None, None, True),  # it was the other one
    ],
)
def test_a_third_call_that_may_bring_the_others_number_does_not_tell_a_conference(
    taken: str, who: str, told: float | None, event: Any, *, tells: bool
) -> None:
    account, asked = Account(0), _conference(told="A", taken_in_at=9.0)[1]
    calls = account.history.calls
    calls["A"] = [(1.0, _view("HELD", "x")), (3.0, _view("ACTIVE", "x", "y", secondary=taken))]
    calls["B"] = [(1.0, _view("HELD", "y", associated="A"))]
    calls["C"] = [(1.0, _view("ACTIVE", who)), (3.0, _view("DROPPED", over=True))]
    if told is not None:
        parcel = Parcel("", "", told, None, None, is_error=False)
        account.heard.append(Heard(told + 0.05, "1001", event, parcel, first=True))
    assert grounds.brought_by_a_third(account, asked, "A", 3.1) is not tells


@pytest.mark.parametrize(
    ("kind", "associated", "made", "consulted"),
    [
        ("OUT", None, True, False),
        ("OUT", "B", True, True),
        ("CONSULT", "B", False, True),  # somebody's who consulted that number by hand
    ],
)
def test_a_get_that_shows_a_consult_tells_of_no_call_that_was_to_be_made(
    kind: str, associated: str | None, *, made: bool, consulted: bool
) -> None:
    account = Account(0)
    numbers = {"numbers": frozenset({"5551"}), "call_type": kind, "associated": associated}
    account.history.calls["A"] = [(102.0, _view("ACTIVE", "5551", **numbers))]
    make = do.MakeCall(agent="1001", from_address="2001", to_address="5551")
    consult = do.ConsultCall(
        agent="1001", dialog_id="B", target_media_address="2001", to_address="5551"
    )
    span = effects.Span(102.0, 200.0, ("A",))
    told = [probed._goes_to(account, _open(each, "1"), span, 110.0) for each in (make, consult)]
    assert told == [made, consulted]


@pytest.mark.parametrize(
    ("before", "there", "tells"),
    [
        (("x", "5551"), {"x": "ACTIVE", "5551": "ACTIVE"}, False),  # as a hang-up leaves it
        (("x", "5551"), {"x": "ACTIVE", "5551": "ALERTING"}, True),  # who talked on it rings
        (("x",), {"x": "ACTIVE", "5551": "ACTIVE"}, True),
        (("x",), {"x": "ACTIVE", "5551": "DROPPED"}, False),
        (("x", "5551"), {"x": "ACTIVE", "2001": "DROPPED"}, True),
    ],
)
def test_that_we_are_not_listed_on_a_colleagues_node_does_not_tell_a_single_step_transfer(
    before: tuple[str, ...], there: dict[str, str], *, tells: bool
) -> None:
    account, request = Account(0), do.TransferSst(agent="1001", dialog_id="A", to_address="5551")
    asked = _open(request, "r", begun=2.0, settled=9.0)
    done = Deed("1001", "r", "TRANSFER_SST", "A", 2.0, status=202, effect=True, effect_at=3.0)
    asked.deeds.append(done)
    gone = _view("DROPPED", "x", "5551")
    account.history.calls["A"] = [(1.0, _view("ACTIVE", *before)), (3.0, gone)]
    parties = [a_participant(who, state) for who, state in there.items()]
    event = an_event(a_dialog("A", *parties), owner="1003", tag="r")
    heard = Heard(3.1, "1003", event, Parcel("", "", 3.0, done, "r", is_error=False), first=True)
    assert shown.shows(account, asked, heard, tagged=True) is tells


# -- what was told elsewhere, what nobody could know ----------------------------------------------


def _open(request: Any, id_: str, **more: Any) -> Asked:
    """Return a request that was sent at 100 s, with a deadline at 120 s."""
    made = Asked(*(0, id_, request, id_, "2001", "submit", MinimumEvidence.ANY, 20.0, 100.0))
    made.begun, made.answered, made.status, made.settled = 100.0, 100.1, 202, 120.1
    made.accepted = True
    for name, value in more.items():
        setattr(made, name, value)
    return made


def _tones(id_: str, **more: Any) -> Asked:
    return _open(do.SendDtmf(agent="1001", dialog_id="A", dtmf_string="1"), id_, **more)


@pytest.mark.parametrize(
    ("restarts", "answered", "made", "proves"),
    [
        ([(103.0, 104.0)], 100.1, 101.0, False),  # in the second of Finesse's answer, or before
        ([(103.0, 104.0)], 100.1, 101.2, True),
        ([(103.0, 104.0)], None, 102.0, False),  # nothing tells what is since
        ([(90.0, 91.0)], 100.1, 101.0, True),
        ([(106.0, 107.0)], 100.1, 101.0, True),  # it was read before that
        ([], None, 101.0, True),
    ],
)
def test_a_call_that_is_read_behind_a_restart_was_made_since_by_finesses_clock_alone(
    restarts: list[tuple[float, float]], answered: float | None, made: float, *, proves: bool
) -> None:
    request = do.MakeCall(agent="1001", from_address="2001", to_address="5551")
    asked, account = _open(request, "r", answered=answered), Account(0, restarts=restarts)
    event = added(a_dialog("B", to_address="5551"), owner="1001")
    heard = Heard(
        105.0, "1001", event, Parcel("", "", made, None, None, is_error=False), first=True
    )
    assert knowable._proves(account, asked, heard) is proves


@pytest.mark.parametrize(("before", "found"), [(0.0, False), (0.01, True), (None, False)])
def test_a_call_that_was_heard_to_ring_before_the_deadline_is_not_initiated(
    before: float | None, *, found: bool
) -> None:
    # 7: what comes as the deadline is over is late
    ids = DialogIds(new="B")
    outcome = Confirmed(evidence=Evidence.EXPECTATION, stage="INITIATED", dialogs=ids)
    request = do.MakeCall(agent="1001", from_address="2001", to_address="5551")
    asked, account = _open(request, "r", outcome=outcome), Account(0)
    account.history.calls["B"] = [
        (101.0, _view("INITIATED", state="INITIATED")),
        (119.0, _view("INITIATED", "5551", state="ALERTING")),
    ]
    if before is not None:
        event = an_event(a_dialog("B", state="ALERTING"), owner="1001")
        parcel = Parcel("", "", 119.0, None, None, is_error=False)
        at = (asked.settled or 0.0) - before
        account.heard.append(Heard(at, "1001", event, parcel, first=True))
    assert bool(list(judge._call(account, asked, outcome))) is found


@pytest.mark.parametrize(
    ("first", "found"),
    [
        ({"outcome": Unconfirmed(reason=Reason.NO_ANSWER), "accepted": False}, False),
        ({"outcome": Presumed(status=202)}, True),  # it went out first, then
        ({"outcome": Unconfirmed(reason=Reason.NO_ANSWER), "begun": 99.9}, True),
    ],
)
def test_of_two_tones_that_left_at_one_moment_the_first_to_end_may_be_the_second(
    first: dict[str, Any], *, found: bool
) -> None:
    one = _tones("1", settled=105.0, **first)
    two = _tones("2", settled=105.5, outcome=Presumed(status=202))
    account = Account(0, asked=[one, two])
    assert bool(list(laws._window(account, two))) is found


@pytest.mark.parametrize(
    ("first", "turn", "found"),
    [
        ({"outcome": Unconfirmed(reason=Reason.NO_ANSWER), "accepted": False}, 105.45, False),
        ({"outcome": Unconfirmed(reason=Reason.NO_ANSWER), "accepted": False}, 105.35, True),
        ({"outcome": Presumed(status=202)}, 105.45, True),  # it went out first, then
        ({"outcome": Unconfirmed(reason=Reason.NO_ANSWER), "begun": 99.9}, 105.45, True),
    ],
)
def test_of_two_tones_that_left_at_one_moment_either_may_hold_the_device_for_its_window(
    first: dict[str, Any], turn: float, *, found: bool
) -> None:
    one = _tones("1", settled=103.0, turn=100.0, **first)
    two = _tones("2", settled=105.5, turn=100.0, outcome=Presumed(status=202))
    leaves = do.TransferSst(agent="1001", dialog_id="A", to_address="5551")
    last = _open(leaves, "3", submitted=103.0, begun=turn, turn=turn)
    account = Account(0, asked=[one, two, last], gate="queue")
    finds = [words for asked, words in lanes.broken(account) if asked is last]
    assert any("let go while" in words for words in finds) is found


@pytest.mark.parametrize(
    ("tag", "owner", "made", "found"),
    [
        ("1", "1002", 101.0, False),
        ("x", "1002", 101.0, True),  # another client's
        ("1", "1002", 101.5, True),  # another change
        (None, "1002", 101.0, True),
    ],
)
def test_a_change_that_a_colleagues_node_told_with_its_id_is_none_of_its_twins(
    tag: str | None, owner: str, made: float, *, found: bool
) -> None:
    request = do.Hold(agent="1001", dialog_id="A", target_media_address="2001")
    weak = Confirmed(evidence=Evidence.EXPECTATION)
    one, two = (_open(request, id_) for id_ in "12")
    one.outcome, one.settled = weak, 101.2
    one.deeds.append(Deed("1001", "1", "HOLD", "A", 100.0, status=202, effect=True, effect_at=101))
    account = Account(0, asked=[one, two], live={"1001": [[90.0, 200.0]]})
    account.history.calls["A"] = [
        (80.0, _view("ACTIVE", "2002")),
        (101.0, _view("HELD", "2002")),
    ]
    for agent, bears, when in ((owner, tag, made), ("1001", None, 101.0)):
        event = an_event(a_dialog("A"), owner=agent, tag=bears)
        parcel = Parcel("", "", when, one.deed, bears, is_error=False)
        account.heard.append(Heard(101.2, agent, event, parcel, first=True))
    assert bool(list(details._twins(account, one))) is found


OWN = "INVALID_ACTION TRANSFER on extension 2001"


@pytest.mark.parametrize(
    ("sent", "answered", "came", "message", "mode", "may_be"),
    [
        (100.0, 100.1, 100.5, OWN, "submit", True),
        (100.0, 100.1, 100.5, "INVALID_ACTION TRANSFER on extension 2009", "submit", False),
        (100.0, 100.1, 100.5, "INVALID_ACTION HOLD on extension 2001", "submit", False),
        (100.0, 100.1, 105.0, OWN, "submit", False),  # it came since, by the Date of the answer
        (100.0, 100.1, 105.0, OWN, "expect", True),  # what its caller reports has no Date
        (100.0, None, 105.0, OWN, "submit", True),
        (111.0, 111.1, 111.5, OWN, "submit", False),  # all calls were known
        (111.0, 111.1, 111.5, OWN, "expect", False),
    ],
)
@pytest.mark.parametrize("told", [True, False])
def test_a_join_that_was_sent_while_nobody_listened_may_be_with_any_call(
    sent: float,
    answered: float | None,
    came: float,
    message: str,
    mode: str,
    *,
    told: bool,
    may_be: bool,
) -> None:
    request = do.Transfer(agent="1001", dialog_id="A", target_media_address="2001")
    how: dict[str, Any] = {"begun": sent, "answered": answered, "mode": mode}
    how |= {"outcome": Unconfirmed(reason=Reason.AMBIGUOUS), "settled": 130.0}
    join = _open(request, "1", **how)
    hold = _open(do.Hold(agent="1001", dialog_id="C", target_media_address="2001"), "2")
    account = Account(0, asked=[join, hold], live={"1001": [[110.0, 200.0]]})
    account.history.calls["A"] = [(80.0, _view("HELD", "x"))]
    account.history.calls["C"] = [(came, _view("ACTIVE", "y"))]
    if told:
        news = an_event(a_dialog("C"), owner="1001")
        parcel = Parcel("", "", came, None, None, is_error=False)
        account.heard.append(Heard(115.1, "1001", news, parcel, first=True))
    text = ApiError(error_type="", error_data="", error_message=message)
    event = RequestFailed(node="", owner="1001", dialog_id="C", errors=(text,))
    parcel = Parcel("", "", 116.0, None, None, is_error=True)
    error = Heard(116.0, "1001", event, parcel, first=True)
    account.heard.append(error)
    untold = (sent, message, told) == (100.0, OWN, False)  # nobody knows when it came
    assert (join in blame.owners(account, hold, error)) is (may_be or untold)
    account.asked = [join]
    assert bool(list(reasons.broken(account, join))) is not (may_be or untold)


@pytest.mark.parametrize(
    ("action", "told_at", "known", "text", "given"),
    [
        ("MAKE_CALL", None, True, "CF_INVALID_OBJECT_STATE", True),
        ("MAKE_CALL", 95.0, True, "CF_INVALID_OBJECT_STATE", False),  # a call that was there
        ("MAKE_CALL", 104.0, True, "CF_INVALID_OBJECT_STATE", False),  # another's, by then
        ("MAKE_CALL", None, True, "INVALID_ACTION HOLD on extension 2001", False),
        ("MAKE_CALL", None, False, "CF_INVALID_OBJECT_STATE", False),  # no call was known
        ("HOLD", None, True, "CF_INVALID_OBJECT_STATE", False),
    ],
)
def test_an_error_on_a_call_of_which_nobody_told_may_be_that_of_a_call_to_be_made(
    action: str, told_at: float | None, text: str, *, known: bool, given: bool
) -> None:
    makes = do.MakeCall(agent="1001", from_address="2001", to_address="5551")
    holds = do.Hold(agent="1001", dialog_id="A", target_media_address="2001")
    error = ApiError(error_type="", error_data="", error_message=text)
    failed = Failed(evidence=Evidence.SOLE_PENDING, errors=(error,))
    asked = _open(makes if action == "MAKE_CALL" else holds, "1", outcome=failed, settled=107.0)
    account = Account(0, asked=[asked], live={"1001": [[90.0 if known else 103.0, 200.0]]})
    account.history.calls["A"] = [(80.0, _view("ACTIVE", "x"))]
    account.history.calls["C"] = [(92.0, _view("ALERTING", "y", sender="y"))]
    if told_at is not None:
        news = an_event(a_dialog("C"), owner="1001")
        parcel = Parcel("", "", told_at, None, None, is_error=False)
        account.heard.append(Heard(told_at, "1001", news, parcel, first=True))
    others = Deed("1001", None, "DROP", "C", 104.9, status=202, effect=False)
    event = RequestFailed(node="", owner="1001", dialog_id="C", errors=(error,))
    parcel = Parcel("", "", 105.0, others, None, is_error=True)
    account.heard.append(Heard(105.0, "1001", event, parcel, first=True))
    assert bool(list(whose.misgiven(account, asked))) is not given


@pytest.mark.parametrize(
    ("told", "looked", "finds"),
    [
        ("there", None, True),
        ("gone", None, False),
        ("gone", 98.0, True),  # a GET told who is on it
        ("gone", 94.0, False),  # before it went
        ("back", None, True),
    ],
)
def test_who_is_not_on_a_call_that_came_back_is_no_change(
    told: str, looked: float | None, *, finds: bool
) -> None:
    request = do.ParticipantDrop(agent="1001", dialog_id="A", target_media_address="y")
    asked = _open(request, "1", outcome=Unconfirmed(reason=Reason.DIALOG_ENDED))
    asked.deeds = [Deed("1001", "1", "PARTICIPANT_DROP", "A", 100.05, status=202, effect=True)]
    account = Account(0, asked=[asked], live={"1001": [[90.0, 200.0]]})
    if looked is not None:
        account.gets.append(Got(looked, looked + 0.1, "1001", "/finesse/api/Dialog/A", 200))
    account.history.calls["A"] = [
        (80.0, _view("ACTIVE", "x", "y")),
        (105.0, _view("ACTIVE", "x")),
    ]
    before = {"there": [DialogChanged], "gone": [DialogRemoved]}
    before["back"] = [DialogRemoved, DialogAdded]
    for at, kind in [*((95.0, each) for each in before[told]), (105.0, DialogChanged)]:
        parcel = Parcel("", "", at, None, None, is_error=False)
        news = an_event(a_dialog("A"), kind, owner="1001")
        account.heard.append(Heard(at, "1001", news, parcel, first=True))
    assert bool(knowable.missed(account)) is finds


def _refused_callback() -> Asked:
    """Return a callback for which Finesse did nothing, ended ambiguous at 105 s."""
    request = do.UpdateScheduledCallback(
        agent="1001", dialog_id="A", callback_time="2030-01-01T01:00", target_media_address="2001"
    )
    ends = Unconfirmed(reason=Reason.AMBIGUOUS)
    asked = _open(request, "1", outcome=ends, settled=105.0)
    asked.deeds = [Deed("1001", "1", "UPDATE", "A", 100.05, status=202, effect=False)]
    return asked


@pytest.mark.parametrize(("proved", "finds"), [(103.0, True), (107.0, False), (None, False)])
def test_who_is_left_alone_with_an_error_fails_if_the_others_were_proved_in_time(
    proved: float | None, *, finds: bool
) -> None:
    asked = _refused_callback()
    proof = Confirmed(evidence=Evidence.REQUEST_ID)
    tones = _tones("2", outcome=proof if proved else asked.outcome, settled=proved or 103.0)
    account = Account(0, asked=[asked, tones], live={"1001": [[90.0, 200.0]]})
    account.history.calls["A"] = [(80.0, _view("ACTIVE", "x"))]
    event = RequestFailed(node="", owner="1001", dialog_id="A", errors=())
    parcel = Parcel("", "", 101.0, asked.deeds[0], None, is_error=True)
    account.heard.append(Heard(101.0, "1001", event, parcel, first=True))
    assert bool(knowable.missed(account)) is finds


@pytest.mark.parametrize(
    ("tag", "of", "made", "finds"),
    [
        ("4", "1001", 101.0, False),  # the consult's, though a colleague's request has that id, too
        ("4", "1002", 101.0, True),  # of no request of that agent
        (None, "1001", 101.0, True),
        ("x", "1001", 101.0, True),  # another client's
    ],
)
def test_a_change_with_another_requests_id_is_that_ones_though_a_colleague_has_that_id(
    tag: str | None, of: str, made: float, *, finds: bool
) -> None:
    hold = do.Hold(agent="1001", dialog_id="A", target_media_address="2001")
    asked = _open(hold, "1", outcome=Unconfirmed(reason=Reason.NO_ANSWER))
    asked.deeds = [Deed("1001", "1", "HOLD", "A", 100.0, status=503, effect=False)]
    consult = do.ConsultCall(agent=of, dialog_id="A", to_address="7", target_media_address="2001")
    other = _open(consult, "4", outcome=Failed(evidence=Evidence.REQUEST_ID), settled=103.0)
    answer = do.Answer(agent="1003", dialog_id="A", target_media_address="2003")
    theirs = Asked(*(2, "c", answer, "4", "2003", "submit", MinimumEvidence.ANY, 20.0, 100.0))
    theirs.begun = 100.0
    account = Account(0, asked=[asked, other, theirs], live={"1001": [[90.0, 200.0]]})
    account.history.calls["A"] = [(80.0, _view("ACTIVE", "2003")), (made, _view("HELD", "2003"))]
    for at, state, bears in ((95.0, "ACTIVE", None), (made + 0.1, "HELD", tag)):
        shown = a_dialog("A", a_participant("2001", state))
        event = an_event(shown, tag=bears, owner="1001")
        parcel = Parcel("", "", made if at > made else 80.0, None, bears, is_error=False)
        account.heard.append(Heard(at, "1001", event, parcel, first=True))
    assert bool(knowable._change(account, asked)) is finds


@pytest.mark.parametrize(
    ("tag", "who", "made", "state", "finds"),
    [
        ("x", "1003", 100.5, "HELD", False),  # another client's, at work on that call
        (None, "1003", 100.5, "HELD", True),
        ("2", "1003", 100.5, "HELD", True),  # a request of ours
        ("x", "1003", 99.5, "HELD", True),  # it was so before
        ("x", "1003", 100.5, "ACTIVE", True),  # it tells of no change
        ("x", "1001", 100.5, "HELD", False),  # as on the own node
    ],
)
def test_another_client_at_work_on_a_colleagues_part_of_the_call_may_have_had_the_error(
    tag: str | None, who: str, made: float, state: str, *, finds: bool
) -> None:
    asked = _refused_callback()
    colleague = do.Hold(agent="1003", dialog_id="A", target_media_address="2003")
    proof = Confirmed(evidence=Evidence.REQUEST_ID)
    hold = _open(colleague, "2", outcome=proof, settled=100.9)
    account = Account(0, asked=[asked, hold], live={"1001": [[90.0, 200.0]]})
    account.history.calls["A"] = [
        (80.0, _view("ACTIVE", "2003")),
        (made, _view("ACTIVE", parties={"2001": "ACTIVE", "2003": state})),
    ]
    event = an_event(a_dialog("A"), tag=tag, owner=who)
    parcel = Parcel("", "", made, None, tag, is_error=False)
    account.heard.append(Heard(100.6, who, event, parcel, first=True))
    error = RequestFailed(node="", owner="1001", dialog_id="A", errors=())
    parcel = Parcel("", "", 101.0, asked.deeds[0], None, is_error=True)
    account.heard.append(Heard(101.0, "1001", error, parcel, first=True))
    assert bool(knowable.missed(account)) is finds


@pytest.mark.parametrize(
    ("who", "heard", "made", "comes", "finds"),
    [
        ("1003", 101.9, 101.8, "2003", False),  # as if it had been joined: nobody knows by whom
        ("1003", 103.3, 103.2, "2003", True),  # long after its error
        ("1003", 101.9, 99.0, "2003", True),  # of before it was asked
        ("1003", 101.9, 101.8, "x", True),  # who was there
        ("1001", 101.9, 101.8, "x", False),  # the own node told of a change
    ],
)
def test_a_party_that_comes_to_the_call_of_a_join_may_be_its_work(
    who: str, heard: float, made: float, comes: str, *, finds: bool
) -> None:
    request = do.Conference(agent="1001", dialog_id="A", target_media_address="2001")
    asked = _open(request, "1", outcome=Unconfirmed(reason=Reason.AMBIGUOUS), settled=120.0)
    asked.deeds = [Deed("1001", "1", "CONFERENCE", "A", 100.05, status=202, effect=False)]
    account = Account(0, asked=[asked], live={"1001": [[90.0, 200.0]]})
    account.history.calls["A"] = [(80.0, _view("ACTIVE", "x")), (made, _view("ACTIVE", "x", comes))]
    told = a_dialog("A", a_participant("2001", "ACTIVE"), a_participant(comes, "ACTIVE"))
    parcel = Parcel("", "", made, None, None, is_error=False)
    error = RequestFailed(node="", owner="1001", dialog_id="A", errors=())
    refusal = Parcel("", "", 100.1, asked.deeds[0], None, is_error=True)
    account.heard.append(Heard(101.0, "1001", error, refusal, first=True))
    account.heard.append(Heard(heard, who, an_event(told, owner=who), parcel, first=True))
    assert bool(knowable.missed(account)) is finds


@pytest.mark.parametrize(
    ("looked", "path", "finds"),
    [
        (102.0, "/finesse/api/Dialog/A", False),  # it fitted both, and is ambiguous for both
        (102.0, "/finesse/api/Dialog/B", True),
        (100.6, "/finesse/api/Dialog/A", True),  # before it was so
        (103.2, "/finesse/api/Dialog/A", True),  # when the other's id had told whose it was
        (None, "", True),
    ],
)
def test_what_a_get_showed_to_two_names_nobody_for_an_error_though_one_is_proved_later(
    looked: float | None, path: str, *, finds: bool
) -> None:
    answer = do.Answer(agent="1001", dialog_id="A", target_media_address="2001")
    asked = _open(answer, "1", outcome=Unconfirmed(reason=Reason.AMBIGUOUS), settled=120.0)
    asked.deeds = [Deed("1001", "1", "ANSWER", "A", 100.05, status=202, effect=False)]
    other = _open(answer, "2", outcome=Confirmed(evidence=Evidence.REQUEST_ID), settled=103.0)
    other.deeds = [Deed("1001", "2", "ANSWER", "A", 100.05, status=202, effect=True)]
    account = Account(0, asked=[asked, other], live={"1001": [[90.0, 200.0]]})
    account.history.calls["A"] = [
        (80.0, _view("ALERTING", parties={"2001": "ALERTING", "x": "INITIATED"})),
        (100.8, _view("ACTIVE", parties={"2001": "ACTIVE", "x": "ACTIVE"})),
    ]
    if looked is not None:
        account.gets.append(Got(looked, looked + 0.1, "1001", path, 200))
    error = RequestFailed(node="", owner="1001", dialog_id="A", errors=())
    parcel = Parcel("", "", 101.0, asked.deeds[0], None, is_error=True)
    account.heard.append(Heard(101.0, "1001", error, parcel, first=True))
    shown_ = a_dialog("A", a_participant("2001", "ACTIVE"))
    parcel = Parcel("", "", 100.8, other.deeds[0], "2", is_error=False)
    account.heard.append(Heard(103.0, "1001", an_event(shown_, tag="2"), parcel, first=True))
    assert bool(telling._left_alone(account, asked)) is finds
