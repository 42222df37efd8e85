"""One node of the simulated deployment: its HTTPS server, its notification service, their life.

Knows how a machine, or a part of it, goes away and comes back; what the node then says of itself is
`standing`'s. The parts a node fails in are those of Cisco's failure scenarios.
"""

from __future__ import annotations

from enum import Flag
from typing import TYPE_CHECKING, Any

from listener.simulator.xmpp_faults import Cut, Refusal
from listener.simulator.xmpp_server import NotificationService

if TYPE_CHECKING:
    from listener.simulator.finesse import Finesse
    from listener.simulator.http_server import HttpServer
    from listener.simulator.interfaces import Notifications


class Part(Flag):
    """What of a node fails."""

    REST = 1
    XMPP = 2
    ALL = 3


class Node:
    """A node: `http` and `notifications` are its servers, `number` counts from 0.

    The connections of a foreign notification service cannot be frozen or reset: `freeze`, `thaw`
    and `reset` of `Part.XMPP` raise TypeError there.
    """

    def __init__(
        self,
        number: int,
        *,
        host: str,
        finesse: Finesse,
        http: HttpServer,
        notifications: Notifications,
    ) -> None:
        self.number = number
        self.host = host
        self.http = http
        self.notifications: NotificationService | Any = notifications
        self._finesse = finesse
        self._stopped = Part(0)

    def __repr__(self) -> str:
        return f"<Node {self.number} {self.status} rest={self.http.port} xmpp={self.xmpp_port}>"

    @property
    def rest_url(self) -> str:
        """Where the REST API is: `https://host:port`, without a path."""
        return f"https://{self.host}:{self.http.port}"

    @property
    def xmpp_port(self) -> int:
        """The direct-TLS port of the notification service (Finesse's 5223); 0 before it started."""
        return self.notifications.tls_port or 0

    @property
    def running(self) -> bool:
        """Whether its web application runs."""
        return self._finesse.sides[self.number].running

    @property
    def status(self) -> str:
        """What its SystemInfo says: IN_SERVICE, OUT_OF_SERVICE or PARTIAL_SERVICE."""
        return self._finesse.sides[self.number].status

    def set_status(self, status: str) -> None:
        """Change that of this node alone; see `Standing.set_status`."""
        self._finesse.standing.set_status(status, self.number)

    # -- life ----------------------------------------------------------------------------------

    async def stop(self, part: Part = Part.ALL, *, how: Cut | str = Cut.RESET) -> None:
        """Let the node, or a part of it, go away: connections end, new ones are refused.

        Without REST it publishes nothing either, as both are the web application's; that the user
        `finesse` is gone is seen by those whose session stays. `how` sessions end: reset, closed,
        or with a stream error. What is stopped already stays so.
        """
        part &= ~self._stopped
        self._stopped |= part
        if Part.XMPP in part:
            await self._stop_notifications(how)
        if Part.REST in part:
            await self._stop_web_app()

    async def _stop_web_app(self) -> None:
        self._finesse.standing.stop_web_app(self.number)
        if Part.XMPP not in self._stopped or isinstance(self.notifications, NotificationService):
            self.notifications.set_finesse_presence(available=False)
        self.http.reset()
        await self.http.stop(keep_port=True)

    async def _stop_notifications(self, how: Cut | str) -> None:
        if isinstance(self.notifications, NotificationService):
            await self.notifications.refuse_connections(Refusal.NOT_LISTENING)
            self.notifications.cut(None, how)
        else:
            await self.notifications.stop()

    async def start(self, part: Part = Part.ALL) -> None:
        """Let what was stopped come back, on the same ports; the web application publishes anew.

        A port that somebody else has taken meanwhile is an OSError; it stays stopped then.
        """
        part &= self._stopped
        if Part.XMPP in part:
            if isinstance(self.notifications, NotificationService):
                await self.notifications.accept_connections()
            else:
                await self.notifications.start(self.host, tls_port=self.xmpp_port)
            self._stopped &= ~Part.XMPP
        if Part.REST in part:
            await self.http.start(self.host, self.http.port)
            self._stopped &= ~Part.REST
            self.notifications.set_finesse_presence(available=True)
            self._finesse.standing.start_web_app(self.number)

    async def stop_web_app(self) -> None:
        """Let Tomcat end: no REST, no events, the user `finesse` unavailable; sessions stay."""
        await self.stop(Part.REST)

    async def start_web_app(self) -> None:
        """Let Tomcat run again."""
        await self.start(Part.REST)

    def freeze(self, part: Part = Part.ALL) -> None:
        """Let it stand still: connections stay and are made, and nobody gets an answer."""
        if Part.XMPP in part:
            self._own.freeze()
        if Part.REST in part:
            self.http.freeze()

    def thaw(self, part: Part = Part.ALL) -> None:
        """Let it go on where it stood still."""
        if Part.XMPP in part:
            self._own.thaw()
        if Part.REST in part:
            self.http.thaw()

    def reset(self, part: Part = Part.ALL) -> None:
        """Reset every connection (RST); the node itself goes on."""
        if Part.XMPP in part:
            self._own.cut(None, Cut.RESET)
        if Part.REST in part:
            self.http.reset()

    @property
    def _own(self) -> NotificationService:
        if not isinstance(self.notifications, NotificationService):
            raise TypeError("only the built-in notification service has faults on demand")
        return self.notifications
