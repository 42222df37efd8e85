"""What the catalogue knows about an error, as JSON: the shapes of `listener explain --json`.

Pure; imports neither FastAPI nor the command line, so that both may use it.
"""

from __future__ import annotations

from typing import Any

from listener.finesse import catalogue
from listener.finesse.model import ApiError


def looked_up(text: str, deployment: str | None = None) -> dict[str, Any]:
    """Return the entries of a code, a constant or an error type, or what resembles it.

    `deployment` is UCCE or UCCX; rows of the other one are left out unless nothing else fits, and
    then `note` says so.
    """
    found = catalogue.lookup(text, deployment=deployment)
    return {
        "text": text,
        "entries": [_entry(entry) for entry in found],
        "suggestions": [] if found else list(catalogue.suggest(text)),
        "note": _elsewhere(found, deployment),
    }


def reading(
    text: str, error_type: str | None, data: str | None, deployment: str | None = None
) -> dict[str, Any]:
    """Return how an error is read that has this text as message (or code), this type and data.

    Where a number has several meanings, the type or the data tells which one holds.
    """
    is_code = text.strip().lstrip("-").isdigit()
    error = ApiError(
        error_type=error_type,
        error_message=None if is_code else text,
        error_data=data if data is not None else (text if is_code else None),
    )
    read = catalogue.explain(error, deployment=deployment)
    return {
        "family": read.family,
        "constant": read.constant,
        "meaning": read.meaning,
        "advice": read.advice,
    }


def _elsewhere(found: tuple[catalogue.Entry, ...], deployment: str | None) -> str | None:
    """Say where the entries are from when none of them is of the deployment asked for."""
    where = {name for entry in found for name in entry.deployments}
    if deployment is None or not where or deployment in where:
        return None
    return f"nothing is known for {deployment}; on {' and '.join(sorted(where))}:"


def _entry(entry: catalogue.Entry) -> dict[str, Any]:
    return {
        "family": entry.family,
        "code": entry.code,
        "constant": entry.constant,
        "meaning": entry.meaning,
        "advice": entry.advice,
        "source": entry.source,
        "deployments": sorted(entry.deployments),
    }
