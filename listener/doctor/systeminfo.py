"""SystemInfo, the clock, and the stream before a login: what follows from them.

Pure. Sources: SystemInfo and failure scenarios (developer.cisco.com), the release notes of 12.6.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from ipaddress import ip_address

from listener.doctor.findings import Cause, Verdict, doubtful, failed, good
from listener.doctor.seen import Configured, Greeted, InfoSeen, Wrong

CLOCKS_APART = 5.0  # seconds
_IN_SERVICE = "IN_SERVICE"
_OUT_OF_SERVICE = "OUT_OF_SERVICE"
_ANSWERED = re.compile(r" answered ([1-5][0-9][0-9])\b")
_REST_PORT, _XMPP_PORTS = 8445, {"tls": 5223}


def service(seen: InfoSeen, configured: Configured) -> Verdict:
    """Say whether Finesse is in service there, and whether it is the deployment that was meant."""
    if seen.info is None:
        return _no_info(seen)
    info = seen.info
    lent = f" (with the credentials of agent {seen.lent})" if seen.lent else ""
    saw = (
        f"{info.status or 'no status'}, {info.deployment_type or 'deployment not said'}, domain"
        f" {info.xmpp_domain or 'not said'}, pubsub {info.xmpp_pub_sub_domain or 'not said'}{lent}"
    )
    if info.status != _IN_SERVICE:
        return failed(saw, *_out(info.status))
    if not info.xmpp_domain:
        return failed(
            saw,
            Cause(
                "SystemInfo names no xmppDomain, so no session can be made",
                "look at the body of SystemInfo; is it Finesse itself that answers?",
            ),
        )
    causes = (*_other_deployment(seen, configured), *_other_nodes(seen, configured))
    return doubtful(saw, *causes) if causes else good(saw)


def _out(status: str | None) -> tuple[Cause, ...]:
    if status == "PARTIAL_SERVICE":
        return (
            Cause(
                "some part of Finesse is not there yet, such as its database or the CTI server",
                "wait a minute and check again; then `utils service list` on the node",
            ),
        )
    if status != _OUT_OF_SERVICE:
        return (
            Cause(
                f"the status {status or 'that is missing'} is none that Cisco describes; only"
                f" {_IN_SERVICE} is taken for a Finesse that works",
                "look at SystemInfo yourself, and at what was done to the node; check again later",
            ),
        )
    return (
        Cause(
            "Finesse has no connection to the CTI server (PG), or its CCE settings are wrong",
            "check CTI server and PG, and Finesse administration, Contact Center Enterprise CTI"
            " Server Settings; on UCCX the master node and its engine",
        ),
        Cause(
            "Finesse is starting, or this node is the standby one of an older UCCX",
            "wait some minutes and check again; the other node of the pair can be in service",
        ),
    )


_ANSWERS = {
    "429": Cause(
        "something in front of Finesse, or Finesse itself, limits how often it is asked",
        "wait a minute and check again; then look for what else asks from this address",
    ),
    "403": Cause(
        "something in front of Finesse lets only certain addresses in, or Finesse forbids it",
        "have this machine's address allowed; name the nodes themselves in finesse.nodes",
    ),
    **dict.fromkeys(
        ("301", "302", "303", "307", "308"),
        Cause(
            "single sign-on, a proxy or another server answers there with a redirect",
            "name the nodes themselves in finesse.nodes, and finesse.rest_port 8445; agents of a"
            " deployment with single sign-on need token_file in [[agents]]",
        ),
    ),
}
"""What follows from the status of an answer that is no SystemInfo."""


def _no_info(seen: InfoSeen) -> Verdict:
    if seen.wrong is Wrong.CREDENTIALS:
        return failed(
            seen.detail,
            Cause(
                "a proxy in front of Finesse wants credentials for SystemInfo (12.6 ES2 and later)"
                " and took none of those that are configured",
                "name the nodes themselves in finesse.nodes; or check the agent's password: it is"
                " not tried again here, for five refusals lock an account",
            ),
        )
    answered = _ANSWERED.search(seen.detail)
    special = _ANSWERS.get(answered[1]) if answered is not None else None
    if special is not None:
        return failed(seen.detail, special)
    if seen.wrong is Wrong.NOT_FINESSE:
        return failed(
            seen.detail,
            Cause(
                "another server answers on that port",
                "correct finesse.nodes or finesse.rest_port; Finesse's REST API is at 8445",
            ),
            Cause("the web application is not deployed yet", "wait some minutes after its start"),
        )
    wrong_port = Cause(
        "that is another port than that of Finesse's REST API",
        f"correct finesse.rest_port: Finesse's is {_REST_PORT}",
    )
    return failed(
        seen.detail,
        *(() if f":{_REST_PORT}" in seen.url else (wrong_port,)),
        Cause(
            "the web application runs and does not answer as it should",
            "wait a minute; then look at the logs of Cisco Finesse Tomcat on the node",
        ),
    )


def _other_deployment(seen: InfoSeen, configured: Configured) -> tuple[Cause, ...]:
    said = seen.info.deployment_type if seen.info is not None else None
    if configured.deployment is None or said is None or configured.deployment == said:
        return ()
    return (
        Cause(
            f"finesse.deployment says {configured.deployment}, and Finesse says {said}",
            f'leave finesse.deployment out, or set it to "{said}"',
        ),
    )


def _other_nodes(seen: InfoSeen, configured: Configured) -> tuple[Cause, ...]:
    """Compare the pair that Finesse names with that of the settings (one node proves nothing)."""
    if seen.info is None or not seen.info.primary_node:
        return ()
    told = [name for name in (seen.info.primary_node, seen.info.secondary_node) if name]
    mine = list(configured.hosts)
    if len(told) > len(mine):
        return (
            Cause(
                f"Finesse has a second node ({told[-1]}), and finesse.nodes names one:"
                " nobody can go over to it",
                f"add it: nodes = [{', '.join(repr(name) for name in told)}]",
            ),
        )
    if any(_is_address(host) for host in mine):
        return ()  # which of the names it is cannot be told from here
    strangers = [host for host in mine if not any(_same(host, name) for name in told)]
    if strangers:
        return (
            Cause(
                f"finesse.nodes names {', '.join(strangers)}, and Finesse calls its nodes"
                f" {', '.join(told)}",
                "is it the deployment that you mean? An alias or an address is all right where"
                " its certificate names it",
            ),
        )
    if len(mine) > 1 and not _same(mine[0], told[0]):
        return (
            Cause(
                f"the primary node is {told[0]}, and finesse.nodes begins with {mine[0]}",
                "put the primary first; it works either way",
            ),
        )
    return ()


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _same(one: str, other: str) -> bool:
    one, other = one.casefold(), other.casefold()
    return one == other or one.partition(".")[0] == other.partition(".")[0]


def clock(stamp: str | None, before: float, after: float) -> Verdict:
    """Compare a node's time with this machine's before and after it was asked.

    `stamp` is currentTimestamp, or the Date of an answer, which is cut to seconds.
    """
    moment = moment_of(stamp)
    if moment is None:
        return doubtful(
            f"the node says no time that can be read ({stamp or 'none'})",
            Cause("SystemInfo has no currentTimestamp", "compare `date -u` on both machines"),
        )
    coarse = 1.0 if "." not in (stamp or "") else 0.0
    apart = max(before - moment - coarse, moment - after, 0.0)
    ahead = "ahead of" if moment > after else "behind"
    if apart <= CLOCKS_APART:
        return good(f"{apart:.1f} s apart at most" if apart else "no difference to be seen")
    return doubtful(
        f"the node's clock is {apart:.0f} s {ahead} this machine's",
        Cause(
            "one of the two has no time server: events may be taken for older than a request,"
            " and outcomes stay unconfirmed",
            "set NTP on this machine (`timedatectl`) and on the node (`utils ntp status`)",
        ),
    )


def moment_of(stamp: str | None) -> float | None:
    """Return a currentTimestamp or a Date header as wall time; None for what is neither."""
    if not stamp:
        return None
    try:
        found = datetime.fromisoformat(stamp)
    except ValueError:
        try:
            found = parsedate_to_datetime(stamp)
        except ValueError:
            return None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def stream(seen: Greeted) -> Verdict:
    """Say whether the notification service offers the login that sessions need."""
    offered = ", ".join(seen.mechanisms) or "no mechanism"
    if seen.wrong is None and "PLAIN" in seen.mechanisms:
        return good(f"XMPP for {seen.domain} with {seen.security}; it offers {offered}")
    if seen.wrong is None or "SASL PLAIN" in seen.detail:
        return failed(
            f"no SASL PLAIN: it offers {offered}",
            Cause(
                "the service does not let third-party clients in with a password here",
                'use 5223 with finesse.security = "tls": some servers offer PLAIN only encrypted',
            ),
        )
    return failed(seen.detail, *_no_stream(seen))


def _other_port(port: int | None) -> Cause:
    return Cause(
        "that is another port than that of the notification service",
        f'correct finesse.xmpp_port: Finesse\'s is {port} with finesse.security = "tls"',
    )


def _no_stream(seen: Greeted) -> tuple[Cause, ...]:
    if seen.wrong is Wrong.CERTIFICATE:
        return (
            Cause(
                "the certificate that the port shows after STARTTLS is not trusted",
                "see the step tls.rest: it is the same certificate, and the remedy is the same",
            ),
        )
    if "host-unknown" in seen.detail:
        return (
            Cause(
                f"the service does not serve the domain {seen.domain}, which SystemInfo names",
                "do REST and XMPP port lead to the same node? See finesse.nodes and NAT rules",
            ),
        )
    if seen.wrong is Wrong.NOT_FINESSE:
        return (
            Cause(
                f"the port does not speak XMPP with security {seen.security!r}",
                'Finesse\'s port is 5223 with finesse.security = "tls"',
            ),
        )
    port = _XMPP_PORTS.get(seen.security)
    other = port is not None and not seen.address.endswith(f":{port}")
    return (
        *((_other_port(port),) if other else ()),
        Cause(
            "the notification service is starting, overloaded or hangs",
            "wait a minute and check again; then restart Cisco Finesse Notification Service in a"
            " quiet hour",
        ),
    )
