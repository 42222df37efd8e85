"""When to try again: what kind of trouble it is, and how long to wait.

Pure: numbers and errors in, a decision out. Must not know sessions, clocks or chance.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from listener.errors import (
    CertificateRefused,
    ConfigurationError,
    CredentialsRefused,
    InvalidRequest,
    ResourceConflict,
)
from listener.xmpp.contract import Cause, Ending

_STOPPING = (CredentialsRefused, ResourceConflict, ConfigurationError, InvalidRequest)
_MOST_DOUBLINGS = 64


class Remedy(StrEnum):
    """What to do about a trouble."""

    RETRY = "retry"
    RETRY_SLOWLY = "retry_slowly"  # a person must mend it, but not here
    STOP = "stop"  # trying again does harm: five refused passwords lock an account


@dataclass(frozen=True, slots=True)
class Backoff:
    """The waits between attempts, in seconds.

    Full jitter: each wait is between 0 and `base` times `factor` for each failure, at most `cap`.
    Finesse signs an agent out 60 s after its presence went, so the cap stays well below.
    `slow` is the least wait after a refused certificate.

    `stable` is how long a session must last for the failures before it to be forgotten: as long as
    the longest wait. A server that lets us in and drops us sooner is backed off; one that drops us
    later is dialled no more often than one that never lets us in, so nothing is gained by waiting,
    and a link that breaks again and again is back at once each time.
    """

    base: float = 0.5
    factor: float = 2.0
    cap: float = 8.0
    slow: float = 60.0
    stable: float = 8.0


def classify(trouble: Exception | Ending) -> Remedy:
    """Say what to do about an error of an attempt or the ending of a session."""
    if isinstance(trouble, Ending):
        return Remedy.STOP if trouble.cause is Cause.CONFLICT else Remedy.RETRY
    if isinstance(trouble, _STOPPING):
        return Remedy.STOP
    return Remedy.RETRY_SLOWLY if isinstance(trouble, CertificateRefused) else Remedy.RETRY


def next_delay(backoff: Backoff, failures: int, fraction: float) -> float:
    """Return how long to wait after that many failures in a row; `fraction` is chance, 0 to 1."""
    ceiling = backoff.base * backoff.factor ** min(failures, _MOST_DOUBLINGS)
    return fraction * min(backoff.cap, ceiling)


def slow_delay(backoff: Backoff, fraction: float) -> float:
    """Return how long to wait where waiting alone mends nothing: `slow` and up to a tenth more."""
    return backoff.slow * (1 + fraction / 10)


def cause_of(trouble: Exception | Ending) -> str:
    """Return the short name of a trouble for logs and counters."""
    return trouble.cause.value if isinstance(trouble, Ending) else type(trouble).__name__


def words_of(trouble: Exception | Ending) -> str:
    """Return the sentence about a trouble; of an unexpected exception only its kind."""
    if isinstance(trouble, Ending):
        return trouble.detail
    return str(trouble) or type(trouble).__name__
