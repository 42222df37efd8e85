"""Stories: what happens to a few agents in some minutes, drawn from a seed; JSON, and replayable.

A story knows neither dialogs nor outcomes. A step says "the third agent holds a call, and the event
of it gets lost"; which call that is, the player (`play.py`) sees when it is due. So a story from
which steps were taken out is still one, and each step draws nothing from the others.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from tests.oracle.by_hand import by_hand
from tests.oracle.company import company
from tests.oracle.scenes import scenes

AT_ONCE = ("ask", "ask", "ask", "incoming")

# More often than the rest: what needs others before it.
ON_VOICE = (
    *("HOLD", "RETRIEVE", "ANSWER", "DROP", "CONSULT_CALL", "CONSULT_CALL", "TRANSFER"),
    *("TRANSFER", "CONFERENCE", "CONFERENCE", "TRANSFER_SST", "SEND_DTMF", "SEND_DTMF"),
    *("UPDATE_CALL_DATA", "UPDATE_CALL_DATA", "START_RECORDING", "PARTICIPANT_DROP"),
    *("RECLASSIFY", "UPDATE_SCHEDULED_CALLBACK", "CANCEL_SCHEDULED_CALLBACK"),
)
ON_PREVIEW = ("ACCEPT", "CLOSE", "REJECT")
ON_TASK = (
    *("TASK_ACCEPT", "TASK_START", "TASK_PAUSE", "TASK_RESUME", "TASK_WRAP_UP"),
    *("TASK_TRANSFER", "TASK_CLOSE"),
)
ON_USER = ("READY", "NOT_READY", "WORK", "SIGN_IN", "SIGN_OUT")
NEW = ("MAKE_CALL", "MAKE_CALL", "SILENT_MONITOR", "BARGE_CALL")
EVERY = (*ON_VOICE, *ON_PREVIEW, *ON_TASK, *ON_USER, *NEW)

REQUEST_FAULTS = (
    *("answer_late", "event_first", "no_answer_done", "no_answer_lost", "unavailable"),
    *("unavailable_bare", "unavailable_done", "error_done", "refused_later", "silent"),
)
EVENT_FAULTS = (*("event_lost", "event_twice", "event_again", "event_late", "event_swapped"),)
BUTTONS = ("HOLD", "RETRIEVE", "DROP", "ANSWER")
PRESSED = (
    *("HOLD", "RETRIEVE", "ANSWER", "DROP", "TRANSFER", "CONFERENCE", "UPDATE_CALL_DATA"),
    *("ACCEPT", "CLOSE"),
)
VALUES = ("x", "y", "z", "", "x ", "k\u00e4se")


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happens `at` seconds after the beginning, to agent number `who`."""

    at: float
    do: str
    who: int = 0
    args: Mapping[str, Any] = field(default_factory=dict)

    def but(self, **args: Any) -> Step:
        """Return a copy with other arguments."""
        return replace(self, args={**self.args, **args})


@dataclass(frozen=True, slots=True)
class Story:
    """A seed for what is drawn beside the steps, the traits of this Finesse, and the steps."""

    seed: int
    traits: Mapping[str, Any]
    steps: tuple[Step, ...]

    def only(self, steps: Sequence[Step]) -> Story:
        """Return the story with these steps alone."""
        return replace(self, steps=tuple(steps))

    def to_json(self) -> str:
        """Return it as text, one step per line."""
        rows = ",\n  ".join(
            json.dumps([step.at, step.do, step.who, dict(step.args)]) for step in self.steps
        )
        return (
            f'{{"seed": {self.seed},\n "traits": {json.dumps(dict(self.traits))},\n'
            f' "steps": [\n  {rows}\n]}}\n'
        )

    @classmethod
    def from_json(cls, text: str) -> Story:
        """Read what `to_json` wrote."""
        found = json.loads(text)
        steps = tuple(Step(at, do, who, args) for at, do, who, args in found["steps"])
        return cls(found["seed"], found["traits"], steps)


def leaving_late(story: Story) -> Story:
    """Return a story in which each tenth request waits to leave when its turn came.

    For a connection or the turn of its login: for 1 to 300 ms, few of them for seconds, past their
    deadline too. In half of the stories a kill waits for the next who leaves (trait `kill`).
    """
    dice = random.Random(f"late/{story.seed}")
    steps = []
    for step in story.steps:
        waits, long = dice.random() < 0.1, dice.random() < 0.1
        longest = 30.0 if dice.random() < 0.3 else 9.0
        seconds = dice.uniform(1.0, longest) if long else dice.uniform(0.001, 0.3)
        asked = waits and step.do == "ask"
        steps.append(step.but(leaves=round(seconds, 3)) if asked else step)
    kill = "leaving" if dice.random() < 0.5 else "at once"
    return replace(story.only(steps), traits={**story.traits, "kill": kill})


