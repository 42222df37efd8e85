"""A call passed on to Finesse as it came, and Finesse's answer given back as it comes.

Knows the guard of accounts and the forwarder; knows nothing of tracking.
"""

from __future__ import annotations

from starlette.types import Send

from listener.dropin import refusals, replies
from listener.dropin.calls import Call, Refusal
from listener.dropin.doorkeeper import MAX_READ, Busy, Doorkeeper, Refused
from listener.dropin.replies import Reply, of_problem, with_more
from listener.dropin.turns import Turn
from listener.finesse import uris
from listener.rest import Flow, Forwarder
from listener.rest.forwarder import Content
from listener.rest.onward import Headers


async def entered(call: Call, doorkeeper: Doorkeeper) -> Turn:
    """Wait for the turn of the call's credentials; raises Refusal."""
    try:
        return await doorkeeper.enter(call.login)
    except Refused as refused:
        raise refusal_of(refused, call) from None
    except Busy:
        more = [] if call.safe else replies.not_taken("login_busy")
        raise Refusal(of_problem(refusals.login_busy(), more)) from None


def refusal_of(refused: Refused, call: Call) -> Refusal:
    """Return Finesse's own refusal of the password, or ours for one that it refused before."""
    more = [] if call.safe else replies.not_taken("login_refused")
    raw = refused.raw
    if raw is None or raw.status is None:
        return Refusal(with_more(replies.login_refused(refused.retry_after), more))
    return Refusal(replies.passed_on(Flow(raw, idle=0.0), more))


class Passing:
    """Passes calls on, each once."""

    def __init__(self, forwarder: Forwarder, doorkeeper: Doorkeeper) -> None:
        self._forwarder = forwarder
        self._doorkeeper = doorkeeper

    async def __call__(
        self, call: Call, content: Content, turn: Turn, send: Send, *, more: Headers
    ) -> None:
        """Send a call on and answer with what comes back; `more` headers go with that.

        The turn is given back as soon as the answer's head says whether the password was right.
        """
        message = call.message(content, self._agent_of(call))
        flow: Flow | None = None
        try:
            try:
                flow = await self._forwarder.open(message)
                await self._doorkeeper.judge(call.login, message, flow)
            finally:
                turn.give_back()
            if not call.safe:
                await flow.read(MAX_READ)  # half an answer to a write is none
            await _answered(flow, call, more).send(send)
        finally:
            if flow is not None:
                await flow.aclose()

    def _agent_of(self, call: Call) -> str | None:
        """Return the agent in whose name it is: the Basic user, else whom the path names."""
        if call.pair is not None:
            return self._doorkeeper.agent_of(call.pair)
        return uris.place(call.path).user


def _answered(flow: Flow, call: Call, more: Headers) -> Reply:
    raw = flow.raw
    if raw.status is not None and (call.safe or not raw.trouble):
        return replies.passed_on(flow, more)
    if not raw.sent:
        return of_problem(refusals.not_sent(raw.trouble), more)
    if call.safe:
        return of_problem(refusals.no_answer(raw), more)
    return replies.unanswered(more)
