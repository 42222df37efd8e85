"""The words for what can go wrong on the way to a node."""

from __future__ import annotations

import ssl

import anyio
import httpx
import pytest

from listener.rest.words import MAX_LINKS, explain, is_certificate, links

NODE = "https://finesse1.example.com:8445"


def tls(kind: type[ssl.SSLError], reason: str) -> ssl.SSLError:
    error = kind(1, "")
    error.reason = reason
    return error


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (tls(ssl.SSLError, "WRONG_VERSION_NUMBER"), "does not speak TLS"),
        (tls(ssl.SSLError, "RECORD_LAYER_FAILURE"), "does not speak TLS"),
        (tls(ssl.SSLError, "TLSV1_ALERT_PROTOCOL_VERSION"), "TLSV1_ALERT_PROTOCOL_VERSION"),
        (ConnectionRefusedError(), "refused the connection"),
        (ConnectionResetError(), "reset the connection"),
        (httpx.ConnectTimeout("x"), "no connection to"),
        (httpx.ConnectError("x"), "no connection to"),
        (httpx.ReadTimeout("x"), "no whole answer"),
        (TimeoutError(), "no whole answer"),
        (httpx.RemoteProtocolError("illegal request line"), "answered in binary"),
        (httpx.RemoteProtocolError("illegal status line: secret"), "not a whole HTTP answer"),
        (anyio.EndOfStream(), "broke (EndOfStream)"),
        (ValueError("secret"), "broke (ValueError)"),
    ],
)
def test_trouble_is_named_with_the_node_and_nothing_from_outside(error: Exception, words: str):
    said = explain(links(error, None), NODE)
    assert words in said
    assert NODE in said
    assert "secret" not in said


@pytest.mark.parametrize(("node", "hint"), [(NODE, False), ("http://h:8445", True)])
def test_plain_connection_that_is_closed_gets_the_hint_at_tls(node: str, hint: object):
    error = httpx.RemoteProtocolError("Server disconnected without sending a response.")
    assert ("https://?" in explain((error,), node)) is hint


def test_ssl_that_only_waited_is_not_the_trouble():
    error = httpx.ReadError("x")
    error.__context__ = tls(ssl.SSLWantReadError, "WANT_READ")
    assert "broke (ReadError)" in explain(links(error, None), NODE)


def test_story_goes_into_groups_and_stops_at_what_was_there_before():
    older = tls(ssl.SSLCertVerificationError, "OLDER")
    refused = ConnectionRefusedError()
    refused.__context__ = older
    error = httpx.ConnectError("x")
    error.__cause__ = ExceptionGroup("several", [refused, OSError()])
    assert not is_certificate(links(error, older))
    assert is_certificate(links(error, None))
    assert "nothing listens" in explain(links(error, older), NODE)


def test_story_that_bites_its_tail_ends():
    error = OSError()
    error.__cause__ = error
    assert len(links(error, None)) == MAX_LINKS
