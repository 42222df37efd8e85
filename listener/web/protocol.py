"""One HTTP connection: uvicorn's, with a time limit on everything that the other side does.

Knows one connection and its timers. Knows neither who may connect (`server`) nor what is asked for.
What uvicorn leaves open ends here: half a header, a body that does not come, an answer that nobody
reads, a connection that was closed and whose last bytes never leave.
"""

from __future__ import annotations

import asyncio
import logging
import select
from typing import TYPE_CHECKING

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from listener import logs
from listener.web import problems
from listener.web.answering import Common, answer
from listener.web.connections import Connection
from listener.web.counting import BODY_TIME, EVENT_READERS, HEADER_TIME, UNREAD
from listener.web.deadline import Deadline
from listener.web.problems import Problem
from listener.web.transport import Ending
from listener.web.wire import StrictConnection, malformed

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from listener.web.callers import Peer

LINGER = 2.0
"""Seconds for a client to read a refusal while it is still sending: closing at once would make its
system throw the answer away (RFC 9112, section 9.6)."""

WRITE_HIGH, WRITE_LOW = 64 * 1024, 16 * 1024
"""Bytes that were written and not taken: from where on the application waits, and until where."""

PROGRESS = 16 * 1024
"""Bytes that must go out in each `stalled_seconds` while an ordinary answer waits to be read."""

TOO_SLOW = Problem(
    "too_slow",
    "The request did not come in time",
    408,
    "Nothing was done. Send the whole request at once.",
    retryable=True,
)
TOO_MANY = Problem(
    "too_many_connections",
    "Too many connections",
    503,
    "Nothing was done. Close connections that are not needed, or raise max_connections.",
    retryable=True,
    retry_after=1,
)
_log = logs.get(__name__)
_MUTE = logging.Logger("uvicorn", logging.CRITICAL + 1)  # noqa: LOG001  nobody else gets it


