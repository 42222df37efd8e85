"""An outcome in plain English lines: what came of it, how it is known, what may be done now.

Pure: takes an outcome in its JSON shape (docs/api.md), returns lines. Says no more than it does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from listener.cli.exits import Exit
from listener.story.meanings import HOW, WHY

Told: TypeAlias = Mapping[str, Any]

_CODES: dict[str, Exit] = {
    "confirmed": Exit.OK,
    "presumed": Exit.OK,
    "failed": Exit.FAILED,
    "rejected": Exit.REJECTED,
    "unconfirmed": Exit.UNCONFIRMED,
    "abandoned": Exit.ABANDONED,
}


def exit_code(outcome: Told) -> Exit:
    """Return the exit code of `listener send` for that outcome."""
    return _CODES.get(outcome["kind"], Exit.UNCONFIRMED)  # of a newer daemon


def describe(outcome: Told, action: str) -> Iterator[str]:
    """Yield the lines about the outcome of that action, the verdict first."""
    yield f"{action} {outcome['kind']} after {outcome['waited']:.2f} s: {_because(outcome)}"
    for error in outcome["errors"]:
        yield from of_error(error)
    if dialog := outcome["dialog"]:
        yield f"  dialog {dialog['id'] or '?'} was last seen {dialog['state'] or '?'}"
    ids = outcome["dialogs"]
    if ids["survivor"] or ids["new"]:
        yield f"  the dialog to use from now on: {ids['survivor'] or ids['new']}"
    yield from _variables(outcome)
    for seen in outcome["seen"]:
        yield f"  heard at {seen['at']:.2f} s: {seen['what']} {seen['detail']}".rstrip()
    for warning in outcome["warnings"]:
        yield f"  warning: {warning['detail']}"


def _because(outcome: Told) -> str:
    how, why = HOW.get(outcome["evidence"], ""), WHY.get(outcome["reason"], "")
    match outcome["kind"]:
        case "confirmed":
            return how + (f"; it is {outcome['stage']}" if outcome["stage"] else "")
        case "presumed":
            return "no error came while we were certainly listening"
        case "failed":
            cause = outcome["stateCause"]
            return (f"the call failed ({cause}); " if cause else "") + how
        case "rejected":
            return f"{_refusal(outcome)}; sending it again is safe"
        case _:
            return f"{why}; it may have happened"


def _refusal(outcome: Told) -> str:
    if reason := outcome["reason"]:
        return WHY.get(reason, str(reason))
    status = outcome["status"]
    return f"Finesse answered {status}" if status else "Finesse refused it"


def of_error(error: Told) -> Iterator[str]:
    """Yield the lines about one error, explained as far as its JSON explains it."""
    names = ("errorType", "errorData", "errorMessage", "peripheralErrorText")
    said = [str(error[name]) for name in names if error.get(name)]
    yield "  Finesse said: " + (", ".join(said) or "nothing more")
    if error.get("meaning"):
        yield f"  meaning: {error['meaning']}"
    if error.get("advice"):
        yield f"  what to do: {error['advice']}"


def _variables(outcome: Told) -> Iterator[str]:
    for word, key in (("set", "applied"), ("not set", "missing"), ("cut short", "truncated")):
        if outcome[key]:
            yield f"  {word}: {', '.join(outcome[key])}"
    if outcome["changed"] is False:
        yield "  the values were there before"
