"""The whole simulator in one context manager: Finesse, its nodes, their servers.

Builds and introduces; decides nothing. Everything is on the loopback interface unless told
otherwise, with ports from the kernel and certificates of an authority made for the occasion.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

from listener.simulator.certificates import ThrowawayAuthority
from listener.simulator.desktop import Desktop
from listener.simulator.finesse import Finesse
from listener.simulator.http_server import HttpServer
from listener.simulator.node import Node
from listener.simulator.profiles import UCCE
from listener.simulator.sides import Side
from listener.simulator.telephone import Telephone
from listener.simulator.xmpp_server import NotificationService

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path
    from types import TracebackType

    from listener.simulator.interfaces import Notifications
    from listener.simulator.users import AgentSpec

MOST_NODES = 2


class Simulator:
    """A running simulated Finesse: `async with Simulator(agents=[...]) as simulator`.

    `nodes`: 1, or 2 for a pair, which has one switch and one truth; each node has its own domain,
    servers, subscriptions and state (`simulator.nodes`). `notifications`: what to publish through
    instead of the built-in service, one for each node; it is started and stopped here. `profile` is
    "UCCE" or "UCCX"; further keywords go to `Finesse` (tagging, variants, faults, seed, pace,
    dial_plan, ecc, forced_logout, ...). Ports: 0 lets the kernel choose; for a pair one for each
    node. `desktop` and `telephone` act for the agents; `finesse` holds the truth; `http`,
    `notifications`, `rest_url` and `xmpp_port` are those of the first node.
    """

    def __init__(
        self,
        *,
        agents: Iterable[AgentSpec],
        profile: str = UCCE,
        nodes: int = 1,
        notifications: Notifications | Sequence[Notifications] | None = None,
        host: str = "127.0.0.1",
        rest_port: int | Sequence[int] = 0,
        xmpp_port: int | Sequence[int] = 0,
        domain: str = "localhost",
        authority: ThrowawayAuthority | None = None,
        **settings: Any,
    ) -> None:
        if not 1 <= nodes <= MOST_NODES:
            raise ValueError("nodes: Finesse has one or two, the primary and the secondary")
        self.authority = authority if authority is not None else ThrowawayAuthority()
        self._ports = list(
            zip(_each(rest_port, nodes), _each(xmpp_port, nodes), strict=True),
        )
        domains = [domain, f"b.{domain}"][:nodes]
        context = self.authority.server_context("localhost", host, *domains)
        services = _given(notifications, nodes) or [
            NotificationService(name, self._check, tls_context=context) for name in domains
        ]
        sides = [Side(each, each.domain, each.pubsub_domain) for each in services]
        self.finesse = Finesse(
            services[0],
            agents=agents,
            deployment=profile,
            domain=services[0].domain,
            pubsub_domain=services[0].pubsub_domain,
            further=sides[1:],
            **settings,
        )
        self.nodes = tuple(
            Node(
                number,
                host=host,
                finesse=self.finesse,
                http=HttpServer(self.finesse.handler(number), context),
                notifications=service,
            )
            for number, service in enumerate(services)
        )
        self.desktop = Desktop(self.finesse)
        self.telephone = Telephone(self.finesse)
        self._open = contextlib.AsyncExitStack()

    def __repr__(self) -> str:
        return f"<Simulator {self.finesse.deployment} {' '.join(map(repr, self.nodes))}>"

    def _check(self, user: str, password: str) -> bool:
        return self.finesse.accounts.check(user, password)

    @property
    def http(self) -> HttpServer:
        """The HTTPS server of the first node."""
        return self.nodes[0].http

    @property
    def notifications(self) -> NotificationService | Any:
        """The notification service of the first node."""
        return self.nodes[0].notifications

    @property
    def rest_url(self) -> str:
        """Where the REST API of the first node is: `https://host:port`, without a path."""
        return self.nodes[0].rest_url

    @property
    def xmpp_host(self) -> str:
        """The host of the notification services."""
        return self.nodes[0].host

    @property
    def xmpp_port(self) -> int:
        """The direct-TLS port of the first notification service; 0 before it started."""
        return self.nodes[0].xmpp_port

    @property
    def ca_pem(self) -> bytes:
        """The certificate that a client has to trust, PEM."""
        return self.authority.pem

    def write_ca(self, path: Path) -> Path:
        """Write that certificate to a file and return its path."""
        return self.authority.write(path)

    async def cti_failover(
        self, seconds: float, *, unnoticed: float = 0.0, repeats: int = 2
    ) -> None:
        """Let CTI be away for that long, in seconds, at all nodes.

        For `unnoticed` seconds before that, no events flow and requests get 500 while SystemInfo
        still says IN_SERVICE. Afterwards the latest state of everything comes `repeats` times.
        """
        standing = self.finesse.standing
        standing.lose_cti()
        await asyncio.sleep(unnoticed)
        standing.begin_cti_failover()
        await asyncio.sleep(seconds)
        standing.end_cti_failover(repeats=repeats)

    async def __aenter__(self) -> Self:
        async with contextlib.AsyncExitStack() as opened:
            for node, (_, port) in zip(self.nodes, self._ports, strict=True):
                await node.notifications.start(node.host, tls_port=port)
                opened.push_async_callback(node.notifications.stop)
            opened.push_async_callback(self.finesse.close)
            for node, (port, _) in zip(self.nodes, self._ports, strict=True):
                await node.http.start(node.host, port)
                opened.push_async_callback(node.http.stop)
            self.finesse.start()
            self._open = opened.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._open.__aexit__(kind, error, trace)


def _each(port: int | Sequence[int], nodes: int) -> list[int]:
    ports = [port] * nodes if isinstance(port, int) else list(port)
    if len(ports) != nodes or (len(set(ports) - {0}) < len([p for p in ports if p])):
        raise ValueError(f"ports: one for each of the {nodes} nodes, 0 for a free one")
    return ports


def _given(
    notifications: Notifications | Sequence[Notifications] | None, nodes: int
) -> list[Notifications]:
    if notifications is None:
        return []
    given = list(notifications) if isinstance(notifications, Sequence) else [notifications]
    if len(given) != nodes:
        raise ValueError(f"notifications: one for each of the {nodes} nodes")
    return given
