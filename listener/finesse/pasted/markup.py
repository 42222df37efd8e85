"""Cuts elements out of text that is mostly something else: one pass, a stack, no way back.

Knows where a tag begins and ends, escaped or not, and which elements may begin a payload; reads no
meaning and repairs nothing. What was cut goes to the strict reader of `wire`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from listener.finesse.pasted.levels import Level, level_of
from listener.finesse.wire import tags

DEEPEST = 100
"""Levels of nesting; what is nested deeper is no payload."""

_BEFORE = 200  # characters looked back for the tag before an end tag
_FRAMES = 16 * 1024  # characters of the tags around a piece that is saved from a broken whole

_STANZAS = frozenset({"message", "iq", "presence"})
_STRONG = _STANZAS | {"update", "body", "items", "item", "notification", "event"}
_SIGN_IN = frozenset({"auth", "response", "challenge", "success", "failure", "abort"})
_QUIET = frozenset({"presence", "open", "close"}) | _SIGN_IN
_THINGS = "dialogs dialog user apierrors apierror systeminfo team queue queues media"
_WEAK = frozenset({*_THINGS.split(), *(name.lower() for name in tags.OTHER_BODIES)})
# What must stand in the tag of an element whose name is common, for it to begin a payload.
_MARKS = {
    "body": "httpbind",
    "event": "pubsub",
    "items": "node",
    "item": "id",
    "open": "xmpp-framing",
    "close": "xmpp-framing",
    **dict.fromkeys(_SIGN_IN, "xmpp-sasl"),
}
_ENDS = frozenset(
    {"update", "message", "iq", "notification", "dialogs", "dialog", "apierrors", "apierror"}
)
_HOLDS_TEXT = frozenset({"item", "notification"})
_MAY_HOLD_STANZAS = frozenset({"body", "forwarded", "stream"})
_SAVED = frozenset({"message", "iq", "item", "notification", "update"})
_BREAKS = (
    r"^(?:```|[^\n<]{0,160}%CCBU_|(?:[<>*] )?HTTP/[12]"
    r"|(?:[<>*] )?(?:GET|PUT|POST|DELETE) /\S{0,300} HTTP/)"
)


class Root(NamedTuple):
    """The start tag of something that may be a payload."""

    name: str
    level: Level
    end: int
    closed: bool

    @property
    def quiet(self) -> bool:
        """Whether it belongs to the stream and never holds a notification."""
        return self.name in _QUIET


@dataclass(frozen=True, slots=True)
class Cut:
    """A piece of text that was cut out.

    `whole` says whether its end was found; when not, `saved` are the complete stanzas, items and
    updates in it, each with the tags that stood around it.
    """

    name: str
    level: Level
    start: int
    end: int
    whole: bool
    saved: tuple[Saved, ...] = ()


class Saved(NamedTuple):
    """A complete piece of something that is cut off: where it stands, and the tags around it."""

    start: int
    end: int
    around: tuple[tuple[str, str], ...]


def root_at(text: str, at: int) -> Root | None:
    """Return the tag at `at` when it may begin a payload, else None."""
    level = level_of(text, at)
    found = level.tag.match(text, at) if level else None
    if level is None or found is None or found["end"] or not found["name"]:
        return None
    name = tags.local(found["name"].replace(":", "}")).lower()
    root = Root(name, level, found.end(), _self_closed(found))
    return root if _begins(root, found["rest"], text) else None


def end_at(text: str, at: int) -> int | None:
    """Return where the tag at `at` ends when it is the end of a payload; None for anything else.

    Only one that follows another tag counts: prose names end tags, too.
    """
    level = level_of(text, at)
    found = level.tag.match(text, at) if level else None
    if found is None or not found["end"] or _local(found["name"]) not in _ENDS:
        return None
    before = text[max(0, at - _BEFORE) : at].rstrip()
    return found.end() if before.endswith((">", "gt;", "3e", "3E")) else None


def _self_closed(found: re.Match[str]) -> bool:
    return found["rest"].endswith(("/", "%2F", "%2f"))


def _begins(root: Root, rest: str, text: str) -> bool:
    if root.name not in _STRONG | _QUIET | _WEAK or _MARKS.get(root.name, "") not in rest:
        return False
    # Prose speaks of <user>; a payload goes on with another tag, or holds a payload as text.
    may_hold_text = root.name in _HOLDS_TEXT or root.name in _QUIET
    return root.closed or may_hold_text or root.level.follows(text, root.end)


@dataclass(slots=True)
class _Element:
    name: str
    start: int
    tag: str


@dataclass(slots=True)
class _Run:
    """One element being cut out: what is open, what was complete in it."""

    root: Root
    open: list[_Element] = field(default_factory=list)
    count: Counter[str] = field(default_factory=Counter)
    saved: list[Saved] = field(default_factory=list)

    def push(self, element: _Element) -> None:
        self.open.append(element)
        self.count[element.name] += 1

    def pop(self, name: str, end: int) -> None:
        """Close the innermost element of that name, which is open, and all in it."""
        last = self._taken()
        while last.name != name:
            last = self._taken()
        self._save(last, end)

    def _taken(self) -> _Element:
        last = self.open.pop()
        self.count[last.name] -= 1
        return last

    def _save(self, done: _Element, end: int) -> None:
        local = _local(done.name)
        if local not in _SAVED or not self.open:
            return
        while self.saved and self.saved[-1].start > done.start:
            self.saved.pop()
        around = tuple((each.name, each.tag) for each in self.open)
        if sum(len(tag) for _, tag in around) <= _FRAMES:
            self.saved.append(Saved(done.start, end, around))

    def breaks_off(self, name: str) -> bool:
        """Say whether a start tag of that name cannot stand here: what is open was cut off."""
        local = _local(name)
        if local == "update":
            return self.count[name] > 0 or self.root.name in _WEAK
        if local in _STANZAS:
            return _local(self.open[-1].name) not in _MAY_HOLD_STANZAS
        return False


def _local(name: str) -> str:
    return name.rpartition(":")[2].lower()


class Over:
    """Finds the ends of comments and CDATA sections; where there is none, it looks only once."""

    def __init__(self, text: str, count: Callable[[int], None]) -> None:
        self._text, self._count = text, count
        self._missing: set[str] = set()

    def past(self, opening: str, pos: int) -> int:
        """Return where what was opened ends; `pos` where it never does."""
        closing = "-->" if opening == "<!--" else "]]>"
        if closing in self._missing:
            return pos
        end = self._text.find(closing, pos)
        self._count((end if end >= 0 else len(self._text)) - pos)
        if end < 0:
            self._missing.add(closing)
            return pos
        return end + len(closing)


def cut(text: str, at: int, root: Root, over: Over) -> Cut:
    """Cut out the element that begins at `at`: to its end tag, or as far as it can go.

    `over` is one for the whole text.
    """
    if root.closed:
        return Cut(root.name, root.level, at, root.end, whole=True)
    run = _Run(root)
    tokens = _tokens(root.level)
    first = root.level.tag.match(text, at)
    run.push(_Element(first["name"] if first else "", at, text[at : root.end]))
    end = _walk(text, root.end, run, tokens, over)
    if not run.open:
        return Cut(root.name, root.level, at, end, whole=True)
    return Cut(root.name, root.level, at, end, whole=False, saved=tuple(run.saved))


def _walk(text: str, pos: int, run: _Run, tokens: re.Pattern[str], over: Over) -> int:
    """Go from tag to tag; return where the element ends, is broken off or is too deep."""
    while run.open:
        found = tokens.search(text, pos)
        if found is None:
            return len(text)
        pos = found.end()
        if found["skip"]:
            pos = over.past(found["skip"], pos)
        elif found["break"] is not None:
            return found.start()
        elif found["end"]:
            if run.count[found["name"]]:
                run.pop(found["name"], pos)
        elif run.breaks_off(found["name"]):
            return found.start()
        elif len(run.open) >= DEEPEST:
            return pos
        else:
            run.push(_Element(found["name"], found.start(), found[0]))
            if _self_closed(found):
                run.pop(found["name"], pos)
    return pos


@lru_cache(maxsize=16)
def _tokens(level: Level) -> re.Pattern[str]:
    # Inside an escaped payload a plain tag is the end of what it stands in.
    skipped, breaks = r"(?P<skip>(?!))", rf"{_BREAKS}|<(?=[A-Za-z/])"
    if level.number == 0:
        skipped, breaks = r"(?P<skip><!--|<!\[CDATA\[)", _BREAKS
    # What ends a payload that was cut off: a fence, the next line of a log or of a trace.
    return re.compile(f"{skipped}|(?P<break>{breaks})|{level.tag.pattern}", re.MULTILINE)
