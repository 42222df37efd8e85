"""The books: all requests by key, by requestId, by dialog and by agent; and what was heard before.

Knows where to find an entry, never what an event means. Everything in it is bounded.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterable, Iterator

from listener.correlation.entry import Entry
from listener.correlation.judges import WANTS_NEW_CALLS
from listener.finesse.actions.expectation import Monitoring, NewCall, UserState
from listener.finesse.events import Event

MAX_TOMBSTONES = 20_000
MAX_ITEMS = 16_384
MAX_EARLY = 1_024
EARLY_FOR = 60.0  # seconds for which a tagged event from before a registration is remembered


class Books:
    """Entries and tombstones with their indexes."""

    def __init__(self) -> None:
        self.entries: dict[str, Entry] = {}
        self.tombs: OrderedDict[str, Entry] = OrderedDict()
        self._by_id: dict[str, dict[str, Entry]] = {}
        self._by_dialog: dict[str, dict[str, Entry]] = {}
        self._by_agent: dict[str, dict[str, Entry]] = {}
        self._unbound: dict[str, dict[str, Entry]] = {}
        self._settled: dict[str, dict[str, Entry]] = {}
        self._made: dict[str, dict[str, Entry]] = {}
        self._items: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._early: deque[tuple[float, Event]] = deque(maxlen=MAX_EARLY)

    def add(self, entry: Entry) -> None:
        """Take in an open request."""
        self.entries[entry.key] = entry
        self._by_id.setdefault(entry.request_id, {})[entry.key] = entry
        self._by_agent.setdefault(entry.agent, {})[entry.key] = entry
        for id_ in entry.case.ids:
            self.bind(entry, id_)
        if entry.request.dialog_id is None or isinstance(entry.case.expectation, WANTS_NEW_CALLS):
            self._unbound.setdefault(entry.agent, {})[entry.key] = entry

    def bind(self, entry: Entry, dialog_id: str) -> None:
        """Let events about that dialog find the entry."""
        entry.case.ids.add(dialog_id)
        self._by_dialog.setdefault(dialog_id, {})[entry.key] = entry

    def watch(self, entry: Entry, dialog_id: str) -> None:
        """Let events about that dialog find the entry, though the dialog is not its own."""
        entry.watched |= {dialog_id}
        self._by_dialog.setdefault(dialog_id, {})[entry.key] = entry

    def close(self, entry: Entry) -> None:
        """Turn a settled entry into a tombstone; the id stays known."""
        self.entries.pop(entry.key, None)
        _drop(self._by_agent, entry.agent, entry.key)
        _drop(self._unbound, entry.agent, entry.key)
        self.tombs[entry.key] = entry
        if entry.request.dialog_id is None:
            self._settled.setdefault(entry.agent, {})[entry.key] = entry
        if isinstance(entry.case.expectation, NewCall | Monitoring):
            self._made.setdefault(entry.agent, {})[entry.key] = entry
        while len(self.tombs) > MAX_TOMBSTONES:
            self.bury(next(iter(self.tombs)))

    def bury(self, key: str) -> None:
        """Forget a tombstone."""
        entry = self.tombs.pop(key, None)
        if entry is not None:
            _drop(self._by_id, entry.request_id, key)
            _drop(self._settled, entry.agent, key)
            _drop(self._made, entry.agent, key)
            for id_ in entry.case.ids | entry.watched:
                _drop(self._by_dialog, id_, key)

    def with_id(self, request_id: str) -> Iterable[Entry]:
        """Return the requests, open or settled, that have that requestId."""
        return tuple(self._by_id.get(request_id, {}).values())

    def on_dialog(self, *dialog_ids: str | None) -> Iterator[Entry]:
        """Yield the requests, open or settled, that concern any of those dialogs, each once."""
        seen: set[str] = set()
        for id_ in dialog_ids:
            for key, entry in tuple(self._by_dialog.get(id_, {}).items()) if id_ else ():
                if key not in seen:
                    seen.add(key)
                    yield entry

    def of(self, agent: str) -> tuple[Entry, ...]:
        """Return the open requests of an agent."""
        return tuple(self._by_agent.get(agent, {}).values())

    def unbound(self, agent: str) -> tuple[Entry, ...]:
        """Return the agent's open requests that are not bound to a dialog, or look for new ones."""
        return tuple(self._unbound.get(agent, {}).values())

    def of_user(self, agent: str) -> tuple[Entry, ...]:
        """Return the agent's open requests that wait for a state of the user."""
        return tuple(e for e in self.unbound(agent) if isinstance(e.case.expectation, UserState))

    def settled_on_user(self, agent: str | None) -> list[Entry]:
        """Return the agent's settled requests that were not bound to a dialog."""
        return list(self._settled.get(agent or "", {}).values())

    def settled_makers(self, agent: str | None) -> list[Entry]:
        """Return the agent's settled requests that were to make a call."""
        return list(self._made.get(agent or "", {}).values())

    def count(self, agent: str) -> int:
        """Return how many requests of that agent are open."""
        return len(self._by_agent.get(agent, ()))

    def heard_before(self, node: str, item_id: str | None) -> bool:
        """Say whether that item came before, and remember it (rules 4: duplicates)."""
        if item_id is None:
            return False
        item = (node, item_id)
        if item in self._items:
            return True
        self._items[item] = None
        if len(self._items) > MAX_ITEMS:
            self._items.popitem(last=False)
        return False

    def keep_early(self, now: float, event: Event) -> None:
        """Remember an event with an id that nobody has registered (yet)."""
        self._forget_early(now)
        self._early.append((now, event))

    def early(self, now: float, request_id: str) -> list[Event]:
        """Return the remembered events with that id, oldest first."""
        self._forget_early(now)
        return [event for _, event in self._early if event.request_id == request_id]

    def _forget_early(self, now: float) -> None:
        while self._early and now - self._early[0][0] > EARLY_FOR:
            self._early.popleft()


def _drop(index: dict[str, dict[str, Entry]], name: str, key: str) -> None:
    row = index.get(name)
    if row is not None:
        row.pop(key, None)
        if not row:
            del index[name]
