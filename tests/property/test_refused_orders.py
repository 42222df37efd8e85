"""However answers and refusals come in: fewer are in a row than lock an account in Finesse.

The REST side over a Finesse that is made up, in made-up time: each request is judged some time
after it left, its answer comes some time after that, in whatever order, and the password is
replaced there (and put back) at any moment. Finesse counts refusals in a row, as it does.
"""

from __future__ import annotations

import asyncio
import ssl
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import httpx
from hypothesis import given, settings, target
from hypothesis import strategies as st
from structlog.testing import capture_logs

from listener.errors import ListenerError
from listener.finesse import uris
from listener.rest import Basic, Rest
from listener.rest.callers import MOST_REFUSED
from listener.rest.flow import Raw
from tests.oracle.clock import VirtualLoop, run

AGENT, NODE = "1001", "https://finesse1.test:8445"
LOCKED = 5
TLS = ssl.create_default_context()  # nobody is reached; it takes long to make
UNAUTHORIZED = (
    b"<ApiErrors><ApiError><ErrorType>Authorization Failure</ErrorType></ApiError></ApiErrors>"
)
USER = b"<User><loginId>1001</loginId><state>READY</state></User>"
INFO = b"<SystemInfo><status>IN_SERVICE</status></SystemInfo>"
WHEN = st.sampled_from([0.0, 0.0, 0.0, 0.0, 0.5, 1.0])
LONG = st.sampled_from([0.1, 0.1, 0.3, 0.6, 1.2, 2.0])


@dataclass
class Way:
    """One request: when it begins, how long it takes there and back, and who answers."""

    kind: str
    after: float
    there: float
    back: float
    proxy: int | None  # a status of what stands before Finesse, which judges no login then


WAYS = st.builds(
    Way,
    kind=st.sampled_from([*["put"] * 6, "dialog", "user", "system_info", "sasl"]),
    after=WHEN,
    there=LONG,
    back=LONG,
    proxy=st.sampled_from([*[None] * 12, 401, 500, 302]),
)


@dataclass
class Finesse:
    """In place of `Line`: judges logins, and counts those that it refused in a row."""

    loop: VirtualLoop
    flips: list[float]
    ways: list[Way]
    in_a_row: int = 0
    most: int = 0
    shown: int = field(default=0)

    def judge(self) -> bool:
        """Say whether the password is right now."""
        now = self.loop.time() - 1000.0
        good = sum(flip <= now for flip in self.flips) % 2 == 0
        self.in_a_row = 0 if good else self.in_a_row + 1
        self.most = max(self.most, self.in_a_row)
        return good

    async def exchange(self, node: str, request: httpx.Request, _until: float, _sent: Any) -> Raw:
        """Answer a request as Finesse does."""
        way = self.ways[self.shown % len(self.ways)]
        self.shown += 1
        await asyncio.sleep(way.there)
        status, body = way.proxy, b""
        if "authorization" not in request.headers:
            status, body = 401, UNAUTHORIZED  # SystemInfo wants a login there
        elif status is None:
            status, body = self.answer(request) if self.judge() else (401, UNAUTHORIZED)
        await asyncio.sleep(way.back)
        return Raw(node, sent=True, status=status, body=body, whole=True)

    @staticmethod
    def answer(request: httpx.Request) -> tuple[int, bytes]:
        """Return what somebody hears who was let in."""
        if request.method == "PUT":
            return 202, b""
        if request.url.path == uris.SYSTEM_INFO:
            return 200, INFO
        return (200, USER) if "Dialog" not in request.url.path else (404, b"")

    async def aclose(self) -> None:
        """Nothing is open."""


async def one(rest: Rest, finesse: Finesse, number: int, way: Way, sasl: list[bool]) -> None:
    match way.kind:
        case "put":
            path = f"/finesse/api/Dialog/{number}"
            await rest.send(AGENT, method="PUT", path=path, body=b"<Dialog/>", request_id="r")
        case "dialogs":
            await rest.dialogs(AGENT)
        case "dialog":
            await rest.dialog(AGENT, "5")
        case "user":
            await rest.user(AGENT)
        case "system_info":
            with suppress(ListenerError):
                await rest.system_info(agent=AGENT)
        case "sasl" if not sasl:  # once it refused them it is not asked again
            if finesse.judge():
                rest.taken(AGENT)
            else:
                sasl.append(True)


async def played(loop: VirtualLoop, ways: list[Way], flips: list[float]) -> Finesse:
    finesse = Finesse(loop, flips, ways)
    rest = Rest([NODE], tls=TLS)
    rest._reach.line = rest._reach.how_it_is = finesse
    rest.refused = lambda agent, _why: rest.forget(agent)
    rest.set_credentials(AGENT, Basic(AGENT, "secret"))
    tasks, sasl = [], []
    for number, way in enumerate(ways):
        await asyncio.sleep(way.after)
        tasks.append(asyncio.create_task(one(rest, finesse, number, way, sasl)))
    await asyncio.gather(*tasks)
    await rest.aclose()
    finesse.in_a_row -= len(sasl)
    return finesse


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    ways=st.lists(WAYS, min_size=8, max_size=20),
    flips=st.lists(
        st.sampled_from([0.3, 0.6, 0.9, 1.2, 1.6, 2.0, 2.5, 4.0]), min_size=1, max_size=3
    ),
)
def test_whatever_the_order_of_answers_no_account_is_locked(ways, flips):
    with capture_logs():
        finesse = run(lambda loop: played(loop, ways, flips))
    target(float(finesse.most))
    assert finesse.most <= MOST_REFUSED + 1 < LOCKED
