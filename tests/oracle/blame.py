"""Whose can an error be that bears no id? Asked for one case alone: another client's, blamed on us.

The rules let a request fail by such an error when it is the only one that can own it. Now and then
it is the desktop's, whose errors look just like ours; then nobody could have known. `entitled` says
whether that was so: by what was heard, in the rules' own words (section 5), and nothing else.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from listener.correlation.outcome import Confirmed, Evidence, Failed, Presumed, Rejected
from listener.finesse import actions as do
from listener.finesse import uris
from listener.finesse.events import (
    DialogEvent,
    DialogRemoved,
    RequestFailed,
    UserChanged,
)
from tests.oracle import effects, shown
from tests.oracle.readings import alike

if TYPE_CHECKING:
    from tests.oracle.account import Account, Asked, Heard, View

_NAMED = re.compile(r"INVALID_ACTION (\w+)(?: on extension (\w+))?")
_COMMAND = re.compile(r"<(\w+?)CallCommand>")
GUESSED = frozenset({Evidence.EXPECTATION, Evidence.SNAPSHOT, Evidence.SOLE_PENDING})
MAKES = (do.MakeCall, do.ConsultCall, do.SilentMonitor, do.BargeCall)
JOINS = (do.Transfer, do.Conference)
STEPS = {do.ConsultCall: "HELD", do.Conference: "ACTIVE"}
"""The own part on a request's call, on the way to what it asks for."""
SETTLES = 2.0
REPEATED_WITHIN = 5.0
GRAIN = 1.0  # seconds of an answer's Date


def entitled(account: Account, asked: Asked) -> bool:
    """Say whether an error of another was heard that fitted this request and no other of ours."""
    return any(_sole(account, asked, heard) for heard in _errors(account, asked))


def _errors(account: Account, asked: Asked) -> list[Heard]:
    begun = asked.submitted if asked.begun is None else asked.begun
    assert asked.settled is not None
    return [
        heard
        for heard in account.heard
        if heard.agent == asked.agent
        and isinstance(heard.event, RequestFailed)
        and heard.event.request_id is None
        and begun <= heard.at <= asked.settled
        and not repeated(account, heard)
    ]


def repeated(account: Account, error: Heard) -> bool:
    """Say whether the same error was heard a moment before: it may be published again (4)."""
    return any(
        heard.agent == error.agent
        and heard is not error
        and alike(heard, error)
        and error.at - REPEATED_WITHIN < heard.at < error.at
        for heard in account.heard
    )


def _sole(account: Account, asked: Asked, heard: Heard) -> bool:
    if not (fits(account, asked, heard) or _of_nobodys_call(account, asked, heard)):
        return False
    if _others_at_work(account, asked, heard):
        return False
    if _about_another_call(account, asked, heard) or _proof_came(account, asked, heard):
        return False
    return not owners(account, asked, heard)


def _of_nobodys_call(account: Account, asked: Asked, error: Heard) -> bool:
    """Say whether an error may be a MAKE_CALL's on a call of which nobody told, whosever it is.

    No document says which source an error has before a call is there, so that any is taken, and one
    that is not known is read as the user (protocol 2.5, 3.1). Which calls there were must be known,
    and none of them is that one.
    """
    event, begun = error.event, asked.submitted if asked.begun is None else asked.begun
    if not isinstance(asked.request, do.MakeCall) or not isinstance(event, RequestFailed):
        return False
    if not account.listening(asked.agent, begun, begun) or event.dialog_id is None:
        return False
    told = effects.told(account, asked, event.dialog_id) or _told_of(account, asked, error)
    return not told and names_its_own(asked, event)


def owners(account: Account, asked: Asked, error: Heard) -> list[Asked]:
    """Return the others of that agent that may own an error as well (5), as far as is known.

    A join that is open, and of which nobody knows with which of several calls, is open on each.
    """
    return [
        other
        for other in account.asked
        if other is not asked
        and other.agent == asked.agent
        and _may_own(other, error.at, asked.settled)
        and (
            fits(account, other, error)
            or _may_lack_its_source(other, error)
            or _may_have_made(account, other, error)
            or joins_blindly(account, other, error)
        )
        and (_may_join(account, other, error) or not _about_another_call(account, other, error))
    ]


