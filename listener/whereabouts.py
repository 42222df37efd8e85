"""Where Finesse is and whether it is in service: SystemInfo, asked once for all agents.

Knows the configured nodes and their last SystemInfo; knows nothing of sessions or requests. A
trouble is never kept: it belongs to whoever waited for that answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from listener import logs
from listener.errors import CredentialsRefused, ListenerError, NotFinesse, Unreachable
from listener.finesse.model import SystemInfo
from listener.rest import Rest
from listener.settings import Settings
from listener.settings.model import Endpoint as Node
from listener.xmpp.contract import Endpoint

FRESH_FOR = 2.0  # seconds for which one good answer serves whoever begins to connect

_log = logs.get(__name__)


class Whereabouts:
    """Asks the nodes for their SystemInfo, the one in use first; one question at a time.

    `learnt` is told the deployment (UCCE or UCCX) whenever a node names it.
    """

    def __init__(self, settings: Settings, rest: Rest, learnt: Callable[[str], None]) -> None:
        self._settings = settings
        self._rest = rest
        self._learnt = learnt
        self._asking = asyncio.Lock()
        self._begun = self._ended = float("-inf")  # of the last question, on the loop's clock
        self._trouble: ListenerError | None = None
        self._endpoint: Endpoint | None = None
        self._node: Node | None = None
        self._blamed: Node | None = None

    @property
    def endpoint(self) -> Endpoint:
        """The node to connect to; raises Unreachable before `in_service` found one."""
        if self._endpoint is None:
            raise Unreachable("no Finesse node has said that it is in service")
        return self._endpoint

    async def in_service(self, agent: str) -> None:
        """Return when a node says IN_SERVICE; else raise what was found instead.

        Raises Unreachable, NotFinesse, CertificateRefused, CredentialsRefused. A good answer serves
        for 2 s; a question that runs serves all who wait for it.
        """
        arrived = _clock()
        await self._learn(
            agent,
            lambda: (
                self._ended >= arrived
                or (self._trouble is None and self._ended >= arrived - FRESH_FOR)
            ),
        )

    async def still(self, agent: str, endpoint: Endpoint) -> None:
        """Return when `endpoint` says so in an answer that was asked for after this call began.

        Raises as `in_service`, and Unreachable when another node is in use now.
        """
        arrived = _clock()
        await self._learn(agent, lambda: self._begun >= arrived)
        if endpoint != self._endpoint:
            raise Unreachable(f"Finesse at {endpoint.host} is not the node in service any more")

    def blame(self, endpoint: Endpoint) -> bool:
        """Take note that no session could be made to a node that says it is in service.

        The other node is asked first from now on; False when there is none.
        """
        if len(self._settings.finesse.nodes) == 1:
            return False
        if endpoint == self._endpoint:
            self._blamed, self._ended = self._node, float("-inf")
        return True

    async def _learn(self, agent: str, is_known: Callable[[], bool]) -> None:
        async with self._asking:
            if not is_known():
                self._begun = _clock()
                self._trouble = await self._ask(agent)
                self._ended = _clock()
            trouble = self._trouble
            if isinstance(trouble, CredentialsRefused):
                # It is about this agent's password, and no other agent may suffer for it.
                self._trouble, self._begun, self._ended = None, float("-inf"), float("-inf")
        if trouble is not None:
            raise trouble

    async def _ask(self, agent: str) -> ListenerError | None:
        trouble: ListenerError | None = None
        for node in self._order():
            try:
                self._use(node, await self._info(agent, node))
            except CredentialsRefused as error:
                return error  # refusals are counted; another node would only count one more
            except ListenerError as error:
                trouble = trouble or error
            else:
                return None
        return trouble

    def _order(self) -> tuple[Node, ...]:
        nodes = self._settings.finesse.endpoints
        return tuple(sorted(nodes, key=lambda node: (node == self._blamed, node != self._node)))

    async def _info(self, agent: str, node: Node) -> SystemInfo:
        try:
            info = await self._rest.system_info(node=node.rest_url)
        except CredentialsRefused:
            # Through a reverse proxy SystemInfo wants credentials (12.6 ES2).
            info = await self._rest.system_info(agent=agent, node=node.rest_url)
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
        found = {"host": node.host, "domain": domain, "deployment": info.deployment_type}
        if self._endpoint is None:
            _log.info("finesse.state", **found)
        elif endpoint != self._endpoint:
            _log.info("node.changed", **found)
        self._endpoint, self._node = endpoint, node
        self._rest.prefer(node.rest_url)
        deployment = finesse.deployment or info.deployment_type
        if deployment is not None:
            self._learnt(deployment)


def _clock() -> float:
    return asyncio.get_running_loop().time()
