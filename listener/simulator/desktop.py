"""Every agent's desktop: another REST client, with requestIds of its own, or none.

It goes through the same door as our caller, so it causes the same changes and the same errors. Its
deeds stand in the truth with `client` "desktop".
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import TYPE_CHECKING

from listener.finesse import uris
from listener.simulator import render
from listener.simulator.calls import Kind
from listener.simulator.finesse import CLIENT
from listener.simulator.interfaces import HttpRequest, HttpResponse
from listener.simulator.profiles import Dice, Tagging

if TYPE_CHECKING:
    from listener.simulator.finesse import Finesse

_ALONE = ("HOLD", "RETRIEVE", "ANSWER", "DROP", "TRANSFER", "CONFERENCE")


class Desktop:
    """Presses buttons on agents' desktops; each method returns Finesse's answer.

    Without `request_id` it sends none; with `Tagging.COUNTER` it counts "1", "2", "3" per agent.
    """

    def __init__(self, finesse: Finesse) -> None:
        self._finesse = finesse
        self._dice = Dice(finesse.seed, "desktop")
        self._counted: dict[str, int] = {}

    def _request_id(self, agent: str) -> str | None:
        if self._finesse.tagging is not Tagging.COUNTER:
            return None
        self._counted[agent] = self._counted.get(agent, 0) + 1
        return str(self._counted[agent])

    async def _send(
        self, agent: str, method: str, path: str, body: str, request_id: str | None
    ) -> HttpResponse:
        spec = self._finesse.agents[agent].spec
        token = base64.b64encode(f"{spec.id}:{spec.password}".encode()).decode()
        headers = {
            "authorization": f"Basic {token}",
            "content-type": "application/xml",
            CLIENT: "desktop",
        }
        request_id = request_id or self._request_id(agent)
        if request_id is not None:
            headers["requestid"] = request_id
        return await self._finesse.handle(HttpRequest(method, path, "", headers, body.encode()))

    async def press(
        self,
        agent: str,
        action: str,
        dialog: str,
        *,
        to: str | None = None,
        params: Mapping[str, str] | None = None,
        variables: Mapping[str, str] | None = None,
        request_id: str | None = None,
    ) -> HttpResponse:
        """Ask for an action on a dialog."""
        body = render.node(
            "Dialog",
            render.leaf("requestedAction", action),
            render.leaf("targetMediaAddress", self._extension(agent)),
            render.maybe("toAddress", to),
            _pairs("actionParams", "ActionParam", params),
            _data(variables),
        )
        return await self._send(agent, "PUT", uris.dialog_path(dialog), body, request_id)

    async def call(self, agent: str, to: str, *, request_id: str | None = None) -> HttpResponse:
        """Make a call."""
        body = render.node(
            "Dialog",
            render.leaf("requestedAction", "MAKE_CALL"),
            render.leaf("fromAddress", self._extension(agent)),
            render.leaf("toAddress", to),
        )
        return await self._send(agent, "POST", uris.dialogs_node(agent), body, request_id)

    async def become(
        self, agent: str, state: str, *, reason: str | None = None, request_id: str | None = None
    ) -> HttpResponse:
        """Choose a state; LOGIN takes the configured extension."""
        extension = self._finesse.agents[agent].spec.extension if state == "LOGIN" else None
        body = render.node(
            "User",
            render.leaf("state", state),
            render.maybe("extension", extension),
            render.maybe("reasonCodeId", reason),
        )
        return await self._send(agent, "PUT", uris.user_node(agent), body, request_id)

    def let_loose(self, agent: str, *, times: int, paces: float = 3.0) -> None:
        """Press that many drawn buttons, by itself, with a drawn time of up to `paces` between."""
        self._finesse.crew.start(self._loose(agent, times, paces))

    async def _loose(self, agent: str, times: int, paces: float) -> None:
        for _ in range(times):
            await self._finesse.switch.pause(self._dice.between(0, paces))
            await self.fidget(agent)

    async def fidget(self, agent: str) -> HttpResponse | None:
        """Press any button on any call of the agent, fitting or not, drawn by the seed."""
        calls = [c.id for c in self._finesse.switch.calls_of(agent) if c.kind is Kind.VOICE]
        if not calls:
            return None
        return await self.press(agent, self._dice.pick(None, _ALONE), self._dice.pick(None, calls))

    def _extension(self, agent: str) -> str:
        state = self._finesse.agents[agent]
        return state.extension or state.spec.extension


def _pairs(outer: str, inner: str, pairs: Mapping[str, str] | None) -> str:
    if not pairs:
        return ""
    return render.node(
        outer,
        *(
            render.node(inner, render.leaf("name", k), render.leaf("value", v))
            for k, v in pairs.items()
        ),
    )


def _data(variables: Mapping[str, str] | None) -> str:
    inner = _pairs("callvariables", "CallVariable", variables)
    return render.node("mediaProperties", inner) if inner else ""
