"""The configured nodes of one deployment, and which of them is asked first.

Knows addresses; knows nothing of connections. Shared by those that talk to the same deployment.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from listener.errors import ConfigurationError
from listener.rest.checks import node_origin

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence


class Nodes:
    """Addresses such as https://finesse1.example.com:8445, the preferred one first.

    Raises ConfigurationError for addresses that cannot work, and when there is none.
    """

    def __init__(self, nodes: Sequence[str]) -> None:
        self._all = tuple(dict.fromkeys(node_origin(node) for node in nodes))
        if not self._all:
            raise ConfigurationError("at least one Finesse node is needed")
        self._first = self._all[0]
        self._own: dict[str, str] = {}  # by agent
        self._doubt: Callable[[str], None] | None = None

    def __repr__(self) -> str:
        return f"<Nodes {', '.join(self.order())}>"

    def __iter__(self) -> Iterator[str]:
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._all)

    def known(self, node: str) -> str:
        """Return a node's address as it is kept; ConfigurationError when it is not configured."""
        origin = node_origin(node)
        if origin not in self._all:
            raise ConfigurationError(f"{origin} is not one of the configured nodes")
        return origin

    def prefer(self, node: str) -> None:
        """Ask that node first from now on; ConfigurationError when it is not configured."""
        if node != self._first:
            self._first = self.known(node)

    def follow(self, agent: str, node: str) -> None:
        """Ask that node first for that agent, whose session hears there; as `prefer`."""
        self._own[agent] = self.known(node)

    def unfollow(self, agent: str) -> None:
        """Ask the preferred node first for that agent, too."""
        self._own.pop(agent, None)

    def order(self, agent: str | None = None) -> tuple[str, ...]:
        """Return the nodes in the order in which they are to be tried, for an agent or for all."""
        first = self._own.get(agent, self._first) if agent is not None else self._first
        return (first, *(node for node in self._all if node != first))

    # -- who decides --------------------------------------------------------------------------

    def watch(self, doubt: Callable[[str], None]) -> None:
        """Leave it to somebody else which node is preferred; `doubt` hears who did not answer."""
        self._doubt = doubt

    def answered(self, node: str) -> None:
        """Hear which node took a request; without somebody who decides, it is preferred."""
        if self._doubt is None:
            self.prefer(node)

    def failed(self, node: str) -> None:
        """Hear that a node gave no answer, or said that it does not serve (503)."""
        if self._doubt is not None:
            self._doubt(node)
