"""Who calls: a token's name or a socket peer's uid, and what they may do. Plain values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Scope(StrEnum):
    """What a caller may do. `admin` includes the others, `request` includes `read`."""

    READ = "read"
    REQUEST = "request"
    ADMIN = "admin"


_INCLUDED = {
    Scope.READ: frozenset({Scope.READ}),
    Scope.REQUEST: frozenset({Scope.READ, Scope.REQUEST}),
    Scope.ADMIN: frozenset(Scope),
}


def with_included(*scopes: Scope) -> frozenset[Scope]:
    """Return these scopes with those that they include."""
    return frozenset().union(*(_INCLUDED[scope] for scope in scopes))


@dataclass(frozen=True, slots=True)
class Peer:
    """How a connection came in: `uid` of the process at a Unix socket, None over TCP."""

    unix: bool
    uid: int | None = None
    address: str | None = None


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks. `name` stands in resources, the journal and the log: "crm", "uid:1000".

    `scopes` has the included ones as well (`with_included`).
    """

    name: str
    scopes: frozenset[Scope]

    def may(self, scope: Scope) -> bool:
        """Say whether the caller has that scope."""
        return scope in self.scopes
