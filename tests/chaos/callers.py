"""Those who ask: over the API, as an expectation, through the drop-in.

Each asks as a program would that wants an outcome: with an Idempotency-Key, again after a lost
connection, over restarts. Knows the API; what is true is not known here.
"""

from __future__ import annotations

import asyncio
import base64
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx

from tests.chaos.asking import body_of, fingerprint, xml_of
from tests.chaos.program import ASKED, DEAD
from tests.oracle.world import PASSWORD

if TYPE_CHECKING:
    from tests.chaos.deployment import Deployment
    from tests.chaos.program import Program
    from tests.oracle.account import Asked
    from tests.oracle.world import Wish

PATIENCE = 150.0  # seconds in which a request has its outcome, whatever was wrong
AGAIN = 0.1
UNAVAILABLE = 5.0  # seconds for which a caller asks again whom a 503 has told to


@dataclass(slots=True)
class Inquiry:
    """One request as its caller sees it; `refused` says why it was not taken."""

    asked: Asked
    wish: Wish
    key: str
    id: str | None = None
    resource: dict[str, Any] | None = None
    outcomes: set[tuple[Any, ...]] = field(default_factory=set)
    refused: str | None = None
    faults: list[str] = field(default_factory=list)

    def saw(self, resource: dict[str, Any]) -> None:
        """Note a resource."""
        if self.id is not None and resource["id"] != self.id:
            self.faults.append("one Idempotency-Key made two requests")
        self.id = resource["id"]
        self.resource = resource
        if resource["outcome"] is not None:
            self.outcomes.add(fingerprint(resource["outcome"]))

    @property
    def settled(self) -> bool:
        """Whether its outcome was told."""
        return bool(self.outcomes)


