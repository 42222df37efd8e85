"""Whether events would be heard: presence, ping, subscriptions, the user `finesse`.

Pure. Sources: guide p.9 (presence, ping), subscription management and failure scenarios
(developer.cisco.com).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from listener.doctor.findings import Cause, Verdict, doubtful, failed, good, skipped
from listener.finesse import uris
from listener.xmpp import stanzas

if TYPE_CHECKING:
    from collections.abc import Iterable

    from listener.doctor.seen import Visited
    from listener.xmpp.stanzas import Subscription

SLOW_PING = 1.0  # seconds
_MANY = 8  # names that one line repeats

NO_PRESENCE = {
    "settings": 'finesse.presence = "none": none is ever sent',
    "signed_in": (
        "not sent: the agent is signed in, and ours would end with the check; where no other"
        " session shows the agent as present, Finesse's 60 s timer would begin to sign it out"
    ),
    "unknown": "not sent: Finesse did not say whether the agent is signed in",
}


def presence(seen: Visited, why_not: str | None) -> Verdict:
    """Say whether the server sent our presence back; `why_not`: a key of NO_PRESENCE."""
    if why_not is not None:
        return skipped(NO_PRESENCE[why_not])
    if seen.reflected:
        return good("the server sent our presence back")
    return doubtful(
        "the server did not send our presence back",
        Cause(
            "the service has not taken it up: messages may not be delivered",
            "check again; a session that sees no reflection goes on when a ping is answered",
        ),
    )


def ping(seen: Visited) -> Verdict:
    """Say how long a ping took; a refusal is an answer, too."""
    if seen.ping is None:
        return failed(
            f"no answer to a ping: {seen.ping_refused or 'silence'}",
            Cause(
                "the service or a middlebox let the connection go without a word",
                "look at idle limits of firewalls between here and the node (sessions ping every"
                " 10 s), and at the load of the notification service",
            ),
        )
    told = f" (refused: {seen.ping_refused}; that is an answer)" if seen.ping_refused else ""
    saw = f"answered after {seen.ping * 1000:.0f} ms{told}"
    if seen.ping <= SLOW_PING:
        return good(saw)
    return doubtful(
        saw,
        Cause(
            "the way to the node or the notification service is slow: outcomes come late",
            "look at the load of both machines and at the network between them",
        ),
    )


def finesse_user(seen: Visited) -> Verdict:
    """Say whether the user `finesse`, the web application's own, is available."""
    if not seen.shown:
        return skipped("unknown: it is told only to those who send presence themselves")
    if seen.finesse is None:
        return doubtful(
            "not seen, so unknown",
            Cause(
                "the service tells a session of it a moment after the presence, or not at all",
                "nothing to do while SystemInfo says IN_SERVICE",
            ),
        )
    if seen.finesse:
        return good("available")
    return failed(
        "unavailable",
        Cause(
            "the web application publishes nothing: it is down, or has lost the notification"
            " service",
            "`utils service list` on the node; restart Cisco Finesse Tomcat in a quiet hour",
        ),
    )


def subscriptions(
    agent: str, seen: Visited, *, signed_in: bool | None, by_itself: bool, daemon: bool
) -> Verdict:
    """Say what the agent is subscribed to.

    `by_itself`: the daemon subscribes itself (presence "none"), so automatic ones are not needed.
    `daemon`: one runs on this machine, so that explicit ones of ours may be its own.
    """
    if seen.subscriptions is None:
        return failed(
            f"no list: {seen.list_detail}",
            Cause(
                "the pubsub service does not answer, or SystemInfo names another one",
                "look at xmppPubSubDomain in SystemInfo, and at the notification service's logs",
            ),
        )
    automatic, ours, others = _sorted(agent, seen.subscriptions)
    saw = _told(automatic, ours, others)
    missing = sorted(_needed(agent) - {node.casefold() for node in automatic})
    if missing and signed_in and not by_itself:
        return failed(f"{saw}; missing: {', '.join(missing)}", *_missing(agent))
    if missing and not by_itself:
        return doubtful(
            f"{saw}; missing: {', '.join(missing)}",
            Cause(
                "Finesse subscribes an agent by itself at sign-in, and this one is signed out",
                "check again when the agent is signed in",
            ),
        )
    return _with_ours(saw, ours, daemon=daemon)


def of_listeners(seen: Visited) -> int:
    """Return how many explicit subscriptions of listeners there are."""
    found = seen.subscriptions or ()
    ours = (one.jid.partition("/")[2].startswith(stanzas.RESOURCE_PREFIX) for one in found)
    return sum(ours)


def _with_ours(saw: str, ours: list[Subscription], *, daemon: bool) -> Verdict:
    if not ours or daemon:
        return good(saw)
    sessions = sorted({one.jid.partition("/")[2] for one in ours})
    return doubtful(
        saw,
        Cause(
            f"no daemon runs here, and there are subscriptions of {_some(sessions)}: of a listener"
            " on another machine, or left by one that was killed",
            "a daemon removes them when it connects for that agent; two daemons must not serve"
            " the same agent",
        ),
    )


def _needed(agent: str) -> set[str]:
    nodes = (uris.user_node(agent), uris.dialogs_node(agent), uris.SYSTEM_INFO)
    return {node.casefold() for node in nodes}


def _missing(agent: str) -> tuple[Cause, ...]:
    return (
        Cause(
            f"Finesse has not subscribed agent {agent} on this node: after a change-over of the"
            " nodes, or a restart of the notification service in mid sign-in",
            "have the agent sign out and in again; subscriptions are not shared by the nodes",
        ),
        Cause(
            "the site's notification service does not make them for this agent",
            'set finesse.presence = "none", with which sessions subscribe themselves',
        ),
    )


def _sorted(
    agent: str, found: Iterable[Subscription]
) -> tuple[list[str], list[Subscription], list[Subscription]]:
    """Part subscriptions into automatic ones, explicit ones of listeners, and those of others."""
    automatic: list[str] = []
    ours: list[Subscription] = []
    others: list[Subscription] = []
    own = stanzas.own_nodes(agent)
    for one in found:
        resource = one.jid.partition("/")[2]
        if resource.startswith(stanzas.RESOURCE_PREFIX):
            ours.append(one)
        elif not resource and (stanzas.is_automatic(one.node, agent) or one.node in own):
            automatic.append(one.node)
        else:
            others.append(one)
    return automatic, ours, others


def _told(automatic: list[str], ours: list[Subscription], others: list[Subscription]) -> str:
    parts = [f"{len(automatic)} automatic"]
    if ours:
        parts.append(f"{len(ours)} of listeners ({_some(sorted({o.node for o in ours}))})")
    if others:
        parts.append(f"{len(others)} of others ({_some(sorted({o.jid for o in others}))})")
    return ", ".join(parts)


def _some(names: list[str]) -> str:
    more = f" and {len(names) - _MANY} more" if len(names) > _MANY else ""
    return ", ".join(names[:_MANY]) + more
