"""The doctor's probes at sockets and servers that do one thing wrong each."""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
from contextlib import asynccontextmanager, closing, suppress
from datetime import UTC, datetime, timedelta

import pytest
import trustme

from listener.doctor import Status, certificates, hearing, logins, network, systeminfo
from listener.doctor.probes import network as probe
from listener.doctor.probes import stream
from listener.doctor.seen import Knock, Side, Talk, Wrong
from listener.errors import ConfigurationError
from listener.trust import client_context
from listener.xmpp.contract import Endpoint, Timings
from tests.shell import scripted_xmpp
from tests.shell.scripted_xmpp import AGENT, DOMAIN, PASSWORD, PUBSUB
from tests.shell.stage import dead_port

PATIENT = Timings(connect=20, reflect=0.2, ask=0.5, ping_every=60, ping_answer=20, close=5)


def said(verdict) -> str:
    return " ".join((verdict.saw, *(f"{cause.words} {cause.remedy}" for cause in verdict.causes)))


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA(organization_name="doctor tests")


@pytest.fixture
def ca_file(authority, tmp_path):
    file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(file))
    return file


# --- names ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), "misspelt"),
        (socket.gaierror(socket.EAI_AGAIN, "Temporary failure"), "name server"),
        (UnicodeError("label too long"), "label too long"),
    ],
)
async def test_each_failure_of_a_name_is_told_from_the_others(monkeypatch, error, words):
    async def fail(*_args, **_more):
        raise error

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", fail)
    verdict = network.names(await probe.resolve("node.example"))
    assert verdict.status is Status.FAILED
    assert words in said(verdict)


async def test_a_name_server_that_says_nothing_is_not_waited_for(monkeypatch):
    async def wait(*_args, **_more):
        await asyncio.Event().wait()

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", wait)
    seen = await probe.resolve("node.example", within=0.01)
    assert seen.problem == "timeout"
    assert "no name server answered" in said(network.names(seen))


async def test_all_addresses_of_a_name_are_told_once(monkeypatch):
    async def several(*_args, **_more):
        return [(0, 0, 0, "", (one, 0)) for one in ("192.0.2.1", "192.0.2.2", "192.0.2.1")]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", several)
    seen = await probe.resolve("node.example")
    assert seen.addresses == ("192.0.2.1", "192.0.2.2")
    assert network.names(seen).saw == "192.0.2.1, 192.0.2.2"


# --- ports ---------------------------------------------------------------------------------------


async def test_an_open_port_is_left_at_once():
    left = asyncio.Event()

    async def serve(reader, writer):
        with suppress(OSError):
            await reader.read()
        left.set()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        seen = await probe.knock(Side.REST, "node", ["127.0.0.1"], port, 20)
        assert seen.results == (("127.0.0.1", Knock.OPEN),)
        async with asyncio.timeout(20):
            await left.wait()


async def test_a_closed_port_refuses():
    seen = await probe.knock(Side.XMPP, "node", ["127.0.0.1"], dead_port(), 20)
    assert seen.results[0][1] is Knock.REFUSED


async def test_a_filtered_port_says_nothing():
    """A listening socket whose queue is full answers no SYN, as a firewall that drops them."""
    with closing(socket.socket()) as full, closing(socket.socket()) as first:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        first.settimeout(0)
        with suppress(BlockingIOError):
            first.connect(full.getsockname())
        with closing(socket.socket()) as second:
            second.settimeout(0)
            with suppress(BlockingIOError):
                second.connect(full.getsockname())
            seen = await probe.knock(Side.XMPP, "node", ["127.0.0.1"], full.getsockname()[1], 0.3)
    assert seen.results[0][1] is Knock.SILENT
    assert "external_port_access add" in said(network.port(seen))


@pytest.mark.parametrize(
    ("number", "knock"),
    [
        (errno.EHOSTUNREACH, Knock.UNREACHABLE),
        (errno.ENETUNREACH, Knock.UNREACHABLE),
        (errno.ETIMEDOUT, Knock.SILENT),
        (errno.EADDRNOTAVAIL, Knock.OTHER),
    ],
)
async def test_what_the_system_says_of_a_connection_is_understood(monkeypatch, number, knock):
    async def fail(*_args, **_more):
        raise OSError(number, "no")

    monkeypatch.setattr(asyncio, "open_connection", fail)
    seen = await probe.knock(Side.REST, "node", ["192.0.2.1"], 8445, 20)
    assert seen.results[0][1] is knock
    assert network.port(seen).status is Status.FAILED


# --- TLS -----------------------------------------------------------------------------------------


