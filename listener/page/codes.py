"""One-time codes: what `listener page` hands to a browser, and a browser turns into a cookie once.

Pure: time comes in as monotonic seconds. A code is kept as a hash alone; knows no HTTP.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections import Counter, deque
from dataclasses import dataclass

VALID_FOR = 60.0
"""Seconds in which a code can be used."""
MOST = 32
"""Codes that are outstanding. A further one takes the place of the oldest of whoever has most."""
MOST_OF_ONE = 8
"""Codes of one caller; a further one takes the place of its own oldest."""
MOST_WRONG = 20
"""Wrong codes within WRONG_WITHIN; further ones are told to wait. A right one is always taken."""
WRONG_WITHIN = 60.0
_BYTES = 32
LONGEST = 128
"""Characters of what is looked at as a code."""


class WrongCode(Exception):
    """No such code: used, late or wrong. `retry_after`: seconds, where too many were wrong."""

    def __init__(self, retry_after: float | None = None) -> None:
        super().__init__("no such code")
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Grant:
    """What a code gives: who asked for it, and whether numbers may be shown."""

    who: str
    numbers: bool = False


@dataclass(frozen=True, slots=True)
class _Code:
    digest: bytes
    until: float
    grant: Grant

    def __repr__(self) -> str:
        return f"<code for {self.grant.who}>"


class Codes:
    """The codes that are outstanding, at most MOST."""

    def __init__(self) -> None:
        self._codes: deque[_Code] = deque()
        self._wrong: deque[float] = deque(maxlen=MOST_WRONG)

    def __repr__(self) -> str:
        return f"<Codes {len(self._codes)}>"

    def issue(self, grant: Grant, now: float) -> str:
        """Return a new code, 256 bits from the system's random source."""
        self._forget(now)
        self._make_room(grant.who)
        code = secrets.token_urlsafe(_BYTES)
        self._codes.append(_Code(_digest(code), now + VALID_FOR, grant))
        return code

    def redeem(self, presented: str, now: float) -> Grant:
        """Return what a code gives, once. Raises WrongCode.

        Takes the same time whichever code it is, and whether it is there.
        """
        self._forget(now)
        digest, found = _digest(presented[:LONGEST]), None
        for each in self._codes:  # to the end: how long it takes tells nothing
            if hmac.compare_digest(each.digest, digest):
                found = each
        if found is None:
            raise WrongCode(self._pause(now))
        self._codes.remove(found)
        return found.grant

    def _pause(self, now: float) -> float | None:
        """Count a wrong code; return how long to wait when there were too many."""
        full = len(self._wrong) == MOST_WRONG and now - self._wrong[0] < WRONG_WITHIN
        if full:
            return self._wrong[0] + WRONG_WITHIN - now
        self._wrong.append(now)
        return None

    def _make_room(self, who: str) -> None:
        """Drop a code where there are too many: the caller's own, else one of whoever has most."""
        count = Counter(each.grant.who for each in self._codes)
        if count[who] >= MOST_OF_ONE:
            self._drop(who)
        elif len(self._codes) >= MOST:
            self._drop(max(count, key=lambda each: count[each]))

    def _drop(self, who: str) -> None:
        self._codes.remove(next(each for each in self._codes if each.grant.who == who))

    def _forget(self, now: float) -> None:
        while self._codes and self._codes[0].until <= now:
            self._codes.popleft()


def _digest(code: str) -> bytes:
    return hashlib.sha256(code.encode("utf-8", "surrogatepass")).digest()
