"""Keys that made requests: the same key and body give the same request again."""

from __future__ import annotations

import pytest

from listener.idempotency import KEPT_FOR, Keys
from listener.offers import Idempotency, KeyReused


def keyed(text: str) -> str:
    return f"#{text}"


def test_a_key_gives_back_the_request_that_it_made_for_a_day():
    keys = Keys(keyed)
    hashed = keys.hashed(Idempotency("crm/1", "body"))
    assert keys.find(hashed, now=0.0) is None
    keys.add(hashed, "id-1", at=0.0)
    assert keys.find(hashed, now=KEPT_FOR - 1) == "id-1"
    assert keys.find(hashed, now=KEPT_FOR) is None
    assert len(keys) == 0


def test_a_key_with_another_body_is_refused_and_keeps_its_request():
    keys = Keys(keyed)
    first = keys.hashed(Idempotency("crm/1", "body"))
    keys.add(first, "id-1", at=0.0)
    with pytest.raises(KeyReused, match="another body"):
        keys.find(keys.hashed(Idempotency("crm/1", "other")), now=1.0)
    assert keys.find(first, now=1.0) == "id-1"


def test_keys_are_kept_as_hashes_only():
    keys = Keys(keyed)
    assert keys.hashed(Idempotency("secret", "body")) == ("#secret", "#body")


def test_the_oldest_key_goes_when_there_are_too_many():
    keys = Keys(keyed, most=2)
    for number in range(3):
        keys.add((f"k{number}", "b"), f"id-{number}", at=float(number))
    found = [keys.find((f"k{number}", "b"), now=3.0) for number in range(3)]
    assert found == [None, "id-1", "id-2"]


def test_a_dropped_key_can_be_used_again():
    keys = Keys(keyed)
    keys.add(("k", "b"), "id-1", at=0.0)
    keys.drop(("k", "b"))
    assert keys.find(("k", "other"), now=0.0) is None
