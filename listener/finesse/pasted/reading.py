"""From a paste to its pieces: finds candidates, has them read, says what stands where.

The text is gone through once. A candidate is cut out (`markup`, `notation`) and read by the strict
reader; texts inside objects are gone through in turn, a few levels deep. What is read, how often
and how deep is bounded, so the work grows as the text does.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

from listener.errors import MalformedUpdate
from listener.finesse.model import Notification
from listener.finesse.pasted import around, markup, objects, saying
from listener.finesse.pasted.asked import what_is_asked
from listener.finesse.pasted.decoding import to_words
from listener.finesse.pasted.notation import Notated, read_notation
from listener.finesse.pasted.pieces import Piece, Place, Where, places
from listener.finesse.pasted.strict import as_meant, refusal

DEEPEST = 4
"""Texts inside texts: a stanza in JSON in JSON."""

MOST = 10_000
"""Pieces in one input; what comes after them is not read."""

WORK = 64 << 20
"""Characters gone through for one input, those inside objects counted again."""

_FRUITLESS = 16
"""What a character costs where an object breaks off: noise of braces is the slowest to read."""

_KEY = r"\"[^\"\n]{0,200}\"|'[^'\n]{0,200}'|“[^”\n]{0,200}”|[A-Za-z_$][\w$]{0,100}+"
_CANDIDATE = re.compile(
    r"<(?=[A-Za-z!/\\])|&(?:amp;)*+(?:lt|#0*+60|#[xX]0*+3[cC]);|\\u003[cC]|%3[cC]"
    rf"|\{{(?=\s*+(?:{_KEY})\s*+:)|\[(?=\s*+(?:[{{\[\"'“(]|Object\b|Array\b))"
)
_DOCTYPE = re.compile(r"<!DOCTYPE(?!\s+html)\b", re.IGNORECASE)
_DTD = MalformedUpdate("dtd", "a document type declaration (DTD) is refused")
_OWN = re.compile(
    r"[\"']?(?:Update|apiErrors?|Dialogs?|status|content|object|SystemInfo)[\"']?\s*:",
    re.IGNORECASE,
)
_LOOKED_AT = 300


_HEADLESS = MalformedUpdate(
    "not_well_formed", "this is the end of something; how it begins is not there"
)
_GOES_ON = re.compile(r"\s*+(?:\}|,\s*+[\"']?(?:event|requestId|source)[\"']?\s*+:)")


class TooMuch(Exception):
    """One of the bounds was reached."""


class Work:
    """Counts what was gone through, and stops it."""

    def __init__(self) -> None:
        self.done = 0

    def add(self, characters: int) -> None:
        """Count characters; raise TooMuch when they pass the bound."""
        self.done += characters
        if self.done > WORK:
            raise TooMuch


def read_pasted(document: bytes, work: Work | None = None) -> list[Piece]:
    """Return the pieces of a paste in order; empty when there is nothing of Finesse's in it."""
    work = work or Work()
    try:
        text, note = to_words(document)
    except MalformedUpdate as refused:
        return [Piece((1, 1), outcome=refused)]
    reader = Reader(text, places(text), work)
    found: list[Piece] = []
    try:
        found.extend(islice(_in_order(reader.marks(), reader.pieces()), MOST))
        more = len(found) == MOST
    except TooMuch:
        more = True
    if more:
        last = found[-1].place if found else (1, 1)
        bound = f"more follows than is read of one input (up to {MOST} pieces); split it"
        found.append(Piece(last, outcome=MalformedUpdate("too_big", bound)))
    if note and found:
        found.append(Piece((1, 1), note=note))
    return found


def _in_order(marks: list[Piece], pieces: Iterator[Piece]) -> Iterator[Piece]:
    """Yield both by their places; a mark inside a piece comes after it."""
    waiting = iter(marks)
    mark = next(waiting, None)
    for piece in pieces:
        while mark is not None and mark.place <= piece.place:
            yield mark
            mark = next(waiting, None)
        yield piece
    if mark is not None:
        yield mark
    yield from waiting


