"""The one question that changes something, as little as can be: a state that the agent has.

Asks through the program's own `Listener`, with sessions that send no presence and take their
subscriptions with them. Only after somebody has confirmed it.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from listener.assembly import Listener
from listener.doctor.seen import Heard
from listener.errors import ListenerError
from listener.finesse.actions.users import NotReady
from listener.settings import Presence

if TYPE_CHECKING:
    from listener.doctor.seen import UserSeen
    from listener.feed import EventStream
    from listener.settings import Settings

WITHIN = 10.0  # seconds from Finesse's 202
_SOME = 0.5  # seconds for events behind the outcome


def refusal(seen: UserSeen, dialogs: int) -> str | None:
    """Say why the question would not be harmless for this agent now, or None.

    Asking for the state and the reason that an agent has changes neither (guide p.348). Anybody
    else would be moved, or the change would wait for the end of a call.
    """
    if seen.state != "NOT_READY":
        return (
            f"the agent is {seen.state or 'in no known state'}; it is harmless in NOT_READY alone"
        )
    if dialogs:
        return "the agent has dialogs; it is harmless without a call alone"
    return None


def words(agent: str, seen: UserSeen) -> str:
    """Return what would be asked, for the operator who confirms it."""
    reason = f" with its reason {seen.reason_code}" if seen.reason_code else ""
    return f"ask Finesse for NOT_READY{reason}, the state that agent {agent} has"


async def hear(settings: Settings, agent: str, seen: UserSeen) -> Heard:
    """Ask for it and say what was heard; bounded by the settings' waits and `WITHIN`."""
    finesse = settings.finesse.model_copy(update={"presence": Presence.NONE})
    quiet = settings.only(agent).model_copy(update={"finesse": finesse})
    asked = words(agent, seen)
    request = NotReady(agent=agent, reason_code_id=seen.reason_code)
    loop = asyncio.get_running_loop()
    begun = loop.time()
    try:
        async with Listener.open(quiet) as listener:
            await listener.ready(agent)
            events = listener.events(agent)
            begun = loop.time()
            outcome = await listener.submit(request, deadline=WITHIN)
            count = await _count(events)
    except ListenerError as error:
        return Heard(asked, "not asked", detail=str(error), seconds=loop.time() - begun)
    evidence = getattr(outcome, "evidence", None)
    errors = [error.error_type or "an error" for error in getattr(outcome, "errors", ())]
    why = getattr(outcome, "reason", None)
    detail = ", ".join([*errors, *([f"reason {why}"] if why else [])])
    return Heard(
        asked,
        outcome.kind,
        str(evidence) if evidence is not None else None,
        detail,
        count,
        loop.time() - begun,
    )


async def _count(events: EventStream) -> int:
    """Count the events that were heard, and those of the next moment."""
    count = 0
    try:
        async with asyncio.timeout(_SOME):
            async for _ in events:
                count += 1
    except TimeoutError:
        pass
    return count
