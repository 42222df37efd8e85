"""All requests by name, and how to know which class a body or a JSON object means.

Knows that ACCEPT, CLOSE, REJECT and TRANSFER each name several requests: a task's dialog id has an
underscore in it (DevNet, "Dialog APIs for Nonvoice Tasks"); direct preview looks like Outbound
Option preview and must be asked for by its own name.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from listener.errors import InvalidRequest
from listener.finesse import uris
from listener.finesse.actions import (
    callbacks,
    calls,
    dialogs,
    other,
    params,
    previews,
    supervisor,
    tasks,
    users,
)
from listener.finesse.actions.expectation import CallbackScheduled, CallData
from listener.finesse.actions.request import DialogRequest, Request
from listener.finesse.body import Element

ACTIONS: Mapping[str, type[Request]] = MappingProxyType(
    {
        "MAKE_CALL": calls.MakeCall,
        "ANSWER": calls.Answer,
        "HOLD": calls.Hold,
        "RETRIEVE": calls.Retrieve,
        "DROP": calls.Drop,
        "CONSULT_CALL": calls.ConsultCall,
        "TRANSFER": calls.Transfer,
        "CONFERENCE": calls.Conference,
        "TRANSFER_SST": calls.TransferSst,
        "SEND_DTMF": dialogs.SendDtmf,
        "UPDATE_CALL_DATA": dialogs.UpdateCallData,
        "START_RECORDING": dialogs.StartRecording,
        "SILENT_MONITOR": supervisor.SilentMonitor,
        "BARGE_CALL": supervisor.BargeCall,
        "PARTICIPANT_DROP": supervisor.ParticipantDrop,
        "ACCEPT": previews.PreviewAccept,
        "CLOSE": previews.PreviewClose,
        "REJECT": previews.PreviewReject,
        "DIRECT_ACCEPT": previews.DirectPreviewAccept,
        "DIRECT_CLOSE": previews.DirectPreviewClose,
        "DIRECT_REJECT": previews.DirectPreviewReject,
        "RECLASSIFY": callbacks.Reclassify,
        "UPDATE_SCHEDULED_CALLBACK": callbacks.UpdateScheduledCallback,
        "CANCEL_SCHEDULED_CALLBACK": callbacks.CancelScheduledCallback,
        "TASK_ACCEPT": tasks.TaskAccept,
        "TASK_START": tasks.TaskStart,
        "TASK_PAUSE": tasks.TaskPause,
        "TASK_RESUME": tasks.TaskResume,
        "TASK_WRAP_UP": tasks.TaskWrapUp,
        "TASK_TRANSFER": tasks.TaskTransfer,
        "TASK_CLOSE": tasks.TaskClose,
        "READY": users.Ready,
        "NOT_READY": users.NotReady,
        "WORK": users.Work,
        "LOGIN": users.SignIn,
        "LOGOUT": users.SignOut,
    }
)
"""Every request by a name of its own: Finesse's action, with TASK_ or DIRECT_ if it is shared."""

_KEYS: Mapping[type[Request], str] = {request: key for key, request in ACTIONS.items()}
# Any, for mypy lets no abstract class stand as type[Request]
_PLACES: Mapping[str, Any] = {
    "dialog": DialogRequest,
    "dialogs": calls.NewDialogRequest,
    "user": users.UserRequest,
}
_SHOWN = 40


def key_of(request: Request) -> str:
    """Return the name of the request's class in ACTIONS; OTHER for one that is not known."""
    return _KEYS.get(type(request), other.OTHER)


def _named(action: str, dialog_id: object) -> type[Request] | None:
    """Return the class of that action, the task's where the dialog is one."""
    is_task = isinstance(dialog_id, str) and "_" in dialog_id
    return (ACTIONS.get(f"TASK_{action}") if is_task else None) or ACTIONS.get(action)


def from_mapping(data: Mapping[str, object]) -> Request:
    """Build a request from a JSON object with Finesse's names, and validate it.

    "requestedAction" is a key of ACTIONS; what belongs to the API alone ("requestId", "deadline",
    ...) must have been taken out. Raises InvalidRequest for what is missing, unknown, of the wrong
    type, or cannot be valid on any deployment.
    """
    rest = dict(data)
    action = rest.pop("requestedAction", None)
    if not isinstance(action, str):
        raise InvalidRequest(
            "requestedAction is needed, as text: " + ", ".join(ACTIONS), field="requestedAction"
        )
    kind = _named(action, rest.get("dialogId"))
    if kind is None:
        raise InvalidRequest(
            f"requestedAction {action[:_SHOWN]!r} is unknown; use one of {', '.join(ACTIONS)}",
            field="requestedAction",
        )
    request = kind(**params.from_json(kind, action, rest))
    request.validate()
    return request


