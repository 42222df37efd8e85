"""A client of a simulated node that only listens, written without any of the program's own code."""

from __future__ import annotations

import asyncio
import base64
import ssl
from html import unescape
from typing import Any

import httpx

from listener.simulator.assembly import Simulator
from listener.simulator.users import AgentSpec

PATIENCE = 40.0
_STREAM = "xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'"


class Ear:
    """A session of an agent at one node."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self.writer = reader, writer
        self._heard = ""

    @classmethod
    async def open(cls, simulator: Simulator, agent: AgentSpec, number: int = 0) -> Ear:
        """Sign in at that node, and be available."""
        node = simulator.nodes[number]
        domain = node.notifications.domain
        ear = cls(
            *await asyncio.open_connection(
                node.host, node.xmpp_port, ssl=trusting(simulator), server_hostname=domain
            )
        )
        token = base64.b64encode(f"\0{agent.id}\0{agent.password}".encode()).decode()
        await ear._features(domain)
        sasl = "urn:ietf:params:xml:ns:xmpp-sasl"
        ear.say(f"<auth xmlns='{sasl}' mechanism='PLAIN'>{token}</auth>")
        await ear.until("<success")
        await ear._features(domain)
        bind = "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>ear</resource></bind>"
        ear.say(f"<iq type='set' id='b'>{bind}</iq><presence/>")
        await ear.until("<presence")
        await ear.sync()
        return ear

    def say(self, xml: str) -> None:
        self.writer.write(xml.encode())

    async def _features(self, domain: str) -> None:
        self.say(f"<stream:stream to='{domain}' {_STREAM}>")
        await self.until("</stream:features>")

    async def until(self, mark: str) -> str:
        """Return everything up to and with the mark."""
        async with asyncio.timeout(PATIENCE):
            while mark not in self._heard:
                data = await self._reader.read(65536)
                assert data, f"the stream ended before {mark!r}"
                self._heard += data.decode()
        found, _, self._heard = self._heard.partition(mark)
        return found + mark

    async def sync(self) -> str:
        """Return all that came until now, payloads read: the stream is ordered, a ping ends it."""
        self.say("<iq type='get' id='fence'><ping xmlns='urn:xmpp:ping'/></iq>")
        before = await self.until('id="fence"')
        await self.until("</iq>")
        return unescape(before)

    async def ended(self) -> bool:
        """Wait for the end; say whether it was a reset."""
        try:
            async with asyncio.timeout(PATIENCE):
                while await self._reader.read(65536):
                    pass
        except ConnectionResetError:
            return True
        return False


def trusting(simulator: Simulator) -> ssl.SSLContext:
    """Return a client context that trusts the simulator."""
    return ssl.create_default_context(cadata=simulator.ca_pem.decode())


def rest(simulator: Simulator, agent: AgentSpec, number: int = 0, **how: Any) -> httpx.AsyncClient:
    """Return a REST client of an agent for that node."""
    return httpx.AsyncClient(
        base_url=simulator.nodes[number].rest_url + "/finesse/api",
        auth=(agent.id, agent.password),
        verify=trusting(simulator),
        **({"timeout": PATIENCE} | how),
    )
