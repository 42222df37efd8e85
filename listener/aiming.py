"""Where one agent's sessions are made, and what became of those that were tried.

Between the link, which asks when and where, and the place, which knows how all nodes are. Knows no
picture of the agent, and not what is told to the service.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from listener.errors import (
    CertificateRefused,
    CredentialsRefused,
    ListenerError,
    NotFinesse,
    Unreachable,
)
from listener.whereabouts import Whereabouts
from listener.xmpp.contract import Endpoint
from listener.xmpp.parties import Aim, SessionLike
from listener.xmpp.policy import Remedy, classify
from listener.xmpp.session import Session

_ABOUT_THE_NODE = (Unreachable, NotFinesse, CertificateRefused)


class Aiming(Aim):
    """One agent's. `used` returns the session that is used now, if there is one.

    `waits` is told why it takes longer: no node may be used. `refused` hears that SASL refused what
    the agent signs in with.
    """

    def __init__(
        self,
        agent: str,
        place: Whereabouts,
        *,
        used: Callable[[], Session | None],
        waits: Callable[[ListenerError], None],
        refused: Callable[[CredentialsRefused], None],
    ) -> None:
        self.held = 0
        """How often a server refused our resource, for it held another session with it."""
        self._agent = agent
        self._place = place
        self._used = used
        self._waits = waits
        self._refused = refused
        self._made: Session | None = None  # the last one, which may be on its way
        self._missed: set[Endpoint] = set()  # where none could be made since one was up

    def __repr__(self) -> str:
        return f"<Aiming {self._agent}>"

    def made(self, session: Session) -> None:
        """Take note of a session that is about to be opened."""
        self.forget_made()
        self._made = session

    def forget_made(self) -> None:
        """Forget what was seen over a session that never came up, as when it was given up."""
        made, self._made = self._made, None
        if made is not None and made is not self._used():
            self._place.gone(self._agent, made.endpoint)

    def is_made(self, session: Session) -> bool:
        """Say whether that session is the last one that was made."""
        return session is self._made

    async def ready(self, waited: float) -> None:
        """Wait until a session may be made."""
        await self._place.ready(self._agent, waited=waited, told=self._waits)

    async def left(self, session: SessionLike) -> None:
        """Wait until all agents use another node than that session's."""
        if session is self._used():
            self.forget_made()
        await self._place.left(cast("Session", session).endpoint)

    def is_left(self, session: SessionLike) -> bool:
        """Say whether they do."""
        return self._place.is_left(cast("Session", session).endpoint)

    def missed(self, session: SessionLike, trouble: Exception) -> None:
        """Let the place know of a session that could not be made, if that may be the node's doing.

        A refused password and a conflict are this agent's own.
        """
        mine = cast("Session", session)
        endpoint = mine.endpoint
        self._missed.add(endpoint)
        self.held += mine.name_held
        if isinstance(trouble, CredentialsRefused):
            self._refused(trouble)
        if self._used() is not None and classify(trouble) is Remedy.STOP:
            self._place.rests(self._agent)  # it stays where it is
        if is_about_the_node(trouble):
            assert isinstance(trouble, ListenerError)
            self._place.refused(self._agent, endpoint, trouble)
        else:
            self._place.gone(self._agent, endpoint)

    def came(self) -> None:
        """Take note that a session is up: what was missed before counts no more."""
        self._missed.clear()

    def tried_all(self) -> bool:
        """Say whether there is nothing to wait for: no other node could give a session."""
        return self._place.tried_all(self._missed)

    def stayed(self) -> None:
        """Let the place know that no other session is waited for now."""
        self._place.rests(self._agent)


def is_about_the_node(trouble: Exception) -> bool:
    """Say whether a trouble may be the node's doing, and not the agent's own."""
    return isinstance(trouble, _ABOUT_THE_NODE)
