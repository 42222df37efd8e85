"""What an event means for the books: whose tag it bears, whom it concerns, what changed.

The ladder: our id on it, then a change that fits, then an unsigned error that suspects. Repeats are
no news. Everything here happens in one run without an await.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from listener.correlation.accusation import (
    REPEATED_WITHIN,
    is_on,
    own_error,
    published_again,
    unsigned_error,
)
from listener.correlation.bystanders import (
    Judged,
    foreign,
    joining_blindly,
    may_make,
    nothing_new,
    unexplained,
    user_moved,
)
from listener.correlation.case import Finding, How, Shown, Sight
from listener.correlation.colleagues import keep_its_own_id, of_its_own, of_their_own
from listener.correlation.desk import Desk, never_done
from listener.correlation.entry import Entry
from listener.correlation.evidence import release_held, weigh
from listener.correlation.following import follow_into
from listener.correlation.judges import judge
from listener.correlation.judges.transfers import keep_company
from listener.correlation.looks import fallen
from listener.correlation.news import (
    as_known,
    keep,
    known_to,
    news_of,
    perhaps_told_before,
    told_before,
)
from listener.correlation.objects import may_join
from listener.correlation.outcome import Confirmed, Evidence, Failed, Outcome
from listener.correlation.pending import State
from listener.correlation.picture import REPEAT_WITHIN, News
from listener.correlation.sharing import (
    SURVIVORS,
    contests,
    keep_told,
    taken_elsewhere,
    without_others_share,
)
from listener.correlation.steps import Late
from listener.finesse.actions.expectation import Barged, Conferenced
from listener.finesse.events import (
    DialogAdded,
    DialogEvent,
    DialogRemoved,
    Event,
    RequestFailed,
    UserChanged,
)

# That a call ended explains nothing: somebody hung up; nor does what is as it was (rules 5).
EXPLAINS_NOTHING = frozenset({Shown.NOTHING, Shown.ENDED, Shown.UNCHANGED})
# Nor does what only our id would prove, where it bears none: it may be anybody's work.
PERHAPS = frozenset({Shown.IF_TAGGED, Shown.LOOK_ALIKE, Shown.PARTLY})


def hear(desk: Desk, now: float, event: Event, content: int) -> bool:
    """Take in one event; return False for a repeat that is no news.

    `content` is a hash of the payload: the same content with a new item id is a repeat too.
    """
    if desk.books.heard_before(f"{event.node}|{_object(event)}", event.item_id):
        if isinstance(event, RequestFailed):  # it may be told once more, with a new item id
            desk.picture.of(event.owner or "").error_repeats(content, now, REPEATED_WITHIN)
        return False
    keep_its_own_id(desk, event)
    tagged = _tagged(desk, now, event)
    if isinstance(event, RequestFailed):
        _on_error(desk, now, event, content, tagged)
    elif isinstance(event, UserChanged):
        return _on_user(desk, now, event, content, tagged)
    elif isinstance(event, DialogEvent):
        return _on_dialog(desk, now, event, content, tagged)
    else:
        mark_unknown(desk, now, sole(tagged), event)
    return True


def _object(event: Event) -> str:
    # One item may carry several dialogs: each is an event of its own.
    return event.dialog_id if isinstance(event, DialogEvent) else ""


def _tagged(desk: Desk, now: float, event: Event) -> list[Entry]:
    """Return the requests whose tag it bears (rules 3): on the agent's node, or its dialogs."""
    if event.request_id is None:
        return []
    found = bearers(desk, event)
    if not found:
        desk.books.keep_early(now, event)
    for entry in found:
        # An id that is used before we sent anything is somebody else's too.
        entry.id_repeated = entry.id_repeated or never_left(entry)
    return [entry for entry in found if not never_left(entry)]


def never_left(entry: Entry) -> bool:
    """Say whether nothing of a request has left this machine so far, or ever will."""
    rejected = entry.outcome is not None and entry.outcome.sent is False
    return rejected or entry.state is State.QUEUED


def bearers(desk: Desk, event: Event) -> list[Entry]:
    """Return the requests whose tag it may be (rules 3).

    On a colleague's node an id on a call that a request may join its own with, or that it may have
    made, names it not, for the colleague may use that id; it only makes another's
    ambiguous. An error is told to who asked, so that it is nobody else's on the call; nor is it
    another agent's work where it came with the colleague's own part that moved, and nothing else.
    """
    same = desk.books.with_id(event.request_id or "")
    if isinstance(event, RequestFailed) and event.owner is not None:
        return [each for each in same if each.agent == event.owner]
    if of_their_own(desk, event):
        same = [each for each in same if each.agent == event.owner]
    if not any(reaches(entry, event) for entry in same):
        return []
    return [each for each in same if reaches(each, event) or _may_reach(each, event)]


