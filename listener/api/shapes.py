"""The shapes that are Finesse's own, as pydantic models, and what every shape of the API has.

They describe for OpenAPI and do nothing else: the values are made by `listener.finesse.parsed` and
`listener.report` and go out as they are; a test holds them against the models here.
"""
# No `from __future__ import annotations`: pydantic reads the annotations when the classes are made.

from collections.abc import Iterable
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

Time = Annotated[
    str,
    Field(
        description="UTC, RFC 3339",
        examples=["2026-11-21T08:00:00.123Z"],
        json_schema_extra={"format": "date-time"},
    ),
]


def words(known: Iterable[str], description: str) -> Any:
    """Return a field that holds one of these words."""
    return Field(description=description, json_schema_extra={"enum": [*known]})


class Shape(BaseModel):
    """One JSON object of an answer: every name is always there, with null where nothing is known.

    Later versions may add names.
    """

    model_config = ConfigDict(alias_generator=to_camel)


class ErrorShape(Shape):
    """An error as Finesse said it, and what is known about it."""

    error_type: str | None
    error_message: str | None
    error_data: str | None
    error_media: str | None
    peripheral_error_code: str | None
    peripheral_error_msg: str | None
    peripheral_error_text: str | None
    family: Annotated[str | None, Field(description="the family of the code", examples=["CF"])]
    constant: Annotated[str | None, Field(examples=["CF_INVALID_OBJECT_STATE"])]
    meaning: Annotated[str | None, Field(description="in words")]
    advice: Annotated[str | None, Field(description="what to do")]


class CallbackShape(Shape):
    """A callback that was promised."""

    callback_time: str | None
    callback_number: str | None


class MediaPropertiesShape(Shape):
    """What goes with a call."""

    media_id: str | None
    call_type: str | None
    dnis: Annotated[str | None, Field(alias="DNIS")]
    dialed_number: str | None
    outbound_classification: str | None
    wrap_up_reason: str | None
    wrap_up_items: list[str]
    queue_number: str | None
    queue_name: str | None
    call_key_call_id: str | None
    call_key_prefix: str | None
    call_key_sequence_num: str | None
    callvariables: dict[str, str | None]


class ParticipantShape(Shape):
    """A party of a call."""

    media_address: str | None
    media_address_type: str | None
    state: Annotated[str | None, Field(examples=["ACTIVE"])]
    state_cause: str | None
    start_time: str | None
    state_change_time: str | None
    actions: list[str]


class DialogShape(Shape):
    """A call or a task by Finesse's names: null where an element was absent, "" where empty."""

    id: str | None
    uri: str | None
    state: Annotated[str | None, Field(examples=["ACTIVE"])]
    media_type: str | None
    from_address: str | None
    to_address: str | None
    associated_dialog_uri: str | None
    secondary_id: str | None
    callback_number: str | None
    ccai_config_id: str | None
    scheduled_callback_info: CallbackShape | None
    media_properties: MediaPropertiesShape
    participants: list[ParticipantShape]


class UserShape(Shape):
    """An agent by Finesse's names; nested elements as objects."""

    model_config = ConfigDict(extra="allow")

    login_id: str | None
    state: Annotated[str | None, Field(examples=["NOT_READY"])]
    extension: str | None
