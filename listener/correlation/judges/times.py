"""Whether what is shown of joined calls is surely older than the request (rules of evidence 4).

Compares Finesse's times with each other; knows nothing of which calls were to be joined.
"""

from __future__ import annotations

from collections.abc import Iterable

from listener.correlation.ages import is_earlier, sole_party
from listener.correlation.case import Case, Sight
from listener.correlation.instants import CLOCKS_APART
from listener.finesse.events import dialog_id
from listener.finesse.model import Dialog


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
    parties = sight.dialog.participants
    if here is not None and any(is_earlier(party, here, apart) for party in parties):
        return True
    if sight.dialog.participant(case.own) is not None:
        return False  # the own part's time has told
    came = [each for each in parties if here is None or not sole_party(here, each.media_address)]
    return any(is_earlier(party, each, apart) for party in came for each in known)
