"""Which node of a deployment is used: what is known of each, and when all agents change over.

Pure: names, words and times in, decisions out. Knows nothing of questions, sessions or tasks
(`whereabouts` does), and counts no failure more than once per tick.

A node is usable when SystemInfo says IN_SERVICE, then a session can be made to it, then the XMPP
user `finesse` is not known to be unavailable, in that order (Cisco, failure scenarios). Ticks are
2 s apart, and after three in a row at which the node in use was not usable, all change over to the
other one, if that says IN_SERVICE; else as soon as one of them does, the one in use first. Nobody
goes back for the going back's sake.

No flapping: each change doubles the patience for the next one, from 6 s up to 24 s, so that a node
may be away for less than that without anybody moving; five minutes without a change make it 6 s
again. Where SystemInfo says IN_SERVICE on both sides and there is nonetheless no session to be had,
it goes up to 192 s.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from listener.standing import Move, NodeState, NodeStatus, Polling, Word

__all__ = ["Move", "NodeState", "NodeStatus", "Pair", "Polling", "Word"]

MOST_PATIENCE = 4  # times the usual one: 24 s, well inside the 60 s that sign an agent out,
MOST_OF_IN_VAIN = 32  # and where the other side was tried, and was no better
STEADY = 2  # ticks for which a node that was out must say IN_SERVICE before all go there


@dataclass(slots=True)
class _Node:
    name: str
    word: Word | None = None
    detail: str | None = None
    refused: str | None = None  # why the last attempt at a session failed; None since one did not
    left: str | None = None  # the same of a node that was left for it, for who asks how it is
    cuts: dict[str, float] = field(default_factory=dict)  # agent: when the link was lost
    silent: bool = False  # most links were lost at once, and no session could be made since
    failures: int = 0
    # Of these, by cause: how many, and the words of the last one.
    causes: dict[str, tuple[int, str | None]] = field(default_factory=dict)
    good: int = 0  # ticks in a row with IN_SERVICE
    was_out: bool = False
    state: NodeState = NodeState.UNKNOWN
    since: float = 0.0
    left_in_vain: float = float("-inf")
    sessions: set[str] = field(default_factory=set)
    views: dict[str, bool] = field(default_factory=dict)  # agent: is `finesse` available
    blind: int = 0  # how many of these say that it is not

    @property
    def away(self) -> bool:
        """Whether `finesse` is known to be unavailable: most who know of it say so."""
        return self.blind * 2 > len(self.views)

    def view(self, agent: str, *, available: bool | None) -> bool:
        """Keep what an agent sees, or (None) that it sees nothing; say whether it saw anything."""
        before = self.views.pop(agent, None)
        self.blind -= before is False
        if available is not None:
            self.views[agent] = available
            self.blind += not available
        return before is not None

    @property
    def closed(self) -> bool:
        """Whether no session is to be had: one agent's trouble says nothing while others have."""
        return self.refused is not None and (self.silent or not self.sessions)

    @property
    def usable(self) -> bool:
        return self.word is Word.IN_SERVICE and not self.closed and not self.away

    @property
    def cause(self) -> str:
        if self.word is Word.UNTOLD:
            return str(Word.NOTHING)
        if self.word is not Word.IN_SERVICE:
            return str(self.word or Word.NOTHING)
        return "no_session" if self.closed else "finesse_unavailable"

    def fail(self) -> None:
        """Count a tick at which it was not usable."""
        self.failures += 1
        often, _ = self.causes.pop(self.cause, (0, None))
        self.causes[self.cause] = often + 1, self.words

    def forgive(self) -> None:
        """Count no earlier tick any more."""
        self.failures = 0
        self.causes.clear()

    @property
    def blame(self) -> tuple[str, str | None]:
        """The cause of most of these ticks, of several the one that came last, and its words."""
        latest_first = reversed(self.causes.items())
        cause, (_, words) = max(latest_first, key=lambda each: each[1][0])
        return cause, words

    @property
    def words(self) -> str | None:
        if self.word is not Word.IN_SERVICE:
            return self.detail
        if self.closed:
            return self.refused
        if self.left is not None:
            return self.left
        return f"the XMPP user finesse is unavailable at {self.name}" if self.away else None


