"""The exit codes, and which error ends in which. Codes above 63 are those of sysexits.h."""

from __future__ import annotations

from enum import IntEnum
from textwrap import wrap
from typing import TYPE_CHECKING

from listener import errors

if TYPE_CHECKING:
    from collections.abc import Iterable


class Exit(IntEnum):
    """How the program ended. A public interface: scripts read it."""

    OK = 0
    FAILED = 1
    USAGE = 2
    REJECTED = 3
    UNCONFIRMED = 4
    ABANDONED = 5
    UNREACHABLE = 69
    FAULT = 70
    STREAM = 74
    REFUSED = 77
    CONFIGURATION = 78
    INTERRUPTED = 130


MEANINGS: dict[Exit, str] = {
    Exit.OK: "done; send: confirmed or presumed",
    Exit.FAILED: (
        "send: failed; parse: an input was not understood; replay: not as recorded; "
        "explain, requests, forget, story: not there; "
        "reload: the settings are invalid; record, handover: refused, and the daemon goes on"
    ),
    Exit.USAGE: "the call was wrong, or the request cannot be valid; nothing was sent",
    Exit.REJECTED: "send: rejected; repeating is safe",
    Exit.UNCONFIRMED: "send: unconfirmed; it may have happened",
    Exit.ABANDONED: "send: we stopped waiting; it may have happened",
    Exit.UNREACHABLE: (
        "Finesse or the daemon cannot be reached, or no session would hear the answer"
    ),
    Exit.FAULT: "a fault in this program",
    Exit.STREAM: "standard input or output is closed, or cannot be used",
    Exit.REFUSED: "credentials, token or certificate refused",
    Exit.CONFIGURATION: "the settings cannot work",
    Exit.INTERRUPTED: "interrupted by Ctrl-C; send: standard error says whether it was sent",
}


EXAMPLES = (
    "listener check --config listener.toml",
    "listener run --config listener.toml",
    "listener send --agent 1001 --dialog 54321 HOLD",
    "listener story 145",
)


class StreamFailed(errors.ListenerError):
    """Standard input or output is closed, or cannot be used. Sysexits calls the code EX_IOERR."""


class Interrupted(errors.ListenerError):
    """A signal ended the command, and there is more to say than that."""


class LostSight(errors.ListenerError):
    """The daemon went away with a request: it may have happened."""


# The first class that fits decides, so the special ones stand before their bases.
_BY_ERROR: tuple[tuple[type[errors.ListenerError], Exit], ...] = (
    (errors.InvalidRequest, Exit.USAGE),
    (errors.DuplicateRequestId, Exit.USAGE),
    (errors.ConfigurationError, Exit.CONFIGURATION),
    (errors.ConnectionRefusedForGood, Exit.REFUSED),
    (errors.NotAccepted, Exit.UNREACHABLE),
    (errors.Unreachable, Exit.UNREACHABLE),
    (errors.NotFinesse, Exit.UNREACHABLE),
    (errors.DaemonUnreachable, Exit.UNREACHABLE),
    (LostSight, Exit.UNCONFIRMED),
    (StreamFailed, Exit.STREAM),
    (Interrupted, Exit.INTERRUPTED),
)


# A problem of the API ends as the same refusal does without a daemon.
_BY_PROBLEM: dict[str, Exit] = {
    "unknown_agent": Exit.CONFIGURATION,
    "duplicate_request_id": Exit.USAGE,
    "device_busy": Exit.UNREACHABLE,
    "page_not_served": Exit.CONFIGURATION,
}
_BY_STATUS: dict[int, Exit] = {
    400: Exit.USAGE,
    401: Exit.REFUSED,
    403: Exit.REFUSED,
    404: Exit.FAILED,
    408: Exit.UNREACHABLE,
    409: Exit.FAILED,
    422: Exit.USAGE,
    429: Exit.UNREACHABLE,
    500: Exit.FAULT,
    502: Exit.UNREACHABLE,
    503: Exit.UNREACHABLE,
    504: Exit.UNREACHABLE,
}


def code_for(error: errors.ListenerError) -> Exit:
    """Return the exit code of an error that was raised on purpose."""
    if isinstance(error, errors.Problem):
        return _BY_PROBLEM.get(error.name) or _BY_STATUS.get(error.status, Exit.FAULT)
    return next((code for kind, code in _BY_ERROR if isinstance(error, kind)), Exit.FAILED)


_WIDTH = 74
"""Columns of a line in --help, without the two in front of it."""


def epilog() -> str:
    """Return what `listener --help` ends with: the table of exit codes, and examples."""
    codes = (
        line
        for code, text in MEANINGS.items()
        for line in wrap(f"{code.value:>3}  {text}", _WIDTH, subsequent_indent=" " * 5)
    )
    return "\n\n".join((lines("Exit codes", codes), lines("Examples", EXAMPLES)))


def lines(title: str, given: Iterable[str]) -> str:
    r"""Return a block for the end of --help that keeps its lines (\b is the mark for that)."""
    return "\n".join(["\b", f"{title}:", *(f"  {line}" for line in given)])
