"""What agents do by hand beside what is asked for: states, calls that they dial, consult and join.

On the desktop, which is another client, and on the telephone, which has no ids at all; and calls
that nobody answers, which change the agent's state. Drawn with dice of their own, as scenes are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from tests.oracle.scenes import Row, ask

if TYPE_CHECKING:
    import random

HOW_OFTEN = (0, 0, 3, 6, 10)
COMPANY = 0.6
"""How many of them come close to something that is asked for by the same agent."""
BESIDE = (-2.0, -0.3, -0.05, 0.0, 0.05, 0.3, 1.0, 3.0, 6.0)


def by_hand(
    dice: random.Random, agents: int, seconds: float, asked: Sequence[tuple[float, int]]
) -> list[tuple[float, str, int, dict[str, Any]]]:
    """Return the steps for a story of so many seconds; `asked`: when who is asked for something."""
    kinds, weights = [kind for kind, _ in KINDS], [weight for _, weight in KINDS]
    steps = []
    for _ in range(dice.choice(HOW_OFTEN)):
        at, who = dice.uniform(2.0, max(3.0, seconds)), dice.randrange(agents)
        if asked and dice.random() < COMPANY:
            at, who = dice.choice(asked)
            at = max(0.5, at + dice.choice(BESIDE))
        kind = dice.choices(kinds, weights)[0]
        if kind is a_watch:
            who = 0  # the supervisor
        steps += [(round(at + after, 3), do, who, args) for after, do, args in kind(dice)]
    return steps


def press(dice: random.Random, button: str, **more: Any) -> dict[str, Any]:
    """Return what a "phone" or "desktop" says whose button is pressed, with any id or none."""
    return {
        "n": round(dice.random(), 6),
        "button": button,
        "wish": [],
        "fits": True,
        "value": dice.choice(("by hand", "")),
        "id": dice.choice(("none", "own", "elsewhere")),
        "tags": dice.choice(("0", "1", "10", "01")),
        "error_tag": dice.choice("01"),
        "others": dice.random() < 0.5,
        **more,
    }


def _a_state(dice: random.Random) -> Iterator[Row]:
    state = dice.choice(("READY", "READY", "NOT_READY", "NOT_READY", "WORK"))
    reason = dice.choice((None, "50", "51")) if state == "NOT_READY" else None
    yield 0.0, "desktop", press(dice, state, reason=reason)


def _signed_out(dice: random.Random) -> Iterator[Row]:
    yield 0.0, "desktop", press(dice, "NOT_READY", reason=None)
    yield 1.0, "desktop", press(dice, "LOGOUT", reason=dice.choice((None, "60")))
    yield dice.choice((2.5, 8.0)), "desktop", press(dice, "LOGIN")


def _on_the_desktop(dice: random.Random) -> Iterator[Row]:
    buttons = ("MAKE_CALL", "CONSULT_CALL", "TRANSFER_SST", "SEND_DTMF", "TRANSFER", "CONFERENCE")
    yield 0.0, "desktop", press(dice, dice.choice(buttons))


def _dialled(dice: random.Random) -> Iterator[Row]:
    thinks = dice.choice((1.0, 5.0, 30.0))
    yield 0.0, "phone", press(dice, "DIAL", thinks=thinks)


def _consulted(dice: random.Random) -> Iterator[Row]:
    """Consult on the phone or on the desktop, and join the calls here, there, or by a request."""
    yield 0.0, dice.choice(("phone", "phone", "desktop")), press(dice, "CONSULT_CALL")
    join, later = dice.choice(("TRANSFER", "CONFERENCE")), dice.choice((2.0, 4.0, 7.0))
    how = dice.choice(("phone", "phone", "desktop", "ask", "ask", ""))
    if how == "ask":
        tags = dice.choice(("0", "1", "10"))
        yield later, "ask", ask(dice, [join], tags=tags, others=dice.random() < 0.5)
    elif how:
        yield later, how, press(dice, join)


def _joined(dice: random.Random) -> Iterator[Row]:
    yield 0.0, "phone", press(dice, dice.choice(("TRANSFER", "CONFERENCE")))


def _not_answered(dice: random.Random) -> Iterator[Row]:
    yield 0.0, "unanswered", {"n": round(dice.random(), 6)}


def a_watch(dice: random.Random) -> Iterator[Row]:
    """Monitor, barge in, and take the agent off: each is possible only behind the one before."""
    tags = dice.choice(("0", "1", "10", "01"))
    yield 0.0, "desktop", press(dice, "NOT_READY", reason=None)
    for after, wish in ((1.0, "SILENT_MONITOR"), (3.0, "BARGE_CALL"), (5.0, "PARTICIPANT_DROP")):
        yield after, "ask", ask(dice, [wish], tags=tags, others=dice.random() < 0.5)


KINDS: tuple[tuple[Callable[[random.Random], Iterator[Row]], float], ...] = (
    (_a_state, 4.0),
    (_signed_out, 0.4),
    (_on_the_desktop, 2.0),
    (_dialled, 1.5),
    (_consulted, 2.5),
    (_joined, 1.0),
    (_not_answered, 1.5),
    (a_watch, 0.7),
)
