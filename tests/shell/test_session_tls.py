"""TLS of a session: what is trusted, and the words for what is not."""

import asyncio.sslproto
import datetime as dt
import gc
import socket
import ssl
import struct
import weakref
from types import SimpleNamespace

import pytest

from listener import trust
from listener.certificates import Seen
from listener.errors import CertificateRefused, ConfigurationError, NotFinesse, Unreachable
from listener.xmpp import tls
from listener.xmpp.contract import Cause
from listener.xmpp.troubles import login_refused, not_connected
from tests.shell.rest_server import listening
from tests.shell.scripted_xmpp import DOMAIN, Authority, opened, running, session_to, until


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.fixture(scope="module")
def trusting(authority: Authority) -> ssl.SSLContext:
    return authority.client()


@pytest.mark.parametrize(
    ("security", "kind"), [("tls", {"direct": True}), ("starttls", {"starttls": True})]
)
async def test_both_kinds_of_tls_make_a_session(authority, trusting, security, kind):
    """P7: exactly one kind is tried; the other would show as a second connection."""
    async with (
        running(authority.server("localhost"), **kind) as server,
        opened(server, security=security, tls=trusting) as session,
    ):
        assert await session.ping(20)
        assert server.connections == 1


async def test_what_slixmpp_still_had_to_send_is_dropped_once_the_connection_has_ended(
    authority, trusting
):
    """Asyncio takes a transport over TLS to pieces when it is cut twice."""
    async with (
        running(authority.server("localhost"), direct=True) as server,
        opened(server, security="tls", tls=trusting) as session,
    ):
        client, heard = session._client, len(server.bound[0].heard)
        for _ in range(2):
            client.end(Cause.LINK_LOST, "cut")
        assert client.transport is not None
        client.send_raw("<presence/>")
        assert (await session.closed()).detail == "cut"
        assert len(server.bound[0].heard) == heard


async def test_the_certificate_is_checked_against_the_host_and_not_the_domain(authority, trusting):
    """P8: slixmpp checks the JID's domain, Finesse's certificate names the node."""
    async with (
        running(authority.server("localhost"), direct=True) as server,
        opened(server, security="tls", tls=trusting) as session,
    ):
        assert await session.ping(20)
    async with running(authority.server(DOMAIN), direct=True) as server:
        with pytest.raises(CertificateRefused, match="localhost"):
            await session_to(server, security="tls", tls=trusting).open()


async def test_another_name_for_the_certificate_can_be_configured(authority, trusting):
    """P8: for a node that is reached under a name which its certificate lacks."""
    async with (
        running(authority.server("node.finesse.test"), direct=True) as server,
        opened(
            server, security="tls", tls=trusting, certificate_name="node.finesse.test"
        ) as session,
    ):
        assert await session.ping(20)


@pytest.mark.parametrize(
    ("security", "kind"), [("tls", {"direct": True}), ("starttls", {"starttls": True})]
)
async def test_a_wrong_name_tells_which_names_the_certificate_has(
    authority, trusting, security, kind
):
    context = authority.server("a.example", "b.example")
    async with running(context, **kind) as server:
        with pytest.raises(CertificateRefused) as refused:
            await session_to(server, security=security, tls=trusting).open()
        assert "a.example, b.example" in str(refused.value)
        assert server.auths == []
        assert server.connections <= 1


@pytest.mark.parametrize(
    ("security", "kind"), [("tls", {"direct": True}), ("starttls", {"starttls": True})]
)
async def test_an_unknown_issuer_tells_where_to_get_the_certificate(trusting, security, kind):
    """P6: the cause is the certificate, not the drop that comes before it."""
    async with running(Authority().server("localhost"), **kind) as server:
        with pytest.raises(CertificateRefused, match="Tomcat certificate"):
            await session_to(server, security=security, tls=trusting).open()
        assert server.auths == []


