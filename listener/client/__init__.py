"""A client of the daemon's local API: send requests through it and learn what came of them.

    async with Client.unix("/run/finesse-listener/api.sock") as client:
        request = await client.submit(agent="1001", requested_action="HOLD", dialog_id="54321")
        outcome = (await client.outcome(request["id"]))["outcome"]
        print(outcome and outcome["kind"])

Knows HTTP and the shapes of docs/api.md; knows nothing of Finesse's wire.
"""

from __future__ import annotations

from listener.client.body import Wanted
from listener.client.client import Client
from listener.client.events import Events
from listener.client.happenings import Event, StreamEvent
from listener.client.resources import (
    AgentResource,
    DialogResource,
    DialogsResource,
    ErrorEntries,
    ErrorResource,
    LateResource,
    OutcomeResource,
    PageLink,
    ReadinessResource,
    RequestResource,
    UserResource,
)
from listener.errors import DaemonUnreachable, Problem

__all__ = [
    "AgentResource",
    "Client",
    "DaemonUnreachable",
    "DialogResource",
    "DialogsResource",
    "ErrorEntries",
    "ErrorResource",
    "Event",
    "Events",
    "LateResource",
    "OutcomeResource",
    "PageLink",
    "Problem",
    "ReadinessResource",
    "RequestResource",
    "StreamEvent",
    "UserResource",
    "Wanted",
]
