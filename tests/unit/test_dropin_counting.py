"""As what an answer of the drop-in is counted."""

from __future__ import annotations

import pytest

from listener.dropin.counting import counted_as
from listener.tally import MANNERS


@pytest.mark.parametrize(
    ("method", "outcome", "manner", "told"),
    [
        ("GET", None, "read", None),
        ("HEAD", None, "read", None),
        ("PUT", b"confirmed", "tracked", "confirmed"),
        ("POST", b"open", "tracked", "open"),
        ("PUT", b"untracked", "untracked", "untracked"),
        ("PUT", None, "untracked", None),
    ],
)
def test_the_manner_follows_from_the_method_and_x_outcome(method, outcome, manner, told):
    headers = [(b"content-type", b"text/xml")]
    headers += [(b"x-outcome", outcome)] if outcome is not None else []

    assert counted_as(method, headers) == (manner, told)
    assert manner in MANNERS