class LimitedProtocol(H11Protocol):
    """The server's side of one connection; the loop drives it."""

    def __init__(
        self, common: Common, loop: asyncio.AbstractEventLoop, peer: Peer, *, encrypted: bool
    ) -> None:
        super().__init__(common.config, common.state, {}, loop)
        self.conn = self._strict = StrictConnection(common.limits.body_bytes)
        self.app = self._run
        self.logger = self.access_logger = _MUTE
        self.access_log = False
        self.timeout_keep_alive = common.limits.idle_seconds  # type: ignore[assignment]
        self.refused = False
        """Too many are connected: it is told so, and nothing is read."""
        self._common = common
        self._limits = common.limits
        self._peer = peer
        self._encrypted = encrypted
        self._handle: Connection | None = Connection(self.become_event_reader, self.abort)
        self._deadline = Deadline(loop)
        self._unread = Deadline(loop)
        self._lying = 0  # bytes that were written and not taken when `_unread` was set
        self._ending = False
        self._lost = False
        self._half_closed = False
        self._told = False

    # -------------------------------------------------------------- what the loop tells

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin: the header has its time from now on."""
        self._outlet = transport
        transport.set_write_buffer_limits(high=WRITE_HIGH, low=WRITE_LOW)
        super().connection_made(Ending(transport, self._close, lambda: self._ending))
        if self.refused:
            self.refuse(TOO_MANY)
        else:
            self._watch()

    def data_received(self, data: bytes) -> None:
        """Read on; what comes after a refusal is read and forgotten."""
        if not self._ending:
            super().data_received(data)

    def eof_received(self) -> bool:  # type: ignore[override]  # asyncio's own says bool | None
        """Let a client that only stopped sending have its answer, if that is soon.

        A client that went away looks the same over TCP until something is written to it, so it has
        as long as an unread answer may lie.
        """
        running = self.cycle is not None and not self.cycle.response_complete
        if self._ending or self._encrypted or not running or self._strict.in_body:
            return False
        if self._common.book.reads_events(self) or self._gone():
            return False
        self._half_closed = True
        self.cycle.keep_alive = False
        self._deadline.set("half closed", self._limits.stalled_seconds, self.abort)
        return True

    def _gone(self) -> bool:
        """Say whether the other side is known to have closed both ways; asking costs nothing."""
        poll = select.poll()
        poll.register(self._outlet.get_extra_info("socket"), 0)
        return any(event & (select.POLLHUP | select.POLLERR) for _, event in poll.poll(0))

    def connection_lost(self, exc: Exception | None) -> None:
        """Let go of everything; the application is told that its client is gone."""
        self._lost = self._ending = True
        self._deadline.clear()
        self._unread.clear()
        self._unset_keepalive_if_required()
        super().connection_lost(exc)
        self._common.book.leave(self)
        self._take_apart()

    def _take_apart(self) -> None:
        """Leave no cycle behind: the collector looks at what has stayed a while only rarely."""
        self.app = None  # no further request comes
        self._handle = None
        if isinstance(self.transport, Ending):
            self.transport.let_go()

    def pause_writing(self) -> None:
        """Give the client its time to read."""
        super().pause_writing()
        self._watch_unread()

    def resume_writing(self) -> None:
        """Write on."""
        super().resume_writing()
        if not self._ending:
            self._unread.clear()

    # -------------------------------------------------------------- what the server asks

    def shutdown(self) -> None:
        """Close now if nothing is running, else when the running answer is complete."""
        if self.transport is None:
            return
        if self.cycle is None or self.cycle.response_complete:
            self._close()
        else:
            self.cycle.keep_alive = False

    def abort(self) -> None:
        """Cut the connection now. Closing alone would wait for a client that does not read."""
        self._ending = True
        self._give_up_answer()
        if self.transport is not None:
            self._outlet.abort()

    def become_event_reader(self) -> bool:
        """Count as an event reader, whose connection ends with its answer."""
        became = self._common.book.becomes_event_reader(self)
        if became:
            self.cycle.keep_alive = False
        else:
            self._common.counting.refused(EVENT_READERS)
        return became

    # -------------------------------------------------------------- requests

    async def _run(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["listener.peer"] = self._peer
        scope["listener.connection"] = self._handle
        try:
            if not await answer(self._common, self.cycle, scope, receive, send):
                self.abort()
        finally:
            del scope["listener.connection"]  # else it and this would keep each other

    def handle_events(self) -> None:
        """Read what is there, then see what the other side has to do next."""
        super().handle_events()
        self._watch()

    def _watch(self) -> None:
        if self._ending or self._half_closed:
            return
        number = self._strict.requests
        if self._strict.in_body:
            self.flow.resume_reading()  # the size is limited, so nothing else holds it back
            self._deadline.set(("body", number), self._limits.body_seconds, self._too_slow)
        elif self._strict.their_state is not h11.IDLE:
            self._deadline.clear()
        elif self._strict.begun or not number:
            self._deadline.set("header", self._limits.header_seconds, self._too_slow)
        else:
            self._deadline.clear()
            self._await_next()

    def _await_next(self) -> None:
        if self.timeout_keep_alive_task is None:  # uvicorn sets it after most answers, not all
            self.timeout_keep_alive_task = self.loop.call_later(
                self._limits.idle_seconds, self._close
            )

    def timeout_keep_alive_handler(self) -> None:
        """Close a connection on which no further request came."""
        self._close()

    def _too_slow(self) -> None:
        reason = BODY_TIME if self._strict.in_body else HEADER_TIME
        if self._strict.in_body or self._strict.begun:
            self.refuse(TOO_SLOW, reason)
        else:
            self._tell_ended(reason)
            self._close()  # it said nothing, so it is told nothing

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002  the signature is uvicorn's
        """Answer what cannot be read; uvicorn calls it for every such request."""
        self.refuse(self._strict.refusal or malformed("It cannot be read."))

    def refuse(self, problem: Problem, reason: str | None = None) -> None:
        """Answer with a problem ourselves, unless an answer is out already, and close.

        `reason`: as what it is counted; the problem's type when None.
        """
        self._tell_ended(reason or problem.name)
        _log.debug("http.refused", server=self._common.name, problem=problem.type)
        cycle = self.cycle
        if cycle is not None and cycle.response_started and not cycle.response_complete:
            self.abort()  # half an answer: breaking off is the only honest end
            return
        answered = cycle is not None and cycle.response_complete and self._strict.in_body
        self._give_up_answer()
        if not answered:
            date, head = self._common.date(), self._strict.to_head
            self._outlet.write(problems.as_http(problem, date=date, head=head))
        self._linger()

    def _tell_ended(self, reason: str) -> None:
        """Have it counted, once: a client that was refused may also leave its answer unread."""
        if not self._told:
            self._told = True
            self._common.counting.refused(reason)

    def _give_up_answer(self) -> None:
        """Tell the application that its client is gone."""
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
            self.flow.resume_writing()

    # -------------------------------------------------------------- the end

    def _close(self) -> None:
        """End the connection; a client that is still sending gets the time to read its answer."""
        if self._ending:
            return
        if self._strict.in_body:
            self._linger()
        else:
            self._end()

    def _linger(self) -> None:
        self._ending = True
        self._unset_keepalive_if_required()
        if self._outlet.can_write_eof():
            self._outlet.write_eof()
        self.flow.resume_reading()
        self._deadline.set("linger", min(LINGER, self._limits.stalled_seconds), self._end)

    def _end(self) -> None:
        self._ending = True
        self._unset_keepalive_if_required()
        self._deadline.clear()
        self._outlet.close()
        self._watch_unread()

    def _watch_unread(self) -> None:
        self._lying = self._outlet.get_write_buffer_size()
        self._unread.set("unread", self._limits.stalled_seconds, self._check_unread)

    def _check_unread(self) -> None:
        """Cut a client that does not read; one that reads slowly may go on, but for events."""
        lying = self._outlet.get_write_buffer_size()
        self._unread.clear()
        if self._lying - lying >= PROGRESS and not self._common.book.reads_events(self):
            self._watch_unread()
            return
        if lying:
            self._tell_ended(UNREAD)
            _log.info("http.stalled", server=self._common.name, unread_bytes=lying)
        self.abort()
