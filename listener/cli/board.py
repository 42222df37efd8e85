"""What `listener watch` shows in a terminal: panes of sessions, requests, events and errors.

Pure: events and keys in, lines out. Knows neither terminal nor daemon; holds so much and no more.
"""

from __future__ import annotations

import textwrap
from collections import OrderedDict, deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple, TypeAlias

from listener.cli import event_words
from listener.cli.filters import NAMES, Filters, equal

Told: TypeAlias = Mapping[str, Any]

MOST_EVENTS = 2_000
MOST_ERRORS = 500
MOST_OPEN = 10_000
_DATED = 19  # characters of a time with its date
_NARROWEST = 20
_BAD = frozenset({"failed", "rejected", "unconfirmed", "abandoned"})
_LONGEST_FILTER = 60

KEYS = (
    ("q, Ctrl-C", "leave"),
    ("space, p", "pause, and go on"),
    ("Tab", "the next pane, which is then scrolled"),
    ("up, down, j, k", "scroll by a line"),
    ("PgUp, PgDn, b, f", "scroll by a page"),
    ("g, Home / G, End", "the oldest / the newest"),
    ("a", "filter by agent"),
    ("d", "filter by dialog"),
    ("r", "filter by action (HOLD, MAKE_CALL, ...)"),
    ("o", "filter by outcome (failed, unconfirmed, ...)"),
    ("/", "filter by text"),
    ("c", "clear the filters"),
    ("?, h", "this help, and back"),
)
"""What each key does; for --help too."""

_ASKS = dict(zip("adro/", NAMES, strict=True))


class Pane(StrEnum):
    """The panes, from above."""

    SESSIONS = "Sessions"
    REQUESTS = "Open requests"
    EVENTS = "Events"
    ERRORS = "Errors and bad ends"


class Line(NamedTuple):
    """A line, and how it may look: "head", "bad", "good", "faint" or ""."""

    text: str
    style: str = ""


@dataclass(frozen=True, slots=True)
class Shown:
    """An event, kept with its words."""

    serial: int
    name: str
    data: Told = field(repr=False)
    lines: tuple[str, ...]
    bad: bool