def _may_lack_its_source(other: Asked, error: Heard) -> bool:
    """Say whether an error that names no object may be an open consult's.

    No document says which source that has what fails before its dialog is there.
    """
    event, open_ = error.event, (other.settled or error.at) >= error.at
    nothing = (getattr(event, "dialog_id", ""), getattr(event, "user_id", "")) == (None, None)
    return nothing and open_ and isinstance(other.request, do.ConsultCall)


def _may_have_made(account: Account, other: Asked, error: Heard) -> bool:
    """Say whether an error is on a call that an open request may have made, for all it knew (6.1).

    It went out while no session heard, so that nobody knew which calls there were.
    """
    assert isinstance(error.event, RequestFailed)
    if (other.settled or error.at) < error.at or not names_its_own(other, error.event):
        return False
    return made_blindly(account, other, error)


def made_blindly(account: Account, other: Asked, error: Heard) -> bool:
    """Say whether an error is on a call of the device of one who made one while no session heard.

    It may be that one, for all that anybody knew, open or settled (5, 6.1); not where this process
    had been told of that call by then, though it may not have known of all.
    """
    there = getattr(error.event, "dialog_id", None) or ""
    view = account.history.at(there, error.at)
    begun = other.submitted if other.begun is None else other.begun
    blind = not account.listening(other.agent, begun, begun)
    makes = isinstance(other.request, MAKES) and view is not None and view.sender == other.own
    forgot = any(started <= error.at for _, started in account.restarts)
    return makes and blind and (forgot or not effects.told(account, other, there))


def untold(account: Account, asked: Asked, error: Heard) -> bool:
    """Say whether an error is on a call of which its agent was told nothing by then.

    It may be the one that a request made, of which nobody knows which it was (5, 6.1).
    """
    return isinstance(asked.request, MAKES) and not _told_of(account, asked, error)


def came_untold(account: Account, asked: Asked, error: Heard) -> bool:
    """Say whether an error is on a call that a request may have made, as far as was told of it.

    It comes from its device, nobody had told of it when that went out, though it was there (6.1: it
    is not in the baseline), and by no id is it another's, nor the request's another one.
    """
    there = getattr(error.event, "dialog_id", None)
    view = account.history.at(there, error.at)
    if there is None or view is None or not isinstance(asked.request, do.MakeCall | do.ConsultCall):
        return False
    if view.sender != asked.own or effects.told(account, asked, there):
        return False
    if effects.came_with_another_id(account, asked, there):
        return False
    others = (each for each in account.asked if each is not asked)
    if any(there in _made(account, each, error.at) for each in others):
        return False
    return not _made(account, asked, error.at) - {there}


def _may_join(account: Account, asked: Asked, error: Heard) -> bool:
    """Say whether an error is on a call that an open join may be about: one of several others."""
    if not isinstance(asked.request, JOINS) or (asked.settled or error.at) < error.at:
        return False
    return may_be_joined(account, asked, error) or joins_blindly(account, asked, error)


def joins_blindly(account: Account, asked: Asked, error: Heard) -> bool:
    """Say whether an error may be a join's on any call, for it was sent while nobody listened.

    Nobody knew which calls there were (4, 6.4). One that came since has begun later than the Date
    of Finesse's answer; where there was none, or a caller who sent it reported what he was answered
    (8: no Date), nothing tells. What the message names must be its own all the same (5).
    """
    event, begun = error.event, asked.submitted if asked.begun is None else asked.begun
    if not isinstance(asked.request, JOINS) or account.listening(asked.agent, begun, begun):
        return False
    if not isinstance(event, RequestFailed) or not names_its_own(asked, event):
        return False
    row = account.history.calls.get(event.dialog_id or "", ())
    call = bool(row) and row[0][1].kind == "voice"
    answered = asked.answered if asked.mode in {"submit", "forward"} else None
    since = call and answered is not None and row[0][0] >= answered + GRAIN
    return call and not (since and _told_of(account, asked, error))


def _told_of(account: Account, asked: Asked, error: Heard) -> bool:
    """Say whether its agent had been told of the call that an error is on.

    What a process was told that was killed since is not known any more, but by a picture.
    """
    there = getattr(error.event, "dialog_id", None)
    since = max((at for _, at in account.restarts if at <= error.at), default=0.0)
    read = any(
        isinstance(heard.event, DialogEvent)
        and heard.agent == asked.agent
        and heard.event.dialog_id == there
        and since <= heard.at <= error.at
        for heard in account.heard
    )
    return read or any(
        0.0 < since <= at <= error.at and asked.agent in view.listed
        for at, _ in account.live.get(asked.agent, ())
        if (view := account.history.at(there, at)) is not None
    )


