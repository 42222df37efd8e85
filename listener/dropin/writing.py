"""A call that changes something: tracked where somebody can listen, else passed on untracked.

Every way out of here either sent the call once or says that it was not sent.
"""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import dataclass

from starlette.types import Send

from listener import logs
from listener.dropin import refusals, replies
from listener.dropin.calls import Call, Refusal
from listener.dropin.contract import Tracker
from listener.dropin.doorkeeper import Doorkeeper, Refused
from listener.dropin.following import reply_to
from listener.dropin.passing import Passing, entered, refusal_of
from listener.dropin.posting import Posting
from listener.dropin.recognising import MAX_KNOWN, element_in, request_in, whose
from listener.dropin.replies import of_problem, with_more
from listener.dropin.sessions import Sessions, Why
from listener.dropin.turns import Turn
from listener.errors import (
    Closing,
    InvalidRequest,
    ListenerError,
    NotKept,
    NotListening,
    TooManyPending,
)
from listener.finesse.actions.request import Request
from listener.finesse.body import Element
from listener.rest import Forwarder
from listener.rest.forwarder import Content
from listener.rest.onward import Headers
from listener.terms import Wishes
from listener.ticket import Ticket
from listener.web.preferences import wait_of

_log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class _Job:
    """One call with its body, its turn, and how long its client waits for what comes of it."""

    call: Call
    content: Content
    turn: Turn
    send: Send
    until: float | None
    applied: Headers


class Writing:
    """Tracks calls, or passes them on; each is sent once."""

    def __init__(
        self,
        tracker: Tracker,
        forwarder: Forwarder,
        doorkeeper: Doorkeeper,
        sessions: Sessions,
        passing: Passing,
    ) -> None:
        self._tracker = tracker
        self._forwarder = forwarder
        self._doorkeeper = doorkeeper
        self._sessions = sessions
        self._pass_on = passing

    async def __call__(self, call: Call, send: Send) -> None:
        """Serve a call; raises Refusal and ClientGone."""
        wait = wait_of(call.lines(b"prefer"))
        until = asyncio.get_running_loop().time() + wait if wait else None
        applied = [] if wait is None else [(b"preference-applied", b"wait=%d" % wait)]
        call = call.named(str(uuid.uuid4()))
        content = await call.upload.content(MAX_KNOWN)
        turn = await entered(call, self._doorkeeper)
        job = _Job(call, content, turn, send, until, applied)
        try:
            element = element_in(content)
            found = await self._whose(job, element)
            if isinstance(found, Why):
                await self._untracked(job, found)
            else:
                await self._tracked(job, request_in(call, found, element))
        finally:
            turn.give_back()

    async def _whose(self, job: _Job, element: Element | None) -> str | Why:
        """Return the agent whose request it is and who can be heard, or why it is not tracked."""
        call = job.call
        try:
            found = await whose(call, element, sessions=self._sessions, tracker=self._tracker)
        except Refused as refused:
            raise refusal_of(refused, call) from None
        except TimeoutError:
            return Why.NOT_SHOWN
        if found.agent is None:
            return found.why or Why.NO_AGENT
        if call.pair is not None and self._doorkeeper.known(call.pair) is not None:
            job.turn.give_back()  # the password is right: nobody waits while we wait for a session
        return found.agent if await self._sessions.heard(found.agent) else Why.NO_SESSION

    async def _tracked(self, job: _Job, request: Request) -> None:
        call = job.call
        posting = Posting(
            self._forwarder,
            call.message(job.content, request.agent),
            call.request_id or "",
            doorkeeper=self._doorkeeper,
            login=call.login,
            turn=job.turn,
        )
        try:
            begun = await self._begin(call, request, posting)
            if isinstance(begun, Why):
                await self._untracked(job, begun)
                return
            reply = await reply_to(begun, posting, call.upload, job.until)
            await with_more(reply, job.applied).send(job.send)
        finally:
            await posting.aclose()

    async def _begin(self, call: Call, request: Request, posting: Posting) -> Ticket | Why:
        """Have it registered and sent; or say why it is not tracked: then nothing was sent yet."""
        wishes = Wishes(
            request_id=call.request_id,
            validate=False,  # what Finesse takes is Finesse's to say
            require_session=False,
            allow_repeat=True,
            asked_by=call.asked_by,
        )
        try:
            return await self._tracker.forward(request, wishes, posting.send)
        except Closing as error:
            problem = refusals.closing(f"{error}.", error.retry_after)
            raise Refusal(of_problem(problem, replies.not_taken("shutdown"))) from None
        except ListenerError as error:
            if posting.begun:
                raise  # it may have left: it does not leave again
            return _why(error)

    async def _untracked(self, job: _Job, why: Why) -> None:
        call = job.call
        _log.info(
            "dropin.untracked",
            agent=call.pair.user if call.pair is not None else None,
            method=call.method,
            path=call.path,
            reason=str(why),
        )
        more = [*replies.untracked(why), *job.applied]
        await self._pass_on(call, job.content, job.turn, job.send, more=more)


def _why(error: ListenerError) -> Why:
    match error:
        case TooManyPending():
            return Why.TOO_MANY_PENDING
        case NotKept():
            return Why.NOT_KEPT
        case NotListening():
            return Why.NO_SESSION
        case InvalidRequest(field="requestId"):
            return Why.REQUEST_ID
        case _:
            return Why.NOT_TAKEN