class Pair:
    """One or two nodes by name, the first one being used to begin with.

    Nothing here waits; every time is on the same clock.
    """

    def __init__(
        self, names: Iterable[str], polling: Polling | None = None, *, ping: float = 10.0
    ) -> None:
        self._ping = ping  # seconds from one ping of a session to the next
        self._polling = polling or Polling()
        self._nodes = {name: _Node(name) for name in names}
        self.current = next(iter(self._nodes))
        """The node in use."""
        self._settled = False  # whether it was found to be usable, ever
        self._ticked = float("-inf")
        self._moves, self._moved = 0, float("-inf")  # how often of late, and when last

    def __repr__(self) -> str:
        return f"<Pair {', '.join(f'{n.name} {n.state}' for n in self._nodes.values())}>"

    def __iter__(self) -> Iterator[str]:
        return iter(self._nodes)

    # -- what is heard ------------------------------------------------------------------------

    def begin(self) -> None:
        """Begin to ask anew: what failed long ago counts no more."""
        for node in self._nodes.values():
            node.forgive()
            node.good = 0

    def answered(self, now: float, name: str, word: Word, detail: str | None = None) -> None:
        """Take in what a question to that node brought; `detail` in words when it is not good."""
        node = self._nodes[name]
        node.word, node.detail = word, detail
        if name == self.current and word is Word.IN_SERVICE:
            self._settled = True
        if word in {Word.OUT, Word.NOTHING}:
            node.left = None  # what it was left for is over, or hidden by this
        self._assess(now, node)

    def said(self, now: float, name: str, *, in_service: bool) -> None:
        """Take in a SystemInfo event of that node; IN_SERVICE is believed once it is asked."""
        if not in_service:
            self.answered(now, name, Word.OUT, f"Finesse at {name} says that it is out of service")

    def saw(self, now: float, name: str, agent: str, *, available: bool) -> None:
        """Take in what an agent's session at that node shows of the user `finesse`."""
        self._nodes[name].view(agent, available=available)
        self._assess(now, self._nodes[name])

    def refused(self, name: str, detail: str) -> None:
        """Take in that an attempt at a session failed there for a reason that is the node's.

        Of a node that is not in use it says nothing: nobody tries again there, and it would stay.
        """
        if name == self.current:
            self._nodes[name].refused = detail

    def cut(
        self, now: float, name: str, agent: str, detail: str, *, unanswered: bool = False
    ) -> None:
        """Take in that an agent's link there is lost, before `gone` is told.

        Where that befell most of a node's sessions within the time from one ping to the next, and
        none was made since, it is as if a session was refused there. Of a node's only session that
        holds where a ping stayed `unanswered`; a link that broke tells nothing before the next try.
        """
        node = self._nodes[name]
        node.cuts.pop(agent, None)
        node.cuts[agent] = now  # the last one, so that they are in the order of their times
        while now - node.cuts[oldest := next(iter(node.cuts))] > self._ping:
            del node.cuts[oldest]
        still = len(node.sessions) - (agent in node.sessions)
        if name == self.current and len(node.cuts) > still and (unanswered or len(node.cuts) > 1):
            node.refused, node.silent = detail, True

    def connected(self, now: float, name: str, agent: str) -> None:
        """Take in that an agent has a session there."""
        node = self._nodes[name]
        node.sessions.add(agent)
        node.refused = node.left = None
        node.silent = False
        node.cuts.clear()
        self._assess(now, node)

    def gone(self, now: float, name: str, agent: str) -> None:
        """Take in that an agent has no session there any more, or got none."""
        node = self._nodes[name]
        node.sessions.discard(agent)
        if node.view(agent, available=None):
            self._assess(now, node)

    # -- what is known ------------------------------------------------------------------------

    def in_service(self, name: str) -> bool:
        """Say whether that node's last word was IN_SERVICE."""
        return self._nodes[name].word is Word.IN_SERVICE

    def admits(self, name: str) -> bool:
        """Say whether a session may be made there: IN_SERVICE, or known by those that stand there.

        They tell where SystemInfo takes no password of ours; SASL judges the one who comes.
        """
        node = self._nodes[name]
        known = node.word is Word.UNTOLD and bool(node.sessions) and not node.away
        return node.word is Word.IN_SERVICE or known

    def hearing(self, name: str) -> bool:
        """Say whether nothing speaks against a session there that is up: events may flow."""
        node = self._nodes[name]
        return node.word is not Word.OUT and not node.away

    def sound(self, name: str) -> bool:
        """Say whether a session there may be used: IN_SERVICE, and `finesse` not unavailable."""
        return self.in_service(name) and not self._nodes[name].away

    def view(self, name: str, agent: str) -> bool | None:
        """Say whether `finesse` is available as that agent's session there shows it."""
        return self._nodes[name].views.get(agent)

    def usable(self, name: str) -> bool:
        """Say whether nothing is known that speaks against that node, which is in service."""
        return self._nodes[name].usable

    def promising(self, name: str) -> bool:
        """Say whether a session may be had there: it was not asked yet, or is in service."""
        return self._nodes[name].word in {None, Word.IN_SERVICE}

    def trouble(self, name: str) -> str | None:
        """Say in words why that node is not usable; None when it is, or was not asked."""
        return self._nodes[name].words

    def state(self, name: str) -> NodeState:
        """Say how that node is."""
        return self._nodes[name].state

    def sessions(self, name: str) -> frozenset[str]:
        """Return the agents who have a session there."""
        return frozenset(self._nodes[name].sessions)

    def has_sessions(self, name: str) -> bool:
        """Say whether any agent has a session there."""
        return bool(self._nodes[name].sessions)

    def status(self) -> tuple[NodeStatus, ...]:
        """Return how each node is, in the order of the settings."""
        return tuple(
            NodeStatus(
                node.name,
                node.state,
                node.name == self.current,
                node.since,
                node.failures,
                len(node.sessions),
                node.words,
            )
            for node in self._nodes.values()
        )

    # -- what is decided ----------------------------------------------------------------------

    def tick(self, now: float, *, wanted: bool = False) -> Move | None:
        """Count once for each node, all having been asked; return the change-over that is due.

        `wanted`: somebody waits for a session, or to use one. A call that comes too early counts
        nothing.
        """
        if now - self._ticked < self._polling.every * 0.75:
            return None
        self._ticked = now
        for node in self._nodes.values():
            self._count(now, node, wanted=wanted)
        return self._decide(now)

    def _count(self, now: float, node: _Node, *, wanted: bool) -> None:
        if node.usable:
            node.forgive()
        elif node.word is not Word.UNTOLD or wanted or not node.sessions:
            # Where SystemInfo takes no password of ours, sessions that are up tell more than it;
            # but nobody else's may be used before it says IN_SERVICE.
            node.fail()
        node.good = node.good + 1 if node.word is Word.IN_SERVICE else 0
        if node.good >= STEADY:
            node.was_out = False
        self._assess(now, node)

    def _assess(self, now: float, node: _Node) -> None:
        state = node.state
        unheard = state is NodeState.UNKNOWN and node.word is Word.NOTHING
        tired = node.failures >= self._polling.patience
        if node.usable and node.left is None:
            state = NodeState.USABLE
        elif node.left is not None or node.word is Word.OUT or node.away or tired or unheard:
            state = NodeState.OUT
        if node.word in {Word.OUT, Word.NOTHING}:
            node.was_out = True
        if state is not node.state:
            node.state, node.since = state, now

    def _decide(self, now: float) -> Move | None:
        used = self._nodes[self.current]
        others = [node for node in self._nodes.values() if node is not used]
        if used.failures == 0 or not others:
            return None
        (other,) = others
        if not self._settled:  # nobody is anywhere yet, so nothing is moved
            return self._move(now, used, other) if other.word is Word.IN_SERVICE else None
        ready = other.usable and (other.good >= STEADY or not other.was_out)
        enough = used.failures >= self._polling.patience * self._factor(now, used, other)
        return self._move(now, used, other) if ready and enough else None

    def _factor(self, now: float, used: _Node, other: _Node) -> int:
        """Return how many times the usual patience is due: less and less of to and fro."""
        if now - self._moved >= self._polling.calm:
            self._moves = 0
        in_vain = used.word is Word.IN_SERVICE and now - other.left_in_vain < self._polling.calm
        most = MOST_OF_IN_VAIN if in_vain else MOST_PATIENCE
        return int(min(2**self._moves, most))

    def _move(self, now: float, used: _Node, other: _Node) -> Move:
        cause, words = used.blame
        move = Move(used.name, other.name, cause if self._settled else None, words)
        if self._settled:
            self._moves, self._moved = self._moves + 1, now
            if used.word is Word.IN_SERVICE:
                used.left_in_vain = now
        self._settled = True
        self.current = other.name
        used.forgive()
        other.forgive()
        used.left, used.refused = used.refused, None  # whoever comes back there tries anew
        used.silent = False
        return move
