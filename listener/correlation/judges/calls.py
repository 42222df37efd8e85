"""Judges of calls that did not exist: MAKE_CALL, CONSULT_CALL, SILENT_MONITOR, BARGE_CALL."""

from __future__ import annotations

from dataclasses import replace

from listener.correlation.case import ENDED, NOTHING, Case, Finding, How, Shown, Sight
from listener.correlation.instants import DATE_GRAIN, after, newer, older
from listener.correlation.judges.states import LEFT, ended_here, has_left
from listener.correlation.outcome import DialogIds
from listener.finesse import uris
from listener.finesse.actions import expectation as x
from listener.finesse.actions.checks import same_number
from listener.finesse.events import dialog_id
from listener.finesse.model import Dialog, Participant

PROVEN = frozenset({"ALERTING", "ACTIVE"})
TALKS = frozenset({"ACTIVE", "HELD"})
BEGINNING = frozenset({"INITIATING", "INITIATED"})


def new_call(case: Case, want: x.NewCall, sight: Sight) -> Finding:
    """MAKE_CALL, CONSULT_CALL: INITIATING proves nothing; ALERTING or ACTIVE does (6.1)."""
    dialog = sight.dialog
    if dialog is None or not case.mine(sight) or case.about(sight):
        # The end of the call that was consulted about ends a consult too.
        return ENDED if ended_here(case, sight) else NOTHING
    if case.initiated == sight.dialog_id and _ended(case, want, sight, dialog):
        # However little of it is still shown; but another call may be the one.
        return NOTHING if _made_another(case, sight) else ENDED
    if sight.tagged and sight.dialog_id in case.anybodys:
        case.theirs.discard(sight.dialog_id)
    if sight.how is How.ADDED and sight.dialog_id is not None:
        case.added.add(sight.dialog_id)
    if case.claimed != sight.dialog_id:
        if case.claimed is not None and not sight.tagged:
            return NOTHING  # its own bore its id: another call to that number is another's
        new = case.is_new(sight) and not _made_before(case, sight, dialog)
        new = new or _named(case, want, sight, dialog)
        if not new or not _ours(case, want, dialog, tagged=sight.tagged):
            return _perhaps(case, want, sight, dialog)
        if sight.tagged and case.claimed is None:
            case.claimed = sight.dialog_id
    by_id = case.claimed == sight.dialog_id
    if not by_id:
        return _without_id(case, want, sight, dialog)
    return _as_known(case, sight, _progress(case, want, sight, dialog, by_id=True))


def _without_id(case: Case, want: x.NewCall, sight: Sight, dialog: Dialog) -> Finding:
    """Say what a call shows without our id, and remember it: our id may come behind it."""
    named = _target(want, dialog)
    if not (named or dialog.state in PROVEN | {"FAILED"}):
        return _look_alike(case, dialog)
    found = _progress(case, want, sight, dialog, by_id=False)
    rang = found.shown is Shown.FAILED and _rang(case.perhaps.get(sight.dialog_id))
    if found.shown in {Shown.EFFECT, Shown.FAILED} and not rang:
        case.perhaps[sight.dialog_id] = replace(found, by_id=True)
    return found if named else _look_alike(case, dialog)


def _as_known(case: Case, sight: Sight, found: Finding) -> Finding:
    """Return what a call with our id shows, or was shown to be before: older news undo nothing."""
    known = case.perhaps.get(sight.dialog_id)
    early = found.shown in {Shown.NOTHING, Shown.STANDING}
    early = early or (found.shown is Shown.FAILED and _rang(known))
    return known if known is not None and early else found


def _rang(known: Finding | None) -> bool:
    """Say whether a call had been made by then: that it failed later fails nothing (6.1)."""
    return known is not None and known.shown is Shown.EFFECT


def _made_another(case: Case, sight: Sight) -> bool:
    """Say whether another call looked like the one that was asked for, too."""
    return any(shown is Shown.EFFECT and id_ != sight.dialog_id for id_, shown in case.told.items())


def _made_before(case: Case, sight: Sight, dialog: Dialog) -> bool:
    """Say whether a call was made before the request, though nobody had told of it by then.

    Whoever makes a call is on it from its beginning: before the latest news that was read (4), of
    the agent's own state too, which another one follows when the call is over.
    """
    own, start = dialog.participant(case.own), case.start or case.baseline
    if own is None or sight.tagged:
        return False
    moved = start.user.state_change_time if start is not None and start.user is not None else None
    return older(own.start_time, case.newest) or older(own.start_time, moved)


def _perhaps(case: Case, want: x.NewCall, sight: Sight, dialog: Dialog) -> Finding:
    """Say that it may be the call that was made, where nothing tells what is new."""
    if sight.tagged:
        return NOTHING  # our id would have named it
    unknown = case.baseline is None and sight.dialog_id not in case.theirs
    fits = _ours(case, want, dialog) and _target(want, dialog)
    begun = dialog.state in PROVEN | {"INITIATED", "FAILED"} and not _over(case, sight, dialog)
    if not (unknown and fits and begun):
        return NOTHING
    if dialog.state != "INITIATED":
        case.perhaps[sight.dialog_id] = _progress(case, want, sight, dialog, by_id=True)
    return Finding(Shown.IF_TAGGED)


