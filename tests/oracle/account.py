"""What a run leaves behind for the judge: what was asked, what was true, what was heard. Values.

A world (`world.py`, or another one around a whole daemon) fills it in; `judge.py` reads it. Nothing
here has an opinion. All times are the world's loop clock.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from listener.correlation.outcome import MinimumEvidence, Outcome
    from listener.correlation.steps import Late
    from listener.finesse.actions.request import Request
    from listener.finesse.events import Event
    from listener.simulator.calls import Call, Party
    from listener.simulator.finesse import Finesse
    from listener.simulator.interfaces import Deed
    from listener.simulator.users import Agent

T = TypeVar("T")
OFF = frozenset({"DROPPED", "WRAP_UP", "FAILED", "CLOSED", None})
"""States of a party that is not on a call."""


class View(NamedTuple):
    """One dialog as it truly was. `listed`: the agents who had it in their lists."""

    kind: str
    state: str
    call_type: str
    sender: str
    numbers: frozenset[str]  # toAddress and dialedNumber
    parties: Mapping[str, str]
    listed: frozenset[str]
    values: Mapping[str, str | None]
    items: tuple[str, ...]
    callback: tuple[str | None, str | None]
    secondary: str | None
    associated: str | None
    recording: bool
    over: bool
    causes: frozenset[str] = frozenset()  # why parties failed
    twice: frozenset[str] = frozenset()  # numbers that two have who are on the call

    @property
    def present(self) -> frozenset[str]:
        """Who is on the call."""
        return frozenset(who for who, state in self.parties.items() if state not in OFF)


class Person(NamedTuple):
    """One agent as Finesse truly had it."""

    state: str
    pending: str | None
    reason: str | None
    extension: str | None
    changed: str


@dataclass(slots=True)
class History:
    """Every dialog and every agent since the beginning, each with the times of its changes."""

    calls: dict[str, list[tuple[float, View]]] = field(default_factory=dict)
    people: dict[str, list[tuple[float, Person]]] = field(default_factory=dict)

    def observe(self, now: float, finesse: Finesse) -> None:
        """Write down what is true now, where it differs from before."""
        for id_, call in finesse.calls.items():
            row = self.calls.setdefault(id_, [])
            if not (row and row[-1][1].over and call.over):
                _note(row, now, _view(call))
        for id_, agent in finesse.agents.items():
            _note(self.people.setdefault(id_, []), now, _person(agent))

    def at(self, id_: str | None, when: float) -> View | None:
        """Return a dialog as it was at that time."""
        return _at(self.calls.get(id_ or "", []), when)

    def person(self, agent: str, when: float) -> Person | None:
        """Return an agent as it was at that time."""
        return _at(self.people.get(agent, []), when)


def _at(row: list[tuple[float, T]], when: float) -> T | None:
    found = None
    for at, seen in row:
        if at > when:
            break
        found = seen
    return found


def _note(row: list[tuple[float, T]], now: float, seen: T) -> None:
    if not row or row[-1][1] != seen:
        row.append((now, seen))


def _view(call: Call) -> View:
    present = [party.address for party in call.parties if party.state not in OFF]
    return View(
        call.kind.value,
        call.state,
        call.call_type,
        call.from_address,
        frozenset(n for n in (call.to_address, call.dialed) if n),
        _states(call.parties),
        frozenset(party.agent for party in call.parties if party.listed and party.agent),
        {**call.variables, "wrapUpReason": call.wrap_up_reason},
        tuple(call.wrap_up_items),
        (call.scheduled.get("callbackTime"), call.scheduled.get("callbackNumber")),
        call.secondary,
        call.associated,
        call.recording,
        call.over,
        frozenset(party.cause for party in call.parties if party.cause),
        frozenset(number for number, count in Counter(present).items() if count > 1),
    )


def _states(parties: Sequence[Party]) -> dict[str, str]:
    """Return the state of each number: of who is on the call, else of the first who was.

    Two customers of one house may show the same number, and one of them hang up.
    """
    backwards = [(party.address, party.state) for party in reversed(parties)]
    return dict(backwards) | {who: state for who, state in backwards if state not in OFF}


def _person(agent: Agent) -> Person:
    return Person(agent.state, agent.pending, agent.reason_code_id, agent.extension, agent.changed)


@dataclass(slots=True, eq=False)
class Parcel:
    """One event as Finesse published it; `cause` None: nobody over REST.

    `heard` lists (when, by whose session) it was read, repeats too; `live` whether a session that
    truly stood took it when it was published.
    """

    node: str
    payload: str
    made: float
    cause: Deed | None
    tag: str | None
    is_error: bool
    item_id: str = ""
    published: list[float] = field(default_factory=list)
    heard: list[tuple[float, str]] = field(default_factory=list)


class Heard(NamedTuple):
    """One event that the program read. `first`: that agent's sessions had read no copy of it."""

    at: float
    agent: str
    event: Event
    parcel: Parcel
    first: bool


