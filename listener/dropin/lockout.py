"""The guard of accounts: five wrong sign-ins lock one (Finesse's sign-in page), so none is wasted.

A pair that Finesse refused is refused here for a while without asking again; as long as a pair is
not known to be good, one request at a time goes out for its user. Keeps keyed digests of pairs, in
memory and bounded; knows no HTTP.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from listener.dropin.credentials import Login, Pair
from listener.dropin.turns import Turn, Turns

MOST_PAIRS = 10_000
"""Refused pairs that are remembered, and good ones; the oldest are forgotten first."""


@dataclass(frozen=True, slots=True)
class Known:
    """A pair that Finesse took: since when, and the id under which it knows the user.

    `shown` tells when `GET /User/{that user}` last answered 200 with it; None: never, or another
    password was shown for the same user since.
    """

    login_id: str | None = None
    shown: float | None = None
    suspect: bool = False


@dataclass(frozen=True, slots=True)
class _Entry:
    known: Known
    names: frozenset[str] = frozenset()
    secret: bytes = field(default=b"", repr=False)


class Lockout:
    """What is known of pairs of user and password. Times are the loop's, `refuse_for` seconds."""

    def __init__(self, *, refuse_for: float, clock: Callable[[], float]) -> None:
        self._refuse_for = refuse_for
        self._clock = clock
        self._refused: OrderedDict[bytes, float] = OrderedDict()
        self._good: OrderedDict[bytes, _Entry] = OrderedDict()
        self._named: dict[str, set[bytes]] = {}  # the good ones by the names of their users
        self._turns = Turns()

    def __repr__(self) -> str:
        return f"<Lockout {len(self._good)} good, {len(self._refused)} refused>"

    def refused_for(self, login: Login) -> float:
        """Return for how many seconds more that pair is refused here; 0 when it is not."""
        until = self._refused.get(login.digest)
        if until is None:
            return 0.0
        left = until - self._clock()
        if left <= 0:
            del self._refused[login.digest]
        return max(left, 0.0)

    def known(self, login: Login) -> Known | None:
        """Return what is known of a pair that Finesse took, None when it is not known to be good.

        A pair that became suspect is not good.
        """
        found = self._entry(login)
        return found if found is not None and not found.suspect else None

    def is_suspect(self, login: Login) -> bool:
        """Say whether Finesse must be asked for the user's own things before anything else."""
        found = self._entry(login)
        return found is not None and found.suspect

    def _entry(self, login: Login) -> Known | None:
        found = self._good.get(login.digest)
        return found.known if found is not None else None

    def good(self, login: Login) -> None:
        """Take note that Finesse took the pair."""
        if self.known(login) is None:
            found = self._entry(login) or Known()
            self._remember(login, Known(found.login_id))

    def shown(self, pair: Pair, login_id: str | None) -> None:
        """Take note that Finesse showed the user to that pair.

        A user has one password: every other that was good before is good no longer.
        """
        self._remember(pair, Known(login_id, self._clock()))
        for name in self._good[pair.digest].names:
            for digest in self._named[name]:
                other = self._good[digest]
                if other.secret != pair.secret:
                    doubted = Known(other.known.login_id, suspect=True)
                    self._good[digest] = replace(other, known=doubted)

    def suspect(self, pair: Pair) -> None:
        """Take note of a refusal that may be about something else."""
        found = self._entry(pair) or Known()
        self._remember(pair, Known(found.login_id, suspect=True))

    def _remember(self, login: Login, known: Known) -> None:
        self._drop(login.digest)
        names: set[str] = set()
        if isinstance(login, Pair):
            names = {name.casefold() for name in (login.user, known.login_id) if name}
        secret = login.secret if isinstance(login, Pair) else b""
        self._good[login.digest] = _Entry(known, frozenset(names), secret)
        for name in names:
            self._named.setdefault(name, set()).add(login.digest)
        if len(self._good) > MOST_PAIRS:
            self._drop(next(iter(self._good)))

    def _drop(self, digest: bytes) -> None:
        found = self._good.pop(digest, None)
        for name in found.names if found is not None else ():
            self._named[name].discard(digest)
            if not self._named[name]:
                del self._named[name]

    def refused(self, login: Login) -> None:
        """Take note that Finesse refused the pair."""
        self._drop(login.digest)
        self._refused[login.digest] = self._clock() + self._refuse_for
        self._refused.move_to_end(login.digest)
        if len(self._refused) > MOST_PAIRS:
            self._refused.popitem(last=False)

    async def turn(self, login: Login, within: float) -> Turn:
        """Wait until that pair may be tried; at once for one that is good.

        Look at `refused_for` again afterwards. Raises TimeoutError after `within` seconds.
        """
        if self.known(login) is not None:
            return Turn()
        turn = await self._turns.take(login.queue, within)
        if self.known(login) is not None:  # found good while we waited
            turn.give_back()
        return turn
