"""A tiny XMPP server that does what a test tells it, well or badly."""

from __future__ import annotations

import asyncio
import base64
import re
import ssl
from contextlib import asynccontextmanager, suppress
from xml.sax.saxutils import escape, quoteattr

import trustme

DOMAIN = "finesse.test"
PUBSUB = f"pubsub.{DOMAIN}"
AGENT = "1001"
PASSWORD = "s3cret-pass"  # throw-away
NODE = f"/finesse/api/User/{AGENT}/Dialogs"
EVENT = "http://jabber.org/protocol/pubsub#event"
SASL = "urn:ietf:params:xml:ns:xmpp-sasl"
TLS = "urn:ietf:params:xml:ns:xmpp-tls"
BIND = "urn:ietf:params:xml:ns:xmpp-bind"

_TOKEN = re.compile(
    rb"<stream:stream[^>]*>|</stream:stream>|<(?P<tag>iq|presence|auth|starttls|message)\b"
    rb"(?:[^>]*/>|.*?</(?P=tag)>)",
    re.DOTALL,
)


class Authority:
    """One throw-away CA and the certificates of a test run."""

    def __init__(self) -> None:
        self.ca = trustme.CA()

    def server(self, *names: str, **more) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.ca.issue_cert(*names, **more).configure_cert(context)
        return context

    def client(self) -> ssl.SSLContext:
        from listener.trust import client_context  # noqa: PLC0415 - tests of tls patch it

        context = client_context(None)
        self.ca.configure_trust(context)
        return context


class Stream:
    """One connection as the server sees it."""

    def __init__(self, server, reader, writer, *, secure) -> None:
        self.server, self.reader, self.writer = server, reader, writer
        self.secure = secure
        self.user = self.jid = None
        self.heard: list[str] = []

    def send(self, text: str | bytes) -> None:
        self.writer.write(text if isinstance(text, bytes) else text.encode())

    def push(self, payload: str, *, node=NODE, sender=PUBSUB, item="i1") -> None:
        self.send(message(payload, node=node, sender=sender, item=item, to=self.jid or ""))

    def cut(self) -> None:
        self.writer.transport.abort()

    async def run(self) -> None:
        data = b""
        while chunk := await self.reader.read(65536):
            data += chunk
            while found := _TOKEN.search(data):
                data = data[found.end() :]
                if await self.token(found.group().decode()):
                    return

    async def token(self, text: str) -> bool:
        self.heard.append(text)
        if self.server.intercept is not None and await self.server.intercept(self, text):
            return False
        if text.startswith("<stream:stream"):
            self.header()
        elif text.startswith("</stream"):
            self.send("</stream:stream>")
            return True
        elif text.startswith("<starttls"):
            self.send(f"<proceed xmlns='{TLS}'/>")
            await self.writer.drain()
            await self.writer.start_tls(self.server.context)
            self.secure = True
        elif text.startswith("<auth"):
            self.auth(text)
        elif text.startswith("<presence"):
            if "unavailable" not in text and self.server.reflects:
                self.send(f"<presence from='{self.jid}' to='{self.jid}'/>")
        elif text.startswith("<iq"):
            self.iq(text)
        return False

    def header(self) -> None:
        if self.user:
            features = f"<bind xmlns='{BIND}'/>"
        elif not self.secure and self.server.starttls:
            features = f"<starttls xmlns='{TLS}'><required/></starttls>"
        else:
            offered = "".join(f"<mechanism>{m}</mechanism>" for m in self.server.mechanisms)
            features = f"<mechanisms xmlns='{SASL}'>{offered}</mechanisms>"
        self.send(f"{HEADER}<stream:features>{features}</stream:features>")

    def auth(self, text: str) -> None:
        self.server.auths.append(text)
        secret = base64.b64decode(re.sub(r"<[^>]*>", "", text)).decode()
        _, user, password = secret.split("\0")
        if password != self.server.password:
            self.send(f"<failure xmlns='{SASL}'><{self.server.failure}/></failure>")
            return
        self.user = user
        self.send(f"<success xmlns='{SASL}'/>")

    def iq(self, text: str) -> None:
        ask, kind = attribute(text, "id"), attribute(text, "type")
        if kind in {"result", "error"}:
            return
        sender = attribute(text, "to")
        body = ""
        if "<bind" in text:
            found = re.search(r"<resource>(.*?)</resource>", text)
            self.jid = f"{self.user}@{DOMAIN}/{found.group(1)}"
            self.server.bound.append(self)
            self.server.arrived.set()
            body = f"<bind xmlns='{BIND}'><jid>{self.jid}</jid></bind>"
        elif "pubsub" in text:
            body = self.pubsub(text)
        elif "urn:xmpp:ping" in text:
            self.server.pings += 1
            if self.server.frozen:
                return
        of = f" from={quoteattr(sender)}" if sender else ""
        if body.startswith("<error"):
            self.send(f"<iq type='error' id={quoteattr(ask)}{of}>{body}</iq>")
        else:
            self.send(f"<iq type='result' id={quoteattr(ask)}{of}>{body}</iq>")

    def pubsub(self, text: str) -> str:
        books, node, jid = (
            self.server.subscriptions,
            attribute(text, "node"),
            attribute(text, "jid"),
        )
        if "<subscriptions" in text:
            rows = "".join(
                f"<subscription node={quoteattr(n)} jid={quoteattr(j)} subscription='subscribed'/>"
                for n, j in sorted(books)
            )
            return f"<pubsub xmlns='x'><subscriptions>{rows}</subscriptions></pubsub>"
        if node in self.server.forbidden:
            return "<error type='auth'><forbidden xmlns='x'/></error>"
        if "<unsubscribe" in text:
            books.discard((node, jid))
            return ""
        books.add((node, jid))
        row = f"<subscription node={quoteattr(node)} jid={quoteattr(jid)}/>"
        return f"<pubsub xmlns='x'>{row}</pubsub>"