async def _wait(reader, _writer):
    await reader.read()


@asynccontextmanager
async def served(context, serve=_wait):
    """Serve each connection by `serve`; none of them is left when the block ends."""
    tasks = set()

    async def one(reader, writer):
        tasks.add(asyncio.current_task())
        try:
            with suppress(OSError, ssl.SSLError):
                await serve(reader, writer)
        finally:
            writer.transport.abort()

    async with await asyncio.start_server(one, "127.0.0.1", 0, ssl=context) as server:
        yield server.sockets[0].getsockname()[1]
        server.close()
        await asyncio.sleep(0)  # what was accepted begins
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def context_of(issued) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    issued.configure_cert(context)
    return context


async def shaken(port, ca_file, *, name="localhost", side=Side.XMPP, within=20.0):
    return await probe.shake_hands(side, ("127.0.0.1", port), name, ca_file, within)


async def test_a_good_certificate_is_shown_with_names_signer_and_end(authority, ca_file):
    async with served(context_of(authority.issue_cert("localhost", "node.example"))) as port:
        seen = await shaken(port, ca_file)
    verdict = certificates.handshake(seen)
    assert seen.done
    assert verdict.status is Status.OK
    assert "localhost, node.example" in verdict.saw
    assert "doctor tests" in verdict.saw
    assert "TLSv1." in verdict.saw


def _days(count: int) -> datetime:
    return datetime.now(UTC) + timedelta(days=count)


@pytest.mark.parametrize(
    ("start", "end", "status", "words"),
    [
        (-400, -1, Status.FAILED, "expired on"),
        (5, 400, Status.FAILED, "behind"),
        (-400, 10, Status.WARNING, "expires in 9 days"),
    ],
)
async def test_dates_of_a_certificate(authority, ca_file, start, end, status, words):
    issued = authority.issue_cert("localhost", not_before=_days(start), not_after=_days(end))
    async with served(context_of(issued)) as port:
        verdict = certificates.handshake(await shaken(port, ca_file))
    assert verdict.status is status
    assert words in said(verdict)


async def test_another_name_tells_which_names_there_are(authority, ca_file):
    async with served(context_of(authority.issue_cert("fin1.example"))) as port:
        xmpp = certificates.handshake(await shaken(port, ca_file))
        rest = certificates.handshake(await shaken(port, ca_file, side=Side.REST))
    assert xmpp.status is Status.FAILED
    assert "it names fin1.example" in said(xmpp)
    assert "certificate_name" in said(xmpp)
    assert "certificate_name" not in said(rest)


async def test_an_unknown_authority_tells_how_to_get_the_certificate(ca_file):
    other = trustme.CA(organization_name="the site's own")
    async with served(context_of(other.issue_cert("localhost"))) as port:
        verdict = certificates.handshake(await shaken(port, ca_file))
    assert verdict.status is Status.FAILED
    assert "the site's own" in said(verdict)
    assert "https://127.0.0.1:8443/cmplatform" in said(verdict)
    assert f"openssl s_client -connect 127.0.0.1:{port} -servername localhost" in said(verdict)


async def test_a_certificate_that_signed_itself_is_told_from_an_unknown_authority(
    ca_file, tmp_path
):
    _self_signed(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "self.pem")
    async with served(context) as port:
        refused = certificates.handshake(await shaken(port, ca_file))
        trusted = await shaken(port, tmp_path / "self.pem")
    assert "signs its own certificate" in said(refused)
    assert trusted.done


def _self_signed(folder) -> None:
    from cryptography import x509  # noqa: PLC0415 - for this alone
    from cryptography.hazmat.primitives import hashes, serialization  # noqa: PLC0415 - as above
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415 - as above

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.OID_COMMON_NAME, "localhost")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(_days(-1))
        .not_valid_after(_days(100))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "self.pem").write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )


async def test_a_chain_with_a_piece_missing_is_told(authority, ca_file):
    between = authority.create_child_ca()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    issued = between.issue_cert("localhost")
    with issued.private_key_pem.tempfile() as key, issued.cert_chain_pems[0].tempfile() as leaf:
        context.load_cert_chain(leaf, key)
    async with served(context) as port:
        verdict = certificates.handshake(await shaken(port, ca_file))
    assert verdict.status is Status.FAILED
    assert "the chain is not complete" in said(verdict)


