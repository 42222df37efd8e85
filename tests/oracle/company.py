"""Situations of several agents or of longer duration, which an operator would know when they meet.

A fail-over behind which everything is told again while call data are changed; a call of two agents
of whom one is told later; what is asked for while nobody listens, and a call that comes behind it;
calls with data that become one. Each is drawn with dice of its own, so that a story is the same
with and without it. A situation says what happens, and nothing of what should come of it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from random import Random
from typing import Any

from tests.oracle.by_hand import press
from tests.oracle.scenes import ask

Row = tuple[float, str, int, dict[str, Any]]
"""Seconds after the situation's beginning, what is done, to which agent, and how."""
OFTEN = 0.08
"""How often each situation is in a story."""
VALUES = ("told one", "told two")
FIRST, LAST = (0.0, 0.0362, 0.0482), (0.0354, 0.0714)
"""Numbers that choose an agent's first call, or the last one (of four at most), and plain data."""
MODES = ("submit", "submit", "forward", "expect")


def company(
    seed: int, agents: int, seconds: float, *, always: Collection[str] = ()
) -> list[tuple[float, str, int, dict[str, Any]]]:
    """Return the steps of those situations that are in a story which lasts so many seconds.

    `always`: the names of those that are there in any case.
    """
    steps = []
    for situation in SITUATIONS:
        name = situation.__name__
        dice = Random(f"{name}/{seed}")
        if dice.random() >= OFTEN and name not in always:
            continue
        begin = dice.uniform(2.0, max(3.0, seconds))
        if dice.random() < 0.5:
            begin = max(3.0, seconds) + 5.0  # where little else happens
        who = dice.randrange(agents)
        colleague = (who + 1 + dice.randrange(agents - 1)) % agents
        rows = situation(dice, who, colleague)
        steps += [(round(begin + after, 3), do, whose, args) for after, do, whose, args in rows]
    return steps


def _again(dice: Random, who: int) -> Iterator[Row]:
    """Have a session end and begin, or the program, and much be told again behind it."""
    if dice.random() < 0.8:
        yield 0.0, "cut", who, {"back": dice.choice((0.05, 1.0)), "burst": dice.choice((0, 0, 5))}
    else:
        yield 0.0, "restart", who, {"back": dice.choice((0.1, 1.0))}
    yield dice.choice((2.0, 3.3)), "again", who, {"last": dice.choice((3, 5)), "same_ids": False}


def _write(dice: Random, value: str, n: float) -> tuple[str, dict[str, Any]]:
    """Have the desktop set a value, or a caller of ours."""
    if dice.random() < 0.5:
        return "ask", ask(dice, ["UPDATE_CALL_DATA"], value=value, n=n, tags=dice.choice("01"))
    return "desktop", press(dice, "UPDATE_CALL_DATA", value=value, n=n)


def _on_a_call(dice: Random, who: int) -> Iterator[Row]:
    """Have an agent hang up, and talk to a customer."""
    for at in (0.0, 0.3, 0.6):
        yield at, "phone", who, press(dice, "DROP", n=0.0)
    yield 1.0, "incoming", who, {"n": dice.random()}
    yield 1.6, "phone", who, press(dice, "ANSWER", n=LAST[0])


def values_told_again(dice: Random, who: int, _colleague: int) -> Iterator[Row]:
    """Have call data change, be told again, be asked for, and be shown by what is done then."""
    n = dice.choice(FIRST)
    yield from _on_a_call(dice, who)
    at, last = 3.0, ""
    for _ in range(dice.choice((2, 3))):
        last = VALUES[1] if last == VALUES[0] else VALUES[0]
        yield at, *_at(who, _write(dice, last, n))
        at += dice.choice((0.6, 1.0, 2.5))
    for after, *again in _again(dice, who):
        yield at + after, *again
    if dice.random() < 0.5:  # while nobody listens
        last = VALUES[0]
        yield at + 0.02, "desktop", who, press(dice, "UPDATE_CALL_DATA", value=last, n=n)
    at += dice.choice((5.0, 15.0, 18.0))
    value = dice.choice((last, *VALUES, "never told", "never told"))
    update = ask(dice, ["UPDATE_CALL_DATA"], n=n, mode=dice.choice(MODES), tags=dice.choice("001"))
    yield at, "ask", who, {**update, "value": value}
    shown = at + dice.choice((0.5, 3.0, 12.0))
    yield shown, "phone", who, press(dice, dice.choice(("HOLD", "HOLD", "RETRIEVE")), n=n)
    if dice.random() < 0.4:
        yield at + 14.0, "rest", who, {"what": dice.choice(("get_500", "get_hangs")), "lasts": 10.0}