def _may_reach(entry: Entry, event: Event) -> bool:
    there: str | None = getattr(event, "dialog_id", None)
    if there is None:
        return False
    if there in entry.watched or may_join(entry, there):
        return True
    outcome = entry.outcome
    told = outcome.dialogs.new if outcome is not None else None
    undone = entry.sent_at is None or (outcome is not None and never_done(outcome))
    want = entry.case.expectation
    if isinstance(want, Barged) and isinstance(event, DialogEvent) and not undone:
        return is_on(want, event.dialog)  # it comes to that call
    unknown = not undone and (entry.case.claimed or told) is None
    return unknown and isinstance(event, DialogEvent) and may_make(entry, there, event.dialog)


def reaches(entry: Entry, event: Event) -> bool:
    """Say whether a tag on that event may be this request's: its agent's node, or its dialogs."""
    if event.owner == entry.agent:
        return True
    case, outcome = entry.case, entry.outcome
    ids = case.ids | case.behind | ({case.claimed} if case.claimed else set())
    if outcome is not None and outcome.dialogs.survivor:
        ids = ids | {outcome.dialogs.survivor}  # a call that it is told to have become (a barge)
    there = getattr(event, "dialog_id", None)
    secondary = event.dialog.secondary_id if isinstance(event, DialogEvent) else None
    return there in ids or secondary in ids


def sole(tagged: list[Entry]) -> Entry | None:
    """Return the one request that the tag names; a repeated id names nobody."""
    return tagged[0] if len(tagged) == 1 and not tagged[0].id_repeated else None


def _on_error(
    desk: Desk, now: float, event: RequestFailed, content: int, tagged: list[Entry]
) -> None:
    owner = sole(tagged)
    if owner is not None:
        own_error(desk, now, owner, event)
    elif event.request_id is None or tagged:
        picture = desk.picture.of(event.owner) if event.owner is not None else None
        told = picture is not None and picture.error_known(content)
        repeated = picture is not None and (
            picture.error_repeats(content, now, REPEATED_WITHIN)
            or (desk.succeeds(now) and picture.just_begun(now))  # told to an earlier process
            or (desk.succeeds(now) and now - picture.retold_at < REPEAT_WITHIN)
        )
        unsigned_error(desk, now, event, repeated=repeated, told=told)
        if tagged:  # two have that id: for all others it is another client's
            foreign(desk, event)
    else:
        foreign(desk, event)


def _on_user(desk: Desk, now: float, event: UserChanged, content: int, tagged: list[Entry]) -> bool:
    if event.owner is None:
        return True
    owner = of_its_own(desk, now, sole(tagged))
    if desk.picture.of(event.owner).user_repeats(event.user, content, now) and owner is None:
        published_again(desk, now, event.owner)
        return False
    concerned = [e for e in desk.books.of_user(event.owner) if e.on_the_wire]
    sight = Sight(How.CHANGED, event.owner, user=event.user, at=now)
    mark(desk, now, owner, event)
    before = desk.picture.of(event.owner).user
    desk.picture.of(event.owner).hear_user(event.user, now)
    published_again(desk, now, event.owner)
    judged = judge_all(desk, now, concerned, sight, owner, named=tagged)
    sent(desk, now, owner)
    if user_moved(before, event.user) and not judged.working and owner is None:
        for entry in concerned:
            entry.unexplained = True
    return True


def _on_dialog(
    desk: Desk, now: float, event: DialogEvent, content: int, tagged: list[Entry]
) -> bool:
    owner = sole(tagged)
    if owner is None and event.request_id is not None and not tagged:
        foreign(desk, event)
    if owner is None:
        for entry in tagged:  # two have that id: nobody knows whose work it is (rules 3, 5)
            entry.unexplained = True
    news = news_of(desk, now, event, content)
    if news is News.REPEAT and event.owner is not None:
        desk.picture.of(event.owner).republished_at = now
        published_again(desk, now, event.owner)
    if owner is None:
        nothing_new(desk.books.on_dialog(event.dialog_id), event, as_known(desk, event))
    if news is News.REPEAT and owner is None:
        return False
    mark(desk, now, owner, event)
    _follow(desk, event)
    concerned = concerned_by(desk, event, owner)
    again = told_before(desk, event, content)
    sight = Sight(
        how_of(event),
        event.owner,
        event.dialog,
        event.dialog_id,
        at=now,
        again=again,
        unknown=perhaps_told_before(desk, now, event),
    )
    _keep_company(desk, sight)
    before = as_known(desk, event)
    if owner is not None:
        known_to(desk, now, owner, event, settled=not owner.open)
    keep(
        desk, now, event, content, news, owner
    )  # first, for who goes out next is compared with this
    looking = concerned if news is News.NEW else [e for e in concerned if e is owner]
    signed = event.request_id is not None
    judged = judge_all(desk, now, looking, sight, owner, signed=signed, named=tagged)
    for entry in judged.proven:  # the next one that asks for it is compared with this
        known_to(desk, now, entry, event)
    sent(desk, now, owner)
    blind = joining_blindly(desk, event.owner, event.dialog_id)
    unexplained(concerned, event, before, judged.by(owner), blind=blind)
    return True


