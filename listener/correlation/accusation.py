"""What an error event means for the books (rules of evidence 3 and 5).

A tagged error is its request's own. An untagged one only suspects; who may be suspected, when one
may be named, and who else could own it, is decided here.
"""

from __future__ import annotations

from collections import deque
from dataclasses import replace

from listener.correlation import verdict
from listener.correlation.desk import MAX_UNSIGNED, Desk
from listener.correlation.entry import MAX_SUSPICIONS, Entry
from listener.correlation.judges.calls import would_be
from listener.correlation.objects import (
    goes_on,
    is_task,
    names_another_object,
    names_no_object,
    same_object,
)
from listener.correlation.outcome import (
    Abandoned,
    Confirmed,
    Evidence,
    Failed,
    Presumed,
    Unconfirmed,
)
from listener.correlation.pending import Trigger
from listener.correlation.steps import Late
from listener.correlation.suspicion import SETTLES_AFTER, Suspicion
from listener.finesse.actions.checks import same_number
from listener.finesse.actions.expectation import (
    Barged,
    Left,
    Monitoring,
    NewCall,
    ReservationEnded,
    SentAway,
    TaskEnded,
    Transferred,
)
from listener.finesse.events import RequestFailed
from listener.finesse.messages import named_action, named_extension
from listener.finesse.model import Dialog

ENDS = (Transferred, SentAway, Left, ReservationEnded, TaskEnded)
GUESSED = frozenset({Evidence.EXPECTATION, Evidence.SNAPSHOT, Evidence.SOLE_PENDING})
PRESUMED_FOR = 5.0  # seconds after a silence that decided in which its error may still come
MAX_REHEARD = 1024  # unsigned errors that are told again at a hand-over
REPEATED_WITHIN = 5.0  # seconds in which the same unsigned error may be a repeat or a second one


def own_error(desk: Desk, now: float, entry: Entry, event: RequestFailed) -> None:
    """Take an error with our id: the request failed, or it is told as late."""
    if not entry.open:
        detail = _text(event)
        desk.late(entry, Late(entry.key, "error", now, detail, event.errors))
        return
    entry.tag_seen = True
    outcome = verdict.failed(entry, event.errors, Evidence.REQUEST_ID, now)
    desk.settle(now, entry, Trigger.FAIL, outcome)


def unsigned_error(
    desk: Desk, now: float, event: RequestFailed, *, repeated: bool, told: bool
) -> None:
    """Take an error without our id, heard on an agent's own node: find whom it suspects.

    `repeated`: it may be one that was told before. `told`: the same one was, at some time.
    """
    owner = event.owner
    if owner is None:
        return
    suspicion = Suspicion(event, now, barred=_nobodys(event, repeated=repeated), known=told)
    desk.unsigned.setdefault(owner, deque(maxlen=MAX_UNSIGNED)).append((now, event))
    for entry in desk.books.of(owner):
        if not entry.on_the_wire or not fits(entry, event):
            continue
        if names_another_object(desk, entry, event) or _bears_anothers_id(entry, event):
            continue
        if names_no_object(entry, event):
            _cloud(now, entry, event)
            continue
        known = _known(desk, entry, event)
        if known is not None and not _may_be_its_call(entry, known):
            continue
        _suspect(now, entry, suspicion, sure=known is None and _sure(desk, entry, event))
    suspicion.barred |= _other_owners(desk, now, event)
    for key in suspicion.suspects:
        desk.rearm(desk.books.entries[key])


def published_again(desk: Desk, now: float, agent: str) -> None:
    """Let errors name nobody that may have come with what Finesse publishes again (rules 4, 5).

    It does so in one run, and the news that show it may come behind the error.
    """
    picture = desk.picture.of(agent)
    if picture.republished_at != now:
        return
    unheard = desk.succeeds(now) and picture.retold_at == now  # a process before may have had it
    for entry in desk.books.of(agent):
        for suspicion in entry.suspicions:
            if now - suspicion.at < SETTLES_AFTER:
                suspicion.barred |= suspicion.known or unheard


