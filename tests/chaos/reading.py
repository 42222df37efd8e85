"""From the daemon's own words to the judge's account: resources, events, and what matches what.

The daemon's times are wall time to the millisecond, cut off; CLOCK_MONOTONIC is one clock for all
processes, and the difference of the two clocks is taken here and now. Judges nothing.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from listener.correlation.steps import Late
from listener.finesse.events import Event, events_of
from listener.finesse.wire import parse_update
from listener.telling import dialog_of, kind_of
from tests.chaos.asking import outcome_of
from tests.oracle import logins, table
from tests.oracle.account import Account, Heard

if TYPE_CHECKING:
    from pathlib import Path

    from listener.simulator.interfaces import Deed
    from tests.chaos.callers import Inquiry
    from tests.chaos.truth import Notes
    from tests.oracle.account import Asked, Parcel

Clock = Callable[[], float]

CLOSE = 0.02
"""Seconds by which two processes may differ about when something was: a millisecond cut off, twice,
and the time in which a turn of either loop goes by."""


def _wall() -> float:
    return datetime.now(UTC).timestamp()


def offset(wall: Clock = _wall, monotonic: Clock = time.monotonic) -> float:
    """Return wall time less monotonic time, as both are now.

    On a busy machine others may have their turn between two looks: of ten times the shortest
    counts.
    """
    looks = [(monotonic(), wall(), monotonic()) for _ in range(10)]
    before, there, after = min(looks, key=lambda look: look[2] - look[0])
    return there - (before + after) / 2


def moment(told: str | None, ahead: float) -> float | None:
    """Return a time of the daemon's on this process's clock."""
    if told is None:
        return None
    return datetime.fromisoformat(told).timestamp() + 0.0005 - ahead


TURNS = """SELECT requests.key, MIN(steps.at)
FROM steps JOIN requests ON requests.id = steps.request
WHERE steps.kind = 'going' AND steps.at >= ? GROUP BY requests.key"""


# -- requests -------------------------------------------------------------------------------------


def turns(journal: Path, since: float, ahead: float) -> dict[str, float]:
    """Return when the turn of each request came since a time, by its key, as the journal has it.

    From then on it holds its device (9); it leaves a moment later.
    """
    name = f"{journal.absolute().as_uri()}?mode=ro"
    with closing(sqlite3.connect(name, uri=True)) as book:
        rows = book.execute(TURNS, (int((since + ahead) * 1e6),)).fetchall()
    return {key: at / 1e6 - ahead for key, at in rows}


def take(account: Account, inquiry: Inquiry, ahead: float, turn: float | None) -> None:
    """Fill in what a resource says of a request, and add it to the account.

    `turn`: when its turn came, if that is known.
    """
    asked, resource = inquiry.asked, inquiry.resource
    assert resource is not None
    asked.key = resource["id"]
    submitted = moment(resource["submitted"], ahead)
    assert submitted is not None
    asked.submitted = submitted
    sends = inquiry.wish.mode != "expect"
    asked.sent = moment(resource["sent"], ahead) if sends else submitted
    asked.begun = asked.sent
    asked.turn = turn if sends and turn is not None else asked.sent
    asked.late = [
        Late(asked.key, each["kind"], submitted + each["at"], each["detail"])
        for each in resource["late"]
    ]
    asked.answered = moment(resource["answered"], ahead)
    told = resource["outcome"]
    if told is not None:
        asked.settled = moment(resource["settled"], ahead)
        asked.outcome = outcome_of(told)
        asked.times_settled = len(inquiry.outcomes)
        asked.status = told["status"] if asked.answered is not None else None
    doubtful = told is not None and any(s["what"] == "doubtful_answer" for s in told["seen"])
    asked.accepted = asked.status == 202 and not doubtful  # cut short behind its first line
    if not sends and inquiry.wish.deadline is None and asked.accepted:
        asked.length = table.length(asked.request, None, expected=False)
    account.asked.append(asked)


# -- deeds ----------------------------------------------------------------------------------------


def match(account: Account, inquiries: list[Inquiry]) -> list[Deed]:
    """Give each request the deeds that it made; return those of our callers that nobody made.

    By agent, requestId, action and dialog; where an id was used again, by the answer and the time
    of sending.
    """
    by_id: dict[tuple[str, str], list[Inquiry]] = defaultdict(list)
    for inquiry in inquiries:
        by_id[inquiry.asked.agent, inquiry.asked.request_id].append(inquiry)
    strays = []
    for deed in sorted(account.deeds, key=lambda each: each.received):
        if deed.client != "caller":
            continue
        owner = _owner(deed, by_id.get((deed.agent, deed.request_id or ""), []))
        if owner is None:
            strays.append(deed)
        else:
            owner.deeds.append(deed)
    return strays


def _owner(deed: Deed, found: list[Inquiry]) -> Asked | None:
    fitting = [
        inquiry.asked
        for inquiry in found
        if inquiry.id is not None
        and deed.action in {"", inquiry.asked.request.requested_action}
        and deed.dialog_id in {None, inquiry.asked.request.dialog_id}
    ]
    begun = [
        asked
        for asked in fitting
        if asked.begun is not None and asked.begun <= deed.received + CLOSE
    ]
    return min(
        begun or fitting,
        key=lambda asked: (
            bool(asked.deeds),
            _unlike(deed, asked),
            deed.received - (asked.begun or 0.0),
        ),
        default=None,
    )


def _unlike(deed: Deed, asked: Asked) -> bool:
    """Say whether Finesse's answer to the deed was another than the one that was read."""
    late = asked.answered is not None and deed.received > asked.answered + CLOSE
    return late or (None not in {deed.status, asked.status} and deed.status != asked.status)


