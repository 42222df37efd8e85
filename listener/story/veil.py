"""What of a story may be shown: numbers and call data masked unless asked for; digits never.

A number keeps its last two characters, and two numbers never look the same. Knows texts alone.
"""

from __future__ import annotations

import re

from listener import redaction
from listener.digits import without_digits
from listener.finesse.sealed import NO_DIGIT

LONGEST = 300
"""Characters of one text that are told."""
MOST_DATA = 1_000
"""Values of call data that are looked for in texts."""
_SHORTEST = 3  # digits of a number that is looked for in a text
_KEPT = 2


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
            masks = dict.fromkeys(self._data, redaction.HIDDEN) | self._masks
            for known, mask in masks.items():
                if known in said and len(known) > _SHORTEST and known not in self._plain:
                    pattern = rf"(?<![0-9A-Za-z]){re.escape(known)}(?![0-9A-Za-z])"
                    said = re.sub(pattern, mask.replace("\\", r"\\"), said)
        return clean(said)


def clean(text: object, longest: int = LONGEST) -> str:
    """Return a text on one line, without what a terminal or XML would not show as it is."""
    said = str(text)
    more = len(said) - longest
    shown = "".join(c if c.isprintable() else repr(c)[1:-1] for c in said[:longest])
    return f"{shown}... ({more} more)" if more > 0 else shown
