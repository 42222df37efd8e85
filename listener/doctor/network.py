"""Names and ports: what follows from how addresses and connections went.

Pure. Sources: Cisco's port utilization guides, "connect to XMPP over TCP" (developer.cisco.com),
the administration guides for the properties and for the allow-list of 12.6.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from listener.doctor.findings import Cause, Verdict, doubtful, failed, good
from listener.doctor.seen import Knock, Knocked, Resolved, Side

if TYPE_CHECKING:
    from collections.abc import Callable

REST_PORT, TLS_PORT, PLAIN_PORT = 8445, 5223, 5222
_SHOW = "utils finesse show_property webservices"
_SET = "utils finesse set_property webservices"
_ALLOW = "utils finesse notification external_port_access"
_RESTART = "utils service restart Cisco Finesse Notification Service"


def names(seen: Resolved) -> Verdict:
    """Say whether a node's name leads to an address."""
    if seen.addresses:
        return good(", ".join(seen.addresses))
    lookup = f"try `getent hosts {seen.name}` here"
    if seen.problem in {"timeout", "no_server"}:
        return failed(
            "no name server answered",
            Cause(
                "the name server of this machine is down or cannot be reached",
                f"check /etc/resolv.conf and the way to the name server; {lookup}",
            ),
        )
    return failed(
        f"the name {seen.name} is unknown here ({seen.problem or 'no address'})",
        Cause("the name is misspelt in finesse.nodes", f"correct finesse.nodes; {lookup}"),
        Cause(
            "this machine asks a name server that does not know the site's names",
            "add the node to the DNS that this machine uses, or to /etc/hosts",
        ),
    )


def port(seen: Knocked) -> Verdict:
    """Say whether a port can be connected to, and else who likely stands in the way."""
    opened = [address for address, knock in seen.results if knock is Knock.OPEN]
    closed = [(address, knock) for address, knock in seen.results if knock is not Knock.OPEN]
    told = ", ".join(f"{address} {_WORDS[knock]}" for address, knock in closed)
    if opened and not closed:
        return good(f"connected to {', '.join(opened)} port {seen.port}")
    if opened:
        return doubtful(
            f"connected to {', '.join(opened)}, but {told}",
            Cause(
                "the name has an address that does not serve Finesse",
                f"remove {', '.join(a for a, _ in closed)} from the name's records;"
                " connections wait for it first, or meet it now and then",
            ),
        )
    kind = closed[0][1] if closed else Knock.OTHER
    return failed(f"{told or 'no address to connect to'}", *_CAUSES[kind](seen))


_WORDS = {
    Knock.OPEN: "is open",
    Knock.REFUSED: "refused the connection",
    Knock.SILENT: "gave no answer",
    Knock.UNREACHABLE: "cannot be reached",
    Knock.OTHER: "failed",
}


def _refused(seen: Knocked) -> tuple[Cause, ...]:
    if seen.side is Side.REST:
        return (
            Cause(
                "Finesse's web application (Cisco Finesse Tomcat) does not run",
                "on the node: `utils service list`, then `utils service start Cisco Finesse"
                " Tomcat`; after a start it takes some minutes",
            ),
            Cause(
                f"{seen.port} is not the port of the REST API",
                f"Finesse's is {REST_PORT}: set finesse.rest_port, or the port in finesse.nodes",
            ),
        )
    stopped = Cause(
        "the notification service does not run",
        "on the node: `utils service list`, then `utils service start Cisco Finesse Notification"
        " Service`",
    )
    return (*_switched_off(seen.port), stopped, *_other_port(seen.port))


def _switched_off(number: int) -> tuple[Cause, ...]:
    if number == PLAIN_PORT:
        return (
            Cause(
                "5222 (without TLS) is off for other machines since 12.5(1)",
                'use TLS: finesse.security = "tls", finesse.xmpp_port = 5223; in a laboratory:'
                f" `{_SET} enableInsecureOpenfirePort true`, then `{_RESTART}`",
            ),
        )
    if number == TLS_PORT:
        return (
            Cause(
                "access to 5223 is switched off by a property",
                f"on the node: `{_SHOW} enableExternalNotificationPortAccess`; if it is false:"
                f" `{_SET} enableExternalNotificationPortAccess true`, then `{_RESTART}`",
            ),
        )
    return ()


def _other_port(number: int) -> tuple[Cause, ...]:
    if number in {TLS_PORT, PLAIN_PORT}:
        return ()
    return (
        Cause(
            f"{number} is not the port of the notification service",
            f"Finesse's is {TLS_PORT} with TLS: set finesse.xmpp_port",
        ),
    )


def _silent(seen: Knocked) -> tuple[Cause, ...]:
    firewall = Cause(
        "a firewall between here and the node drops the connection",
        f"have TCP port {seen.port} to {seen.host} opened for this machine",
    )
    down = Cause("the node is down", f"see whether its other ports answer, or `ping {seen.host}`")
    if seen.side is Side.REST:
        return (firewall, down)
    allowed = Cause(
        "from 12.6 on, an allow-list for the port is in use, and this machine is not on it",
        f"on each node: `{_ALLOW} list`, then `{_ALLOW} add` with this machine's address, then"
        f" `{_RESTART}`",
    )
    return (firewall, allowed, down)


def _unreachable(seen: Knocked) -> tuple[Cause, ...]:
    return (
        Cause(
            "this machine has no route to that network, or the node is down",
            f"look at `ip route get` for {seen.results[0][0] if seen.results else seen.host}, and"
            " at VPN and cabling",
        ),
        Cause(
            "a firewall rejects the connection",
            f"have TCP port {seen.port} to {seen.host} opened for this machine",
        ),
    )


def _other(seen: Knocked) -> tuple[Cause, ...]:
    told = "; ".join(dict.fromkeys(seen.details)) or "the system gave no reason"
    return (Cause(told, f"see whether `nc -vz {seen.host} {seen.port}` works here"),)


_CAUSES: dict[Knock, Callable[[Knocked], tuple[Cause, ...]]] = {
    Knock.REFUSED: _refused,
    Knock.SILENT: _silent,
    Knock.UNREACHABLE: _unreachable,
    Knock.OTHER: _other,
}
