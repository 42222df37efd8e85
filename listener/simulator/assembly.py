"""The whole simulator in one context manager: Finesse, its HTTPS server, its notification service.

Builds and introduces; decides nothing. Everything is on the loopback interface unless told
otherwise, with ports from the kernel and certificates of an authority made for the occasion.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from listener.simulator.certificates import ThrowawayAuthority
from listener.simulator.desktop import Desktop
from listener.simulator.finesse import Finesse
from listener.simulator.http_server import HttpServer
from listener.simulator.profiles import UCCE
from listener.simulator.telephone import Telephone
from listener.simulator.xmpp_server import NotificationService

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path
    from types import TracebackType

    from listener.simulator.users import AgentSpec


class Simulator:
    """A running simulated Finesse: `async with Simulator(agents=[...]) as simulator`.

    `profile` is "UCCE" or "UCCX"; further keywords go to `Finesse` (tagging, variants, faults,
    seed, pace, dial_plan, ecc, forced_logout, ...). Ports: 0 lets the kernel choose. `desktop` and
    `telephone` act for the agents; `finesse` holds the truth; `notifications` has its own faults.
    """

    def __init__(
        self,
        *,
        agents: Iterable[AgentSpec],
        profile: str = UCCE,
        host: str = "127.0.0.1",
        rest_port: int = 0,
        xmpp_port: int = 0,
        domain: str = "localhost",
        authority: ThrowawayAuthority | None = None,
        **settings: Any,
    ) -> None:
        self.authority = authority if authority is not None else ThrowawayAuthority()
        context = self.authority.server_context("localhost", host, domain)
        self._host, self._rest_port, self._xmpp_port = host, rest_port, xmpp_port
        self.notifications = NotificationService(domain, self._check, tls_context=context)
        self.finesse = Finesse(
            self.notifications,
            agents=agents,
            deployment=profile,
            domain=domain,
            pubsub_domain=self.notifications.pubsub_domain,
            **settings,
        )
        self.http = HttpServer(self.finesse.handle, context)
        self.desktop = Desktop(self.finesse)
        self.telephone = Telephone(self.finesse)

    def __repr__(self) -> str:
        return f"<Simulator {self.finesse.deployment} rest={self.http.port} xmpp={self.xmpp_port}>"

    def _check(self, user: str, password: str) -> bool:
        return self.finesse.accounts.check(user, password)

    @property
    def rest_url(self) -> str:
        """Where the REST API is: `https://host:port`, without a path."""
        return f"https://{self._host}:{self.http.port}"

    @property
    def xmpp_host(self) -> str:
        """The host of the notification service."""
        return self._host

    @property
    def xmpp_port(self) -> int:
        """The direct-TLS port of the notification service (Finesse's 5223); 0 before it started."""
        return self.notifications.tls_port or 0

    @property
    def ca_pem(self) -> bytes:
        """The certificate that a client has to trust, PEM."""
        return self.authority.pem

    def write_ca(self, path: Path) -> Path:
        """Write that certificate to a file and return its path."""
        return self.authority.write(path)

    async def __aenter__(self) -> Self:
        await self.notifications.start(self._host, tls_port=self._xmpp_port)
        try:
            await self.http.start(self._host, self._rest_port)
        except BaseException:
            await self.notifications.stop()
            raise
        self.finesse.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.http.stop()
        try:
            await self.finesse.close()
        finally:
            await self.notifications.stop()