async def test_a_node_with_nothing_newer_than_tls_1_1_is_told(authority, ca_file):
    context = context_of(authority.issue_cert("localhost"))
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1"):
        context.minimum_version = ssl.TLSVersion.TLSv1
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    # Blocking, in a thread: asyncio's server hangs up before its alert is out.
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        serving = asyncio.create_task(asyncio.to_thread(_refuse, listening, context))
        seen = await shaken(listening.getsockname()[1], ca_file)
        await serving
    verdict = certificates.handshake(seen)
    assert verdict.status is Status.FAILED
    assert "TLS 1.2 is the least here" in said(verdict)


def _refuse(listening, context) -> None:
    connection, _ = listening.accept()
    with closing(connection), suppress(ssl.SSLError):
        context.wrap_socket(connection, server_side=True)


async def _http(reader, writer):
    await reader.read(100)
    writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    await writer.drain()


async def _xmpp(reader, writer):
    await reader.read(100)
    writer.write(b"<stream:stream xmlns='jabber:client'><stream:error/></stream:stream>")
    await writer.drain()


@pytest.mark.parametrize(
    ("serve", "side", "talk", "words"),
    [
        (_http, Side.REST, Talk.HTTP, "8445"),
        (_http, Side.XMPP, Talk.HTTP, "5223"),
        (_xmpp, Side.REST, Talk.XMPP, "finesse.rest_port"),
        (_xmpp, Side.XMPP, Talk.XMPP, "STARTTLS"),
    ],
)
async def test_a_port_without_tls_is_told_by_what_it_speaks(ca_file, serve, side, talk, words):
    async with served(None, serve) as port:
        seen = await shaken(port, ca_file, side=side)
    assert seen.talk is talk
    assert certificates.handshake(seen).status is Status.FAILED
    assert words in said(certificates.handshake(seen))


async def test_a_port_that_takes_connections_and_says_nothing_is_told(ca_file):
    async with served(None) as port:
        seen = await shaken(port, ca_file, within=0.2)
    assert seen.timed_out
    assert certificates.handshake(seen).status is Status.FAILED


async def test_a_port_that_hangs_up_is_told(ca_file):
    async def hang_up(_reader, writer):
        writer.transport.abort()

    async with served(None, hang_up) as port:
        seen = await shaken(port, ca_file)
    assert "broke off" in said(certificates.handshake(seen))


def test_a_ca_file_tells_which_of_its_certificates_end(tmp_path):
    old = trustme.CA(organization_name="old")
    issued = old.issue_cert("old.example", not_before=_days(-9), not_after=_days(-1))
    file = tmp_path / "ca.pem"
    file.write_bytes(old.cert_pem.bytes() + issued.cert_chain_pems[0].bytes())
    found = probe.read_authorities(file)
    verdict = certificates.authorities(str(file), found, datetime.now(UTC).timestamp())
    assert verdict.status is Status.WARNING
    assert len(found) == 2
    assert "expired on" in said(verdict)


def test_a_ca_file_that_cannot_be_used_is_refused_as_by_sessions(tmp_path):
    with pytest.raises(ConfigurationError):
        probe.watched_context(tmp_path / "absent.pem")


def test_without_a_ca_file_the_systems_certificates_are_trusted_and_checked():
    context = probe.watched_context(None)
    assert context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED


# --- streams and sessions ------------------------------------------------------------------------


def endpoint(server, security="plain") -> Endpoint:
    return Endpoint("localhost", server.port, DOMAIN, PUBSUB, security)


async def greeted(server, *, security="plain", tls=None, within=20.0):
    return await stream.greet(endpoint(server, security), tls or client_context(None), within)


async def test_the_offers_of_a_stream_are_seen_without_a_login():
    async with scripted_xmpp.running() as server:
        seen = await greeted(server)
        assert seen.mechanisms == tuple(sorted(server.mechanisms))
        assert server.auths == []
        assert systeminfo.stream(seen).status is Status.OK


async def test_the_offers_behind_starttls_are_seen_without_a_login():
    authority = scripted_xmpp.Authority()
    async with scripted_xmpp.running(authority.server("localhost"), starttls=True) as server:
        seen = await greeted(server, security="starttls", tls=authority.client())
        assert server.auths == []
    assert systeminfo.stream(seen).status is Status.OK


async def test_a_certificate_behind_starttls_that_is_not_trusted_is_told():
    authority = scripted_xmpp.Authority()
    async with scripted_xmpp.running(authority.server("localhost"), starttls=True) as server:
        seen = await greeted(server, security="starttls")
    assert seen.wrong is Wrong.CERTIFICATE
    assert "STARTTLS" in said(systeminfo.stream(seen))


