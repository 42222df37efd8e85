"""The simulator's own XML writer: dialogs, users, errors, the Update envelope, REST bodies.

A second opinion on purpose: it shares nothing with the parser under `listener.finesse.wire`. Shapes
are those of the guide p.73-75, p.345-355 and of payloads seen in the wild.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from listener.simulator.calls import Call, Party
    from listener.simulator.refusals import Wrong
    from listener.simulator.users import Agent

Actions: TypeAlias = "Callable[[Call, Party], tuple[str, ...]]"


def text(value: str) -> str:
    """Return the value as XML text; a carriage return survives only as a reference."""
    return escape(value, quote=False).replace("\r", "&#13;")


def leaf(tag: str, value: str) -> str:
    """Return an element with text."""
    return f"<{tag}>{text(value)}</{tag}>"


def maybe(tag: str, value: str | None) -> str:
    """Return an element with text, or nothing for None."""
    return "" if value is None else leaf(tag, value)


def node(tag: str, *children: str) -> str:
    """Return an element with children."""
    return f"<{tag}>{''.join(children)}</{tag}>"


def many(tag: str, values: Iterable[str]) -> str:
    """Return one element per value."""
    return "".join(leaf(tag, value) for value in values)


def _media_properties(call: Call, call_type: str) -> str:
    variables = (
        node("CallVariable", leaf("name", name), leaf("value", value))
        for name, value in call.variables.items()
    )
    items = many("wrapUpItem", call.wrap_up_items)
    return node(
        "mediaProperties",
        leaf("mediaId", call.media_id),
        leaf("DNIS", call.dnis),
        leaf("callType", call_type),
        leaf("dialedNumber", call.dialed),
        leaf("outboundClassification", ""),
        maybe("wrapUpReason", call.wrap_up_reason),
        node("wrapUpItems", items) if items else "",
        node("callvariables", *variables),
    )


def _participant(call: Call, party: Party, actions: Actions) -> str:
    return node(
        "Participant",
        node("actions", many("action", actions(call, party))),
        leaf("mediaAddress", party.address),
        leaf("mediaAddressType", "AGENT_DEVICE" if party.agent else ""),
        leaf("startTime", party.started),
        leaf("state", party.state),
        leaf("stateCause", party.cause),
        leaf("stateChangeTime", party.changed),
    )


def _scheduled(call: Call) -> str:
    if not call.scheduled:
        return ""
    return node("scheduledCallbackInfo", *(leaf(k, v) for k, v in call.scheduled.items()))


def dialog(call: Call, tag: str, actions: Actions, *, call_type: str) -> str:
    """Return one dialog under that tag (`Dialog` in collections and REST, `dialog` in a PUT)."""
    associated = f"/finesse/api/Dialog/{call.associated}" if call.associated else ""
    return node(
        tag,
        leaf("associatedDialogUri", associated),
        maybe("callbackNumber", call.callback_number),
        leaf("fromAddress", call.from_address),
        leaf("id", call.id),
        _media_properties(call, call_type),
        leaf("mediaType", call.media),
        node("participants", *(_participant(call, party, actions) for party in call.parties)),
        _scheduled(call),
        maybe("secondaryId", call.secondary),
        leaf("state", call.state),
        leaf("toAddress", call.to_address),
        leaf("uri", f"/finesse/api/Dialog/{call.id}"),
    )


def user(agent: Agent, tag: str) -> str:
    """Return one user under that tag."""
    spec, uri = agent.spec, f"/finesse/api/User/{agent.spec.id}"
    roles = ["Agent", "Supervisor"] if spec.supervisor else ["Agent"]
    first, _, last = spec.name.partition(" ")
    reason = agent.reason_code_id
    return node(
        tag,
        leaf("dialogs", f"{uri}/Dialogs"),
        leaf("extension", agent.extension or ""),
        leaf("firstName", first),
        leaf("lastName", last),
        leaf("loginId", spec.id),
        leaf("loginName", spec.name.replace(" ", ".").lower()),
        leaf("mediaType", "1"),
        leaf("pendingState", agent.pending or ""),
        node("reasonCode", leaf("id", reason), leaf("code", reason)) if reason else "",
        leaf("reasonCodeId", reason or "-1"),
        node("roles", many("role", roles)),
        node("settings", leaf("wrapUpOnIncoming", spec.wrap_up)),
        leaf("state", agent.state),
        leaf("stateChangeTime", agent.changed),
        leaf("teamId", spec.team),
        leaf("teamName", f"Team {spec.team}"),
        leaf("uri", uri),
    )


def api_errors(wrong: Wrong) -> str:
    """Return the body of a refusal over REST."""
    return node(
        "ApiErrors",
        node(
            "ApiError",
            leaf("ErrorType", wrong.type),
            leaf("ErrorMessage", wrong.message),
            leaf("ErrorData", wrong.data),
        ),
    )


def errors(wrong: Wrong) -> str:
    """Return the `apiErrors` of a notification."""
    code, message, words = wrong.peripheral or (None, None, None)
    return node(
        "apiErrors",
        node(
            "apiError",
            maybe("errorMedia", wrong.media),
            maybe("peripheralErrorCode", code),
            leaf("errorType", wrong.type),
            leaf("errorMessage", wrong.message),
            maybe("peripheralErrorText", words),
            maybe("peripheralErrorMsg", message),
            leaf("errorData", wrong.data),
        ),
    )


def update(
    data: str, event: str, source: str | None, request_id: str | None, *, data_first: bool
) -> str:
    """Return the envelope. `request_id` "" gives an empty element, None gives none."""
    rest = maybe("requestId", request_id) + maybe("source", source)
    head, verb = node("data", data), leaf("event", event)
    return node("Update", head, verb, rest) if data_first else node("Update", verb, rest, head)


def system_info(
    status: str,
    deployment: str,
    own: tuple[str, str],
    nodes: Sequence[str],
    timestamp: str,
) -> str:
    """Return the SystemInfo body. `own`: xmppDomain and xmppPubSubDomain; `nodes`: all hosts."""
    names = ("primaryNode", "secondaryNode")
    return node(
        "SystemInfo",
        leaf("currentTimestamp", timestamp),
        leaf("deploymentType", deployment),
        *(node(name, leaf("host", host)) for name, host in zip(names, nodes, strict=False)),
        leaf("status", status),
        leaf("uri", "/finesse/api/SystemInfo"),
        leaf("xmppDomain", own[0]),
        leaf("xmppPubSubDomain", own[1]),
    )
