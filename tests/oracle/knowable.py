"""What could have been known: of requests that were left open though somebody had told.

The other half of the judge. Only what is certain counts: where two requests ask for the same, where
the program had no picture to compare with, or a caller wanted better evidence, nothing is held
against it (`excuse` says why). What is left must have been told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from listener.correlation.outcome import MinimumEvidence, Reason, Unconfirmed
from listener.finesse import actions as do
from listener.finesse import uris
from listener.finesse.actions.expectation import Probe
from listener.finesse.events import DialogEvent, DialogRemoved, RequestFailed, UserChanged
from tests.oracle import blame, effects, shown, telling
from tests.oracle.account import OFF
from tests.oracle.judge import SILENT, Find

if TYPE_CHECKING:
    from tests.oracle.account import Account, Asked, Heard

SLACK = 0.05
GET_BEFORE = 3.0
RESTARTED = "restarted"
JOINS = (do.Transfer, do.Conference)
DATA = (do.UpdateCallData, do.Reclassify, do.UpdateScheduledCallback, do.CancelScheduledCallback)
"""What they change carries no time: an old content looks like a new one."""


def missed(account: Account) -> list[Find]:
    """Return the requests that were left open though it could have been known."""
    found = []
    for asked in account.asked:
        words = knowable(account, asked)
        if words is not None:
            found.append(Find("missed", asked, words))
    return found


def excuse(account: Account, asked: Asked) -> str | None:
    """Say why nothing is held against an open end, or None."""
    begun, settled = asked.begun, asked.settled
    reasons = (
        (not isinstance(asked.outcome, Unconfirmed), "it was told"),
        (begun is None or settled is None, "it never went out"),
        (asked.minimum is not MinimumEvidence.ANY, "better evidence was wanted"),
        (asked.ambiguous or _id_shared(account, asked), "its id is another's too"),
        (asked.deed is None, "it never reached Finesse"),
        (_restarted(account, asked), RESTARTED),
    )
    return next((why for holds, why in reasons if holds), None)


def _id_shared(account: Account, asked: Asked) -> bool:
    return any(
        other is not asked and other.request_id == asked.request_id for other in account.asked
    )


def _restarted(account: Account, asked: Asked) -> bool:
    end = asked.settled or account.ended
    return any(asked.submitted <= started and killed <= end for killed, started in account.restarts)


def knowable(account: Account, asked: Asked) -> str | None:
    """Say what somebody could know who heard what our sessions heard; None: nothing for sure."""
    why_not = excuse(account, asked)
    if why_not is not None:
        return telling.after_a_restart(account, asked) if why_not == RESTARTED else None
    checks = (
        _refused,
        _call_failed,
        _own_error,
        _own_event,
        _silence,
        _change,
        _sole_error,
        _by_get,
        telling.told,
    )
    return next((words for check in checks if (words := check(account, asked))), None)


def _open(account: Account, asked: Asked) -> Iterator[Heard]:
    """Yield what its agent's session read while it was open."""
    assert asked.begun is not None
    assert asked.settled is not None
    for heard in account.heard:
        if heard.agent == asked.agent and asked.begun <= heard.at < asked.settled - SLACK:
            yield heard


def _refused(account: Account, asked: Asked) -> str | None:
    del account
    deed = asked.deed
    sure = deed is not None and asked.status is not None and _refusal(asked.status, deed.faults)
    return "rejected: Finesse refused it at once" if sure else None


def _refusal(status: int, faults: list[str]) -> bool:
    bare = {"unavailable_bare", "unavailable_done"} & set(faults)
    plain = 400 <= status < 500 and status != 408
    return plain or status == 501 or (status == 503 and not bare)


def _call_failed(account: Account, asked: Asked) -> str | None:
    """Say whether its own call was read to have FAILED, as it had been made with its id."""
    deed = asked.deed
    if deed is None or not isinstance(asked.request, do.MakeCall | do.ConsultCall):
        return None
    ours = [
        heard
        for heard in _open(account, asked)
        if isinstance(heard.event, DialogEvent) and heard.event.dialog_id == deed.new_dialog_id
    ]
    # How a call is shown as it goes is how it ended, not what became of the request.
    there = [h for h in ours if not isinstance(h.event, DialogRemoved)]
    tied = any(h.event.request_id == asked.request_id for h in ours)
    failed = any(h.event.dialog.state == "FAILED" for h in there)
    return "failed: its call was read to have FAILED" if tied and failed else None


