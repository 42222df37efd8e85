"""What both ways of publishing through a real server share: accounts, presence, connections.

Knows a server in another process (`tests/integration/servers.py`), the users on it and who of them
is there. Must not know how an item is published: that is `owner`'s and `component`'s.
"""

from __future__ import annotations

import asyncio
import secrets
import ssl
from typing import TYPE_CHECKING

from listener.simulator.interfaces import Form
from listener.simulator.pubsub import bare_of, new_item_id
from listener.simulator.xmpp_xml import Element, attribute
from tests.integration.publishing.relay import Cut, Link, Relay
from tests.integration.publishing.roll import Roll
from tests.integration.publishing.stream import Refused, Stream
from tests.integration.servers import PUBLISHER

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.integration.servers import Server

FINESSE = "finesse"
PING = "urn:xmpp:ping"
_STANZAS = "urn:ietf:params:xml:ns:xmpp-stanzas"
_MARK = 16_000  # bytes; more than a session hears by chance while one question is answered
_ATTEMPTS = 5


class ServerSide:
    """The notification side of a simulator, made of a real server; heirs say how is published.

    `passwords` are those of the agents: `start` makes their accounts, and those of `finesse` and
    `publisher` where there are none. Agents connect to `tls_port`, a relay in front of the server,
    and trust `ca_pem`; they see `finesse` in their rosters. `failures` stays empty but for bugs,
    `unpublished` counts the items that the server was not there for.
    """

    def __init__(self, server: Server, passwords: Mapping[str, str]) -> None:
        self.domain = server.domain
        self.pubsub_domain = server.pubsub_domain
        self.ca_pem = server.ca_file.read_bytes()
        self.roll = Roll()
        self.failures: list[Exception] = []
        self.unpublished = 0
        self._server = server
        self._agents = dict(passwords)
        self._own = {
            name: server.accounts.get(name) or f"{name}-{server.component_secret}"
            for name in (FINESSE, PUBLISHER)
        }
        self._resource = secrets.token_hex(4)  # several sides may share a server
        self._tls = ssl.create_default_context(cadata=self.ca_pem.decode())
        self._relay = Relay(("127.0.0.1", server.ports.tls))
        self._turn = asyncio.Lock()  # calls wait in their order
        self._finesse: Stream | None = None
        self._own_line: Stream | None = None

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._server!r}>"

    @property
    def tls_port(self) -> int | None:
        """Where agents connect; None before `start`."""
        return self._relay.port

    @property
    def line(self) -> Stream:
        """The stream of the publishing account or component, which also learns who is there."""
        if self._own_line is None:
            raise ConnectionError(f"{self!r} is not signed in")
        return self._own_line

    # -- life ----------------------------------------------------------------------------------

    async def start(self, host: str = "127.0.0.1", *, tls_port: int | None = 0) -> None:
        """Make the accounts, introduce them to each other, and take connections."""
        await asyncio.to_thread(self._make_accounts)
        await self._settle_in()
        await self._relay.start(host, tls_port or 0)

    async def resume(self) -> None:
        """Sign in again after the server was down, once it runs; what it forgot is made anew.

        Agents may come back before or meanwhile. Until then `publish` reaches nobody.
        """
        await self._sign_out()
        await self._settle_in()

    async def _settle_in(self) -> None:
        self._finesse = await self.sign_in(FINESSE, self._resource, self._meet)
        self._finesse.send("<presence/>")
        self._own_line = await self.open_line()
        async with asyncio.TaskGroup() as group:
            for agent in self._agents:
                group.create_task(self._introduce(agent))
        await self.prepare()

    async def stop(self) -> None:
        """Break every connection and sign out; idempotent."""
        await self._relay.stop()
        await self._sign_out()

    async def _sign_out(self) -> None:
        for stream in (self._own_line, self._finesse):
            if stream is not None:
                await stream.close()
                self.failures += [stream.failure] if stream.failure is not None else []
        self._own_line = self._finesse = None

    async def open_line(self) -> Stream:
        """Return the stream by which is published; its presence stanzas are for `roll`."""
        raise NotImplementedError

    async def put(self, node: str, payload: str, item_id: str, form: Form) -> int:
        """Publish one item; return the sessions that it went to. Raises ConnectionError."""
        raise NotImplementedError

    async def prepare(self) -> None:
        """Do what has to be done before anybody connects."""

    def _make_accounts(self) -> None:
        for user, password in (self._agents | self._own).items():
            self._server.add_account(user, password)

    async def sign_in(
        self,
        user: str,
        resource: str,
        on_stanza: Callable[[Element], None],
        on_end: Callable[[], None] | None = None,
    ) -> Stream:
        """Sign in as one of the accounts, at the server itself."""
        return await Stream.of_account(
            ("127.0.0.1", self._server.ports.tls),
            domain=self.domain,
            user=user,
            password=(self._agents | self._own)[user],
            resource=resource,
            tls=self._tls,
            on_stanza=on_stanza,
            on_end=on_end,
        )

    async def sign_in_publisher(self) -> Stream:
        """Sign in the account `publisher`, which is told of the agents' presence."""
        stream = await self.sign_in(PUBLISHER, self._resource, self.heard, self.roll.clear)
        stream.send("<presence/>")
        return stream

    # -- who knows whom ------------------------------------------------------------------------

    def bare(self, user: str) -> str:
        """Return the bare JID of a user."""
        return f"{user}@{self.domain}"

    def _meet(self, stanza: Element) -> None:
        """Let everybody see `finesse` who asks."""
        if stanza.local == "presence" and stanza.attributes.get("type") == "subscribe":
            assert self._finesse is not None
            self._finesse.send(_presence("subscribed", stanza.attributes.get("from", "")))

    async def _introduce(self, agent: str) -> None:
        """Let the agent see `finesse`, and us see the agent: as its own client, for a moment."""
        met = asyncio.Event()

        def heard(stanza: Element) -> None:
            kind, sender = stanza.attributes.get("type"), stanza.attributes.get("from", "")
            if stanza.local == "presence" and kind == "subscribe":
                stream.send(_presence("subscribed", bare_of(sender)))
            elif bare_of(sender) == self.bare(FINESSE) and kind is None:
                met.set()

        stream = await self.sign_in(agent, "introduction", heard)
        try:
            stream.send("<presence/>")
            stream.send(_presence("subscribe", self.bare(FINESSE)))
            own = self.line.jid if "@" not in self.line.jid else None
            self.line.send(_presence("subscribe", self.bare(agent), sender=own))
            await self.roll.until(lambda: bool(self.roll.sessions(stream.jid)))
            async with asyncio.timeout(20):
                await met.wait()
        finally:
            await stream.close()
        await self.roll.until(lambda: not self.roll.sessions(stream.jid))

    def heard(self, stanza: Element) -> None:
        """Take in a stanza of the line that is no answer."""
        if stanza.local == "presence":
            self.roll.take(stanza)
        elif stanza.local == "iq":
            self.line.send(_no_service(stanza))

    # -- what a simulator wants ----------------------------------------------------------------

    async def publish(
        self, node: str, payload: str, *, item_id: str | None = None, form: Form = Form.ESCAPED
    ) -> int:
        """Publish one item; return to how many sessions it went when the server has taken it.

        Order of calls is order of arrival. Sessions without presence are not counted, though a full
        JID may have subscribed without it. 0 when the server is down, or goes down meanwhile: who
        heard the item then lost the session with it.
        """
        try:
            async with self._turn:
                return await self.put(node, payload, item_id or new_item_id(), form)
        except ConnectionError:
            self.unpublished += 1
            return 0

    def present(self, user: str) -> bool:
        """Say whether any session of that user is available (presence sent, priority >= 0)."""
        return bool(self.roll.sessions(self.bare(user)))

    def set_finesse_presence(self, *, available: bool) -> None:
        """Set the presence of the user `finesse`; the server tells whoever sees it."""
        if self._finesse is None:
            raise RuntimeError(f"{self!r} was not started")
        self._finesse.send("<presence/>" if available else "<presence type='unavailable'/>")

    async def cut(self, user: str, how: Cut = Cut.CLOSE) -> int:
        """Break the user's connections; return how many, once the server has noticed each."""
        before = {jid: self.roll.left[jid] for jid in self.roll.sessions(self.bare(user))}
        links = [await self._link_of(jid) for jid in before]
        for link in links:
            link.cut(how)
        await self.roll.until(lambda: all(self.roll.left[jid] > n for jid, n in before.items()))
        return len(links)

    async def _link_of(self, jid: str) -> Link:
        """Find the connection of a session: it is the one that grows when much is sent to it."""
        for attempt in range(1, _ATTEMPTS + 1):
            size = _MARK * attempt
            before = {link: link.to_client for link in self._relay.links}
            await self.hears(jid, padding="x" * size)
            grown = [link for link, old in before.items() if link.to_client - old >= size]
            if len(grown) == 1:
                return grown[0]
        raise RuntimeError(f"which connection is {jid}'s could not be found out")

    async def hears(self, jid: str, *, padding: str = "") -> bool:
        """Ping a session; True when it has answered, so that it has read all that came before.

        A refusal is taken for an absent session: the program under test answers its pings.
        """
        body = f"<ping xmlns='{PING}'>{padding}</ping>"
        sender = self.line.jid if "@" not in self.line.jid else ""
        try:
            return await self.line.ask("get", jid, body, look=lambda _: True, sender=sender)
        except Refused:
            return False


def _presence(kind: str, to: str, sender: str | None = None) -> str:
    return f"<presence{attribute('type', kind)}{attribute('to', to)}{attribute('from', sender)}/>"


def _no_service(iq: Element) -> str:
    return (
        f"<iq type='error'{attribute('id', iq.attributes.get('id'))}"
        f"{attribute('to', iq.attributes.get('from'))}{attribute('from', iq.attributes.get('to'))}>"
        f"<error type='cancel'><service-unavailable xmlns='{_STANZAS}'/></error></iq>"
    )
