"""From an update to what happened: one event per dialog, user or error list.

Knows which notification means what (guide p.345-355); knows neither requests nor time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple, TypeAlias

from listener.finesse import uris
from listener.finesse.model import ApiError, Branch, Dialog, Kind, SystemInfo, Update, User


@dataclass(frozen=True, slots=True, kw_only=True)
class _Heard:
    """Where it was heard: `owner` is the user whose node it was (None: nobody's)."""

    node: str
    owner: str | None = None
    item_id: str | None = None
    request_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _DialogEvent(_Heard):
    dialog: Dialog
    dialog_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DialogAdded(_DialogEvent):
    """A dialog came to the owner's list; two such events may tell of one call (guide p.128)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DialogChanged(_DialogEvent):
    """A participant's state, the parties, the call data or the actions changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DialogRemoved(_DialogEvent):
    """A dialog left the owner's list; that alone does not say that the call ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UserChanged(_Heard):
    """The owner's state or profile changed."""

    user: User


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestFailed(_Heard):
    """A request was refused after its 202; `dialog_id` and `user_id` are what `source` names."""

    errors: tuple[ApiError, ...]
    dialog_id: str | None = None
    user_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemInfoChanged(_Heard):
    """The service state of the Finesse node changed."""

    system_info: SystemInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherUpdate(_Heard):
    """Anything else: team, queue, media, an empty update."""

    update: Update


DialogEvent: TypeAlias = DialogAdded | DialogChanged | DialogRemoved
Event: TypeAlias = DialogEvent | UserChanged | RequestFailed | SystemInfoChanged | OtherUpdate

_BY_VERB: dict[str | None, type[DialogEvent]] = {
    "POST": DialogAdded,
    "DELETE": DialogRemoved,
}


def events_of(update: Update, node: str, item_id: str | None = None) -> tuple[Event, ...]:
    """Say what an update that was heard on `node` means; never raises, never empty.

    A dialog without an id of its own takes it from its uri, then from the source.
    """
    where = _Place(node, uris.place(node).user, item_id)
    match update.kind:
        case Kind.DIALOGS | Kind.DIALOG:
            found: tuple[Event, ...] = tuple(_dialogs(update, where))
        case Kind.EMPTY if update.event == "DELETE" and uris.dialog_id(update.source):
            found = tuple(_dialogs(update, where))
        case Kind.ERRORS:
            found = (_failed(update, where),)
        case _:
            found = _state(update, where)
    return found or (
        OtherUpdate(
            node=node,
            owner=where.owner,
            item_id=item_id,
            request_id=update.request_id,
            update=update,
        ),
    )


class _Place(NamedTuple):
    node: str
    owner: str | None
    item_id: str | None


def _state(update: Update, where: _Place) -> tuple[Event, ...]:
    if update.user is not None:
        return (
            UserChanged(
                node=where.node,
                owner=where.owner,
                item_id=where.item_id,
                request_id=update.request_id,
                user=update.user,
            ),
        )
    if update.system_info is not None:
        return (
            SystemInfoChanged(
                node=where.node,
                owner=where.owner,
                item_id=where.item_id,
                request_id=update.request_id,
                system_info=update.system_info,
            ),
        )
    return ()


def _dialogs(update: Update, where: _Place) -> Iterator[DialogEvent]:
    shape = _BY_VERB.get(update.event, DialogChanged)
    for dialog in update.dialogs or (Dialog(),):
        if (id_ := dialog_id(dialog, update.source)) is not None:
            yield shape(
                node=where.node,
                owner=where.owner,
                item_id=where.item_id,
                request_id=update.request_id,
                dialog=dialog,
                dialog_id=id_,
            )


def dialog_id(dialog: Dialog, source: str | None = None) -> str | None:
    """Return the dialog's id: its own, else the one in its uri, else the one in `source`."""
    return dialog.id or uris.dialog_id(dialog.uri) or uris.dialog_id(source)


def content_of(event: Event) -> int:
    """Return a hash of what an event says, whichever item it came in and however it was written.

    Finesse publishes again after a fail-over, with new item ids (rules of evidence 4). It is good
    for as long as this process lives; 0 for what nothing is compared with.
    """
    if isinstance(event, SystemInfoChanged | OtherUpdate):
        return 0
    more = _leaves(event.user.tree) if isinstance(event, UserChanged) else ()
    return hash((type(event), replace(event, item_id=None), more))


def _leaves(branch: Branch) -> object:
    """Return what a tree says as a value that can be hashed."""
    if isinstance(branch, Mapping):
        return tuple((name, _leaves(each)) for name, each in branch.items())
    return branch if isinstance(branch, str) else tuple(_leaves(each) for each in branch)


def _failed(update: Update, where: _Place) -> RequestFailed:
    source = uris.place(update.source)
    return RequestFailed(
        node=where.node,
        owner=where.owner,
        item_id=where.item_id,
        request_id=update.request_id,
        errors=update.errors,
        dialog_id=source.id if source.kind == "dialog" else None,
        user_id=source.user,
    )
