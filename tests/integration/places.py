"""The simulator's own notification service and the real servers behind one face.

So that one suite runs against all of them. Knows how each is started, published through and asked
what it has seen; what they do differently is in `quirks`.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from listener.simulator.interfaces import Form
from listener.simulator.xmpp_server import NotificationService
from listener.trust import client_context
from listener.xmpp.contract import Endpoint, Timings
from listener.xmpp.session import Session
from tests.integration.publishing.owner import OwnerPublisher
from tests.integration.servers import DOMAIN, HOST, Ports, Server
from tests.shell.stage import PASSWORD, A, authority

SECURITIES = ("tls", "starttls", "plain")
PATIENT = Timings(connect=20, ask=20, reflect=10, ping_every=60, ping_answer=20, close=10)


@dataclass(frozen=True, slots=True)
class Place:
    """Where sessions are made. `refused_logins` counts since the server was started."""

    name: str
    ports: Ports
    ca_file: Path
    tls: ssl.SSLContext
    publisher: Any  # a simulator's `Notifications`
    refused_logins: Callable[[], int]
    domain: str = DOMAIN
    pubsub_domain: str = f"pubsub.{DOMAIN}"

    def endpoint(self, security: str = "tls") -> Endpoint:
        """Return where a session of that security is made."""
        port = getattr(self.ports, security)
        return Endpoint(HOST, port, self.domain, self.pubsub_domain, security)

    def session(self, *, agent: str = A, security: str = "tls", heard: Any = None, **how: Any):
        """Return a session that trusts this place; `heard` is a list for its notifications."""
        password = how.pop("password", None) or PASSWORD[agent]
        return Session(
            agent,
            lambda: password,
            how.pop("endpoint", self.endpoint(security)),
            tls=self.tls,
            **{
                "resource": "listener-test",
                "on_notification": ([] if heard is None else heard).append,
                "timings": PATIENT,
            }
            | how,
        )

    @asynccontextmanager
    async def opened(self, **how: Any) -> AsyncIterator[Session]:
        """Open a session and end it in good order."""
        session = self.session(**how)
        await session.open()
        try:
            yield session
        finally:
            await session.close()

    async def publish(
        self, node: str, payload: str, *, item_id: str | None = None, form: Form = Form.ESCAPED
    ) -> None:
        """Publish one item as Finesse does."""
        await self.publisher.publish(node, payload, item_id=item_id, form=form)


@asynccontextmanager
async def own(folder: Path) -> AsyncIterator[Place]:
    """Run the simulator's own service."""
    refused = 0

    def check(user: str, password: str) -> bool:
        nonlocal refused
        right = PASSWORD.get(user) == password
        refused += not right
        return right

    context = authority().server_context(HOST, "127.0.0.1")
    service = NotificationService(DOMAIN, check, tls_context=context)
    ca_file = authority().write(folder / "ca.pem")
    await service.start(tls_port=0, starttls_port=0, plain_port=0)
    try:
        yield Place(
            name="own",
            ports=Ports(*(getattr(service, f"{name}_port") for name in SECURITIES), component=0),
            ca_file=ca_file,
            tls=client_context(ca_file),
            publisher=service,
            refused_logins=lambda: refused,
        )
        assert not service.failures
    finally:
        await service.stop(grace=0)


@asynccontextmanager
async def real(server: Server) -> AsyncIterator[Place]:
    """Publish through a server that runs, as the owner of its nodes."""
    publisher = OwnerPublisher(server, PASSWORD)
    await publisher.start()
    try:
        yield at(server, publisher)
        assert not publisher.failures
    finally:
        await publisher.stop()


def at(server: Server, publisher: Any = None) -> Place:
    """Return a place at a server that runs; without a publisher nothing is published there."""
    return Place(
        name=server.name,
        ports=server.ports,
        ca_file=server.ca_file,
        tls=client_context(server.ca_file),
        publisher=publisher,
        refused_logins=server.refused_logins,
    )
