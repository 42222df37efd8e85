"""SystemInfo of one node: one question at a time, whoever wants to know.

Knows how a node is asked, and with whose credentials where it wants some; what an answer means for
the choice of a node is `pair`'s.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from listener import logs
from listener.errors import (
    CertificateRefused,
    CredentialsRefused,
    ListenerError,
    NotFinesse,
    Unreachable,
)
from listener.finesse.model import SystemInfo
from listener.standing import Polling, Word
from listener.xmpp.domains import problem_with_domain

MOST_REFUSALS = 2
"""Refusals by SystemInfo of the same credentials; a request's and SASL's make four of them."""

ADVICE = (
    "every agent's login was refused as often as may be; put passwords right or look at what stands"
    " before Finesse (a proxy), then `listener reload --retry-refused`"
)

MOST_LENDERS = 10
"""Agents whose credentials are tried for one question; the next question goes on behind them."""

_log = logs.get(__name__)


class Asked(Protocol):
    """Who can ask a node (`rest.Rest`)."""

    async def system_info(self, *, agent: str | None = None, node: str | None = None) -> SystemInfo:
        """Return the state of a node, asked without credentials or with an agent's."""
        ...

    def took_since(self, agent: str, when: float) -> bool:
        """Say whether Finesse took that agent's login since then (the loop's clock)."""
        ...

    def busy(self, agent: str) -> bool:
        """Say whether so much is on its way with that agent's login that it is not lent now."""
        ...

    def doubt(self, agent: str) -> None:
        """Have it found out beside whether Finesse takes that agent's login."""
        ...


@dataclass(slots=True, eq=False)
class Loan:
    """An agent's credentials while they are used; `stale` once the agent has other ones."""

    agent: str
    stale: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What a question brought: `info` where it is IN_SERVICE, else what was wrong.

    `asked`: when the question went out, on the loop's clock.
    """

    word: Word
    asked: float
    info: SystemInfo | None = None
    trouble: ListenerError | None = None


class Lenders:
    """Whose credentials may be used where SystemInfo wants some (behind a proxy, 12.6 ES2).

    `held` yields agents, those first whose password is known to be good. The one whose credentials
    SystemInfo took last lends before all others. Five refusals lock an account for five minutes, so
    credentials that were refused are used again only after `rest` seconds, where nobody else can
    lend, and after `MOST_REFUSALS` no more until Finesse takes them elsewhere, or they are
    replaced. Where nobody is left, one agent's login is proved every `rest` seconds (`prove`). A
    refusal here stops no session, for a REST 401 has other causes too; only SASL's does (rules of
    evidence 2).
    """

    def __init__(self, rest: float, asked: Asked) -> None:
        self.held: Callable[[], Iterable[str]] = tuple
        self._rest = rest
        self._asked = asked
        self._due: float | None = None  # when a login is proved next; None while some may be lent
        self._proved: str | None = None  # whose was proved last
        self._refused: dict[str, tuple[int, float]] = {}  # agent: how often in a row, when last
        self._good: str | None = None  # whose were taken last
        self._returned = asyncio.Event()  # another one after each loan that is over
        self._loans: list[Loan] = []  # no more than there are nodes

    def next(self, now: float, *, twice: bool = False) -> str | None:
        """Return who is to lend now, None when nobody can.

        Nobody lends to both nodes at a time before one of them took it, for that would be two
        refusals; but with `twice`.
        """
        held = tuple(agent for agent in self.held() if not self._asked.busy(agent))
        lent = {loan.agent for loan in self._loans if not twice}
        if self._good in held and self._good not in lent:
            return self._good
        free = [agent for agent in held if agent not in lent]
        never = (agent for agent in free if agent not in self._refused)
        rested = (agent for agent in free if self._may_lend_again(agent, now))
        return next(never, None) or next(rested, None)

    async def found(self, until: float) -> str | None:
        """Return who is to lend; waits for a loan to be over where everybody else was refused.

        A node that stands still keeps a loan, which is not waited for beyond `until` (the loop's
        clock). None when nobody can lend, or when it was later to begin with.
        """
        if _clock() >= until:
            return None
        while (agent := self.next(_clock())) is None and self._loans:
            try:
                async with asyncio.timeout_at(until):
                    await self._returned.wait()
            except TimeoutError:
                return self.next(_clock(), twice=True)
        return agent

    def prove(self, now: float) -> None:
        """Have one agent's login proved where none may be lent any more, now and then.

        Its own user is asked for in its name: where Finesse takes that, it may be lent again; where
        not, it is withheld, and SASL's refusal would be the fourth. An operator is told as well.
        """
        held = tuple(self.held())
        if not all(self.is_spent(agent) for agent in held):
            self._due = None
        elif self._due is None:
            self._due = now + self._rest
            if held:
                _log.error("logins.exhausted", detail=ADVICE)
        elif held and now >= self._due:
            self._due = now + self._rest
            place = held.index(self._proved) + 1 if self._proved in held else 0
            self._proved = held[place % len(held)]
            self._asked.doubt(self._proved)

    def is_spent(self, agent: str) -> bool:
        """Say whether an agent's login was refused as often as may be, and not taken since."""
        return self._often(agent) >= MOST_REFUSALS

    def _often(self, agent: str) -> int:
        often, last = self._refused.get(agent, (0, 0.0))
        return 0 if often and self._asked.took_since(agent, last) else often

    def _may_lend_again(self, agent: str, now: float) -> bool:
        _, last = self._refused.get(agent, (0, now))
        return not self.is_spent(agent) and now - last >= self._rest

    @contextmanager
    def lend(self, agent: str) -> Iterator[None]:
        """Let a question be put with that agent's credentials; keep a refusal of these."""
        loan = Loan(agent)
        self._loans.append(loan)
        try:
            yield
        except CredentialsRefused:
            if not loan.stale:  # else it speaks of a password that was replaced meanwhile
                self._refused[agent] = self._often(agent) + 1, _clock()
                self._good = None if self._good == agent else self._good
            raise
        else:
            self._refused.pop(agent, None)
            self._good = self._good if loan.stale else agent
        finally:
            self._loans.remove(loan)
            returned, self._returned = self._returned, asyncio.Event()
            returned.set()

    def changed(self, agent: str) -> None:
        """Hear that an agent has other credentials, which may be lent again."""
        self._refused.pop(agent, None)
        self._good = None if self._good == agent else self._good
        for loan in self._loans:
            if loan.agent == agent:
                loan.stale = True


