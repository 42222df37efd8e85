"""What could have been known: of requests that were left open though somebody had told.

The other half of the judge. Only what is certain counts: where two requests ask for the same, where
the program had no picture to compare with, or a caller wanted better evidence, nothing is held
against it (`excuse` says why). What is left must have been told.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from listener.correlation.outcome import Abandoned, Failed, MinimumEvidence, Rejected, Unconfirmed
from listener.finesse import actions as do
from listener.finesse.events import DialogEvent, DialogRemoved, RequestFailed, UserChanged
from tests.oracle import blame, contents, effects, grounds, probed, readings, shown, table, telling
from tests.oracle.judge import SILENT, Find

if TYPE_CHECKING:
    from tests.oracle.account import Account, Asked, Heard

SLACK = 0.05
TOLD_AT_ONCE = 0.1  # seconds within which the news of a change are of that change
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
    del account
    begun, settled = asked.begun, asked.settled
    reasons = (
        (not isinstance(asked.outcome, Unconfirmed), "it was told"),
        (begun is None or settled is None, "it never went out"),
        (asked.minimum is not MinimumEvidence.ANY, "better evidence was wanted"),
        (asked.deed is None, "it never reached Finesse"),
    )
    return next((why for holds, why in reasons if holds), None)


def knowable(account: Account, asked: Asked) -> str | None:
    """Say what somebody could know who heard what our sessions heard; None: nothing for sure."""
    if excuse(account, asked) is not None:
        return None
    checks = (
        _refused,
        _call_failed,
        _own_error,
        _own_event,
        _silence,
        _change,
        _sole_error,
        probed.by_get,
        _telling,
    )
    return next((words for check in checks if (words := check(account, asked))), None)


def _telling(account: Account, asked: Asked) -> str | None:
    """Ask what else tells, of requests with an id of their own."""
    if asked.ambiguous or readings.id_shared(account, asked):
        return None
    if grounds.restarted(account, asked):
        return telling.after_a_restart(account, asked)
    return telling.told(account, asked)


def _open(account: Account, asked: Asked, *, of_all: bool = False) -> Iterator[Heard]:
    """Yield what its agent's session, or those `of_all`, read while it was open."""
    assert asked.begun is not None
    assert asked.settled is not None
    begun = max([asked.begun, *_reborn(account, asked)])
    for heard in account.heard:
        here = of_all or heard.agent == asked.agent
        if here and begun <= heard.at < asked.settled - SLACK:
            yield heard


def _reborn(account: Account, asked: Asked) -> Iterator[float]:
    """Yield when the process began that settled it: what another one read died with that."""
    for killed, started in account.restarts:
        if asked.submitted <= started and killed <= (asked.settled or account.ended):
            yield started


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
    tied = any(grounds.named(account, asked, h) for h in ours)
    failed = any(h.event.dialog.state == "FAILED" for h in there)
    return "failed: its call was read to have FAILED" if tied and failed else None


def _own_error(account: Account, asked: Asked) -> str | None:
    for heard in _open(account, asked):
        if isinstance(heard.event, RequestFailed) and grounds.named(account, asked, heard):
            return "failed: an error with its id was read"
    return None


# -- with its id --------------------------------------------------------------------------------


def _own_event(account: Account, asked: Asked) -> str | None:
    """Say whether an event with its id showed its effect (3): on its agent's node or its dialog."""
    deed = asked.deed
    if deed is None or deed.effect is not True:
        return None
    if isinstance(asked.request, SILENT):
        return _signed_silence(account, asked)
    if isinstance(asked.request, do.CancelScheduledCallback) and not grounds.promised(
        account, asked
    ):
        return None
    blind = not grounds.pictured(account, asked)
    if isinstance(asked.request, JOINS) and (blind or _other_unknown(account, asked)):
        return None  # which the other call was, and who was on it, nobody knew
    for heard in _signed(account, asked):
        far = heard.agent != asked.agent and isinstance(asked.request, JOINS)
        if _cut_short(account, asked, heard) or _still_to_stand(account, asked, heard):
            continue
        if far and grounds.several_others(account, asked):
            continue  # on a colleague's node nothing tells which the other call was
        if isinstance(heard.event, DialogEvent) and contents.cut_as_before(
            account, asked, heard.event.dialog
        ):
            continue  # that it was something else in between does not tell that ours was cut (6.7)
        if shown.shows(account, asked, heard, tagged=True):
            return "confirmed: an event with its id showed it"
    return None


