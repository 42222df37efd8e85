"""The REST client of one Finesse deployment: agents, their credentials and cookies, two nodes.

Knows who asks and where; knows nothing of pending requests or evidence. Nothing is ever sent twice:
another node is tried only when not one byte of the request had left for the first.
"""

from __future__ import annotations

import asyncio
import ssl
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

import httpx

from listener.errors import (
    CertificateRefused,
    CredentialsRefused,
    InvalidRequest,
    NotFinesse,
    Unreachable,
)
from listener.finesse import uris
from listener.finesse.body import Element
from listener.finesse.model import Kind, SystemInfo
from listener.finesse.wire import render
from listener.rest import checks, judge
from listener.rest.callers import Caller, Turns
from listener.rest.doubts import Doubts
from listener.rest.flow import Raw
from listener.rest.nodes import Nodes
from listener.rest.reaching import Message, Reach
from listener.rest.values import RestLimits, RestTimings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from listener.rest.values import Answer, Credentials, Snapshot

_UNAUTHORIZED, _ERROR = 401, 500
_NO_TURN = "other requests of that agent, or doubt about its password, took all the time there was"
_STARTING = "Finesse Tomcat on that node starts or has a fault: `utils service list` there"


class Rest:
    """Sends requests to Finesse and reads snapshots from it.

    `nodes` are addresses such as https://finesse1.example.com:8445, the preferred one first; kept
    as `Nodes`, which a `Forwarder` may share. `tls` is a context for REST alone (the client sets
    its ALPN); None trusts the system's CAs. Credentials stay in memory. Raises ConfigurationError
    for addresses that cannot work.
    """

    def __init__(
        self,
        nodes: Sequence[str] | Nodes,
        *,
        tls: ssl.SSLContext | None = None,
        timings: RestTimings | None = None,
        limits: RestLimits | None = None,
        user_agent: str = "finesse-listener",
    ) -> None:
        self.nodes = nodes if isinstance(nodes, Nodes) else Nodes(nodes)
        self._timings = timings or RestTimings()
        self._callers: dict[str, Caller] = {}
        # They outlive credentials: requests that wait keep their order when these are replaced.
        self._turns: WeakValueDictionary[str, Turns] = WeakValueDictionary()
        self.refused: Callable[[str, str], None] = lambda _agent, _why: None
        """Told of each agent whose credentials a snapshot showed to be refused, and of the words;
        not of credentials that were replaced meanwhile."""
        self._doubts = Doubts(
            lambda agent: self._get(agent, uris.user_node(agent)), self._callers.get, self._tell
        )
        self._reach = Reach(
            self.nodes,
            tls=tls or ssl.create_default_context(),
            timings=self._timings,
            limits=limits or RestLimits(),
            user_agent=user_agent,
        )

    def __repr__(self) -> str:
        return f"<Rest {', '.join(self.nodes)}; {len(self._callers)} agents>"

    def set_credentials(self, agent: str, credentials: Credentials) -> None:
        """Set what that agent signs in with; cookies of earlier credentials are dropped."""
        self.forget(agent)
        turns = self._turns.setdefault(agent, Turns())
        self._callers[agent] = Caller(credentials, turns)

    def forget(self, agent: str) -> None:
        """Drop the agent's credentials and cookies; nothing happens when there are none."""
        if (caller := self._callers.pop(agent, None)) is not None:
            caller.undoubted.set()
            caller.turns.tell()

    def taken(self, agent: str) -> None:
        """Hear that SASL took the agent's credentials."""
        if (caller := self._callers.get(agent)) is not None:
            caller.taken()

    def prefer(self, node: str) -> None:
        """Ask that node first from now on; raises ConfigurationError when it is not configured."""
        self.nodes.prefer(node)

    def trust(self, tls: ssl.SSLContext) -> None:
        """Make connections with another context from now on."""
        self._reach.trust(tls)

    async def aclose(self) -> None:
        """Close all connections. Let running calls end first, or they end in doubt."""
        await self._doubts.aclose()
        await self._reach.aclose()

    async def send(
        self,
        agent: str,
        *,
        method: str,
        path: str,
        body: Element | bytes | None = None,
        request_id: str | None,
        credentials: Credentials | None = None,
        leaves: Callable[[], None] = lambda: None,
    ) -> Answer:
        """Send one request once and say what was answered. Redirects are not followed.

        Where Finesse has not taken the agent's credentials for a while, few go out at once, in the
        order in which they came; and none while it is found out whether they are refused. A 401 to
        this one has that found out beside (`refused`), so that no further request helps to lock the
        account. Waits for its turn no longer than `total`, and for that no longer than
        `wait_for_connection`; then it was not sent.

        `path` is already escaped and below /finesse/api/. `request_id` is needed by all but GET and
        HEAD, which carry none. `credentials` are used for this request alone, in place of the
        agent's own and without cookies. `leaves` is called in the moment before the first byte may
        leave; what it raises goes through, and nothing leaves. Raises InvalidRequest, before
        anything is sent, for what cannot be put into a request. When cancelled behind `leaves`, the
        request may have been sent.
        """
        checks.check_method(method)
        checks.check_path(path)
        checks.check_request_id(method, request_id)
        content = render(body) if isinstance(body, Element) else body
        safe = method in checks.SAFE_METHODS
        if safe and content is not None:
            raise InvalidRequest(f"a {method} has no body")
        message = Message(method, path, content, None if safe else request_id, leaves)
        if credentials is None:
            raw = await self._send(agent, message)
        else:
            raw = await self._reach.reach(agent, Caller(credentials), message, self._reach.until())
        return judge.answer(raw, message.request_id)

    async def _send(self, agent: str, message: Message) -> Raw:
        until = self._reach.until()
        async with AsyncExitStack() as turn:
            try:
                caller = await self._turn(agent, turn, until, get=False)
            except TimeoutError:
                return Raw("", trouble=_NO_TURN)
            raw = await self._reach.reach(agent, caller, message, until)
            if caller is not None and judge.login_refused(raw):
                self._doubts.begin(agent, caller)  # before the turn ends: the next one waits
        return raw

    async def dialogs(self, agent: str) -> Snapshot:
        """Return the agent's voice dialogs."""
        return await self._shown(agent, uris.dialogs_node(agent), frozenset({Kind.DIALOGS}))

    async def dialog(self, agent: str, dialog_id: str) -> Snapshot:
        """Return one dialog as that agent may see it, or say that Finesse does not have it."""
        kinds = frozenset({Kind.DIALOG})
        return await self._shown(agent, uris.dialog_path(dialog_id), kinds, one_dialog=True)

    async def user(self, agent: str, user_id: str | None = None) -> Snapshot:
        """Return the agent's own user, or that of `user_id` as the agent may see it."""
        return await self._shown(agent, uris.user_node(user_id or agent), frozenset({Kind.USER}))

    async def system_info(self, *, agent: str | None = None, node: str | None = None) -> SystemInfo:
        """Return the state of `node`, else of the first that can be reached.

        Asked without credentials, or with those of `agent`.
        Raises Unreachable, CertificateRefused, CredentialsRefused (a 401) or NotFinesse, in words;
        CredentialsRefused, too, where one more refusal of these would be too many (see `busy`).
        """
        caller = self._callers.get(agent) if agent is not None else None
        if caller is not None and not caller.may_lend:
            raise CredentialsRefused(_refused(agent))
        nodes = self.nodes.order() if node is None else (self.nodes.known(node),)
        raw = await self._get(agent, uris.SYSTEM_INFO, nodes)
        update = judge.read(raw)
        if update is not None and update.system_info is not None and raw.status == httpx.codes.OK:
            return update.system_info
        if raw.certificate:
            raise CertificateRefused(raw.trouble)
        words = judge.says(raw, update.errors if update is not None else ())
        if raw.status is None or not raw.whole:
            raise Unreachable(words)
        if raw.status >= _ERROR:
            raise Unreachable(f"{words}: {_STARTING}")
        if raw.status == _UNAUTHORIZED:
            if agent is not None and caller is not None:
                self._doubts.count(agent, caller)
            raise CredentialsRefused(f"{words}: {_refused(agent)}")
        raise NotFinesse(f"{words}: that is not Finesse's SystemInfo")

    def busy(self, agent: str) -> bool:
        """Say whether so much is on its way with that agent's login that it is not lent now."""
        caller = self._callers.get(agent)
        return caller is not None and caller.busy

    def took_since(self, agent: str, when: float) -> bool:
        """Say whether Finesse took that agent's login since then (the loop's clock)."""
        caller = self._callers.get(agent)
        return caller is not None and caller.taken_at > when

    def doubt(self, agent: str) -> None:
        """Have it found out beside whether Finesse takes that agent's login; `refused` hears."""
        if (caller := self._callers.get(agent)) is not None:
            self._doubts.ask(agent, caller)

    async def _shown(
        self, agent: str, path: str, kinds: frozenset[Kind], *, one_dialog: bool = False
    ) -> Snapshot:
        """GET a path in an agent's name, with what it signs in with when its turn comes."""
        until = self._reach.until()
        async with AsyncExitStack() as turn:
            try:
                caller = await self._turn(agent, turn, until, get=True)
            except TimeoutError:
                return judge.snapshot(Raw("", trouble=_NO_TURN), kinds)
            raw = await self._get(agent, path, until=until)
            shown = judge.snapshot(raw, kinds, one_dialog=one_dialog)
            if caller is not None and shown.refused:
                if one_dialog:
                    self._doubts.begin(agent, caller)
                    await caller.undoubted.wait()
                else:
                    self._doubts.tell(agent, caller, shown.detail)
        return shown

    async def _turn(
        self, agent: str, turn: AsyncExitStack, until: float, *, get: bool
    ) -> Caller | None:
        """Wait for a turn, which `turn` ends; return in whose name a request of the agent goes out.

        Credentials may be replaced meanwhile; those are returned that nobody doubts. None: without.
        Raises TimeoutError when it did not come `until` then; doubt is not waited for any longer
        than a connection, for whoever asked is to hear in time that nothing was sent.
        """
        patience = asyncio.get_running_loop().time() + self._timings.wait_for_connection
        async with asyncio.timeout_at(until):
            if (caller := self._callers.get(agent)) is not None:
                proven = caller.proven(asyncio.get_running_loop().time())
                await turn.enter_async_context(caller.turns.one(get=get, proven=proven))
        alone = False
        async with asyncio.timeout_at(min(patience, until)):
            while (caller := self._callers.get(agent)) is not None:
                if not caller.undoubted.is_set():
                    await caller.undoubted.wait()
                elif caller.refusals and not alone:
                    await turn.enter_async_context(caller.turns.alone)
                    alone = True
                elif not caller.may_go:
                    await caller.turns.news.wait()
                else:
                    return caller
            return None

    def _tell(self, agent: str, why: str) -> None:
        self.refused(agent, why)  # whoever that is by now

    async def _get(
        self,
        agent: str | None,
        path: str,
        nodes: tuple[str, ...] = (),
        *,
        until: float | None = None,
    ) -> Raw:
        """GET a path in an agent's name, or without any, whoever's turn it is."""
        caller = Caller(None) if agent is None else self._callers.get(agent)
        return await self._reach.get(agent, caller, path, nodes, until=until)


def _refused(agent: str | None) -> str:
    """Say of a SystemInfo that was refused with whose credentials, and what to do."""
    if agent is None:
        return "SystemInfo wants a login there, and no agent's password that it may take is at hand"
    return (
        f"SystemInfo took no login of agent {agent} either: see whether that password is right"
        " (new one, then `listener reload`), and what stands in front of Finesse, such as a proxy"
    )