def remembered_error(desk: Desk, now: float, entry: Entry, event: RequestFailed) -> None:
    """Take an error without our id for one request that was taken over when it had been heard.

    All requests for which the same error is told share the suspicion.
    """
    if not _could_own(desk, entry, event) or _bears_anothers_id(entry, event):
        return
    if names_no_object(entry, event):
        _cloud(now, entry, event)
        return
    known = _known(desk, entry, event)
    if known is not None and not _may_be_its_call(entry, known):
        return
    repeated = any(each != event and _alike(each, event) for each in desk.reheard)
    suspicion = desk.reheard.get(event)
    if suspicion is None:
        suspicion = desk.reheard[event] = Suspicion(event, now)
        if len(desk.reheard) > MAX_REHEARD:
            del desk.reheard[next(iter(desk.reheard))]
    # It came after this request was sent; who may have owned it then is barred by that.
    suspicion.barred |= _nobodys(event, repeated=repeated) or any(
        _may_own(tomb, entry.submitted) and tomb.agent == event.owner and fits(tomb, event)
        for tomb in _settled_here(desk, event)
    )
    # Who was taken over after a gap may not hear of it, and could own it all the same.
    suspicion.barred |= any(
        e.restarted and _could_own(desk, e, event) for e in desk.books.of(entry.agent)
    )
    _suspect(now, entry, suspicion, sure=known is None and _sure(desk, entry, event))


def suspected_there(desk: Desk, entry: Entry, dialog_id: str) -> bool:
    """Say whether an unsigned error that fits was heard on the dialog that a request's became.

    It may have come before the news that the one became the other; where more came since sending
    than are remembered, it may be among those that are forgotten.
    """
    since, known = entry.sent_at or 0.0, list(desk.unsigned.get(entry.agent, ()))
    if len(known) == MAX_UNSIGNED and known[0][0] >= since:
        return True
    return any(
        at >= since and event.dialog_id == dialog_id and fits(entry, event) for at, event in known
    )


def _known(desk: Desk, entry: Entry, event: RequestFailed) -> Dialog | None:
    """Return the dialog of an error that is known, and not known to be what the request makes."""
    case, want, there = entry.case, entry.case.expectation, event.dialog_id
    own = {*case.ids, case.claimed, case.initiated}
    if not isinstance(want, NewCall | Monitoring | Barged) or there is None or there in own:
        return None
    known = desk.picture.of(entry.agent).dialogs.get(there)
    if known is None or (isinstance(want, NewCall) and would_be(case, want, there, known.dialog)):
        return None
    barged = isinstance(want, Barged) and (there == want.monitor or is_on(want, known.dialog))
    return None if barged else known.dialog


def is_on(want: Barged, dialog: Dialog) -> bool:
    """Say whether the agent into whose call a supervisor barges is on that one."""
    return any(same_number(p.media_address, want.to_address) for p in dialog.participants)


def _is_gone(desk: Desk, entry: Entry, event: RequestFailed) -> bool:
    """Say whether an error is on a call that is gone, and not known to be what a request made."""
    case, there = entry.case, event.dialog_id
    makes = isinstance(case.expectation, NewCall | Monitoring)
    own = {*case.ids, case.claimed, case.initiated}
    return makes and there not in own and there in desk.picture.of(entry.agent).gone


def _may_be_its_call(entry: Entry, dialog: Dialog) -> bool:
    """Say whether a call may be the one that the request makes: it comes from its device.

    A supervisor makes none by barging in.
    """
    makes = not isinstance(entry.case.expectation, Barged)
    return makes and same_number(dialog.from_address, entry.case.own)


def _bears_anothers_id(entry: Entry, event: RequestFailed) -> bool:
    """Say whether the error bears an id, and not this request's (rules 5: no foreign id on it)."""
    return event.request_id is not None and event.request_id != entry.request_id


def _could_own(desk: Desk, entry: Entry, event: RequestFailed) -> bool:
    here = entry.on_the_wire and entry.agent == event.owner
    return here and fits(entry, event) and not names_another_object(desk, entry, event)


def _alike(one: RequestFailed, other: RequestFailed) -> bool:
    return replace(one, item_id=None) == replace(other, item_id=None)


def _sure(desk: Desk, entry: Entry, event: RequestFailed) -> bool:
    """Say whether nothing but a request of ours may own the error, as far as this one knows.

    Over a restart nobody knows what else was at work on the object; and of an action that is not
    known, nobody knows what its errors look like.
    """
    others = entry.disturbed or entry.hung_up
    in_doubt = others or entry.restarted or entry.tracked_by_id_alone
    return not in_doubt and same_object(entry, event) and not _is_gone(desk, entry, event)


def _cloud(now: float, entry: Entry, event: RequestFailed) -> None:
    entry.note(now, "unsigned_error", _text(event))
    entry.clouded = True


