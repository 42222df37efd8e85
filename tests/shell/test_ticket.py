"""A ticket: what it shows, and that leaving early changes nothing for the others."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from listener.correlation.outcome import Outcome, Presumed, Reason
from listener.correlation.pending import State
from listener.finesse.actions import Hold, SendDtmf
from listener.finesse.actions.request import Request
from listener.ticket import Record, Ticket


def a_record(request: Request | None = None) -> Record:
    return Record(
        key="k1",
        request_id="r1",
        request=request or Hold(agent="1001", dialog_id="5"),
        submitted=datetime(2026, 11, 21, tzinfo=UTC),
        submitted_at=1.0,
    )


class Desk:
    """Notes what a ticket asks for."""

    def __init__(self, record: Record) -> None:
        self.asked: list[tuple[object, ...]] = []
        self.state: State | None = State.SENT
        self.future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self.ticket = Ticket(
            record,
            self.future,
            abandon=lambda reason: self.asked.append(("abandon", reason)),
            report=lambda status, body: self.asked.append(("report", status, body)),
            state=lambda: self.state,
        )


async def test_ticket_shows_what_was_asked_and_where_it_stands():
    record = a_record()
    desk = Desk(record)
    ticket = desk.ticket
    assert (ticket.id, ticket.request_id, ticket.request) == ("k1", "r1", record.request)
    assert ticket.record is record
    assert (ticket.state, repr(ticket)) == (State.SENT, "<Ticket k1 HOLD sent>")
    desk.state = None
    assert repr(ticket) == "<Ticket k1 HOLD forgotten>"


async def test_leaving_early_changes_nothing_for_others():
    desk = Desk(a_record())
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(desk.ticket.outcome(), 0.01)
    assert not desk.future.cancelled()
    desk.future.set_result(Presumed())
    assert await desk.ticket.outcome() == await desk.ticket.outcome() == Presumed()


async def test_ticket_passes_on_what_it_is_told():
    desk = Desk(a_record())
    desk.ticket.abandon()
    desk.ticket.abandon(Reason.SHUTDOWN)
    desk.ticket.answered(202)
    desk.ticket.answered(400, b"x")
    assert desk.asked == [
        ("abandon", Reason.CALLER),
        ("abandon", Reason.SHUTDOWN),
        ("report", 202, None),
        ("report", 400, b"x"),
    ]


async def test_no_digit_is_in_any_repr():
    desk = Desk(a_record(SendDtmf(agent="1001", dialog_id="5", dtmf_string="8253971")))
    assert "8253971" not in repr(desk.ticket) + repr(desk.ticket.record)
