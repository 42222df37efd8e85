"""Texts of which only a keyed hash is known, beside texts that are masked: which are the same.

After a restart, call data of open requests is sealed (`finesse.sealed`), and the core compares it
with what Finesse shows. A replay has masks alone, so the transcript says which mask stands for a
sealed text as soon as its plain form is met. Knows no file.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

from listener.finesse.sealed import Sealed, Sealer, is_sealed

_REMEMBERED = 16_384  # texts that need no second look
_MOST = 100_000  # sealed texts that are looked for


class Likeness:
    """Looks for the plain texts of sealed ones. For one thread."""

    def __init__(self) -> None:
        self._sealers: list[Sealer] = []
        self._wanted: set[str] = set()
        self._seen: set[str] = set()
        self.found: list[tuple[str, str]] = []
        """Pairs of a sealed form and a mask that were not told yet."""

    def learn(self, value: Any) -> None:
        """Take note of the sealed texts in a value."""
        for sealed in _sealed_in(value):
            sealer = sealed._sealer  # noqa: SLF001  the one that can compare it
            if sealer not in self._sealers:
                self._sealers.append(sealer)
            if len(self._wanted) < _MOST:
                self._wanted.add(str.__str__(sealed))
            self._seen.clear()

    def look(self, text: str, masked: str) -> None:
        """Take note of a text that is written as `masked`."""
        if not self._wanted or text in self._seen:
            return
        if len(self._seen) >= _REMEMBERED:
            self._seen.clear()
        self._seen.add(text)
        for sealer in self._sealers:
            form = str.__str__(sealer.seal(text))
            if form in self._wanted:
                self.found.append((form, masked))


class Told(Sealer):
    """Compares sealed texts with masks, by what a transcript says of them. For replays."""

    __slots__ = ("_forms",)

    def __init__(self) -> None:
        super().__init__(b"no text of ours is like another's")
        self._forms: dict[str, str] = {}

    def learn(self, form: str, masked: str) -> None:
        """Take note that a mask stands for a sealed text."""
        if is_sealed(form):
            self._forms[masked] = form

    def seal(self, text: str) -> Sealed:
        """Return the sealed form that was told of a text, one like no other when none was."""
        if isinstance(text, Sealed):
            return text
        form = self._forms.get(text)
        return super().seal(text) if form is None else self.open(form)

    def opened(self, data: Any) -> Any:
        """Return JSON with its sealed texts as values that can be compared."""
        if isinstance(data, str):
            return self.open(data) if is_sealed(data) else data
        if isinstance(data, dict):
            return {name: self.opened(each) for name, each in data.items()}
        return [self.opened(each) for each in data] if isinstance(data, list) else data


def _sealed_in(value: Any) -> Iterator[Sealed]:
    if isinstance(value, Sealed):
        yield value
    elif isinstance(value, tuple):
        for each in value:
            yield from _sealed_in(each)
    elif is_dataclass(value):
        for each in fields(value):
            yield from _sealed_in(getattr(value, each.name))
