"""Request bodies as JSON objects, strictly."""

from __future__ import annotations

import json

import pytest

from listener.api.documents import MAX_DEPTH, NotADocument, fingerprint, read_object, shown_name


def nested(levels: int) -> bytes:
    return b'{"a":' * levels + b"1" + b"}" * levels


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "empty"),
        (b" \n", "empty"),
        (b"\xff\xfe{\x00}\x00", "not UTF-8 at byte 0"),
        (b'{"a": "\xc3"}', "not UTF-8 at byte 7"),
        (b"{a: 1}", "not JSON"),
        (b"{'a': 1}", "not JSON"),
        (b'{"a": 1} {"b": 2}', "not JSON"),
        (b'{"a": 1,}', "not JSON"),
        (b'\xef\xbb\xbf{"a": 1}', "BOM"),
        (b'{"a": "\x00"}', "not JSON"),
        (b"<Dialog/>", "not JSON"),
        (b"[1]", "must be a JSON object"),
        (b'"text"', "must be a JSON object"),
        (b"null", "must be a JSON object"),
        (b'{"a": 1, "a": 1}', "holds a twice"),
        (b'{"x": {"agent": "1", "\\u0061gent": "2"}}', "holds agent twice"),
        (b'{"a": NaN}', "NaN is no number"),
        (b'{"a": -Infinity}', "-Infinity is no number"),
        (b'{"a": 1e999}', "too big"),
        (b'{"a": ' + b"9" * 5000 + b"}", "too big"),
        (b'{"a": "\\ud800"}', "half a character"),
        (b'{"\\udfff": 1}', "half a character"),
        (b"[" * 100_000, "levels"),
        (nested(MAX_DEPTH + 1), "levels"),
    ],
)
def test_body_that_two_readers_could_read_differently_is_refused(body, says):
    with pytest.raises(NotADocument, match=says):
        read_object(body)


def test_object_is_read_whole():
    body = '{"a": "ü\\u00fc😀\\ud83d\\ude00", "b": [1, -2.5, true, null], "c": {"[": "]]]"}}'
    assert read_object(body.encode()) == json.loads(body)
    assert read_object(nested(MAX_DEPTH)) == json.loads(nested(MAX_DEPTH))
    brackets = json.dumps({"a": '\\"[{' * 1000})
    assert read_object(brackets.encode()) == json.loads(brackets)


def test_number_is_the_same_however_it_is_written():
    found = read_object(b'{"a": 20.0, "b": 2e1, "c": 20, "d": 20.5, "e": 1e300}')
    assert [type(found[key]) for key in "abcde"] == [int, int, int, float, float]
    assert found["a"] == found["b"] == found["c"] == 20


@pytest.mark.parametrize("body", [b'{"x": "7531902', b'{"7531902": NaN, "7531902": 2}', b"7531902"])
def test_message_repeats_no_value(body):
    with pytest.raises(NotADocument) as refused:
        read_object(body)
    assert "7531902" not in str(refused.value)


def test_many_names_that_are_there_twice_take_no_longer_than_they_are():
    names = ",".join(f'"n{n}": 1' for n in range(20_000))
    with pytest.raises(NotADocument, match="n7 twice"):
        read_object(f'{{{names}, "n7": 2}}'.encode())


def test_fingerprint_is_of_the_meaning():
    one = read_object(b'{"agent": "1001", "deadline": 20, "mediaProperties": {"a": 1, "b": 2}}')
    two = read_object(b'{ "mediaProperties": {"b":2,"a":1}, "deadline": 20.0,"agent":"1001"}')
    assert fingerprint("request", one) == fingerprint("request", two)
    assert len(fingerprint("request", one)) == 64
    assert fingerprint("request", one) != fingerprint("request", one | {"agent": "1002"})
    assert fingerprint("request", one) != fingerprint("expectation", one)
    assert fingerprint("request", {"a": "1"}) != fingerprint("request", {"a": 1})


def test_name_is_repeated_only_when_it_looks_like_one():
    assert shown_name("dtmfStrings") == "dtmfStrings"
    assert shown_name("user.a[0]") == "user.a[0]"
    assert [shown_name(name) for name in ("7531902", "a b", "a\n", "x" * 65, "")] == [None] * 5
