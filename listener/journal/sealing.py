"""What is sealed before it is written: call data, unless the operator keeps it; digits always.

Knows which rows may carry such values; `finesse.sealed` knows where in a dialog and a request.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, TypeVar

from listener.correlation.outcome import Outcome
from listener.correlation.picture import Baseline
from listener.correlation.steps import Late
from listener.finesse.actions import SendDtmf
from listener.finesse.actions.request import Request
from listener.finesse.model import Dialog
from listener.finesse.sealed import Sealed, Sealer, is_sealed, sealed_dialog, sealed_request
from listener.journal.rows import Options

_SEALED = frozenset(
    {"callvariables", "wrapUpReason", "wrapUpItems", "callbackNumber", "callbackTime"}
)
"""Keys of the JSON of a dialog (`finesse.parsed`) below which every text is sealed."""

SEALED = "sealed:"
"""Stands in the text of each JSON that holds something sealed."""

_Told = TypeVar("_Told", Outcome, Late)


REMEMBERED = 4096
"""Texts whose sealed form is remembered: a call's data is told again and again."""
LONGEST = 256
"""Characters of such a text; a longer one is sealed anew each time, for it may be a megabyte."""


class _Remembering(Sealer):
    """A sealer that does not seal the same text over and over. For one thread."""

    __slots__ = ("_known",)

    def __init__(self, key: bytes) -> None:
        super().__init__(key)
        self._known: dict[str, Sealed] = {}

    def seal(self, text: str) -> Sealed:
        """Return a text sealed."""
        if isinstance(text, Sealed):
            return text
        if len(text) > LONGEST:
            return super().seal(text)
        found = self._known.get(text)
        if found is None:
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            found = self._known[text] = super().seal(text)
        return found


class Seals:
    """Seals values before they are written, and opens what was read. For one thread."""

    def __init__(self, options: Options) -> None:
        self._sealer = _Remembering(options.key)
        self._keep = options.keep_call_data

    def request(self, request: Request) -> Request:
        """Return the request as it may be kept."""
        if self._keep and not isinstance(request, SendDtmf):
            return request
        return sealed_request(request, self._sealer)

    def baseline(self, baseline: Baseline) -> Baseline:
        """Return what was known at sending, as it may be kept."""
        if self._keep:
            return baseline
        first = self._dialog(baseline.dialog)
        others = tuple(sealed_dialog(each, self._sealer) for each in baseline.others)
        return Baseline(first, others, baseline.user)

    def told(self, told: _Told) -> _Told:
        """Return an outcome, or what came late, as it may be kept."""
        if self._keep or told.dialog is None:
            return told
        return replace(told, dialog=self._dialog(told.dialog))

    def _dialog(self, dialog: Dialog | None) -> Dialog | None:
        return None if dialog is None else sealed_dialog(dialog, self._sealer)

    def event(self, data: dict[str, Any]) -> dict[str, Any]:
        """Return an event's JSON as it may be kept."""
        return data if self._keep else self._object(data)

    def _object(self, data: dict[str, Any]) -> dict[str, Any]:
        found = dict(data)
        for name, value in data.items():
            if name in _SEALED:
                found[name] = self._below(value)
            elif isinstance(value, dict | list):
                found[name] = self._any(value)
        return found

    def _any(self, value: Any) -> Any:
        if isinstance(value, dict):
            return self._object(value)
        return [self._any(each) for each in value] if isinstance(value, list) else value

    def _below(self, value: Any) -> Any:
        if isinstance(value, str):
            return self._sealer.seal(value) if value else value
        if isinstance(value, dict):
            return {name: self._below(each) for name, each in value.items()}
        return [self._below(each) for each in value] if isinstance(value, list) else value

    def opened(self, data: Any) -> Any:
        """Return JSON that was read, with what was sealed as values that can be compared."""
        if isinstance(data, str):
            return self._sealer.open(data) if is_sealed(data) else data
        if isinstance(data, dict):
            return {name: self.opened(each) for name, each in data.items()}
        return [self.opened(each) for each in data] if isinstance(data, list) else data

    def form_of(self, text: str) -> str:
        """Return the form in which that text is written where it is sealed."""
        return str(self._sealer.seal(text))


def unsealed(data: Any) -> Any:
    """Return JSON with None for each text that is sealed."""
    if isinstance(data, str):
        return None if is_sealed(data) else data
    if isinstance(data, dict):
        return {name: unsealed(each) for name, each in data.items()}
    return [unsealed(each) for each in data] if isinstance(data, list) else data
