"""What others do to the objects of our requests: it makes an unsigned error theirs as well as ours.

Notes what was not explained by any request (rules of evidence 5 and 6.7); settles nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from listener.correlation.accusation import ENDS
from listener.correlation.desk import Desk
from listener.correlation.entry import Entry
from listener.correlation.instants import after, newer
from listener.correlation.judges import DATA
from listener.correlation.judges.data import requested, shown_values, truncated
from listener.correlation.judges.states import has_left
from listener.correlation.news import as_known
from listener.correlation.objects import concerns, joins_blindly
from listener.finesse.actions.checks import same_number
from listener.finesse.actions.expectation import (
    Barged,
    CallData,
    Conferenced,
    Monitoring,
    NewCall,
    Tied,
    Transferred,
)
from listener.finesse.events import DialogAdded, DialogEvent, DialogRemoved, Event, RequestFailed
from listener.finesse.model import Dialog, Participant, ScheduledCallbackInfo, User

JUST_MADE = frozenset({"INITIATING", "INITIATED"})
"""States in which a call from our own device comes to the list when it is made."""
JOINS = (Transferred, Conferenced, Barged, Tied)
"""Expectations of what may make two calls one."""
LEAVING = (*ENDS, Conferenced)
"""Expectations that the own participant's leaving of one call may be a step to."""


class Judged(NamedTuple):
    """Our requests to which a sight shows something of what they ask for, and the `sure` of them.

    To the others it shows no more than their id would prove, and it does not bear it: it may be
    anybody's work, as a part of the values is that another client wrote.
    """

    proven: Sequence[Entry] = ()
    sure: Sequence[Entry] = ()

    @property
    def working(self) -> list[Entry]:
        """Those that explain a change; one that only waits for better proof explains none.

        It goes on to be shown by every event.
        """
        return [each for each in self.sure if not each.weak]

    def by(self, owner: Entry | None) -> Judged:
        """Return that of a change which is one request's by its id, if it is."""
        return self if owner is None else Judged((owner,), (owner,))


def foreign(desk: Desk, event: Event) -> None:
    """Another client is at work on that object: later unsigned errors may be its own (rules 5)."""
    for entry in at_work(desk, event):
        if isinstance(event, RequestFailed) and entry.agent != event.owner:
            continue  # what a colleague's client is refused changes nothing, and is told to him
        worked = entry.on_the_wire and not _as_at_sending(entry, event)
        entry.unexplained = entry.unexplained or worked
        made_by_another(entry, event)
        if isinstance(event, DialogEvent):
            wrote_data(entry, event, as_known(desk, event))


def _as_at_sending(entry: Entry, event: Event) -> bool:
    """Say whether a colleague's node shows a call just as it was known at sending: no change since.

    It may tell later than the agent's own one of what had been done by then, and bear an id there
    that is known as ours on the agent's own one alone (rules 3, 5). On the agent's own one such an
    id is another client's that is at work, though all that it did leaves no mark (tones).
    """
    if not isinstance(event, DialogEvent) or isinstance(event, DialogRemoved):
        return False
    if event.owner == entry.agent:
        return False
    before = entry.case.dialog_as_sent(event.dialog_id)
    return before is not None and what_changes(before) == what_changes(event.dialog)


def what_changes(dialog: Dialog) -> tuple[object, ...]:
    """Return what work on a call changes; the kind of call is another one on each party's node."""
    return _parties(dialog), _data(dialog), dialog.secondary_id


def _data(dialog: Dialog) -> tuple[object, ...]:
    """Return what is written on a call: its variables, what it was about, when to call again.

    What is empty need not be listed.
    """
    media = dialog.media_properties
    reason, items = media.wrap_up_reason or "", media.wrap_up_items
    callback = dialog.scheduled_callback_info or ScheduledCallbackInfo()
    time, number = callback.callback_time or "", callback.callback_number or ""
    return media.call_variables, reason, items, time, number


def _parties(dialog: Dialog) -> Counter[tuple[str | None, ...]]:
    """Return who is how on a call since when; what they may do is another matter.

    It changes by what they do on other calls, and no news need tell that.
    """
    return Counter((p.media_address, p.state, p.state_change_time) for p in dialog.participants)


