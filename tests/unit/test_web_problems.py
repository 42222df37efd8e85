"""Problems as RFC 9457 has them."""

from __future__ import annotations

import json

from listener.web.problems import Problem, as_asgi, as_http

FULL = Problem("queue_full", "Full", 503, "Später.", retryable=True, retry_after=0.2, queue=["a"])


def test_a_problem_has_the_standard_members_and_ours():
    assert json.loads(FULL.body()) == {
        "type": "urn:finesse-listener:problem:queue_full",
        "title": "Full",
        "status": 503,
        "detail": "Später.",
        "retryable": True,
        "queue": ["a"],
    }
    assert not Problem("x", "X", 400, "x").retryable


def test_a_type_of_somebody_else_stays():
    assert Problem("about:blank", "X", 400, "x").type == "about:blank"


def test_retry_after_is_in_whole_seconds_and_never_too_early():
    assert (b"retry-after", b"1") in FULL.headers()
    assert (b"retry-after", b"0") in Problem("x", "X", 503, "x", retry_after=-1).headers()
    assert b"retry-after" not in dict(Problem("x", "X", 503, "x").headers())


def test_text_that_is_no_unicode_still_makes_json():
    assert json.loads(Problem("x", "X", 400, "\udc80").body())["detail"] == "\udc80"


async def test_it_is_sent_through_asgi():
    sent = []

    async def send(message):
        sent.append(message)

    await as_asgi(send, FULL, [(b"x-more", b"1")])

    start, body = sent
    assert start["status"] == 503
    assert (b"content-type", b"application/problem+json") in start["headers"]
    assert (b"content-length", str(len(body["body"])).encode()) in start["headers"]
    assert (b"x-more", b"1") in start["headers"]
    assert json.loads(body["body"])["status"] == 503


def test_as_bytes_it_ends_its_connection():
    head, _, body = as_http(FULL, date="now").partition(b"\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
    assert b"\r\nconnection: close" in head
    assert f"\r\ncontent-length: {len(body)}\r\n".encode() in head
    assert b"\r\ndate: now\r\n" in head
    assert json.loads(body) == FULL.as_dict()
    assert as_http(FULL, date="now", head=True) == head + b"\r\n\r\n"


def test_its_repr_says_which_it_is():
    assert repr(FULL) == "<Problem 503 queue_full>"