HEADER = (
    "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'"
    f" from='{DOMAIN}' id='1' version='1.0'>"
)


class ScriptedServer:
    """Answers like a good server unless its attributes say otherwise.

    `intercept(stream, text)` sees each token first and returns True when it has dealt with it;
    `greet(stream)` replaces the whole conversation.
    """

    def __init__(self, context=None, *, direct=False, starttls=False) -> None:
        self.context, self.direct, self.starttls = context, direct, starttls
        self.password, self.failure = PASSWORD, "not-authorized"
        self.mechanisms = ["PLAIN"]
        self.intercept = self.greet = None
        self.reflects, self.frozen = True, False
        self.auths: list[str] = []
        self.bound: list[Stream] = []
        self.streams: list[Stream] = []
        self.subscriptions: set[tuple[str, str]] = set()
        self.forbidden: set[str] = set()
        self.connections = self.pings = 0
        self.arrived, self.connected = asyncio.Event(), asyncio.Event()
        self._tasks: set[asyncio.Task] = set()

    async def start(self, port: int = 0) -> int:
        context = self.context if self.direct else None
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", port, ssl=context)
        self.port = self._server.sockets[0].getsockname()[1]
        return self.port

    async def _serve(self, reader, writer) -> None:
        self.connections += 1
        self.connected.set()
        self._tasks.add(asyncio.current_task())
        stream = Stream(self, reader, writer, secure=self.direct)
        self.streams.append(stream)
        try:
            with suppress(OSError, ssl.SSLError):
                await (self.greet(stream) if self.greet else stream.run())
        except asyncio.CancelledError:
            pass
        finally:
            self._tasks.discard(asyncio.current_task())
            writer.close()

    async def stop(self) -> None:
        self._server.close()
        for stream in self.streams:
            stream.cut()
        for task in list(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(list(self._tasks), timeout=5)
        await self._server.wait_closed()


@asynccontextmanager
async def running(context=None, **kinds):
    server = ScriptedServer(context, **kinds)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


async def until(holds) -> None:
    """Wait until a condition of the test holds; 20 s at the most."""
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.002)


def attribute(text: str, name: str) -> str:
    found = re.search(rf"\b{name}=(\"([^\"]*)\"|'([^']*)')", text)
    return (found.group(2) or found.group(3) or "") if found else ""


def message(payload, *, node=NODE, sender=PUBSUB, item="i1", to="") -> str:
    return items_message(item_of(payload, item), node=node, sender=sender, to=to)


def item_of(payload: str, item: str) -> str:
    wrapper = f"<notification xmlns='http://jabber.org/protocol/pubsub'>{escape(payload)}"
    return f"<item id='{item}'>{wrapper}</notification></item>"


def items_message(items: str, *, node=NODE, sender=PUBSUB, to="") -> str:
    return (
        f"<message from='{sender}' to='{to}'><event xmlns='{EVENT}'>"
        f"<items node={quoteattr(node)}>{items}</items></event></message>"
    )


# --- sessions of ours towards such a server ---

PATIENT = {"connect": 20, "reflect": 10, "ping_every": 60, "ping_answer": 20, "ask": 10, "close": 5}


def session_to(server, *, security="plain", heard=None, tls=None, host="localhost", **kinds):
    """Return a Session of the test's agent; waits that a test is not about are long."""
    from listener.xmpp.session import Endpoint, Session, Timings  # noqa: PLC0415 - see above

    waits = {key: kinds.pop(key) for key in PATIENT if key in kinds}
    names = {key: kinds.pop(key) for key in ("certificate_name", "domain") if key in kinds}
    endpoint = Endpoint(
        host,
        server.port,
        names.get("domain", DOMAIN),
        PUBSUB,
        security,
        names.get("certificate_name"),
    )
    take = (lambda _: None) if heard is None else heard.append
    kinds = {"resource": "listener-test", "on_notification": take} | kinds
    return Session(
        kinds.pop("agent", AGENT),
        kinds.pop("password", lambda: PASSWORD),
        endpoint,
        tls=tls or ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
        timings=Timings(**(PATIENT | waits)),
        **kinds,
    )


@asynccontextmanager
async def opened(server, **kinds):
    session = session_to(server, **kinds)
    await session.open()
    try:
        yield session
    finally:
        await session.close(graceful=False)
