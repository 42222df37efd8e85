"""What is read of HTTP/1.1: the same however it is cut into pieces, and nothing in two ways."""

from __future__ import annotations

import itertools

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from listener.web import wire
from listener.web.wire import StrictConnection

MOST = 1000
WAIT = [h11.NEED_DATA, h11.PAUSED]  # no set: events have no hash


def read(*pieces: bytes) -> tuple[list[str], bytes, int | None]:
    """Return the requests that were read, their bodies, and the status of a refusal."""
    connection = StrictConnection(MOST)
    seen: list[str] = []
    body = b""
    for piece in filter(None, pieces):  # nothing would mean the end
        connection.receive_data(piece)
        try:
            while (event := connection.next_event()) not in WAIT:
                if isinstance(event, h11.Request):
                    seen.append(event.target.decode())
                elif isinstance(event, h11.Data):
                    body += event.data
                elif isinstance(event, h11.EndOfMessage):
                    connection.send(
                        h11.Response(status_code=200, headers=[("content-length", "0")])
                    )
                    connection.send(h11.EndOfMessage())
                    if connection.our_state is h11.DONE:
                        connection.start_next_cycle()
        except h11.RemoteProtocolError:
            assert connection.refusal is not None
            return seen, body, connection.refusal.status
    return seen, body, None


def request(*lines: str, body: bytes = b"", target: str = "/a") -> bytes:
    return "\r\n".join([f"POST {target} HTTP/1.1", "Host: a", *lines, "", ""]).encode() + body


CHUNKED = "Transfer-Encoding: chunked"
TEXTS = [
    request(),
    request("X: y"),
    request("Content-Length: 4", body=b"body"),
    request("Content-Length: 0004", body=b"body"),
    request("Content-Length: 4", body=b"\n\0\r\n"),  # only the header has rules for its bytes
    request(CHUNKED, body=b"4\r\nbody\r\n0\r\n\r\n"),
    request(CHUNKED, body=b"4;x=y\r\n\r\n \n\r\n0\r\nX: y\r\n\r\n"),
    request(CHUNKED, body=b"0\r\n\n"),
    request(CHUNKED, body=b"0\r\nX: y\n\r\n"),
    request(CHUNKED, body=b"0\r\nX: y\r\n z\r\n\r\n"),
    request(CHUNKED, "Content-Length: 4"),
    request("Content-Length: 1001"),
    request(CHUNKED, body=b"3e9\r\n" + b"x" * 1001),
    request("X: a\r\n b"),
    request("X: a\nY: b"),
    request("X: a\rY: b"),
    request("X: a\x7fb"),
    request("X: \t a\t"),
    request("A" * 100),
    request("X: " + "x" * wire.HEAD_BYTES),
    b"GET / HTTP/1.1\n\n",
    b"\r\n\r\n",
    b"\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET / HTTP/1.1 \r\nHost: a\r\n\r\n",
    b"GET / HTTP/3.0\r\nHost: a\r\n\r\n",
    b"GET /\x80 HTTP/1.1\r\nHost: a\r\n\r\n",
]


@given(
    texts=st.lists(st.sampled_from(TEXTS), min_size=1, max_size=3),
    cuts=st.lists(st.integers(0, 500), max_size=12),
)
def test_pieces_change_nothing(texts, cuts):
    whole = b"".join(texts)
    places = sorted({0, *(cut for cut in cuts if cut < len(whole)), len(whole)})
    pieces = [whole[a:b] for a, b in itertools.pairwise(places)]

    seen, body, status = read(whole)
    again, _, status_again = read(*pieces)
    assert (again, status_again) == (seen, status)
    if status is None:
        assert read(*pieces)[1] == body


@given(st.binary(max_size=300))
def test_whatever_comes_is_read_waited_for_or_refused(data):
    _, _, status = read(data)

    assert status in {None, 400, 413, 431, 501, 505}


NAMES = st.text("abcdefghijklmnopqrstuvwxyz-", min_size=1, max_size=10).filter(
    lambda name: name not in {"host", "upgrade", "connection"}
)
VALUES = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=30)


@given(
    fields=st.lists(st.tuples(NAMES.map(lambda name: "x-" + name), VALUES), max_size=10),
    body=st.binary(max_size=MOST),
)
def test_what_is_right_is_read(fields, body):
    lines = [f"{name}: {value.strip()}" for name, value in fields]
    whole = request(*lines, f"Content-Length: {len(body)}", body=body)

    assert read(whole, whole) == (["/a", "/a"], body + body, None)


@pytest.mark.parametrize(("extra", "status"), [(0, None), (1, 431)])
def test_the_size_of_a_header_has_a_sharp_limit(extra, status):
    rest = wire.HEAD_BYTES - len(request("X: ")) + extra

    assert read(request("X: " + "x" * rest))[2] == status


@pytest.mark.parametrize(("fields", "status"), [(wire.FIELDS, None), (wire.FIELDS + 1, 431)])
def test_the_number_of_fields_has_a_sharp_limit(fields, status):
    assert read(request(*["a: b"] * (fields - 1)))[2] == status  # Host is one of them


@pytest.mark.parametrize(("size", "status"), [(MOST, None), (MOST + 1, 413)])
def test_the_size_of_a_body_has_a_sharp_limit(size, status):
    body = b"x" * size
    assert read(request(f"Content-Length: {size}", body=body))[2] == status
    half = size // 2
    chunked = b"%x\r\n%b\r\n%x\r\n%b\r\n0\r\n\r\n" % (half, body[:half], size - half, body[half:])
    assert read(request(CHUNKED, body=chunked))[2] == status


def test_a_body_in_very_many_chunks_is_refused(monkeypatch):
    monkeypatch.setattr(wire, "CHUNKS", 10)

    assert read(request(CHUNKED, body=b"1\r\nx\r\n" * 10 + b"0\r\n\r\n"))[2] is None
    assert read(request(CHUNKED, body=b"1\r\nx\r\n" * 11 + b"0\r\n\r\n"))[2] == 400


def test_each_body_is_counted_by_itself():
    whole = request("Content-Length: 600", body=b"x" * 600)

    assert read(whole * 3)[2] is None


def test_nothing_that_was_sent_is_in_a_refusal():
    for text in TEXTS:
        connection = StrictConnection(MOST)
        connection.receive_data(text.replace(b"X: ", b"X: sesame"))
        try:
            while connection.next_event() not in WAIT:
                pass
        except h11.RemoteProtocolError:
            assert connection.refusal is not None
            assert b"sesame" not in connection.refusal.body()


@pytest.mark.parametrize("before", [b"", b"POST /b HTTP/1.1\r\nHost: a\r\n\r\n"])
def test_a_chunked_body_may_be_cut_anywhere(before):
    chunked = (
        b"POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n"
    )
    whole = before + chunked
    for cut in range(1, len(whole)):
        assert read(whole[:cut], whole[cut:])[2] is None, cut


def test_a_bare_line_feed_at_the_end_of_a_chunked_body_is_refused_however_it_is_cut():
    head = b"POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    for tail in (b"4\r\nbody\r\n0\r\n\n", b"4\r\nbody\r\n0\r\nX: y\n\r\n"):
        whole = head + tail
        for cut in range(1, len(whole)):
            assert read(whole[:cut], whole[cut:])[2] == 400, cut
