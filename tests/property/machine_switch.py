"""A tiny switch that knows the truth: calls, parties, call data, users, and how they came to be.

Knows Finesse's clock (states only move forward in it) and what is published to whom; knows nothing
of the correlator. Every change appends one snapshot to `history`, so that a test can ask later what
was true, and since when.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from listener.finesse.model import (
    CallVariable,
    Dialog,
    MediaProperties,
    Participant,
    User,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

AGENTS = ("1001", "1002")
EXTENSION = {"1001": "2001", "1002": "2002"}
AGENT_AT = {extension: agent for agent, extension in EXTENSION.items()}
OUTSIDE = ("9001", "9002")
CUSTOMERS = ("9101", "9102")
VALUES = ("x", "y", "z")
OFF = frozenset({"DROPPED", "WRAP_UP", "FAILED"})
_EPOCH = datetime(2026, 11, 21, 8, tzinfo=UTC)


@dataclass(frozen=True)
class Snap:
    """What was true at one moment. `merged`: which call went on under which other id."""

    dialogs: dict[str, Dialog]
    listed: dict[str, tuple[str, ...]]
    users: dict[str, User]
    merged: dict[str, str]


@dataclass(frozen=True)
class News:
    """One notification: for whose node, what, and after which change (an index of `history`)."""

    agent: str
    verb: str  # POST, PUT, DELETE, USER
    index: int
    dialog: Dialog | None = None
    user: User | None = None


@dataclass
class Switch:
    """The truth. `seconds` is Finesse's own clock, moved by the test."""

    seconds: float = 0.0
    dialogs: dict[str, Dialog] = field(default_factory=dict)
    listed: dict[str, list[str]] = field(default_factory=lambda: {a: [] for a in AGENTS})
    users: dict[str, User] = field(default_factory=dict)
    merged: dict[str, str] = field(default_factory=dict)
    history: list[Snap] = field(default_factory=list)
    count: int = 0

    def __post_init__(self) -> None:
        for agent in AGENTS:
            self.users[agent] = User(
                login_id=agent,
                extension=EXTENSION[agent],
                state="NOT_READY",
                state_change_time=self.stamp(),
            )
        self.remember()

    # -- time and memory ----------------------------------------------------------------------

    def stamp(self) -> str:
        """Return the next moment of Finesse's clock; no two are alike."""
        self.seconds += 0.001
        return (_EPOCH + timedelta(seconds=self.seconds)).isoformat(timespec="milliseconds")

    def date(self) -> float:
        """Return the Date header: whole seconds, cut off."""
        return float(int(_EPOCH.timestamp() + self.seconds))

    def remember(self) -> int:
        """Append what is true now; return its index."""
        self.history.append(
            Snap(
                dict(self.dialogs),
                {agent: tuple(ids) for agent, ids in self.listed.items()},
                dict(self.users),
                dict(self.merged),
            )
        )
        return len(self.history) - 1

    # -- small parts --------------------------------------------------------------------------

    def own(self, agent: str, dialog: str | None) -> str | None:
        """Return the state of the agent's party on a dialog that it still lists."""
        found = self.dialogs.get(dialog or "")
        party = found.participant(EXTENSION[agent]) if found else None
        listed = dialog in self.listed[agent]
        return party.state if party is not None and listed else None

    def _set(self, dialog: str, address: str, state: str, cause: str | None = None) -> None:
        was = self.dialogs[dialog]
        party = was.participant(address)
        when = self.stamp()
        new = Participant(
            media_address=address,
            media_address_type="AGENT_DEVICE" if address in AGENT_AT else "",
            state=state,
            state_cause=cause,
            start_time=party.start_time if party else when,
            state_change_time=when,
        )
        rest = [new if p.media_address == address else p for p in was.participants]
        parties = tuple(rest if party else [*rest, new])
        live = {p.state for p in parties} - OFF
        shown = "ALERTING" if "ALERTING" in live else "ACTIVE" if live else "DROPPED"
        state_of = was.state if was.state in {"INITIATING", "INITIATED", "FAILED"} else shown
        self.dialogs[dialog] = replace(was, participants=parties, state=state_of)

    def _parties(self, dialog: str) -> Iterable[str]:
        return [a for a in AGENTS if dialog in self.listed[a]]

    def _tell(self, dialog: str, index: int, verb: str = "PUT") -> list[News]:
        return [News(a, verb, index, self.dialogs[dialog]) for a in self._parties(dialog)]

    def _end(self, dialog: str) -> list[News]:
        """Take the call off every list: a DELETE to each."""
        index = self.remember()
        news = self._tell(dialog, index, "DELETE")
        for agent in self._parties(dialog):
            self.listed[agent].remove(dialog)
        return news

    def _new(self, sender: str, to: str, call_type: str, associated: str | None) -> str:
        self.count += 1
        id_ = str(7000 + self.count)
        self.dialogs[id_] = Dialog(
            id=id_,
            uri=f"/finesse/api/Dialog/{id_}",
            state="INITIATING",
            from_address=sender,
            to_address=to,
            associated_dialog_uri=f"/finesse/api/Dialog/{associated}" if associated else None,
            media_properties=MediaProperties(
                call_type=call_type,
                dialed_number=to,
                call_variables=(CallVariable("callVariable1", ""),),
            ),
        )
        return id_

    # -- what may happen ----------------------------------------------------------------------

    def incoming(self, agent: str, customer: str, state: str) -> list[News]:
        """Let a customer call: the agent's phone rings, or they talk already."""
        id_ = self._new(customer, EXTENSION[agent], "PREROUTE_ACD_IN", None)
        self.dialogs[id_] = replace(self.dialogs[id_], state="ALERTING")
        self._set(id_, customer, "ACTIVE")
        self._set(id_, EXTENSION[agent], state)
        self.listed[agent].append(id_)
        return self._tell(id_, self.remember(), "POST")

    def move(self, agent: str, dialog: str, was: str, state: str) -> list[News] | None:
        """HOLD, RETRIEVE, ANSWER: the own party goes from one state to the other."""
        if self.own(agent, dialog) != was:
            return None
        self._set(dialog, EXTENSION[agent], state)
        return self._tell(dialog, self.remember())

    def drop(self, agent: str, dialog: str, how: int) -> list[News] | None:
        """Let the own party leave: with PUT and DELETE, with DELETE alone, or into wrap-up."""
        if self.own(agent, dialog) in {None, *OFF}:
            return None
        self._set(dialog, EXTENSION[agent], "WRAP_UP" if how == 2 else "DROPPED")
        news = [] if how == 1 else self._tell(dialog, self.remember())
        return news if how == 2 else news + self._end(dialog)

    def hang_up(self, dialog: str) -> list[News] | None:
        """End the call from the other side; agents are off it too."""
        if not list(self._parties(dialog)):
            return None
        for party in self.dialogs[dialog].participants:
            self._set(dialog, party.media_address or "", "DROPPED")
        return self._end(dialog)

    def set_data(self, dialog: str, value: str) -> list[News] | None:
        """Call data changes; nobody is told when it does not."""
        if not list(self._parties(dialog)):
            return None
        was = self.dialogs[dialog]
        if was.media_properties.variable("callVariable1") == value:
            return []
        media = replace(
            was.media_properties, call_variables=(CallVariable("callVariable1", value),)
        )
        self.dialogs[dialog] = replace(was, media_properties=media)
        return self._tell(dialog, self.remember())

    def call(
        self, agent: str, to: str, shown: str | None = None, associated: str | None = None
    ) -> list[News] | None:
        """MAKE_CALL and CONSULT_CALL; `shown` is the number after the dial plan."""
        news: list[News] = []
        if associated is not None:
            held = self.move(agent, associated, "ACTIVE", "HELD")
            if held is None:
                return None
            news += held
        kind = "CONSULT" if associated is not None else "OUT"
        id_ = self._new(EXTENSION[agent], shown or to, kind, associated)
        self._set(id_, EXTENSION[agent], "INITIATING")
        self.listed[agent].append(id_)
        return news + self._tell(id_, self.remember(), "POST")

    def progress(self, dialog: str, *, fails: bool) -> list[News] | None:
        """Let a new call get on: INITIATED, ALERTING, ACTIVE; or it fails."""
        there = self.dialogs[dialog]
        own = there.from_address or ""
        agent = AGENT_AT.get(own)
        if agent is None or dialog not in self.listed[agent]:
            return None
        if self.own(agent, dialog) in OFF or there.state in {"ACTIVE", "FAILED"}:
            return None
        if fails:
            self._set(dialog, own, "FAILED", "BUSY")
            self.dialogs[dialog] = replace(self.dialogs[dialog], state="FAILED")
            return self._tell(dialog, self.remember())
        return self._next_stage(dialog, own)

    def _next_stage(self, dialog: str, own: str) -> list[News]:
        there = self.dialogs[dialog]
        to = there.to_address or ""
        if there.state == "INITIATING":
            self._set(dialog, own, "INITIATED")
            self.dialogs[dialog] = replace(self.dialogs[dialog], state="INITIATED")
        elif there.state == "INITIATED":
            self._set(dialog, own, "INITIATED")
            self._set(dialog, to, "ALERTING")
            self.dialogs[dialog] = replace(self.dialogs[dialog], state="ALERTING")
            if to in AGENT_AT and dialog not in self.listed[AGENT_AT[to]]:
                self.listed[AGENT_AT[to]].append(dialog)
        else:
            self._set(dialog, own, "ACTIVE")
            self._set(dialog, to, "ACTIVE")
        return self._tell(dialog, self.remember())

    def _two(self, agent: str, dialog: str) -> str | None:
        """Return the consult call that belongs to a held call."""
        if self.own(agent, dialog) != "HELD":
            return None
        uri = f"/finesse/api/Dialog/{dialog}"
        return next(
            (
                id_
                for id_ in self.listed[agent]
                if self.dialogs[id_].associated_dialog_uri == uri
                and self.dialogs[id_].state == "ACTIVE"
                and self.own(agent, id_) == "ACTIVE"
            ),
            None,
        )

    def _others(self, agent: str, dialog: str) -> list[Participant]:
        parties = self.dialogs[dialog].participants
        return [p for p in parties if p.media_address != EXTENSION[agent] and p.state not in OFF]

    def join(self, agent: str, dialog: str, *, stay: bool) -> list[News] | None:
        """TRANSFER (we leave) and CONFERENCE (we stay); the held call survives."""
        consult = self._two(agent, dialog)
        if consult is None:
            return None
        for party in self._others(agent, consult):
            self._set(dialog, party.media_address or "", "ACTIVE")
            other = AGENT_AT.get(party.media_address or "")
            if other is not None and dialog not in self.listed[other]:
                self.listed[other].append(dialog)
        self.merged[consult] = dialog
        self._set(dialog, EXTENSION[agent], "ACTIVE" if stay else "DROPPED")
        kind = replace(self.dialogs[dialog].media_properties, call_type="CONFERENCE")
        self.dialogs[dialog] = replace(
            self.dialogs[dialog],
            secondary_id=consult,
            media_properties=kind if stay else self.dialogs[dialog].media_properties,
        )
        for party in self.dialogs[consult].participants:
            self._set(consult, party.media_address or "", "DROPPED")
        return self._joined(agent, dialog, consult, stay=stay)

    def _joined(self, agent: str, dialog: str, consult: str, *, stay: bool) -> list[News]:
        index = self.remember()
        news = self._tell(dialog, index)
        if not stay:
            news = [replace(each, verb="DELETE") if each.agent == agent else each for each in news]
            self.listed[agent].remove(dialog)
        return news + self._end(consult)

    def send_away(self, agent: str, dialog: str, to: str) -> list[News] | None:
        """TRANSFER_SST: the target comes, we leave."""
        if self.own(agent, dialog) != "ACTIVE" or self.dialogs[dialog].state != "ACTIVE":
            return None
        if self.dialogs[dialog].participant(to) is not None:
            return None
        self._set(dialog, to, "ALERTING")
        self._set(dialog, EXTENSION[agent], "DROPPED")
        if to in AGENT_AT:
            self.listed[AGENT_AT[to]].append(dialog)
        news = self._tell(dialog, self.remember())
        news = [replace(each, verb="DELETE") if each.agent == agent else each for each in news]
        self.listed[agent].remove(dialog)
        self.remember()
        return news

    def tell(self, agent: str, dialog: str) -> list[News]:
        """Publish what is so already: a call of the agent's, or the agent."""
        index = len(self.history) - 1
        if dialog in self.listed[agent]:
            return [News(agent, "PUT", index, self.dialogs[dialog])]
        return [News(agent, "USER", index, user=self.users[agent])]

    def be(self, agent: str, state: str, *, pending: bool = False) -> list[News]:
        """Change the agent's state, or promise to after the call."""
        was = self.users[agent]
        if pending:
            self.users[agent] = replace(was, pending_state=state)
        else:
            self.users[agent] = replace(
                was, state=state, pending_state=None, state_change_time=self.stamp()
            )
        return [News(agent, "USER", self.remember(), user=self.users[agent])]
