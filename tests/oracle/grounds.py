"""What a change can be compared with, and who else could own it: the judge's grounds for "missed".

Each is an exception that a rule of evidence grants, and no wider; the numbers are the sections'.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from listener.correlation.outcome import Evidence, Failed, Rejected
from listener.finesse import actions as do
from listener.finesse import uris
from listener.finesse.events import DialogEvent, DialogRemoved, UserChanged
from tests.oracle import effects
from tests.oracle.account import OFF

if TYPE_CHECKING:
    from tests.oracle.account import Account, Asked, Got, Heard

EPS = 0.001
BURST = 10.0  # seconds behind a session's beginning in which Finesse may publish again
EARLY = 60.0  # seconds for which an id that nobody had asked with is remembered
OK = 200
PICTURE = 1.0  # seconds before a session is live in which its picture was read
MAKES = (do.MakeCall, do.ConsultCall, do.SilentMonitor)


def pictured(account: Account, asked: Asked) -> bool:
    """Say whether there was a baseline (4): a session of the agent heard when it was sent."""
    assert asked.begun is not None
    there = account.listening(asked.agent, asked.begun - EPS, asked.begun + EPS)
    return there and not asked.unkept


def rivals(account: Account, asked: Asked, made: float, at: float) -> bool:
    """Say whether the change that was so at `made` and read at `at` fits another request as well.

    Then it is ambiguous for both (4), or the other's who was confirmed by it; but nobody's of whom
    it was known in time that it was certainly never done.
    """
    units = _units(account, asked, made)
    return any(
        other is not asked
        and other.agent == asked.agent
        and other.begun is not None
        and other.begun <= at + EPS
        and not _never_done(other, asked)
        and (_fits_too(account, asked, other, units, made) or _promised_both(account, asked, other))
        for other in account.asked
    )


def _fits_too(
    account: Account, asked: Asked, other: Asked, units: set[tuple[object, ...]], made: float
) -> bool:
    ended = float("inf") if other.settled is None else other.settled
    since = min([made, *(unit[-1] for unit in units)])  # type: ignore[type-var]
    alike = _makes_too(asked, other) or _joins_too(asked, other)
    if alike or _blind(account, asked, other):
        return ended >= since - EPS  # type: ignore[operator]
    return any(ended >= unit[-1] - EPS for unit in units & _units(account, other, made))  # type: ignore[operator]


def _blind(account: Account, asked: Asked, other: Asked) -> bool:
    """Say whether another request on the same object had no start to tell what is new (4)."""
    user = isinstance(asked.request, do.UserRequest)
    if isinstance(other.request, do.UserRequest) is not user:
        return False
    return other.begun is not None and not (pictured(account, other) and met(account, other))


def _promised_both(account: Account, asked: Asked, other: Asked) -> bool:
    """Say whether the state was promised to another open request for it before this one (6.9).

    It is promised anew to this one, and when it comes nobody can tell to whom of the two.
    """
    users = isinstance(asked.request, do.UserRequest) and isinstance(other.request, do.UserRequest)
    assert asked.begun is not None
    assert other.begun is not None
    if not users or asked.request.requested_action != other.request.requested_action:
        return False
    person = account.history.person(asked.agent, asked.begun)
    open_ = other.begun <= asked.begun <= (other.settled or float("inf"))
    return open_ and person is not None and person.pending == asked.request.requested_action


def _never_done(other: Asked, asked: Asked) -> bool:
    by_id = isinstance(other.outcome, Failed) and other.outcome.evidence is Evidence.REQUEST_ID
    known = other.settled is not None and other.settled <= (asked.settled or float("inf"))
    return known and (isinstance(other.outcome, Rejected) or by_id)


def _makes_too(asked: Asked, other: Asked) -> bool:
    """Say whether both make a call: a number that the dial plan changes fits both (6.1)."""
    return isinstance(asked.request, MAKES) and isinstance(other.request, MAKES)


def _joins_too(asked: Asked, other: Asked) -> bool:
    """Say whether both ask for the very same join: one that is read then fits both (4).

    It may have been done before the later one went out, which had been told of nothing yet.
    """
    same = type(asked.request) is type(other.request)
    join = same and isinstance(asked.request, do.Transfer | do.Conference)
    return join and asked.request.dialog_id == other.request.dialog_id


def _units(account: Account, asked: Asked, made: float) -> set[tuple[object, ...]]:
    """Return the changes that asked for this and were so at that time; (who, when) of each."""
    data = isinstance(asked.request, do.UpdateCallData | do.Reclassify)
    return {
        (asked.own, "values" if data else "state", span.begin)
        for span in effects.spans(asked, account)
        if span.begin - EPS <= made < span.end
    }


def named(account: Account, asked: Asked, heard: Heard) -> bool:
    """Say whether an event bears the id of this request and of no other (3).

    A tag is (agent, requestId): an id that two of one agent's requests have names neither. One that
    a colleague's request has as well may be that one's only on what both take part in.
    """
    if heard.event.request_id != asked.request_id or asked.ambiguous or used(account, asked):
        return False
    return not any(
        other.request_id == asked.request_id
        and other.agent != asked.agent
        and _reaches(account, other, heard)
        for other in account.asked
    )


def of_another_alike(account: Account, asked: Asked, heard: Heard) -> bool:
    """Say whether an event has the id of another request for that on that call: its change (4)."""
    return any(
        type(other.request) is type(asked.request)
        and (other.agent, other.request.dialog_id) == (asked.agent, asked.request.dialog_id)
        and other is not asked
        and named(account, other, heard)
        for other in account.asked
    )


def used(account: Account, asked: Asked) -> bool:
    """Say whether its id had been read on its agent's own node a while before it was sent (3).

    Then it is somebody else's as well, as far as anybody knows. Who announces may have sent before.
    """
    return asked.mode in {"submit", "forward"} and any(
        heard.event.request_id == asked.request_id
        and heard.event.owner == asked.agent
        and (asked.begun or asked.submitted) - EARLY <= heard.at < (asked.begun or asked.submitted)
        for heard in account.heard
    )


def _reaches(account: Account, other: Asked, heard: Heard) -> bool:
    """Say whether a tag of a colleague's request may come on that event (3): they share a call.

    The agent's own state changes with a call that the colleague makes, and bears that id, too.
    """
    if not isinstance(heard.event, DialogEvent):
        return True
    there = heard.event.dialog_id
    row = account.history.calls.get(there, ())
    return any(other.own in view.parties for _, view in row) or there in effects.family(
        account.history, other.request.dialog_id
    )


def restarted(account: Account, asked: Asked, at: float | None = None) -> bool:
    """Say whether the program was killed while it was open, by that time.

    What was heard before is journalled no further than the baseline: repeats are not known for such
    any more (4), nor who else was at work (5), and no session stood all the time (6.6).
    """
    end = (asked.settled or account.ended) if at is None else at
    return any(asked.submitted <= started and killed <= end for killed, started in account.restarts)


def may_be_repeated(account: Account, heard: Heard) -> bool:
    """Say whether it was read soon after a restart: what was read before is not known then (4).

    Finesse may publish that again at a session's beginning, and no content of it is journalled. A
    first session that is lost at once leaves that to the one behind it.
    """
    for _, started in account.restarts:
        if started > heard.at:
            continue
        here = [each for each in account.live[heard.agent] if started <= each[0] <= heard.at]
        lost = here[-2][1] if len(here) > 1 else 0.0
        if not here or (lost < here[0][0] + BURST and heard.at < here[-1][0] + BURST):
            return True
    return False


def promised(account: Account, asked: Asked) -> bool:
    """Say whether the callback was heard of before it was cancelled."""
    assert asked.begun is not None
    if not pictured(account, asked):
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


def another_call_failed(account: Account, asked: Asked) -> bool:
    """Say whether another call to that number was read to have FAILED, and nothing told it apart.

    Without an id a call that is not in the baseline, comes from our device and goes to that number
    is the one (6.1), though a desktop dialled it, an instant before or after. What tells: it was
    read before sending, it came with another client's id, or our own call had come with ours.
    """
    outcome, deed = asked.outcome, asked.deed
    if not isinstance(outcome, Failed) or outcome.evidence is Evidence.REQUEST_ID:
        return False
    new, settled = outcome.dialogs.new, asked.settled
    if not isinstance(asked.request, do.MakeCall | do.ConsultCall) or settled is None:
        return False
    here = [
        heard
        for heard in account.heard
        if heard.agent == asked.agent
        and heard.at <= settled + EPS
        and isinstance(heard.event, DialogEvent)
    ]
    made = deed.new_dialog_id if deed is not None else None
    own = any(h.event.dialog_id == made and named(account, asked, h) for h in here)  # type: ignore[attr-defined]
    return not own and any(
        id_ == new and at <= settled and "FAILED" in {view.state, *view.parties.values()}
        for id_, row in effects.to_number(asked, account)
        for at, view in row
    )


def stale(account: Account, asked: Asked) -> bool:
    """Say whether what was so of the object when it was asked had not been told by then.

    News from before may have been on their way, or lost, or there were none at all; what is the
    same as what was known is no change (4).
    """
    assert asked.begun is not None
    begin = max(a for a, _ in account.live[asked.agent] if a <= asked.begun)
    what = asked.request.dialog_id or "</user>"
    coming = any(
        parcel.node.startswith(uris.user_node(asked.agent))
        and what in parcel.payload
        and begin <= parcel.made < asked.begun
        and not any(who == asked.agent and at <= asked.begun for at, who in parcel.heard)
        for parcel in account.parcels
    )
    return coming or _untold(account, asked, begin)


def _untold(account: Account, asked: Asked, begin: float) -> bool:
    """Say whether the agent's part in the dialog changed, and nothing told by then was from after.

    Or the agent's own state, for a request about that. `begin`: when the session became live,
    shortly after its picture.
    """
    assert asked.begun is not None
    dialog, own = asked.request.dialog_id, asked.agent if _is_task(asked) else asked.own
    if isinstance(asked.request, do.UserRequest):
        return _untold_state(account, asked, begin)
    if dialog is None:
        return False
    made = [
        heard.parcel.made
        for heard in account.heard
        if heard.agent == asked.agent
        and heard.at <= asked.begun
        and isinstance(heard.event, DialogEvent)
        and heard.event.dialog_id == dialog
    ]
    made += _looked(account, asked)
    known = account.history.at(dialog, max([begin - PICTURE, *made]) + EPS)
    now = account.history.at(dialog, asked.begun)
    if known is None or now is None:
        return False
    return (known.parties.get(own), known.values) != (now.parties.get(own), now.values)


def _looked(account: Account, asked: Asked) -> Iterator[float]:
    """Yield when a GET had shown its dialog before it was sent: what it tells is known, too (7)."""
    assert asked.begun is not None
    for got in looked_at(account, asked):
        if got.answered is not None and got.answered <= asked.begun:
            yield got.sent


def looked_at(account: Account, asked: Asked) -> Iterator[Got]:
    """Yield the GETs whose answer showed its dialog, or told that it was not there."""
    paths = {uris.dialogs_node(asked.agent), uris.dialog_path(asked.request.dialog_id or "")}
    for got in account.gets:
        if got.path in paths and got.status == OK and got.answered is not None:
            yield got


def _untold_state(account: Account, asked: Asked, begin: float) -> bool:
    assert asked.begun is not None
    made = [
        heard.parcel.made
        for heard in account.heard
        if heard.agent == asked.agent
        and heard.at <= asked.begun
        and isinstance(heard.event, UserChanged)
    ]
    known = account.history.person(asked.agent, max([begin - PICTURE, *made]) + EPS)
    now = account.history.person(asked.agent, asked.begun)
    if known is None or now is None:
        return False
    return (known.state, known.pending, known.reason) != (now.state, now.pending, now.reason)


def as_it_was(account: Account, asked: Asked, heard: Heard) -> bool:
    """Say whether the own part was read to be so before, and nothing else since: no change (4)."""
    if not isinstance(asked.request, do.Hold | do.Retrieve | do.Answer):
        return False
    parties = [
        each.event.dialog.participant(asked.own)
        for each in account.heard
        if each.agent == asked.agent
        and each.at < heard.at
        and each.first
        and isinstance(each.event, DialogEvent)
        and each.event.dialog_id == asked.request.dialog_id
    ]
    wanted = "HELD" if isinstance(asked.request, do.Hold) else "ACTIVE"
    return bool(parties) and parties[-1] is not None and parties[-1].state == wanted


def brought_by_a_third(account: Account, asked: Asked, survivor: str, at: float) -> bool:
    """Say whether a call had taken in a third one since, with the other one's numbers.

    Without its id nothing tells whether somebody of the other call is on it (6.4: both others); nor
    where nobody had told who was on the third one before it was taken in.
    """
    others, calls = effects.partners(asked, account), account.history.calls
    now, before = (account.history.at(survivor, when) for when in (at, asked.begun or 0.0))
    taken = now.secondary if now is not None else None
    if taken in {None, *others, *(() if before is None else (before.secondary,))}:
        return False
    merged = next(when for when, view in calls[survivor] if view.secondary == taken)
    third = [view for when, view in calls.get(taken or "", ()) if when <= merged]
    told = any(
        heard.agent == asked.agent
        and heard.parcel.made < merged
        and isinstance(heard.event, DialogEvent)  # an error tells nobody's parties, nor does an end
        and not isinstance(heard.event, DialogRemoved)
        and heard.event.dialog_id == taken
        for heard in account.heard
    )
    brought = {who for view in third for who in view.present}
    both = effects._parties(account.history, asked, *others)
    return bool(third) and (not told or both <= brought)


def _is_task(asked: Asked) -> bool:
    return isinstance(asked.request, do.TaskRequest)


def others_changed(account: Account, asked: Asked) -> bool:
    """Say whether other parties are on the calls to be joined than anybody had told of (6.4).

    When it was sent, or when it was done: who came in between is not one of those that were there.
    """
    assert asked.begun is not None
    done = asked.deed.effect_at if asked.deed is not None else None
    times = {asked.begun, max(asked.begun, (done or 0.0) - effects.TOGETHER)}
    for id_ in (asked.request.dialog_id, *effects.partners(asked, account)):
        told = [
            heard.event.dialog
            for heard in account.heard
            if heard.agent == asked.agent
            and heard.at <= asked.begun
            and isinstance(heard.event, DialogEvent)
            and heard.event.dialog_id == id_
        ]
        views = [view for at in times if (view := account.history.at(id_, at)) is not None]
        if told and views:
            parties = {p.media_address for p in told[-1].participants if p.state not in OFF}
            if any(parties - {asked.own} != view.present - {asked.own} for view in views):
                return True
    return False


def promised_before(account: Account, asked: Asked) -> bool:
    """Say whether the state was known to be there or promised when it was asked for.

    Then it is no change of value (4), whatever has become of it untold.
    """
    assert asked.begun is not None
    begin = max(a for a, _ in account.live[asked.agent] if a <= asked.begun)
    person = account.history.person(asked.agent, begin - PICTURE)
    known = {person.state, person.pending} if person is not None else set()
    for heard in account.heard:
        event = heard.event
        told = heard.agent == asked.agent and begin - PICTURE <= heard.at <= asked.begun
        if told and isinstance(event, UserChanged):
            known = {event.user.state, event.user.pending_state}
    return asked.request.requested_action in known


def met(account: Account, asked: Asked) -> bool:
    """Say whether the dialog was known when it was asked (4), by the session's picture or an event.

    No list shows tasks, so that after a gap nothing is known of them; what is told again of one
    then may be long past.
    """
    assert asked.begun is not None
    dialog = asked.request.dialog_id
    if dialog is None:
        return True
    begin = max(a for a, _ in account.live[asked.agent] if a <= asked.begun)
    view = account.history.at(dialog, begin - PICTURE)
    task = isinstance(asked.request, do.TaskRequest)
    if not task and view is not None and not view.over:
        return True
    return any(
        heard.agent == asked.agent
        and (heard.first or not task)
        and isinstance(heard.event, DialogEvent)
        and heard.event.dialog_id == dialog
        and begin <= heard.at <= asked.begun
        for heard in account.heard
    )


def parties_untold(account: Account, asked: Asked) -> bool:
    """Say whether a party is to be taken off a call that was read to be off its agent's list.

    Who was on it, and who came to it since, nobody had told of by then: that somebody is not on it
    when it comes back is no change (4), and who is not listed has no time that would tell. A GET
    that was answered since, or a session that began, has told.
    """
    assert asked.begun is not None
    told = [
        heard
        for heard in account.heard
        if heard.agent == asked.agent == heard.event.owner
        and isinstance(heard.event, DialogEvent)
        and heard.event.dialog_id == asked.request.dialog_id
        and heard.at <= asked.begun
    ]
    if not (told and isinstance(told[-1].event, DialogRemoved)):
        return False
    gone = told[-1].at
    looks = any(
        gone < got.sent and (got.answered or 0.0) < asked.begun for got in looked_at(account, asked)
    )
    looks = looks or any(
        gone < begin <= asked.begun for begin, _ in account.live.get(asked.agent, ())
    )
    return not looks and isinstance(asked.request, do.ParticipantDrop)


def superseded(account: Account, asked: Asked) -> bool:
    """Say whether a later update of one of its variables was sent while it was open (6.7).

    What its caller only announced was sent as far as its id, or the report, tells by then (8); but
    where one change could be what both ask for, it fits both (4), and one that was only announced
    when this one left may be the later.
    """
    if not isinstance(asked.request, do.UpdateCallData):
        return False
    settled = asked.settled or float("inf")
    for other in account.asked:
        if other is asked or other.request.dialog_id != asked.request.dialog_id:
            continue
        if not isinstance(other.request, do.UpdateCallData):
            continue
        mine, theirs = effects.wanted(asked), effects.wanted(other)
        both = mine.keys() & theirs.keys()
        hidden = restarted(account, asked) or restarted(account, other)
        same = any(_alike(name, mine[name], theirs[name], hidden=hidden) for name in both)
        begun, left = asked.begun or 0.0, other.begun or 0.0
        if begun <= left <= settled and (same or (both and _known_sent(account, other, settled))):
            return True
        if same and left <= begun and _only_announced(account, other, asked):
            return True
    return False


def _alike(name: str, one: str | None, two: str | None, *, hidden: bool) -> bool:
    """Say whether one change could be both values: an ECC value may be shown cut (4, 6.7).

    `hidden`: a restart left hashes of them, which do not tell how they begin.
    """
    if one == two or not (name.startswith("user.") and one and two):
        return one == two
    return hidden or one[0] == two[0]


def _only_announced(account: Account, first: Asked, second: Asked) -> bool:
    """Say whether nothing told that the first had been sent when the second one left (8).

    After a restart nobody knows any more when it was told.
    """
    begun = second.begun or 0.0
    if first.mode in {"submit", "forward"} or (first.settled or float("inf")) < begun:
        return False
    return restarted(account, second) or not _known_sent(account, first, begun)


def _known_sent(account: Account, asked: Asked, by: float) -> bool:
    """Say whether it was known by then to have been sent: by us, by its report, or by its id."""
    if asked.mode in {"submit", "forward"}:
        return True
    told = asked.answered is not None and asked.answered <= by
    return told or any(heard.at <= by and named(account, asked, heard) for heard in account.heard)


def several_others(account: Account, asked: Asked) -> bool:
    """Say whether the agent had several other calls at sending, or was joined with another one.

    Which of them was meant is told by a link or by our id; an untagged merge with another one may
    be somebody else's (rules 4 and 6.4: both others).
    """
    others = effects.partners(asked, account)
    if any(id_ not in others for id_ in seeming(account, asked)):
        return True
    if any(not effects.told(account, asked, id_) for id_ in others):
        return True  # it had come, and nobody had told of it yet
    joined = {id_ for pair in effects.joins(asked, account) for id_ in pair[:2]}
    return (
        len(others) > 1 or not joined <= {asked.request.dialog_id, *others} or alike(account, asked)
    )


def seeming(account: Account, asked: Asked) -> Iterator[str]:
    """Yield calls that had ended, and of which older news were read last: they seem to be there."""
    assert asked.begun is not None
    last: dict[str, DialogEvent] = {}
    for heard in account.heard:
        mine = heard.agent == asked.agent and heard.at <= asked.begun
        if mine and isinstance(heard.event, DialogEvent) and heard.event.owner == asked.agent:
            last[heard.event.dialog_id] = heard.event
    for id_, event in last.items():
        view = account.history.at(id_, asked.begun)
        party = event.dialog.participant(asked.own)
        there = party is not None and party.state not in OFF
        over = view is not None and view.over and view.kind == "voice"
        if there and over and not isinstance(event, DialogRemoved):
            yield id_


def alike(account: Account, asked: Asked) -> bool:
    """Say whether one side's parties are all on the other: they look joined before they are."""
    assert asked.begun is not None
    views = [account.history.at(id_, asked.begun) for id_ in effects.partners(asked, account)]
    before = account.history.at(asked.request.dialog_id, asked.begun)
    first = before.present - {asked.own} if before is not None else frozenset()
    sides = [view.present - {asked.own} for view in views if view is not None]
    return any(first <= side or side <= first for side in sides)
