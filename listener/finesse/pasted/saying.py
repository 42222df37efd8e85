"""The sentences: what could not be read and where; what needs no payload (streams, HTTP, tunnel).

Pure words. Statuses follow the rules for REST answers (docs/outcomes.md): 5xx leaves in doubt.
"""

from __future__ import annotations

from collections.abc import Sequence

from listener.errors import MalformedUpdate
from listener.finesse.pasted import objects
from listener.finesse.pasted.pieces import Piece

_NOTHING = (
    "Nothing of Finesse's was found; what would be understood: an XMPP stanza, a BOSH body, a"
    " WebSocket frame, an Update, a REST request or answer, an object of Finesse's JavaScript"
    " library, a tunnel frame, and logs, traces or mails with one of these in them."
)
_NAMED = 3  # places in one sentence


def problem_of(pieces: Sequence[Piece]) -> str | None:
    """Say in one sentence what could not be read, and where; None when all could."""
    if not pieces:
        return _NOTHING
    bad = [piece for piece in pieces if isinstance(piece.outcome, MalformedUpdate)]
    if not bad:
        return None
    said = f"What begins at {_at(bad[0])} could not be read: {bad[0].outcome}"
    others = [_at(piece) for piece in bad[1 : 1 + _NAMED]]
    if len(bad) > 1 + _NAMED:
        others.append(f"{len(bad) - 1 - _NAMED} more")
    return f"{said}; nor could what begins at {', '.join(others)}." if others else f"{said}."


def _at(piece: Piece) -> str:
    line, column = piece.place
    return f"line {line}, column {column}"


def of_note(note: str) -> str:
    """Return the sentence about what an object said: "status 202" or "PUT /finesse/api/..."."""
    status = note.removeprefix("status ")
    return of_status(status) if status != note else note


def of_mark(kind: str, words: str) -> str:
    """Return the sentence about a line (see `around.Mark`)."""
    if kind == "request":
        method, url = words.split(" ")
        return f"{method} {objects.bare(url)}"
    if kind == "status":
        return of_status(words)
    return f"requestId {words}" if kind == "requestId" else f"the event tunnel is {words}"


def of_status(status: str) -> str:
    """Return what a status of REST means for the request that it answers."""
    said = _STATUSES.get(status) or _STATUSES.get(status[0] + "xx", "no status that is known")
    return f"status {status}: {said}"


_STATUSES = {
    "200": "done, the answer holds what was asked for",
    "202": "Finesse took the request; whether it was done is told by a notification, if at all",
    "400": "refused; the JavaScript library also gives it to errors that came as notifications",
    "401": "refused: wrong password, or not allowed to this user in this state",
    "403": "refused: not allowed",
    "404": "refused: no such user, dialog or thing",
    "408": "in doubt: no answer in time, the request may have been taken",
    "429": "too many requests; wait and ask again",
    "500": "in doubt: the request may have been taken; the CTI server may be lost",
    "501": "refused: not known there",
    "503": "Finesse or something it needs is out of service",
    "1xx": "not an answer yet",
    "2xx": "taken",
    "3xx": "go elsewhere: often to a sign-in",
    "4xx": "refused",
    "5xx": "in doubt: the request may have been taken",
}
_SIGN_IN = "a step of the sign-in (SASL); what it holds is not repeated"
EMPTY = "XMPP without a notification (an answer, a keep-alive or a chat message)"
QUIET = {
    "presence": "presence: somebody is there, or goes",
    "open": "the WebSocket stream is opened",
    "close": "the WebSocket stream is closed",
    "success": "the sign-in (SASL) was accepted",
    "failure": "the sign-in (SASL) was refused",
    **dict.fromkeys(("auth", "response", "challenge", "abort"), _SIGN_IN),
}