def _other_unknown(account: Account, asked: Asked) -> bool:
    """Say whether nobody had told of the other call of a join, or of who was on it (6.4)."""
    others = effects.partners(asked, account)
    told = any(effects.told(account, asked, id_) for id_ in others)
    return not told or grounds.others_changed(account, asked)


def _signed(account: Account, asked: Asked) -> Iterator[Heard]:
    """Yield its own events with its id, from where a tag counts (3).

    A dialog that leaves a colleague's list says nothing of the agent's part in it.
    """
    deed, dialog = asked.deed, asked.request.dialog_id
    for heard in _open(account, asked, of_all=True):
        if heard.parcel.cause is not deed or not grounds.named(account, asked, heard):
            continue
        event = heard.event
        family = effects.family(account.history, dialog, heard.at)  # what it was to become is none
        there = isinstance(event, DialogEvent) and event.dialog_id in family
        here = event.owner == asked.agent and heard.agent == asked.agent
        if here or (there and not isinstance(event, DialogRemoved)):
            yield heard


def _signed_silence(account: Account, asked: Asked) -> str | None:
    """Say whether an event with the id of a DTMF was read within its window, and no error (6.6).

    An error may follow it until the window ends (3), so that the session must have stood.
    """
    assert asked.begun is not None
    assert asked.settled is not None
    if not asked.accepted or asked.length < table.window(asked.request):
        return None
    if grounds.restarted(account, asked) or not account.whole(
        asked.agent, asked.begun, asked.settled + ROUND_TRIP
    ):
        return None
    begun = asked.begun - grounds.EPS  # who was sent in the very moment a session began saw none
    if not account.listening(asked.agent, begun, asked.settled + ROUND_TRIP):
        return None
    told = any(not heard.parcel.is_error for heard in _signed(account, asked))
    if not told or _suspected(account, asked) or _slow(account, asked):
        return None
    return "confirmed: an event with its id was read, and no error"


def _cut_short(account: Account, asked: Asked, heard: Heard) -> bool:
    """Say whether a DROP's DELETE came in the last second of the session, or of its time (6.3).

    What is read behind it of how the call was tells no more than it did, nor does what is published
    again tell more than when it was read first (4).
    """
    removed = isinstance(asked.request, do.Drop) and any(
        isinstance(each.event, DialogRemoved)
        and each.event.dialog_id == getattr(heard.event, "dialog_id", None)
        for each in _open(account, asked)
        if each.agent == heard.agent and each.at <= heard.at
    )
    copies = [h for h in account.heard if h.agent == heard.agent and h.parcel is heard.parcel]
    since = min(each.at for each in copies)
    whole = account.listening(asked.agent, since, since + 1.0)
    return removed and (not whole or heard.at + 1.0 > (asked.settled or account.ended))


def _still_to_stand(account: Account, asked: Asked, heard: Heard) -> bool:
    """Say whether its id came on what was so before, as far as was told, and a gap behind it.

    An error may follow it until the deadline (3), and was lost in the gap.
    """
    if not isinstance(asked.request, do.Reclassify | do.UpdateScheduledCallback):
        return False
    return contents.seemed_set(account, asked) and not account.listening(
        asked.agent, heard.at, asked.settled or account.ended
    )


# -- without it ---------------------------------------------------------------------------------


def _fair(account: Account, asked: Asked) -> bool:
    """Say whether a change alone can prove it (4): there is something true to compare with."""
    if not grounds.pictured(account, asked):
        return False
    if _unheard_of(asked) or isinstance(asked.request, shown.NEEDS_ID):
        return False
    if grounds.stale(account, asked) or grounds.parties_untold(account, asked):
        return False  # what it is compared with was not true
    return grounds.met(account, asked)


