"""The drop-in as an application: Finesse's own REST API, answered with what came of each request.

Reads are passed on as they come. Everything else gets a requestId if it has none, and is tracked
where somebody can listen; where nobody can, it is passed on all the same and says so.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from starlette.types import Receive, Scope, Send

from listener.dropin import calls
from listener.dropin.calls import Refusal
from listener.dropin.contract import Tracker
from listener.dropin.doorkeeper import Doorkeeper
from listener.dropin.lockout import Lockout
from listener.dropin.passing import Passing, entered
from listener.dropin.sessions import SessionPolicy, Sessions
from listener.dropin.uploads import ClientGone, while_there
from listener.dropin.writing import Writing
from listener.rest import Forwarder
from listener.web.callers import Caller, with_included
from listener.web.callers import Scope as May
from listener.web.gatekeeping import Guarded
from listener.web.tokens import Tokens

HEADER = "x-listener-token"
"""Where the daemon's own token travels: Authorization is Finesse's."""
ANYBODY = Caller("dropin", with_included(May.REQUEST))
"""Who calls where no token is asked for."""
REFUSED_FOR = 300.0
"""Seconds for which a refused password is not tried again: as long as Finesse locks an account."""


class Dropin:
    """The application; `keep` must run beside it. Made inside a running loop.

    It stands behind a guard that checks token, Host and Origin (`create_dropin`).
    """

    def __init__(
        self,
        tracker: Tracker,
        forwarder: Forwarder,
        *,
        policy: SessionPolicy,
        refused_for: float = REFUSED_FOR,
    ) -> None:
        clock = asyncio.get_running_loop().time
        lockout = Lockout(refuse_for=refused_for, clock=clock)
        self._doorkeeper = Doorkeeper(forwarder, lockout, patience=policy.patience)
        self._sessions = Sessions(tracker, self._doorkeeper, policy)
        self._passing = Passing(forwarder, self._doorkeeper)
        self._writing = Writing(tracker, forwarder, self._doorkeeper, self._sessions, self._passing)

    def __repr__(self) -> str:
        return f"<Dropin {self._sessions!r}>"

    async def keep(self) -> None:
        """End sessions whose time has come; runs until it is cancelled."""
        await self._sessions.keep()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one call (ASGI); what is not HTTP is left alone."""
        if scope["type"] != "http":
            return
        try:
            call = calls.taken(scope, receive)
            if call.safe:
                async with while_there(call.upload):
                    turn = await entered(call, self._doorkeeper)
                    await self._passing(call, call.upload.parts(), turn, send, more=[])
            else:
                await self._writing(call, send)
        except Refusal as refusal:
            await refusal.reply.send(send)
        except ClientGone:
            return  # nobody is there to answer


def create_dropin(
    tracker: Tracker,
    forwarder: Forwarder,
    *,
    tokens: Callable[[], Tokens | None],
    require_token: bool = True,
    allowed_hosts: Iterable[str] = (),
    policy: SessionPolicy | None = None,
    refused_for: float = REFUSED_FOR,
) -> tuple[Guarded, Dropin]:
    """Return the application to serve, behind its guard, and the drop-in itself, for its `keep`.

    `tokens` returns those that hold now; without `require_token` a call over TCP needs none (for
    loopback alone). `allowed_hosts` come on top of loopback's. `refused_for` in seconds. The caller
    closes `forwarder`.
    """
    dropin = Dropin(tracker, forwarder, policy=policy or SessionPolicy(), refused_for=refused_for)
    guarded = Guarded(
        dropin,
        tokens=tokens,
        allowed_hosts=allowed_hosts,
        open_paths=(),
        header=HEADER,
        anonymous=None if require_token else ANYBODY,
    )
    return guarded, dropin
