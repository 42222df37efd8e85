"""Prefer (RFC 7240) and Idempotency-Key, as header lines."""

from __future__ import annotations

import pytest

from listener.web.preferences import BadKey, key_of, wait_of


@pytest.mark.parametrize(
    ("lines", "seconds"),
    [
        ([], None),
        (["wait=5"], 5),
        (["WAIT = 5"], 5),
        (['wait="5"'], 5),
        (["wait=0"], 0),
        (["wait=0007"], 7),
        (["respond-async, wait=10"], 10),
        (["handling=lenient", "wait=10"], 10),
        (['foo="a, wait=3; b", wait=10'], 10),
        (['foo="a \\" wait=3, ", wait=10'], 10),
        (["wait=10; foo=bar"], 10),
        (['wait=10;foo;bar="a"'], 10),
        (["return=minimal"], None),
        (["waiting=3"], None),
    ],
)
def test_wait_is_read_among_other_preferences(lines, seconds):
    assert wait_of(lines) == seconds


@pytest.mark.parametrize("seconds", ["61", "600", "9999999999", "9" * 5000])
def test_longer_wait_is_granted_in_part(seconds):
    assert wait_of([f"wait={seconds}"]) == 60


@pytest.mark.parametrize(
    "line",
    [
        "wait",
        "wait=",
        "wait=-1",
        "wait=5.5",
        "wait=soon",
        "wait=5 6",
        "=5",
        ",,,",
        "",
        "wait=\u0665",
    ],
)
def test_malformed_wait_is_ignored(line):
    assert wait_of([line]) is None


def test_first_wait_alone_counts():
    assert wait_of(["wait=3, wait=9"]) == 3
    assert wait_of(["wait=3", "wait=9"]) == 3
    assert wait_of(["wait=soon, wait=9"]) is None


def test_key_is_taken_with_and_without_quotes():
    assert key_of([]) is None
    assert key_of(["8e03978e-40d5"]) == "8e03978e-40d5"
    assert key_of(['"8e03978e-40d5"']) == "8e03978e-40d5"
    assert key_of([r'"a\"b\\c"']) == r'a"b\c'
    assert key_of(["  k  "]) == "k"
    assert key_of(["k" * 255]) == "k" * 255


@pytest.mark.parametrize(
    "lines",
    [[""], ['""'], ["k" * 256], ["a b"], ['"a b"'], ['"open'], ["naïve"], ["a\tb"], ["k", "k"]],
)
def test_key_that_cannot_be_one_is_refused(lines):
    with pytest.raises(BadKey):
        key_of(lines)