def wrote_data(entry: Entry, event: DialogEvent, before: Dialog | None) -> None:
    """Take note that another client's id is on a call on which nothing but data can have changed.

    What it wrote may be as it was before, and what the request wrote lost to everybody (rule 6.7).
    """
    if not isinstance(entry.case.expectation, CallData) or isinstance(event, DialogRemoved):
        return
    moved = before is not None and _parties(before) != _parties(event.dialog)
    entry.case.foreign_change = entry.case.foreign_change or not moved


def nothing_new(entries: Iterable[Entry], event: DialogEvent, before: Dialog | None) -> None:
    """Take note of news of a call that show it just as it was known.

    Finesse tells of changes: what a request wrote may have been there and gone, and the news of
    that missed (rule 6.7).
    """
    there = [each for each in entries if each.on_the_wire]
    if not there or before is None or isinstance(event, DialogRemoved):
        return
    if what_changes(before) == what_changes(event.dialog):
        for entry in there:
            entry.case.retold = True


def made_by_another(entry: Entry, event: Event) -> None:
    """Take note of a call that came with another client's id: it is not the request's (6.1).

    A foreign id that comes on it later is what was done to it, and says nothing of who made it.
    """
    if not isinstance(event, DialogAdded) or event.dialog.state not in JUST_MADE:
        return
    if entry.on_the_wire and may_make(entry, event.dialog_id, event.dialog):
        entry.case.theirs.add(event.dialog_id)


def at_work(desk: Desk, event: Event) -> list[Entry]:
    """Return the requests on whose object an event is; a new call may be the one to be made.

    So is any call that of a join of which nobody knows with which one it is. A request on a call
    is none on the user, though it makes another call (rules 5).
    """
    there: str | None = getattr(event, "dialog_id", None)
    unbound = desk.books.unbound(event.owner) if event.owner is not None else ()
    if there is None:
        return [entry for entry in unbound if entry.request.dialog_id is None]
    dialog = event.dialog if isinstance(event, DialogEvent) else None
    makers = (e for e in unbound if dialog is not None and may_make(e, there, dialog))
    return [*desk.books.on_dialog(there), *makers, *joining_blindly(desk, event.owner, there)]


def joining_blindly(desk: Desk, agent: str | None, there: str) -> list[Entry]:
    """Return the joins of an agent of which that call may be the other one, for all that is known.

    Which calls there were when they went out nobody knew (rules 4, 6.4).
    """
    every = desk.books.of(agent) if agent is not None else ()
    there_too = (e for e in every if e.on_the_wire and there not in e.case.ids)
    return [each for each in there_too if joins_blindly(desk, each, there)]


def may_make(entry: Entry, id_: str, dialog: Dialog) -> bool:
    """Say whether a call may be one that the request makes: a new one from its device."""
    makes = isinstance(entry.case.expectation, NewCall | Monitoring)
    return makes and concerns(entry, id_) and same_number(dialog.from_address, entry.case.own)


def unexplained(
    concerned: list[Entry],
    event: DialogEvent,
    before: Dialog | None,
    judged: Judged,
    *,
    blind: Sequence[Entry] = (),
) -> None:
    """Mark requests on whose dialog somebody else was seen at work (rules 5).

    `judged`: the requests to which it was shown, of which those that were `working` explain it; but
    new values explain no new state, nor does a state that two calls are one. Values that one asked
    for and that became others are always another's work. `blind`: joins that may be with that call,
    for all that is known.
    """
    if isinstance(event, DialogRemoved):
        return
    working = judged.working
    if before is None:
        _first_news(concerned, event, working, blind)
        return
    data = _data(before) != _data(event.dialog)
    data = data and not working
    explained = any(_explains(each, event.dialog) for each in working)
    its_own = [each for each in concerned if each.agent == event.owner]
    _foreign_values(concerned, judged.proven, event, before)
    joined = event.dialog.secondary_id not in {None, "", before.secondary_id}
    joined = joined and not any(isinstance(each.case.expectation, JOINS) for each in working)
    there = [each for each in its_own if concerns(each, event.dialog_id)]
    for entry in (*there, *blind):
        if _from_elsewhere(entry, event):
            continue
        own, was = event.dialog.participant(entry.case.own), before.participant(entry.case.own)
        moved = own is not None and was is not None and _moved(own, was)
        moved = moved and not explained
        if not data and has_left(own) and not isinstance(entry.case.expectation, LEAVING):
            entry.hung_up = entry.hung_up or moved  # an error from before is none the less its own
        elif data or (
            moved and own and not on_the_way([*its_own, entry], event.dialog_id, own.state)
        ):
            entry.unexplained = True
        if joined and isinstance(entry.case.expectation, Transferred | Conferenced):
            entry.unexplained = True  # it was not refused, or somebody else did it