def _change(account: Account, asked: Asked) -> str | None:
    if asked.deed is None or not _fair(account, asked):
        return None
    if probed.shown_to_two(account, asked):
        return None
    taken: set[object] = set()
    for heard in _open(account, asked):
        if not (heard.first and shown.on_own_node(heard)):
            continue
        if not shown.shows(account, asked, heard, tagged=False):
            continue
        if grounds.rivals(account, asked, heard.parcel.made, heard.at):
            return None  # from here on it is ambiguous for both, whatever comes later (4)
        units = grounds._units(account, asked, heard.parcel.made)
        if _anothers(account, asked, heard):
            taken |= {unit for unit in units if abs(unit[-1] - heard.parcel.made) < TOLD_AT_ONCE}
            continue
        if units and units <= taken:
            continue  # told again without the id, as a DELETE behind its own part's leaving
        if _proves(account, asked, heard) and not grounds.as_it_was(account, asked, heard):
            return "confirmed: a change that it asked for was read"
    return None


def _anothers(account: Account, asked: Asked, heard: Heard) -> bool:
    """Say whether a change is another request's of that agent by its id: it is no other's (4).

    However that one ended, unless nothing of it was ever done; where two have that id, it is one's.
    That a colleague's request has it as well takes nothing away: a tag is (agent, requestId) (3).
    """
    if isinstance(asked.request, do.UpdateCallData | do.UserRequest):
        return False  # values that are there, or a state, may be told with any id
    if isinstance(asked.request, DATA):
        return grounds.of_another_alike(account, asked, heard)
    return any(
        other is not asked
        and other.agent == asked.agent
        and other.begun is not None
        and other.begun <= heard.at
        and not isinstance(other.outcome, Rejected)
        and not isinstance(other.request, (*DATA, *SILENT, do.UserRequest))
        and other.request_id == heard.event.request_id
        for other in account.asked
    )


def _proves(account: Account, asked: Asked, heard: Heard) -> bool:
    """Say whether an event without its id proves it (4, 6), and nothing else that is asked."""
    request = asked.request
    if isinstance(request, DATA):
        news = _fresh(account, asked, heard) and not grounds.may_be_repeated(account, heard)
        sure = news and not _published_again(account, asked, heard)
        sure = sure and not contents.in_doubt(account, asked)
        return sure and not grounds.superseded(account, asked)
    if isinstance(request, grounds.MAKES) and _perhaps_made_before(account, asked, heard):
        return False
    if isinstance(request, do.ConsultCall | do.MakeCall):
        return _to_number(asked, heard)
    if isinstance(request, do.UserRequest):
        return not _pending_reason(asked, heard) and not grounds.promised_before(account, asked)
    if isinstance(request, JOINS):
        unsure = grounds.several_others(account, asked) or grounds.others_changed(account, asked)
        there = heard.event.dialog_id
        return not unsure and not grounds.brought_by_a_third(account, asked, there, heard.at)
    dropped = isinstance(request, do.Drop)
    return not _cut_short(account, asked, heard) and not (dropped and _loose_end(heard, asked))


def _perhaps_made_before(account: Account, asked: Asked, heard: Heard) -> bool:
    """Say whether a call that is read behind a restart may be one that was gone at sending.

    Finesse may publish again what the process before was told, and nobody knows it any more; only
    what came behind the second of Finesse's answer is since, by its own clock (4).
    """
    since = asked.answered is not None and heard.parcel.made >= asked.answered + blame.GRAIN
    return not since and grounds.restarted(account, asked, heard.at)


def _unheard_of(asked: Asked) -> bool:
    """Say whether its caller never told what Finesse answered: only its id counts then (8)."""
    return asked.mode not in {"submit", "forward"} and asked.answered is None


def _pending_reason(asked: Asked, heard: Heard) -> bool:
    """Say whether it shows a state that is only pending, which does not show its reason (6.9)."""
    user = getattr(heard.event, "user", None)
    reason = getattr(asked.request, "reason_code_id", None)
    return reason is not None and user is not None and user.reason_code_id != reason


def _fresh(account: Account, asked: Asked, heard: Heard) -> bool:
    """Say whether that content was never read before, nor the values were there at sending."""
    assert asked.begun is not None
    before = account.history.at(asked.request.dialog_id, asked.begun)
    had = before is None or any(span.begin <= asked.begun for span in effects.spans(asked, account))
    same = [h for h in account.heard if readings.alike(h, heard)]
    return not had and all(h.at >= heard.at for h in same)