class Inquiry:
    """Asks one node. `took` is told each answer, once, before anybody else goes on."""

    def __init__(
        self,
        name: str,
        url: str,
        rest: Asked,
        *,
        lenders: Lenders,
        polling: Polling,
        took: Callable[[str, Answer], None],
    ) -> None:
        self._name = name
        self._url = url
        self._rest = rest
        self._lenders = lenders
        self._polling = polling
        self._took = took
        self._one = asyncio.Lock()
        self._begun = self._renewed = float("-inf")
        self._answer = Answer(Word.UNTOLD, self._begun)

    def __repr__(self) -> str:
        return f"<Inquiry {self._url}: {self._answer.word}>"

    @property
    def trouble(self) -> ListenerError | None:
        """What was wrong with the last answer; None when it was IN_SERVICE, or not asked yet."""
        return self._answer.trouble

    async def ask(self, since: float) -> Answer:
        """Return an answer that was asked for at `since` (the loop's clock) or later.

        Takes no longer than `polling.within` for a question that runs, and as long for its own.
        """
        async with self._one:
            if self._begun < since and not self._is_refused():
                await asyncio.sleep(self._begun + self._polling.apart - _clock())
                self._begun = _clock()
                self._answer = await self._put()
                try:
                    self._took(self._name, self._answer)
                except Exception as fault:  # noqa: BLE001  the fault of who hears it is not the asker's
                    _log.exception("rounds.failed", error=type(fault).__name__)
            return self._answer

    def trust_renewed(self) -> None:
        """Ask again at once if the certificate was refused: others are trusted now."""
        self._renewed = _clock()

    def _is_refused(self) -> bool:
        """Say whether the certificate was refused just now: only a person can mend that."""
        refused = isinstance(self._answer.trouble, CertificateRefused)
        lately = _clock() - self._begun < self._polling.slow and self._begun > self._renewed
        return refused and lately

    async def _put(self) -> Answer:
        try:
            async with asyncio.timeout(self._polling.within):
                info = await self._info()
        except TimeoutError:
            words = f"{self._url} gave no SystemInfo within {self._polling.within:g} s"
            return Answer(Word.NOTHING, self._begun, trouble=Unreachable(words))
        except CredentialsRefused as refused:
            # It says nothing of the agent that is told it: whose password it was is chance.
            words = (
                f"{refused}: SystemInfo of {self._name} wants a password, and took none of the"
                " agents' that it may be shown now; put wrong ones right, or look at what stands"
                " before Finesse (a proxy)"
            )
            return Answer(Word.UNTOLD, self._begun, trouble=Unreachable(words))
        except ListenerError as trouble:
            return Answer(Word.NOTHING, self._begun, trouble=trouble)
        if info.status != "IN_SERVICE":
            words = f"Finesse at {self._name} says {info.status or 'no status'}"
            return Answer(Word.OUT, self._begun, trouble=Unreachable(words))
        if not info.xmpp_domain:
            words = f"the SystemInfo of {self._name} names no xmppDomain"
            return Answer(Word.NOTHING, self._begun, trouble=NotFinesse(words))
        for domain in (info.xmpp_domain, info.xmpp_pub_sub_domain):
            if domain and (problem := problem_with_domain(domain)):
                words = f"the SystemInfo of {self._name} is wrong: {problem}"
                return Answer(Word.NOTHING, self._begun, trouble=NotFinesse(words))
        return Answer(Word.IN_SERVICE, self._begun, info)

    async def _info(self) -> SystemInfo:
        """Ask without credentials, then with those of one agent after the other.

        In the second half of the time nobody lends any more: whoever does is to have an answer.
        """
        until = _clock() + self._polling.within / 2
        try:
            return await self._rest.system_info(node=self._url)
        except CredentialsRefused as refused:
            trouble = refused
        for _ in range(MOST_LENDERS):
            if (lender := await self._lenders.found(until)) is None:
                break
            try:
                with self._lenders.lend(lender):
                    return await self._rest.system_info(agent=lender, node=self._url)
            except CredentialsRefused as refused:
                trouble = refused
        raise trouble


def _clock() -> float:
    return asyncio.get_running_loop().time()