class Callers:
    """All of them, before one daemon after the other."""

    def __init__(self, program: Program, deployment: Deployment) -> None:
        self._program = program
        self._deployment = deployment
        verify = deployment.sim.authority.client_context()
        self._finesse = httpx.AsyncClient(verify=verify, timeout=6.0)
        each_anew = httpx.Limits(max_keepalive_connections=0)
        self._dropin = httpx.AsyncClient(timeout=ASKED + 30, limits=each_anew)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._finesse.aclose()
        await self._dropin.aclose()

    async def ask(self, inquiry: Inquiry) -> None:
        """Ask in the way that was wished for, and wait for the outcome."""
        async with self._program.client(ASKED + 30) as client:
            match inquiry.wish.mode:
                case "forward":
                    await self._forward(client, inquiry)
                case "expect":
                    await self._expect(client, inquiry)
                case _:
                    await self._post(client, inquiry, "/v1/requests")
            if inquiry.id is None:
                return
            if inquiry.wish.abandon is not None:
                await self._abandon(client, inquiry, inquiry.wish.abandon)
            await self._await(client, inquiry)

    async def _post(self, client: httpx.AsyncClient, inquiry: Inquiry, path: str) -> None:
        wish, asked = inquiry.wish, inquiry.asked
        body = body_of(
            asked.request,
            requestId=asked.request_id,
            deadline=wish.deadline,
            minimumEvidence=wish.minimum,
        )
        headers = {"Idempotency-Key": inquiry.key}
        until = asyncio.get_running_loop().time() + UNAVAILABLE
        while True:
            with suppress(*DEAD):
                answer = await client.post(path, json=body, headers=headers)
                inquiry.refused = f"{answer.status_code} {answer.text[:200]}"
                if answer.status_code in {200, 201, 202}:
                    inquiry.saw(answer.json())
                    inquiry.refused = None
                    return
                if answer.status_code != 503 or asyncio.get_running_loop().time() > until:
                    if answer.status_code >= 500 and answer.status_code != 503:
                        inquiry.faults.append(f"the API answered {inquiry.refused}")
                    return
            await asyncio.sleep(AGAIN)

    async def _await(self, client: httpx.AsyncClient, inquiry: Inquiry) -> None:
        until = asyncio.get_running_loop().time() + PATIENCE
        while not inquiry.settled and asyncio.get_running_loop().time() < until:
            with suppress(*DEAD):
                await self.look(client, inquiry, wait=ASKED)
                if inquiry.settled or inquiry.faults:
                    return
            await asyncio.sleep(AGAIN)

    async def look(self, client: httpx.AsyncClient, inquiry: Inquiry, *, wait: float) -> None:
        """Read a request once."""
        headers = {"Prefer": f"wait={wait:g}"} if wait else {}
        answer = await client.get(f"/v1/requests/{inquiry.id}", headers=headers)
        if answer.status_code == 200:
            inquiry.saw(answer.json())
        elif answer.status_code != 503:
            inquiry.faults.append(f"its resource answered {answer.status_code}")

    async def _abandon(self, client: httpx.AsyncClient, inquiry: Inquiry, after: float) -> None:
        await asyncio.sleep(after)
        with suppress(*DEAD):
            answer = await client.delete(f"/v1/requests/{inquiry.id}")
            if answer.status_code == 200:
                inquiry.saw(answer.json())

    # -- who sends itself ------------------------------------------------------------------------

    async def _expect(self, client: httpx.AsyncClient, inquiry: Inquiry) -> None:
        await self._post(client, inquiry, "/v1/expectations")
        if inquiry.id is None or inquiry.wish.report == "never_sent":
            return
        status, body = await self._send(inquiry.asked)
        if inquiry.wish.report == "late":
            await asyncio.sleep(2.0)
        if status is None or inquiry.wish.report == "no":
            return
        told = {"status": status, "body": body}
        while not inquiry.settled:
            with suppress(*DEAD):
                answer = await client.patch(f"/v1/expectations/{inquiry.id}", json=told)
                if answer.status_code == 200:
                    inquiry.saw(answer.json())
                return
            await asyncio.sleep(AGAIN)

    async def _send(self, asked: Asked) -> tuple[int | None, str]:
        request = asked.request
        url = f"https://127.0.0.1:{self._deployment.rest[self._deployment.used()].port}"
        headers = credentials(request.agent) | {"requestId": asked.request_id}
        with suppress(*DEAD, httpx.HTTPError):
            answer = await self._finesse.request(
                request.method, url + request.path, content=xml_of(request), headers=headers
            )
            return answer.status_code, answer.text
        return None, ""

    # -- the drop-in -----------------------------------------------------------------------------

    async def _forward(self, client: httpx.AsyncClient, inquiry: Inquiry) -> None:
        request, asked = inquiry.asked.request, inquiry.asked
        headers = credentials(request.agent) | {
            "requestId": asked.request_id,
            "Prefer": "wait=1",
        }
        place, inquiry.refused = "", "no answer"
        with suppress(*DEAD):
            answer = await self._dropin.request(
                request.method,
                self._program.dropin + request.path,
                content=xml_of(request),
                headers=headers,
            )
            place = answer.headers.get("location", "")
            words = (answer.headers.get(f"x-{name}", "") for name in ("outcome", "reason"))
            inquiry.refused = " ".join((str(answer.status_code), *words))
        id_ = place.rpartition("/v1/requests/")[2] or await self._found(client, asked)
        if id_:
            inquiry.id, inquiry.refused = id_, None
            inquiry.asked.mode = "forward"

    async def _found(self, client: httpx.AsyncClient, asked: Asked) -> str | None:
        """Look for a request whose answer never came: it may have been taken."""
        while True:
            with suppress(*DEAD):
                answer = await client.get(
                    "/v1/requests", params={"requestId": asked.request_id, "agent": asked.agent}
                )
                if answer.status_code == 200:
                    # Another request of the agent may have the same id: then ours is not tracked.
                    ours = (asked.request.requested_action, asked.request.dialog_id)
                    found = answer.json()["requests"]
                    ids = [r["id"] for r in found if (r["requestedAction"], r["dialogId"]) == ours]
                    return str(ids[0]) if ids else None
            await asyncio.sleep(AGAIN)


def credentials(agent: str) -> dict[str, str]:
    """Return the headers of a client of Finesse."""
    token = base64.b64encode(f"{agent}:{PASSWORD}".encode()).decode()
    return {"Authorization": f"Basic {token}", "Content-Type": "application/xml"}
