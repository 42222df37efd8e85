"""How what goes from one process to the next is said: values <-> messages of bounded length.

Moments for people are microseconds since 1970. What cannot be understood is Broken, and the error
repeats nothing of what was said.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import fields
from datetime import datetime
from typing import Any

from listener.correlation.outcome import (
    Abandoned,
    Confirmed,
    Failed,
    Outcome,
    Presumed,
    Rejected,
    Unconfirmed,
)
from listener.correlation.picture import Baseline
from listener.correlation.registration import Registration
from listener.correlation.steps import Late
from listener.finesse.actions import ACTIONS, OtherRequest, key_of
from listener.finesse.actions.other import OTHER
from listener.handover.carried import Agents, Held, Open, Past, State
from listener.handover.channel import Broken, written
from listener.journal.codec import Undecodable, decode, encode
from listener.journal.encoding import micros, moment_of
from listener.offers import Told
from listener.order import Earlier
from listener.readers import Entry
from listener.settings.model import Agent
from listener.ticket import Record

TOGETHER = 1 << 20
"""Bytes of items that are said in one message."""

_OUTCOMES: dict[str, type[Outcome]] = {
    each.kind: each for each in (Confirmed, Presumed, Failed, Rejected, Unconfirmed, Abandoned)
}


# -- messages ---------------------------------------------------------------------------------


def messages(state: State) -> Iterator[bytes]:
    """Yield what is to be said, in order; may be called in another thread."""
    events = state.events
    head: dict[str, Any] = {
        "say": "state",
        "clock": state.clock,
        "journalled": state.journalled,
        "sessions": state.sessions,
        "gaps": state.gaps,
        "hashes": state.hashes.hex() if state.hashes is not None else None,
        "events": None if events is None else [events.epoch, events.sequence],
    }
    yield written(head)
    yield from _parts("open", map(_open_json, state.open))
    yield from _parts("past", map(_past_json, state.past))
    yield from _parts("told", map(_entry_json, events.entries if events is not None else ()))
    yield from _parts("keys", map(list, state.keys))
    yield from _parts("heard", map(list, state.heard.items()))


def _parts(name: str, items: Iterable[Any]) -> Iterator[bytes]:
    """Put items together to messages that are long enough, and not too long."""
    together: list[Any] = []
    weight = 0
    for item in items:
        together.append(item)
        weight += len(str(item))
        if weight >= TOGETHER:
            yield written({"say": name, "items": together})
            together, weight = [], 0
    if together:
        yield written({"say": name, "items": together})


class Gathering:
    """Puts a state together from what is heard. Raises Broken for what cannot be understood."""

    def __init__(self, head: dict[str, Any]) -> None:
        try:
            hashes, events = head["hashes"], head["events"]
            self.state = State(
                float(head["clock"]),
                bool(head["journalled"]),
                sessions={id_: (str(s), bool(up)) for id_, (s, up) in head["sessions"].items()},
                gaps=dict(head["gaps"]),
                hashes=bytes.fromhex(hashes) if hashes is not None else None,
            )
            self._numbers = (str(events[0]), int(events[1])) if events is not None else None
        except _WRONG as error:
            raise _broken("state", error) from None
        self._told: list[Entry] = []

    def add(self, message: dict[str, Any]) -> None:
        """Take one message; may be called in another thread."""
        name = message.get("say")
        try:
            items = message["items"]
            match name:
                case "open":
                    self.state.open += map(_open_of, items)
                case "past":
                    self.state.past += map(_past_of, items)
                case "told":
                    self._told += [self._entry_of(item) for item in items]
                case "keys":
                    self.state.keys += [(k, p, id_, float(at)) for k, p, id_, at in items]
                case "heard":
                    self.state.heard |= {str(key): float(at) for key, at in items}
                case _:
                    raise Broken(f"{name!r} was not expected")
        except _WRONG as error:
            raise _broken(name, error) from None

    def done(self) -> State:
        """Return the state: all of it was heard."""
        if self._numbers is not None:
            self.state.events = Earlier(*self._numbers, tuple(self._told))
        return self.state

    def _entry_of(self, item: Any) -> Entry:
        sequence, name, data, agent, dialog_id, key = item
        assert self._numbers is not None
        told = Told(f"{self._numbers[0]}-{sequence}", name, data)
        return Entry(int(sequence), told, agent, dialog_id, key)


_WRONG = (
    Undecodable,
    AssertionError,
    AttributeError,
    KeyError,
    OverflowError,
    TypeError,
    ValueError,
)


def _broken(what: object, error: Exception) -> Broken:
    """Say what could not be understood, and nothing of what it held."""
    why = str(error) if isinstance(error, Undecodable) else type(error).__name__
    return Broken(f"{what}: {why}; the versions may be too far apart, so restart instead")


def _entry_json(entry: Entry) -> list[Any]:
    told = entry.told
    return [entry.sequence, told.name, told.data, entry.agent, entry.dialog_id, entry.key]


# -- requests ---------------------------------------------------------------------------------


def _open_json(given: Open) -> dict[str, Any]:
    return {
        "record": _record_json(given.record),
        "registration": encode(given.registration),
        "baseline": encode(given.baseline),
        "sent_at": given.sent_at,
        "left": given.left,
        "accepted": given.accepted,
        "status": given.status,
        "answer_date": given.answer_date,
        "gap": given.gap,
    }


def _open_of(data: Any) -> Open:
    baseline = data["baseline"]
    return Open(
        record=_record_of(data["record"]),
        registration=decode(Registration, data["registration"]),
        baseline=None if baseline is None else decode(Baseline, baseline),
        sent_at=data["sent_at"],
        left=float(data["left"]),
        accepted=bool(data["accepted"]),
        status=data["status"],
        answer_date=data["answer_date"],
        gap=bool(data["gap"]),
    )


def _past_json(given: Past) -> dict[str, Any]:
    return {
        "record": _record_json(given.record),
        "registration": encode(given.registration),
        "settled_ago": given.settled_ago,
        "left": given.left,
    }


def _past_of(data: Any) -> Past:
    return Past(
        record=_record_of(data["record"]),
        registration=decode(Registration, data["registration"]),
        settled_ago=float(data["settled_ago"]),
        left=float(data["left"]),
    )


_SPECIAL = frozenset({"request", "outcome", "late"})
_MOMENTS = frozenset(each.name for each in fields(Record) if "datetime" in str(each.type))
_PLAIN = tuple(each.name for each in fields(Record) if each.name not in _SPECIAL | _MOMENTS)


def _record_json(record: Record) -> dict[str, Any]:
    outcome = record.outcome
    plain = {name: getattr(record, name) for name in _PLAIN}
    moments = {name: _micros(getattr(record, name)) for name in _MOMENTS}
    return {
        **plain,
        **moments,
        "action": key_of(record.request),
        "request": encode(record.request),
        "outcome": None if outcome is None else [outcome.kind, encode(outcome)],
        "late": encode(record.late),
    }


def _record_of(data: Any) -> Record:
    action, outcome, idempotency = data["action"], data["outcome"], data["idempotency"]
    kind: Any = OtherRequest if action == OTHER else ACTIONS[action]
    # What a later version has besides is left out; what an earlier one has not has its default.
    known: dict[str, Any] = {name: data[name] for name in _PLAIN if name in data}
    known |= {name: _moment(data[name]) for name in _MOMENTS if name in data}
    known["idempotency"] = None if idempotency is None else (idempotency[0], idempotency[1])
    return Record(
        **known,
        request=decode(kind, data["request"]),
        outcome=None if outcome is None else _outcome_of(*outcome),
        late=[decode(Late, each) for each in data["late"]],
    )


def _outcome_of(kind: str, data: Any) -> Outcome:
    wanted: Any = _OUTCOMES[kind]
    found: Outcome = decode(wanted, data)
    return found


def _moment(given: int | None) -> datetime | None:
    return None if given is None else moment_of(given)


def _micros(moment: datetime | None) -> int | None:
    return None if moment is None else micros(moment)


# -- agents -----------------------------------------------------------------------------------


def agents_json(agents: Agents) -> dict[str, Any]:
    """Return the agents with their credentials, for the next process alone."""
    return {
        "revision": agents.revision,
        "live": agents.live,
        "others": [
            {
                "agent": _agent_json(held.agent),
                "origin": held.origin,
                "file": None if held.file is None else _agent_json(held.file),
            }
            for held in agents.others
        ],
    }


def agents_of(data: Any) -> Agents:
    """Return the agents that `agents_json` described. Raises Broken."""
    try:
        return Agents(
            int(data["revision"]),
            [str(id_) for id_ in data["live"]],
            [_held_of(each) for each in data["others"]],
        )
    except _WRONG as error:
        raise _broken("agents", error) from None


def _held_of(data: Any) -> Held:
    file = data["file"]
    return Held(
        _agent_of(data["agent"]),
        str(data["origin"]),
        None if file is None else _agent_of(file),
    )


_SECRETS = ("password", "token")


def _agent_json(agent: Agent) -> dict[str, Any]:
    shown = agent.model_dump(mode="json", exclude=set(_SECRETS))
    for name in _SECRETS:
        secret = getattr(agent, name)
        shown[name] = None if secret is None else secret.get_secret_value()
    return shown


def _agent_of(data: Any) -> Agent:
    return Agent(**data)