class Reader:
    """Goes through one text; `where` says where it stands in the input."""

    def __init__(self, text: str, where: Where, work: Work, depth: int = 0) -> None:
        work.add(len(text))
        self._text, self._where, self._work, self._depth = text, where, work, depth
        self._over = markup.Over(text, work.add)
        self._headless = False
        self._floor = 0  # the end of the last payload: what stands before is not about the next

    def marks(self) -> list[Piece]:
        """Return the lines that need no payload: requests, statuses, states of a tunnel."""
        return [
            Piece(
                self._where(mark.at),
                "" if mark.kind == "tunnel" else "body",
                note=saying.of_mark(mark.kind, mark.words),
            )
            for mark in around.marks(self._text)
        ]

    def pieces(self) -> Iterator[Piece]:
        """Yield what is found."""
        pos = 0
        while found := _CANDIDATE.search(self._text, pos):
            at = found.start()
            if found[0] in "{[":
                taken = read_notation(self._text, at)
                self._work.add((taken.end - at) * (_FRUITLESS if taken.problem else 1))
                yield from self._notated(at, taken)
                pos = taken.end
            elif (root := markup.root_at(self._text, at)) is not None:
                cut = self._cut(at, root)
                yield from self._element(cut)
                pos = self._floor = max(cut.end, at + 1)
                self._headless = False
            elif _DOCTYPE.match(self._text, at):
                yield Piece(self._where(at), outcome=_DTD)
                pos = self._past_dtd(at)
            else:
                yield from self._beheaded(at)
                pos = found.end()

    def _cut(self, at: int, root: markup.Root) -> markup.Cut:
        if root.quiet:  # the tag says it all
            return markup.Cut(root.name, root.level, at, root.end, whole=True)
        cut = markup.cut(self._text, at, root, self._over)
        self._work.add(cut.end - at)
        return cut

    def _beheaded(self, at: int) -> Iterator[Piece]:
        """Name the end of something whose beginning is not there; once for the tags of one."""
        if self._headless or markup.end_at(self._text, at) is None:
            return
        self._headless = True
        yield Piece(self._where(at), outcome=_HEADLESS)

    def _past_dtd(self, at: int) -> int:
        """Return where the document with a declaration ends: it is refused as a whole."""
        subset = self._text.find("]>", at, at + 4096)
        end = self._text.find(">", at)
        end = subset + 2 if subset >= 0 else (end + 1 if end >= 0 else len(self._text))
        nearby = re.compile(r"\s*+").match(self._text, end)
        start = nearby.end() if nearby else end
        root = markup.root_at(self._text, start)
        return markup.cut(self._text, start, root, self._over).end if root is not None else end

    def _element(self, cut: markup.Cut) -> Iterator[Piece]:
        place = self._where(cut.start)
        node = around.node_before(self._text, cut.start, self._floor)
        if cut.name in saying.QUIET:
            yield Piece(place, "stanza", note=saying.QUIET[cut.name])
            return
        text = cut.level.plain(self._text[cut.start : cut.end])
        if cut.whole:
            yield from self._document(text, place, node, exact=cut.level.number == 0)
            return
        for saved in cut.saved:
            inside = self._text[saved.start : saved.end]
            before = "".join(tag for _, tag in saved.around)
            after = "".join(f"</{name}>" for name, _ in reversed(saved.around))
            self._work.add(len(before) + len(after))
            escaped = before + inside + cut.level.closing(after)
            plain = cut.level.plain(escaped)
            yield from self._document(plain, self._where(saved.start), node, exact=False)
        refused = refusal(as_meant(text).document, place, exact=cut.level.number == 0)
        yield Piece(place, outcome=refused)

    def _document(
        self, text: str, place: Place, node: str | None, *, exact: bool
    ) -> Iterator[Piece]:
        """Read one candidate as it may have been meant; `exact` says that its lines are right."""
        document, notes, meant = as_meant(text)
        if document.form == "stanza" and document.notifications[0][0] is None:
            yield Piece(place, "stanza", note=saying.EMPTY)
            return
        for notification, update in document.notifications:
            if isinstance(update, MalformedUpdate):
                alone = notification is None
                yield Piece(place, document.form, notification,
                            refusal(document, place, exact=exact) if alone else update)  # fmt: skip
                continue
            asked = what_is_asked(meant) if document.form == "body" else None
            added = (*update.notes, *notes, *((asked,) if asked else ()))
            came = notification or (Notification(node, "") if node else None)
            yield Piece(place, document.form, came, replace(update, notes=added))

    def _notated(self, at: int, taken: Notated) -> Iterator[Piece]:
        place = self._where(at)
        any_of_it = False
        value = objects.whole_in(taken.unfinished) if taken.problem else taken.value
        for number, found in enumerate(objects.found_in(value)):
            if not number:
                node = around.node_before(self._text, at, self._floor)
            for piece in self._found(replace(found, node=found.node or node), place):
                any_of_it = True
                yield piece
        ours = any_of_it or _OWN.search(self._text[at : min(taken.end, at + _LOOKED_AT)])
        if taken.problem and ours:
            self._floor = taken.end
            yield Piece(place, outcome=MalformedUpdate("not_well_formed", taken.problem))
        elif any_of_it:
            self._floor = taken.end
            if _GOES_ON.match(self._text, taken.end):
                yield Piece(self._where(taken.end), outcome=_HEADLESS)

    def _found(self, found: objects.Found, place: Place) -> Iterator[Piece]:
        if found.note:
            yield Piece(place, "body", note=saying.of_note(found.note))
        elif found.xml is not None:
            self._work.add(len(found.xml))
            yield from self._document(found.xml, place, found.node, exact=False)
        else:
            pieces = list(self._inner(found, place))
            unread = [p for p in pieces if isinstance(p.outcome, MalformedUpdate)]
            if found.instead and (unread or not pieces):
                yield from self._document(found.instead, place, found.node, exact=False)
            else:
                yield from pieces

    def _inner(self, found: objects.Found, place: Place) -> Iterator[Piece]:
        """Go through a text that an object holds."""
        text = found.text or ""
        if found.coded:
            text = _decoded(text)
        if self._depth >= DEEPEST:
            return
        inner = Reader(text, lambda _: place, self._work, self._depth + 1)
        yield from inner.marks()
        for piece in inner.pieces():
            came = piece.notification
            if found.node and piece.outcome and (came is None or not came.node):
                came = replace(came or Notification("", ""), node=found.node)
            yield replace(piece, notification=came)


def _decoded(text: str) -> str:
    try:
        return base64.b64decode(text, validate=False).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        return ""
