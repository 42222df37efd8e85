"""Every action on a dialog: on which platform, what is refused at once, what the switch does.

One line per action in `ON_DIALOG`; the checks answer before the 202 (guide p.80-112).
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, TypeAlias

from listener.simulator import basics, calldata, joining, outbound, refusals, supervising, tasks
from listener.simulator.calls import Call, Kind, Party
from listener.simulator.outbox import Cause
from listener.simulator.profiles import UCCE, UCCX, EarlyTransfer
from listener.simulator.reading import Asked
from listener.simulator.switch import Switch

Job: TypeAlias = Callable[[Cause], Coroutine[Any, Any, None]]
Check: TypeAlias = Callable[[Switch, Call, Party, Asked], None]
Perform: TypeAlias = Callable[[Switch, Cause, Call, Party, Asked], Coroutine[Any, Any, None]]


@dataclass(frozen=True, slots=True)
class Action:
    """How one action is done. `not_found` is the ErrorType when its dialog does not exist."""

    perform: Perform
    check: Check | None = None
    platforms: frozenset[str] = frozenset({UCCE, UCCX})
    not_found: str = "Not Found"


_DIGITS = frozenset("0123456789*#ABCDabcd")
_CALLBACK = frozenset({"callbackTime", "callbackNumber"})
RECLASSIFY = frozenset({"VOICE", "FAX", "ANS_MACHINE", "INVALID", "BUSY", "DO_NOT_CALL"})


def _check_dtmf(_switch: Switch, _call: Call, party: Party, asked: Asked) -> None:
    digits = asked.need("dtmfString", asked.params.get("dtmfString"))
    if set(digits) - _DIGITS:
        raise refusals.invalid("dtmfString")
    _not_held(_switch, _call, party, asked)


def _not_held(_switch: Switch, _call: Call, party: Party, _asked: Asked) -> None:
    if party.state == "HELD":
        raise refusals.state("The participant is on hold", status=401)


def _check_to(_switch: Switch, _call: Call, party: Party, asked: Asked) -> None:
    if asked.need("toAddress", asked.to) == party.address:
        raise refusals.destination(party.address)


def _check_data(switch: Switch, _call: Call, _party: Party, asked: Asked) -> None:
    if asked.data is None:
        raise refusals.missing("mediaProperties")
    if asked.data.items is not None and not switch.uccx:
        raise refusals.invalid("wrapUpItems")
    calldata.check_names(asked.data.variables, uccx=switch.uccx)


def _check_transfer(switch: Switch, call: Call, party: Party, _asked: Asked) -> None:
    if call.kind is Kind.VOICE and joining.early(switch, call, party):
        when = switch.dice.pick(switch.variants.early_transfer, tuple(EarlyTransfer))
        if when is EarlyTransfer.SYNC:
            raise refusals.state("There is no active call to transfer to")


def _check_reclassify(_switch: Switch, _call: Call, _party: Party, asked: Asked) -> None:
    name = "outboundClassification"
    if asked.need(name, asked.params.get(name)) not in RECLASSIFY:
        raise refusals.invalid(name)


def _check_callback(_switch: Switch, _call: Call, _party: Party, asked: Asked) -> None:
    if not _CALLBACK & asked.params.keys():
        raise refusals.missing("callbackTime")


async def _drop(switch: Switch, cause: Cause, call: Call, party: Party, _asked: Asked) -> None:
    await basics.drop(switch, cause, call, party)


async def _answer(switch: Switch, cause: Cause, call: Call, party: Party, _asked: Asked) -> None:
    await basics.answer(switch, cause, call, party)


async def _hold(switch: Switch, cause: Cause, call: Call, party: Party, _asked: Asked) -> None:
    await basics.hold(switch, cause, call, party)


async def _retrieve(switch: Switch, cause: Cause, call: Call, party: Party, _asked: Asked) -> None:
    await basics.retrieve(switch, cause, call, party)


async def _dtmf(switch: Switch, cause: Cause, call: Call, party: Party, asked: Asked) -> None:
    await basics.send_dtmf(switch, cause, call, party, asked.params.get("dtmfString", ""))


async def _data(switch: Switch, cause: Cause, call: Call, _party: Party, asked: Asked) -> None:
    await calldata.update(switch, cause, call, asked.data or calldata.CallData())


async def _consult(switch: Switch, cause: Cause, call: Call, party: Party, asked: Asked) -> None:
    await joining.consult(switch, cause, call, party, asked.to or "")


async def _transfer(switch: Switch, cause: Cause, call: Call, party: Party, asked: Asked) -> None:
    if call.kind is Kind.TASK:
        await tasks.act(switch, cause, call, party, asked.action or "")
    else:
        await joining.transfer(switch, cause, call, party)


async def _conference(switch: Switch, cause: Cause, call: Call, party: Party, _: Asked) -> None:
    await joining.conference(switch, cause, call, party)


async def _single(switch: Switch, cause: Cause, call: Call, party: Party, asked: Asked) -> None:
    await joining.single_step(switch, cause, call, party, asked.to or "")


async def _drop_party(switch: Switch, cause: Cause, call: Call, party: Party, _: Asked) -> None:
    await supervising.drop_party(switch, cause, call, party)


async def _record(switch: Switch, cause: Cause, call: Call, party: Party, _asked: Asked) -> None:
    await outbound.record(switch, cause, call, party)


async def _preview(switch: Switch, cause: Cause, call: Call, party: Party, asked: Asked) -> None:
    if call.kind is Kind.TASK:
        await tasks.act(switch, cause, call, party, asked.action or "")
    else:
        await outbound.decide(switch, cause, call, party, asked.action or "")


async def _task(switch: Switch, cause: Cause, call: Call, party: Party, asked: Asked) -> None:
    await tasks.act(switch, cause, call, party, asked.action or "")


async def _reclassify(switch: Switch, cause: Cause, call: Call, _p: Party, asked: Asked) -> None:
    await outbound.reclassify(switch, cause, call, asked.params["outboundClassification"])


async def _callback(switch: Switch, cause: Cause, call: Call, _p: Party, asked: Asked) -> None:
    wanted = {name: asked.params[name] for name in sorted(_CALLBACK & asked.params.keys())}
    await outbound.callback(switch, cause, call, wanted)


async def _no_callback(switch: Switch, cause: Cause, call: Call, _p: Party, _asked: Asked) -> None:
    await outbound.callback(switch, cause, call, None)


_CCE, _CCX = frozenset({UCCE}), frozenset({UCCX})

ON_DIALOG: dict[str, Action] = {
    "ANSWER": Action(_answer),
    "HOLD": Action(_hold),
    "RETRIEVE": Action(_retrieve),
    "DROP": Action(_drop),
    "CONSULT_CALL": Action(_consult, _check_to),
    "TRANSFER": Action(_transfer, _check_transfer),
    "CONFERENCE": Action(_conference),
    "TRANSFER_SST": Action(_single, _check_to),
    "SEND_DTMF": Action(_dtmf, _check_dtmf),
    "UPDATE_CALL_DATA": Action(_data, _check_data),
    "START_RECORDING": Action(_record, _not_held, platforms=_CCX),
    "PARTICIPANT_DROP": Action(_drop_party, platforms=_CCE),
    "ACCEPT": Action(_preview, not_found="Dialog Not Found"),
    "CLOSE": Action(_preview, not_found="Dialog Not Found"),
    "REJECT": Action(_preview, not_found="Dialog Not Found"),
    "RECLASSIFY": Action(_reclassify, _check_reclassify, not_found="Dialog Not Found"),
    "UPDATE_SCHEDULED_CALLBACK": Action(_callback, _check_callback),
    "CANCEL_SCHEDULED_CALLBACK": Action(_no_callback),
    "START": Action(_task, platforms=_CCE),
    "PAUSE": Action(_task, platforms=_CCE),
    "RESUME": Action(_task, platforms=_CCE),
    "WRAP_UP": Action(_task, platforms=_CCE),
}
