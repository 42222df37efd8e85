"""Where Finesse is and whether it is in service: SystemInfo, asked once for all agents.

Knows the configured nodes and their last SystemInfo; knows nothing of sessions or requests.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from listener import logs
from listener.errors import ListenerError, NotFinesse, Unreachable
from listener.finesse.model import SystemInfo
from listener.rest import Rest
from listener.settings import Settings
from listener.settings.model import Endpoint as Node
from listener.xmpp.contract import Endpoint

FRESH_FOR = 2.0  # seconds for which one answer serves all agents

_log = logs.get(__name__)


class Whereabouts:
    """Asks the nodes in order for their SystemInfo and keeps the answer for a moment."""

    def __init__(self, settings: Settings, rest: Rest, learnt: Callable[[str], None]) -> None:
        self._settings = settings
        self._rest = rest
        self._learnt = learnt
        self._asking = asyncio.Lock()
        self._asked_at = float("-inf")
        self._trouble: ListenerError | None = None
        self._endpoint: Endpoint | None = None

    @property
    def endpoint(self) -> Endpoint:
        """The node to connect to; raises Unreachable before `in_service` found one."""
        if self._endpoint is None:
            raise Unreachable("no Finesse node has said that it is in service")
        return self._endpoint

    async def in_service(self) -> None:
        """Return when a node says IN_SERVICE; else raise what was found instead.

        Raises Unreachable, NotFinesse, CertificateRefused, CredentialsRefused. One question at a
        time; its answer serves whoever asks within 2 s.
        """
        async with self._asking:
            if asyncio.get_running_loop().time() - self._asked_at > FRESH_FOR:
                self._trouble = await self._ask()
                self._asked_at = asyncio.get_running_loop().time()
        if self._trouble is not None:
            raise self._trouble

    async def _ask(self) -> ListenerError | None:
        trouble: ListenerError | None = None
        for node in self._settings.finesse.endpoints:
            try:
                self._use(node, await self._info(node))
            except ListenerError as error:
                trouble = trouble or error
            else:
                return None
        return trouble

    async def _info(self, node: Node) -> SystemInfo:
        # Through a reverse proxy SystemInfo wants credentials (12.6 ES2); without one they do no
        # harm, and any agent's will do.
        info = await self._rest.system_info(agent=self._settings.agents[0].id, node=node.rest_url)
        if info.status != "IN_SERVICE":
            raise Unreachable(f"Finesse at {node.host} says {info.status or 'no status'}")
        if not info.xmpp_domain:
            raise NotFinesse(f"the SystemInfo of {node.host} names no xmppDomain")
        return info

    def _use(self, node: Node, info: SystemInfo) -> None:
        finesse = self._settings.finesse
        domain = info.xmpp_domain or ""
        endpoint = Endpoint(
            host=node.host,
            port=node.xmpp_port,
            domain=domain,
            pubsub_domain=info.xmpp_pub_sub_domain or f"pubsub.{domain}",
            security=finesse.security.value,
            certificate_name=finesse.certificate_name,
        )
        if endpoint != self._endpoint:
            _log.info(
                "finesse.state", host=node.host, domain=domain, deployment=info.deployment_type
            )
        self._endpoint = endpoint
        self._rest.prefer(node.rest_url)
        deployment = finesse.deployment or info.deployment_type
        if deployment is not None:
            self._learnt(deployment)
