"""What somebody must have known who heard what our sessions heard: by the rules that need company.

`told` completes `knowable.py`. Only what is certain counts. Nothing here comes from the correlator.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from listener.correlation.outcome import Confirmed, Evidence
from listener.finesse import actions as do
from listener.finesse.events import DialogEvent, DialogRemoved, RequestFailed
from tests.oracle import blame, effects, grounds, logins, probed, shown
from tests.oracle.contents import equal
from tests.oracle.readings import has_its_id, is_about, read_of, was_live

if TYPE_CHECKING:
    from tests.oracle.account import Account, Asked, Heard

EPS = 0.001
OURS = frozenset({"submit", "forward"})
PROBE_LEAD = 3.0


def told(account: Account, asked: Asked) -> str | None:
    """Say what could be known of a request that was left open; None: nothing for sure."""
    checks = (_initiated, _left_alone, _both_gone, _left_by_id, _seen_elsewhere)
    checks = (*checks, _equal_values, _partly, _by_a_later_get, _heard_before)
    return next((words for check in checks if (words := check(account, asked))), None)


def _initiated(account: Account, asked: Asked) -> str | None:
    """Say whether its call, by its id, was last heard to be INITIATED, and is so yet (6.1)."""
    deed = asked.deed
    if deed is None or not isinstance(asked.request, do.MakeCall) or not asked.accepted:
        return None
    assert asked.settled is not None
    heard = [
        each
        for each in read_of(account, asked, until=asked.settled)
        if isinstance(each.event, DialogEvent) and each.event.dialog_id == deed.new_dialog_id
    ]
    last = heard[-1] if heard else None
    view = account.history.at(deed.new_dialog_id, asked.settled)
    stands = view is not None and view.state == "INITIATED" and not view.over  # a GET may tell
    late = asked.settled >= asked.deadline - EPS
    if last is None or not stands or not late or not has_its_id(asked, last):
        return None
    if not account.listening(asked.agent, last.at, asked.settled):
        return None
    shows = last.event.dialog.state == "INITIATED"
    return "confirmed: its call stood INITIATED at the deadline" if shows else None


def _left_alone(account: Account, asked: Asked) -> str | None:
    """Say whether all others whom its error fitted were proved by their ids (5)."""
    deed = asked.deed
    if (
        deed is None
        or deed.effect is not False
        or not asked.accepted
        or not was_live(account, asked)
    ):
        return None
    if asked.mode not in OURS or isinstance(asked.request, do.Transfer | do.Conference):
        return None
    assert asked.settled is not None
    read = list(read_of(account, asked, until=asked.settled))
    errors = [h for h in read if isinstance(h.event, RequestFailed)]
    own = [h for h in errors if h.parcel.cause is deed and h.event.request_id is None and h.first]
    if len(own) != 1 or len(errors) != 1 or not is_about(asked, own[0]):
        return None
    if not blame.fits(account, asked, own[0]) or own[0].at > asked.settled - 2.1:
        return None
    if grounds.may_be_repeated(account, own[0]):
        return None
    if not account.listening(asked.agent, asked.begun or 0.0, asked.settled):
        return None
    others = [o for o in account.asked if o is not asked and o.agent == asked.agent]
    ours = {id(each) for other in (asked, *others) for each in other.deeds}
    if any(id(h.parcel.cause) not in ours for h in read) or _from_another_call(asked, others, read):
        return None  # somebody else was at work
    until = asked.settled
    fitting = [other for other in others if blame.fits(account, other, own[0])]
    proved = [_proved_after(other, own[0], until) for other in fitting]
    last = proved and all(proved)
    if last and probed.shown_to_two(account, asked, max(o.settled or 0.0 for o in fitting)):
        return None  # until it was one's by its id it fitted both, and is ambiguous for both (4)
    return "failed: it was the last one whom its error fitted" if last else None


def _from_another_call(asked: Asked, others: list[Asked], read: list[Heard]) -> bool:
    """Say whether its call changed by the work of a request on another one, as nobody told (5).

    Who retrieves one call holds the other: without an id that looks like the agent's own hand.
    """
    elsewhere = {
        id(deed)
        for other in others
        for deed in other.deeds
        if other.request.dialog_id != asked.request.dialog_id
    }
    return any(
        is_about(asked, heard) and heard.event.request_id is None
        for heard in read
        if id(heard.parcel.cause) in elsewhere and not isinstance(heard.event, RequestFailed)
    )


def _proved_after(other: Asked, error: Heard, until: float) -> bool:
    """Say whether another request was open then, and its id proved it by its end (5).

    Of a silence (6.6) that is its window's, however early its id came.
    """
    outcome = other.outcome
    by_id = isinstance(outcome, Confirmed) and outcome.evidence is Evidence.REQUEST_ID
    there = other.begun is not None and other.begun <= error.at
    return by_id and there and other.settled is not None and error.at < other.settled <= until


def _both_gone(account: Account, asked: Asked) -> str | None:
    """Say whether both calls of a TRANSFER were read to be gone, one of them by its id (6.4)."""
    deed = asked.deed
    if not isinstance(asked.request, do.Transfer) or deed is None or deed.effect is not True:
        return None
    assert asked.settled is not None
    assert asked.begun is not None
    two = _calls(account, asked)
    if not was_live(account, asked) or len(two) != 2:
        return None
    if not all(effects.told(account, asked, id_) for id_ in two):
        return None
    ends = [
        heard
        for heard in read_of(account, asked, until=asked.settled - 0.05)
        if isinstance(heard.event, DialogRemoved) and shown.on_own_node(heard)
    ]
    gone = {heard.event.dialog_id for heard in ends} >= set(_calls(account, asked))
    tied = any(has_its_id(asked, heard) for heard in ends)
    return "confirmed: both calls were read to be gone, by its id" if gone and tied else None


def _calls(account: Account, asked: Asked) -> list[str]:
    """Return the agent's calls at sending, and those of whose end nobody had told by then."""
    begun = asked.begun
    assert begun is not None
    last = {
        heard.event.dialog_id: heard.event
        for heard in account.heard
        if heard.agent == asked.agent
        and heard.at <= begun
        and shown.on_own_node(heard)
        and isinstance(heard.event, DialogEvent)
    }
    return [
        id_
        for id_ in account.history.calls
        if (view := account.history.at(id_, begun)) is not None
        and (
            (not view.over and asked.agent in view.listed)
            or (id_ in last and not isinstance(last[id_], DialogRemoved) and view.kind == "voice")
        )
    ]


