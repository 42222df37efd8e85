"""What an event about a dialog adds to the pictures of the agents (rules of evidence 4)."""

from __future__ import annotations

from listener.correlation.ages import is_older
from listener.correlation.desk import Desk
from listener.correlation.entry import Entry
from listener.correlation.instants import CLOCKS_APART
from listener.correlation.picture import News
from listener.finesse.events import DialogAdded, DialogEvent, DialogRemoved
from listener.finesse.model import Dialog


def news_of(desk: Desk, now: float, event: DialogEvent, content: int) -> News:
    """Say whether it is news to the agent on whose node it came."""
    if event.owner is None or isinstance(event, DialogRemoved):
        return News.NEW
    added, signed = isinstance(event, DialogAdded), event.request_id is not None
    picture = desk.picture.of(event.owner)
    return picture.news(event.dialog_id, content, now, added=added, signed=signed)


def as_known(desk: Desk, event: DialogEvent) -> Dialog | None:
    """Return how that agent knew the dialog before."""
    if event.owner is None:
        return None
    known = desk.picture.of(event.owner).dialogs.get(event.dialog_id)
    return known.dialog if known is not None else None


def told_before(desk: Desk, event: DialogEvent, content: int, *, times: int = 1) -> bool:
    """Say whether that agent heard the dialog with the same content before, and so often."""
    owner, id_ = event.owner, event.dialog_id
    return owner is not None and desk.picture.of(owner).told(id_, content, times=times)


def perhaps_told_before(desk: Desk, now: float, event: DialogEvent) -> bool:
    """Say whether an earlier process may have heard it, and Finesse may publish again by now."""
    if event.owner is None:
        return False
    return desk.succeeds(now) and desk.picture.of(event.owner).just_begun(now)


def told_again(desk: Desk, event: DialogEvent, content: int) -> bool:
    """Say of an event that was heard whether that agent heard the same content more than once.

    Which of these it is nobody knows any more, and any but the first may be old news.
    """
    return told_before(desk, event, content, times=2)


def keep(  # noqa: PLR0917  # the last two are whose it is, and how new
    desk: Desk, now: float, event: DialogEvent, content: int, news: News, owner: Entry | None
) -> None:
    """Take it into the picture of the agent on whose node it came.

    Its data are in doubt where they may be old ones, published again: also to this process that an
    earlier one had heard, where neither a later state nor its own request tells that it is news.
    """
    if event.owner is None:
        return
    picture, known = desk.picture.of(event.owner), as_known(desk, event)
    ours = owner is not None and owner.open and not owner.restarted
    undated = known is not None and not is_older(known, event.dialog) and not ours
    if isinstance(event, DialogRemoved):
        picture.remove(event.dialog_id, now, event.dialog)
    elif picture.is_over(event.dialog_id, event.dialog):
        picture.gone.hear(event.dialog_id, content)
    else:
        picture.put(event.dialog_id, event.dialog, now)
        doubtful = news is News.DOUBTFUL or (undated and perhaps_told_before(desk, now, event))
        picture.remember(event.dialog_id, content, now, doubtful=doubtful)


def known_to(
    desk: Desk, now: float, owner: Entry, event: DialogEvent, *, settled: bool = False
) -> None:
    """Let the agent whose request it was know of it, though it came on a colleague's node first.

    What the agent sends next is compared with it. Behind the own node's word of it, only a state
    that is later by both nodes' clocks is news: the call may have become another one there since.
    So it is behind the request's end, as it was `settled` then, where the call was heard of since
    that one left, and behind a restart, for what is known of the call was read since.
    """
    if isinstance(event, DialogRemoved):
        return
    if owner.agent == event.owner:
        owner.heard_at_home |= {event.dialog_id}
        return
    picture = desk.picture.of(owner.agent)
    known = picture.dialogs.get(event.dialog_id)
    if known is None:
        return
    told = settled and known.at >= (owner.sent_at or 0.0)  # something of it since that one left
    behind = told or owner.restarted or event.dialog_id in owner.heard_at_home
    if not behind or is_older(known.dialog, event.dialog, CLOCKS_APART):
        picture.put(event.dialog_id, event.dialog, now, borrowed=True)
