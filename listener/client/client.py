"""`Client`: every operation of the local API as a method (docs/api.md).

Knows the paths; how a call travels is `line`'s business. Arguments are Finesse's names in
snake_case, resources are the daemon's JSON as typed dicts.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, Unpack, cast
from urllib.parse import quote

import httpx

from listener.client import places
from listener.client.answers import json_of
from listener.client.body import Wanted, body_of
from listener.client.events import PATIENCE, Events
from listener.client.line import LONGEST_WAIT, Call, Line, Pace, limits
from listener.client.resources import (
    AgentResource,
    DialogsResource,
    ErrorEntries,
    PageLink,
    ReadinessResource,
    RequestResource,
)
from listener.errors import DaemonUnreachable, InvalidRequest, Problem

if TYPE_CHECKING:
    from pydantic import SecretStr

ABSENCE = 60.0
"""Seconds for which `outcome` bears a daemon that cannot be reached (a restart)."""

_UNAVAILABLE = 503


class Client:
    """A client of one daemon; make it with `unix` or `tcp` and use it with `async with`.

    Methods raise Problem when the daemon refuses, DaemonUnreachable when it cannot be reached or
    its answer does not come, CertificateRefused (nothing was sent) when its certificate is not
    trusted. What is not a GET is sent once; a request with an Idempotency-Key is sent again after a
    lost connection or while the daemon hands over, four times in all at most, since the daemon then
    takes it once. Nothing here is ever logged, and no repr holds a token or digits.
    """

    def __init__(self, line: Line) -> None:
        self._line = line

    @classmethod
    def unix(cls, path: str | Path, *, pace: Pace | None = None) -> Self:
        """Speak to the daemon over its Unix socket; the system checks who may."""
        transport = httpx.AsyncHTTPTransport(uds=str(path), verify=places.nobody(), limits=limits())
        return cls(Line(transport, "http://localhost", str(path), pace=pace))

    @classmethod
    def tcp(
        cls,
        url: str,
        token: str | SecretStr,
        ca_file: str | Path | None = None,
        *,
        pace: Pace | None = None,
    ) -> Self:
        """Speak to the daemon at `url`, such as http://127.0.0.1:8470, with a token.

        `ca_file` (PEM) is trusted in place of the system's authorities. Raises ConfigurationError
        for an address, token or file that cannot work, and for http:// beyond this machine.
        """
        base = places.address(url)
        known = places.token(token)
        context = places.trust(ca_file) if base.scheme == "https" else places.nobody()
        transport = httpx.AsyncHTTPTransport(verify=context, limits=limits())
        where = str(base).rstrip("/")
        return cls(Line(transport, where, where, token=known, pace=pace))

    def __repr__(self) -> str:
        return f"<Client {self._line.where}>"

    @property
    def where(self) -> str:
        """The socket or the address, for sentences."""
        return self._line.where

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections; requests that were taken go on in the daemon."""
        await self._line.aclose()

    # ---------------------------------------------------------------- requests

    async def submit(
        self,
        *,
        wait: float = 0.0,
        idempotency_key: str | None = None,
        **wanted: Unpack[Wanted],
    ) -> RequestResource:
        """Send a request to Finesse, and wait up to `wait` seconds (60 at most) for its outcome.

        `idempotency_key` (1 to 255 visible ASCII characters) makes repeating safe: the same key and
        body are one request.
        """
        return await self._take("/v1/requests", wanted, wait, idempotency_key)

    async def expect(
        self, *, idempotency_key: str | None = None, **wanted: Unpack[Wanted]
    ) -> RequestResource:
        """Announce a request that you send yourself afterwards, with the resource's `requestId`."""
        return await self._take("/v1/expectations", wanted, 0.0, idempotency_key)

    async def report(
        self, id_: str, status: int, body: str | bytes | None = None
    ) -> RequestResource:
        """Tell what Finesse answered to a request that was announced with `expect`."""
        told: dict[str, Any] = {"status": status}
        if body is not None:
            told["body"] = body if isinstance(body, str) else body.decode("utf-8", "replace")
        path = f"/v1/expectations/{_segment(id_)}"
        return cast("RequestResource", await self._json(Call("PATCH", path, json=told)))

    async def request(self, id_: str, *, wait: float = 0.0) -> RequestResource:
        """Return a request, settled or after `wait` seconds (60 at most)."""
        call = Call("GET", f"/v1/requests/{_segment(id_)}", wait=_seconds(wait))
        return cast("RequestResource", await self._json(call))

    async def outcome(self, id_: str, within: float | None = None) -> RequestResource:
        """Wait until a request is settled, or for `within` seconds; return it as it is then.

        Look at `state`: "settled" has an `outcome`. Every request has a deadline, so without
        `within` it ends too. A daemon that restarts meanwhile is waited for, 60 s at most.
        """
        clock = asyncio.get_running_loop().time
        until = math.inf if within is None else clock() + within
        absent: float | None = None
        failures = 0
        while True:
            asked, wait = clock(), min(LONGEST_WAIT, max(0.0, until - clock()))
            try:
                found = await self.request(id_, wait=wait)
            except (DaemonUnreachable, Problem) as error:
                absent = asked if absent is None else absent
                pause = self._line.pace.delay(failures, _least(error))
                if clock() + pause > min(until, absent + ABSENCE):
                    raise
            else:
                if found["state"] == "settled" or clock() >= until:
                    return found
                absent = None
                # An answer before its time (the daemon hands over) must not make a busy loop.
                pause = self._line.pace.delay(failures) if clock() < asked + wait / 2 else 0.0
            failures = failures + 1 if pause else 0
            await asyncio.sleep(pause)

    async def requests(
        self,
        *,
        state: str | None = None,
        agent: str | None = None,
        request_id: str | None = None,
        limit: int | None = None,
    ) -> list[RequestResource]:
        """Return requests, newest first. `state`: "open", or one of a resource's states."""
        params = _given(
            state=state,
            agent=agent,
            requestId=request_id,
            limit=None if limit is None else str(limit),
        )
        return await self._list("/v1/requests", "requests", params)

    async def abandon(self, id_: str) -> RequestResource:
        """Stop waiting for a request; what Finesse does with it is still recorded as late."""
        path = f"/v1/requests/{_segment(id_)}"
        return cast("RequestResource", await self._json(Call("DELETE", path)))

    # ---------------------------------------------------------------- events

    def events(
        self,
        *,
        agent: str | None = None,
        dialog_id: str | None = None,
        id: str | None = None,  # noqa: A002  the filter's name in the API
        kind: str | Sequence[str] | None = None,
        after: str | None = None,
        patience: float = PATIENCE,
        lost: Callable[[str], None] | None = None,
        opened: Callable[[], None] | None = None,
    ) -> Events:
        """Read events as they come, from now on or behind the event id `after`.

        `id` is a request's, `kind` an event name or several. After a loss it goes on where it was;
        `lost` is told why when one begins, `opened` that nothing is missed from now on, at first
        and after each loss. Without the daemon for `patience` seconds it raises.
        """
        kinds = [kind] if isinstance(kind, str) else list(kind or ())
        wanted = _given(agent=agent, dialogId=dialog_id, id=id) | ({"kind": kinds} if kinds else {})
        return Events(self._line, wanted, after=after, patience=patience, lost=lost, opened=opened)

    # ---------------------------------------------------------------- agents

    async def agents(self) -> list[AgentResource]:
        """Return all agents and their sessions."""
        return await self._list("/v1/agents", "agents", {})

    async def agent(self, id_: str) -> AgentResource:
        """Return one agent."""
        return cast("AgentResource", await self._json(Call("GET", _agent(id_))))

    async def dialogs(self, id_: str) -> DialogsResource:
        """Return an agent's dialogs as last known, with the time of that knowledge."""
        return cast("DialogsResource", await self._json(Call("GET", f"{_agent(id_)}/dialogs")))

    async def put_agent(
        self,
        id_: str,
        *,
        password: str | SecretStr | None = None,
        token: str | SecretStr | None = None,
        extension: str | None = None,
    ) -> AgentResource:
        """Add an agent or change its credentials (scope admin); they can never be read again."""
        body = _given(
            password=None if password is None else places.plain(password),
            token=None if token is None else places.plain(token),
            extension=extension,
        )
        return cast("AgentResource", await self._json(Call("PUT", _agent(id_), json=body)))

    async def remove_agent(self, id_: str, *, force: bool = False) -> None:
        """End an agent's session (scope admin).

        A Problem of status 409 says that the agent is signed in and this may be its only session;
        `force` ends it all the same.
        """
        params = {"force": "true"} if force else None
        await self._line.call(Call("DELETE", _agent(id_), params=params))

    # ---------------------------------------------------------------- operations

    async def explain(self, code: str) -> ErrorEntries:
        """Return what is known about an error code, a constant or an error type."""
        path = f"/v1/errors/{_segment(code)}"
        return cast("ErrorEntries", await self._json(Call("GET", path)))

    async def info(self) -> dict[str, Any]:
        """Return version, deployment, nodes, epoch, start and limits."""
        return cast("dict[str, Any]", await self._json(Call("GET", "/v1/info")))

    async def ready(self) -> ReadinessResource:
        """Say whether the daemon can do its work, and what is in the way."""
        call = Call("GET", "/readyz")
        answer = await self._line.call(call, also=(_UNAVAILABLE,))
        return cast("ReadinessResource", json_of(answer.content, self.where))

    async def metrics(self) -> str:
        """Return the metrics in Prometheus' text format."""
        return (await self._line.call(Call("GET", "/metrics"))).text

    async def page_link(self, *, numbers: bool = False) -> PageLink:
        """Return a link to the daemon's page: good once, for 60 s (scope read).

        `numbers`: the page may show telephone numbers and call data (scope admin). A Problem of
        status 409 says that it is not served over TCP.
        """
        call = Call("POST", "/page/codes", json={"numbers": numbers})
        return cast("PageLink", await self._json(call))

    async def reload(self, *, retry_refused: bool = False) -> dict[str, Any]:
        """Let the daemon read its settings again (scope admin); returns what changed.

        `retry_refused`: let it try passwords and tokens once more that Finesse refused, though they
        are the same. A Problem tells what is wrong with the file; nothing was changed then.
        """
        params = {"retryRefused": "true"} if retry_refused else None
        return cast("dict[str, Any]", await self._json(Call("POST", "/v1/reload", params)))

    async def forget(
        self, *, number: str | None = None, dialog_id: str | None = None
    ) -> dict[str, Any]:
        """Erase what the journal knows of a telephone number or a dialog (scope admin)."""
        if (number is None) == (dialog_id is None):
            raise InvalidRequest("give a number or a dialog_id, one of them")
        body = _given(number=number, dialogId=dialog_id)
        return cast("dict[str, Any]", await self._json(Call("POST", "/v1/forget", json=body)))

    # ---------------------------------------------------------------- inside

    async def _take(
        self, path: str, wanted: Wanted, wait: float, key: str | None
    ) -> RequestResource:
        headers: dict[str, str] = {}
        if key is not None:
            if not places.is_visible(key):
                raise InvalidRequest("an Idempotency-Key is 1 to 255 visible ASCII characters")
            headers["Idempotency-Key"] = key
        call = Call("POST", path, json=body_of(wanted), headers=headers, wait=_seconds(wait))
        return cast("RequestResource", await self._json(call))

    async def _json(self, call: Call) -> Any:
        return json_of((await self._line.call(call)).content, self.where)

    async def _list(self, path: str, key: str, params: Mapping[str, str]) -> list[Any]:
        found = await self._json(Call("GET", path, params=params))
        listed = found.get(key) if isinstance(found, dict) else found
        return listed if isinstance(listed, list) else []


def _segment(id_: str) -> str:
    """Return an id as one segment of a path."""
    if id_ in {"", ".", ".."}:  # httpx, or a proxy, would take these for another path
        raise InvalidRequest("an id is needed, and this is none")
    return quote(id_, safe="")


def _agent(id_: str) -> str:
    return f"/v1/agents/{_segment(id_)}"


def _given(**params: str | None) -> dict[str, str]:
    return {name: value for name, value in params.items() if value is not None}


def _seconds(wait: float) -> int:
    """Return whole seconds, rounded up, as `Prefer: wait` has them."""
    if not 0 <= wait <= LONGEST_WAIT:
        raise InvalidRequest(f"wait must be 0 to {LONGEST_WAIT} seconds", field="wait")
    return math.ceil(wait)


def _least(error: DaemonUnreachable | Problem) -> float | None:
    """Return the least wait before asking again; raises a Problem that waiting does not mend."""
    if isinstance(error, DaemonUnreachable):
        return None
    if not error.retryable:
        raise error
    return error.retry_after