def may_be_joined(account: Account, asked: Asked, error: Heard) -> bool:
    """Say whether an error is on a call that may be the other one of a join, open or settled."""
    there = getattr(error.event, "dialog_id", None)
    others = effects.partners(asked, account)
    if not any(_named(account, asked, id_) for id_ in others):
        others = list(effects.live_calls(asked, account))
    return any(there in effects.family(account.history, id_, error.at) for id_ in others)


def _named(account: Account, asked: Asked, other: str) -> bool:
    """Say whether a link names a call as the other one, as was read: the agent talks on one (6.4).

    A link lasts as long as its calls do; the call that is talked on tells which one is meant now,
    where it is no third one.
    """
    begun = asked.submitted if asked.begun is None else asked.begun
    last = {
        heard.event.dialog_id: heard.event.dialog
        for heard in account.heard
        if heard.agent == asked.agent and heard.at <= begun and isinstance(heard.event, DialogEvent)
    }
    two = (asked.request.dialog_id or "", other)
    if not all(id_ in last for id_ in two):
        return False
    parties = {id_: each.participant(asked.own) for id_, each in last.items()}
    talks = {id_ for id_, own in parties.items() if own is not None and own.state == "ACTIVE"}
    links = {(id_, uris.dialog_id(last[id_].associated_dialog_uri)) for id_ in two}
    linked = not links.isdisjoint({two, two[::-1]}) and (two[0] in talks) != (two[1] in talks)
    return linked and not talks & (effects.live_calls(asked, account).keys() - set(two))


def _about_another_call(account: Account, asked: Asked, error: Heard) -> bool:
    """Say whether an error is about a call that is known not to be the one that a request makes.

    It had been read that this one is another's of ours, by its id, or that the request's is another
    one; or the request ended with a call: then it was refused because of no other, and if that
    confirmed it, not because of that one either.
    """
    there = getattr(error.event, "dialog_id", None)
    if isinstance(asked.request, JOINS) and there is not None:
        two = _joined(account, asked, error.at)
        return all(there not in _told_family(account, asked, id_, error.at) for id_ in two)
    if not isinstance(asked.request, MAKES) or there is None:
        return False
    if there in effects.family(account.history, asked.request.dialog_id, error.at):
        return False
    outcome = asked.outcome
    if isinstance(outcome, Confirmed | Failed) and (asked.settled or 0.0) <= error.at:
        new = outcome.dialogs.new
        if new is not None:
            return isinstance(outcome, Confirmed) or there != new
    settled = asked.settled is not None and asked.settled <= error.at
    if settled and asked.request.dialog_id is None:
        return True  # it ended, and of no call it was known that it was its own (5: on that object)
    if settled and _rang(account, asked, there, error.at):
        return True  # it was made, by whomever: nothing about its making was refused
    own = _made(account, asked, error.at)
    if own:
        return there not in own
    return any(
        there in _made(account, other, error.at)
        for other in account.asked
        if other is not asked and isinstance(other.request, MAKES)
    )


def _joined(account: Account, asked: Asked, at: float) -> tuple[str | None, ...]:
    """Return the calls that a join is about: those that it was said to have joined by then.

    Of several that nothing links, none is known to be the other one: no error on one is its (5).
    """
    outcome, dialog = asked.outcome, asked.request.dialog_id
    if isinstance(outcome, Confirmed) and (asked.settled or 0.0) <= at:
        told = (outcome.dialogs.survivor, *outcome.dialogs.gone)
        if len(set(told) - {None}) > 1:
            return (dialog, *told)
    others = effects.partners(asked, account)
    return (dialog, *others) if len(others) == 1 else (dialog,)


def _rang(account: Account, asked: Asked, dialog: str, at: float) -> bool:
    """Say whether a call had been read to be ALERTING or ACTIVE by then."""
    return any(
        heard.agent == asked.agent
        and heard.at < at
        and isinstance(heard.event, DialogEvent)
        and heard.event.dialog_id == dialog
        and heard.event.dialog.state in {"ALERTING", "ACTIVE"}
        for heard in account.heard
    )


