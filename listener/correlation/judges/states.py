"""Judges of states: the own participant's, another party's, a task's, the user's."""

from __future__ import annotations

from dataclasses import replace

from listener.correlation.case import ENDED, NOTHING, Case, Finding, How, Shown, Sight
from listener.correlation.instants import after, before, newer, older
from listener.correlation.picture import Baseline
from listener.finesse.actions import expectation as x
from listener.finesse.model import Dialog, Participant, User

LEFT = frozenset({"DROPPED", "WRAP_UP"})
QUIET_AFTER_DELETE = 1.0  # seconds in which another dialog may still name this one (rule 6.3)
QUIET_AFTER_CLOSE = 2.0  # seconds in which the customer call may still appear (rule 6.8)
CLOSE_WITHIN = 3.0  # seconds from the 202 (rule 6.8)


def has_left(party: Participant | None) -> bool:
    """Say whether a party is off the call: DROPPED, or in wrap-up."""
    return party is not None and party.state in LEFT


def ended_here(case: Case, sight: Sight) -> bool:
    """Say whether the sight ends the request's dialog for the requesting agent."""
    if not (case.mine(sight) and case.about(sight)):
        return False
    own = sight.dialog.participant(case.own) if sight.dialog is not None else None
    return sight.how is How.REMOVED or has_left(own)


def _or_ended(case: Case, sight: Sight) -> Finding:
    return ENDED if ended_here(case, sight) else NOTHING


def own_state(case: Case, want: x.OwnState, sight: Sight) -> Finding:
    """HOLD, RETRIEVE, ANSWER, preview ACCEPT: the own participant, never the dialog (6.2)."""
    own = sight.dialog.participant(case.own) if sight.dialog is not None else None
    if not case.about(sight):
        return _said_behind(case, want, sight, own)
    if own is None or own.state not in want.states or sight.how is How.REMOVED:
        return _or_ended(case, sight)
    shown = case.moved(own)
    anew = sight.tagged and case.renewed(own)
    if shown in {Shown.UNCHANGED, Shown.NOTHING} and anew:
        shown = Shown.EFFECT  # what was in between was missed, or read before
    return Finding(shown, stage=own.state)


def _said_behind(case: Case, want: x.OwnState, sight: Sight, own: Participant | None) -> Finding:
    """Judge late news of the call as it was before it became another one (rules 3).

    Without our id it must be a change by what it shows and by its time (rules 4).
    """
    there = sight.how is How.CHANGED and sight.dialog_id in case.behind
    if not there or own is None or own.state not in want.states:
        return NOTHING
    was = case.as_sent(sight.dialog_id, case.own)
    if not sight.tagged:
        mine = case.mine(sight) and own.state_change_time not in case.theirs
        later = was is not None and newer(own.state_change_time, was.state_change_time)
        later = later and was is not None and own.state != was.state
        return Finding(Shown.EFFECT, stage=own.state) if later and mine else NOTHING
    if was is None:
        return Finding(Shown.IF_TAGGED, stage=own.state)
    known = bool(own.state_change_time and was.state_change_time)
    anew = newer(own.state_change_time, was.state_change_time)
    moved = anew or (own.state != was.state and not known)
    return Finding(Shown.EFFECT, stage=own.state) if moved else NOTHING


def left(case: Case, _want: x.Left, sight: Sight) -> Finding:
    """DROP: the own participant DROPPED or WRAP_UP, or a DELETE that shows or followed it (6.3)."""
    if not case.about(sight):
        return NOTHING
    own = sight.dialog.participant(case.own) if sight.dialog is not None else None
    if sight.how is How.REMOVED:
        return _removed(case, own) if case.mine(sight) else NOTHING
    if not has_left(own) or own is None:
        _came_back(case, own)
        return NOTHING
    early = case.before is None and before(own.state_change_time, case.answer_date)
    shown = case.moved(own)
    if sight.tagged:  # the request's own work, unless nothing tells that it was not so before
        unknown = shown is Shown.IF_TAGGED and (early or case.was_off)
        return Finding(Shown.UNCHANGED if unknown else shown, stage=own.state)
    # Who is in wrap-up is off the call already: that its time ends is no news of a DROP.
    case.was_off = case.was_off or early
    return Finding(Shown.UNCHANGED if was_off(case) else shown, stage=own.state)


def _came_back(case: Case, own: Participant | None) -> None:
    """Take note that the agent is on a call that one which is gone had taken in (rules 4).

    By Finesse's time that is so since then.
    """
    since = own is not None and newer(own.state_change_time, case.newest)
    case.was_taken = case.was_taken and not since


def was_off(case: Case) -> bool:
    """Say whether the own participant was off the call before the request."""
    was = case.before.participant(case.own) if case.before is not None else None
    return case.was_off or case.was_taken or has_left(was)


def _removed(case: Case, own: Participant | None) -> Finding:
    dropped = "DROPPED" in {own.state if own else None, case.last.state if case.last else None}
    if dropped:
        shown = _dropped(case, own)
    elif own is None or has_left(own):
        shown = Shown.IF_TAGGED
    else:
        return ENDED
    # Another own dialog may still name this one: then the call goes on under that id.
    return Finding(shown, stage="DROPPED", quiet=QUIET_AFTER_DELETE)