def _published_again(account: Account, asked: Asked, heard: Heard) -> bool:
    """Say whether Finesse had lately published that dialog again, and no GET was answered since.

    Data carry no time: what was never read may be one that was missed, and is told now (4, 6.7).
    """
    again = [
        each.at
        for each in account.heard
        if each.agent == asked.agent
        and not each.first
        and heard.at - grounds.BURST <= each.at <= heard.at
        and readings.is_about(asked, each)
    ]
    return bool(again) and not any(
        got.sent > again[-1] and (got.answered or heard.at) < heard.at
        for got in grounds.looked_at(account, asked)
    )


def _to_number(asked: Asked, heard: Heard) -> bool:
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
    """Say whether one unsigned error was read that it alone could own (5)."""
    deed = asked.deed
    if deed is None or deed.effect is not False or not asked.accepted or asked.ambiguous:
        return None  # an id that two have is ambiguous for both (3)
    if not grounds.pictured(account, asked) or grounds.restarted(account, asked):
        return None  # who else was at work on the object is not known
    if any(grounds.may_be_repeated(account, h) for h in _open(account, asked) if h.parcel.is_error):
        return None
    if asked.mode in {"no", "never_sent"}:
        return None
    errors = [h for h in _open(account, asked) if isinstance(h.event, RequestFailed)]
    own = [h for h in errors if h.parcel.cause is deed and h.event.request_id is None and h.first]
    fitting = [h for h in errors if h.event.request_id is None and blame.fits(account, asked, h)]
    if len(own) != 1 or len(fitting) != 1 or not _exact(account, asked, own[0]):
        return None
    if not blame._sole(account, asked, own[0]) or _company(account, asked, own[0]):
        return None
    task = isinstance(asked.request, do.TaskRequest)
    if task and not account.listening(asked.agent, asked.begun or 0.0, own[0].at):
        return None  # no list shows what somebody did to a task in a gap
    lately = _made_lately(account, asked, own[0]) or _joined_lately(account, asked, own[0])
    if lately or _told_again(account, own[0]) or _told_since(account, asked, own[0]):
        return None
    return "failed: an error that it alone could own was read"


AGAIN = 2.0
REMEMBERED = 900.0


def _told_again(account: Account, error: Heard) -> bool:
    """Say whether the same was read a moment before, or before what makes Finesse publish again.

    That is a gap that has just ended, or is about to: a session reads before its picture is there.
    And older news of the agent show that it is doing so (4).
    """
    same = [
        heard.at
        for heard in account.heard
        if heard.agent == error.agent and readings.alike(heard, error) and heard.at < error.at
    ]
    sessions = (account.up, account.live)
    every = [begin for rows in sessions for begin, _ in rows.get(error.agent, ())]
    begun = [at for at in every if error.at - grounds.BURST <= at <= error.at]
    near = any(error.at - at < blame.REPEATED_WITHIN for at in same)
    gap = any(at <= begin for at in same for begin in begun)
    again = bool(same) and _publishes_again(account, error)
    return near or gap or again or _told_to_another(account, error)


def _told_to_another(account: Account, error: Heard) -> bool:
    """Say whether a process that was killed may have read it (4): what that one read is not known.

    Finesse tells again, in one run, and a state is in it that is older than the first one that came
    to this process as news. It is so for as long as what was settled is remembered.
    """
    started = max((at for _, at in account.restarts if at <= error.at), default=None)
    if started is None or error.at >= started + REMEMBERED:
        return False
    live = min((at for at, _ in account.live[error.agent] if at >= started), default=error.at)
    users = [
        heard
        for heard in account.heard
        if heard.agent == error.agent
        and isinstance(heard.event, UserChanged)
        and heard.at >= started
    ]
    made = (each.parcel.made for each in users if each.first)
    news = min((at for at in made if at >= live), default=float("inf"))
    return any(each.parcel.made < news and abs(error.at - each.at) <= AGAIN for each in users)


