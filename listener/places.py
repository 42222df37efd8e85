"""The nodes of the settings by name, and where each of them is reached.

Pure: the REST address is configured, the XMPP domain is what SystemInfo told. Knows not how a node
is.
"""

from __future__ import annotations

from collections.abc import Iterator

from listener.errors import Unreachable
from listener.finesse.model import SystemInfo
from listener.settings.model import Finesse
from listener.xmpp.contract import Endpoint


class Places:
    """Iterates over the names, in the order of the settings.

    A node's name is its host, with the XMPP port behind it where two have the same.
    """

    def __init__(self, finesse: Finesse) -> None:
        hosts = [node.host for node in finesse.endpoints]
        self._finesse = finesse
        self._nodes = {
            node.host if hosts.count(node.host) == 1 else f"{node.host}:{node.xmpp_port}": node
            for node in finesse.endpoints
        }
        self._endpoints: dict[str, Endpoint] = {}

    def __repr__(self) -> str:
        return f"<Places {', '.join(self)}>"

    def __iter__(self) -> Iterator[str]:
        return iter(self._nodes)

    def url(self, name: str) -> str:
        """Return the address of that node's REST side, without a trailing slash."""
        return self._nodes[name].rest_url

    def endpoint(self, name: str) -> Endpoint:
        """Return where sessions at that node are made; Unreachable before its domain is known."""
        found = self._endpoints.get(name)
        if found is None:
            raise Unreachable("no Finesse node has said that it is in service")
        return found

    def name_of(self, endpoint: Endpoint) -> str:
        """Return the name of the node that is reached there."""
        for name, node in self._nodes.items():
            if (node.host, node.xmpp_port) == (endpoint.host, endpoint.port):
                return name
        raise Unreachable(f"{endpoint.host} is not configured")

    def learn(self, name: str, info: SystemInfo) -> bool:
        """Take in what a node says of its domains; say whether it is the first time."""
        first, node = name not in self._endpoints, self._nodes[name]
        domain = info.xmpp_domain or ""
        self._endpoints[name] = Endpoint(
            host=node.host,
            port=node.xmpp_port,
            domain=domain,
            pubsub_domain=info.xmpp_pub_sub_domain or f"pubsub.{domain}",
            security=self._finesse.security.value,
            certificate_name=self._finesse.certificate_name,
        )
        return first
