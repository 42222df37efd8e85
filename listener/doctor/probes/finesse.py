"""Asks a node's REST side, with the program's own client: SystemInfo, a user, its dialogs.

Each question is put once. Must not know what follows from the answers.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from listener.doctor import wall
from listener.doctor.seen import Answered, InfoSeen, UserSeen, Wrong
from listener.errors import (
    CertificateRefused,
    CredentialsRefused,
    ListenerError,
    NotFinesse,
    ResourceConflict,
    Unreachable,
)
from listener.finesse import uris

if TYPE_CHECKING:
    from listener.finesse.model import User
    from listener.rest import Rest, Snapshot

_NO_REASON = "-1"  # how Finesse says that a state has no reason
_KINDS = (
    (CredentialsRefused, Wrong.CREDENTIALS),
    (CertificateRefused, Wrong.CERTIFICATE),
    (ResourceConflict, Wrong.CONFLICT),
    (NotFinesse, Wrong.NOT_FINESSE),
    (Unreachable, Wrong.UNREACHABLE),
)


def wrong(error: ListenerError) -> Wrong:
    """Return the kind of an error."""
    return next((word for kind, word in _KINDS if isinstance(error, kind)), Wrong.OTHER)


async def ask_info(rest: Rest, url: str, lender: str | None = None) -> InfoSeen:
    """Return SystemInfo of a node, asked without credentials or with those of `lender`.

    One that has no currentTimestamp is asked for once more, for the Date of the answer.
    """
    before = wall.now()
    try:
        info = await rest.system_info(agent=lender, node=url)
    except ListenerError as error:
        return InfoSeen(url, wrong=wrong(error), detail=str(error), lent=lender)
    seen = InfoSeen(url, info, lent=lender, before=before, after=wall.now())
    if info.current_timestamp:
        return replace(seen, stamp=info.current_timestamp)
    before = wall.now()
    raw = await rest._get(lender, uris.SYSTEM_INFO, (url,))  # noqa: SLF001  for the Date alone
    return replace(seen, stamp=raw.headers.get("date"), before=before, after=wall.now())


async def ask_user(rest: Rest, agent: str) -> UserSeen:
    """Return the agent's own user."""
    snapshot = await rest.user(agent)
    user = snapshot.update.user if snapshot.found and snapshot.update is not None else None
    if user is None:
        return UserSeen(_answered(snapshot))
    return _user(_answered(snapshot), user)


def _user(answer: Answered, user: User) -> UserSeen:
    return UserSeen(
        answer,
        user.state,
        user.extension,
        user.roles,
        user.team_name or user.team_id,
        user.reason_code_id if user.reason_code_id != _NO_REASON else None,
    )


async def ask_dialogs(rest: Rest, agent: str) -> tuple[Answered, int]:
    """Return how the agent's voice dialogs can be read, and how many there are."""
    snapshot = await rest.dialogs(agent)
    count = len(snapshot.update.dialogs) if snapshot.found and snapshot.update is not None else 0
    return _answered(snapshot), count


def _answered(snapshot: Snapshot) -> Answered:
    errors = snapshot.update.errors if snapshot.update is not None else ()
    return Answered(
        snapshot.status,
        tuple(error.error_type or "" for error in errors),
        snapshot.found,
        snapshot.detail,
    )
