"""What the drop-in stands on: fulfils `dropin.contract.Tracker`.

Tracks requests that the drop-in sends itself, and holds sessions for those who send. Knows no HTTP.
"""

from __future__ import annotations

import asyncio
from typing import Any

from pydantic import SecretStr

from listener.assembly import Listener
from listener.errors import Closing, NotAccepted
from listener.finesse.actions.request import Request
from listener.named import agent_of
from listener.report import record_json
from listener.terms import Sender, Wishes
from listener.ticket import Ticket

ORIGIN = "dropin"


class Tracking:
    """Requests and sessions of those who use the daemon in place of Finesse.

    `max_sessions`: how many sessions may be held on demand.
    """

    def __init__(self, listener: Listener, *, max_sessions: int) -> None:
        self._listener = listener
        self._service = listener.service
        self._roster = listener.roster
        self._max_sessions = max_sessions

    def __repr__(self) -> str:
        return f"<Tracking {self._roster.count(ORIGIN)} sessions on demand>"

    @property
    def deployment(self) -> str | None:
        """UCCE, UCCX or None when not known yet."""
        return self._service.deployment

    async def forward(self, request: Request, wishes: Wishes, sender: Sender) -> Ticket:
        """Register a request, keep its intent, and let `sender` put it on the wire at once.

        `sender` calls what it is given in the moment before the first byte may leave.
        Returns as soon as it is registered and kept, and sending has begun. Raises NotAccepted;
        then `sender` was not and will not be called.
        """
        ticket = self._service.forward(request, wishes, sender, tells=True)
        await ticket.kept()
        return ticket

    def resource(self, ticket: Ticket) -> dict[str, Any]:
        """Return the request as the API shows it."""
        return record_json(ticket.record, ticket.state, self._service.deployment)

    # -- sessions ---------------------------------------------------------------------------

    def live(self, agent: str) -> bool:
        """Say whether a session hears that agent."""
        ear = self._roster.ears.get(agent)
        return ear is not None and ear.up.is_set()

    def held(self, agent: str) -> bool:
        """Say whether there is a session, up or not, for that agent."""
        return agent in self._roster.ears

    def agent_with(self, extension: str) -> str | None:
        """Return the agent whose extension that is, None when nobody's or more than one's."""
        found = [id_ for id_ in self._roster.ears if extension in self._extensions(id_)]
        return found[0] if len(found) == 1 else None

    def _extensions(self, agent: str) -> set[str | None]:
        heard = self._service.correlator.picture(agent).extension
        return {self._roster.extension(agent), heard}

    async def hold(self, agent: str, password: SecretStr) -> None:
        """Begin a session for an agent that is not configured; returns at once.

        One that is held on demand gets the new password. Raises NotAccepted when there are too
        many, and InvalidRequest for an id that cannot be one.
        """
        if agent in self._roster.ears:
            if self._roster.origin(agent) == ORIGIN:
                self._roster.change_credentials(agent, password=password, token=None)
            return
        if self._service.closing:
            raise Closing("the daemon is shutting down, or handing over to its successor")
        if self._roster.count(ORIGIN) >= self._max_sessions:
            raise NotAccepted(
                f"{self._max_sessions} sessions are held on demand, which is the limit"
                " (dropin.max_sessions)"
            )
        self._roster.add(agent_of(agent, password=password), origin=ORIGIN)

    def withhold(self, agent: str) -> None:
        """Use the password of a session on demand no more, until `hold` brings one again."""
        if agent in self._roster.ears and self._roster.origin(agent) == ORIGIN:
            self._roster.withhold_credentials(agent)

    async def release(self, agent: str) -> None:
        """End a session that was begun on demand; others are left alone."""
        if agent in self._roster.ears and self._roster.origin(agent) == ORIGIN:
            await self._roster.remove(agent)

    def on_demand(self) -> tuple[str, ...]:
        """Return the agents whose sessions were begun on demand."""
        return tuple(id_ for id_ in self._roster.ears if self._roster.origin(id_) == ORIGIN)

    def user_state(self, agent: str) -> str | None:
        """Return the agent's state as last known while the session hears; None: not known."""
        picture = self._service.correlator.picture(agent)
        return picture.user.state if picture.live and picture.user is not None else None

    async def ready(self, agent: str, within: float) -> bool:
        """Wait until that agent's session hears; False when it does not within those seconds."""
        ear = self._roster.ears.get(agent)
        if ear is None:
            return False
        try:
            async with asyncio.timeout(within):
                await ear.decided.wait()
        except TimeoutError:
            return False
        return ear.up.is_set()
