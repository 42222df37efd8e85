"""What was read of one request, for the parts of the judge; nothing is judged here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from listener.finesse import actions as do

if TYPE_CHECKING:
    from tests.oracle.account import Account, Asked, Heard

SILENT = (do.SendDtmf, do.StartRecording)
"""Requests whose normal answer is silence."""


def read_of(account: Account, asked: Asked, *, until: float) -> Iterator[Heard]:
    """Yield what its agent's sessions read while it was open."""
    begun = asked.submitted if asked.begun is None else asked.begun
    for heard in account.heard:
        if heard.agent == asked.agent and begun <= heard.at <= until:
            yield heard


def has_its_id(asked: Asked, heard: Heard) -> bool:
    deed = asked.deed
    return deed is not None and heard.parcel.cause is deed and heard.parcel.tag is not None


def is_about(asked: Asked, heard: Heard) -> bool:
    return getattr(heard.event, "dialog_id", None) == asked.request.dialog_id


def was_live(account: Account, asked: Asked) -> bool:
    return asked.begun is not None and account.listening(asked.agent, asked.begun, asked.begun)


def alike(one: Heard, other: Heard) -> bool:
    """Say whether two events say the same, however each is written (4: by content)."""
    if one.parcel is other.parcel:
        return True
    if type(one.event) is not type(other.event):
        return False
    return replace(one.event, item_id=None) == replace(other.event, item_id=None)


def id_shared(account: Account, asked: Asked) -> bool:
    """Say whether a request of whomever has the same id."""
    return any(o.request_id == asked.request_id for o in account.asked if o is not asked)