def _made(account: Account, asked: Asked, at: float) -> set[str]:
    """Return the calls of a request that were read by then to have begun with its id (3, 6.1)."""
    return {
        heard.event.dialog_id
        for heard in account.heard
        if heard.agent == asked.agent
        and heard.at <= at
        and isinstance(heard.event, DialogEvent)
        and heard.event.request_id == asked.request_id
        and heard.event.dialog.state in {"INITIATING", "INITIATED"}
        and not _shared_by(account, asked, at)
    }


def _shared_by(account: Account, asked: Asked, at: float) -> bool:
    """Say whether its id was another's as well by then (3): a later one takes nothing back."""
    return asked.ambiguous and any(
        other is not asked
        and other.agent == asked.agent
        and other.request_id == asked.request_id
        and other.submitted <= at
        for other in account.asked
    )


def fits(account: Account, asked: Asked, heard: Heard) -> bool:
    """Say whether the error may be about that request: its object, its action, its device."""
    event = heard.event
    assert isinstance(event, RequestFailed)
    if not names_its_own(asked, event):
        return False
    dialog = asked.request.dialog_id
    if asked.request.root == "User" and event.dialog_id is not None:
        return False
    if event.dialog_id is None:
        return dialog is None
    begun = asked.submitted if asked.begun is None else asked.begun
    known = account.history.at(event.dialog_id, begun) is not None
    if isinstance(asked.request, JOINS):
        return known  # of two calls there were, and which the other was is not asked here
    view = account.history.at(event.dialog_id, heard.at)
    if isinstance(asked.request, do.BargeCall):  # it comes to a call that there was, with that one
        with_him = view is not None and asked.request.to_address in view.parties
        return with_him and not effects.told(account, asked, event.dialog_id)
    its_call = not known and (view is None or view.sender == asked.own)
    # By another client's id, with which it came, it is that one's (6.1).
    its_call = its_call and not effects.came_with_another_id(account, asked, event.dialog_id)
    if dialog is None:  # of the call that it makes
        return its_call
    there = _told_family(account, asked, dialog, heard.at)
    return event.dialog_id in there or (isinstance(asked.request, do.ConsultCall) and its_call)


def names_its_own(asked: Asked, event: RequestFailed) -> bool:
    """Say whether an error's message, where it names an action or a device, names the request's."""
    for error in event.errors:
        command = _COMMAND.search(error.error_message or "")
        if command and command[1].upper() != asked.request.requested_action:
            return False
        found = _NAMED.search(error.error_message or "")
        if found and (
            found[1] != asked.request.requested_action or found[2] not in {None, asked.own}
        ):
            return False
    return True


def _told_family(account: Account, asked: Asked, dialog: str | None, at: float) -> list[str]:
    """Return a dialog and those of which somebody had told by then that it became one."""
    found = effects.family(account.history, dialog, at)
    named = {
        heard.event.dialog_id
        for heard in account.heard
        if heard.at <= at
        and isinstance(heard.event, DialogEvent)
        and heard.event.dialog.secondary_id in found
    }
    looked = any(
        got.answered is not None
        and (asked.begun or asked.submitted) <= got.sent
        and got.answered <= at
        and (asked.agent in got.path or "/Dialog/" in got.path)
        for got in account.gets
    )
    return found if looked else [id_ for id_ in found if id_ in {*found[:1], *named}]


def _may_own(other: Asked, at: float, end: float | None) -> bool:
    """Say whether another request may own an error of that time, as far as is known at the end."""
    if other.begun is None or not other.begun < at:
        return False  # what left at the moment in which it was read was not what it answered
    if other.settled is None or (end is not None and other.settled > end):
        return True
    if other.settled >= at:  # it left the suspects: when one is left, that one fails
        failed = isinstance(other.outcome, Failed) and other.outcome.evidence not in GUESSED
        return not (failed or isinstance(other.outcome, Confirmed | Rejected))
    by_id = isinstance(other.outcome, Confirmed | Failed) and other.outcome.evidence not in GUESSED
    if by_id or isinstance(other.outcome, Rejected):
        return False
    if isinstance(other.outcome, Presumed):
        return at < other.settled + 5.0
    return at < max(other.deadline, other.settled + 5.0)