def _publishes_again(account: Account, error: Heard) -> bool:
    """Say whether the agent's state or a call was told again as it was known before an error.

    Or just behind it: what is published again comes in one run. By its content: an event that says
    what the last one of that call said is one that is told again, as far as anybody can tell (4).
    """
    newest = 0.0
    last: dict[str, Heard] = {}
    for heard in account.heard:
        if heard.agent != error.agent or heard.at >= error.at + AGAIN:
            continue
        user = isinstance(heard.event, UserChanged)
        if not (user or isinstance(heard.event, DialogEvent)):
            continue
        before = last.get(there := getattr(heard.event, "dialog_id", ""))
        last[there] = heard
        alike = before is not None and readings.alike(before, heard)
        known = (user and heard.parcel.made < newest) or not heard.first or alike
        if known and error.at - heard.at <= AGAIN:
            return True
        newest = max(newest, heard.parcel.made) if user else newest
    return False


def _made_lately(account: Account, asked: Asked, error: Heard) -> bool:
    """Say whether one that makes a call ended, and this call may have been its (5).

    It ended unconfirmed, or was given up: it may have happened (1). Or that very call failed it,
    without its id, though it may be another's, and the refusal its own.
    """
    there = getattr(error.event, "dialog_id", None)
    return any(
        other is not asked
        and other.agent == asked.agent
        and isinstance(other.request, grounds.MAKES)
        and blame._may_own(other, error.at, asked.settled)
        and (
            (isinstance(other.outcome, Failed) and other.outcome.dialogs.new == there is not None)
            or (
                isinstance(other.outcome, Unconfirmed | Abandoned)
                and (
                    blame.fits(account, other, error)
                    or blame.untold(account, other, error)
                    or blame.came_untold(account, other, error)
                )
            )
        )
        for other in account.asked
    )


def _told_since(account: Account, asked: Asked, error: Heard) -> bool:
    """Say whether it is on a call of which nobody had told when an open one that makes one left.

    It was not in that one's baseline, and comes from its device: it may be the one (4, 6.1),
    however long it had been there, unless an id says whose it is.
    """
    there = getattr(error.event, "dialog_id", None)
    view = account.history.at(there, error.at)
    if view is None or any(there in blame._made(account, each, error.at) for each in account.asked):
        return False
    return any(
        other is not asked
        and other.agent == asked.agent
        and isinstance(other.request, grounds.MAKES)
        and other.begun is not None
        and other.begun <= error.at <= (other.settled or error.at)
        and view.sender == other.own
        and not effects.told(account, other, there or "")
        for other in account.asked
    )


def _joined_lately(account: Account, asked: Asked, error: Heard) -> bool:
    """Say whether a join ended by no proof, and this call may have been the other one of it (5)."""
    return any(
        other is not asked
        and other.agent == asked.agent
        and isinstance(other.request, JOINS)
        and blame._may_own(other, error.at, asked.settled)
        and blame.fits(account, other, error)
        and blame.may_be_joined(account, other, error)
        for other in account.asked
    )


def _company(account: Account, asked: Asked, error: Heard) -> bool:
    """Say whether anything on its object changed that is not the request's own work (5).

    The agent's state is the object of a request about the user alone. That another client was
    refused something there tells of it to one who makes a call as well: it fits such errors.
    """
    ids = effects.family(account.history, asked.request.dialog_id)
    if isinstance(asked.request, JOINS):  # the other one too, and what seemed to be it
        ids += [*effects.partners(asked, account), *telling._calls(account, asked)]
    if asked.request.dialog_id is None:  # any call that comes may be the one that it makes
        ids += [id_ for id_, row in account.history.calls.items() if row[-1][0] >= asked.submitted]
    elif isinstance(asked.request, do.ConsultCall):  # to another number as well (6.1)
        ids += [
            id_
            for id_, row in account.history.calls.items()
            if row[0][1].sender == asked.own and not effects.told(account, asked, id_)
        ]
    user = asked.request.root == "User"
    alone = max([error.at + blame.SETTLES, *_left(account, asked, error)]) + 0.1
    if probed.shown_to_two(account, asked, alone):
        return True  # by a GET as well as by news: it may be what was asked for
    if _party_came(account, asked, alone):
        return True
    return _worked_elsewhere(account, asked, ids, alone) or any(
        heard.parcel.cause is not asked.deed
        and (
            getattr(heard.event, "dialog_id", None) in ids
            or (isinstance(heard.event, UserChanged | RequestFailed) and user)
            or _refused_another(account, asked, heard)
            or _may_be_its_own(asked, heard)
        )
        for heard in _open(account, asked)
        if heard.at <= alone
    )


