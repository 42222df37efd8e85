"""The events of the stream as types: what each is called, and what its `data` holds.

`if event.name == "request": ...` tells a type checker what `event.data` is. Typed dicts alone: what
comes from the daemon is handed on as it came, also an event that only a newer daemon has.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, Literal, TypeAlias, TypedDict, TypeVar

from listener.client.resources import (
    AgentResource,
    DialogResource,
    ErrorResource,
    RequestResource,
    UserResource,
)

_Name = TypeVar("_Name", bound=str)
_Data = TypeVar("_Data")


@dataclass(frozen=True, slots=True)
class StreamEvent(Generic[_Name, _Data]):
    """One event. `id` is where it stands, "epoch-sequence"; None for `lagged` and `reset`."""

    id: str | None
    name: _Name
    data: _Data


class HeardData(TypedDict):
    """What an agent's session heard: where, and whose request Finesse tied it to."""

    at: str
    agent: str | None
    node: str
    itemId: str | None
    requestId: str | None


class DialogData(HeardData):
    """A call or a task was added, has changed, or was removed."""

    dialogId: str
    change: Literal["added", "changed", "removed"]
    dialog: DialogResource


class UserData(HeardData):
    """An agent has changed."""

    user: UserResource


class ErrorData(HeardData):
    """Finesse or the CTI side refused a request."""

    dialogId: str | None
    errors: list[ErrorResource]


class RequestData(RequestResource):
    """A request's resource, whenever it changes."""

    at: str


class SessionData(AgentResource):
    """An agent's session came, went, or was given up."""

    at: str


GapData = TypedDict(
    "GapData",
    {
        "at": str,
        "agent": str,
        "from": str | None,
        "until": str | None,
        "cause": str | None,
        "lossless": bool,
    },
)
"""Events of an agent may be lost from now on; with `until`, no more."""


class LaggedData(TypedDict):
    """This reader was so many events behind, and was cut off."""

    behind: int


class ResetData(TypedDict):
    """What was after that event is not kept any more: read the requests anew."""

    reason: str
    after: str


Event: TypeAlias = (
    StreamEvent[Literal["dialog"], DialogData]
    | StreamEvent[Literal["user"], UserData]
    | StreamEvent[Literal["error"], ErrorData]
    | StreamEvent[Literal["request"], RequestData]
    | StreamEvent[Literal["session"], SessionData]
    | StreamEvent[Literal["gap"], GapData]
    | StreamEvent[Literal["lagged"], LaggedData]
    | StreamEvent[Literal["reset"], ResetData]
)
"""One event of the stream, told apart by its name."""
