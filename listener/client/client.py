"""`Client`: every operation of the local API as a method (docs/api.md); here requests and events.

Knows the paths; how a call travels is `line`'s business. Arguments are Finesse's names in
snake_case, resources are the daemon's JSON as typed dicts.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, Unpack, cast

import httpx

from listener.client import places
from listener.client.body import Wanted, body_of
from listener.client.events import PATIENCE, Events
from listener.client.line import LONGEST_WAIT, Call, Line, Pace, limits
from listener.client.operations import Operations, given, segment
from listener.client.resources import RequestResource
from listener.errors import DaemonUnreachable, InvalidRequest, Problem

if TYPE_CHECKING:
    from pydantic import SecretStr

ABSENCE = 60.0
"""Seconds for which `outcome` bears a daemon that cannot be reached (a restart)."""


class Client(Operations):
    """A client of one daemon; make it with `unix` or `tcp` and use it with `async with`.

    Methods raise Problem when the daemon refuses, DaemonUnreachable when it cannot be reached or
    its answer does not come, CertificateRefused (nothing was sent) when its certificate is not
    trusted. What is not a GET is sent once; a request with an Idempotency-Key is sent again after a
    lost connection or while the daemon hands over, four times in all at most, since the daemon then
    takes it once. Nothing here is ever logged, and no repr holds a token or digits.
    """

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
        path = f"/v1/expectations/{segment(id_)}"
        return cast("RequestResource", await self._json(Call("PATCH", path, json=told)))

    async def request(self, id_: str, *, wait: float = 0.0) -> RequestResource:
        """Return a request, settled or after `wait` seconds (60 at most)."""
        call = Call("GET", f"/v1/requests/{segment(id_)}", wait=_seconds(wait))
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
        params = given(
            state=state,
            agent=agent,
            requestId=request_id,
            limit=None if limit is None else str(limit),
        )
        return await self._list("/v1/requests", "requests", params)

    async def abandon(self, id_: str) -> RequestResource:
        """Stop waiting for a request; what Finesse does with it is still recorded as late."""
        path = f"/v1/requests/{segment(id_)}"
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
        wanted = given(agent=agent, dialogId=dialog_id, id=id) | ({"kind": kinds} if kinds else {})
        return Events(self._line, wanted, after=after, patience=patience, lost=lost, opened=opened)

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
