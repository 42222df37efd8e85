"""What the backend offers to those who serve callers (the API, the drop-in): plain values.

Knows the words of the local API; does nothing. JSON values are dicts in the shapes of docs/api.md.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol, TypeAlias

from listener.errors import NotAccepted

Resource: TypeAlias = dict[str, Any]

EVENT_NAMES = ("dialog", "user", "error", "request", "session", "gap", "lagged", "reset")


@dataclass(frozen=True, slots=True)
class Idempotency:
    """A caller's Idempotency-Key, and a fingerprint of the body that came with it."""

    key: str
    fingerprint: str


class KeyReused(NotAccepted):
    """That Idempotency-Key came with another body before (422)."""


class AgentSignedIn(NotAccepted):
    """The agent is signed in, and this may be its only session (409)."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A request that was taken, or (`fresh` False) had been taken before under the same key."""

    resource: Resource
    fresh: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which events a reader wants; None takes all. `id` is a request's, `kinds` event names."""

    agent: str | None = None
    dialog_id: str | None = None
    id: str | None = None
    kinds: frozenset[str] | None = None


@dataclass(frozen=True)
class Told:
    """One event of the stream. `id` is "epoch-sequence"; None for `lagged` and `reset`.

    Shared by all readers, so that what is sent is written once: see `frame`.
    """

    id: str | None
    name: str
    data: Resource

    @cached_property
    def frame(self) -> bytes:
        """The event as it stands in the stream (WHATWG, server-sent events): id, event, data."""
        text = json.dumps(self.data, ensure_ascii=False, separators=(",", ":"))
        head = "" if self.id is None else f"id: {self.id}\n"
        return f"{head}event: {self.name}\ndata: {text}\n\n".encode("utf-8", "replace")


class Reader(Protocol):
    """One reader's events, in order; ends after `lagged`, and when the daemon stops."""

    @property
    def position(self) -> str:
        """Behind which event it goes on: an id for `Last-Event-ID`."""
        ...

    def __aiter__(self) -> AsyncIterator[Told]:
        """Yield what comes."""
        ...

    async def aclose(self) -> None:
        """Leave; nothing more is kept for this reader."""
        ...


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether the daemon can do its work, and what is in the way (empty when ready)."""

    ready: bool
    reasons: tuple[str, ...] = field(default=())
