"""The guard of accounts: five wrong sign-ins lock one (Finesse's sign-in page), so none is wasted.

A pair that Finesse refused is refused here for a while without asking again; as long as a pair is
not known to be good, one request at a time goes out for its user. Keeps keyed digests of pairs, in
memory and bounded; knows no HTTP.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from listener.dropin.credentials import Pair
from listener.dropin.turns import Turn, Turns

MOST_PAIRS = 10_000
"""Refused pairs that are remembered, and good ones; the oldest are forgotten first."""


@dataclass(frozen=True, slots=True)
class Known:
    """A pair that Finesse took: since when, and the id under which it knows the user.

    `shown` tells when `GET /User/{that user}` last answered 200 with it; None: never.
    """

    login_id: str | None = None
    shown: float | None = None
    suspect: bool = False


class Lockout:
    """What is known of pairs of user and password. Times are the loop's, `refuse_for` seconds."""

    def __init__(self, *, refuse_for: float, clock: Callable[[], float]) -> None:
        self._refuse_for = refuse_for
        self._clock = clock
        self._refused: OrderedDict[bytes, float] = OrderedDict()
        self._good: OrderedDict[bytes, Known] = OrderedDict()
        self._turns = Turns()

    def __repr__(self) -> str:
        return f"<Lockout {len(self._good)} good, {len(self._refused)} refused>"

    def refused_for(self, pair: Pair) -> float:
        """Return for how many seconds more that pair is refused here; 0 when it is not."""
        until = self._refused.get(pair.digest)
        if until is None:
            return 0.0
        left = until - self._clock()
        if left <= 0:
            del self._refused[pair.digest]
        return max(left, 0.0)

    def known(self, pair: Pair) -> Known | None:
        """Return what is known of a pair that Finesse took, None when it is not known to be good.

        A pair that became suspect is not good.
        """
        found = self._good.get(pair.digest)
        return found if found is not None and not found.suspect else None

    def is_suspect(self, pair: Pair) -> bool:
        """Say whether Finesse must be asked for the user's own things before anything else."""
        found = self._good.get(pair.digest)
        return found is not None and found.suspect

    def good(self, pair: Pair) -> None:
        """Take note that Finesse took the pair."""
        if self.known(pair) is None:
            self._remember(pair, Known())

    def shown(self, pair: Pair, login_id: str | None) -> None:
        """Take note that Finesse showed the user to that pair."""
        self._remember(pair, Known(login_id, self._clock()))

    def suspect(self, pair: Pair) -> None:
        """Take note of a refusal that may be about something else."""
        self._remember(pair, Known(suspect=True))

    def _remember(self, pair: Pair, known: Known) -> None:
        self._good[pair.digest] = known
        self._good.move_to_end(pair.digest)
        if len(self._good) > MOST_PAIRS:
            self._good.popitem(last=False)

    def refused(self, pair: Pair) -> None:
        """Take note that Finesse refused the pair."""
        self._good.pop(pair.digest, None)
        self._refused[pair.digest] = self._clock() + self._refuse_for
        self._refused.move_to_end(pair.digest)
        if len(self._refused) > MOST_PAIRS:
            self._refused.popitem(last=False)

    async def turn(self, pair: Pair, within: float) -> Turn:
        """Wait until that pair may be tried; at once for one that is good.

        Look at `refused_for` again afterwards. Raises TimeoutError after `within` seconds.
        """
        if self.known(pair) is not None:
            return Turn()
        turn = await self._turns.take(pair.user.casefold(), within)
        if self.known(pair) is not None:  # found good while we waited
            turn.give_back()
        return turn
