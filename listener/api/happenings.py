"""The `data` of each event of the stream, as pydantic models: they describe it for OpenAPI.

The values are made by `listener.telling` and `listener.chronicle` and go out as they are; a test
holds them against the models here.
"""
# No `from __future__ import annotations`: pydantic reads the annotations when the classes are made.

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from listener.api.resources import AgentShape, LastGapShape, RequestShape
from listener.api.shapes import DialogShape, ErrorShape, Shape, Time, UserShape, words

CHANGES = ["added", "changed", "removed"]


class HeardShape(Shape):
    """What an agent's session heard: where, and whose request it names."""

    at: Annotated[Time, Field(description="when it was heard")]
    agent: Annotated[str | None, Field(description="whose node it was", examples=["1001"])]
    node: str
    item_id: str | None
    request_id: Annotated[str | None, Field(description="that Finesse tied it to, if any")]


class DialogEventShape(HeardShape):
    """`dialog`: a call or a task was added, has changed, or was removed."""

    dialog_id: str
    change: Annotated[str, words(CHANGES, "what happened")]
    dialog: DialogShape


class UserEventShape(HeardShape):
    """`user`: an agent has changed."""

    user: UserShape


class ErrorEventShape(HeardShape):
    """`error`: Finesse or the CTI side refused a request."""

    dialog_id: str | None
    errors: list[ErrorShape]


class RequestEventShape(RequestShape):
    """`request`: a request's resource, whenever it changes."""

    at: Time


class SessionEventShape(AgentShape):
    """`session`: an agent's session came, went, or was given up."""

    at: Time


class GapEventShape(LastGapShape):
    """`gap`: from now on events of an agent may be lost; or (with `until`) no more."""

    at: Time
    agent: str


class LaggedEventShape(Shape):
    """`lagged`: this reader was too slow, and was cut off; `behind`: by how many events."""

    behind: int


class ResetEventShape(Shape):
    """`reset`: what was after that event is not kept any more; read the requests anew."""

    reason: str
    after: str


EVENT_SHAPES: Mapping[str, type[Shape]] = {
    "dialog": DialogEventShape,
    "user": UserEventShape,
    "error": ErrorEventShape,
    "request": RequestEventShape,
    "session": SessionEventShape,
    "gap": GapEventShape,
    "lagged": LaggedEventShape,
    "reset": ResetEventShape,
}