def told_later_on_one_side(dice: Random, who: int, colleague: int) -> Iterator[Row]:
    """Have two agents on one call, somebody work on it, and the news come to one of them later."""
    yield 0.0, "phone", who, press(dice, "DROP", n=0.0)
    yield 0.3, "phone", who, press(dice, "DROP", n=0.0)
    yield 0.3, "phone", colleague, press(dice, "DROP", n=0.0)
    yield 1.0, "desktop", who, press(dice, "MAKE_CALL", to=f"{2001 + colleague}")
    yield 2.0, "phone", colleague, press(dice, "ANSWER", n=LAST[0])
    slow = {"by": dice.choice((1.5, 3.0)), "lasts": dice.choice((2.0, 8.0))}
    yield 3.0, "slow", dice.choice((who, colleague, colleague, colleague)), slow
    n = dice.choice(LAST)
    button = dice.choice(("HOLD", "HOLD", "RETRIEVE", "UPDATE_CALL_DATA"))
    work = press(dice, button, n=n, id="own", tags="1", others=True)
    yield 3.4, "desktop", dice.choice((who, who, colleague)), work
    wishes = ["HOLD", "RETRIEVE", dice.choice(("UPDATE_CALL_DATA", "SEND_DTMF", "CONSULT_CALL"))]
    dice.shuffle(wishes)
    more: dict[str, Any] = {"mode": dice.choice(MODES), "n": n}
    if dice.random() < 0.7:
        more["fault"] = ["refused_later", dice.choice((0.5, 3.0, 3.0)), "cut"]
    yield 3.4 + dice.choice((0.5, 0.8, 1.2)), "ask", who, ask(dice, wishes, **more)


def joined_while_nobody_listens(dice: Random, who: int, _colleague: int) -> Iterator[Row]:
    """Have calls joined while no session hears, and another one come that is worked on."""
    yield from _on_a_call(dice, who)
    yield 3.0, dice.choice(("phone", "desktop")), who, press(dice, "CONSULT_CALL", n=0.0)
    back = dice.choice((0.5, 2.0))
    yield 6.0, "cut", who, {"back": back, "burst": dice.choice((0, 0, 3))}
    join = ask(dice, [dice.choice(("TRANSFER", "CONFERENCE"))], tags=dice.choice("001"))
    silent = {"fault": ["silent", 0.1, "cut"]} if dice.random() < 0.5 else {}
    yield 6.2, "ask", who, {**join, **silent, "mode": dice.choice(MODES)}
    at = 6.2 + back + dice.choice((1.5, 3.0))
    yield at, "incoming", who, {"n": dice.random()}
    at += dice.choice((1.0, 2.0))
    wish = dice.choice(("ANSWER", "DROP", "SEND_DTMF", "UPDATE_CALL_DATA"))
    work = ask(dice, [wish], mode=dice.choice(("forward", "expect")), n=dice.choice(LAST))
    if dice.random() < 0.6:
        work["fault"] = ["refused_later", dice.choice((0.05, 0.5)), "cut"]
    yield at, dice.choice(("ask", "ask", "desktop")), who, {**press(dice, wish), **work}


def data_on_calls_that_become_one(dice: Random, who: int, _colleague: int) -> Iterator[Row]:
    """Have call data set and asked for on both calls about the time when they are joined."""
    both, value = (FIRST[0], LAST[0]), dice.choice(VALUES)
    yield from _on_a_call(dice, who)
    yield 2.6, *_at(who, _write(dice, value, FIRST[0]))
    yield 3.0, dice.choice(("phone", "desktop")), who, press(dice, "CONSULT_CALL", n=0.0)
    yield 5.0, *_at(who, _write(dice, dice.choice((*VALUES, value)), dice.choice(both)))
    silent = {"fault": ["silent", 0.1, "cut"]} if dice.random() < 0.4 else {}
    update = ask(dice, ["UPDATE_CALL_DATA"], mode=dice.choice(MODES), tags=dice.choice("01"))
    wanted = dice.choice((value, value, "never told"))
    yield 7.0, "ask", who, {**update, **silent, "value": wanted, "n": dice.choice(both)}
    do, join = dice.choice(("phone", "desktop", "ask")), dice.choice(("CONFERENCE", "TRANSFER"))
    said = ask(dice, [join], mode="forward") if do == "ask" else press(dice, join)
    yield 7.0 + dice.choice((-0.5, 0.3, 1.0, 4.0)), do, who, {**said, "n": 0.0}


def _at(who: int, what: tuple[str, dict[str, Any]]) -> tuple[str, int, dict[str, Any]]:
    return what[0], who, what[1]


SITUATIONS: tuple[Callable[[Random, int, int], Iterator[Row]], ...] = (
    values_told_again,
    told_later_on_one_side,
    joined_while_nobody_listens,
    data_on_calls_that_become_one,
)