def _own_error(account: Account, asked: Asked) -> str | None:
    for heard in _open(account, asked):
        if isinstance(heard.event, RequestFailed) and heard.event.request_id == asked.request_id:
            return "failed: an error with its id was read"
    return None


# -- with its id --------------------------------------------------------------------------------


def _own_event(account: Account, asked: Asked) -> str | None:
    deed = asked.deed
    if deed is None or deed.effect is not True or isinstance(asked.request, SILENT):
        return None
    if isinstance(asked.request, do.CancelScheduledCallback) and not _promised(account, asked):
        return None
    assert asked.begun is not None
    blind = not account.listening(asked.agent, asked.begun, asked.begun + 0.001)
    if isinstance(asked.request, JOINS) and blind:
        return None  # which the other call was, and who was on it, nobody knew
    for heard in _open(account, asked):
        own = heard.event.request_id == asked.request_id and heard.parcel.cause is deed
        if own and _cut_short(account, asked, heard):
            continue
        if own and shown.on_own_node(heard) and shown.shows(account, asked, heard, tagged=True):
            return "confirmed: an event with its id showed it"
    return None


def _cut_short(account: Account, asked: Asked, heard: Heard) -> bool:
    """Say whether a DROP's DELETE came less than a second before the session was lost (6.3)."""
    removed = isinstance(heard.event, DialogRemoved) and isinstance(asked.request, do.Drop)
    return removed and not account.listening(asked.agent, heard.at, heard.at + 1.0)


def _promised(account: Account, asked: Asked) -> bool:
    """Say whether the callback was heard of before it was cancelled."""
    assert asked.begun is not None
    if not account.listening(asked.agent, asked.begun, asked.begun + 0.001):
        return False
    last = [
        heard.event.dialog.scheduled_callback_info
        for heard in account.heard
        if heard.agent == asked.agent
        and isinstance(heard.event, DialogEvent)
        and heard.event.dialog_id == asked.request.dialog_id
        and heard.at <= asked.begun
    ]
    return bool(last) and last[-1] is not None


# -- without it ---------------------------------------------------------------------------------


def _fair(account: Account, asked: Asked) -> bool:
    """Say whether a change alone can prove it: there is something to compare with, and no rival."""
    assert asked.begun is not None
    if not account.listening(asked.agent, asked.begun, asked.begun + 0.001):
        return False
    if asked.mode in {"no", "never_sent"} or isinstance(asked.request, shown.NEEDS_ID):
        return False
    if _stale(account, asked):
        return False  # what it is compared with was not true
    if isinstance(asked.request, do.TaskRequest) and not _met(account, asked):
        return False  # no list shows tasks, so that after a gap there is nothing to compare with
    if getattr(asked.request, "reason_code_id", None) is not None:
        return False  # a pending state does not show its reason
    return not any(_rival(asked, other) for other in account.asked if other is not asked)


def _stale(account: Account, asked: Asked) -> bool:
    """Say whether news of the object from before it was asked had not been read by then."""
    assert asked.begun is not None
    begin = max(a for a, _ in account.live[asked.agent] if a <= asked.begun)
    what = asked.request.dialog_id or "</user>"
    return any(
        parcel.node.startswith(uris.user_node(asked.agent))
        and what in parcel.payload
        and begin <= parcel.made < asked.begun
        and not any(who == asked.agent and at <= asked.begun for at, who in parcel.heard)
        for parcel in account.parcels
    )


def _met(account: Account, asked: Asked) -> bool:
    """Say whether the dialog was heard of in the session in which it was asked."""
    assert asked.begun is not None
    begin = max(a for a, _ in account.live[asked.agent] if a <= asked.begun)
    return any(
        heard.agent == asked.agent
        and isinstance(heard.event, DialogEvent)
        and heard.event.dialog_id == asked.request.dialog_id
        and begin <= heard.at <= asked.begun
        for heard in account.heard
    )


def _rival(asked: Asked, other: Asked) -> bool:
    """Say whether another request of that agent, open at the same time, could own the change."""
    if other.agent != asked.agent or other.begun is None or asked.begun is None:
        return False
    together = other.begun <= (asked.settled or 0.0) and (
        other.settled is None or other.settled >= asked.begun
    )
    user = isinstance(asked.request, do.UserRequest), isinstance(other.request, do.UserRequest)
    return together and user[0] is user[1]


