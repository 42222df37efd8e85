"""From the words of a command line to a request: names, digits, variables, a dry run.

Knows Finesse's names of parameters; digits are taken from where nobody sees them, if possible, and
are never shown.
"""

from __future__ import annotations

import math
import re
import sys
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from listener.cli import console
from listener.cli.exits import StreamFailed
from listener.errors import InvalidRequest
from listener.finesse.actions.table import ACTIONS, from_mapping, no_action
from listener.redaction import HIDDEN

if TYPE_CHECKING:
    from listener.finesse.actions.request import Request

MANY_DIGITS = 1024
"""Characters that are read from a file of digits; Finesse takes 32."""

EXTENSION_PLACE = "EXTENSION"
"""Stands for the agent's own extension in a dry run that does not know it."""

_PREFIXES = {"direct": "DIRECT_", "task": "TASK_"}
_TOP = {
    "target_media_address": "targetMediaAddress",
    "to_address": "toAddress",
    "from_address": "fromAddress",
    "dialog": "dialogId",
    "reason_code_id": "reasonCodeId",
    "extension": "extension",
    "associated_dialog": "associatedDialogUri",
    "callback_time": "callbackTime",
    "callback_number": "callbackNumber",
    "classification": "outboundClassification",
    "target": "target",
}
_OPTIONS = {finesse: f"--{name.replace('_', '-')}" for name, finesse in _TOP.items()} | {
    "dtmfString": "--dtmf-string"
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the command line asks for, by the names of its options; `dtmf` is not shown."""

    agent: str
    action: str
    variant: str = "outbound"
    dialog: str | None = None
    dtmf: str | None = field(default=None, repr=False)
    to_address: str | None = None
    from_address: str | None = None
    target_media_address: str | None = None
    variables: tuple[str, ...] = ()
    wrap_up_reason: str | None = None
    wrap_up_items: tuple[str, ...] = ()
    reason_code_id: str | None = None
    extension: str | None = None
    associated_dialog: str | None = None
    callback_time: str | None = None
    callback_number: str | None = None
    classification: str | None = None
    target: str | None = None

    def request(self) -> Request:
        """Return the request; InvalidRequest says what is missing, unknown or impossible.

        It names the option as well, where the parameter has one of its own.
        """
        named = self._named()
        try:
            return from_mapping(named)
        except InvalidRequest as error:
            option = _OPTIONS.get(error.field or "")
            if option is None:
                raise
            raise InvalidRequest(f"{error} ({option})", field=error.field) from None

    def asked(self) -> dict[str, Any]:
        """Return the same as the keyword arguments of `Client.submit`; to be shown nowhere."""
        return {_snake(name): value for name, value in self._named().items()}

    def _named(self) -> dict[str, Any]:
        given = {finesse: getattr(self, name) for name, finesse in _TOP.items()}
        media = self._media()
        return {
            "agent": self.agent,
            "requestedAction": action_named(self.action, self.variant),
            **{name: value for name, value in given.items() if value is not None},
            **({"dtmfString": self.dtmf} if self.dtmf is not None else {}),
            **({"mediaProperties": media} if media else {}),
        }

    def _media(self) -> dict[str, Any]:
        media: dict[str, Any] = {}
        if self.wrap_up_reason is not None:
            media["wrapUpReason"] = self.wrap_up_reason
        if self.wrap_up_items:
            media["wrapUpItems"] = list(self.wrap_up_items)
        if self.variables:
            media["callvariables"] = variables(self.variables)
        return media


def _snake(name: str) -> str:
    return re.sub("[A-Z]", lambda found: f"_{found[0].lower()}", name)


def action_named(given: str, variant: str = "outbound") -> str:
    """Return the key of ACTIONS that is meant, in any case; InvalidRequest suggests."""
    name = given.upper().replace("-", "_")
    prefix = _PREFIXES.get(variant, "")
    if prefix + name in ACTIONS:
        return prefix + name
    kinds = [key for other in _PREFIXES.values() if (key := other + name) in ACTIONS]
    if not prefix and len(kinds) == 1:
        return kinds[0]  # Finesse's word, such as PAUSE, names one request alone
    if prefix and name in ACTIONS:
        raise InvalidRequest(f"{name} has no variant {variant}", field="requestedAction")
    raise InvalidRequest(no_action(given), field="requestedAction")


def variables(given: tuple[str, ...]) -> dict[str, str]:
    """Return NAME=VALUE texts as a mapping; the value may hold further equals signs."""
    found: dict[str, str] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not (name and equals):
            raise InvalidRequest("a --variable is written NAME=VALUE", field="callvariables")
        if name in found:
            raise InvalidRequest(f"--variable {name} is given twice", field="callvariables")
        found[name] = value
    return found


def digits(option: str | None, file: Path | None) -> str | None:
    """Return the DTMF digits: from the option, from standard input (-) or from a file."""
    if option is not None and file is not None:
        raise InvalidRequest("give --dtmf-string or --dtmf-string-file, not both")
    if file is not None:
        try:
            with file.open(encoding="utf-8") as source:
                return source.read(MANY_DIGITS).strip()
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else "not text"
            raise InvalidRequest(f"{file}: {why}", field="dtmfString") from None
    return _typed() if option == "-" else option


def _typed() -> str:
    console.need_input()
    try:
        return sys.stdin.readline(MANY_DIGITS).strip()
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "not text"
        raise StreamFailed(f"cannot read standard input: {why}") from None


def finite(seconds: float | None) -> float | None:
    """Return the number; `nan` passes any comparison, so it is refused here (BadParameter)."""
    if seconds is not None and not math.isfinite(seconds):
        raise typer.BadParameter("write seconds, such as 20")
    return seconds


def shown(request: Request) -> Request:
    """Return a copy that may be printed: digits replaced; never to be sent."""
    names = {item.name for item in fields(request)}
    hidden = {name: HIDDEN for name in ("dtmf_string",) if name in names}
    return replace(request, **hidden)
