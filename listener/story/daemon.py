"""A running daemon as a source of stories, over its local API.

Knows the API's client. The events of a time are found by their ids: the stream is asked for what is
behind a place, and the places are halved until the time is met.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from listener.errors import Problem
from listener.story.facts import (
    MOST_EVENTS,
    Asked,
    Facts,
    Heard,
    NothingKnown,
    Told,
    Wanted,
    around,
    dialogs_of,
    seconds,
)
from listener.story.near import near

if TYPE_CHECKING:
    from listener.client import Client

PATIENCE = 10.0
"""Seconds for one look into the stream."""
MOST_READ = 100_000
"""Events that are passed over to find those of one story."""
MOST_TAGS = 100
"""Ids heard that are asked for one by one."""
_LISTED = 1000
_NEIGHBOURS = 20
_NOT_FOUND = frozenset({400, 404, 422})
_HEARD = frozenset({"dialog", "user", "error", "gap"})


async def facts_of(client: Client, wanted: Wanted, now: float) -> Facts:
    """Return what the daemon knows of it; `now` in seconds since 1970.

    Raises NothingKnown, and what the client raises.
    """
    source = f"the daemon at {client.where}"
    chosen, more, listed = await _chosen(client, wanted, now)
    if not chosen and wanted.request is not None:
        raise NothingKnown(f"{source} knows no request {wanted.request}", _near(wanted, listed))
    owns = await _owns(client, {each["agent"] for each in chosen})
    deployment = await _deployment(client)
    asked = [replace(_asked(each, owns), deployment=deployment) for each in chosen]
    if wanted.request is not None:
        asked += _neighbours(asked, listed, owns)
    since, until = _window(wanted, tuple(asked), now)
    events, left_out, notes = await _events(client, wanted, tuple(asked), since, until)
    if wanted.request is None and len(listed) >= _LISTED:
        notes = (*notes, f"the daemon lists its newest {_LISTED:,} requests; older ones: --journal")
    if not asked and not events:
        raise NothingKnown(f"{source} knows nothing of {wanted.narrowed}", _near(wanted, listed))
    return Facts(
        source=source,
        requests=tuple(asked),
        events=tuple(events),
        more_requests=more,
        more_events=left_out,
        end=now,
        notes=notes,
        known=await _known(client, listed, events),
    )


async def _known(
    client: Client, listed: list[Told], events: list[Heard]
) -> dict[tuple[str | None, str], str]:
    """Return whose the ids on the events are, also those of other agents' requests."""
    found = {_id_of(each): str(each.get("requestedAction")) for each in listed}
    tags = list(dict.fromkeys(each.tag for each in events if each.tag))
    strange = [tag for tag in tags if not any(id_ == tag for _, id_ in found)]
    for tag in strange[:MOST_TAGS]:
        with suppress(Problem):  # no requestId of ours can look so
            ours = cast("list[Told]", await client.requests(request_id=tag, limit=_NEIGHBOURS))
            found |= {_id_of(each): str(each.get("requestedAction")) for each in ours}
    return found


def _id_of(told: Told) -> tuple[str | None, str]:
    return told.get("agent"), str(told.get("requestId"))


async def _deployment(client: Client) -> str | None:
    with suppress(Problem):
        return cast("str | None", (await client.info()).get("deployment"))
    return None


async def _chosen(client: Client, wanted: Wanted, now: float) -> tuple[list[Told], int, list[Told]]:
    if wanted.request is not None:
        return await _one(client, wanted.request, wanted.limit)
    listed = cast("list[Told]", await client.requests(agent=wanted.agent, limit=_LISTED))
    since, until = _window(wanted, (), now)
    found = [
        each
        for each in listed
        if (wanted.dialog is None or each.get("dialogId") == wanted.dialog)
        and since <= (seconds(each.get("submitted")) or 0.0) <= until
    ]
    return found[: wanted.limit], max(0, len(found) - wanted.limit), listed


async def _one(client: Client, id_: str, limit: int) -> tuple[list[Told], int, list[Told]]:
    found: list[Told] = []
    try:
        found = [cast("Told", await client.request(id_))]
    except Problem as problem:
        if problem.status not in _NOT_FOUND:
            raise
        with suppress(Problem):  # no requestId can look so
            found = cast("list[Told]", await client.requests(request_id=id_, limit=limit))
    agent = found[0]["agent"] if found else None
    listed = cast("list[Told]", await client.requests(agent=agent, limit=_LISTED))
    return found, 0, listed


def _near(wanted: Wanted, listed: list[Told]) -> tuple[str, ...]:
    if wanted.request is not None:
        ids = [(str(each[name]), _words(each, name)) for each in listed for name in _IDS]
        return near(wanted.request, ids)
    name = "dialogId" if wanted.dialog is not None else "agent"
    word = "dialog" if wanted.dialog is not None else "agent"
    known = [(str(each[name]), f"{word} {each[name]}") for each in listed if each.get(name)]
    return near(wanted.dialog or wanted.agent or "", known)


_IDS = ("id", "requestId")