def _first_news(
    concerned: list[Entry], event: DialogEvent, working: Sequence[Entry], blind: Sequence[Entry]
) -> None:
    """Mark requests of whose call this is the first that is told: how it was before, nobody knows.

    Somebody brought the own part to it where Finesse's time tells that it came behind the answer
    (rules 4). Data have no time: those that it shows may be what changed, unless one of ours was at
    work.
    """
    if isinstance(event, DialogAdded) or any(_explains(each, event.dialog) for each in working):
        return
    wrote = any(_data(event.dialog)) and not working
    its_own = [each for each in concerned if each.agent == event.owner]
    there = [each for each in its_own if event.dialog_id in each.case.ids]
    for entry in (*there, *blind):
        own = event.dialog.participant(entry.case.own)
        if own is None:
            continue
        since = after(own.state_change_time, entry.case.answer_date)
        if wrote or (since and not on_the_way([*its_own, entry], event.dialog_id, own.state)):
            entry.unexplained = True


def _explains(entry: Entry, dialog: Dialog) -> bool:
    """Say whether a request that a dialog shows to be done explains the states that it shows.

    New values explain none; nor is that a call is made any reason why it is held.
    """
    want = entry.case.expectation
    own = dialog.participant(entry.case.own)
    held = own is not None and own.state == "HELD"
    return not isinstance(want, DATA) and not (held and isinstance(want, NewCall | Monitoring))


def _from_elsewhere(entry: Entry, event: DialogEvent) -> bool:
    """Say whether a new call is none that the request makes: it comes from another device."""
    case, origin = entry.case, event.dialog.from_address
    its_own = event.dialog_id in {*case.ids, case.claimed}
    makes = isinstance(case.expectation, NewCall | Monitoring) and not its_own
    return makes and bool(origin) and not same_number(origin, case.own)


def user_moved(was: User | None, now: User) -> bool:
    """Say whether the agent came into another state, or anew into the same one."""
    if was is None:
        return False
    shown = (now.state, now.reason_code_id, now.pending_state or "")
    same = shown == (was.state, was.reason_code_id, was.pending_state or "")
    return not same or newer(now.state_change_time, was.state_change_time)


def _moved(own: Participant, was: Participant) -> bool:
    """Say whether the own participant came into another state, or anew into the same one."""
    return own.state != was.state or newer(own.state_change_time, was.state_change_time)


def on_the_way(concerned: list[Entry], dialog_id: str, state: str | None) -> bool:
    """Say whether the own participant's state is a step to what one of the requests asks for."""
    for entry in concerned:
        want = entry.case.expectation
        if isinstance(want, NewCall) and want.associated == dialog_id and state == "HELD":
            return True
        if isinstance(want, Conferenced) and state == "ACTIVE":
            return True
    return False


def _foreign_values(
    concerned: list[Entry], proven: Sequence[Entry], event: DialogEvent, before: Dialog
) -> None:
    """Take note that values asked for became others.

    So of a request of which a part is shown (it is among the `proven`), unless another one of ours
    asked for that.
    A call has the same ones for all, and a colleague may hear of them first.
    """
    for entry in concerned:
        want = entry.case.expectation
        if isinstance(want, CallData) and event.dialog_id in entry.case.ids:
            asked = requested(want)
            was, is_ = (shown_values(frozenset(asked), each) for each in (before, event.dialog))
            others = [each for each in concerned if each is not entry and entry in proven]
            entry.case.foreign_change |= any(
                (was[name] or "") != (is_[name] or "")  # an empty one need not be listed
                and is_[name] != value
                and not truncated(name, value, is_[name], was[name])
                and not any(_asked(each).get(name) == is_[name] for each in others)
                for name, value in asked.items()
            )


def _asked(entry: Entry) -> Mapping[str, object]:
    want = entry.case.expectation
    return requested(want) if isinstance(want, CallData) else {}
