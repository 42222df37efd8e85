"""[finesse]: the nodes of one deployment, and how they are spoken to.

Knows in which ways a node may be written and that there are two at most; asks no node anything.
"""
# No `from __future__ import annotations`: pydantic reads the annotations when the classes are made.

import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, Self

from pydantic import Field, model_validator

from listener.settings.basis import Host, Port, Section

REST_PORT = 8445
XMPP_PORT = 5223

_NODE = re.compile(
    r"^(?:(?P<scheme>https?)://)?(?P<host>\[[^\]]+\]|[^:/]+)(?::(?P<port>\d+))?/?$", re.IGNORECASE
)


class Security(StrEnum):
    """How the notification service is spoken to."""

    TLS = "tls"  # from the first byte, port 5223
    STARTTLS = "starttls"
    PLAIN = "plain"  # laboratories only


class Presence(StrEnum):
    """Whether the XMPP server, and with it Finesse, sees an agent's session as present."""

    AVAILABLE = "available"
    NONE = "none"  # the session subscribes itself to what presence would have brought


class Endpoint(NamedTuple):
    """Where one Finesse node is reached. `rest_url` has no trailing slash."""

    host: str
    rest_url: str
    xmpp_port: int


class Node(Section):
    """One Finesse node: a host, host:port, an https URL, or a table with these keys."""

    host: Host
    rest_port: Port | None = None
    xmpp_port: Port | None = None
    scheme: Literal["https", "http"] = "https"

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, given: Any) -> Any:
        if not isinstance(given, str):
            return given
        found = _NODE.match(given.strip())
        if found is None:
            raise ValueError("write a host, host:port or https://host:port, without a path")
        parts = {key: value for key, value in found.groupdict().items() if value}
        port = {"rest_port": parts["port"]} if "port" in parts else {}
        return {"host": parts["host"], "scheme": parts.get("scheme", "https").lower(), **port}


class Finesse(Section):
    """[finesse]: the one deployment that this daemon serves; the first node is the primary."""

    nodes: Annotated[tuple[Node, ...], Field(min_length=1, max_length=2)]
    rest_port: Port = REST_PORT
    xmpp_port: Port = XMPP_PORT
    security: Security = Security.TLS
    presence: Presence = Presence.AVAILABLE
    ca_file: Path | None = None
    certificate_name: Host | None = None
    deployment: Literal["UCCE", "UCCX"] | None = None

    @model_validator(mode="after")
    def _http_is_for_laboratories(self) -> Self:
        if self.security is not Security.PLAIN and any(n.scheme == "http" for n in self.nodes):
            raise ValueError('nodes: http:// needs security = "plain", which is for laboratories')
        return self

    @model_validator(mode="after")
    def _nodes_are_two(self) -> Self:
        if len(self.endpoints) > 1:
            one, two = self.endpoints
            same = _plain(one.host) == _plain(two.host)
            if same and one.xmpp_port == two.xmpp_port:
                raise ValueError(
                    f"nodes: {one.host} with xmpp_port {one.xmpp_port} is there twice; leave one"
                    " out, or give each its own host or xmpp_port"
                )
            if same and one.rest_url.rpartition(":")[2] == two.rest_url.rpartition(":")[2]:
                raise ValueError(
                    f"nodes: {one.rest_url} is there twice; leave one out, or give each its own"
                    " host or rest_port"
                )
        return self

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """The nodes in order, with their ports filled in."""
        return tuple(
            Endpoint(
                node.host.strip("[]"),
                f"{node.scheme}://{node.host}:{node.rest_port or self.rest_port}",
                node.xmpp_port or self.xmpp_port,
            )
            for node in self.nodes
        )


def _plain(host: str) -> str:
    """Return a host as it is compared: case and a dot at the end make no other one."""
    return host.casefold().removesuffix(".")
