"""What happened around one request, line by line: for people who look at a find."""

from __future__ import annotations

from typing import TYPE_CHECKING

from listener.finesse.events import DialogEvent, RequestFailed, UserChanged
from tests.oracle.judge import describe

if TYPE_CHECKING:
    from listener.finesse.events import Event
    from tests.oracle.account import Account, Asked


def explain(account: Account, asked: Asked) -> str:
    """Return everything that its agent asked and heard while it was open, in order."""
    begin = asked.submitted - 25.0
    end = (asked.settled or account.ended) + 3.0
    lines: list[tuple[float, str]] = []
    for each in account.asked:
        if each.agent == asked.agent or each.request.dialog_id == asked.request.dialog_id:
            lines += _request(each)
    for deed in account.deeds:
        if deed.client == "desktop":
            lines.append(
                (
                    deed.received,
                    f"DESKTOP {deed.agent} {deed.action} {deed.dialog_id} id="
                    f"{deed.request_id} effect={deed.effect} at={deed.effect_at} {deed.error}",
                )
            )
    lines += [
        (
            heard.at,
            f"  heard by {heard.agent}{'' if heard.first else ' (repeat)'}: {_event(heard.event)}"
            f" made {heard.parcel.made:.3f} cause {_cause(account, heard.parcel.cause)}",
        )
        for heard in account.heard
        if heard.agent == asked.agent
        or getattr(heard.event, "dialog_id", 0) == asked.request.dialog_id
    ]
    for got in account.gets:
        lines.append((got.sent, f"  GET {got.path} answered {got.answered} {got.status}"))
    for what, table in (("session", account.up), ("live", account.live)):
        for a, b in table.get(asked.agent, ()):
            lines += [(a, f"  {what} begins"), (b, f"  {what} ends")]
    for killed, started in account.restarts:
        lines.append((killed, f"KILLED, again at {started}"))
    for a, b in account.outages:
        lines.append((a, f"OUTAGE until {b}"))
    for id_ in _objects(account, asked):
        for at, view in account.history.calls.get(id_, ()):
            lines.append(
                (
                    at,
                    f"    TRUE {id_} {view.state} {dict(view.parties)} {view.secondary or ''}"
                    f"{' over' if view.over else ''}",
                )
            )
    for at, person in account.history.people.get(asked.agent, ()):
        lines.append((at, f"    TRUE {asked.agent} {tuple(person)}"))
    return "\n".join(f"{at:9.3f} {words}" for at, words in sorted(lines) if begin <= at <= end)


def _objects(account: Account, asked: Asked) -> list[str]:
    from tests.oracle.effects import family  # noqa: PLC0415  for people, not for the judge

    found = family(account.history, asked.request.dialog_id)
    for deed in asked.deeds:
        if deed.new_dialog_id:
            found.append(deed.new_dialog_id)
    return found


def _request(each: Asked) -> list[tuple[float, str]]:
    name = f"step {each.step} {each.action} {each.agent} {each.request.dialog_id or ''}"
    deed = each.deed
    truth = "-" if deed is None else f"effect {deed.effect} at {deed.effect_at} {deed.error or ''}"
    rows = [
        (
            each.submitted,
            f"ASK {name} id={each.request_id} {each.mode} {each.minimum}"
            f" length {each.length} {each.request!r} faults {each.faults}",
        )
    ]
    if each.begun is not None:
        rows.append((each.begun, f"go  {name}"))
    if each.answered is not None:
        rows.append((each.answered, f"got {name}: {each.status}"))
    if deed is not None:
        rows.append((deed.received, f"deed {name}: {truth} new {deed.new_dialog_id}"))
    if each.settled is not None:
        rows.append(
            (each.settled, f"OUT {name}: {describe(each)} {getattr(each.outcome, 'seen', '')}")
        )
    return rows


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
