"""Reading the settings again: agents come, go and change without touching the others.

An invalid file changes nothing. Knows what can be changed while running; the rest is named.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

from listener import logs
from listener.alarms import BATCH
from listener.errors import ConfigurationError
from listener.roster import Roster
from listener.serving import Doors
from listener.settings import Changes, Settings, changes
from listener.settings.model import Agent
from listener.trust import Contexts, Trust
from listener.xmpp.link import LinkState

ANSWER_WITHIN = 5.0
"""Seconds for which a reload waits to hear what came of refused credentials tried again."""

_log = logs.get(__name__)


class Reloader:
    """Applies what changed in the settings. `again` reads them; None: there is no file.

    `trust` holds the certificates that are trusted; their file is read as well.
    """

    def __init__(
        self,
        settings: Settings,
        roster: Roster,
        doors: Doors,
        again: Callable[[], Settings] | None,
        trust: Trust,
    ) -> None:
        self._settings = settings
        self._roster = roster
        self._doors = doors
        self._again = again
        self._trust = trust
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

    async def reload(self, *, retry_refused: bool = False) -> dict[str, Any]:
        """Read the settings, the tokens and the trusted certificates, and apply what differs.

        Agents of the settings that only a person could help try once more, with what they had; but
        a password or token that Finesse refused is not tried again while it is the same, unless
        `retry_refused` says so: five refusals lock an account. Then Finesse's answers are waited
        for, 5 s at most. Connections that are up stay up, whatever is trusted now; where a
        certificate was refused and others are trusted now, it is tried again at once. Returns the
        agents "added", "removed" and "changed", those that try once more as "retried", those whose
        credentials wait as "refused", the keys that need a restart, and whether other certificates
        are trusted as "certificatesChanged".
        Raises ConfigurationError for settings that cannot work: nothing has changed then. Of each
        agent, what callers do meanwhile comes before it or after it, never in between.
        """
        if self._again is None:
            raise ConfigurationError("this daemon was not started from a settings file")
        async with self._one:
            new = await asyncio.to_thread(self._again)
            tokens = await asyncio.to_thread(self._doors.read_tokens)
            trusted = await asyncio.to_thread(Contexts.read, new.finesse.ca_file)
            self._check(new)
            found = changes(self._settings, new)
            self._doors.use(tokens)
            renewed = self._trust_in(trusted)
            await self._apply(found, new, plainly=retry_refused)
            retried = await self._retry_stopped(refused_too=retry_refused)
        if retry_refused:
            await self._decided(retried)
        held = {agent.id for agent in self._settings.agents}
        said = {
            "added": [agent.id for agent in found.added if agent.id in held],
            "removed": [agent.id for agent in found.removed],
            "changed": [change.agent.id for change in found.changed],
            "retried": retried,
            "refused": self._waiting(),
        }
        counts = {key: len(value) for key, value in said.items()}
        needed = list(found.restart_needed)
        _log.info(
            "settings.reloaded",
            **counts,
            restart_needed=len(needed),
            certificates_changed=renewed,
        )
        if needed:
            _log.warning("settings.postponed", keys=", ".join(needed))
        return {**said, "restartNeeded": needed, "certificatesChanged": renewed}

    def _trust_in(self, contexts: Contexts) -> bool:
        """Trust what was read; say whether these are other certificates than before."""
        finesse = self._settings.finesse.model_copy(update={"ca_file": contexts.ca_file})
        self._settings = self._settings.model_copy(update={"finesse": finesse})
        return self._trust.use(contexts)

    def _check(self, new: Settings) -> None:
        held = {id_.casefold(): id_ for id_ in self._roster.ears}
        configured = {agent.id for agent in self._settings.agents}
        for agent in new.agents:
            other = held.get(agent.id.casefold())
            if other is not None and other != agent.id and other not in configured:
                raise ConfigurationError(f"agents ({agent.id}): is held already as {other}")

    async def _apply(self, found: Changes, new: Settings, *, plainly: bool) -> None:
        """Do what was found; nothing in it can fail.

        Few agents in one turn of the loop, however many there are. Sessions are made anew one after
        the other, so that few agents are without one at a time. Where that is broken off, those
        whose turn did not come are as before, and the next reload finds them again.
        """
        old = {agent.id: agent for agent in self._settings.agents}
        undone = {agent.id: agent for agent in (*found.removed, *_wanted(found))}
        self._settings = self._settings.model_copy(update={"defaults": new.defaults})
        try:
            await self._at_once(found, undone, plainly=plainly)
            for agent in tuple(undone.values()):
                if agent.id in self._roster.ears:  # else a caller has ended it meanwhile
                    del undone[agent.id]
                    await self._roster.replace(agent, origin="configured", plainly=plainly)
                elif not self._clashes(agent):
                    del undone[agent.id]
            await self._roster.departed([agent.id for agent in found.removed])
        finally:
            # What only a restart takes up stays as it was, so that it is named the next time too.
            kept = [old.get(agent.id) if agent.id in undone else agent for agent in new.agents]
            still = (agent for agent in found.removed if agent.id in undone)
            agents = tuple(agent for agent in (*kept, *still) if agent is not None)
            self._settings = self._settings.model_copy(update={"agents": agents})

    async def _at_once(self, found: Changes, undone: dict[str, Agent], *, plainly: bool) -> None:
        """Do all that need not wait for a session; `undone` is what is left then."""
        number = 0
        for number, agent in enumerate(found.removed, 1):
            del undone[agent.id]
            if agent.id in self._roster.ears:
                self._roster.dismiss(agent.id)
            await _turn(number)
        keeps = {change.agent.id for change in found.changed if change.credentials_only}
        for place, agent in enumerate(_wanted(found), number + 1):
            if agent.id not in self._roster.ears:
                if not self._clashes(agent):
                    del undone[agent.id]
                    self._roster.add(agent, plainly=plainly)
            elif agent.id in keeps:
                del undone[agent.id]
                self._roster.change_credentials(
                    agent.id, password=agent.password, token=agent.token, plainly=plainly
                )
            await _turn(place)

    async def _retry_stopped(self, *, refused_too: bool) -> list[str]:
        """Let those agents of the settings try once more that only a person can help.

        One did, perhaps: the other client has gone; and with `refused_too`: the account was
        unlocked. Returns who does.
        """
        roster, retried = self._roster, list[str]()
        for agent in self._settings.agents:
            if (ear := roster.ears.get(agent.id)) is None:
                continue
            if not self._is_stuck(agent.id, refused_too=refused_too):
                continue
            if refused_too or not roster.is_refused(agent.id):
                roster.change_credentials(
                    agent.id,
                    password=ear.agent.password,
                    token=ear.agent.token,
                    plainly=refused_too,
                )
                retried.append(agent.id)
                await _turn(len(retried))
        return retried

    async def _decided(self, agents: list[str]) -> None:
        """Wait until Finesse has taken or refused these, so that the caller hears of it."""
        ears = [self._roster.ears[agent] for agent in agents if agent in self._roster.ears]
        with suppress(TimeoutError):
            async with asyncio.timeout(ANSWER_WITHIN):
                for ear in ears:
                    await ear.decided.wait()

    def _is_stuck(self, agent: str, *, refused_too: bool = False) -> bool:
        """Say whether only a person can help that agent, who is one of the settings."""
        roster = self._roster
        if agent not in roster.ears or roster.origin(agent) != "configured":
            return False
        if refused_too and roster.is_unheard(agent):
            return True
        return roster.ears[agent].status().state == LinkState.STOPPED or agent in roster.withheld

    def _waiting(self) -> list[str]:
        """Return the agents of the settings whose credentials wait because Finesse refused them."""
        ids = (agent.id for agent in self._settings.agents)
        return [id_ for id_ in ids if self._is_stuck(id_) and self._roster.is_refused(id_)]

    def _clashes(self, agent: Agent) -> bool:
        """Say whether a caller has added that agent meanwhile, spelt in another way."""
        return self._roster.holds(agent.id) and agent.id not in self._roster.ears


def _wanted(found: Changes) -> tuple[Agent, ...]:
    """Return the agents that are to be held in another way; a caller may have added new ones."""
    return (*(change.agent for change in found.changed), *found.added)


async def _turn(number: int) -> None:
    """Let the loop have a turn after so many agents: each has a task, all of which begin then."""
    if number % BATCH == 0:
        await asyncio.sleep(0)
