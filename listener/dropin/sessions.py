"""Sessions for agents that are not configured, from the credentials that they send.

Begun only after Finesse has shown the user to those very credentials; ended only when the agent is
signed out of Finesse, or idle where the operator chose so: where ours is the only session, its end
signs the agent out (dossier 1.5). Passwords stay in memory. Knows no HTTP and no requests.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum

from listener import logs
from listener.dropin.contract import Tracker
from listener.dropin.credentials import Pair
from listener.dropin.doorkeeper import Busy, Doorkeeper, Proof, Refused
from listener.dropin.turns import Turns
from listener.dropin.verdicts import Verdict
from listener.errors import ListenerError, NotAccepted

SIGNED_OUT = "LOGOUT"
FRESH_FOR = 60.0
"""Seconds for which one proof of a password serves for a session."""

_log = logs.get(__name__)


class Why(StrEnum):
    """Why a request goes out untracked; stands in X-Reason."""

    NO_AGENT = "no_agent"  # nobody can say whose it is
    NO_SESSION = "no_session"  # there is none for that agent, or it does not hear yet
    NOT_SHOWN = "not_shown"  # Finesse does not show the user to these credentials
    TOO_MANY_SESSIONS = "too_many_sessions"
    TOO_MANY_PENDING = "too_many_pending"
    NOT_KEPT = "not_kept"  # the journal cannot be written
    REQUEST_ID = "request_id"  # none that can be tracked
    NOT_TAKEN = "not_taken"


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionPolicy:
    """When sessions begin and end. Times in seconds; `idle` None: never for being idle.

    `wait`: how long the first request waits for a session that begins. `linger`: how long a session
    of a signed-out agent stays after the last request, for a sign-in is a request, too.
    `look_every`: between two looks at whether agents are signed in; `ask_every`: between two GETs
    for that where the session does not hear. `patience` bounds the wait for others that ask.
    """

    on_demand: bool = True
    wait: float = 5.0
    idle: float | None = None
    linger: float = 60.0
    look_every: float = 15.0
    ask_every: float = 60.0
    patience: float = 20.0


@dataclass(slots=True)
class _Held:
    """One session that was begun here."""

    used: float
    patient_until: float
    pair: Pair | None = None
    doubted: bool = False  # its password is withheld until Finesse has shown the user to it again
    was_up: bool = False
    asked: float = field(default=float("-inf"))

    def is_for(self, pair: Pair) -> bool:
        """Say whether it goes by that password."""
        return self.pair is not None and self.pair.secret == pair.secret


@dataclass(frozen=True, slots=True)
class Found:
    """Whose request it is, or (`agent` None) why that or the session is not there."""

    agent: str | None
    why: Why | None = None


class Sessions:
    """One for all users of the drop-in; `keep` must run beside it. Made inside a running loop."""

    def __init__(self, tracker: Tracker, doorkeeper: Doorkeeper, policy: SessionPolicy) -> None:
        self._tracker = tracker
        self._doorkeeper = doorkeeper
        self._policy = policy
        self._held: dict[str, _Held] = {}
        self._turns = Turns()
        self._clock = asyncio.get_running_loop().time
        self._doubt = asyncio.Event()
        doorkeeper.watch(self._not_good)

    def __repr__(self) -> str:
        return f"<Sessions {len(self._held)} begun on demand>"

    # -- for a request ------------------------------------------------------------------------

    async def agent_of(self, pair: Pair) -> Found:
        """Say whose request it is; begins a session where there is none.

        The caller holds the pair's turn. Waits for no session: see `heard`. Raises Refused, and
        TimeoutError when others who ask the same are not answered.
        """
        turn = await self._turns.take(pair.queue, self._policy.patience)  # one question for all
        try:
            return await self._agent_of(pair)
        finally:
            turn.give_back()

    async def _agent_of(self, pair: Pair) -> Found:
        name = self._doorkeeper.agent_of(pair)
        if not self._tracker.held(name) and self._policy.on_demand:
            name = await self._shown(pair) or name
        if self._tracker.held(name):
            return await self._with_session(name, pair)
        if not self._policy.on_demand:
            return Found(None, Why.NO_SESSION)
        if not self._is_proven(pair) or not pair.exact:  # else our own sign-in may be a wrong one
            return Found(None, Why.NOT_SHOWN)
        return await self._begin(name, pair)

    async def heard(self, agent: str) -> bool:
        """Wait, for the rest of the session's first seconds, until it hears; say whether to track.

        An agent that is configured is tracked in any case, and so is one whose session was up and
        is in a gap: what comes of it may be seen when the session is back.
        """
        held = self._held.get(agent)
        if held is None:
            return self._tracker.held(agent)
        held.used = now = self._clock()
        live = self._tracker.live(agent)
        if not live and not held.was_up and now < held.patient_until:
            live = await self._tracker.ready(agent, held.patient_until - now)
        held.was_up = held.was_up or live
        return held.was_up

    def _is_proven(self, pair: Pair) -> bool:
        known = self._doorkeeper.known(pair)
        shown = known.shown if known is not None else None
        return shown is not None and self._clock() - shown <= FRESH_FOR

    async def _shown(self, pair: Pair) -> str | None:
        """Return the user's id as Finesse shows it to the pair, now or a moment ago."""
        if not self._is_proven(pair):
            await self._doorkeeper.prove(pair)
        return self._doorkeeper.agent_of(pair) if self._is_proven(pair) else None

    async def _with_session(self, agent: str, pair: Pair) -> Found:
        """Hand a session that was begun here the new password, once Finesse has taken it.

        Finesse is asked anew, however lately it took the pair: another may have replaced it.
        """
        held = self._held.get(agent)
        if held is None or not pair.exact or (held.is_for(pair) and not held.doubted):
            return Found(agent)
        user = (await self._doorkeeper.prove(pair)).user
        if user is None or (user.login_id or pair.user) != agent:
            return Found(agent)
        return await self._begin(agent, pair)

    async def _begin(self, agent: str, pair: Pair) -> Found:
        try:
            await self._tracker.hold(agent, pair.password)
        except ListenerError as error:
            _log.warning("dropin.session", agent=agent, detail=str(error))
            full = isinstance(error, NotAccepted)
            return Found(None, Why.TOO_MANY_SESSIONS if full else Why.NOT_TAKEN)
        now = self._clock()
        held = self._held.setdefault(agent, _Held(now, now + self._policy.wait))
        held.pair, held.doubted, held.used = pair, False, now
        return Found(agent)

    # -- until the agent is signed out ----------------------------------------------------------

    async def keep(self) -> None:
        """End the sessions whose time has come; runs until it is cancelled.

        Asks Finesse at once about a password that became suspect while a session goes by it.
        """
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._policy.look_every):
                    await self._doubt.wait()
            self._doubt.clear()
            for agent in {*self._held, *self._tracker.on_demand()}:
                try:
                    await self._clear_up(agent)
                    await self._look(agent)
                except Exception:  # noqa: BLE001  a fault of ours ends no other session's care
                    _log.exception("listener.failed", task=f"look at {agent}")

    def _not_good(self, pair: Pair, verdict: Verdict) -> None:
        """Let no session go on by a password that was refused, or that may be wrong."""
        for agent, held in self._held.items():
            if held.pair == pair:
                self._tracker.withhold(agent)
                held.doubted = verdict is Verdict.SUSPECT
                if held.doubted:
                    self._doubt.set()
                else:
                    held.pair = None  # not asked again until somebody proves one
                    _log.warning("dropin.session", agent=agent, detail="its password was refused")

    async def _clear_up(self, agent: str) -> None:
        held = self._held.get(agent)
        if held is None or not held.doubted or held.pair is None:
            return
        pair, proof = held.pair, await self._proof(held.pair)
        if proof is not None and proof.user is not None and held.pair is pair and held.doubted:
            held.doubted = False
            await self._tracker.hold(agent, pair.password)

    async def _proof(self, pair: Pair) -> Proof | None:
        try:
            return await self._doorkeeper.ask(pair)
        except (Refused, Busy):
            return None

    async def _look(self, agent: str) -> None:
        if agent not in self._tracker.on_demand():
            self._held.pop(agent, None)  # it was taken away, or is configured by now
            return
        now = self._clock()
        held = self._held.setdefault(agent, _Held(now, now))
        unused = now - held.used
        if self._policy.idle is not None and unused >= self._policy.idle:
            await self._end(agent, "idle")
        elif unused >= self._policy.linger and await self._is_over(agent, held):
            await self._end(agent, "signed out")

    async def _is_over(self, agent: str, held: _Held) -> bool:
        state = await self._state(agent, held)
        # Used again while we asked, it stays.
        return state == SIGNED_OUT and self._clock() - held.used >= self._policy.linger

    async def _state(self, agent: str, held: _Held) -> str | None:
        """Return the agent's state: as the session heard it, else as a GET shows it."""
        if self._tracker.live(agent):
            held.was_up = True
            return self._tracker.user_state(agent)
        if held.pair is None or self._clock() - held.asked < self._policy.ask_every:
            return None
        held.asked = self._clock()
        proof = await self._proof(held.pair)
        return proof.user.state if proof is not None and proof.user is not None else None

    async def _end(self, agent: str, why: str) -> None:
        self._held.pop(agent, None)
        _log.info("dropin.session", agent=agent, detail=f"ended: {why}")
        await self._tracker.release(agent)
