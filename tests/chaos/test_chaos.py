"""Faults of every kind against the whole daemon over real sockets: nothing is said wrongly.

Fixed seeds, a minute of faults in four stories; what is drawn is the same in each run. Beside what
is drawn each story has faults of its own, at fixed times, and requests to which kinds of misfortune
are dealt; all of them together are every kind there is, and each test looks whether its own were
truly done. When it happens is the machine's business: a story that it is too slow for takes longer,
and it is told once more, twice at most, where its measured lag would excuse too much, where
something of it was not done, and where all that was found is that more could have been known
(`AGAIN`): what the program cannot tell shows each time, what came together by chance does not, and
`make chaos` tells of it. Whatever is said wrongly, late, twice or not at all fails at once. For
longer: `make chaos`, `make soak`.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.chaos.plot import EVERYBODY, NODES, WIRES, Plotter, story_seed, traits_of
from tests.chaos.run import chaos
from tests.chaos.tables import LiveTally
from tests.oracle.story import EVENT_FAULTS, REQUEST_FAULTS, Step, Story

AGENTS = 6
SECONDS = 15.0
TELLINGS = 3
AGAIN = frozenset({"missed", "excused", "unconfirmed"})
FEW = 20
"""Requests with which a story tells nothing: sessions were away nearly all the time."""
EACH = 2
"""Of so many requests that were drawn without a fault one has a fault dealt to it."""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]


def wire(at: float, kind: str, side: str = "both", lasts: float = 1.0) -> Step:
    return Step(at, "wire", 0, {"kind": kind, "side": side, "node": "used", "lasts": lasts})


def node(at: float, kind: str, lasts: float, how: str = "close") -> Step:
    return Step(at, "node", 0, {"kind": kind, "node": "used", "how": how, "lasts": lasts})


def rest(at: float, what: str, lasts: float, who: int) -> tuple[Step, ...]:
    """Let REST fail, and an agent's link end in the midst of it: then there is something to GET."""
    cut = Step(at + 0.2, "cut", who, {"back": 0.0, "burst": 0})
    return (Step(at, "rest", 0, {"what": what, "lasts": lasts}), cut)


class Minute(NamedTuple):
    """What a story of that seed has in it: faults at their times, and what requests suffer.

    `news`: kinds of events that it is drawn to have.
    """

    seed: int
    steps: tuple[Step, ...]
    dealt: tuple[str, ...]
    news: tuple[str, ...] = ()


KILLED = Minute(
    11,
    (
        wire(1.0, "slices"),
        wire(2.3, "rst", lasts=0.3),
        wire(4.5, "latency"),
        wire(6.0, "turn_away", "xmpp"),
        wire(8.0, "freeze", "rest"),
        Step(9.5, "cut", 1, {"back": 0.0, "burst": 2}),
        wire(10.0, "fin"),
        Step(11.5, "restart", 0, {"back": 0.2}),
    ),
    ("answer_late", "event_first", "no_answer_done", "event_lost"),
)
HANDED_OVER = Minute(
    12,
    (
        Step(0.8, "slow", 1, {"by": 0.8, "lasts": 2.0}),
        Step(1.2, "hole", 2, {"noticed": 2.0, "back": 0.0, "burst": 0}),
        node(2.0, "frozen_sessions", 0.5),
        node(3.5, "gone", 3.0, "stream-error"),
        Step(9.0, "handover", 0, {}),
        node(13.0, "no_tomcat", 0.5),
        wire(14.5, "hole", "xmpp"),
    ),
    ("no_answer_lost", "unavailable", "unavailable_bare", "event_twice"),
)
ENDED = Minute(
    14,
    (
        Step(1.0, "reload", 0, {}),
        *rest(1.5, "get_401", 0.8, 0),
        *rest(3.5, "get_500", 0.8, 2),
        *rest(5.5, "get_hangs", 2.0, 3),
        node(8.5, "frozen_rest", 0.5),
        *rest(9.5, "refused", 0.5, 4),
        wire(10.5, "refuse", lasts=0.5),
        Step(12.5, "term", 0, {"back": 0.3}),
    ),
    ("unavailable_done", "error_done", "event_again", "event_late"),
    ("news of the desktop's with its id",),
)
OUT_OF_SERVICE = Minute(
    15,
    (
        node(1.0, "reset", 0.0),
        Step(2.0, "outage", 0, {"lasts": 2.0}),
        node(5.5, "out_of_service", 1.0),
        Step(7.0, "cti", 0, {"lasts": 1.0, "unnoticed": 0.5, "repeats": 2}),
        node(9.5, "no_sessions", 1.0, "reset"),
        Step(11.0, "away", 0, {"lasts": 1.0}),
        node(12.5, "both_gone", 0.5),
        Step(13.0, "again", 3, {"last": 5, "same_ids": False}),
        node(14.0, "frozen", 0.5),
    ),
    ("refused_later", "silent", "event_swapped"),
    ("errors without id", "errors with id"),
)
MINUTES = (KILLED, HANDED_OVER, ENDED, OUT_OF_SERVICE)
IN_EACH = (
    *("events without id", "events with id"),
    *("requests of the desktop", "events of phone, far end or switch"),
)
NAMES = {
    "restart": "kill -9",
    "term": "SIGTERM",
    "handover": "hand-overs",
    "reload": "reloads",
    "outage": "outages",
    "cti": "cti fail-overs",
    "away": "finesse away",
    "cut": "cuts",
    "hole": "holes",
    "slow": "slow links",
    "again": "repeats",
}
"""By what a step's fault is counted among what was done."""


def say(words: str) -> None:
    """Show what goes on, where pytest keeps it for a failure."""
    sys.stdout.write(f"{words}\n")


