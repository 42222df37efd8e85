"""What supervisors do: silent monitor, barge, drop a party (guide p.97-106).

The events of barge and participant drop are INFERRED.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from listener.simulator import basics, refusals
from listener.simulator.calls import Call, Kind, Party
from listener.simulator.outbox import Cause
from listener.simulator.profiles import BargeOrder
from listener.simulator.refusals import RefusedLater, Wrong

if TYPE_CHECKING:
    from listener.simulator.switch import Switch
    from listener.simulator.users import Agent


def check_monitor(switch: Switch, supervisor: Agent, to: str) -> None:
    """Refuse at once. Raises RefusedNow."""
    if not supervisor.spec.supervisor:
        raise refusals.now(401, "Authorization Failure", "A supervisor is needed")
    if to == supervisor.extension or switch.at(to) is None:
        raise refusals.destination(to)
    if supervisor.state != "NOT_READY":
        raise refusals.state("The supervisor is not NOT_READY")


async def monitor(switch: Switch, cause: Cause, supervisor: Agent, to: str) -> None:
    """SILENT_MONITOR: a call of its own for both, the agent's call stays as it is."""
    await switch.pause()
    agent = switch.at(to)
    extension = supervisor.extension
    if agent is None or extension is None:
        raise refusals.generic("CF_INVALID_CALLED_DEVICE", 6)
    call = switch.active_call(agent.id)
    if call is None:
        raise _unfit(switch, agent)
    watch = switch.new_call(Kind.MONITOR, extension, to, "SUPERVISOR_MONITOR")
    watch.associated = call.id
    own = switch.join(watch, extension, "INITIATING")
    if cause.deed is not None:
        cause.deed.new_dialog_id = watch.id
    switch.post(watch, own, cause)
    await switch.pause()
    if watch.over or watch.ending or call.over:
        await basics.clear(switch, Cause(), watch, own)
        raise _unfit(switch, agent)
    switch.move(own, "ACTIVE")
    watch.state = "ACTIVE"
    watched = switch.join(watch, to, "ACTIVE")
    watched.mute = True
    switch.done(cause)
    switch.put(watch, cause)
    switch.post(watch, watched, cause)


def _unfit(switch: Switch, agent: Agent) -> RefusedLater:
    """Whether the numbers stand in the type or in the data is unclear; here: in both."""
    if switch.uccx:
        return RefusedLater(Wrong("88049", "The agent cannot be monitored now", "88049"))
    if agent.state in {"READY", "WORK", "WORK_READY"}:
        return refusals.cti("CF_INVALID_OBJECT_STATE", 22, kind="Invalid State")
    return RefusedLater(Wrong("13145", "The agent cannot be monitored now", "13145"))


def monitored(switch: Switch, supervisor: Agent, dialog: str | None) -> Call | None:
    """Return the supervisor's monitor call of that id, or None."""
    call = switch.calls.get(dialog or "")
    ok = call is not None and not call.over and call.kind is Kind.MONITOR
    return call if ok and call is not None and call.of(supervisor.id) else None


def check_barge(switch: Switch, supervisor: Agent, to: str, dialog: str | None) -> None:
    """Refuse at once. Raises RefusedNow."""
    if not supervisor.spec.supervisor:
        raise refusals.now(401, "Authorization Failure", "A supervisor is needed")
    agent = switch.at(to)
    if agent is None or to == supervisor.extension:
        raise refusals.destination(to)
    if monitored(switch, supervisor, dialog) is None:
        raise refusals.state("The supervisor does not monitor this agent")
    call = switch.active_call(agent.id)
    if call is None:  # on hold, or gone
        raise refusals.destination(to)
    if (already := call.of(supervisor.id)) is not None and already.present:
        raise refusals.state("The supervisor is on this call")
    if _consults(switch, agent):
        raise refusals.now(400, "20999", "The agent has an outstanding consult", "20999")
    if call.conference and call.controller not in {None, to}:
        raise refusals.now(400, "20999", "The agent is not the controller", "20999")
    if len(call.parties) >= switch.variants.max_parties:
        raise refusals.now(400, "20700", "No conference resources", "20700")


def _consults(switch: Switch, agent: Agent) -> bool:
    """Say whether a consult of that agent is open; what rings beside, or a task, is none."""
    return any(
        call.call_type == "CONSULT" and (party := call.of(agent.id)) is not None and party.present
        for call in switch.calls_of(agent.id)
    )


async def barge(switch: Switch, cause: Cause, supervisor: Agent, to: str, dialog: str) -> None:
    """BARGE_CALL: the call becomes a conference with the supervisor in it. Raises RefusedLater."""
    await switch.pause()
    watch = monitored(switch, supervisor, dialog)
    agent = switch.at(to)
    call = switch.active_call(agent.id) if agent is not None else None
    if watch is None or call is None or supervisor.extension is None:
        raise refusals.cti("CF_INVALID_OBJECT_STATE", 22)
    party = switch.join(call, supervisor.extension, "ACTIVE")
    call.call_type, call.controller = "CONFERENCE", to
    switch.done(cause, dialog=call.id)
    order = switch.dice.pick(switch.variants.barge, tuple(BargeOrder))
    if order is BargeOrder.MONITOR_FIRST:
        _end_watch(switch, cause, watch)
        await switch.pause(0.5)
        switch.post(call, party, cause)
        switch.put(call, cause)
        return
    shown = replace(call, call_type="BARGE_IN_CONSULT")
    switch.put_one(shown, call.of(agent.id) if agent else party, cause)  # type: ignore[arg-type]
    switch.post(call, party, cause)
    switch.put(call, cause)
    await switch.pause(0.5)
    _end_watch(switch, cause, watch)


def _end_watch(switch: Switch, cause: Cause, watch: Call) -> None:
    watch.ending, watch.state = True, "DROPPED"
    for party in watch.parties:
        switch.move(party, "DROPPED")
    for party in watch.parties:
        switch.delete(watch, party, cause)


def end_watches(switch: Switch, call: Call) -> None:
    """End the monitor calls of a call that has ended."""
    for watch in list(switch.calls.values()):
        if watch.kind is Kind.MONITOR and watch.associated == call.id and not watch.ending:
            _end_watch(switch, Cause(), watch)


def check_drop(switch: Switch, requester: Agent, call: Call, target: str) -> Party:
    """Return the party to drop (default right: supervisors alone). Raises RefusedNow."""
    if not requester.spec.supervisor:
        raise refusals.now(401, "Authorization Failure", "A supervisor is needed")
    party = call.party(target)
    if party is None or not party.present or switch.at(target) is None:
        raise refusals.destination(target)
    return party


async def drop_party(switch: Switch, cause: Cause, call: Call, party: Party) -> None:
    """PARTICIPANT_DROP: one agent is taken off the conference. Raises RefusedLater."""
    await switch.pause()
    if call.over or not party.present or not call.conference:
        raise refusals.generic("CF_DROP_ANY_PARTY_NOT_ENABLED_CTI", 290)
    await basics.clear(switch, cause, call, party)
