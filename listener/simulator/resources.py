"""The REST resources: who asks for what, what is refused at once, and which job the rest becomes.

Takes an authenticated user and a request apart; runs nothing itself. See `finesse.py` for the 202
and what follows it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from listener.finesse import uris
from listener.simulator import (
    basics,
    calldata,
    outbound,
    refusals,
    render,
    repertoire,
    states,
    supervising,
)
from listener.simulator.calls import Call, Kind, Party
from listener.simulator.profiles import UCCX

if TYPE_CHECKING:
    from listener.simulator.outbox import Cause
    from listener.simulator.reading import Asked
    from listener.simulator.repertoire import Job
    from listener.simulator.switch import Switch
    from listener.simulator.users import Agent


@dataclass(frozen=True, slots=True)
class Ticket:
    """A request that was taken: the object whose queue it joins, and what is then done."""

    lane: str
    job: Job
    call: Call | None = None
    about_user: bool = False


class Resources:
    """Reads from the switch, and turns requests into tickets."""

    def __init__(self, switch: Switch) -> None:
        self._switch = switch

    # GET

    def read(self, place: uris.Place, requester: Agent) -> str:
        """Return the XML of a resource. Raises RefusedNow."""
        match place.kind:
            case "user":
                return render.user(self._visible(place.id, requester), "User")
            case "dialogs":
                return self._dialogs(self._visible(place.id, requester), tasks=False)
            case "tasks":
                return self._dialogs(self._visible(place.id, requester), tasks=True)
            case "dialog":
                return self._dialog(place.id, requester)
        raise refusals.now(404, "Not Found", "Not found")

    def _visible(self, user: str | None, requester: Agent) -> Agent:
        agent = self._switch.agents.get(user or "")
        if agent is None:
            raise refusals.now(404, "User Not Found", "UNKNOWN_USER", "4023")
        if agent is not requester and not requester.spec.supervisor:
            raise refusals.now(401, "Authorization Failure", "Not entitled")
        return agent

    def _dialogs(self, agent: Agent, *, tasks: bool) -> str:
        mine = self._switch.calls_of(agent.id)
        some = [c for c in mine if (c.kind is Kind.TASK) is tasks]
        return render.node("Dialogs", *(self._switch.dialog_xml(c, agent.id) for c in some))

    def _dialog(self, dialog: str | None, requester: Agent) -> str:
        call = self._find(dialog, "Not Found")
        party = call.of(requester.id)
        if not requester.spec.supervisor and (party is None or not party.listed):
            raise refusals.now(401, "Authorization Failure", "Not entitled")
        return self._switch.dialog_xml(call, requester.id)

    def _find(self, dialog: str | None, kind: str) -> Call:
        call = self._switch.calls.get(dialog or "")
        if call is None or call.over:
            raise refusals.now(404, kind, "Dialog not found", dialog or "")
        return call

    # PUT and POST

    def take(self, method: str, place: uris.Place, requester: Agent, asked: Asked) -> Ticket:
        """Check a request and say what is to be done. Raises RefusedNow."""
        match method, place.kind:
            case "PUT", "dialog":
                return self._on_dialog(place.id, requester, asked)
            case "POST", "dialogs":
                return self._new_dialog(place.id, requester, asked)
            case "PUT", "user":
                return self._on_user(place.id, requester, asked)
        raise refusals.now(404, "Not Found", "Not found")

    def _own(self, user: str | None, requester: Agent) -> None:
        if user not in self._switch.agents:
            raise refusals.now(404, "User Not Found", "UNKNOWN_USER", "4023")
        if user != requester.id:
            raise refusals.wrong_user()

    def _on_dialog(self, dialog: str | None, requester: Agent, asked: Asked) -> Ticket:
        if asked.root != "Dialog":
            raise refusals.now(400, "Bad Request", "The root element is not Dialog")
        name = asked.need("requestedAction", asked.action)
        action = repertoire.ON_DIALOG.get(name)
        if action is None:
            raise refusals.invalid("requestedAction")
        if self._switch.setting.deployment not in action.platforms:
            raise refusals.not_implemented(name)
        call = self._find(dialog, action.not_found)
        outbound.check_platform(self._switch, call, name)
        party = self._acting(call, requester, asked, name)
        if action.check is not None:
            action.check(self._switch, call, party, asked)

        async def job(cause: Cause) -> None:
            await action.perform(self._switch, cause, call, party, asked)

        return Ticket(f"Dialog/{call.id}", job, call)

    def _acting(self, call: Call, requester: Agent, asked: Asked, action: str) -> Party:
        """Return the party that acts: the requester's own, by its address (guide p.91-112)."""
        if action == "PARTICIPANT_DROP":
            target = asked.need("targetMediaAddress", asked.target)
            return supervising.check_drop(self._switch, requester, call, target)
        own = call.of(requester.id)
        if own is None or not own.listed:
            raise refusals.wrong_user()
        if call.kind is Kind.TASK:  # a task has no extension; a target is not asked for (INFERRED)
            if asked.target not in {None, own.address, requester.extension}:
                raise refusals.wrong_user()
            return own
        # Cisco's own library leaves the target out when it writes wrap-up data.
        may_lack = action == "UPDATE_CALL_DATA" and asked.data and not asked.data.variables
        if not (may_lack and asked.target is None):
            target = asked.need("targetMediaAddress", asked.target)
            if target != own.address:
                raise refusals.wrong_user()
        return own

    def _new_dialog(self, user: str | None, requester: Agent, asked: Asked) -> Ticket:
        self._own(user, requester)
        name = asked.need("requestedAction", asked.action)
        to = asked.need("toAddress", asked.to)
        if asked.need("fromAddress", asked.source) != requester.extension:
            raise refusals.wrong_user()
        lane = f"User/{requester.id}"
        if name == "MAKE_CALL":
            return Ticket(lane, self._make_call(requester, asked, to))
        if name == "SILENT_MONITOR":
            supervising.check_monitor(self._switch, requester, to)
            job = partial(_monitor, self._switch, requester, to)
            return Ticket(lane, job)
        if name == "BARGE_CALL":
            dialog = uris.dialog_id(asked.need("associatedDialogUri", asked.associated))
            supervising.check_barge(self._switch, requester, to, dialog)
            return Ticket(lane, partial(_barge, self._switch, requester, to, dialog or ""))
        raise refusals.invalid("requestedAction")

    def _make_call(self, requester: Agent, asked: Asked, to: str) -> Job:
        if to == requester.extension:
            raise refusals.destination(to)
        variables = asked.data.variables if asked.data else ()
        if self._switch.setting.deployment == UCCX and asked.data is not None:
            raise refusals.invalid("mediaProperties")
        if asked.data is not None and asked.data.reason is not None:
            raise refusals.invalid("wrapUpReason")
        calldata.check_names(variables, uccx=False)
        return partial(_make_call, self._switch, requester, to, dict(variables))

    def _on_user(self, user: str | None, requester: Agent, asked: Asked) -> Ticket:
        self._own(user, requester)
        state = asked.need("state", asked.state)
        if state not in states.STATES:
            raise refusals.invalid("state")
        if state == "LOGIN":
            asked.need("extension", asked.extension)
        job = partial(_change, self._switch, requester, state, asked)
        return Ticket(f"User/{requester.id}", job, about_user=True)


async def _make_call(
    switch: Switch, agent: Agent, to: str, variables: dict[str, str], cause: Cause
) -> None:
    await basics.make_call(switch, cause, agent, to, variables)


async def _monitor(switch: Switch, supervisor: Agent, to: str, cause: Cause) -> None:
    await supervising.monitor(switch, cause, supervisor, to)


async def _barge(switch: Switch, supervisor: Agent, to: str, dialog: str, cause: Cause) -> None:
    await supervising.barge(switch, cause, supervisor, to, dialog)


async def _change(switch: Switch, agent: Agent, state: str, asked: Asked, cause: Cause) -> None:
    extension, reason = asked.extension, asked.reason
    await states.change(switch, cause, agent, state, extension=extension, reason=reason)
