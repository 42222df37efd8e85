"""Facts for stories, made by hand: requests, events, outcomes; seconds from the sending."""

from __future__ import annotations

from typing import Any

from listener.story import diagnosis
from listener.story.case import Finding
from listener.story.facts import Asked, Facts, Heard
from listener.story.sequence import steps_of
from listener.story.telling import Story, time_of, told
from listener.story.veil import Veil

START = 1_795_248_000.0  # 2026-11-21T08:00:00Z, about
AGENT = "1001"
OWN = "2001"
CUSTOMER = "+12025550101"
COLLEAGUE = "2002"
CALL = "100"
CONSULT = "101"
REQUEST_ID = "rq-1"


def an_error(**changes: Any) -> dict[str, Any]:
    """Return an error in its JSON shape."""
    return {
        "errorType": "Generic Error",
        "errorMessage": "CF_INVALID_OBJECT_STATE",
        "errorData": "34",
        "family": "CF",
        "constant": "CF_INVALID_OBJECT_STATE",
        "meaning": "Object is in the wrong state",
        "advice": "Read the dialog.",
    } | changes


def an_outcome(kind: str, **changes: Any) -> dict[str, Any]:
    """Return an outcome in its JSON shape."""
    return {
        "kind": kind,
        "evidence": None,
        "reason": None,
        "sent": True,
        "status": 202,
        "stage": None,
        "stateCause": None,
        "errors": [],
        "warnings": [],
        "changed": None,
        "applied": [],
        "missing": [],
        "truncated": [],
        "dialog": None,
        "user": None,
        "dialogs": {"survivor": None, "new": None, "gone": []},
        "waited": 1.0,
        "seen": [],
        "window": {"from": 0.0, "until": 1.0, "gaps": []},
    } | changes


def asked(
    action: str = "HOLD",
    outcome: dict[str, Any] | None = None,
    *,
    key: str = "k1",
    request_id: str = REQUEST_ID,
    agent: str = AGENT,
    dialog: str | None = CALL,
    sent: float | None = 0.0,
    answered: float | None = 0.05,
    settled: float | None = 1.0,
    late: tuple[dict[str, Any], ...] = (),
    **changes: Any,
) -> Asked:
    """Return a request of the agent; times from START."""
    resource = {
        "id": key,
        "requestId": request_id,
        "agent": agent,
        "requestedAction": action,
        "dialogId": dialog,
        "askedBy": "crm",
        "state": "settled" if outcome else "accepted",
        "submitted": stamped(-0.01 if sent is None else sent - 0.01),
        "sent": stamped(sent),
        "answered": stamped(answered),
        "settled": stamped(settled) if outcome else None,
        "outcome": outcome,
        "late": list(late),
    }
    return Asked(told=resource, **({"own": OWN, "deadline": 20.0} | changes))


def stamped(after: float | None) -> str | None:
    """Return a time as it stands in a resource."""
    return None if after is None else time_of(START + after)


def a_dialog(
    id_: str = CALL, *, media: dict[str, Any] | None = None, **states: str
) -> dict[str, Any]:
    """Return a dialog; `own`, `customer`, `colleague` are its parties' states."""
    addresses = {"own": OWN, "customer": CUSTOMER, "colleague": COLLEAGUE}
    return {
        "id": id_,
        "state": "ACTIVE",
        "fromAddress": CUSTOMER,
        "toAddress": OWN,
        "associatedDialogUri": None,
        "secondaryId": None,
        "mediaProperties": {"callType": "ACD_IN", "callvariables": {}} | (media or {}),
        "participants": [
            {"mediaAddress": addresses[who], "state": state} for who, state in states.items()
        ],
    }


def heard(
    after: float,
    name: str,
    *,
    tag: str | None = None,
    agent: str | None = AGENT,
    about: str | None = CALL,
    **data: Any,
) -> Heard:
    """Return an event."""
    given = {"agent": agent, "requestId": tag, "dialogId": about} | data
    return Heard(at=START + after, name=name, agent=agent, dialog=about, data=given)


def a_change(
    after: float,
    tag: str | None = None,
    *,
    about: str = CALL,
    change: str = "changed",
    agent: str = AGENT,
    media: dict[str, Any] | None = None,
    **states: str,
) -> Heard:
    """Return the event of a dialog."""
    dialog = a_dialog(about, media=media, **states)
    return heard(after, "dialog", tag=tag, agent=agent, about=about, change=change, dialog=dialog)


def a_gap(begin: float, end: float | None) -> tuple[Heard, ...]:
    """Return the events of a link that was down."""
    down = heard(begin, "gap", about=None, **{"from": stamped(begin), "until": None, "cause": "x"})
    if end is None:
        return (down,)
    up = heard(end, "gap", about=None, **{"from": stamped(begin), "until": stamped(end)})
    return (down, up)


def a_window(begin: float, end: float | None) -> dict[str, Any]:
    """Return the window of an outcome with a gap; times from START."""
    return {"gaps": [{"from": stamped(begin), "until": stamped(end)}]}


def facts(*requests: Asked, events: tuple[Heard, ...] = (), **more: Any) -> Facts:
    """Return the facts of a source."""
    return Facts(source="the test", requests=requests, events=events, **more)


def findings(*requests: Asked, events: tuple[Heard, ...] = (), **more: Any) -> list[Finding]:
    """Return what is found about the first request."""
    known = facts(*requests, events=events, **more)
    veil = Veil()
    steps = steps_of(known, veil)
    return diagnosis.of_request(requests[0], known, steps, veil)


def story_of(*requests: Asked, events: tuple[Heard, ...] = (), **more: Any) -> Story:
    """Return the whole story."""
    show = more.pop("show_numbers", False)
    return told(facts(*requests, events=events, **more), f"request {REQUEST_ID}", show_numbers=show)