class Board:
    """What is known now, and how it is looked at."""

    def __init__(self, filters: Filters | None = None) -> None:
        self.filters = filters or Filters()
        self.status = ""
        self.sessions: dict[str, Told] = {}
        self.open: OrderedDict[str, Told] = OrderedDict()
        self._events: deque[Shown] = deque(maxlen=MOST_EVENTS)
        self._errors: deque[Shown] = deque(maxlen=MOST_ERRORS)
        self._serial = 0
        self._paused: int | None = None  # the last event that is shown
        self._help = False
        self._asking: str | None = None
        self._typed = ""
        self._focus = Pane.EVENTS
        self._offsets = dict.fromkeys(Pane, 0)
        self._page = 10
        self.left = False

    # -- taking in --------------------------------------------------------------------------------

    def agents(self, found: Iterable[Told]) -> None:
        """Take in all sessions as they are now."""
        self.sessions = {str(each["id"]): each for each in found}

    def requests(self, found: Iterable[Told]) -> None:
        """Take in all open requests as they are now, newest first."""
        self.open = OrderedDict((str(each["id"]), each) for each in reversed(list(found)))

    def event(self, name: str, data: Told) -> None:
        """Take in one event."""
        if name == "session" and data.get("id"):
            self.sessions[str(data["id"])] = data
        if name == "request" and data.get("id"):
            self._request(str(data["id"]), data)
        bad = name in {"error", "gap", "lagged", "reset"} or _ended_badly(data)
        if name == "gap" and data.get("until"):
            bad = False
        self._serial += 1
        first, *others = (_clean(line) for line in event_words.of_event(name, data))
        at = str(data.get("at") or "")
        # Of the time, that of the day is enough here.
        lines = (first.replace(at, at[11:19], 1) if len(at) > _DATED else first, *others)
        shown = Shown(self._serial, name, data, lines, bad)
        self._events.append(shown)
        if bad:
            self._errors.append(shown)

    def _request(self, id_: str, data: Told) -> None:
        if data.get("state") == "settled":
            self.open.pop(id_, None)
            return
        self.open[id_] = data
        while len(self.open) > MOST_OPEN:
            self.open.popitem(last=False)

    # -- keys -------------------------------------------------------------------------------------

    def key(self, key: str) -> None:
        """Do what a key means; `key` is a character or a name ("up", "enter", ...)."""
        if self._asking is not None:
            self._type(key)
        elif self._help:
            self._help = False
            self.left = key in {"q", "\x03"}
        elif key in _ASKS:
            self._asking, self._typed = _ASKS[key], ""
        else:
            self._command(key)

    def _type(self, key: str) -> None:
        if key == "enter":
            setattr(self.filters, str(self._asking), self._typed.strip() or None)
            self._asking = None
            self._offsets = dict.fromkeys(Pane, 0)
        elif key in {"escape", "\x03"}:
            self._asking = None
        elif key == "backspace":
            self._typed = self._typed[:-1]
        elif len(key) == 1 and key.isprintable() and len(self._typed) < _LONGEST_FILTER:
            self._typed += key

    def _command(self, key: str) -> None:
        if key in {"q", "\x03"}:
            self.left = True
        elif key in {" ", "p"}:
            self._paused = self._serial if self._paused is None else None
        elif key in {"?", "h"}:
            self._help = True
        elif key == "c":
            self.filters = Filters()
        elif key == "tab":
            panes = list(Pane)
            self._focus = panes[(panes.index(self._focus) + 1) % len(panes)]
        else:
            self._scroll(key)

    def _scroll(self, key: str) -> None:
        steps = {"up": 1, "k": 1, "down": -1, "j": -1}
        steps |= dict.fromkeys(("pageup", "b"), self._page)
        steps |= dict.fromkeys(("pagedown", "f"), -self._page)
        steps |= {"g": 1 << 30, "home": 1 << 30, "G": -(1 << 30), "end": -(1 << 30)}
        # What is newest stands at the end of events and errors, and at the top of the others.
        turned = self._focus in {Pane.SESSIONS, Pane.REQUESTS}
        by = steps.get(key, 0) * (-1 if turned else 1)
        self._offsets[self._focus] = max(0, self._offsets[self._focus] + by)

    # -- showing ----------------------------------------------------------------------------------

    def lines(self, width: int, height: int) -> list[Line]:
        """Return exactly `height` lines of `width` columns at most."""
        body = max(1, height - 1)
        if self._help:
            shown = [Line("Keys", "head"), *(Line(f"  {key:<20} {does}") for key, does in KEYS)]
        else:
            shown = list(self._panes(width, body))
        shown = [*shown[:body], *[Line("")] * (body - len(shown))]
        shown.append(self._bottom())
        return [Line(line.text[:width], line.style) for line in shown[-height:]]

    def _bottom(self) -> Line:
        if self._asking is not None:
            return Line(f"{self._asking}: {self._typed}_  (Enter sets, Esc leaves it)", "head")
        on = self.filters.words()
        parts = ["PAUSED" if self._paused is not None else "", self.status, "? for the keys"]
        parts.insert(2, f"only {on}" if on else "")
        return Line(" | ".join(part for part in parts if part), "head")

    def _panes(self, width: int, height: int) -> Iterator[Line]:
        sessions, requests = list(self._sessions()), list(self._open())
        errors = list(self._told(self._errors, width))
        events = list(self._told(self._events, width))
        rooms = _rooms(height, (len(sessions), len(requests), len(events), len(errors)))
        up = sum(1 for each in self.sessions.values() if each.get("live"))
        counts = {
            Pane.SESSIONS: f"{up:,} of {len(self.sessions):,} up",
            Pane.REQUESTS: f"{len(requests):,}",
            Pane.EVENTS: f"{sum(1 for line in events if not line.text.startswith(' ')):,}",
            Pane.ERRORS: f"{sum(1 for line in errors if not line.text.startswith(' ')):,}",
        }
        if self._paused is not None:
            counts[Pane.EVENTS] += f", paused, {self._serial - self._paused:,} new"
        listed = (sessions, requests, events, errors)
        for pane, room, lines in zip(Pane, rooms, listed, strict=True):
            if room:
                mark = ">" if pane is self._focus else "-"
                yield Line(f"{mark}- {pane} ({counts[pane]}) ".ljust(width, "-"), "head")
                yield from self._part(pane, lines, room - 1)

    def _part(self, pane: Pane, lines: list[Line], room: int) -> Iterator[Line]:
        most = max(0, len(lines) - room)
        offset = self._offsets[pane] = min(self._offsets[pane], most)
        if pane is self._focus:
            self._page = max(1, room - 1)
        begin = offset if pane in {Pane.SESSIONS, Pane.REQUESTS} else most - offset
        part = lines[begin : begin + room]
        yield from part
        yield from [Line("")] * (room - len(part))

    def _sessions(self) -> Iterator[Line]:
        # Those that are not heard first: two thousand that are well are no news.
        for each in sorted(
            self.sessions.values(), key=lambda one: (bool(one.get("live")), str(one.get("id")))
        ):
            if not equal(self.filters.agent, each.get("id")):
                continue
            mark = "up  " if each.get("live") else "DOWN"
            where = f" on {each['node']}" if each.get("node") else ""
            why = f": {each['lastError']}" if each.get("lastError") and not each.get("live") else ""
            said = f"{mark} {each.get('id')} {each.get('state')}{where}{why}"
            yield Line(_clean(said), "" if each.get("live") else "bad")

    def _open(self) -> Iterator[Line]:
        for each in reversed(self.open.values()):
            said = _clean(
                f"{each.get('state')} {event_words.of_request(each)}"
                f" since {str(each.get('submitted') or '-')[11:19]} {each.get('requestId')}"
            )
            if self.filters.admit(each, (said,)):
                yield Line(said)

    def _told(self, kept: Iterable[Shown], width: int) -> Iterator[Line]:
        for each in kept:
            if self._paused is not None and each.serial > self._paused:
                return
            if self.filters.admit(each.data, each.lines):
                style = "bad" if each.bad else ""
                for line in each.lines:
                    yield from (Line(part, style) for part in _folded(line, width))
                    style = "faint"


def _ended_badly(data: Told) -> bool:
    return (data.get("outcome") or {}).get("kind") in _BAD


def _rooms(height: int, wanted: tuple[int, int, int, int]) -> list[int]:
    """Return how many lines each pane gets, its title among them."""
    if height < 12:  # noqa: PLR2004  four panes need three lines each
        return [0, 0, height, 0]
    sessions = min(wanted[0] + 1, max(3, height // 5))
    requests = min(max(wanted[1], 1) + 1, max(3, height // 4))
    errors = min(max(wanted[3], 1) + 1, max(3, height // 4))
    return [sessions, requests, height - sessions - requests - errors, errors]


def _folded(line: str, width: int) -> list[str]:
    if len(line) <= width:
        return [line]
    further = " " * (len(line) - len(line.lstrip()) + 4)
    room = max(width, _NARROWEST)
    return textwrap.wrap(line, room, subsequent_indent=further, drop_whitespace=True)


def _clean(text: str) -> str:
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
