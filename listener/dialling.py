"""How an agent's sessions are made: where, with what, under which name, and how many at once.

Knows the settings and the names of sessions; who is held is `roster`'s, and what is done with a
session `crew`'s.
"""

from __future__ import annotations

import re
import secrets
import ssl
from collections.abc import Callable

from listener import wiring
from listener.crew import Ear
from listener.service import Service
from listener.settings import Presence, Settings
from listener.signing import Signing
from listener.whereabouts import Whereabouts
from listener.xmpp.handshakes import Handshakes
from listener.xmpp.link import Link
from listener.xmpp.policy import Backoff
from listener.xmpp.session import Session
from listener.xmpp.stanzas import RESOURCE_PREFIX, make_resource

MAX_HANDSHAKES = 50  # at once, of all agents together


class Dialling:
    """Makes the links and the sessions of all agents.

    `tls` returns the context for a session that is made now; `chance` a number from 0 to 1.
    """

    def __init__(
        self,
        settings: Settings,
        where: Whereabouts,
        signing: Signing,
        *,
        tls: Callable[[], ssl.SSLContext],
        service: Callable[[], Service],
        backoff: Backoff,
        chance: Callable[[], float],
    ) -> None:
        self._timings = wiring.session_timings(settings)
        self._presence = settings.finesse.presence is Presence.AVAILABLE
        self._where = where
        self._signing = signing
        self._tls = tls
        self._service = service
        self._backoff = backoff
        self._chance = chance
        self._handshakes = Handshakes(MAX_HANDSHAKES, self._timings.connect, lambda: where.node)
        self.home = ""
        """What this process has in common with those before and after it, and with no other; empty
        where there is no such thing. It stands in the resources of all its sessions."""
        self.token = secrets.token_hex(4)
        """In the same place: what it has for itself alone."""
        self.spared: set[str] = set()
        """Tokens of another process that holds the same agents at this moment."""

    def __repr__(self) -> str:
        return f"<Dialling {self._handshakes!r}>"

    def link(self, ear: Ear) -> Link:
        """Return the link that keeps an agent's sessions."""
        return Link(
            ear.agent.id,
            make_session=lambda: self._session(ear),
            events=ear,
            backoff=self._backoff,
            gate=self._handshakes,
            random=self._chance,
            aim=ear.aim,
        )

    def _session(self, ear: Ear) -> Session:
        agent, place = ear.agent.id, self._where.endpoint
        node = self._where.name_of(place)
        made = Session(
            agent,
            lambda: self._signing.for_sasl(ear.agent),
            place,
            tls=self._tls(),
            resource=self._resource(agent, self.token, ear.aim.held),
            on_notification=lambda heard: self._service().hear(heard, node),
            on_finesse_presence=lambda available: ear.presence(made, available=available),
            timings=self._timings,
            presence=self._presence,
            stale=lambda resource: self.is_stale(ear, resource),
        )
        ear.aim.made(made)
        return made

    def _resource(self, agent: str, token: str, held: int = 0) -> str:
        return make_resource(agent, f"{self.home}-{token}" if self.home else token, held)

    def is_stale(self, ear: Ear, resource: str) -> bool:
        """Say whether that resource is dead: an earlier process's of this home, or left by us."""
        agent = ear.agent.id
        if not self.home or not resource.startswith(f"{RESOURCE_PREFIX}{self.home}-"):
            return False
        if resource == self._resource(agent, self.token, ear.aim.held):
            return False
        names = (re.escape(self._resource(agent, token)) for token in self.spared)
        return not any(re.fullmatch(rf"{name}(\.\d+)?", resource) for name in names)
