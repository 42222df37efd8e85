"""What many of these tests are given: requests of one agent, and calls as Finesse shows them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from listener.correlation.instants import instant
from listener.finesse import actions as a
from listener.finesse.model import Dialog
from tests.builders import (
    AGENT,
    CALL,
    CUSTOMER,
    EXT,
    Story,
    a_dialog,
    a_participant,
    clock,
    own,
    placed,
)

HOLD = a.Hold(agent="agent1", dialog_id="100")
RETRIEVE = a.Retrieve(agent="agent1", dialog_id="100")
MAKE_CALL = a.MakeCall(agent=AGENT, to_address="5551")
ON_CALL: dict[str, Any] = {"agent": AGENT, "dialog_id": CALL}
MAKE_CALL_FROM = a.MakeCall(agent=AGENT, to_address="5551", from_address=EXT)
THIRD_PARTY = "3003"
DROP = a.Drop(agent=AGENT, dialog_id=CALL)
READY = a.Ready(agent=AGENT)
CONFERENCE = a.Conference(agent=AGENT, dialog_id=CALL)
SURVIVOR = a_dialog("300", a_participant(at=2), a_participant("1002"), secondary_id=CALL)
TRANSFER = a.Transfer(agent=AGENT, dialog_id=CALL)
LINK = "/finesse/api/Dialog/100"
ON_HOLD = own("HELD", 0)
UPDATE_SET = a.UpdateCallData(agent=AGENT, dialog_id=CALL, call_variables={"callVariable1": "set"})
HOLD_OTHER = a.Hold(agent=AGENT, dialog_id="200")
LINKED = {"associated_dialog_uri": "/finesse/api/Dialog/100"}
CONSULT = a.ConsultCall(agent=AGENT, dialog_id=CALL, to_address="5551")
THREE = (
    a_dialog("100", a_participant(EXT, "HELD"), a_participant("A")),
    a_dialog("200", a_participant(EXT, "HELD"), a_participant("B")),
    a_dialog("300", a_participant(EXT, "ACTIVE"), a_participant("C")),
)
UPDATE_OTHER = a.UpdateCallData(
    agent=AGENT, dialog_id="200", call_variables={"callVariable1": "new"}
)
UPDATE_USER_X = a.UpdateCallData(agent=AGENT, dialog_id="100", call_variables={"user.x": "y"})
FAILED_SOLE = ("failed", "sole_pending")
ANSWER = a.Answer(agent=AGENT, dialog_id="100")
OTHER = "5550200"
CONFIRMED = ("confirmed", "expectation")
BY_ID = ("confirmed", "request_id")
THIRD = "5550300"


def shown(**values: str) -> Dialog:
    return a_dialog(variables=values)


def update(**values: str) -> a.UpdateCallData:
    return a.UpdateCallData(agent=AGENT, dialog_id=CALL, call_variables=values)


def dtmf(tones: str = "1") -> a.SendDtmf:
    return a.SendDtmf(agent=AGENT, dialog_id=CALL, dtmf_string=tones)


def consult(state: str = "INITIATED", **changes: Any) -> Dialog:
    """Return a consult call of the agent, tied to the first call."""
    uri = f"/finesse/api/Dialog/{CALL}"
    return replace(placed(state), associated_dialog_uri=uri, **changes)


def parties(*others: str, state: str = "ACTIVE", at: float = 0) -> Dialog:
    """Return the call with those other parties."""
    return a_dialog(CALL, a_participant(EXT, state, at), *(a_participant(each) for each in others))


def watch_of_an_agent(state: str) -> Dialog:
    """Return a call that watches an agent."""
    parties = (a_participant(state=state), a_participant("1002"))
    media = {"call_type": "SUPERVISOR_MONITOR"}
    numbers = {"from_address": EXT, "to_address": "1002"}
    return a_dialog("500", *parties, media=media, state=state, **numbers)


def three(state: str = "ACTIVE", at: float = 2, **changes: Any) -> Dialog:
    """Return a conference of three."""
    parties = (a_participant(state=state, at=at), a_participant("1002"), a_participant(CUSTOMER))
    return a_dialog(CALL, *parties, media={"call_type": "CONFERENCE"}, **changes)


def call(id_: str, state: str, party: str, **changes: Any) -> Dialog:
    """Return one more call of the agent, with one other party."""
    return a_dialog(id_, a_participant(state=state), a_participant(party), **changes)


def off(dialog: Dialog) -> Dialog:
    """Return a call without anybody on it any more."""
    parties = tuple(replace(p, state="DROPPED") for p in dialog.participants)
    return replace(dialog, state="DROPPED", participants=parties)


def valued(value: str, state: str = "ACTIVE", at: float = 0.0, **changes: object) -> object:
    """Return the call with that value and the own participant in that state."""
    return own(state, at, variables={"user.x": value}, **changes)


def second_call(state: str = "HELD", at: float = 0.0, **changes: object) -> object:
    """Return the agent's second call, with another customer."""
    parties = (a_participant(state=state, at=at), a_participant(OTHER, at=0))
    return a_dialog("200", *parties, **changes)


def dated(story: Story, request: a.Answer) -> str:
    """Ask, and let Finesse accept it with a Date, a minute before its clock's first time."""
    key = story.ask(request)
    story.accept(key, date=(instant(clock(0)) or 0.0) - 60.0)
    return key


def joined(at: float = 5.0, *parties: str) -> object:
    """Return the call as a conference of both customers and those others."""
    others = (a_participant(each, at=at) for each in (OTHER, *parties))
    return a_dialog(
        "100",
        a_participant(state="ACTIVE", at=at),
        a_participant(CUSTOMER),
        *others,
        secondary_id="200",
        media={"call_type": "CONFERENCE"},
    )


def failed_consult() -> object:
    """Return the consult's call as it failed."""
    return replace(placed("FAILED"), associated_dialog_uri=LINK)


def earlier(state: str | None, at: float = 5.0) -> object:
    """Return the call as it was when both customers were on it, before the one left."""
    own_part = () if state is None else (a_participant(state=state, at=at),)
    others = (a_participant(CUSTOMER, at=at), a_participant(OTHER, at=at))
    return a_dialog("100", *own_part, *others, media={"call_type": "CONFERENCE"})


def other(*parties: object, id_: str = "200", **changes: object) -> object:
    """Return the agent's other call, with these parties, or one, beside the agent."""
    mine = a_participant(state="ACTIVE", at=0)
    return a_dialog(id_, mine, *(parties or (a_participant("1002"),)), **changes)


def taken_in(*parties: object, state: str = "ACTIVE", at: float = 2.0, **changes: object) -> object:
    """Return the call as it took the other one in, with these parties beside the agent."""
    joined = {"secondary_id": "200"} | changes
    return a_dialog("100", a_participant(state=state, at=at), *parties, **joined)


def conference(*parties: str):
    """Return the call as a conference that has taken in the second one."""
    there = (a_participant(at=5), a_participant(CUSTOMER))
    came = (a_participant(each, at=5) for each in parties or (OTHER,))
    return a_dialog("100", *there, *came, secondary_id="200", media={"call_type": "CONFERENCE"})


def call_with(id_: str, party: str, state: str = "ACTIVE", at: float = 0.0) -> Dialog:
    """Return another call of the agent."""
    return a_dialog(id_, a_participant(state=state, at=at), a_participant(party, at=at))


def second(state: str, at: float = 0, *, id_: str = "200", **changes: object) -> Dialog:
    """Return another call of the agent."""
    parties = (a_participant(state=state, at=at), a_participant("5550200"))
    return replace(a_dialog(id_, *parties), **changes)
