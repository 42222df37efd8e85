"""Events that were heard before a request came into these books, judged for that request alone.

The item ids and the picture have them already. `again` serves tagged events from before a
registration (rules of evidence 2), `rehear` all that this process heard since another one sent the
request, as if it had been registered here.
"""

from __future__ import annotations

from dataclasses import replace

from listener.correlation.accusation import fits, own_error, remembered_error
from listener.correlation.adoption import settled_rivals
from listener.correlation.bystanders import (
    Judged,
    at_work,
    joining_blindly,
    made_by_another,
    nothing_new,
    on_the_way,
    unexplained,
    user_moved,
    wrote_data,
)
from listener.correlation.case import Case, How, Shown, Sight
from listener.correlation.colleagues import of_its_own
from listener.correlation.desk import Desk
from listener.correlation.entry import Entry
from listener.correlation.following import follow_into
from listener.correlation.hearing import (
    bearers,
    concerned_by,
    how_of,
    judge_all,
    mark,
    mark_unknown,
    never_left,
    reaches,
    sent,
    sole,
)
from listener.correlation.judges import judge
from listener.correlation.judges.pairs import live_calls
from listener.correlation.looks import fell
from listener.correlation.news import known_to, told_again
from listener.correlation.objects import JOINS, names_another_object
from listener.correlation.sharing import contest, did, give_back, rivals, would_count, would_fit
from listener.finesse.actions.expectation import UserState
from listener.finesse.events import (
    DialogChanged,
    DialogEvent,
    DialogRemoved,
    Event,
    RequestFailed,
    UserChanged,
    dialog_id,
)
from listener.finesse.model import Dialog


def again(desk: Desk, now: float, entry: Entry, event: Event) -> None:
    """Let a request see an event with its id that came before it was registered.

    What the caller sends may have been sent by then; an id that was heard before we sent anything
    is somebody else's too. It counts only where it shows something of what is asked for: any other
    client may have used that id as well, a colleague among them.
    """
    if not reaches(entry, event) or entry.id_repeated:
        return
    if not entry.expected:
        entry.id_repeated = True
        return
    if bearers(desk, event) != [entry] or not _of_its_own_work(desk, now, entry, event):
        return
    if isinstance(event, RequestFailed):
        own_error(desk, now, entry, event)
        return
    _admit(entry.case, event)
    mark(desk, now, entry, event)
    sight = _sight(event, now)
    for other in desk.books.of(entry.agent):
        if other is not entry and other.on_the_wire and did(entry, other, sight):
            give_back(other, sight)  # it was not told whose that was (rules 4)
    judge_all(desk, now, [entry], sight, entry)


def _of_its_own_work(desk: Desk, now: float, entry: Entry, event: Event) -> bool:
    """Say whether an event with its id is about what the request does: its action, its call."""
    if isinstance(event, RequestFailed):
        return fits(entry, event) and not names_another_object(desk, entry, event)
    if isinstance(event, UserChanged) and of_its_own(desk, now, entry) is None:
        return False
    if entry.tracked_by_id_alone:
        return True  # nobody knows what it does
    case = entry.case.copy()
    _admit(case, event)
    known = _steps(case)
    shown = judge(case, replace(_sight(event, now), tagged=True)).shown
    step = isinstance(event, DialogEvent) and _is_step(entry, event)
    return step or _steps(case) != known or shown is not Shown.NOTHING


def _admit(case: Case, event: Event) -> None:
    """Let a call that was over by then be its own, unless a join may be with one that lives."""
    if not (isinstance(case.expectation, JOINS) and live_calls(case)):
        case.theirs.discard(getattr(event, "dialog_id", None))


def _is_step(entry: Entry, event: DialogEvent) -> bool:
    """Say whether an event shows a step: of a join, that one of the agent's calls ended."""
    if isinstance(event, DialogRemoved) and isinstance(entry.case.expectation, JOINS):
        return event.owner == entry.agent
    own = event.dialog.participant(entry.case.own)
    return own is not None and on_the_way([entry], event.dialog_id, own.state)


def _steps(case: Case) -> tuple[object, ...]:
    """Return what a judge notes of the way to what is asked for, where our id is on it."""
    return case.claimed, case.partner, case.gone, case.gone_tagged, case.joined


def _sight(event: Event, now: float) -> Sight:
    if isinstance(event, DialogEvent):
        return Sight(how_of(event), event.owner, event.dialog, event.dialog_id, at=now)
    user = event.user if isinstance(event, UserChanged) else None
    return Sight(How.CHANGED, event.owner, user=user, at=now)