def _several_others(account: Account, asked: Asked) -> bool:
    """Say whether the agent had several other calls at sending.

    Which of them was meant is told by a link or by our id; an untagged merge with another one may
    be somebody else's (rules 4 and 6.4: both others).
    """
    assert asked.begun is not None
    views = [
        account.history.at(id_, asked.begun)
        for id_ in account.history.calls
        if id_ != asked.request.dialog_id
    ]
    mine = [
        view
        for view in views
        if view is not None
        and not view.over
        and asked.agent in view.listed
        and view.parties.get(asked.own) not in OFF
    ]
    before = account.history.at(asked.request.dialog_id, asked.begun)
    first = before.present - {asked.own} if before is not None else frozenset()
    # With one side's parties all on the other, the two calls look joined before they are.
    alike = any(first <= v.present - {asked.own} or v.present - {asked.own} <= first for v in mine)
    return len(mine) > 1 or alike


def _change(account: Account, asked: Asked) -> str | None:
    if asked.deed is None or not _fair(account, asked):
        return None
    if asked.answered is None and asked.settled is None:
        return None
    for heard in _open(account, asked):
        if not (
            heard.first
            and shown.on_own_node(heard)
            and shown.shows(account, asked, heard, tagged=False)
        ):
            continue
        if isinstance(asked.request, DATA) and not _fresh(account, asked, heard):
            continue
        if isinstance(asked.request, do.ConsultCall | do.MakeCall) and not _named(asked, heard):
            continue
        if _cut_short(account, asked, heard) or (
            isinstance(asked.request, do.Drop) and _loose_end(heard, asked)
        ):
            continue
        if isinstance(asked.request, JOINS) and _several_others(account, asked):
            continue
        return "confirmed: a change that it asked for was read"
    return None


def _fresh(account: Account, asked: Asked, heard: Heard) -> bool:
    """Say whether that content was never read before, nor the values were there at sending."""
    assert asked.begun is not None
    before = account.history.at(asked.request.dialog_id, asked.begun)
    had = before is None or any(span.begin <= asked.begun for span in effects.spans(asked, account))
    same = [h for h in account.heard if h.parcel.payload == heard.parcel.payload]
    return not had and all(h.at >= heard.at for h in same)


def _named(asked: Asked, heard: Heard) -> bool:
    event, request = heard.event, asked.request
    assert isinstance(event, DialogEvent)
    assert isinstance(request, do.MakeCall | do.ConsultCall)
    media = event.dialog.media_properties
    return effects.digits(request.to_address) in {
        effects.digits(event.dialog.to_address),
        effects.digits(media.dialed_number),
    }


def _loose_end(heard: Heard, asked: Asked) -> bool:
    """Say whether it is a DELETE that does not show us off the call, or comes too late."""
    event = heard.event
    assert isinstance(event, DialogEvent)
    own = event.dialog.participant(asked.own)
    late = heard.at > (asked.settled or 0.0) - 1.1
    return isinstance(event, DialogRemoved) and (own is None or own.state != "DROPPED" or late)


def _sole_error(account: Account, asked: Asked) -> str | None:
    deed = asked.deed
    if deed is None or deed.effect is not False or not _fair(account, asked):
        return None
    errors = [h for h in _open(account, asked) if isinstance(h.event, RequestFailed)]
    own = [h for h in errors if h.parcel.cause is deed and h.event.request_id is None and h.first]
    fitting = [h for h in errors if h.event.request_id is None and blame.fits(account, asked, h)]
    if len(own) != 1 or len(fitting) != 1 or _exact(account, asked, own[0]) is False:
        return None
    end = asked.settled or 0.0
    if not asked.accepted or own[0].at > end - SLACK or not blame._sole(account, asked, own[0]):
        return None
    ours = {id(deed) for each in account.asked for deed in each.deeds}
    if any(
        id(h.parcel.cause) not in ours for h in _open(account, asked) if h.at <= own[0].at + 2.1
    ):
        return None  # somebody else was at work
    until = own[0].at + 2.1
    if any(isinstance(h.event, UserChanged) for h in _open(account, asked) if h.at <= until):
        return None  # the agent's state went along with some call
    alike = [
        h
        for h in account.heard
        if h.agent == asked.agent
        and h is not own[0]
        and h.parcel.payload == own[0].parcel.payload
        and h.at < own[0].at
    ]
    return None if alike else "failed: an error that it alone could own was read"


