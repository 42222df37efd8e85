"""`python -m tests.transcript.scenes [FOLDER]`: records the transcripts in samples/ anew.

Each scene is a minute of the oracle's virtual world: the real service over the simulated Finesse.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from listener.finesse import actions as do
from listener.transcript import Options
from tests.oracle.clock import VirtualLoop, run
from tests.oracle.wires import Fortune
from tests.oracle.world import CUSTOMER, OUTSIDE, Wish
from tests.transcript.recorded import RecordedWorld

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from listener.finesse.actions.request import Request

    Scene = Callable[["Stage"], Awaitable[None]]

SAMPLES = Path(__file__).parents[2] / "samples"
RINGS, BUSY = "+12025550121", "+12025550122"
TRAITS = {
    "profile": "UCCE",
    "agents": 3,
    "gate": "queue",
    "pace": 0.05,
    "latency": 0.02,
    "skew": 0.0,
    "background": 0.0,
}


class Stage:
    """What a scene has in its hands."""

    def __init__(self, world: RecordedWorld) -> None:
        self.world = world
        self._count = 0

    async def call(self, agent: str = "1001") -> str:
        """Let a customer's call come to an agent who answers it; return the dialog's id."""
        await self.world.finesse.incoming_call(agent, CUSTOMER)
        await asyncio.sleep(1)
        dialog = self.dialog(agent)
        await self.ask(do.Answer(agent=agent, dialog_id=dialog))
        return dialog

    def dialog(self, agent: str, place: int = -1) -> str:
        """Return the id of one of an agent's calls, the last one if not said otherwise."""
        return self.world.finesse.switch.calls_of(agent)[place].id

    async def ask(self, request: Request, *, wait: float = 30, **fortune: Any) -> None:
        """Ask for something, and wait for what comes of it; `wait` 0 goes on at once."""
        self._count += 1
        asked = self.world.ask(
            self._count, request, Wish(request_id=f"sample-{self._count}"), Fortune.of(fortune)
        )
        until = asyncio.get_running_loop().time() + wait
        while asked is not None and asked.outcome is None:
            if asyncio.get_running_loop().time() >= until:
                return
            await asyncio.sleep(0.05)


async def hold(stage: Stage) -> None:
    dialog = await stage.call()
    await stage.ask(do.Hold(agent="1001", dialog_id=dialog))
    await stage.ask(do.Retrieve(agent="1001", dialog_id=dialog))
    await stage.ask(do.Drop(agent="1001", dialog_id=dialog))


async def error_after_202(stage: Stage) -> None:
    dialog = await stage.call()
    await stage.ask(do.Hold(agent="1001", dialog_id=dialog))
    await stage.ask(do.ConsultCall(agent="1001", dialog_id=dialog, to_address="2002"))
    await stage.ask(
        do.ConsultCall(agent="1001", dialog_id=dialog, to_address="2002"), error_tag="0"
    )


async def dtmf(stage: Stage) -> None:
    dialog = await stage.call()
    await stage.ask(do.SendDtmf(agent="1001", dialog_id=dialog, dtmf_string="4711#"))
    await stage.ask(do.Hold(agent="1001", dialog_id=dialog))
    await stage.ask(do.SendDtmf(agent="1001", dialog_id=dialog, dtmf_string="4712#"))


async def gap(stage: Stage) -> None:
    dialog = await stage.call()
    await stage.ask(do.Hold(agent="1001", dialog_id=dialog), wait=0.02)  # it has left
    stage.world.cut("1001", back=4.0, burst=0)
    await asyncio.sleep(10)
    await stage.ask(do.Retrieve(agent="1001", dialog_id=dialog))
    await stage.ask(do.SendDtmf(agent="1001", dialog_id=dialog, dtmf_string="12"), wait=0.02)
    stage.world.cut("1001", back=3.0, burst=0)
    await asyncio.sleep(20)


async def transfer(stage: Stage) -> None:
    first = await stage.call()
    await stage.ask(do.ConsultCall(agent="1001", dialog_id=first, to_address="2002"))
    await asyncio.sleep(3)
    await stage.ask(do.Transfer(agent="1001", dialog_id=first))
    await asyncio.sleep(5)


async def consult_not_answered(stage: Stage) -> None:
    first = await stage.call()
    await stage.ask(do.ConsultCall(agent="1001", dialog_id=first, to_address=RINGS))
    await stage.ask(do.Transfer(agent="1001", dialog_id=first), tags="0", error_tag="0")
    await asyncio.sleep(5)


async def two_on_one_device(stage: Stage) -> None:
    dialog = await stage.call()
    await stage.ask(do.Hold(agent="1001", dialog_id=dialog), wait=0, tags="0")
    await stage.ask(do.Retrieve(agent="1001", dialog_id=dialog), wait=0, tags="0")
    await asyncio.sleep(25)


async def by_hand(stage: Stage) -> None:
    dialog = await stage.call()
    lost = ("no_answer_lost", 0.0, "hang")
    await stage.ask(do.Hold(agent="1001", dialog_id=dialog), wait=0, fault=lost)
    await asyncio.sleep(2)
    await stage.world.telephone.hold("1001", dialog)
    await asyncio.sleep(12)


async def calls(stage: Stage) -> None:
    await stage.ask(do.MakeCall(agent="1001", to_address=BUSY))
    await stage.ask(do.Drop(agent="1001", dialog_id=stage.dialog("1001")))
    await stage.ask(do.MakeCall(agent="1001", to_address=next(iter(OUTSIDE))))


async def call_data(stage: Stage) -> None:
    dialog = await stage.call()
    set_ = {"callVariable1": "order 4711", "user.customer": "a name that is longer than its field"}
    await stage.ask(do.UpdateCallData(agent="1001", dialog_id=dialog, call_variables=set_))
    await stage.ask(
        do.UpdateCallData(agent="1001", dialog_id=dialog, wrap_up_reason="Sold"),
        events=[(0, "event_lost", 0.0, "hang")],
    )


async def no_answer(stage: Stage) -> None:
    dialog = await stage.call()
    await stage.ask(
        do.Hold(agent="1001", dialog_id=dialog), fault=("no_answer_done", 0.0, "cut"), tags="0"
    )
    await stage.ask(
        do.Retrieve(agent="1001", dialog_id=dialog), fault=("no_answer_lost", 0.0, "cut")
    )


async def restart(stage: Stage) -> None:
    dialog = await stage.call()
    await stage.ask(do.Hold(agent="1001", dialog_id=dialog), wait=0)
    await asyncio.sleep(0.03)
    stage.world.restart(back=2.0)
    await asyncio.sleep(15)


SCENES: dict[str, Scene] = {
    "hold": hold,
    "error-after-202": error_after_202,
    "dtmf": dtmf,
    "gap": gap,
    "transfer": transfer,
    "consult-not-answered": consult_not_answered,
    "two-on-one-device": two_on_one_device,
    "by-hand": by_hand,
    "calls": calls,
    "call-data": call_data,
    "no-answer": no_answer,
    "restart": restart,
}


def record(name: str, path: Path) -> None:
    """Play one scene, and record it into a new file."""

    async def main(loop: VirtualLoop) -> None:
        async with RecordedWorld(loop, 1, TRAITS, Options(path=path)) as world:
            await asyncio.sleep(1)
            await SCENES[name](Stage(world))
            await asyncio.sleep(2)

    path.unlink(missing_ok=True)
    run(main)
    path.chmod(0o644)


if __name__ == "__main__":
    for each in SCENES:
        record(each, Path(*sys.argv[1:2] or [SAMPLES]) / f"transcript-{each}.jsonl")
