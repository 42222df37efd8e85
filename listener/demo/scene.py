"""The scene: who asks for what, in which order; strands of different agents run side by side.

Every action that the deployment has comes up, and the ways in which they fail. Knows no outcome in
advance: where it needs a call that a request made, it takes the truth, so that a wrong outcome is
seen by the judge and does not stop the play.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from listener.demo import troubles
from listener.demo.cast import (
    ANNA,
    BEN,
    BUSY,
    CUSTOMER,
    DAN,
    OLA,
    OTHER_OUTSIDE,
    OUTSIDE,
    SUE,
    TIM,
)
from listener.finesse import actions as do
from listener.finesse import uris

if TYPE_CHECKING:
    from listener.demo.stage import Stage


async def play(stage: Stage) -> None:
    """Play everything that the deployment has; returns when the last request is settled."""
    strands = [talk(stage), outgoing(stage), supervise(stage), outbound(stage)]
    strands += [troubles.refusals(stage), troubles.waits(stage)]
    strands += [troubles.late_error(stage), troubles.lost_link(stage)]
    if not stage.uccx:
        strands.append(tasks(stage))
    async with asyncio.TaskGroup() as group:
        for strand in strands:
            group.create_task(strand)


async def talk(stage: Stage) -> None:
    """Anna signs in, takes a call, hands it to Ben and back, and signs out."""
    await stage.ask(do.SignIn(agent=ANNA, extension=ANNA))
    await stage.ask(do.Ready(agent=ANNA))
    call = await stage.rings(ANNA)
    await stage.ask(do.Answer(agent=ANNA, dialog_id=call))
    await stage.ask(do.Hold(agent=ANNA, dialog_id=call))
    await stage.ask(do.Retrieve(agent=ANNA, dialog_id=call))
    await _data(stage, call)
    await stage.ask(do.SendDtmf(agent=ANNA, dialog_id=call, dtmf_string="1234#"))
    if stage.uccx:
        await stage.ask(do.StartRecording(agent=ANNA, dialog_id=call))
    await stage.ask(do.Work(agent=ANNA), "on a call: for its end")
    await _hand_over(stage, call)
    await _conference(stage, call)
    await stage.ask(do.NotReady(agent=ANNA, reason_code_id="50"))
    await stage.ask(do.SignOut(agent=ANNA, reason_code_id="51"))


async def _data(stage: Stage, call: str) -> None:
    variables = {
        "callVariable1": "gold",
        "user.customer": "4711",
        "user.items[0]": "first",
        "user.items[1]": "second",
    }
    await stage.ask(
        do.UpdateCallData(agent=ANNA, dialog_id=call, call_variables=variables),
        "scalar and array ECC",
    )
    items = ("Sold", "Call back") if stage.uccx else None
    reason = None if stage.uccx else "Sold"
    await stage.ask(
        do.UpdateCallData(agent=ANNA, dialog_id=call, wrap_up_reason=reason, wrap_up_items=items),
        "wrap-up items" if stage.uccx else "wrap-up reason",
    )


async def _hand_over(stage: Stage, call: str) -> None:
    """Consult Ben, transfer too early, transfer; Ben gives the call back in a single step."""
    await stage.witness.until(lambda: BEN in stage.witness.users, "Ben signed in")
    asked = await stage.ask(do.ConsultCall(agent=ANNA, dialog_id=call, to_address=BEN))
    second = stage.new_dialog(asked)
    await stage.sees(BEN, second, "ALERTING")
    await stage.ask(do.Transfer(agent=ANNA, dialog_id=call), "before the consult is answered")
    await stage.ask(do.Answer(agent=BEN, dialog_id=second))
    await stage.sees(ANNA, second, "ACTIVE", of=BEN)
    await stage.ask(do.Transfer(agent=ANNA, dialog_id=call))
    await stage.sees(BEN, call, "ACTIVE")
    await stage.gone(ANNA, call)
    await stage.ask(do.TransferSst(agent=BEN, dialog_id=call, to_address=ANNA), "to a colleague")
    await stage.sees(ANNA, call, "ALERTING")
    await stage.ask(do.Answer(agent=ANNA, dialog_id=call))


async def _conference(stage: Stage, call: str) -> None:
    asked = await stage.ask(do.ConsultCall(agent=ANNA, dialog_id=call, to_address=OUTSIDE))
    await stage.sees(ANNA, stage.new_dialog(asked), "ACTIVE", of=OUTSIDE)
    await stage.ask(do.Conference(agent=ANNA, dialog_id=call))
    await stage.sees(ANNA, call, "ACTIVE", of=OUTSIDE)
    await stage.ask(do.Drop(agent=ANNA, dialog_id=call))
    await stage.gone(ANNA, call)


async def outgoing(stage: Stage) -> None:
    """Ben signs in and calls people whom nobody of ours can see."""
    await stage.ask(do.SignIn(agent=BEN, extension=BEN))
    first = await _reach(stage, BEN, OUTSIDE)
    asked = await stage.ask(do.ConsultCall(agent=BEN, dialog_id=first, to_address=OTHER_OUTSIDE))
    await stage.sees(BEN, stage.new_dialog(asked), "ACTIVE", of=OTHER_OUTSIDE)
    await stage.ask(do.Transfer(agent=BEN, dialog_id=first), "to somebody outside")
    await stage.gone(BEN, first)


async def _reach(stage: Stage, agent: str, number: str) -> str:
    asked = await stage.ask(do.MakeCall(agent=agent, to_address=number))
    call = stage.new_dialog(asked)
    await stage.sees(agent, call, "ACTIVE", of=number)
    return call


async def supervise(stage: Stage) -> None:
    """Sue listens to Dan's call, joins it, and (UCCE) takes Dan out of it; then both dial."""
    await stage.ask(do.SilentMonitor(agent=SUE, to_address=TIM), "who is not on a call")
    call = await stage.rings(DAN, "ACTIVE")
    asked = await stage.ask(do.SilentMonitor(agent=SUE, to_address=DAN))
    monitor = uris.dialog_path(stage.new_dialog(asked))
    await stage.ask(do.BargeCall(agent=SUE, to_address=DAN, associated_dialog_uri=monitor))
    await stage.sees(SUE, call, "ACTIVE", of=DAN)
    if not stage.uccx:
        await stage.ask(do.ParticipantDrop(agent=SUE, dialog_id=call, target_media_address=DAN))
        await stage.gone(DAN, call)
    await stage.ask(do.Drop(agent=SUE, dialog_id=call))
    if stage.uccx:
        await stage.hung_up(DAN, call)
    await _no_luck(stage)


