"""What plays a great deal is not measured for coverage, and does not pay for it either."""

from __future__ import annotations

import sys


def test_nothing_is_traced_where_coverage_is_not_measured():
    """Not among several processes either, where the tests take three times as long with it."""
    assert sys.gettrace() is None