class Got(NamedTuple):
    """One GET: when it was sent and answered, with what (None: not at all).

    `agent`: with whose login, where that is noted. A status without a time told nothing but that.
    """

    sent: float
    answered: float | None
    agent: str
    path: str
    status: int | None


@dataclass(slots=True, eq=False)
class Asked:
    """One request. `step` is its number in the story; `mode` how it was asked.

    `turn`: when its turn came, so that it keeps others off its device; `begun`: when it left, and
    what was known then is what changes are compared with; `sent`: when its bytes left; `length`:
    seconds of its deadline. `deeds`: what reached Finesse of it.
    `ambiguous`: another request of that agent had the same id.
    """

    step: int
    key: str
    request: Request
    request_id: str
    own: str
    mode: str
    minimum: MinimumEvidence
    length: float
    submitted: float
    turn: float | None = None
    begun: float | None = None
    sent: float | None = None
    answered: float | None = None
    status: int | None = None
    accepted: bool = False
    deeds: list[Deed] = field(default_factory=list)
    abandoned: float | None = None
    ambiguous: bool = False
    known: bool = True  # a session of its agent heard when it was sent
    outcome: Outcome | None = None
    unkept: bool = False  # a kill took away what was known as it left: it has no baseline (4)
    settled: float | None = None
    times_settled: int = 0
    late: list[Late] = field(default_factory=list)
    faults: tuple[str, ...] = ()

    @property
    def agent(self) -> str:
        """Whose request it is."""
        return self.request.agent

    @property
    def action(self) -> str:
        """Finesse's name for it, told apart for tasks."""
        kind = type(self.request).__name__
        name = self.request.requested_action
        return f"TASK_{name}" if kind.startswith("Task") else name

    @property
    def deed(self) -> Deed | None:
        """The truth about it, None when it never reached Finesse."""
        return self.deeds[0] if self.deeds else None

    @property
    def deadline(self) -> float:
        """When waiting ends: from the 202 if that came before its end, else from submission (2)."""
        answered = self.answered if self.accepted else None
        if answered is None or (self.settled is not None and answered > self.settled):
            return self.submitted + self.length
        return answered + self.length


@dataclass(slots=True)
class Account:
    """Everything of one run."""

    seed: int
    gate: str = "queue"
    asked: list[Asked] = field(default_factory=list)
    before: list[Asked] = field(default_factory=list)  # of the story before, ended a moment ago
    history: History = field(default_factory=History)
    parcels: list[Parcel] = field(default_factory=list)
    earlier: list[Parcel] = field(default_factory=list)  # told in the stories before
    heard: list[Heard] = field(default_factory=list)
    gets: list[Got] = field(default_factory=list)
    up: dict[str, list[list[float]]] = field(default_factory=dict)  # sessions: [begin, end]
    live: dict[str, list[list[float]]] = field(default_factory=dict)  # the program hears
    deeds: list[Deed] = field(default_factory=list)
    restarts: list[tuple[float, float]] = field(default_factory=list)  # killed, started
    outages: list[list[float]] = field(default_factory=list)
    rest: list[tuple[float, float]] = field(default_factory=list)  # REST suffered
    slow: list[tuple[str, float, float]] = field(default_factory=list)
    away: list[tuple[str, float, float]] = field(default_factory=list)  # `finesse`, as told
    ended: float = 0.0
    exact: bool = False  # late news have the times at which they were read
    faults: list[str] = field(default_factory=list)
    refused: int = 0  # requests that the program did not take
    trouble: list[str] = field(default_factory=list)  # logged faults of the program itself

    def whole(self, agent: str, begin: float, end: float) -> bool:
        """Say whether one session of that agent truly stood from one time to the other."""
        return any(a <= begin and end <= b for a, b in self.up.get(agent, ()))

    def listening(self, agent: str, begin: float, end: float) -> bool:
        """Say whether the program heard that agent, by its own word, all that time."""
        return any(a <= begin and end <= b for a, b in self.live.get(agent, ()))

    def slowed(self, agent: str, begin: float, end: float) -> bool:
        """Say whether that agent's stream was slow at some time between the two."""
        return any(who == agent and a <= end and begin <= b for who, a, b in self.slow)
