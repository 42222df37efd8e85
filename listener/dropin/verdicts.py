"""What an answer of Finesse says about the password that came with the request.

Pure. A 401 is not always the password: Finesse answers so for an invalid state (DTMF on a held
call), for another user's things, and for what one is not entitled to (guide p.82-112). Only what
cannot be any of those counts as a refused password; where it could be, Finesse is asked once more,
for the user's own things, before anything else goes out with that password.
"""

from __future__ import annotations

from enum import StrEnum

from listener.finesse import uris
from listener.rest import Message, Raw
from listener.rest.judge import read
from listener.rest.unpacking import readable

UNAUTHORIZED = 401
_SUCCESS = range(200, 300)
_ABOUT_LOGIN = frozenset({"authorization failure", "invalid authorization"})
_OPEN = frozenset({"systemInfo", "other"})
"""Kinds of places that Finesse may show to anybody: to see them proves no password."""


class Verdict(StrEnum):
    """What is known of a password after an answer."""

    GOOD = "good"
    REFUSED = "refused"
    SUSPECT = "suspect"  # ask for the user's own things before anything else
    NOTHING = "nothing"


def of(raw: Raw, user: str, message: Message, *, was_good: bool) -> Verdict:
    """Return what the answer to a request says of the password of `user`.

    `was_good`: it was seen to be right before. `raw.body` must have been read for a 401.
    """
    place = uris.place(message.path)
    if raw.status in _SUCCESS:
        return Verdict.NOTHING if place.kind in _OPEN else Verdict.GOOD
    if raw.status != UNAUTHORIZED:
        return Verdict.NOTHING
    types = None if message.method == "HEAD" else _types(raw)
    if types is not None and types - _ABOUT_LOGIN - {""}:
        return Verdict.NOTHING
    own = place.user is not None and place.user.casefold() == user.casefold()
    sure = own or (types is not None and (not types or "www-authenticate" in raw.headers))
    return Verdict.REFUSED if sure and not was_good else Verdict.SUSPECT


def _types(raw: Raw) -> frozenset[str] | None:
    """Return the error types in the body, none for one that is not Finesse's; None: not known."""
    if not raw.whole or not readable(raw.headers.get("content-encoding", "")):
        return None
    update = read(raw)
    errors = update.errors if update is not None else ()
    return frozenset((error.error_type or "").strip().lower() for error in errors)
