"""One call of the daemon's API over HTTP: to its answer, its Problem, or why there is none.

Knows httpx, and alone decides whether a call may be sent again: a GET, and whatever is safe to
repeat because the daemon knows its Idempotency-Key. Everything else goes out once.
"""

from __future__ import annotations

import asyncio
import random
import ssl
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from listener.client.answers import problem_of
from listener.errors import CertificateRefused, DaemonUnreachable, InvalidRequest, Problem

TRIES = 4
"""How often one call is sent at most, where sending it again is safe."""

LONGEST_WAIT = 60
"""Seconds that the daemon waits at most for one answer (`Prefer: wait`)."""

SILENCE = 45.0
"""Seconds without a byte after which an event stream is broken: three of its comments."""

CLOSING = "closing"
"""The problem of a daemon that hands over, or stops; nothing was sent."""

_CONNECT, _MARGIN = 5.0, 30.0
_MAX_CONNECTIONS = 1000
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


@dataclass(frozen=True, slots=True)
class Call:
    """One operation of the API. `wait` in seconds is what the daemon may wait with the answer."""

    method: str
    path: str
    params: Mapping[str, str | list[str]] | None = None
    json: Any = None
    headers: Mapping[str, str] | None = None
    wait: int = 0

    @property
    def repeatable(self) -> bool:
        """Whether sending it twice does no more than sending it once."""
        return self.method == "GET" or "Idempotency-Key" in (self.headers or ())

    @property
    def name(self) -> str:
        """Method and path, for sentences."""
        return f"{self.method} {self.path}"


@dataclass(frozen=True, slots=True)
class Pace:
    """The waits between attempts, in seconds: between 0 and `base` doubled each time, up to `cap`.

    `chance` gives a number between 0 and 1.
    """

    base: float = 0.25
    cap: float = 5.0
    chance: Callable[[], float] = random.random

    def delay(self, failures: int, least: float | None = None) -> float:
        """Return the wait after that many failures, at least `least` (itself at most a minute)."""
        ceiling = min(self.cap, self.base * 2.0 ** min(failures, 16))
        return min(least or 0.0, LONGEST_WAIT) + self.chance() * ceiling


class Line:
    """The connections to one daemon. `where` names it in sentences; the token is never shown."""

    def __init__(
        self,
        transport: httpx.AsyncBaseTransport,
        base_url: str,
        where: str,
        *,
        token: str | None = None,
        pace: Pace | None = None,
    ) -> None:
        headers = {"User-Agent": "finesse-listener", "Accept-Encoding": "identity"}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        self.where = where
        self.pace = pace or Pace()
        self._http = httpx.AsyncClient(
            transport=transport,
            base_url=base_url,
            headers=headers,
            trust_env=False,  # a proxy is no way to this machine
            follow_redirects=False,
        )

    async def aclose(self) -> None:
        """Close all connections; calls that run end in DaemonUnreachable."""
        await self._http.aclose()

    async def call(self, call: Call, *, also: tuple[int, ...] = ()) -> httpx.Response:
        """Return the answer to a call: 2xx, or one of the statuses `also`.

        Sent TRIES times at most where that is safe, else once; again after a lost connection, and
        while the daemon hands over to another process. Raises Problem for what the daemon refuses,
        DaemonUnreachable when no answer came, CertificateRefused for a daemon that is not trusted.
        """
        tries = TRIES if call.repeatable else 1
        for failures in range(tries):
            try:
                return await self._once(call, also)
            except (DaemonUnreachable, Problem) as error:
                if failures + 1 == tries or not _passes(error):
                    raise
                least = error.retry_after if isinstance(error, Problem) else None
            await asyncio.sleep(self.pace.delay(failures, least))
        raise AssertionError("unreachable")

    async def _once(self, call: Call, also: tuple[int, ...]) -> httpx.Response:
        headers = dict(call.headers or {})
        if call.wait:
            headers["Prefer"] = f"wait={call.wait}"
        timeout = httpx.Timeout(_MARGIN, connect=_CONNECT, read=call.wait + _MARGIN)
        try:
            answer = await self._http.request(
                call.method,
                call.path,
                params=call.params,
                json=call.json,
                headers=headers,
                timeout=timeout,
            )
        except httpx.HTTPError as error:
            # The chain is cut: httpx's errors hold the request, and with it digits and token.
            raise self._lost(call, error) from None
        if answer.is_success or answer.status_code in also:
            return answer
        raise problem_of(answer.status_code, answer.headers, answer.content)

    @asynccontextmanager
    async def stream(self, call: Call) -> AsyncIterator[AsyncIterator[bytes]]:
        """Open an event stream; gives its bytes as they come.

        Raises Problem, or DaemonUnreachable also while the bytes are read.
        """
        timeout = httpx.Timeout(_MARGIN, connect=_CONNECT, read=SILENCE)
        try:
            async with self._http.stream(
                call.method, call.path, params=call.params, headers=call.headers, timeout=timeout
            ) as answer:
                if not answer.is_success:
                    body = await answer.aread()
                    raise problem_of(answer.status_code, answer.headers, body)
                yield self._chunks(call, answer)
        except httpx.HTTPError as error:
            raise self._lost(call, error) from None

    async def _chunks(self, call: Call, answer: httpx.Response) -> AsyncIterator[bytes]:
        try:
            async for chunk in answer.aiter_raw():
                yield chunk
        except httpx.HTTPError as error:
            raise self._lost(call, error) from None

    def _lost(
        self, call: Call, error: httpx.HTTPError
    ) -> DaemonUnreachable | InvalidRequest | CertificateRefused:
        if isinstance(error, httpx.LocalProtocolError | httpx.UnsupportedProtocol):
            return InvalidRequest(f"{call.name}: cannot be written as an HTTP request")
        if (why := _untrusted(error)) is not None:
            return CertificateRefused(
                f"the certificate of the daemon at {self.where} is not trusted ({why}); name the"
                " authority that signed it: --ca-file, or ca_file in a program"
            )
        if isinstance(error, _NOT_SENT):
            return DaemonUnreachable(
                f"no daemon can be reached at {self.where}: {_why(error)}", sent=False
            )
        return DaemonUnreachable(f"{self.where} did not answer {call.name}: {_why(error)}")


def _passes(error: DaemonUnreachable | Problem) -> bool:
    """Say whether the next moment may be better; every other refusal is the caller's to judge."""
    return isinstance(error, DaemonUnreachable) or error.name == CLOSING


def limits() -> httpx.Limits:
    """Return how many connections one client holds; idle ones end before the daemon ends them."""
    return httpx.Limits(
        max_connections=_MAX_CONNECTIONS, max_keepalive_connections=20, keepalive_expiry=2.0
    )


def _untrusted(error: httpx.HTTPError) -> str | None:
    """Say why the server's certificate is not trusted; None when that was not in the way."""
    found = (b for b in _chain(error) if isinstance(b, ssl.SSLCertVerificationError))
    return next((each.verify_message for each in found), None)


def _chain(error: BaseException) -> Iterator[BaseException]:
    below: BaseException | None = error
    while below is not None:
        yield below
        below = below.__cause__ or below.__context__


def _why(error: httpx.HTTPError) -> str:
    """Say what was in the way, in the system's words where it had some."""
    if isinstance(error, httpx.PoolTimeout):
        return f"{_MAX_CONNECTIONS} calls are open already"
    if isinstance(error, httpx.TimeoutException):
        return "no answer in time"
    for below in _chain(error):
        if isinstance(below, OSError) and below.strerror:
            return below.strerror.lower()
    return "the connection ended" if not isinstance(error, httpx.ConnectError) else "refused"
