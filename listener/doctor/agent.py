"""One agent's way: the account over REST, then one login at each node, and what it shows.

Knows when nothing may be tried again: five refused passwords lock an account.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from listener.doctor import hearing, logins
from listener.doctor.findings import Family, skipped
from listener.doctor.probes import finesse as rest_probe
from listener.doctor.probes import stream as stream_probe
from listener.doctor.seen import UserSeen, Wrong
from listener.doctor.steps import What
from listener.settings import Presence
from listener.wiring import credentials, session_timings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from listener import settings as configuration
    from listener.doctor.findings import Verdict
    from listener.doctor.node import NodeWalk
    from listener.doctor.seen import Answered, Visited
    from listener.doctor.steps import Notes

_REFUSED = (401,)
_SESSION_STEPS = ("presence", "ping", "subscriptions", "finesse")


class AgentWalk:
    """One agent at all nodes. `refused`: its credentials were refused, whoever tried them.

    Afterwards `user` is what REST showed (None: nothing), `dialogs` how many there are, and
    `heard_at` the nodes at which a session worked, `others` how many subscriptions of listeners
    there are.
    """

    def __init__(
        self,
        agent: configuration.Agent,
        settings: configuration.Settings,
        *,
        refused: bool,
        daemon: bool,
    ) -> None:
        self.agent = agent
        self.user: UserSeen | None = None
        self.dialogs = 0
        self.heard_at: list[str] = []
        self.others = 0
        self._settings = settings
        self._refused = "they were refused when SystemInfo asked for them" if refused else ""
        self._daemon = daemon

    def __repr__(self) -> str:
        return f"<AgentWalk {self.agent.id}>"

    async def walk(self, notes: Notes, nodes: Sequence[NodeWalk]) -> None:
        """Do the steps at each node in turn."""
        for node in nodes:
            vouched = await self._account(notes, node)
            await self._dialogs(notes, node, vouched=vouched)
            await self._session(notes, node, vouched=vouched)

    def _what(self, id_: str, family: Family, did: str, node: NodeWalk) -> What:
        return What(id_, family, did, node.name, self.agent.id)

    # -- REST ---------------------------------------------------------------------------------

    async def _account(self, notes: Notes, node: NodeWalk) -> bool:
        """Say whether the node's REST side takes the credentials."""
        agent = self.agent
        what = self._what("account", Family.LOGIN, f"GET User/{agent.id} in its own name", node)
        if self._refused:
            notes.skip(what, f"the credentials are not tried again: {self._refused}")
            return False
        if not node.in_service:
            notes.skip(what, node.no_api)
            return False
        node.rest.set_credentials(agent.id, credentials(agent))
        sso = agent.token is not None
        seen, _ = await notes.look(
            what,
            rest_probe.ask_user(node.rest, agent.id),
            lambda seen: logins.account(agent.id, seen, agent.extension, sso=sso),
        )
        if seen.answer.status in _REFUSED:
            self._refused = f"REST refused them at {node.name}"
            return False
        if seen.answer.found:
            self.user = seen
        return seen.answer.found

    async def _dialogs(self, notes: Notes, node: NodeWalk, *, vouched: bool) -> None:
        agent = self.agent.id
        what = self._what("dialogs", Family.PERMISSION, f"GET User/{agent}/Dialogs", node)
        if not vouched:
            notes.skip(what, "needs the step account")
            return

        def say(found: tuple[Answered, int]) -> Verdict:
            return logins.dialogs(agent, *found)

        (_, self.dialogs), _ = await notes.look(what, rest_probe.ask_dialogs(node.rest, agent), say)

    # -- XMPP ---------------------------------------------------------------------------------

    async def _session(self, notes: Notes, node: NodeWalk, *, vouched: bool) -> None:
        agent = self.agent
        what = self._what("login", Family.LOGIN, "log in to the notification service", node)
        endpoint = node.endpoint
        if self._refused:
            self._skip_all(notes, what, node, f"not tried: {self._refused}; {logins.ONE_TRY}")
            return
        if endpoint is None:
            self._skip_all(notes, what, node, node.why_not)
            return
        why_not = self._why_not()
        sso = agent.token is not None
        seen, well = await notes.look(
            what,
            stream_probe.visit(
                agent.id,
                agent.xmpp_secret.get_secret_value,
                endpoint,
                tls=node.tls,
                timings=session_timings(self._settings),
                show=why_not is None,
            ),
            lambda seen: logins.session(agent.id, seen, vouched=vouched, sso=sso),
        )
        if seen.wrong is Wrong.CREDENTIALS:
            self._refused = f"the notification service refused them at {node.name}"
        if not well:
            self._skip_rest(notes, node)
            return
        self.heard_at.append(node.name)
        self.others += hearing.of_listeners(seen)
        self._look_at(notes, node, seen, why_not)

    def _why_not(self) -> str | None:
        """Say why no presence may be sent (a key of NO_PRESENCE), or None."""
        if self._settings.finesse.presence is Presence.NONE:
            return "settings"
        signed_in = self.user.signed_in if self.user is not None else None
        if signed_in is None:
            return "unknown"
        return "signed_in" if signed_in else None

    def _look_at(self, notes: Notes, node: NodeWalk, seen: Visited, why_not: str | None) -> None:
        signed_in = self.user.signed_in if self.user is not None else None
        by_itself = self._settings.finesse.presence is Presence.NONE
        verdicts = {
            "presence": hearing.presence(seen, why_not),
            "ping": hearing.ping(seen),
            "subscriptions": hearing.subscriptions(
                self.agent.id, seen, signed_in=signed_in, by_itself=by_itself, daemon=self._daemon
            ),
            "finesse": hearing.finesse_user(seen),
        }
        for id_ in _SESSION_STEPS:
            notes.note(self._session_step(id_, node), verdicts[id_])

    def _session_step(self, id_: str, node: NodeWalk) -> What:
        did, family = _SESSION_WORDS[id_]
        return self._what(id_, family, did, node)

    def _skip_all(self, notes: Notes, login: What, node: NodeWalk, why: str) -> None:
        notes.skip(login, why)
        self._skip_rest(notes, node)

    def _skip_rest(self, notes: Notes, node: NodeWalk) -> None:
        for id_ in _SESSION_STEPS:
            notes.note(self._session_step(id_, node), skipped("needs the step login"))


_SESSION_WORDS = {
    "presence": ("be present, as sessions are", Family.SESSION),
    "ping": ("ping the server", Family.SESSION),
    "subscriptions": ("list the agent's subscriptions", Family.SUBSCRIPTIONS),
    "finesse": ("see whether the user finesse is available", Family.SUBSCRIPTIONS),
}
