"""What a GET may prove (rules of evidence 7): presence, and for DROP alone also absence.

Knows when an answer counts, when it must be asked again, and when absence is certain enough.
"""

from __future__ import annotations

from listener.correlation.case import Finding, How, Shown, Sight
from listener.correlation.desk import Desk
from listener.correlation.entry import Entry, Held
from listener.correlation.evidence import by_change, count, weigh
from listener.correlation.following import follow_into
from listener.correlation.judges import judge
from listener.correlation.judges.states import has_left, was_off
from listener.correlation.outcome import Evidence
from listener.correlation.sharing import anew, contest, keep_told, rivals
from listener.correlation.steps import Ask, Look
from listener.finesse.actions.expectation import Left, NewCall, Probe, SentAway, Transferred
from listener.finesse.events import DialogEvent, dialog_id
from listener.finesse.model import Dialog

MAX_LOOKS = 3
AGAIN_AFTER = 1.0  # seconds from a GET that failed to the next; Finesse may be busy for a moment
ABSENCE_APART = 3.0  # seconds between the two GETs that agree on an absence
ON_A_CALL = frozenset({"TALKING", "HOLD", "RESERVED", "RESERVED_OUTBOUND"})


def ask(desk: Desk, entry: Entry) -> None:
    """Ask for a GET; its answer comes back with this serial."""
    entry.probe_serial += 1
    entry.probe_tries += 1
    desk.steps.append(
        Ask(
            entry.key,
            entry.agent,
            entry.request.probe,
            _primary(entry),
            entry.probe_serial,
        )
    )


def _primary(entry: Entry) -> str | None:
    own = entry.request.dialog_id
    return own if own in entry.case.ids else next(iter(entry.case.ids), own)


def looked(desk: Desk, now: float, entry: Entry, look: Look) -> None:
    """Take in the answer of a request's own GET; one that told nothing is asked once more."""
    if not look.ok:
        _once_more(desk, now, entry)
    if not _counts(entry, look):
        return
    _follow(desk, entry.agent, look)
    if _overtaken(desk, entry, look):
        if entry.probe_tries < MAX_LOOKS:
            ask(desk, entry)
        return
    _keep(desk, entry.agent, look)
    show(desk, now, entry, look)
    if entry.open and isinstance(entry.case.expectation, Left) and _absent(desk, entry, look):
        _absence(desk, now, entry)


def _once_more(desk: Desk, now: float, entry: Entry) -> None:
    """Plan another GET in place of one that failed, while there is time for its answer."""
    due = now + AGAIN_AFTER
    if entry.probe_tries < MAX_LOOKS and due < entry.deadline:
        entry.probe_due = due
        desk.rearm(entry)


def _follow(desk: Desk, agent: str, look: Look) -> None:
    """Let requests follow their calls to those of which a list says that they took them in."""
    named = {id_: each for each in _listed(look) if (id_ := dialog_id(each)) is not None}
    for into, dialog in named.items():
        for entry in desk.books.on_dialog(dialog.secondary_id):
            follow_into(desk, entry, agent, dialog, into)


def _keep(desk: Desk, agent: str, look: Look) -> None:
    """Take what a GET showed into the picture: who goes out next is compared with this."""
    picture = desk.picture.of(agent)
    for dialog in _listed(look):
        if (id_ := dialog_id(dialog)) is not None and picture.touched(id_) < look.dialogs_asked:
            picture.put(id_, dialog, look.dialogs_asked)
    if look.user is not None:
        picture.put_user(look.user, look.asked)


def show(desk: Desk, now: float, entry: Entry, look: Look) -> None:
    """Let the request's judge look at what a GET showed."""
    if entry.standing is not None and look.dialogs is not None:
        listed = {dialog_id(each): each for each in look.dialogs}
        _fallen(entry, listed.get(entry.standing.finding.dialogs.new))
    # Its own first: it tells which of the others belongs to it.
    every = sorted(_listed(look), key=lambda each: dialog_id(each) not in entry.case.ids)
    sights = [
        Sight(How.SNAPSHOT, entry.agent, dialog, dialog_id(dialog), at=look.dialogs_asked)
        for dialog in every
    ]
    if look.user is not None:
        sights.append(Sight(How.SNAPSHOT, entry.agent, user=look.user, at=look.asked))
    for sight in sights:
        if entry.open:
            entry.dialog = sight.dialog if entry.case.about(sight) else entry.dialog
            entry.user = sight.user or entry.user
            finding = judge(entry.case, sight)
            if by_change(finding, sight) and anew(entry, finding, sight):
                _twins(desk, now, entry, sight)
            keep_told([(entry, finding, sight)])
            weigh(desk, now, entry, finding, sight)


def _fallen(entry: Entry, shown: Dialog | None) -> None:
    """Forget the INITIATED call of a request if that is not how it is shown now (rule 6.1)."""
    if not isinstance(entry.case.expectation, NewCall):
        return
    own = shown.participant(entry.case.own) if shown is not None else None
    if shown is None or shown.state != "INITIATED" or has_left(own):
        entry.standing = None