async def test_a_stream_without_plain_is_told_with_what_it_offers():
    async with scripted_xmpp.running() as server:
        server.mechanisms = ["SCRAM-SHA-1", "DIGEST-MD5"]
        verdict = systeminfo.stream(await greeted(server))
    assert verdict.status is Status.FAILED
    assert "DIGEST-MD5, SCRAM-SHA-1" in verdict.saw


async def test_what_is_no_xmpp_is_told():
    async def serve(connection):
        connection.send("<html></html>")
        await connection.reader.read()

    async with scripted_xmpp.running() as server:
        server.greet = serve
        seen = await greeted(server)
    assert seen.wrong is Wrong.NOT_FINESSE
    assert "does not speak XMPP" in said(systeminfo.stream(seen))


async def test_a_domain_that_cannot_be_one_is_told():
    place = Endpoint("localhost", dead_port(), "a b@c", PUBSUB, "plain")
    seen = await stream.greet(place, client_context(None), 20)
    assert systeminfo.stream(seen).status is Status.FAILED


async def visited(server, *, show=False, password=PASSWORD):
    return await stream.visit(
        AGENT,
        lambda: password,
        endpoint(server),
        tls=client_context(None),
        timings=PATIENT,
        show=show,
    )


async def test_a_visit_without_presence_asks_and_leaves_nothing():
    async with scripted_xmpp.running() as server:
        seen = await visited(server)
        (connection,) = server.streams
        heard = "".join(connection.heard)
    assert seen.wrong is None
    assert "<presence" not in heard
    assert "<subscribe " not in heard
    assert "listener-check-" in seen.bound
    assert logins.session(AGENT, seen, vouched=True).status is Status.OK


async def test_a_conflict_at_binding_is_told():
    async def conflict(connection, text):
        if "<bind" not in text:
            return False
        ask = scripted_xmpp.attribute(text, "id")
        connection.send(
            f"<iq type='error' id='{ask}'><error type='cancel'>"
            "<conflict xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>"
        )
        return True

    async with scripted_xmpp.running() as server:
        server.intercept = conflict
        seen = await visited(server)
    verdict = logins.session(AGENT, seen, vouched=True)
    assert verdict.status is Status.FAILED
    assert "conflict" in verdict.saw
    assert "one session" in said(verdict)


async def test_presence_that_is_not_sent_back_is_a_warning():
    async with scripted_xmpp.running() as server:
        server.reflects = False
        seen = await visited(server, show=True)
    assert hearing.presence(seen, None).status is Status.WARNING
    assert hearing.finesse_user(seen).status is Status.WARNING


async def test_a_ping_without_an_answer_is_a_failure(monkeypatch):
    monkeypatch.setattr(stream, "PING_WITHIN", 0.05)
    async with scripted_xmpp.running() as server:
        server.frozen = True
        seen = await visited(server)
    assert hearing.ping(seen).status is Status.FAILED
    assert "idle limits" in said(hearing.ping(seen))


async def test_a_refused_ping_is_an_answer():
    async def refuse(connection, text):
        if "urn:xmpp:ping" not in text:
            return False
        ask = scripted_xmpp.attribute(text, "id")
        connection.send(
            f"<iq type='error' id='{ask}' from='{DOMAIN}'><error type='cancel'>"
            "<service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>"
        )
        return True

    async with scripted_xmpp.running() as server:
        server.intercept = refuse
        seen = await visited(server)
    assert hearing.ping(seen).status is Status.OK
    assert "service-unavailable" in hearing.ping(seen).saw


async def test_subscriptions_that_are_not_listed_are_a_failure():
    async def refuse(connection, text):
        if "<subscriptions" not in text:
            return False
        ask = scripted_xmpp.attribute(text, "id")
        connection.send(
            f"<iq type='error' id='{ask}' from='{PUBSUB}'><error type='cancel'>"
            "<item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>"
        )
        return True

    async with scripted_xmpp.running() as server:
        server.intercept = refuse
        seen = await visited(server)
    verdict = hearing.subscriptions(AGENT, seen, signed_in=True, by_itself=False, daemon=False)
    assert verdict.status is Status.FAILED
    assert "item-not-found" in verdict.saw


async def test_an_unavailable_user_finesse_is_a_failure():
    async def tell(connection, text):
        if text.startswith("<presence") and "unavailable" not in text:
            connection.send(f"<presence from='finesse@{DOMAIN}/web' type='unavailable'/>")
        return False

    async with scripted_xmpp.running() as server:
        server.intercept = tell
        seen = await visited(server, show=True)
    assert hearing.finesse_user(seen).status is Status.FAILED