def _seen_elsewhere(account: Account, asked: Asked) -> str | None:
    """Say whether a colleague's session read the effect (3: with its id; 6.4, 6.5: or without)."""
    moves = isinstance(asked.request, do.Transfer | do.TransferSst)
    deed = asked.deed
    if deed is None or deed.effect is not True or asked.begun is None or not asked.accepted:
        return None
    assert asked.settled is not None
    if not was_live(account, asked) or (moves and len(_calls(account, asked)) > 2):
        return None
    if any(other.agent == asked.agent for other in account.asked if other is not asked):
        return None
    for heard in account.heard:
        event = heard.event
        there = heard.agent != asked.agent and asked.begun <= heard.at < asked.settled - 0.05
        if not there or heard.parcel.cause is not deed or not isinstance(event, DialogEvent):
            continue
        if isinstance(event, DialogRemoved) or event.dialog_id != asked.request.dialog_id:
            continue
        tied = has_its_id(asked, heard) and shown.shows(account, asked, heard, tagged=True)
        if tied or (moves and _handed_over(account, asked, heard)):
            return "confirmed: a colleague's session read it"
    return None


def _handed_over(account: Account, asked: Asked, heard: Heard) -> bool:
    """Say whether the call goes on without us, with all that it should have (6.4, 6.5)."""
    event = heard.event
    assert isinstance(event, DialogEvent)
    there = {p.media_address for p in event.dialog.participants if p.state not in effects.LEFT}
    if asked.own in there:
        return False
    assert asked.begun is not None
    if isinstance(asked.request, do.TransferSst):  # who was on it before does not arrive
        before = account.history.at(asked.request.dialog_id, asked.begun)
        was = before.present if before is not None else ()
        return asked.request.to_address in there and asked.request.to_address not in was
    views = [account.history.at(id_, asked.begun) for id_ in _calls(account, asked)]
    both = {who for view in views if view is not None for who in view.present} - {asked.own}
    return len(both) > 1 and both <= there


def _left_by_id(account: Account, asked: Asked) -> str | None:
    """Say whether an event with its id showed that a TRANSFER_SST took us off the call (6.5)."""
    if not isinstance(asked.request, do.TransferSst) or not was_live(account, asked):
        return None
    assert asked.settled is not None
    for heard in read_of(account, asked, until=asked.settled - 0.05):
        event = heard.event
        if isinstance(event, DialogEvent) and has_its_id(asked, heard) and is_about(asked, heard):
            own = event.dialog.participant(asked.own)
            if own is not None and own.state == "DROPPED" and shown.on_own_node(heard):
                return "confirmed: our leaving was read, with its id"
    return None


def _alone(account: Account, asked: Asked) -> bool:
    """Say whether the agent had no other request, and nobody else changed its dialog's data."""
    if any(other.agent == asked.agent for other in account.asked if other is not asked):
        return False
    assert asked.settled is not None
    return not any(
        heard.parcel.cause is not asked.deed and is_about(asked, heard)
        for heard in read_of(account, asked, until=asked.settled)
    )


