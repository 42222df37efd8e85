"""Stories for a whole daemon: the oracle's, and what happens on the wire and to the processes.

A longer run is several stories, one after the other, for the same daemon. What is drawn depends on
the seed alone; when exactly it happens is the machine's business.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from itertools import cycle
from typing import Any

from tests.oracle.story import Author, Step, Story

APART = 7.0  # seconds between two faults that concern everybody
EVERYBODY = ("outage", "restart", "node", "wire", "cti", "term", "handover", "rest", "away")
WIRES = ("rst", "fin", "hole", "freeze", "latency", "slices", "refuse", "turn_away")
NODES = (
    *("gone", "no_sessions", "no_tomcat", "frozen", "frozen_sessions", "frozen_rest"),
    *("out_of_service", "reset", "both_gone"),
)
CUTS = (("rst", "xmpp"), ("fin", "both"), ("fin", "xmpp"), ("rst", "both"))
"""How the links of all are cut, in turn."""
PHASES = (0.3, 1.0, 1.5, 0.5)
"""How rough it is in each quarter of a story, in parts of what the story's own traits say."""


IN_A_RUN = 1000  # stories


def story_seed(run: int, number: int) -> int:
    """Return the seed of a run's story of that number."""
    return run * IN_A_RUN + number


def run_of(seed: int) -> int:
    """Return the seed of the run in which a story of that seed was drawn."""
    return seed // IN_A_RUN


EVENTS = 12  # of a request, until its letters begin anew
TAGGED = ((1, 1, 2), (1, 1, 2), (8, 1, 1), (1, 0, 9))
"""How often an event has its request's id, only on the requester's own node, or not: Finesses whose
events have it half of the time, nearly always, and hardly ever."""


def traits_of(seed: int, agents: int) -> dict[str, Any]:
    """Draw what is so in a whole run."""
    dice = random.Random(f"run/{seed}")
    traits = Author(seed)._traits()
    return traits | {
        "agents": agents,
        "gate": "queue",
        "pace": dice.choice((0.02, 0.05, 0.2)),
        "rough": dice.choice((1.0, 1.5)),
        "background": 0.01,
        "latency": 0.0,
        "tagging": "drawn",  # for each event anew
    }


