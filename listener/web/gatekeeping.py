"""Who is let in: Host, Origin and token, in this order, before anything else sees a request.

Knows headers, tokens and socket peers; knows no resource. What is behind it finds the caller in
`scope["listener.caller"]` and never sees the token: its header is taken out, and so is a cookie
where cookies count here.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Protocol

from starlette.middleware.cors import CORSMiddleware

from listener import logs
from listener.web.callers import Caller, Peer, Scope, with_included
from listener.web.hosts import Admission, parse_host
from listener.web.problems import Problem, as_asgi

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from starlette import types

    from listener.web.tokens import Tokens

UNAUTHORIZED = "unauthorized"
HOST_REFUSED = "host_refused"
ORIGIN_REFUSED = "origin_refused"

_TCP = Peer(unix=False)
_BEARER = re.compile(r"bearer +([A-Za-z0-9._~+/=-]+)", re.IGNORECASE)
_ROOT = 0
_log = logs.get(__name__)


class Refused(Exception):
    """A request that is not let in; `problem` is its answer."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.detail)
        self.problem = problem


class Visitors(Protocol):
    """Those who come in by a cookie, a browser's way to show who it is."""

    def visitor(self, scope: types.Scope, cookies: list[str]) -> Caller | None:
        """Return whose cookie that is, for what the call asks; None: it opens nothing here."""
        ...