def _others_at_work(account: Account, asked: Asked, error: Heard) -> bool:
    """Say whether somebody else was heard at work on that object since it was asked.

    A join has two: its own dialog, and the one other call that it can be about.
    """
    begun = asked.submitted if asked.begun is None else asked.begun
    ours = {id(deed) for each in account.asked for deed in each.deeds}
    both = (asked.request.dialog_id,)
    if isinstance(asked.request, JOINS):
        both = _joined(account, asked, error.at)
    dialogs = {d for id_ in both for d in effects.family(account.history, id_, error.at)}
    return any(
        _moved(account, asked, heard) if isinstance(heard.event, DialogEvent) else True
        for heard in account.heard
        if heard.agent == asked.agent and heard.first and begun <= heard.at <= error.at
        if heard.parcel.made >= begun  # what is read late has not changed since it was asked
        if id(heard.parcel.cause) not in ours or _a_step(asked, heard)
        if not _explained(account, asked, heard)
        if (isinstance(heard.event, DialogEvent) and heard.event.dialog_id in dialogs)
        or (isinstance(heard.event, UserChanged) and asked.request.root == "User")
    )


def _explained(account: Account, asked: Asked, heard: Heard) -> bool:
    """Say whether what somebody else did looked like the work of a request of ours (5).

    It confirmed that one, or is the step to what an open one asks for: nobody knows it to be more.
    """
    return any(
        _confirmed_by(account, asked, other, heard) or _is_step_of(account, other, heard)
        for other in account.asked
        if other.agent == asked.agent and other.begun is not None and other.begun <= heard.at
    )


def _confirmed_by(account: Account, asked: Asked, other: Asked, heard: Heard) -> bool:
    weak = isinstance(other.outcome, Confirmed) and other.outcome.evidence in GUESSED
    if other is asked or not weak or not heard.at <= (other.settled or 0.0) <= (asked.settled or 0):
        return False
    return shown.shows(account, other, heard, tagged=False)


def _is_step_of(account: Account, other: Asked, heard: Heard) -> bool:
    """Say whether a consult's call is shown held, or a conference's taken back, and no more."""
    event = heard.event
    if not isinstance(event, DialogEvent) or not heard.at <= (other.settled or heard.at):
        return False
    party, id_ = event.dialog.participant(other.own), event.dialog_id
    step = party is not None and party.state == STEPS.get(type(other.request))
    views = [account.history.at(id_, heard.parcel.made + by) for by in (-0.001, 0.001)]
    wrote = len({str(_data(view)) for view in views if view is not None}) > 1
    return step and not wrote and id_ in _joined(account, other, heard.at)


def _a_step(asked: Asked, heard: Heard) -> bool:
    """Say whether an event shows us off a call by the work of a join: it was not refused, then."""
    if not isinstance(asked.request, JOINS) or heard.parcel.cause is not asked.deed:
        return False
    event = heard.event
    party = event.dialog.participant(asked.own) if isinstance(event, DialogEvent) else None
    return party is not None and party.state in effects.LEFT


def _moved(account: Account, asked: Asked, heard: Heard) -> bool:
    """Say whether the agent's own part or the data changed: a far end that leaves sent nothing."""
    id_ = getattr(heard.event, "dialog_id", None)
    views = [account.history.at(id_, heard.parcel.made + by) for by in (-0.001, 0.001)]
    was, is_ = ((v.parties.get(asked.own), *_data(v)) if v is not None else None for v in views)
    return was != is_ and not isinstance(heard.event, DialogRemoved)


def _data(view: View) -> tuple[object, ...]:
    """Return what is written on a call, which is its data as much as its variables are (5)."""
    return view.values, view.items, view.callback


def _proves(account: Account, asked: Asked, heard: Heard) -> bool:
    tagged = heard.event.request_id == asked.request_id
    if isinstance(asked.request, do.SendDtmf | do.StartRecording):
        return tagged
    if not tagged and isinstance(asked.request, shown.NEEDS_ID):
        return False
    return shown.shows(account, asked, heard, tagged=tagged)


def _proof_came(account: Account, asked: Asked, error: Heard) -> bool:
    """Say whether its own event was heard in time to save it."""
    return any(
        heard.parcel.cause is not None
        and heard.parcel.cause is asked.deed
        and not heard.parcel.is_error
        and _proves(account, asked, heard)
        and heard.at <= min(error.at + SETTLES, asked.deadline)
        for heard in account.heard
        if heard.agent == asked.agent
    )
