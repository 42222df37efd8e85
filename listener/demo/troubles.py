"""The part of the scene in which things fail: refusals, silence, lost answers, late errors.

Most failures have a call of their own: an error without an id can be told only where no earlier
request on that call may own it. Knows no outcome in advance.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from listener.demo.stage import FAY, WYN
from listener.finesse import actions as do
from listener.simulator.faults import Fault

if TYPE_CHECKING:
    from listener.demo.stage import Stage

SHORT = 6.0  # seconds: a deadline where the scene waits for one on purpose
LATER = 7.5  # seconds: when the late error comes


async def refusals(stage: Stage) -> None:
    """Fay is refused: later, at once, in part, and for letters among digits."""
    await stage.ask(do.SignOut(agent=FAY), "while READY")
    call = await stage.rings(FAY, "ACTIVE")
    await stage.ask(do.Retrieve(agent=FAY, dialog_id=call), "of a call that is not on hold")
    await stage.hung_up(FAY, call)
    await _held(stage)
    await _letters(stage)
    await _in_part(stage)


async def _held(stage: Stage) -> None:
    call = await stage.rings(FAY, "ACTIVE")
    await stage.simulator.telephone.hold(FAY, call)
    await stage.sees(FAY, call, "HELD")
    await stage.ask(do.SendDtmf(agent=FAY, dialog_id=call, dtmf_string="12"), "while on hold")
    await stage.hung_up(FAY, call)


async def _letters(stage: Stage) -> None:
    call = await stage.rings(FAY, "ACTIVE")
    digits = do.SendDtmf(agent=FAY, dialog_id=call, dtmf_string="1A")
    await stage.ask(digits, "with a letter", check=False)
    await stage.hung_up(FAY, call)


async def _in_part(stage: Stage) -> None:
    call = await stage.rings(FAY, "ACTIVE")
    some = {"callVariable2": "set", "user.unknown": "not configured"}
    await stage.ask(
        do.UpdateCallData(agent=FAY, dialog_id=call, call_variables=some), "a part of it is unknown"
    )
    await stage.hung_up(FAY, call)
    call = await stage.rings(FAY, "ACTIVE")
    busy = do.Reclassify(agent=FAY, dialog_id=call, outbound_classification="BUSY")
    await stage.ask(busy, "no campaign's call")
    await stage.hung_up(FAY, call)


async def waits(stage: Stage) -> None:
    """Wyn's answers and events are lost or late."""
    call = await stage.rings(WYN, "ACTIVE")
    stage.spoil(Fault.ERROR_LATE, WYN, "RETRIEVE", seconds=LATER)
    await stage.ask(do.Retrieve(agent=WYN, dialog_id=call), "its error comes later", within=SHORT)
    await stage.hears_error(WYN)
    await _silent_data(stage, call)
    await stage.hung_up(WYN, call)
    await _ends_under_hold(stage)
    await _answers_lost(stage)


async def _silent_data(stage: Stage, call: str) -> None:
    same = do.UpdateCallData(agent=WYN, dialog_id=call, call_variables={"callVariable3": "x"})
    await stage.ask(same)
    await stage.ask(same, "the same again: no event", within=SHORT)


async def _ends_under_hold(stage: Stage) -> None:
    call = await stage.rings(WYN, "ACTIVE")
    stage.spoil(Fault.SILENT, WYN, "HOLD")
    hold = stage.begin(do.Hold(agent=WYN, dialog_id=call), "the customer hangs up")
    await stage.done(hold)
    await stage.hung_up(WYN, call)
    await stage.settled(hold)


async def _answers_lost(stage: Stage) -> None:
    call = await stage.rings(WYN, "ACTIVE")
    stage.spoil(Fault.NO_ANSWER_DONE, WYN, "HOLD")
    await stage.ask(do.Hold(agent=WYN, dialog_id=call), "no answer, but done")
    stage.spoil(Fault.SILENT, WYN, "RETRIEVE")
    await stage.ask(do.Retrieve(agent=WYN, dialog_id=call), "its event is lost", within=SHORT)
    stage.spoil(Fault.NO_ANSWER_LOST, WYN, "HOLD")
    await stage.ask(do.Hold(agent=WYN, dialog_id=call), "no answer, and not done", within=SHORT)
    await stage.hung_up(WYN, call)
