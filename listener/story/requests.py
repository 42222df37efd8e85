"""Requests of the program -> what a story knows of them. Pure; shared by journal and transcript."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from listener.correlation.pending import State
from listener.correlation.picture import Baseline
from listener.correlation.registration import Registration
from listener.correlation.steps import AnswerKind, RestAnswer
from listener.finesse.actions.request import Request
from listener.finesse.parsed import dialog_json
from listener.finesse.sealed import Sealed
from listener.report import errors_json, record_json
from listener.story.facts import Asked, Parameter, Told
from listener.ticket import Record

_NUMBERS = {
    "to_address": "toAddress",
    "from_address": "fromAddress",
    "target_media_address": "targetMediaAddress",
    "extension": "extension",
    "callback_number": "callbackNumber",
}


def asked_of(
    record: Record,
    registration: Registration,
    *,
    deployment: str | None = None,
    answer: RestAnswer | None = None,
    baseline: Baseline | None = None,
    length: float | None = None,
    restarted: bool = False,
    going: datetime | None = None,
) -> Asked:
    """Return what is known of a request.

    `length`: the seconds of its deadline. `going`: when its turn came.
    """
    request = record.request
    return Asked(
        told=record_json(record, _state(record, answer), deployment),
        own=registration.own or request.device,
        parameters=tuple(_parameters(request)),
        answer=_answer(answer, request, deployment),
        before=_before(baseline),
        deadline=length,
        minimum=str(registration.minimum),
        expected=record.expected,
        restarted=restarted,
        deployment=deployment,
        going=None if going is None else going.timestamp(),
    )


def _state(record: Record, answer: RestAnswer | None) -> State | None:
    """Return where it stands, where the answer says more than the record."""
    accepted = answer is not None and answer.kind is AnswerKind.ACCEPTED
    return State.ACCEPTED if accepted and record.outcome is None else None


def _answer(answer: RestAnswer | None, request: Request, deployment: str | None) -> Told | None:
    if answer is None:
        return None
    return {
        "status": answer.status,
        "kind": str(answer.kind),
        "errors": errors_json(answer.errors, request, deployment, status=answer.status),
        "detail": answer.detail,
    }


def _before(baseline: Baseline | None) -> tuple[Told, ...]:
    if baseline is None:
        return ()
    known = (baseline.dialog, *baseline.others)
    return tuple(dialog_json(each) for each in known if each is not None)


def _parameters(request: Request) -> Iterator[Parameter]:
    for field, name in _NUMBERS.items():
        value: Any = getattr(request, field, None)
        if value is not None:
            hidden = isinstance(value, Sealed)
            yield Parameter(name, "not kept" if hidden else value, "plain" if hidden else "number")
    digits = getattr(request, "dtmf_string", None)
    if digits is not None:
        yield Parameter("dtmfString", f"{len(digits)} digits")
    for name, value in _data(request):
        hidden = isinstance(value, Sealed)
        yield Parameter(name, "not kept" if hidden else value, "plain" if hidden else "data")


def _data(request: Request) -> Iterator[tuple[str, str]]:
    wrap_up = getattr(request, "wrap_up_reason", None)
    if wrap_up is not None:
        yield "wrapUpReason", wrap_up
    variables: Any = getattr(request, "call_variables", None)
    yield from (variables.items() if hasattr(variables, "items") else variables or ())
