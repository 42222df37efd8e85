"""What the daemon answered, read: problem documents and JSON. Pure; never trusts the shape."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from listener.errors import DaemonUnreachable, Problem

_LONGEST = 2000
_RETRYABLE = frozenset({408, 429, 502, 503, 504})


def problem_of(status: int, headers: Mapping[str, str], body: bytes) -> Problem:
    """Return the Problem that an answer tells; one that is no problem document is told by status.

    Such an answer comes from something between us and the daemon.
    """
    told = _object(body)
    title = _text(told, "title")
    retryable = told.get("retryable")
    return Problem(
        title or f"HTTP {status} {_phrase(status)}".rstrip(),
        status=status,
        type=_text(told, "type") or "about:blank",
        detail=_text(told, "detail"),
        retryable=retryable if isinstance(retryable, bool) else status in _RETRYABLE,
        retry_after=_seconds(headers.get("retry-after")),
        field=_text(told, "field"),
    )


def json_of(body: bytes, where: str) -> Any:
    """Return the JSON of a good answer. Raises DaemonUnreachable when it is none."""
    try:
        return json.loads(body)
    except ValueError:
        raise DaemonUnreachable(
            f"{where} answers, but not as the daemon does: its answer is no JSON"
        ) from None


def _object(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _text(told: Mapping[str, Any], key: str) -> str | None:
    found = told.get(key)
    return found[:_LONGEST] if isinstance(found, str) and found else None


def _seconds(given: str | None) -> float | None:
    """Read Retry-After; a date (which the daemon does not send) says nothing here."""
    return float(given) if given and given.isascii() and given[:9].isdigit() else None


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
