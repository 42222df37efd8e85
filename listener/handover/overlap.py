"""While two processes hear the same: which events both have heard, and when.

Finesse gives an item the same id for all sessions of an agent, so an event is known by its node and
that id (as the correlator knows repeats), and by what it says where there is none.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable

from listener.finesse.events import DialogAdded, DialogChanged, DialogRemoved, Event

MOST = 200_000
FOR = 120.0
"""Seconds after the hand-over in which the second process may still hear what the first heard."""


def key_of(event: Event) -> str:
    """Return what an event is known by, in every process."""
    # One item may carry several dialogs: each is an event of its own.
    about = ""
    if isinstance(event, DialogAdded | DialogChanged | DialogRemoved):
        about = event.dialog_id
    item = event.item_id
    if item is None:
        item = "=" + hashlib.sha256(repr(event).encode("utf-8", "replace")).hexdigest()
    return f"{event.node}|{about}|{item}"


class Witness:
    """Remembers when each event was heard, in the first process; of very many, the latest."""

    def __init__(self, clock: Callable[[], float], most: int = MOST) -> None:
        self.heard: OrderedDict[str, float] = OrderedDict()
        self._clock = clock
        self._most = most

    def __call__(self, event: Event) -> None:
        """Take note of an event, at its first time."""
        self.heard.setdefault(key_of(event), self._clock())
        if len(self.heard) > self._most:
            self.heard.popitem(last=False)


class Overlap:
    """What the first process has heard, in the second one, until `until` on the loop's clock."""

    def __init__(self, heard: dict[str, float], clock: Callable[[], float], until: float) -> None:
        self._heard = heard
        self._clock = clock
        self._until = until

    def told(self, event: Event) -> bool:
        """Say whether the first process has heard that event, and so has told it if it was news."""
        if self._heard and self._clock() > self._until:
            self._heard = {}
        return bool(self._heard) and key_of(event) in self._heard

    def heard_at(self, key: str, otherwise: float) -> float:
        """Return when the first process heard it; `otherwise` when it never did."""
        return self._heard.get(key, otherwise)
