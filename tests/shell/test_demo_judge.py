"""The judge of the demo: lies planted in outcomes are found, and honest ones are not accused."""

from __future__ import annotations

from typing import Any

import pytest

from listener.correlation.outcome import (
    Confirmed,
    DialogIds,
    Evidence,
    Failed,
    Outcome,
    Presumed,
    Reason,
    Rejected,
    Unconfirmed,
    Window,
)
from listener.demo.cases import Case, View
from listener.demo.judge import judge, knowable, too_little, too_much
from listener.demo.naive import by_next_event, by_request_id, example, wrong
from listener.demo.witness import Heard
from listener.finesse import actions as do
from listener.finesse.events import DialogChanged, DialogRemoved, Event, RequestFailed
from listener.finesse.model import ApiError, Dialog, Participant
from listener.simulator.interfaces import Deed

AGENT, OTHER = "1001", "1002"
ID = "our-id"
NODE = "/finesse/api/User/1001/Dialogs"
HOLD = do.Hold(agent=AGENT, dialog_id="5")
UNKNOWN = Unconfirmed(reason=Reason.DEADLINE)
TAGGED, UNTAGGED = (1.0, True, False, 1), (1.0, False, False, 1)
ERROR = (1.0, False, True, 1)


def deed(**what: Any) -> Deed:
    known = {
        "agent": AGENT,
        "request_id": ID,
        "action": "HOLD",
        "dialog_id": "5",
        "received": 0.1,
        "status": 202,
        "effect": True,
        "effect_at": 0.5,
    }
    return Deed(**(known | what))


def case(outcome: Outcome, *deeds: Deed, request: do.Request = HOLD, **what: Any) -> Case:
    known: dict[str, Any] = {
        "request_id": ID,
        "own": AGENT,
        "submitted": 0.0,
        "answered": 0.2,
        "settled": 2.0,
        "deadline": 20.0,
    }
    return Case(request=request, outcome=outcome, deeds=deeds, **(known | what))


def changed(state: str, *, agent: str = AGENT, tag: str | None = None, **parties: str) -> Event:
    people = {agent: state} | {name.strip("_"): at for name, at in parties.items()}
    listed = tuple(Participant(media_address=who, state=at) for who, at in people.items())
    dialog = Dialog(id="5", state="ACTIVE", participants=listed)
    return DialogChanged(node=NODE, owner=agent, request_id=tag, dialog=dialog, dialog_id="5")


def removed(tag: str | None = None) -> Event:
    return DialogRemoved(
        node=NODE, owner=AGENT, request_id=tag, dialog=Dialog(id="5"), dialog_id="5"
    )


def error(tag: str | None = None, message: str = "CF_GENERIC", owner: str = AGENT) -> Event:
    errors = (ApiError(error_message=message),)
    return RequestFailed(node=NODE, owner=owner, request_id=tag, errors=errors, dialog_id="5")


def heard(*events: Event, at: float = 1.0) -> tuple[Heard, ...]:
    return tuple(Heard(at, event) for event in events)


REFUSED = deed(effect=False, error="no")

LIES = {
    "confirmed what was refused": case(Confirmed(evidence=Evidence.EXPECTATION), REFUSED),
    "confirmed what never arrived": case(Confirmed(evidence=Evidence.SNAPSHOT)),
    "confirmed before it happened": case(
        Confirmed(evidence=Evidence.EXPECTATION), deed(effect_at=3.0)
    ),
    "an id that no event carried": case(
        Confirmed(evidence=Evidence.REQUEST_ID), deed(published=[UNTAGGED])
    ),
    "another dialog": case(
        Confirmed(evidence=Evidence.EXPECTATION, dialogs=DialogIds(new="6")),
        deed(new_dialog_id="7"),
    ),
    "failed what was done": case(Failed(evidence=Evidence.SOLE_PENDING), deed()),
    "a failure with an id that no event carried": case(
        Failed(evidence=Evidence.REQUEST_ID), deed(effect=False, published=[ERROR])
    ),
    "presumed in spite of an error": case(
        Presumed(), deed(effect=False, published=[ERROR]), settled=6.0
    ),
    "presumed without a 202": case(Presumed(), deed(status=None)),
    "rejected what was taken": case(Rejected(status=400), REFUSED),
    "rejected what was done": case(Rejected(status=500), deed(status=500)),
    "not sent, but received": case(Rejected(reason=Reason.NOT_SENT), deed()),
    "unknown and unsent, but received": case(
        Unconfirmed(reason=Reason.NO_ANSWER, sent=False), deed()
    ),
    "sent twice": case(UNKNOWN, deed(), deed()),
}

