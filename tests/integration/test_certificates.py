"""What real servers show as their certificate, and what the program makes of it."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache

import pytest

from listener.assembly import Listener
from listener.correlation.outcome import Confirmed, Evidence
from listener.errors import CertificateRefused, Unreachable
from listener.finesse.actions import Hold
from listener.simulator.certificates import ThrowawayAuthority
from listener.trust import client_context
from listener.xmpp.contract import Endpoint
from listener.xmpp.session import Session
from tests.integration import certificates, quirks
from tests.integration.certificates import Kind
from tests.integration.conftest import ACCOUNTS, need
from tests.integration.places import PATIENT
from tests.integration.publishing.owner import OwnerPublisher
from tests.integration.servers import KINDS, How, Server
from tests.shell.stage import (
    PACES,
    PASSWORD,
    A,
    answered_call,
    authority,
    node_of,
    settings,
    simulated,
)

ENCRYPTED = ("tls", "starttls")


def test_threads_that_ask_at_once_get_one_authority(monkeypatch):
    """Two would sign the certificate with one and name the other as trusted."""
    together = threading.Barrier(2, timeout=20)

    def slowly_made():
        with suppress(threading.BrokenBarrierError):
            together.wait(0.2)
        return object()

    monkeypatch.setattr(certificates, "_made", cache(slowly_made))
    with ThreadPoolExecutor(2) as pool:
        one, other = pool.map(lambda _: certificates.authority(), range(2))
    assert one is other


@pytest.fixture(scope="module", params=sorted(KINDS))
def showing(request: pytest.FixtureRequest) -> Iterator:
    """Return a function that starts a server with a certificate of some kind; TLS 1.2 is all."""
    need(request.param)
    started: dict[Kind, Server] = {}

    def start(kind: Kind) -> Server:
        if kind not in started:
            started[kind] = KINDS[request.param](How(certificate=kind, newest_tls="1.2"))
            for user, password in ACCOUNTS.items():
                started[kind].add_account(user, password)
            started[kind].start()
        return started[kind]

    yield start
    for one in started.values():
        one.remove()


def session_to(server: Server, security: str, tls: ssl.SSLContext, **how) -> Session:
    place = Endpoint(
        how.pop("host", server.host),
        server.port(security),
        server.domain,
        server.pubsub_domain,
        security,
        how.pop("certificate_name", None),
    )
    return Session(
        A,
        lambda: PASSWORD[A],
        place,
        tls=tls,
        resource="listener-test",
        on_notification=[].append,
        timings=PATIENT,
    )


async def opens(server: Server, security: str, **how) -> str | None:
    """Open a session and close it; return the TLS version that was agreed on."""
    session = session_to(server, security, client_context(server.ca_file), **how)
    await session.open()
    version = session._client.transport.get_extra_info("ssl_object").version()
    assert await session.ping(20)
    await session.close()
    return version


@pytest.mark.parametrize("security", ENCRYPTED)
@pytest.mark.parametrize("kind", [Kind.GOOD, Kind.INTERMEDIATE])
async def test_a_certificate_is_accepted_over_tls_1_2_also_with_an_intermediate(
    showing, kind, security
):
    assert await opens(showing(kind), security) == "TLSv1.2"


@pytest.mark.parametrize("security", ENCRYPTED)
async def test_a_server_that_has_tls_1_3_is_spoken_to_with_it(server, security):
    assert await opens(server, security) == "TLSv1.3"


@pytest.mark.parametrize("security", ENCRYPTED)
async def test_the_name_that_is_dialled_has_to_be_in_it_and_another_can_be_configured(
    showing, security
):
    server = showing(Kind.OTHER_NAME)
    trusting = client_context(server.ca_file)
    with pytest.raises(CertificateRefused) as refused:
        await session_to(server, security, trusting).open()
    assert "is not for localhost" in str(refused.value)
    assert "node.elsewhere.test" in str(refused.value)
    assert await opens(server, security, certificate_name=server.domain) == "TLSv1.2"


@pytest.mark.parametrize("security", ENCRYPTED)
async def test_an_expired_certificate_is_refused_in_words(showing, security):
    server = showing(Kind.EXPIRED)
    with pytest.raises(CertificateRefused, match="has expired"):
        await session_to(server, security, client_context(server.ca_file)).open()
    assert server.refused_logins() == 0


@pytest.mark.parametrize("security", ENCRYPTED)
async def test_an_unknown_authority_is_refused_in_words(showing, security, tmp_path):
    other = client_context(authority().write(tmp_path / "ca.pem"))
    with pytest.raises(CertificateRefused, match="no issuer in"):
        await session_to(showing(Kind.GOOD), security, other).open()


@pytest.mark.parametrize("security", ENCRYPTED)
async def test_a_certificate_whose_issuer_the_server_leaves_out_is_refused_in_words(
    showing, security
):
    """OpenSSL says the same of it as of an unknown authority: the words tell them apart."""
    server = showing(Kind.LEAF_ALONE)
    with pytest.raises(CertificateRefused) as refused:
        await session_to(server, security, client_context(server.ca_file)).open()
    for words in (
        f"{server.host}:{server.port(security)}",
        str(server.ca_file),
        "rest of the chain",
    ):
        assert words in str(refused.value)
    assert server.refused_logins() == 0


async def test_a_program_that_insists_on_tls_1_3_is_told_what_is_missing(showing):
    server = showing(Kind.GOOD)
    strict = client_context(server.ca_file, minimum=ssl.TLSVersion.TLSv1_3)
    words = "broke off" if quirks.ABRUPT.holds(server.name) else "share no TLS version"
    with pytest.raises(Unreachable, match=words):
        await session_to(server, "tls", strict).open()


async def test_an_address_is_dialled_where_the_certificate_names_it(server):
    assert await opens(server, "tls", host="127.0.0.1") == "TLSv1.3"


class AsFinesse(ThrowawayAuthority):
    """Signs by an authority in between, which the server sends along; TLS 1.2 is its newest."""

    def server_context(self, *names: str, **_: object) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        issuer = self._authority.create_child_ca()
        issuer.issue_cert(*(names or certificates.PLACE)).configure_cert(context)
        return context


@pytest.mark.parametrize("security", ENCRYPTED)
async def test_the_whole_program_works_over_tls_1_2_with_an_intermediate_at_both_ports(
    showing, tmp_path, security
):
    server, rest = showing(Kind.INTERMEDIATE), AsFinesse()
    async with simulated(authority=rest, notifications=OwnerPublisher(server, PASSWORD)) as sim:
        ca = tmp_path / "both.pem"
        ca.write_bytes(rest.pem + server.ca_file.read_bytes())
        node = node_of(sim) | {"xmpp_port": server.port(security)}
        finesse = {"nodes": [node], "ca_file": ca, "security": security}
        told = settings(sim, tmp_path, agents=[{"id": A, "password": PASSWORD[A]}], finesse=finesse)
        async with Listener.open(told, paces=PACES) as listener:
            dialog = await answered_call(sim, listener)
            outcome = await listener.submit(Hold(agent=A, dialog_id=dialog))
    assert isinstance(outcome, Confirmed)
    assert outcome.evidence is Evidence.REQUEST_ID
