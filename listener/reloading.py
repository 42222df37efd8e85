"""Reading the settings again: agents come, go and change without touching the others.

An invalid file changes nothing. Knows what can be changed while running; the rest is named.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from listener import logs
from listener.errors import ConfigurationError
from listener.roster import Roster
from listener.serving import Doors
from listener.settings import Changes, Settings, changes
from listener.settings.model import Agent

_log = logs.get(__name__)


class Reloader:
    """Applies what changed in the settings. `again` reads them; None: there is no file."""

    def __init__(
        self,
        settings: Settings,
        roster: Roster,
        doors: Doors,
        again: Callable[[], Settings] | None,
    ) -> None:
        self._settings = settings
        self._roster = roster
        self._doors = doors
        self._again = again
        self._one = asyncio.Lock()

    @property
    def settings(self) -> Settings:
        """The settings that hold now."""
        return self._settings

    @asynccontextmanager
    async def none_now(self) -> AsyncIterator[None]:
        """Let no reload happen inside the block; waits for one that runs."""
        async with self._one:
            yield

    async def reload(self) -> dict[str, Any]:
        """Read the settings and the tokens, and apply what differs.

        Returns the agents "added", "removed" and "changed", and the keys that need a restart.
        Raises ConfigurationError for settings that cannot work: nothing has changed then. What
        callers do with agents meanwhile comes before it or after it, never in between.
        """
        if self._again is None:
            raise ConfigurationError("this daemon was not started from a settings file")
        async with self._one:
            new = await asyncio.to_thread(self._again)
            tokens = await asyncio.to_thread(self._doors.read_tokens)
            # From here to the first session that is made anew nothing waits, so that what was
            # checked still holds when it is done.
            self._check(new)
            found = changes(self._settings, new)
            self._doors.use(tokens)
            await self._apply(found, new)
        said = {
            "added": [agent.id for agent in found.added],
            "removed": [agent.id for agent in found.removed],
            "changed": [change.agent.id for change in found.changed],
            "restartNeeded": list(found.restart_needed),
        }
        _log.info("settings.reloaded", **{key: len(value) for key, value in said.items()})
        if found.restart_needed:
            _log.warning("settings.postponed", keys=", ".join(found.restart_needed))
        return said

    def _check(self, new: Settings) -> None:
        held = {id_.casefold(): id_ for id_ in self._roster.ears}
        configured = {agent.id for agent in self._settings.agents}
        for agent in new.agents:
            other = held.get(agent.id.casefold())
            if other is not None and other != agent.id and other not in configured:
                raise ConfigurationError(f"agents ({agent.id}): is held already as {other}")

    async def _apply(self, found: Changes, new: Settings) -> None:
        """Do what was found; nothing in it can fail.

        Sessions are made anew one after the other, so that few agents are without one at a time.
        Where that is broken off, those whose turn did not come are as before, and the next reload
        finds them again.
        """
        anew = self._at_once(found)
        old = {agent.id: agent for agent in self._settings.agents}
        self._settings = self._settings.model_copy(update={"defaults": new.defaults})
        try:
            for agent in anew.copy().values():
                del anew[agent.id]
                if agent.id in self._roster.ears:  # else a caller has ended it meanwhile
                    await self._roster.replace(agent, origin="configured")
            await self._roster.departed([agent.id for agent in found.removed])
        finally:
            # What only a restart takes up stays as it was, so that it is named the next time too.
            kept = (old.get(agent.id) if agent.id in anew else agent for agent in new.agents)
            agents = tuple(agent for agent in kept if agent is not None)
            self._settings = self._settings.model_copy(update={"agents": agents})

    def _at_once(self, found: Changes) -> dict[str, Agent]:
        """Do all that takes no time; return the agents whose sessions are to be made anew."""
        for agent in found.removed:
            if agent.id in self._roster.ears:
                self._roster.dismiss(agent.id)
        anew: dict[str, Agent] = {}
        for agent, keeps_session in (
            *((change.agent, change.credentials_only) for change in found.changed),
            *((agent, False) for agent in found.added),  # held already: a caller had added it
        ):
            if agent.id not in self._roster.ears:
                self._roster.add(agent)
            elif keeps_session:
                self._roster.change_credentials(
                    agent.id, password=agent.password, token=agent.token
                )
            else:
                anew[agent.id] = agent
        return anew
