"""An XMPP session over a real loopback stream: hostile stanzas and bytes between good ones."""

from __future__ import annotations

import asyncio
import itertools
import xml.etree.ElementTree as ET
from contextlib import suppress

from listener.finesse.model import Notification
from listener.xmpp.contract import Cause
from listener.xmpp.parser import LONGEST_NAME
from listener.xmpp.session import Session
from tests.fuzz import corpus
from tests.fuzz.mutate import Mutator
from tests.fuzz.target import Case, Target, hold
from tests.shell.api_rig import Rig
from tests.shell.scripted_xmpp import HEADER, ScriptedServer, Stream, message, session_to

GOOD_HERE = b""
"""In a case: a good stanza goes out here."""
_CLIENT, _STREAMS = "{jabber:client}", "{http://etherx.jabber.org/streams}"
_PATIENCE = 20.0
_OURS = {Cause.PING_TIMEOUT, Cause.CLOSED_BY_US}
"""Causes that no bytes of a server make at once."""


def good(number: int) -> str:
    """Return a payload that nothing else resembles."""
    return (
        "<Update><event>PUT</event><source>/finesse/api/Dialog/5</source><requestId/><data>"
        f"<dialog><id>5</id><fromAddress>good-{number}</fromAddress></dialog></data></Update>"
    )


class SessionTarget(Target):
    """A case is what the server writes, piece by piece; `GOOD_HERE` stands for a good stanza."""

    name = "session"
    fresh_after = 200
    tokens = tuple(token.encode("utf-8", "surrogatepass") for token in (
        *("<message>", "</message>", "<message from='pubsub.finesse.test'>", "<iq type='get'/>"),
        *("<event xmlns='http://jabber.org/protocol/pubsub#event'>", "</event>", "<items>"),
        *("<item>", "</item>", "<notification>", "</notification>", "<presence/>", "<x:y/>", "<"),
        *("<stream:error>", "</stream:error>", "</stream:stream>", "<stream:stream>", "<?x y?>"),
        *("<!--", "-->", "<![CDATA[", "]]>", "<!DOCTYPE x [", "<?xml version='1.0'?>", "&lt;", ">"),
        *("&#0;", "&x;", "&#xD800;", "\0", "\ud800", "\ufeff", "\ufffe", " ", "\n", "é", "'", "="),
        *("xmlns='jabber:client'", "xmlns:x='jabber:client}message'", "a='1' a='2'", "<a>", "</a>"),
        *("<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><x/></failure>", "<body>", "</body>"),
    ))  # fmt: skip

    async def start(self) -> None:
        """Run a server, and a service for what the session hears."""
        self._rig = Rig()
        self._rig.up()
        self._server = ScriptedServer()
        await self._server.start()
        self._session: Session | None = None
        self._stream: Stream | None = None
        self._heard: list[str] = []
        self._numbers = itertools.count(1)

    async def stop(self) -> None:
        """End all of it."""
        if self._session is not None:
            await self._session.close(graceful=False)
        await self._server.stop()
        await self._rig.service.close()
        self._rig.chronicle.close()

    # -- cases ---------------------------------------------------------------------------------

    def mutated(self, mutator: Mutator) -> Case:
        """Put bad stanzas between good ones: bad payloads, bad trees, bad bytes, cut anywhere."""
        pieces: list[bytes] = []
        for _ in range(mutator.chance.choice((1, 1, 2, 4))):
            pieces += mutator.slices(self._bad(mutator))
            if mutator.chance.random() < 0.7:
                pieces.append(GOOD_HERE)
        return tuple(pieces)

    def _bad(self, mutator: Mutator) -> bytes:
        chance = mutator.chance
        match chance.choice(("payload", "payload", "tree", "tree", "octets")):
            case "payload":
                payload = mutator.xml(chance.choice(corpus.payloads()))
                return message(_as_text(payload)).encode("utf-8", "replace")
            case "tree":
                stanza = chance.choice(corpus.stanzas()).decode()
                root = mutator.xml(_rooted(stanza))
                return _inside(root).encode("utf-8", "replace")
            case _:
                return mutator.octets(chance.choice(corpus.stanzas()), corpus.stanzas()[0])

    def made(self, pieces: list[bytes]) -> Case:
        """Each piece is written alone; an empty one is a good stanza."""
        return tuple(pieces)

    # -- what must hold ------------------------------------------------------------------------

    async def check(self, case: Case) -> None:
        """Write it all; see that what is well-formed harms nothing, and the rest one session."""
        session, stream = await self._opened()
        self._heard.clear()
        whole, sent = b"", []
        for piece in (*case, GOOD_HERE):
            if piece == GOOD_HERE:
                sent.append(good(next(self._numbers)))
            octets = piece or message(sent[-1], item=f"good-{len(sent)}").encode()
            whole += octets
            with suppress(ConnectionError):
                stream.send(octets)
                await stream.writer.drain()
        survives, expected = _meaning(whole, sent)
        if survives:
            hold(await session.ping(_PATIENCE), "a session outlives what is well-formed")
            hold(self._goods() == expected, "every good event is heard, in its order")
            return
        with suppress(ConnectionError):
            stream.send(b"\0")  # ends whatever was left open
            await stream.writer.drain()
        async with asyncio.timeout(_PATIENCE):
            ending = await session.closed()
        self._session = None
        stream.cut()
        hold(ending.cause not in _OURS, "what the server wrote is the cause")
        hold(len(ending.detail) < 500, "an ending is told in one sentence")
        hold(self._goods() == sent[: len(self._goods())], "no event out of its order")

    async def _opened(self) -> tuple[Session, Stream]:
        if self._session is None:
            session = session_to(self._server, on_notification=self._hear)
            await session.open()
            self._session, self._stream = session, self._server.bound[-1]
            self._server.bound[:] = self._server.bound[-1:]
            self._server.streams[:] = self._server.streams[-1:]
            self._server.auths.clear()
        assert self._stream is not None
        self._stream.heard.clear()
        return self._session, self._stream

    def _hear(self, notification: Notification) -> None:
        self._heard.append(notification.payload)
        self._rig.service.hear(notification)

    def _goods(self) -> list[str]:
        return [payload for payload in self._heard if "<fromAddress>good-" in payload]


def _as_text(payload: str) -> str:
    """Return a payload without what no XML can carry, not even escaped."""
    return "".join(each for each in payload if each in "\t\n" or each >= " ")


def _rooted(stanza: str) -> str:
    return f"{HEADER}{stanza}</stream:stream>"


def _inside(document: str) -> str:
    """Return what stands in the root, each with the namespaces that it needs."""
    try:
        root = ET.fromstring(document)
    except ET.ParseError:
        return document
    return "".join(ET.tostring(child, encoding="unicode") for child in root)


def _meaning(whole: bytes, sent: list[str]) -> tuple[bool, list[str]]:
    """Say whether a session outlives these bytes, and which good payloads it must hear."""
    if b"\0" in whole:
        return False, []
    try:
        root = ET.fromstring(HEADER.encode() + whole + b"</stream:stream>")
    except (ET.ParseError, ValueError):
        return False, []
    if any(child.tag == f"{_STREAMS}error" for child in root):
        return False, []
    names = [name for each in root.iter() for name in (each.tag, *each.attrib)]
    if max(map(len, names)) > LONGEST_NAME:
        return False, []
    texts = ["".join(child.itertext()) for child in root if child.tag == f"{_CLIENT}message"]
    return True, [payload for payload in sent if payload in texts]