def counted(step: Step) -> str:
    """Return the name by which a step is counted once it was truly done."""
    return NAMES.get(step.do) or f"{step.do} {step.args.get('kind', step.args.get('what'))}"


def with_faults(story: Story, *faults: Step) -> Story:
    """Return the story with these steps in place of all that concern everybody."""
    kept = [step for step in story.steps if step.do not in EVERYBODY]
    return story.only(sorted([*kept, *faults], key=lambda step: step.at))


def with_dealt(story: Story, kinds: tuple[str, ...]) -> Story:
    """Return the story in which requests that nothing was drawn for suffer these in turn."""
    sound = [
        number
        for number, step in enumerate(story.steps)
        if step.do == "ask" and not step.args.keys() & {"fault", "events"}
    ]
    steps = list(story.steps)
    for turn, number in enumerate(sound[::EACH]):
        steps[number] = steps[number].but(**_suffering(kinds[turn % len(kinds)]))
    return story.only(steps)


def _suffering(kind: str) -> Mapping[str, Any]:
    fault = [kind, 0.5, "cut"]
    return {"fault": fault} if kind in REQUEST_FAULTS else {"events": [[0, *fault], [1, *fault]]}


def story_of(minute: Minute) -> Story:
    traits = traits_of(minute.seed, AGENTS)
    seed = story_seed(minute.seed, 0)
    drawn = Plotter(seed, traits, seconds=SECONDS, rate=6.0, quick=True).whole()
    return with_dealt(with_faults(drawn, *minute.steps), minute.dealt)


async def played(folder: Path, seed: int, story: Story, *wanted: str, **how: Any) -> LiveTally:
    """Play one story with a daemon of its own; again, twice at most, where it tells nothing."""
    for number in range(TELLINGS):
        work = folder / str(number)
        work.mkdir()
        async with chaos(work, seed, traits_of(seed, AGENTS), keep=work, say=say, **how) as run:
            await run.story(story)
            tally = await run.end()
        say(tally.tables())
        kinds = {kind for kind, times in tally.promises.items() if times}
        if kinds - AGAIN or not (kinds or undone(tally, wanted)):
            break
        say(f"told again for: {sorted(kinds)} {undone(tally, wanted)}")
    return tally


def clean(tally: LiveTally) -> list[str]:
    return [*(f"{seed}: {words}" for seed, words in tally.finds), *tally.more]


def undone(tally: LiveTally, wanted: tuple[str, ...]) -> list[str]:
    """Return what was wanted and was not done; requests, too, where hardly one was taken."""
    few = ["requests"] if wanted and tally.requests <= FEW else []
    return few + [name for name in wanted if not tally.counts[name]]


async def nothing_said_wrongly(folder: Path, minute: Minute, **how: Any) -> None:
    """Fail for anything that was found, for what was not done, or with nothing to find it in."""
    wanted = (*map(counted, minute.steps), *minute.dealt, *minute.news, *IN_EACH)
    tally = await played(folder, minute.seed, story_of(minute), *wanted, **how)
    assert clean(tally) == []
    assert undone(tally, wanted) == []
    assert tally.ends > 0
    assert sum(counts["confirmed"] for counts in tally.by_action.values()) > 0


def test_the_minute_holds_every_kind_of_fault():
    done = {counted(step) for minute in MINUTES for step in minute.steps}
    assert done >= {*NAMES.values(), *(f"wire {kind}" for kind in WIRES)}
    assert done >= {f"node {kind}" for kind in NODES}
    assert done >= {f"rest {what}" for what in ("refused", "get_hangs", "get_500", "get_401")}
    assert {step.do for minute in MINUTES for step in minute.steps} >= set(EVERYBODY)
    dealt = [kind for minute in MINUTES for kind in minute.dealt]
    assert sorted(dealt) == sorted((*REQUEST_FAULTS, *EVENT_FAULTS))
    assert len(MINUTES) * SECONDS == 60.0


async def test_a_killed_daemon_and_a_network_that_fails_make_nothing_said_wrongly(tmp_path):
    await nothing_said_wrongly(tmp_path, KILLED, flags=("-X", "dev"))


async def test_a_failing_node_and_a_hand_over_make_nothing_said_wrongly(tmp_path):
    await nothing_said_wrongly(tmp_path, HANDED_OVER)


async def test_a_daemon_told_to_end_and_reads_that_hang_make_nothing_said_wrongly(tmp_path):
    await nothing_said_wrongly(tmp_path, ENDED)


async def test_a_finesse_out_of_service_and_a_cti_fail_over_make_nothing_said_wrongly(tmp_path):
    await nothing_said_wrongly(tmp_path, OUT_OF_SERVICE)


async def test_a_daemon_that_sends_again_without_an_answer_is_found_out(tmp_path):
    ask = {
        "wish": ["HOLD"],
        "fits": True,
        "value": "x",
        "mode": "submit",
        "id": "own",
        "tags": "1",
        "error_tag": "1",
        "others": True,
        "deadline": 4.0,
        "fault": ["no_answer_lost", 0.1, "cut"],
    }
    story = Story(
        13000,
        traits_of(13, AGENTS),
        (
            Step(0.1, "incoming", 1, {"n": 0.1}),
            Step(2.0, "ask", 1, {"n": 0.2} | ask),
            Step(2.5, "ask", 4, {"n": 0.4, "same": False} | ask | {"wish": ["MAKE_CALL"]}),
        ),
    )
    broken = ("--broken", "sends_again_without_an_answer")
    tally = await played(tmp_path, 13, story, runner=broken)
    assert tally.promises["sent twice"] > 0
