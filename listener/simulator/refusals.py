"""How the simulated Finesse says no: at once (an HTTP status) or later (apiErrors in an event).

Knows the documented types, messages and codes; knows nothing of calls. Sources: guide p.82-112, the
error pages on developer.cisco.com and two production logs; what no page shows is marked INFERRED.
"""

from __future__ import annotations

from dataclasses import dataclass

from listener.simulator.profiles import RefusalStyle


@dataclass(frozen=True, slots=True)
class Wrong:
    """One ApiError. `media` is the media routing domain of a task's error."""

    type: str
    message: str = ""
    data: str = ""
    media: str | None = None
    peripheral: tuple[str, str, str] | None = None  # code, message, text

    @property
    def summary(self) -> str:
        """The words for the record of truth."""
        return self.message or self.type


class RefusedNow(Exception):  # a refusal is no error of the program
    """Finesse answers with `status` and `wrong`; the switch never hears of the request."""

    def __init__(self, status: int, wrong: Wrong) -> None:
        super().__init__(wrong.summary)
        self.status = status
        self.wrong = wrong


class RefusedLater(Exception):  # a refusal is no error of the program
    """Finesse had said 202; the refusal comes as a notification."""

    def __init__(self, wrong: Wrong) -> None:
        super().__init__(wrong.summary)
        self.wrong = wrong


def now(status: int, kind: str, message: str = "", data: str = "") -> RefusedNow:
    """Return a synchronous refusal; the type stands for the message when there is none."""
    return RefusedNow(status, Wrong(kind, message or kind, data))


def missing(name: str) -> RefusedNow:
    """400 Parameter Missing."""
    return now(400, "Parameter Missing", f"Parameter {name} is missing", name)


def invalid(name: str) -> RefusedNow:
    """400 Invalid Input."""
    return now(400, "Invalid Input", f"Parameter {name} is invalid", name)


def destination(number: str) -> RefusedNow:
    """400 Invalid Destination."""
    return now(400, "Invalid Destination", "Invalid destination", number)


def state(message: str, *, status: int = 400) -> RefusedNow:
    """400 Invalid State (401 for DTMF and recording on a held call: yes, 401)."""
    return now(status, "Invalid State", message)


def not_implemented(action: str) -> RefusedNow:
    """501: this platform lacks the action."""
    return now(501, "Not Implemented", f"{action} is not implemented on this deployment")


def wrong_user() -> RefusedNow:
    """401: the credentials are not those of the user the request is about."""
    return now(401, "Invalid Authorization User Specified", "Invalid authorization user specified")


def unavailable() -> RefusedNow:
    """503 with ApiErrors."""
    return now(503, "Service Unavailable", "Finesse is not in service")


def cti(constant: str, code: int, *, kind: str = "Call Operation Failure") -> RefusedLater:
    """Return a CTI failure as the CTI error page has it: code, constant, a fixed type."""
    return RefusedLater(Wrong(kind, constant, str(code)))


def generic(constant: str, code: int) -> RefusedLater:
    """Return the same with the type that most tables and samples really show."""
    return cti(constant, code, kind="Generic Error")


def action(style: RefusalStyle, name: str, extension: str) -> RefusedLater:
    """Return the refusal of an action that the participant's list does not hold."""
    if style is RefusalStyle.CTI:
        return cti("CF_INVALID_OBJECT_STATE", 22)
    code = extension if style is RefusalStyle.EXTENSION else "4047"
    return RefusedLater(
        Wrong("Generic Error", f"INVALID_ACTION {name} on extension {extension}", code)
    )
