"""The reader of Finesse's REST answers: mutated answers to every question that is asked."""

from __future__ import annotations

import asyncio
import re
from contextlib import AsyncExitStack
from typing import Any

from listener.errors import ListenerError
from listener.finesse.model import SystemInfo, Update
from listener.rest import Answer, AnswerKind, Basic, Rest, RestLimits, Snapshot
from tests.fuzz import corpus
from tests.fuzz.mutate import Mutator
from tests.fuzz.target import Case, Target, hold
from tests.shell.rest_server import asking, http, listening, put

_ACCEPTED = re.compile(rb"HTTP/[0-9]\.[0-9] 202(?![0-9])")
_FOUND = re.compile(rb"HTTP/[0-9]\.[0-9] 200(?![0-9])")
_ABSENT = re.compile(rb"HTTP/[0-9]\.[0-9] 404(?![0-9])")
GOOD = http(202, b"", "requestId: id-1")


class RestTarget(Target):
    """A case is what the server writes to a request before it closes the connection."""

    name = "rest"
    fresh_after = 1000
    tokens = (
        *(b"HTTP/1.1 202 \r\n", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 404 \r\n", b"HTTP/1.1 100 \r\n"),
        *(b"HTTP/1.0 401 \r\n", b"HTTP/1.1 ", b"\r\n", b"\n", b"\r\n\r\n", b"\n\n", b": ", b" "),
        *(b"Content-Length: 5\r\n", b"Content-Length: 0\r\n", b"Content-Length: -1\r\n"),
        *(b"Transfer-Encoding: chunked\r\n", b"Transfer-Encoding: gzip, chunked\r\n", b"0\r\n\r\n"),
        *(b"Content-Encoding: gzip\r\n", b"Content-Encoding: br\r\n", b"Connection: close\r\n"),
        *(b"requestId: id-1\r\n", b"requestId: id-2\r\n", b"Location: //x/finesse/api/User/1\r\n"),
        *(b"Location: /finesse/api/User/1\r\n", b"Location: http://[::1\r\n", b"5\r\nabcde\r\n"),
        *(b"Set-Cookie: a=b; Domain=x\r\n", b"Content-Type: application/xml\r\n", b"Date: x\r\n"),
        *(b"<Dialogs/>", b"<Dialog><id>7</id></Dialog>", b"<ApiErrors><ApiError/></ApiErrors>"),
        *(b"<User>", b"</User>", b"<SystemInfo>", b"</SystemInfo>", b"<!DOCTYPE x>", b"\x1f\x8b"),
        *(b"\0", b"\xff", b"ffffffffffffffff\r\n", b"Upgrade: h2c\r\n", b"\xc3\xa4"),
    )  # fmt: skip

    async def start(self) -> None:
        """Serve whatever the case says."""
        self._told = GOOD
        self._stack = AsyncExitStack()
        port = await self._stack.enter_async_context(listening(self._serve))
        limits = RestLimits(max_body=256 * 1024)
        self._rest: Rest = await self._stack.enter_async_context(
            asking(f"http://127.0.0.1:{port}", limits=limits)
        )

    async def stop(self) -> None:
        """End all of it."""
        await self._stack.aclose()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"\r\ncontent-length: (\d+)", head.lower())
        await reader.readexactly(int(length[1]) if length else 0)
        writer.write(self._told)
        await writer.drain()

    def mutated(self, mutator: Mutator) -> Case:
        """Change an answer's bytes, or its body's XML."""
        answer = mutator.chance.choice(corpus.answers())
        other = mutator.chance.choice(corpus.answers())
        head, _, body = answer.partition(b"\r\n\r\n")
        if body.startswith(b"<") and mutator.chance.random() < 0.4:
            told = mutator.xml(body.decode()).encode("utf-8", "replace")
            status = head.partition(b"\r\n")[0].split()[1]
            return (http(int(status), told),)
        return (mutator.octets(answer, other),)

    def made(self, pieces: list[bytes]) -> Case:
        """Take the pieces as one answer."""
        return (b"".join(pieces),)

    async def check(self, case: Case) -> None:
        """Ask everything, and be told that once; then a good answer is understood."""
        self._rest.set_credentials("1001", Basic("1001", "secret"))  # no cookie of the case before
        self._told = case[0]
        answer: Any = await put(self._rest)
        hold(isinstance(answer, Answer), "an answer is an Answer")
        hold(
            answer.kind is not AnswerKind.ACCEPTED or _ACCEPTED.search(case[0]),
            "nothing but 202 is an acceptance",
        )
        hold(answer.kind is not AnswerKind.NOT_SENT, "what was sent is never said not to be")
        for got in (
            await self._rest.dialogs("1001"),
            await self._rest.dialog("1001", "7"),
            await self._rest.user("1001"),
        ):
            self._shown(got, case[0])
        try:
            info = await self._rest.system_info()
        except ListenerError as refused:
            hold(len(str(refused)) < 2000, "a refusal is one sentence")
        else:
            hold(isinstance(info, SystemInfo), "a SystemInfo is one")
            hold(_FOUND.search(case[0]), "and came with a 200")
        self._told = GOOD
        answer = await put(self._rest)
        hold(answer.kind is AnswerKind.ACCEPTED, "a good answer after a bad one is understood")

    @staticmethod
    def _shown(got: Snapshot, octets: bytes) -> None:
        hold(got.update is None or isinstance(got.update, Update), "an update is an Update")
        hold(not got.found or _FOUND.search(octets), "only a 200 shows something")
        hold(not got.absent or _ABSENT.search(octets), "only a 404 shows an absence")