def rehear(desk: Desk, now: float, entry: Entry, event: Event, content: int) -> None:
    """Judge an event that was heard since the request was sent, for this request alone."""
    id_ = event.request_id
    known = bearers(desk, event) if id_ is not None else []
    owner = entry if sole([each for each in known if not never_left(each)]) is entry else None
    if id_ is not None and not known:
        _foreign(desk, entry, event)
    elif isinstance(event, RequestFailed) and owner is not None:
        own_error(desk, now, entry, event)
    elif isinstance(event, RequestFailed) and (not known or entry in known):
        remembered_error(desk, now, entry, event)
    elif isinstance(event, RequestFailed) and any(e.id_repeated for e in known):
        _foreign(desk, entry, event)  # it is somebody's who has that id
    if isinstance(event, UserChanged) and event.owner == entry.agent:
        _user(desk, now, entry, event, of_its_own(desk, now, owner), known)
    elif isinstance(event, DialogEvent) and entry in concerned_by(desk, event, owner):
        _dialog(desk, now, entry, event, content, owner, known)
    elif isinstance(event, DialogEvent) and entry in joining_blindly(
        desk, event.owner, event.dialog_id
    ):
        undated = isinstance(event, DialogChanged) and entry.case.answer_date is None
        entry.unexplained = entry.unexplained or (undated and not known)  # how it was nobody knows
        named = sole(known)  # an id that two have names nobody, and explains nothing
        unexplained([], event, None, Judged().by(named), blind=(entry,))
    elif isinstance(event, DialogEvent) and not entry.open:
        mark(desk, now, owner, event)
    elif not isinstance(event, RequestFailed | UserChanged):
        mark_unknown(desk, now, owner, event)
    desk.rearm(entry)


def _foreign(desk: Desk, entry: Entry, event: Event) -> None:
    """Another client is at work on its object: unsigned errors may be that one's (rules 5)."""
    entry.unexplained = entry.unexplained or entry in at_work(desk, event)
    made_by_another(entry, event)
    if isinstance(event, DialogEvent) and event.dialog_id in entry.case.ids:
        wrote_data(entry, event, _before(entry, event))


def _user(  # noqa: PLR0917  # the last two are whose it is
    desk: Desk,
    now: float,
    entry: Entry,
    event: UserChanged,
    owner: Entry | None,
    named: list[Entry],
) -> None:
    mark(desk, now, owner, event)
    if not entry.on_the_wire or not isinstance(entry.case.expectation, UserState):
        return
    baseline = entry.case.baseline
    before = entry.user or (baseline.user if baseline is not None else None)
    sight = _sight(event, now)
    if owner is None:
        _contest(desk, now, entry, sight, event.request_id)
    judged = judge_all(desk, now, [entry], sight, owner, named=named)
    sent(desk, now, owner)
    moved = user_moved(before, event.user)
    entry.unexplained = entry.unexplained or (moved and not judged.working and owner is None)


def _dialog(  # noqa: PLR0917  # as above
    desk: Desk,
    now: float,
    entry: Entry,
    event: DialogEvent,
    content: int,
    owner: Entry | None,
    named: list[Entry],
) -> None:
    mark(desk, now, owner, event)
    before = _before(entry, event)
    if owner is None:
        nothing_new([entry], event, before)
        entry.unexplained = entry.unexplained or entry in named  # two have that id (rules 3, 5)
    follow_into(desk, entry, event.owner, event.dialog, event.dialog_id)
    fell(entry, event)
    sight = replace(_sight(event, now), again=told_again(desk, event, content))
    if owner is None:
        _contest(desk, now, entry, sight, event.request_id)
    signed = event.request_id is not None
    judged = judge_all(desk, now, [entry], sight, owner, signed=signed, named=named)
    if owner is not None or (event.owner == entry.agent and judged.proven):
        known_to(desk, now, entry, event, settled=True)  # the own node's word may be in the picture
    sent(desk, now, owner)
    unexplained([entry], event, before, judged.by(owner))


def _before(entry: Entry, event: DialogEvent) -> Dialog | None:
    """Return what that dialog was like before, as far as this request saw it."""
    if entry.dialog is not None and event.dialog_id in entry.case.ids:
        return entry.dialog
    baseline = entry.case.baseline
    every = (baseline.dialog, *baseline.others) if baseline is not None else ()
    return next((d for d in every if d is not None and dialog_id(d) == event.dialog_id), None)


def _contest(desk: Desk, now: float, entry: Entry, sight: Sight, tag: str | None) -> None:
    """Find the other requests that the same change without our id would prove (rules 4).

    They may hear of it later or not at all; their cases are asked, and not changed. Some may have
    been settled by another process since.
    """
    if not would_count(entry, sight):
        return
    for other in desk.books.of(entry.agent):  # who came to the calls both know, whoever hears first
        other.case.came = {**entry.case.came, **other.case.came}
    entry.rivals |= settled_rivals(desk, entry)
    others = [
        other
        for other in rivals(desk, entry, sight)
        if other.request_id != tag and would_fit(other, sight)
    ]
    if others:
        contest([entry, *others], now)
