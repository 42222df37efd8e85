"""`listener demo`: a simulated Finesse and a listener in one process, one scene, and a judge.

A composition root, like `daemon`: knows the parts of the demo and introduces them. Exit code 0 says
that no outcome claimed more than was true, and that none stayed open which could be known.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path

from listener import logs
from listener.demo import naive, scene, staying
from listener.demo.cases import cases_of
from listener.demo.judge import Verdict, judge
from listener.demo.show import Screen
from listener.demo.stage import Stage, stage
from listener.errors import ConfigurationError
from listener.simulator.profiles import Tagging

TAGGINGS = (Tagging.ERRORS_EMPTY, Tagging.NONE)
"""What is played unless one is named: tags as documented with errors that lack them, and none."""


def main(
    *, profile: str = "UCCE", tagging: str | None = None, stay: bool = False, seed: int = 1
) -> int:
    """Play the scene; return 0 when every outcome was as good as the truth allows, else 1.

    `tagging` None plays TAGGINGS side by side. `stay` keeps all running until Ctrl-C. Raises
    ConfigurationError for a way of tagging that there is not.
    """
    # What a warning would tell (a late event, sessions that end with the scene) has its own line.
    logs.configure(level="ERROR")
    return asyncio.run(_demo(profile, _named(tagging), stay=stay, seed=seed))


def _named(tagging: str | None) -> tuple[Tagging, ...]:
    if tagging is None:
        return TAGGINGS
    name = tagging.lower().replace("-", "_")
    if name not in set(Tagging):
        known = ", ".join(way.value.replace("_", "-") for way in Tagging)
        raise ConfigurationError(f"--tagging {tagging} is none of {known}")
    return (Tagging(name),)


async def _demo(profile: str, taggings: tuple[Tagging, ...], *, stay: bool, seed: int) -> int:
    screen = Screen([way.value.replace("_", "-") for way in taggings])
    async with AsyncExitStack() as stack:
        stages: list[Stage] = []
        with screen.playing():
            for way in taggings:
                folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="listener-")))
                here = stage(
                    profile=profile,
                    tagging=way,
                    seed=seed,
                    folder=folder,
                    watcher=screen,
                    shown=stay,
                )
                stages.append(await stack.enter_async_context(here))
            _open(screen, profile, stages)
            async with asyncio.TaskGroup() as group:
                for each in stages:
                    group.create_task(scene.play(each))
        code = _close(screen, stages)
        if stay:
            await _stay(screen, stages)
    return code


def _open(screen: Screen, profile: str, stages: list[Stage]) -> None:
    for each in stages:
        agents = len(each.listener.agents)
        screen.say(
            f"A simulated {profile} at {each.simulator.rest_url}, notifications on TLS port "
            f"{each.simulator.xmpp_port}, events tagged: {each.tagging}; {agents} agents heard."
        )
    screen.columns()


def _close(screen: Screen, stages: list[Stage]) -> int:
    scenes: dict[str, list[Verdict]] = {each.tagging: judge(cases_of(each)) for each in stages}
    screen.outcomes(scenes)
    screen.comparison(list(_compared(scenes)))
    screen.verdict(scenes)
    wrong = any(v.too_much or v.too_little for found in scenes.values() for v in found)
    return int(wrong)


def _compared(scenes: dict[str, list[Verdict]]) -> list[tuple[str, str, int, int, str]]:
    rows = []
    for tag, found in scenes.items():
        cases = [verdict.case for verdict in found]
        for name, claim in naive.CORRELATORS.items():
            wrong = naive.wrong(claim, cases)
            rows.append((tag, name, len(wrong), len(cases), naive.example(claim, wrong)))
    return rows


async def _stay(screen: Screen, stages: list[Stage]) -> None:
    for each in stages:
        for line in staying.lines(each):
            screen.console.print(line, markup=False)
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stopped.set)
    going_on = [asyncio.create_task(staying.go_on(each), name="calls") for each in stages]
    try:
        await stopped.wait()
    finally:
        for task in going_on:
            task.cancel()
        await asyncio.gather(*going_on, return_exceptions=True)
        for name in (signal.SIGINT, signal.SIGTERM):
            with contextlib.suppress(ValueError):
                loop.remove_signal_handler(name)
