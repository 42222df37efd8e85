"""Which certificates are trusted, and what is said of one that is not, whichever port shows it."""

from __future__ import annotations

import ssl
from contextlib import asynccontextmanager

import httpx
import pytest
import trustme

from listener.certificates import LONGEST_NAME, MOST_NAMES, Seen, explain
from listener.errors import CertificateRefused, ConfigurationError
from listener.rest import Rest
from listener.simulator.certificates import ThrowawayAuthority
from listener.trust import Contexts, Trust, client_context
from tests.shell.rest_server import http, serving
from tests.shell.scripted_xmpp import running, session_to

SYSTEM = b"<SystemInfo><status>IN_SERVICE</status></SystemInfo>"


@pytest.fixture(scope="module")
def ca():
    return trustme.CA()


@pytest.fixture
def ca_file(ca, tmp_path):
    path = tmp_path / "ca.pem"
    ca.cert_pem.write_to_path(str(path))
    return path


def served_by(ca: trustme.CA, *names: str, chain: bool = True, **how) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    leaf = ca.issue_cert(*names, **how)
    if chain:
        leaf.configure_cert(context)
    else:
        with leaf.private_key_pem.tempfile() as key, leaf.cert_chain_pems[0].tempfile() as own:
            context.load_cert_chain(own, key)
    return context


async def over_rest(context: ssl.SSLContext, ca_file) -> tuple[str, int]:
    """Return what is said of that server's certificate, and its port."""
    async with serving(http(200, SYSTEM), tls=context) as server:
        rest = Rest([server.url], tls=client_context(ca_file))
        with pytest.raises(CertificateRefused) as refused:
            await rest.system_info()
        await rest.aclose()
        assert server.seen == []
        return str(refused.value), httpx.URL(server.url).port


async def over_xmpp(context: ssl.SSLContext, ca_file) -> tuple[str, int]:
    """Return the same of the port for sessions."""
    async with running(context, direct=True) as server:
        with pytest.raises(CertificateRefused) as refused:
            await session_to(server, security="tls", tls=client_context(ca_file)).open()
        return str(refused.value), server.port


BOTH = pytest.mark.parametrize("say", [over_rest, over_xmpp])


@BOTH
async def test_certificate_of_an_unknown_issuer_names_the_file_the_port_and_the_way_out(
    ca_file, say
):
    context = served_by(trustme.CA(), "localhost", "127.0.0.1")
    words, port = await say(context, ca_file)
    assert f":{port} has no issuer in the CA file {ca_file} (finesse.ca_file)" in words
    assert "download it as PEM" in words
    assert "Certificate Management" in words


@BOTH
async def test_certificate_of_an_unknown_issuer_says_that_no_file_is_set(say):
    words, _ = await say(served_by(trustme.CA(), "localhost", "127.0.0.1"), None)
    assert "the system's certificates (finesse.ca_file is not set)" in words


@BOTH
async def test_missing_intermediate_is_named_and_where_to_put_it(ca, ca_file, say):
    between = ca.create_child_ca()
    words, _ = await say(served_by(between, "localhost", "127.0.0.1", chain=False), ca_file)
    assert "came without the rest of the chain" in words
    assert "install the whole chain on the node (tomcat-trust)" in words


@BOTH
async def test_whole_chain_of_an_unknown_authority_is_not_called_broken(ca_file, say):
    between = trustme.CA().create_child_ca()
    words, _ = await say(served_by(between, "localhost", "127.0.0.1"), ca_file)
    assert "has no issuer" in words
    assert "rest of the chain" not in words


@BOTH
async def test_expired_certificate_names_both_causes(ca, ca_file, say):
    context = ThrowawayAuthority()
    file = context.write(ca_file.with_name("other.pem"))
    words, port = await say(context.expired_context(), file)
    assert f":{port} has expired" in words
    assert "renew it" in words
    assert "clocks of both machines" in words


async def test_wrong_name_tells_those_that_are_there_and_what_may_be_set(ca, ca_file):
    context = served_by(ca, "a.example", "b.example")
    rest, _ = await over_rest(context, ca_file)
    xmpp, _ = await over_xmpp(context, ca_file)
    assert "names a.example, b.example" in rest
    assert "names a.example, b.example" in xmpp
    assert "certificate_name is for the XMPP port alone" in rest
    assert "or set finesse.certificate_name" in xmpp


def test_what_a_server_wrote_into_its_certificate_is_repeated_up_to_a_bound():
    error = ssl.SSLCertVerificationError("no")
    error.verify_code = 62
    error.seen = Seen(tuple("x" * 10_000 for _ in range(100)))
    words = explain(error, "h:1", "h", may_be_named=False)
    assert len(words) < (MOST_NAMES + 5) * LONGEST_NAME
    error.verify_code, error.seen = 20, Seen(issuer="y" * 10_000, alone=True)
    assert len(explain(error, "h:1", "h", may_be_named=False)) < 1200


@pytest.mark.parametrize("content", [None, b"words", b""])
def test_file_that_cannot_be_used_is_named_with_its_key(tmp_path, content):
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigurationError, match=r"^finesse\.ca_file: the CA file .*ca\.pem "):
        Contexts.read(file)


def test_who_asked_is_told_only_when_other_certificates_are_trusted(ca_file):
    trust, told = Trust(ca_file), []
    trust.watch(lambda: told.append(trust.rest))
    before = trust.sessions, trust.rest
    assert not trust.use(Contexts.read(ca_file))
    assert (trust.sessions, trust.rest) == before
    assert told == []
    trustme.CA().cert_pem.write_to_path(str(ca_file))
    assert trust.use(Contexts.read(ca_file))
    assert told == [trust.rest]
    assert before[0] is not trust.sessions


def test_same_certificates_in_another_file_are_no_news_but_that_file_is_named_from_then_on(ca_file):
    trust, told = Trust(ca_file), []
    trust.watch(lambda: told.append(1))
    moved = ca_file.rename(ca_file.with_name("moved.pem"))
    assert not trust.use(Contexts.read(moved))
    assert told == []
    assert "moved.pem" in repr(trust)


@asynccontextmanager
async def connected(rest: Rest):
    try:
        yield rest
    finally:
        await rest.aclose()


async def test_rest_checks_new_connections_by_what_is_trusted_now(ca, ca_file, tmp_path):
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(str(other))
    context = served_by(ca, "localhost", "127.0.0.1")
    async with (
        serving(http(200, SYSTEM), tls=context) as server,
        connected(Rest([server.url], tls=client_context(other))) as rest,
    ):
        with pytest.raises(CertificateRefused):
            await rest.system_info()
        rest.trust(client_context(ca_file))
        assert (await rest.system_info()).status == "IN_SERVICE"
        rest.trust(client_context(other))  # the connection that is kept is not used
        with pytest.raises(CertificateRefused):
            await rest.system_info()