def _dropped(case: Case, own: Participant | None) -> Shown:
    was = case.last.state_change_time if case.last is not None else None
    if was_off(case) or (own is not None and older(own.state_change_time, was)):
        return Shown.IF_TAGGED  # or it was off it before it came back
    if case.last is not None or own is None:
        return Shown.EFFECT
    return case.moved(own)


def party_gone(case: Case, want: x.PartyGone, sight: Sight) -> Finding:
    """PARTICIPANT_DROP: that party DROPPED or no longer listed, and it was there before (6)."""
    if not case.about(sight) or sight.dialog is None:
        return NOTHING
    if sight.how is How.REMOVED and case.mine(sight):
        return ENDED
    party = sight.dialog.participant(want.media_address)
    there = not sight.dialog.participants or (party is not None and party.state not in LEFT)
    if there or case.stale(sight.dialog):
        return NOTHING
    before = case.before.participant(want.media_address) if case.before is not None else None
    if before is not None:
        return Finding(Shown.UNCHANGED if has_left(before) else Shown.EFFECT)
    late = party is not None and after(party.state_change_time, case.answer_date)
    return Finding(Shown.EFFECT if late else Shown.IF_TAGGED)


def reservation_ended(case: Case, _want: x.ReservationEnded, sight: Sight) -> Finding:
    """Preview CLOSE and REJECT: a tagged DELETE; an untagged one only under conditions (6.8).

    A new own call within the quiet time is the customer's: then the reservation was taken.
    """
    if not case.mine(sight):
        return NOTHING
    if not case.about(sight):
        appeared = sight.how in {How.ADDED, How.CHANGED} and case.is_new(sight)
        case.was_accepted = case.was_accepted or appeared
        return ENDED if appeared and case.gone else NOTHING
    case.was_accepted = (
        case.was_accepted or _is_accepted(case, sight.dialog) or _is_accepted(case, case.before)
    )
    if sight.how is not How.REMOVED:
        # News that comes behind its DELETE tells how it was, too.
        return ENDED if case.was_accepted and case.gone else NOTHING
    case.gone |= case.ids
    if sight.tagged:
        return Finding(Shown.EFFECT)
    since = None if case.accepted_at is None else sight.at - case.accepted_at
    # Who was off it before has no reservation left to close: that its wrap-up ends is its own end.
    there = case.before is not None and not has_left(case.before.participant(case.own))
    plain = there and not case.was_accepted
    if plain and (since is None or since <= CLOSE_WITHIN):  # or it waits for a 202 that comes soon
        return Finding(Shown.EFFECT, quiet=QUIET_AFTER_CLOSE)
    return ENDED


def _is_accepted(case: Case, dialog: Dialog | None) -> bool:
    own = dialog.participant(case.own) if dialog is not None else None
    return "ACCEPTED" in {own.state if own else None, dialog.state if dialog else None}


def task_state(case: Case, want: x.TaskState, sight: Sight) -> Finding:
    """Nonvoice ACCEPT to WRAP_UP: the state of the agent's part of the task (4.19, inferred)."""
    if not case.about(sight) or sight.dialog is None:
        return NOTHING
    if sight.how is How.REMOVED:
        return _or_ended(case, sight)
    now = _task_part(case, sight)
    if now.state not in want.states:
        return NOTHING
    return Finding(_task_moved(case, now, tagged=sight.tagged), stage=now.state)


def _task_part(case: Case, sight: Sight) -> Participant:
    """Return the agent's part: its participant, else the sole one, else the task itself."""
    assert sight.dialog is not None
    parties = sight.dialog.participants
    own = sight.dialog.participant(case.own) or sight.dialog.participant(case.agent)
    sole = parties[0] if len(parties) == 1 else None
    return own or sole or Participant(media_address=case.own, state=sight.dialog.state)


def _task_moved(case: Case, now: Participant, *, tagged: bool) -> Shown:
    if case.before is None:
        return case.moved(now)
    was = _task_part(case, Sight(How.SNAPSHOT, case.agent, case.before))
    shown = replace_last(case, was).moved(now)
    anew = tagged and newer(now.state_change_time, was.state_change_time)
    return Shown.EFFECT if shown is Shown.UNCHANGED and anew else shown


def replace_last(case: Case, last: Participant) -> Case:
    """Return a copy of the case that last saw `last` (tasks name their party in several ways).

    A task has a clock of its own, with which no call's times are compared.
    """
    return replace(case, last=last, newest=None)


def task_ended(case: Case, _want: x.TaskEnded, sight: Sight) -> Finding:
    """Nonvoice TRANSFER and CLOSE: only our id tells them apart (6.8)."""
    if not (case.mine(sight) and case.about(sight)) or sight.how is not How.REMOVED:
        return NOTHING
    return Finding(Shown.EFFECT) if sight.tagged else ENDED


