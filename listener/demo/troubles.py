"""The part of the scene in which things fail: refusals, silence, lost answers, late errors.

Most failures have a call of their own: an error without an id can be told only where no earlier
request on that call may own it. Knows no outcome in advance.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from listener.demo.cast import FAY, IDA, JOE, WYN
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


async def late_error(stage: Stage) -> None:
    """Ida's refusal comes when her request has been given up."""
    call = await stage.rings(IDA, "ACTIVE")
    stage.spoil(Fault.ERROR_LATE, IDA, "RETRIEVE", seconds=LATER)
    refused = do.Retrieve(agent=IDA, dialog_id=call)
    await stage.ask(refused, "its error comes later", within=SHORT)
    await stage.hears_error(IDA)
    await stage.hung_up(IDA, call)


async def lost_link(stage: Stage) -> None:
    """Joe's session breaks while he waits; what a GET can tell is still known."""
    call = await stage.rings(JOE, "ACTIVE")
    digits = stage.begin(
        do.SendDtmf(agent=JOE, dialog_id=call, dtmf_string="7"), "the session breaks"
    )
    await stage.done(digits)
    await stage.cut(JOE)
    await stage.settled(digits)
    await stage.listener.ready(JOE)
    stage.spoil(Fault.SILENT, JOE, "HOLD")
    hold = stage.begin(do.Hold(agent=JOE, dialog_id=call), "its event goes with the session")
    await stage.done(hold)
    await stage.cut(JOE)
    await stage.settled(hold)
    await stage.hung_up(JOE, call)


async def waits(stage: Stage) -> None:
    """Wyn's answers and events are lost, or come for two requests at once."""
    call = await stage.rings(WYN, "ACTIVE")
    same = do.UpdateCallData(agent=WYN, dialog_id=call, call_variables={"callVariable3": "x"})
    await stage.ask(same)
    silent = stage.begin(same, "the same again: no event", within=SHORT)
    stage.spoil(Fault.REFUSED_LATER, WYN, "SEND_DTMF")
    digits = do.SendDtmf(agent=WYN, dialog_id=call, dtmf_string="5")
    await stage.ask(digits, "refused while another request is open")
    await stage.settled(silent)
    await stage.hung_up(WYN, call)
    await _ends_under_hold(stage)
    await _answers_lost(stage)


async def _ends_under_hold(stage: Stage) -> None:
    call = await stage.rings(WYN, "ACTIVE")
    stage.spoil(Fault.SILENT, WYN, "HOLD")
    hold = stage.begin(do.Hold(agent=WYN, dialog_id=call), "while the handset is put down")
    await stage.done(hold)
    await stage.simulator.telephone.hang_up(WYN, call)
    await stage.gone(WYN, call)
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
