"""What happens now, as the page is told: small, and without telephone numbers or call data.

One reader's events of the API's stream, each made smaller. Knows both forms; knows no HTTP.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from math import inf
from typing import Any

from listener.offers import Reader, Resource, Told
from listener.page.rows import names_of, row_of_resource
from listener.page.veiled import veiled_text

_AGENT = ("id", "state", "live", "node", "since", "origin", "lastGap")
_GAP = ("at", "agent", "from", "until", "cause", "lossless")


def agent_of(resource: Mapping[str, Any]) -> Resource:
    """Return an agent's session without its extension."""
    error = resource.get("lastError")
    return {
        **{name: resource.get(name) for name in _AGENT},
        "lastError": None if error is None else veiled_text(error),
    }


class Live:
    """Fulfils `offers.Reader` over another one.

    `left` returns for how many seconds more it may be read; it ends then.
    """

    def __init__(self, reader: Reader, left: Callable[[], float] = lambda: inf) -> None:
        self._reader = reader
        self._left = left

    @property
    def position(self) -> str:
        """Behind which event it goes on."""
        return self._reader.position

    async def __aiter__(self) -> AsyncIterator[Told]:
        """Yield what comes."""
        coming = aiter(self._reader)
        while (left := self._left()) > 0:
            try:
                async with asyncio.timeout(left if left < inf else None):
                    told = await anext(coming)
            except (TimeoutError, StopAsyncIteration):
                return
            yield small(told)

    async def aclose(self) -> None:
        """Leave."""
        await self._reader.aclose()


def small(told: Told) -> Told:
    """Return an event as the page is told."""
    shorten = _FORMS.get(told.name)
    return told if shorten is None else Told(told.id, told.name, shorten(told.data))


def _request(data: Mapping[str, Any]) -> Resource:
    return {"at": data.get("at"), **row_of_resource(data)}


def _session(data: Mapping[str, Any]) -> Resource:
    return {"at": data.get("at"), **agent_of(data)}


def _gap(data: Mapping[str, Any]) -> Resource:
    return {name: data.get(name) for name in _GAP}


def _heard(data: Mapping[str, Any]) -> Resource:
    return {name: data.get(name) for name in ("at", "agent", "requestId")}


def _dialog(data: Mapping[str, Any]) -> Resource:
    state = (data.get("dialog") or {}).get("state")
    same = {name: data.get(name) for name in ("dialogId", "change")}
    return {**_heard(data), **same, "state": state}


def _user(data: Mapping[str, Any]) -> Resource:
    return {**_heard(data), "state": (data.get("user") or {}).get("state")}


def _error(data: Mapping[str, Any]) -> Resource:
    names = names_of(data.get("errors") or ())
    return {**_heard(data), "dialogId": data.get("dialogId"), "errors": names}


_FORMS: dict[str, Callable[[Mapping[str, Any]], Resource]] = {
    "request": _request,
    "session": _session,
    "gap": _gap,
    "dialog": _dialog,
    "user": _user,
    "error": _error,
}
