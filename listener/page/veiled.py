"""What Finesse and this program wrote about one request, without numbers and call data. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from listener.story.veil import Veil

LONGEST = 300
"""Characters of one text."""


def veiled(told: Any, resource: Mapping[str, Any]) -> Any:
    """Return JSON about a request with its texts masked; its own ids stay.

    What the request's dialogs hold (`outcome.dialog`) is what is looked for in the texts.
    """
    plain = {resource.get(name) for name in ("agent", "requestId", "dialogId")}
    veil = Veil(plain=frozenset(str(each) for each in plain if each))
    _learn((resource.get("outcome") or {}).get("dialog") or {}, veil)
    return _shown(told, veil)


def shown(told: Any) -> Any:
    """Return JSON about a request as it is, but for digits, which are never shown."""
    return _shown(told, Veil(show_numbers=True))


def veiled_text(text: str) -> str:
    """Return one text that belongs to no request."""
    return Veil().answer(text)


def _learn(dialog: Mapping[str, Any], veil: Veil) -> None:
    media = dialog.get("mediaProperties") or {}
    numbers = (dialog.get("fromAddress"), dialog.get("toAddress"), media.get("dialedNumber"))
    parties = (party.get("mediaAddress") for party in dialog.get("participants") or ())
    for number in (*numbers, *parties):
        veil.learn(number)
    for value in (media.get("callvariables") or {}).values():
        veil.learn(data=value)


def _shown(told: Any, veil: Veil, name: str = "", what: object = None) -> Any:
    """Show JSON: `name` is the member's, `what` the word for what a detail is about."""
    if isinstance(told, dict):
        what = told.get("what") or told.get("kind")
        return {key: _shown(value, veil, key, what) for key, value in told.items()}
    if isinstance(told, list):
        return [_shown(value, veil, name) for value in told]
    if not isinstance(told, str):
        return told
    if name == "detail":
        return veil.detail(what, told)
    return veil.said(told) if name in _OF_AN_ERROR else veil.text(told)


_OF_AN_ERROR = frozenset(
    {
        *("errorType", "errorMessage", "errorData", "errorMedia", "constant"),
        *("peripheralErrorCode", "peripheralErrorMsg", "peripheralErrorText"),
    }
)
