"""Lets requests with a user and a password out to Finesse, and learns from the answers.

Joins the guard of accounts to the forwarder. Knows what is asked to prove a password:
`GET /User/{that user}`, with just these credentials; knows no sessions and no tracking.
"""

from __future__ import annotations

from dataclasses import dataclass

from listener import logs
from listener.dropin import verdicts
from listener.dropin.credentials import Pair
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

    def known(self, pair: Pair) -> Known | None:
        """Return what is known of a good pair, else None."""
        return self._lockout.known(pair)

    async def enter(self, pair: Pair | None) -> Turn:
        """Wait for the pair's turn; the turn is to be given back when the answer was judged.

        Raises Refused (nothing was sent, or only a question for the user) and Busy.
        """
        if pair is None:
            return Turn()
        self._check(pair)
        try:
            turn = await self._lockout.turn(pair, self._patience)
        except TimeoutError:
            raise Busy from None
        try:
            self._check(pair)
            if self._lockout.is_suspect(pair):
                await self.prove(pair)
        except BaseException:
            turn.give_back()
            raise
        return turn

    def _check(self, pair: Pair) -> None:
        left = self._lockout.refused_for(pair)
        if left > 0:
            _log.info("dropin.refused", agent=pair.user, retry_after=round(left, 3))
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

    async def judge(self, pair: Pair | None, message: Message, flow: Flow) -> None:
        """Learn from the answer to a request with that pair.

        Reads the body of a 401, and of the user's own resource: to see it is the proof.
        """
        if pair is None or flow.raw.status is None:
            return
        shows = _asks_for(message, pair.user) and flow.raw.status == _OK
        if shows or flow.raw.status == verdicts.UNAUTHORIZED:
            await flow.read(MAX_READ)
        if shows and (user := _user_in(flow.raw)) is not None:
            self._lockout.shown(pair, user.login_id)
            return
        good = self._lockout.known(pair) is not None
        match verdicts.of(flow.raw, pair.user, message, was_good=good):
            case Verdict.GOOD:
                self._lockout.good(pair)
            case Verdict.REFUSED:
                self._lockout.refused(pair)
                _log.warning("dropin.refused", agent=pair.user, detail="Finesse refused the login")
            case Verdict.SUSPECT:
                self._lockout.suspect(pair)
            case Verdict.NOTHING:
                pass


def _asks_for(message: Message, user: str) -> bool:
    place = uris.place(message.path)
    return message.method == "GET" and place.kind == "user" and place.id == user


def _user_in(raw: Raw) -> User | None:
    update = read(raw) if raw.status == _OK else None
    return update.user if update is not None else None
