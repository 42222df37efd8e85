"""A request body as Finesse reads it: UTF-8 XML without a document type, small, and what it asks.

Turns bytes into an `Asked`; every problem is a refusal with a status. Knows no calls.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from listener.simulator import refusals
from listener.simulator.calldata import CallData

if TYPE_CHECKING:
    from collections.abc import Mapping

_LIMIT = 64 * 1024


@dataclass(frozen=True, slots=True)
class Asked:
    """One request body. Absent members are None, empty ones ""."""

    root: str
    action: str | None = None
    target: str | None = None
    to: str | None = None
    source: str | None = None  # fromAddress
    associated: str | None = None
    state: str | None = None
    extension: str | None = None
    reason: str | None = None
    params: Mapping[str, str] = field(default_factory=dict, repr=False)
    data: CallData | None = None

    def need(self, name: str, value: str | None) -> str:
        """Return the value. Raises RefusedNow (400 Parameter Missing) when absent or empty."""
        if not value:
            raise refusals.missing(name)
        return value


def read(body: bytes) -> Asked:
    """Read a body. Raises RefusedNow (400 Bad Request)."""
    try:
        document = body[: _LIMIT + 1].decode("utf-8")
    except UnicodeDecodeError:
        raise refusals.now(400, "Bad Request", "The body is not UTF-8") from None
    if len(body) > _LIMIT or "<!DOCTYPE" in document.upper() or "<!ENTITY" in document.upper():
        raise refusals.now(400, "Bad Request", "The body is too large or has a document type")
    try:
        root = ET.fromstring(document.strip())  # noqa: S314  # without a DTD nothing can expand
    except ET.ParseError:
        raise refusals.now(400, "Bad Request", "The body is not well-formed XML") from None
    return _asked(root)


def _asked(root: ET.Element) -> Asked:
    return Asked(
        root=root.tag,
        action=_text(root, "requestedAction"),
        target=_text(root, "targetMediaAddress"),
        to=_text(root, "toAddress"),
        source=_text(root, "fromAddress"),
        associated=_text(root, "associatedDialogUri"),
        state=_text(root, "state"),
        extension=_text(root, "extension"),
        reason=_text(root, "reasonCodeId"),
        params={
            (param.findtext("name") or ""): (param.findtext("value") or "")
            for param in root.iterfind("actionParams/ActionParam")
        },
        data=_data(root.find("mediaProperties")),
    )


def _text(root: ET.Element, path: str) -> str | None:
    found = root.find(path)
    return None if found is None else (found.text or "").strip()


def _data(properties: ET.Element | None) -> CallData | None:
    if properties is None:
        return None
    reason, items = properties.find("wrapUpReason"), properties.find("wrapUpItems")
    return CallData(
        variables=tuple(
            (v.findtext("name") or "", v.findtext("value") or "")
            for v in properties.iterfind("callvariables/CallVariable")
        ),
        reason=None if reason is None else (reason.text or ""),
        items=None if items is None else tuple(i.text or "" for i in items.iterfind("wrapUpItem")),
    )
