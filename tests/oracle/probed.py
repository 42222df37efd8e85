"""What a GET before the deadline would have told (7), whether one was sent or not.

It goes out 3 s before the deadline, DROP's first one 3 s and a half earlier, for two must agree. It
is asked for again when an event for its dialog comes into the answer. It tells what is so, was not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from listener.correlation.outcome import Unconfirmed
from listener.finesse import actions as do
from listener.finesse.events import DialogEvent
from tests.oracle import effects, grounds, logins, shown, table
from tests.oracle.effects import Span

if TYPE_CHECKING:
    from tests.oracle.account import Account, Asked

BEFORE, APART = 3.0, 3.5  # seconds before the deadline; between the two of a DROP
ANSWERED = 1.8  # seconds in which a GET is answered, asked twice if need be
MARGIN = 0.2
TALKING = frozenset({"TALKING", "HOLD", "RESERVED", "RESERVED_OUTBOUND"})


def by_get(account: Account, asked: Asked) -> str | None:
    """Say what a GET would have told of a request that was left open at its deadline."""
    deed, get = asked.deed, table.row(asked.request).get
    assert isinstance(asked.outcome, Unconfirmed)
    if deed is None or deed.effect is not True or get is table.Get.NOTHING or not asked.accepted:
        return None
    lead = BEFORE + (APART if get is table.Get.ABSENCE else 0.0)
    begin = asked.deadline - lead - MARGIN
    assert asked.begun is not None
    if (asked.settled or 0.0) < asked.deadline - MARGIN or asked.length < 2 * lead + 1:
        return None  # it ended before; or the GET goes out at half of a short time
    if begin <= asked.begun or not _comparable(account, asked):
        return None
    steady = [
        s for s in effects.spans(asked, account) if s.begin <= begin and s.end > asked.deadline
    ]
    told = any(_tells(account, asked, span, begin) for span in steady)
    if not told or _over(account, asked) or not _answerable(account, asked, begin):
        return None
    return "confirmed: a GET before its deadline would have shown it"


def _over(account: Account, asked: Asked) -> bool:
    """Say whether its dialog is gone by then: a GET of it shows nothing."""
    view = account.history.at(asked.request.dialog_id, asked.deadline)
    one = table.row(asked.request).get is table.Get.DIALOG
    return one and view is not None and view.over


def _contested(account: Account, asked: Asked) -> bool:
    """Say whether a change that was read fitted another request as well: ambiguous for both (4)."""
    return any(
        heard.first
        and heard.agent == asked.agent
        and (asked.begun or 0.0) <= heard.at < (asked.settled or 0.0)
        and shown.shows(account, asked, heard, tagged=False)
        and grounds.rivals(account, asked, heard.parcel.made, heard.at)
        for heard in account.heard
    )


def shown_to_two(account: Account, asked: Asked, until: float | None = None) -> bool:
    """Say whether a GET showed what fitted another request as well: ambiguous for both (4, 7).

    By its end, or `until` then.
    """
    begun, settled = asked.begun or 0.0, asked.settled or 0.0
    settled = settled if until is None else min(settled, until)
    where = (f"/User/{asked.agent}", f"/Dialog/{asked.request.dialog_id}")
    times = [
        got.answered
        for got in account.gets
        if got.answered is not None and begun <= got.sent and got.answered < settled
        if any(part in got.path for part in where)
    ]
    spans = [span for span in effects.spans(asked, account) if span.begin >= begun]
    return any(
        span.begin <= at < span.end and grounds.rivals(account, asked, at, at)
        for span in spans
        for at in times
    )


def _comparable(account: Account, asked: Asked) -> bool:
    """Say whether there is something true to compare a GET with (4, 7)."""
    if isinstance(asked.request, shown.NEEDS_ID):
        return False  # absence proves nothing for those (7)
    if not grounds.pictured(account, asked) or grounds.stale(account, asked):
        return False
    if grounds.parties_untold(account, asked):
        return False
    return grounds.met(account, asked)


def _tells(account: Account, asked: Asked, span: Span, begin: float) -> bool:
    """Say whether a GET at that time shows what was not so at sending, and is no other's work."""
    request = asked.request
    assert asked.begun is not None
    rivals = grounds.rivals(account, asked, begin, asked.deadline)
    if rivals or _contested(account, asked) or shown_to_two(account, asked):
        return False
    if isinstance(request, do.UpdateCallData):
        return _values(account, asked, begin)
    if _of_another(account, asked):
        return False
    # A value that is what it was before is no change (4), but for call data (6.7).
    if span.begin < asked.begun or _was_so(account, asked):
        return False
    if isinstance(request, do.MakeCall | do.ConsultCall):
        return _goes_to(account, asked, span, begin)
    if isinstance(request, do.CancelScheduledCallback):
        return grounds.promised(account, asked)
    if isinstance(request, do.Transfer | do.Conference):
        sure = not grounds.several_others(account, asked)
        return sure and not grounds.brought_by_a_third(account, asked, str(span.unit[0]), begin)
    if isinstance(request, do.Drop):
        return _absent(account, asked, begin)
    if isinstance(request, do.UserRequest):
        person = account.history.person(asked.agent, begin)
        reason = getattr(request, "reason_code_id", None)
        return person is not None and reason in {None, person.reason}
    return True


