"""The throw-away certificates do what a client's checks look at."""

from __future__ import annotations

import asyncio
import ssl
from typing import TYPE_CHECKING

import pytest

from listener.simulator.certificates import ThrowawayAuthority

if TYPE_CHECKING:
    from pathlib import Path


async def handshake(server: ssl.SSLContext, client: ssl.SSLContext, name: str) -> ssl.SSLObject:
    """Shake hands over loopback and return the client's view of it."""
    accepted: list[asyncio.Task[None]] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()
        await writer.wait_closed()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        accepted.append(asyncio.get_running_loop().create_task(serve(reader, writer)))

    listening = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=server)
    port = listening.sockets[0].getsockname()[1]
    try:
        _, writer = await asyncio.open_connection(
            "127.0.0.1", port, ssl=client, server_hostname=name
        )
        seen = writer.get_extra_info("ssl_object")
        writer.close()
        await writer.wait_closed()
        return seen
    finally:
        listening.close()
        await asyncio.gather(*accepted)


@pytest.mark.parametrize("name", ["finesse1.test", "127.0.0.1"])
async def test_names_and_addresses_are_accepted_by_a_client_that_checks_them(name: str):
    authority = ThrowawayAuthority()
    context = authority.server_context("finesse1.test", "127.0.0.1")
    assert await handshake(context, authority.client_context(), name)


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1"])
async def test_without_names_the_certificate_is_for_loopback(name: str):
    authority = ThrowawayAuthority()
    assert await handshake(authority.server_context(), authority.client_context(), name)


async def test_another_name_is_refused():
    authority = ThrowawayAuthority()
    with pytest.raises(ssl.SSLCertVerificationError, match="mismatch"):
        await handshake(
            authority.server_context("finesse1.test"), authority.client_context(), "finesse2.test"
        )


async def test_another_authority_is_refused():
    with pytest.raises(ssl.SSLCertVerificationError, match="verify failed"):
        await handshake(
            ThrowawayAuthority().server_context("a.test"),
            ThrowawayAuthority().client_context(),
            "a.test",
        )


async def test_an_expired_certificate_is_refused_as_expired():
    authority = ThrowawayAuthority()
    with pytest.raises(ssl.SSLCertVerificationError, match="expired"):
        await handshake(authority.expired_context("a.test"), authority.client_context(), "a.test")


async def test_the_newest_tls_version_can_be_held_at_1_2():
    authority = ThrowawayAuthority()
    context = authority.server_context("a.test", newest=ssl.TLSVersion.TLSv1_2)
    seen = await handshake(context, authority.client_context(), "a.test")
    assert seen.version() == "TLSv1.2"


async def test_the_written_file_is_a_ca_file_and_holds_no_key(tmp_path: Path):
    authority = ThrowawayAuthority()
    path = authority.write(tmp_path / "ca.pem")
    assert b"PRIVATE KEY" not in path.read_bytes()
    client = ssl.create_default_context(cafile=str(path))
    assert await handshake(authority.server_context("a.test"), client, "a.test")
