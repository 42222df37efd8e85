"""The XML of one request: what was sent, what Finesse answered, and what was heard meanwhile.

What was sent is written again as it went out; notifications are as they came, from memory. Numbers
and call data are masked as in the story; DTMF digits are never shown. Blocks for its computing: use
a thread. Times are seconds since 1970.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from html import escape
from typing import Any, cast

from listener.correlation.steps import RestAnswer
from listener.errors import ListenerError
from listener.finesse.actions.request import Request
from listener.finesse.body import Element
from listener.finesse.wire import render
from listener.offers import Resource
from listener.page.payloads import Heard
from listener.redaction import HIDDEN
from listener.report import errors_json, stamp
from listener.story.veil import Veil
from listener.ticket import Record
from listener.transcript.masks import Masks
from listener.transcript.veil import Veil as PayloadVeil

MOST = 100
"""Notifications of one request that are shown."""
LONGEST = 262_144
"""Characters of one payload that are shown."""
AROUND = 1.0
"""Seconds before a request and after its outcome in which notifications are shown too."""

_SEALED = re.compile("\ue000sealed:[0-9a-f]+")  # `finesse.sealed`: only a hash is kept


@dataclass(frozen=True, slots=True)
class Case:
    """What the daemon has of one request. `heard`: what came while it was open, oldest first."""

    record: Record
    answer: RestAnswer | None
    heard: tuple[Heard, ...]
    since: float
    deployment: str | None
    veil: Veil = field(repr=False)
    """The masks of the request's story, so that a number looks the same in both."""
    spoken: tuple[Request, ...] = field(default=(), repr=False)
    """Other requests, whose digits Finesse may repeat in what it says meanwhile."""


class _Shown:
    """The masks of a story, in the form that payloads take: see `transcript.masks.Masks`."""

    def __init__(self, veil: Veil) -> None:
        self._veil = veil

    def number(self, text: str) -> str:
        return self._veil.number(text)

    def value(self, text: str) -> str:
        return HIDDEN if text else text

    def text(self, text: str, known: Mapping[str, str] | None = None) -> str:
        # What stands elsewhere in the same XML may be repeated here, and the story may not know it.
        masks = known or {}
        for one in sorted((one for one in masks if one in text), key=len, reverse=True):
            alone = rf"(?<![0-9A-Za-z]){re.escape(one)}(?![0-9A-Za-z])"
            text = re.sub(alone, lambda _, mask=masks[one]: mask, text)  # type: ignore[misc]
        return self._veil.said(text)


def raw_of(case: Case) -> Resource:
    """Return it all as JSON."""
    record = case.record
    masks = None if case.veil.show_numbers else cast("Masks", _Shown(case.veil))
    veil = PayloadVeil(masks, lambda: (record.request, *case.spoken))
    matters = [each for each in case.heard if _matters(each, record)]
    chosen = matters[:MOST]
    notes = []
    begin = record.submitted.timestamp()
    if begin < case.since:
        notes.append(
            "notifications are kept in memory for a while alone: what came with this request, or"
            " some of it, is gone; a transcript (listener record) keeps them"
        )
    return {
        "masked": not case.veil.show_numbers,
        "since": _time(case.since),
        "sent": _sent(record, veil),
        "answer": _answer(case, veil),
        "heard": [_heard(each, record, veil) for each in chosen],
        "leftOut": len(matters) - len(chosen),
        "notes": notes,
    }


def _matters(heard: Heard, record: Record) -> bool:
    """Say whether a notification has to do with the request: its agent's, its call's, or its id."""
    dialog, outcome = record.request.dialog_id, record.outcome
    ids = {dialog, outcome.dialogs.new if outcome is not None else None}
    return (
        heard.agent == record.request.agent
        or _names(heard, record)
        or any(id_ in heard.payload for id_ in ids if id_)
    )


def _names(heard: Heard, record: Record) -> bool:
    """Say whether a notification carries the request's id."""
    plain = record.request_id
    return plain in heard.payload or _escaped(plain) in heard.payload


def _sent(record: Record, veil: PayloadVeil) -> Resource | None:
    if record.sent is None and not record.expected:
        return None
    request = record.request
    return {
        "method": request.method,
        "path": request.path,
        "requestId": record.request_id,
        "at": stamp(record.sent),
        "body": _body(request, veil),
    }


def _body(request: Request, veil: PayloadVeil) -> str | None:
    """Return the body as it was sent; None where it cannot be written."""
    try:
        text = render(_veiled(request.body(), veil)).decode()
    except (ListenerError, ValueError):
        return None
    shown = veil.payload(text)
    return None if shown is None else _SEALED.sub("(not kept)", shown)


def _veiled(element: Element, veil: PayloadVeil) -> Element:
    """Return a body with its ActionParams masked by their names, as other elements are by theirs.

    DTMF digits travel so.
    """
    if isinstance(element.content, str):
        return element
    if element.tag != "ActionParam":
        return Element(element.tag, tuple(_veiled(each, veil) for each in element.content))
    name, value = element.text("name") or "", element.text("value") or ""
    shown = str(veil.value({name: value})[name])
    return Element(element.tag, (Element("name", name), Element("value", shown)))


def _answer(case: Case, veil: PayloadVeil) -> Resource | None:
    record, answer = case.record, case.answer
    if record.answered is None:
        return None
    outcome = record.outcome
    status = answer.status if answer is not None else getattr(outcome, "status", None)
    if status is None and record.accepted:
        status = 202
    errors: tuple[Any, ...] = answer.errors if answer is not None else ()
    if answer is None and outcome is not None and outcome.kind == "rejected":
        errors = getattr(outcome, "errors", ())
    told = errors_json(errors, record.request, case.deployment, status=status)
    return {"status": status, "at": stamp(record.answered), "errors": veil.value(told)}


def _heard(heard: Heard, record: Record, veil: PayloadVeil) -> Resource:
    shown = veil.payload(heard.payload) if len(heard.payload) <= LONGEST else None
    return {
        "at": _time(heard.at),
        "agent": heard.agent,
        "node": heard.node,
        "itemId": heard.item_id,
        "about": _names(heard, record),
        "payload": shown,
        "length": len(heard.payload),
    }


def _escaped(text: str) -> str:
    """Return a text as Finesse writes it into XML."""
    return escape(text, quote=False)


def _time(at: float) -> str | None:
    return stamp(datetime.fromtimestamp(at, UTC))