class Guarded:
    """An ASGI application behind the checks.

    `tokens` returns those that hold now; None or none at all lets nobody in over TCP.
    `allowed_hosts` (the name that is listened at belongs to them) and `allowed_origins` come on top
    of loopback's. `header`: where the token travels; in "authorization" as Bearer, elsewhere by
    itself. `open_paths` need no token. `anonymous`: who calls over TCP without one, if that is
    allowed. `visitors` know cookies, which count where there is no token. At a Unix socket the
    peer's uid is the caller, unless it presents a token.
    """

    def __init__(
        self,
        app: types.ASGIApp,
        *,
        tokens: Callable[[], Tokens | None],
        allowed_hosts: Iterable[str] = (),
        allowed_origins: Collection[str] = (),
        open_paths: Collection[str] = ("/livez", "/readyz"),
        header: str = "authorization",
        anonymous: Caller | None = None,
        visitors: Visitors | None = None,
    ) -> None:
        self._app = app
        self._tokens = tokens
        self._admission = Admission(allowed_hosts, allowed_origins)
        self._open_paths = frozenset(open_paths)
        self._header = header.lower().encode("ascii")
        self._bearer = self._header == b"authorization"
        self._anonymous = anonymous
        self._visitors = visitors
        self._hidden = frozenset({self._header} | ({b"cookie"} if visitors is not None else set()))
        self._uid = os.geteuid()
        self._admitted: types.ASGIApp = self._authenticated
        if allowed_origins:  # their browsers ask first, without a token (CORS)
            self._admitted = CORSMiddleware(
                self._authenticated,
                allow_origins=sorted(self._admission.origins),
                allow_methods=["*"],
                allow_headers=["*"],
                expose_headers=["*"],
            )

    async def __call__(self, scope: types.Scope, receive: types.Receive, send: types.Send) -> None:
        """Let a request in, or answer it with a problem."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
        else:
            try:
                self._check_host(scope)
                self._check_origin(scope)
            except Refused as refused:
                await self._refuse(refused.problem, scope, send)
            else:
                await self._admitted(scope, receive, send)

    # -------------------------------------------------------------- where it comes from

    def _check_host(self, scope: types.Scope) -> None:
        """Refuse names that somebody else may have pointed at this machine."""
        if _peer(scope).unix:  # no browser gets there, so every name will do
            return
        given = _values(scope, b"host")
        host = parse_host(given[0]) if len(given) == 1 else None
        if host is None:
            raise Refused(
                _host_problem(400, "Send one Host header: a name or address, and a port.")
            )
        if not self._admission.host(host, _own(scope)):
            raise Refused(
                _host_problem(
                    403,
                    "This name is not one of ours. Ask for 127.0.0.1 or localhost, or let the "
                    "operator add the name to allowed_hosts.",
                )
            )

    def _check_origin(self, scope: types.Scope) -> None:
        """Refuse requests that a page of somebody else makes in a browser."""
        origins = _values(scope, b"origin")
        hosts = _values(scope, b"host")
        host = hosts[0] if len(hosts) == 1 else None
        scheme = str(scope.get("scheme", "http"))
        if origins:
            fits = len(origins) == 1 and self._admission.origin(
                origins[0], scheme, host, _own(scope)
            )
        else:
            fits = "cross-site" not in _values(scope, b"sec-fetch-site")
        if not fits:
            raise Refused(
                Problem(
                    ORIGIN_REFUSED,
                    "Pages of this origin may not ask here",
                    403,
                    "A browser sent this for a web page of another origin. The operator can add it "
                    "to allowed_origins.",
                )
            )

    # -------------------------------------------------------------- who it is

    async def _authenticated(
        self, scope: types.Scope, receive: types.Receive, send: types.Send
    ) -> None:
        caller = None
        try:
            caller = self._caller(scope)
        except Refused as refused:
            if scope["path"] not in self._open_paths:
                await self._refuse(refused.problem, scope, send)
                return
        headers = [pair for pair in scope["headers"] if pair[0].lower() not in self._hidden]
        await self._app({**scope, "headers": headers, "listener.caller": caller}, receive, send)

    def _caller(self, scope: types.Scope) -> Caller:
        given = _values(scope, self._header)
        if len(given) > 1:
            raise Refused(self._unauthorized("Send the token once."))
        if given:
            return self._owner(given[0])
        if caller := self._without_token(scope):
            return caller
        if not self._tokens():
            raise Refused(
                self._unauthorized(
                    "This program has no tokens: the operator names a file with [[tokens]] in "
                    "tokens_file. The Unix socket needs none."
                )
            )
        raise Refused(self._unauthorized(f"Send a token: {self._form()}. The operator has them."))

    def _owner(self, given: str) -> Caller:
        found = _BEARER.fullmatch(given) if self._bearer else None
        if self._bearer and found is None:
            raise Refused(self._unauthorized(f"Send a token: {self._form()}."))
        tokens = self._tokens()
        caller = tokens.find(found[1] if found else given) if tokens else None
        if caller is None:
            raise Refused(self._unauthorized("This token is not known, or not any more."))
        return caller

    def _without_token(self, scope: types.Scope) -> Caller | None:
        peer = _peer(scope)
        if not peer.unix or peer.uid is None:
            if self._visitors is not None and (cookies := _values(scope, b"cookie")):
                return self._visitors.visitor(scope, cookies) or self._anonymous
            return self._anonymous
        trusted = peer.uid in {_ROOT, self._uid}
        scopes = with_included(Scope.ADMIN if trusted else Scope.REQUEST)
        return Caller(f"uid:{peer.uid}", scopes)

    def _form(self) -> str:
        return "Authorization: Bearer TOKEN" if self._bearer else f"{self._shown()}: TOKEN"

    def _shown(self) -> str:
        return self._header.decode("ascii").title()

    def _unauthorized(self, detail: str) -> Problem:
        return Problem(UNAUTHORIZED, "A valid token is needed", 401, detail)

    async def _refuse(self, problem: Problem, scope: types.Scope, send: types.Send) -> None:
        peer = _peer(scope)
        _log.info("caller.refused", problem=problem.type, peer=peer.address, uid=peer.uid)
        # RFC 9110, section 11.6.1: a 401 names the way. A scheme of our own keeps clients from
        # trying their Finesse password where the token has a header of its own.
        scheme = "Bearer" if self._bearer else self._shown()
        challenge = [(b"www-authenticate", f'{scheme} realm="finesse-listener"'.encode())]
        await as_asgi(send, problem, challenge if problem.status == 401 else ())  # noqa: PLR2004


def _host_problem(status: int, detail: str) -> Problem:
    return Problem(HOST_REFUSED, "This Host is not served here", status, detail)


def _peer(scope: types.Scope) -> Peer:
    peer = scope.get("listener.peer", _TCP)
    return peer if isinstance(peer, Peer) else _TCP


def _own(scope: types.Scope) -> str | None:
    """Return the address that was connected to, if it is one."""
    server = scope.get("server")
    return None if _peer(scope).unix or not server else str(server[0])


def _values(scope: types.Scope, name: bytes) -> list[str]:
    return [value.decode("latin-1") for key, value in scope["headers"] if key.lower() == name]