def _words(told: Told, name: str) -> str:
    other = "requestId" if name == "id" else "id"
    on = f" on dialog {told['dialogId']}" if told.get("dialogId") else ""
    return (
        f"{told[name]} ({other} {told[other]}), {told.get('requestedAction')} of agent"
        f" {told.get('agent')}{on}"
    )


async def _owns(client: Client, agents: set[Any]) -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for agent in sorted(str(each) for each in agents):
        with suppress(Problem):  # it is not held any more
            found[agent] = (await client.agent(agent))["extension"]
    return found


def _asked(told: Told, owns: dict[str, str | None]) -> Asked:
    return Asked(told=told, own=owns.get(str(told.get("agent"))))


def _neighbours(asked: list[Asked], listed: list[Told], owns: dict[str, str | None]) -> list[Asked]:
    known = {each.key for each in asked}
    found: list[Asked] = []
    for told in listed:
        other = replace(_asked(told, owns), neighbour=True)
        end = other.settled if other.settled is not None else float("inf")
        near_by = any(
            other.submitted < (mine.settled or float("inf")) and end > mine.submitted
            for mine in asked
        )
        if other.key not in known and near_by and len(found) < _NEIGHBOURS:
            found.append(other)
    return found


def _window(wanted: Wanted, asked: tuple[Asked, ...], now: float) -> tuple[float, float]:
    if asked and (wanted.request is not None or (wanted.dialog and wanted.last is None)):
        since, until = around(asked, now)
        return since, min(until, now)
    until = wanted.until if wanted.until is not None else now
    if wanted.last is not None:
        return until - wanted.last, until
    return (wanted.since if wanted.since is not None else 0.0), until


# ---------------------------------------------------------------- the stream, read back


async def _events(
    client: Client, wanted: Wanted, asked: tuple[Asked, ...], since: float, until: float
) -> tuple[list[Heard], int, tuple[str, ...]]:
    place = await _place(client)
    if place is None:
        return [], 0, ("the daemon tells no place in its events; only requests are told",)
    epoch, last = place
    begin = await _first_at(client, epoch, last, since)
    agents = {each.agent for each in asked} | {wanted.agent}
    dialogs = frozenset[str]().union(*(dialogs_of(each) for each in asked))
    dialogs |= {wanted.dialog} if wanted.dialog is not None else set()
    found: list[Heard] = []
    left_out = read = 0
    notes: tuple[str, ...] = ()
    if begin >= last:
        return found, 0, notes
    async with client.events(after=f"{epoch}-{begin}") as events:
        try:
            async with asyncio.timeout(PATIENCE):
                async for event in events:
                    read += 1
                    heard = _heard(event.name, cast("Told", event.data))
                    if heard is not None and heard.at > until:
                        break
                    if heard is not None and (heard.agent in agents or heard.dialog in dialogs):
                        if len(found) < MOST_EVENTS:
                            found.append(heard)
                        else:
                            left_out += 1
                    number = _number(event.id)
                    if read >= MOST_READ:
                        notes = (f"only {MOST_READ:,} events of that time were looked through",)
                    if number is None or number >= last or notes:
                        break
        except TimeoutError:
            notes = ("the daemon did not tell all of its events in time",)
    return found, left_out, notes


def _heard(name: str, data: Told) -> Heard | None:
    at = seconds(data.get("at"))
    if name not in _HEARD or at is None:
        return None
    return Heard(at=at, name=name, agent=data.get("agent"), dialog=data.get("dialogId"), data=data)


async def _place(client: Client) -> tuple[str, int] | None:
    """Return the epoch and the number of the last event."""
    async with client.events() as events:
        first = asyncio.create_task(anext(events))
        try:
            async with asyncio.timeout(PATIENCE):
                while events.last_id is None and not first.done():  # noqa: ASYNC110  it tells nobody
                    await asyncio.sleep(0.01)
        except TimeoutError:
            return None
        finally:
            first.cancel()
            await asyncio.gather(first, return_exceptions=True)
        epoch, _, number = (events.last_id or "").rpartition("-")
    return (epoch, int(number)) if epoch and number.isdigit() else None


async def _first_at(client: Client, epoch: str, last: int, since: float) -> int:
    """Return a place behind which lie all events since a time that are still to be had."""
    low, high = 0, last
    while low < high:
        middle = (low + high) // 2
        at = await _time_behind(client, epoch, middle, last)
        if at is None or at < since:  # None: not kept any more
            low = middle + 1
        else:
            high = middle
    return low


async def _time_behind(client: Client, epoch: str, place: int, last: int) -> float | None:
    """Return when the event behind a place was; None when it is not kept."""
    if place >= last:
        return float("inf")
    async with client.events(after=f"{epoch}-{place}") as events:
        try:
            async with asyncio.timeout(PATIENCE):
                async for event in events:
                    if event.name == "reset":
                        return None
                    at = seconds(cast("Told", event.data).get("at"))
                    if at is not None:
                        return at
        except TimeoutError:
            return None
    return None


def _number(id_: str | None) -> int | None:
    number = (id_ or "").rpartition("-")[2]
    return int(number) if number.isdigit() else None
