"""Whose login REST refused: it is shown to REST no more until SASL has taken it.

Five refusals lock an account. SASL is shown it with the next session. Told by the GETs in whose
notes it stands with whose login they came.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from listener.finesse.uris import SYSTEM_INFO

if TYPE_CHECKING:
    from tests.oracle.account import Account, Got

UNAUTHORIZED = 401
CROSSES = 1.0
"""Seconds in which a refusal is read: a session that begins meanwhile does not undo it."""


def refused(account: Account, agent: str, at: float) -> bool:
    """Say whether nothing was asked by REST in that agent's name at that time."""
    last = last_refusal(account, agent, at)
    if last is None:
        return False
    return not any(last.sent + CROSSES < begun <= at for begun, _ in account.up.get(agent, ()))


def last_refusal(account: Account, agent: str, at: float) -> Got | None:
    """Return the GET by then that was refused, where no later one was answered.

    SystemInfo is asked for in anybody's name, and its refusals alone spend no login.
    """
    said = [
        got
        for got in account.gets
        if got.agent == agent and got.sent <= at and got.path != SYSTEM_INFO
        if _refuses(got) or (got.answered is not None and got.status != UNAUTHORIZED)
    ]
    last = max(said, key=lambda got: got.sent, default=None)
    return last if last is not None and _refuses(last) else None


def _refuses(got: Got) -> bool:
    """Say whether the login was refused: a 401 that tells of nothing else (2)."""
    return got.status == UNAUTHORIZED and got.answered is None
