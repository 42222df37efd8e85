"""Misfortune on demand: what goes wrong with an answer or an event, by rule or by the seed.

Decides; does nothing itself. Rules are one-shot (`times`), rates are probabilities. Whatever is
decided is noted in the Deed, so that the truth stays exact.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from listener.simulator.interfaces import Deed, Fate
from listener.simulator.profiles import Dice

if TYPE_CHECKING:
    from collections.abc import Iterable


class Fault(StrEnum):
    """One kind of misfortune."""

    ANSWER_LATE = "answer_late"  # the answer waits for `seconds`
    EVENT_FIRST = "event_first"  # the events are out before the answer
    NO_ANSWER_DONE = "no_answer_done"  # executed, and `fate` instead of an answer
    NO_ANSWER_LOST = "no_answer_lost"  # not executed, and `fate` instead of an answer
    UNAVAILABLE = "unavailable"  # 503 with ApiErrors, not executed
    UNAVAILABLE_BARE = "unavailable_bare"  # 503 without ApiErrors, not executed
    UNAVAILABLE_DONE = "unavailable_done"  # 503 without ApiErrors, and executed all the same
    ERROR_DONE = "error_done"  # 500, and executed all the same
    REFUSED_LATER = "refused_later"  # 202, then a CTI error
    SILENT = "silent"  # executed, and none of its events is published
    EVENT_LOST = "event_lost"
    EVENT_TWICE = "event_twice"  # the same item id again
    EVENT_AGAIN = "event_again"  # a new item id, as fail-over publishes
    EVENT_LATE = "event_late"  # `seconds` late
    EVENT_SWAPPED = "event_swapped"  # behind the next one of its node
    ERROR_LATE = "error_late"  # an error event, `seconds` late


_ON_EVENTS = frozenset(fault for fault in Fault if fault.value.startswith("event_")) | {
    Fault.ERROR_LATE
}
EVENT_FAULTS = _ON_EVENTS - {Fault.EVENT_FIRST}
REQUEST_FAULTS = frozenset(Fault) - EVENT_FAULTS


@dataclass(slots=True)
class Rule:
    """A fault for requests that fit; used up after `times` of them.

    None fits everything, but reading has to be named:
    action "GET". `events`: for faults of events, how many of the request's events it hits.
    """

    fault: Fault
    agent: str | None = None
    action: str | None = None
    client: str | None = "caller"
    times: int = 1
    events: int = 1
    seconds: float = 0.5
    fate: Fate = Fate.CUT

    def fits(self, deed: Deed) -> bool:
        """Say whether it is for this request."""
        return (
            self.times > 0
            and (deed.action != "GET" or self.action == "GET")
            and self.agent in {None, deed.agent}
            and self.action in {None, deed.action}
            and self.client in {None, deed.client}
        )


@dataclass(slots=True)
class Charge:
    """A rule for events, and how many it still hits."""

    rule: Rule
    left: int


@dataclass(slots=True)
class Plan:
    """What will go wrong with one request and with its events."""

    request: dict[Fault, Rule] = field(default_factory=dict)
    events: list[Charge] = field(default_factory=list)

    def __contains__(self, fault: Fault) -> bool:
        return fault in self.request


class Faults:
    """The rules and the rates."""

    def __init__(
        self,
        rules: Iterable[Rule] = (),
        *,
        rates: Mapping[Fault, float] | None = None,
        seconds: float = 0.5,
    ) -> None:
        self.rules: list[Rule] = list(rules)
        self.rates: dict[Fault, float] = dict(rates or {})
        self.seconds = seconds
        self._dice = Dice(0, "faults")

    def seed(self, seed: int) -> None:
        """Start the draws anew from that seed."""
        self._dice = Dice(seed, "faults")

    def add(self, fault: Fault, **matcher: object) -> Rule:
        """Add a rule (keywords as in Rule) and return it."""
        rule = Rule(fault, **matcher)  # type: ignore[arg-type]
        self.rules.append(rule)
        return rule

    def plan(self, deed: Deed) -> Plan:
        """Decide what goes wrong with this request; uses rules up and notes them in the deed."""
        plan = Plan()
        for rule in [rule for rule in self.rules if rule.fits(deed)]:
            rule.times -= 1
            self._take(plan, rule, deed)
        self.rules = [rule for rule in self.rules if rule.times > 0]
        rates = {} if deed.action == "GET" else self.rates
        for fault in sorted(REQUEST_FAULTS & rates.keys()):
            if self._dice.happens(self.rates[fault]) and fault not in plan:
                fate = self._dice.pick(None, (Fate.CUT, Fate.HANG, Fate.RESET))
                self._take(
                    plan, Rule(fault, seconds=self._dice.between(0, self.seconds), fate=fate), deed
                )
        return plan

    @staticmethod
    def _take(plan: Plan, rule: Rule, deed: Deed) -> None:
        if rule.fault in EVENT_FAULTS:
            plan.events.append(Charge(rule, rule.events))
        else:
            plan.request[rule.fault] = rule
            deed.faults.append(rule.fault.value)

    def event(self, plan: Plan | None, deed: Deed | None, *, is_error: bool) -> Rule | None:
        """Decide what goes wrong with one event; `plan` and `deed` are None for unsolicited."""
        rule = self._planned(plan, is_error=is_error) if plan is not None else None
        if rule is None:
            rule = self._drawn(is_error=is_error)
        if rule is not None and deed is not None:
            deed.faults.append(rule.fault.value)
        return rule

    @staticmethod
    def _planned(plan: Plan, *, is_error: bool) -> Rule | None:
        for charge in plan.events:
            if charge.left <= 0 or (charge.rule.fault is Fault.ERROR_LATE and not is_error):
                continue
            charge.left -= 1
            return charge.rule
        return None

    def _drawn(self, *, is_error: bool) -> Rule | None:
        for fault in sorted(EVENT_FAULTS & self.rates.keys()):
            if fault is Fault.ERROR_LATE and not is_error:
                continue
            if self._dice.happens(self.rates[fault]):
                return Rule(fault, seconds=self._dice.between(0, self.seconds))
        return None
