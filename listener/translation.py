"""Between the service's words and REST's: what the service asks for, done with `Rest`.

Pure translation; the waiting is in `rest`, the judging in the correlator.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from listener.answers import translated
from listener.correlation.steps import AnswerKind, Ask, Look, RestAnswer
from listener.errors import CredentialsRefused, InvalidRequest, MalformedUpdate, Unreachable
from listener.finesse.actions.expectation import Probe
from listener.finesse.actions.request import Request
from listener.finesse.model import Update
from listener.finesse.wire import parse_body
from listener.rest import Rest, Snapshot
from listener.terms import Leaving

_ACCEPTED = 202
_DOUBTFUL = frozenset({408, 500, 502, 504})
_REFUSALS = range(400, 500)
_NOT_IMPLEMENTED, _UNAVAILABLE = 501, 503
_SIGNED_OUT = frozenset({None, "", "LOGOUT"})


class RestWire:
    """The service's `Wire`, over one `Rest`."""

    def __init__(self, rest: Rest) -> None:
        self._rest = rest
        self._asks: dict[Probe, Callable[[Ask], Awaitable[Look]]] = {
            Probe.DIALOG: self._dialog,
            Probe.DIALOGS: self._dialogs,
            Probe.ABSENCE: self._both,
            Probe.USER: self._user,
        }

    async def send(self, request: Request, request_id: str, leaves: Leaving) -> RestAnswer:
        """Send a request once; what cannot even be written was not sent."""
        try:
            answer = await self._rest.send(
                request.agent,
                method=request.method,
                path=request.path,
                body=request.body(),
                request_id=request_id,
                leaves=leaves,
            )
        except InvalidRequest as error:
            return RestAnswer(AnswerKind.NOT_SENT, detail=str(error))
        return translated(answer)

    async def look(self, ask: Ask) -> Look:
        """Do the GET that is asked for."""
        return await self._asks[ask.probe](ask)

    async def picture(self, agent: str) -> Look:
        """Read what a session needs to begin with: the user and the list of dialogs.

        Raises CredentialsRefused (a 401), and Unreachable when Finesse does not show them.
        """
        asked = _clock()
        user = _shown(agent, await self._rest.user(agent), f"agent {agent}")
        listed = _clock()
        dialogs = _shown(agent, await self._rest.dialogs(agent), f"the dialogs of agent {agent}")
        return Look(asked, user=user.user, dialogs=dialogs.dialogs, listed=listed)

    async def signed_in(self, agent: str) -> bool:
        """Say whether Finesse shows the agent as signed in.

        Raises CredentialsRefused (a 401), and Unreachable when Finesse does not say.
        """
        got = await self._rest.user(agent)
        user = _shown(agent, got, f"agent {agent}").user
        return user is not None and user.state not in _SIGNED_OUT

    def judge(self, status: int, body: bytes | None) -> RestAnswer:
        """Say what an answer means that the caller received.

        Only 202 is Finesse's word that it took the request. Another 2xx may come from a page that
        stands before it (single sign-on answers 200 and did nothing): that refuses nothing, and no
        silence is presumed to be success after it, so it is in doubt, as a redirect is.
        """
        if status == _ACCEPTED:
            return RestAnswer(AnswerKind.ACCEPTED, status)
        try:
            errors = parse_body(body).errors if body else ()
        except MalformedUpdate:
            errors = ()
        return RestAnswer(_kind_of(status, bool(errors)), status, errors, detail=f"HTTP {status}")

    async def _dialog(self, ask: Ask) -> Look:
        asked = _clock()
        if ask.dialog_id is None:
            return Look(asked, ok=False)
        got = await self._rest.dialog(ask.agent, ask.dialog_id)
        dialogs = got.update.dialogs if got.update is not None else ()
        return Look(
            asked,
            ok=got.found or got.absent,
            dialog=dialogs[0] if dialogs else None,
            absent=got.absent,
        )

    async def _dialogs(self, ask: Ask) -> Look:
        return await self._read(ask, user=False, dialogs=True)

    async def _both(self, ask: Ask) -> Look:
        return await self._read(ask, user=True, dialogs=True)

    async def _user(self, ask: Ask) -> Look:
        return await self._read(ask, user=True, dialogs=False)

    async def _read(self, ask: Ask, *, user: bool, dialogs: bool) -> Look:
        asked = _clock()
        # One after the other is begun: who is cancelled at the first leaves nothing half-made.
        got_user = await self._rest.user(ask.agent) if user else None
        listed = _clock()
        got_dialogs = await self._rest.dialogs(ask.agent) if dialogs else None
        found = all(got.found for got in (got_user, got_dialogs) if got is not None)
        return Look(
            asked,
            ok=found,
            user=got_user.update.user if found and got_user and got_user.update else None,
            dialogs=got_dialogs.update.dialogs
            if found and got_dialogs and got_dialogs.update
            else None,
            listed=listed,
        )


def _shown(agent: str, got: Snapshot, what: str) -> Update:
    if got.refused:
        raise CredentialsRefused(f"the REST API refused the login of {agent}: {got.detail}")
    if got.update is None or not got.found:
        raise Unreachable(f"Finesse does not show {what}: {got.detail or 'no answer'}")
    return got.update


def _clock() -> float:
    return asyncio.get_running_loop().time()


def _kind_of(status: int, has_errors: bool) -> AnswerKind:  # noqa: FBT001  one place calls it
    refused = status in _REFUSALS or status == _NOT_IMPLEMENTED
    refused = refused or (status == _UNAVAILABLE and has_errors)
    return AnswerKind.REFUSED if refused and status not in _DOUBTFUL else AnswerKind.DOUBTFUL
