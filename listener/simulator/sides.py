"""The nodes of one deployment as Finesse's own web applications: a state each, one truth for all.

Knows which node speaks now and through which publisher; knows nothing of ports or of connections.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from listener.simulator.interfaces import Publisher

IN_SERVICE = "IN_SERVICE"


@dataclass(slots=True, eq=False)
class Side:
    """One node: where it publishes, what it calls itself, and how it is.

    `status` is what its SystemInfo says. `running`: its web application is up. `has_cti`: its link
    to the CTI server works, whatever its status still says.
    """

    publisher: Publisher
    domain: str
    pubsub_domain: str
    status: str = IN_SERVICE
    running: bool = True
    has_cti: bool = True

    @property
    def speaks(self) -> bool:
        """Whether it publishes what happens on the switch."""
        return self.running and self.has_cti and self.status == IN_SERVICE


class Sides(tuple[Side, ...]):
    """All nodes of the deployment, the primary first; sessions of a pair count together."""

    __slots__ = ()

    def present(self, user: str) -> bool:
        """Say whether the user is available at any node."""
        return any(side.publisher.present(user) for side in self)

    @property
    def running(self) -> bool:
        """Whether the web application of any node runs."""
        return any(side.running for side in self)
