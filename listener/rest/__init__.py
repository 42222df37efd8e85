"""The REST side: requests out, snapshots in.

Knows HTTP and httpx; knows nothing of XMPP, of pending requests, or of what proves an outcome.
"""

from __future__ import annotations

from listener.rest.client import Rest
from listener.rest.flow import Flow, Raw
from listener.rest.forwarder import Forwarder, Message
from listener.rest.nodes import Nodes
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
    "Flow",
    "Forwarder",
    "Message",
    "Nodes",
    "Raw",
    "Rest",
    "RestLimits",
    "RestTimings",
    "Snapshot",
]