def from_element(
    agent: str, method: str, path: str, element: Element, *, direct: bool = False
) -> Request | None:
    """Recognise the request that a client sends to Finesse; None when it is not one of ours.

    None also for a body that lacks a required parameter or that speaks of another user: Finesse
    will answer those. Nothing is validated. `direct` reads a preview answer as direct preview.
    """
    there = uris.place(path)
    base = _PLACES.get(there.kind)
    if base is None or element.tag != base.root or not _fits(base, method, agent, there):
        return None
    action = (element.text(base.action_tag) or "").strip()
    kind = (ACTIONS.get(f"DIRECT_{action}") if direct else None) or _named(action, there.id)
    if kind is None or not issubclass(kind, base) or kind.requested_action != action:
        return None
    found = params.from_body(kind, element)
    return None if found is None else kind(agent=agent, **_dialog(there), **found)


def recognise(element: Element | None, *, agent: str, method: str, path: str) -> Request:
    """Return the request that a client sends to Finesse: one that is known here, or OtherRequest.

    It is known when `from_element` recognises it, nothing that this relies on stands twice in the
    body (which of the two Finesse obeys is not known) and, where it sets data, all that its body
    sets is in the request, so that its judge does not look at a part. `element` is None for a
    request without a body that can be read. Never raises; nothing is validated.
    """
    if element is not None:
        found = from_element(agent, method, path, element)
        if found is not None and not _ambiguous(found, element) and _whole(found, element):
            return found
    there = uris.place(path)
    return other.OtherRequest(
        agent=agent,
        requested_action=_action_in(element),
        method=method.upper(),
        path=path,
        dialog_id=there.id if there.kind == "dialog" else None,
    )


_LISTED = frozenset({"ActionParam", "CallVariable", "wrapUpItem"})
"""Elements of which there may be several; the first two are told apart by their names."""


def _ambiguous(request: Request, element: Element) -> bool:
    """Say whether something that the request was read from stands twice in the body."""
    looked_at = {request.action_tag}
    for _, param in params.of(request):
        looked_at.add(param.name if param.where is params.Where.PLAIN else param.where.value)
    return _doubled(tuple(child for child in _inside(element) if child.tag in looked_at))


def _doubled(siblings: tuple[Element, ...]) -> bool:
    names = [name for each in siblings if (name := _distinct(each)) is not None]
    return len(names) > len(set(names)) or any(_doubled(_inside(each)) for each in siblings)


def _distinct(element: Element) -> tuple[str, str] | None:
    """Return what no two elements beside each other may share, None for what may be repeated."""
    if element.tag not in _LISTED:
        return element.tag, ""
    name = element.text("name")
    return None if name is None else (element.tag, name.strip())


def _inside(element: Element) -> tuple[Element, ...]:
    return () if isinstance(element.content, str) else element.content


_SETS: Mapping[type, tuple[object, str]] = {
    CallData: (CallData(), params.Where.MEDIA.value),
    CallbackScheduled: (CallbackScheduled(), params.Where.ACTION.value),
}
"""The expectations that look for data: what is left of one that asks for nothing, and its group."""


def _whole(request: Request, element: Element) -> bool:
    """Say whether a request that sets data holds all that the body sets, and something."""
    want = request.expectation
    if type(want) not in _SETS:
        return True
    nothing, group = _SETS[type(want)]
    sent, kept = _leaves(element.find(group)), _leaves(request.body().find(group))
    return want != nothing and sent <= kept


def _leaves(element: Element | None, *path: str) -> set[tuple[str, ...]]:
    if element is None:
        return set()
    here = (*path, element.tag)
    if isinstance(element.content, str):
        return {(*here, element.content)} if element.content else set()
    return {leaf for child in element.content for leaf in _leaves(child, *here)}


_ACTION = re.compile(r"[A-Za-z0-9_.-]{1,64}")


def _action_in(element: Element | None) -> str:
    """Return the action that a body names; "" for none, and for what is no name of one."""
    if element is None:
        return ""
    tag = users.UserRequest.action_tag if element.tag == "User" else Request.action_tag
    action = (element.only_text(tag) or "").strip()
    return action if _ACTION.fullmatch(action) else ""


def _fits(base: type[Request], method: str, agent: str, there: uris.Place) -> bool:
    return method.upper() == base.method and there.user in {None, agent}


def _dialog(there: uris.Place) -> dict[str, Any]:
    return {"dialog_id": there.id} if there.kind == "dialog" else {}


def no_action(given: str) -> str:
    """Return the words for a name that is none of ACTIONS, in any case: what may be meant."""
    near = difflib.get_close_matches(given.upper().replace("-", "_"), ACTIONS, n=3)
    ways = f"did you mean {' or '.join(near)}?" if near else f"actions are {', '.join(ACTIONS)}"
    return f"{given[:_SHOWN]} is no action; {ways}"
