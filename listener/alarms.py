"""Letting many ears hear of a signal at once, a few in each turn of the loop.

Knows ears and the tasks that tell them; knows nothing of what the signal means.
"""

from __future__ import annotations

import asyncio

from listener.crew import Ear
from listener.xmpp.session import Session

BATCH = 20  # agents that begin, end or lose their ears in one turn of the loop


class Alarms:
    """Those that are being told. Whoever owns it cancels and awaits `tasks` at the end."""

    def __init__(self) -> None:
        self.tasks: set[asyncio.Task[None]] = set()

    def __repr__(self) -> str:
        return f"<Alarms {len(self.tasks)} under way>"

    def signal(self, ears: tuple[Ear, ...], why: str) -> None:
        """Let these hear it, the first ones now and the others in the next turns of the loop."""
        for ear in ears[:BATCH]:
            ear.signal(why)
        if len(ears) > BATCH:
            rest = [(ear, ear.session) for ear in ears[BATCH:]]
            task = asyncio.create_task(_signal_rest(rest, why), name="alarm")
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)


async def _signal_rest(ears: list[tuple[Ear, Session | None]], why: str) -> None:
    for number, (ear, session) in enumerate(ears):
        if number % BATCH == 0:
            await asyncio.sleep(0)
        if ear.session is session:  # else it has a newer one, or none
            ear.signal(why)
