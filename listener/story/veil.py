"""What of a story may be shown: numbers and call data masked unless asked for; digits never.

A number keeps its last two characters, and two numbers never look the same. Knows texts alone.
"""

from __future__ import annotations

import re

from listener import redaction
from listener.digits import without_digits
from listener.finesse.sealed import NO_DIGIT
from listener.story.wording import only_known

LONGEST = 300
"""Characters of one text that are told."""
MOST_DATA = 1_000
"""Values of call data that are looked for in texts."""
_SHORTEST = 3  # digits of a number that is looked for in a text
_KEPT = 2
_LONGEST_DIALOG = 9  # digits
_LONG = re.compile(
    r"(?P<id>\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b)|(?<![0-9A-Za-z])[0-9]{7,}(?![0-9A-Za-z])"
)
_DIALOG = re.compile(r"dialog(?:[ _]?id)?[ :=#/]*\Z", re.IGNORECASE)
_ANSWERED = re.compile(r"(\S{1,300} answered [0-9]{3}: )")
_OF_THE_CATALOGUE = frozenset({"family", "meaning", "advice"})
_TOLD_BY_FINESSE = frozenset({"unsigned_error", "error", "possible_error"})


class Veil:
    """Shows texts of one story. `show_numbers`: numbers and call data as they are.

    `plain`: ids that are no secret (agents, dialogs, requests).
    """

    def __init__(self, *, show_numbers: bool = False, plain: frozenset[str] = frozenset()) -> None:
        self.show_numbers = show_numbers
        self._plain = plain
        self._masks: dict[str, str] = {}
        self._data: set[str] = set()

    def learn(self, number: str | None = None, data: str | None = None) -> None:
        """Take note of a number or of call data, to be masked in what is written for people too."""
        if number:
            self.number(number)
        if data and len(data) > _SHORTEST and len(self._data) < MOST_DATA:
            self._data.add(data)

    def number(self, number: str | None) -> str:
        """Return a telephone number as it may be shown."""
        if not number:
            return "?"
        if self.show_numbers:
            return clean(number)
        if number not in self._masks:
            tail = number[-_KEPT:] if len(number) > 2 * _KEPT else ""
            mask = f"***{clean(tail)}"
            alike = sum(1 for each in self._masks.values() if each.partition("/")[0] == mask)
            self._masks[number] = f"{mask}/{alike + 1}" if alike else mask
        return self._masks[number]

    def data(self, value: str | None) -> str:
        """Return a value of call data as it may be shown."""
        if value is None:
            return "not kept"
        if not value:
            return "empty"
        return repr(clean(value)) if self.show_numbers else redaction.HIDDEN

    def text(self, text: object) -> str:
        """Return what Finesse or this program wrote for people as it may be shown."""
        said = without_digits(str(text)).replace(NO_DIGIT, "*")
        said = redaction.text(said[: 4 * LONGEST], show_numbers=self.show_numbers)
        if not self.show_numbers:
            said = self._without_long_numbers(said)
            masks = dict.fromkeys(self._data, redaction.HIDDEN) | self._masks
            for known, mask in masks.items():
                if known in said and len(known) > _SHORTEST and known not in self._plain:
                    pattern = rf"(?<![0-9A-Za-z]){re.escape(known)}(?![0-9A-Za-z])"
                    said = re.sub(pattern, mask.replace("\\", r"\\"), said)
        return clean(said)

    def said(self, text: object) -> str:
        """Return what Finesse wrote in an error as it may be shown: known words where masked.

        What call data and names were may be known to nobody any more.
        """
        shown = self.text(text)
        return shown if self.show_numbers else only_known(shown, self._plain)

    def answer(self, text: object) -> str:
        """Return what this program wrote about an answer, behind which types of errors may stand.

        Form: "https://host answered 400: ...".
        """
        found = _ANSWERED.match(str(text))
        if found is None:
            return self.text(text)
        return f"{self.text(found[1])}{self.said(str(text)[found.end() :])}"

    def member(self, name: str, value: object) -> str:
        """Return one member of an error in its JSON form."""
        return self.text(value) if name in _OF_THE_CATALOGUE else self.said(value)

    def detail(self, what: object, text: object) -> str:
        """Return the detail of something noted, or heard late, which is called `what`."""
        if what in _TOLD_BY_FINESSE:
            return self.said(text)
        return self.answer(text)

    def _without_long_numbers(self, text: str) -> str:
        def hidden(found: re.Match[str]) -> str:
            dialog = len(found[0]) <= _LONGEST_DIALOG and _DIALOG.search(text, 0, found.start())
            kept = found["id"] is not None or dialog or found[0] in self._plain
            return found[0] if kept or found[0] in self._masks else redaction.HIDDEN

        return _LONG.sub(hidden, text)


def clean(text: object, longest: int = LONGEST) -> str:
    """Return a text on one line, without what a terminal or XML would not show as it is."""
    said = str(text)
    more = len(said) - longest
    shown = "".join(c if c.isprintable() else repr(c)[1:-1] for c in said[:longest])
    return f"{shown}... ({more} more)" if more > 0 else shown
