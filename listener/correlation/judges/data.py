"""Judges of call data: UPDATE_CALL_DATA, RECLASSIFY, callbacks; of silence, and of the unknown."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from listener.correlation.ages import is_older
from listener.correlation.case import ENDED, NOTHING, Case, Finding, How, Shown, Sight
from listener.correlation.judges.states import ended_here
from listener.finesse.actions import expectation as x
from listener.finesse.model import Dialog, ScheduledCallbackInfo
from listener.finesse.sealed import Sealed

QUIET_AFTER_PART = 2.0  # seconds in which the rest of the values may still follow


@dataclass(frozen=True, slots=True, eq=False)
class Items:
    """Wrap-up items, compared one by one and without their order: a sealed one has its own hash."""

    texts: tuple[str, ...]

    def __iter__(self) -> Iterator[str]:
        return iter(self.texts)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Items):
            return NotImplemented
        mine, theirs = self.texts, other.texts
        return all(each in theirs for each in mine) and all(each in mine for each in theirs)

    __hash__ = None  # type: ignore[assignment]  # it could not agree with that


def requested(want: x.CallData) -> dict[str, str | Items]:
    """Return what was asked: each call variable by its name, wrapUpReason, wrapUpItems."""
    asked: dict[str, str | Items] = dict(want.variables)
    if want.wrap_up_reason is not None:
        asked["wrapUpReason"] = want.wrap_up_reason
    if want.wrap_up_items is not None:
        asked["wrapUpItems"] = Items(want.wrap_up_items)
    return asked


def sought(want: object) -> dict[str, str | Items]:
    """Return the data that a request asks to be there, by the names under which they are told."""
    match want:
        case x.CallData():
            return requested(want)
        case x.Reclassified():
            return {"BAResponse": want.value}
        case x.CallbackScheduled():
            asked = {"callbackTime": want.callback_time, "callbackNumber": want.callback_number}
            return {name: value for name, value in asked.items() if value is not None}
    return {}


def shown_values(names: frozenset[str], dialog: Dialog | None) -> dict[str, object]:
    """Return what a dialog shows for each of those names; None for what it does not list."""
    if dialog is None:
        return dict.fromkeys(names)
    media = dialog.media_properties
    special: dict[str, object] = {
        "wrapUpReason": media.wrap_up_reason,
        "wrapUpItems": Items(media.wrap_up_items),
    }
    return {name: special[name] if name in special else media.variable(name) for name in names}


def call_data(case: Case, want: x.CallData, sight: Sight) -> Finding:
    """UPDATE_CALL_DATA: all requested values, compared exactly, never trimmed (6.7)."""
    if not case.about(sight) and not (sight.tagged and _is_behind(case, sight)):
        return _said_behind(case, want, sight)
    if sight.how is How.REMOVED:
        return ENDED if case.mine(sight) else NOTHING
    if sight.dialog is None or case.stale(sight.dialog):
        return NOTHING
    asked = requested(want)
    names = frozenset(asked)
    now, before = shown_values(names, sight.dialog), shown_values(names, case.before)
    applied = {name for name in names if now[name] == asked[name]}
    if any(_perhaps_truncated(n, asked[n], now[n], before[n]) for n in names - applied):
        return NOTHING  # cut off or another's, who knows: neither set nor missing
    cut = (
        {n for n in names - applied if truncated(n, asked[n], now[n], before[n])}
        if sight.how is not How.SNAPSHOT
        else set()
    )
    return _verdict(case, sight, asked, before, applied, cut)


def _is_behind(case: Case, sight: Sight) -> bool:
    """Say whether it is news of the call as it was before it became another one."""
    return sight.how is How.CHANGED and sight.dialog_id in case.behind


def _said_behind(case: Case, want: x.CallData, sight: Sight) -> Finding:
    """Judge late news without our id of the call as it was: against that call at sending."""
    was = case.dialog_as_sent(sight.dialog_id) if case.mine(sight) else None
    unsure = case.superseded or case.in_doubt or case.gapped  # an old content may be told again
    if not _is_behind(case, sight) or unsure or was is None or sight.dialog is None:
        return NOTHING
    asked = requested(want)
    now, before = (shown_values(frozenset(asked), each) for each in (sight.dialog, was))
    set_ = all(now[name] == value for name, value in asked.items()) and now != before
    if not set_ or is_older(sight.dialog, was):
        return NOTHING
    return Finding(Shown.EFFECT, applied=tuple(sorted(asked)), changed=True)


def _verdict(  # noqa: PLR0917  # six sets of one comparison; naming them at the call would hide it
    case: Case,
    sight: Sight,
    asked: dict[str, str | Items],
    before: dict[str, object],
    applied: set[str],
    cut: set[str],
) -> Finding:
    missing = asked.keys() - applied - cut
    known = set() if sight.tagged else _had_behind(case, asked)
    moved = {name for name in applied - known if before[name] != asked[name]} | cut
    found = Finding(
        Shown.NOT_THERE,
        applied=tuple(sorted(applied | cut)),
        missing=tuple(sorted(missing)),
        truncated=tuple(sorted(cut)),
    )
    if not missing:
        case.was_set = True
        fresh = case.is_untold(moved - cut, sight)
        shown, changed = _complete(case, moved=bool(moved), tagged=sight.tagged, fresh=fresh)
        if changed is False and not _all_had_behind(case, asked):
            changed = None  # they were there on the call that is left, and not on the other one
        return replace(found, shown=shown, changed=changed)
    if sight.how is How.SNAPSHOT:
        return found
    case.went_away = True
    partly = moved and case.before is not None and not case.superseded
    return replace(found, shown=Shown.PARTLY, quiet=QUIET_AFTER_PART) if partly else NOTHING


def _had_behind(case: Case, asked: dict[str, str | Items]) -> set[str]:
    """Return which values were there already, on the call that became this one: no change (4)."""
    views = (case.dialog_as_sent(id_) for id_ in case.behind)
    had = [shown_values(frozenset(asked), each) for each in views if each is not None]
    return {name for name, value in asked.items() if any(each[name] == value for each in had)}


def _all_had_behind(case: Case, asked: dict[str, str | Items]) -> bool:
    """Say whether each call that became this one had all the values, as far as is known."""
    views = [case.dialog_as_sent(id_) for id_ in case.behind]
    return all(each is not None and shown_values(frozenset(asked), each) == asked for each in views)


def _complete(case: Case, *, moved: bool, tagged: bool, fresh: bool) -> tuple[Shown, bool | None]:
    """Say what values that are all there show. `fresh`: one of them was never told before (6.7)."""
    if tagged and not moved and case.went_away:
        return Shown.IF_TAGGED, True
    if case.in_doubt and case.before is not None and not tagged:
        if fresh:  # whatever it was before, it was not this one
            return Shown.EFFECT, True
        return Shown.UNCHANGED, None  # they are there: a GET after the window says so (6.7)
    if case.superseded or case.before is None:
        # The later update's values, or a dialog whose values before are not known.
        return Shown.IF_TAGGED, None
    return (Shown.EFFECT, True) if moved else (Shown.UNCHANGED, False)


def alike(name: str, one: object, two: object) -> bool:
    """Say whether one change of that variable could be both values that were asked for (4).

    Of an ECC variable either value may be shown cut, so that values with the same beginning may be
    shown alike (6.7); and of a sealed one nobody knows how it begins.
    """
    if one == two:
        return True
    if not (name.startswith("user.") and isinstance(one, str) and isinstance(two, str)):
        return False
    hidden = isinstance(one, Sealed) or isinstance(two, Sealed)
    return bool(one and two) and (hidden or one[0] == two[0])


def truncated(name: str, asked: object, now: object, before: object) -> bool:
    """Only ECC, non-empty, a proper prefix in bytes, different from the baseline (6.7)."""
    if not (isinstance(asked, str) and isinstance(now, str) and name.startswith("user.")):
        return False
    whole, part = asked.encode(), now.encode()
    return 0 < len(part) < len(whole) and whole.startswith(part) and now != before


def _perhaps_truncated(name: str, asked: object, now: object, before: object) -> bool:
    """Of a sealed value nobody knows whether what is shown is the beginning of it."""
    sealed = isinstance(asked, Sealed) and name.startswith("user.")
    return sealed and bool(now) and now != before


def reclassified(case: Case, want: x.Reclassified, sight: Sight) -> Finding:
    """RECLASSIFY: BAResponse holds the value sent: what was sent, not what was done (4.17)."""
    behind = sight.tagged and _is_behind(case, sight)
    if sight.dialog is None or not (case.about(sight) or behind):
        return NOTHING
    value = sight.dialog.media_properties.variable("BAResponse")
    if value != want.value or sight.how is How.REMOVED or case.stale(sight.dialog):
        return NOTHING if behind else _not_there(case, sight)
    before = case.dialog_as_sent(sight.dialog_id) if behind else case.before
    if before is None:
        return Finding(Shown.IF_TAGGED)
    return _since(case, sight, same=before.media_properties.variable("BAResponse") == value)


def _since(case: Case, sight: Sight, *, same: bool) -> Finding:
    """Compare what is shown with the start: what was so then proves nothing, what was not does.

    What was so, went away and is so again may be told anew; our id on it is a change. So it is
    where the start may be an old content, but for what none of those that were told had.
    """
    if not same:
        sure = not case.doubtful or case.is_untold(case.untold, sight)
        return Finding(Shown.EFFECT if sure else Shown.IF_TAGGED)
    return Finding(Shown.IF_TAGGED if case.went_away else Shown.UNCHANGED)


def _not_there(case: Case, sight: Sight) -> Finding:
    """Remember that the value was another one since sending: our id on it is a change again."""
    fresh = sight.how is How.CHANGED and sight.dialog is not None and not case.stale(sight.dialog)
    case.went_away = case.went_away or fresh
    return ENDED if ended_here(case, sight) else NOTHING


def _callback(dialog: Dialog | None) -> ScheduledCallbackInfo:
    info = dialog.scheduled_callback_info if dialog is not None else None
    return info if info is not None else ScheduledCallbackInfo()


def _schedules(want: x.CallbackScheduled, info: ScheduledCallbackInfo) -> bool:
    time, number = want.callback_time, want.callback_number
    fits = time is None or time == info.callback_time
    return fits and (number is None or number == info.callback_number)


def callback_scheduled(case: Case, want: x.CallbackScheduled, sight: Sight) -> Finding:
    """UPDATE_SCHEDULED_CALLBACK: scheduledCallbackInfo shows what was asked (4.18, inferred)."""
    if not case.about(sight) or sight.dialog is None:
        return NOTHING
    info = _callback(sight.dialog)
    if sight.how is How.REMOVED or case.stale(sight.dialog) or not _schedules(want, info):
        return _not_there(case, sight)
    if case.before is None:
        return Finding(Shown.IF_TAGGED)
    return _since(case, sight, same=_schedules(want, _callback(case.before)))


def callback_cancelled(case: Case, _want: x.CallbackCancelled, sight: Sight) -> Finding:
    """CANCEL_SCHEDULED_CALLBACK: the value is gone, and it was there at sending or since (6.8).

    Data carries no time: where it was set since, an event without our id and with no later news of
    any party may be from before; a GET tells. That it was there before may be an old content.
    """
    if not case.about(sight) or sight.dialog is None:
        return NOTHING
    info, before = _callback(sight.dialog), _callback(case.before)
    had = bool(before.callback_time or before.callback_number)
    has = bool(info.callback_time or info.callback_number)
    if sight.how is How.REMOVED or case.stale(sight.dialog):
        return ENDED if ended_here(case, sight) else NOTHING
    if has and sight.how is not How.SNAPSHOT and _is_news(case, sight):
        case.promised = sight.dialog  # one that was set at the same moment
    since = case.promised
    if has or not (had or since is not None):
        return NOTHING
    old = since is not None and is_older(sight.dialog, since)
    shown = sight.how is How.SNAPSHOT or (since is not None and is_older(since, sight.dialog))
    sure = (had and not case.doubtful) or (since is not None and shown)
    return Finding(Shown.EFFECT if sure and not old else Shown.IF_TAGGED)


def _is_news(case: Case, sight: Sight) -> bool:
    """Say whether an event tells how the call was since sending, as far as is known.

    What was heard before is no news; nor, behind a restart, what shows nothing that came since.
    """
    unknown = (case.memoryless or sight.unknown) and not case.since(sight)
    return case.before is not None and not (sight.again or unknown)


def silence(case: Case, _want: x.Silence, sight: Sight) -> Finding:
    """SEND_DTMF, START_RECORDING: a tagged event counts when the window ends (6.6)."""
    if sight.tagged:
        return Finding(Shown.STANDING, by_id=True)
    return ENDED if ended_here(case, sight) else NOTHING


def tied(case: Case, _want: x.Tied, sight: Sight) -> Finding:
    """Actions that are not known: nothing shows an effect that nobody knows (rules 3)."""
    del case, sight
    return NOTHING