def _party_came(account: Account, asked: Asked, until: float) -> bool:
    """Say whether a colleague's node told that another party came to the call of a join (5, 6.4).

    That is what a join would show, whoever did it, and nothing tells that it was not this one.
    """
    if not isinstance(asked.request, JOINS):
        return False
    begun = asked.begun or asked.submitted
    before = account.history.at(asked.request.dialog_id, begun)
    return before is not None and any(
        heard.parcel.made >= begun
        and heard.parcel.cause is not asked.deed
        and isinstance(heard.event, DialogEvent)
        and heard.event.dialog_id == asked.request.dialog_id
        and any(
            party.media_address not in before.parties and party.state not in effects.LEFT
            for party in heard.event.dialog.participants
        )
        for heard in _open(account, asked, of_all=True)
        if heard.agent != asked.agent and heard.at <= until
    )


def _worked_elsewhere(account: Account, asked: Asked, ids: list[str], until: float) -> bool:
    """Say whether a colleague's node told, with another client's id, of a change of its calls (5).

    It changed on that object, though no news of it came on the agent's own node.
    """
    ours = {other.request_id for other in account.asked}
    return any(
        heard.agent != asked.agent
        and isinstance(heard.event, DialogEvent)
        and heard.event.dialog_id in ids
        and heard.event.request_id not in {None, *ours}
        and heard.parcel.made >= (asked.begun or asked.submitted)
        and _changed(account, heard)
        for heard in _open(account, asked, of_all=True)
        if heard.at <= until
    )


def _changed(account: Account, heard: Heard) -> bool:
    """Say whether a party or the data of a call changed with what an event tells of it."""
    id_ = getattr(heard.event, "dialog_id", None)
    views = [account.history.at(id_, heard.parcel.made + by) for by in (-0.001, 0.001)]
    was, is_ = ((view.parties, view.values) if view is not None else None for view in views)
    return was != is_


def _left(account: Account, asked: Asked, error: Heard) -> Iterator[float]:
    """Yield when others ended whom the error fitted as well: only then one was left (5)."""
    for other in account.asked:
        if other is asked or other.agent != asked.agent or other.begun is None:
            continue
        ended = other.settled or 0.0
        there = other.begun <= error.at <= ended <= (asked.settled or 0.0)
        if there and blame.fits(account, other, error):
            yield ended


def _refused_another(account: Account, asked: Asked, heard: Heard) -> bool:
    """Say whether an error on the user, the object of one who makes a call, bears a foreign id."""
    event = heard.event
    if not isinstance(event, RequestFailed) or event.request_id is None:
        return False
    here = event.dialog_id is None and asked.request.dialog_id is None
    ids = {other.request_id for other in account.asked if other.agent == asked.agent}
    return here and event.request_id not in ids


def _may_be_its_own(asked: Asked, heard: Heard) -> bool:
    """Say whether an event on its agent's node has its id by chance, as a colleague's request (3).

    Nobody knows whose work it shows: that it was refused is not certain any more.
    """
    return heard.event.request_id == asked.request_id and shown.on_own_node(heard)


def _exact(account: Account, asked: Asked, heard: Heard) -> bool:
    """Say whether the error's source is the request's object itself."""
    del account
    event = heard.event
    assert isinstance(event, RequestFailed)
    return event.dialog_id == asked.request.dialog_id


# -- silence ------------------------------------------------------------------------------------


ROUND_TRIP = 1.0


def _silence(account: Account, asked: Asked) -> str | None:
    if (
        not isinstance(asked.request, SILENT)
        or not asked.accepted
        or grounds.restarted(account, asked)
    ):
        return None
    if asked.ambiguous:
        return None  # an event or error with its id may be the other's (3)
    if asked.length < asked.request.default_deadline:
        return None
    assert asked.begun is not None
    assert asked.settled is not None
    end = asked.settled + ROUND_TRIP  # the fence's answer
    if not account.whole(asked.agent, asked.begun, end):
        return None
    if not account.listening(asked.agent, asked.begun - grounds.EPS, end):
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
    end = asked.settled or 0.0
    return account.slowed(asked.agent, end - 3.0, end)
