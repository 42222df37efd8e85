"""A daemon that says what a test wants: the page's files and its GETs, without anything behind.

Speaks the page's own contract (listener.page); which requests there are, how fast events come and
when the connection goes is the test's business.
"""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request as Call
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route

import listener
from listener.web.server import WebServer

ASSETS = Path(listener.__file__).parent / "page" / "assets"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none';"
    " require-trusted-types-for 'script'; trusted-types 'none'"
)
CODE = "c" * 43
EPOCH = "5f0c1a2b"
BEGIN = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=30)
LANES = ["caller", "listener", "Finesse REST", "notification", "other agents"]
ERROR = {
    "errorType": "Invalid State",
    "errorMessage": "CF_INVALID_OBJECT_STATE",
    "errorData": "34",
    "peripheralErrorText": None,
    "family": "CF",
    "constant": "CF_INVALID_OBJECT_STATE",
    "meaning": "Object is in the wrong state for the request",
    "advice": "Look at the call's state and its allowed actions first.",
}


def stamp(seconds: float) -> str:
    """Return a time after the beginning, as the API writes it."""
    moment = BEGIN + timedelta(seconds=seconds)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def uuid(number: int) -> str:
    """Return the id of a request."""
    return f"0193a5c2-7c1e-7b1e-9f52-{number:012x}"


def row(number: int, kind: str | None = "confirmed", **given: Any) -> dict[str, Any]:
    """Return a request as the table gets it."""
    begun = number / 100
    return {
        "id": uuid(number),
        "requestId": f"r-{number}",
        "agent": f"{1001000 + number % 40}",
        "requestedAction": ("HOLD", "RETRIEVE", "MAKE_CALL", "SEND_DTMF")[number % 4],
        "dialogId": f"{16855000 + number // 4}",
        "askedBy": "crm",
        "state": "settled" if kind else "accepted",
        "submitted": stamp(begun),
        "sent": stamp(begun + 0.002),
        "answered": stamp(begun + 0.014),
        "settled": stamp(begun + 0.05) if kind else None,
        "kind": kind,
        "evidence": "request_id" if kind in {"confirmed", "failed"} else None,
        "reason": "deadline" if kind == "unconfirmed" else None,
        "status": 202,
        "stage": None,
        "waited": 0.05 if kind else None,
        "errors": ["CF_INVALID_OBJECT_STATE"] if kind == "failed" else [],
        "newDialog": None,
        "late": 0,
    } | given


def agent(number: int, *, live: bool = True, **given: Any) -> dict[str, Any]:
    """Return an agent's session."""
    return {
        "id": f"{1001000 + number}",
        "state": "up" if live else "down",
        "live": live,
        "node": "fin1",
        "since": stamp(number / 10),
        "origin": "configured",
        "lastGap": None,
        "lastError": None if live else "the server closed the stream",
    } | given


def story(told: dict[str, Any]) -> dict[str, Any]:
    """Return a short story of a request."""
    asked = {name: told[name] for name in ("id", "requestId", "agent", "requestedAction")}

    def step(number: int, after: float, kind: str, lanes: tuple[int, int], title: str) -> Any:
        return {
            "number": number,
            "at": stamp(after),
            "after": after,
            "kind": kind,
            "from": LANES[lanes[0]],
            "to": LANES[lanes[1]],
            "title": title,
            "lines": [],
            "proof": "request_id: it proves this request" if kind == "heard" else None,
            "bad": False,
            "good": kind == "outcome",
        }

    return {
        "subject": f"request {told['id']}",
        "source": "the daemon",
        "begin": told["submitted"],
        "masked": True,
        "requests": [asked | {"mayRepeat": "no need to send it again", "missing": None}],
        "steps": [
            step(1, 0.0, "asked", (0, 1), f"{told['requestedAction']} asked"),
            step(2, 0.002, "sent", (1, 2), f"{told['requestedAction']} sent"),
            step(3, 0.014, "answered", (2, 1), "202 Accepted: taken, not done"),
            step(4, 0.049, "heard", (3, 1), "dialog: participant ACTIVE -> HELD"),
            step(5, 0.05, "outcome", (1, 0), str(told["kind"])),
        ],
        "findings": [],
        "leftOut": {"requests": 0, "steps": 0},
        "notes": [],
        "lanes": LANES,
    }