def user_state(case: Case, want: x.UserState, sight: Sight) -> Finding:
    """READY, NOT_READY, WORK, sign-in, sign-out: the state asked for, newer (6.9)."""
    user = sight.user
    if user is None or not case.mine(sight) or not _fits(want, user):
        return NOTHING
    if sight.tagged and case.tagged_at is None:
        case.tagged_at = user.state_change_time
    if _came_late(case, user) and (sight.tagged or _in_between(case, want, user)):
        return _before_the_others(case, want, sight)
    if _signed_in(case, want, user):
        return _at_sign_in(case, want, user)
    if _is_there(want, user):
        return Finding(_user_moved(case, user, tagged=sight.tagged), stage=user.state)
    if user.state in want.states:
        return NOTHING  # for another reason
    if want.extension is None and user.pending_state and user.pending_state in want.states:
        shown = _pending(case, want, user, tagged=sight.tagged)
        return Finding(shown, stage="PENDING")
    moved = user.state in want.weak_states and _user_moved(case, user) is not Shown.UNCHANGED
    if moved and (sight.tagged or not _by_sending(case, user)):
        return Finding(Shown.IF_TAGGED, stage=user.state)
    return NOTHING


def _by_sending(case: Case, user: User) -> bool:
    """Say whether a state is no newer than news of a call that was read by sending.

    Then it was so before, though its own news were lost (4).
    """
    came = user.state_change_time
    return came is not None and (came == case.newest or older(came, case.newest))


def _came_late(case: Case, user: User) -> bool:
    """Say whether it is older news than the change of another request that was heard since."""
    was = case.baseline.user if case.start is not None and case.baseline is not None else None
    return was is not None and older(user.state_change_time, was.state_change_time)


def _in_between(case: Case, want: x.UserState, user: User) -> bool:
    """Say whether it is surely since the request, and no other request's by its id.

    What another one was promised by then stands while the agent goes through other states.
    """
    start, came = case.start.user if case.start is not None else None, user.state_change_time
    since = start is not None and newer(came, start.state_change_time)
    promised = user.state not in want.states and any(older(each, came) for each in case.theirs)
    return since and came not in case.theirs and not promised


def _before_the_others(case: Case, want: x.UserState, sight: Sight) -> Finding:
    """Judge news with our id that came late by what there was at sending."""
    now, case.baseline, case.start = case.baseline, case.start, None
    try:
        return user_state(case, want, sight)
    finally:
        case.start, case.baseline = case.baseline, now


def _signed_in(case: Case, want: x.UserState, user: User) -> bool:
    """Say whether somebody signed in meanwhile: who was out comes in by no other request."""
    before = case.baseline.user if case.baseline is not None else None
    out = before is not None and before.state == "LOGOUT"
    return out and user.state != "LOGOUT" and want.extension is None


def _at_sign_in(case: Case, want: x.UserState, user: User) -> Finding:
    """Judge the first state after a sign-in: in another one than asked for a change begins.

    So in one for another reason: what is there then is not what was asked for (6.9).
    """
    promised = user.pending_state in want.states | want.weak_states
    if promised or user.state in want.weak_states or _is_there(want, user):
        return Finding(Shown.IF_TAGGED, stage=user.state)
    start = case.baseline or Baseline()
    out = start.user.state_change_time if start.user is not None else None
    if newer(user.state_change_time, out):  # and not how it was before the sign-out, told again
        case.baseline = replace(start, user=user)
    return NOTHING


def _pending(case: Case, want: x.UserState, user: User, *, tagged: bool) -> Shown:
    before = case.baseline.user if case.baseline is not None else None
    if before is None or before.pending_state == user.pending_state:
        told_again = before is not None and _user_moved(case, user) is Shown.UNCHANGED
        return Shown.UNCHANGED if told_again and not tagged else Shown.IF_TAGGED
    if want.reason_code_id is not None and user.reason_code_id not in {None, want.reason_code_id}:
        return Shown.IF_TAGGED  # the reason may be that of the state before, or another request's
    late = not older(user.state_change_time, before.state_change_time)
    return Shown.EFFECT if late else Shown.NOTHING


def _is_there(want: x.UserState, user: User) -> bool:
    """Say whether the state asked for is shown, with the reason where one was given."""
    return user.state in want.states and want.reason_code_id in {None, user.reason_code_id}


def _fits(want: x.UserState, user: User) -> bool:
    return want.extension is None or user.extension == want.extension


def _user_moved(case: Case, user: User, *, tagged: bool = False) -> Shown:
    before = case.baseline.user if case.baseline is not None else None
    if before is None:
        late = after(user.state_change_time, case.answer_date)
        late = late and user.state_change_time not in case.theirs
        return Shown.EFFECT if late else Shown.IF_TAGGED
    if newer(user.state_change_time, before.state_change_time):
        return Shown.EFFECT
    known = bool(user.state_change_time and before.state_change_time)
    differs = (user.state, user.reason_code_id) != (before.state, before.reason_code_id)
    # With our id on it another state of the same moment is a change, too (rules 4: not older).
    unsure = known and not (tagged and user.state_change_time == before.state_change_time)
    return Shown.EFFECT if differs and not unsure else Shown.UNCHANGED
