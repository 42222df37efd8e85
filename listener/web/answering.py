"""One answer: the application is run, and whatever it does, its client gets a clear end.

Knows an application and the answer that uvicorn keeps the books of; knows no timers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.requests import ClientDisconnect
from uvicorn.protocols.http.flow_control import CLOSE_HEADER

from listener import logs
from listener.web import problems
from listener.web.counting import NOBODY, Counting
from listener.web.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send
    from uvicorn import Config
    from uvicorn.protocols.http.h11_impl import RequestResponseCycle
    from uvicorn.server import ServerState

    from listener.web.connections import Book, Limits

FAILED = Problem(
    "internal",
    "A fault in this program",
    500,
    "What was asked for may have been done in part. The log tells more.",
)

_log = logs.get(__name__)


@dataclass(slots=True)
class Common:
    """What the connections of one server share."""

    name: str
    app: ASGIApp
    config: Config
    state: ServerState
    limits: Limits
    book: Book
    date: Callable[[], str]
    """Return the time as HTTP's headers have it."""
    counting: Counting = NOBODY
    leaving: bool = False
    """Every answer closes its connection."""


async def answer(
    common: Common, cycle: RequestResponseCycle, scope: Scope, receive: Receive, send: Send
) -> bool:
    """Run the application for one request; `cycle` says how far its answer is.

    A fault is logged and becomes a problem. False: half an answer is out, and the connection must
    be cut, for the client must not take it for a whole one.
    """
    tell = _telling(common, scope, send)
    try:
        await common.app(scope, receive, tell)
    except ClientDisconnect:
        pass
    except Exception:  # noqa: BLE001  a fault of the application harms its request alone
        _log.exception("http.failed", server=common.name, path=scope["path"])
    else:
        if not cycle.response_complete and not cycle.disconnected:
            _log.error("http.failed", server=common.name, detail="no complete answer")
    if cycle.response_complete or cycle.disconnected:
        return True
    if cycle.response_started:
        return False
    await problems.as_asgi(tell, FAILED)
    return True


def _telling(common: Common, scope: Scope, send: Send) -> Send:
    async def tell(message: Message) -> None:
        if message["type"] == "http.response.start":
            common.counting.answered(scope, message)
            message = {**message, "headers": _completed(common, message.get("headers", ()))}
        await send(message)

    return tell


def _completed(common: Common, headers: Iterable[problems.Header]) -> list[problems.Header]:
    given = list(headers)
    if all(name.lower() != b"date" for name, _ in given):
        given.insert(0, (b"date", common.date().encode()))
    return [*given, CLOSE_HEADER] if common.leaving else given
