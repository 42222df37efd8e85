"""What happened around one request, line by line: for people who look at a find."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from listener.finesse.events import DialogEvent, RequestFailed, UserChanged
from tests.oracle.effects import family
from tests.oracle.judge import describe

if TYPE_CHECKING:
    from listener.finesse.events import Event
    from tests.oracle.account import Account, Asked

Line = tuple[float, str]
BEFORE, AFTER = 25.0, 3.0  # seconds around a request


def explain(account: Account, asked: Asked) -> str:
    """Return everything that its agent asked and heard while it was open, in order."""
    begin = asked.submitted - BEFORE
    end = (asked.settled or account.ended) + AFTER
    parts = (_requests, _desktop, _heard, _network, _truth)
    lines = sorted(line for part in parts for line in part(account, asked))
    return "\n".join(f"{at:9.3f} {words}" for at, words in lines if begin <= at <= end)


def _requests(account: Account, asked: Asked) -> Iterator[Line]:
    for each in account.asked:
        if each.agent == asked.agent or each.request.dialog_id == asked.request.dialog_id:
            yield from _request(each)


def _request(each: Asked) -> Iterator[Line]:
    name = f"step {each.step} {each.action} {each.agent} {each.request.dialog_id or ''}"
    how = f"id={each.request_id} {each.mode} {each.minimum} length {each.length}"
    yield each.submitted, f"ASK {name} {how} {each.request!r} faults {each.faults}"
    if each.begun is not None:
        yield each.begun, f"go  {name}"
    if each.answered is not None:
        yield each.answered, f"got {name}: {each.status}"
    if (deed := each.deed) is not None:
        truth = f"effect {deed.effect} at {deed.effect_at} {deed.error or ''}"
        yield deed.received, f"deed {name}: {truth} new {deed.new_dialog_id}"
    if each.settled is not None:
        seen = getattr(each.outcome, "seen", "")
        yield each.settled, f"OUT {name}: {describe(each)} {seen}"


def _desktop(account: Account, _asked: Asked) -> Iterator[Line]:
    for deed in account.deeds:
        if deed.client == "desktop":
            what = f"{deed.agent} {deed.action} {deed.dialog_id} id={deed.request_id}"
            yield deed.received, f"DESKTOP {what} effect={deed.effect} {deed.error or ''}"


def _heard(account: Account, asked: Asked) -> Iterator[Line]:
    dialog = asked.request.dialog_id
    for heard in account.heard:
        about = dialog is not None and getattr(heard.event, "dialog_id", None) == dialog
        if heard.agent == asked.agent or about:
            again = "" if heard.first else " (repeat)"
            cause = _cause(account, heard.parcel.cause)
            words = f"{_event(heard.event)} made {heard.parcel.made:.3f} cause {cause}"
            yield heard.at, f"  heard by {heard.agent}{again}: {words}"


def _network(account: Account, asked: Asked) -> Iterator[Line]:
    for got in account.gets:
        yield got.sent, f"  GET {got.path} answered {got.answered} {got.status}"
    for what, table in (("session", account.up), ("live", account.live)):
        for begin, end in table.get(asked.agent, ()):
            yield begin, f"  {what} begins"
            yield end, f"  {what} ends"
    for killed, started in account.restarts:
        yield killed, f"KILLED, again at {started}"
    for begin, end in account.outages:
        yield begin, f"OUT OF SERVICE until {end}"


def _truth(account: Account, asked: Asked) -> Iterator[Line]:
    made = [deed.new_dialog_id for deed in asked.deeds if deed.new_dialog_id]
    for id_ in [*family(account.history, asked.request.dialog_id), *made]:
        for at, view in account.history.calls.get(id_, ()):
            over = " over" if view.over else ""
            joined = view.secondary or ""
            yield at, f"    TRUE {id_} {view.state} {dict(view.parties)} {joined}{over}"
    for at, person in account.history.people.get(asked.agent, ()):
        yield at, f"    TRUE {asked.agent} {tuple(person)}"


def _cause(account: Account, deed: object) -> str:
    if deed is None:
        return "nobody"
    for each in account.asked:
        if any(one is deed for one in each.deeds):
            return f"step {each.step}"
    return "desktop"


def _event(event: Event) -> str:
    tag = f" tag={event.request_id}" if event.request_id else ""
    if isinstance(event, DialogEvent):
        parties = {p.media_address: p.state for p in event.dialog.participants}
        return f"{type(event).__name__} {event.dialog_id} {event.dialog.state} {parties}{tag}"
    if isinstance(event, RequestFailed):
        text = event.errors[0].error_message if event.errors else ""
        return f"ERROR on {event.dialog_id or event.user_id}: {text}{tag}"
    if isinstance(event, UserChanged):
        user = event.user
        return f"USER {user.state} pending {user.pending_state} {user.state_change_time}{tag}"
    return f"{type(event).__name__}{tag}"