class Plotter(Author):
    """Draws one story of `seconds`, with `rate` requests a second.

    `quick`: short deadlines, so that it is over soon. `calm`: nothing goes wrong but what agents
    and far ends do.
    """

    def __init__(
        self,
        seed: int,
        traits: Mapping[str, Any],
        *,
        seconds: float,
        rate: float,
        quick: bool = False,
    ) -> None:
        super().__init__(seed)
        self._run = dict(traits)
        self._seconds = seconds
        self._rate = rate
        self._quick = quick
        self._free_at = 0.0

    def whole(self) -> Story:
        """Draw it."""
        dice, traits = self.dice, self._run
        steps = self._opening(dice)
        now = 1.0
        while now < self._seconds:
            # The same spread as in the oracle's stories, stretched to the rate.
            now += dice.choice((0.02, 0.2, 0.7, 1.5, 3.0)) / 1.08 / (self._rate * 1.9)
            phase = PHASES[min(3, int(4 * now / self._seconds))]
            rough = {**traits, "rough": traits["rough"] * phase}
            step = self._next(round(now, 3), rough)
            if step is None:
                continue
            steps.append(step)
            if step.do == "ask":
                steps += self._beside(step, rough)
        ordered = sorted((self._bounded(step) for step in steps), key=lambda each: each.at)
        return Story(self.seed, traits, tuple(ordered))

    def _opening(self, dice: random.Random) -> list[Step]:
        """Draw the calls with which it begins: one for each agent."""
        return [
            Step(round(0.05 * who, 3), "incoming", who, {"n": dice.random()})
            for who in range(self._run["agents"])
        ]

    def _next(self, at: float, traits: Mapping[str, Any]) -> Step | None:
        dice, rough = self.dice, traits["rough"]
        kinds = {
            "ask": 10.0,
            "incoming": 1.5,
            "far": 0.4,
            "phone": 0.8,
            "desktop": 0.8,
            "preview": 1.0,
            "task": 0.0 if traits["profile"] == "UCCX" else 0.5,
            "cut": 0.12 * rough,
            "hole": 0.05 * rough,
            "slow": 0.05 * rough,
            "again": 0.15 * rough,
            "reload": 0.03 * rough,
            "outage": 0.02 * rough,
            "restart": 0.04 * rough,
            "rest": 0.05 * rough,
            "away": 0.03 * rough,
            "node": 0.06 * rough,
            "wire": 0.12 * rough,
            "cti": 0.02 * rough,
            "term": 0.02 * rough,
            "handover": 0.02 * rough,
        }
        do = dice.choices(list(kinds), list(kinds.values()))[0]
        said = getattr(self, f"_{do}")(traits)
        if do in EVERYBODY:
            if at < self._free_at:
                return None
            self._free_at = at + APART
        return Step(at, do, dice.randrange(traits["agents"]), said)

    def _bounded(self, step: Step) -> Step:
        """Keep deadlines short enough that a story ends soon."""
        if step.do != "ask":
            return step
        args = dict(step.args)
        if args["mode"] == "expect":
            args["deadline"] = 8.0 if self._quick else 15.0
        elif self._quick:
            args["deadline"] = min(8.0, args.get("deadline", 8.0))
            if args["mode"] == "forward" and step.at > self._seconds / 3:
                args["mode"] = "submit"  # who goes through the drop-in cannot say a deadline
        elif "deadline" in args:
            args["deadline"] = min(20.0, args["deadline"])
        return Step(step.at, step.do, step.who, args)

    # -- which events carry the id ----------------------------------------------------------------

    def _ask(self, traits: Mapping[str, Any]) -> dict[str, Any]:
        return super()._ask(traits) | {"error_tag": self._letters(2)}

    def _desktop(self, traits: Mapping[str, Any]) -> dict[str, Any]:
        return super()._desktop(traits) | {"error_tag": self._letters(2)}

    def _tags(self, tagging: str) -> str:
        """Draw it for each event; "o": the requester's own node has the id, the others do not."""
        del tagging
        return self._letters(EVENTS)

    def _letters(self, events: int) -> str:
        weights = self.dice.choice(TAGGED)
        return "".join(self.dice.choices("1o0", weights, k=events))

    # -- what happens to everybody ----------------------------------------------------------------

    def _wire(self, traits: Mapping[str, Any]) -> dict[str, Any]:
        del traits
        dice = self.dice
        return {
            "kind": dice.choice(WIRES),
            "side": dice.choice(("xmpp", "xmpp", "rest", "both")),
            "node": dice.choice(("used", "used", "used", "other")),
            "lasts": dice.choice((0.3, 1.0, 3.0, 6.0)),
        }

    def _node(self, traits: Mapping[str, Any]) -> dict[str, Any]:
        del traits
        dice = self.dice
        return {
            "kind": dice.choice(NODES),
            "node": dice.choice(("used", "used", "other")),
            "how": dice.choice(("close", "reset", "stream-error")),
            "lasts": dice.choice((0.5, 3.0, 9.0, 15.0)),
        }

    def _cti(self, traits: Mapping[str, Any]) -> dict[str, Any]:
        del traits
        dice = self.dice
        return {
            "lasts": dice.choice((1.0, 4.0)),
            "unnoticed": dice.choice((0.0, 0.5, 2.0)),
            "repeats": dice.choice((1, 2, 4)),
        }

    def _rest(self, traits: Mapping[str, Any]) -> dict[str, Any]:
        del traits
        dice = self.dice
        kinds = ("refused", "get_hangs", "get_500", "get_401")
        return {"what": dice.choice(kinds), "lasts": dice.choice((0.5, 2.0, 6.0))}

    def _outage(self, traits: Mapping[str, Any]) -> dict[str, Any]:
        del traits
        return {"lasts": self.dice.choice((1.0, 5.0, 10.0))}

    def _restart(self, traits: Mapping[str, Any]) -> dict[str, Any]:
        del traits
        return {"back": self.dice.choice((0.0, 0.5, 3.0))}

    _term = _restart

    def _handover(self, traits: Mapping[str, Any]) -> dict[str, Any]:
        del traits
        return {}

    _reload = _handover


class Crowded(Plotter):
    """Draws a story for many agents, all of whose links are cut every `cut_every` seconds.

    Nothing else befalls everybody. At the beginning a few of them have calls, not all.
    """

    def __init__(
        self, seed: int, traits: Mapping[str, Any], *, cut_every: float, **how: Any
    ) -> None:
        super().__init__(seed, traits, **how)
        self._cut_every = cut_every

    def whole(self) -> Story:
        """Draw it."""
        story = super().whole()
        kept = [step for step in story.steps if step.do not in EVERYBODY]
        return story.only(sorted([*kept, *self._cuts()], key=lambda step: step.at))

    def _cuts(self) -> Iterator[Step]:
        ways, at = cycle(CUTS), self._cut_every / 2
        while at < self._seconds:
            kind, side = next(ways)
            how = {"kind": kind, "side": side, "node": "all", "lasts": 0.0}
            yield Step(at, "wire", 0, how)
            at += self._cut_every

    def _opening(self, dice: random.Random) -> list[Step]:
        agents, calls = self._run["agents"], max(1, int(self._rate * self._seconds / 8))
        who = range(0, agents, max(1, agents // calls))
        apart = self._seconds / 2 / len(who)
        return [
            Step(round(apart * number, 3), "incoming", each, {"n": dice.random()})
            for number, each in enumerate(who)
        ]
