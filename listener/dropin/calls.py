"""One call of a client as the rest of the drop-in sees it, and what is refused at the door.

Knows ASGI's scope; knows nothing of Finesse but which paths are its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from starlette.types import Receive, Scope

from listener.dropin import refusals, targets
from listener.dropin.credentials import Login, Pair, login_of
from listener.dropin.replies import Reply, of_problem
from listener.dropin.uploads import Upload
from listener.rest import Message
from listener.rest.checks import METHODS, SAFE_METHODS
from listener.rest.forwarder import Content
from listener.rest.onward import end_to_end, first
from listener.web.callers import Caller
from listener.web.callers import Scope as May

_REQUEST_ID = b"requestid"


class Refusal(Exception):
    """The call is answered with this, and nothing of it was sent."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(str(reply.status))
        self.reply = reply


@dataclass(frozen=True, slots=True)
class Call:
    """One HTTP request that may go to Finesse."""

    method: str
    target: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    login: Login | None
    upload: Upload
    caller: Caller | None

    def __repr__(self) -> str:
        return f"<Call {self.method} {self.message(None).path}>"

    @property
    def safe(self) -> bool:
        """Whether it only reads."""
        return self.method in SAFE_METHODS

    @property
    def pair(self) -> Pair | None:
        """The user and password that came, None where there are none that can be read."""
        return self.login if isinstance(self.login, Pair) else None

    @property
    def path(self) -> str:
        """The path as it came, without the query."""
        return self.target.partition(b"?")[0].decode("ascii")

    @property
    def asked_by(self) -> str | None:
        """Who calls, for the books."""
        return self.caller.name if self.caller is not None else None

    @property
    def request_id(self) -> str | None:
        """The first requestId that came, None where there is none or an empty one."""
        given = first(end_to_end(self.headers), _REQUEST_ID)
        return given.decode("latin-1").strip() or None if given is not None else None

    def named(self, request_id: str) -> Call:
        """Return the same call with that requestId, where it has none."""
        if self.request_id is not None:
            return self
        kept = tuple(pair for pair in self.headers if pair[0].lower() != _REQUEST_ID)
        return replace(self, headers=(*kept, (_REQUEST_ID, request_id.encode("ascii"))))

    def lines(self, name: bytes) -> list[str]:
        """Return the values of a header, given in lower case."""
        return [value.decode("latin-1") for key, value in self.headers if key.lower() == name]

    def message(self, content: Content, agent: str | None = None) -> Message:
        """Return what goes to Finesse, in that agent's name where it is known."""
        return Message(self.method, self.target, self.headers, content, agent)


def taken(scope: Scope, receive: Receive) -> Call:
    """Return the call in an ASGI scope; raises Refusal for what is not passed on."""
    target = _target(scope)
    method = scope["method"]
    if method not in METHODS:
        allow = (b"allow", ", ".join(sorted(METHODS)).encode())
        raise Refusal(of_problem(refusals.method_not_allowed(), [allow]))
    caller = scope.get("listener.caller")
    if caller is not None and not caller.may(May.READ if method in SAFE_METHODS else May.REQUEST):
        raise Refusal(of_problem(refusals.scope_missing()))
    headers = tuple(_pairs(scope["headers"]))
    # Looked at as it will leave: a header that Connection names does not get there.
    given = [value for name, value in end_to_end(headers) if name.lower() == b"authorization"]
    if len(given) > 1:  # whose request it is would be a matter of opinion
        raise Refusal(of_problem(refusals.two_logins()))
    authorization = given[0] if given else None
    return Call(method, target, headers, login_of(authorization), Upload(receive, headers), caller)


def _pairs(headers: Iterable[Iterable[bytes]]) -> Iterable[tuple[bytes, bytes]]:
    for name, value in headers:
        yield bytes(name), bytes(value)


def _target(scope: Scope) -> bytes:
    # Without the raw path nobody knows what was escaped; every server that is used here gives it.
    raw_path = scope.get("raw_path") or b""
    try:
        return targets.check(raw_path, scope["query_string"])
    except targets.NotServed:
        raise Refusal(of_problem(refusals.unknown_path())) from None
    except targets.BadTarget as bad:
        raise Refusal(of_problem(refusals.invalid_path(str(bad)))) from None