async def test_an_expired_certificate_is_named_so(authority, trusting):
    past = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    context = authority.server("localhost", not_before=past, not_after=past)
    async with running(context, direct=True) as server:
        with pytest.raises(CertificateRefused, match="expired"):
            await session_to(server, security="tls", tls=trusting).open()


async def test_a_plain_port_that_was_configured_for_tls_is_named(trusting):
    async def answer(stream):
        stream.send("<stream:error/>" * 10)
        await stream.reader.read()

    async with running() as server:
        server.greet = answer
        with pytest.raises(NotFinesse, match="does not speak TLS"):
            await session_to(server, security="tls", tls=trusting).open()


async def test_a_tls_port_that_was_configured_as_plain_gives_no_session(authority):
    async with running(authority.server("localhost"), direct=True) as server:
        with pytest.raises((NotFinesse, Unreachable)):
            await session_to(server).open()
        assert server.auths == []


async def test_a_server_that_offers_no_starttls_never_gets_the_password(trusting):
    async with running() as server:
        with pytest.raises(NotFinesse, match="no STARTTLS"):
            await session_to(server, security="starttls", tls=trusting).open()
        assert server.auths == []


async def test_a_server_that_wants_starttls_is_told_from_one_without_a_login(authority):
    async with running(authority.server("localhost"), starttls=True) as server:
        with pytest.raises(NotFinesse, match="no login"):
            await session_to(server).open()