def _exact(account: Account, asked: Asked, heard: Heard) -> bool:
    """Say whether the error's source is the request's object itself."""
    del account
    event = heard.event
    assert isinstance(event, RequestFailed)
    return event.dialog_id == asked.request.dialog_id


# -- silence ------------------------------------------------------------------------------------


ROUND_TRIP = 1.0


def _silence(account: Account, asked: Asked) -> str | None:
    if not isinstance(asked.request, SILENT) or not asked.accepted:
        return None
    if asked.length < asked.request.default_deadline:
        return None
    assert asked.begun is not None
    assert asked.settled is not None
    end = asked.settled + ROUND_TRIP  # the fence's answer
    if not account.whole(asked.agent, asked.begun, end):
        return None
    if not account.listening(asked.agent, asked.begun, end):
        return None
    if _suspected(account, asked) or _ended(account, asked) or _slow(account, asked):
        return None
    if asked.mode in {"no", "never_sent"}:
        return None
    return "presumed: no error came while a session stood all the time"


def _suspected(account: Account, asked: Asked) -> bool:
    return any(isinstance(heard.event, RequestFailed) for heard in _open(account, asked)) or any(
        isinstance(heard.event, RequestFailed)
        for heard in account.heard
        if heard.agent == asked.agent and abs(heard.at - (asked.settled or 0.0)) < SLACK
    )


def _ended(account: Account, asked: Asked) -> bool:
    return any(
        isinstance(heard.event, DialogEvent)
        and heard.event.dialog_id == asked.request.dialog_id
        and _off(heard.event, asked.own)
        for heard in _open(account, asked)
    )


def _off(event: DialogEvent, own: str) -> bool:
    party = event.dialog.participant(own)
    return isinstance(event, DialogRemoved) or (
        party is not None and party.state in {"DROPPED", "WRAP_UP"}
    )


def _slow(account: Account, asked: Asked) -> bool:
    return any(
        begin <= (asked.settled or 0.0) and end >= (asked.settled or 0.0) - 3.0
        for agent, begin, end in account.slow
        if agent == asked.agent
    )


# -- a GET --------------------------------------------------------------------------------------


def _by_get(account: Account, asked: Asked) -> str | None:
    deed, outcome = asked.deed, asked.outcome
    assert isinstance(outcome, Unconfirmed)
    if deed is None or deed.effect is not True or not _fair(account, asked):
        return None
    probe = asked.request.probe
    usable: Callable[[], bool] = lambda: _answerable(account, asked)  # noqa: E731  asked last
    if probe not in {Probe.DIALOG, Probe.USER, Probe.DIALOGS} or not asked.accepted:
        return None
    if isinstance(asked.request, (*DATA, *shown.NEEDS_ID)) or outcome.reason is Reason.DIALOG_ENDED:
        return None
    end = asked.deadline
    if (asked.settled or 0.0) < end - SLACK or asked.length < 2 * GET_BEFORE + 1:
        return None
    begin = end - GET_BEFORE - 0.2
    assert asked.begun is not None
    steady = [
        span
        for span in effects.spans(asked, account)
        if asked.begun <= span.begin <= begin and span.end >= end
    ]
    if isinstance(asked.request, do.MakeCall | do.ConsultCall):
        steady = [
            span
            for span in steady
            if (view := account.history.at(str(span.unit[0]), begin)) is not None
            and view.state in {"ALERTING", "ACTIVE"}
            and effects.digits(asked.request.to_address)
            in {effects.digits(number) for number in view.numbers}
        ]
    if isinstance(asked.request, do.Conference | do.BargeCall):
        return None
    return (
        "confirmed: a GET before its deadline would have shown it" if steady and usable() else None
    )


def _answerable(account: Account, asked: Asked) -> bool:
    """Say whether REST answered in the last seconds, and no event came into the answer."""
    begin, end = asked.deadline - GET_BEFORE - 0.2, asked.deadline
    for a, b in (*account.rest, *account.outages):
        if a <= end and b >= begin:
            return False
    return not any(
        begin <= heard.at <= end for heard in account.heard if heard.agent == asked.agent
    )