def _named(case: Case, want: x.NewCall, sight: Sight, dialog: Dialog) -> bool:
    """Say whether our id is on the call that was asked for, where no start tells what is new.

    It goes to the very target, began no earlier than in the second of Finesse's answer, or is being
    made: no call that was there before is so any more when its device makes another one.
    """
    if case.baseline is not None or not sight.tagged or sight.dialog_id in case.theirs:
        return False
    origin = uris.dialog_id(dialog.associated_dialog_uri)
    if sight.dialog_id in case.added:
        return True  # it came to the list since, and our id came with it
    own = dialog.participant(case.own)
    if own is not None and own.state == "HELD":
        return False  # that another one is made holds a call that was there
    if own is not None and (own.state in BEGINNING or _made_since(case, own)):
        return True
    return _target(want, dialog) or (want.associated is not None and origin == want.associated)


def _made_since(case: Case, own: Participant) -> bool:
    """Say whether the own part came to a call in the second of Finesse's answer or later."""
    date = case.answer_date
    since = date is not None and after(own.start_time, date - DATE_GRAIN)
    return since and own.state in PROVEN


def _ours(case: Case, want: x.NewCall, dialog: Dialog, *, tagged: bool = False) -> bool:
    """Say whether a call comes from the asking device; what kind it is asked without our id."""
    kind = dialog.media_properties.call_type
    consult = want.associated is None and kind == "CONSULT" and not tagged
    elsewhere = _from_another(case, want, dialog) and not tagged
    if kind == "SUPERVISOR_MONITOR" or consult or elsewhere:
        return False
    return same_number(dialog.from_address, want.from_address or case.own)


def _from_another(case: Case, want: x.NewCall, dialog: Dialog) -> bool:
    """Say whether a call names another one than the request's as the one it was started on.

    Who is called may start one on it in turn, and then it is that which it names; the request's
    names it as before.
    """
    if case.linked is not None and case.linked == dialog_id(dialog):
        return False
    origin = uris.dialog_id(dialog.associated_dialog_uri)
    mine = {want.associated, *case.ids, *case.behind}
    return want.associated is not None and origin is not None and origin not in mine


def _target(want: x.NewCall, dialog: Dialog) -> bool:
    """Say whether the dialog names what was asked for; a consult must also name its origin."""
    media = dialog.media_properties
    number = same_number(dialog.to_address, want.to_address) or same_number(
        media.dialed_number, want.to_address
    )
    consult = want.associated is None or (
        media.call_type == "CONSULT"
        or uris.dialog_id(dialog.associated_dialog_uri) == want.associated
    )
    return number and consult


def would_be(case: Case, want: x.NewCall, id_: str, dialog: Dialog) -> bool:
    """Say whether a call is the one to be made, by all that its beginning shows (6.1, untagged)."""
    new = case.baseline is not None and id_ not in case.baseline.ids | case.theirs
    return new and _ours(case, want, dialog) and _target(want, dialog)


def _look_alike(case: Case, dialog: Dialog) -> Finding:
    # The dial plan may have changed the number: without our id nobody can tell whose call it is.
    started = dialog.state in PROVEN | {"INITIATED", "FAILED"}
    return Finding(Shown.LOOK_ALIKE) if started and case.claimed is None else NOTHING


def _over(case: Case, sight: Sight, dialog: Dialog) -> bool:
    own = dialog.participant(case.own)
    return sight.how is How.REMOVED or dialog.state == "DROPPED" or has_left(own)


def _ended(case: Case, want: x.NewCall, sight: Sight, dialog: Dialog) -> bool:
    """Say whether a call is over, and no sight of how others talk on that the agent has left.

    That had been answered. Of one that took another call in only who was called tells it, for the
    others may have come with that one.
    """
    if not _over(case, sight, dialog):
        return False
    if sight.how is How.REMOVED or dialog.state != "ACTIVE":
        return True
    talks = [p for p in dialog.participants if p.state in TALKS]
    called = any(same_number(each.media_address, want.to_address) for each in talks)
    return not (called or (talks and not dialog.secondary_id))


def _begun_since(case: Case, dialog: Dialog) -> bool:
    """Say whether the agent came to a call later than all that was read by sending (rules 4).

    Of one that is shown no earlier than at its end nothing else tells that it was not made before.
    """
    own, start = dialog.participant(case.own), case.baseline
    begun = own.start_time if own is not None else None
    if start is None or start.user is None:
        return after(begun, case.answer_date)
    return newer(begun, start.user.state_change_time) and not older(begun, case.newest)


