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


def veiled_text(text: str) -> str:
    """Return one text that belongs to no request."""
    return Veil().text(text)


def _learn(dialog: Mapping[str, Any], veil: Veil) -> None:
    media = dialog.get("mediaProperties") or {}
    numbers = (dialog.get("fromAddress"), dialog.get("toAddress"), media.get("dialedNumber"))
    parties = (party.get("mediaAddress") for party in dialog.get("participants") or ())
    for number in (*numbers, *parties):
        veil.learn(number)
    for value in (media.get("callvariables") or {}).values():
        veil.learn(data=value)


def _shown(told: Any, veil: Veil) -> Any:
    if isinstance(told, dict):
        return {name: _shown(value, veil) for name, value in told.items()}
    if isinstance(told, list):
        return [_shown(value, veil) for value in told]
    return veil.text(told) if isinstance(told, str) else told
