"""Whether a request has left is known to the moment, wherever its sending is broken off."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import suppress
from dataclasses import dataclass, field

import pytest
import trustme

from listener.correlation.outcome import Abandoned, Reason, Rejected
from listener.finesse.actions import Hold
from listener.rest import AnswerKind, RestLimits
from listener.service import Service, Wishes
from listener.translation import RestWire
from tests.builders import CALL
from tests.shell.dropin_stage import action, fronting
from tests.shell.rest_server import HANG, asking, http, listening, put, serving
from tests.shell.stage import until

DIALOG = "/finesse/api/Dialog/54321"
MOST_TURNS = 400
"""Turns of the loop in which a request has certainly left, on any machine."""


@dataclass
class Taking:
    """A server that reads whatever comes and never answers."""

    came: bytearray = field(default_factory=bytearray)
    open: int = 0
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        self.open += 1
        try:
            while part := await reader.read(4096):
                self.came += part
        finally:
            self.open -= 1
            self.ended.set()

    async def all_ended(self) -> None:
        while self.open:
            self.ended.clear()
            await self.ended.wait()


@pytest.fixture(scope="module")
def ca():
    return trustme.CA()


@pytest.mark.parametrize("encrypted", [False, True])
async def test_sending_that_is_broken_off_anywhere_has_told_first_that_bytes_leave(ca, encrypted):
    """Cancelled after 0, 1, 2, ... turns of the loop, until it left before it was cancelled."""
    theirs = ours = None
    if encrypted:
        theirs, ours = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
        ca.issue_cert("127.0.0.1").configure_cert(theirs)
        ca.configure_trust(ours)
    stayed = 0
    for turns in range(MOST_TURNS):
        taking, left = Taking(), []
        async with listening(taking, theirs) as port:
            node = f"{'https' if encrypted else 'http'}://127.0.0.1:{port}"
            async with asking(node, tls=ours) as rest:
                sending = asyncio.create_task(send(rest, lambda left=left: left.append(True)))
                for _ in range(turns):
                    await asyncio.sleep(0)
                told = bool(left)
                sending.cancel()
                with suppress(asyncio.CancelledError):
                    await sending
            await asyncio.wait_for(taking.all_ended(), 20)
        assert left == ([True] if told else []), turns
        if not told:
            assert bytes(taking.came) == b"", turns
            stayed += 1
        elif taking.came:
            break
    assert stayed > 3
    assert taking.came


def send(rest, leaves):
    return rest.send(
        "1001",
        method="PUT",
        path="/finesse/api/Dialog/100",
        body=b"<Dialog/>",
        request_id="r-1",
        leaves=leaves,
    )


async def test_nothing_leaves_when_it_is_told_not_to_in_the_last_moment():
    def not_now() -> None:
        raise asyncio.CancelledError

    async with (
        serving(http(202)) as first,
        serving(http(202)) as second,
        asking(first.url, second.url) as rest,
    ):
        with pytest.raises(asyncio.CancelledError):
            await send(rest, not_now)
        assert (first.seen, second.connections) == ([], 0)
        assert (await put(rest, "next")).kind is AnswerKind.ACCEPTED
    assert [seen.headers["requestid"] for seen in first.seen] == ["next"]


def hold(agent: str) -> Hold:
    return Hold(agent=agent, dialog_id=CALL, target_media_address=agent)


class _Ears:
    async def ping(self, agent, within):
        return True

    def serving(self, *, in_service):
        pass


async def test_request_without_a_connection_at_its_deadline_is_rejected_and_never_seen():
    """Beside one that has the only connection, and of which nobody knows."""
    async with (
        serving(HANG) as server,
        asking(server.url, agents=("1001", "1002"), limits=RestLimits(max_connections=1)) as rest,
    ):
        service = Service(RestWire(rest), _Ears())
        first = service.submit(hold("1001"), Wishes(require_session=False))
        await server.arrived.wait()
        second = service.submit(hold("1002"), Wishes(deadline=0.3, require_session=False))
        never = await second.outcome()
        first.abandon()
        perhaps = await first.outcome()
        assert await service.all_sent(20)
        await service.close()
    assert (type(never), never.reason) == (Rejected, Reason.EXPIRED_IN_QUEUE)
    assert (never.sent, second.record.sent) == (False, None)
    assert (type(perhaps), first.record.sent is None) == (Abandoned, False)
    assert [seen.headers["requestid"] for seen in server.seen] == [first.request_id]


async def test_the_drop_ins_request_has_left_when_its_first_byte_may_have():
    async with fronting(HANG) as (server, books, place):
        call = asyncio.create_task(place.put(DIALOG, action("HOLD")))
        await server.arrived.wait()
        (record,) = books.service.records.values()
        assert record.sent is not None
        books.service.abandon(record.key)
        await until(lambda: record.outcome is not None)
        assert record.outcome.kind == "abandoned"
        await asyncio.gather(call, return_exceptions=True)
