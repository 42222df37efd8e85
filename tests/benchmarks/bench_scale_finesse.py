"""Finesse's side of `bench_scale`, a process of its own: its pubsub service and its REST server.

    python -m tests.benchmarks.bench_scale_finesse FOLDER COMPONENT_PORT

The pubsub service is a component of prosody (XEP-0114), as it is of Finesse's own server, and sends
each agent's event straight to the agent: prosody routes one stanza per event. The REST server shows
each agent with one call. It takes one command per connection, a line of JSON, at a port of its own,
and answers with one; both ports are in `FOLDER/side.json`.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
import re
import signal
import ssl
import sys
import time
import xml.etree.ElementTree as ET
from contextlib import suppress
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

from tests.benchmarks.bench_scale_side import DOMAIN, PUBSUB, SECRET, dialog, message, user

SEED = 2026  # of the moments at which events are published
COARSE = 0.002  # seconds: the loop's timers ring up to a millisecond late


def moments(count: int, rate: float) -> list[float]:
    """Return when so many events are due, in seconds: as they come from many who do not agree."""
    drawn, at = random.Random(SEED), 0.0
    found = []
    for _ in range(count):
        at += drawn.expovariate(rate)
        found.append(at)
    return found


class Component:
    """Finesse's pubsub service: answers who asks for subscriptions, and publishes."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._writer: asyncio.StreamWriter | None = None
        self.events: dict[str, int] = {}

    @property
    def up(self) -> bool:
        """Whether the server has taken it."""
        return self._writer is not None

    async def run(self) -> None:
        """Be connected, again and again."""
        while True:
            with suppress(OSError, ET.ParseError, asyncio.IncompleteReadError):
                await self._connected()
            self._writer = None
            await asyncio.sleep(0.05)

    async def _connected(self) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        parser, depth = ET.XMLPullParser(("start", "end")), 0
        writer.write(
            f"<stream:stream xmlns='jabber:component:accept' to='{PUBSUB}'"
            " xmlns:stream='http://etherx.jabber.org/streams'>".encode()
        )
        try:
            while data := await reader.read(65536):
                parser.feed(data)
                for kind, element in parser.read_events():
                    depth += 1 if kind == "start" else -1
                    if kind == "start" and depth == 1:
                        digest = hashlib.sha1((element.get("id", "") + SECRET).encode())
                        writer.write(f"<handshake>{digest.hexdigest()}</handshake>".encode())
                    elif kind == "end" and depth == 1:
                        self._heard(element, writer)
        finally:
            writer.close()

    def _heard(self, element: ET.Element, writer: asyncio.StreamWriter) -> None:
        name = element.tag.rpartition("}")[2]
        if name == "handshake":
            self._writer = writer
        elif name == "iq" and element.get("type") in {"get", "set"}:
            body = "<pubsub xmlns='http://jabber.org/protocol/pubsub'><subscriptions/></pubsub>"
            writer.write(
                f"<iq type='result' id={quoteattr(element.get('id', ''))} from='{PUBSUB}'"
                f" to={quoteattr(element.get('from', ''))}>{body}</iq>".encode()
            )

    async def publish(self, to: list[str], rate: float, seconds: float) -> dict[str, Any]:
        """Publish to one agent after the other; return when each went out and how late the last.

        An event goes at its own moment, however the one before it was delayed.
        """
        due_all = moments(int(rate * seconds), rate)
        began, late, sent = time.perf_counter(), 0.0, []
        for number, due in enumerate(due_all):
            await _until(began + due)
            agent = to[number % len(to)]
            turn = self.events[agent] = self.events.get(agent, 0) + 1
            assert self._writer is not None
            sent.append(time.perf_counter())
            late = max(late, sent[-1] - began - due)
            self._writer.write(message(agent, turn))
        return {"published": len(sent), "sent": sent, "late": late}


async def _until(moment: float) -> None:
    """Wait for a moment as exactly as the system does; nothing else is to be done meanwhile."""
    left = moment - time.perf_counter()
    await asyncio.sleep(left - COARSE if left > COARSE else 0)
    if (left := moment - time.perf_counter()) > 0:
        time.sleep(left)  # noqa: ASYNC251 - at most what the loop's timer cannot tell


class Rest(asyncio.Protocol):
    """One connection of the REST server; knows GET alone and reads no more than the path."""

    _PATH = re.compile(rb"^GET /finesse/api/(?:User/(\d+)(/Dialogs)?|(SystemInfo)) ")
    requests = 0

    def __init__(self, component: Component) -> None:
        self._component = component
        self._got = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer each whole request."""
        self._got += data
        while b"\r\n\r\n" in self._got:
            head, _, self._got = self._got.partition(b"\r\n\r\n")
            Rest.requests += 1
            self._transport.write(self._answer(head))

    def _answer(self, head: bytes) -> bytes:
        found = self._PATH.match(head)
        if found is None:
            return b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"
        body = self._body(found).encode()
        return (
            b"HTTP/1.1 200 OK\r\ncontent-type: application/xml\r\ncontent-length: %d\r\n\r\n%b"
            % (len(body), body)
        )

    def _body(self, found: re.Match[bytes]) -> str:
        if found[3]:
            return (
                "<SystemInfo><deploymentType>UCCE</deploymentType><status>IN_SERVICE</status>"
                f"<xmppDomain>{DOMAIN}</xmppDomain><xmppPubSubDomain>{PUBSUB}</xmppPubSubDomain>"
                "</SystemInfo>"
            )
        agent = found[1].decode()
        if not found[2]:
            return user(agent)
        return f"<Dialogs>{dialog(agent, self._component.events.get(agent, 0), 'Dialog')}</Dialogs>"


async def serve(folder: Path, component_port: int) -> None:
    """Be the REST and the pubsub side until killed."""
    component = Component(component_port)

    async def command(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = json.loads(await reader.readline())
        answer: dict[str, Any] = {"requests": Rest.requests}
        if component.up:
            answer["component"] = True
        if asked["do"] == "begin":  # anew: every call as it was before its first event
            component.events.clear()
        if asked["do"] == "publish":
            answer |= await component.publish(asked["to"], asked["rate"], asked["seconds"])
        writer.write(json.dumps(answer).encode() + b"\n")
        await writer.drain()
        writer.close()

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.crt", folder / "server.key")
    loop = asyncio.get_running_loop()
    rest = await loop.create_server(lambda: Rest(component), "127.0.0.1", 0, ssl=context)
    control = await asyncio.start_server(command, "127.0.0.1", 0, limit=2**20)
    ports = {
        "rest": rest.sockets[0].getsockname()[1],
        "control": control.sockets[0].getsockname()[1],
    }
    running = asyncio.create_task(component.run())
    (folder / "side.new").write_text(json.dumps(ports))
    (folder / "side.new").rename(folder / "side.json")
    await running


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who started it ends it
    asyncio.run(serve(Path(sys.argv[1]), int(sys.argv[2])))
