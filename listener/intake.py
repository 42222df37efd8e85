"""What is settled before a request is taken: its extension, its checks, its deadline.

Pure but for what it is handed; raises InvalidRequest before anything is sent.
"""

from __future__ import annotations

import re

from listener.correlation.entry import Entry
from listener.correlation.registration import Registration
from listener.errors import InvalidRequest
from listener.finesse.actions import key_of
from listener.finesse.actions.expectation import Gate, Silence
from listener.finesse.actions.request import Request
from listener.terms import Policy, Wishes
from listener.ticket import Record

MAX_REQUEST_ID = 256
_UNPRINTABLE = re.compile(r"[^\x20-\x7e\xa1-\xff]")


def check_wishes(wishes: Wishes) -> None:
    """Raise InvalidRequest for a requestId that no header can carry, or a deadline that is none."""
    id_ = wishes.request_id
    if id_ is not None and (
        not isinstance(id_, str) or not id_.strip() or len(id_) > MAX_REQUEST_ID
    ):
        raise InvalidRequest(
            f"a requestId is a text of 1 to {MAX_REQUEST_ID} characters; leave it out to have one"
            " made",
            field="requestId",
        )
    if id_ is not None and _UNPRINTABLE.search(id_):
        raise InvalidRequest(
            "a requestId travels in a header: printable Latin-1 only", field="requestId"
        )
    if wishes.deadline is not None and not isinstance(wishes.deadline, int | float):
        raise InvalidRequest("the deadline is a number of seconds", field="deadline")


def complete(
    request: Request, extension: str | None, deployment: str | None, *, validate: bool
) -> Request:
    """Fill in the agent's own extension, and check what can be checked here."""
    if extension is not None:
        request = request.on_device(extension)
    if validate:
        request.validate(deployment)
    return request


def check_device(request: Request, extension: str | None) -> None:
    """Raise InvalidRequest when nobody knows whose device a request acts on."""
    if request.gate is not Gate.NONE and request.device is None and extension is None:
        raise InvalidRequest(
            f"the extension of agent {request.agent} is not known; give targetMediaAddress or"
            " set `extension` in the settings",
            field="targetMediaAddress",
        )


def registration(
    record: Record,
    extension: str | None,
    wishes: Wishes,
    policy: Policy,
    *,
    ungated: bool = False,
) -> Registration:
    """Return what the correlator needs beside the request; `ungated`: it is never held back."""
    length = wishes.deadline
    if length is None:
        length = default_deadline(record.request, policy, expected=record.expected)
    return Registration(
        key=record.key,
        request_id=record.request_id,
        own=record.request.device or extension,
        length=length,
        minimum=wishes.minimum_evidence or policy.minimum_evidence,
        expected=record.expected,
        allow_repeat=wishes.allow_repeat,
        ungated=ungated,
    )


def registered_again(entry: Entry) -> Registration:
    """Return how a request is registered again elsewhere: what was allowed is not refused there."""
    return Registration(
        key=entry.key,
        request_id=entry.request_id,
        own=entry.case.own,
        length=entry.length if entry.length_given else None,
        minimum=entry.minimum,
        expected=entry.expected,
        allow_repeat=True,
    )


def default_deadline(request: Request, policy: Policy, *, expected: bool) -> float | None:
    """Return the seconds that the settings give a request, None for the action's own."""
    by_action = dict(policy.deadlines).get(key_of(request))
    if by_action is not None:
        return by_action
    # Silence has a window of its own length, which a general deadline must not stretch.
    silent = isinstance(request.expectation, Silence)
    return None if expected or silent else policy.deadline
