"""A server's certificate and key: what is wrong is said, and no content is shown."""

from __future__ import annotations

import ssl

import pytest
import trustme
from cryptography.hazmat.primitives import serialization
from structlog.testing import capture_logs

from listener.errors import ConfigurationError
from listener.web.certificates import server_context


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture
def files(tmp_path, authority):
    leaf = authority.issue_cert("localhost")
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    certificate.write_bytes(b"".join(blob.bytes() for blob in leaf.cert_chain_pems))
    key.write_bytes(leaf.private_key_pem.bytes())
    key.chmod(0o600)
    return certificate, key


def test_a_context_speaks_tls_1_2_or_newer(files):
    with capture_logs() as lines:
        context = server_context(*files)

    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert context.options & ssl.OP_NO_RENEGOTIATION
    assert lines == []


def test_a_key_that_everybody_may_read_is_warned_of(files):
    files[1].chmod(0o644)
    with capture_logs() as lines:
        server_context(*files)

    assert [line["event"] for line in lines] == ["settings.warning"]
    assert "key.pem can be read by everybody" in lines[0]["detail"]


@pytest.mark.parametrize("which", [0, 1])
def test_a_file_that_is_missing_is_named(files, which):
    files[which].unlink()
    with pytest.raises(ConfigurationError, match=rf"{files[which].name}: No such file"):
        server_context(*files)


@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("content", [b"", b"sesame", b"-----BEGIN CERTIFICATE-----\nc2VzYW1l\n"])
def test_a_file_that_is_something_else_is_named(files, which, content):
    files[which].write_bytes(content)
    with pytest.raises(ConfigurationError) as caught:
        server_context(*files)

    assert files[which].name in str(caught.value)
    assert files[1 - which].name not in str(caught.value)
    assert "sesame" not in str(caught.value)


def test_a_key_of_another_certificate_is_told(files, authority):
    files[1].write_bytes(authority.issue_cert("other").private_key_pem.bytes())
    with pytest.raises(ConfigurationError, match=r"key\.pem: is not the key of .*cert\.pem"):
        server_context(*files)


def test_an_encrypted_key_is_told_and_nobody_is_asked(files):
    key = serialization.load_pem_private_key(files[1].read_bytes(), None)
    files[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"sesame"),
        )
    )
    with pytest.raises(ConfigurationError, match=r"key\.pem: is encrypted"):
        server_context(*files)
