"""What the drop-in needs from the rest of the daemon; `tracking` fulfils it."""

from __future__ import annotations

from typing import Protocol

from pydantic import SecretStr

from listener.finesse.actions.request import Request
from listener.terms import Sender, Wishes
from listener.ticket import Ticket


class Tracker(Protocol):
    """Tracking of requests that the drop-in sends itself, and sessions for those who send."""

    @property
    def deployment(self) -> str | None:
        """UCCE, UCCX or None when not known yet."""
        ...

    async def forward(self, request: Request, wishes: Wishes, sender: Sender) -> Ticket:
        """Register a request, keep its intent, and let `sender` put it on the wire at once.

        Returns as soon as it is registered and sending has begun. Never held back by the gate.
        Raises NotAccepted; then `sender` was not and will not be called.
        """
        ...

    def live(self, agent: str) -> bool:
        """Say whether a session hears that agent."""
        ...

    def held(self, agent: str) -> bool:
        """Say whether there is a session, up or not, for that agent."""
        ...

    def agent_with(self, extension: str) -> str | None:
        """Return the agent whose extension that is, None when nobody's or more than one's."""
        ...

    async def hold(self, agent: str, password: SecretStr) -> None:
        """Begin a session for an agent that is not configured; returns at once.

        The agent need not be signed in (the sign-in is a request, too). Where a session was begun
        so already, it goes on with the new password. Raises NotAccepted when there are too many,
        and InvalidRequest for what cannot be an agent's id.
        """
        ...

    def withhold(self, agent: str) -> None:
        """Use the password no more that `hold` was given, until `hold` brings one again.

        The session that is up stays; no other is tried, and nothing is asked in its name. Sessions
        that were not begun by `hold` are left alone.
        """
        ...

    async def release(self, agent: str) -> None:
        """End a session that `hold` began; all others are left alone."""
        ...

    def on_demand(self) -> tuple[str, ...]:
        """Return the agents whose sessions `hold` began."""
        ...

    def user_state(self, agent: str) -> str | None:
        """Return the agent's state as known while the session hears, None when it is not known."""
        ...

    async def ready(self, agent: str, within: float) -> bool:
        """Wait until that agent's session hears; False when it does not within those seconds."""
        ...
