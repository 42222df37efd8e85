"""Which sessions there are, and which of them a JID means.

Knows users, resources and availability; knows nothing of stanzas.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from listener.simulator.xmpp_stream import ClientStream


@dataclass(slots=True)
class Sessions:
    """The sessions there are, by user and by resource. Users compare without regard to case."""

    by_user: dict[str, dict[str, ClientStream]] = field(default_factory=dict)

    def add(self, stream: ClientStream) -> ClientStream | None:
        """Take a session in; return the one that had the same full JID until now."""
        mine = self.by_user.setdefault(str(stream.user).lower(), {})
        resource = str(stream.resource)
        old = mine.pop(resource, None)
        mine[resource] = stream
        return old

    def remove(self, stream: ClientStream) -> bool:
        """Let a session go; False when it was replaced, or never was one."""
        mine = self.by_user.get(str(stream.user).lower(), {})
        if mine.get(str(stream.resource)) is not stream:
            return False
        del mine[str(stream.resource)]
        if not mine:
            del self.by_user[str(stream.user).lower()]
        return True

    def of(self, user: str) -> list[ClientStream]:
        """Return the sessions of a user."""
        return list(self.by_user.get(user.lower(), {}).values())

    def available(self, user: str) -> list[ClientStream]:
        """Return the sessions of a user that have sent presence, whatever its priority."""
        return [stream for stream in self.of(user) if stream.priority is not None]

    def reachable(self, user: str) -> list[ClientStream]:
        """Return the sessions that hear what is sent to the user's bare JID."""
        return [s for s in self.available(user) if (s.priority or 0) >= 0 and s.outlet.open]

    def at(self, jid: str) -> ClientStream | None:
        """Return the session of a full JID."""
        bare, _, resource = jid.partition("/")
        return self.by_user.get(bare.partition("@")[0].lower(), {}).get(resource)

    def all(self) -> list[ClientStream]:
        """Return every session."""
        return [stream for mine in self.by_user.values() for stream in mine.values()]
