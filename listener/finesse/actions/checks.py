"""What a parameter's value must be like: shared by all requests.

Knows Finesse's limits (Developer Guide 12.5(1) p.91-118, CTI guide 15.0); knows no request. Each
check takes Finesse's name of the parameter, the value, and "UCCE", "UCCX" or None (skips what
differs), and raises InvalidRequest. No message quotes a value: it may be a secret.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import TypeAlias

from listener.errors import InvalidRequest
from listener.finesse import uris

Check: TypeAlias = Callable[[str, object, "str | None"], None]

MAX_TEXT = 256
"""Characters of an id, an address or a code. Ours, not Finesse's: nothing real is as long."""
MAX_DTMF = 32
"""Digits in one CTI message (CTI guide 15.0)."""
MAX_CALL_VARIABLE = 40
"""Bytes of callVariable1-10 (guide p.118)."""
MAX_ECC = 2000
"""Bytes of all ECC names, values and array indexes together (guide p.118)."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_EXTENDED_ASCII = re.compile(r"[\x80-\xff]")
_DIGITS = {"UCCX": "0123456789*#"}
_ALL_DIGITS = "0123456789*#ABCD"
_CALL_VARIABLE = re.compile(r"callVariable([1-9]|10)")
_ECC = re.compile(r"(?P<name>user\.[^\[\]\s]+)(?P<index>\[[0-9]{1,3}\])?")
_CALLBACK_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}")
_REASON = re.compile(r"-?[0-9]{1,10}")
_SEPARATORS = re.compile(r"[\s().\-/]")


def same_number(first: str | None, second: str | None) -> bool:
    """Compare two addresses after stripping separators; an empty one equals nothing."""
    one, other = (_SEPARATORS.sub("", address or "") for address in (first, second))
    return bool(one) and one == other


def another_number(name: str, value: str, own: str | None) -> None:
    """Refuse the acting extension as the destination; None when it is not known."""
    _require(
        not same_number(value, own),
        name,
        "is the calling extension itself; name another destination",
    )


def _require(fine: object, name: str, complaint: str) -> None:
    if not fine:
        raise InvalidRequest(f"{name} {complaint}", field=name)


def free_text(name: str, value: object, deployment: str | None = None) -> str:
    """Refuse what is no text or holds a character that XML cannot carry; empty text is a value."""
    del deployment
    if not isinstance(value, str):
        raise InvalidRequest(f"{name} must be text, not {type(value).__name__}", field=name)
    wrong = _NOT_XML.search(value)
    _require(
        wrong is None,
        name,
        f"holds a character that XML cannot carry at position {wrong.start() if wrong else 0};"
        " remove it",
    )
    return value


def _bounded(name: str, value: object) -> str:
    text = free_text(name, value)
    _require(text.strip(), name, "must not be empty or blank")
    _require(len(text) <= MAX_TEXT, name, f"is longer than {MAX_TEXT} characters")
    _require(not _CONTROL.search(text), name, "holds a control character; remove it")
    return text


def short_text(name: str, value: object, deployment: str | None = None) -> None:
    """Refuse blank text, control characters and more than 256 characters."""
    del deployment
    _bounded(name, value)


def identifier(name: str, value: object, deployment: str | None = None) -> None:
    """Refuse what `short_text` refuses, and what would name another path."""
    del deployment
    _require(_bounded(name, value) not in {".", ".."}, name, "must not be a relative path")


def dialog_uri(name: str, value: object, deployment: str | None = None) -> None:
    """Refuse what is not the URI of a dialog."""
    del deployment
    _require(
        uris.dialog_id(_bounded(name, value)) is not None,
        name,
        f"must be the URI of a dialog, like {uris.dialog_path('12345')}",
    )


def dtmf(name: str, value: object, deployment: str | None = None) -> None:
    """Refuse digits that the deployment has not (UCCE 0-9*#A-D, UCCX 0-9*#) and more than 32.

    Lower case a-d is refused, not mended: the guide (p.91) names capital letters alone.
    """
    text = free_text(name, value)
    _require(text, name, "must hold at least one digit")
    _require(
        len(text) <= MAX_DTMF, name, f"has {len(text)} digits; send at most {MAX_DTMF} at once"
    )
    allowed = _DIGITS.get(deployment or "", _ALL_DIGITS)
    wrong = next((place for place, digit in enumerate(text, 1) if digit not in allowed), None)
    letters = "" if deployment == "UCCX" else " A-D (capital letters)"
    _require(
        wrong is None,
        name,
        f"has {len(text)} digits, and number {wrong} is none of 0-9 * #{letters}",
    )


def one_of(values: Iterable[str]) -> Check:
    """Make a check that refuses everything but `values`."""
    known = tuple(values)

    def check(name: str, value: object, deployment: str | None = None) -> None:
        del deployment
        _require(free_text(name, value) in known, name, f"must be one of {', '.join(known)}")

    return check


def callback_time(name: str, value: object, deployment: str | None = None) -> None:
    """Refuse what is no date and time written YYYY-MM-DDThh:mm (guide p.75)."""
    del deployment
    text = free_text(name, value)
    fine = _CALLBACK_TIME.fullmatch(text) is not None
    if fine:
        try:
            datetime.fromisoformat(text)
        except ValueError:
            fine = False
    _require(fine, name, "must be a date and time like 2026-11-21T14:30 (YYYY-MM-DDThh:mm)")


def reason_code(name: str, value: object, deployment: str | None = None) -> None:
    """Refuse what is not the number of a reason code."""
    del deployment
    _require(
        _REASON.fullmatch(free_text(name, value)),
        name,
        "must be the id of a reason code, a whole number as text",
    )


def items(name: str, value: object, deployment: str | None = None) -> None:
    """Refuse wrap-up items where they do not exist (UCCX alone has them, guide p.74) or blank."""
    _require(deployment != "UCCE", name, "exist on UCCX only; use wrapUpReason")
    if not isinstance(value, tuple):
        raise InvalidRequest(f"{name} must be a list of texts", field=name)
    for item in value:
        _require(free_text(name, item).strip(), name, "must not hold an empty or blank item")


def variables(name: str, value: tuple[tuple[str, str], ...], deployment: str | None = None) -> None:
    """Refuse call variables that Finesse would refuse or cut (guide p.90, 118).

    The size of a single ECC variable is configured on the server, so only their sum is checked.
    """
    seen: set[str] = set()
    ecc = 0
    for variable, text in value:
        ecc += _variable(variable, text, deployment)
        key = variable.casefold()
        _require(key not in seen, name, f"holds {variable!r} twice (case does not matter)")
        seen.add(key)
    _require(
        ecc <= MAX_ECC,
        name,
        f"has {ecc} bytes of ECC names, values and indexes; at most {MAX_ECC} go in one request",
    )


def _variable(name: object, value: object, deployment: str | None) -> int:
    """Check one variable; return the bytes that it takes of the ECC space."""
    _bounded("callvariables", name)
    named = str(name)
    text = free_text(named, value)
    if deployment == "UCCE":
        _require(
            not _EXTENDED_ASCII.search(text),
            named,
            "holds extended ASCII (U+0080 to U+00FF), which UCCE does not accept",
        )
    size = len(text.encode())
    if _CALL_VARIABLE.fullmatch(named):
        _require(
            size <= MAX_CALL_VARIABLE,
            named,
            f"has {size} bytes in UTF-8; at most {MAX_CALL_VARIABLE} fit",
        )
        return 0
    return _ecc_name(named) + size


def _ecc_name(name: str) -> int:
    """Check the name of an ECC variable; return its bytes, an index counted as one."""
    _require(
        not name.upper().startswith("BA"),
        name,
        "belongs to the dialer and cannot be set; RECLASSIFY sets BAResponse",
    )
    found = _ECC.fullmatch(name)
    if found is None:
        raise InvalidRequest(
            f"{name} is no call variable: use callVariable1 to callVariable10, user.name,"
            " or user.name[0] for one element of an array",
            field=name,
        )
    return len(found["name"].encode()) + (found["index"] is not None)
