"""A simulated Finesse without a network: requests by call, events into a list."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from xml.etree import ElementTree as ET

from listener.simulator.finesse import Finesse
from listener.simulator.interfaces import Form, HttpRequest, HttpResponse
from listener.simulator.telephone import Telephone
from listener.simulator.users import AgentSpec


@dataclass
class Heard:
    """One published event, read again."""

    node: str
    payload: str
    item_id: str | None
    form: Form
    update: ET.Element = field(repr=False)

    @property
    def event(self) -> str:
        return self.update.findtext("event") or ""

    @property
    def source(self) -> str | None:
        return self.update.findtext("source")

    @property
    def tag(self) -> str | None:
        return self.update.findtext("requestId")

    @property
    def dialog(self) -> ET.Element | None:
        found = self.update.find("data/dialogs/Dialog")
        return found if found is not None else self.update.find("data/dialog")

    @property
    def error(self) -> tuple[str, str, str] | None:
        found = self.update.find("data/apiErrors/apiError")
        if found is None:
            return None
        names = ("errorData", "errorMessage", "errorType")
        return tuple(found.findtext(name) or "" for name in names)

    @property
    def id(self) -> str:
        return self.dialog.findtext("id") if self.dialog is not None else ""

    @property
    def state(self) -> str:
        return self.dialog.findtext("state") if self.dialog is not None else ""

    def party(self, address: str) -> tuple[str, str]:
        """State and stateCause of that participant, or ("", "")."""
        for party in self.dialog.iterfind("participants/Participant"):
            if party.findtext("mediaAddress") == address:
                return party.findtext("state") or "", party.findtext("stateCause") or ""
        return "", ""

    def actions(self, address: str) -> set[str]:
        for party in self.dialog.iterfind("participants/Participant"):
            if party.findtext("mediaAddress") == address:
                return {a.text for a in party.iterfind("actions/action")}
        return set()

    def variable(self, name: str) -> str | None:
        for one in self.dialog.iterfind("mediaProperties/callvariables/CallVariable"):
            if one.findtext("name") == name:
                return one.findtext("value")
        return None


class Recorder:
    """A publisher that keeps what it is given."""

    def __init__(self) -> None:
        self.events: list[Heard] = []

    async def publish(
        self, node: str, payload: str, *, item_id: str | None = None, form: Form = Form.ESCAPED
    ) -> int:
        self.events.append(Heard(node, payload, item_id, form, ET.fromstring(payload)))
        return 1

    def present(self, user: str) -> bool:
        return True


AGENTS = (
    AgentSpec("1001", "one", "2001", "Ann Example"),
    AgentSpec("1002", "two", "2002", "Bob Example"),
    AgentSpec("1003", "three", "2003", "Sue Example", supervisor=True),
)


@dataclass
class Desk:
    """The simulated Finesse, its events, and the REST client of the tests."""

    finesse: Finesse
    recorder: Recorder
    passwords: dict[str, str]

    async def http(
        self,
        method: str,
        path: str,
        agent: str,
        body: str = "",
        *,
        request_id: str | None = None,
        password: str | None = None,
    ) -> HttpResponse:
        secret = self.passwords.get(agent, "") if password is None else password
        token = base64.b64encode(f"{agent}:{secret}".encode()).decode()
        headers = {"authorization": f"Basic {token}", "content-type": "application/xml"}
        if request_id is not None:
            headers["requestid"] = request_id
        return await self.finesse.handle(
            HttpRequest(method, f"/finesse/api{path}", "", headers, body.encode())
        )

    def extension(self, agent: str) -> str:
        return self.finesse.agents[agent].spec.extension

    async def act(
        self,
        agent: str,
        action: str,
        dialog: str,
        extra: str = "",
        *,
        request_id: str | None = None,
        target: str | None = None,
    ) -> HttpResponse:
        """PUT an action on a dialog and wait until it is over."""
        address = self.extension(agent) if target is None else target
        body = (
            f"<Dialog><requestedAction>{action}</requestedAction>"
            f"<targetMediaAddress>{address}</targetMediaAddress>{extra}</Dialog>"
        )
        response = await self.http("PUT", f"/Dialog/{dialog}", agent, body, request_id=request_id)
        await self.finesse.quiet()
        return response

    async def call(
        self,
        agent: str,
        to: str,
        *,
        request_id: str | None = None,
        action: str = "MAKE_CALL",
        extra: str = "",
    ) -> HttpResponse:
        """POST a new dialog and wait until it is over."""
        body = (
            f"<Dialog><requestedAction>{action}</requestedAction><toAddress>{to}</toAddress>"
            f"<fromAddress>{self.extension(agent)}</fromAddress>{extra}</Dialog>"
        )
        response = await self.http(
            "POST", f"/User/{agent}/Dialogs", agent, body, request_id=request_id
        )
        await self.finesse.quiet()
        return response

    async def become(self, agent: str, state: str, extra: str = "", **how: Any) -> HttpResponse:
        """PUT a user state and wait until it is over."""
        body = f"<User><state>{state}</state>{extra}</User>"
        response = await self.http("PUT", f"/User/{agent}", agent, body, **how)
        await self.finesse.quiet()
        return response

    async def talking(self, agent: str = "1001", caller: str = "5550100") -> str:
        """Let a customer call and the agent answer; forget the events so far."""
        dialog = await self.finesse.incoming_call(agent, caller)
        assert (await self.act(agent, "ANSWER", dialog)).status == 202
        self.recorder.events.clear()
        return dialog

    async def talking_quietly(self, agent: str = "1001") -> str:
        """Let a customer call and the telephone answer, without REST."""
        dialog = await self.finesse.incoming_call(agent, "5550100")
        await Telephone(self.finesse).answer(agent, dialog)
        await self.finesse.quiet()
        return dialog

    async def consulting(self, agent: str = "1001", to: str = "5550199") -> tuple[str, str]:
        """Hold a customer's call for an answered consult; forget the events so far."""
        original = await self.talking(agent)
        assert (
            await self.act(agent, "CONSULT_CALL", original, f"<toAddress>{to}</toAddress>")
        ).status == 202
        consult = self.finesse.calls[original].associated
        self.recorder.events.clear()
        return original, consult

    def dialogs(self, agent: str) -> list[Heard]:
        """Return the dialog events on that agent's node, in order."""
        node = f"/finesse/api/User/{agent}/Dialogs"
        return [e for e in self.recorder.events if e.node == node and e.dialog is not None]

    def errors(self, agent: str | None = None) -> list[Heard]:
        return [
            e
            for e in self.recorder.events
            if e.error is not None and (agent is None or f"/User/{agent}" in e.node)
        ]

    def party(self, dialog: str, agent: str) -> str:
        """Return the true state of the agent's participant."""
        found = self.finesse.calls[dialog].party(self.extension(agent))
        return found.state if found else "absent"


def digits(text: str) -> str:
    """Return the part of a body that carries digits."""
    return param("dtmfString", text)


def param(name: str, value: str) -> str:
    """Return the part of a body that carries one action parameter."""
    one = f"<ActionParam><name>{name}</name><value>{value}</value></ActionParam>"
    return f"<actionParams>{one}</actionParams>"


def variables(*pairs: tuple[str, str], more: str = "") -> str:
    """Return the part of a body that carries call variables."""
    each = "".join(
        f"<CallVariable><name>{n}</name><value>{v}</value></CallVariable>" for n, v in pairs
    )
    return f"<mediaProperties>{more}<callvariables>{each}</callvariables></mediaProperties>"


MakeDesk = Callable[..., Desk]
