"""The whole simulator over TLS: a REST request in, its notifications out on an agent's stream."""

from __future__ import annotations

import ssl
from html import unescape
from pathlib import Path

import httpx

from listener.simulator.assembly import Simulator
from listener.simulator.profiles import Tagging
from listener.simulator.users import AgentSpec
from tests.shell.ears import PATIENCE, Ear

AGENT = AgentSpec("1001", "secret", "2001")
HOLD = (
    "<Dialog><requestedAction>HOLD</requestedAction>"
    "<targetMediaAddress>2001</targetMediaAddress></Dialog>"
)


async def test_a_hold_over_https_is_heard_over_xmpp(tmp_path: Path) -> None:
    async with Simulator(agents=[AGENT], tagging=Tagging.ALL, pace=0.001) as simulator:
        context = ssl.create_default_context(cafile=simulator.write_ca(tmp_path / "ca.pem"))
        ear = await Ear.open(simulator, AGENT)
        async with httpx.AsyncClient(
            base_url=simulator.rest_url, auth=("1001", "secret"), verify=context, timeout=PATIENCE
        ) as client:
            info = await client.get("/finesse/api/SystemInfo")
            assert "<status>IN_SERVICE</status>" in info.text
            assert "<xmppPubSubDomain>pubsub.localhost</xmppPubSubDomain>" in info.text
            dialog = await simulator.finesse.incoming_call("1001", "5550100")
            assert await simulator.telephone.answer("1001", dialog)
            answer = await client.put(
                f"/finesse/api/Dialog/{dialog}",
                content=HOLD,
                headers={"requestId": "hold-1", "Content-Type": "application/xml"},
            )
            assert (answer.status_code, answer.headers["requestId"]) == (202, "hold-1")
            heard = unescape(await ear.until("hold-1&lt;/requestId&gt;"))
            assert "<state>HELD</state>" in heard
        ear.writer.close()
        (deed,) = simulator.finesse.deed("1001", "hold-1")
        assert (deed.status, deed.effect) == (202, True)
        assert deed.published[0][3] == 1


async def test_ports_are_free_again_after_the_simulator() -> None:
    async with Simulator(agents=[AGENT]) as simulator:
        port = simulator.http.port
    async with Simulator(agents=[AGENT], rest_port=port) as again:
        assert again.http.port == port
