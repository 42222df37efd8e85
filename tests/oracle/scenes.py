"""Scenes: a few steps at one agent that meet seldom by chance, for rules that need their company.

Drawn with dice of their own, so that a story is the same with and without them. A scene says what
happens, as all steps do, and nothing of what should come of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import random

Row = tuple[float, str, dict[str, Any]]
"""Seconds after the scene's beginning, what is done, and how."""
OFTEN = 0.2
"""How often each scene is in a story."""
RINGS_ON = "+12025550125"
"""A number that answers to nobody, not even by ringing."""


def scenes(
    dice: random.Random, agents: int, seconds: float, *, often: float = OFTEN
) -> list[tuple[float, str, int, dict[str, Any]]]:
    """Return the steps of those scenes that are in a story which lasts so many seconds."""
    steps = []
    for scene in SCENES:
        if dice.random() < often:
            who, begin = dice.randrange(agents), dice.uniform(3.0, max(4.0, seconds))
            rows = scene(dice)
            steps += [(round(begin + after, 3), do, who, args) for after, do, args in rows]
    return steps


def ask(dice: random.Random, wish: Sequence[str], **more: Any) -> dict[str, Any]:
    """Return what an "ask" of the first of those that fits says; nothing of it bears an id."""
    # An even number takes what is wished for, not what can seldom be asked for.
    return {
        "n": dice.randrange(5000) / 5000,
        "wish": list(wish),
        "fits": True,
        "value": dice.choice(("scene one", "scene two")),
        "mode": "submit",
        "id": "own",
        "tags": "0",
        "error_tag": "0",
        "others": False,
        **more,
    }


def _lost(*numbers: int) -> list[list[Any]]:
    return [[number, "event_lost", 0.1, "cut"] for number in numbers]


def error_behind_a_silence(dice: random.Random) -> list[Row]:
    """Have an unsigned error come when a silence on that call has just been presumed (5)."""
    refused = ["refused_later", 0.05, "cut"]
    later = 7.5 + dice.choice((0.0, 0.8, 1.6))
    return [
        (0.0, "ask", ask(dice, ["SEND_DTMF"])),
        (later, "ask", ask(dice, ["UPDATE_CALL_DATA"], fault=refused)),
    ]


def gap_behind_an_id(dice: random.Random) -> list[Row]:
    """Lose the session when an id has come back, and the window is not over (6.6)."""
    return [
        (0.0, "ask", ask(dice, ["SEND_DTMF"], tags="1")),
        (dice.choice((1.5, 3.0)), "cut", {"back": dice.choice((0.05, 0.5)), "burst": 0}),
    ]


def gap_behind_a_dial_tone(dice: random.Random) -> list[Row]:
    """Lose the session while a call stands INITIATED (6.1)."""
    rest = {"what": "get_500", "lasts": 10.0}
    call = ask(dice, ["MAKE_CALL"], to=RINGS_ON, deadline=8.0, tags="1")
    return [
        (0.0, "ask", call),
        (2.5, "cut", {"back": 0.05, "burst": 0}),
        (4.5, "rest", rest),
    ]


def same_second(dice: random.Random) -> list[Row]:
    """Have the phone do it just before it is asked for, while no session hears (4)."""
    button = dice.choice(("HOLD", "RETRIEVE"))
    return [
        (0.0, "cut", {"back": 3.0, "burst": 0}),
        (0.5, "phone", {"n": 0.0, "button": button, "wish": []}),
        (0.5 + dice.choice((0.15, 0.3)), "ask", {**ask(dice, [button]), "n": 0.0, "fits": False}),
    ]


def refusal_that_is_lost(dice: random.Random) -> list[Row]:
    """Lose the error of an update with a short time, so that its GET shows other values (6.7)."""
    refused = ["refused_later", 0.05, "cut"]
    return [
        (
            0.0,
            "ask",
            ask(dice, ["UPDATE_CALL_DATA"], deadline=8.0, fault=refused, events=_lost(0, 1, 2)),
        )
    ]


def two_for_a_get(dice: random.Random) -> list[Row]:
    """Ask twice for the same, of which no event tells, so that a GET shows it for both (4)."""
    wish = dice.choice((["HOLD"], ["RETRIEVE"], ["READY"], ["NOT_READY"]))
    one = ask(dice, wish, mode="expect", report="yes", fault=["silent", 0.1, "cut"])
    return [(0.0, "ask", one), (dice.choice((0.0, 0.2)), "ask", {**one, "same": True, "n": 0.1})]


def two_for_an_event(dice: random.Random) -> list[Row]:
    """Ask twice for the same; the first one's time is over when nobody knows whose it was (4)."""
    one = ask(dice, [dice.choice(("HOLD", "RETRIEVE"))], mode="expect", report="yes")
    other = {**one, "same": True, "n": 0.1, "events": _lost(0)}
    return [(0.0, "ask", {**one, "deadline": 6.0}), (0.0, "ask", other)]


def by_hand_a_moment_before(dice: random.Random) -> list[Row]:
    """Have the phone do what was refused before, within the second of the next asking (4).

    No session hears it, so that the Date of Finesse's answer alone tells what came first.
    """
    button = dice.choice(("HOLD", "RETRIEVE"))
    refused = {**ask(dice, [button], fault=["unavailable", 0.05, "cut"]), "n": 0.0}
    return [
        (0.0, "ask", refused),
        (1.0, "cut", {"back": 3.0, "burst": dice.choice((0, 5))}),
        (1.5, "phone", {"n": 0.0, "button": button, "wish": [], "same": True}),
        (1.5 + dice.choice((0.1, 0.2)), "ask", {**ask(dice, [button]), "n": 0.0, "same": True}),
    ]


SCENES: tuple[Callable[[random.Random], list[Row]], ...] = (
    error_behind_a_silence,
    gap_behind_an_id,
    gap_behind_a_dial_tone,
    same_second,
    refusal_that_is_lost,
    two_for_a_get,
    two_for_an_event,
    by_hand_a_moment_before,
)
