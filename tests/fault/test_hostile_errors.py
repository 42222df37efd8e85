"""Every way in which a server ends a stream (RFC 6120 section 4.9.3): what is done about it.

Also: no redirect is followed, no error makes a loop, and what the server says of itself is no log.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import pytest
from structlog.testing import capture_logs

from listener.errors import NotFinesse, ResourceConflict, Unreachable
from listener.xmpp.contract import Cause
from listener.xmpp.handshakes import Handshakes
from listener.xmpp.link import Link, LinkState
from listener.xmpp.policy import Backoff, Remedy, classify
from tests.shell.scripted_xmpp import HEADER, PASSWORD, Stream, opened, running, session_to, until

STREAMS = "urn:ietf:params:xml:ns:xmpp-streams"
CONDITIONS = {
    "bad-format": Remedy.RETRY,
    "bad-namespace-prefix": Remedy.RETRY,
    "conflict": Remedy.STOP,  # the two would throw each other out in turns
    "connection-timeout": Remedy.RETRY,
    "host-gone": Remedy.RETRY,
    "host-unknown": Remedy.RETRY,
    "improper-addressing": Remedy.RETRY,
    "internal-server-error": Remedy.RETRY,
    "invalid-from": Remedy.RETRY,
    "invalid-id": Remedy.RETRY,  # of RFC 3920
    "invalid-namespace": Remedy.RETRY,
    "invalid-xml": Remedy.RETRY,
    "not-authorized": Remedy.RETRY,  # the next login tells whether it is the password
    "not-well-formed": Remedy.RETRY,
    "policy-violation": Remedy.RETRY,
    "remote-connection-failed": Remedy.RETRY,
    "reset": Remedy.RETRY,
    "resource-constraint": Remedy.RETRY,
    "restricted-xml": Remedy.RETRY,
    "see-other-host": Remedy.RETRY,  # to the host that is configured
    "system-shutdown": Remedy.RETRY,
    "undefined-condition": Remedy.RETRY,
    "unsupported-encoding": Remedy.RETRY,
    "unsupported-feature": Remedy.RETRY,
    "unsupported-stanza-type": Remedy.RETRY,
    "unsupported-version": Remedy.RETRY,
    "xml-not-well-formed": Remedy.RETRY,  # of RFC 3920
    "of-a-later-century": Remedy.RETRY,
}
QUICK = Backoff(base=0.001, factor=2, cap=0.008, slow=0.02)


def error(condition: str, inside: str = "", more: str = "") -> str:
    """Return a stream error, and the end of the stream."""
    return (
        f"<stream:error><{condition} xmlns='{STREAMS}'>{inside}</{condition}>{more}</stream:error>"
        "</stream:stream>"
    )


class Owner:
    """Hears what the link tells."""

    def __init__(self) -> None:
        self.waits: list[float | None] = []
        self.stops: list[str] = []

    async def opened(self, session) -> None:
        """Reconcile nothing."""

    def lost(self, trouble, retry_in) -> None:
        self.waits.append(retry_in)

    def stopped(self, reason) -> None:
        self.stops.append(reason)


@asynccontextmanager
async def linked(server, **kinds):
    """Keep a real session to a server, with all of the jitter and short waits."""
    owner = Owner()
    link = Link(
        "1001",
        make_session=lambda: session_to(server, **kinds),
        events=owner,
        backoff=QUICK,
        gate=Handshakes(1),
        random=lambda: 1.0,
    )
    running_link = asyncio.create_task(link.run())
    try:
        yield link, owner
    finally:
        await link.close(graceful=False)
        await running_link


# -- each kind of error -------------------------------------------------------------------------


@pytest.mark.parametrize("condition", CONDITIONS)
async def test_a_session_that_an_error_ends_has_that_cause_and_its_remedy(condition: str):
    async with running() as server, opened(server) as session:
        server.bound[0].send(error(condition))
        ending = await session.closed()
    assert ending.cause is (Cause.CONFLICT if condition == "conflict" else Cause.STREAM_ERROR)
    assert condition in ending.detail
    assert "localhost" in ending.detail
    assert classify(ending) is CONDITIONS[condition]


@pytest.mark.parametrize("stage", ["before login", "after login"])
@pytest.mark.parametrize("condition", CONDITIONS)
async def test_an_attempt_that_an_error_ends_says_so_and_has_the_same_remedy(condition, stage):
    async def intercept(stream: Stream, text: str) -> bool:
        late = stream.user is not None
        if text.startswith("<stream:stream") and late is (stage == "after login"):
            stream.send(HEADER + error(condition))
            return True
        return False

    async with running() as server:
        server.intercept = intercept
        with pytest.raises((Unreachable, NotFinesse, ResourceConflict), match=condition) as ended:
            await session_to(server).open()
        assert len(server.auths) == (1 if stage == "after login" else 0)
    assert classify(ended.value) is CONDITIONS[condition]


@pytest.mark.parametrize("when", ["before login", "once it is up"])
@pytest.mark.parametrize("condition", ["system-shutdown", "policy-violation", "see-other-host"])
async def test_a_server_that_always_ends_the_stream_is_tried_at_growing_intervals(condition, when):
    """No loop: full back-off to its cap, whether the session was up for a moment or never."""

    async def intercept(stream: Stream, text: str) -> bool:
        if text.startswith("<stream:stream" if when == "before login" else "<presence"):
            stream.send((HEADER if when == "before login" else "") + error(condition))
            return True
        return False

    with capture_logs() as lines:
        async with running() as server:
            server.intercept = intercept
            async with linked(server) as (link, owner):
                await until(lambda: len(owner.waits) >= 6)
                assert link.state is not LinkState.STOPPED
    assert owner.waits[:6] == [0.001, 0.002, 0.004, 0.008, 0.008, 0.008]
    assert owner.stops == []
    told = [line for line in lines if line["event"] in {"session.retry", "session.lost"}]
    assert len(told) >= 6
    assert all(condition in line["detail"] for line in told)


async def test_a_conflict_is_told_once_and_nothing_is_tried_again():
    with capture_logs() as lines:
        async with running() as server, linked(server) as (link, owner):
            await until(lambda: server.bound)
            await until(lambda: link.state is LinkState.UP)
            server.bound[0].send(error("conflict"))
            await until(lambda: link.state is LinkState.STOPPED)
            await asyncio.sleep(20 * QUICK.cap)  # nothing announces what must not come
            assert server.connections == 1
    assert owner.waits == [None]
    assert len(owner.stops) == 1
    stopped = [line for line in lines if line["event"] == "session.stopped"]
    assert [(line["cause"], line["log_level"]) for line in stopped] == [("conflict", "error")]


# -- redirects ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "written",
    ["127.0.0.1:{0}", "[::1]:{0}", "localhost:{0}", "finesse.test:{0}", "", "  127.0.0.1:{0}\n"],
)
@pytest.mark.parametrize("stage", ["before login", "after login", "once it is up"])
async def test_see_other_host_is_never_followed(stage: str, written: str):
    """RFC 6120 section 4.9.3.19: a server that lies could send us, and the password, anywhere."""
    begins = "<presence" if stage == "once it is up" else "<stream:stream"

    async with running() as other, running() as server:

        async def intercept(stream: Stream, text: str) -> bool:
            late = stream.user is not None
            if text.startswith(begins) and late is (stage != "before login"):
                head = HEADER if begins != "<presence" else ""
                stream.send(head + error("see-other-host", written.format(other.port)))
                return True
            return False

        server.intercept = intercept
        async with linked(server) as (_, owner):
            await until(lambda: len(owner.waits) >= 3)
        assert server.connections >= 3
        assert other.connections == 0


# -- what an error says beside its name ---------------------------------------------------------


@pytest.mark.parametrize(
    ("inside", "more"),
    [
        ("", f"<text xmlns='{STREAMS}'>{PASSWORD} of somebody</text>"),
        (PASSWORD, ""),
        ("", f"<app xmlns='urn:x'>{PASSWORD}</app>"),
        (f"<a b='{PASSWORD}'/>", f"<text>{PASSWORD}</text>"),
    ],
)
async def test_of_an_error_its_name_alone_is_told(caplog, inside: str, more: str):
    with capture_logs() as lines:
        async with running() as server, opened(server) as session:
            server.bound[0].send(error("reset", inside, more))
            ending = await session.closed()
    assert ending.detail.endswith("reset")
    assert PASSWORD not in caplog.text + str(lines)


@pytest.mark.parametrize(
    "octets",
    [
        "<stream:error/>",
        "<stream:error></stream:error>",
        "<stream:error><text>only</text></stream:error>",
        "<stream:error>text</stream:error>",
    ],
)
async def test_an_error_without_a_name_is_an_undefined_one(octets: str):
    async with running() as server, opened(server) as session:
        server.bound[0].send(octets)
        ending = await session.closed()
    assert ending.cause is Cause.STREAM_ERROR
    assert "undefined-condition" in ending.detail


@pytest.mark.parametrize("length", [900, 2_000, 100_000])
async def test_an_error_with_a_long_name_is_told_in_a_short_line(length: int):
    """A name of more than 1,000 characters, its namespace with it, is none of XMPP's."""
    async with running() as server, opened(server) as session:
        server.bound[0].send(error("n" * length))
        ending = await session.closed()
    assert ending.cause is (Cause.STREAM_ERROR if length < 1_000 else Cause.STANZA_TOO_BIG)
    assert len(ending.detail) < 1_100


@pytest.mark.parametrize(
    "octets",
    [
        f"<error xmlns='{STREAMS}'><conflict/></error>",
        f"<x:error xmlns:x='urn:x'><conflict xmlns='{STREAMS}'/></x:error>",
        f"<message><stream:error><conflict xmlns='{STREAMS}'/></stream:error></message>",
        f"<message type='error'><error><conflict xmlns='{STREAMS}'/></error></message>",
        f"<iq type='error' id='1'><error type='cancel'><conflict xmlns='{STREAMS}'/></error></iq>",
        f"<presence type='error'><error><conflict xmlns='{STREAMS}'/></error></presence>",
    ],
)
async def test_an_error_that_is_not_the_streams_ends_nothing(octets: str):
    async with running() as server, opened(server) as session:
        server.bound[0].send(octets)
        assert await session.ping(20)
