"""As what an answer of the drop-in is counted. Knows methods and the headers of an answer."""

from __future__ import annotations

from collections.abc import Iterable

from listener.dropin.replies import UNTRACKED
from listener.rest.checks import SAFE_METHODS

READ = "read"
TRACKED = "tracked"
_OUTCOME = b"x-outcome"


def counted_as(method: str, headers: Iterable[tuple[bytes, bytes]]) -> tuple[str, str | None]:
    """Return the manner and what X-Outcome says, None where it is not there.

    "read": the call changes nothing. "tracked": what came of it is told. "untracked": it was passed
    on without that, or refused at the door.
    """
    if method in SAFE_METHODS:
        return READ, None
    told = next((value.decode("ascii") for name, value in headers if name == _OUTCOME), None)
    return UNTRACKED if told in {None, UNTRACKED} else TRACKED, told
