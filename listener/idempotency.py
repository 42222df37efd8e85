"""Which Idempotency-Key made which request (draft-ietf-httpapi-idempotency-key-header-07).

Knows keys as keyed hashes only, for a day, and at most 100,000. A caller's keys are its own.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from listener.offers import Idempotency, KeyReused

KEPT_FOR = 24 * 3600.0
MAX_KEYS = 100_000


@dataclass(frozen=True, slots=True)
class Use:
    """One key that was used: the body's fingerprint, the request's id, when (seconds)."""

    fingerprint: str
    id: str
    at: float


class Keys:
    """The keys that were used. `keyed` turns a text into its keyed hash."""

    def __init__(self, keyed: Callable[[str], str], *, most: int = MAX_KEYS) -> None:
        self._keyed = keyed
        self._most = most
        self._uses: OrderedDict[str, Use] = OrderedDict()

    def __len__(self) -> int:
        return len(self._uses)

    def hashed(self, given: Idempotency) -> tuple[str, str]:
        """Return the key and the fingerprint as they may be kept."""
        return self._keyed(given.key), self._keyed(given.fingerprint)

    def find(self, hashed: tuple[str, str], now: float) -> str | None:
        """Return the id of the request that the key made, None for a new key.

        Raises KeyReused when it came with another body.
        """
        self._forget(now)
        key, fingerprint = hashed
        use = self._uses.get(key)
        if use is None:
            return None
        if use.fingerprint != fingerprint:
            raise KeyReused(
                "that Idempotency-Key came with another body before; use a new key for a new"
                " request"
            )
        return use.id

    def add(self, hashed: tuple[str, str], id_: str, at: float) -> None:
        """Note what a key made."""
        key, fingerprint = hashed
        self._uses[key] = Use(fingerprint, id_, at)
        self._forget(at)

    def all(self) -> list[tuple[str, str, str, float]]:
        """Return hashed key, hashed fingerprint, id and time of every use, oldest first."""
        return [(key, use.fingerprint, use.id, use.at) for key, use in self._uses.items()]

    def drop(self, hashed: tuple[str, str]) -> None:
        """Forget a key whose request was not taken after all."""
        self._uses.pop(hashed[0], None)

    def _forget(self, now: float) -> None:
        while self._uses:
            oldest = next(iter(self._uses.values()))
            if len(self._uses) <= self._most and now - oldest.at < KEPT_FOR:
                return
            self._uses.popitem(last=False)