async def _no_luck(stage: Stage) -> None:
    asked = await stage.ask(do.MakeCall(agent=DAN, to_address=BUSY), "which is busy")
    await stage.ask(do.Drop(agent=DAN, dialog_id=stage.new_dialog(asked)), "of a failed call")
    call = await _reach(stage, DAN, OUTSIDE)
    away = do.TransferSst(agent=DAN, dialog_id=call, to_address=OTHER_OUTSIDE)
    await stage.ask(away, "to somebody outside")


async def outbound(stage: Stage) -> None:
    """Ola decides on previews, classifies a call and promises a callback."""
    if not stage.uccx:
        call = await _accept(stage, do.PreviewAccept, direct=False)
        await _campaign(stage, call)
        for request in (do.PreviewClose, do.PreviewReject):
            await _decide(stage, request, direct=False)
    call = await _accept(stage, do.DirectPreviewAccept, direct=True)
    if stage.uccx:
        await _campaign(stage, call)
    else:
        await stage.ask(do.Drop(agent=OLA, dialog_id=call))
        await stage.gone(OLA, call)
    for direct in (do.DirectPreviewClose, do.DirectPreviewReject):
        await _decide(stage, direct, direct=True)


async def _offer(stage: Stage, *, direct: bool) -> str:
    offered = await stage.simulator.finesse.preview(OLA, CUSTOMER, direct=direct)
    await stage.sees(OLA, offered, "ACTIVE")
    return offered


async def _accept(stage: Stage, request: type[do.PreviewAccept], *, direct: bool) -> str:
    offered = await _offer(stage, direct=direct)
    asked = await stage.ask(request(agent=OLA, dialog_id=offered), _kind(direct=direct))
    await stage.gone(OLA, offered)
    call = stage.new_dialog(asked)
    await stage.sees(OLA, call, "ACTIVE", of=CUSTOMER)
    return call


async def _decide(
    stage: Stage, request: type[do.PreviewClose | do.PreviewReject], *, direct: bool
) -> None:
    offered = await _offer(stage, direct=direct)
    await stage.ask(request(agent=OLA, dialog_id=offered), _kind(direct=direct))
    await stage.gone(OLA, offered)


def _kind(*, direct: bool) -> str:
    return "direct preview" if direct else "preview"


async def _campaign(stage: Stage, call: str) -> None:
    promise = do.UpdateScheduledCallback(
        agent=OLA, dialog_id=call, callback_time="2030-01-02T03:04", callback_number=CUSTOMER
    )
    await stage.ask(promise)
    await stage.ask(do.Reclassify(agent=OLA, dialog_id=call, outbound_classification="VOICE"))
    await stage.ask(do.CancelScheduledCallback(agent=OLA, dialog_id=call))
    await stage.ask(do.Drop(agent=OLA, dialog_id=call))
    await stage.gone(OLA, call)


async def tasks(stage: Stage) -> None:
    """Tim works on chats (UCCE)."""
    first = await _task(stage)
    await stage.ask(do.TaskPause(agent=TIM, dialog_id=first), "before it was accepted")
    second = await _task(stage)
    for request in (do.TaskAccept, do.TaskStart, do.TaskPause, do.TaskResume, do.TaskWrapUp):
        await stage.ask(request(agent=TIM, dialog_id=second))
    await stage.ask(do.TaskClose(agent=TIM, dialog_id=second))
    third = await _task(stage)
    await stage.ask(do.TaskAccept(agent=TIM, dialog_id=third))
    await stage.ask(do.TaskStart(agent=TIM, dialog_id=third))
    await stage.ask(do.TaskTransfer(agent=TIM, dialog_id=third, target="5000"))


async def _task(stage: Stage) -> str:
    task = await stage.simulator.finesse.task(TIM)
    await stage.witness.until(lambda: (TIM, task) in stage.witness.dialogs, "the task offered")
    return task
