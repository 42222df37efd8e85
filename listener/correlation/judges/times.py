"""Whether what is shown of joined calls is surely older than the request (rules of evidence 4).

Compares Finesse's times with each other; knows nothing of which calls were to be joined.
"""

from __future__ import annotations

from collections.abc import Iterable

from listener.correlation.ages import sole_party
from listener.correlation.case import Case, Sight
from listener.correlation.instants import CLOCKS_APART, instant, older
from listener.finesse.events import dialog_id
from listener.finesse.model import Dialog, Participant


def is_old(case: Case, sight: Sight, before: Iterable[Dialog | None]) -> bool:
    """Say whether an event shows a call as it was before it was joined with another one.

    `before`: the calls as they were at sending. Each party is compared with itself: as it was on
    this very call, and where we are not on it any more, on the one that it came from. What bears
    our id is no old news.
    """
    if sight.tagged or sight.dialog is None:
        return False
    known = [each for each in before if each is not None]
    here = next((each for each in known if dialog_id(each) == sight.dialog_id), None)
    apart = 0.0 if case.mine(sight) else CLOCKS_APART
    if any(_earlier(party, _listed(here, party), apart) for party in sight.dialog.participants):
        return True
    if sight.dialog.participant(case.own) is not None:
        return False  # the own part's time has told
    came = [party for party in sight.dialog.participants if _listed(here, party) is None]
    return any(_earlier(party, _listed(each, party), apart) for party in came for each in known)


def _listed(dialog: Dialog | None, party: Participant) -> Participant | None:
    return sole_party(dialog, party.media_address) if dialog is not None else None


def _earlier(party: Participant, was: Participant | None, apart: float) -> bool:
    if was is None or not older(party.state_change_time, was.state_change_time):
        return False
    now, then = instant(party.state_change_time), instant(was.state_change_time)
    return (then or 0.0) - (now or 0.0) > apart