def fallen(desk: Desk, event: DialogEvent) -> None:
    """Forget the INITIATED calls that an event shows otherwise; a judge may find them again."""
    for entry in desk.books.unbound(event.owner or ""):
        fell(entry, event)


def fell(entry: Entry, event: DialogEvent) -> None:
    """Forget the INITIATED call of one request if an event shows it otherwise."""
    if entry.standing and entry.standing.finding.dialogs.new == event.dialog_id:
        _fallen(entry, event.dialog)


def _twins(desk: Desk, now: float, entry: Entry, sight: Sight) -> None:
    """Find the requests that what a GET shows fits as well as this one (rules 4).

    Whose that change was nobody knows, which bars them from being the sole suspect (rules 5).
    """
    others = rivals(desk, entry, sight, fresh=True)
    if others:
        contest([entry, *others], now)
    for other in others:
        other.unexplained = True


def _listed(look: Look) -> tuple[Dialog, ...]:
    return (look.dialogs or ()) + ((look.dialog,) if look.dialog is not None else ())


def _counts(entry: Entry, look: Look) -> bool:
    """Say whether the GET was sent after the 202, or after the hope for one was gone (rules 7).

    One that was sent after the deadline is late, though nothing was due as yet.
    """
    since = entry.answered_at
    return look.ok and since is not None and since <= look.asked <= entry.deadline


def _overtaken(desk: Desk, entry: Entry, look: Look) -> bool:
    """Say whether an event for its dialogs came between sending the GET and reading its answer."""
    picture = desk.picture.of(entry.agent)
    ids: set[str | None] = set(entry.case.ids) or {dialog_id(each) for each in _listed(look)}
    if entry.standing is not None:
        ids.add(entry.standing.finding.dialogs.new)
    return any(id_ is not None and picture.touched(id_) >= look.dialogs_asked for id_ in ids)


def reconciled(desk: Desk, now: float, agent: str, look: Look) -> None:
    """Take in what was read after a session came (back) up; knowledge is live from here."""
    picture = desk.picture.of(agent)
    _follow(desk, agent, look)
    shown = [
        entry
        for entry in desk.books.of(agent)
        if entry.on_the_wire and _counts(entry, look) and not _overtaken(desk, entry, look)
    ]
    for entry in desk.books.of(agent):
        if entry.gap_open():
            entry.gaps[-1] = (entry.gaps[-1][0], now)
            if entry.silent:  # heard by a session that may not be this one: an error may be missed
                entry.lose_standing()
    if look.ok:  # first, for who goes out next is compared with this
        picture.reset(look.user, look.dialogs or (), asked=look.dialogs_asked, now=now)
        picture.live, picture.live_since = True, now
        picture.first_live = now if picture.first_live is None else picture.first_live
    for entry in shown:
        show(desk, now, entry, look)
        desk.rearm(entry)


def _absent(desk: Desk, entry: Entry, look: Look) -> bool:
    """Say whether a DROP's dialog is gone, and nothing speaks against it (rules 7).

    The agent must have been on it at sending, or seen on it since; `finesse` not known to be away;
    no own dialog may carry its id as secondaryId; and the user's state must fit.
    """
    known = entry.case.before is not None or entry.case.last is not None
    if look.dialogs is None or not known or was_off(entry.case) or entry.agent in desk.away:
        return False
    named = {dialog_id(each) for each in look.dialogs} | {d.secondary_id for d in look.dialogs}
    if named & entry.case.ids or entry.gap_open():
        return False
    busy = look.user is not None and look.user.state in ON_A_CALL
    return look.user is not None and not (busy and not look.dialogs)


def _absence(desk: Desk, now: float, entry: Entry) -> None:
    if entry.absent_at is None:
        entry.absent_at = now
        entry.probe_due = now + ABSENCE_APART
        desk.rearm(entry)
    elif now - entry.absent_at >= ABSENCE_APART:
        finding = Finding(Shown.EFFECT, stage="DROPPED")
        if others := [each for each in desk.books.of(entry.agent) if _takes_away(each, entry)]:
            contest([entry, *others], now)
        picture = desk.picture.of(entry.agent)  # no call that could be joined with another
        for id_ in entry.case.ids & picture.dialogs.keys():
            picture.unlist(id_, now)
        count(desk, now, entry, Held(finding, Evidence.SNAPSHOT, entry.dialog))


def _takes_away(other: Entry, entry: Entry) -> bool:
    """Say whether the call of a DROP may be gone by another open request (rules 4).

    A conference keeps the agent on the call, which no list has under either of its ids.
    """
    away = isinstance(other.case.expectation, (Left, Transferred, SentAway))
    on_it = not other.case.ids.isdisjoint(entry.case.ids)
    return other is not entry and other.on_the_wire and away and on_it


def lead_of(entry: Entry) -> float | None:
    """Return how long before the deadline its GET goes out, in seconds; None when none helps.

    The deciding GET goes out 3 s before the deadline; a DROP's first one a little over 3 s earlier,
    for two that agree are needed.
    """
    if entry.request.probe is Probe.NONE:
        return None
    lead = 3.0 + (ABSENCE_APART + 0.5 if entry.request.probe is Probe.ABSENCE else 0.0)
    return min(lead, entry.length / 2)