def _rest_suffered(account: Account, asked: Asked, begin: float, end: float) -> bool:
    suffered = any(a <= end and b >= begin for a, b in (*account.rest, *account.outages))
    return suffered or logins.refused(account, asked.agent, begin)


def _equal_values(account: Account, asked: Asked) -> str | None:
    """Say whether a GET after the window would have shown values that were there before (6.7)."""
    if not isinstance(asked.request, do.UpdateCallData) or not asked.accepted:
        return None
    assert asked.settled is not None
    begin = asked.deadline - PROBE_LEAD - 0.2
    if asked.length < 2 * PROBE_LEAD + 1 or asked.settled < asked.deadline - 0.05:
        return None
    if _rest_suffered(account, asked, begin, asked.deadline) or not _alone(account, asked):
        return None
    return "confirmed: a GET would have shown the values" if equal(account, asked) else None


def _partly(account: Account, asked: Asked) -> str | None:
    """Say whether some values were read to be set and some not, by its own work (6.7)."""
    deed = asked.deed
    if not isinstance(asked.request, do.UpdateCallData) or not asked.accepted or deed is None:
        return None
    if not was_live(account, asked) or not _alone(account, asked):
        return None
    assert asked.settled is not None
    if deed.effect is not False or not account.whole(asked.agent, asked.begun or 0, asked.settled):
        return None
    for heard in read_of(account, asked, until=asked.settled - 2.1):
        event = heard.event
        if isinstance(event, DialogEvent) and heard.parcel.cause is deed and heard.first:
            return "failed: some values were read to be set, and some not"
    return None


def _by_a_later_get(account: Account, asked: Asked) -> str | None:
    """Say whether the GET would have told that follows one into which a single event came (7)."""
    deed = asked.deed
    if not isinstance(asked.request, do.MakeCall) or not asked.accepted or deed is None:
        return None
    assert asked.settled is not None
    begin, end = asked.deadline - PROBE_LEAD - 0.2, asked.deadline
    if asked.length < 2 * PROBE_LEAD + 1 or asked.settled < end - 0.05:
        return None
    if not was_live(account, asked) or _rest_suffered(account, asked, begin, end):
        return None
    if any(other.agent == asked.agent for other in account.asked if other is not asked):
        return None
    if any(who == asked.agent for who, _, _ in account.slow):
        return None
    views = [account.history.at(deed.new_dialog_id, at) for at in (begin, end)]
    wanted = effects.digits(asked.request.to_address)
    stands = all(
        view is not None
        and view.state in {"ALERTING", "ACTIVE"}
        and wanted in {effects.digits(number) for number in view.numbers}
        for view in views
    )
    came = [h.at for h in account.heard if h.agent == asked.agent and begin <= h.at <= end]
    once = len(came) == 1 and came[0] < end - 2.0
    return "confirmed: the next GET would have shown it" if stands and once else None


def after_a_restart(account: Account, asked: Asked) -> str | None:
    """Say whether a GET after a restart showed a change since what was known at sending (4)."""
    deed, own = asked.deed, isinstance(asked.request, do.Hold | do.Retrieve)
    if not own or deed is None or deed.effect_at is None or not asked.accepted:
        return None
    assert asked.settled is not None
    if not was_live(account, asked) or len(account.restarts) > 1 or asked.mode not in OURS:
        return None
    if any(other.agent == asked.agent for other in account.asked if other is not asked):
        return None
    ups = [a for a, _ in account.live.get(asked.agent, ()) if asked.submitted < a]
    steady = any(
        abs(span.begin - deed.effect_at) < EPS and span.end > asked.settled
        for span in effects.spans(asked, account)
    )
    read = ups and ups[0] + 1.0 < asked.settled and deed.effect_at + 1.0 < ups[0]
    if not steady or not read or _rest_suffered(account, asked, asked.submitted, asked.settled):
        return None
    return "confirmed: a GET after the restart showed the change"


def _heard_before(account: Account, asked: Asked) -> str | None:
    """Say whether its effect was read, with its id, before it was announced (2)."""
    deed = asked.deed
    if asked.mode != "no" or deed is None or deed.received >= asked.submitted:
        return None
    if not isinstance(asked.request, do.MakeCall):
        return None  # of a call that is made, the beginning is told
    for heard in account.heard:
        event = heard.event
        before = deed.received <= heard.at < asked.submitted
        mine = heard.agent == asked.agent and has_its_id(asked, heard)
        if not (before and mine and isinstance(event, DialogEvent)):
            continue
        if event.dialog.state in {"ALERTING", "ACTIVE"} and shown.on_own_node(heard):
            return "confirmed: its id had shown it before it was announced"
    return None
