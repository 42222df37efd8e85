"""How an error is read: constant first, then the node, then the number, the type last.

Knows the order of evidence and when a number must stay undecoded; knows no table of its own. One
number has up to three meanings (34 is three things), so a number alone is listed, never guessed.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from listener.finesse.catalogue.entries import (
    Entry,
    advice_for,
    by_constant,
    by_number,
    by_status,
    by_type,
    number,
)
from listener.finesse.uris import place

if TYPE_CHECKING:
    from collections.abc import Iterable

    from listener.finesse.model import ApiError

Readings = tuple[Entry, ...]

_WORD = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:_[A-Za-z0-9]+)+")
_ACTION = re.compile(r"\bINVALID_ACTION\s+([A-Z_]+)", re.IGNORECASE)
# Such as: refused on extension 7073; the user id 1001; /finesse/api/User/1001.
_ADDRESS = re.compile(
    r"\b(?:extension|user|agent|dialog|device)(?:\s*id\b)?(?:\s+(?:is|with|id)\b)*"
    r"[\s:=/'\"(]+([^\s/'\"()]*[0-9][^\s/'\"()]*)",
    re.IGNORECASE,
)
_CTI_ERROR = re.compile(r"\bCTIError\s*=\s*(.+)", re.IGNORECASE)

# Words with an underscore that stand in messages and are no constants.
_ACTIONS = frozenset(
    {
        "MAKE_CALL",
        "CONSULT_CALL",
        "UPDATE_CALL_DATA",
        "SEND_DTMF",
        "TRANSFER_SST",
        "SILENT_MONITOR",
        "BARGE_CALL",
        "PARTICIPANT_DROP",
        "START_RECORDING",
        "UPDATE_SCHEDULED_CALLBACK",
        "CANCEL_SCHEDULED_CALLBACK",
        "WRAP_UP",
        "NOT_READY",
    }
)
_TASKS = frozenset({"E_ARM_STAT"})
_PERIPHERAL = frozenset({"PERERR", "PERERR_TELDRIVE", "PERERR_GW", "PERERR_CM", "PERERR_SEEN"})
_BENEATH = _PERIPHERAL | {"FINESSE_DOC_NUMERIC", "UCCX_ERR"}
_SAYS_NOTHING = frozenset({"0", "-1"})  # a peripheral code that was not filled in
_MANY = (
    "The number has several meanings and nothing says which one holds: "
    "look in the Finesse and CTI server logs at that time."
)


@dataclass(frozen=True, slots=True)
class Explanation:
    """What an error means, as far as it says so.

    `entries` are the possible readings, the likelier first; rows that say the same thing about the
    same constant count as one. `causes` are what lies beneath, mostly from the peripheral fields.
    `action` is the request's action, if known; it makes the advice more exact.
    """

    entries: tuple[Entry, ...] = ()
    causes: tuple[Entry, ...] = ()
    action: str | None = None

    @property
    def ambiguous(self) -> bool:
        """Whether the readings disagree."""
        return len({entry.label for entry in self.entries}) > 1

    @property
    def entry(self) -> Entry | None:
        """The single reading, or None when there is none or several."""
        return self.entries[0] if self.entries and not self.ambiguous else None

    @property
    def family(self) -> str | None:
        """The family of the single reading, or None."""
        return self.entry.family if self.entry else None

    @property
    def constant(self) -> str | None:
        """The constant (or Finesse's error type) of the single reading, or None."""
        return self.entry.constant if self.entry else None

    @property
    def meaning(self) -> str | None:
        """What it means in words, with its cause; all readings when ambiguous; None if unknown."""
        if self.ambiguous:
            return "One of: " + "; ".join(
                f"{e.label} ({e.family}): {e.meaning}" for e in self.entries
            )
        if self.entry is None:
            return None
        seen = [f"seen on UCCX: {e.meaning}" for e in self.entries[1:] if e.family == "UCCX_SEEN"]
        beneath = [f"beneath it {cause.label}: {cause.meaning}" for cause in self.causes]
        return "; ".join([self.entry.meaning, *seen, *beneath])

    @property
    def advice(self) -> str | None:
        """What to do, one or two sentences; that of the cause when it has one; None if unknown."""
        if self.ambiguous:
            return _MANY
        known = (advice_for(e, self.action) for e in (*self.causes, *self.entries))
        return next((advice for advice in known if advice), None)


def explain(
    error: ApiError,
    *,
    node: str | None = None,
    deployment: str | None = None,
    http_status: int | None = None,
    action: str | None = None,
    ids: Iterable[str | None] = (),
) -> Explanation:
    """Say what `error` means; never raises, an unknown error gives an empty explanation.

    `node` is the pubsub node or the source it came from; `deployment` is UCCE or UCCX;
    `http_status` that of the REST answer, None for a notification; `action` the request's action.
    `ids` are the agent, dialog and numbers of the request: such a number is never decoded.
    """
    named = _named(error, deployment)
    addresses = _addresses(error, node, ids)
    found = (
        named[:1]
        or _sole(_by_number(error, node, deployment, http_status, addresses))
        or _sole(_by_type(error, deployment, http_status))
    )
    readings = found[0] if found else ()
    beneath = [*named[1:], *_sole(_peripheral(error, deployment))]
    if not readings and beneath:
        readings, *beneath = beneath
    said = {entry.label for entry in readings}
    causes = dict.fromkeys(rows[0] for rows in beneath if rows[0].label not in said)
    return Explanation(readings, tuple(causes), _action(error) or action)


def lookup(text: str, *, deployment: str | None = None) -> tuple[Entry, ...]:
    """Return the entries of a number, a constant or an error type, in any case; () if unknown.

    A number is looked for among the HTTP statuses as well. Rows of another deployment are left out
    unless nothing else fits.
    """
    wanted = text.strip()
    if (code := number(wanted)) is not None:
        found = by_number().get(code, ()) + by_status().get(code, ())
        return _fit(found + _typed(code), deployment)
    constants = _constants(wanted, deployment)
    return constants[0] if constants else _fit(_typed(wanted), deployment)


def suggest(text: str) -> tuple[str, ...]:
    """Return up to five constants or error types that resemble `text`, the nearest first."""
    known = {name.upper(): name for name in by_constant()}
    known |= {name.upper(): rows[0].label for name, rows in by_type().items()}
    wanted = text.strip().upper()
    if not wanted:
        return ()
    within = sorted((name for name in known if wanted in name), key=lambda name: (len(name), name))
    near = difflib.get_close_matches(wanted, known, n=5)
    return tuple(known[name] for name in list(dict.fromkeys([*near, *within]))[:5])


def _sole(readings: Readings) -> tuple[Readings, ...]:
    return (readings,) if readings else ()


def _fit(found: Readings, deployment: str | None) -> Readings:
    """Keep what the deployment's documents list, its own lists first; all when that is nothing."""
    here = (deployment or "").strip().upper()
    fitting = [entry for entry in found if here in entry.deployments]
    return tuple(sorted(fitting, key=_turn)) or found


def _turn(entry: Entry) -> int:
    """UCCX's own lists go first; its single cases go last, for they are examples of a constant."""
    if entry.family == "UCCX_SEEN":
        return 2
    return 0 if entry.family.startswith("UCCX") else 1


def _constants(text: str | None, deployment: str | None) -> tuple[Readings, ...]:
    """Return the readings of each known constant that stands in `text`, in order."""
    words = dict.fromkeys(word.upper() for word in _WORD.findall(text or ""))
    return tuple(_fit(by_constant()[word], deployment) for word in words if word in by_constant())


def _named(error: ApiError, deployment: str | None) -> tuple[Readings, ...]:
    """Return what the error names: the constants of its message, else of its type or its data.

    A peripheral constant beside another one is the cause, so it goes last.
    """
    for text in (error.error_message, error.error_type, error.error_data):
        if found := _constants(text, deployment):
            return tuple(sorted(found, key=lambda rows: rows[0].family in _PERIPHERAL))
    return ()


def _by_number(
    error: ApiError,
    node: str | None,
    deployment: str | None,
    http_status: int | None,
    addresses: frozenset[str | None],
) -> Readings:
    """Decode errorData, or errorType where it is a bare number (13145, 88049, 20700, 20999).

    In a REST answer the data beside a type of Finesse's own is an id or a value (guide, the error
    tables of each API), so it is left alone.
    """
    if http_status is not None and (found := _synchronous(number(error.error_type), http_status)):
        return found
    data = None if http_status is not None and _typed(error.error_type) else error.error_data
    for code in (number(error.error_type), number(_cti(error)), number(data)):
        if code is None or code in addresses:
            continue
        found = _on_node(by_number().get(code, ()), error, node)
        if found := _uncontradicted(found, error):
            return _fit(found, deployment)
    return ()


def _addresses(
    error: ApiError, node: str | None, ids: Iterable[str | None]
) -> frozenset[str | None]:
    """Return the numbers that name somebody or a dialog, not an error (all were seen as data)."""
    said = (word.strip(".,;:") for word in _ADDRESS.findall(error.error_message or ""))
    return frozenset(number(name) for name in (*said, *ids, place(node).id))


def _on_node(found: Readings, error: ApiError, node: str | None) -> Readings:
    """Task routing errors come on media and task nodes only, and name their media."""
    kind = place(node).kind
    if error.error_media or kind in {"tasks", "media"}:
        kept = [entry for entry in found if entry.family in _TASKS]
    elif kind in {"dialogs", "user"}:
        kept = [entry for entry in found if entry.family not in _TASKS]
    else:
        return found
    return tuple(kept) or found


def _uncontradicted(found: Readings, error: ApiError) -> Readings:
    """Drop readings that the message contradicts by naming a constant which no table knows."""
    words = {word for word in _WORD.findall(error.error_message or "") if word.isupper()}
    return tuple(entry for entry in found if entry.constant is None or not words - _ACTIONS)


def _by_type(error: ApiError, deployment: str | None, http_status: int | None) -> Readings:
    for text in (_cti(error), error.error_type, error.error_message):
        found = _typed(text)
        kept = [
            entry for entry in found if (entry.family == "FINESSE_HTTP") != (http_status is None)
        ]
        exact = [entry for entry in kept if entry.code == str(http_status)]
        if found:
            return _fit(tuple(exact or kept) or found, deployment)
    return ()


def _typed(text: str | None) -> Readings:
    return by_type().get(" ".join((text or "").lower().split()), ())


def _synchronous(code: str | None, http_status: int) -> Readings:
    return tuple(entry for entry in _typed(code) if entry.code == str(http_status))


def _cti(error: ApiError) -> str | None:
    """Return what follows "CTIError=" in the message: a code, a constant or a type."""
    found = _CTI_ERROR.search(error.error_message or "")
    return found[1].strip() if found else None


def _peripheral(error: ApiError, deployment: str | None) -> Readings:
    if named := _constants(error.peripheral_error_msg, deployment):
        return named[0]
    code = number(error.peripheral_error_code)
    if code is None or code in _SAYS_NOTHING:
        return ()
    found = by_number().get(code, ())
    return _fit(tuple(entry for entry in found if entry.family in _BENEATH), deployment)


def _action(error: ApiError) -> str | None:
    found = _ACTION.search(error.error_message or "")
    return found[1].upper() if found else None
