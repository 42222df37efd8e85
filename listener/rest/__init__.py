"""The REST side: requests out, snapshots in.

Knows HTTP and httpx; knows nothing of XMPP, of pending requests, or of what proves an outcome.
"""

from __future__ import annotations

from listener.rest.client import Rest
from listener.rest.values import (
    Answer,
    AnswerKind,
    Basic,
    Bearer,
    Credentials,
    RestLimits,
    RestTimings,
    Snapshot,
)

__all__ = [
    "Answer",
    "AnswerKind",
    "Basic",
    "Bearer",
    "Credentials",
    "Rest",
    "RestLimits",
    "RestTimings",
    "Snapshot",
]
