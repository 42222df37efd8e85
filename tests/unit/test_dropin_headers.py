"""Which headers travel on, and bodies unpacked for reading."""

from __future__ import annotations

import gzip
import zlib

import pytest

from listener.rest.onward import end_to_end, first, of_request, spelled
from listener.rest.unpacking import readable, unpacked


def test_headers_of_one_hop_stay_behind_and_all_others_go_on_in_order():
    given = [
        (b"Connection", b"close, X-Mine"),
        (b"connection", b"x-too"),
        (b"Keep-Alive", b"timeout=5"),
        (b"Proxy-Authorization", b"Basic x"),
        (b"Proxy-Connection", b"keep-alive"),
        (b"Proxy-Authenticate", b"Basic"),
        (b"TE", b"trailers"),
        (b"Trailer", b"X-Checksum"),
        (b"Transfer-Encoding", b"chunked"),
        (b"Upgrade", b"websocket"),
        (b"X-Mine", b"1"),
        (b"X-Too", b"2"),
        (b"Set-Cookie", b"a=1"),
        (b"Content-Encoding", b"gzip"),
        (b"Set-Cookie", b"b=2"),
    ]
    assert end_to_end(given) == given[-3:]


def test_the_request_id_is_no_header_of_one_hop_whatever_connection_says():
    given = [(b"connection", b"close, requestId"), (b"requestid", b"r-1"), (b"x-a", b"1")]
    assert of_request(given) == [(b"requestId", b"r-1"), (b"X-A", b"1")]


def test_request_keeps_what_its_client_said_but_not_what_was_said_to_us():
    given = [
        (b"host", b"127.0.0.1:8080"),
        (b"x-listener-token", b"secret"),
        (b"expect", b"100-continue"),
        (b"content-length", b"3"),
        (b"authorization", b"Basic x"),
        (b"cookie", b"a=1"),
        (b"requestid", b"r-1"),
        (b"x-forwarded-for", b"10.0.0.1"),
        (b"accept-encoding", b"gzip"),
    ]
    assert of_request(given) == [
        (b"Authorization", b"Basic x"),
        (b"Cookie", b"a=1"),
        (b"requestId", b"r-1"),
        (b"X-Forwarded-For", b"10.0.0.1"),
        (b"Accept-Encoding", b"gzip"),
    ]


def test_names_get_their_usual_spelling():
    assert spelled(b"content-type") == b"Content-Type"
    assert spelled(b"REQUESTID") == b"requestId"
    assert first([(b"A", b"1"), (b"a", b"2")], b"a") == b"1"
    assert first([], b"a") is None


@pytest.mark.parametrize("encoding", ["", "identity", " Identity "])
def test_plain_body_is_itself(encoding: str):
    assert unpacked(b"x", encoding, 10) == b"x"


def test_gzip_and_deflate_are_unpacked_within_the_bound():
    assert unpacked(gzip.compress(b"x" * 100), "gzip", 100) == b"x" * 100
    assert unpacked(zlib.compress(b"x" * 100), "deflate", 100) == b"x" * 100
    assert unpacked(gzip.compress(b"x" * 101), "x-gzip", 100) is None


def test_what_cannot_be_unpacked_is_not_read():
    assert unpacked(b"junk", "gzip", 100) is None
    assert unpacked(gzip.compress(b"x")[:-4], "gzip", 100) is None
    assert unpacked(b"x", "br", 100) is None
    assert not readable("br")
    assert not readable("gzip, gzip")