class Author:
    """Draws stories. `focus`: actions that are asked for more often, situations that are there.

    `stress`: more of everything that others do, and of everything that goes wrong. `hands`: agents
    do more by hand (`by_hand.py`).
    """

    def __init__(
        self, seed: int, focus: Sequence[str] = (), *, stress: bool = False, hands: bool = False
    ) -> None:
        self.seed = seed
        self.stress = stress
        self.hands = hands
        self.focus = tuple(focus)
        self.dice = random.Random(f"story/{seed}")

    def story(self, asks: int = 60) -> Story:
        """Draw a whole story with about that many requests."""
        dice, traits = self.dice, self._traits()
        steps: list[Step] = []
        now, asked = 0.0, 0
        steps += [
            Step(round(0.2 + 0.05 * who, 3), "incoming", who, {"n": dice.random()})
            for who in range(traits["agents"])
        ]
        while asked < asks:
            now += dice.choice((0.02, 0.2, 0.7, 1.5, 3.0)) / (0.5 + traits["agents"] / 4)
            step = self._step(round(1.0 + now, 3), traits)
            steps.append(step)
            if step.do == "ask":
                asked += 1
                steps += self._beside(step, traits)
        if not self.stress:  # those tell of one rule, and keep to it
            more = scenes(random.Random(f"scenes/{self.seed}"), traits["agents"], now)
            steps += [Step(*each) for each in more]
        more = company(self.seed, traits["agents"], now, always=self.focus)
        steps += [Step(*each) for each in more]
        if self.hands:
            asked_at = [(step.at, step.who) for step in steps if step.do == "ask"]
            own_dice = random.Random(f"by hand/{self.seed}")
            steps += [Step(*each) for each in by_hand(own_dice, traits["agents"], now, asked_at)]
        return Story(self.seed, traits, tuple(sorted(steps, key=lambda each: each.at)))

    def _traits(self) -> dict[str, Any]:
        dice = self.dice
        rough = 3.0 if self.stress else dice.choice((0.0, 0.5, 1.0, 1.0, 2.0))
        return {
            "profile": dice.choice(("UCCE", "UCCE", "UCCX")),
            "agents": dice.choice((2, 3, 4, 6)),
            "gate": dice.choice(("queue", "queue", "queue", "off", "refuse")),
            "pace": dice.choice((0.02, 0.05, 0.3)),
            "latency": dice.choice((0.01, 0.05, 0.4)),
            "skew": dice.choice((0.0, 0.0, 300.0, -300.0)),
            "rough": rough,
            "tagging": dice.choice(("drawn", "all", "none", "first", "errors_empty")),
            "background": round(0.02 * rough, 3),
        }

    def _step(self, at: float, traits: Mapping[str, Any]) -> Step:
        dice, rough = self.dice, traits["rough"]
        who = dice.randrange(traits["agents"])
        kinds = {
            "ask": 10.0,
            "incoming": 1.3,
            "far": 0.4,
            "phone": 0.8,
            "desktop": 0.8,
            "preview": 1.0,
            "task": 0.0 if traits["profile"] == "UCCX" else 0.5,
            "cut": 0.15 * rough,
            "hole": 0.08 * rough,
            "slow": 0.08 * rough,
            "again": 0.15 * rough,
            "outage": 0.02 * rough,
            "restart": 0.02 * rough,
            "rest": 0.05 * rough,
            "away": 0.05 * rough,
        }
        if self.stress:
            kinds |= {"phone": 3.0, "desktop": 4.0, "again": 2.0, "far": 0.8}
            kinds |= {name: kinds[name] / 3 for name in ("outage", "restart", "hole", "slow")}
        do = dice.choices(list(kinds), list(kinds.values()))[0]
        return Step(at, do, who, getattr(self, f"_{do}")(traits))

    def _beside(self, step: Step, traits: Mapping[str, Any]) -> list[Step]:
        """Let something happen at the same agent in the same moment."""
        dice = self.dice
        if dice.random() > 0.25:
            return []
        at = round(step.at + dice.choice((-0.2, 0.0, 0.03, 0.1, 0.5, 2.0, 4.0)), 3)
        do = dice.choice(("phone", "desktop", "ask", "ask", "far", "again", "cut"))
        if do in {"again", "cut"} and dice.random() > 0.3 * traits["rough"]:
            do = "ask"
        more = getattr(self, f"_{do}")(traits)
        if do in {"ask", "phone", "desktop"} and dice.random() < 0.6:
            more["same"] = True
            more["n"] = step.args["n"]
            more["wish"] = step.args["wish"]
        return [Step(max(0.5, at), do, step.who, more)]

    # -- what a step says ---------------------------------------------------------------------

    def _ask(self, traits: Mapping[str, Any]) -> dict[str, Any]:
        dice, rough = self.dice, traits["rough"]
        said: dict[str, Any] = {
            "n": round(dice.random(), 6),
            "wish": [dice.choice(EVERY) for _ in range(5)],
            "fits": dice.random() < 0.85,
            "value": dice.choice(VALUES),
            "mode": dice.choices(("submit", "forward", "expect"), (8, 1, 1))[0],
            "id": dice.choices(("own", "count", "repeat"), (8, 2, 0.5))[0],
            "tags": self._tags(traits["tagging"]),
            "error_tag": dice.choice("01"),
            "others": dice.random() < 0.5,
        }
        if traits["tagging"] == "errors_empty":
            said["error_tag"] = "0"
        focus = [each for each in self.focus if each.isupper()]
        if focus and dice.random() < 0.5:
            said["wish"] = [dice.choice(focus) for _ in range(5)]
        if dice.random() < 0.15:
            said["deadline"] = dice.choice((3.0, 6.0, 8.0, 30.0))
        if dice.random() < 0.06:
            said["minimum"] = dice.choice(("event", "request_id"))
        if said["mode"] == "expect":
            said["report"] = dice.choice(("yes", "yes", "yes", "late", "no", "never_sent"))
        if dice.random() < 0.02:
            said["abandon"] = dice.choice((0.0, 0.1, 3.0))
        if dice.random() < 0.12 * rough:
            said["fault"] = self._fault(REQUEST_FAULTS)
        if dice.random() < 0.15 * rough:
            said["events"] = [
                [dice.randrange(4), *self._fault(EVENT_FAULTS)] for _ in range(dice.choice((1, 3)))
            ]
        return said

    def _tags(self, tagging: str) -> str:
        if tagging == "drawn":
            return "".join(self.dice.choice("01") for _ in range(6))
        return {"all": "1", "none": "0", "first": "10000000", "errors_empty": "1"}[tagging]

    def _fault(self, kinds: Sequence[str]) -> list[Any]:
        dice = self.dice
        seconds = dice.choice((0.05, 0.5, 1.5, 3.0, 6.0))
        return [dice.choice(kinds), seconds, dice.choice(("cut", "hang", "reset"))]

    def _incoming(self, traits: Mapping[str, Any]) -> dict[str, Any]:
        del traits
        return {"n": round(self.dice.random(), 6)}

    _far = _incoming

    def _phone(self, traits: Mapping[str, Any]) -> dict[str, Any]:
        del traits
        dice = self.dice
        return {"n": round(dice.random(), 6), "button": dice.choice(BUTTONS), "wish": []}

    def _desktop(self, traits: Mapping[str, Any]) -> dict[str, Any]:
        dice = self.dice
        said: dict[str, Any] = {
            "n": round(dice.random(), 6),
            "button": dice.choice(PRESSED),
            "wish": [],
            "fits": dice.random() < 0.6,
            "value": dice.choice(VALUES),
            "id": dice.choice(("none", "own", "elsewhere")),
            "tags": self._tags(traits["tagging"]),
            "error_tag": dice.choice("01"),
            "others": dice.random() < 0.5,
        }
        if dice.random() < 0.1 * traits["rough"]:
            said["events"] = [[dice.randrange(3), *self._fault(EVENT_FAULTS)]]
        return said

    def _preview(self, traits: Mapping[str, Any]) -> dict[str, Any]:
        return {"direct": traits["profile"] == "UCCX" or self.dice.random() < 0.5}

    def _task(self, traits: Mapping[str, Any]) -> dict[str, Any]:
        del traits
        return {}

    def _cut(self, traits: Mapping[str, Any]) -> dict[str, Any]:
        del traits
        dice = self.dice
        return {
            "back": dice.choice((0.05, 0.5, 2.0, 6.0, 25.0)),
            "burst": dice.choice((0, 0, 2, 5)),
        }

    def _hole(self, traits: Mapping[str, Any]) -> dict[str, Any]:
        return {"noticed": self.dice.choice((2.0, 7.0, 15.0)), **self._cut(traits)}

    def _slow(self, traits: Mapping[str, Any]) -> dict[str, Any]:
        del traits
        dice = self.dice
        return {"by": dice.choice((0.8, 1.5, 3.0)), "lasts": dice.choice((2.0, 8.0))}

    def _again(self, traits: Mapping[str, Any]) -> dict[str, Any]:
        del traits
        dice = self.dice
        return {"last": dice.choice((1, 2, 5)), "same_ids": dice.random() < 0.3}

    def _outage(self, traits: Mapping[str, Any]) -> dict[str, Any]:
        del traits
        return {"lasts": self.dice.choice((1.0, 6.0, 25.0))}

    def _restart(self, traits: Mapping[str, Any]) -> dict[str, Any]:
        del traits
        return {"back": self.dice.choice((0.1, 2.0, 8.0))}

    def _rest(self, traits: Mapping[str, Any]) -> dict[str, Any]:
        del traits
        dice = self.dice
        kinds = ("refused", "get_hangs", "get_500", "get_401")
        return {"what": dice.choice(kinds), "lasts": dice.choice((0.5, 3.0, 10.0))}

    def _away(self, traits: Mapping[str, Any]) -> dict[str, Any]:
        del traits
        return {"lasts": self.dice.choice((1.0, 5.0))}


def generate(
    seed: int,
    asks: int = 60,
    focus: Sequence[str] = (),
    *,
    stress: bool = False,
    hands: bool = False,
) -> Story:
    """Return the story of that seed; `focus`, `stress` and `hands` as for an `Author`."""
    return Author(seed, focus, stress=stress, hands=hands).story(asks)