TRUE = {
    "an effect by its id": case(Confirmed(evidence=Evidence.REQUEST_ID), deed(published=[TAGGED])),
    "an effect alone": case(Confirmed(evidence=Evidence.EXPECTATION), deed()),
    "a refusal later": case(Failed(evidence=Evidence.SOLE_PENDING), REFUSED),
    "a refusal by its id": case(
        Failed(evidence=Evidence.REQUEST_ID), deed(effect=False, published=[(1.0, True, True, 1)])
    ),
    "silence": case(Presumed(), deed()),
    "silence, for its error reached nobody": case(
        Presumed(), deed(effect=False, published=[(1.0, False, True, 0)])
    ),
    "silence before a late error": case(
        Presumed(), deed(effect=False, published=[(9.0, False, True, 1)]), settled=6.0
    ),
    "a refusal at once": case(Rejected(status=401), deed(status=401, effect=False)),
    "nothing sent": case(Rejected(reason=Reason.EXPIRED_IN_QUEUE, sent=False)),
    "nothing known": case(UNKNOWN, deed()),
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
def test_lie_is_found(lie: Case) -> None:
    assert too_much(lie)
    assert judge([lie])[0].too_much


@pytest.mark.parametrize("truth", TRUE.values(), ids=TRUE)
def test_truth_is_not_accused(truth: Case) -> None:
    assert too_much(truth) is None


KNOWABLE = {
    "an event shows it": case(UNKNOWN, deed(), heard=heard(changed("HELD"))),
    "an error with its id": case(UNKNOWN, REFUSED, heard=heard(error(ID))),
    "an error of nobody else": case(UNKNOWN, REFUSED, heard=heard(error())),
    "an error that names it": case(
        UNKNOWN, REFUSED, heard=heard(error(None, "INVALID_ACTION HOLD"))
    ),
    "a refusal at once": case(UNKNOWN, deed(status=400, effect=False)),
    "a GET": case(UNKNOWN, deed(), standing=View(parties={AGENT: "HELD"})),
    "silence": case(
        UNKNOWN, deed(), request=do.SendDtmf(agent=AGENT, dialog_id="5", dtmf_string="1")
    ),
    "an end with its id": case(
        UNKNOWN, deed(), request=do.Transfer(agent=AGENT, dialog_id="5"), heard=heard(removed(ID))
    ),
    "an arrival": case(
        UNKNOWN,
        deed(),
        request=do.TransferSst(agent=AGENT, dialog_id="5", to_address=OTHER),
        heard=heard(changed("ALERTING", agent=OTHER, _customer="ACTIVE")),
    ),
}

UNKNOWABLE = {
    "nothing was heard": case(UNKNOWN, deed()),
    "it never arrived": case(UNKNOWN),
    "a 503 without a word": case(
        UNKNOWN, deed(status=503, effect=False, faults=["unavailable_bare"])
    ),
    "the event came at the deadline": case(UNKNOWN, deed(), heard=heard(changed("HELD"), at=19.9)),
    "it was so before": case(UNKNOWN, deed(), heard=heard(changed("HELD"), at=-1.0)),
    "an error that names another action": case(
        UNKNOWN, REFUSED, heard=heard(error(None, "INVALID_ACTION DROP"))
    ),
    "an error of another agent": case(UNKNOWN, REFUSED, heard=heard(error(owner=OTHER))),
    "an error with a foreign id": case(UNKNOWN, REFUSED, heard=heard(error("theirs"))),
    "an error after somebody else's change": case(
        UNKNOWN,
        REFUSED,
        heard=(
            Heard(-1.0, changed("ACTIVE")),
            Heard(0.5, changed("HELD")),
            Heard(1.0, error()),
        ),
    ),
    "two untagged ends": case(
        UNKNOWN, deed(), request=do.Transfer(agent=AGENT, dialog_id="5"), heard=heard(removed())
    ),
    "a session that was away": case(
        Unconfirmed(reason=Reason.LINK_LOST, window=Window(gaps=((1.0, 2.0),))),
        deed(),
        request=do.SendDtmf(agent=AGENT, dialog_id="5", dtmf_string="1"),
    ),
    "a GET that came too early": case(
        UNKNOWN, deed(effect_at=18.0), standing=View(parties={AGENT: "HELD"})
    ),
}


@pytest.mark.parametrize("left", KNOWABLE.values(), ids=KNOWABLE)
def test_what_could_be_known_is_missed(left: Case) -> None:
    assert too_little(left)


@pytest.mark.parametrize("left", UNKNOWABLE.values(), ids=UNKNOWABLE)
def test_what_nobody_could_know_is_not_missed(left: Case) -> None:
    assert too_little(left) is None


def test_nothing_is_missed_where_the_outcome_is_known() -> None:
    known = case(Confirmed(evidence=Evidence.EXPECTATION), deed(), heard=heard(changed("HELD")))
    assert too_little(known) is None
    assert knowable(known)


DATA = do.UpdateCallData(agent=AGENT, dialog_id="5", call_variables={"callVariable1": "x"})

RIVALS = {
    "open": (case(UNKNOWN, request=DATA, settled=5.0), False),
    "open, then confirmed": (
        case(Confirmed(evidence=Evidence.EXPECTATION), request=DATA, settled=5.0),
        True,
    ),
    "confirmed by a change": (
        case(Confirmed(evidence=Evidence.EXPECTATION), request=DATA, settled=0.5),
        False,
    ),
    "confirmed by its id": (
        case(Confirmed(evidence=Evidence.REQUEST_ID), request=DATA, settled=0.5),
        True,
    ),
    "over": (case(UNKNOWN, request=DATA, settled=0.5, deadline=0.6), True),
    "on another dialog": (
        case(UNKNOWN, request=do.Drop(agent=AGENT, dialog_id="9"), settled=5.0),
        True,
    ),
    "another agent's": (
        case(UNKNOWN, request=do.Drop(agent=OTHER, dialog_id="5"), settled=5.0),
        True,
    ),
}


@pytest.mark.parametrize(("rival", "sole"), RIVALS.values(), ids=RIVALS)
def test_untagged_error_is_known_only_without_a_rival(rival: Case, *, sole: bool) -> None:
    ours = case(UNKNOWN, REFUSED, heard=heard(error()))
    assert bool(too_little(ours, [rival, ours])) is sole


def test_correlator_by_id_takes_any_event_with_the_id_for_success() -> None:
    ringing = case(UNKNOWN, REFUSED, heard=heard(changed("ACTIVE", tag=ID), error()))
    assert by_request_id(ringing) is True
    assert wrong(by_request_id, [ringing]) == [ringing]
    assert example(by_request_id, [ringing]) == "HOLD said: success, true: refused"


def test_correlator_by_id_takes_silence_for_failure() -> None:
    untagged = case(UNKNOWN, deed(), heard=heard(changed("HELD")))
    assert by_request_id(untagged) is False
    assert wrong(by_request_id, [untagged]) == [untagged]


def test_correlator_by_the_next_event_takes_another_ones_event_for_success() -> None:
    beside = case(UNKNOWN, REFUSED, heard=heard(changed("ACTIVE", tag="theirs"), error()))
    assert by_next_event(beside) is True
    assert wrong(by_next_event, [beside]) == [beside]


def test_simple_correlators_are_not_blamed_for_what_they_know() -> None:
    cases = [
        case(UNKNOWN, deed(status=401, effect=False)),
        case(UNKNOWN, REFUSED, heard=heard(error(ID))),
        case(UNKNOWN, deed(), heard=heard(changed("HELD", tag=ID))),
        case(UNKNOWN, deed(effect=None)),
    ]
    assert wrong(by_request_id, cases) == wrong(by_next_event, cases) == []
    assert example(by_request_id, []) == ""
