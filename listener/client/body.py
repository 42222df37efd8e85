"""The body of a request: snake_case arguments -> Finesse's names. Judges nothing.

Whether a request can be valid is the daemon's to say; digits pass through and are kept nowhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Required, TypedDict

from listener.client.resources import MinimumEvidence


class MediaProperties(TypedDict, total=False):
    """`mediaProperties` of UPDATE_CALL_DATA and MAKE_CALL, by Finesse's names."""

    callvariables: Mapping[str, str]
    wrapUpReason: str
    wrapUpItems: Sequence[str]


class Wanted(TypedDict, total=False):
    """What can be asked for: the keyword arguments of `Client.submit` and `Client.expect`.

    Names are Finesse's in snake_case; an argument that is None is left out. `deadline` is in
    seconds from Finesse's acceptance. `request_id` goes on the wire; it is minted when left out.
    """

    agent: Required[str]
    requested_action: Required[str]
    dialog_id: str | None
    target_media_address: str | None
    to_address: str | None
    from_address: str | None
    dtmf_string: str | None
    media_properties: MediaProperties | None
    reason_code_id: str | None
    extension: str | None
    mobile_agent: Mapping[str, str] | None
    associated_dialog_uri: str | None
    callback_time: str | None
    callback_number: str | None
    outbound_classification: str | None
    target: str | None
    request_id: str | None
    deadline: float | None
    minimum_evidence: MinimumEvidence | None


def body_of(wanted: Wanted) -> dict[str, Any]:
    """Return the JSON object of a request, by the names of docs/api.md."""
    return {camel(name): value for name, value in wanted.items() if value is not None}


def camel(name: str) -> str:
    """Return a snake_case name as Finesse writes it: dialog_id -> dialogId."""
    first, *others = name.split("_")
    return first + "".join(part.capitalize() for part in others)
