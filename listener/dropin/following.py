"""Waiting for a client: for Finesse's answer, or for what comes of the request.

Knows futures and time; decides what is worth waiting for. A client that hangs up ends its waiting
and nothing else.
"""

from __future__ import annotations

import asyncio
from typing import Any

from listener.correlation.outcome import Rejected
from listener.correlation.pending import FINAL, State
from listener.correlation.steps import AnswerKind
from listener.dropin import replies
from listener.dropin.posting import Posting
from listener.dropin.replies import Reply
from listener.dropin.uploads import ClientGone, Upload, ended
from listener.finesse.actions import OtherRequest
from listener.rest import Flow
from listener.ticket import Ticket

COMMITTED_WITHIN = 5.0
"""Seconds for an outcome that is decided to be safe in the journal: it is told then, and not before
(mostly a millisecond)."""

_ACCEPTED = 202
_SUCCESS, _REDIRECTION = range(200, 300), range(300, 400)


async def reply_to(ticket: Ticket, posting: Posting, upload: Upload, until: float | None) -> Reply:
    """Return the answer to a tracked request; raises ClientGone.

    `until` (the loop's time) is how long the client waits for what comes of it; None: it wants
    Finesse's answer, as it comes.
    """
    await _wait(ticket, posting, upload, until)
    flow, outcome = posting.flow, ticket.record.outcome
    if flow is not None and (until is None or _is_final(ticket, flow)) and _is_answer(flow):
        return replies.passed_on(flow, replies.marks(ticket, outcome))
    if outcome is not None and (until is not None or isinstance(outcome, Rejected)):
        return replies.settled(ticket, outcome, flow)
    in_doubt = ticket.state is State.IN_DOUBT
    if posting.kind in {AnswerKind.REFUSED, AnswerKind.NOT_SENT} and not in_doubt:
        return replies.refused(ticket, outcome, flow)
    return replies.accepted(ticket, outcome, flow)


async def _wait(ticket: Ticket, posting: Posting, upload: Upload, until: float | None) -> None:
    settled = asyncio.create_task(ticket.outcome(), name=f"outcome of {ticket.id}")
    # What comes in parts is read by whoever sends it; only its end can be heard here.
    gone = asyncio.create_task(_gone(upload), name=f"client of {ticket.id}")
    try:
        await _first(until, settled, gone, posting.answered)
        if until is None and settled.done() and posting.begun:
            await _first(None, gone, posting.answered)  # an event may come before the answer
        elif until is not None and not gone.done() and not _has_final(ticket, posting):
            await _first(until, settled, gone)
        if not gone.done() and ticket.state in FINAL:
            loop = asyncio.get_running_loop()
            await _first(loop.time() + COMMITTED_WITHIN, settled, gone)
        if gone.done() and not (settled.done() or posting.answered.done()):
            gone.result()
            raise ClientGone("the client hung up")
    finally:
        await ended(settled, gone)


async def _gone(upload: Upload) -> None:
    if upload.complete:
        await upload.gone()
    else:
        await asyncio.Event().wait()


async def _first(until: float | None, *waited: asyncio.Future[Any]) -> None:
    left = None if until is None else max(until - asyncio.get_running_loop().time(), 0.0)
    await asyncio.wait(waited, timeout=left, return_when=asyncio.FIRST_COMPLETED)


def _has_final(ticket: Ticket, posting: Posting) -> bool:
    return posting.flow is not None and _is_final(ticket, posting.flow)


def _is_final(ticket: Ticket, flow: Flow) -> bool:
    """Say whether nothing more is to be waited for, whatever the client prefers.

    A redirect is the client's to follow. What is not known here and was answered with another
    success than 202 was done there and then.
    """
    status = flow.raw.status
    if status is None:
        return False
    done = status in _SUCCESS and status != _ACCEPTED and isinstance(ticket.request, OtherRequest)
    return status in _REDIRECTION or done


def _is_answer(flow: Flow) -> bool:
    """Say whether Finesse answered; an answer that broke off is none."""
    return flow.raw.status is not None and not flow.raw.trouble