# -- events ----------------------------------------------------------------------------------------


async def hear(
    account: Account,
    notes: Notes,
    events: list[tuple[str, dict[str, Any]]],
    downs: list[float],
    ahead: float,
) -> list[str]:
    """Fill in what the daemon says that it heard, and when sessions were up; return what is odd.

    `downs`: when a process ended, and its sessions with it.
    """
    odd: list[str] = []
    left = sorted(downs)
    for number, (name, data) in enumerate(events):
        if number % 20 == 0:
            await asyncio.sleep(0)  # the simulator lives in this loop, too
        at = moment(data.get("at"), ahead) or 0.0
        while left and left[0] < at:
            _deafen(account, left.pop(0))
        if name in {"dialog", "user", "error"}:
            heard = _heard(notes, name, data, at)
            if heard is None:
                odd.append(f"the daemon told an event that was never published: {data['itemId']}")
            else:
                heard.parcel.heard.append((heard.at, heard.agent))
                account.heard.append(heard)
        elif name == "session":
            _session(account, data, at)
    for down in left:
        _deafen(account, down)
    return odd


def _heard(notes: Notes, name: str, data: dict[str, Any], at: float) -> Heard | None:
    for parcel in notes.items.get(data["itemId"], ()):
        for event in _events(parcel, data["itemId"]):
            same = kind_of(event) == name and event.owner == data["agent"]
            if same and dialog_of(event) == data.get("dialogId") and event.node == data["node"]:
                return Heard(at, str(event.owner), event, parcel, first=True)
    return None


def _events(parcel: Parcel, item_id: str) -> list[Event]:
    return list(events_of(parse_update(parcel.payload), parcel.node, item_id))


def _session(account: Account, data: dict[str, Any], at: float) -> None:
    rows = account.live.setdefault(data["id"], [])
    up = bool(rows) and rows[-1][1] == float("inf")
    if data["live"] and not up:
        rows.append([at, float("inf")])
    elif not data["live"] and up:
        rows[-1][1] = at


def _deafen(account: Account, down: float) -> None:
    for rows in account.live.values():
        if rows and rows[-1][1] == float("inf"):
            rows[-1][1] = max(down, rows[-1][0])


# -- from one story to the next ------------------------------------------------------------------

KEPT = 60.0
"""Seconds of what was heard and published before that the next story's account begins with."""
LONG = 900.0
"""Seconds of the errors among it: the same one may be told again after a gap."""


def succeed(old: Account, seed: int, now: float) -> Account:
    """Return the account of the next story: what is still so, and what was heard a moment ago."""
    new = Account(seed, old.gate)
    since = now - KEPT
    for mine, theirs in ((new.up, old.up), (new.live, old.live)):
        for agent, rows in theirs.items():
            mine[agent] = [row for row in rows if row[1] >= since]
    new.history.calls = {
        id_: row for id_, row in old.history.calls.items() if row[-1][0] >= since or not over(row)
    }
    new.history.people = {id_: row[-20:] for id_, row in old.history.people.items()}
    new.parcels = [parcel for parcel in old.parcels if parcel.made >= since]
    new.heard = [
        h for h in old.heard if h.at >= since or (h.parcel.is_error and h.at >= now - LONG)
    ]
    new.before = [asked for asked in old.asked if (asked.settled or now) >= since]
    new.restarts = [row for row in old.restarts if row[1] >= since]
    new.slow = [row for row in old.slow if row[2] >= since]
    new.rest = [row for row in old.rest if row[1] >= since]
    new.outages = [row for row in old.outages if row[1] >= since]
    refusals = (logins.last_refusal(old, agent, now) for agent in old.up)
    new.gets = [got for got in refusals if got is not None]
    return new


def earlier(account: Account, notes: Notes) -> list[Parcel]:
    """Return what nodes had told before this account began, where some of theirs was not told now.

    For a call may last for longer than `KEPT`, and what its node says again of it is no news (4).
    """
    here = set(map(id, account.parcels))
    nodes = {parcel.node for parcel in account.parcels if parcel.published and not parcel.heard}
    return [
        parcel
        for parcel in notes.known()
        if parcel.heard and parcel.node in nodes and id(parcel) not in here
    ]


def over(row: list[Any]) -> bool:
    """Say whether a call has ended."""
    ended: bool = row[-1][1].over
    return ended
