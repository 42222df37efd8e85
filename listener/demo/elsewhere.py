"""A scene whose notifications go through another server than the simulator's own.

Knows what a stage asks of such a server beside publishing; builds none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Protocol, TypeAlias

from listener.simulator.interfaces import Notifications
from listener.simulator.xmpp_server import NotificationService

if TYPE_CHECKING:
    from pathlib import Path

    from listener.simulator.assembly import Simulator


class Elsewhere(Notifications, Protocol):
    """Notifications through another server; `ca_pem` is what its clients have to trust."""

    ca_pem: bytes

    async def cut(self, user: str) -> int:
        """Break the user's connections; return how many, once the server has noticed."""
        ...


MakeNotifications: TypeAlias = Callable[[Mapping[str, str]], Elsewhere]
"""Makes the notification side of a stage from the agents' passwords."""


async def cut(simulator: Simulator, agent: str) -> None:
    """Break the connection of the agent's session, whoever serves it."""
    notifications = simulator.notifications
    if isinstance(notifications, NotificationService):
        notifications.cut(agent)
    else:
        await notifications.cut(agent)


def write_ca(simulator: Simulator, elsewhere: Elsewhere | None, path: Path) -> Path:
    """Write the certificates that a listener has to trust, and return their path."""
    path.write_bytes(simulator.ca_pem + (elsewhere.ca_pem if elsewhere is not None else b""))
    return path
