"""The faults that the notification service can be told to have, and the queue that delays events.

Knows which fault is on for whom; knows nothing of XML or of sockets: the streams ask, and act.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

MAX_DELAYED = 100_000


class Stage(StrEnum):
    """How far a new connection gets before the server falls silent and stays so."""

    ACCEPT = "accept"  # TCP only: not even a TLS handshake
    BEFORE_HEADER = "before-header"
    AFTER_HEADER = "after-header"  # the stream header, but no features
    AFTER_TLS = "after-tls"  # the TLS handshake, but no stream header on top of it
    AFTER_SASL = "after-sasl"  # success, but no new stream header
    AFTER_BIND = "after-bind"  # the bound JID, but nothing after it


class Refusal(StrEnum):
    """How new connections are turned away."""

    CLOSE = "close"  # accepted and closed at once
    NOT_LISTENING = "not-listening"  # refused by the kernel


class Cut(StrEnum):
    """How a connection is ended."""

    CLOSE = "close"  # an orderly end of the connection, without a word of XMPP
    RESET = "reset"  # RST
    STREAM_ERROR = "stream-error"  # system-shutdown, then an orderly end


@dataclass(slots=True)
class Faults:
    """What is wrong now. The key None stands for everybody.

    `delay` is in seconds and holds published events only; `piece` is the largest write in bytes
    (1: every byte on its own), None for no slicing.
    """

    refusal: Refusal | None = None
    delay: float = 0.0
    piece: int | None = None
    tarpits: dict[str | None, Stage] = field(default_factory=dict)
    frozen: set[str | None] = field(default_factory=set)

    def is_frozen(self, user: str | None) -> bool:
        """Say whether a connection of that user (None: not signed in yet) stands still."""
        return None in self.frozen or (user is not None and user in self.frozen)

    def falls_silent(self, stage: Stage, user: str | None = None) -> bool:
        """Say whether a connection goes silent at that stage."""
        return stage in (self.tarpits.get(None), self.tarpits.get(user))


_Action: TypeAlias = Callable[[], None]


class Delayed:
    """Runs actions in the order they were given, each not before its delay has passed.

    One timer in all; at most `MAX_DELAYED` wait, then the oldest runs at once.
    """

    def __init__(self) -> None:
        self._waiting: deque[tuple[float, _Action]] = deque()
        self._timer: asyncio.TimerHandle | None = None

    def put(self, delay: float, action: _Action) -> None:
        """Run `action` after `delay` seconds, or now when nothing is to be waited for."""
        if delay <= 0 and not self._waiting:
            action()
            return
        due = asyncio.get_running_loop().time() + max(delay, 0.0)
        if self._waiting:
            due = max(due, self._waiting[-1][0])
        self._waiting.append((due, action))
        if len(self._waiting) > MAX_DELAYED:
            self._waiting.popleft()[1]()
        self._arm()

    def clear(self) -> None:
        """Forget what waits."""
        self._waiting.clear()
        self._disarm()

    def _arm(self) -> None:
        self._disarm()
        if self._waiting:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_at(self._waiting[0][0], self._run)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _run(self) -> None:
        now = asyncio.get_running_loop().time()
        while self._waiting and self._waiting[0][0] <= now:
            self._waiting.popleft()[1]()
        self._arm()
