"""Whatever bytes come as body, path or header: a clear answer, no fault, and no secret told."""

from __future__ import annotations

import asyncio
import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.shell.api_rig import DTMF, HOLD, NOBODY, PREFIX, Rig

if TYPE_CHECKING:
    from collections.abc import Iterator

SECRET = "7531902"
GOOD = {200, 201, 202, 204}
REFUSED = {400, 404, 405, 414, 415, 422}

bounded = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
names = st.sampled_from([*DTMF, "mediaProperties", "callvariables", "requestId", "deadline", "x"])
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.just(SECRET) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=8,
)
# Who and what is asked for are told by their names; the secret is looked for everywhere else.
NAMED = {"agent", "requestedAction"}
changes = st.dictionaries(names.filter(lambda name: name not in NAMED), values, max_size=4)


class Bench:
    """A rig in a loop of its own."""

    def __init__(self) -> None:
        self._runner = asyncio.Runner()
        self._runner.run(self._begin())

    async def _begin(self) -> None:
        self.rig = Rig()
        self.rig.up()
        self.rig.chronicle.close()

    def send(self, method: str, raw_path: bytes, body: bytes, **headers: str) -> Any:
        async def sent() -> Any:
            path, _, query = raw_path.partition(b"?")
            call = self.rig.call(method, "/", query=query.decode("latin-1"), **headers)
            call.scope |= {"raw_path": path, "path": _decoded(path)}
            call._body[0]["body"] = body
            await call.task
            return call

        call = self._runner.run(sent())
        self.check(call)
        return call

    @staticmethod
    def check(call: Any) -> None:
        assert call.status in GOOD | REFUSED, (call.status, call.raw)
        if call.status in REFUSED:
            told = json.loads(call.raw)
            assert told["type"].startswith(PREFIX)
            assert told["status"] == call.status
            assert len(call.raw) < 4_000
        assert not re.search(r"[\x00-\x1f]", "".join(call.headers.values()))

    def close(self) -> None:
        self._runner.run(self.rig.service.close())
        self._runner.close()


def _decoded(path: bytes) -> str:
    """Return a path as servers hand it on (uvicorn: unquoted, what is no UTF-8 replaced)."""
    from urllib.parse import unquote  # noqa: PLC0415  the one use

    return unquote(path.decode("latin-1"))


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    it = Bench()
    yield it
    it.close()


@given(st.binary(max_size=200) | st.text(max_size=100).map(lambda text: text.encode("utf-8")))
@example(b'{"a":' * 1000)
@bounded
def test_any_bytes_as_body(bench: Bench, body: bytes) -> None:
    for path in (b"/v1/requests", b"/v1/forget"):
        call = bench.send("POST", path, body, content_type="application/json")
        assert call.status in {400, 422}


@given(changes)
@bounded
def test_secret_in_a_body_is_never_told(bench: Bench, change: dict[str, Any]) -> None:
    body = json.dumps(DTMF | {"dtmfString": SECRET} | change).encode()
    call = bench.send("POST", b"/v1/requests", body, content_type="application/json")
    told = json.loads(call.raw)
    told.pop("requestId", None)  # of all that is sent, this alone is given back
    told.pop("dialogId", None)
    assert SECRET not in json.dumps(told)


@given(st.binary(max_size=60), st.sampled_from(["GET", "PUT", "PATCH", "DELETE", "POST", "X"]))
@example(b"%", "GET")
@example(b"%2", "GET")
@example(b"%00", "DELETE")
@example(b"\xff", "PUT")
@bounded
def test_any_bytes_as_id(bench: Bench, id_: bytes, method: str) -> None:
    body = json.dumps({"password": SECRET, "status": 202}).encode()
    for place in (
        b"/v1/requests/",
        b"/v1/expectations/",
        b"/v1/agents/",
        b"/v1/errors/",
        b"/docs/",
    ):
        bench.send(method, place + id_, body, content_type="application/json")


@given(st.text(st.characters(max_codepoint=255), max_size=60))
@example("wait=" + "9" * 5000)
@example('"' * 1000)
@example("wait=1" + ",wait=1" * 500)
@bounded
def test_anything_as_header(bench: Bench, value: str) -> None:
    latin = value.encode("latin-1").decode("latin-1")
    body = json.dumps(HOLD | {"agent": "nobody"}).encode()
    for name in ("prefer", "idempotency_key", "content_type", "content_encoding"):
        headers = {"content_type": "application/json"} | {name: latin}
        bench.send("POST", b"/v1/requests", body, **headers)
    bench.send("GET", f"/v1/requests/{NOBODY}".encode(), b"", prefer=latin)
    bench.send("GET", b"/v1/events", b"", last_event_id=latin)


@given(st.binary(max_size=60))
@bounded
def test_any_bytes_as_query(bench: Bench, query: bytes) -> None:
    for place in (b"/v1/requests?", b"/v1/events?", b"/v1/errors/34?", b"/v1/requests?agent="):
        bench.send("GET", place + query, b"")