def _suspect(now: float, entry: Entry, suspicion: Suspicion, *, sure: bool) -> None:
    entry.note(now, "unsigned_error", _text(suspicion.error))
    if not sure:
        entry.clouded = True  # it may be this request's, but another client was seen at work here
    if len(entry.suspicions) >= MAX_SUSPICIONS:
        entry.clouded = suspicion.barred = True
        return
    (suspicion.suspects if sure else suspicion.unsure).add(entry.key)
    entry.suspicions.append(suspicion)
    if sure:
        due = now + SETTLES_AFTER
        entry.suspicion_due = due if entry.suspicion_due is None else min(entry.suspicion_due, due)


def _nobodys(event: RequestFailed, *, repeated: bool) -> bool:
    """Say whether an error names nobody, whoever is left.

    It may be a repeat; and an id that was used more than once names nobody for sure, not even the
    last one who has it.
    """
    return repeated or event.request_id is not None


def fits(entry: Entry, event: RequestFailed) -> bool:
    """Say whether the error's message, if it names an action or extension, names this request's."""
    for error in event.errors:
        action, extension = named_action(error.error_message), named_extension(error.error_message)
        if action is not None and entry.request.requested_action not in {action, ""}:
            return False
        if extension is not None and extension != entry.case.own:
            return False
    return True


def _other_owners(desk: Desk, now: float, event: RequestFailed) -> bool:
    """Say whether a settled request may own the error, and note it as late on each that may.

    Somebody else may have caused the effect that confirmed it, and the refusal was its own.
    """
    found = False
    for tomb in _settled_here(desk, event):
        if _bears_anothers_id(tomb, event):
            continue
        if _may_own(tomb, now) and tomb.agent == event.owner and fits(tomb, event):
            found = True
            desk.late(tomb, Late(tomb.key, "possible_error", now, _text(event), event.errors))
    return found


def _may_own(tomb: Entry, now: float) -> bool:
    """Say whether an error may still be a settled request's: nothing but our id ends that at once.

    Who ended at the deadline, or by a silence that was presumed, has none left to run, so that its
    answer gets some seconds.
    """
    outcome = tomb.outcome
    if isinstance(outcome, Presumed):
        return now < (tomb.settled_at or 0.0) + PRESUMED_FOR
    guessed = isinstance(outcome, Confirmed | Failed) and outcome.evidence in GUESSED
    until = max(tomb.deadline, tomb.own_deadline, (tomb.settled_at or 0.0) + PRESUMED_FOR)
    return now < until and (guessed or isinstance(outcome, Unconfirmed | Abandoned))


def _settled_here(desk: Desk, event: RequestFailed) -> list[Entry]:
    if event.dialog_id is None:
        return desk.books.settled_on_user(event.owner)
    here = [e for e in desk.books.on_dialog(event.dialog_id) if not e.open]
    told = (e.outcome.dialogs for e in here if e.outcome is not None)
    joined = {
        id_ for ids in told if event.dialog_id in {ids.survivor, *ids.gone} for id_ in ids.gone
    }
    there = (e for e in desk.books.on_dialog(*joined) if goes_on(e, joined))
    found = here + [e for e in there if not e.open and e not in here]
    made = desk.books.settled_makers(event.owner)
    return found + [e for e in made if e not in found and _may_have_made(desk, e, event.dialog_id)]


def _may_have_made(desk: Desk, tomb: Entry, there: str) -> bool:
    """Say whether a call may be that of a request which ended, and nobody knows which it made.

    It comes from that device, as far as it is known, and was not there when the request went out.
    One that failed, by whatever guess, has had its error.
    """
    case = tomb.case
    undecided = isinstance(tomb.outcome, Unconfirmed | Abandoned)
    if tomb.sent_at is None or not undecided or _made(tomb) is not None:
        return False
    if is_task(desk, there):
        return False
    picture = desk.picture.of(tomb.agent)
    known = picture.dialogs.get(there)
    if there in case.there or there in picture.gone:  # nor was it one that is gone: it was told
        return False
    if known is not None and not _may_be_its_call(tomb, known.dialog):
        return False
    makers = (*desk.books.settled_makers(tomb.agent), *desk.books.unbound(tomb.agent))
    return not any(_made(other) == there for other in makers) and not any(
        other.request.dialog_id == there and other.submitted <= tomb.sent_at
        for other in desk.books.on_dialog(there)
    )


def _made(entry: Entry) -> str | None:
    """Return the call that a request is known, or was told, to have made."""
    told = entry.outcome.dialogs.new if entry.outcome is not None else None
    return entry.case.claimed or told


def _text(event: RequestFailed) -> str:
    first = event.errors[0] if event.errors else None
    parts = (first.error_message, first.error_type, first.error_data) if first else ()
    return ", ".join(part for part in parts if part) or "no details"