async def test_a_drop_in_the_middle_of_starttls_is_unreachable(authority, trusting):
    async def cut(stream, text):
        if text.startswith("<starttls"):
            stream.send("<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
            await stream.writer.drain()
            stream.cut()
            return True
        return False

    async with running(authority.server("localhost"), starttls=True) as server:
        server.intercept = cut
        with pytest.raises(Unreachable):
            await session_to(server, security="starttls", tls=trusting).open()


async def test_tls_1_2_is_enough_and_less_is_refused(authority, trusting):
    context = authority.server("localhost")
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    async with (
        running(context, direct=True) as server,
        opened(server, security="tls", tls=trusting) as session,
    ):
        assert await session.ping(20)
    assert trusting.minimum_version is ssl.TLSVersion.TLSv1_2


async def test_no_common_tls_version_is_told_in_words(authority):
    context = authority.server("localhost")
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    strict = authority.client()
    strict.minimum_version = ssl.TLSVersion.TLSv1_3
    async with running(context, direct=True) as server:
        with pytest.raises(Unreachable, match="TLS"):
            await session_to(server, security="tls", tls=strict).open()


def test_without_a_ca_file_the_systems_certificates_are_trusted_and_checked():
    context = trust.client_context(None)
    assert context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert not context.verify_flags & ssl.VERIFY_X509_STRICT


def test_a_ca_file_is_trusted_alone_and_a_leaf_may_stand_in_it(authority, tmp_path):
    leaf = authority.ca.issue_cert("localhost")
    file = tmp_path / "ca.pem"
    leaf.cert_chain_pems[0].write_to_path(str(file))
    context = trust.client_context(file)
    assert context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert len(context.get_ca_certs()) + context.cert_store_stats()["x509"] == 1


async def test_a_node_whose_own_certificate_is_the_trusted_one_is_accepted(authority, tmp_path):
    issued = authority.ca.issue_cert("localhost")
    issued.cert_chain_pems[0].write_to_path(str(tmp_path / "leaf.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    issued.configure_cert(context)
    pinned = trust.client_context(tmp_path / "leaf.pem")
    async with (
        running(context, direct=True) as server,
        opened(server, security="tls", tls=pinned) as session,
    ):
        assert await session.ping(20)


def test_a_ca_file_that_cannot_be_used_is_named(tmp_path):
    words = tmp_path / "words.pem"
    words.write_text("no certificate")
    for path in (words, tmp_path, tmp_path / "absent.pem"):
        with pytest.raises(ConfigurationError) as refused:
            trust.client_context(path)
        assert str(path) in str(refused.value)


def test_buffers_shrink_where_asyncio_has_the_knob(monkeypatch):
    """P16: 256 KiB for each connection otherwise."""
    monkeypatch.setattr(asyncio.sslproto.SSLProtocol, "max_size", 256 * 1024)
    assert tls.shrink_tls_buffers()
    assert asyncio.sslproto.SSLProtocol.max_size == tls.TLS_BUFFER


def test_buffers_are_left_alone_where_asyncio_has_no_such_knob(monkeypatch):
    """P16: a private attribute may be gone one day."""
    monkeypatch.setattr(asyncio.sslproto, "SSLProtocol", object)
    assert not tls.shrink_tls_buffers()


@pytest.mark.parametrize(
    ("code", "words"), [(9, "not valid yet"), (10, "expired"), (62, "other hosts"), (23, "revoked")]
)
def test_each_refusal_of_a_certificate_has_its_words(code, words):
    error = ssl.SSLCertVerificationError("no")
    error.verify_code, error.verify_message = code, "certificate revoked"
    assert words in tls.explain_tls_error(error, "node.example:5223", "node.example")


def test_the_ca_file_and_the_port_are_named_when_the_issuer_is_lacking(tmp_path):
    error = ssl.SSLCertVerificationError("no")
    error.verify_code, error.verify_message = 18, "self-signed certificate"
    error.seen = Seen(ca_file=tmp_path)
    words = tls.explain_tls_error(error, "node.example:5223", "node.example")
    assert str(tmp_path) in words
    assert "node.example:5223" in words


def test_a_refused_dial_is_no_broken_handshake():
    """A firewall that resets: asyncio's exception is the same kind, its words are not."""
    dialled = ConnectionResetError(104, "Connect call failed ('192.0.2.1', 5223)")
    words = str(not_connected(dialled, "192.0.2.7:5223", "n"))
    assert words == "192.0.2.7:5223 cannot be reached: Connection reset by peer"
    broke = ConnectionResetError(104, "Connection reset by peer")
    assert "handshake" in str(not_connected(broke, "192.0.2.7:5223", "n"))


def test_a_port_where_nobody_listens_is_told_in_words_and_not_in_those_of_asyncio():
    refused = ConnectionRefusedError(111, "Connect call failed ('192.0.2.7', 5223)")
    words = str(not_connected(refused, "192.0.2.7:5223", "n"))
    assert words.startswith("192.0.2.7:5223 refused the connection: nothing listens on that port")
    assert "Errno" not in words


def test_a_refused_password_says_the_way_out():
    words = str(login_refused("not-authorized", "n:5223", "1001"))
    assert "five refusals lock the account" in words
    assert "replace the password, then `listener reload`" in words
    assert "replace" not in str(login_refused("temporary-auth-failure", "n:5223", "1001"))


def test_a_handshake_that_was_broken_off_is_told_from_one_that_failed():
    at = "node.example:5223", "node.example"
    assert "broke off" in tls.explain_tls_error(ConnectionResetError("reset"), *at)
    assert "failed" in tls.explain_tls_error(ssl.SSLError(1, "odd"), *at)


def test_a_python_that_hides_the_certificate_gives_poorer_words():
    assert trust.seen_by(object()) == Seen()


async def test_an_attempt_whose_handshake_was_reset_is_gone_without_the_collector(trusting):
    async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        linger = struct.pack("ii", 1, 0)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        writer.transport.abort()

    async with listening(reset) as port:
        session = session_to(SimpleNamespace(port=port), security="tls", tls=trusting)
        gc.collect()
        gc.disable()
        try:
            (error,) = await asyncio.gather(session.open(), return_exceptions=True)
            assert "broke off the TLS handshake" in str(error)
            await session.close(graceful=False)
            gone = weakref.ref(session._client)
            del session, error
            await until(lambda: gone() is None)
        finally:
            gc.enable()