def _progress(case: Case, want: x.NewCall, sight: Sight, dialog: Dialog, *, by_id: bool) -> Finding:
    own = dialog.participant(case.own)
    ids = DialogIds(new=sight.dialog_id)
    if sight.how is not How.REMOVED and _has_failed(dialog, own):
        return _failure(sight, dialog, own, by_id=by_id)
    if _ended(case, want, sight, dialog):
        return ENDED
    if _over(case, sight, dialog) and not (by_id or _begun_since(case, dialog)):
        return ENDED  # others talk on, but on a call that may have been there before
    if dialog.state in PROVEN:
        return Finding(Shown.EFFECT, dialog.state, by_id=by_id, dialogs=ids)
    if dialog.state == "INITIATED":
        if case.told.get(sight.dialog_id) in {Shown.EFFECT, Shown.FAILED}:
            return NOTHING  # no call goes back to being dialled: these are older news
        case.initiated = sight.dialog_id
        return Finding(Shown.STANDING, dialog.state, by_id=by_id, dialogs=ids)
    return NOTHING


def _has_failed(dialog: Dialog, own: Participant | None) -> bool:
    return "FAILED" in {dialog.state, own.state if own is not None else None}


def _failure(sight: Sight, dialog: Dialog, own: Participant | None, *, by_id: bool) -> Finding:
    cause = next((p.state_cause for p in (own, *dialog.participants) if p and p.state_cause), None)
    ids = DialogIds(new=sight.dialog_id)
    return Finding(Shown.FAILED, "FAILED", cause, by_id=by_id, dialogs=ids)


def monitoring(case: Case, want: x.Monitoring, sight: Sight) -> Finding:
    """SILENT_MONITOR: a new dialog with callType SUPERVISOR_MONITOR becomes ACTIVE (4.9)."""
    dialog = sight.dialog
    if dialog is None or not case.mine(sight):
        return NOTHING
    named = dialog.media_properties.call_type == "SUPERVISOR_MONITOR" and (
        same_number(dialog.to_address, want.to_address)
        or any(same_number(p.media_address, want.to_address) for p in dialog.participants)
    )
    if sight.tagged and sight.dialog_id in case.anybodys:
        case.theirs.discard(sight.dialog_id)
    # Where no start tells what is new, our id on a watch over that very agent does.
    tied = case.baseline is None and sight.tagged and named
    new = case.is_new(sight) and not _made_before(case, sight, dialog)
    if case.claimed != sight.dialog_id and not (new or tied):
        return NOTHING
    if sight.tagged and case.claimed is None:
        case.claimed = sight.dialog_id
    by_id = case.claimed == sight.dialog_id
    if not by_id and not named:
        return NOTHING
    if sight.how is How.REMOVED:
        return ENDED
    own = dialog.participant(case.own)
    if _has_failed(dialog, own):
        return _failure(sight, dialog, own, by_id=by_id)
    if own is not None and own.state == "ACTIVE" and dialog.state == "ACTIVE":
        return Finding(Shown.EFFECT, "ACTIVE", by_id=by_id, dialogs=DialogIds(new=sight.dialog_id))
    return NOTHING


def barged(case: Case, want: x.Barged, sight: Sight) -> Finding:
    """BARGE_CALL: the supervisor ACTIVE with the agent and a third party (4.10, inferred)."""
    dialog = sight.dialog
    if sight.how is How.REMOVED and want.monitor == sight.dialog_id and case.mine(sight):
        case.gone |= {str(want.monitor)}
    if dialog is None or sight.how is How.REMOVED or not _joined(case, want, dialog):
        return NOTHING
    own = dialog.participant(case.own)
    if own is not None and not sight.tagged and older(own.state_change_time, case.newest):
        return NOTHING  # from a barge before this one
    if not (case.is_new(sight) or sight.tagged):
        before = _before(case, sight.dialog_id)
        if before is None or _joined(case, want, before):
            return Finding(Shown.UNCHANGED)
    gone = tuple(case.gone - {sight.dialog_id})  # what was seen to go
    return Finding(Shown.EFFECT, "ACTIVE", dialogs=DialogIds(survivor=sight.dialog_id, gone=gone))


def _joined(case: Case, want: x.Barged, dialog: Dialog) -> bool:
    own = dialog.participant(case.own)
    there = [p for p in dialog.participants if p.state not in LEFT]
    agent = any(same_number(p.media_address, want.to_address) for p in there)
    monitor = dialog.media_properties.call_type == "SUPERVISOR_MONITOR"
    return (
        own is not None and own.state == "ACTIVE" and agent and len(there) > 2 and not monitor  # noqa: PLR2004  # a third party
    )


def _before(case: Case, id_: str | None) -> Dialog | None:
    if case.baseline is None:
        return None
    every = (case.baseline.dialog, *case.baseline.others)
    return next((each for each in every if each is not None and each.id == id_), None)