def _of_another(account: Account, asked: Asked) -> bool:
    """Say whether what a GET would show was told to be the work of another one of ours (4)."""
    data = do.Reclassify | do.UpdateScheduledCallback | do.CancelScheduledCallback
    return isinstance(asked.request, data) and any(
        (asked.begun or 0.0) <= heard.at < (asked.settled or 0.0)
        and shown.shows(account, asked, heard, tagged=False)
        and grounds.of_another_alike(account, asked, heard)
        for heard in account.heard
        if heard.agent == asked.agent
    )


def _was_so(account: Account, asked: Asked) -> bool:
    assert asked.begun is not None
    return any(span.begin <= asked.begun < span.end for span in effects.spans(asked, account))


def _values(account: Account, asked: Asked, begin: float) -> bool:
    """Values that are there to the letter, and that no later request writes as well (6.7)."""
    whole = effects.spans(asked, account, exact=True)
    here = [span for span in whole if span.unit[0] == asked.request.dialog_id]
    if not any(span.begin <= begin and span.end > asked.deadline for span in here):
        return False  # nor are those of a call that joins it later its own
    family = effects.family(account.history, asked.request.dialog_id, asked.deadline)
    return len(family) == 1 and not grounds.superseded(account, asked)  # else another call's data


def _goes_to(account: Account, asked: Asked, span: Span, begin: float) -> bool:
    request = asked.request
    assert isinstance(request, do.MakeCall | do.ConsultCall)
    view = account.history.at(str(span.unit[0]), begin)
    if view is None or view.state not in {"ALERTING", "ACTIVE"}:
        return False
    if asked.agent not in view.listed:
        return False  # who is signed out is shown no call that his device makes (7: a GET shows it)
    consult = view.call_type == "CONSULT"
    if isinstance(request, do.MakeCall) and consult:
        return False  # somebody consulted that number about another call
    tied = consult or view.associated == request.dialog_id
    if isinstance(request, do.ConsultCall) and not tied:
        return False  # it became another kind of call meanwhile (6.1)
    return effects.digits(request.to_address) in {effects.digits(n) for n in view.numbers}


def _absent(account: Account, asked: Asked, begin: float) -> bool:
    """Absence proves DROP alone: unlisted, unnamed, the user's state fits, `finesse` here (7)."""
    dialog, end = asked.request.dialog_id, asked.deadline
    view, person = account.history.at(dialog, begin), account.history.person(asked.agent, begin)
    if view is None or person is None or asked.agent in view.listed:
        return False
    if _also_leaves(account, asked):
        return False
    if any(who == asked.agent and a <= end and b >= begin for who, a, b in account.away):
        return False
    if not account.listening(asked.agent, begin, end):
        return False
    mine = [
        each
        for id_ in account.history.calls
        if (each := account.history.at(id_, end)) is not None and asked.agent in each.listed
    ]
    named = any(each.secondary == dialog for each in mine)
    return not named and not (person.state in TALKING and not mine)


def _also_leaves(account: Account, asked: Asked) -> bool:
    """Say whether another open request asked to leave that call as well: absence fits both (4)."""
    return any(
        other is not asked
        and other.agent == asked.agent
        and isinstance(other.request, do.Drop | do.Transfer | do.TransferSst)
        and other.request.dialog_id == asked.request.dialog_id
        and other.begun is not None
        and other.begun <= asked.deadline
        and (asked.begun or 0.0) <= (other.settled or asked.deadline)
        for other in account.asked
    )


def _answerable(account: Account, asked: Asked, begin: float) -> bool:
    """Say whether REST answers in time, and not two events come into the answer (7).

    An answer into which an event for its dialogs came is asked for again. Nothing is asked in the
    name of one whose login was refused.
    """
    if logins.refused(account, asked.agent, begin):
        return False
    absence = table.row(asked.request).get is table.Get.ABSENCE
    end = begin + MARGIN + ANSWERED + (APART if absence else 0.0)
    if any(a <= end and b >= begin for a, b in account.rest):
        return False
    if any(a <= asked.deadline and b >= begin for a, b in (*account.outages, *account.restarts)):
        return False
    one = table.row(asked.request).get is table.Get.DIALOG
    ids = effects.family(account.history, asked.request.dialog_id)
    into = [
        heard
        for heard in account.heard
        if heard.agent == asked.agent
        and begin <= heard.at <= end
        and isinstance(heard.event, DialogEvent)
        and (not one or heard.event.dialog_id in ids)
    ]
    return len(into) < (1 if absence else 2)
