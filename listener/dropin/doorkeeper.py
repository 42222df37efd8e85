"""Lets requests with a user and a password out to Finesse, and learns from the answers.

Joins the guard of accounts to the forwarder. Knows what is asked to prove a password:
`GET /User/{that user}`, with just these credentials; knows no sessions and no tracking.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from listener import logs
from listener.dropin import verdicts
from listener.dropin.credentials import Login, Pair
from listener.dropin.lockout import Known, Lockout
from listener.dropin.turns import Turn
from listener.dropin.verdicts import Verdict
from listener.finesse import uris
from listener.finesse.model import User
from listener.rest import Flow, Forwarder, Message, Raw
from listener.rest.judge import read

MAX_READ = 1024 * 1024
"""Bytes of an answer that are read for judging it."""

_OK = 200

_log = logs.get(__name__)


class Refused(Exception):
    """The pair is not let out; `raw` is Finesse's own answer where it refused it just now.

    `retry_after`: seconds for which it is refused here.
    """

    def __init__(self, retry_after: float, raw: Raw | None = None) -> None:
        super().__init__("refused")
        self.retry_after = retry_after
        self.raw = raw


class Busy(Exception):
    """Another request with a password that is not known to be good was out for too long."""


@dataclass(frozen=True, slots=True)
class Proof:
    """What `GET /User/{that user}` brought: the user, or None when it was not shown."""

    user: User | None
    detail: str = ""


class Doorkeeper:
    """One for all users of the drop-in. `patience`: seconds that a request waits for its turn."""

    def __init__(self, forwarder: Forwarder, lockout: Lockout, *, patience: float) -> None:
        self._forwarder = forwarder
        self._lockout = lockout
        self._patience = patience
        self._watcher: Callable[[Pair, Verdict], None] = lambda _pair, _verdict: None

    def watch(self, watcher: Callable[[Pair, Verdict], None]) -> None:
        """Call `watcher` with each pair that Finesse refused, or that became suspect."""
        self._watcher = watcher

    def known(self, pair: Pair) -> Known | None:
        """Return what is known of a good pair, else None."""
        return self._lockout.known(pair)

    def agent_of(self, pair: Pair) -> str:
        """Return the id of a pair's user as Finesse has shown it, else as the client wrote it."""
        known = self._lockout.known(pair)
        return (known.login_id if known is not None else None) or pair.user

    async def enter(self, login: Login | None) -> Turn:
        """Wait for the pair's turn; the turn is to be given back when the answer was judged.

        Raises Refused (nothing was sent, or only a question for the user) and Busy.
        """
        if login is None:
            return Turn()
        turn = await self._turn(login)
        try:
            if isinstance(login, Pair) and self._lockout.is_suspect(login):
                await self.prove(login)
        except BaseException:
            turn.give_back()
            raise
        return turn

    async def ask(self, pair: Pair) -> Proof:
        """Wait for the pair's turn and prove it. Raises Refused and Busy."""
        turn = await self._turn(pair)
        try:
            return await self.prove(pair)
        finally:
            turn.give_back()

    async def _turn(self, login: Login) -> Turn:
        self._check(login)
        try:
            turn = await self._lockout.turn(login, self._patience)
        except TimeoutError:
            raise Busy from None
        try:
            self._check(login)  # it may have been refused while we waited
        except Refused:
            turn.give_back()
            raise
        return turn

    def _check(self, login: Login) -> None:
        left = self._lockout.refused_for(login)
        if left > 0:
            _log.info("dropin.refused", agent=_user_of(login), retry_after=round(left, 3))
            raise Refused(left)

    async def prove(self, pair: Pair) -> Proof:
        """Ask Finesse for the user with the pair's own credentials; Refused when it says no.

        The caller holds the turn, or knows the pair to be good.
        """
        message = Message(
            "GET",
            uris.user_node(pair.user).encode(),
            (
                (b"authorization", pair.authorization),
                (b"accept", b"application/xml"),
                (b"accept-encoding", b"identity"),
                (b"user-agent", b"finesse-listener"),
            ),
            agent=self.agent_of(pair),
        )
        flow = await self._forwarder.open(message)
        try:
            await flow.read(MAX_READ)
        finally:
            await flow.aclose()
        await self.judge(pair, message, flow)
        left = self._lockout.refused_for(pair)
        if left > 0:
            raise Refused(left, flow.raw)
        return Proof(_user_in(flow.raw), flow.raw.trouble or f"answered {flow.raw.status}")

    async def judge(self, login: Login | None, message: Message, flow: Flow) -> None:
        """Learn from the answer to a request with that pair.

        Reads the body of a 401, and of the user's own resource: to see it is the proof.
        """
        if login is None or flow.raw.status is None:
            return
        shows = _asks_for(message, login) and flow.raw.status == _OK
        if shows or flow.raw.status == verdicts.UNAUTHORIZED:
            await flow.read(MAX_READ)
        if shows and isinstance(login, Pair) and (user := _user_in(flow.raw)) is not None:
            self._lockout.shown(login, user.login_id)
            return
        good = self._lockout.known(login) is not None
        self._learn(login, verdicts.of(flow.raw, _user_of(login) or "", message, was_good=good))

    def _learn(self, login: Login, verdict: Verdict) -> None:
        if verdict is Verdict.GOOD:
            self._lockout.good(login)
        elif verdict is Verdict.SUSPECT and isinstance(login, Pair):
            self._lockout.suspect(login)
        elif verdict is not Verdict.NOTHING:
            # What cannot be read has no user whom Finesse could be asked for: one refusal is enough
            self._lockout.refused(login)
            _log.warning(
                "dropin.refused", agent=_user_of(login), detail="Finesse refused the login"
            )
        if isinstance(login, Pair) and verdict in {Verdict.SUSPECT, Verdict.REFUSED}:
            self._watcher(login, verdict)


def _user_of(login: Login) -> str | None:
    return login.user if isinstance(login, Pair) else None


def _asks_for(message: Message, login: Login) -> bool:
    """Say whether the answer shows the user to this password and to nothing else.

    With a cookie it may be an earlier sign-in that Finesse goes by.
    """
    if not isinstance(login, Pair) or any(n.lower() == b"cookie" for n, _ in message.headers):
        return False
    place = uris.place(message.path)
    return message.method == "GET" and place.kind == "user" and place.id == login.user


def _user_in(raw: Raw) -> User | None:
    update = read(raw) if raw.status == _OK else None
    return update.user if update is not None else None
