"""Nothing left this machine, or something did: read from the tracing, never from the exception."""

from __future__ import annotations

import asyncio
import socket
import ssl

import pytest
import trustme

from listener.errors import CertificateRefused, Unreachable
from listener.rest import AnswerKind, RestLimits
from listener.trust import client_context
from tests.shell.rest_server import HANG, Seen, asking, http, listening, put, serving

SYSTEM = b"<SystemInfo><status>IN_SERVICE</status></SystemInfo>"


@pytest.fixture(scope="module")
def ca():
    return trustme.CA()


def server_side(ca: trustme.CA, *names: str):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert(*names).configure_cert(context)
    return context


def client_side(*authorities: trustme.CA):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    for authority in authorities:
        authority.configure_trust(context)
    return context


async def test_full_pool_is_not_sent_and_a_silent_server_is_in_doubt():
    limits = RestLimits(max_connections=1)
    async with (
        serving(HANG) as server,
        asking(server.url, limits=limits, wait_for_connection=0.05, answer=1) as rest,
    ):
        silent = asyncio.create_task(put(rest, "silent"))
        await server.arrived.wait()
        crowded = await put(rest, "crowded")
        doubtful = await silent
    assert (crowded.kind, doubtful.kind) == (AnswerKind.NOT_SENT, AnswerKind.DOUBTFUL)
    assert "no free connection" in crowded.detail
    assert [seen.headers["requestid"] for seen in server.seen] == ["silent"]


async def test_waiting_room_is_bounded():
    limits = RestLimits(max_connections=1, max_waiting=1)
    both = ("1001", "1002")
    async with (
        serving(HANG) as server,
        asking(server.url, agents=both, limits=limits) as rest,
    ):
        running = [asyncio.create_task(put(rest))]
        await server.arrived.wait()
        running.append(asyncio.create_task(put(rest)))
        await asyncio.sleep(0)
        turned_away = await put(rest, agent="1002")
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
    assert turned_away.kind is AnswerKind.NOT_SENT
    assert len(server.seen) == 1


async def test_silent_node_does_not_starve_the_other():
    limits = RestLimits(max_connections=1)
    async with (
        serving(HANG) as silent,
        serving(http(202)) as well,
        asking(silent.url, well.url, limits=limits) as rest,
    ):
        stuck = asyncio.create_task(put(rest))
        await silent.arrived.wait()
        rest.prefer(well.url)
        answer = await put(rest)
        stuck.cancel()
        await asyncio.gather(stuck, return_exceptions=True)
    assert answer.kind is AnswerKind.ACCEPTED


async def test_many_impatient_requests_lose_no_connection():
    limits = RestLimits(max_connections=2)
    release = asyncio.Event()

    async def slow(seen: Seen, writer: asyncio.StreamWriter) -> bool:
        await release.wait()
        writer.write(http(202))
        await writer.drain()
        return True

    async with (
        serving(slow, slow, *[http(202)] * 200) as server,
        asking(server.url, limits=limits) as rest,
    ):
        first = [asyncio.create_task(put(rest)) for _ in range(2)]
        await server.arrived.wait()
        crowd = [asyncio.create_task(put(rest)) for _ in range(50)]
        await asyncio.sleep(0)
        release.set()
        for number, task in enumerate(crowd):
            await asyncio.sleep(0)
            if number % 2:
                task.cancel()
        await asyncio.gather(*first, *crowd, return_exceptions=True)
        after = await asyncio.gather(*(put(rest) for _ in range(10)))
    assert {answer.kind for answer in after} == {AnswerKind.ACCEPTED}


async def test_refused_connection_is_not_sent():
    async with serving() as gone:
        dead = gone.url
    async with asking(dead) as rest:
        answer = await put(rest)
        with pytest.raises(Unreachable, match="nothing listens"):
            await rest.system_info()
        shown = await rest.dialog("1001", "1")
    assert (answer.kind, answer.status) == (AnswerKind.NOT_SENT, None)
    assert "refused the connection" in answer.detail
    assert (shown.found, shown.absent, shown.status) == (False, False, None)


async def test_two_dead_nodes_are_both_named():
    async with serving() as one, serving() as two:
        dead = (one.url, two.url)
    async with asking(*dead) as rest:
        answer = await put(rest)
    assert answer.kind is AnswerKind.NOT_SENT
    assert all(node in answer.detail for node in dead)