def raw(payload: str) -> dict[str, Any]:
    """Return the XML of a request of which one notification was heard."""
    return {
        "masked": True,
        "since": stamp(0),
        "sent": {
            "method": "PUT",
            "path": "/finesse/api/Dialog/16855000",
            "requestId": "r-1",
            "at": stamp(1),
            "body": "<Dialog><requestedAction>HOLD</requestedAction></Dialog>",
        },
        "answer": {"status": 202, "at": stamp(1.01), "errors": []},
        "heard": [
            {
                "at": stamp(1.05),
                "agent": "1001001",
                "node": "/finesse/api/User/1001001/Dialogs",
                "itemId": "i1",
                "about": True,
                "payload": payload,
                "length": len(payload),
            }
        ],
        "leftOut": 0,
        "notes": [],
    }


@dataclass
class Scripted:
    """What the daemon knows, and what it tells. `url`: where the page is."""

    rows: dict[str, dict[str, Any]] = field(default_factory=dict)
    agents: dict[str, dict[str, Any]] = field(default_factory=dict)
    timeline: list[dict[str, Any]] = field(default_factory=list)
    errors: list[dict[str, Any]] = field(default_factory=list)
    payload: str = "<Update><event>PUT</event></Update>"
    story_more: dict[str, Any] = field(default_factory=dict)
    codes: list[str] = field(default_factory=lambda: [CODE])
    signed_in: bool = False
    numbers: bool = False
    notes: list[str] = field(default_factory=list)
    left_out: int = 0
    refuses_events: bool = False
    epoch: str = EPOCH
    url: str = ""
    asked: list[str] = field(default_factory=list)
    resumed: list[str | None] = field(default_factory=list)
    _told: list[tuple[int, bytes]] = field(default_factory=list)
    _number: int = 0
    _readers: list[asyncio.Queue[bytes | None]] = field(default_factory=list)

    # -- what a test does

    def add(self, *rows: dict[str, Any]) -> None:
        """Know requests without telling anybody."""
        self.rows |= {each["id"]: each for each in rows}

    def tell(self, name: str, data: dict[str, Any]) -> None:
        """Tell an event to all who read."""
        self._number += 1
        if name == "request":
            self.add(data)
        text = json.dumps({"at": stamp(0)} | data)
        frame = f"id: {self.epoch}-{self._number}\nevent: {name}\ndata: {text}\n\n".encode()
        self._told.append((self._number, frame))
        for reader in self._readers:
            reader.put_nowait(frame)

    @property
    def readers(self) -> int:
        """How many read the events now."""
        return len(self._readers)

    def cut(self) -> None:
        """End all streams."""
        for reader in self._readers:
            reader.put_nowait(None)

    def begin_anew(self) -> None:
        """Forget what was told, as a daemon without a journal does at a restart."""
        self.epoch, self._number, self._told = "00000002", 0, []

    # -- what the page asks

    def app(self) -> Starlette:
        """Return the application."""
        routes = [
            Route("/", self._index),
            Route("/page/assets/{name}", self._asset),
            Route("/page/session", self._session, methods=["GET", "POST"]),
            *(
                Route(f"/page/{name}", self._guarded(answer))
                for name, answer in {
                    "info": self._info,
                    "requests": self._requests,
                    "requests/{id}": self._request,
                    "story": self._story,
                    "raw": self._raw,
                    "agents": self._agents,
                    "timeline": self._timeline,
                    "summary": self._summary,
                    "events": self._events,
                }.items()
            ),
        ]
        return Starlette(routes=routes)

    def _guarded(self, answer: Any) -> Any:
        async def guarded(call: Call) -> Response:
            self.asked.append(f"{call.url.path}?{call.url.query}")
            if not self.signed_in or call.cookies.get("page") != "yes":
                return problem(401, "sign in")
            result = answer(call)
            return result if isinstance(result, Response) else JSONResponse(result)

        return guarded

    async def _index(self, _: Call) -> Response:
        return FileResponse(ASSETS / "index.html", headers={"Content-Security-Policy": POLICY})

    async def _asset(self, call: Call) -> Response:
        return FileResponse(
            ASSETS / call.path_params["name"], headers={"X-Content-Type-Options": "nosniff"}
        )

    async def _session(self, call: Call) -> Response:
        if call.method == "POST":
            code = (await call.json())["code"]
            if code not in self.codes:
                return problem(401, "This code was used already. Run listener page again.")
            self.codes.remove(code)
            self.signed_in = True
            answer = JSONResponse(self._scopes(), 201)
            answer.set_cookie("page", "yes", httponly=True, samesite="strict")
            return answer
        if not self.signed_in or call.cookies.get("page") != "yes":
            return problem(401, "sign in")
        return JSONResponse(self._scopes())

    def _scopes(self) -> dict[str, Any]:
        return {"scopes": ["read"], "numbers": self.numbers, "until": stamp(43_200)}

    def _info(self, _: Call) -> Any:
        live = sum(each["live"] for each in self.agents.values())
        moment = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        return {
            "version": "0.1.0",
            "deployment": "UCCE",
            "nodes": ["fin1", "fin2"],
            "started": stamp(0),
            "now": moment,
            "epoch": self.epoch,
            "draining": False,
            "pending": sum(each["kind"] is None for each in self.rows.values()),
            "agents": {"held": len(self.agents), "up": live},
            "ready": True,
            "reasons": [],
            "journal": None,
        }

    def _requests(self, call: Call) -> Any:
        given = call.query_params
        found = sorted(self.rows.values(), key=lambda each: each["id"], reverse=True)
        if before := given.get("before"):
            found = [each for each in found if each["id"] < before]
        for name in ("agent", "dialogId", "requestId"):
            if name in given:
                found = [each for each in found if each[name] == given[name]]
        if q := given.get("q"):
            names = ("id", "requestId", "agent", "dialogId")
            found = [each for each in found if any(q in (each[name] or "") for name in names)]
        limit = int(given.get("limit", "200"))
        more = found[limit - 1]["id"] if len(found) > limit else None
        return {"requests": found[:limit], "next": more, "notes": self.notes}

    def _request(self, call: Call) -> Any:
        told = self.rows.get(call.path_params["id"])
        if told is None:
            return problem(404, "no such request")
        more = {"errorsTold": [ERROR] if told["errors"] else [], "warnings": [], "lateNotes": []}
        return told | more | {"seen": [], "window": None}

    def _story(self, call: Call) -> Any:
        told = self.rows.get(call.query_params["request"])
        return problem(404, "nothing known") if told is None else story(told) | self.story_more

    def _raw(self, _: Call) -> Any:
        return raw(self.payload)

    def _agents(self, _: Call) -> Any:
        return {"agents": [*self.agents.values()]}

    def _timeline(self, _: Call) -> Any:
        known = {"since": stamp(-1800), "known": stamp(0)}
        return known | {"agents": self.timeline, "leftOut": self.left_out}

    def _summary(self, _: Call) -> Any:
        return {"since": stamp(0), "complete": True, "actions": [], "errors": self.errors}

    def _events(self, call: Call) -> Response:
        if self.refuses_events:
            return problem(503, "too many read already")
        after = call.headers.get("last-event-id") or call.query_params.get("after")
        self.resumed.append(after)
        return StreamingResponse(self._stream(after), media_type="text/event-stream")

    async def _stream(self, after: str | None) -> AsyncIterator[bytes]:
        mine: asyncio.Queue[bytes | None] = asyncio.Queue()
        begin = b"retry: 100\n"
        epoch, _, number = (after or "").rpartition("-")
        if after and epoch != self.epoch:
            yield begin + b'event: reset\ndata: {"reason": "gone", "after": "x"}\n\n'
        elif after:
            for sequence, frame in self._told:
                if sequence > int(number):
                    mine.put_nowait(frame)
        self._readers.append(mine)
        try:
            yield begin + f"id: {after or f'{self.epoch}-{self._number}'}\n\n".encode()
            while (frame := await mine.get()) is not None:
                yield frame
        finally:
            self._readers.remove(mine)

    # -- where it is served

    @asynccontextmanager
    async def served(self) -> AsyncIterator[None]:
        """Serve it at a free port."""
        sock = socket.socket()
        sock.bind(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{sock.getsockname()[1]}"
        server = WebServer(self.app(), [sock], name="scripted")
        await server.start()
        try:
            yield
        finally:
            self.cut()
            await server.close(0.2)


def problem(status: int, detail: str) -> Response:
    """Return a refusal."""
    told = {"type": "urn:x", "title": "No", "status": status, "detail": detail}
    return JSONResponse(told, status, media_type="application/problem+json")
