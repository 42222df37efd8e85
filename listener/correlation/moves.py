"""An agent's session is at the other node now: what was known, told by that node's clock.

Finesse's clock is compared with Finesse's clock only (rules of evidence 4), and each node of a pair
has its own. Where the new one's is behind, what it tells would seem older than what is known. A
list that shows a part in the very state in which it is known tells since when that is so by its
clock. Only an earlier time is taken over: a later one may be that of a change in between. Settles
nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from listener.correlation.ages import is_call, sole_party
from listener.correlation.case import Case
from listener.correlation.instants import older
from listener.correlation.picture import AgentPicture, Baseline
from listener.correlation.steps import Look
from listener.finesse.events import dialog_id
from listener.finesse.model import Dialog, Participant, User

Listed = Mapping[str, Dialog]


def moved(picture: AgentPicture, cases: Iterable[Case], look: Look) -> None:
    """Take over the times that the list of the other node shows, in the picture and in cases.

    What was heard of since the list was asked for is left as it is: it is newer news.
    """
    there = {id_: each for each in look.dialogs or () if (id_ := dialog_id(each)) is not None}
    shown = {id_: each for id_, each in there.items() if picture.touched(id_) < look.dialogs_asked}
    for id_ in shown.keys() & picture.dialogs.keys():
        known = picture.dialogs[id_]
        by_its_clock = _dialog(known.dialog, shown)
        if by_its_clock != known.dialog:
            known.dialog, known.latest = by_its_clock, 0
    user = look.user if picture.user_at < look.asked else None
    picture.user = _user(picture.user, user)
    for case in cases:
        _case(case, shown, user)


def _case(case: Case, shown: Listed, user: User | None) -> None:
    was, case.start = case.baseline, _baseline(case.start, shown, user)
    case.baseline = _baseline(was, shown, user)
    if was is not None and case.baseline is not None and case.newest == was.newest:
        case.newest = case.baseline.newest
    for id_ in case.ids & shown.keys():
        if case.last is not None:
            case.last = _party(case.last, sole_party(shown[id_], case.own))


def _baseline(known: Baseline | None, shown: Listed, user: User | None) -> Baseline | None:
    if known is None:
        return None
    dialog = known.dialog if known.dialog is None else _dialog(known.dialog, shown)
    others = tuple(_dialog(each, shown) for each in known.others)
    return Baseline(dialog, others, _user(known.user, user))


def _dialog(known: Dialog, shown: Listed) -> Dialog:
    """Return a dialog as it is known, with the times that the list shows."""
    now = shown.get(dialog_id(known) or "")
    if now is None or not is_call(known):
        return known
    parties = tuple(
        _party(each, sole_party(now, each.media_address)) for each in known.participants
    )
    return replace(known, participants=parties)


def _party(known: Participant, shown: Participant | None) -> Participant:
    if shown is None or (shown.state, shown.state_cause) != (known.state, known.state_cause):
        return known
    behind = older(shown.state_change_time, known.state_change_time)
    return replace(known, state_change_time=shown.state_change_time) if behind else known


def _user(known: User | None, shown: User | None) -> User | None:
    if known is None or shown is None:
        return known
    same = (shown.state, shown.reason_code_id, shown.pending_state or "")
    behind = older(shown.state_change_time, known.state_change_time)
    if behind and same == (known.state, known.reason_code_id, known.pending_state or ""):
        return replace(known, state_change_time=shown.state_change_time)
    return known