async def test_name_that_does_not_resolve_is_not_sent(monkeypatch: pytest.MonkeyPatch):
    async def nowhere(*args: object, **kwargs: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", nowhere)
    async with asking("http://finesse.invalid:8445") as rest:
        answer = await put(rest)
    assert answer.kind is AnswerKind.NOT_SENT
    assert "cannot be resolved" in answer.detail


async def test_server_that_never_shakes_hands_is_not_sent(ca: trustme.CA):
    async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(1000):
            pass

    async with (
        listening(mute) as port,
        asking(f"https://127.0.0.1:{port}", tls=client_side(ca), connect=0.1) as rest,
    ):
        answer = await put(rest)
    assert answer.kind is AnswerKind.NOT_SENT
    assert "no connection" in answer.detail


async def test_cancelled_handshake_closes_its_connection(ca: trustme.CA):
    greeted, left = asyncio.Event(), asyncio.Event()

    async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(1000):
            greeted.set()
        left.set()

    async with (
        listening(mute) as port,
        asking(f"https://127.0.0.1:{port}", tls=client_side(ca)) as rest,
    ):
        waiting = asyncio.create_task(put(rest))
        await greeted.wait()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await left.wait()


async def test_good_certificate_carries_requests(ca: trustme.CA):
    tls = server_side(ca, "127.0.0.1")
    async with (
        serving(http(202), http(200, SYSTEM), tls=tls) as server,
        asking(server.url, tls=client_side(ca)) as rest,
    ):
        assert (await put(rest)).kind is AnswerKind.ACCEPTED
        assert (await rest.system_info()).status == "IN_SERVICE"
    assert server.connections == 2  # what asks how a node is has its own


@pytest.mark.parametrize(("name", "trusted"), [("127.0.0.1", False), ("elsewhere.example", True)])
async def test_wrong_authority_or_name_is_not_sent_and_named(
    ca: trustme.CA, name: str, trusted: object
):
    trust = client_side(ca) if trusted else client_side(trustme.CA())
    async with (
        serving(http(202), tls=server_side(ca, name)) as server,
        asking(server.url, tls=trust) as rest,
    ):
        answer = await put(rest)
        with pytest.raises(CertificateRefused, match="certificate"):
            await rest.system_info()
    assert answer.kind is AnswerKind.NOT_SENT
    assert "certificate" in answer.detail
    assert server.seen == []


async def test_a_certificate_that_is_not_trusted_tells_the_file_and_the_way_out(
    ca: trustme.CA, tmp_path
):
    """SystemInfo is asked first, so these are the words that an operator sees."""
    file = tmp_path / "ca.pem"
    trustme.CA().cert_pem.write_to_path(file)
    async with (
        serving(http(202), tls=server_side(ca, "127.0.0.1")) as server,
        asking(server.url, tls=client_context(file)) as rest,
    ):
        with pytest.raises(CertificateRefused, match=f"{server.url} was not trusted: ") as refused:
            await rest.system_info()
    assert f"the CA file {file}" in str(refused.value)
    assert "Certificate Management" in str(refused.value)


async def test_callers_own_trouble_is_not_taken_for_the_servers():
    async with serving() as gone:
        dead = gone.url
    async with asking(dead) as rest:
        try:
            raise ssl.SSLCertVerificationError("an older story")  # noqa: TRY301 - the point of it
        except ssl.SSLCertVerificationError:
            with pytest.raises(Unreachable):
                await rest.system_info()


async def test_tls_to_a_plain_server_is_explained(ca: trustme.CA):
    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")

    async with (
        listening(plain) as port,
        asking(f"https://127.0.0.1:{port}", tls=client_side(ca)) as rest,
    ):
        answer = await put(rest)
        with pytest.raises(Unreachable, match="does not speak TLS"):
            await rest.system_info()
    assert answer.kind is AnswerKind.NOT_SENT
    assert "does not speak TLS" in answer.detail


async def test_plain_to_a_tls_server_is_explained_and_in_doubt(ca: trustme.CA):
    async with serving(tls=server_side(ca, "127.0.0.1")) as server:
        node = server.url.replace("https", "http")
        async with asking(node) as rest:
            answer = await put(rest)
            with pytest.raises(Unreachable, match="https"):
                await rest.system_info()
    assert answer.kind is AnswerKind.DOUBTFUL
    assert "https" in answer.detail


async def test_tls_alert_is_recognised():
    async with (
        serving(b"\x15\x03\x03\x00\x02\x02\x46", close=True) as server,
        asking(server.url) as rest,
    ):
        answer = await put(rest)
    assert answer.kind is AnswerKind.DOUBTFUL
    assert "speaks TLS" in answer.detail
