"""How many logins may be on their way at once: fewer where the other side cannot keep up.

Pure: times and counts in, a number out. Must not know sessions, nodes, clocks or tasks.

A server that manages fewer logins in the time of an attempt than are on their way at once takes
all of them a little further and none to its end: each runs into its deadline, and what was done for
it is lost. So the number is kept as TCP keeps its congestion window (RFC 5681), and as limits on
concurrency do that were made after it (Netflix' concurrency-limits): halved where an attempt fails
late, once for all that were on their way at that moment; one more for each login that was quick,
which doubles the number while all are; and one more for two that were neither quick nor slow, so
that the next ones take three quarters of their time at most. A slow line is not an overload: slow
logins alone take no place away.
"""

from __future__ import annotations

from dataclasses import dataclass, field

FEWEST = 4
"""Places that are always there; so few at once are no overload, and leave the number alone."""
QUICK = 1 / 4
"""A login is quick that took less than this share of the time that an attempt may take."""
SLOW = 1 / 2
"""It is slow from this share on, and an attempt that fails then failed late."""


@dataclass(slots=True)
class Window:
    """The places of one node. `allowed`: seconds that an attempt may take; `most`: places."""

    allowed: float
    most: int
    _size: float = field(init=False)
    _halved: float = field(init=False, default=float("-inf"))

    def __post_init__(self) -> None:
        self._size = self.most

    @property
    def places(self) -> int:
        """How many may be on their way at once."""
        return int(self._size)

    def came(self, took: float) -> None:
        """Take in that a login came to its end, after so many seconds."""
        if took < self.allowed * SLOW:
            more = 1.0 if took < self.allowed * QUICK else 0.5
            self._size = min(self._size + more, self.most)

    def failed(self, begun: float, now: float, crowd: int) -> bool:
        """Take in that an attempt failed, with so many on their way; say whether places went.

        One that failed soon was refused, which says nothing of too many at once; and one that had
        begun before places went last was held up by those who were too many then.
        """
        late = now - begun >= self.allowed * SLOW
        if not late or begun <= self._halved or crowd <= FEWEST:
            return False
        before, self._halved = self.places, now
        self._size = max(min(self._size, crowd) / 2, min(FEWEST, self.most))
        return self.places < before
