"""The agents that are held: how their sessions are, what is known of them, who comes and goes.

Knows the listener's roster and what the service has in its pictures; nothing of requests.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta

from pydantic import SecretStr

from listener.assembly import Listener
from listener.chronicle import Chronicle
from listener.crew import AgentStatus
from listener.errors import (
    Closing,
    CredentialsRefused,
    InvalidRequest,
    ListenerError,
    UnknownAgent,
)
from listener.finesse.parsed import dialog_json, user_json
from listener.ledger import now_utc
from listener.named import agent_of
from listener.offers import AgentSignedIn, Resource
from listener.report import stamp
from listener.settings import Presence, Settings
from listener.settings.model import problem_with_id

_SIGNED_OUT = "LOGOUT"


class Agents:
    """The agents of a daemon, as callers see and change them."""

    def __init__(self, settings: Settings, listener: Listener, chronicle: Chronicle) -> None:
        self._settings = settings
        self._listener = listener
        self._service = listener.service
        self._chronicle = chronicle
        self._loop = asyncio.get_running_loop()

    def agents(self) -> list[Resource]:
        """Return all agents that are held."""
        return [self.agent_json(status) for status in self._listener.agents.values()]

    def agent(self, id_: str) -> Resource | None:
        """Return one agent; None when it is not held."""
        status = self._listener.agents.get(id_)
        return self.agent_json(status) if status is not None else None

    def agent_json(self, status: AgentStatus) -> Resource:
        """Return an agent's session as the API shows it."""
        picture = self._service.correlator.picture(status.agent)
        return {
            "id": status.agent,
            "state": status.state,
            "live": status.live,
            "node": status.host,
            "since": self._moment(status.since),
            "extension": self._listener.roster.extension(status.agent) or picture.extension,
            "origin": self._listener.roster.origin(status.agent),
            "lastGap": self._chronicle.gaps.get(status.agent),
            "lastError": status.last_error,
        }

    def _moment(self, at: float) -> str | None:
        if at <= 0:
            return None
        return stamp(now_utc() - timedelta(seconds=self._loop.time() - at))

    def dialogs(self, id_: str) -> Resource | None:
        """Return an agent's dialogs as last known, each with the time of that knowledge."""
        if id_ not in self._listener.agents:
            return None
        picture = self._service.correlator.picture(id_)
        times = [known.at for known in picture.dialogs.values()]
        newest = max([*times, picture.user_at, picture.live_since or 0.0])
        return {
            "agent": id_,
            "live": picture.live,
            "at": self._moment(newest),
            "user": user_json(picture.user) if picture.user is not None else None,
            "dialogs": [
                {**dialog_json(known.dialog), "at": self._moment(known.at)}
                for known in picture.dialogs.values()
            ],
        }

    async def put_agent(
        self,
        id_: str,
        *,
        password: SecretStr | None,
        token: SecretStr | None,
        extension: str | None,
    ) -> tuple[Resource, bool]:
        """Add an agent or change its credentials; True when it was added.

        Credentials stay in memory: after a restart only configured agents are there.
        """
        self._check_open()
        if problem := problem_with_id(id_):
            raise InvalidRequest(problem, field="id")
        if password is None and token is None:
            raise InvalidRequest("give the password or the token", field="password")
        self._check_spelling(id_)
        held = id_ in self._listener.roster.ears
        if held and extension in {None, self._listener.roster.extension(id_)}:
            self._listener.roster.change_credentials(id_, password=password, token=token)
        else:
            agent = agent_of(id_, password=password, token=token, extension=extension)
            if held:
                await self._listener.roster.replace(agent)
            else:
                self._listener.roster.add(agent, origin="api")
        shown = self.agent(id_)
        if shown is None:
            raise UnknownAgent(f"agent {id_} was removed by another call meanwhile")
        return shown, not held

    def _check_open(self) -> None:
        """Refuse changes that would be lost: the next process has been told of everything."""
        if self._service.closing:
            raise Closing("the daemon is shutting down, or handing over to its successor")

    def _check_spelling(self, id_: str) -> None:
        for held in self._listener.roster.ears:
            if held != id_ and held.casefold() == id_.casefold():
                raise InvalidRequest(f"this agent is held already, as {held}", field="id")

    async def remove_agent(self, id_: str, *, force: bool) -> bool:
        """End an agent's session; False when it is not held. Raises AgentSignedIn.

        A session without presence may end at any time: Finesse does not see it.
        """
        if id_ not in self._listener.roster.ears:
            return False
        self._check_open()
        seen = self._settings.finesse.presence is Presence.AVAILABLE
        if seen and not force and (why := await self._why_kept(id_)) is not None:
            raise AgentSignedIn(
                f"{why}, and this may be the only session: Finesse would sign the agent out 60 s"
                " later; sign out first, or use force=true"
            )
        self._check_open()  # Finesse was asked, and took its time
        if id_ in self._listener.roster.ears:
            await self._listener.roster.remove(id_)
        return True

    async def _why_kept(self, id_: str) -> str | None:
        """Say why an agent's session has to stay: signed in, or nobody knows; None: signed out."""
        picture = self._service.correlator.picture(id_)
        state = picture.user.state if picture.live and picture.user is not None else None
        if state:
            return None if state == _SIGNED_OUT else f"agent {id_} is signed in ({state})"
        trouble = self._listener.roster.ear(id_).trouble
        try:
            if isinstance(trouble, CredentialsRefused):
                raise trouble  # another try would count towards the lock of the account
            signed_in = await self._listener.wire.signed_in(id_)
        except ListenerError as why:
            return f"it is not known whether agent {id_} is signed in ({why})"
        return f"agent {id_} is signed in" if signed_in else None
