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
        Raises ConfigurationError for settings that cannot work: nothing has changed then.
        """
        if self._again is None:
            raise ConfigurationError("this daemon was not started from a settings file")
        async with self._one:
            new = await asyncio.to_thread(self._again)
            self._check(new)
            self._doors.reload()
            found = changes(self._settings, new)
            await self._apply(found)
            # What only a restart takes up stays as it was, so that it is named the next time too.
            self._settings = self._settings.model_copy(
                update={"agents": new.agents, "defaults": new.defaults}
            )
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

    async def _apply(self, found: Changes) -> None:
        for agent in found.removed:
            if agent.id in self._roster.ears:
                await self._roster.remove(agent.id)
        for change in found.changed:
            agent = change.agent
            if agent.id in self._roster.ears and change.credentials_only:
                self._roster.change_credentials(
                    agent.id, password=agent.password, token=agent.token
                )
            elif agent.id in self._roster.ears:
                await self._roster.replace(agent)
            else:
                self._roster.add(agent)
        for agent in found.added:
            if agent.id in self._roster.ears:  # was added by a caller; the file's word counts now
                await self._roster.replace(agent)
            else:
                self._roster.add(agent)
