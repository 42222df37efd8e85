"""The local API and the drop-in, over real sockets: mutated bytes of HTTP, mutated JSON and XML."""

from __future__ import annotations

import asyncio
import re
import tempfile
from contextlib import AsyncExitStack, suppress
from pathlib import Path

from listener.correlation.desk import Limits as Books_
from listener.terms import Policy
from listener.web.gatekeeping import Guarded
from listener.web.server import Limits, WebServer
from listener.web.sockets import unix_socket
from tests.fuzz import corpus
from tests.fuzz.corpus import SECRET
from tests.fuzz.mutate import Mutator
from tests.fuzz.target import Case, Target, hold
from tests.shell.api_rig import Rig
from tests.shell.dropin_stage import fronting
from tests.shell.rest_server import Server, http

API, DROPIN = b"api", b"dropin"
DOCUMENTED = frozenset({501, 502, 503, 504, 505})
"""What of 5xx docs/api.md and docs/dropin.md name; 500 means a fault of this program."""
_STATUS = re.compile(rb"HTTP/1\.1 (\d\d\d) [A-Z]")
_PATIENCE = 30.0
_LIMITS = Limits(body_bytes=256 * 1024, body_seconds=60, header_seconds=60, stalled_seconds=1)


class _Endless(list[object]):
    """A script that answers every request alike."""

    def __len__(self) -> int:
        return 1 << 60

    def __getitem__(self, _: object) -> object:
        return http(202, b"", "Connection: close")


class ApiTarget(Target):
    """A case is which server (`API` or `DROPIN`), and what a client writes to it."""

    name = "api"
    fresh_after = 300
    tokens = tuple(token.encode("latin-1") for token in (
        *("GET ", "POST ", "DELETE ", "PUT ", "HEAD ", " HTTP/1.1\r\n", " HTTP/1.0\r\n", "\r\n"),
        *("/v1/requests", "/v1/agents/agent1", "/v1/events", "/v1/expectations", "/v1/errors/34"),
        *("/finesse/api/User/1001001", "/finesse/api/Dialog/100", "/finesse/api/../x", "%2f", "%"),
        *("Host: localhost\r\n", "Content-Length: 5\r\n", "Content-Length: 05, 5\r\n", "\r\n\r\n"),
        *("Transfer-Encoding: chunked\r\n", "Expect: 100-continue\r\n", "Connection: close\r\n"),
        *("Content-Type: application/json\r\n", "Content-Encoding: gzip\r\n", "Upgrade: h2c\r\n"),
        *("Prefer: wait=0\r\n", "Idempotency-Key: \r\n", "requestId: \xff\r\n", "Origin: null\r\n"),
        *("Authorization: Basic Og==\r\n", "Authorization: Bearer x\r\n", "Last-Event-ID: -1\r\n"),
        *('{"agent":"agent1","requestedAction":"HOLD","dialogId":"100"}', "{", "}", '"', ":", "[["),
        *("<Dialog><requestedAction>HOLD</requestedAction></Dialog>", "<User>", "<!DOCTYPE x>"),
        *("0\r\n\r\n", "5\r\nabcde\r\n", "\0", "\xff", "\n", " ", "?wait=9", "?agent=a&x", "#"),
        *('"requestId":"x"', '"deadline":1e9', '"\\ud800"', "null", "1e999", "NaN", "9" * 400),
    ))  # fmt: skip

    async def start(self) -> None:
        """Serve the API at a Unix socket, and a drop-in before a scripted Finesse."""
        self._stack = AsyncExitStack()
        folder = self._stack.enter_context(tempfile.TemporaryDirectory())
        policy = Policy(limits=Books_(max_pending_per_agent=20), deadline=1.0)
        self._rig = Rig(policy)
        self._rig.up()
        self._rig.chronicle.close()  # a stream of events ends at once
        self._path = str(Path(folder) / "api.sock")
        guarded = Guarded(self._rig.app, tokens=lambda: None)
        self._web = WebServer(guarded, [unix_socket(Path(self._path))], name="api", limits=_LIMITS)
        await self._web.start()
        server, _, place = await self._stack.enter_async_context(
            fronting(limits=_LIMITS, requests=policy)
        )
        self._behind: Server = server
        server.script = _Endless()
        self._port = int(place.url.rpartition(":")[2])

    async def stop(self) -> None:
        """End all of it."""
        await self._web.close(0)
        await self._stack.aclose()
        await self._rig.service.close()

    def mutated(self, mutator: Mutator) -> Case:
        """Change a request's bytes, or the value in its body, whose length is then told anew."""
        where = mutator.chance.choice((API, API, DROPIN))
        calls = corpus.calls() if where == API else corpus.passed_on()
        call, other = mutator.chance.choice(calls), mutator.chance.choice(calls)
        head, _, body = call.partition(b"\r\n\r\n")
        if body and mutator.chance.random() < 0.6:
            body = mutator.json(body) if body[:1] == b"{" else _xml(mutator, body)
            told = re.sub(rb"Content-Length: \d+", b"Content-Length: %d" % len(body), head)
            return (where, told + b"\r\n\r\n" + body)
        return (where, *mutator.slices(mutator.octets(call, other)))

    def made(self, pieces: list[bytes]) -> Case:
        """Send the pieces, each alone."""
        return (DROPIN if len(pieces) % 3 == 0 else API, *(piece for piece in pieces if piece))

    async def check(self, case: Case) -> None:
        """Send it; whatever is answered is documented, tells no secret, and harms nobody else."""
        where, *pieces = case
        told = await self._told(where, pieces)
        for status in _STATUS.findall(told):
            hold(int(status) < 500 or int(status) in DOCUMENTED, f"{int(status)} is documented")
        hold(SECRET.encode() not in told, "no answer tells a secret")
        good = corpus.calls()[9] if where == API else corpus.passed_on()[4]
        told = await self._told(where, [good])
        hold(re.match(rb"HTTP/1\.1 20[02] ", told), "a good request after a bad one is answered")
        self._behind.seen.clear()

    async def _told(self, where: bytes, pieces: list[bytes]) -> bytes:
        async with asyncio.timeout(_PATIENCE):
            if where == API:
                reader, writer = await asyncio.open_unix_connection(self._path)
            else:
                reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
            told = b""
            try:
                with suppress(ConnectionError):
                    for piece in pieces:
                        writer.write(piece)
                        await writer.drain()
                    writer.write_eof()
                with suppress(ConnectionError):
                    while piece := await reader.read(65536):
                        told += piece
            finally:
                writer.transport.abort()
        return told


def _xml(mutator: Mutator, body: bytes) -> bytes:
    return mutator.xml(body.decode()).encode("utf-8", "replace")
