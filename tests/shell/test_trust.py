"""Which certificates are trusted, and what is said of one that is not, whichever port shows it."""

from __future__ import annotations

import ssl
from contextlib import asynccontextmanager
from itertools import count

import httpx
import pytest
import trustme

from listener.assembly import Listener
from listener.certificates import LONGEST_NAME, MOST_NAMES, Seen, explain
from listener.errors import CertificateRefused, ConfigurationError
from listener.rest import Rest
from listener.simulator.certificates import ThrowawayAuthority
from listener.trust import READINGS, Contexts, Trust, client_context
from tests.shell.rest_server import http, serving
from tests.shell.scripted_xmpp import running, session_to
from tests.shell.stage import settings, simulated

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
    trust, told, replaced = Trust(ca_file), [], []
    trust.watch(lambda: told.append(1))
    trust.watch_contexts(lambda: replaced.append(trust.rest.ca_file))
    moved = ca_file.rename(ca_file.with_name("moved.pem"))
    assert not trust.use(Contexts.read(moved))
    assert told == []
    assert replaced == [moved]
    assert "moved.pem" in repr(trust)


def test_who_uses_the_contexts_has_them_before_anybody_tries_again(ca_file):
    trust, told = Trust(ca_file), []
    trust.watch(lambda: told.append("try again"))
    trust.watch_contexts(lambda: told.append("contexts"))
    trustme.CA().cert_pem.write_to_path(str(ca_file))
    assert trust.use(Contexts.read(ca_file))
    assert told == ["contexts", "try again"]


async def test_refusal_names_the_file_that_holds_the_same_certificates_now(tmp_path):
    async with simulated() as sim:
        former = ThrowawayAuthority().write(tmp_path / "former.pem")
        told = settings(sim, tmp_path)
        finesse = told.finesse.model_copy(update={"ca_file": former})
        listener = Listener(told.model_copy(update={"finesse": finesse}))
        now = tmp_path / "now.pem"
        now.write_bytes(former.read_bytes())
        assert not listener.trust.use(Contexts.read(now))
        async with connected(listener.rest):
            with pytest.raises(CertificateRefused, match=r"the CA file .*now\.pem"):
                await listener.rest.system_info()


# -- what counts as other certificates -------------------------------------------------------------


@pytest.fixture(scope="module")
def pems() -> tuple[bytes, bytes]:
    return trustme.CA().cert_pem.bytes(), trustme.CA().cert_pem.bytes()


@pytest.mark.parametrize(
    "written",
    [
        lambda one, two: "# Knoten 1, Zürich\n".encode() + one + b"\nnode 2\n" + two + b"the end",
        lambda one, two: two + one,
        lambda one, two: (one + two).replace(b"\n", b"\r\n"),
        lambda one, two: one + two + one,
    ],
    ids=["comment", "order", "CRLF", "twice"],
)
def test_same_certificates_written_in_another_way_are_no_news(tmp_path, pems, written):
    file = tmp_path / "ca.pem"
    file.write_bytes(b"".join(pems))
    trust, told = Trust(file), []
    trust.watch(lambda: told.append(1))
    file.write_bytes(written(*pems))
    assert not trust.use(Contexts.read(file))
    assert told == []


@pytest.mark.parametrize("kind", ["one more", "one less", "another", "a server's own"])
def test_any_other_certificate_is_news(ca, tmp_path, pems, kind):
    one, two = pems
    file = tmp_path / "ca.pem"
    file.write_bytes(one + two)
    trust = Trust(file)
    own = ca.issue_cert("localhost").cert_chain_pems[0].bytes()
    more = ca.cert_pem.bytes()
    file.write_bytes(
        {"one more": one + two + more, "one less": two, "another": one + more}.get(
            kind, one + two + own
        )
    )
    assert trust.use(Contexts.read(file))
    assert not trust.use(Contexts.read(file))


def test_where_openssl_counts_otherwise_each_byte_is_news(tmp_path, pems):
    """Rather once too often than never."""
    one, two = pems
    file = tmp_path / "ca.pem"
    again = one.replace(b"CERTIFICATE", b"X509 CERTIFICATE")  # the same for OpenSSL
    file.write_bytes(one + again + two)
    trust = Trust(file)
    assert not trust.use(Contexts.read(file))
    file.write_bytes(one + two + again)
    assert trust.use(Contexts.read(file))


# -- a file that is written while it is read -------------------------------------------------------


def written_meanwhile(monkeypatch, file, contents: dict[int, bytes]) -> None:
    """Write `file` after so many contexts were asked for, whether they could be made or not."""
    real, made = client_context, count(1)

    def context(path):
        try:
            return real(path)
        finally:
            if (content := contents.get(next(made))) is not None:
                file.write_bytes(content)

    monkeypatch.setattr("listener.trust.client_context", context)


def ders(context: ssl.SSLContext) -> list[bytes]:
    return context.get_ca_certs(binary_form=True)


@pytest.mark.parametrize("after", [1, 2])
def test_sessions_and_rest_trust_the_same_though_the_file_was_replaced_as_it_was_read(
    tmp_path, pems, monkeypatch, after
):
    one, two = pems
    file = tmp_path / "ca.pem"
    file.write_bytes(one)
    trust = Trust(file)
    written_meanwhile(monkeypatch, file, {after: two})
    assert trust.use(Contexts.read(file))
    expected = [ssl.PEM_cert_to_DER_cert(two.decode())]
    assert ders(trust.sessions) == expected
    assert ders(trust.rest) == expected
    assert not trust.use(Contexts.read(file))


def test_file_that_was_half_written_when_it_was_read_is_read_again(tmp_path, pems, monkeypatch):
    one, two = pems
    file = tmp_path / "ca.pem"
    file.write_bytes(one + two[:200])
    written_meanwhile(monkeypatch, file, {1: one + two})
    assert len(ders(Contexts.read(file).rest)) == 2


def test_file_that_does_not_keep_still_is_said_to_be_written(tmp_path, pems, monkeypatch):
    one, two = pems
    file = tmp_path / "ca.pem"
    file.write_bytes(one)
    changing = {2 * n: (one, two)[n % 2] for n in range(1, READINGS + 1)}
    written_meanwhile(monkeypatch, file, changing)
    with pytest.raises(ConfigurationError, match=r"^finesse\.ca_file: .*ca\.pem is being written"):
        Contexts.read(file)
    assert len(ders(Contexts.read(file).rest)) == 1  # it keeps still now


def test_file_that_ends_inside_a_certificate_is_refused_in_words(tmp_path, pems):
    one, two = pems
    file = tmp_path / "ca.pem"
    file.write_bytes(one + two[:200])
    with pytest.raises(ConfigurationError, match=r"ca\.pem holds no certificate in PEM form: "):
        Contexts.read(file)


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