def _keep_company(desk: Desk, sight: Sight) -> None:
    """Let open conferences know who is on the agent's other calls."""
    for entry in desk.books.of(sight.owner) if sight.owner is not None else ():
        if isinstance(entry.case.expectation, Conferenced) and entry.on_the_wire:
            keep_company(entry.case, sight)


def how_of(event: DialogEvent) -> How:
    """Say in which way the event shows its dialog."""
    if isinstance(event, DialogRemoved):
        return How.REMOVED
    return How.ADDED if isinstance(event, DialogAdded) else How.CHANGED


def mark(desk: Desk, now: float, owner: Entry | None, event: Event) -> None:
    """Note that our id came back: it proves that the request was sent, nothing more (rules 3)."""
    if owner is None:
        return
    if owner.open:
        owner.tag_seen = True
        desk.reported(owner)
        if owner.tracked_by_id_alone:  # its effect is not known: no update proves it (rules 3)
            owner.weak = True
            owner.note(now, "update", f"{type(event).__name__} with its id")
    elif not _told_by_id(owner.outcome):
        dialog = event.dialog if isinstance(event, DialogEvent) else None
        desk.late(owner, Late(owner.key, "event", now, type(event).__name__, dialog=dialog))


def mark_unknown(desk: Desk, now: float, owner: Entry | None, event: Event) -> None:
    """Note our id on an update that tells nothing of any action that is known."""
    if owner is not None and owner.tracked_by_id_alone:
        mark(desk, now, owner, event)


def _told_by_id(outcome: Outcome | None) -> bool:
    # One action gives several events: after its effect, or its failure by id, more is no news.
    by_id = isinstance(outcome, Failed) and outcome.evidence is Evidence.REQUEST_ID
    return by_id or isinstance(outcome, Confirmed)


def sent(desk: Desk, now: float, owner: Entry | None) -> None:
    """Let count what was held for the caller's report: the tag says that it was sent (rules 8)."""
    if owner is not None and owner.open and owner.expected:
        release_held(desk, now, owner)
        desk.rearm(owner)


def _follow(desk: Desk, event: DialogEvent) -> None:
    """Let requests follow their dialog to the one that names it as its secondaryId (rule 6.3)."""
    fallen(desk, event)
    secondary = event.dialog.secondary_id
    if not secondary or isinstance(event, DialogRemoved):
        return
    for entry in desk.books.on_dialog(secondary):
        follow_into(desk, entry, event.owner, event.dialog, event.dialog_id)


def concerned_by(desk: Desk, event: DialogEvent, owner: Entry | None) -> list[Entry]:
    """Return the requests on the wire that an event about a dialog may concern."""
    found = {
        entry.key: entry
        for entry in desk.books.on_dialog(event.dialog_id, event.dialog.secondary_id)
        if entry.on_the_wire
    }
    if event.owner is not None:
        found |= {e.key: e for e in desk.books.unbound(event.owner) if e.on_the_wire}
    if event.owner is not None and isinstance(event, DialogRemoved):
        joins = (e for e in desk.books.of(event.owner) if may_join(e, event.dialog_id))
        found |= {e.key: e for e in joins if e.on_the_wire}
    if owner is not None and owner.on_the_wire:
        found[owner.key] = owner
    return list(found.values())


def judge_all(
    desk: Desk,
    now: float,
    concerned: list[Entry],
    sight: Sight,
    owner: Entry | None,
    *,
    signed: bool = False,
    named: Collection[Entry] = (),
) -> Judged:
    """Let each judge look; return those of our requests that explain the change.

    `signed`: some id is on it, so that a part of the values is that request's work. `named`: the
    requests whose id it is, open or settled; the `owner` is the one that it names for sure.
    """
    found: list[tuple[Entry, Finding, Sight]] = []
    tagged = sight if owner is None else replace(sight, tagged=True)
    elsewhere: list[Entry] = []
    for entry in concerned:
        survivor = isinstance(entry.case.expectation, SURVIVORS)
        if sight.owner != entry.agent and entry is not owner and not survivor:
            elsewhere.append(entry)
            continue  # the same change comes on the own node, where the baseline is from
        seen = tagged if entry is owner else sight
        entry.dialog = sight.dialog if entry.case.about(sight) else entry.dialog
        entry.user = sight.user or entry.user
        finding = judge(entry.case, seen)
        if finding.shown is Shown.PARTLY and signed and entry is not owner:
            continue
        found.append((entry, finding, seen))
    taken_elsewhere(elsewhere, found, sight, named)
    found = without_others_share(found, now, named)
    contests(found, now)
    keep_told(found)
    for entry, finding, seen in found:
        weigh(desk, now, entry, finding, seen)
        desk.rearm(entry)
    shown = [(each, how.shown) for each, how, _ in found if how.shown not in EXPLAINS_NOTHING]
    sure = [each for each, how in shown if how not in PERHAPS]
    return Judged([each for each, _ in shown], sure)
